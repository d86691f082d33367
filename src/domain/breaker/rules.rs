//! When a breaker changes, and what is true after it has.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Breaker, BreakerState, ForcedTo};
use crate::{
    domain::{Command, Event, Meta, Named, Recorded, Refusal, State, TimelineKind, apply::tell, text},
    platform::CheckLevel,
};

/// How long a person may hold a breaker: what is forced for good is forgotten.
pub const BREAKER_LONGEST_FORCE: TimeDelta = TimeDelta::hours(24);
/// A wait is doubled so often at most: from a second on it is longer than a day then.
const DOUBLINGS: u32 = 17;
/// How long probes may take where the service has no check.
const WITHOUT_CHECKS: TimeDelta = TimeDelta::minutes(1);

/// Decides what checks have found; nothing when the breaker has changed meanwhile.
pub(in crate::domain) fn record(
    state: &State,
    service: &str,
    check: String,
    to: BreakerState,
    reason: String,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    known(state, service)?;
    let breaker = state.breaker(service);
    Ok(match (breaker.state, to) {
        (BreakerState::Closed | BreakerState::HalfOpen, BreakerState::Open) => {
            vec![opened(state, service, Some(check), reason, now)]
        }
        (BreakerState::HalfOpen, BreakerState::Closed) => vec![closed(service, reason)],
        _ => Vec::new(),
    })
}

/// Decides what becomes of a breaker whose time is over.
pub(in crate::domain) fn advance(state: &State, service: &str, now: DateTime<Utc>) -> Vec<Event> {
    let breaker = state.breaker(service);
    if breaker.until.is_none_or(|until| until > now) {
        return Vec::new();
    }
    let half_open = |reason: &str| Event::BreakerChanged {
        service: service.to_owned(),
        to: BreakerState::HalfOpen,
        until: Some(now + patience(state, service, breaker.check.as_deref())),
        check: breaker.check.clone(),
        reason: reason.to_owned(),
    };
    vec![match breaker.state {
        BreakerState::Open => half_open("it has waited: the next checks are its probes"),
        BreakerState::ForcedOpen => half_open("it is not forced any more: the next checks are its probes"),
        BreakerState::HalfOpen => {
            let reason = "too few probes were heard in time".to_owned();
            opened(state, service, breaker.check.clone(), reason, now)
        }
        BreakerState::ForcedClosed => closed(service, "it is not forced any more".to_owned()),
        BreakerState::Closed => return Vec::new(),
    }]
}

/// Decides that a person holds a breaker for a time.
pub(in crate::domain) fn force(
    state: &State,
    service: &str,
    to: ForcedTo,
    until: DateTime<Utc>,
    reason: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    known(state, service)?;
    let reason = text::line("reason", reason)?;
    if until <= meta.at {
        return Err(Refusal::new(
            "force-in-the-past",
            "the time for which the breaker is forced would be over already",
        )
        .hint("give a longer time: --for 30m"));
    }
    if until - meta.at > BREAKER_LONGEST_FORCE {
        return Err(Refusal::new("force-too-long", "a breaker is forced for 24 hours at most")
            .hint("force it again when that is over, so that somebody looks at it once a day"));
    }
    let to = match to {
        ForcedTo::Open => BreakerState::ForcedOpen,
        ForcedTo::Closed => BreakerState::ForcedClosed,
    };
    Ok(vec![Event::BreakerChanged { service: service.to_owned(), to, until: Some(until), check: None, reason }])
}

/// Decides that a person closes a breaker, whatever it was: failures are counted anew from here.
pub(in crate::domain) fn reset(state: &State, service: &str, reason: &str) -> Result<Vec<Event>, Refusal> {
    known(state, service)?;
    let reason = text::line("reason", reason)?;
    Ok(match state.breaker(service).state {
        BreakerState::Closed => Vec::new(),
        _ => vec![closed(service, reason)],
    })
}

/// When each breaker changes by itself.
pub(in crate::domain) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    state
        .breakers
        .iter()
        .filter_map(|(service, breaker)| Some((breaker.until?, Command::AdvanceBreaker { service: service.clone() })))
}

/// What is true of breakers after an event. They rest during planned work, when failures are expected, unless a person holds
/// them; probes that an engine's end has cut off get their time anew.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    match &recorded.event {
        Event::BreakerChanged { service, to, until, check, reason } => {
            let before = state.breaker(service).openings;
            let openings = match to {
                BreakerState::Open => before.saturating_add(1),
                BreakerState::Closed => 0,
                BreakerState::HalfOpen | BreakerState::ForcedOpen | BreakerState::ForcedClosed => before,
            };
            let breaker = Breaker {
                state: *to,
                since: Some(recorded.at),
                until: *until,
                check: check.clone(),
                reason: reason.clone(),
                openings,
            };
            state.breakers.insert(service.clone(), breaker);
            // What probes come to in an outage, every few seconds, would bury what people write there: the journal has it.
            let is_probing = *to == BreakerState::HalfOpen || (*to == BreakerState::Open && openings > 1);
            if let Some(incident) = state.incident_of(service).filter(|_| !is_probing).map(|incident| incident.id) {
                let kind = match to {
                    BreakerState::Open => TimelineKind::Bad,
                    BreakerState::Closed => TimelineKind::Good,
                    _ => TimelineKind::State,
                };
                tell(state, incident, recorded, kind, format!("breaker of {service} {to}: {reason}"));
            }
        }
        Event::MaintenanceStarted { service, .. } if !state.breaker(service).state.is_forced() => {
            state.breakers.remove(service);
        }
        Event::EngineStarted { .. } => {
            let cut_off = state.breakers.iter().filter(|(_, breaker)| breaker.state == BreakerState::HalfOpen);
            let times: Vec<_> = cut_off
                .map(|(name, breaker)| (name.clone(), patience(state, name, breaker.check.as_deref())))
                .collect();
            for (service, time) in times {
                if let Some(breaker) = state.breakers.get_mut(&service) {
                    breaker.until = Some(recorded.at + time);
                }
            }
        }
        Event::PlatformLoaded { platform } => {
            state.breakers.retain(|service, _| platform.service(service).is_some());
        }
        _ => {}
    }
}

fn known(state: &State, service: &str) -> Result<(), Refusal> {
    match state.platform.service(service) {
        Some(_) => Ok(()),
        None => Err(Refusal::unknown(Named::Service, service).hint("codeblue breaker list names them")),
    }
}

fn closed(service: &str, reason: String) -> Event {
    Event::BreakerChanged { service: service.to_owned(), to: BreakerState::Closed, until: None, check: None, reason }
}

/// Each opening without a close between waits for twice as long.
fn opened(state: &State, service: &str, check: Option<String>, reason: String, now: DateTime<Utc>) -> Event {
    let thresholds = state.breaker_thresholds(service);
    let wait = thresholds.wait * 2_i32.pow(state.breaker(service).openings.min(DOUBLINGS));
    let until = Some(now + wait.min(thresholds.longest_wait));
    Event::BreakerChanged { service: service.to_owned(), to: BreakerState::Open, until, check, reason }
}

/// How long probes may take: as long as the check that has to succeed needs for all of them, and once more.
fn patience(state: &State, service: &str, opener: Option<&str>) -> TimeDelta {
    let checks = state.platform.service(service).map_or(&[][..], |service| &service.checks);
    let counted = checks.iter().filter(|check| check.level != CheckLevel::Comprehensive);
    let named = counted.clone().find(|check| Some(check.name.as_str()) == opener);
    let slowest = named.or_else(|| counted.max_by_key(|check| check.every));
    let round = slowest.map_or(Duration::ZERO, |check| check.every + check.within);
    let time = TimeDelta::from_std(round * (state.breaker_thresholds(service).probes + 1)).unwrap_or(TimeDelta::MAX);
    if time.is_zero() { WITHOUT_CHECKS } else { time.min(TimeDelta::hours(24)) }
}
