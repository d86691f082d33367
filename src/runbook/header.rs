//! The front matter: flat YAML between two lines of `---`, of scalars and lists of scalars and nothing else, so that a code
//! host shows it as one table and nobody has to know YAML.

use super::finding::Notes;

const RULE: &str = "front-matter";

/// A value, and the byte of the file where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) text: String,
    pub(super) at: usize,
}

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    One(Spot),
    Many(Vec<Spot>),
}

/// One key of the front matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: usize,
    pub(super) value: Value,
}

/// The front matter as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) entries: Vec<Entry>,
    /// The first byte after its closing line.
    pub(super) end: usize,
}

/// Where the lines between the two `---` end, and the first byte after the closing one.
pub(super) fn bounds(text: &str) -> Option<(usize, usize)> {
    let mut at = text.strip_prefix("---\n").map(|_| 4)?;
    for line in text[4..].split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((at, at + line.len()));
        }
        at += line.len();
    }
    None
}

/// Reads the front matter; none when there is no such thing.
pub(super) fn header(text: &str, notes: &mut Notes) -> Option<Header> {
    let Some((last, end)) = bounds(text) else {
        let expected = "a first line \"---\", fields such as \"title: Database down\", and a line \"---\"";
        notes.error(RULE, 0, "", "the file has no front matter", expected);
        return None;
    };
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 4;
    for line in text[4..last].split_inclusive('\n') {
        let written = line.trim_end();
        let trimmed = written.trim_start();
        let indent = written.len() - trimmed.len();
        if trimmed.is_empty() || trimmed.starts_with('#') {
        } else if let Some(item) = trimmed.strip_prefix("- ") {
            item_of(&mut entries, item, at + written.len() - item.len(), notes);
        } else if indent > 0 {
            notes.error(RULE, at + indent, "", "it is indented", "a field at the beginning of the line, or \"- ITEM\"");
        } else {
            entry_of(&mut entries, written, at, notes);
        }
        at += line.len();
    }
    Some(Header { entries, end })
}

fn item_of(entries: &mut [Entry], item: &str, at: usize, notes: &mut Notes) {
    let Some(entry) = entries.last_mut() else {
        notes.error(RULE, at, "", "an item of no list", "a field such as \"inputs:\" above it");
        return;
    };
    let Some(spot) = scalar(item, at, notes) else { return };
    match &mut entry.value {
        Value::Many(items) => items.push(spot),
        Value::One(one) if one.text.is_empty() => entry.value = Value::Many(vec![spot]),
        Value::One(_) => notes.error(RULE, at, &entry.key, "it has a value and items", "the one or the other"),
    }
}

fn entry_of(entries: &mut Vec<Entry>, line: &str, at: usize, notes: &mut Notes) {
    let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let Some((key, rest)) = line.split_once(':').filter(|(key, _)| is_key(key.trim_end())) else {
        notes.error(RULE, at, "", "it is no field", "a field such as \"title: Database down\"");
        return;
    };
    let value_at = at + line.len() - rest.trim_start().len();
    let rest = rest.trim();
    let key = key.trim_end();
    if entries.iter().any(|entry| entry.key == key) {
        notes.error(RULE, at, key, "it is given twice", "each field once");
        return;
    }
    let value = match without_comment(rest).strip_prefix('[') {
        Some(list) => flow(list, value_at + 1, notes),
        None if without_comment(rest).is_empty() => Some(Value::One(Spot { text: String::new(), at: value_at })),
        None => scalar(rest, value_at, notes).map(Value::One),
    };
    if let Some(value) = value {
        entries.push(Entry { key: key.to_owned(), at, value });
    }
}

/// The items of `a, b, "c, d"]`.
fn flow(list: &str, at: usize, notes: &mut Notes) -> Option<Value> {
    let Some(inside) = list.strip_suffix(']') else {
        notes.error(RULE, at - 1, "", "the list is not closed", "a list on one line, such as [records-db, auth]");
        return None;
    };
    let (mut items, mut start, mut quote) = (Vec::new(), 0, None);
    let mut pieces = Vec::new();
    for (place, letter) in inside.char_indices() {
        match (quote, letter) {
            (None, '"' | '\'') if inside[start..place].trim().is_empty() => quote = Some(letter),
            (Some(open), letter) if letter == open => quote = None,
            (None, ',') => {
                pieces.push((start, &inside[start..place]));
                start = place + 1;
            }
            _ => {}
        }
    }
    pieces.push((start, &inside[start..]));
    let last = pieces.len() - 1;
    for (index, (start, piece)) in pieces.into_iter().enumerate() {
        let lead = piece.len() - piece.trim_start().len();
        if piece.trim().is_empty() {
            if index != last {
                notes.error(RULE, at + start, "", "an item of the list is empty", "names between the commas");
            }
            continue;
        }
        items.push(scalar(piece.trim(), at + start + lead, notes)?);
    }
    Some(Value::Many(items))
}

fn without_comment(text: &str) -> &str {
    text.find(" #").map_or(text, |place| &text[..place]).trim_end()
}

/// One value, with its quotation marks and a comment after it taken away.
fn scalar(text: &str, at: usize, notes: &mut Notes) -> Option<Spot> {
    let expected = "a plain value, or one in quotation marks";
    for quote in ['"', '\''] {
        let Some(rest) = text.strip_prefix(quote) else { continue };
        let Some((value, after)) = rest.split_once(quote) else {
            notes.error(RULE, at, "", "a quotation mark is not closed", expected);
            return None;
        };
        if !without_comment(&format!(" {after}")).trim().is_empty() || value.contains('\\') {
            notes.error(RULE, at, "", "quotation marks or backslashes inside a value", expected);
            return None;
        }
        return Some(Spot { text: value.to_owned(), at: at + 1 });
    }
    let value = without_comment(text);
    let special = value.starts_with(['{', '}', '&', '*', '!', '|', '>', '%', '@', '`', '[', ']', '?']);
    if special || value.contains(": ") || value.ends_with(':') {
        notes.error(RULE, at, "", "this means something else in YAML", "the value in quotation marks");
        return None;
    }
    Some(Spot { text: value.to_owned(), at })
}
