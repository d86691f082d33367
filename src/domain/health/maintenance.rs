//! Maintenance: services that are worked on by plan, whose failures are expected and wake nobody.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Command, Event, Meta, Named, Recorded, Refusal, ServiceHealth, State, Status, text};

/// Work on a service that somebody planned for later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedWork {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it is over.
    pub until: DateTime<Utc>,
    /// Whose failures are expected then.
    pub service: String,
    /// What is done.
    pub reason: String,
}

/// A time of planned work, and where it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalendarEntry {
    /// Who planned it.
    pub origin: WorkOrigin,
    /// When it begins, or has begun.
    pub from: DateTime<Utc>,
    /// When it is over.
    pub until: DateTime<Utc>,
    /// Whose failures are expected then.
    pub service: String,
    /// What is done.
    pub reason: String,
}

/// Where planned work is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkOrigin {
    /// It is in force now.
    InForce,
    /// The platform file declares it.
    PlatformFile,
    /// Somebody planned it by command, and may withdraw it.
    Operator,
}

/// Work that may be planned at the same time at most: a bound for the state, and more than a calendar can show.
const PLANNED_LIMIT: usize = 500;

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
        return Err(Refusal::unknown_service(&state.platform, &service));
    }
    let reason = text::line("reason", reason)?;
    if meta.actor.operator().is_none() {
        let other = state.services.get(&service).and_then(|health| health.maintenance_until);
        let until = other.map_or(until, |other| other.max(until));
        return Ok(vec![Event::MaintenanceStarted { service, until, reason }]);
    }
    if until <= meta.at {
        return Err(Refusal::new("window-in-the-past", "the maintenance window would be over already")
            .hint("give a time to come: --for 2h"));
    }
    Ok(vec![Event::MaintenanceStarted { service, until, reason }])
}

/// Decides that a service will be worked on later.
pub(in crate::domain) fn plan(state: &State, mut work: PlannedWork, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    if state.platform.service(&work.service).is_none() {
        return Err(Refusal::unknown_service(&state.platform, &work.service));
    }
    work.reason = text::line("reason", &work.reason)?;
    if work.from <= now {
        return Err(Refusal::new("window-in-the-past", "the planned work would have begun already")
            .hint("leave out the time to begin at once"));
    }
    if work.until <= work.from {
        return Err(Refusal::new("window-too-short", "the planned work would end before it begins")
            .hint("give an end after its beginning"));
    }
    let same =
        |other: &&PlannedWork| other.service == work.service && other.from < work.until && work.from < other.until;
    if let Some(other) = state.planned.iter().find(same) {
        let told = format!("{} is planned to be worked on from {} to {}", work.service, other.from, other.until);
        return Err(Refusal::new("window-overlaps", told).hint("withdraw that first, or choose another time"));
    }
    if state.planned.iter().filter(|work| work.until > now).count() >= PLANNED_LIMIT {
        return Err(Refusal::new(
            "too-much-planned",
            format!("{PLANNED_LIMIT} times of planned work lie ahead already"),
        )
        .hint("declare what repeats as [[maintenance]] in the platform file"));
    }
    Ok(vec![Event::MaintenancePlanned { work }])
}

/// Decides that planned work will not be done.
pub(in crate::domain) fn withdraw(state: &State, service: &str, from: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let planned = state.planned.iter().find(|work| work.service == service && work.from == from);
    let Some(work) = planned else {
        return Err(Refusal::new("not-planned", format!("nobody planned work on {service} for {from}"))
            .hint("what the platform file declares is changed there"));
    };
    Ok(vec![Event::MaintenanceWithdrawn { work: work.clone() }])
}

/// Decides that it is over: when a person says so, or when nothing has made it longer meanwhile.
pub(in crate::domain) fn end(state: &State, service: String, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let health = state.services.get(&service).ok_or_else(|| Refusal::unknown(Named::Service, &service))?;
    if health.status != Status::Maintenance {
        return Err(Refusal::new("no-maintenance", format!("{service} is not in maintenance"))
            .hint("nothing is left to end; what is planned: codeblue service maintenance"));
    }
    if meta.actor.operator().is_none() && health.maintenance_until.is_some_and(|until| until > meta.at) {
        return Ok(Vec::new());
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
    let planned = state.planned.iter().filter(|work| work.until > state.clock).map(|work| {
        let (service, reason) = (work.service.clone(), work.reason.clone());
        (work.from, Command::StartMaintenance { service, until: work.until, reason })
    });
    begins.chain(planned).chain(ends)
}

/// What is true of planned work after an event.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::MaintenancePlanned { work } => {
            state.planned.retain(|other| other.until > at);
            state.planned.insert(work.clone());
        }
        Event::MaintenanceWithdrawn { work } => {
            state.planned.retain(|other| other.service != work.service || other.from != work.from);
        }
        Event::MaintenanceStarted { service, until, reason } => {
            state.maintained.insert(service.clone(), at);
            state.planned.retain(|work| work.service != *service || work.from > at);
            let health = ServiceHealth {
                status: Status::Maintenance,
                since: Some(at),
                failing_since: None,
                reason: reason.clone(),
                maintenance_until: Some(*until),
            };
            state.services.insert(service.clone(), health);
        }
        Event::MaintenanceEnded { service } => {
            state.settled.insert(service.clone(), at);
            let health = ServiceHealth {
                status: Status::Unknown,
                since: Some(at),
                reason: "maintenance ended".to_owned(),
                ..ServiceHealth::default()
            };
            state.services.insert(service.clone(), health);
        }
        _ => {}
    }
}

/// All times of planned work that are not over and begin before `end`: those in force first, the soonest to end before the
/// others, then those to come in order of time.
#[must_use]
pub fn calendar(state: &State, now: DateTime<Utc>, end: DateTime<Utc>) -> Vec<CalendarEntry> {
    let in_force = state.services.iter().filter_map(|(service, health)| {
        let until = health.maintenance_until?;
        let from = state.maintained.get(service).copied().or(health.since)?;
        let (service, reason, origin) = (service.clone(), health.reason.clone(), WorkOrigin::InForce);
        Some(CalendarEntry { origin, from, until, service, reason })
    });
    let declared = state.platform.maintenance.iter().flat_map(|window| {
        window.services.iter().flat_map(move |service| {
            let first = window.next(state.maintained.get(service).copied(), now);
            let times = std::iter::successors(first, |(from, _)| window.next(Some(*from), *from));
            times.take_while(move |(from, _)| *from < end).map(|(from, until)| {
                let (service, reason, origin) = (service.clone(), window.reason.clone(), WorkOrigin::PlatformFile);
                CalendarEntry { origin, from, until, service, reason }
            })
        })
    });
    let planned = state.planned.iter().filter(|work| work.until > now && work.from < end).map(|work| {
        let PlannedWork { from, until, service, reason } = work.clone();
        CalendarEntry { origin: WorkOrigin::Operator, from, until, service, reason }
    });
    let (mut running, mut coming): (Vec<_>, Vec<_>) =
        in_force.chain(declared).chain(planned).partition(|entry| entry.origin == WorkOrigin::InForce);
    running.sort_by_key(|entry: &CalendarEntry| entry.until);
    coming.sort_by(|one, other| (one.from, &one.service).cmp(&(other.from, &other.service)));
    running.extend(coming);
    running
}

impl CalendarEntry {
    /// Whether it has begun.
    #[must_use]
    pub fn in_force(&self) -> bool {
        self.origin == WorkOrigin::InForce
    }
}

/// The next time that work on a service is planned.
#[must_use]
pub fn next_window(state: &State, service: &str) -> Option<PlannedWork> {
    let declared =
        state.platform.maintenance.iter().filter(|window| window.services.iter().any(|name| name == service));
    let declared = declared.filter_map(|window| {
        let (from, until) = window.next(state.maintained.get(service).copied(), state.clock)?;
        Some(PlannedWork { from, until, service: service.to_owned(), reason: window.reason.clone() })
    });
    let planned = state.planned.iter().filter(|work| work.service == service && work.until > state.clock).cloned();
    declared.chain(planned).min()
}
