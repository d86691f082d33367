//! The score of a row: how unusual it is by what came before it.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    departure::{Departure, Departures},
    season::Season,
    shape::{Memory, Shapes},
    standstill::Standstill,
};

/// A row with this score or more is an alert: on all accounts together it is one in a hundred.
pub const ANOMALOUS: f64 = 0.75;
/// Rows before which nothing is scored.
const PROBATION: usize = 150;
/// After an unusual row only one that is more unusual counts, for a twentieth of the rows seen, but so many at least and
/// at most.
const QUIET: (usize, usize) = (100, 500);
/// By how much it must be more unusual.
const MORE: f64 = 0.1;
/// What is rarer than this is unusual by itself.
const UNUSUAL: f64 = 1.3;
/// A step that is rarer than this is no chance among a dozen.
const RARE: f64 = 2.0;

/// What is unusual about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyKind {
    /// It went up at once.
    Spike,
    /// It went down at once.
    Drop,
    /// It has been at an unusual level for a while.
    LevelShift,
    /// It has come to an unusual level without a step that was unusual.
    Drift,
    /// It does not move any more.
    FlatLine,
    /// It is a usual value, at the wrong time of day.
    Season,
    /// The values are usual, their order is not.
    Pattern,
}

/// Scores a stream row by row. A score depends on the rows before it alone, and nothing is learnt beforehand; the memory
/// is bounded, less than 100 KiB for each stream.
///
/// Seven kinds of evidence say each how rare it is that a row is so far from what was usual, as a decimal logarithm. Their
/// quadratic mean is what the score is made of: 0 for nothing, 0.5 for one in ten, 0.75 for one in a hundred, and so on. An
/// unusual row silences those after it that are not more unusual, to half their score: one trouble is one alert.
#[derive(Debug, Clone, Default)]
pub struct Scorer {
    rows: usize,
    memory: Memory,
    departures: Departures,
    shapes: Shapes,
    season: Season,
    standstill: Standstill,
    quiet: Quiet,
}

/// What speaks for a row being unusual.
#[derive(Debug, Clone, Copy)]
struct Evidence {
    departure: Departure,
    shapes: [f64; 2],
    season: Option<f64>,
    standstill: f64,
}

impl Scorer {
    /// The score of the next row, 0 to 1, and what is unusual about it when it is an alert. A value that is no number is
    /// passed over.
    pub fn take(&mut self, at: DateTime<Utc>, value: f64) -> (f64, Option<AnomalyKind>) {
        if !value.is_finite() {
            return (0.0, None);
        }
        let usual = self.memory.median().unwrap_or(value);
        self.memory.take(value);
        let evidence = Evidence {
            departure: self.departures.take(value, usual),
            shapes: self.shapes.take(&mut self.memory),
            season: self.season.take(at, value),
            standstill: self.standstill.take(value),
        };
        self.rows = self.rows.saturating_add(1);
        if self.rows <= PROBATION {
            return (0.0, None);
        }
        let rarity = evidence.rarity();
        let score = 1.0 - 0.5_f64.powf(rarity);
        if self.quiet.silences(rarity, (self.rows / 20).clamp(QUIET.0, QUIET.1)) {
            return (score / 2.0, None);
        }
        (score, (score >= ANOMALOUS).then(|| evidence.kind()))
    }
}

impl AnomalyKind {
    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spike => "spike",
            Self::Drop => "drop",
            Self::LevelShift => "level-shift",
            Self::Drift => "drift",
            Self::FlatLine => "flat-line",
            Self::Season => "season",
            Self::Pattern => "pattern",
        }
    }
}

impl Evidence {
    fn rarity(&self) -> f64 {
        let Departure { step, level, lasting, .. } = self.departure;
        let [short, long] = self.shapes;
        let (squares, count) = [Some(step), Some(level), Some(lasting), Some(short), Some(long), self.season]
            .into_iter()
            .flatten()
            .fold((0.0, 0.0), |(squares, count), rare| (squares + rare * rare, count + 1.0));
        // A figure that stands still where it usually is, is near everything; only its rest speaks.
        f64::max(squares / count, 0.0).sqrt().max(self.standstill)
    }

    fn kind(&self) -> AnomalyKind {
        let Departure { step, level, lasting, jump, up } = self.departure;
        let season = self.season.unwrap_or_default();
        let [short, long] = self.shapes;
        let most = step.max(level).max(lasting).max(short).max(long).max(season);
        if self.standstill > most {
            AnomalyKind::FlatLine
        } else if level.max(lasting) < UNUSUAL && season > UNUSUAL && season >= step {
            AnomalyKind::Season
        } else if step >= UNUSUAL && step >= lasting {
            if up { AnomalyKind::Spike } else { AnomalyKind::Drop }
        } else if level.max(lasting) >= UNUSUAL {
            if jump < RARE { AnomalyKind::Drift } else { AnomalyKind::LevelShift }
        } else {
            AnomalyKind::Pattern
        }
    }
}

/// The most unusual rows of late, each more so than all after it.
#[derive(Debug, Clone, Default)]
struct Quiet {
    row: usize,
    peaks: VecDeque<(usize, f64)>,
}

impl Quiet {
    /// Whether one of the last rows was about as unusual.
    fn silences(&mut self, rarity: f64, length: usize) -> bool {
        self.row = self.row.saturating_add(1);
        while self.peaks.front().is_some_and(|(row, _)| row + length < self.row) {
            self.peaks.pop_front();
        }
        let peak = self.peaks.front().map_or(0.0, |(_, peak)| *peak);
        while self.peaks.back().is_some_and(|(_, peak)| *peak <= rarity) {
            self.peaks.pop_back();
        }
        self.peaks.push_back((self.row, rarity));
        rarity <= peak + MORE
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::foresight::noise::Noise;

    /// Rows every five minutes from a midnight on; what each is, is told by its day and hour and a noise around 0.
    fn alerts(days: u32, value: impl Fn(f64, f64, f64) -> f64) -> Vec<(f64, AnomalyKind)> {
        let (mut scorer, mut noise) = (Scorer::default(), Noise::new(7));
        let midnight = DateTime::from_timestamp(1_800_057_600, 0).unwrap();
        let mut found = Vec::new();
        for row in 0..days * 288 {
            let at = midnight + TimeDelta::minutes(5 * i64::from(row));
            let day = f64::from(row) / 288.0;
            let (score, kind) = scorer.take(at, value(day, day.fract() * 24.0, noise.normal()));
            assert!((0.0..=1.0).contains(&score), "{score}");
            assert!(kind.is_none() || score >= ANOMALOUS);
            found.extend(kind.map(|kind| (day, kind)));
        }
        found
    }

    /// Busy from nine to six.
    fn office(hour: f64) -> f64 {
        if (9.0..18.0).contains(&hour) { 80.0 } else { 20.0 }
    }

    #[test]
    fn what_is_unusual_is_found_and_named() {
        let between = |day: f64, from: f64, length: f64| (from..from + length).contains(&day);
        let first = |alerts: Vec<(f64, AnomalyKind)>, from: f64| {
            let (before, after): (Vec<_>, Vec<_>) = alerts.into_iter().partition(|(day, _)| *day < from);
            assert!(before.len() <= 1, "{before:?}");
            let (day, kind) = *after.first().unwrap_or_else(|| panic!("nothing was found"));
            assert!(day < from + 0.3, "found on day {day}: {after:?}");
            kind
        };
        let odd = |by: f64| alerts(7, |day, _, noise| 50.0 + noise + if between(day, 6.5, 0.02) { by } else { 0.0 });
        assert_eq!(first(odd(40.0), 6.5), AnomalyKind::Spike);
        assert_eq!(first(odd(-40.0), 6.5), AnomalyKind::Drop);
        let climbs = alerts(7, |day, _, noise| 50.0 + noise + (day - 6.5).max(0.0) * 60.0);
        assert_eq!(first(climbs, 6.5), AnomalyKind::Drift);
        let stuck = alerts(7, |day, _, noise| 50.0 + if day < 6.5 { noise } else { 0.25 });
        assert_eq!(first(stuck, 6.5), AnomalyKind::FlatLine);
        let idle = alerts(7, |day, hour, noise| if between(day, 6.0, 1.0) { 20.0 } else { office(hour) } + noise);
        assert_eq!(first(idle, 6.3), AnomalyKind::Season);
    }

    #[test]
    fn one_trouble_is_one_alert_or_two() {
        let outage = alerts(8, |day, _, noise| 50.0 + noise + if (6.5..6.8).contains(&day) { 40.0 } else { 0.0 });
        assert!((1..=2).contains(&outage.iter().filter(|(day, _)| *day >= 6.5).count()), "{outage:?}");
        let stuck = alerts(8, |day, _, noise| 50.0 + if day < 6.5 { noise } else { 0.25 });
        assert!((1..=2).contains(&stuck.iter().filter(|(day, _)| *day >= 6.5).count()), "{stuck:?}");
    }

    #[test]
    fn what_is_usual_raises_no_alert() {
        for (name, usual) in [
            ("noise", alerts(28, |_, _, noise| 50.0 + noise)),
            ("a working day", alerts(28, |_, hour, noise| office(hour) + noise)),
            ("a constant", alerts(28, |_, _, _| 7.0)),
            ("a wave", alerts(28, |_, hour, noise| 50.0 + 30.0 * (hour / 24.0 * std::f64::consts::TAU).sin() + noise)),
            ("rare counts", alerts(28, |_, _, noise| if noise > 2.0 { 1.0 } else { 0.0 })),
        ] {
            assert!(usual.len() <= 2, "{name}: {usual:?}");
        }
    }

    #[test]
    fn extreme_values_and_no_numbers_do_no_harm() {
        let wild = alerts(2, |day, _, noise| match (day * 288.0) as u32 % 40 {
            0 => f64::MAX,
            1 => f64::MIN,
            2 => f64::NAN,
            3 => f64::INFINITY,
            _ => noise,
        });
        assert!(wild.len() < 20, "{wild:?}");
    }
}
