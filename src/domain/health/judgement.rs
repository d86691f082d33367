//! Judgement of services: from single check results to a status worth an event.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Event, Named, Refusal, State, health::flapping::Flapping};
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

impl Status {
    /// How services are together: as the one that is worst, and unknown sooner than healthy. What is worked on by plan does
    /// not count, and nothing at all is unknown.
    pub fn overall(all: impl IntoIterator<Item = Self>) -> Self {
        let rank = |status: &Self| match status {
            Self::Maintenance | Self::Healthy => 0,
            Self::Unknown => 1,
            Self::Degraded => 2,
            Self::Down => 3,
        };
        all.into_iter().filter(|status| *status != Self::Maintenance).max_by_key(rank).unwrap_or_default()
    }
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

/// Results over which the share of failures is taken.
const RECENT: u32 = 100;
/// Above so many failures in `RECENT` results a service is degraded, although no three of them came in a row.
const MANY: u32 = 5;
/// So many results without a failure end that.
const QUIET: u32 = 20;

/// What the results of one check have come to.
#[derive(Debug, Clone, Default)]
struct Tally {
    /// What enough equal results in a row have confirmed.
    confirmed: Status,
    failures: u32,
    slow: u32,
    successes: u32,
    flapping: Flapping,
    /// One bit for each failure since the last outage, the newest lowest.
    recent: u128,
    failing_since: Option<DateTime<Utc>>,
    /// The last result that was not good.
    trouble: String,
}

/// Watches the results of all checks of one service and tells when the judgement changes.
///
/// A service is as bad as its worst check. A check turns bad after its `failures` consecutive failures and good again
/// after its `successes` consecutive successes, so that one lost packet wakes nobody and one lucky answer calms nobody. A check
/// that keeps changing, or fails again and again without three failures in a row, is degraded until that ends.
#[derive(Debug, Clone)]
pub struct Judge {
    service: String,
    /// Boxed, as most services have one check and a map makes room for eleven.
    tallies: BTreeMap<String, Box<Tally>>,
    /// Checks that have not spoken since the start, while the judgement in force is older.
    silent: BTreeSet<String>,
    current: Status,
    settled: Option<DateTime<Utc>>,
}

impl Judge {
    /// A judge who starts from what the journal holds true.
    #[must_use]
    pub fn new(service: &str, current: Status) -> Self {
        Self { service: service.to_owned(), tallies: BTreeMap::new(), silent: BTreeSet::new(), current, settled: None }
    }

    /// The same, with the checks there are: a bad status learnt before a restart stands until each of them has spoken.
    #[must_use]
    pub fn expecting<'a>(self, checks: impl IntoIterator<Item = &'a Check>) -> Self {
        Self { silent: checks.into_iter().map(|check| check.name.clone()).collect(), ..self }
    }

    /// Takes one result in; gives a verdict when the status of the service changes by it.
    pub fn observe(&mut self, check: &Check, sample: &Sample) -> Option<Verdict> {
        let tally = self.tallies.entry(check.name.clone()).or_default();
        tally.take(check, sample);
        self.silent.remove(&check.name);
        let (name, worst) = self.tallies.iter().max_by_key(|(_, tally)| tally.status())?;
        let status = worst.status();
        if status == Status::Unknown || status == self.current {
            return None;
        }
        // Nor is what one check has found over because another one is well.
        let unheard = self.tallies.values().any(|tally| tally.status() == Status::Unknown);
        let was_bad = matches!(self.current, Status::Degraded | Status::Down);
        if status == Status::Healthy && (unheard || was_bad && !self.silent.is_empty()) {
            return None;
        }
        self.current = status;
        self.silent.clear();
        Some(Verdict {
            service: self.service.clone(),
            status,
            reason: worst.reason(name),
            failing_since: worst.failing_since.filter(|_| status != Status::Healthy),
        })
    }

    /// Takes over what is held true of the service, so that the next change is told against it. What failed before a
    /// recovery or planned work put it right is forgotten: that ended it, so it is no unrest.
    pub fn assume(&mut self, state: &State) {
        if let Some(health) = state.services.get(&self.service) {
            self.current = health.status;
        }
        let settled = state.settled.get(&self.service).copied();
        if settled > self.settled {
            self.settled = settled;
            for tally in self.tallies.values_mut() {
                (tally.flapping, tally.recent) = (Flapping::default(), 0);
            }
        }
    }
}

impl Tally {
    fn take(&mut self, check: &Check, sample: &Sample) {
        self.flapping.take(sample.reading);
        self.recent = (self.recent << 1 | u128::from(sample.reading == Reading::Bad)) & ((1 << RECENT) - 1);
        if self.recent.trailing_zeros() >= QUIET {
            self.recent = 0;
        }
        match sample.reading {
            Reading::Good => {
                self.successes += 1;
                self.failures = 0;
                self.slow = 0;
                if self.confirmed == Status::Unknown || self.successes >= check.successes {
                    self.confirmed = Status::Healthy;
                }
            }
            Reading::Slow => {
                self.slow += 1;
                self.failures = 0;
                self.successes = 0;
                if self.slow >= check.failures {
                    self.confirmed = Status::Degraded;
                }
            }
            Reading::Bad => {
                self.failures += 1;
                self.slow = 0;
                self.successes = 0;
                if self.failures >= check.failures {
                    // The host's figures and the slow, thorough checks tell of trouble, not of an outage.
                    self.confirmed =
                        if check.level == CheckLevel::Comprehensive { Status::Degraded } else { Status::Down };
                    // What failed in an outage says nothing about how well it works after it.
                    self.recent = 0;
                }
            }
        }
        if sample.reading != Reading::Good {
            self.failing_since.get_or_insert(sample.at);
            self.trouble.clone_from(&sample.detail);
        } else if self.successes >= check.successes && self.status() == Status::Healthy {
            self.failing_since = None;
        }
    }

    fn status(&self) -> Status {
        match self.confirmed {
            Status::Healthy if self.flapping.flaps() || self.fails_often() => Status::Degraded,
            confirmed => confirmed,
        }
    }

    fn fails_often(&self) -> bool {
        self.recent.count_ones() > MANY
    }

    fn reason(&self, check: &str) -> String {
        match (self.confirmed, self.status()) {
            (Status::Healthy, Status::Healthy) => format!("{check} ok"),
            (Status::Healthy, _) if self.flapping.flaps() => {
                format!("{check} flaps, {} of its last 20 results changed: {}", self.flapping.changes(), self.trouble)
            }
            (Status::Healthy, _) => {
                let failed = self.recent.count_ones();
                format!("{check} failed {failed} times in its last {RECENT} runs: {}", self.trouble)
            }
            _ => format!("{check}: {}", self.trouble),
        }
    }
}

/// Decides whether a verdict is news.
pub(in crate::domain) fn record(state: &State, verdict: Verdict) -> Result<Vec<Event>, Refusal> {
    let Some(health) = state.services.get(&verdict.service) else {
        return Err(Refusal::unknown(Named::Service, &verdict.service));
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
            measured: None,
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

    #[test]
    fn what_the_quick_check_does_not_see_stands_until_the_thorough_one_has_run() {
        let (quick, deep) = (check("tcp", CheckLevel::Shallow, 3, 2), check("rows", CheckLevel::Deep, 3, 2));
        let mut judge = Judge::new("api", Status::Down).expecting([&quick, &deep]);
        for second in 0..5 {
            assert_eq!(judge.observe(&quick, &sample(&quick, second, Reading::Good)), None);
        }
        let verdict = judge.observe(&deep, &sample(&deep, 5, Reading::Good));
        assert_eq!(verdict.map(|verdict| verdict.status), Some(Status::Healthy));
        let mut fresh = Judge::new("api", Status::Unknown).expecting([&quick, &deep]);
        let verdict = fresh.observe(&quick, &sample(&quick, 0, Reading::Good));
        assert_eq!(verdict.map(|verdict| verdict.status), Some(Status::Healthy), "nothing bad is known of it");
    }

    /// The same judgement, read off the whole history: the last run of equal results that was long enough.
    fn by_history(readings: &[Reading], failures: usize, successes: usize) -> Status {
        let mut status = Status::Unknown;
        let mut icinga = Icinga::default();
        let (mut forgotten, mut fails_often) = (0, false);
        for end in 1..=readings.len() {
            let last = readings[end - 1];
            icinga.take(last);
            let run = readings[..end].iter().rev().take_while(|reading| **reading == last).count();
            status = match last {
                Reading::Good if run >= successes || status == Status::Unknown => Status::Healthy,
                Reading::Slow if run >= failures => Status::Degraded,
                Reading::Bad if run >= failures => Status::Down,
                _ => status,
            };
            let quiet = readings[..end].iter().rev().take_while(|reading| **reading != Reading::Bad).count();
            if quiet >= 20 || last == Reading::Bad && run >= failures {
                forgotten = end;
            }
            let recent = &readings[forgotten.max(end.saturating_sub(100))..end];
            fails_often = recent.iter().filter(|reading| **reading == Reading::Bad).count() > 5;
        }
        if status == Status::Healthy && (icinga.flapping || fails_often) { Status::Degraded } else { status }
    }

    /// States as Icinga 2 publishes them: a problem is soft until its attempts are used up, an answer ends it at once, and
    /// flapping is a weighted share of changes over a ring of 20 results.
    #[derive(Default)]
    struct Icinga {
        last: Option<Reading>,
        attempt: u32,
        hard_problem: bool,
        ring: [bool; 20],
        oldest: usize,
        flapping: bool,
    }

    impl Icinga {
        fn take(&mut self, reading: Reading) {
            self.ring[self.oldest] = self.last.is_some_and(|last| last != reading);
            self.last = Some(reading);
            self.oldest = (self.oldest + 1) % 20;
            let weighted = |at: usize| if self.ring[(self.oldest + at) % 20] { 0.8 + 0.02 * at as f64 } else { 0.0 };
            let value = 100.0 * (0..20).map(weighted).sum::<f64>() / 20.0;
            self.flapping = value > if self.flapping { 25.0 } else { 30.0 };
        }

        fn check(&mut self, reading: Reading, max_check_attempts: u32) {
            self.take(reading);
            if reading == Reading::Good {
                (self.attempt, self.hard_problem) = (0, false);
            } else {
                self.attempt = (self.attempt + 1).min(max_check_attempts);
                self.hard_problem = self.attempt == max_check_attempts;
            }
        }
    }

    #[test]
    fn what_flaps_is_told_once_and_over_when_it_has_been_quiet_for_long() {
        let check = check("tcp", CheckLevel::Shallow, 3, 2);
        let mut judge = Judge::new("api", Status::Unknown);
        let mut told = Vec::new();
        let mut observe = |second, reading| told.extend(judge.observe(&check, &sample(&check, second, reading)));
        observe(0, Reading::Good);
        for second in 1..60 {
            observe(second, if second % 2 == 0 { Reading::Good } else { Reading::Bad });
        }
        for second in 60..100 {
            observe(second, Reading::Good);
        }
        let statuses: Vec<Status> = told.iter().map(|verdict| verdict.status).collect();
        assert_eq!(statuses, [Status::Healthy, Status::Degraded, Status::Healthy]);
        assert_eq!(told[1].reason, "tcp flaps, 6 of its last 20 results changed: refused");
        assert_eq!(told[1].failing_since, DateTime::from_timestamp(1, 0));
    }

    #[test]
    fn what_a_recovery_ended_is_no_unrest() {
        let check = check("tcp", CheckLevel::Shallow, 1, 1);
        let outages = |settled_by: bool| {
            let (mut judge, mut state) = (Judge::new("api", Status::Unknown), State::default());
            state.services.insert("api".to_owned(), ServiceHealth::default());
            let mut told = Vec::new();
            for second in 0..30 {
                let reading = if second % 6 == 5 { Reading::Bad } else { Reading::Good };
                if let Some(verdict) = judge.observe(&check, &sample(&check, second, reading)) {
                    if verdict.status == Status::Healthy && settled_by {
                        state
                            .settled
                            .insert("api".to_owned(), DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(second));
                    }
                    state.services.get_mut("api").unwrap().status = verdict.status;
                    told.push(verdict.status);
                }
                judge.assume(&state);
            }
            told.contains(&Status::Degraded)
        };
        assert!(outages(false), "five outages in half a minute that ended by themselves");
        assert!(!outages(true));
    }

    #[test]
    fn failures_that_never_come_three_in_a_row_are_seen_all_the_same() {
        let check = check("tcp", CheckLevel::Shallow, 3, 2);
        let mut judge = Judge::new("api", Status::Unknown);
        let mut told = Vec::new();
        for second in 0..300 {
            let reading = if second % 15 == 14 && second < 150 { Reading::Bad } else { Reading::Good };
            told.extend(judge.observe(&check, &sample(&check, second, reading)));
        }
        let told: Vec<(Status, &str)> = told.iter().map(|verdict| (verdict.status, verdict.reason.as_str())).collect();
        let often = "tcp failed 6 times in its last 100 runs: refused";
        assert_eq!(told, [(Status::Healthy, "tcp ok"), (Status::Degraded, often), (Status::Healthy, "tcp ok")]);
    }

    #[test]
    fn an_outage_that_is_over_is_no_error_rate() {
        let check = check("tcp", CheckLevel::Shallow, 3, 2);
        let mut judge = Judge::new("api", Status::Unknown);
        let mut last = None;
        for second in 0..60 {
            let reading = if (20..40).contains(&second) { Reading::Bad } else { Reading::Good };
            last = judge.observe(&check, &sample(&check, second, reading)).or(last);
        }
        assert_eq!(last.map(|verdict| verdict.status), Some(Status::Healthy));
    }

    #[test]
    fn services_together_are_never_healthy_while_one_is_unknown() {
        use Status::{Degraded, Down, Healthy, Maintenance, Unknown};
        assert_eq!(Status::overall([Healthy, Unknown, Healthy]), Unknown);
        assert_eq!(Status::overall([Unknown, Degraded]), Degraded);
        assert_eq!(Status::overall([Degraded, Down, Unknown]), Down);
        assert_eq!(Status::overall([Healthy, Maintenance]), Healthy);
        assert_eq!(Status::overall([Maintenance]), Unknown);
        assert_eq!(Status::overall([]), Unknown);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn problems_and_flapping_are_those_of_icinga(
            readings in prop::collection::vec(prop::sample::select(vec![Reading::Good, Reading::Bad]), 1..90),
            stickiness in 1_usize..6,
            failures in 1_u32..6,
        ) {
            let check = check("tcp", CheckLevel::Shallow, failures, 1);
            let (mut tally, mut icinga) = (Tally::default(), Icinga::default());
            let readings = readings.iter().flat_map(|reading| vec![*reading; stickiness]);
            for (second, reading) in readings.enumerate() {
                tally.take(&check, &sample(&check, i64::try_from(second).unwrap(), reading));
                icinga.check(reading, failures);
                prop_assert_eq!(tally.confirmed == Status::Down, icinga.hard_problem);
                prop_assert_eq!(tally.flapping.flaps(), icinga.flapping, "after {} results", second + 1);
            }
        }

        #[test]
        fn the_judgement_follows_from_the_history(
            readings in prop::collection::vec(
                prop::sample::select(vec![Reading::Good, Reading::Slow, Reading::Bad, Reading::Good]), 0..200),
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
