//! What may be done about a cause: only what the platform file declares.

use crate::{
    domain::{Approach, Cause, Fix, IncidentId, State, Status, SuggestedFix},
    platform::{Action, ActionRisk, ComponentKind, Platform},
};

/// Suggestions in a document at most.
pub(super) const SUGGESTIONS: usize = 9;

/// A suggestion without its place.
type Found = (String, u64, ActionRisk, Fix);

/// What may be done at a service about these causes, the best first; nothing that the platform file does not declare, and
/// nothing while somebody works on the service already.
pub(super) fn remedies(
    state: &State,
    incident: IncidentId,
    service: &str,
    causes: impl IntoIterator<Item = Cause>,
) -> Vec<SuggestedFix> {
    if state.services.get(service).is_some_and(|health| health.status == Status::Maintenance) {
        return Vec::new();
    }
    let platform = &state.platform;
    let mut fixes: Vec<Found> = Vec::new();
    for cause in causes {
        let found = match cause.approach() {
            Approach::RollBack if cause == Cause::Setting => roll_back(platform, service, ComponentKind::Config),
            Approach::RollBack => roll_back(platform, service, ComponentKind::Code),
            Approach::Restore => roll_back(platform, keeper(platform, service), ComponentKind::Database),
            approach => actions(platform, service, approach),
        };
        for found in found {
            if !fixes.iter().any(|known| known.3 == found.3) {
                fixes.push(found);
            }
        }
    }
    let numbered = fixes.into_iter().take(SUGGESTIONS).zip(1..);
    let suggest = |((action, estimated_time, risk, fix), priority)| SuggestedFix {
        commands: vec![match &fix {
            Fix::RollBack { component } => format!("codeblue rollback --component {component} --reason {incident}"),
            Fix::RunAction { service, action } => format!("codeblue action run {service} {action}"),
        }],
        action,
        priority,
        estimated_time,
        risk,
        fix,
    };
    numbered.map(suggest).collect()
}

fn roll_back(platform: &Platform, service: &str, kind: ComponentKind) -> Vec<Found> {
    let risk = match kind {
        ComponentKind::Code | ComponentKind::Config => ActionRisk::Low,
        // What was written since the snapshot is lost.
        ComponentKind::Database | ComponentKind::Data => ActionRisk::High,
    };
    let components = platform.components_of(service).filter(|component| component.kind == kind);
    let found = |name: &String, seconds| {
        (format!("roll {name} back"), seconds, risk, Fix::RollBack { component: name.clone() })
    };
    components.map(|component| found(&component.name, component.rto.as_secs().min(60))).collect()
}

/// Declared actions for what is to be done, by their names; where a restart may help, also those of no high risk
/// whose names do not say what they are for, and what else ends a lock is a restart.
fn actions(platform: &Platform, service: &str, approach: Approach) -> Vec<Found> {
    let declared = platform.service(service).map(|service| service.actions.as_slice()).unwrap_or_default();
    let place = |action: &Action| match (approach, Approach::of_action(&action.name)) {
        (approach, Some(of)) if of.action_words() == approach.action_words() => Some(0),
        (Approach::Restart, None) if action.risk < ActionRisk::High => Some(1),
        (Approach::Unblock, Some(Approach::Restart)) => Some(1),
        _ => None,
    };
    // What contains heals nothing.
    let healing = declared.iter().filter(|action| action.purpose.is_none());
    let mut found: Vec<(u8, &Action)> = healing.filter_map(|action| Some((place(action)?, action))).collect();
    found.sort_by_key(|(place, action)| (*place, action.risk));
    let told = |action: &Action| {
        let fix = Fix::RunAction { service: service.to_owned(), action: action.name.clone() };
        (format!("{} {service}", action.name), action.takes.as_secs(), action.risk, fix)
    };
    found.into_iter().map(|(_, action)| told(action)).collect()
}

/// The service that holds the database: the one named, or the nearest one below it that declares one.
fn keeper<'a>(platform: &'a Platform, service: &'a str) -> &'a str {
    let keeps = |name: &str| platform.components_of(name).any(|component| component.kind == ComponentKind::Database);
    if keeps(service) {
        return service;
    }
    let below = platform.dependencies_of(service);
    let found = below.iter().find(|name| keeps(name)).and_then(|name| platform.service(name));
    found.map_or(service, |found| &found.name)
}
