//! The decision tree: what is tried next for an incident. A confident diagnosis names a targeted fix or a rollback; without one, or
//! when that failed, the recent deployments are walked back; the whole platform is restored last, and only after something
//! weaker has failed.

use crate::domain::{
    Change, ChangeId, ChangeState, DiagnosisDocument, DiagnosisState, Event, Fix, Incident, IncidentId, Meta, Plan,
    RecoveryOutcome, Refusal, RollbackRequest, RollbackTarget, Scope, Severity, State, Workflow,
    recovery::{plan, run},
};
use crate::platform::{Component, ComponentKind};

/// How sure a diagnosis must be before its fixes are tried.
const SURE: f64 = 0.7;

/// Decides on the weakest remedy that was not tried yet, and starts it or asks for it.
pub(in crate::domain) fn propose(state: &State, id: IncidentId, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let incident = state.incident(id)?;
    if !incident.state.is_open() {
        return Ok(Vec::new());
    }
    let open = incident
        .changes
        .iter()
        .filter_map(|id| state.changes.get(id))
        .find(|change| change.plan.heals() && change.state.is_open());
    if let Some(waiting) = open {
        return Err(Refusal::new("change-waiting", format!("{} is {} already", waiting.id, waiting.state))
            .hint(format!("decide on that one first: codeblue change show {}", waiting.id)));
    }
    let run = incident.recoveries.iter().filter_map(|id| state.recoveries.get(id)).map(|recovery| &*recovery.plan);
    let asked = incident.changes.iter().filter_map(|id| state.changes.get(id)).map(|change| &*change.plan);
    let tried: Vec<&Plan> = run.chain(asked).collect();
    let diagnosis = newest_diagnosis(state, incident);
    let reason = reason(incident, diagnosis);
    let mut last = Refusal::new("nothing-to-propose", format!("nothing is known that was not tried for {id} already"))
        .hint("walk through a runbook: codeblue runbook list; or roll back by hand: codeblue rollback");
    for remedy in remedies(state, incident, diagnosis, &reason) {
        match remedy {
            Ok(plan) if !tried.contains(&&plan) => {
                return run::start_or_ask(state, plan, &reason, Some(id), meta);
            }
            Ok(_) => {}
            Err(refusal) => last = refusal,
        }
    }
    Err(last)
}

/// What a policy has asked for and nobody has agreed to yet, though the newest diagnosis is sure that the cause sits with a service that it
/// does not touch, and names something that was not tried: nobody should approve a remedy for what was thought before.
pub(in crate::domain) fn outdated(state: &State, incident: &Incident) -> Vec<ChangeId> {
    let sure = newest_diagnosis(state, incident).filter(|found| found.root_cause.confidence >= SURE);
    let Some(found) = sure else { return Vec::new() };
    let changes = || incident.changes.iter().filter_map(|id| state.changes.get(id));
    let tried = |plan: &Plan| changes().any(|change| *change.plan == *plan);
    if !fixes(state, incident, found, "").any(|plan| plan.is_ok_and(|plan| !tried(&plan))) {
        return Vec::new();
    }
    let waits = |change: &&Change| {
        change.state == ChangeState::Pending
            && change.requester.operator().is_none()
            && change.plan.heals()
            && !change.plan.services.contains(&found.root_cause.service)
    };
    changes().filter(waits).map(|change| change.id).collect()
}

/// The plans of what a diagnosis says may help, the best first.
fn fixes<'a>(
    state: &'a State,
    incident: &'a Incident,
    found: &'a DiagnosisDocument,
    reason: &'a str,
) -> impl Iterator<Item = Result<Plan, Refusal>> + 'a {
    found.suggested_fixes.iter().map(move |suggestion| match &suggestion.fix {
        Fix::RollBack { component } => {
            let scope = Scope::Components(vec![component.clone()]);
            let request = RollbackRequest { scope, to: None, reason: reason.to_owned(), incident: Some(incident.id) };
            plan::plan_rollback(state, &request)
        }
        Fix::RunAction { service, action } => plan::plan_action(state, service, action),
    })
}

/// The answer of the newest diagnosis that has one.
pub(in crate::domain) fn newest_diagnosis<'a>(state: &'a State, incident: &Incident) -> Option<&'a DiagnosisDocument> {
    incident.diagnoses.iter().rev().find_map(|id| match &state.diagnoses.get(id)?.state {
        DiagnosisState::Concluded { document, .. } => Some(&**document),
        _ => None,
    })
}

fn reason(incident: &Incident, diagnosis: Option<&DiagnosisDocument>) -> String {
    let found = diagnosis.map_or_else(
        || "no diagnosis".to_owned(),
        |found| format!("diagnosis {:.2}: {}", found.root_cause.confidence, found.root_cause.issue),
    );
    let reason = format!("{} {}, {found}", incident.id, incident.severity);
    reason.chars().take(300).collect()
}

/// All that could be tried, the weakest first.
fn remedies(
    state: &State,
    incident: &Incident,
    diagnosis: Option<&DiagnosisDocument>,
    reason: &str,
) -> Vec<Result<Plan, Refusal>> {
    let roll_back = |scope, to| {
        let request = RollbackRequest { scope, to, reason: reason.to_owned(), incident: Some(incident.id) };
        plan::plan_rollback(state, &request)
    };
    let sure = diagnosis.filter(|found| found.root_cause.confidence >= SURE);
    let mut remedies: Vec<_> = sure.iter().flat_map(|found| fixes(state, incident, found, reason)).collect();
    if incident.workflow == Workflow::DataCorruption {
        let holds = |component: &&Component| matches!(component.kind, ComponentKind::Database | ComponentKind::Data);
        let hit = incident.services.iter().flat_map(|service| state.platform.components_of(service)).filter(holds);
        let names: Vec<String> = hit.map(|component| component.name.clone()).collect();
        return vec![roll_back(Scope::Components(names), None)];
    }
    if !incident.services.is_empty() {
        let scope = Scope::Services(incident.services.clone());
        remedies.push(roll_back(scope, Some(RollbackTarget::UntilHealthy)));
    }
    let failed = incident.recoveries.iter().filter_map(|id| state.recoveries.get(id)).any(|recovery| {
        recovery.plan.heals() && recovery.ended.is_some_and(|(_, outcome)| outcome == RecoveryOutcome::Failed)
    });
    if failed && incident.severity == Severity::Sev1 {
        remedies.push(roll_back(Scope::Everything, None));
    }
    remedies
}
