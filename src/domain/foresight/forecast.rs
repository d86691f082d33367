//! What is to come: when what can be used up will be, when a certificate ends, and what has become slower.
//!
//! A forecast is shown and wakes nobody: it opens no incident. It is made from the rollups alone, anew each time somebody
//! looks.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    departure::median,
    trend::{ENOUGH, Line, Trend, trend},
};
use crate::domain::{Rollup, Sketch};
use crate::platform::{Measure, Quantity, seconds};

/// How far back fine and hourly rollups are looked at.
pub const LOOK_BACK: [TimeDelta; 2] = [TimeDelta::days(4), TimeDelta::days(28)];
/// What is used up fast is seen in the last hours, in so many points at least, and within this time it is used up.
const HOURS: [TimeDelta; 2] = [TimeDelta::hours(2), TimeDelta::hours(6)];
const FINE_ENOUGH: usize = 20;
const FAST: TimeDelta = TimeDelta::days(2);
/// What was not heard of for so long, nothing is foretold of.
const LATELY: TimeDelta = TimeDelta::days(2);
/// All of it, in percent.
const ALL: f64 = 100.0;
/// Hours of a day that must be known for its median to stand for it.
const HOURS_OF_DAY: usize = 12;
/// Days of this week and before it that must be known to compare them.
const THIS_WEEK: usize = 5;
const BEFORE: usize = 7;
/// By how much a median must have grown to be called slower.
const SLOWER: f64 = 1.2;
/// In 99 of 100 cases a rank sum is not so many deviations from what chance gives.
const DEVIATIONS: f64 = 2.576;

/// What is foretold from the readings of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// The check.
    pub check: String,
    /// What it is about.
    pub subject: Subject,
    /// What is to come.
    #[serde(flatten)]
    pub outlook: Outlook,
    /// It comes so soon that somebody should act: a disk in 3 days, a certificate in 14, anything else in one.
    pub near: bool,
    /// So many points stand behind it.
    pub points: usize,
    /// The time of the first of them.
    pub from: Option<DateTime<Utc>>,
}

/// What a forecast is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Room on a file system.
    Disk,
    /// Inodes of a file system.
    Inodes,
    /// Memory of the host.
    Memory,
    /// Open files.
    Descriptors,
    /// Connections of a database server.
    Connections,
    /// A certificate.
    Certificate,
    /// How long a check takes.
    Latency,
}

/// What is to come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outlook", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Outlook {
    /// Too few points are known to say anything.
    NotEnough {
        /// So many are needed.
        needed: usize,
    },
    /// It does not grow, or so slowly that it takes more than a year.
    Steady,
    /// It will be used up.
    RunsOut {
        /// In percent, now.
        value: f64,
        /// By how much it grows in a day.
        per_day: f64,
        /// When all is used, most likely.
        at: DateTime<Utc>,
        /// The interval that holds that time in 99 of 100 cases.
        earliest: DateTime<Utc>,
        /// Its end; None when it is more than a year away.
        latest: Option<DateTime<Utc>>,
    },
    /// It ends at a time that is certain.
    Ends {
        /// When.
        at: DateTime<Utc>,
    },
    /// It has become slower: medians of this week and of up to three before it.
    Slower {
        /// This week.
        #[serde(rename = "nowSeconds", with = "seconds")]
        now: Duration,
        /// Before.
        #[serde(rename = "beforeSeconds", with = "seconds")]
        before: Duration,
    },
}

/// What was measured, and when.
type Value = (DateTime<Utc>, f64);

/// What is to come for a service, from its fine rollups of the last 4 days and its hourly ones of the last 28
/// ([`LOOK_BACK`]), oldest first: for each check what it measures, and how long it takes. What is near stands first.
#[must_use]
pub fn foresee(now: DateTime<Utc>, fine: &[Rollup], coarse: &[Rollup]) -> Vec<Forecast> {
    let lately = |slots: &[Rollup]| slots.partition_point(|slot| slot.from <= now - LATELY);
    let (new, newer) = (&coarse[lately(coarse)..], &fine[lately(fine)..]);
    let checks: BTreeSet<&String> = new.iter().chain(newer).flat_map(|slot| slot.checks.keys()).collect();
    let mut forecasts = Vec::new();
    for check in checks {
        let measured = |slots: &[Rollup], quantity: Quantity| -> Vec<Value> {
            let of = |slot: &Rollup| slot.checks.get(check)?.measured.filter(|measure| measure.quantity == quantity);
            slots.iter().filter_map(|slot| of(slot).map(|measure| (slot.from, measure.value))).collect()
        };
        let last = newer.iter().rev().chain(new.iter().rev()).find_map(|slot| slot.checks.get(check)?.measured);
        if let Some(last) = last {
            let (fine, coarse) = (measured(fine, last.quantity), measured(coarse, last.quantity));
            forecasts.push(used(check, last, now, &fine, &coarse));
        }
        forecasts.push(latency(check, now, coarse));
    }
    forecasts.sort_by_key(|forecast| (!forecast.near, forecast.rank()));
    forecasts
}

fn used(check: &str, last: Measure, now: DateTime<Utc>, fine: &[Value], coarse: &[Value]) -> Forecast {
    let Measure { quantity, value } = last;
    let (outlook, points) = if quantity == Quantity::Certificate {
        let newest: Vec<Value> = fine.last().or(coarse.last()).copied().into_iter().collect();
        let end = newest.first().and_then(|(at, days)| at.checked_add_signed(in_days(*days)?));
        (end.map_or(Outlook::NotEnough { needed: 1 }, |at| Outlook::Ends { at }), newest)
    } else if let Some((line, points)) = fast(now, fine) {
        (runs_out(&line, value), points)
    } else {
        let days = since_reset(by_day(now, coarse));
        let outlook = match trend(&days) {
            Trend::NotEnough => Outlook::NotEnough { needed: ENOUGH },
            Trend::None => Outlook::Steady,
            Trend::Line(line) => runs_out(&line, value),
        };
        (outlook, days)
    };
    let soon = match quantity {
        Quantity::Certificate => TimeDelta::days(14),
        Quantity::Disk | Quantity::Inodes => TimeDelta::days(3),
        Quantity::Memory | Quantity::Descriptors | Quantity::Connections => TimeDelta::days(1),
    };
    let near = match outlook {
        Outlook::RunsOut { earliest: at, .. } | Outlook::Ends { at } => at <= now + soon,
        Outlook::NotEnough { .. } | Outlook::Steady | Outlook::Slower { .. } => false,
    };
    let from = points.first().map(|(at, _)| *at);
    Forecast { check: check.to_owned(), subject: quantity.into(), outlook, near, points: points.len(), from }
}

fn runs_out(line: &Line, value: f64) -> Outlook {
    match line.reaches(ALL) {
        [Some(at), Some(earliest), latest] => Outlook::RunsOut { value, per_day: line.slope, at, earliest, latest },
        _ => Outlook::Steady,
    }
}

/// What grows so fast that it is used up within two days, or twice that at the slowest, by its last hours. What grows at
/// this time of day on other days too comes back down, as it did then.
fn fast(now: DateTime<Utc>, fine: &[Value]) -> Option<(Line, Vec<Value>)> {
    let rise = |hours: TimeDelta, until: DateTime<Utc>| -> Option<(Line, Vec<Value>)> {
        let points: Vec<Value> = fine.iter().filter(|(at, _)| *at > until - hours && *at <= until).copied().collect();
        let points = since_reset(points);
        match trend(&points) {
            Trend::Line(line) if points.len() >= FINE_ENOUGH => Some((line, points)),
            _ => None,
        }
    };
    let soon = |line: &Line| match line.reaches(ALL) {
        [Some(at), _, Some(latest)] => at <= now + FAST && latest <= now + FAST * 2,
        _ => false,
    };
    let as_usual = |hours: TimeDelta, line: &Line| {
        let before = (1..=3).filter_map(|days| rise(hours, now - TimeDelta::days(days)));
        before.map(|(other, _)| other.slope).any(|slope| slope > line.slope / 2.0)
    };
    // What began lately is seen in the shorter time, what is slower in the longer one.
    HOURS.into_iter().find_map(|hours| rise(hours, now).filter(|(line, _)| soon(line) && !as_usual(hours, line)))
}

/// The median of each day, counted back from now, that is known well enough: what only the time of day does, is the same
/// in all of them.
fn by_day(now: DateTime<Utc>, coarse: &[Value]) -> Vec<Value> {
    let mut days: BTreeMap<i64, Vec<(DateTime<Utc>, f64)>> = BTreeMap::new();
    for (at, value) in coarse {
        days.entry(-(now - *at).num_days()).or_default().push((*at, *value));
    }
    let known = days.into_values().filter(|hours| hours.len() >= HOURS_OF_DAY);
    known.filter_map(|hours| Some((hours[hours.len() / 2].0, median(hours.iter().map(|(_, value)| value))?))).collect()
}

/// The points after the last fall by more than half of their range that lasted: a restart, a cleaning up, a larger disk.
fn since_reset(mut points: Vec<Value>) -> Vec<Value> {
    let low = points.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    let mid = |points: &[Value]| median(points.iter().map(|(_, value)| value)).unwrap_or_default();
    let fell = |place: &usize| {
        let (before, after) = points.split_at(*place);
        let fall = mid(&before[place.saturating_sub(3)..]) - mid(&after[..after.len().min(3)]);
        points[place - 1].1 - points[*place].1 > (high - low) / 2.0 && fall > (high - low) / 2.0
    };
    if let Some(place) = (1..points.len()).rev().find(fell) {
        points.drain(..place);
    }
    points
}

/// This week's median of the days' medians beside that of up to three weeks before: whole weeks, so that a weekend is in
/// each of them. Mann and Whitney's test says whether that may be chance ("On a test of whether one of two random
/// variables is stochastically larger than the other", 1947).
fn latency(check: &str, now: DateTime<Utc>, coarse: &[Rollup]) -> Forecast {
    let mut days: BTreeMap<i64, (usize, Sketch)> = BTreeMap::new();
    let mut from = None;
    for slot in coarse {
        let Some(readings) = slot.checks.get(check) else { continue };
        let (hours, sketch) = days.entry((now - slot.from).num_days()).or_default();
        *hours += 1;
        sketch.merge(&readings.latency);
        from = from.or(Some(slot.from));
    }
    let medians = |first: i64, last: i64| -> Vec<f64> {
        let known = days.range(first..last).filter(|(_, (hours, _))| *hours >= HOURS_OF_DAY);
        known.filter_map(|(_, (_, sketch))| sketch.quantile(0.5)).map(|median| median.as_secs_f64()).collect()
    };
    let (week, before) = (medians(0, 7), medians(7, 28));
    let outlook = if week.len() < THIS_WEEK || before.len() < BEFORE {
        Outlook::NotEnough { needed: THIS_WEEK + BEFORE }
    } else {
        match (median(week.iter()), median(before.iter())) {
            (Some(new), Some(old)) if new > old * SLOWER && is_above(&week, &before) => {
                Outlook::Slower { now: Duration::from_secs_f64(new), before: Duration::from_secs_f64(old) }
            }
            _ => Outlook::Steady,
        }
    };
    let points = week.len() + before.len();
    Forecast { check: check.to_owned(), subject: Subject::Latency, outlook, near: false, points, from }
}

#[expect(clippy::cast_precision_loss, reason = "28 days at most")]
fn is_above(these: &[f64], those: &[f64]) -> bool {
    let above = these.iter().flat_map(|this| those.iter().map(move |that| this > that)).filter(|above| *above).count();
    let (these, those) = (these.len() as f64, those.len() as f64);
    let deviation = (these * those * (these + those + 1.0) / 12.0).sqrt();
    above as f64 - these * those / 2.0 > DEVIATIONS * deviation
}

fn in_days(days: f64) -> Option<TimeDelta> {
    #[expect(clippy::cast_possible_truncation, reason = "what does not fit is cut to the longest")]
    TimeDelta::try_seconds((days * 86_400.0) as i64)
}

impl From<Quantity> for Subject {
    fn from(quantity: Quantity) -> Self {
        match quantity {
            Quantity::Disk => Self::Disk,
            Quantity::Inodes => Self::Inodes,
            Quantity::Memory => Self::Memory,
            Quantity::Descriptors => Self::Descriptors,
            Quantity::Connections => Self::Connections,
            Quantity::Certificate => Self::Certificate,
        }
    }
}

impl Subject {
    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Inodes => "inodes",
            Self::Memory => "memory",
            Self::Descriptors => "descriptors",
            Self::Connections => "connections",
            Self::Certificate => "certificate",
            Self::Latency => "latency",
        }
    }
}

/// What there is no news of, in one line: why, and of which checks.
#[must_use]
pub fn without_news(ahead: &[Forecast]) -> Option<String> {
    let of = |known: bool| -> Vec<String> {
        let these = ahead.iter().filter(|forecast| !forecast.is_news());
        let these = these.filter(|forecast| known == (forecast.outlook == Outlook::Steady));
        these.map(|forecast| format!("{} ({})", forecast.subject.name(), forecast.check)).collect()
    };
    let parts = [("no trend", of(true)), ("not enough data yet", of(false))];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(why, names)| format!("{why}: {}", names.join(", ")))
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}

impl Forecast {
    /// Something is to come.
    #[must_use]
    pub fn is_news(&self) -> bool {
        !matches!(self.outlook, Outlook::NotEnough { .. } | Outlook::Steady)
    }

    fn rank(&self) -> u8 {
        match self.outlook {
            Outlook::RunsOut { .. } => 0,
            Outlook::Ends { .. } => 1,
            Outlook::Slower { .. } => 2,
            Outlook::Steady => 3,
            Outlook::NotEnough { .. } => 4,
        }
    }

    /// What is to come, when, how sure that is and why, in one line.
    #[must_use]
    pub fn words(&self, now: DateTime<Utc>) -> String {
        match self.outlook {
            Outlook::NotEnough { needed } if self.subject == Subject::Latency => {
                format!("not enough data: {} of {needed} days are known", self.points)
            }
            Outlook::NotEnough { needed } => {
                format!("not enough data: {} of {needed} days since it fell last or began", self.points)
            }
            Outlook::Steady => "no trend".to_owned(),
            Outlook::RunsOut { value, per_day, at, earliest, latest } => {
                let latest = latest.map_or_else(|| "more than a year".to_owned(), |latest| left(latest - now));
                format!(
                    "used up in {} ({} to {latest}), on {}: {value:.1} % now, +{per_day:.1} % a day over {} points since {}",
                    left(at - now),
                    left(earliest - now),
                    date(at, now),
                    self.points,
                    self.from.map_or_else(|| "now".to_owned(), |from| from.format("%Y-%m-%d %H:%M").to_string()),
                )
            }
            Outlook::Ends { at } if at <= now => format!("ended on {}", date(at, now)),
            Outlook::Ends { at } => format!("ends in {}, on {}", left(at - now), date(at, now)),
            Outlook::Slower { now: new, before } => {
                let growth = (new.as_secs_f64() / before.as_secs_f64().max(1e-9) - 1.0) * 100.0;
                let time = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
                format!(
                    "slower by {growth:.0} %: median {} this week, {} before, over {} days",
                    time(new),
                    time(before),
                    self.points
                )
            }
        }
    }
}

/// `3d 4h`, `5h 20m`, `40m`.
fn left(time: TimeDelta) -> String {
    let minutes = time.num_minutes().max(0);
    match minutes {
        0..60 => format!("{minutes}m"),
        60..2880 => format!("{}h {}m", minutes / 60, minutes % 60),
        2880..20_160 => format!("{}d {}h", minutes / 1440, minutes % 1440 / 60),
        _ => format!("{}d", minutes / 1440),
    }
}

/// The day, and the time too when it is soon.
fn date(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let form = if at - now < TimeDelta::days(3) { "%Y-%m-%d %H:%MZ" } else { "%Y-%m-%d" };
    at.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Readings, foresight::noise::Noise};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_057_600, 0).unwrap()
    }

    /// Slots of so many minutes over so many hours up to now; `value` is told how many hours ago it was.
    fn slots(minutes: i64, hours: i64, quantity: Quantity, mut value: impl FnMut(f64) -> f64) -> Vec<Rollup> {
        let slot = |ago: i64| {
            let measured = Some(Measure { quantity, value: value(ago as f64 / 60.0) });
            let mut slot = Rollup::new(now() - TimeDelta::minutes(ago));
            slot.checks.insert("host".to_owned(), Readings { measured, ..Readings::default() });
            slot
        };
        (0..hours * 60 / minutes).rev().map(|place| place * minutes).map(slot).collect()
    }

    /// The forecast of what a check measures.
    fn foretold(quantity: Quantity, mut value: impl FnMut(f64) -> f64) -> Forecast {
        let fine = slots(5, 4 * 24, quantity, &mut value);
        let coarse = slots(60, 28 * 24, quantity, &mut value);
        foresee(now(), &fine, &coarse).into_iter().find(|forecast| forecast.subject != Subject::Latency).unwrap()
    }

    fn wave(ago: f64) -> f64 {
        (ago / 24.0 * std::f64::consts::TAU).sin()
    }

    /// Of a hundred leaks with noise and a day's rhythm each, slow and fast, at least 90 reach their limit in the interval.
    #[test]
    fn leaks_end_within_the_interval_that_is_told() {
        for (hours, fast) in [(240.0, false), (700.0, false), (5.0, true), (20.0, true)] {
            let mut held = 0;
            for seed in 0..100 {
                let mut noise = Noise::new(seed);
                // A slow one rises from far back, a fast one begins four hours ago at 60 %.
                let value = |ago: f64, noise: f64| match fast {
                    false => 100.0 - 50.0 * (ago + hours) / (28.0 * 24.0) + 2.0 * wave(ago) + noise,
                    true => 100.0 - 40.0 * (ago.min(4.0) + hours) / (4.0 + hours) + 0.5 * noise,
                };
                let found = foretold(Quantity::Disk, |ago| value(ago, noise.normal()));
                let due = now() + in_days(hours / 24.0).unwrap();
                if let Outlook::RunsOut { earliest, latest, .. } = found.outlook {
                    held += u32::from(earliest <= due && latest.is_none_or(|latest| due <= latest));
                }
            }
            assert!(held >= 90, "{held} of 100 leaks that end in {hours} hours");
        }
    }

    #[test]
    fn noise_foretells_nothing_and_a_daily_rhythm_is_no_leak() {
        for height in [0.0, 30.0] {
            let mut wrong = 0;
            for seed in 0..100 {
                let mut noise = Noise::new(seed);
                let shift = f64::from(u32::try_from(seed).unwrap());
                let found = foretold(Quantity::Memory, |ago| 60.0 + height * wave(ago + shift) + 2.0 * noise.normal());
                wrong += u32::from(found.is_news());
            }
            assert!(wrong <= 1, "{wrong} of 100 with a rhythm of {height}");
        }
    }

    #[test]
    fn what_was_cleaned_up_starts_anew() {
        let found = foretold(Quantity::Disk, |ago| if ago > 12.5 * 24.0 { 95.0 } else { 70.0 - ago / 24.0 * 2.0 });
        let Outlook::RunsOut { at, per_day, .. } = found.outlook else { panic!("{found:?}") };
        assert!((per_day - 2.0).abs() < 0.2 && ((at - now()).num_hours() - 360).abs() < 24, "{found:?}");
        assert!((12..=13).contains(&found.points), "{found:?}");
    }

    #[test]
    fn what_is_known_for_a_few_days_says_so() {
        let coarse = slots(60, 72, Quantity::Disk, |ago| 50.0 - ago / 10.0);
        let found = &foresee(now(), &[], &coarse)[0];
        assert_eq!((found.outlook, found.points), (Outlook::NotEnough { needed: 7 }, 3));
        assert_eq!(foresee(now() + TimeDelta::days(3), &[], &coarse), [], "nothing was heard for three days");
    }

    #[test]
    fn a_certificate_ends_when_it_says_and_is_near_two_weeks_before() {
        for (days, near) in [(13.0, true), (61.0, false)] {
            let found = foretold(Quantity::Certificate, |ago| days + ago / 24.0);
            assert_eq!((found.outlook, found.near), (Outlook::Ends { at: now() + in_days(days).unwrap() }, near));
        }
        let found = foretold(Quantity::Certificate, |ago| 61.0 + ago / 24.0);
        assert_eq!(found.words(now()), "ends in 61d, on 2027-03-18");
    }

    #[test]
    fn a_check_that_became_slower_than_the_weeks_before_is_told() {
        let with = |this_week: u64| {
            let mut slots = slots(60, 28 * 24, Quantity::Disk, |_| 50.0);
            for (place, slot) in slots.iter_mut().enumerate() {
                // Twice as slow at night, and no two hours alike.
                let rhythm = if place % 24 < 8 { 2 } else { 1 };
                let base = if place >= 21 * 24 { this_week } else { 20 };
                let latency = Duration::from_millis(base * rhythm + place as u64 % 3);
                slot.checks.get_mut("host").unwrap().latency.add(latency);
            }
            foresee(now(), &[], &slots).into_iter().find(|forecast| forecast.subject == Subject::Latency).unwrap()
        };
        assert_eq!((with(20).outlook, with(22).outlook), (Outlook::Steady, Outlook::Steady));
        let Outlook::Slower { now: new, before } = with(30).outlook else { panic!("{:?}", with(30)) };
        let [new, before] = [new, before].map(|time| time.as_secs_f64() * 1000.0);
        assert!((29.0..34.0).contains(&new) && (19.0..24.0).contains(&before), "{new} {before}");
    }

    #[test]
    fn the_json_form_comes_back_as_it_was() {
        let found = foretold(Quantity::Disk, |ago| 90.0 - ago / 20.0);
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!((&json["subject"], &json["outlook"]), (&"disk".into(), &"runs-out".into()));
        assert!(json["at"].is_string() && json["perDay"].is_f64(), "{json}");
        assert_eq!(serde_json::from_value::<Forecast>(json).unwrap(), found);
    }
}
