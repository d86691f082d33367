//! What of the results of checks is news to somebody who follows over a slow link, and how the rest is told in one line: all
//! others went on as they did last.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{ServiceVitals, Vitals};
use crate::{
    domain::State,
    platform::{Measure, Platform, Reading, Sample, Service},
};

/// A difference in time taken that nobody sees on a board.
const SAME: Duration = Duration::from_millis(100);
/// So many results in a row that are not good are told one by one, as they may lead to a judgement.
const COUNTED: u32 = 10;
/// At longest between two words about all the rest.
const LONGEST: Duration = Duration::from_secs(30);
/// At shortest.
const SHORTEST: Duration = Duration::from_secs(1);
/// Results that are made up for a check at once at most: more are not kept.
const REPEATED: u32 = 120;

/// What a reader was told last of each check.
#[derive(Debug)]
pub struct Told {
    services: BTreeMap<String, BTreeMap<String, Last>>,
    since: DateTime<Utc>,
}

#[derive(Debug)]
struct Last {
    reading: Reading,
    latency: Duration,
    detail: String,
    measured: Option<Measure>,
    alike: u32,
    heard: DateTime<Utc>,
}

impl Last {
    fn of(sample: &Sample, alike: u32) -> Self {
        Self {
            reading: sample.reading,
            latency: sample.latency,
            detail: without_digits(&sample.detail),
            measured: sample.measured,
            alike,
            heard: sample.at,
        }
    }

    fn is_like(&self, sample: &Sample) -> bool {
        self.reading == sample.reading
            && is_close(self.latency, sample.latency)
            && (sample.reading == Reading::Good
                || (self.alike > COUNTED && self.detail == without_digits(&sample.detail)))
            && match (self.measured, sample.measured) {
                (Some(one), Some(other)) => {
                    one.quantity == other.quantity
                        && (one.value - other.value).abs() <= 0.05 * one.value.abs().max(other.value.abs())
                }
                (one, other) => one.is_none() && other.is_none(),
            }
    }
}

fn is_close(one: Duration, other: Duration) -> bool {
    let (shorter, longer) = (one.min(other), one.max(other));
    longer - shorter <= SAME || longer <= shorter * 2
}

/// A text without its numbers, which differ from result to result.
fn without_digits(text: &str) -> String {
    text.chars().filter(|character| !character.is_ascii_digit()).collect()
}

impl Told {
    /// Somebody who knows these figures.
    #[must_use]
    pub fn knowing(vitals: &Vitals, now: DateTime<Utc>) -> Self {
        let mut told = Self { services: BTreeMap::new(), since: now };
        for service in vitals.services.values() {
            for sample in service.checks.values() {
                let streak = service.streaks.get(&sample.check).copied().unwrap_or_default();
                told.keep(sample, Last::of(sample, streak));
            }
        }
        told
    }

    fn keep(&mut self, sample: &Sample, last: Last) {
        self.services.entry(sample.service.clone()).or_default().insert(sample.check.clone(), last);
    }

    /// Takes a result in and says whether it has to be told.
    pub fn is_news(&mut self, sample: &Sample) -> bool {
        let last = self.services.get_mut(&sample.service).and_then(|checks| checks.get_mut(&sample.check));
        let alike = match last {
            Some(last) if last.heard >= sample.at => return false,
            Some(last) => {
                let alike = if last.reading == sample.reading { last.alike.saturating_add(1) } else { 1 };
                if last.is_like(sample) {
                    (last.heard, last.alike) = (sample.at, alike);
                    return false;
                }
                alike
            }
            None => 1,
        };
        self.keep(sample, Last::of(sample, alike));
        true
    }

    /// What is said of all the rest.
    #[must_use]
    pub fn heard(&self, platform: &Platform, now: DateTime<Utc>) -> Heard {
        let mut late: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for service in &platform.services {
            for check in &service.checks {
                let last = self.services.get(&service.name).and_then(|checks| checks.get(&check.name));
                let heard = last.map_or(self.since, |last| last.heard.max(self.since));
                if now - heard > TimeDelta::from_std(check.every.mul_f64(1.5) + check.within).unwrap_or(TimeDelta::MAX)
                {
                    late.entry(service.name.clone()).or_default().insert(check.name.clone());
                }
            }
        }
        Heard { until: now, late }
    }
}

/// How often all the rest is spoken of: often enough that no service looks as if nothing had been heard of it.
#[must_use]
pub fn heard_every(platform: &Platform) -> Duration {
    let allowed = platform.services.iter().filter_map(Service::allowed_silence).min();
    allowed.map_or(LONGEST, |allowed| (allowed / 3).clamp(SHORTEST, LONGEST))
}

/// Every check went on as was told last, but for those that are late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// Up to when.
    pub until: DateTime<Utc>,
    /// Checks that have given no result in time, by service.
    #[serde(default)]
    pub late: BTreeMap<String, BTreeSet<String>>,
}

impl Vitals {
    /// Every check went on as it did last, but for those that are late.
    pub fn go_on(&mut self, platform: &Platform, heard: &Heard) {
        for service in &platform.services {
            let late = heard.late.get(&service.name);
            let mut alike = Vec::new();
            for check in &service.checks {
                if late.is_some_and(|late| late.contains(&check.name)) {
                    continue;
                }
                let last = self.services.get(&service.name).and_then(|service| service.checks.get(&check.name));
                let (Some(mut next), Ok(every)) = (last.cloned(), TimeDelta::from_std(check.every)) else { continue };
                if every <= TimeDelta::zero() {
                    continue;
                }
                let kept = every * i32::try_from(REPEATED).unwrap_or(i32::MAX);
                next.at = next.at.max(heard.until - kept);
                while next.at + every <= heard.until {
                    next.at += every;
                    alike.push((*next).clone());
                }
            }
            alike.sort_by_key(|sample| sample.at);
            alike.into_iter().for_each(|sample| self.take(sample));
        }
    }

    /// Takes in what another copy has that is newer.
    pub fn catch_up(&mut self, other: Self) {
        for (name, service) in other.services {
            for (check, sample) in service.checks {
                let known = self.services.get(&name).and_then(|known| known.checks.get(&check));
                if known.is_none_or(|known| known.at < sample.at) {
                    self.take(*sample);
                }
            }
        }
    }

    /// The same with no more than so many points of each service, and no finer than a slow link is worth: times to the second, times
    /// taken to two digits.
    #[must_use]
    pub fn coarse(mut self, points: usize) -> Self {
        for service in self.services.values_mut() {
            let ServiceVitals { points: all, checks, .. } = service;
            all.drain(..all.len().saturating_sub(points));
            for point in all {
                point.at = point.at.trunc_subsecs(0);
                point.latency = two_digits(point.latency);
            }
            for sample in checks.values_mut() {
                sample.at = sample.at.trunc_subsecs(0);
                sample.latency = two_digits(sample.latency);
            }
        }
        self
    }
}

fn two_digits(time: Duration) -> Duration {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let unit = 10_u64.pow(micros.checked_ilog10().unwrap_or_default().saturating_sub(1));
    Duration::from_micros(micros / unit * unit)
}

impl State {
    /// The same without what only pages of one service show: enough for a first picture over a slow link.
    #[must_use]
    pub fn brief(&self) -> Self {
        let mut platform = Platform::clone(&self.platform);
        for service in &mut platform.services {
            service.checks.clear();
            service.actions.clear();
            service.logs.clear();
            service.log.clear();
        }
        let mut brief = Self { platform: platform.into(), ..self.clone() };
        for health in brief.services.values_mut() {
            health.since = health.since.map(|since| since.trunc_subsecs(0));
        }
        brief
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::platform::{Check, CheckLevel, Probe, parse};

    fn sample(second: i64, reading: Reading, millis: u64) -> Sample {
        Sample {
            service: "api".to_owned(),
            check: "tcp".to_owned(),
            level: CheckLevel::Shallow,
            at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
            reading,
            latency: Duration::from_millis(millis),
            detail: format!("{reading:?} after {millis} ms"),
            measured: None,
        }
    }

    fn platform(every: u64) -> Platform {
        let text = format!(
            "[platform]\nname = \"P\"\n[[service]]\nname = \"api\"\n[[service.check]]\nname = \"tcp\"\n\
             tcp = \"127.0.0.1:1\"\nevery = \"{every}s\"\nwithin = \"1s\"\n"
        );
        let platform = parse(&text, Path::new("codeblue.toml")).unwrap();
        assert!(matches!(platform.services[0].checks[..], [Check { probe: Probe::Tcp { .. }, .. }]));
        platform
    }

    #[test]
    fn who_follows_the_news_alone_ends_with_the_same_judgement_and_nearly_the_same_figures() {
        let platform = platform(10);
        let (mut engine, mut board) = (Vitals::default(), Vitals::default());
        let mut told = Told::knowing(&engine, DateTime::UNIX_EPOCH);
        let mut sent = 0;
        for round in 0..400 {
            let reading = match round {
                100..103 | 200..230 => Reading::Bad,
                _ => Reading::Good,
            };
            let millis = if round >= 300 { 900 } else { 20 + 3 * (round % 5) };
            let sample = sample(i64::try_from(round).unwrap() * 10, reading, millis);
            let at = sample.at;
            engine.take(sample.clone());
            if told.is_news(&sample) {
                sent += 1;
                board.take(sample);
            } else if round % 3 == 0 {
                board.go_on(&platform, &told.heard(&platform, at));
            }
            let (ours, theirs) = (&engine.services["api"], &board.services["api"]);
            assert_eq!(ours.checks["tcp"].reading, theirs.checks["tcp"].reading, "round {round}");
            let behind = ours.last_seen().unwrap() - theirs.last_seen().unwrap();
            assert!(behind <= TimeDelta::seconds(30), "round {round}: {behind}");
            let apart = (ours.error_rate().unwrap() - theirs.error_rate().unwrap()).abs();
            assert!(apart < 0.15, "round {round}: {apart}");
            if reading == Reading::Bad && round < 103 {
                assert_eq!(ours.streaks, theirs.streaks, "round {round}");
            }
        }
        assert!(sent < 30, "{sent} of 400 were sent");
        let p95 = |vitals: &Vitals| vitals.services["api"].p95().unwrap();
        assert_eq!(p95(&engine), p95(&board));
    }

    #[test]
    fn what_is_not_heard_of_does_not_go_on() {
        let platform = platform(10);
        let first = sample(0, Reading::Good, 20);
        let mut board = Vitals::default();
        board.take(first.clone());
        let told = Told::knowing(&board, first.at);
        let at = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
        assert!(told.heard(&platform, at(15)).late.is_empty(), "it is due");
        let heard = told.heard(&platform, at(17));
        assert_eq!(heard.late["api"].first().map(String::as_str), Some("tcp"));
        board.go_on(&platform, &heard);
        assert_eq!(board.services["api"].last_seen(), Some(at(0)));
        assert!(board.services["api"].silence(&platform, "api", at(34)).is_some(), "it looks stale");
    }

    #[test]
    fn a_digest_comes_before_a_service_could_look_forgotten() {
        assert_eq!(heard_every(&platform(30)), LONGEST);
        assert_eq!(heard_every(&platform(2)), Duration::from_secs(3));
    }

    #[test]
    fn figures_for_a_slow_link_are_fewer_and_coarser_and_what_came_meanwhile_is_kept() {
        let mut vitals = Vitals::default();
        for round in 0..50 {
            vitals.take(sample(round, Reading::Good, 1234));
        }
        let mut coarse = vitals.clone().coarse(30);
        assert_eq!(coarse.services["api"].points.len(), 30);
        assert_eq!(coarse.services["api"].p95(), Some(Duration::from_millis(1200)));
        vitals.take(sample(50, Reading::Bad, 7));
        coarse.catch_up(vitals.clone());
        assert_eq!(coarse.services["api"].checks["tcp"].reading, Reading::Bad);
        assert_eq!(coarse.services["api"].points.len(), 31);
        coarse.catch_up(vitals);
        assert_eq!(coarse.services["api"].points.len(), 31, "once");
    }
}
