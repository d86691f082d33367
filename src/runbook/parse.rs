//! From the text of a file to a book, or to everything that is wrong with it.

use sha2::{Digest, Sha256};

use super::{
    FrontMatter, Runbook, Section, SectionKind, Step,
    finding::{Finding, Notes},
    format,
    front::front_matter,
    header::{self, Header, header},
    outline::{Fence, outline},
    read_step::{Draft, Shared, read_step},
    rules,
};
use crate::platform::{Role, nearest};

/// Longest file that is read, in bytes.
pub const LONGEST: usize = 1 << 20;

/// What came of reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The book; none when an error was found.
    pub runbook: Option<Runbook>,
    /// All that was found in the text itself, in its order.
    pub findings: Vec<Finding>,
}

/// A book as far as it could be read.
pub(super) struct DraftBook<'t> {
    pub(super) text: &'t str,
    pub(super) header: Option<Header>,
    pub(super) front: Option<FrontMatter>,
    pub(super) sections: Vec<DraftSection>,
    pub(super) steps: Vec<Draft>,
}

pub(super) struct DraftSection {
    /// None when there is no such section.
    pub(super) kind: Option<SectionKind>,
    pub(super) at: usize,
    pub(super) text: String,
}

/// Reads a book. `file` is only told in findings.
#[must_use]
pub fn read(file: &str, text: &str) -> Reading {
    let (draft, mut notes) = drafted(file, text);
    rules::check(&draft, &mut notes);
    let runbook = if notes.has_errors() { None } else { assemble(&draft) };
    Reading { runbook, findings: notes.into_findings() }
}

/// The same for bytes that may be no text.
#[must_use]
pub fn read_bytes(file: &str, bytes: &[u8]) -> Reading {
    let mut notes = Notes::new(file, "");
    if bytes.len() > LONGEST {
        notes.error("text", 0, "", "the file is too long", "at most 1 MiB");
    } else {
        match std::str::from_utf8(bytes) {
            Ok(text) => return read(file, text),
            Err(_) => notes.error("text", 0, "", "the file is no text in UTF-8", "Markdown in UTF-8"),
        }
    }
    Reading { runbook: None, findings: notes.into_findings() }
}

/// Reads as much as can be, and notes what cannot.
pub(super) fn drafted<'t>(file: &str, text: &'t str) -> (DraftBook<'t>, Notes) {
    let mut notes = Notes::new(file, text);
    if let Some((at, letter)) =
        text.char_indices().find(|(_, c)| (c.is_control() && *c != '\n' && *c != '\t') || *c == '\u{feff}')
    {
        let expected = "letters, tabs, and line feeds at the ends of lines";
        notes.error("text", at, "", format!("the control character U+{:04X}", u32::from(letter)), expected);
    }
    let header = header(text, &mut notes);
    let front = header.as_ref().and_then(|header| front_matter(header, &mut notes));
    let shared = Shared { text, min_role: front.as_ref().map_or(Role::Engineer, |front| front.min_role) };
    let outline = outline(text, header.as_ref().map_or(0, |header| header.end));
    examples(&outline.fences, text, &mut notes);
    let (mut sections, mut steps) = (Vec::new(), Vec::new());
    let mut last = SectionKind::Scenario;
    for raw in outline.sections {
        let kind = SectionKind::ALL.into_iter().find(|kind| kind.title() == raw.title);
        if kind.is_none() {
            let titles = SectionKind::ALL.map(SectionKind::title);
            let what = format!("{:?} is none of the nine sections", raw.title);
            let known = if nearest(&raw.title, titles).is_some() { titles.to_vec() } else { Vec::new() };
            notes.unknown("section", raw.at, &raw.title, &what, &raw.title, known);
        }
        last = kind.unwrap_or(last);
        examples(&raw.fences, text, &mut notes);
        let prose = text.get(raw.text.clone()).unwrap_or_default().trim().to_owned();
        sections.push(DraftSection { kind, at: raw.at, text: prose });
        for step in raw.steps {
            let number = steps.len() + 1;
            steps.push(read_step(step, last, number, &shared, &mut notes));
        }
    }
    (DraftBook { text, header, front, sections, steps }, notes)
}

/// Blocks outside of steps never run, and say so to other programs.
fn examples(fences: &[Fence], text: &str, notes: &mut Notes) {
    for fence in fences {
        let found = super::attributes::attributes(&text[fence.info.clone()], fence.info.start, notes);
        if !found.is_some_and(|found| found.is("ignore", "true")) {
            let expected = "{\"ignore\":\"true\"} in its info string, or a step around it";
            notes.error("block", fence.at, "", "a block outside of a step", expected);
        }
    }
}

fn assemble(draft: &DraftBook<'_>) -> Option<Runbook> {
    let mut sections: Vec<Section> = draft
        .sections
        .iter()
        .filter_map(|section| Some(Section { kind: section.kind?, text: section.text.clone(), steps: Vec::new() }))
        .collect();
    for found in &draft.steps {
        let mut step = found.step.clone()?;
        step.hash = step_hash(&step)?;
        sections.iter_mut().find(|section| section.kind == found.section)?.steps.push(step);
    }
    let hash = text_hash(&format::formatted(draft));
    Some(Runbook { front: draft.front.clone()?, hash, sections })
}

/// SHA-256 of a formatted book without the lines of its front matter that say who proved or reviewed it and when.
fn text_hash(text: &str) -> String {
    let (last, _) = header::bounds(text).unwrap_or((0, 0));
    let mut hash = Sha256::new();
    for line in text[..last].split_inclusive('\n') {
        if !line.starts_with("verified_") && !line.starts_with("reviewed_") {
            hash.update(line);
        }
    }
    hash.update(&text[last..]);
    hex::encode(hash.finalize())
}

/// SHA-256 of what a step says, wherever it stands.
fn step_hash(step: &Step) -> Option<String> {
    let meant = Step { number: 0, line: 0, hash: String::new(), ..step.clone() };
    let text = serde_json_canonicalizer::to_vec(&meant).ok()?;
    Some(hex::encode(Sha256::new_with_prefix(b"codeblue-runbook-step-v1\n").chain_update(text).finalize()))
}
