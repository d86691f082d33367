//! Alerts that monitoring systems send: a service is as bad as the worst of its alerts that fires.

use std::{
    collections::BTreeMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};

use super::outcome::Finding;
use crate::platform::{Alert, AlertProbe, Reading};

/// How long an alert that has ended is kept: its sender tells of the end so long.
const ENDED: TimeDelta = TimeDelta::minutes(15);

/// The alerts that were told of, and those that ended a short time ago.
#[derive(Debug, Default)]
pub struct Alerts {
    known: RwLock<BTreeMap<String, Alert>>,
    heard: AtomicBool,
}

impl Alerts {
    /// Alerts at the same time at most.
    pub const MOST: usize = 10_000;

    /// Knows the alerts from before.
    #[must_use]
    pub fn new(known: Vec<Alert>) -> Self {
        let heard = AtomicBool::new(!known.is_empty());
        let known = known.into_iter().map(|alert| (alert.fingerprint.clone(), alert)).collect();
        Self { known: RwLock::new(known), heard }
    }

    /// Takes alerts in, each joined with what is known of it: it fires since the earliest time told, and ends as told last. Gives
    /// what is known of each now; where there is no room for more, those are left out.
    pub fn take(&self, told: Vec<Alert>, now: DateTime<Utc>) -> Vec<Alert> {
        self.heard.store(true, Ordering::Relaxed);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, alert| alert.ends_at.is_none_or(|ends| ends > now - ENDED));
        let mut taken = Vec::with_capacity(told.len());
        for mut alert in told {
            match known.get(&alert.fingerprint) {
                Some(before) if before.fires(alert.starts_at) => {
                    alert.starts_at = alert.starts_at.min(before.starts_at);
                }
                None if known.len() >= Self::MOST => continue,
                _ => {}
            }
            known.insert(alert.fingerprint.clone(), alert.clone());
            taken.push(alert);
        }
        taken
    }

    /// Whether anybody has ever sent one: before that, that none fires means nothing.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// The alerts that fire at this time, the oldest first.
    #[must_use]
    pub fn firing(&self, now: DateTime<Utc>) -> Vec<Alert> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut firing: Vec<Alert> = known.values().filter(|alert| alert.fires(now)).cloned().collect();
        firing.sort_by_key(|alert| alert.starts_at);
        firing
    }
}

pub(super) fn probe(alerts: &Alerts, probe: &AlertProbe, now: DateTime<Utc>) -> Finding {
    let firing: Vec<Alert> = alerts.firing(now).into_iter().filter(|alert| probe.waits_for(alert)).collect();
    let worst = |alert: &&Alert| alert.reading();
    let Some(first) = firing.iter().rev().max_by_key(worst) else { return Finding::good("no alert fires") };
    let mut detail = first.name().to_owned();
    if !first.label("severity").is_empty() {
        detail = format!("{detail} ({})", first.label("severity"));
    }
    detail = format!("{detail} fires since {} UTC", first.starts_at.format("%H:%M:%S"));
    if let Some(summary) = first.summary() {
        detail = format!("{detail}: {summary}");
    }
    if firing.len() > 1 {
        detail = format!("{detail} (and {} more)", firing.len() - 1);
    }
    match first.reading() {
        Reading::Good | Reading::Slow => Finding { reading: Reading::Slow, ..Finding::good(detail) },
        Reading::Bad => Finding::bad(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::fingerprint;

    fn minute(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
    }

    fn alert(name: &str, severity: &str, since: i64, until: Option<i64>) -> Alert {
        let labels = [("alertname", name), ("severity", severity), ("service", "billing")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Alert {
            fingerprint: fingerprint(&labels),
            labels,
            annotations: [("summary".to_owned(), format!("{name} is too high"))].into(),
            starts_at: minute(since),
            ends_at: until.map(minute),
            updated_at: minute(since),
            generator_url: String::new(),
        }
    }

    fn found(alerts: &Alerts, now: i64) -> (Reading, String) {
        let labels = [("service".to_owned(), "billing".to_owned())].into();
        let finding = probe(alerts, &AlertProbe { labels }, minute(now));
        (finding.reading, finding.detail)
    }

    #[test]
    fn a_service_is_as_bad_as_the_worst_that_fires_until_it_ends_by_itself_or_is_said_to() {
        let alerts = Alerts::default();
        assert!(!alerts.has_heard());
        alerts.take(vec![alert("Latency", "warning", 0, Some(5))], minute(0));
        assert!(alerts.has_heard());
        assert_eq!(
            found(&alerts, 1),
            (Reading::Slow, "Latency (warning) fires since 00:00:00 UTC: Latency is too high".into())
        );
        alerts.take(vec![alert("Errors", "critical", 2, None)], minute(2));
        let both = "Errors (critical) fires since 00:02:00 UTC: Errors is too high (and 1 more)";
        assert_eq!(found(&alerts, 3), (Reading::Bad, both.to_owned()));
        assert_eq!(
            found(&alerts, 5).1,
            "Errors (critical) fires since 00:02:00 UTC: Errors is too high",
            "nobody told of the other again"
        );
        alerts.take(vec![alert("Errors", "critical", 2, Some(6))], minute(6));
        assert_eq!(found(&alerts, 6), (Reading::Good, "no alert fires".to_owned()));
    }

    #[test]
    fn told_again_it_fires_since_the_first_time_and_after_its_end_anew() {
        let alerts = Alerts::default();
        alerts.take(vec![alert("Errors", "critical", 0, Some(5))], minute(0));
        let again = alerts.take(vec![alert("Errors", "critical", 3, Some(8))], minute(3));
        assert_eq!((again[0].starts_at, again[0].ends_at), (minute(0), Some(minute(8))));
        let anew = alerts.take(vec![alert("Errors", "critical", 9, None)], minute(9));
        assert_eq!(anew[0].starts_at, minute(9));
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let alerts = Alerts::default();
        let many = |until| (0..Alerts::MOST).map(|number| alert(&format!("A{number}"), "", 0, Some(until))).collect();
        assert_eq!(alerts.take(many(5), minute(0)).len(), Alerts::MOST);
        assert!(alerts.take(vec![alert("More", "", 1, None)], minute(1)).is_empty());
        assert_eq!(alerts.take(vec![alert("A7", "", 1, Some(9))], minute(1)).len(), 1, "what is known may go on");
        assert_eq!(alerts.take(vec![alert("More", "", 30, None)], minute(30)).len(), 1, "what has ended makes room");
    }
}
