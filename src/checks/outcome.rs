//! What a run of a check found.

use std::time::Duration;

use crate::platform::Reading;

/// A detail never has more characters than this.
const DETAIL: usize = 200;

/// How one run of a check ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The short of it.
    pub result: Reading,
    /// How long it took.
    pub latency: Duration,
    /// One line for people, without control characters, at most 200 characters.
    pub detail: String,
    /// The figure that was measured, if any: percent used, or what a query returned.
    pub figure: Option<f64>,
}

/// What a probe of one kind found; the prober adds the time it took.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) reading: Reading,
    pub(super) detail: String,
    pub(super) figure: Option<f64>,
}

impl Finding {
    pub(super) fn good(detail: impl Into<String>) -> Self {
        Self { reading: Reading::Good, detail: detail.into(), figure: None }
    }

    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self { reading: Reading::Bad, detail: detail.into(), figure: None }
    }

    pub(super) fn timeout(within: Duration) -> Self {
        Self::bad(format!("no answer within {}", took(within)))
    }
}

/// A short time for people: `12 ms`, `1.5 s`.
pub(super) fn took(duration: Duration) -> String {
    if duration < Duration::from_millis(1) {
        format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
    } else if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// Text from outside as one line that is safe on a terminal, at most `limit` characters.
pub(super) fn line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut gap = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // A colour or cursor sequence goes as a whole, so that no "[31m" is left behind.
            if chars.next_if_eq(&'[').is_some() {
                while chars.next_if(|c| !matches!(c, '@'..='~') && !c.is_control()).is_some() {}
                chars.next_if(|c| matches!(c, '@'..='~'));
            }
            continue;
        }
        if c.is_whitespace() || c == '\0' {
            gap = length > 0;
            continue;
        }
        if c.is_control() || is_invisible(c) {
            continue;
        }
        let room = if chars.peek().is_some() { limit.saturating_sub(1) } else { limit };
        if length + usize::from(gap) + 1 > room {
            line.push('…');
            return line;
        }
        if std::mem::take(&mut gap) {
            line.push(' ');
            length += 1;
        }
        line.push(c);
        length += 1;
    }
    line
}

/// The same for a whole detail.
pub(super) fn detail(text: &str) -> String {
    line(text, DETAIL)
}

/// Characters that change how the text around them is shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_becomes_one_harmless_line() {
        assert_eq!(line("  a\n\tb\r\n  c ", 200), "a b c");
        assert_eq!(line("\u{1b}[1;31mred\u{1b}[0m \u{7}bell\u{9b}x\u{202e}y", 200), "red bellxy");
        assert_eq!(line("\u{1b}[", 200), "");
        assert_eq!(line("\u{1b}[12\nplain", 200), "plain");
        assert_eq!(line("abcdef", 6), "abcdef");
        assert_eq!(line("abcdefg", 6), "abcde…");
        assert_eq!(line("abcde f", 6), "abcde…", "a gap takes room too");
        assert_eq!(detail(&"ä".repeat(1000)).chars().count(), 200);
        assert_eq!(line("", 10), "");
    }

    #[test]
    fn times_are_short() {
        assert_eq!(took(Duration::from_micros(310)), "0.3 ms");
        assert_eq!(took(Duration::from_millis(12)), "12 ms");
        assert_eq!(took(Duration::from_millis(1520)), "1.5 s");
    }

    proptest::proptest! {
        #[test]
        fn no_text_escapes(text in "\\PC{0,300}|[\\x00-\\x9f]{0,300}") {
            let line = detail(&text);
            assert!(line.chars().count() <= DETAIL && !line.contains(char::is_control), "{line:?}");
        }
    }
}
