//! The attributes of a fence, by the rule of runme: what stands in its info string between the first `{` that no `}` follows and
//! the first `}` is one JSON object of strings. The second form that runme knows, `{ key=value }`, is not used here, because
//! it has no quotation. Source: <https://docs.runme.dev/configuration/cell-level>.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{finding::Notes, header::Spot};

const RULE: &str = "attributes";

/// The order in which attributes are written: who and what first, what only other programs read last.
pub(super) const ORDER: [&str; 30] = [
    "name",
    "kind",
    "effect",
    "role",
    "approval",
    "confirm",
    "when",
    "needs",
    "doneIf",
    "timeout",
    "expect",
    "retry",
    "onFail",
    "onTimeout",
    "onSkip",
    "then",
    "verify",
    "undo",
    "once",
    "idempotent",
    "budget",
    "sets",
    "evidence",
    "drill",
    "for",
    "is",
    "parallel",
    "ignore",
    "interactive",
    "excludeFromRunAll",
];

/// Keys of runme that mean nothing to a run.
pub(super) const RUNME: [&str; 12] = [
    "background",
    "category",
    "closeTerminalOnSuccess",
    "cwd",
    "id",
    "interpreter",
    "mimetype",
    "promptEnv",
    "tag",
    "terminalRows",
    "transform",
    "parallel",
];

/// Where the attributes stand in an info string, braces included.
pub(super) fn extent(info: &str) -> Option<Range<usize>> {
    let bytes = info.as_bytes();
    let end = bytes.iter().position(|byte| *byte == b'}')?;
    let start = (0..end).find(|place| bytes[*place] == b'{' && bytes.get(place + 1) != Some(&b'}'))?;
    Some(start..end + 1)
}

/// Attributes with their places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Attributes {
    pub(super) entries: Vec<(String, Spot)>,
    /// Where they begin.
    pub(super) at: usize,
    /// Whether all that is written was read, so that writing it again loses nothing.
    pub(super) complete: bool,
}

impl Attributes {
    pub(super) fn get(&self, key: &str) -> Option<&Spot> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, spot)| spot)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).map(|spot| spot.text.as_str())
    }

    pub(super) fn is(&self, key: &str, value: &str) -> bool {
        self.text(key) == Some(value)
    }

    /// Adds one, or gives one that is there another value.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        match self.entries.iter_mut().find(|(name, _)| name == key) {
            Some((_, spot)) => value.clone_into(&mut spot.text),
            None => self.entries.push((key.to_owned(), Spot { text: value.to_owned(), at: self.at })),
        }
    }

    /// As `fmt` writes them.
    pub(super) fn written(&self) -> String {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key).unwrap_or(ORDER.len()));
        let map: Map<String, Value> =
            entries.into_iter().map(|(key, spot)| (key.clone(), Value::String(spot.text.clone()))).collect();
        Value::Object(map).to_string()
    }
}

/// Reads the attributes in an info string that begins at a byte of the file; none when it has none, or they are wrong.
pub(super) fn attributes(info: &str, at: usize, notes: &mut Notes) -> Option<Attributes> {
    let expected = "one JSON object of strings on the line, such as {\"name\":\"pool-state\",\"kind\":\"check\"}";
    let Some(extent) = extent(info) else {
        if info.contains(['{', '}']) {
            notes.error(RULE, at, "", "the attributes are not closed", expected);
        }
        return None;
    };
    let at = at + extent.start;
    let written = &info[extent.clone()];
    match serde_json::from_str::<Map<String, Value>>(written) {
        Ok(_) if info[extent.end..].contains('}') => {
            let what = "attributes hold a \"}\", at which runme stops reading";
            notes.error(
                "attribute-brace",
                at,
                "",
                what,
                "values without braces; put long patterns into a block of their own",
            );
            None
        }
        Ok(map) => {
            let mut found = Attributes { entries: Vec::new(), at, complete: true };
            for (key, value) in map {
                let place = written.find(&Value::String(key.clone()).to_string()).map_or(at, |place| at + place);
                match value {
                    Value::String(text) if text.contains(['{', '}']) => {
                        found.complete = false;
                        notes.error(
                            "attribute-brace",
                            place,
                            "",
                            format!("{key:?} holds a brace"),
                            "a value without braces",
                        );
                    }
                    Value::String(text) => found.entries.push((key, Spot { text, at: place })),
                    other => {
                        found.complete = false;
                        let expected = format!("a text: \"{key}\":\"{}\"", other.to_string().trim_matches('"'));
                        notes.error(RULE, place, "", format!("{key:?} is no text"), expected);
                    }
                }
            }
            Some(found)
        }
        Err(_) if info[extent.end..].contains('}') => {
            let what = "attributes hold a \"}\", at which runme stops reading";
            notes.error(
                "attribute-brace",
                at,
                "",
                what,
                "values without braces; put long patterns into a block of their own",
            );
            None
        }
        Err(error) => {
            notes.error(RULE, at, "", format!("the attributes are not read: {error}"), expected);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(info: &str) -> (Option<Attributes>, usize) {
        let mut notes = Notes::new("book.md", info);
        let found = attributes(info, 0, &mut notes);
        (found, notes.into_findings().len())
    }

    #[test]
    fn the_extent_is_runmes_first_brace_to_first_brace() {
        let cases = [
            ("sh {\"name\":\"a\"}", Some("{\"name\":\"a\"}")),
            ("sh {} {\"name\":\"a\"}", None),
            ("sh { name=a } more", Some("{ name=a }")),
            ("sh {\"expect\":{\"exit\":\"0\"}}", Some("{\"expect\":{\"exit\":\"0\"}")),
            ("sh } {\"name\":\"a\"}", None),
            ("sh", None),
            ("sh {", None),
        ];
        for (info, expected) in cases {
            assert_eq!(extent(info).map(|extent| &info[extent]), expected, "{info}");
        }
    }

    #[test]
    fn what_runme_would_read_as_something_else_is_an_error() {
        let (found, problems) = read("sh {\"name\":\"a\",\"timeout\":\"10s\"}");
        assert_eq!((found.unwrap().text("timeout"), problems), (Some("10s"), 0));
        for wrong in [
            "sh {\"expect\":\"stdout~a{2}\"}",
            "sh {\"n\":{\"a\":\"b\"}}",
            "sh {\"n\":1}",
            "sh {name=a}",
            "sh {\"n\":\"a",
        ] {
            assert_eq!(read(wrong).1, 1, "{wrong}");
        }
    }
}
