//! How often errors are seen: too many for the journal, so they are counted in memory that is bounded, and only what may
//! change a judgement is handed on.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Burst, Command, ErrorGroup, ErrorSeverity, Incident, State};

/// Kinds of errors that are told apart; of more, those are forgotten that were seen longest ago.
const GROUPS: usize = 2000;
/// So many that look alike within [`BURST_WITHIN`] are a burst.
pub const BURST: u64 = 20;
/// The time in which a burst is one.
const BURST_WITHIN: TimeDelta = TimeDelta::minutes(1);
/// Of requests, more than one in so many must not fail.
pub const REQUESTS_ONE_IN: u64 = 20;
/// Fewer requests than this say nothing.
pub const REQUESTS: u64 = 100;
/// Requests older than this are forgotten.
const REQUESTS_WITHIN: TimeDelta = TimeDelta::minutes(5);
/// A burst that goes on is handed on again after this time, so that one that outlives its incident is not lost.
const BURST_AGAIN: TimeDelta = TimeDelta::minutes(5);
/// Errors that are not seen for so long have stopped.
const QUIET: TimeDelta = TimeDelta::minutes(10);
/// Figures of so long are added up into one, so that no flood takes more memory than a trickle.
const SLOT: TimeDelta = TimeDelta::seconds(5);

/// Numbers over the last minutes.
#[derive(Debug, Default)]
struct Slots(VecDeque<(DateTime<Utc>, u64)>);

impl Slots {
    fn add(&mut self, now: DateTime<Utc>, number: u64, within: TimeDelta) {
        match self.0.back_mut() {
            Some((from, sum)) if now - *from < SLOT => *sum = sum.saturating_add(number),
            _ => self.0.push_back((now, number)),
        }
        while self.0.front().is_some_and(|(from, _)| now - *from >= within) {
            self.0.pop_front();
        }
    }

    fn sum(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, number)| sum.saturating_add(*number))
    }
}

#[derive(Debug)]
struct Counted {
    group: ErrorGroup,
    lately: Slots,
    burst_at: Option<DateTime<Utc>>,
    /// When one was last taken in, whatever the sender's clock says.
    heard_at: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Traffic {
    requests: Slots,
    errors: Slots,
    burst_at: Option<DateTime<Utc>>,
}

/// Counts the errors of all services.
#[derive(Debug, Default)]
pub struct ErrorCounts {
    groups: BTreeMap<String, Counted>,
    traffic: BTreeMap<String, Traffic>,
}

impl ErrorCounts {
    /// Requests that a service has had since it last said so, errors included.
    pub fn requests(&mut self, service: &str, requests: u64, now: DateTime<Utc>) {
        let traffic = self.traffic.entry(service.to_owned()).or_default();
        traffic.requests.add(now, requests, REQUESTS_WITHIN);
    }

    /// Takes errors in; what comes back is all that look like them so far, and the burst they are part of, if they are.
    pub fn take(&mut self, errors: &ErrorGroup, now: DateTime<Utc>) -> (ErrorGroup, Option<Burst>) {
        let count = errors.count;
        let rate = self.rate(errors, now);
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&errors.fingerprint) {
            let oldest = self.groups.iter().min_by_key(|(_, counted)| counted.group.last);
            if let Some(fingerprint) = oldest.map(|(fingerprint, _)| fingerprint.clone()) {
                self.groups.remove(&fingerprint);
            }
        }
        let counted = self.groups.entry(errors.fingerprint.clone()).or_insert_with(|| Counted {
            group: ErrorGroup { count: 0, ..errors.clone() },
            lately: Slots::default(),
            heard_at: now,
            burst_at: None,
        });
        counted.heard_at = now;
        counted.group.count = counted.group.count.saturating_add(count);
        counted.group.last = counted.group.last.max(errors.last);
        counted.group.severity = counted.group.severity.max(errors.severity);
        counted.lately.add(now, count, BURST_WITHIN);
        let lately = counted.lately.sum();
        let repeated = (lately >= BURST && is_news(&mut counted.burst_at, now)).then_some(lately);
        (counted.group.clone(), rate.or(repeated.map(|count| Burst::Repeated { count })))
    }

    /// Whether too many of the requests fail, where requests are known; what callers entered wrongly is no failure.
    fn rate(&mut self, errors: &ErrorGroup, now: DateTime<Utc>) -> Option<Burst> {
        let traffic = self.traffic.get_mut(&errors.service)?;
        if errors.severity == ErrorSeverity::Low {
            return None;
        }
        traffic.errors.add(now, errors.count, REQUESTS_WITHIN);
        traffic.requests.add(now, 0, REQUESTS_WITHIN);
        let (failed, requests) = (traffic.errors.sum(), traffic.requests.sum());
        let too_many = requests >= REQUESTS && failed.saturating_mul(REQUESTS_ONE_IN) > requests;
        (too_many && is_news(&mut traffic.burst_at, now)).then_some(Burst::Rate { errors: failed, requests })
    }

    /// All kinds of errors that are known, those seen last first.
    #[must_use]
    pub fn all(&self) -> Vec<ErrorGroup> {
        let mut all: Vec<ErrorGroup> = self.groups.values().map(|counted| counted.group.clone()).collect();
        all.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.fingerprint.cmp(&b.fingerprint)));
        all
    }

    /// The ends of incidents that errors alone have opened, and whose services report none any more.
    #[must_use]
    pub fn stopped(&self, state: &State, now: DateTime<Utc>) -> Vec<Command> {
        let quiet = |incident: &&Incident| {
            let counted = incident.services.iter().filter_map(|service| self.last_of(service));
            let told = incident.errors.iter().map(|known| known.group.last);
            // What was counted before the engine started is not known.
            let last = counted.chain(told).chain(state.engine.started_at).chain([incident.opened_at]).max();
            incident.is_told_by_errors_alone() && last.is_some_and(|last| now - last >= QUIET)
        };
        let resolution = || format!("no error for {} min", QUIET.num_minutes());
        let open = state.open_incidents().filter(quiet);
        open.map(|incident| Command::ResolveIncident { incident: incident.id, resolution: resolution() }).collect()
    }

    /// When an error of a service was last heard of.
    fn last_of(&self, service: &str) -> Option<DateTime<Utc>> {
        let own = self.groups.values().filter(|counted| counted.group.service == service);
        own.map(|counted| counted.heard_at).max()
    }
}

fn is_news(told: &mut Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let news = told.is_none_or(|at| now - at >= BURST_AGAIN);
    if news {
        *told = Some(now);
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorEvent;

    fn group(message: &str, count: u64, now: DateTime<Utc>) -> ErrorGroup {
        let service = "patient-api".to_owned();
        ErrorGroup::of(&ErrorEvent { service, message: message.to_owned(), count, ..ErrorEvent::default() }, now)
    }

    #[test]
    fn a_burst_is_told_when_it_begins_and_no_trickle_is_one() {
        let (mut counts, mut now) = (ErrorCounts::default(), DateTime::UNIX_EPOCH);
        for _ in 0..100 {
            now += TimeDelta::seconds(5);
            assert_eq!(counts.take(&group("odd", 1, now), now).1, None, "twelve a minute are a trickle");
        }
        let mut told = Vec::new();
        for _ in 0..600 {
            now += TimeDelta::milliseconds(500);
            told.extend(counts.take(&group("odd", 1, now), now).1);
        }
        assert_eq!(told, [Burst::Repeated { count: BURST }], "300 seconds of it are one burst");
        now += TimeDelta::seconds(30);
        assert!(counts.take(&group("odd", 1, now), now).1.is_some(), "and what goes on is told again");
        assert_eq!(counts.all()[0].count, 701);
    }

    #[test]
    fn more_than_five_percent_of_a_hundred_requests_are_a_burst() {
        let (mut counts, now) = (ErrorCounts::default(), DateTime::UNIX_EPOCH);
        counts.requests("patient-api", 99, now);
        assert_eq!(counts.take(&group("a", 6, now), now).1, None, "99 requests say nothing");
        counts.requests("patient-api", 21, now);
        assert_eq!(counts.take(&group("is required", 9, now), now).1, None, "callers' mistakes are no failures");
        assert_eq!(counts.take(&group("b", 1, now), now).1, Some(Burst::Rate { errors: 7, requests: 120 }));
        let later = now + TimeDelta::minutes(6);
        assert_eq!(counts.take(&group("c", 1, later), later).1, None, "old requests are forgotten");
    }

    #[test]
    fn a_flood_of_errors_that_are_all_different_takes_no_more_memory() {
        let mut counts = ErrorCounts::default();
        for number in 0..3 * GROUPS {
            let now = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(i64::try_from(number).unwrap_or(0));
            let word: String =
                format!("{number:x}").chars().map(|c| char::from(b'g' + c.to_digit(16).unwrap_or(0) as u8)).collect();
            counts.take(&group(&word, 1, now), now);
        }
        assert_eq!(counts.groups.len(), GROUPS);
    }
}
