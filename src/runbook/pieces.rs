//! What stands in a step beside its heading: the block that runs, examples, attributes, warnings, prose.

use super::{
    attributes::{Attributes, attributes},
    finding::Notes,
    outline::{Fence, RawStep},
    visible,
};

/// The block of a step that runs, with its attributes.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) fence: Fence,
    pub(super) attributes: Attributes,
}

/// A name made of a heading.
pub(super) fn slug(title: &str) -> String {
    let mut slug = String::new();
    for letter in title.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    let slug = slug.get(..48).unwrap_or(slug).trim_end_matches('-');
    if slug.is_empty() { "step".to_owned() } else { slug.to_owned() }
}

/// What stands beside the block: a sample of what it prints, and why it is run.
#[derive(Default)]
pub(super) struct Extra {
    pub(super) sample: Option<String>,
    pub(super) explain: Option<String>,
}

/// The attributes of a step, its block, and what stands beside it.
pub(super) fn blocks(raw: &RawStep, place: &str, text: &str, notes: &mut Notes) -> (Attributes, Option<Block>, Extra) {
    let (mut block, mut extra): (Option<Block>, _) = (None, Extra::default());
    for fence in &raw.fences {
        let info = &text[fence.info.clone()];
        let before = notes.has_errors();
        let found = attributes(info, fence.info.start, notes);
        let broken = found.is_none() && info.contains('{') && (notes.has_errors() || before);
        let found = found.unwrap_or_else(|| Attributes {
            entries: Vec::new(),
            at: fence.at,
            complete: !info.contains(['{', '}']),
        });
        if found.is("ignore", "true") {
            match found.text("is") {
                Some("expect") => extra.sample = Some(fence.body.clone()),
                Some("explain") => extra.explain = Some(fence.body.clone()),
                _ => {}
            }
        } else if broken {
            block.get_or_insert(Block { fence: fence.clone(), attributes: found });
        } else if !matches!(info.split_whitespace().next(), Some("sh" | "bash")) {
            let expected = "```sh for what runs, {\"ignore\":\"true\"} in the info string of what does not";
            notes.error("block", fence.at, place, "the block is neither a command nor marked as an example", expected);
        } else if block.is_some() {
            notes.error("block", fence.at, place, "the step has two commands", "a step of its own for each");
        } else {
            block = Some(Block { fence: fence.clone(), attributes: found });
        }
    }
    if let Some(found) = &block {
        return (found.attributes.clone(), block, extra);
    }
    let comment = raw.comments.iter().find(|range| text[(*range).clone()].contains('{'));
    let found = comment.and_then(|range| attributes(&text[range.clone()], range.start, notes));
    (found.unwrap_or(Attributes { entries: Vec::new(), at: raw.at, complete: false }), None, extra)
}

/// What a step says beside its visible line, its block, its attributes and its boxes.
pub(super) fn prose(raw: &RawStep, text: &str) -> String {
    let mut cuts: Vec<_> = raw.fences.iter().map(|fence| fence.at..fence.end).collect();
    cuts.extend(raw.comments.iter().cloned());
    cuts.extend(raw.alerts.iter().cloned());
    cuts.extend(visible::written(text, raw));
    for item in &raw.items {
        let start = text[..item.at].rfind('\n').map_or(0, |place| place + 1);
        cuts.push(start..item.end);
    }
    cuts.sort_by_key(|cut| cut.start);
    let (mut left, mut at) = (String::new(), raw.heading_end.min(raw.end));
    for cut in cuts {
        left.push_str(text.get(at..cut.start).unwrap_or_default());
        at = at.max(cut.end);
    }
    left.push_str(text.get(at..raw.end).unwrap_or_default());
    let mut lines: Vec<&str> = left.lines().map(str::trim_end).collect();
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    lines.join("\n").trim().to_owned()
}

/// The text of a warning without its marks.
pub(super) fn alert(quoted: &str) -> String {
    let lines = quoted.lines().map(|line| line.trim_start().trim_start_matches('>').trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("[!")).collect();
    lines.join(" ")
}
