//! What of a line may be shown: of a variable nothing passes of which it is not known that it is harmless.

use super::{
    kind::Kind,
    miner::{Miner, Variable},
    slot::Slot,
    text::clean,
    words::{is_plain, told},
};

/// Lines, and services, in which a value of a variable was seen before it counts as a word of the programs, and nobody's.
const TIMES: u32 = 3;
const SERVICES: usize = 2;
/// Lines in which the words of a path were seen, if only in one service, before they count as words of the programs; none of them
/// may be a name.
const MANY: u32 = 8;
/// Digits that nobody is known by; a longer number may be somebody's.
pub(super) const DIGITS: usize = 5;
/// What stands for a value that may not be shown.
pub const MASK: &str = "<*>";

impl Miner {
    /// A message with `<*>` for each variable of its template that may be somebody's; none when its template is not known.
    /// Quantities, times, truth values, short numbers and what the redactor has left pass; what is one of few values and was seen in
    /// several services; words of a path that stand there in many lines; and what `is_known`.
    #[must_use]
    pub fn masked(&self, message: &str, is_known: impl Fn(&str) -> bool) -> Option<String> {
        let line = clean(message);
        let (_, variables) = self.look(message)?;
        let mut masked = String::with_capacity(line.len());
        let mut at = 0;
        for variable in variables {
            let Some(text) = line.get(variable.range.clone()) else { continue };
            if is_harmless(variable.kind, text) || is_known(text) {
                continue;
            }
            masked.push_str(line.get(at..variable.range.start).unwrap_or_default());
            match (is_common(&variable, text), variable.kind) {
                (common, Kind::Path | Kind::List) => masked.push_str(&told(text, common)),
                (true, _) => masked.push_str(text),
                (false, _) => masked.push_str(MASK),
            }
            at = variable.range.end;
        }
        masked.push_str(line.get(at..).unwrap_or_default());
        Some(masked)
    }
}

/// Whether what stands there counts as words of the programs: of few values, it was seen often, and not in one service alone; or
/// it is a path of plain words that was seen in many lines.
fn is_common(variable: &Variable<'_>, text: &str) -> bool {
    let Some(value) = variable.slot.value(variable.kind, text) else { return false };
    let everywhere = value.times >= TIMES && value.sources().len() >= SERVICES;
    let often = matches!(variable.kind, Kind::Path | Kind::List) && value.times >= MANY;
    everywhere || often && is_plain(text)
}

/// The words of a path that all lines have in one place, if they were seen in many and none may be a name.
pub(super) fn words_of(slot: &Slot) -> Option<&str> {
    let is_path = slot.kinds().all(|kind| matches!(kind, Kind::Path | Kind::List));
    match slot.values() {
        [only] if is_path && only.times >= MANY && is_plain(&only.text) => Some(&only.text),
        _ => None,
    }
}

/// Whether what stands there is nobody's, by its form alone.
fn is_harmless(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Quantity | Kind::Time | Kind::Literal | Kind::Empty | Kind::Mark | Kind::Taken => true,
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

    #[test]
    fn words_of_a_path_pass_once_they_were_seen_in_many_lines_and_names_never_do() {
        let mut miner = Miner::default();
        let shown = |miner: &Miner, line: &str| miner.masked(line, |_| false).unwrap();
        for times in 1..=MANY {
            let line = if times % 2 == 0 { "GET /patients/[MRN] 500" } else { "GET /patients/41 200" };
            miner.take(line, 1);
            let wanted = if times < MANY { "GET <*> 500" } else { "GET /patients/[MRN] 500" };
            assert_eq!(shown(&miner, "GET /patients/[MRN] 500"), wanted, "{times}");
        }
        assert_eq!(miner.templates().count(), 1, "a short number and what was taken out are of one kind");
        let template = miner.templates().next().unwrap();
        assert_eq!(
            (template.text(), template.text_with(words_of)),
            ("GET <*>".to_owned(), "GET /patients/<*> <*>".to_owned())
        );
        assert_eq!(shown(&miner, "GET /patients/1234567 500"), "GET /patients/<*> 500");
        assert_eq!(shown(&miner, "GET /patients/maria 500"), "GET <*> 500");
        for _ in 0..2 * MANY {
            miner.take("GET /patients/maria 500", 1);
            miner.take("opened /charts/zyzzyva/notes", 1);
        }
        assert_eq!(shown(&miner, "GET /patients/maria 500"), "GET <*> 500");
        assert_eq!(shown(&miner, "opened /charts/zyzzyva/notes"), "opened <*>");
        miner.take("chart 41 of [NAME] is locked", 1);
        miner.take("chart [MRN] of [NAME] is locked", 1);
        assert_eq!(miner.templates().count(), 3, "nor is it where it stands alone");
        assert_eq!(shown(&miner, "chart [MRN] of [NAME] is locked"), "chart [MRN] of [NAME] is locked");
    }
}
