//! An incident in a few plain sentences, for who decides and knows no services: what people cannot do, since when, why, what is done
//! about it, and whom it waits for. No names of checks, no lines of logs.

use chrono::{DateTime, Utc};

use super::words::span;
use crate::domain::{ChangeState, DiagnosisState, Incident, IncidentRole, State, Status, missing_roles, role_name};

/// How sure a cause has to be to be told to who cannot weigh it.
const SURE: f64 = 0.5;

/// The sentences, in one paragraph.
pub(super) fn in_short(state: &State, incident: &Incident, functions: &[String], users: Option<u64>) -> String {
    let mut told = vec![hit(state, incident, functions, users)];
    if incident.state.is_open() {
        told.push(cause(state, incident));
        told.extend(done(state, incident));
        told.push(match incident.roles.get(&IncidentRole::Commander) {
            Some(name) => format!("{name} is in command."),
            None if incident.acknowledged_at.is_none() => "Nobody has taken it yet.".to_owned(),
            None => "It has been seen, and nobody is in command.".to_owned(),
        });
    }
    told.join(" ")
}

fn hit(state: &State, incident: &Incident, functions: &[String], users: Option<u64>) -> String {
    let what = if functions.is_empty() { incident.title.clone() } else { listed(functions) };
    let since = clock(incident.detected_at);
    if let Some(end) = incident.resolved_at.filter(|_| !incident.state.is_open()) {
        let took = span((end - incident.detected_at).as_seconds_f64());
        return capital(&format!("{what}: over since {}, after {took}.", clock(end)));
    }
    let people = users.map(|users| format!("; up to {users} people rely on it")).unwrap_or_default();
    let is_ill = |name: &String| {
        state.services.get(name).is_some_and(|health| matches!(health.status, Status::Down | Status::Degraded))
    };
    let how = match (functions.is_empty(), incident.services.iter().any(is_ill)) {
        (true, _) => "since",
        (false, true) => "hit since",
        (false, false) => "not hit any more, as far as can be seen; was since",
    };
    let hand: Vec<String> =
        functions.iter().filter(|name| state.continuity.fallbacks.contains_key(*name)).cloned().collect();
    let hand = if hand.is_empty() { String::new() } else { format!(" By hand meanwhile: {}.", listed(&hand)) };
    capital(&format!("{what}: {how} {since}{people}.{hand}"))
}

fn cause(state: &State, incident: &Incident) -> String {
    let found = incident.diagnoses.iter().rev().find_map(|id| match &state.diagnoses.get(id)?.state {
        DiagnosisState::Concluded { document, .. } => Some(document),
        _ => None,
    });
    match found {
        Some(document) if document.root_cause.confidence >= SURE => {
            let (cause, service) = (&document.root_cause, &document.root_cause.service);
            let sure = format!("{:.0} % sure", cause.confidence * 100.0);
            match cause.deployment {
                Some(_) => format!("The cause is probably the newest version of {service} ({sure})."),
                None => {
                    let kind = document.root_cause_category.row().name.replace('-', " ");
                    format!("The cause is probably in {service}: {kind} ({sure}).")
                }
            }
        }
        _ => "The cause is not known yet.".to_owned(),
    }
}

/// What is done about it, and what that waits for.
fn done(state: &State, incident: &Incident) -> Vec<String> {
    let recoveries = incident.recoveries.iter().filter_map(|id| state.recoveries.get(id));
    let mut told: Vec<String> = recoveries
        .filter(|recovery| recovery.is_running())
        .map(|recovery| format!("Under way: {}.", recovery.plan.title))
        .collect();
    for change in incident.changes.iter().filter_map(|id| state.changes.get(id)).filter(|change| change.plan.heals()) {
        match change.state {
            ChangeState::Pending => {
                let roles: Vec<String> =
                    missing_roles(state, change).into_iter().map(|role| format!("the {}", role_name(role))).collect();
                told.push(format!("A remedy is ready and waits for {}: {}.", listed(&roles), change.title));
            }
            ChangeState::Approved => told.push(format!("Approved, and about to begin: {}.", change.title)),
            _ => {}
        }
    }
    if told.is_empty() {
        told.push("Nothing was begun yet that would end it.".to_owned());
    }
    told
}

fn clock(at: DateTime<Utc>) -> String {
    format!("{} UTC", at.format("%H:%M"))
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
