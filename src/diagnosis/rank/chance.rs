//! From scores to probabilities, with one for "none of these".

use super::{
    super::confidence::{Shares, earned, shares},
    deviation::quantile,
};

/// A score that speaks for a node as much as for none of them, in quiet surroundings.
const EVEN: f64 = 1.3;
/// How much surer a point of score makes.
const STEEPNESS: f64 = 3.0;
/// Cases in which the first candidate was looked up in the truth, and how often it was right. A probability that these do
/// not bear out is not claimed.
const RECORD: (u32, u32) = (26, 26);

/// The probability of each score, in their order, and of none of them. `quiet` are the best scores of windows without
/// trouble: where those are high, a high score says less.
pub(super) fn probabilities(scores: &[f64], quiet: &[f64]) -> Shares {
    let mut quiet = quiet.to_vec();
    quiet.sort_by(f64::total_cmp);
    let even = if quiet.is_empty() { EVEN } else { EVEN.max(quantile(&quiet, 0.95)) };
    // What has no score has no part: the odds are `exp(steepness · score) - 1`.
    let log_odds = |score: &f64| STEEPNESS * score + (-(-STEEPNESS * score).exp()).ln_1p();
    let log_odds: Vec<f64> = scores.iter().map(log_odds).collect();
    shares(&log_odds, STEEPNESS * even).at_most(earned(RECORD.0, RECORD.1))
}
