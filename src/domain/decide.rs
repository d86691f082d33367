//! May this command happen, and what does it make happen? The one door through which everything enters the journal.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    Actor, ChangeId, ChangeOutcome, ChangeState, Clock, Command, DeploymentOrigin, DiagnosisId, Event, Fix, IncidentId,
    IncidentState, Plan, RecoveryId, RecoveryOutcome, Refusal, RollbackRequest, Scope, SnapshotTrigger, State, Status,
    Step, StepState, change, deployment, diagnosis, health, incident, operator, plan, policy, retention, snapshot,
};

/// When a command is given, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The engine's clock.
    pub at: DateTime<Utc>,
    /// Who gives it.
    pub actor: Actor,
}

/// What a command makes happen: no events when it is true already.
///
/// # Errors
/// The rule that forbids it. Nothing has happened then.
pub fn decide(state: &State, command: Command, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    authorise(state, &command, &meta.actor)?;
    let touched = touched_incident(state, &command);
    let mut events = match touched {
        Some(incident) => incident::touched_by(state, incident, &meta.actor),
        None => Vec::new(),
    };
    let decided = decide_authorised(state, command, meta)?;
    if decided.iter().any(|event| matches!(event, Event::IncidentAcknowledged { .. })) {
        events.clear();
    }
    events.extend(decided);
    Ok(events)
}

/// People need a role that may act; the engine's own reports may come from the engine and its policies alone.
fn authorise(state: &State, command: &Command, actor: &Actor) -> Result<(), Refusal> {
    let Actor::Operator(name) = actor else { return Ok(()) };
    if command.is_internal() {
        return Err(Refusal::new("engine-only", "only the engine itself may report this"));
    }
    match state.operators.get(name) {
        Some(operator) if operator.may_act() => {}
        Some(_) => {
            return Err(Refusal::new("operator-may-not", format!("{name} may look but not act"))
                .hint("an operator with the role engineer or higher can"));
        }
        None => {
            return Err(Refusal::new("unknown-operator", format!("{name} is no operator here"))
                .hint("ask somebody to run: codeblue operator add"));
        }
    }
    let needs_lead = matches!(
        command,
        Command::AddOperator { .. } | Command::DisableOperator { .. } | Command::SetAutomation { .. }
    );
    if needs_lead
        && !state.operators.get(name).is_some_and(|operator| operator.can_stand_for(super::Role::TechnicalLead))
    {
        return Err(Refusal::new("role-needed", "this takes a technical lead or the CTO"));
    }
    Ok(())
}

/// The incident a person acts on with this command.
fn touched_incident(state: &State, command: &Command) -> Option<IncidentId> {
    match command {
        Command::NoteIncident { incident, .. }
        | Command::AssignIncident { incident, .. }
        | Command::EscalateIncident { incident, .. }
        | Command::SetIncidentSeverity { incident, .. }
        | Command::RequestDiagnosis { incident } => Some(*incident),
        Command::RequestRollback(RollbackRequest { incident, .. }) | Command::RequestAction { incident, .. } => {
            *incident
        }
        Command::ApproveChange { change, .. } | Command::RejectChange { change, .. } => {
            state.changes.get(change).and_then(|change| change.incident)
        }
        _ => None,
    }
}

fn decide_authorised(state: &State, command: Command, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let (at, actor) = (meta.at, &meta.actor);
    match command {
        Command::DeclareIncident { severity, title, services } => {
            incident::declare(state, severity, &title, services, at)
        }
        Command::AcknowledgeIncident { incident } => incident::acknowledge(state, incident, actor),
        Command::NoteIncident { incident, text } => incident::note(state, incident, &text),
        Command::AssignIncident { incident, role, operator } => incident::assign(state, incident, role, &operator),
        Command::EscalateIncident { incident, reason } => incident::escalate(state, incident, &reason),
        Command::SetIncidentSeverity { incident, severity, reason } => {
            incident::set_severity(state, incident, severity, &reason)
        }
        Command::ResolveIncident { incident, resolution } => incident::resolve(state, incident, &resolution),
        Command::CloseIncident { incident } => incident::close(state, incident),
        Command::ReopenIncident { incident, reason } => incident::reopen(state, incident, &reason),
        Command::MergeIncident { incident, into } => incident::merge(state, incident, into),
        Command::LinkIncident { incident, other } => incident::link(state, incident, other),

        Command::RequestDiagnosis { incident } => {
            let mut events = diagnosis::request(state, incident)?;
            events.extend(incident::advance(state, incident, IncidentState::Investigating));
            Ok(events)
        }
        Command::RequestSnapshot { components, trigger, reason } => {
            snapshot::request(state, components, trigger, &reason, None)
        }
        Command::PinSnapshot { snapshot, pinned } => {
            let same = state.snapshot(snapshot)?.pinned == pinned;
            Ok(if same { Vec::new() } else { vec![Event::SnapshotPinned { snapshot, pinned }] })
        }
        Command::RequestProof { snapshot, proof } => snapshot::request_proof(state, snapshot, proof),
        Command::ApplyRetention => Ok(retention::forget(state, at)),
        Command::RequestRollback(request) => {
            let planned = plan::plan_rollback(state, &request)?;
            let incident = request.incident.or_else(|| incident_for(state, &planned));
            start_or_ask(state, planned, &request.reason, incident, meta)
        }
        Command::RequestAction { service, action, incident, reason } => {
            let planned = plan::plan_action(state, &service, &action)?;
            let incident = incident.or_else(|| incident_for(state, &planned));
            start_or_ask(state, planned, &reason, incident, meta)
        }
        Command::CancelRecovery { recovery, reason } => {
            let found = state.recovery(recovery)?;
            if !found.is_running() {
                return Err(Refusal::new("recovery-over", format!("{recovery} is over")).hint("undo it instead"));
            }
            if found.cancel_requested {
                return Ok(Vec::new());
            }
            Ok(vec![Event::RecoveryCancelRequested { recovery, reason: incident::line("reason", &reason)? }])
        }
        Command::UndoRecovery { recovery, reason } => {
            let found = state.recovery(recovery)?;
            let planned = plan::plan_undo(state, found)?;
            let incident =
                found.incident.filter(|id| state.incidents.get(id).is_some_and(|found| found.state.is_open()));
            start_or_ask(state, planned, &reason, incident, meta)
        }

        Command::ApproveChange { change, plan_hash, reason } => {
            let events = change::approve(state, change, &plan_hash, &reason, actor, at)?;
            // The last yes starts it, so it has to wait for whatever is in the way: nobody would start it afterwards.
            if events.iter().any(|event| matches!(event, Event::ChangeAuthorised { .. })) {
                not_running(state, &state.change(change)?.plan)?;
            }
            Ok(events)
        }
        Command::RejectChange { change, reason } => change::reject(state, change, &reason, actor),
        Command::RevokeApproval { change, reason } => change::revoke(state, change, &reason, actor),
        Command::WithdrawChange { change, reason } => change::withdraw(state, change, &reason, actor),

        Command::RecordDeployment { component, version, note } => {
            deployment::record(state, &component, &version, DeploymentOrigin::Reported, &note)
        }
        Command::AddOperator { name, roles, login } => operator::add(state, &name, roles, login),
        Command::DisableOperator { name } => operator::disable(state, &name),
        Command::SetAutomation { mode } => {
            Ok(if state.mode == mode { Vec::new() } else { vec![Event::AutomationSet { mode }] })
        }
        Command::HaltAutomation { reason } => {
            let reason = incident::line("reason", &reason)?;
            Ok(if state.halted.is_some() { Vec::new() } else { vec![Event::AutomationHalted { reason }] })
        }
        Command::ReleaseAutomation => {
            Ok(if state.halted.is_none() { Vec::new() } else { vec![Event::AutomationReleased] })
        }
        Command::StartMaintenance { service, until, reason } => {
            if state.platform.service(&service).is_none() {
                return Err(Refusal::unknown("service", &service));
            }
            if until <= at {
                return Err(Refusal::new("window-in-the-past", "the maintenance window would be over already"));
            }
            Ok(vec![Event::MaintenanceStarted { service, until, reason: incident::line("reason", &reason)? }])
        }
        Command::EndMaintenance { service } => {
            let health = state.services.get(&service).ok_or_else(|| Refusal::unknown("service", &service))?;
            if health.status != Status::Maintenance {
                return Err(Refusal::new("no-maintenance", format!("{service} is not in maintenance")));
            }
            Ok(vec![Event::MaintenanceEnded { service }])
        }
        internal => decide_internal(state, internal, meta),
    }
}

/// Reports of the engine and commands of its policies.
fn decide_internal(state: &State, command: Command, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::StartEngine { version, host } => Ok(vec![Event::EngineStarted { version, host }]),
        Command::StopEngine { reason } => Ok(vec![Event::EngineStopped { reason }]),
        Command::LoadPlatform { platform } => load_platform(state, platform),
        Command::RecordVerdict(verdict) => health::record(state, verdict),
        Command::OpenIncident { service } => incident::open_for_service(state, &service),
        Command::ConcludeDiagnosis { diagnosis, document } => {
            let incident = diagnosis::running(state, diagnosis)?.incident;
            let known = document.root_cause.confidence > 0.0;
            let mut events = vec![Event::DiagnosisConcluded { diagnosis, document }];
            if known {
                events.extend(incident::advance(state, incident, IncidentState::Identified));
            }
            Ok(events)
        }
        Command::FailDiagnosis { diagnosis, error } => {
            diagnosis::running(state, diagnosis)?;
            Ok(vec![Event::DiagnosisFailed { diagnosis, error }])
        }
        Command::ProposeFix { diagnosis } => propose_fix(state, diagnosis, meta),
        Command::FinishSnapshot { snapshot, captured, total_bytes } => {
            snapshot::running(state, snapshot)?;
            Ok(vec![Event::SnapshotTaken { snapshot, captured, total_bytes }])
        }
        Command::FailSnapshot { snapshot, error } => {
            snapshot::running(state, snapshot)?;
            Ok(vec![Event::SnapshotFailed { snapshot, error }])
        }
        Command::RecordSnapshotCheck { snapshot, problems } => {
            state.snapshot(snapshot)?;
            Ok(vec![Event::SnapshotVerified { snapshot, problems }])
        }
        Command::RecordTestRestore { snapshot, results } => {
            state.snapshot(snapshot)?;
            Ok(vec![Event::SnapshotTested { snapshot, results }])
        }
        Command::FailProof { snapshot, proof, error } => {
            state.snapshot(snapshot)?;
            Ok(vec![Event::SnapshotProofFailed { snapshot, proof, error }])
        }
        Command::FinishPrune { vault_ids, total_bytes } => Ok(vec![Event::VaultPruned { vault_ids, total_bytes }]),
        Command::ObserveVersion { component, version } => {
            deployment::record(state, &component, &version, DeploymentOrigin::Observed, "found live")
        }
        Command::BeginSafetySnapshot { recovery, components } => {
            if let Some(existing) = state.recovery(recovery)?.safety_snapshot.and_then(|id| state.snapshots.get(&id))
                && existing.state == super::SnapshotState::Running
            {
                return Ok(Vec::new());
            }
            snapshot::request(state, components, SnapshotTrigger::Safety, &format!("before {recovery}"), Some(recovery))
        }
        Command::StartRecovery { change } => start_approved(state, change),
        Command::StartStep { recovery, step } => start_step(state, recovery, step),
        Command::FinishStep { recovery, step, output } => finish_step(state, recovery, step, output),
        Command::FailStep { recovery, step, error } => {
            running_step(state, recovery, step)?;
            Ok(vec![Event::StepFailed { recovery, step, error }])
        }
        Command::EndRecovery { recovery, outcome, summary } => end_recovery(state, recovery, outcome, summary),
        Command::EndWatch { recovery, passed, reason } => {
            if state.recovery(recovery)?.watch_until.is_none() {
                return Ok(Vec::new());
            }
            Ok(vec![Event::WatchEnded { recovery, passed, reason }])
        }
        Command::BreachClock { incident, clock } => breach_clock(state, incident, clock, meta.at),
        Command::ExpireChange { change } => {
            let found = state.change(change)?;
            if found.state != ChangeState::Pending || found.expires_at > meta.at {
                return Ok(Vec::new());
            }
            Ok(vec![Event::ChangeExpired { change }])
        }
        person => Err(Refusal::new("person-needed", format!("{person:?} is for people"))),
    }
}

fn load_platform(state: &State, platform: Arc<crate::platform::Platform>) -> Result<Vec<Event>, Refusal> {
    let mut events = Vec::new();
    for entry in &platform.operators {
        let roles = entry.roles.iter().copied().collect();
        let known = state.operators.get(&entry.name);
        // Who was disabled stays so until a person adds them again: a file that is read anew is no such decision.
        if known.is_none_or(|known| !known.disabled && (known.roles != roles || known.login != entry.login)) {
            events.push(Event::OperatorAdded { name: entry.name.clone(), roles, login: entry.login.clone() });
        }
    }
    if *state.platform != *platform {
        events.insert(0, Event::PlatformLoaded { platform });
    }
    Ok(events)
}

fn incident_for(state: &State, plan: &Plan) -> Option<IncidentId> {
    plan.services.iter().find_map(|service| state.incident_of(service)).map(|incident| incident.id)
}

/// Runs a plan at once where the rules allow it, and opens a change where they do not.
fn start_or_ask(
    state: &State,
    plan: Plan,
    reason: &str,
    incident: Option<IncidentId>,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    not_running(state, &plan)?;
    if let Some(id) = incident {
        state.incident(id)?;
    }
    let risk = change::Risk::of(&state.platform, &plan);
    if !policy::runs_without_approval(state, &meta.actor, &plan.services, risk.score) {
        return change::submit(state, plan, reason, incident, meta.at);
    }
    let mut events = vec![Event::RecoveryStarted {
        recovery: state.next_recovery(),
        plan: Arc::new(plan),
        reason: incident::line("reason", reason)?,
        incident,
        change: None,
    }];
    events.extend(incident.iter().flat_map(|id| incident::advance(state, *id, IncidentState::Resolving)));
    Ok(events)
}

/// One recovery per component, and per service an action runs on, at a time.
fn not_running(state: &State, plan: &Plan) -> Result<(), Refusal> {
    for recovery in state.running_recoveries() {
        if let Some(component) = plan.components().find(|name| recovery.plan.components().any(|other| other == *name)) {
            return Err(Refusal::new("recovery-running", format!("{} works on {component} already", recovery.id))
                .hint("wait for it or cancel it"));
        }
        if let Some(service) = plan.services.iter().find(|name| recovery.plan.services.contains(name)) {
            return Err(Refusal::new("recovery-running", format!("{} works on {service} already", recovery.id))
                .hint("wait for it or cancel it"));
        }
    }
    Ok(())
}

fn propose_fix(state: &State, id: DiagnosisId, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let diagnosis = state.diagnoses.get(&id).ok_or_else(|| Refusal::unknown("diagnosis", id))?;
    let super::DiagnosisState::Concluded { document, .. } = &diagnosis.state else {
        return Err(Refusal::new("diagnosis-running", format!("{id} has no answer yet")));
    };
    let found = state.incident(diagnosis.incident)?;
    if !found.state.is_open() {
        return Ok(Vec::new());
    }
    if let Some(waiting) = found
        .changes
        .iter()
        .filter_map(|id| state.changes.get(id))
        .find(|change| change.state <= ChangeState::Implementing)
    {
        return Err(Refusal::new("change-waiting", format!("{} is {} already", waiting.id, waiting.state)));
    }
    let tried: Vec<String> = found
        .recoveries
        .iter()
        .filter_map(|id| state.recoveries.get(id))
        .map(|recovery| recovery.plan.hash())
        .chain(found.changes.iter().filter_map(|id| state.changes.get(id)).map(|change| change.plan_hash.clone()))
        .collect();
    let reason = format!(
        "{} {}, diagnosis {:.2}: {}",
        found.id, found.severity, document.root_cause.confidence, document.root_cause.issue
    );
    let reason: String = reason.chars().take(400).collect();
    let mut last = Refusal::new("nothing-to-propose", format!("{id} suggests nothing that was not tried already"));
    for suggestion in &document.suggested_fixes {
        let planned = match &suggestion.fix {
            Fix::RollBack { component } => plan::plan_rollback(
                state,
                &RollbackRequest {
                    scope: Scope::Components(vec![component.clone()]),
                    to: None,
                    reason: reason.clone(),
                    incident: Some(found.id),
                },
            ),
            Fix::RunAction { service, action } => plan::plan_action(state, service, action),
        };
        match planned {
            Ok(plan) if !tried.contains(&plan.hash()) => {
                return start_or_ask(state, plan, &reason, Some(found.id), meta);
            }
            Ok(_) => {}
            Err(refusal) => last = refusal,
        }
    }
    Err(last)
}

fn start_approved(state: &State, id: ChangeId) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    if found.state != ChangeState::Approved {
        return Err(Refusal::new("change-not-approved", format!("{id} is {}", found.state)));
    }
    // What runs is what was approved: the hash is taken anew from the plan that is about to run.
    let hash = found.plan.hash();
    let agreed = found.approvals.iter().filter(|approval| approval.plan_hash == hash).count();
    if hash != found.plan_hash || agreed < found.required.len() {
        return Err(Refusal::new("plan-changed", format!("the approvals of {id} are for another plan")));
    }
    not_running(state, &found.plan)?;
    let mut events = vec![Event::RecoveryStarted {
        recovery: state.next_recovery(),
        plan: found.plan.clone(),
        reason: found.reason.clone(),
        incident: found.incident,
        change: Some(id),
    }];
    events.extend(found.incident.iter().flat_map(|id| incident::advance(state, *id, IncidentState::Resolving)));
    Ok(events)
}

fn start_step(state: &State, id: RecoveryId, step: usize) -> Result<Vec<Event>, Refusal> {
    let recovery = state.recovery(id)?;
    if !recovery.is_running() || recovery.next_step() != Some(step) {
        return Err(Refusal::new("step-order", format!("step {} of {id} is not the next", step + 1)));
    }
    if recovery.cancel_requested && recovery.steps[step].state == StepState::Waiting {
        return Err(Refusal::new("recovery-cancelled", format!("{id} is to stop before step {}", step + 1)));
    }
    if recovery.steps[step].state == StepState::Running {
        return Ok(Vec::new());
    }
    Ok(vec![Event::StepStarted { recovery: id, step }])
}

fn running_step(state: &State, id: RecoveryId, step: usize) -> Result<&super::Recovery, Refusal> {
    let recovery = state.recovery(id)?;
    match recovery.steps.get(step) {
        Some(run) if recovery.is_running() && run.state == StepState::Running => Ok(recovery),
        _ => Err(Refusal::new("step-not-running", format!("step {} of {id} does not run", step + 1))),
    }
}

fn finish_step(state: &State, id: RecoveryId, step: usize, output: String) -> Result<Vec<Event>, Refusal> {
    let recovery = running_step(state, id, step)?;
    let mut events = vec![Event::StepDone { recovery: id, step, output }];
    if let Some(Step::SwitchRelease { component, to, .. }) = recovery.plan.steps.get(step) {
        let note = format!("{id}: {}", recovery.plan.title);
        events.extend(deployment::record(state, component, to, DeploymentOrigin::Recovery(id), &note)?);
    }
    Ok(events)
}

fn end_recovery(
    state: &State,
    id: RecoveryId,
    outcome: RecoveryOutcome,
    summary: String,
) -> Result<Vec<Event>, Refusal> {
    let recovery = state.recovery(id)?;
    if !recovery.is_running() {
        return Ok(Vec::new());
    }
    if outcome == RecoveryOutcome::Succeeded && recovery.next_step().is_some() {
        return Err(Refusal::new("steps-left", format!("{id} has steps that are not done")));
    }
    let mut events = vec![Event::RecoveryEnded { recovery: id, outcome, summary }];
    if let Some(change) = recovery.change {
        let outcome = match outcome {
            RecoveryOutcome::Succeeded => ChangeOutcome::Validated,
            RecoveryOutcome::Failed | RecoveryOutcome::Cancelled => ChangeOutcome::Failed,
        };
        events.push(Event::ChangeEnded { change, outcome });
    }
    Ok(events)
}

fn breach_clock(state: &State, id: IncidentId, clock: Clock, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(id)?;
    let runs = found.state.is_open() && found.stopped_at(clock).is_none() && !found.breached.contains(&clock);
    if !runs || found.deadline(clock) > now {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ClockBreached { incident: id, clock }])
}
