//! How well a fix is known to work: a Beta posterior over how often it does.

use serde::{Deserialize, Serialize};

use super::{Article, FixRecord, Knowledge, Treatment};
use crate::domain::Category;

/// A uniform prior, before anything is known of any fix.
const UNIFORM: f64 = 1.0;
/// What is known of other fixes of the same kind weighs as much as this many votes at most, so that with the uniform prior it is 10.
const POOLED: f64 = 8.0;

/// How often a fix works.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FixEstimate {
    /// The most sensible single number, 0 to 1.
    pub mean: f64,
    /// It works at least so often, with 95 % certainty; what fixes are ranked by.
    pub low: f64,
    /// It works at most so often, with 95 % certainty.
    pub high: f64,
    /// Incidents that have told.
    pub n: u32,
}

/// What is known of all fixes by the category of the failure and the kind of fix: what is to be expected of one of which nothing is
/// known yet.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    /// A handful of kinds, each with what has worked and what has failed.
    votes: Vec<((Category, Kind), (u32, u32))>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    RollBack,
    RunAction,
    ByHand,
}

impl Kind {
    fn of(treatment: &Treatment) -> Self {
        match treatment {
            Treatment::RollBack { .. } => Self::RollBack,
            Treatment::RunAction { .. } => Self::RunAction,
            Treatment::ByHand { .. } => Self::ByHand,
        }
    }
}

impl Pool {
    /// Everything that was ever counted.
    #[must_use]
    pub fn of(knowledge: &Knowledge) -> Self {
        let mut pool = Self::default();
        for article in knowledge.articles.values() {
            let now = article.body.fixes.iter().zip(&article.records);
            let past = article.past.iter().flat_map(|past| past.fixes.iter().map(|(fix, record)| (fix, record)));
            for (fix, record) in now.chain(past) {
                let kind = (article.body.category, Kind::of(fix));
                match pool.votes.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, votes)) => *votes = (votes.0 + record.worked, votes.1 + record.failed),
                    None => pool.votes.push((kind, (record.worked, record.failed))),
                }
            }
        }
        pool
    }

    /// How often a fix of an article works, as its own votes and those of the others say.
    #[must_use]
    pub fn estimate(&self, article: &Article, fix: usize) -> Option<FixEstimate> {
        let (treatment, record) = (article.body.fixes.get(fix)?, article.records.get(fix)?);
        let kind = (article.body.category, Kind::of(treatment));
        let all = self.votes.iter().find(|(known, _)| *known == kind).map(|(_, votes)| *votes).unwrap_or_default();
        Some(estimate(record, (all.0.saturating_sub(record.worked), all.1.saturating_sub(record.failed))))
    }
}

/// The posterior of a record, where `others` have worked and failed so often.
fn estimate(record: &FixRecord, others: (u32, u32)) -> FixEstimate {
    let (worked, failed) = (f64::from(others.0), f64::from(others.1));
    let weight = (POOLED / (worked + failed).max(POOLED)).min(1.0);
    let alpha = UNIFORM + weight * worked + f64::from(record.worked);
    let beta = UNIFORM + weight * failed + f64::from(record.failed);
    FixEstimate {
        mean: alpha / (alpha + beta),
        low: quantile(alpha, beta, 0.05),
        high: quantile(alpha, beta, 0.95),
        n: record.worked + record.failed,
    }
}

/// Where the Beta distribution has so much of its mass below: by halving, as its distribution function only grows.
fn quantile(alpha: f64, beta: f64, mass: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if below(alpha, beta, middle) < mass { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8, evaluated as Lentz does).
fn below(alpha: f64, beta: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges fast on this side only.
    if x > (alpha + 1.0) / (alpha + beta + 2.0) {
        return 1.0 - below(beta, alpha, 1.0 - x);
    }
    let front = alpha * x.ln() + beta * (1.0 - x).ln() + ln_gamma(alpha + beta) - ln_gamma(alpha) - ln_gamma(beta);
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (alpha + beta) * x / (alpha + 1.0)));
    let mut fraction = d;
    for step in 1..=200_u32 {
        let m = f64::from(step);
        let even = m * (beta - m) * x / ((alpha + 2.0 * m - 1.0) * (alpha + 2.0 * m));
        let odd = -(alpha + m) * (alpha + beta + m) * x / ((alpha + 2.0 * m) * (alpha + 2.0 * m + 1.0));
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            fraction *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-12 {
            break;
        }
    }
    (front.exp() * fraction / alpha).clamp(0.0, 1.0)
}

/// The logarithm of the gamma function of what is at least 1, by Lanczos' approximation (g = 7, nine coefficients).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum: f64 = COEFFICIENTS.iter().zip(1_u32..).map(|(c, place)| c / (x + f64::from(place))).sum();
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + (0.999_999_999_999_809_9 + sum).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(worked: u32, failed: u32) -> FixRecord {
        FixRecord { executed: worked + failed, worked, failed, ..FixRecord::default() }
    }

    #[test]
    fn the_interval_is_that_of_the_beta_distribution() {
        // By numeric integration.
        for (alpha, beta, low, high) in [
            (1.0, 1.0, 0.05, 0.95),
            (2.0, 1.0, 0.223_606_797_749_979, 0.974_679_434_480_896),
            (10.0, 3.0, 0.561_893_8, 0.928_128_8),
            (69.0, 6.0, 0.863_173_8, 0.964_101_3),
        ] {
            let found = (quantile(alpha, beta, 0.05), quantile(alpha, beta, 0.95));
            assert!((found.0 - low).abs() < 1e-5 && (found.1 - high).abs() < 1e-5, "{alpha} {beta}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_ranked_below_what_is_proven_and_others_weigh_ten_votes_at_most() {
        let new = estimate(&record(0, 0), (0, 0));
        let once = estimate(&record(1, 0), (0, 0));
        let often = estimate(&record(30, 1), (0, 0));
        assert!(new.low < once.low && once.low < often.low, "{new:?} {once:?} {often:?}");
        assert_eq!((new.mean, new.n, often.n), (0.5, 0, 31));
        let praised = estimate(&record(0, 0), (1000, 0));
        assert!((praised.mean - 0.9).abs() < 1e-9, "{praised:?}");
        let proven_wrong = estimate(&record(0, 30), (1000, 0));
        assert!(proven_wrong.high < 0.4, "its own votes say more: {proven_wrong:?}");
    }

    #[test]
    fn the_truth_lies_in_the_interval_as_often_as_it_says() {
        let mut seed = 7_u64;
        // SplitMix64, as a share of 1.
        let mut chance = || {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            f64::from(u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
        };
        let held = (0..1000)
            .filter(|_| {
                let (truth, incidents) = (chance(), 20);
                let worked = u32::try_from((0..incidents).filter(|_| chance() < truth).count()).unwrap();
                let found = estimate(&record(worked, incidents - worked), (0, 0));
                (found.low..=found.high).contains(&truth)
            })
            .count();
        assert!((880..=920).contains(&held), "{held} of 1000");
    }
}
