//! Services that tell by themselves that they work: here nobody is asked, and silence is the failure.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::outcome::Finding;
use crate::platform::Beat;

/// What services have told, and since when somebody listens.
#[derive(Debug, Default)]
pub struct Heartbeats {
    since: DateTime<Utc>,
    beats: RwLock<BTreeMap<String, Beat>>,
}

impl Heartbeats {
    /// Listens from now on, and knows the last beat of each service from before.
    #[must_use]
    pub fn new(since: DateTime<Utc>, beats: BTreeMap<String, Beat>) -> Self {
        Self { since, beats: RwLock::new(beats) }
    }

    /// Takes a beat in.
    pub fn take(&self, service: &str, beat: Beat) {
        let mut beats = self.beats.write().unwrap_or_else(PoisonError::into_inner);
        // Two that come at once may be kept in the other order.
        if beats.get(service).is_none_or(|known| known.at <= beat.at) {
            beats.insert(service.to_owned(), beat);
        }
    }

    /// Whether the service ever gave one.
    #[must_use]
    pub fn has_heard(&self, service: &str) -> bool {
        self.last(service).is_some()
    }

    /// What beats before somebody listened may have been lost, so silence counts from then at the earliest.
    pub(super) fn can_tell(&self, service: &str, within: Duration, now: DateTime<Utc>) -> bool {
        let heard = self.last(service).is_some_and(|beat| !beat.ok || silence(beat.at, now) <= within);
        heard || silence(self.since, now) > within
    }

    fn last(&self, service: &str) -> Option<Beat> {
        self.beats.read().unwrap_or_else(PoisonError::into_inner).get(service).cloned()
    }
}

pub(super) fn probe(heartbeats: &Heartbeats, service: &str, within: Duration, now: DateTime<Utc>) -> Finding {
    let expected = || format!("expected every {}", span(within));
    match heartbeats.last(service) {
        None => Finding::bad(format!(
            "no heartbeat since this engine began to listen {} ago, {}",
            span(silence(heartbeats.since, now)),
            expected()
        )),
        Some(beat) => {
            let silence = silence(beat.at, now);
            let said = if beat.message.is_empty() { String::new() } else { format!(": {}", beat.message) };
            if silence > within {
                Finding::bad(format!("no heartbeat for {}, {}{said}", span(silence), expected()))
            } else if beat.ok {
                Finding::good(format!("heartbeat {} ago{said}", span(silence)))
            } else {
                Finding::bad(format!("it told {} ago that it failed{said}", span(silence)))
            }
        }
    }
}

fn silence(since: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (now - since).max(TimeDelta::zero()).to_std().unwrap_or_default()
}

/// A span of time in its largest unit, as people wait for it: `45 s`, `12 min`, `3 h`, `2 days`.
fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{Prober, prober::tests::check},
        platform::{Probe, Reading},
    };

    const WITHIN: Duration = Duration::from_secs(600);

    fn minute(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
    }

    fn beat(at: i64, ok: bool, message: &str) -> Beat {
        Beat { at: minute(at), ok, message: message.to_owned() }
    }

    /// What is found at a minute, when something can be said then.
    async fn at(heartbeats: &std::sync::Arc<Heartbeats>, now: i64) -> Option<(Reading, String)> {
        let prober = Prober::remembering(
            heartbeats.clone(),
            std::sync::Arc::default(),
            std::sync::Arc::new(crate::checks::rows::Volatile::default()),
        );
        let check = check(Probe::Heartbeat { service: "backup".to_owned(), within: WITHIN });
        if !prober.can_tell(&check, minute(now)) {
            return None;
        }
        let outcome = prober.probe_at(&check, minute(now)).await;
        Some((outcome.result, outcome.detail))
    }

    #[tokio::test]
    async fn silence_is_bad_when_it_lasts_longer_than_it_may() {
        let heartbeats = std::sync::Arc::new(Heartbeats::new(minute(0), BTreeMap::new()));
        assert_eq!(at(&heartbeats, 10).await, None, "nothing could have been heard yet");
        let never = "no heartbeat since this engine began to listen 11 min ago, expected every 10 min";
        assert_eq!(at(&heartbeats, 11).await, Some((Reading::Bad, never.to_owned())));
        heartbeats.take("backup", beat(12, true, ""));
        heartbeats.take("other", beat(30, true, ""));
        assert_eq!(at(&heartbeats, 22).await, Some((Reading::Good, "heartbeat 10 min ago".to_owned())));
        let silent = "no heartbeat for 12 min, expected every 10 min";
        assert_eq!(at(&heartbeats, 24).await, Some((Reading::Bad, silent.to_owned())));
        heartbeats.take("backup", beat(25, false, "disk full"));
        let failed = "it told 60 s ago that it failed: disk full";
        assert_eq!(at(&heartbeats, 26).await, Some((Reading::Bad, failed.to_owned())));
        heartbeats.take("backup", beat(27, true, "41 tables"));
        assert_eq!(at(&heartbeats, 27).await, Some((Reading::Good, "heartbeat 0 s ago: 41 tables".to_owned())));
    }

    #[tokio::test]
    async fn after_a_restart_nothing_is_said_before_it_was_listened_for_long_enough() {
        let after = |stored: Beat| {
            let beats = [("backup".to_owned(), stored)].into_iter().collect();
            std::sync::Arc::new(Heartbeats::new(minute(100), beats))
        };
        let old = after(beat(70, true, ""));
        assert_eq!(at(&old, 100).await, None, "beats may have been lost while no engine ran");
        assert_eq!(at(&old, 110).await, None);
        let silent = "no heartbeat for 41 min, expected every 10 min";
        assert_eq!(at(&old, 111).await, Some((Reading::Bad, silent.to_owned())));
        let fresh = after(beat(95, true, ""));
        assert_eq!(at(&fresh, 101).await.map(|(reading, _)| reading), Some(Reading::Good));
        assert_eq!(at(&fresh, 108).await, None);
        let failed = after(beat(70, false, ""));
        assert_eq!(at(&failed, 100).await.map(|(reading, _)| reading), Some(Reading::Bad));
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_is_no_silence() {
        let heartbeats = std::sync::Arc::new(Heartbeats::new(minute(0), BTreeMap::new()));
        heartbeats.take("backup", beat(50, true, ""));
        assert_eq!(at(&heartbeats, 20).await.map(|(reading, _)| reading), Some(Reading::Good));
    }
}
