//! Samples folded into slots of time: for how long a service was how, and what its checks read.
//!
//! **What counts as down.** A bad reading alone means nothing: a check that failed once wakes nobody. What counts is the
//! judgement that was in force when a sample came in, so the figure agrees with what the board showed and the journal
//! holds. A judgement is known to hold from a sample to the next one of the service, but no longer than the service may be
//! silent; the time after that was not watched.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Status, health::sketch::Sketch};
use crate::platform::{CheckLevel, Measure, Reading, seconds};

/// A length of time that rollups are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    /// Five minutes.
    Fine,
    /// An hour.
    Coarse,
}

/// A sample with what was held true of its service when it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Witness {
    /// When.
    pub at: DateTime<Utc>,
    /// The check.
    pub check: String,
    /// How it ended.
    pub reading: Reading,
    /// How long it took.
    pub latency: Duration,
    /// The judgement in force.
    pub judged: Status,
    /// How much was used of what can be used up.
    pub measured: Option<Measure>,
}

/// What is known of a service in a slot of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollup {
    /// When the slot begins.
    pub from: DateTime<Utc>,
    /// How the service was.
    pub standing: Standing,
    /// What its checks read, by their names.
    pub checks: BTreeMap<String, Readings>,
}

/// For how long a service was how; what is missing was not watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Healthy.
    #[serde(rename = "upSeconds", with = "seconds")]
    pub up: Duration,
    /// Degraded.
    #[serde(rename = "degradedSeconds", with = "seconds")]
    pub degraded: Duration,
    /// Down.
    #[serde(rename = "downSeconds", with = "seconds")]
    pub down: Duration,
    /// Under planned work.
    #[serde(rename = "plannedSeconds", with = "seconds")]
    pub planned: Duration,
    /// How often it went down.
    pub outages: u32,
}

/// What readings said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings {
    /// How many were good.
    pub good: u64,
    /// How many were slow.
    pub slow: u64,
    /// How many were bad.
    pub bad: u64,
    /// How long those took that were not bad.
    pub latency: Sketch,
    /// How much was used of what can be used up, as it was measured last.
    pub measured: Option<Measure>,
}

impl Grain {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Fine, Self::Coarse];

    /// How long a slot is.
    #[must_use]
    pub const fn length(self) -> TimeDelta {
        match self {
            Self::Fine => TimeDelta::minutes(5),
            Self::Coarse => TimeDelta::hours(1),
        }
    }

    /// The beginning of the slot that a moment lies in.
    #[must_use]
    pub fn floor(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let length = self.length().num_seconds();
        DateTime::from_timestamp(at.timestamp().div_euclid(length) * length, 0).unwrap_or(at)
    }

    /// The moment itself when a slot begins with it, else the beginning of the next slot.
    #[must_use]
    pub fn ceiling(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let floor = self.floor(at);
        if floor < at { floor.checked_add_signed(self.length()).unwrap_or(at) } else { at }
    }
}

/// What is held of a service by a reading alone, for samples that came without a judgement.
#[must_use]
pub fn judged_alone(level: CheckLevel, reading: Reading) -> Status {
    match (reading, level) {
        (Reading::Good, _) => Status::Healthy,
        (Reading::Bad, CheckLevel::Shallow | CheckLevel::Deep) => Status::Down,
        (Reading::Slow | Reading::Bad, _) => Status::Degraded,
    }
}

/// Folds the samples of a service between two moments into fine slots, oldest first. `last` is its last sample before
/// them: when it was, and what was judged. Samples come oldest first; `patience` is how long the service may be silent.
#[must_use]
pub fn fold(
    last: Option<(DateTime<Utc>, Status)>,
    samples: &[Witness],
    patience: Duration,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<Rollup> {
    let mut slots = BTreeMap::new();
    let patience = TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX);
    let hold = |slots: &mut BTreeMap<_, _>, (at, status): (DateTime<Utc>, Status), next: DateTime<Utc>| {
        let end = at.checked_add_signed(patience).map_or(next, |end| end.min(next));
        spread(slots, status, at.max(from), end);
    };
    let mut last = last;
    for sample in samples {
        if let Some(last) = last {
            hold(&mut slots, last, sample.at);
        }
        let slot = slot(&mut slots, sample.at);
        slot.checks.entry(sample.check.clone()).or_default().take(sample);
        if sample.judged == Status::Down && last.is_none_or(|(_, judged)| judged != Status::Down) {
            slot.standing.outages += 1;
        }
        last = Some((sample.at, sample.judged));
    }
    if let Some(last) = last {
        hold(&mut slots, last, until);
    }
    slots.into_values().collect()
}

fn slot(slots: &mut BTreeMap<DateTime<Utc>, Rollup>, at: DateTime<Utc>) -> &mut Rollup {
    let from = Grain::Fine.floor(at);
    slots.entry(from).or_insert_with(|| Rollup::new(from))
}

/// Adds a status that held from one moment to another to the slots between them.
fn spread(slots: &mut BTreeMap<DateTime<Utc>, Rollup>, status: Status, from: DateTime<Utc>, until: DateTime<Utc>) {
    let mut from = from;
    while from < until {
        let end = (Grain::Fine.floor(from) + Grain::Fine.length()).min(until);
        let part = (end - from).to_std().unwrap_or_default();
        let standing = match status {
            Status::Unknown => return,
            Status::Healthy => Standing { up: part, ..Standing::default() },
            Status::Degraded => Standing { degraded: part, ..Standing::default() },
            Status::Down => Standing { down: part, ..Standing::default() },
            Status::Maintenance => Standing { planned: part, ..Standing::default() },
        };
        slot(slots, from).standing.add(standing);
        from = end;
    }
}

impl Rollup {
    /// A slot of which nothing is known yet.
    #[must_use]
    pub fn new(from: DateTime<Utc>) -> Self {
        Self { from, standing: Standing::default(), checks: BTreeMap::new() }
    }

    /// Fine slots as coarse ones. They come oldest first.
    #[must_use]
    pub fn coarse(fine: Vec<Self>) -> Vec<Self> {
        let mut hours: Vec<Self> = Vec::new();
        for slot in fine {
            let from = Grain::Coarse.floor(slot.from);
            match hours.last_mut().filter(|hour| hour.from == from) {
                None => hours.push(Self { from, ..slot }),
                Some(hour) => {
                    hour.standing.add(slot.standing);
                    for (check, readings) in slot.checks {
                        hour.checks.entry(check).or_default().add(&readings);
                    }
                }
            }
        }
        hours
    }
}

impl Standing {
    /// Time in which something was known.
    #[must_use]
    pub fn known(&self) -> Duration {
        self.up + self.degraded + self.down + self.planned
    }

    pub(super) fn add(&mut self, other: Self) {
        self.up += other.up;
        self.degraded += other.degraded;
        self.down += other.down;
        self.planned += other.planned;
        self.outages = self.outages.saturating_add(other.outages);
    }
}

impl Readings {
    pub(super) fn take(&mut self, sample: &Witness) {
        self.measured = sample.measured.or(self.measured);
        match sample.reading {
            Reading::Good => self.good += 1,
            Reading::Slow => self.slow += 1,
            Reading::Bad => {
                self.bad += 1;
                return;
            }
        }
        self.latency.add(sample.latency);
    }

    /// Takes in what came later.
    pub(super) fn add(&mut self, other: &Self) {
        self.measured = other.measured.or(self.measured);
        self.good += other.good;
        self.slow += other.slow;
        self.bad += other.bad;
        self.latency.merge(&other.latency);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// So many seconds after a midnight.
    pub fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_057_600 + seconds, 0).unwrap()
    }

    pub fn witness(second: i64, reading: Reading, judged: Status) -> Witness {
        let latency = Duration::from_millis(100);
        Witness { at: time(second), check: "http".to_owned(), reading, latency, judged, measured: None }
    }

    pub fn seconds(standing: Standing) -> [u64; 4] {
        [standing.up, standing.degraded, standing.down, standing.planned].map(|time| time.as_secs())
    }

    const PATIENCE: Duration = Duration::from_secs(100);

    #[test]
    fn a_judgement_holds_to_the_next_sample_and_no_longer_than_silence_is_allowed() {
        let samples = [
            witness(10, Reading::Good, Status::Healthy),
            witness(50, Reading::Bad, Status::Healthy),
            witness(90, Reading::Bad, Status::Down),
            witness(290, Reading::Slow, Status::Degraded),
            witness(320, Reading::Bad, Status::Maintenance),
        ];
        let [first, second] = &fold(None, &samples, PATIENCE, time(0), time(600))[..] else { panic!() };
        // Up 10–90 in spite of one bad reading, down 90–190, then silence, degraded 290–320 over the edge.
        assert_eq!((first.from, seconds(first.standing)), (time(0), [80, 10, 100, 0]));
        assert_eq!((second.from, seconds(second.standing)), (time(300), [0, 20, 0, 100]));
        assert_eq!((first.standing.outages, second.standing.outages), (1, 0));
        let read = &first.checks["http"];
        assert_eq!((read.good, read.slow, read.bad), (1, 1, 2));
    }

    #[test]
    fn an_outage_that_goes_on_is_one_outage_even_when_nobody_watched_in_between() {
        let down = |second| witness(second, Reading::Bad, Status::Down);
        let begun = Some((time(-50), Status::Down));
        let slots = fold(begun, &[down(0), down(10_000)], PATIENCE, time(0), time(20_000));
        assert_eq!(slots.iter().map(|slot| slot.standing.outages).sum::<u32>(), 0);
        assert_eq!(slots.iter().map(|slot| slot.standing.down.as_secs()).sum::<u64>(), 200);
        assert_eq!(fold(None, &[down(0)], PATIENCE, time(0), time(300))[0].standing.outages, 1);
    }
}
