//! Proof that a recovery worked, in three phases with criteria: at once, in depth, and over the time of the extended watch.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Answers have to come within this many milliseconds, 95 of 100.
pub const RESPONSE_MILLISECONDS: u64 = 500;
/// Of so many checks during the extended watch one may fail: an error rate of 0.1 %.
pub const ERRORS_ONE_IN: u64 = 1000;

/// When it is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// As the last step of the recovery, within a minute: quick checks, again and again. When it fails, so does the recovery.
    Immediate,
    /// After it, within 5 minutes: every check, also of what depends on the services. When it fails, the watch ends with it.
    Comprehensive,
    /// At the end of the extended watch, over all of it. When it fails, people are called.
    Watch,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Immediate => "at once",
            Self::Comprehensive => "in depth",
            Self::Watch => "over the watch",
        })
    }
}

/// Something that has to be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Criterion {
    /// Of what, such as `patient-api answers`.
    pub what: String,
    /// What is wanted.
    pub wanted: String,
    /// What was found.
    pub found: String,
    /// Whether it is so.
    pub passed: bool,
    /// Whether everything fails with it; otherwise people are told.
    pub decides: bool,
}

/// What one phase came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    /// Which.
    pub phase: Phase,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// What was looked at.
    pub criteria: Vec<Criterion>,
}

/// What a phase says as a whole: none when everything that decides is so.
#[must_use]
pub fn failure(criteria: &[Criterion]) -> Option<String> {
    let failed: Vec<String> = criteria
        .iter()
        .filter(|criterion| criterion.decides && !criterion.passed)
        .map(|criterion| format!("{}: {}, wanted {}", criterion.what, criterion.found, criterion.wanted))
        .collect();
    (!failed.is_empty()).then(|| failed.join("; "))
}
