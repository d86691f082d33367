//! How well the watch keeps up: how many checks it starts, and how late. A watch that is late is blind for that long.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use crate::{domain::Sketch, platform::seconds};

/// Figures are those of the minute under way and of the one before.
const MINUTE: Duration = Duration::from_secs(60);

/// Counts starts of checks.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Minutes>>);

#[derive(Debug)]
struct Minutes {
    began: Instant,
    counted_from: Instant,
    total: u64,
    now: Minute,
    before: Minute,
}

#[derive(Debug, Default)]
struct Minute {
    starts: u32,
    lags: Sketch,
}

/// How well the watch keeps up; what is not counted since the start is of the last one to two minutes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaceFigures {
    /// Checks started since the engine did.
    pub total: u64,
    /// Checks started each second.
    pub per_second: f64,
    /// Half of them started no later than this after their time, in seconds.
    #[serde(rename = "lagP50Seconds", with = "seconds")]
    pub lag_p50: Duration,
    /// And 99 of 100 no later than this.
    #[serde(rename = "lagP99Seconds", with = "seconds")]
    pub lag_p99: Duration,
}

impl Pace {
    /// A check whose time had come at `due` starts at `now`.
    pub(super) fn take(&self, due: Instant, now: Instant) {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minutes = minutes.get_or_insert_with(|| Minutes {
            began: now,
            counted_from: now,
            total: 0,
            now: Minute::default(),
            before: Minute::default(),
        });
        if now - minutes.began >= MINUTE {
            minutes.counted_from = minutes.began;
            minutes.began = now;
            minutes.before = std::mem::take(&mut minutes.now);
        }
        minutes.total += 1;
        minutes.now.starts += 1;
        minutes.now.lags.add(now.saturating_duration_since(due));
    }

    /// The figures; none before the first check.
    pub(super) fn figures(&self, now: Instant) -> Option<PaceFigures> {
        let minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minutes = minutes.as_ref()?;
        let mut lags = minutes.before.lags.clone();
        lags.merge(&minutes.now.lags);
        let starts = minutes.before.starts + minutes.now.starts;
        let time = now.saturating_duration_since(minutes.counted_from).max(Duration::from_secs(1));
        Some(PaceFigures {
            total: minutes.total,
            per_second: f64::from(starts) / time.as_secs_f64(),
            lag_p50: lags.quantile(0.5)?,
            lag_p99: lags.quantile(0.99)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_late_two_minutes_ago_is_forgotten_and_what_was_late_a_minute_ago_is_not() {
        let start = Instant::now();
        let pace = Pace::default();
        assert_eq!(pace.figures(start), None);
        let at = |second: u64| start + Duration::from_secs(second);
        for second in 0..60 {
            pace.take(at(second), at(second) + Duration::from_millis(500));
        }
        for second in 61..110 {
            pace.take(at(second), at(second));
        }
        let figures = pace.figures(at(110)).unwrap();
        assert!(figures.lag_p99 > Duration::from_millis(480), "{figures:?}");
        assert!((0.9..1.1).contains(&figures.per_second), "{figures:?}");
        for second in 110..190 {
            pace.take(at(second), at(second));
        }
        assert!(pace.figures(at(190)).unwrap().lag_p99 < Duration::from_millis(1));
    }
}
