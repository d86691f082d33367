//! What an incident cost: for how long each of its services was down or degraded.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Event, Incident, IncidentId, Recorded, State, Status};
use crate::platform::seconds;

/// For how long a service suffered in an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Impact {
    /// It was down for so long, up to the last change of its judgement.
    #[serde(rename = "downSeconds", with = "seconds")]
    down: Duration,
    /// It was degraded for so long, up to the last change of its judgement.
    #[serde(rename = "degradedSeconds", with = "seconds")]
    degraded: Duration,
    /// How it suffers now, and since when.
    now: Option<(Status, DateTime<Utc>)>,
}

impl Impact {
    /// How long it was down until a moment.
    #[must_use]
    pub fn down(&self, until: DateTime<Utc>) -> Duration {
        self.ended(until).down
    }

    /// How long it was degraded until a moment.
    #[must_use]
    pub fn degraded(&self, until: DateTime<Utc>) -> Duration {
        self.ended(until).degraded
    }

    fn ended(mut self, at: DateTime<Utc>) -> Self {
        if let Some((status, from)) = self.now.take() {
            let time = (at - from).to_std().unwrap_or_default();
            if status == Status::Down { self.down += time } else { self.degraded += time }
        }
        self
    }

    fn turn(&mut self, to: Status, from: DateTime<Utc>) {
        if self.now.is_some_and(|(status, _)| status == to) {
            return;
        }
        *self = self.ended(from);
        self.now = suffers(to).then_some((to, from));
    }
}

fn suffers(status: Status) -> bool {
    matches!(status, Status::Down | Status::Degraded)
}

/// Keeps the account of every open incident, after an event has been applied to all else.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::IncidentOpened { incident, .. } => begin(state, *incident, at, None),
        Event::IncidentServiceAdded { incident, .. } => begin(state, *incident, at, None),
        Event::IncidentReopened { incident, .. } => {
            // What was suffered before it was resolved is on the account already.
            let floor = state.incidents.get(incident).and_then(|found| found.quiet_since);
            begin(state, *incident, at, floor);
        }
        Event::ServiceStatusChanged { service, to, failing_since, .. } => {
            turn(state, service, *to, failing_since.unwrap_or(at), at);
        }
        Event::MaintenanceStarted { service, .. } => turn(state, service, Status::Maintenance, at, at),
        Event::MaintenanceEnded { service } => turn(state, service, Status::Unknown, at, at),
        Event::IncidentResolved { incident, .. } => {
            if let Some(found) = state.incidents.get_mut(incident) {
                end(found, at);
            }
        }
        Event::IncidentMerged { incident, into } => merge(state, *incident, *into, at),
        _ => {}
    }
}

fn begin(state: &mut State, id: IncidentId, at: DateTime<Utc>, floor: Option<DateTime<Utc>>) {
    let State { incidents, services, .. } = state;
    let Some(found) = incidents.get_mut(&id) else { return };
    for service in &found.services {
        let Some(health) = services.get(service).filter(|health| suffers(health.status)) else { continue };
        let from = health.failing_since.or(health.since).unwrap_or(at);
        let account = found.impact.entry(service.clone()).or_default();
        account.turn(health.status, floor.map_or(from, |floor| from.max(floor)));
    }
}

fn turn(state: &mut State, service: &str, to: Status, first_sign: DateTime<Utc>, at: DateTime<Utc>) {
    for found in state.incidents.values_mut().filter(|found| found.state.is_open()) {
        if !found.services.iter().any(|name| name == service) {
            continue;
        }
        match found.impact.get_mut(service) {
            // The first failed check counts where it was well before; otherwise one state ends where the next begins.
            Some(account) => account.turn(to, if account.now.is_none() { first_sign.min(at) } else { at }),
            None if suffers(to) => {
                found.impact.entry(service.to_owned()).or_default().turn(to, first_sign.min(at));
            }
            None => {}
        }
    }
}

fn end(incident: &mut Incident, at: DateTime<Utc>) {
    for account in incident.impact.values_mut() {
        *account = account.ended(at);
    }
    incident.quiet_since = Some(at);
}

fn merge(state: &mut State, id: IncidentId, into: IncidentId, at: DateTime<Utc>) {
    let Some(moved) = state.incidents.get_mut(&id) else { return };
    let accounts: BTreeMap<String, Impact> = moved.impact.clone();
    end(moved, at);
    let Some(target) = state.incidents.get_mut(&into) else { return };
    for (service, account) in accounts {
        let own = target.impact.entry(service).or_default();
        // Both counted the same minutes where both had the service.
        own.down = own.down.max(account.down);
        own.degraded = own.degraded.max(account.degraded);
        own.now = own.now.or(account.now);
    }
}
