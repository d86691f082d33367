//! The only clock of the product, and what the engine makes of it: a time that never goes back.

use std::{
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

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
    told: Mutex<Told>,
    stepped: Notify,
}

/// What was told last, and what that rested on.
struct Told {
    at: DateTime<Utc>,
    host: DateTime<Utc>,
    elapsed: Duration,
    /// What the host's clock was expected to say and what it said, since somebody last asked.
    step: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// A clock that is off by more was set; what keeps clocks right moves them by far less.
const STEP: TimeDelta = TimeDelta::seconds(2);
/// Between two readings that belong together less time passes.
const STALL: Duration = Duration::from_millis(200);

impl Steady {
    /// Goes on after the last event of the journal.
    pub(super) fn after(last: DateTime<Utc>, host: Arc<dyn Clock>) -> Self {
        // Before the first event nothing is expected of it; after one, that it does not lie behind.
        let told = Told { at: last, host: host.now().max(last), elapsed: host.elapsed(), step: None };
        Self { host, told: Mutex::new(told), stepped: Notify::new() }
    }

    /// Waits until the host's clock was set: what it was expected to say then, and what it said.
    pub(super) async fn next_step(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        loop {
            let step = self.told.lock().unwrap_or_else(PoisonError::into_inner).step.take();
            match step {
                Some(step) => return step,
                None => self.stepped.notified().await,
            }
        }
    }
}

impl Steady {
    /// What the host's clock says, and the time elapsed at that moment. When this process was held up between the two, it would look as
    /// though the clock had been set.
    fn read(&self) -> (DateTime<Utc>, Duration) {
        let mut elapsed = self.host.elapsed();
        loop {
            let (now, after) = (self.host.now(), self.host.elapsed());
            if after.saturating_sub(elapsed) < STALL {
                return (now, elapsed);
            }
            elapsed = after;
        }
    }
}

impl Clock for Steady {
    fn now(&self) -> DateTime<Utc> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, elapsed) = self.read();
        let passed = TimeDelta::from_std(elapsed.saturating_sub(told.elapsed)).unwrap_or_default();
        let expected = told.host + passed;
        if (now - expected).abs() > STEP {
            told.step = Some((told.step.map_or(expected, |(expected, _)| expected), now));
            self.stepped.notify_one();
        }
        told.at = now.max(told.at + passed);
        (told.host, told.elapsed) = (now, elapsed);
        told.at
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

    #[tokio::test]
    async fn every_step_of_the_host_is_told_once_with_what_was_expected() {
        let noon: DateTime<Utc> = "2026-01-15T12:00:00Z".parse().unwrap();
        let wall = Arc::new(Wall(Mutex::new(noon)));
        let steady = Steady::after(noon, wall.clone());
        steady.now();
        let later = noon + TimeDelta::hours(3);
        *wall.0.lock().unwrap() = later;
        steady.now();
        steady.now();
        let (expected, found) = steady.next_step().await;
        assert!(expected - noon < TimeDelta::minutes(1), "{expected}");
        assert_eq!(found, later);
        *wall.0.lock().unwrap() = noon;
        steady.now();
        let (expected, found) = steady.next_step().await;
        assert!(expected >= later && found == noon, "{expected} {found}");
    }
}
