//! Programs that were begun for a step, and what became of each.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::record::RunInput;
use crate::domain::Actor;

/// What of a step a program is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptPart {
    /// To see whether it is done already.
    DoneIf,
    /// To do it.
    Work,
    /// To see whether it has worked.
    Verify,
}

/// A program that was begun for a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// For what.
    pub part: AttemptPart,
    /// When.
    pub at: DateTime<Utc>,
    /// Who had it run.
    pub by: Option<Actor>,
    /// What it acts on, for how often that may be.
    pub target: Option<String>,
    /// What became of it.
    pub fate: AttemptFate,
}

/// What became of a program that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum AttemptFate {
    /// It runs.
    Running,
    /// It has ended.
    Ended {
        /// When.
        at: DateTime<Utc>,
        /// How.
        result: AttemptResult,
    },
    /// The engine died while it ran.
    Lost {
        /// When that was found.
        at: DateTime<Utc>,
    },
}

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptResult {
    /// What is thought of it.
    pub end: AttemptEnd,
    /// Its exit code, where it had one.
    pub exit: Option<u8>,
    /// How often it was tried.
    pub tries: u32,
    /// How long it ran, in milliseconds; time in which people had to agree is not in it.
    pub took_ms: u64,
    /// What is kept of what it printed.
    pub output: KeptOutput,
    /// What later steps take from it.
    pub captured: Vec<RunInput>,
}

/// What is thought of what a program did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum AttemptEnd {
    /// All is as expected.
    Passed,
    /// It passed, and told of something to look at.
    Warned,
    /// It is not as expected.
    Failed {
        /// What is not.
        why: String,
    },
    /// It took too long and was ended.
    TimedOut,
    /// Somebody had it ended.
    Cancelled,
    /// It could not be begun, so nothing was done.
    NotStarted {
        /// Why.
        why: String,
    },
}

/// What is kept of what a program printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum KeptOutput {
    /// Nothing.
    Nothing,
    /// An HMAC-SHA256 with a key of the engine, in hexadecimal.
    Hash {
        /// The hash.
        hash: String,
        /// Of so many bytes.
        bytes: u64,
    },
    /// Its end, redacted.
    Text {
        /// The text.
        text: String,
        /// Of so many bytes.
        bytes: u64,
    },
}

impl Attempt {
    /// When it was over, where that is known.
    #[must_use]
    pub fn ended_at(&self) -> Option<DateTime<Utc>> {
        match &self.fate {
            AttemptFate::Running => None,
            AttemptFate::Ended { at, .. } | AttemptFate::Lost { at } => Some(*at),
        }
    }
}
