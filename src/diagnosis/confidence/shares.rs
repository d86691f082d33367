//! From log-odds to probabilities that sum to one, with one for "none of these".

/// Probabilities of candidates, and of none of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// In the order of the candidates.
    pub candidates: Vec<f64>,
    /// What is left.
    pub none: f64,
}

/// The probability of each candidate by its log-odds, against `none`, the log-odds of no candidate at all. The sum of all,
/// with that of none, is 1.
#[must_use]
pub fn shares(log_odds: &[f64], none: f64) -> Shares {
    let top = log_odds.iter().copied().fold(none, f64::max);
    let parts: Vec<f64> = log_odds.iter().map(|odds| (odds - top).exp()).collect();
    let all = parts.iter().sum::<f64>() + (none - top).exp();
    Shares { candidates: parts.iter().map(|part| part / all).collect(), none: (none - top).exp() / all }
}

impl Shares {
    /// The same, with no candidate above `most`; what is taken from it goes to none.
    #[must_use]
    pub fn at_most(mut self, most: f64) -> Self {
        for share in &mut self.candidates {
            *share = share.min(most);
        }
        self.none = 1.0 - self.candidates.iter().sum::<f64>();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_and_none_make_one_whatever_the_odds() {
        for odds in [vec![], vec![0.0], vec![-800.0, 3.0, 900.0], vec![2.0, 2.0, 2.0]] {
            let found = shares(&odds, 0.5);
            assert!((found.candidates.iter().sum::<f64>() + found.none - 1.0).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(shares(&[], 0.5).none, 1.0);
        let even = shares(&[1.0, 1.0], 1.0);
        assert!((even.none - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_taken_from_a_candidate_goes_to_none() {
        let found = shares(&[9.0, 1.0], 0.0).at_most(0.9);
        assert_eq!(found.candidates[0], 0.9);
        assert!((found.candidates.iter().sum::<f64>() + found.none - 1.0).abs() < 1e-12);
    }
}
