//! Whether a figure rises, and when it reaches a limit.

use chrono::{DateTime, TimeDelta, Utc};

/// Points with which a trend is told at least, and the most that are looked at: every pair of them is compared.
pub(super) const ENOUGH: usize = 7;
const MOST: usize = 100;
/// The interval holds the slope in 99 of 100 cases: so many standard deviations of Kendall's S to each side.
const DEVIATIONS: f64 = 2.576;
const DAY: f64 = 86_400.0;
/// In days; beyond it nothing is foretold.
const YEAR: f64 = 365.0;

/// What is to be told of points in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Trend {
    /// Too few points.
    NotEnough,
    /// It does not rise: the interval of the slope holds zero, or it falls.
    None,
    /// It rises.
    Line(Line),
}

/// The median of the slopes between all pairs of points, and the lines at the ends of its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// By day.
    pub(super) slope: f64,
    /// Where it is at the end of the points, for the slope, for the steepest and for the flattest.
    levels: [f64; 3],
    slopes: [f64; 3],
    end: DateTime<Utc>,
}

/// Fits a line as Theil, "A rank-invariant method of linear and polynomial regression analysis", 1950, with the interval
/// of Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968: the slope is a median, so that a third
/// of the points may be anything. The points come oldest first.
pub(super) fn trend(points: &[(DateTime<Utc>, f64)]) -> Trend {
    if points.len() < ENOUGH {
        return Trend::NotEnough;
    }
    let end = points[points.len() - 1].0;
    let step = points.len().div_ceil(MOST);
    // From the end, so that the newest point is among them.
    let points: Vec<(f64, f64)> =
        points.iter().rev().step_by(step).map(|(at, value)| ((*at - end).as_seconds_f64() / DAY, *value)).collect();
    let mut slopes: Vec<f64> = Vec::with_capacity(points.len() * points.len() / 2);
    for (place, (at, value)) in points.iter().enumerate() {
        slopes.extend(
            points[place + 1..]
                .iter()
                .filter(|(before, _)| before < at)
                .map(|(before, was)| (value - was) / (at - before)),
        );
    }
    slopes.sort_unstable_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "a hundred points at most")]
    let (count, pairs) = (points.len() as f64, slopes.len() as f64);
    let deviation = (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt();
    let off = DEVIATIONS * deviation;
    let (Some(low), Some(slope), Some(high)) =
        (at(&slopes, (pairs - off) / 2.0 - 1.0), at(&slopes, (pairs - 1.0) / 2.0), at(&slopes, (pairs + off) / 2.0))
    else {
        return Trend::NotEnough;
    };
    if low <= 0.0 {
        return Trend::None;
    }
    let slopes = [slope, high, low];
    Trend::Line(Line { slope, levels: slopes.map(|slope| level(&points, slope)), slopes, end })
}

/// The value at a place among sorted ones, rounded outwards from the middle.
fn at(sorted: &[f64], place: f64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "five thousand slopes at most")]
    let middle = (sorted.len() as f64 - 1.0) / 2.0;
    let place = if place < middle { place.floor() } else { place.ceil() };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place below 0 is none")]
    if place < 0.0 { None } else { sorted.get(place as usize).copied() }
}

/// Where the line with a slope through the middle of the points is at their end.
fn level(points: &[(f64, f64)], slope: f64) -> f64 {
    let mut rests: Vec<f64> = points.iter().map(|(at, value)| value - slope * at).collect();
    rests.sort_unstable_by(f64::total_cmp);
    rests[rests.len() / 2]
}

impl Line {
    /// When the lines reach a limit: the likeliest time, the earliest and the latest; each None when it is more than a year
    /// away. What is there already is there at the end of the points.
    pub(super) fn reaches(&self, limit: f64) -> [Option<DateTime<Utc>>; 3] {
        let mut times = [None; 3];
        for ((time, slope), level) in times.iter_mut().zip(self.slopes).zip(self.levels) {
            let days = ((limit - level) / slope).max(0.0);
            #[expect(clippy::cast_possible_truncation, reason = "a year at most")]
            let seconds = (days <= YEAR).then_some((days * DAY) as i64);
            *time = seconds.and_then(|seconds| self.end.checked_add_signed(TimeDelta::seconds(seconds)));
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::foresight::noise::Noise;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_057_600, 0).unwrap()
    }

    fn points(count: u32, value: impl Fn(f64) -> f64) -> Vec<(DateTime<Utc>, f64)> {
        (0..count).map(|hour| (start() + TimeDelta::hours(hour.into()), value(f64::from(hour)))).collect()
    }

    #[test]
    fn a_straight_line_reaches_its_limit_when_calculation_says() {
        let Trend::Line(line) = trend(&points(49, |hour| 40.0 + hour)) else { panic!() };
        assert!((line.slope - 24.0).abs() < 1e-9);
        let due = start() + TimeDelta::hours(60);
        assert!(line.reaches(100.0).iter().all(|at| (at.unwrap() - due).num_seconds().abs() <= 1));
        assert_eq!(line.reaches(1e6), [None; 3], "that is in a hundred years");
        assert_eq!(line.reaches(50.0)[0].unwrap(), start() + TimeDelta::hours(48), "it is there");
        assert_eq!(trend(&points(49, |hour| 90.0 - hour)), Trend::None, "it falls");
    }

    #[test]
    fn one_point_in_four_may_be_anything() {
        let wild = trend(&points(48, |hour| if hour % 4.0 == 1.0 { 1e6 } else { 40.0 + hour / 2.0 }));
        let Trend::Line(line) = wild else { panic!("{wild:?}") };
        assert!((line.slope - 12.0).abs() < 2.0, "{}", line.slope);
    }

    #[test]
    fn too_few_points_and_no_trend_are_told_apart() {
        assert_eq!(trend(&points(6, |hour| hour)), Trend::NotEnough);
        assert_eq!(trend(&points(50, |hour| hour % 2.0)), Trend::None);
        assert_eq!(trend(&points(50, |_| 7.0)), Trend::None);
    }

    /// Of leaks with noise, nine of ten reach their limit within the interval; without a leak nothing is foretold.
    #[test]
    fn the_interval_holds_what_it_promises() {
        let (mut held, mut foretold) = (0, 0);
        for seed in 0..100 {
            let mut noise = Noise::new(seed);
            let rows: Vec<f64> = (0..72).map(|_| noise.normal()).collect();
            let leak = trend(&points(72, |hour| 40.0 + hour * 0.2 + 3.0 * rows[hour as usize]));
            let due = start() + TimeDelta::hours(300);
            if let Trend::Line(line) = leak
                && let [_, Some(earliest), latest] = line.reaches(100.0)
            {
                held += u32::from(earliest <= due && latest.is_none_or(|latest| due <= latest));
            }
            foretold +=
                u32::from(matches!(trend(&points(72, |hour| 40.0 + 3.0 * rows[hour as usize])), Trend::Line(_)));
        }
        assert!(held >= 90 && foretold <= 1, "{held} held, {foretold} foretold without a leak");
    }
}
