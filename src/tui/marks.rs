//! What plots are drawn with.

/// The characters of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Marks {
    /// Braille: eight points to a character.
    #[default]
    Braille,
    /// Characters that every terminal has.
    Plain,
}

impl Marks {
    /// By `CODEBLUE_PLAIN` and `TERM`: the Linux console has no braille.
    #[must_use]
    pub fn of(plain: Option<&str>, term: Option<&str>) -> Self {
        let is_wanted = plain.is_some_and(|wanted| !wanted.is_empty() && wanted != "0");
        if is_wanted || matches!(term, Some("linux" | "dumb" | "vt100" | "vt220")) {
            Self::Plain
        } else {
            Self::Braille
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_marks_are_for_those_who_ask_and_for_consoles_without_braille() {
        assert_eq!(Marks::of(None, Some("xterm-256color")), Marks::Braille);
        assert_eq!(Marks::of(Some("1"), Some("xterm-256color")), Marks::Plain);
        assert_eq!(Marks::of(Some(""), None), Marks::Braille);
        assert_eq!(Marks::of(Some("0"), Some("screen")), Marks::Braille);
        assert_eq!(Marks::of(None, Some("linux")), Marks::Plain);
    }
}
