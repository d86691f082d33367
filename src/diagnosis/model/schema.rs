//! The form of an answer, within what every server that knows JSON Schema understands: all properties required, null in place
//! of optional ones, none beyond them, no limits on numbers or lengths.

use serde_json::{Value, json};

use super::prompt::Shown;

/// Its name where the interface wants one.
pub(super) const NAME: &str = "second_opinion";

/// The schema, with the names of what was shown as the only values.
pub(super) fn schema(shown: &Shown) -> Value {
    json!({
        "type": "object",
        "properties": {
            "explanation": { "type": "string" },
            "evidence": { "type": "array", "items": one_of('E', shown.evidence) },
            "candidate": one_or_none('C', shown.candidates),
            "confidence": { "type": "number" },
            "action": one_or_none('A', shown.actions),
            "articles": { "type": "array", "items": one_of('K', shown.articles) },
            "elsewhere": { "type": ["string", "null"] }
        },
        "required": ["explanation", "evidence", "candidate", "confidence", "action", "articles", "elsewhere"],
        "additionalProperties": false
    })
}

fn names(letter: char, count: usize) -> impl Iterator<Item = Value> {
    (1..=count).map(move |number| Value::from(format!("{letter}{number}")))
}

/// Without anything shown there is nothing to enumerate, and an empty list is refused by many.
fn one_of(letter: char, count: usize) -> Value {
    match count {
        0 => json!({ "type": "string" }),
        _ => json!({ "type": "string", "enum": names(letter, count).collect::<Vec<_>>() }),
    }
}

fn one_or_none(letter: char, count: usize) -> Value {
    json!({ "type": ["string", "null"], "enum": names(letter, count).chain([Value::Null]).collect::<Vec<_>>() })
}
