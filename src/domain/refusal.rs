//! No, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::next_step::next_step;

/// A rule's no. It is an answer, not an error: nothing has happened, and the rule has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The rule's name, stable for scripts.
    pub rule: String,
    /// What was refused and why.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal by `rule`, with what to do instead where the rule has only one good answer.
    #[must_use]
    pub fn new(rule: &str, message: impl Into<String>) -> Self {
        let hint = next_step(rule).map(str::to_owned);
        Self { rule: rule.to_owned(), message: message.into(), hint }
    }

    /// What was refused and why, and what to do instead, for a person.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// The thing named does not exist.
    #[must_use]
    pub fn unknown(kind: &str, name: impl fmt::Display) -> Self {
        Self::new(&format!("unknown-{kind}"), format!("there is no {kind} {name}"))
    }

    /// Says what to do instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
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
        write!(f, "{} (rule {})", self.message, self.rule)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}
