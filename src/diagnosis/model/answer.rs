//! A model's answer, found in whatever it wrote and read with patience: schemas are not always kept, and types even less.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::text::{line, whole_words, without_last_words};

/// Places in a text at which an object is looked for.
const STARTS: usize = 64;
/// Ids that are read of one list.
const IDS: usize = 32;
/// Words at the end of what can be read that wait for what comes: as many as a name or an address has.
const HELD_BACK: usize = 8;

/// An opinion as it was written. Nothing in it is known to be true, or to exist.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    #[serde(deserialize_with = "word")]
    pub(super) explanation: Option<String>,
    #[serde(deserialize_with = "words")]
    pub(super) evidence: Vec<String>,
    #[serde(alias = "root_cause", alias = "rootCause", deserialize_with = "word")]
    pub(super) candidate: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(super) confidence: Option<f64>,
    #[serde(alias = "fix", deserialize_with = "word")]
    pub(super) action: Option<String>,
    #[serde(deserialize_with = "words")]
    pub(super) articles: Vec<String>,
    #[serde(deserialize_with = "word")]
    pub(super) elsewhere: Option<String>,
}

impl Answer {
    /// The first object in a text that says anything of what was asked.
    pub(super) fn find(text: &str) -> Option<Self> {
        // What a model thinks aloud before it answers is no answer.
        let text = text.rsplit_once("</think>").map_or(text, |(_, said)| said);
        let starts = text.match_indices('{').map(|(at, _)| at).take(STARTS);
        starts.filter_map(|at| read(&text[at..])).find(|found| *found != Self::default())
    }
}

/// The object at the beginning of a text, whatever follows it.
fn read(text: &str) -> Option<Answer> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    Answer::deserialize(values.next()?.ok()?).ok()
}

/// What can be shown so far of the explanation in an answer that is still being written, in at most so many characters: redacted, and
/// without its last words. Half an identifier looks like none, and one that takes several words is found once they are all there.
pub(super) fn shown_so_far(text: &str, most: usize, redact: impl Fn(&str) -> String) -> String {
    let Some((said, is_whole)) = explanation_so_far(text) else { return String::new() };
    let cut = whole_words(&said, most);
    let is_whole = is_whole && cut == line(&said, said.len());
    let told = line(&redact(&cut), most);
    if is_whole { told } else { without_last_words(&told, HELD_BACK).to_owned() }
}

/// What can be read so far of the explanation, in whole words, and whether that is all of it.
fn explanation_so_far(text: &str) -> Option<(String, bool)> {
    let (_, after) = text.split_once("\"explanation\"")?;
    let after = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    let end = after.char_indices().find(|(_, letter)| {
        let closes = *letter == '"' && !escaped;
        escaped = *letter == '\\' && !escaped;
        closes
    });
    let said = end.map_or(after, |(at, _)| &after[..at]);
    // An escape of which the end has not come yet is at most twelve characters long.
    let whole = |cut: usize| said.get(..said.len().checked_sub(cut)?).map(|said| format!("\"{said}\""));
    let said: String = (0..=12).filter_map(whole).find_map(|said| serde_json::from_str(&said).ok())?;
    match end {
        Some(_) => Some((said, true)),
        None => Some((said.rsplit_once(char::is_whitespace)?.0.to_owned(), false)),
    }
}

fn word<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(text(&Value::deserialize(from)?))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) => items.first().and_then(text),
        Value::Object(fields) => {
            ["id", "candidate", "action", "text"].iter().find_map(|key| fields.get(*key).and_then(text))
        }
        Value::Null | Value::Bool(_) => None,
    }
}

fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Array(items) => items.iter().filter_map(text).take(IDS).collect(),
        Value::String(list) => {
            list.split([',', ' ']).filter(|id| !id.is_empty()).take(IDS).map(str::to_owned).collect()
        }
        other => text(&other).into_iter().collect(),
    })
}

/// A number, also one written as text or in percent.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let found = match Value::deserialize(from)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let text = text.trim();
            let percent = text.strip_suffix('%');
            let number: Option<f64> = percent.unwrap_or(text).trim().parse().ok();
            number.map(|number| if percent.is_some() { number / 100.0 } else { number })
        }
        _ => None,
    };
    Ok(found.filter(|number| number.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Redactor;

    #[test]
    fn an_answer_is_found_wherever_it_stands() {
        let plain = r#"{"explanation": "x", "evidence": ["E1"], "candidate": "C1", "confidence": 0.5}"#;
        let found = Answer::find(plain).unwrap();
        assert_eq!((found.candidate.as_deref(), found.evidence.as_slice()), (Some("C1"), ["E1".to_owned()].as_slice()));
        for text in [
            format!("Sure! Here it is:\n```json\n{plain}\n```\nI hope {{this}} helps"),
            format!("<think>{{\"candidate\": \"C9\"}}</think>{plain}"),
            format!("{{}} {{\"a\": 1}} {plain} {{\"candidate\": \"C2\"}}"),
            format!("in a set {{E1, E2}} of \"{{\": {plain}"),
        ] {
            assert_eq!(Answer::find(&text), Some(found.clone()), "{text}");
        }
        for text in ["", "I cannot say.", "{", "{\"candidate\": \"C1\"", "[1, 2]", "{\"other\": true}"] {
            assert_eq!(Answer::find(text), None, "{text}");
        }
    }

    #[test]
    fn types_that_were_not_asked_for_are_read_all_the_same() {
        let text = r#"{"rootCause": {"id": "C2", "why": 1}, "evidence": "E1, E4", "confidence": "85 %", "fix": ["A1"], "articles": null, "explanation": 7}"#;
        let found = Answer::find(text).unwrap();
        assert_eq!(found.candidate.as_deref(), Some("C2"));
        assert_eq!(found.evidence, ["E1", "E4"]);
        assert_eq!((found.confidence, found.action.as_deref()), (Some(0.85), Some("A1")));
        assert_eq!((found.articles.len(), found.explanation.as_deref()), (0, Some("7")));
        assert_eq!(Answer::find(r#"{"confidence": 1e15}"#).unwrap().confidence, Some(1e15));
    }

    #[test]
    fn a_text_full_of_braces_is_read_in_no_time() {
        assert_eq!(Answer::find(&"{".repeat(60_000)), None);
        assert_eq!(Answer::find(&"{\"a\":".repeat(10_000)), None);
    }

    #[test]
    fn an_explanation_can_be_read_while_it_is_written() {
        let whole = r#"{"explanation": "The \"v41\" release → \u00e9 \ud83d\ude00 broke it", "evidence""#;
        let said = "The \"v41\" release → é 😀 broke it";
        for end in (0..=whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            let (so_far, _) = explanation_so_far(&whole[..end]).unwrap_or_default();
            assert!(said.starts_with(&so_far), "{so_far}");
        }
        assert_eq!(explanation_so_far(whole), Some((said.to_owned(), true)));
    }

    #[test]
    fn nobody_is_named_by_halves_while_an_answer_is_written() {
        let redactor = Redactor::default();
        let said = "The chart of patient Maria Gonzalez, phone (415) 555 0134, living at 12 North Main Street, Springfield, was asked \
                    for by everyone at once, and that is why all connections of the pool are in use since then.";
        let whole = format!("{{\"explanation\": \"{said}\", \"cause\": 1}}");
        let mut longest = 0;
        for most in [400, 60] {
            for end in 0..=whole.len() {
                let shown = shown_so_far(&whole[..end], most, |text| redactor.line(text));
                for word in ["Maria", "Gonzalez", "415", "0134", "North", "Springfield"] {
                    assert!(!shown.contains(word), "{word} of {}: {shown}", &whole[..end]);
                }
                longest = longest.max(shown.len());
            }
        }
        assert!(longest > 100, "most of it is shown");
        assert_eq!(shown_so_far(&whole, 400, |text| redactor.line(text)), redactor.line(said), "in the end all of it");
        let plain = r#"{"explanation": "one two three four five six seven eight nine ten eleven"#;
        assert_eq!(shown_so_far(plain, 400, str::to_owned), "one two", "it is told while it comes");
    }
}
