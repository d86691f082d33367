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

/// What can be used up, or comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Room on a file system, in percent used.
    Disk,
    /// Inodes of a file system, in percent used.
    Inodes,
    /// Memory of the host, in percent used.
    Memory,
    /// Open files, of the host or of a process, in percent of what is allowed.
    Descriptors,
    /// Connections of a database server, in percent of what is allowed.
    Connections,
    /// Time for which a certificate is still valid, in days.
    Certificate,
}

/// What a check measured of something that can be used up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measure {
    /// Of what.
    pub quantity: Quantity,
    /// How much, in the quantity's unit.
    pub value: f64,
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
    /// How much is used of what can be used up, if the check measured that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measure>,
}
