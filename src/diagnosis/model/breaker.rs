//! Leaves a server alone that does not answer: an outage is no time to wait for the same thing again and again.

use std::time::Duration;

/// Failures in a row after which it is left alone.
const FAILURES: u32 = 3;
/// For how long at first; twice as long after each try that fails, up to `LONGEST`.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(600);

/// What is known of a server. Times are those of a clock that is never set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    failures: u32,
    until: Option<Duration>,
}

impl Breaker {
    /// Lets a request through, or says how long there will be none. After a pause one is let through to see.
    pub(super) fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        match self.until {
            Some(until) if until > now => Err(until - now),
            Some(_) => {
                self.until = Some(now + pause(self.failures));
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failed(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.until = Some(now + pause(self.failures));
        }
    }
}

fn pause(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.saturating_sub(FAILURES).min(8)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn three_failures_bring_a_pause_that_doubles_until_something_works() {
        let mut breaker = Breaker::default();
        for now in 0..3 {
            assert_eq!(breaker.admit(second(now)), Ok(()));
            breaker.failed(second(now));
        }
        assert_eq!(breaker.admit(second(10)), Err(second(52)));
        assert_eq!(breaker.admit(second(62)), Ok(()));
        assert_eq!(breaker.admit(second(63)), Err(second(59)), "one at a time while nobody knows");
        breaker.failed(second(64));
        assert_eq!(breaker.admit(second(100)), Err(second(84)));
        assert_eq!(breaker.admit(second(184)), Ok(()));
        breaker.succeeded();
        assert_eq!(breaker.admit(second(185)), Ok(()));
        breaker.failed(second(186));
        assert_eq!(breaker.admit(second(187)), Ok(()));
    }

    #[test]
    fn the_pause_has_a_limit() {
        let mut breaker = Breaker { failures: u32::MAX - 1, until: None };
        breaker.failed(second(0));
        assert_eq!(breaker.admit(second(0)), Err(LONGEST));
    }
}
