//! What a check found: the words that the checks, the sample store and the judgement share.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::model::{CheckLevel, seconds};

/// How one run of a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// As expected and in time.
    Good,
    /// As expected, but slower than it should be, or a figure above its threshold.
    Slow,
    /// Not as expected, or not in time.
    Bad,
}

/// A sign of life that a service gave by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Beat {
    /// When it came in.
    pub at: DateTime<Utc>,
    /// Whether what the service did has worked.
    pub ok: bool,
    /// What it said about it, in one line; empty when it said nothing.
    pub message: String,
}

/// One result of one check of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Name of the service.
    pub service: String,
    /// Name of the check within its service.
    pub check: String,
    /// How thorough the check was.
    pub level: CheckLevel,
    /// When the run began.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub reading: Reading,
    /// How long it took.
    #[serde(rename = "latencySeconds", with = "seconds")]
    pub latency: Duration,
    /// One line for people; never longer than 200 characters.
    pub detail: String,
}
