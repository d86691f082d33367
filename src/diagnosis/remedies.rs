//! What may be done about a cause: only what the platform file declares.

use super::{
    disclosed::NAMES_PEOPLE,
    kept::spoken_of,
    signs::{LOCKED_OUT, READS_ALL, WRONG_ANSWERS, has},
};
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
    /// What is to be done, where the evidence says so.
    approach: Approach,
}

#[rustfmt::skip]
const FITTING: [Fitting; 9] = [
    Fitting { cause: Cause::ProcessHang, action: &["thaw", "unfreeze"], evidence: &["is stopped"], approach: Approach::Thaw },
    Fitting { cause: Cause::PoolExhausted, action: &["pool"], evidence: &[], approach: Approach::Restart },
    Fitting { cause: Cause::Slowness, action: &["index"], evidence: &READS_ALL, approach: Approach::AddIndex },
    Fitting { cause: Cause::Certificate, action: &["certificate"], evidence: &[], approach: Approach::Renew },
    // What lies on the disk may be right: then it only has to be read again.
    Fitting { cause: Cause::AlteredData, action: &["restart"], evidence: &WRONG_ANSWERS, approach: Approach::Restart },
    // Nobody is known to have changed what it is set to, so it may be set otherwise while it runs.
    Fitting { cause: Cause::Setting, action: &["restart"], evidence: &[NAMES_PEOPLE], approach: Approach::Restart },
    Fitting { cause: Cause::Credentials, action: &["credential", "secret", "password"], evidence: &[], approach: Approach::Renew },
    Fitting { cause: Cause::Credentials, action: &["unlock"], evidence: &LOCKED_OUT, approach: Approach::Unlock },
    Fitting { cause: Cause::RateLimit, action: &["unlock"], evidence: &LOCKED_OUT, approach: Approach::Unlock },
];

/// What a cause calls for, by what speaks for it: the same as is proposed first where the platform file declares it.
pub(super) fn approach(cause: Cause, evidence: &[Evidence]) -> Approach {
    let asked_for = FITTING.iter().find(|row| row.cause == cause && !row.evidence.is_empty() && row.is_said(evidence));
    asked_for.map_or_else(|| cause.approach(), |row| row.approach)
}

impl Fitting {
    fn is_said(&self, evidence: &[Evidence]) -> bool {
        evidence.iter().any(|fact| has(&fact.text.to_lowercase(), self.evidence))
    }
}

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
        let mut found = fitting(platform, service, cause, evidence);
        found.extend(match cause.approach() {
            Approach::RollBack if cause == Cause::Setting => roll_back(platform, service, ComponentKind::Config),
            Approach::RollBack => roll_back(platform, service, ComponentKind::Code),
            Approach::Restore => restore(platform, service, cause, evidence),
            approach => actions(platform, service, approach),
        });
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

/// Back to a snapshot of what is damaged: of its own data that the evidence names, else of its database, else of what it keeps beside
/// one. What is kept by another service is brought back where it keeps nothing itself.
fn restore(platform: &Platform, service: &str, cause: Cause, evidence: &[Evidence]) -> Vec<Found> {
    let texts: Vec<String> = evidence.iter().map(|fact| fact.text.to_lowercase()).collect();
    let named = |component: &str| {
        texts.iter().any(|text| spoken_of(platform, service, text).any(|spoken| spoken.name == component))
    };
    let of = |kind| roll_back(platform, service, kind);
    let data = of(ComponentKind::Data);
    let spoken: Vec<Found> = data
        .iter()
        .filter(|(.., fix)| matches!(fix, Fix::RollBack { component } if named(component)))
        .cloned()
        .collect();
    if !spoken.is_empty() {
        return spoken;
    }
    let database = of(ComponentKind::Database);
    match cause {
        _ if !database.is_empty() => database,
        Cause::AlteredData if !data.is_empty() => data,
        _ => roll_back(platform, keeper(platform, service), ComponentKind::Database),
    }
}

/// Declared actions that fit the cause alone, by their names.
fn fitting(platform: &Platform, service: &str, cause: Cause, evidence: &[Evidence]) -> Vec<Found> {
    healing(platform, service, |action| fit(cause, &action.name, evidence))
}

/// Declared actions that do what is to be done, by their names. Where a restart may help, also those of no high risk whose names do
/// not say what they are for; what else ends a lock is a restart.
fn actions(platform: &Platform, service: &str, approach: Approach) -> Vec<Found> {
    healing(platform, service, |action| match (approach, Approach::of_action(&action.name)) {
        (approach, Some(of)) if of.action_words() == approach.action_words() => Some(1),
        (Approach::Restart, None) if action.risk < ActionRisk::High && !is_for_one_cause(&action.name) => Some(2),
        (Approach::Unblock, Some(Approach::Restart)) => Some(2),
        _ => None,
    })
}

/// The declared actions that have a place, in the order of their places and risks.
fn healing(platform: &Platform, service: &str, place: impl Fn(&Action) -> Option<u8>) -> Vec<Found> {
    let declared = platform.service(service).map(|service| service.actions.as_slice()).unwrap_or_default();
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

/// The place of an action that fits the cause: what the evidence asks for by its words comes first.
fn fit(cause: Cause, action: &str, evidence: &[Evidence]) -> Option<u8> {
    let action = action.to_lowercase();
    let rows = FITTING.iter().filter(|row| row.cause == cause && has(&action, row.action));
    rows.filter_map(|row| if row.evidence.is_empty() { Some(1) } else { row.is_said(evidence).then_some(0) }).min()
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
