//! No, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// A refusal by `rule`.
    #[must_use]
    pub fn new(rule: &str, message: impl Into<String>) -> Self {
        Self { rule: rule.to_owned(), message: message.into(), hint: None }
    }

    /// The thing named does not exist.
    #[must_use]
    pub fn unknown(kind: &str, name: impl fmt::Display) -> Self {
        Self::new(&format!("unknown-{kind}"), format!("there is no {kind} {name}"))
    }

    /// Adds what to do instead.
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
