//! From scores to probabilities, with one for "none of these".

use super::{
    super::confidence::{Shares, earned, shares},
    deviation::quantile,
};

/// A score that speaks for a node as much as for none of them, in quiet surroundings.
const EVEN: f64 = 1.3;
/// It is no higher than this, as quiet surroundings may have had a trouble of their own.
const EVEN_AT_MOST: f64 = 2.0;
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
    let even = if quiet.is_empty() { EVEN } else { quantile(&quiet, 0.95).clamp(EVEN, EVEN_AT_MOST) };
    // What has no score has no part: the odds are `exp(steepness · score) - 1`.
    let log_odds = |score: &f64| STEEPNESS * score + (-(-STEEPNESS * score).exp()).ln_1p();
    let log_odds: Vec<f64> = scores.iter().map(log_odds).collect();
    shares(&log_odds, STEEPNESS * even).at_most(earned(RECORD.0, RECORD.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_quiet_windows_reach_is_as_likely_as_none() {
        let even = probabilities(&[EVEN], &[]);
        assert!((even.candidates[0] - 0.5).abs() < 0.01, "{even:?}");
        let noisy: Vec<f64> = (0..100).map(|window| 0.02 * f64::from(window)).collect();
        let same = probabilities(&[1.88], &noisy);
        assert!((same.candidates[0] - 0.5).abs() < 0.05, "{same:?}");
        assert!(probabilities(&[1.88], &[]).candidates[0] > 0.7);
        let troubled = probabilities(&[4.0], &[5.0; 20]);
        assert!(troubled.candidates[0] > 0.85, "{troubled:?}");
    }

    #[test]
    fn more_than_the_record_bears_out_is_not_claimed() {
        let sure = probabilities(&[200.0, 0.0], &[]);
        assert!(sure.candidates[0] < 0.9 && sure.none > 0.1 && sure.candidates[1] == 0.0, "{sure:?}");
    }
}
