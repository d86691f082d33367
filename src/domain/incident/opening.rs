//! Which incident a failure belongs to: a new one, one that is open, or one that comes back.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Incident, Severity, Workflow};
use crate::domain::{Event, IncidentId, Named, Refusal, State, Status, fast_track};
use crate::platform::Profile;

/// Decides that an incident is opened for a service that is down or degraded, or that an open one is wider than thought.
pub(in crate::domain) fn open_for_service(
    state: &State,
    service: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let described = state.platform.service(service).ok_or_else(|| Refusal::unknown(Named::Service, service))?;
    let health = state.services.get(service).ok_or_else(|| Refusal::unknown(Named::Service, service))?;
    let down = health.status == Status::Down;
    let mut severity = Severity::of_outage(described.criticality);
    let carried = is_carried(state, service);
    if (!down || carried) && severity < Severity::Sev3 {
        severity = Severity::Sev3;
    }
    if let Some(found) = state.incident_of(service) {
        // What began as a degradation is judged anew, once: a severity that a person sets afterwards stands.
        let worse = down && found.workflow == Workflow::Degradation;
        let mut events = Vec::new();
        if worse && severity < found.severity {
            let reason = format!("{service} is down");
            events.push(Event::IncidentSeveritySet { incident: found.id, severity, reason });
        }
        if worse {
            events.push(Event::WorkflowChanged { incident: found.id, workflow: Workflow::Outage });
        }
        return Ok(events);
    }
    if let Some((incident, causes_it)) = related(state, service) {
        let below = state.platform.dependants_of(service);
        // What lies between the root and those who suffer is no root: only what the root itself needs can be deeper.
        let root = causes_it && incident.root.as_ref().is_none_or(|root| root == service || below.contains(root));
        let mut events = vec![Event::IncidentServiceAdded { incident: incident.id, service: service.to_owned(), root }];
        if severity < incident.severity {
            let reason = format!("{service} is {:?}", described.criticality).to_lowercase();
            events.push(Event::IncidentSeveritySet { incident: incident.id, severity, reason });
        }
        return Ok(events);
    }
    let detected_at = health.failing_since.or(health.since).unwrap_or(state.clock);
    let services = vec![service.to_owned()];
    let symptoms_at = fast_track::symptoms(state, &services, detected_at, now);
    let opening = Event::IncidentOpened {
        incident: state.next_incident(),
        severity,
        title: match (down, carried) {
            (true, true) => format!("{service} down, the others of its group carry its work"),
            (true, false) => format!("{service} down"),
            (false, _) => format!("{service} degraded"),
        },
        services,
        detected_at,
        workflow: None,
        symptoms_at: Some(symptoms_at),
    };
    Ok(open_or_reopen(state, opening, now).1)
}

/// An open incident that a service which is in none belongs to, and whether the service may be what causes it.
pub(in crate::domain) fn related<'a>(state: &'a State, service: &str) -> Option<(&'a Incident, bool)> {
    let above = state.platform.dependencies_of(service);
    let below = state.platform.dependants_of(service);
    state.open_incidents().find_map(|incident| {
        // The root a diagnosis has found may not be judged down itself yet, but what hangs on it belongs together.
        let known: Vec<&String> = incident.services.iter().chain(&incident.root).collect();
        let caused_by_it = known.iter().any(|known| above.contains(known));
        let causes_it = known.iter().any(|known| below.contains(known)) || incident.root.as_deref() == Some(service);
        let its_twin = known.iter().any(|known| are_twins(state, known, service));
        (caused_by_it || causes_it || its_twin).then_some((incident, causes_it))
    })
}

/// What comes back so soon after its end is the same incident.
const COMES_BACK_WITHIN: TimeDelta = TimeDelta::minutes(10);
/// An incident comes back by itself so often at most; then it is another one, with a link to it.
const COMES_BACK: u32 = 3;

/// The incident that is opened, or the one that comes back instead, and what happens to it.
pub(in crate::domain) fn open_or_reopen(state: &State, opening: Event, now: DateTime<Utc>) -> (IncidentId, Vec<Event>) {
    let id = state.next_incident();
    let Event::IncidentOpened { severity, title, services, workflow, detected_at, .. } = &opening else {
        return (id, vec![opening]);
    };
    let service = services.first();
    let down = |name: &String| state.services.get(name).is_some_and(|health| health.status == Status::Down);
    let kind = workflow.unwrap_or(if services.iter().any(down) { Workflow::Outage } else { Workflow::Degradation });
    // In a drill one fault is injected after the other, and each is a case of its own, but for what began before the last ended.
    let drill = state.platform.profile == Profile::Drill;
    let before = state.incidents.values().rev().find(|past| {
        let ended = past.resolved_at.filter(|_| !past.state.is_open() && past.merged_into.is_none());
        let ended = ended.filter(|ended| !drill || detected_at < ended);
        let same = if past.workflow.heals() { kind <= past.workflow } else { kind == past.workflow };
        // What it only dragged along may fail for a reason of its own.
        let hit = past.services.iter().take(1).chain(&past.root).any(|known| Some(known) == service);
        same && hit && ended.is_some_and(|ended| now - ended < COMES_BACK_WITHIN)
    });
    match before {
        Some(past) if past.reopened < COMES_BACK => {
            let reason = format!("{title}, within {} min of its end", COMES_BACK_WITHIN.num_minutes());
            let mut events = vec![Event::IncidentReopened { incident: past.id, reason }];
            if let Some(service) = service.filter(|service| !past.services.contains(service)) {
                let (service, root) = (service.clone(), false);
                events.push(Event::IncidentServiceAdded { incident: past.id, service, root });
            }
            if *severity < past.severity {
                let (severity, reason) = (*severity, title.clone());
                events.push(Event::IncidentSeveritySet { incident: past.id, severity, reason });
            }
            (past.id, events)
        }
        Some(past) => (id, vec![opening, Event::IncidentLinked { incident: id, other: past.id }]),
        None => (id, vec![opening]),
    }
}

/// Whether, for each service that needs this one, another of the same redundancy group works.
pub(super) fn is_carried(state: &State, service: &str) -> bool {
    let works = |name: &String| {
        let status = state.services.get(name).map(|health| health.status);
        matches!(status, Some(Status::Healthy | Status::Degraded))
    };
    let mut needing =
        state.platform.services.iter().filter(|other| other.depends_on.iter().any(|name| name == service));
    let mut carries = |other: &crate::platform::Service| {
        let groups = other.any_of.iter().filter(|group| group.iter().any(|name| name == service));
        groups.flatten().any(|twin| twin != service && works(twin))
    };
    needing.next().is_some_and(&mut carries) && needing.all(carries)
}

/// Whether two services stand in for each other.
fn are_twins(state: &State, one: &str, other: &str) -> bool {
    let mut groups = state.platform.services.iter().flat_map(|service| &service.any_of);
    groups.any(|group| [one, other].iter().all(|name| group.iter().any(|member| member == name)))
}
