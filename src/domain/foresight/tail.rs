//! How rare a distance is among those before it.

use std::collections::BTreeMap;

/// Distances before which nothing can be called rare.
const ENOUGH: f64 = 50.0;
/// When so many are counted, all counts are halved: what is usual may change.
const MOST: f64 = 20_000.0;
/// A bucket's upper bound is `e^WIDTH` times its lower one.
const WIDTH: f64 = 0.05;
/// The bucket of what is no distance at all.
const NOTHING: i32 = -1000;

/// Distances counted in buckets that grow by a constant factor, so that the memory is bounded for any number of them.
///
/// The rarity of a distance is its conformal p-value, the share of distances that were at least as great (Laxhammar and
/// Falkman, "Sequential conformal anomaly detection in trajectories", 2011), as a decimal logarithm: 2 is one in a
/// hundred. No share says by how much the greatest distance so far is exceeded, so each doubling of it counts one more.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    counts: BTreeMap<i32, f64>,
    all: f64,
}

impl Tail {
    /// How rare a distance is, 0 when it is usual; then it is one of those that are known.
    pub(super) fn take(&mut self, distance: f64) -> f64 {
        let rarity = self.rarity(distance);
        *self.counts.entry(bucket(distance)).or_default() += 1.0;
        self.all += 1.0;
        if self.all > MOST {
            self.counts.values_mut().for_each(|count| *count /= 2.0);
            self.counts.retain(|_, count| *count > 0.01);
            self.all = self.counts.values().sum();
        }
        rarity
    }

    fn rarity(&self, distance: f64) -> f64 {
        if self.all < ENOUGH {
            return 0.0;
        }
        let above: f64 = self.counts.range(bucket(distance)..).map(|(_, count)| count).sum();
        let rarity = ((self.all + 1.0) / (above + 1.0)).log10();
        if above > 0.0 {
            return rarity;
        }
        let greatest = self.counts.keys().next_back().map_or(0.0, |last| upper(*last));
        if greatest <= 0.0 {
            return rarity;
        }
        let median = self.quantile(0.5);
        let spread = (greatest - median).max(greatest * WIDTH);
        rarity + ((distance - median) / spread).max(1.0).log2()
    }

    fn quantile(&self, share: f64) -> f64 {
        let mut below = 0.0;
        for (bucket, count) in &self.counts {
            below += count;
            if below >= self.all * share {
                return upper(*bucket);
            }
        }
        0.0
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a logarithm of a float lies between -800 and 800")]
fn bucket(distance: f64) -> i32 {
    if distance <= 1e-12 { NOTHING } else { (distance.ln() / WIDTH).floor() as i32 }
}

fn upper(bucket: i32) -> f64 {
    if bucket == NOTHING { 0.0 } else { (f64::from(bucket + 1) * WIDTH).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarity_is_the_share_of_what_was_as_great() {
        let mut tail = Tail::default();
        for number in 0..999 {
            tail.take(f64::from(number % 100) + 1.0);
        }
        assert!((tail.rarity(90.5) - 1.0).abs() < 0.2, "{}", tail.rarity(90.5));
        assert!(tail.rarity(1.0) < 0.01);
        let (beyond, far) = (tail.rarity(120.0), tail.rarity(1200.0));
        assert!((3.0..4.0).contains(&beyond) && far > beyond + 3.0, "{beyond} {far}");
    }

    #[test]
    fn nothing_is_rare_before_enough_is_known_and_memory_stays_small() {
        let mut tail = Tail::default();
        assert_eq!((0..49).map(|_| tail.take(1e9)).fold(0.0, f64::max), 0.0);
        for number in 0..100_000 {
            tail.take(f64::from(number) * 0.37 % 1e5);
        }
        assert!(tail.counts.len() < 500 && tail.all <= MOST, "{}", tail.counts.len());
        assert!(tail.rarity(f64::MAX).is_finite() && tail.rarity(0.0) < 0.01);
    }
}
