//! No, why, and what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::next_step::{self, Named};
use crate::platform::{Platform, nearest};

/// A rule's no. It is an answer, not an error: nothing has happened, and the rule has a name. There is none that does not say what to
/// do next.
///
/// ```compile_fail
/// use codeblue::domain::Refusal;
/// let refusal: Refusal = Refusal::new("already-open", "INC-42 is open");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", from = "Told")]
pub struct Refusal {
    /// The rule's name, stable for scripts.
    pub rule: String,
    /// What was refused and why.
    pub message: String,
    hint: String,
}

/// A no that does not say what to do next, so it is no [`Refusal`] yet.
#[must_use = "it refuses nothing before it says what to do next"]
#[derive(Debug)]
pub struct Unfinished {
    rule: String,
    message: String,
}

impl Unfinished {
    /// Says what to do next: the command or the page, and of what.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Refusal {
        Refusal { rule: self.rule, message: self.message, hint: hint.into() }
    }
}

/// A refusal as another engine tells it, which may be older than the rule that each says what to do next.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    rule: String,
    message: String,
    #[serde(default)]
    hint: Option<String>,
}

impl From<Told> for Refusal {
    fn from(Told { rule, message, hint }: Told) -> Self {
        Self::told(rule, message, hint)
    }
}

impl Refusal {
    /// A no by `rule`; it is a refusal as soon as it says what to do next.
    #[expect(clippy::new_ret_no_self, reason = "without its next step it is none")]
    pub fn new(rule: &str, message: impl Into<String>) -> Unfinished {
        Unfinished { rule: rule.to_owned(), message: message.into() }
    }

    /// The thing named does not exist.
    #[must_use]
    pub fn unknown(kind: Named, name: impl fmt::Display) -> Self {
        let message = format!("there is no {} {name}", kind.word());
        Self::new(kind.rule(), message).hint(kind.next_step())
    }

    /// The platform file declares no such service; names the one that was probably meant.
    #[must_use]
    pub fn unknown_service(platform: &Platform, name: &str) -> Self {
        let known = platform.services.iter().map(|service| service.name.as_str());
        Self::unknown(Named::Service, name).meant(nearest(name, known))
    }

    /// The platform file declares no such component; names the one that was probably meant.
    #[must_use]
    pub fn unknown_component(platform: &Platform, name: &str) -> Self {
        let known = platform.components.iter().map(|component| component.name.as_str());
        Self::unknown(Named::Component, name).meant(nearest(name, known))
    }

    fn meant(mut self, name: Option<String>) -> Self {
        if let Some(name) = name {
            self.hint = format!("did you mean {name}? {}", self.hint);
        }
        self
    }

    /// What an engine said, which may not have said what to do next.
    #[must_use]
    pub fn told(rule: String, message: String, hint: Option<String>) -> Self {
        let hint = hint.filter(|hint| !hint.is_empty());
        let hint = hint.or_else(|| Named::of_rule(&rule).map(|kind| kind.next_step().to_owned()));
        Self { rule, message, hint: hint.unwrap_or_else(|| next_step::LOOK.to_owned()) }
    }

    /// What to do next.
    #[must_use]
    pub fn next_step(&self) -> &str {
        &self.hint
    }

    /// What was refused and why, and what to do next, for a person.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{}; {}", self.message, self.hint)
    }

    /// Says what else to do next, where somebody knows better than the rule.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Whether the thing asked about does not exist.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.rule.starts_with("unknown-")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (rule {}); {}", self.message, self.rule, self.hint)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_next_whoever_made_it() {
        let refusal = Refusal::new("role-needed", "this takes the CTO").hint(next_step::WHO_HAS_IT);
        assert_eq!(
            refusal.words(),
            "this takes the CTO; ask somebody with that role: codeblue operator list shows who has it"
        );
        assert_eq!(refusal.hint("carol is").words(), "this takes the CTO; carol is");
        let older: Refusal =
            serde_json::from_value(json!({"rule": "unknown-service", "message": "no", "hint": null})).unwrap();
        assert_eq!(older.next_step(), Named::Service.next_step());
        let stranger: Refusal = serde_json::from_value(json!({"rule": "unheard-of", "message": "no"})).unwrap();
        assert_eq!(stranger.next_step(), next_step::LOOK);
    }
}
