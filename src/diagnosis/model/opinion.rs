//! What a model's answer comes down to once it is held against what the model was shown. Only ids count; everything else that it
//! names is kept as text for people, and is never anything that could be done.

use super::{
    answer::Answer,
    prompt::Shown,
    text::{line, whole_words},
};

/// Characters of the explanation, and of other texts.
const EXPLANATION: usize = 600;
const NAMED: usize = 80;
/// Unknown names that are told.
const UNKNOWN: usize = 5;

/// A model's opinion, as places in the lists of the case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Opinion {
    /// The candidate it finds the most likely.
    pub candidate: Option<usize>,
    /// How sure it says it is, 0 to 1; nothing where it cites no evidence.
    pub confidence: Option<f64>,
    /// The evidence it rests on.
    pub evidence: Vec<usize>,
    /// What it would do first.
    pub action: Option<usize>,
    /// Articles it finds fitting.
    pub articles: Vec<usize>,
    /// Its words, redacted, on one line.
    pub explanation: String,
    /// A cause it suspects that is not among the candidates, in its words.
    pub elsewhere: Option<String>,
    /// Names in its answer that stand for nothing it was shown.
    pub unknown: Vec<String>,
}

impl Opinion {
    pub(super) fn of(answer: &Answer, shown: Shown, redact: &(dyn Fn(&str) -> String + Sync)) -> Self {
        let told = |text: &str, most: usize| line(&redact(&whole_words(text, 4 * most)), most);
        let mut unknown = Vec::new();
        let mut known = |letter: char, id: &str, count: usize| {
            let found = place(letter, id, count);
            let name = told(id, NAMED);
            if found.is_none() && unknown.len() < UNKNOWN && !unknown.contains(&name) {
                unknown.push(name);
            }
            found
        };
        let candidate = answer.candidate.as_ref().and_then(|id| known('C', id, shown.candidates));
        let action = answer.action.as_ref().and_then(|id| known('A', id, shown.actions));
        let mut list = |letter: char, ids: &[String], count: usize| {
            let mut found: Vec<usize> = ids.iter().filter_map(|id| known(letter, id, count)).collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        let evidence = list('E', &answer.evidence, shown.evidence);
        let articles = list('K', &answer.articles, shown.articles);
        // Some count to a hundred.
        let clamped =
            |number: f64| if number > 1.0 && number <= 100.0 { number / 100.0 } else { number.clamp(0.0, 1.0) };
        Self {
            candidate,
            confidence: answer.confidence.filter(|_| !evidence.is_empty()).map(clamped),
            evidence,
            action,
            articles,
            explanation: answer.explanation.as_ref().map(|text| told(text, EXPLANATION)).unwrap_or_default(),
            elsewhere: answer.elsewhere.as_ref().map(|text| told(text, 2 * NAMED)).filter(|text| !text.is_empty()),
            unknown,
        }
    }
}

/// The place in a list that an id stands for, such as `C2`, `c2` or `[C2]`.
fn place(letter: char, id: &str, count: usize) -> Option<usize> {
    let bare = id.trim().trim_matches(['[', ']', '(', ')', '`', '"', '.']);
    let mut letters = bare.chars();
    let first = letters.next()?;
    let digits = letters.as_str();
    if !first.eq_ignore_ascii_case(&letter) || digits.len() > 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: usize = digits.parse().ok()?;
    (1..=count).contains(&number).then(|| number - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: Shown = Shown { candidates: 3, evidence: 4, actions: 2, articles: 0 };

    fn opinion(answer: &str) -> Opinion {
        Opinion::of(&Answer::find(answer).unwrap(), SHOWN, &|text| text.replace("Jane", "[NAME]"))
    }

    #[test]
    fn only_what_was_shown_can_be_named() {
        let found = opinion(
            r#"{"candidate": "c2", "evidence": ["[E4]", "E1", "E1", "E5", "E0"], "action": "rm -rf /", "articles": ["K1"],
                "explanation": "Jane\nsaid \u001b[31mso", "elsewhere": " "}"#,
        );
        assert_eq!((found.candidate, found.evidence), (Some(1), vec![0, 3]));
        assert_eq!((found.action, found.articles), (None, vec![]));
        assert_eq!(found.unknown, ["rm -rf /", "E5", "E0", "K1"]);
        assert_eq!((found.explanation.as_str(), found.elsewhere), ("[NAME] said [31mso", None));
        for id in ["C4", "C-1", "C", "C1x", "C99999999999999999999", "auth", "E1", "Ｃ1", "C1,C2"] {
            assert_eq!(opinion(&format!("{{\"candidate\": \"{id}\"}}")).candidate, None, "{id}");
        }
    }

    #[test]
    fn confidence_is_a_share_and_needs_evidence() {
        for (said, counts) in [("0.7", Some(0.7)), ("85", Some(0.85)), ("1e15", Some(1.0)), ("-3", Some(0.0))] {
            assert_eq!(opinion(&format!("{{\"confidence\": {said}, \"evidence\": [\"E1\"]}}")).confidence, counts);
            assert_eq!(opinion(&format!("{{\"confidence\": {said}, \"evidence\": [\"E9\"]}}")).confidence, None);
        }
    }
}
