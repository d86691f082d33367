//! The latest figures of every service: high-volume facts that are not events, folded the same way in engine and client.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Status;
use crate::platform::{Check, Platform, Reading, Sample, Service, seconds};

/// How many points of a service are kept.
const POINTS: usize = 120;

/// The latest figures of every service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vitals {
    /// By service.
    pub services: BTreeMap<String, ServiceVitals>,
}

/// The latest figures of one service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceVitals {
    /// Results of its checks, oldest first, at most 120.
    pub points: VecDeque<Point>,
    /// The latest result of each check, by its name. Boxed, as most services have one check and a map makes room for eleven.
    pub checks: BTreeMap<String, Box<Sample>>,
    /// How often in a row each check that is not good now came out as it did last.
    #[serde(default)]
    pub streaks: BTreeMap<String, u32>,
}

/// One result, as a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// When.
    pub at: DateTime<Utc>,
    /// How it went.
    pub reading: Reading,
    /// How long it took, in seconds.
    #[serde(with = "seconds", rename = "latencySeconds")]
    pub latency: Duration,
}

impl Vitals {
    /// How a service that is held to be so is now: old news is no news. What is worked on by plan is not watched.
    #[must_use]
    pub fn status_now(&self, service: &Service, held: Status, now: DateTime<Utc>) -> Status {
        let silence = || self.services.get(&service.name)?.silence_beyond(service.allowed_silence()?, now);
        if held != Status::Maintenance && silence().is_some() { Status::Unknown } else { held }
    }

    /// Takes one result in.
    pub fn take(&mut self, sample: Sample) {
        let service = self.services.entry(sample.service.clone()).or_default();
        if service.points.len() == POINTS {
            service.points.pop_front();
        }
        service.points.push_back(Point { at: sample.at, reading: sample.reading, latency: sample.latency });
        let streak = match (sample.reading, service.checks.get(&sample.check)) {
            (Reading::Good, _) => 0,
            (reading, Some(last)) if last.reading == reading => {
                service.streaks.get(&sample.check).map_or(1, |streak| streak.saturating_add(1))
            }
            _ => 1,
        };
        if streak == 0 {
            service.streaks.remove(&sample.check);
        } else {
            service.streaks.insert(sample.check.clone(), streak);
        }
        service.checks.insert(sample.check.clone(), Box::new(sample));
    }

    /// The latest result of every check.
    pub fn latest(&self) -> impl Iterator<Item = &Sample> {
        self.services.values().flat_map(|service| service.checks.values().map(AsRef::as_ref))
    }

    /// Forgets services that the platform file does not name any more.
    pub fn retain(&mut self, platform: &Platform) {
        self.services.retain(|name, _| platform.service(name).is_some());
    }
}

impl ServiceVitals {
    /// When it was last heard from.
    #[must_use]
    pub fn last_seen(&self) -> Option<DateTime<Utc>> {
        self.points.back().map(|point| point.at)
    }

    /// The 95th percentile of the time taken by checks that succeeded, if any did.
    #[must_use]
    pub fn p95(&self) -> Option<Duration> {
        let mut times: Vec<Duration> =
            self.points.iter().filter(|point| point.reading != Reading::Bad).map(|point| point.latency).collect();
        if times.is_empty() {
            return None;
        }
        times.sort_unstable();
        times.get((times.len() - 1) * 95 / 100).copied()
    }

    /// Share of failed checks among the last 30, 0 to 1, if there were any.
    #[must_use]
    pub fn error_rate(&self) -> Option<f64> {
        let last: Vec<_> = self.points.iter().rev().take(30).collect();
        if last.is_empty() {
            return None;
        }
        let bad = u32::try_from(last.iter().filter(|point| point.reading == Reading::Bad).count()).unwrap_or(0);
        let all = u32::try_from(last.len()).unwrap_or(1);
        Some(f64::from(bad) / f64::from(all))
    }

    /// Which results of a check are not good and do not count yet: how many in a row of how many that do.
    #[must_use]
    pub fn soft(&self, check: &Check) -> Option<(u32, u32)> {
        let streak = *self.streaks.get(&check.name)?;
        (streak < check.failures).then_some((streak, check.failures))
    }

    /// How long ago it was heard from, if that is longer than three times its most frequent check allows.
    #[must_use]
    pub fn silence(&self, platform: &Platform, service: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.silence_beyond(platform.service(service)?.allowed_silence()?, now)
    }

    /// How long ago it was heard from, if that is longer than allowed.
    #[must_use]
    pub fn silence_beyond(&self, allowed: Duration, now: DateTime<Utc>) -> Option<TimeDelta> {
        let age = now - self.last_seen()?;
        (age > TimeDelta::from_std(allowed).unwrap_or(TimeDelta::MAX)).then_some(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{CheckLevel, Probe};

    #[test]
    fn failures_are_soft_until_as_many_in_a_row_as_the_check_wants() {
        let second = Duration::from_secs(1);
        let probe = Probe::Tcp { address: "127.0.0.1:1".to_owned() };
        let (name, level) = ("tcp".to_owned(), CheckLevel::Shallow);
        let check =
            Check { name, level, every: second, within: second, slow: second, failures: 3, successes: 2, probe };
        let mut vitals = Vitals::default();
        let mut soft = |reading| {
            vitals.take(Sample {
                service: "api".to_owned(),
                check: "tcp".to_owned(),
                level,
                at: DateTime::UNIX_EPOCH,
                reading,
                latency: second,
                detail: String::new(),
                measured: None,
            });
            vitals.services["api"].soft(&check)
        };
        assert_eq!(soft(Reading::Good), None);
        assert_eq!(soft(Reading::Bad), Some((1, 3)));
        assert_eq!(soft(Reading::Bad), Some((2, 3)));
        assert_eq!(soft(Reading::Slow), Some((1, 3)), "slow is not failed");
        for expected in [Some((1, 3)), Some((2, 3)), None, None] {
            assert_eq!(soft(Reading::Bad), expected, "the third counts");
        }
        assert_eq!(soft(Reading::Good), None);
    }
}
