//! A logistic curve through scores: for few cases, where steps would follow chance.
//!
//! Platt, "Probabilistic outputs for support vector machines", 1999, with the targets that it proposes against claiming
//! certainty, fitted by Newton's method as in Lin, Lin and Weng, "A note on Platt's probabilistic outputs", 2007.

/// `1 / (1 + exp(slope · score + shift))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Platt {
    /// Negative where a higher score is likelier right.
    pub slope: f64,
    /// At score 0.
    pub shift: f64,
}

/// Steps of Newton's method at most.
const STEPS: usize = 100;
/// Keeps the matrix of second derivatives invertible.
const RIDGE: f64 = 1e-12;

impl Platt {
    /// Fits cases of a score, whether it was right, and how much the case counts.
    #[must_use]
    pub fn fit(cases: &[(f64, bool, f64)]) -> Self {
        let usable = |(score, _, weight): &&(f64, bool, f64)| score.is_finite() && *weight > 0.0;
        let cases: Vec<(f64, bool, f64)> = cases.iter().filter(usable).copied().collect();
        let count = |right: bool| cases.iter().filter(|case| case.1 == right).map(|case| case.2).sum::<f64>();
        let (good, bad) = (count(true), count(false));
        let targets = ((good + 1.0) / (good + 2.0), 1.0 / (bad + 2.0));
        let target = |right: bool| if right { targets.0 } else { targets.1 };
        // The cross-entropy, written so that it does not overflow on either side.
        let loss = |at: Self| -> f64 {
            let one = |(score, right, weight): &(f64, bool, f64)| {
                let (odds, target) = (at.slope * score + at.shift, target(*right));
                let part = if odds >= 0.0 { target * odds } else { (target - 1.0) * odds };
                weight * (part + (-odds.abs()).exp().ln_1p())
            };
            cases.iter().map(one).sum()
        };
        let mut fitted = Self { slope: 0.0, shift: ((bad + 1.0) / (good + 1.0)).ln() };
        let mut least = loss(fitted);
        for _ in 0..STEPS {
            let (mut curve, mut down) = ([RIDGE, RIDGE, 0.0], [0.0, 0.0]);
            for (score, right, weight) in &cases {
                let rate = fitted.rate(*score);
                let (second, first) = (weight * rate * (1.0 - rate), weight * (target(*right) - rate));
                curve[0] += score * score * second;
                curve[1] += second;
                curve[2] += score * second;
                down[0] += score * first;
                down[1] += first;
            }
            if down[0].abs() < 1e-9 && down[1].abs() < 1e-9 {
                break;
            }
            let scale = curve[0] * curve[1] - curve[2] * curve[2];
            let slope = -(curve[1] * down[0] - curve[2] * down[1]) / scale;
            let shift = -(curve[0] * down[1] - curve[2] * down[0]) / scale;
            let slant = down[0] * slope + down[1] * shift;
            let mut step = 1.0;
            let better = loop {
                let next = Self { slope: fitted.slope + step * slope, shift: fitted.shift + step * shift };
                let found = loss(next);
                if found < least + 1e-4 * step * slant {
                    break Some((next, found));
                }
                step /= 2.0;
                if step < 1e-10 {
                    break None;
                }
            };
            let Some(better) = better else { break };
            (fitted, least) = better;
        }
        fitted
    }

    /// The rate at a score.
    #[must_use]
    pub fn rate(&self, score: f64) -> f64 {
        let odds = self.slope * score + self.shift;
        // The exponent is never positive, so that nothing overflows.
        if odds >= 0.0 { (-odds).exp() / (1.0 + (-odds).exp()) } else { 1.0 / (1.0 + odds.exp()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_best_fit_the_expected_and_the_smoothed_numbers_agree() {
        let cases: Vec<(f64, bool, f64)> = [
            (0.1, false),
            (0.2, false),
            (0.3, true),
            (0.4, false),
            (0.6, true),
            (0.7, false),
            (0.8, true),
            (0.9, true),
        ]
        .map(|(score, right)| (score, right, 1.0))
        .to_vec();
        let fitted = Platt::fit(&cases);
        // Four of each: the targets are 5/6 and 1/6, and by symmetry 0.5 is as good as not.
        assert!((fitted.rate(0.5) - 0.5).abs() < 1e-6, "{fitted:?}");
        assert!(fitted.slope < 0.0);
        let residual = |moment: fn(f64) -> f64| -> f64 {
            let target = |right: bool| if right { 5.0 / 6.0 } else { 1.0 / 6.0 };
            cases.iter().map(|(score, right, _)| moment(*score) * (target(*right) - fitted.rate(*score))).sum()
        };
        assert!(residual(|_| 1.0).abs() < 1e-6 && residual(|score| score).abs() < 1e-6);
    }

    #[test]
    fn cases_that_are_all_right_do_not_make_certain() {
        let fitted = Platt::fit(&[(0.9, true, 1.0), (0.95, true, 1.0), (0.8, true, 1.0)]);
        assert!((fitted.rate(0.9) - 0.8).abs() < 1e-3, "(3 + 1) / (3 + 2), was {}", fitted.rate(0.9));
        assert!((Platt::fit(&[]).rate(0.3) - 0.5).abs() < 1e-9, "nothing is known");
    }

    #[test]
    fn a_case_that_counts_twice_counts_as_two() {
        let twice = [(0.2, false, 2.0), (0.7, true, 2.0), (0.4, true, 1.0)];
        let each = [(0.2, false, 1.0), (0.2, false, 1.0), (0.7, true, 1.0), (0.7, true, 1.0), (0.4, true, 1.0)];
        let (twice, each) = (Platt::fit(&twice), Platt::fit(&each));
        assert!((twice.rate(0.5) - each.rate(0.5)).abs() < 1e-9);
    }
}
