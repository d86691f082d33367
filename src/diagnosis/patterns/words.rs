//! What of paths, and of values in a row, may be shown: their words where many lines have the same, and numbers too short to be
//! somebody's.
//!
//! ```text
//! /patients/[MRN] 500    the text
//! /patients/<*> <*>      its skeleton: what is the same in many lines
//! ```

use super::{
    kind::is_ip,
    mask::{DIGITS, MASK},
    text::taken,
};
use crate::diagnosis::redact::is_plain_word;

/// A part of a text, by its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    /// Letters, also with `-` and `_`; or the version of an interface, such as `v1`.
    Word(&'a str),
    /// What the redactor has left in the place of what it took out.
    Taken(&'a str),
    /// Anything else between joints.
    Value(&'a str),
    /// Space and punctuation.
    Joint(&'a str),
}

/// The parts of a text, one after the other.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        let length = rest.find(|c| !goes_on(c)).unwrap_or(rest.len());
        let part = match (taken(text, at), length) {
            (Some(end), _) => Part::Taken(&text[at..end]),
            (None, 0) => Part::Joint(&rest[..rest.chars().next().map_or(1, char::len_utf8)]),
            (None, _) if is_word(&rest[..length]) => Part::Word(&rest[..length]),
            (None, _) => Part::Value(&rest[..length]),
        };
        let (Part::Word(piece) | Part::Taken(piece) | Part::Value(piece) | Part::Joint(piece)) = part;
        at += piece.len();
        Some(part)
    })
}

fn is_word(piece: &str) -> bool {
    let version = piece.strip_prefix('v').is_some_and(|number| number.len() <= 2 && is_number(number));
    version || piece.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_'))
}

fn is_number(piece: &str) -> bool {
    !piece.is_empty() && piece.bytes().all(|b| b.is_ascii_digit())
}

/// What of a text is the same in lines that differ in numbers and identifiers alone.
pub(super) fn skeleton(text: &str) -> String {
    parts(text).fold(String::with_capacity(text.len()), |mut told, part| {
        told.push_str(match part {
            Part::Word(piece) | Part::Joint(piece) => piece,
            Part::Taken(_) | Part::Value(_) => MASK,
        });
        told
    })
}

/// Whether each of its words is one of the language, and nobody's name.
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |word: &str| {
        let cased = word.bytes().all(|b| !b.is_ascii_uppercase()) || word.bytes().all(|b| !b.is_ascii_lowercase());
        let mut pieces = word.split(['-', '_']).filter(|piece| !piece.is_empty());
        cased && pieces.all(|piece| piece.bytes().any(|b| b.is_ascii_digit()) || is_plain_word(piece))
    };
    parts(text).all(|part| match part {
        Part::Word(word) => plain(word),
        _ => true,
    })
}

/// A text with `<*>` for what may be somebody's; its words pass when `words` says so. Numbers that stand beside each other may be one
/// that was written in groups, so they count together.
pub(super) fn told(text: &str, words: bool) -> String {
    let elements: Vec<&str> = text.split(' ').collect();
    let has_word = |element: &str| parts(element).any(|part| matches!(part, Part::Word(_)));
    let digits = |element: &str| {
        let count = |part| if let Part::Value(value) = part { value.chars().count() } else { 0 };
        parts(element).map(count).sum::<usize>()
    };
    let mut told: Vec<String> = Vec::with_capacity(elements.len());
    for run in elements.chunk_by(|one, next| !has_word(one) && !has_word(next)) {
        let short = run.iter().copied().map(digits).sum::<usize>() <= DIGITS;
        told.extend(run.iter().map(|element| match has_word(element) && !words {
            true => MASK.to_owned(),
            false => of_element(element, short),
        }));
    }
    told.join(" ")
}

fn of_element(element: &str, short: bool) -> String {
    let short = short && !element.split('/').any(|segment| is_ip(segment.trim_matches(|c: char| !c.is_alphanumeric())));
    parts(element).fold(String::with_capacity(element.len()), |mut told, part| {
        told.push_str(match part {
            Part::Value(value) if !short || !is_number(value) => MASK,
            Part::Word(piece) | Part::Taken(piece) | Part::Value(piece) | Part::Joint(piece) => piece,
        });
        told
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_short_numbers_pass_and_nothing_else() {
        for (text, same, shown, hidden) in [
            ("/patients/[MRN] 500", "/patients/<*> <*>", "/patients/[MRN] 500", "<*> 500"),
            ("/patients/12 500", "/patients/<*> <*>", "/patients/12 500", "<*> 500"),
            ("/api/v1/charts", "/api/v1/charts", "/api/v1/charts", "<*>"),
            ("/patients/123456/notes", "/patients/<*>/notes", "/patients/<*>/notes", "<*>"),
            ("/patients/a1b2", "/patients/<*>", "/patients/<*>", "<*>"),
            ("415 555 0134", "<*> <*> <*>", "<*> <*> <*>", "<*> <*> <*>"),
            ("/call/415 555 0134", "/call/<*> <*> <*>", "/call/415 <*> <*>", "<*> <*> <*>"),
            ("10.0.0.1", "<*>.<*>.<*>.<*>", "<*>.<*>.<*>.<*>", "<*>.<*>.<*>.<*>"),
            ("[NAME], [DATE]", "<*>, <*>", "[NAME], [DATE]", "[NAME], [DATE]"),
            ("/пациент/7", "/<*>/<*>", "/<*>/<*>", "/<*>/<*>"),
            ("", "", "", ""),
        ] {
            assert_eq!(skeleton(text), same, "{text}");
            assert_eq!((told(text, true).as_str(), told(text, false).as_str()), (shown, hidden), "{text}");
        }
    }

    #[test]
    fn a_word_that_may_be_a_name_is_not_plain() {
        for plain in ["/patients/<*> <*>", "/api/v1/charts", "/lab-orders/<*>", "GET /health"] {
            assert!(is_plain(plain), "{plain}");
        }
        for name in ["/patients/maria", "/patients/Gonzalez", "/charts/maria-gonzalez", "/patients/zyzzyva", "/Charts"]
        {
            assert!(!is_plain(name), "{name}");
        }
    }
}
