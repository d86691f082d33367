//! From results of checks to a breaker that has to change.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};

use super::{BreakerRate, BreakerState};
use crate::{
    domain::{Command, State, Status},
    platform::{Check, CheckLevel, MOST_RESULTS, Reading, Sample},
};

/// Counts the results of the shallow and deep checks of one service, and tells when its breaker has to change. A slow answer is
/// an answer. What was begun before the breaker last changed says nothing about what is true now, and what fails during planned
/// work is expected.
#[derive(Debug, Clone, Default)]
pub struct BreakerCounter {
    /// Of each check the times of the failures that count, oldest first.
    failures: BTreeMap<String, VecDeque<DateTime<Utc>>>,
    /// Of each check its results in the window of a rate, oldest first, and whether each was a failure.
    results: BTreeMap<String, VecDeque<(DateTime<Utc>, bool)>>,
    answers: u32,
    opener_answered: bool,
    since: Option<DateTime<Utc>>,
}

impl BreakerCounter {
    /// Takes one result in; gives the command that changes the breaker by it.
    pub fn observe(&mut self, state: &State, check: &Check, sample: &Sample) -> Option<Command> {
        if check.level == CheckLevel::Comprehensive {
            return None;
        }
        let breaker = state.breakers.get(&sample.service);
        let since = breaker.and_then(|breaker| breaker.since);
        let in_maintenance =
            state.services.get(&sample.service).is_some_and(|health| health.status == Status::Maintenance);
        if self.since != since || in_maintenance {
            *self = Self { since, ..Self::default() };
        }
        if in_maintenance || since.is_some_and(|since| sample.at < since) {
            return None;
        }
        let failed = sample.reading == Reading::Bad;
        match breaker.map_or(BreakerState::Closed, |breaker| breaker.state) {
            BreakerState::Closed => self.while_closed(state, check, sample, failed),
            BreakerState::HalfOpen if failed => {
                let reason = format!("a probe failed: {} {}", check.name, sample.detail);
                Some(changed(sample, check, BreakerState::Open, reason))
            }
            BreakerState::HalfOpen => {
                let opener = breaker.and_then(|breaker| breaker.check.as_ref());
                self.answers += 1;
                self.opener_answered |= opener.is_none_or(|opener| *opener == check.name);
                (self.answers >= state.breaker_thresholds(&sample.service).probes && self.opener_answered).then(|| {
                    let reason = format!("{} probes in a row were answered", self.answers);
                    changed(sample, check, BreakerState::Closed, reason)
                })
            }
            BreakerState::Open | BreakerState::ForcedOpen | BreakerState::ForcedClosed => None,
        }
    }

    fn while_closed(&mut self, state: &State, check: &Check, sample: &Sample, failed: bool) -> Option<Command> {
        let thresholds = state.breaker_thresholds(&sample.service);
        let failures = self.failures.entry(check.name.clone()).or_default();
        match thresholds.within {
            None if !failed => failures.clear(),
            None => {}
            Some(within) => failures.retain(|at| *at > sample.at - within),
        }
        if failed {
            failures.push_back(sample.at);
        }
        let many = failures.len();
        if many < thresholds.failures as usize {
            return thresholds.rate.and_then(|rate| self.by_rate(rate, check, sample, failed));
        }
        let how = match thresholds.within {
            None => "in a row".to_owned(),
            Some(within) => format!("within {}s", within.num_seconds()),
        };
        let reason = format!("{} failed {many} times {how}: {}", check.name, sample.detail);
        failures.clear();
        Some(changed(sample, check, BreakerState::Open, reason))
    }

    /// An answer can lower a rate alone, so only a failure opens it.
    fn by_rate(&mut self, rate: BreakerRate, check: &Check, sample: &Sample, failed: bool) -> Option<Command> {
        let results = self.results.entry(check.name.clone()).or_default();
        results.push_back((sample.at, failed));
        results.retain(|(at, _)| *at > sample.at - rate.window);
        while results.len() > MOST_RESULTS as usize {
            results.pop_front();
        }
        let failures = results.iter().filter(|(_, failed)| *failed).count();
        if !failed || !rate.is_reached(failures, results.len()) {
            return None;
        }
        let window = rate.window.num_seconds();
        let reason =
            format!("{} failed {failures} times of {} within {window}s: {}", check.name, results.len(), sample.detail);
        results.clear();
        Some(changed(sample, check, BreakerState::Open, reason))
    }
}

fn changed(sample: &Sample, check: &Check, to: BreakerState, reason: String) -> Command {
    Command::RecordBreaker { service: sample.service.clone(), check: check.name.clone(), to, reason }
}
