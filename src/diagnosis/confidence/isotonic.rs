//! The best non-decreasing fit: pool adjacent violators (Ayer et al., 1955; Zadrozny and Elkan, 2002, for probabilities).

/// A non-decreasing step from scores to rates, straight between the middles of the steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Isotonic {
    /// Lowest and highest score of each step, and its rate; scores and rates grow.
    steps: Vec<(f64, f64, f64)>,
}

impl Isotonic {
    /// Fits cases of a score, what it turned out to be (0 or 1, or a rate), and how much the case counts. Those that count
    /// nothing, or of which a figure is no number, are passed over.
    #[must_use]
    pub fn fit(cases: &[(f64, f64, f64)]) -> Self {
        let usable =
            |(score, value, weight): &&(f64, f64, f64)| score.is_finite() && value.is_finite() && *weight > 0.0;
        let mut sorted: Vec<(f64, f64, f64)> = cases.iter().filter(usable).copied().collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Lowest score, highest score, sum of weighted values, sum of weights.
        let mut pools: Vec<(f64, f64, f64, f64)> = Vec::new();
        for (score, value, weight) in sorted {
            match pools.last_mut() {
                Some(last) if last.1.total_cmp(&score).is_eq() => {
                    last.2 += value * weight;
                    last.3 += weight;
                }
                _ => pools.push((score, score, value * weight, weight)),
            }
        }
        let mut fitted: Vec<(f64, f64, f64, f64)> = Vec::new();
        for mut pool in pools {
            while let Some(last) = fitted.pop_if(|last| last.2 / last.3 >= pool.2 / pool.3) {
                pool = (last.0, pool.1, last.2 + pool.2, last.3 + pool.3);
            }
            fitted.push(pool);
        }
        Self { steps: fitted.into_iter().map(|(low, high, sum, weight)| (low, high, sum / weight)).collect() }
    }

    /// The rate at a score; beyond the known scores that of the nearest. Nothing when nothing was fitted.
    #[must_use]
    pub fn rate(&self, score: f64) -> Option<f64> {
        let place = self.steps.partition_point(|(low, ..)| *low <= score);
        let Some(before) = place.checked_sub(1).map(|before| self.steps[before]) else {
            return self.steps.first().map(|step| step.2);
        };
        let Some(after) = self.steps.get(place).filter(|_| score > before.1) else { return Some(before.2) };
        let part = (score - before.1) / (after.0 - before.1);
        Some(before.2 + (after.2 - before.2) * part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(values: &[f64]) -> Vec<f64> {
        let cases: Vec<(f64, f64, f64)> =
            (0..).zip(values).map(|(score, value)| (f64::from(score), *value, 1.0)).collect();
        let fitted = Isotonic::fit(&cases);
        cases.iter().map(|(score, ..)| fitted.rate(*score).unwrap()).collect()
    }

    #[test]
    fn neighbours_in_the_wrong_order_are_pooled() {
        assert_eq!(fit(&[1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
        assert_eq!(fit(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
        // By hand: 3 and 2 make 2.5; 6, 4 and 2 make 4, after which 5 may stay.
        assert_eq!(fit(&[1.0, 3.0, 2.0, 6.0, 4.0, 2.0, 5.0]), [1.0, 2.5, 2.5, 4.0, 4.0, 4.0, 5.0]);
        // Pooling 0 with 4 makes 2, below the 3 before it: pools meet again.
        assert_eq!(fit(&[3.0, 4.0, 0.0]), [7.0 / 3.0; 3]);
    }

    #[test]
    fn weights_count_and_equal_scores_share_one_rate() {
        let fitted = Isotonic::fit(&[(0.2, 1.0, 3.0), (0.8, 0.0, 1.0)]);
        assert_eq!(fitted.rate(0.5), Some(0.75));
        let fitted = Isotonic::fit(&[(0.5, 1.0, 1.0), (0.5, 0.0, 1.0), (0.9, 1.0, 1.0), (0.7, 1.0, 0.0)]);
        assert_eq!((fitted.rate(0.5), fitted.rate(0.9)), (Some(0.5), Some(1.0)));
        assert_eq!(fitted.rate(0.7), Some(0.75), "halfway between the two");
        assert_eq!((fitted.rate(-9.0), fitted.rate(9.0)), (Some(0.5), Some(1.0)));
        assert_eq!(Isotonic::fit(&[]).rate(0.5), None);
    }
}
