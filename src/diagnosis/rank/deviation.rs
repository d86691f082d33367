//! How far a figure is from what was usual for it. The middle and the spread are robust (median; interquartile range or
//! median absolute deviation), and the spread has a floor, so that a figure that never moved does not scream at a hair.

use std::ops::Range;

/// Rows that must hold a figure before anything is called usual.
pub(super) const ROWS: usize = 5;
/// The spread is no less than this part of the middle, and than this part of the largest value seen.
const FLOOR: (f64, f64) = (0.03, 0.01);
/// Of a figure that mostly is 0, it is no less than this part of the largest value.
const SELDOM: f64 = 0.1;
/// The spread of a percentage is no less than this, in points.
const POINTS: f64 = 0.2;
/// Windows of the time before that are looked at, at most.
const WINDOWS: usize = 150;
/// The time before is cut into windows of no more than this part of it.
const WINDOWS_FROM: usize = 4;
/// A time before that is as long as the trouble makes spreads greater by so much.
const SHORT: f64 = 3.0;
/// A few rows show less of what is usual than many: the spread grows by this over their number.
const FEW: f64 = 8.0;
/// What one window in twenty exceeds, in spreads of a normal distribution.
const ONE_IN_TWENTY: f64 = 1.645;

/// What is usual for a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usual {
    pub(super) median: f64,
    /// Of single rows, without a floor.
    pub(super) noise: f64,
    /// What a shift is measured with.
    pub(super) spread: f64,
}

impl Usual {
    /// From the rows before; `largest` is the largest absolute value before and during, and `calls` how many calls a row
    /// of a percentage is of.
    pub(super) fn of(values: &[f64], largest: f64, calls: Option<&[f64]>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        if sorted.len() < ROWS {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let rows = sorted.len() as f64;
        let median = quantile(&sorted, 0.5);
        let quartiles = (quantile(&sorted, 0.75) - quantile(&sorted, 0.25)) / 1.349;
        let mut away: Vec<f64> = sorted.iter().map(|value| (value - median).abs()).collect();
        away.sort_by(f64::total_cmp);
        let noise = quartiles.max(1.4826 * quantile(&away, 0.5));
        let floor = match calls {
            Some(calls) => POINTS.max(of_counting(values, calls)),
            None if median == 0.0 => (SELDOM * largest).max(f64::MIN_POSITIVE),
            None => (FLOOR.0 * median.abs()).max(FLOOR.1 * largest),
        };
        Some(Self { median, noise, spread: noise.max(floor) * (1.0 + FEW / rows) })
    }
}

/// The standard error of the percentage of a row, from how many calls succeeded before and how many a row has.
fn of_counting(values: &[f64], calls: &[f64]) -> f64 {
    let rows = values.iter().zip(calls).filter(|(value, calls)| value.is_finite() && **calls > 0.0);
    let (mut failed, mut all, mut number) = (0.0, 0.0, 0.0_f64);
    for (value, calls) in rows {
        failed += (100.0 - value).clamp(0.0, 100.0) / 100.0 * calls;
        all += calls;
        number += 1.0;
    }
    if number == 0.0 {
        return 0.0;
    }
    let share = (failed + 1.0) / (all + 2.0);
    100.0 * (share * (1.0 - share) / (all / number)).sqrt()
}

/// The value below which a share of sorted ones lies, between neighbours in proportion.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the slice")]
    let below = place.floor() as usize;
    let above = sorted[(below + 1).min(last)];
    sorted[below] + (above - sorted[below]) * (place - below as f64)
}

/// How much each row counts: as much as the target is worse in it than usual. What happens while the target is well says
/// nothing about its trouble.
pub(super) fn weights(target: &[f64], usual: &Usual, sign: f64) -> Vec<f64> {
    let worse = |value: &f64| {
        let worse = sign * (value - usual.median) - 0.5 * usual.noise;
        if worse > 0.0 { worse } else { 0.0 }
    };
    let worse: Vec<f64> = target.iter().map(worse).collect();
    let sum: f64 = worse.iter().sum();
    let even = 1.0 / target.len().max(1) as f64;
    if sum > 0.0 { worse.iter().map(|part| part / sum).collect() } else { vec![even; target.len()] }
}

/// The weighted mean of what was measured.
pub(super) fn mean(values: &[f64], weights: &[f64]) -> Option<f64> {
    let (mut sum, mut all) = (0.0, 0.0);
    for (value, weight) in values.iter().zip(weights).filter(|(value, _)| value.is_finite()) {
        sum += value * weight;
        all += weight;
    }
    (all > 0.0).then(|| sum / all)
}

/// Windows of the time before, each as long as the trouble, or shorter where that would not make four.
pub(super) fn windows(before: usize, during: usize) -> Vec<Range<usize>> {
    let long = during.min(before / WINDOWS_FROM);
    if long == 0 {
        return Vec::new();
    }
    let last = before - long;
    (0..=last).step_by((last / WINDOWS).max(1)).map(|from| from..from + long).collect()
}

/// By how much more a spread counts when the time before is not much longer than the trouble, and so has not shown all that
/// is usual.
pub(super) fn caution(before: usize, during: usize) -> f64 {
    1.0 + SHORT * during as f64 / before.max(1) as f64
}

/// The spread that shifts of quiet windows show. It is what counts when a figure comes in bursts, of which the middle of
/// its rows tells nothing.
pub(super) fn spread_of_windows(shifts: &mut Vec<f64>) -> f64 {
    shifts.retain(|shift| shift.is_finite());
    shifts.sort_by(f64::total_cmp);
    if shifts.is_empty() { 0.0 } else { (quantile(shifts, 0.95) / ONE_IN_TWENTY).max(0.0) }
}
