//! How good probabilities were.

use serde::Serialize;

/// Bins of about as many cases each.
const BINS: usize = 10;

/// Cases with probabilities near each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bin {
    /// Their lowest probability.
    pub from: f64,
    /// Their highest.
    pub until: f64,
    /// Their mean probability.
    pub claimed: f64,
    /// The share that was right.
    pub found: f64,
    /// How many there are.
    pub cases: usize,
    /// How many were right.
    pub right: usize,
}

/// A report on probabilities of which the truth is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// How many there are.
    pub cases: usize,
    /// The mean square of what was missing (Brier, 1950): 0 is perfect, 0.25 is what saying 50 % always gets.
    pub brier: f64,
    /// How far the bins are from what was found in them, mean square: 0 is calibrated.
    pub reliability: f64,
    /// How far what was found in the bins is from the whole, mean square: the more, the more the probabilities tell.
    pub resolution: f64,
    /// The Brier score of one who always says the rate of the whole.
    pub uncertainty: f64,
    /// What the bins hide: `brier - (reliability - resolution + uncertainty)`. It is 0 where all probabilities of a bin are
    /// the same, and Murphy's decomposition (1973) then is exact.
    pub within: f64,
    /// The mean distance between what was claimed and what was found, over the bins (expected calibration error).
    pub ece: f64,
    /// The reliability table, lowest first.
    pub bins: Vec<Bin>,
}

impl Quality {
    /// Looks at probabilities, 0 to 1, and whether each turned out right. Nothing when there are none.
    #[must_use]
    pub fn of(cases: &[(f64, bool)]) -> Option<Self> {
        let mut sorted: Vec<(f64, bool)> =
            cases.iter().filter(|(probability, _)| probability.is_finite()).copied().collect();
        if sorted.is_empty() {
            return None;
        }
        // Equal probabilities in an order that does not come from outside: right ones last.
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let all = sorted.len();
        let number = all as f64;
        let rate = sorted.iter().filter(|(_, right)| *right).count() as f64 / number;
        let bins: Vec<Bin> = pieces(&sorted).into_iter().map(Bin::of).collect();
        let over =
            |part: &dyn Fn(&Bin) -> f64| bins.iter().map(|bin| bin.cases as f64 / number * part(bin)).sum::<f64>();
        let brier =
            sorted.iter().map(|(probability, right)| (probability - truth(*right)).powi(2)).sum::<f64>() / number;
        let reliability = over(&|bin| (bin.claimed - bin.found).powi(2));
        let resolution = over(&|bin| (bin.found - rate).powi(2));
        let uncertainty = rate * (1.0 - rate);
        let ece = over(&|bin| (bin.claimed - bin.found).abs());
        let within = brier - (reliability - resolution + uncertainty);
        Some(Self { cases: all, brier, reliability, resolution, uncertainty, within, ece, bins })
    }
}

/// Ten pieces of about the same size. Equal probabilities stay together, as no order of theirs means anything.
fn pieces(sorted: &[(f64, bool)]) -> Vec<&[(f64, bool)]> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    for piece in 1..=BINS {
        let mut until = (sorted.len() * piece / BINS).max(from);
        while until > from && until < sorted.len() && sorted[until].0.total_cmp(&sorted[until - 1].0).is_eq() {
            until += 1;
        }
        if until > from {
            pieces.push(&sorted[from..until]);
            from = until;
        }
    }
    pieces
}

fn truth(right: bool) -> f64 {
    if right { 1.0 } else { 0.0 }
}

impl Bin {
    fn of(cases: &[(f64, bool)]) -> Self {
        let right = cases.iter().filter(|(_, right)| *right).count();
        let number = cases.len() as f64;
        Self {
            from: cases.first().map_or(f64::NAN, |case| case.0),
            until: cases.last().map_or(f64::NAN, |case| case.0),
            claimed: cases.iter().map(|case| case.0).sum::<f64>() / number,
            found: right as f64 / number,
            cases: cases.len(),
            right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
    }

    #[test]
    fn the_decomposition_is_exact_where_bins_are_pure() {
        // By hand: ten cases with 0.2, of which one was right, and ten with 0.7, of which eight were.
        let mut cases: Vec<(f64, bool)> = (0..10).map(|number| (0.2, number == 0)).collect();
        cases.extend((0..10).map(|number| (0.7, number < 8)));
        let found = Quality::of(&cases).unwrap();
        near(found.brier, (0.64 + 9.0 * 0.04 + 8.0 * 0.09 + 2.0 * 0.49) / 20.0);
        near(found.reliability, 0.01);
        near(found.resolution, 0.35 * 0.35);
        near(found.uncertainty, 0.45 * 0.55);
        near(found.within, 0.0);
        near(found.ece, 0.1);
        assert_eq!(found.bins.iter().map(|bin| (bin.cases, bin.right)).collect::<Vec<_>>(), [(10, 1), (10, 8)]);
    }

    #[test]
    fn bins_hold_as_many_cases_each_and_no_order_changes_them() {
        let mut cases: Vec<(f64, bool)> = (0..103).map(|number| (f64::from(number) / 103.0, number % 3 == 0)).collect();
        let found = Quality::of(&cases).unwrap();
        assert_eq!(found.bins.len(), 10);
        assert!(found.bins.iter().all(|bin| bin.cases == 10 || bin.cases == 11), "{:?}", found.bins);
        cases.reverse();
        assert_eq!(Quality::of(&cases).unwrap(), found);
        assert_eq!(Quality::of(&[]), None);
    }

    #[test]
    fn saying_half_always_gets_a_quarter() {
        let found = Quality::of(&[(0.5, true), (0.5, false)]).unwrap();
        near(found.brier, 0.25);
        near(found.resolution, 0.0);
        near(found.ece, 0.0);
    }
}
