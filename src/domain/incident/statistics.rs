//! Figures that say how little they know: a median with an interval that needs no assumption about how times are spread,
//! and a share with the interval that stays honest for few cases.

use serde::Serialize;

/// Fewer cases than this give no figure: below six, no two of them enclose the median with 95 % confidence.
pub const ENOUGH: usize = 6;

/// How sure an interval is to hold what it is about.
const CONFIDENCE: f64 = 0.95;

/// The quantile of the normal distribution for [`CONFIDENCE`] on both sides.
const Z: f64 = 1.959_963_984_540_054;

/// A median, where there are enough cases for one.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Median {
    /// How many cases it is of.
    pub count: usize,
    /// The median, in seconds; none below [`ENOUGH`] cases.
    pub median_seconds: Option<f64>,
    /// Lower end of its interval: a case.
    pub low_seconds: Option<f64>,
    /// Upper end of its interval: a case.
    pub high_seconds: Option<f64>,
    /// How sure the interval is to hold it, exactly; 0.95 or more.
    pub confidence: Option<f64>,
}

impl Median {
    /// Of these seconds, in any order.
    #[must_use]
    pub fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let count = seconds.len();
        let Some((rank, confidence)) = ranks(count).filter(|_| count >= ENOUGH) else {
            return Self { count, ..Self::default() };
        };
        let middle =
            if count % 2 == 1 { seconds[count / 2] } else { f64::midpoint(seconds[count / 2 - 1], seconds[count / 2]) };
        Self {
            count,
            median_seconds: Some(middle),
            low_seconds: Some(seconds[rank - 1]),
            high_seconds: Some(seconds[count - rank]),
            confidence: Some(confidence),
        }
    }
}

/// The largest rank, counted from 1 at either end, whose two cases enclose the median with enough confidence, and with how
/// much. A case lies below the median with one chance in two, so the number below it is binomial.
fn ranks(count: usize) -> Option<(usize, f64)> {
    let mut found = None;
    let mut log_chance = -precise(count) * std::f64::consts::LN_2;
    let mut below = 0.0;
    for rank in 1..=count / 2 {
        below += log_chance.exp();
        let confidence = 1.0 - 2.0 * below;
        if confidence < CONFIDENCE {
            break;
        }
        found = Some((rank, confidence));
        log_chance += (precise(count + 1 - rank) / precise(rank)).ln();
    }
    found
}

/// So many of so many, with Wilson's interval.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// So many.
    pub count: usize,
    /// Of so many.
    pub of: usize,
    /// The share, 0 to 1; none below [`ENOUGH`] cases.
    pub share: Option<f64>,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end of its interval.
    pub high: Option<f64>,
}

impl Share {
    /// `count` of `of`.
    #[must_use]
    pub fn of(count: usize, of: usize) -> Self {
        if of < ENOUGH {
            return Self { count, of, ..Self::default() };
        }
        let (n, p) = (precise(of), precise(count) / precise(of));
        let square = Z * Z;
        let centre = (p + square / (2.0 * n)) / (1.0 + square / n);
        let half = Z / (1.0 + square / n) * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
        Self { count, of, share: Some(p), low: Some((centre - half).max(0.0)), high: Some((centre + half).min(1.0)) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of incidents")]
pub(in crate::domain) fn precise(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Option<f64>, wanted: f64) {
        let found = found.expect("there is a figure");
        assert!((found - wanted).abs() < 1e-4, "{found} is not {wanted}");
    }

    /// The ranks of the table in Conover, Practical Nonparametric Statistics, for 95 %.
    #[test]
    fn the_interval_of_a_median_is_the_one_in_the_tables() {
        let rank = |count| ranks(count).map(|(rank, _)| rank);
        assert_eq!([5, 6, 8, 9, 10, 12, 15, 20, 25, 50, 100].map(rank), {
            let known = |rank| Some(rank);
            [None, known(1), known(1), known(2), known(2), known(3), known(4), known(6), known(8), known(18), known(40)]
        });
        close(ranks(6).map(|(_, confidence)| confidence), 1.0 - 2.0 / 64.0);
        close(ranks(10).map(|(_, confidence)| confidence), 1.0 - 2.0 * 11.0 / 1024.0);
        assert!(
            ranks(100_000).is_some_and(|(rank, _)| (49_600..50_000).contains(&rank)),
            "many cases do not underflow"
        );
    }

    #[test]
    fn too_few_cases_give_a_count_and_no_figure() {
        let few = Median::of(vec![60.0; ENOUGH - 1]);
        assert_eq!((few.count, few.median_seconds, few.high_seconds), (5, None, None));
        let enough = Median::of(vec![9.0, 1.0, 7.0, 3.0, 100.0, 5.0]);
        assert_eq!(enough.median_seconds, Some(6.0));
        assert_eq!((enough.low_seconds, enough.high_seconds), (Some(1.0), Some(100.0)));
        assert_eq!(Share::of(2, 5), Share { count: 2, of: 5, ..Share::default() });
    }

    /// Worked by hand from Wilson's formula: 1 of 10 and 0 of 10 are the textbook pair.
    #[test]
    fn the_interval_of_a_share_never_leaves_what_can_be() {
        let one = Share::of(1, 10);
        close(one.low, 0.017_876);
        close(one.high, 0.404_150);
        let none = Share::of(0, 10);
        close(none.low, 0.0);
        close(none.high, 0.277_535);
        let all = Share::of(10, 10);
        assert!(all.high <= Some(1.0) && all.low < Some(1.0), "{all:?}");
    }
}
