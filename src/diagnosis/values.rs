//! Figures in lines: how a number in lines of one kind went from the first of them to the last.

use super::logs::Repeated;

/// A number that changed by less than this is as it was.
const NOTEWORTHY: f64 = 1.5;

/// "rising from 100ms to 5000ms": the number that changed most from the first line of a kind to the last, with what stands
/// right beside it. Nothing where no number changed much.
pub(super) fn trend(kind: &Repeated) -> Option<String> {
    let pairs = kind.earliest.split_whitespace().zip(kind.line.split_whitespace());
    let changed = pairs.filter_map(|(first, last)| {
        let (before, after) = (number(first)?, number(last)?);
        let (low, high) = (before.min(after), before.max(after));
        (shape(first) == shape(last) && high > 0.0 && high >= NOTEWORTHY * low)
            .then(|| (high / low.max(1e-3), before < after, trimmed(first), trimmed(last)))
    });
    let (_, rises, first, last) = changed.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(format!("{} from {first} to {last}", if rises { "rising" } else { "falling" }))
}

/// The number in a word that has one number and nothing else with digits, such as `took=120ms` or `60%`.
fn number(word: &str) -> Option<f64> {
    let start = word.find(|c: char| c.is_ascii_digit())?;
    let rest = &word[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let one = !rest[end..].contains(|c: char| c.is_ascii_digit());
    rest[..end].trim_end_matches('.').parse().ok().filter(|_| one)
}

/// A word without its digits.
fn shape(word: &str) -> String {
    word.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect()
}

fn trimmed(word: &str) -> &str {
    word.trim_matches([',', ';', '.', '(', ')', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::line::Level;

    fn kind(earliest: &str, line: &str) -> Repeated {
        let (earliest, line) = (earliest.to_owned(), line.to_owned());
        let level = Level::Warning;
        Repeated {
            raw: String::new(),
            named: None,
            earliest,
            line,
            level,
            count: 2,
            new: true,
            first: None,
            last: None,
            signature: String::new(),
            trend: None,
        }
    }

    #[test]
    fn what_grew_is_told_and_what_only_counts_up_a_little_is_not() {
        let grew = kind("GET /chart took 100ms, 3 retries", "GET /chart took 5000ms, 4 retries");
        assert_eq!(trend(&grew).as_deref(), Some("rising from 100ms to 5000ms"));
        assert_eq!(trend(&kind("hit rate 85%", "hit rate 25%")).as_deref(), Some("falling from 85% to 25%"));
        assert_eq!(trend(&kind("request 1000 failed", "request 1019 failed")), None);
        assert_eq!(trend(&kind("at 10.0.3.7:80", "at 10.0.3.9:80")), None, "an address is no number");
    }
}
