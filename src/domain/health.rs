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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::platform::Probe;

    fn check(name: &str, level: CheckLevel, failures: u32, successes: u32) -> Check {
        let second = Duration::from_secs(1);
        let probe = Probe::Tcp { address: "127.0.0.1:1".to_owned() };
        Check { name: name.to_owned(), level, every: second, within: second, slow: second, failures, successes, probe }
    }

    fn sample(check: &Check, second: i64, reading: Reading) -> Sample {
        Sample {
            service: "api".to_owned(),
            check: check.name.clone(),
            level: check.level,
            at: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(second),
            reading,
            latency: Duration::ZERO,
            detail: "refused".to_owned(),
        }
    }

    #[test]
    fn an_outage_dates_from_its_first_failure_and_is_told_once() {
        let check = check("tcp", CheckLevel::Shallow, 3, 2);
        let mut judge = Judge::new("api", Status::Unknown);
        let mut observe = |second, reading| judge.observe(&check, &sample(&check, second, reading));
        assert_eq!(observe(0, Reading::Good).map(|verdict| verdict.status), Some(Status::Healthy));
        assert_eq!(observe(1, Reading::Bad), None);
        assert_eq!(observe(2, Reading::Bad), None);
        let verdict = observe(3, Reading::Bad).unwrap();
        assert_eq!(verdict.status, Status::Down);
        assert_eq!(verdict.failing_since, DateTime::from_timestamp(1, 0));
        assert_eq!(verdict.reason, "tcp: refused");
        assert_eq!(observe(4, Reading::Bad), None);
        assert_eq!(observe(5, Reading::Good), None, "one lucky answer calms nobody");
        assert_eq!(observe(6, Reading::Good).map(|verdict| verdict.status), Some(Status::Healthy));
    }

    #[test]
    fn a_service_is_as_bad_as_its_worst_check() {
        let (quick, host) = (check("tcp", CheckLevel::Shallow, 1, 1), check("disk", CheckLevel::Comprehensive, 1, 1));
        let mut judge = Judge::new("api", Status::Unknown);
        judge.observe(&quick, &sample(&quick, 0, Reading::Good));
        let verdict = judge.observe(&host, &sample(&host, 0, Reading::Bad)).unwrap();
        assert_eq!(verdict.status, Status::Degraded, "a full disk is trouble, not yet an outage");
        let verdict = judge.observe(&quick, &sample(&quick, 1, Reading::Bad)).unwrap();
        assert_eq!(verdict.status, Status::Down);
        let verdict = judge.observe(&quick, &sample(&quick, 2, Reading::Good)).unwrap();
        assert_eq!(verdict.status, Status::Degraded, "the disk is still full");
    }

    #[test]
    fn after_a_restart_an_outage_stands_until_every_check_has_spoken() {
        let (one, other) = (check("tcp", CheckLevel::Shallow, 3, 2), check("http", CheckLevel::Deep, 3, 2));
        let mut judge = Judge::new("api", Status::Down);
        judge.observe(&other, &sample(&other, 0, Reading::Bad));
        assert_eq!(judge.observe(&one, &sample(&one, 0, Reading::Good)), None);
        let verdict = judge.observe(&other, &sample(&other, 1, Reading::Good));
        assert_eq!(verdict.map(|verdict| verdict.status), Some(Status::Healthy));
    }

    /// The same judgement, read off the whole history: the last run of equal results that was long enough.
    fn by_history(readings: &[Reading], failures: usize, successes: usize) -> Status {
        let mut status = Status::Unknown;
        for end in 1..=readings.len() {
            let last = readings[end - 1];
            let run = readings[..end].iter().rev().take_while(|reading| **reading == last).count();
            status = match last {
                Reading::Good if run >= successes || status == Status::Unknown => Status::Healthy,
                Reading::Slow if run >= failures => Status::Degraded,
                Reading::Bad if run >= failures => Status::Down,
                _ => status,
            };
        }
        status
    }

    proptest! {
        #[test]
        fn the_judgement_follows_from_the_history(
            readings in prop::collection::vec(
                prop::sample::select(vec![Reading::Good, Reading::Slow, Reading::Bad]), 0..60),
            failures in 1_u32..5,
            successes in 1_u32..5,
        ) {
            let check = check("tcp", CheckLevel::Shallow, failures, successes);
            let mut judge = Judge::new("api", Status::Unknown);
            let mut told = Status::Unknown;
            for (second, reading) in readings.iter().enumerate() {
                if let Some(verdict) = judge.observe(&check, &sample(&check, i64::try_from(second).unwrap(), *reading)) {
                    prop_assert_ne!(verdict.status, told, "told twice");
                    told = verdict.status;
                }
            }
            prop_assert_eq!(told, by_history(&readings, failures as usize, successes as usize));
        }
    }
}
