//! How a book is laid out: the front matter, the attributes of blocks, the visible lines, the numbers of steps and those that
//! decisions name. Everything else is prose and stays as it is, byte for byte.

use std::ops::Range;

use super::{
    Work,
    outline::RawItem,
    parse::{DraftBook, drafted},
    read_step::Draft,
    visible,
};

/// The text as it should be laid out. What could not be understood is left as it is.
#[must_use]
pub fn format(text: &str) -> String {
    let (draft, _) = drafted("", text);
    formatted(&draft)
}

pub(super) fn formatted(draft: &DraftBook<'_>) -> String {
    let mut edits = Vec::new();
    if let Some(header) = &draft.header {
        let (start, end) = (4, header.end);
        let tidy: String = draft.text[start..end].split_inclusive('\n').map(tidy_line).collect();
        edits.push((start..end, tidy));
    }
    for (index, step) in draft.steps.iter().enumerate() {
        step_edits(draft, step, index + 1, &mut edits);
    }
    apply(draft.text, edits)
}

fn apply(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let (mut formatted, mut at) = (String::with_capacity(text.len() + 256), 0);
    for (range, written) in edits {
        if range.start < at {
            continue;
        }
        formatted.push_str(&text[at..range.start]);
        formatted.push_str(&written);
        at = range.end;
    }
    formatted.push_str(&text[at..]);
    formatted
}

/// A line of the front matter with one space where one belongs. A line with a comment stays as it is.
fn tidy_line(line: &str) -> String {
    let written = line.trim_end();
    let ending = if line.ends_with('\n') { "\n" } else { "" };
    let trimmed = written.trim_start();
    if trimmed.contains(" #") || trimmed.starts_with('#') || written == "---" {
        return format!("{written}{ending}");
    }
    if let Some(item) = trimmed.strip_prefix("- ") {
        return format!("  - {}{ending}", item.trim_start());
    }
    let key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match written.split_once(':') {
        Some((name, rest)) if key(name.trim_end()) => {
            let value = rest.trim();
            let space = if value.is_empty() { "" } else { " " };
            format!("{}:{space}{}{ending}", name.trim_end(), tidy_list(value))
        }
        _ => format!("{written}{ending}"),
    }
}

fn tidy_list(value: &str) -> String {
    match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) if !inside.contains(['"', '\'', '[', ']']) => {
            let items: Vec<&str> = inside.split(',').map(str::trim).collect();
            format!("[{}]", items.join(", "))
        }
        _ => value.to_owned(),
    }
}

fn step_edits(draft: &DraftBook<'_>, found: &Draft, number: usize, edits: &mut Vec<(Range<usize>, String)>) {
    let (text, raw) = (draft.text, &found.raw);
    let heading = text[raw.at..raw.heading_end].trim_end();
    if heading.starts_with("### ") && !raw.title.is_empty() {
        edits.push((raw.at..raw.at + heading.len(), format!("### {number}. {}", raw.title)));
    }
    if let Some(step) = &found.step {
        let line = visible::line(step);
        match visible::written(text, raw) {
            Some(range) => edits.push((range, line)),
            None => {
                let at = raw.heading_end.min(raw.end);
                let before = if text[..at].ends_with('\n') { "" } else { "\n" };
                let rest = &text[at..];
                // On a code host a blank line ends the paragraph; a block may follow at once.
                let (lead, after) = match rest.strip_prefix('\n') {
                    Some(_) => ("\n", ""),
                    None if rest.starts_with("```") || rest.is_empty() => ("", ""),
                    None => ("", "\n"),
                };
                edits.push((at..at, format!("{before}{lead}{line}\n{after}")));
            }
        }
        if let Work::Decision { .. } = &step.work {
            edits.extend(raw.items.iter().filter_map(|item| target(draft, item)));
        }
    }
    if let Some(block) = found.block.as_ref().filter(|block| block.attributes.complete) {
        let mut attributes = block.attributes.clone();
        let info = &text[block.fence.info.clone()];
        if attributes.get("interactive").is_none() {
            attributes.set("interactive", "false");
        }
        if !matches!(attributes.text("kind"), Some("check" | "wait")) {
            attributes.set("excludeFromRunAll", "true");
        }
        let written = match super::attributes::extent(info) {
            Some(extent) => format!("{}{}{}", &info[..extent.start], attributes.written(), &info[extent.end..]),
            None => format!("{info} {}", attributes.written()),
        };
        edits.push((block.fence.info.clone(), written));
    }
}

/// The place of a box that names a step, with the number that the step has now.
fn target(draft: &DraftBook<'_>, item: &RawItem) -> Option<(Range<usize>, String)> {
    let written = draft.text.get(item.at..item.end)?;
    let start = written.rfind('→')? + '→'.len_utf8();
    let rest = written[start..].trim_end();
    let name = match rest.trim().strip_prefix("step ") {
        Some(step) => step.split_once('(')?.1.strip_suffix(')')?,
        None => rest.trim(),
    };
    let number = draft.steps.iter().position(|step| step.name == name)? + 1;
    let range = item.at + start..item.at + start + rest.len();
    (!rest.contains('\n')).then(|| (range, format!(" step {number} ({name})")))
}
