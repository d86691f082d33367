//! Corrects probabilities by how earlier cases ended.

use super::{Isotonic, Platt, earned};

/// Cases from which steps are better than a curve.
const STEPS_FROM: f64 = 200.0;
/// Days after which a case counts half: services and their faults change.
const HALF_LIFE: f64 = 90.0;
/// Up to here a probability needs no proof.
pub(super) const FREE: f64 = 0.949;
/// Cases above a probability of which fewer count to nothing any more.
const COUNTS: f64 = 0.01;

/// A case of which the truth is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// What was claimed, 0 to 1, before any correction.
    pub claimed: f64,
    /// Whether it turned out right.
    pub right: bool,
    /// How long ago, in days.
    pub age: f64,
}

impl Case {
    /// How much it counts, 0 to 1.
    #[must_use]
    pub fn weight(&self) -> f64 {
        0.5_f64.powf(self.age.max(0.0) / HALF_LIFE)
    }
}

/// What earlier cases say about a claim.
#[derive(Debug, Clone)]
pub struct Calibrator {
    curve: Curve,
    /// What was said about each case, lowest first, and whether it was right.
    record: Vec<(f64, bool)>,
}

#[derive(Debug, Clone)]
enum Curve {
    /// Nothing is known yet.
    Identity,
    Logistic(Platt),
    Steps(Isotonic),
}

impl Calibrator {
    /// Learns from cases; the curve is fitted to their log-odds, so that it can be the identity.
    #[must_use]
    pub fn fit(cases: &[Case]) -> Self {
        let known: Vec<(f64, bool, f64)> = cases
            .iter()
            .filter(|case| case.claimed.is_finite() && case.weight() > COUNTS)
            .map(|case| (log_odds(case.claimed), case.right, case.weight()))
            .collect();
        let curve = match known.iter().map(|case| case.2).sum::<f64>() {
            _ if known.is_empty() => Curve::Identity,
            ..STEPS_FROM => Curve::Logistic(Platt::fit(&known)),
            _ => {
                let truth = |right: bool| if right { 1.0 } else { 0.0 };
                let cases: Vec<(f64, f64, f64)> = known.iter().map(|case| (case.0, truth(case.1), case.2)).collect();
                Curve::Steps(Isotonic::fit(&cases))
            }
        };
        let mut found = Self { curve, record: Vec::new() };
        found.record = known.iter().map(|case| (found.corrected(case.0), case.1)).collect();
        found.record.sort_by(|a, b| a.0.total_cmp(&b.0));
        found
    }

    fn corrected(&self, log_odds: f64) -> f64 {
        match &self.curve {
            Curve::Identity => 1.0 / (1.0 + (-log_odds).exp()),
            Curve::Logistic(platt) => platt.rate(log_odds),
            Curve::Steps(isotonic) => isotonic.rate(log_odds).unwrap_or(0.5),
        }
    }

    /// The probability that a claim is right, by how earlier ones ended.
    #[must_use]
    pub fn probability(&self, claimed: f64) -> f64 {
        self.corrected(log_odds(claimed))
    }

    /// What may be shown for a claim: its probability, but from 95 % on no more than the cases of at least that probability
    /// bear out. Without 59 of them that were all right, 95 % is not shown.
    #[must_use]
    pub fn shown(&self, claimed: f64) -> f64 {
        let probability = self.probability(claimed);
        if probability <= FREE {
            return probability;
        }
        let above = &self.record[self.record.partition_point(|(known, _)| *known < FREE)..];
        let right = above.iter().filter(|(_, right)| *right).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        probability.min(earned(count(right), count(above.len())).max(FREE))
    }
}

/// Away from certainty, which no record can bear out.
fn log_odds(probability: f64) -> f64 {
    let probability = probability.clamp(1e-4, 1.0 - 1e-4);
    (probability / (1.0 - probability)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(claimed: f64, right: usize, wrong: usize) -> Vec<Case> {
        let case = |right: bool| Case { claimed, right, age: 0.0 };
        (0..right).map(|_| case(true)).chain((0..wrong).map(|_| case(false))).collect()
    }

    #[test]
    fn who_claims_too_much_is_believed_less() {
        // Twice as sure as right: below 200 cases a curve learns it, above them steps do.
        for times in [1, 10] {
            let mut known = cases(0.9, 6 * times, 6 * times);
            known.extend(cases(0.3, 2 * times, 10 * times));
            let found = Calibrator::fit(&known);
            assert!((found.probability(0.9) - 0.5).abs() < 0.06, "{}", found.probability(0.9));
            assert!((found.probability(0.3) - 1.0 / 6.0).abs() < 0.06, "{}", found.probability(0.3));
        }
    }

    #[test]
    fn a_claim_without_a_record_stays_but_never_reaches_95_percent() {
        let none = Calibrator::fit(&[]);
        assert!((none.shown(0.7) - 0.7).abs() < 1e-9);
        assert!(none.shown(0.9999) < 0.95);
    }

    #[test]
    fn ninety_five_percent_is_shown_from_59_right_cases_on() {
        let shown = |right: usize| Calibrator::fit(&[cases(0.99, right, 0), cases(0.5, 60, 60)].concat()).shown(0.99);
        assert!(shown(58) < 0.95, "{}", shown(58));
        assert!(shown(120) >= 0.95, "{}", shown(120));
    }

    #[test]
    fn what_is_long_ago_counts_less() {
        let old = |case: Case| Case { age: 900.0, ..case };
        let mut known = cases(0.8, 2, 18);
        known.extend(cases(0.8, 40, 0).into_iter().map(old));
        assert!(Calibrator::fit(&known).probability(0.8) < 0.2);
        assert!((Case { claimed: 0.5, right: true, age: 90.0 }.weight() - 0.5).abs() < 1e-12);
    }
}
