//! One result of a check.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CheckLevel, seconds};

/// One result of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The service checked.
    pub service: String,
    /// The check's name.
    pub check: String,
    /// Its level.
    pub level: CheckLevel,
    /// When the check began.
    pub at: DateTime<Utc>,
    /// How it went.
    pub reading: Reading,
    /// How long it took, in seconds.
    #[serde(with = "seconds", rename = "latencySeconds")]
    pub latency: Duration,
    /// What was seen, in one line.
    pub detail: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// As it should.
    Good,
    /// Right, but too slow.
    Slow,
    /// Wrong, or not in time.
    Bad,
}
