//! What may be done about a cause: only what the platform file declares.

use super::signs::has;
use crate::{
    domain::{Approach, Cause, Evidence, Fix, IncidentId, State, Status, SuggestedFix},
    platform::{Action, ActionRisk, ComponentKind, Platform},
};

/// Suggestions in a document at most.
pub(super) const SUGGESTIONS: usize = 9;

/// A suggestion without its place.
type Found = (String, u64, ActionRisk, Fix);

/// What helps with one cause alone, and there costs less than what the cause calls for in general.
struct Fitting {
    cause: Cause,
    /// Words in the name of a declared action.
    action: &'static [&'static str],
    /// Words of the evidence, in small letters, without which it would be guessing; none where the cause says enough.
    evidence: &'static [&'static str],
}

const FITTING: [Fitting; 7] = [
    Fitting { cause: Cause::ProcessHang, action: &["thaw", "unfreeze"], evidence: &["is stopped"] },
    Fitting { cause: Cause::PoolExhausted, action: &["pool"], evidence: &[] },
    Fitting {
        cause: Cause::Slowness,
        action: &["index"],
        evidence: &["whole table", "full scan", "full table scan", "seq scan", "sequential scan"],
    },
    Fitting { cause: Cause::Certificate, action: &["certificate"], evidence: &[] },
    Fitting { cause: Cause::Credentials, action: &["credential", "secret", "password"], evidence: &[] },
    Fitting { cause: Cause::Credentials, action: &["unlock"], evidence: &["locked"] },
    Fitting { cause: Cause::RateLimit, action: &["unlock"], evidence: &["locked"] },
];

/// What may be done at a service about these causes and what speaks for them, the best first; nothing that the platform file does
/// not declare, and nothing while somebody works on the service already.
pub(super) fn remedies<'a>(
    state: &State,
    incident: IncidentId,
    service: &str,
    causes: impl IntoIterator<Item = (Cause, &'a [Evidence])>,
) -> Vec<SuggestedFix> {
    if state.services.get(service).is_some_and(|health| health.status == Status::Maintenance) {
        return Vec::new();
    }
    let platform = &state.platform;
    let mut fixes: Vec<Found> = Vec::new();
    for (cause, evidence) in causes {
        let found = match cause.approach() {
            Approach::RollBack if cause == Cause::Setting => roll_back(platform, service, ComponentKind::Config),
            Approach::RollBack => roll_back(platform, service, ComponentKind::Code),
            Approach::Restore => roll_back(platform, keeper(platform, service), ComponentKind::Database),
            approach => actions(platform, service, cause, approach, evidence),
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

/// Declared actions for what is to be done, by their names: first what fits the cause alone, then what does what it calls for.
/// Where a restart may help, also those of no high risk whose names do not say what they are for; what else ends a lock is a restart.
fn actions(platform: &Platform, service: &str, cause: Cause, approach: Approach, evidence: &[Evidence]) -> Vec<Found> {
    let declared = platform.service(service).map(|service| service.actions.as_slice()).unwrap_or_default();
    let place = |action: &Action| match (approach, Approach::of_action(&action.name)) {
        _ if fits(cause, &action.name, evidence) => Some(0),
        (approach, Some(of)) if of.action_words() == approach.action_words() => Some(1),
        (Approach::Restart, None) if action.risk < ActionRisk::High && !is_for_one_cause(&action.name) => Some(2),
        (Approach::Unblock, Some(Approach::Restart)) => Some(2),
        _ => None,
    };
    // What contains heals nothing, and neither does what takes something back.
    let healing = declared.iter().filter(|action| action.purpose.is_none() && !Approach::takes_back(&action.name));
    let mut found: Vec<(u8, &Action)> = healing.filter_map(|action| Some((place(action)?, action))).collect();
    found.sort_by_key(|(place, action)| (*place, action.risk));
    let told = |action: &Action| {
        let fix = Fix::RunAction { service: service.to_owned(), action: action.name.clone() };
        (format!("{} {service}", action.name), action.takes.as_secs(), action.risk, fix)
    };
    found.into_iter().map(|(_, action)| told(action)).collect()
}

fn fits(cause: Cause, action: &str, evidence: &[Evidence]) -> bool {
    let said = |words: &[&str]| evidence.iter().any(|fact| has(&fact.text.to_lowercase(), words));
    let action = action.to_lowercase();
    FITTING
        .iter()
        .filter(|row| row.cause == cause && has(&action, row.action))
        .any(|row| row.evidence.is_empty() || said(row.evidence))
}

fn is_for_one_cause(action: &str) -> bool {
    let action = action.to_lowercase();
    FITTING.iter().any(|row| has(&action, row.action))
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
