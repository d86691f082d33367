//! How a service was over days and months: the figures of a window, from the slots its samples were folded into.
//!
//! Time not watched is neither up nor down, and when it is more than half of a window, the window has no uptime. Planned work
//! is left out of the figure.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Forecast, Status,
    health::rollup::{Grain, Readings, Rollup, Standing},
};
use crate::platform::seconds;

/// Share of a window that must have been watched for its uptime to mean something.
const ENOUGH: f64 = 0.5;

/// A stretch of time up to now that figures are asked of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Window {
    /// 24 hours.
    #[default]
    #[serde(rename = "24h")]
    Day,
    /// 7 days.
    #[serde(rename = "7d")]
    Week,
    /// 30 days.
    #[serde(rename = "30d")]
    Month,
    /// 90 days.
    #[serde(rename = "90d")]
    Quarter,
}

/// Latencies that 50, 95 and 99 of 100 were not above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Percentiles {
    /// The median.
    #[serde(rename = "p50Seconds", with = "seconds")]
    pub p50: Duration,
    /// The 95th.
    #[serde(rename = "p95Seconds", with = "seconds")]
    pub p95: Duration,
    /// The 99th.
    #[serde(rename = "p99Seconds", with = "seconds")]
    pub p99: Duration,
}

/// The figures of readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadingFigures {
    /// How many there were.
    pub readings: u64,
    /// How many were slow.
    pub slow: u64,
    /// How many were bad.
    pub errors: u64,
    /// Share of bad ones, 0 to 1; None without readings.
    pub error_rate: Option<f64>,
    /// How long those took that were not bad; None without such readings.
    pub latency: Option<Percentiles>,
}

/// The figures of a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends.
    pub until: DateTime<Utc>,
    /// Share of the watched time outside planned work in which it was not down, 0 to 1; None when less than half was watched.
    pub uptime: Option<f64>,
    /// Share of the time that was watched, 0 to 1.
    pub watched: f64,
    /// For how long it was how; the outages are those that touch the time.
    #[serde(flatten)]
    pub standing: Standing,
    /// What its checks read.
    #[serde(flatten)]
    pub readings: ReadingFigures,
}

/// How a service was over a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The service.
    pub service: String,
    /// The window.
    pub window: Window,
    /// The figures of all of it.
    #[serde(flatten)]
    pub whole: Figures,
    /// Share of bad readings in the window before; None without readings.
    pub error_rate_before: Option<f64>,
    /// By how much the share of bad readings has grown since the window before; negative when it has fallen.
    pub error_trend: Option<f64>,
    /// What each check read, by its name.
    pub checks: BTreeMap<String, ReadingFigures>,
    /// Equal shares of the window, oldest first; the last may not be over yet.
    pub buckets: Vec<Figures>,
    /// What is to come, whatever the window; what is near first.
    #[serde(default)]
    pub ahead: Vec<Forecast>,
}

impl Window {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    /// How long it is.
    #[must_use]
    pub const fn length(self) -> TimeDelta {
        match self {
            Self::Day => TimeDelta::days(1),
            Self::Week => TimeDelta::days(7),
            Self::Month => TimeDelta::days(30),
            Self::Quarter => TimeDelta::days(90),
        }
    }

    /// The rollups it is read from.
    #[must_use]
    pub const fn grain(self) -> Grain {
        match self {
            Self::Day | Self::Week => Grain::Fine,
            Self::Month | Self::Quarter => Grain::Coarse,
        }
    }

    /// When it begins: it is made of whole slots, the last of which may not be over.
    #[must_use]
    pub fn from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.grain().ceiling(now) - self.length()
    }

    /// The next longer one; after the longest the shortest.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Day => Self::Week,
            Self::Week => Self::Month,
            Self::Month => Self::Quarter,
            Self::Quarter => Self::Day,
        }
    }
}

impl std::str::FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|window| window.name() == text);
        known.ok_or_else(|| format!("{text:?} is no window: it is one of 24h, 7d, 30d, 90d"))
    }
}

impl ReadingFigures {
    fn of(read: &Readings) -> Self {
        let readings = read.good + read.slow + read.bad;
        let percentiles = || {
            let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| read.latency.quantile(share));
            Some(Percentiles { p50: p50?, p95: p95?, p99: p99? })
        };
        Self {
            readings,
            slow: read.slow,
            errors: read.bad,
            error_rate: share(read.bad, readings),
            latency: percentiles(),
        }
    }
}

impl Figures {
    /// The worst that is known of it; unknown, unless something bad is known, when less than half of it was watched.
    #[must_use]
    pub fn worst(&self) -> Status {
        if !self.standing.down.is_zero() {
            Status::Down
        } else if !self.standing.degraded.is_zero() {
            Status::Degraded
        } else if self.watched < ENOUGH {
            Status::Unknown
        } else if !self.standing.planned.is_zero() {
            Status::Maintenance
        } else {
            Status::Healthy
        }
    }

    fn of(slots: &[Rollup], readings: &Readings, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let mut standing = Standing::default();
        slots.iter().for_each(|slot| standing.add(slot.standing));
        // An outage that had begun before touches the time too.
        let first = slots.iter().map(|slot| slot.standing).find(|standing| !standing.known().is_zero());
        standing.outages += u32::from(first.is_some_and(|first| !first.down.is_zero() && first.outages == 0));
        let all = (until - from).as_seconds_f64();
        let watched = if all > 0.0 { (standing.known().as_secs_f64() / all).min(1.0) } else { 0.0 };
        let judged = (standing.known() - standing.planned).as_secs_f64();
        let uptime = (watched >= ENOUGH && judged > 0.0).then(|| 1.0 - standing.down.as_secs_f64() / judged);
        Self { from, until, uptime, watched, standing, readings: ReadingFigures::of(readings) }
    }
}

impl History {
    /// The history of a service up to `now` from its rollups of the window, oldest first, in at most `buckets` equal
    /// shares; `before` is how many readings of the window before were bad, and how many there were.
    #[must_use]
    pub fn of(
        service: &str,
        window: Window,
        now: DateTime<Utc>,
        slots: &[Rollup],
        before: (u64, u64),
        buckets: usize,
    ) -> Self {
        let mut checks: BTreeMap<&str, Readings> = BTreeMap::new();
        let mut all = Readings::default();
        let mut shares = Vec::new();
        // Each slot is merged once: a window is the sum of its shares.
        for (from, until, own) in split(window, now, slots, buckets) {
            let mut readings = Readings::default();
            for (name, share) in read(own) {
                readings.add(&share);
                checks.entry(name).or_default().add(&share);
            }
            all.add(&readings);
            shares.push(Figures::of(own, &readings, from, until));
        }
        let whole = Figures::of(slots, &all, window.from(now), now);
        let error_rate_before = share(before.0, before.1);
        Self {
            service: service.to_owned(),
            window,
            error_trend: whole.readings.error_rate.zip(error_rate_before).map(|(rate, before)| rate - before),
            error_rate_before,
            checks: checks
                .into_iter()
                .map(|(name, readings)| (name.to_owned(), ReadingFigures::of(&readings)))
                .collect(),
            buckets: shares,
            ahead: Vec::new(),
            whole,
        }
    }
}

/// What each check read in some slots.
fn read(slots: &[Rollup]) -> BTreeMap<&str, Readings> {
    let mut checks: BTreeMap<&str, Readings> = BTreeMap::new();
    for (name, readings) in slots.iter().flat_map(|slot| &slot.checks) {
        checks.entry(name).or_default().add(readings);
    }
    checks
}

/// A share of a window: when it begins, when it ends, and its slots.
type Share<'a> = (DateTime<Utc>, DateTime<Utc>, &'a [Rollup]);

/// Equal shares of a window; each is made of whole slots, so there may be fewer than wanted.
fn split(window: Window, now: DateTime<Utc>, slots: &[Rollup], wanted: usize) -> Vec<Share<'_>> {
    let slot = window.grain().length().num_seconds();
    let all = window.length().num_seconds() / slot;
    let wanted = i64::try_from(wanted).unwrap_or(i64::MAX).clamp(1, all);
    let width = TimeDelta::seconds((all + wanted - 1) / wanted * slot);
    let mut shares = Vec::new();
    let (mut from, mut rest) = (window.from(now), slots);
    while from < now {
        let until = from + width;
        let (own, later) = rest.split_at(rest.partition_point(|slot| slot.from < until));
        shares.push((from, until.min(now), own));
        (from, rest) = (until, later);
    }
    shares
}

/// A share as people say it, such as `99.95 %`: rounded down, so that only what is whole is called so.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share.clamp(0.0, 1.0) * 100.0;
    // What a float lost below the digits that are shown is not taken for a loss.
    let floor = |digits: f64| ((percent + 1e-9) * digits).floor() / digits;
    match percent {
        100.0 => "100 %".to_owned(),
        99.99.. => format!("{:.3} %", floor(1000.0)),
        90.0.. => format!("{:.2} %", floor(100.0)),
        _ => format!("{:.1} %", floor(10.0)),
    }
}

fn share(part: u64, all: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    (all > 0).then(|| part as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::health::rollup::{
            Witness,
            tests::{seconds, time, witness},
        },
        platform::Reading,
    };

    /// A whole slot.
    fn slot(second: i64, grain: Grain, status: Status) -> Rollup {
        let mut slot = Rollup::new(time(second));
        let whole = grain.length().to_std().unwrap();
        match status {
            Status::Healthy => slot.standing.up = whole,
            Status::Degraded => slot.standing.degraded = whole,
            Status::Down => (slot.standing.down, slot.standing.outages) = (whole, 1),
            Status::Maintenance => slot.standing.planned = whole,
            Status::Unknown => return slot,
        }
        let read = slot.checks.entry("http".to_owned()).or_default();
        for _ in 0..9 {
            read.take(&witness(second, Reading::Good, status));
        }
        let last = if status == Status::Down { Reading::Bad } else { Reading::Slow };
        read.take(&Witness { latency: Duration::from_millis(900), ..witness(second, last, status) });
        slot
    }

    /// A day of slots, of which those at some places are something else than healthy.
    fn day(others: &[(i64, Status)]) -> Vec<Rollup> {
        let status =
            |place| others.iter().find(|(other, _)| *other == place).map_or(Status::Healthy, |(_, status)| *status);
        (0..288).map(|place| slot(place * 300, Grain::Fine, status(place))).collect()
    }

    fn history(slots: &[Rollup]) -> History {
        History::of("auth", Window::Day, time(86_400), slots, (1, 2880), 24)
    }

    #[test]
    fn uptime_outages_latency_and_trend_are_as_calculated_by_hand() {
        let slots = day(&[
            (10, Status::Down),
            (100, Status::Down),
            (101, Status::Degraded),
            (200, Status::Maintenance),
            (201, Status::Unknown),
        ]);
        let over = history(&slots);
        // 288 slots: one not watched, one planned; of the other 286, two were down.
        assert_eq!(over.whole.uptime, Some(1.0 - 2.0 / 286.0));
        assert_eq!(over.whole.watched, 287.0 / 288.0);
        assert_eq!(seconds(over.whole.standing), [283 * 300, 300, 600, 300]);
        assert_eq!(over.whole.standing.outages, 2);
        // Ten readings a slot, one of them bad in a slot that is down.
        assert_eq!(
            (over.whole.readings.readings, over.whole.readings.errors, over.whole.readings.slow),
            (2870, 2, 285)
        );
        assert_eq!(over.error_rate_before, Some(1.0 / 2880.0));
        assert_eq!(over.error_trend, Some(2.0 / 2870.0 - 1.0 / 2880.0));
        // Nine of ten took 100 ms, one 900 ms.
        let took = over.whole.readings.latency.unwrap();
        for (told, exact) in [(took.p50, 0.1), (took.p95, 0.9), (took.p99, 0.9)] {
            assert!((told.as_secs_f64() - exact).abs() <= exact * 0.02, "{told:?} for {exact} s");
        }
        assert_eq!(over.checks["http"], over.whole.readings);
    }

    #[test]
    fn an_outage_that_began_before_is_one_of_the_window() {
        let mut slot = slot(0, Grain::Fine, Status::Down);
        slot.standing.outages = 0;
        assert_eq!(history(&[slot]).whole.standing.outages, 1, "it touches the time all the same");
    }

    #[test]
    fn too_little_watched_is_unknown_and_never_up() {
        let half = day(&(0..144).map(|place| (place, Status::Unknown)).collect::<Vec<_>>());
        assert_eq!(history(&half).whole.uptime, Some(1.0));
        let less = day(&(0..145).map(|place| (place, Status::Unknown)).collect::<Vec<_>>());
        let over = history(&less);
        assert_eq!(over.whole.uptime, None);
        assert_eq!(over.buckets.iter().map(Figures::worst).filter(|worst| *worst == Status::Healthy).count(), 12);
        let planned = day(&(0..288).map(|place| (place, Status::Maintenance)).collect::<Vec<_>>());
        assert_eq!(history(&planned).whole.uptime, None, "all of it was planned work");
        let nothing = History::of("auth", Window::Day, time(86_400), &[], (0, 0), 24);
        assert_eq!((nothing.error_rate_before, nothing.error_trend), (None, None));
        assert_eq!((nothing.whole.uptime, nothing.whole.watched, nothing.buckets.len()), (None, 0.0, 24));
        assert!(nothing.buckets.iter().all(|bucket| bucket.worst() == Status::Unknown));
    }

    #[test]
    fn shares_of_a_window_are_whole_slots_and_end_now() {
        let slots = day(&[(13, Status::Down)]);
        let over = history(&slots);
        assert_eq!(over.buckets.len(), 24);
        assert_eq!((over.buckets[1].from, over.buckets[1].until), (time(3600), time(7200)));
        let down: Vec<usize> = (0..24).filter(|place| over.buckets[*place].worst() == Status::Down).collect();
        assert_eq!(down, [1]);
        let later = History::of("auth", Window::Day, time(86_401), &slots, (0, 0), 1000);
        assert_eq!((later.whole.from, later.buckets.len()), (time(300), 288));
        assert_eq!(later.buckets[287].until, time(86_401));
        let month = History::of("auth", Window::Month, time(86_400), &slots, (0, 0), 7);
        assert_eq!((month.buckets.len(), month.buckets[6].until), (7, time(86_400)));
    }

    #[test]
    fn hours_say_what_their_slots_said() {
        let fine = day(&[(13, Status::Down)]);
        let hours = Rollup::coarse(fine.clone());
        assert_eq!((hours.len(), hours[1].from, hours[1].standing.down.as_secs()), (24, time(3600), 300));
        let told = |slots: &[Rollup]| History::of("auth", Window::Day, time(86_400), slots, (0, 0), 1).whole;
        assert_eq!(told(&hours), told(&fine));
    }

    #[test]
    fn only_what_is_whole_is_called_so() {
        let told = [1.0, 0.999_999, 0.9995, 0.99, 0.5, 0.0].map(percent);
        assert_eq!(told, ["100 %", "99.999 %", "99.95 %", "99.00 %", "50.0 %", "0.0 %"]);
    }

    #[test]
    fn the_json_form_comes_back_as_it_was() {
        let over = history(&day(&[(3, Status::Down)]));
        let json = serde_json::to_value(&over).unwrap();
        assert_eq!(
            (&json["window"], &json["downSeconds"], &json["outages"]),
            (&"24h".into(), &300.0.into(), &1.into())
        );
        assert!(json["buckets"][0]["latency"]["p95Seconds"].is_f64() && json["errorTrend"].is_f64(), "{json}");
        assert_eq!(serde_json::from_value::<History>(json).unwrap(), over);
    }
}
