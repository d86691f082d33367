//! What of a line may be shown: of a variable nothing passes of which it is not known that it is harmless.

use super::{kind::Kind, miner::Miner, text::clean};

/// Lines, and services, in which a value of a variable was seen before it counts as a word of the programs, and nobody's.
const TIMES: u32 = 3;
const SERVICES: usize = 2;
/// Digits that nobody is known by; a longer number may be somebody's.
const DIGITS: usize = 5;
/// What stands for a value that may not be shown.
pub const MASK: &str = "<*>";

impl Miner {
    /// A message with `<*>` for each variable of its template that may be somebody's; none when its template is not known.
    /// Quantities, times, truth values and short numbers pass; what is one of few values and was seen in several services; and what
    /// `is_known`.
    #[must_use]
    pub fn masked(&self, message: &str, is_known: impl Fn(&str) -> bool) -> Option<String> {
        let line = clean(message);
        let (_, variables) = self.look(message)?;
        let mut told = String::with_capacity(line.len());
        let mut at = 0;
        for variable in variables {
            let Some(text) = line.get(variable.range.clone()) else { continue };
            let is_common = || {
                let value = variable.slot.value(text);
                value.is_some_and(|value| value.times >= TIMES && value.sources().len() >= SERVICES)
            };
            if is_harmless(variable.kind, text) || is_known(text) || is_common() {
                continue;
            }
            told.push_str(line.get(at..variable.range.start).unwrap_or_default());
            told.push_str(MASK);
            at = variable.range.end;
        }
        told.push_str(line.get(at..).unwrap_or_default());
        Some(told)
    }
}

/// Whether what stands there is nobody's, by its form alone.
fn is_harmless(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Quantity | Kind::Time | Kind::Literal | Kind::Empty | Kind::Mark => true,
        Kind::Number | Kind::Hex => text.bytes().filter(u8::is_ascii_alphanumeric).count() <= DIGITS,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_be_harmless_does_not_pass() {
        let mut miner = Miner::default();
        for (source, name) in [(1, "Quux"), (1, "Blorb"), (1, "Zyzzy"), (1, "Wibble"), (1, "Frobni"), (1, "Splat")] {
            miner.take(&format!("chart of {name} was 17 rows, by \"desk of {name}\" on api"), source);
        }
        let shown = |miner: &Miner, line: &str| miner.masked(line, |text| text == "known").unwrap();
        assert_eq!(
            shown(&miner, "chart of Grault was 18 rows, by \"desk of Grault\" on api"),
            "chart of <*> was 18 rows, by \"desk of <*>\" on api"
        );
        assert_eq!(
            shown(&miner, "chart of known was 1234567 rows, by \"desk of known\" on api"),
            "chart of known was <*> rows, by \"desk of known\" on api"
        );
        assert_eq!(miner.masked("nothing like it", |_| true), None);
        miner.take("mounted /srv/a", 1);
        assert_eq!(shown(&miner, "mounted /srv/a"), "mounted <*>");
        for source in [1, 2] {
            miner.take("mounted /srv/a", source);
        }
        assert_eq!(shown(&miner, "mounted /srv/a"), "mounted /srv/a");
    }
}
