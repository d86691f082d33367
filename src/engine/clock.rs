//! The only clock of the product, and what the engine makes of it: a time that never goes back.

use std::{
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time. Tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// The time now, as the host has it: it may be set forward and back.
    fn now(&self) -> DateTime<Utc>;

    /// What the clock of the host says, right or wrong: for the check that has to notice that it is wrong.
    fn of_host(&self) -> DateTime<Utc> {
        self.now()
    }

    /// The time since some fixed moment, which no setting of the clock touches.
    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// The clock of this host.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that is never set back: while the host's is behind what was told already, time goes on from there at its usual
/// pace. So no deadline runs out early, none is put off, and no event is older than the one before it.
pub(super) struct Steady {
    host: Arc<dyn Clock>,
    /// What was told last, and how much time had elapsed then.
    told: Mutex<(DateTime<Utc>, Duration)>,
}

impl Steady {
    /// Goes on after the last event of the journal.
    pub(super) fn after(last: DateTime<Utc>, host: Arc<dyn Clock>) -> Self {
        let told = Mutex::new((last, host.elapsed()));
        Self { host, told }
    }
}

impl Clock for Steady {
    fn now(&self) -> DateTime<Utc> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, elapsed) = (self.host.now(), self.host.elapsed());
        let passed = TimeDelta::from_std(elapsed.saturating_sub(told.1)).unwrap_or_default();
        *told = (now.max(told.0 + passed), elapsed);
        told.0
    }

    fn of_host(&self) -> DateTime<Utc> {
        self.host.of_host()
    }

    fn elapsed(&self) -> Duration {
        self.host.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wall(Mutex<DateTime<Utc>>);

    impl Clock for Wall {
        fn now(&self) -> DateTime<Utc> {
            *self.0.lock().unwrap()
        }
    }

    #[test]
    fn a_clock_that_is_set_back_is_seen_by_who_checks_it_and_by_nobody_else() {
        let noon: DateTime<Utc> = "2026-01-15T12:00:00Z".parse().unwrap();
        let wall = Arc::new(Wall(Mutex::new(noon)));
        let steady = Steady::after(noon, wall.clone());
        *wall.0.lock().unwrap() = noon - TimeDelta::hours(2);
        assert!(steady.now() >= noon);
        assert_eq!(steady.of_host(), noon - TimeDelta::hours(2));
    }
}
