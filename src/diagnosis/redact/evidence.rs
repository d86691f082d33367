//! Lines that are kept: what is quoted of the outside world on a screen or in the journal.

use std::sync::LazyLock;

use super::{
    Redactor,
    patterns::{Pattern, compiled},
};

/// Characters of a line that are kept.
const LINE: usize = 240;
/// From so many digits on, a number may be somebody's.
const DIGITS: usize = 6;

/// What has many digits and is nobody's: times and days.
static TIMES: Pattern = LazyLock::new(|| compiled(r"\b(?:19|20)\d{2}-[01]\d-[0-3]\d\b"));

impl Redactor {
    /// A line that may be stored and shown: without control characters, identifiers replaced by their class, and not too long.
    /// A number that nothing speaks for goes too when it is long: here what is not known to be harmless does not pass.
    #[must_use]
    pub fn line(&self, line: &str) -> String {
        // What follows the part that is kept cannot show, but an identifier is judged whole.
        let clean: String = line.chars().take(4 * LINE).map(|c| if c.is_control() { ' ' } else { c }).collect();
        clip(&numbers(&self.render(&clean, &self.find(&clean), None)), LINE)
    }
}

/// At most so many characters; what was cut shows.
pub(in super::super) fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Replaces long numbers, also such as `123-45-6789`; a decimal fraction is a measurement and stays.
fn numbers(text: &str) -> String {
    let times: Vec<_> = TIMES.iter().flat_map(|times| times.find_iter(text)).map(|time| time.range()).collect();
    let mut told = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let run = text[at..].bytes().take_while(|b| b.is_ascii_digit() || *b == b'-').count();
        let length = text[at..at + run].trim_end_matches('-').len();
        let number = &text[at..at + length];
        if length == 0 || number.starts_with('-') {
            let next = text[at..].chars().next().map_or(1, char::len_utf8);
            told.push_str(&text[at..at + next]);
            at += next;
            continue;
        }
        let before = told.strip_suffix('.').is_some_and(|before| before.ends_with(|c: char| c.is_ascii_digit()));
        let time = times.iter().any(|time| time.contains(&at));
        let long = number.bytes().filter(u8::is_ascii_digit).count() >= DIGITS;
        told.push_str(if long && !before && !time { "[NUMBER]" } else { number });
        at += length;
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_go_and_the_rest_stays() {
        let redactor = Redactor::default();
        for (line, told) in [
            (
                "mail to jane.doe@clinic.org, mrn=12345678 from 10.1.2.3:443: column dose_unit at 127.0.0.1:80",
                "mail to [EMAIL], mrn=[MRN] from 10.1.2.3:443: column dose_unit at 127.0.0.1:80",
            ),
            (r#"{"mrn":"12345678","mail":"a@b.org"}"#, r#"{"mrn":"[MRN]","mail":"[EMAIL]"}"#),
            ("GET /patients/123456/chart (MRN0012345)", "GET /patients/[MRN]/chart ([MRN])"),
            ("row 12345678 of 99999 is locked", "row [NUMBER] of 99999 is locked"),
            ("took 0.123456 s on v41 of 12345 rows", "took 0.123456 s on v41 of 12345 rows"),
            ("was right at 2026-01-01 12:00 UTC", "was right at 2026-01-01 12:00 UTC"),
            ("a\x1b[31mb", "a [31mb"),
        ] {
            assert_eq!(redactor.line(line), told);
            assert_eq!(redactor.line(told), told, "what was taken out stays out");
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let told = Redactor::default().line(&"word ".repeat(100_000));
        assert_eq!(told.chars().count(), LINE);
        assert!(told.ends_with('…'));
    }
}
