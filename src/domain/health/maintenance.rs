//! Maintenance: services that are worked on by plan, whose failures are expected and wake nobody.

use chrono::{DateTime, Utc};

use crate::domain::{Command, Event, Meta, Refusal, State, Status, incident};

/// Decides that a service is worked on. What was planned begins also when the engine comes late to it, and cuts no other
/// window short; a person's word holds as it is.
pub(in crate::domain) fn start(
    state: &State,
    service: String,
    until: DateTime<Utc>,
    reason: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    if state.platform.service(&service).is_none() {
        return Err(Refusal::unknown("service", &service));
    }
    let reason = incident::line("reason", reason)?;
    if meta.actor.operator().is_none() {
        let other = state.services.get(&service).and_then(|health| health.maintenance_until);
        let until = other.map_or(until, |other| other.max(until));
        return Ok(vec![Event::MaintenanceStarted { service, until, reason }]);
    }
    if until <= meta.at {
        return Err(Refusal::new("window-in-the-past", "the maintenance window would be over already"));
    }
    Ok(vec![Event::MaintenanceStarted { service, until, reason }])
}

/// Decides that it is over.
pub(in crate::domain) fn end(state: &State, service: String) -> Result<Vec<Event>, Refusal> {
    let health = state.services.get(&service).ok_or_else(|| Refusal::unknown("service", &service))?;
    if health.status != Status::Maintenance {
        return Err(Refusal::new("no-maintenance", format!("{service} is not in maintenance")));
    }
    Ok(vec![Event::MaintenanceEnded { service }])
}

/// When windows begin and end.
pub(in crate::domain) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    let ends = state.services.iter().filter_map(|(name, health)| {
        Some((health.maintenance_until?, Command::EndMaintenance { service: name.clone() }))
    });
    let begins = state.platform.maintenance.iter().flat_map(|window| {
        window.services.iter().filter_map(|service| {
            let (start, until) = window.next(state.maintained.get(service).copied(), state.clock)?;
            let (service, reason) = (service.clone(), window.reason.clone());
            Some((start, Command::StartMaintenance { service, until, reason }))
        })
    });
    begins.chain(ends)
}

/// The next time that work on a service is planned, from when to when, and what is done then.
#[must_use]
pub fn next_window<'a>(state: &'a State, service: &str) -> Option<(DateTime<Utc>, DateTime<Utc>, &'a str)> {
    let windows = state.platform.maintenance.iter().filter(|window| window.services.iter().any(|name| name == service));
    let next = windows.filter_map(|window| {
        let (start, end) = window.next(state.maintained.get(service).copied(), state.clock)?;
        Some((start, end, window.reason.as_str()))
    });
    next.min()
}
