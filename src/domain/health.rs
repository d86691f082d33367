//! Judgement of services: from single check results to a status worth an event.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Event, Refusal, State};
use crate::platform::{Check, CheckLevel, Reading, Sample};

/// What is held to be true of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing has been heard yet, or not in time.
    #[default]
    Unknown,
    /// All checks succeed in time.
    Healthy,
    /// It answers, but slowly or only in part.
    Degraded,
    /// A check has failed repeatedly.
    Down,
    /// Worked on by plan; failures are expected.
    Maintenance,
}

/// A service as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceHealth {
    /// The judgement in force.
    pub status: Status,
    /// When it became so.
    pub since: Option<DateTime<Utc>>,
    /// The first failed check behind a bad status: when users began to notice.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why, in one line.
    pub reason: String,
    /// End of the maintenance window in force.
    pub maintenance_until: Option<DateTime<Utc>>,
}

/// A changed judgement, on its way to the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The service judged.
    pub service: String,
    /// What it now is.
    pub status: Status,
    /// Why, in one line.
    pub reason: String,
    /// The first failed check behind a bad status.
    pub failing_since: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
struct Tally {
    status: Status,
    failures: u32,
    slow: u32,
    successes: u32,
    failing_since: Option<DateTime<Utc>>,
    reason: String,
}

impl Default for Tally {
    fn default() -> Self {
        Self { status: Status::Unknown, failures: 0, slow: 0, successes: 0, failing_since: None, reason: String::new() }
    }
}

/// Watches the results of all checks of one service and tells when the judgement changes.
///
/// A service is as bad as its worst check. A check turns bad after its `failures` consecutive failures and good again
/// after its `successes` consecutive successes, so that one lost packet wakes nobody and one lucky answer calms nobody.
#[derive(Debug, Clone)]
pub struct Judge {
    service: String,
    tallies: BTreeMap<String, Tally>,
    current: Status,
}

impl Judge {
    /// A judge who starts from what the journal holds true.
    #[must_use]
    pub fn new(service: &str, current: Status) -> Self {
        Self { service: service.to_owned(), tallies: BTreeMap::new(), current }
    }

    /// Takes one result in; gives a verdict when the status of the service changes by it.
    pub fn observe(&mut self, check: &Check, sample: &Sample) -> Option<Verdict> {
        let tally = self.tallies.entry(check.name.clone()).or_default();
        tally.take(check, sample);
        let worst = self.tallies.values().max_by_key(|tally| tally.status)?;
        if worst.status == Status::Unknown || worst.status == self.current {
            return None;
        }
        // A bad status learnt before a restart stands until every check has spoken for itself.
        if worst.status == Status::Healthy && self.tallies.values().any(|tally| tally.status == Status::Unknown) {
            return None;
        }
        self.current = worst.status;
        Some(Verdict {
            service: self.service.clone(),
            status: worst.status,
            reason: worst.reason.clone(),
            failing_since: worst.failing_since,
        })
    }

    /// Takes over a judgement made elsewhere, so that the next change is told against it.
    pub fn assume(&mut self, status: Status) {
        self.current = status;
    }
}

impl Tally {
    fn take(&mut self, check: &Check, sample: &Sample) {
        match sample.reading {
            Reading::Good => {
                self.successes += 1;
                self.failures = 0;
                self.slow = 0;
                if self.status == Status::Unknown || self.successes >= check.successes {
                    self.status = Status::Healthy;
                    self.failing_since = None;
                    self.reason = format!("{} ok", check.name);
                }
            }
            Reading::Slow => {
                self.slow += 1;
                self.failures = 0;
                self.successes = 0;
                self.failing_since.get_or_insert(sample.at);
                self.reason = format!("{}: {}", check.name, sample.detail);
                if self.slow >= check.failures && self.status != Status::Degraded {
                    self.status = Status::Degraded;
                }
            }
            Reading::Bad => {
                self.failures += 1;
                self.slow = 0;
                self.successes = 0;
                self.failing_since.get_or_insert(sample.at);
                self.reason = format!("{}: {}", check.name, sample.detail);
                if self.failures >= check.failures {
                    // The host's figures and the slow, thorough checks tell of trouble, not of an outage.
                    self.status =
                        if check.level == CheckLevel::Comprehensive { Status::Degraded } else { Status::Down };
                }
            }
        }
    }
}

/// Decides whether a verdict is news.
pub(super) fn record(state: &State, verdict: Verdict) -> Result<Vec<Event>, Refusal> {
    let Some(health) = state.services.get(&verdict.service) else {
        return Err(Refusal::unknown("service", &verdict.service));
    };
    if health.status == Status::Maintenance || health.status == verdict.status {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ServiceStatusChanged {
        service: verdict.service,
        from: health.status,
        to: verdict.status,
        reason: verdict.reason,
        failing_since: verdict.failing_since,
    }])
}
