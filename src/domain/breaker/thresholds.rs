//! By what a breaker opens and closes: the defaults, and what the platform file says of one service.

use std::time::Duration;

use chrono::TimeDelta;

use crate::{
    domain::State,
    platform::{Profile, RATE_MINIMUM, RATE_WINDOW, count},
};

/// Answers in a row that close a half-open breaker.
const PROBES: u32 = 3;
/// How long it stays open at first.
const WAIT: Duration = Duration::from_secs(60);
/// How long it stays open at most before probes are let through again.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// A share of failures that opens a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRate {
    /// Failures of 100 results of one check.
    pub percent: u32,
    /// The time over which they are taken, up to the newest.
    pub window: TimeDelta,
    /// Results in it without which nothing is known of a rate.
    pub minimum: u32,
}

impl BreakerRate {
    /// Whether so many failures of so many results are enough.
    #[must_use]
    pub fn is_reached(&self, failures: usize, results: usize) -> bool {
        results >= self.minimum as usize && failures * 100 >= self.percent as usize * results
    }
}

/// By what the breaker of one service opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerThresholds {
    /// Failures of one check that open it.
    pub failures: u32,
    /// The time within which they count; none: those in a row.
    pub within: Option<TimeDelta>,
    /// The share of failures that opens it too; none: no share does.
    pub rate: Option<BreakerRate>,
    /// Answers in a row that close it again.
    pub probes: u32,
    /// How long it stays open at first; each further time for twice as long.
    pub wait: TimeDelta,
    /// How long it stays open at most.
    pub longest_wait: TimeDelta,
}

impl BreakerThresholds {
    /// In one line.
    #[must_use]
    pub fn words(&self) -> String {
        let Self { failures, within, rate, probes, wait, longest_wait } = self;
        let failures = count(*failures as usize, "failure");
        let opens = match within {
            None => format!("{failures} in a row"),
            Some(within) => format!("{failures} in {}", short(*within)),
        };
        let opens = match rate {
            None => opens,
            Some(BreakerRate { percent, window, minimum }) => {
                format!("{opens} or {percent} % of {minimum} results or more in {}", short(*window))
            }
        };
        let answers = count(*probes as usize, "answer");
        format!("opens at {opens}, waits {} to {}, closes at {answers}", short(*wait), short(*longest_wait))
    }
}

/// `90s`, `5m`, `2h`: whole times of the largest unit that fits.
fn short(time: TimeDelta) -> String {
    match time.num_seconds() {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

impl State {
    /// By what the breaker of a service opens and closes.
    #[must_use]
    pub fn breaker_thresholds(&self, service: &str) -> BreakerThresholds {
        let rules = self.platform.service(service).map(|service| service.breaker).unwrap_or_default();
        let failures = match self.platform.profile {
            Profile::Production => 3,
            Profile::Drill | Profile::Staging => 5,
        };
        let span = |time: Duration| TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        let wait = rules.wait.unwrap_or_else(|| WAIT.min(rules.longest_wait.unwrap_or(WAIT)));
        BreakerThresholds {
            failures: rules.failures.unwrap_or(failures),
            within: rules.within.map(span),
            rate: rules.error_rate.map(|percent| BreakerRate {
                percent,
                window: span(rules.window.unwrap_or(RATE_WINDOW)),
                minimum: rules.minimum.unwrap_or(RATE_MINIMUM),
            }),
            probes: rules.probes.unwrap_or(PROBES),
            wait: span(wait),
            longest_wait: span(rules.longest_wait.unwrap_or(LONGEST_WAIT).max(wait)),
        }
    }
}
