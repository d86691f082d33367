//! Which levels of the API a program speaks: what tells two programs of different versions whether they understand each other.

use std::{fmt, str::FromStr};

/// The header of an answer of `/healthz` that says which levels of the API the engine speaks, such as `1` or `1-3`.
pub const API_HEADER: &str = "x-codeblue-api";

/// The levels of the API that a program speaks, from the oldest to the newest. A level is new when older programs would
/// misunderstand it; what is only added makes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiLevels {
    oldest: u32,
    newest: u32,
}

impl ApiLevels {
    /// What this program speaks.
    pub const OWN: Self = Self { oldest: 1, newest: 1 };
    /// What an engine speaks that says nothing: it is older than levels are.
    pub const UNSAID: Self = Self { oldest: 1, newest: 1 };

    /// Why an engine that speaks these is not understood here, and what to do; none when it is.
    #[must_use]
    pub fn problem(self) -> Option<String> {
        let own = Self::OWN;
        let said = format!("it speaks API {self}, and codeblue here speaks API {own}");
        if self.oldest > own.newest {
            Some(format!("{said}: update codeblue here"))
        } else if self.newest < own.oldest {
            Some(format!("{said}: update codeblue on that host"))
        } else {
            None
        }
    }
}

impl fmt::Display for ApiLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oldest == self.newest {
            true => write!(f, "{}", self.newest),
            false => write!(f, "{}-{}", self.oldest, self.newest),
        }
    }
}

impl FromStr for ApiLevels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (oldest, newest) = text.split_once('-').unwrap_or((text, text));
        match (oldest.trim().parse(), newest.trim().parse()) {
            (Ok(oldest), Ok(newest)) if oldest <= newest => Ok(Self { oldest, newest }),
            _ => Err("it does not say in a readable way which API it speaks; is it an engine of codeblue?".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_speaks_no_common_level_is_told_which_side_is_to_be_updated() {
        let problem = |text: &str| text.parse::<ApiLevels>().unwrap().problem();
        assert_eq!(ApiLevels::OWN.problem(), None);
        assert_eq!(ApiLevels::UNSAID.problem(), None, "engines from before levels are understood");
        assert_eq!(problem("1-7"), None, "a newer one that still speaks the old is understood");
        let newer = problem("2-3").unwrap();
        assert!(
            newer.contains("API 2-3") && newer.contains("API 1") && newer.ends_with("update codeblue here"),
            "{newer}"
        );
        assert!(problem("0").unwrap().ends_with("update codeblue on that host"));
    }

    #[test]
    fn levels_read_back_as_they_are_written_and_nonsense_is_none() {
        for text in ["1", "1-3"] {
            assert_eq!(text.parse::<ApiLevels>().unwrap().to_string(), text);
        }
        for text in ["", "v1", "3-1", "1-", "1-2-3", "-1"] {
            assert!(text.parse::<ApiLevels>().is_err(), "{text:?}");
        }
    }
}
