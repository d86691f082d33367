//! Who gives a command, and what was shown for it.

use std::fmt;

use crate::domain::{Actor, RunId, TokenId};

/// Header in which the code of a second factor travels.
pub const CODE_HEADER: &str = "x-codeblue-code";
/// A longer text is no code.
const LONGEST: usize = 64;

/// A code of a second factor, or one of those that stand in for it. It prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Code {
    /// Reads a code as people type it, with blanks and dashes between its parts; none when it cannot be one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let code: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let fits = !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then(|| Self(code.to_ascii_uppercase()))
    }

    /// Whether it is one of the codes that change every half a minute, and so of no use to who sees it later.
    #[must_use]
    pub fn is_short_lived(&self) -> bool {
        self.0.len() == 6 && self.0.bytes().all(|b| b.is_ascii_digit())
    }

    /// The code itself, to be checked or sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Who gives a command, and what was shown for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Who.
    pub actor: Actor,
    /// What was shown beside the session.
    pub shown: Shown,
}

/// What was shown beside the session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Shown {
    /// Nothing.
    #[default]
    Nothing,
    /// A code of the second factor, which is still to be checked.
    Code(Code),
    /// That it is the program of a step of this run, which acts for whoever had it run.
    Step(RunId),
    /// A token in place of a session; it was found to be one of the actor's.
    Token(TokenId),
}

impl From<Actor> for Asking {
    fn from(actor: Actor) -> Self {
        Self { actor, shown: Shown::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it_and_never_printed() {
        let code = Code::read(" 123 456\n").expect("a code");
        assert_eq!((code.expose(), code.is_short_lived()), ("123456", true));
        let recovery = Code::read("abcd-efgh-ijkl-mnop").expect("a code");
        assert_eq!((recovery.expose(), recovery.is_short_lived()), ("ABCDEFGHIJKLMNOP", false));
        assert_eq!(format!("{code:?}"), "***");
        for text in ["", "  ", "12\u{1b}3456", &"1".repeat(65), "１２３４５６"] {
            assert_eq!(Code::read(text), None, "{text:?}");
        }
    }
}
