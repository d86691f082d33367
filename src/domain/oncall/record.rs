//! What is known of who is on call beyond the platform file.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::OverrideId;

/// Somebody is on call instead of whoever the schedule names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnCallOverride {
    /// Its name.
    pub id: OverrideId,
    /// In which schedule.
    pub schedule: String,
    /// Who.
    pub person: String,
    /// From then.
    pub from: DateTime<Utc>,
    /// Until then, whatever became of it.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// When that was.
    pub at: DateTime<Utc>,
    /// When it was taken back, if it was.
    pub ended_at: Option<DateTime<Utc>>,
}

impl OnCallOverride {
    /// Until when it counts.
    #[must_use]
    pub fn counts_until(&self) -> DateTime<Utc> {
        self.ended_at.map_or(self.until, |ended| ended.min(self.until))
    }

    /// Whether it counts at a time.
    #[must_use]
    pub fn counts(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.counts_until()
    }
}

/// A time in which one person is on call, or nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shift {
    /// In which schedule.
    pub schedule: String,
    /// From then.
    pub from: DateTime<Utc>,
    /// Until then.
    pub until: DateTime<Utc>,
    /// Who; none: nobody.
    pub person: Option<String>,
    /// The override by which it is so.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub overridden_by: Option<OverrideId>,
}

/// Who is on call in a schedule, and who is next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Duty {
    /// The schedule.
    pub schedule: String,
    /// Who; none: nobody.
    pub person: Option<String>,
    /// The override by which it is so.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub overridden_by: Option<OverrideId>,
    /// Until when; none: no end is in sight.
    pub until: Option<DateTime<Utc>>,
    /// What comes then.
    pub next: Option<Shift>,
}

/// Whom a call to the one on call reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "kebab-case")]
pub enum OnCall {
    /// Somebody.
    Person {
        /// By which schedule.
        schedule: String,
        /// Who.
        person: String,
    },
    /// Nobody: it is the turn of somebody who may not act here.
    Unable {
        /// By which schedule.
        schedule: String,
        /// Whose turn it is.
        person: String,
    },
    /// Nobody: the schedule is empty.
    Nobody {
        /// Which.
        schedule: String,
    },
}

impl OnCall {
    /// By which schedule.
    #[must_use]
    pub fn schedule(&self) -> &str {
        match self {
            Self::Person { schedule, .. } | Self::Unable { schedule, .. } | Self::Nobody { schedule } => schedule,
        }
    }

    /// Whose turn it is.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Person { person, .. } | Self::Unable { person, .. } => Some(person),
            Self::Nobody { .. } => None,
        }
    }

    /// Whether somebody is there.
    #[must_use]
    pub fn is_there(&self) -> bool {
        matches!(self, Self::Person { .. })
    }
}

impl fmt::Display for OnCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { schedule, person } => write!(f, "{person}, on call for {schedule}"),
            Self::Unable { schedule, person } => {
                write!(f, "NOBODY on call for {schedule}: it is the turn of {person}, who may not act")
            }
            Self::Nobody { schedule } => write!(f, "NOBODY on call for {schedule}"),
        }
    }
}
