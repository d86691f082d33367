//! How many lines came in each of the last minutes: enough to see when it began, and no more.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Minutes that are told apart.
pub const MINUTES: usize = 60;

/// Lines by the minute, up to the newest line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lately {
    /// The minute of the newest line, counted from 1970.
    minute: i64,
    /// Lines in it and in those before it, the oldest first; [`MINUTES`] at most.
    lines: VecDeque<u32>,
}

impl Lately {
    /// Counts a line; one that comes late counts in its own minute.
    pub(super) fn note(&mut self, at: DateTime<Utc>) {
        self.add(minute_of(at), 1);
    }

    /// Takes up what was counted elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        for (before, count) in (0..).zip(other.lines.iter().rev()) {
            self.add(other.minute - before, *count);
        }
    }

    /// Lines in each of the last [`MINUTES`] minutes, the oldest first; the last is the minute of `now`.
    pub(super) fn until(&self, now: DateTime<Utc>) -> Vec<u32> {
        let mut told = vec![0_u32; MINUTES];
        for (before, count) in (0..).zip(self.lines.iter().rev()) {
            let ago = minute_of(now) - self.minute + before;
            // What a clock that was set back has dated later than now came in this minute.
            let ago = usize::try_from(ago.max(0)).unwrap_or(MINUTES);
            if let Some(place) = (MINUTES - 1).checked_sub(ago) {
                told[place] = told[place].saturating_add(*count);
            }
        }
        told
    }

    fn add(&mut self, minute: i64, count: u32) {
        if count == 0 {
            return;
        }
        if self.lines.is_empty() {
            (self.minute, self.lines) = (minute, VecDeque::from([count]));
            return;
        }
        let later = usize::try_from(minute - self.minute).unwrap_or(0);
        if later > 0 {
            self.lines.extend(std::iter::repeat_n(0, later.min(MINUTES)));
            self.lines.drain(..self.lines.len().saturating_sub(MINUTES));
            self.minute = minute;
        }
        let before = usize::try_from(self.minute - minute).unwrap_or(MINUTES);
        if before >= MINUTES {
            return;
        }
        while self.lines.len() <= before {
            self.lines.push_front(0);
        }
        let place = self.lines.len() - 1 - before;
        self.lines[place] = self.lines[place].saturating_add(count);
    }
}

/// Counts as a line of so many bars, the highest for the most; `·` where there was none.
#[must_use]
pub fn bars(counts: &[u32], columns: usize) -> String {
    let held = held(counts, columns);
    let most = held.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: &u64| match usize::try_from((count * 8).div_ceil(most)) {
        Ok(0) => '·',
        Ok(level) => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][level.min(8) - 1],
        Err(_) => '█',
    };
    held.iter().map(bar).collect()
}

/// What each of so many columns holds: the sum of those that it stands for, or the same as its neighbour where there are more columns.
#[must_use]
pub fn held(counts: &[u32], columns: usize) -> Vec<u64> {
    let of = |column: usize| {
        let from = column * counts.len() / columns;
        let until = ((column + 1) * counts.len() / columns).max(from + 1);
        counts.get(from..until).unwrap_or_default().iter().map(|count| u64::from(*count)).sum()
    };
    (0..columns).map(of).collect()
}

fn minute_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn lines_are_counted_in_their_own_minute_and_forgotten_after_an_hour() {
        let start: DateTime<Utc> = "2026-01-15T14:00:00Z".parse().unwrap();
        let at = |minutes| start + TimeDelta::minutes(minutes);
        let mut lately = Lately::default();
        for minute in [0, 5, 5, 3, 7] {
            lately.note(at(minute));
        }
        let told = lately.until(at(7));
        assert_eq!(told.len(), MINUTES);
        assert_eq!(told[MINUTES - 8..], [1, 0, 0, 1, 0, 2, 0, 1]);
        // Two minutes later the same stands two places earlier.
        assert_eq!(lately.until(at(9))[MINUTES - 10..], [1, 0, 0, 1, 0, 2, 0, 1, 0, 0]);
        let mut other = Lately::default();
        other.note(at(8));
        other.note(at(5));
        lately.merge(&other);
        assert_eq!(lately.until(at(8))[MINUTES - 9..], [1, 0, 0, 1, 0, 3, 0, 1, 1]);
        lately.note(at(64));
        let told = lately.until(at(64));
        assert_eq!(
            (told[0], told[3], told.iter().sum::<u32>()),
            (3, 1, 6),
            "what is older than an hour is gone: {told:?}"
        );
        lately.note(at(2));
        assert_eq!(lately.until(at(64)), told, "a line of more than an hour ago counts no more");
        lately.note(at(1_000_000));
        assert_eq!(lately.lines.len(), MINUTES, "a long pause takes no more memory");
        assert_eq!(lately.until(at(1_000_000)).iter().sum::<u32>(), 1);
        assert_eq!(Lately::default().until(start), vec![0; MINUTES]);
    }

    #[test]
    fn bars_tell_none_from_few_and_hold_what_their_columns_stand_for() {
        assert_eq!(bars(&[0, 1, 4, 8, 0, 100], 6), "·▁▁▁·█");
        assert_eq!(bars(&[0, 0, 0, 0, 3, 3], 3), "··█");
        assert_eq!(bars(&[2, 0], 4), "██··");
        assert_eq!((bars(&[], 2), bars(&[7], 0)), ("··".to_owned(), String::new()));
        assert_eq!(held(&[1, 2, 3, 4], 2), [3, 7]);
    }
}
