//! What follows from an event without a person: effects in the world, and commands that policies give. What an incident's
//! workflow says is in `incident/workflow.rs`.

use super::{
    Callee, Command, Criticality, DiagnosisId, DiagnosisState, Event, Halt, IncidentId, Moment, Notice, Phase, Proof,
    Recorded, RecoveryId, RecoveryOutcome, RunId, RunMark, Severity, SnapshotId, SnapshotState, Stand, State, Status,
    break_glass, continuity,
    incident::{escalation, workflow},
    knowledge, oncall,
    recovery::{
        remedy::{self, newest_diagnosis},
        validation,
    },
};

/// Work in the outside world that follows from an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Look for the cause of an incident.
    Diagnose(DiagnosisId),
    /// Capture components into the vault.
    TakeSnapshot(SnapshotId),
    /// Prove something of a snapshot.
    Prove(SnapshotId, Proof),
    /// Remove what was forgotten from the vault.
    PruneVault,
    /// Look whether a recovery has worked.
    Validate(RecoveryId, Phase),
    /// Put back from the replica what the vault lost.
    RepairVault,
    /// Copy the vault to its replica.
    Replicate,
    /// Carry out a plan, from its first step that is not done.
    RunRecovery(RecoveryId),
    /// Run what a step of a run of a runbook asks for: the step of this turn.
    RunStep(RunId, u32),
}

/// What follows from one event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reaction {
    /// Effects to start.
    pub effects: Vec<Effect>,
    /// Commands, each with the policy that gives it.
    pub commands: Vec<(&'static str, Command)>,
}

/// A snapshot of at most so many bytes is read back as soon as it is taken; a larger one when its turn comes.
const READ_BACK_AT_ONCE: u64 = 256 * 1024 * 1024;

/// What follows from an event, in the state after it.
#[must_use]
pub fn react(state: &State, recorded: &Recorded) -> Reaction {
    let mut reaction = Reaction::default();
    let mut give = |policy, command| reaction.commands.push((policy, command));
    if let Some(incident) = knowledge::teaches(state, recorded) {
        give("learn from what a person confirmed", Command::LearnFromIncident { incident });
    }
    match &recorded.event {
        Event::ServiceStatusChanged { service, to: Status::Down, .. } => {
            give("service down", Command::OpenIncident { service: service.clone() });
            for recovery in state.recoveries.values().filter(|recovery| recovery.watch_until.is_some()) {
                if recovery.plan.services.contains(service) {
                    let reason = format!("{service} went down again");
                    give("extended watch", Command::EndWatch { recovery: recovery.id, passed: false, reason });
                }
            }
        }
        Event::ServiceStatusChanged { service, to: Status::Degraded, from, .. } if *from != Status::Down => {
            let matters =
                state.platform.service(service).is_some_and(|service| service.criticality >= Criticality::Medium);
            if matters {
                give("service degraded", Command::OpenIncident { service: service.clone() });
            }
        }
        Event::ServiceStatusChanged { to: Status::Healthy, .. } => resolve_healed(state, &mut give),
        Event::IncidentOpened { incident, severity, title, .. } => {
            workflow::advance(state, *incident, Moment::Begun, &format!("{severity}: {title}"), &mut give);
        }
        Event::IncidentReopened { incident, reason } => {
            workflow::advance(state, *incident, Moment::Begun, &format!("it came back: {reason}"), &mut give);
        }
        Event::WorkflowChanged { incident, workflow } => {
            workflow::advance(state, *incident, Moment::Begun, &format!("a case of {workflow}"), &mut give);
        }
        Event::ErrorsRecorded { incident, errors, .. } => workflow::hit(state, *incident, errors, &mut give),
        Event::IncidentServiceAdded { incident, .. } => workflow::diagnose(state, *incident, &mut give),
        Event::DiagnosisRequested { diagnosis, .. } => reaction.effects.push(Effect::Diagnose(*diagnosis)),
        Event::DiagnosisConcluded { diagnosis, .. } if same_root(state, *diagnosis).is_some() => {
            if let Some((incident, into)) = same_root(state, *diagnosis) {
                give("one incident per root", Command::MergeIncident { incident, into });
            }
        }
        Event::DiagnosisConcluded { diagnosis, .. } => {
            if let Some(diagnosis) = state.diagnoses.get(diagnosis) {
                if let Some(incident) = state.incidents.get(&diagnosis.incident).filter(|_| workflow::acts(state)) {
                    for change in remedy::outdated(state, incident) {
                        let reason = format!("{} names another cause", diagnosis.id);
                        give("propose a remedy", Command::WithdrawChange { change, reason });
                    }
                }
                workflow::advance(state, diagnosis.incident, Moment::Diagnosed, "", &mut give);
            }
        }
        Event::SnapshotRequested { snapshot, recovery: None, .. } => {
            reaction.effects.push(Effect::TakeSnapshot(*snapshot));
        }
        Event::SnapshotTaken { snapshot, captured, .. } => {
            let bytes: u64 = captured.iter().map(|one| one.bytes).sum();
            if bytes <= READ_BACK_AT_ONCE && state.running_recoveries().next().is_none() {
                give("read back what is new", Command::RequestProof { snapshot: *snapshot, proof: Proof::Integrity });
            }
            if super::snapshot::retention::is_due(state, recorded.at) {
                give("retention", Command::ApplyRetention);
            }
        }
        Event::SnapshotProofRequested { snapshot, proof } => {
            reaction.effects.push(Effect::Prove(*snapshot, *proof));
        }
        Event::SnapshotsForgotten { .. } => reaction.effects.push(Effect::PruneVault),
        Event::VaultRepairStarted => reaction.effects.push(Effect::RepairVault),
        Event::ReplicationStarted => reaction.effects.push(Effect::Replicate),
        // What has a window waits for it.
        Event::ChangeAuthorised { change }
            if state.changes.get(change).is_some_and(|change| change.window.is_none()) =>
        {
            give("carry out what is approved", Command::StartRecovery { change: *change });
        }
        Event::RunStepBegun { run, turn, .. } => reaction.effects.push(Effect::RunStep(*run, *turn)),
        Event::RunMoved { run, to: Stand::Halted { step, halt: Halt::Escalated } } => {
            escalate_run(state, *run, &format!("step {step} did not pass"), &mut give);
        }
        Event::RunTimeUsed { run, mark } => run_time_used(state, *run, *mark, &mut give),
        Event::RecoveryStarted { recovery, .. } => reaction.effects.push(Effect::RunRecovery(*recovery)),
        Event::RecoveryEnded { recovery, outcome: RecoveryOutcome::Succeeded, .. } => {
            let found = state.recoveries.get(recovery);
            let incident = found.and_then(|recovery| recovery.incident);
            if found.is_some_and(|recovery| recovery.plan.heals()) {
                resolve_healed(state, &mut give);
                if let Some(id) = incident {
                    workflow::advance(state, id, Moment::Recovered, "", &mut give);
                }
                reaction.effects.push(Effect::Validate(*recovery, Phase::Comprehensive));
            } else if let Some(id) = incident.filter(|id| is_diagnosed(state, *id)) {
                // What was in the way of a remedy is over.
                workflow::advance(state, id, Moment::Diagnosed, "", &mut give);
            }
        }
        Event::RecoveryValidated { recovery, phase, criteria } => match (phase, validation::failure(criteria)) {
            (Phase::Comprehensive, Some(why)) => {
                let command =
                    Command::EndWatch { recovery: *recovery, passed: false, reason: format!("{phase}: {why}") };
                give("what was recovered must be well", command);
            }
            (Phase::Watch, Some(why)) => did_not_last(state, *recovery, &why, &mut give),
            _ => {}
        },
        Event::WatchEnded { recovery, passed: true, .. } => {
            reaction.effects.push(Effect::Validate(*recovery, Phase::Watch));
        }
        Event::WatchEnded { recovery, passed: false, reason } => did_not_last(state, *recovery, reason, &mut give),
        Event::RecoveryEnded { recovery, outcome: RecoveryOutcome::Failed, summary } => {
            if let Some(incident) = state.recoveries.get(recovery).and_then(|recovery| recovery.incident) {
                let why: String = format!("{recovery} failed: {summary}").chars().take(400).collect();
                workflow::advance(state, incident, Moment::Failed, &why, &mut give);
            }
        }
        Event::BreakGlassEnded { break_glass, reason, .. } => {
            // What only looks may go on; what would change more may not.
            let under = state.running_recoveries().filter(|recovery| recovery.break_glass == Some(*break_glass));
            for recovery in under.filter(|recovery| recovery.has_writes_ahead()) {
                let reason = format!("{break_glass} is over: {reason}");
                give("break-glass is over", Command::CancelRecovery { recovery: recovery.id, reason });
            }
        }
        Event::OperatorDisabled { .. }
        | Event::OperatorAdded { .. }
        | Event::RolesChanged { .. }
        | Event::IncidentResolved { .. }
        | Event::IncidentMerged { .. } => lapse_break_glass(state, recorded, &mut give),
        Event::AutomationHalted { .. } => {
            for recovery in state.running_recoveries().filter(|recovery| recovery.is_autonomous()) {
                let reason = "automation was halted".to_owned();
                give("kill switch", Command::CancelRecovery { recovery: recovery.id, reason });
            }
        }
        Event::ClockBreached { incident, clock } => {
            let reason = format!("the time to {clock} has run out");
            give("escalate by the clock", Command::EscalateIncident { incident: *incident, reason });
        }
        Event::IncidentEscalated { incident, level, reason } => {
            if let Some(found) = state.incidents.get(incident) {
                let to = escalation::on_rung(found, *level);
                give("call people", call(*incident, to, reason));
            }
        }
        Event::IncidentSeveritySet { incident, severity, reason } if *severity <= Severity::Sev2 => {
            if let Some(found) = state.incidents.get(incident) {
                let to = escalation::not_called(found);
                give("call people", call(*incident, to, &format!("now {severity}: {reason}")));
            }
        }
        Event::IncidentSeveritySet { .. } => lapse_break_glass(state, recorded, &mut give),
        Event::PeopleToCall { notice } => oncall::nobody_there(state, notice, &mut give),
        Event::LevelReached { incident, level } => {
            let reason = format!("level {}: {}", level.number(), level.says());
            give("call people", call(*incident, level.calls().to_vec(), &reason));
        }
        Event::FunctionTimeUsed { function, mark } => {
            if let Some((incident, to, reason)) = continuity::call(state, function, *mark) {
                give("continuity", call(incident, to, &reason));
            }
        }
        _ => {}
    }
    // After what opens an incident, so that it is known to which one an interruption belongs.
    let touches_services = matches!(
        recorded.event,
        Event::ServiceStatusChanged { .. }
            | Event::MaintenanceStarted { .. }
            | Event::MaintenanceEnded { .. }
            | Event::PlatformLoaded { .. }
    );
    if touches_services && continuity::has_changed(state) {
        reaction.commands.push(("continuity", Command::JudgeFunctions));
    }
    reaction
}

/// Break-glass ends with what it was opened for.
fn lapse_break_glass(state: &State, recorded: &Recorded, give: &mut impl FnMut(&'static str, Command)) {
    for id in break_glass::lapses(state, recorded.at) {
        give("break-glass ends with its reason", Command::LapseBreakGlass { break_glass: id });
    }
}

/// Calls the next level for a run that does not get on.
fn escalate_run(state: &State, id: RunId, why: &str, give: &mut impl FnMut(&'static str, Command)) {
    let Some(run) = state.runs.get(&id) else { return };
    let open = |incident: &IncidentId| state.incidents.get(incident).is_some_and(|found| found.state.is_open());
    let Some(incident) = run.incident.filter(open) else { return };
    let reason = format!("{id} of {}: {why}", run.book.front.id).chars().take(400).collect();
    give("a runbook does not get on", Command::EscalateIncident { incident, reason });
}

fn run_time_used(state: &State, id: RunId, mark: RunMark, give: &mut impl FnMut(&'static str, Command)) {
    let why = match mark {
        RunMark::TimeUp => "its time is over",
        RunMark::Stalled => "nothing has gone on for too long",
    };
    escalate_run(state, id, why, give);
}

fn call(incident: IncidentId, to: Vec<Callee>, reason: &str) -> Command {
    let reason = reason.chars().take(400).collect();
    Command::CallPeople { notice: Notice::new(incident, to, reason) }
}

fn is_diagnosed(state: &State, id: IncidentId) -> bool {
    state.incidents.get(&id).is_some_and(|incident| newest_diagnosis(state, incident).is_some())
}

/// Calls people back to what was thought to be over, unless an open incident has them at it already.
fn did_not_last(state: &State, id: RecoveryId, why: &str, give: &mut impl FnMut(&'static str, Command)) {
    let Some(recovery) = state.recoveries.get(&id) else { return };
    let Some(incident) = recovery.incident.and_then(|id| state.incidents.get(&id)) else { return };
    let reason = format!("{id} did not last: {why}").chars().take(400).collect();
    if incident.state.is_open() {
        give("a recovery did not last", Command::EscalateIncident { incident: incident.id, reason });
    } else if !recovery.plan.services.iter().any(|service| state.incident_of(service).is_some()) {
        give("a recovery did not last", Command::ReopenIncident { incident: incident.id, reason });
    }
}

/// An older open incident with the root that a diagnosis has just found for another: they are one.
fn same_root(state: &State, diagnosis: DiagnosisId) -> Option<(IncidentId, IncidentId)> {
    let incident = state.incidents.get(&state.diagnoses.get(&diagnosis)?.incident)?;
    let older = state.open_incidents().find(|other| other.id < incident.id && other.root == incident.root)?;
    (incident.state.is_open() && incident.root.is_some()).then_some((incident.id, older.id))
}

/// An incident whose services are all healthy again is over, unless a recovery still works on it or a person declared it
/// without naming a service. Planned work that begins on what is broken ends no incident: nobody has seen it healthy.
fn resolve_healed(state: &State, give: &mut impl FnMut(&'static str, Command)) {
    for incident in state.open_incidents() {
        // What a person or a program noticed and no check did is not over because no check notices it.
        let healthy = incident.opened_by.operator().is_none()
            && incident.workflow.heals()
            && !incident.is_told_by_errors_alone()
            && !incident.services.is_empty()
            && incident
                .services
                .iter()
                .all(|name| state.services.get(name).is_none_or(|health| health.status == Status::Healthy));
        if !healthy || state.running_recoveries().any(|recovery| recovery.incident == Some(incident.id)) {
            continue;
        }
        let fixed_by = incident.recoveries.iter().rev().filter_map(|id| state.recoveries.get(id)).find(|recovery| {
            recovery.plan.heals() && recovery.ended.is_some_and(|(_, outcome)| outcome == RecoveryOutcome::Succeeded)
        });
        let resolution = match fixed_by {
            Some(recovery) => format!("{} by {}", recovery.plan.title, recovery.id),
            None => "all services are healthy again".to_owned(),
        };
        give("all services are healthy", Command::ResolveIncident { incident: incident.id, resolution });
    }
}

/// Effects that were begun and have not ended: what an engine resumes after a crash.
#[must_use]
pub fn unfinished(state: &State) -> Vec<Effect> {
    let diagnoses = state
        .diagnoses
        .values()
        .filter(|diagnosis| diagnosis.state == DiagnosisState::Running)
        .map(|diagnosis| Effect::Diagnose(diagnosis.id));
    let snapshots = state
        .snapshots
        .values()
        .filter(|snapshot| snapshot.state == SnapshotState::Running && snapshot.recovery.is_none())
        .map(|snapshot| Effect::TakeSnapshot(snapshot.id));
    let proofs = state
        .snapshots
        .values()
        .flat_map(|snapshot| snapshot.proving.iter().map(|proof| Effect::Prove(snapshot.id, *proof)));
    let prune = (!state.vault.forgotten.is_empty()).then_some(Effect::PruneVault);
    let copy = state.vault.replica.copying_since.map(|_| Effect::Replicate);
    let repair = state.vault.replica.repairing.then_some(Effect::RepairVault);
    let recoveries = state.running_recoveries().map(|recovery| Effect::RunRecovery(recovery.id));
    let steps = state.open_runs().filter(|run| run.is_busy()).map(|run| Effect::RunStep(run.id, run.turn));
    let validations =
        state.recoveries.values().filter_map(|recovery| Some(Effect::Validate(recovery.id, recovery.validating?)));
    let vault = prune.into_iter().chain(copy).chain(repair);
    diagnoses.chain(snapshots).chain(proofs).chain(vault).chain(recoveries).chain(steps).chain(validations).collect()
}
