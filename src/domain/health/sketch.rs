//! How latencies are spread, in a few bytes and with a bounded error: counts by buckets whose bounds grow by a constant
//! factor, as in DDSketch (arXiv 1908.10693). Two sketches merge into exactly the sketch of all their latencies, so a
//! percentile over a month is as good as one over five minutes.

use std::{cmp::Ordering, time::Duration};

/// The most by which a percentile is wrong, as a share of itself.
pub const RELATIVE_ERROR: f64 = 0.02;
/// What a bucket's upper bound is divided by for its lower one.
const GROWTH: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);
/// The last bucket there can be: it holds the longest [`Duration`] in microseconds that fits 64 bits.
const LAST: u16 = 1200;

/// How latencies are spread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    /// How many latencies lie in which bucket, in order; bucket `i` ends at `GROWTH`^`i` microseconds.
    counts: Vec<(u16, u64)>,
}

impl Sketch {
    /// Takes a latency in.
    pub fn add(&mut self, latency: Duration) {
        let bucket = bucket(latency);
        match self.counts.binary_search_by_key(&bucket, |(known, _)| *known) {
            Ok(place) => self.counts[place].1 += 1,
            Err(place) => self.counts.insert(place, (bucket, 1)),
        }
    }

    /// Takes in all that another one has taken in.
    pub fn merge(&mut self, other: &Self) {
        let mut merged = Vec::with_capacity(self.counts.len().max(other.counts.len()));
        let (mut own, mut others) = (self.counts.as_slice(), other.counts.as_slice());
        while let ([first, later @ ..], [other, others_later @ ..]) = (own, others) {
            match first.0.cmp(&other.0) {
                Ordering::Less => {
                    merged.push(*first);
                    own = later;
                }
                Ordering::Greater => {
                    merged.push(*other);
                    others = others_later;
                }
                Ordering::Equal => {
                    merged.push((first.0, first.1.saturating_add(other.1)));
                    (own, others) = (later, others_later);
                }
            }
        }
        merged.extend_from_slice(own);
        merged.extend_from_slice(others);
        self.counts = merged;
    }

    /// The latency that a share of all is not above, such as 0.95, within [`RELATIVE_ERROR`]; None without latencies.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all = self.counts.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
        #[expect(clippy::cast_precision_loss, reason = "a rank among more than 2^52 latencies need not be exact")]
        let rank = all.checked_sub(1)? as f64 * share.clamp(0.0, 1.0);
        let mut below = 0_u64;
        for (bucket, count) in &self.counts {
            below = below.saturating_add(*count);
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            if below as f64 > rank {
                return Some(middle(*bucket));
            }
        }
        self.counts.last().map(|(bucket, _)| middle(*bucket))
    }

    /// As bytes: for each bucket the distance to the one before and its count, both with seven bits a byte.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.counts.len() * 2);
        let mut last = 0;
        for (bucket, count) in &self.counts {
            put(&mut bytes, u64::from(bucket - last));
            put(&mut bytes, *count);
            last = *bucket;
        }
        bytes
    }

    /// From what [`Sketch::encode`] gave; None when it is damaged.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut counts = Vec::with_capacity(bytes.len() / 2);
        let mut last = 0;
        while !bytes.is_empty() {
            let distance = get(&mut bytes)?;
            let bucket = distance.checked_add(last).filter(|bucket| *bucket <= u64::from(LAST))?;
            if distance == 0 && !counts.is_empty() {
                return None;
            }
            counts.push((u16::try_from(bucket).ok()?, get(&mut bytes)?));
            last = bucket;
        }
        Some(Self { counts })
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the logarithm of a number of microseconds lies between 0 and LAST"
)]
fn bucket(latency: Duration) -> u16 {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1);
    ((micros as f64).ln() / GROWTH.ln()).ceil().clamp(0.0, f64::from(LAST)) as u16
}

/// The latency that is off from none in the bucket by more than [`RELATIVE_ERROR`].
fn middle(bucket: u16) -> Duration {
    let micros = 2.0 * GROWTH.powi(i32::from(bucket)) / (GROWTH + 1.0);
    Duration::try_from_secs_f64(micros / 1e6).unwrap_or(Duration::MAX)
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn get(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(micros: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        micros.iter().for_each(|micros| sketch.add(Duration::from_micros(*micros)));
        sketch
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Sketch::default().quantile(0.5), None);
        assert_eq!(Sketch::decode(&[]), Some(Sketch::default()));
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = sketch(&[1, 50_000, u64::MAX]).encode();
        assert_eq!(Sketch::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Sketch::decode(&[0xff, 0xff, 0x03, 1]), None, "a bucket beyond the last");
        assert_eq!(Sketch::decode(&[0xff; 12]), None);
        assert_eq!(Sketch::decode(&[5, 1, 0, 1]), None, "the same bucket twice");
    }

    proptest! {
        #[test]
        fn a_percentile_over_parts_is_that_of_the_whole_within_the_error(
            parts in prop::collection::vec(prop::collection::vec(1_u64..100_000_000, 1..40), 1..6),
            share in 0.0..=1.0_f64,
        ) {
            let mut merged = Sketch::default();
            for part in &parts {
                let kept = Sketch::decode(&sketch(part).encode()).unwrap();
                merged.merge(&kept);
            }
            let mut all = parts.concat();
            prop_assert_eq!(&merged, &sketch(&all));
            all.sort_unstable();
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
            let exact = all[((all.len() - 1) as f64 * share).floor() as usize] as f64 / 1e6;
            let told = merged.quantile(share).unwrap().as_secs_f64();
            // Durations are kept to the nanosecond.
            prop_assert!((told - exact).abs() <= exact * RELATIVE_ERROR + 2e-9, "{told} for {exact}");
        }
    }
}
