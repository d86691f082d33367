//! Guard rails: what has to hold before a policy runs a recovery with nobody's approval. Sources: notes on automatic rollback and the
//! published practice of the large operators (two signals, one step, one service, a rest between two, people first).

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    Actor, AutomationMode, BreakGlassId, ChangeState, Incident, IncidentId, Plan, Recovery, Risk, RiskLevel, Severity,
    State, Status, Step, Strategy, break_glass, recovery::remedy::newest_diagnosis,
};
use crate::platform::{ActionRisk, ComponentKind, Criticality, Profile};

/// Recoveries that policies may run on the whole platform within [`SHORT`].
const AT_ONCE: usize = 3;
const SHORT: TimeDelta = TimeDelta::minutes(15);
/// Recoveries that policies may run on one service within [`LONG`].
const ON_ONE_SERVICE: usize = 2;
const LONG: TimeDelta = TimeDelta::hours(24);
/// How long a service is left alone after a policy has worked on it.
const REST: TimeDelta = TimeDelta::minutes(10);
/// Places of evidence that have to agree.
const SIGNALS: usize = 2;

/// Whether a plan may run without anybody else.
pub(in crate::domain) enum Permission {
    /// It runs at once.
    AtOnce {
        /// Under which nobody has to agree.
        break_glass: Option<BreakGlassId>,
    },
    /// People have to agree.
    Approval {
        /// The guard rail that keeps a policy from running it, where policies may run others.
        held_back: Option<String>,
    },
}

/// What this actor may do with a plan. A person's own act on what is not critical runs at once.
pub(in crate::domain) fn permission(
    state: &State,
    actor: &Actor,
    plan: &Plan,
    risk: &Risk,
    incident: Option<IncidentId>,
    now: DateTime<Utc>,
) -> Permission {
    match actor {
        Actor::Operator(name) => {
            if let Some(glass) = break_glass::covering(state, name, plan, incident, now) {
                return Permission::AtOnce { break_glass: Some(glass.id) };
            }
            let critical = |name: &String| {
                state.platform.service(name).is_none_or(|service| service.criticality == Criticality::Critical)
            };
            if risk.level() >= RiskLevel::High || plan.services.iter().any(critical) {
                Permission::Approval { held_back: None }
            } else {
                Permission::AtOnce { break_glass: None }
            }
        }
        Actor::Policy(_) | Actor::Engine if state.mode != AutomationMode::Auto => {
            Permission::Approval { held_back: None }
        }
        Actor::Policy(_) | Actor::Engine => match held_back(state, plan, incident, now) {
            None => Permission::AtOnce { break_glass: None },
            why => Permission::Approval { held_back: why },
        },
    }
}

/// Why a policy may not run this plan by itself now; none when it may.
fn held_back(state: &State, plan: &Plan, incident: Option<IncidentId>, now: DateTime<Utc>) -> Option<String> {
    if state.halted.is_some() {
        return Some("automation is halted".to_owned());
    }
    if state.platform.profile == Profile::Production {
        return Some("in production people decide".to_owned());
    }
    let Some(incident) = incident.and_then(|id| state.incidents.get(&id)) else {
        return Some("it is for no incident".to_owned());
    };
    if incident.severity > Severity::Sev2 {
        return Some(format!("of a {} people decide", incident.severity));
    }
    reach(state, plan)
        .or_else(|| sight(state, plan, incident))
        .or_else(|| frequency(state, plan, now))
        .or_else(|| people(state, plan, incident))
}

/// One service, and nothing that cannot be taken back.
fn reach(state: &State, plan: &Plan) -> Option<String> {
    if plan.strategy == Strategy::FullRestore || plan.services.len() > 1 {
        return Some(format!("it reaches {} services, and one is the limit", plan.services.len()));
    }
    if plan.loses.is_some() {
        return Some("data would be lost".to_owned());
    }
    plan.steps.iter().find_map(|step| match step {
        Step::RestoreSnapshot { component, .. } | Step::RestoreTime { component, .. } => {
            let kind = state.platform.component(component).map(|component| component.kind);
            let is_data = matches!(kind, None | Some(ComponentKind::Database | ComponentKind::Data));
            is_data.then(|| format!("{component} holds data"))
        }
        Step::RunAction { service, action } => {
            let service = state.platform.service(service);
            let declared = service.and_then(|service| service.actions.iter().find(|known| known.name == *action));
            let harmless = declared.is_some_and(|declared| declared.risk != ActionRisk::High);
            (!harmless).then(|| format!("{step} is an action of high risk"))
        }
        _ => None,
    })
}

/// What is seen must be fresh, still be so, and be told by more than one source.
fn sight(state: &State, plan: &Plan, incident: &Incident) -> Option<String> {
    let status = |name: &String| state.services.get(name).map_or(Status::Unknown, |health| health.status);
    if let Some(blind) = plan.services.iter().chain(&incident.services).find(|name| status(name) == Status::Unknown) {
        return Some(format!("the health of {blind} is not known"));
    }
    // What is contained answers its checks, or may.
    let suffers = |name: &String| matches!(status(name), Status::Down | Status::Degraded);
    if plan.heals() && !incident.services.iter().any(suffers) {
        return Some("nothing is down any more".to_owned());
    }
    let diagnosis = newest_diagnosis(state, incident);
    let sources: BTreeSet<&str> = diagnosis
        .iter()
        .flat_map(|found| &found.root_cause.evidence)
        .map(|evidence| evidence.source.as_str())
        .chain(incident.errors.iter().filter(|_| !plan.heals()).map(|known| known.group.fingerprint.as_str()))
        .collect();
    (sources.len() < SIGNALS).then(|| format!("{} of {SIGNALS} independent signs speak for it", sources.len()))
}

/// A loop of recoveries is worse than an outage.
fn frequency(state: &State, plan: &Plan, now: DateTime<Utc>) -> Option<String> {
    let by_policies = || state.recoveries.values().rev().filter(|recovery| recovery.is_autonomous());
    let here = |recovery: &&Recovery| recovery.plan.services.iter().any(|name| plan.services.contains(name));
    if by_policies().filter(|recovery| now - recovery.started_at < SHORT).count() >= AT_ONCE {
        return Some(format!("policies have run {AT_ONCE} recoveries within {} min", SHORT.num_minutes()));
    }
    if by_policies().filter(here).filter(|recovery| now - recovery.started_at < LONG).count() >= ON_ONE_SERVICE {
        return Some(format!("policies have worked {ON_ONE_SERVICE} times here within {} h", LONG.num_hours()));
    }
    let last = by_policies().filter(here).filter_map(|recovery| recovery.ended).map(|(ended, _)| ended).max();
    last.filter(|ended| now - *ended < REST)
        .map(|_| format!("a policy has worked here within the last {} min", REST.num_minutes()))
}

/// Where people work, policies stand back.
fn people(state: &State, plan: &Plan, incident: &Incident) -> Option<String> {
    let at_work = state.recoveries.values().find(|recovery| {
        recovery.started_by.operator().is_some()
            && recovery.started_at >= incident.detected_at
            && recovery.plan.services.iter().any(|name| plan.services.contains(name))
    });
    if let Some(recovery) = at_work {
        return Some(format!("{} works here: {}", recovery.started_by, recovery.id));
    }
    let decided = incident.changes.iter().filter_map(|id| state.changes.get(id)).find(|change| {
        change.requester.operator().is_some() || matches!(change.state, ChangeState::Rejected | ChangeState::Withdrawn)
    });
    decided.map(|change| format!("people deal with it: {} is {}", change.id, change.state))
}

/// When an action of a service was begun in a span of time.
pub(in crate::domain) fn action_began_between<'a>(
    state: &'a State,
    service: &'a str,
    action: &'a str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> impl Iterator<Item = DateTime<Utc>> + 'a {
    let steps = state.recoveries.values().flat_map(|recovery| recovery.plan.steps.iter().zip(&recovery.steps));
    let runs = steps.filter(move |(step, _)| {
        matches!(step, Step::RunAction { service: on, action: named } if on == service && named == action)
    });
    runs.filter_map(|(_, run)| run.started_at).filter(move |at| *at > from && *at <= until)
}
