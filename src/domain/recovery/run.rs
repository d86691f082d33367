//! How a recovery runs: whether it may begin, in which order its steps go, and how it ends.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::{
    Change, ChangeOutcome, ChangeState, Circumstances, DeploymentOrigin, Event, Finding, IncidentId, IncidentState,
    Meta, Phase, Plan, Recorded, Recovery, RecoveryId, RecoveryOutcome, Refusal, Risk, State, Step, StepRun, StepState,
    TimelineKind, Validation, WATCH_SECONDS,
    apply::tell,
    break_glass,
    change::{carry_out, submit, template},
    deployment, incident,
    recovery::{
        guard::{self, Permission},
        progressive, validation,
    },
    text,
};

/// Runs a plan at once where the rules allow it, and opens a change where they do not.
pub(in crate::domain) fn start_or_ask(
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
    let risk = Risk::of(state, &plan, Circumstances { incident, change: None, now: meta.at });
    let permission = guard::permission(state, &meta.actor, &plan, &risk, incident, meta.at);
    if incident.is_none() && matches!(permission, Permission::AtOnce { break_glass: None }) {
        submit::not_frozen(state, &plan, (meta.at, meta.at))?;
    }
    let break_glass = match permission {
        Permission::AtOnce { break_glass } => break_glass,
        Permission::Approval { held_back } => {
            let reason =
                held_back.map_or_else(|| reason.to_owned(), |why| format!("{reason}; not run by itself: {why}"));
            return submit::submit(state, plan, submit::Wish { reason, incident, ..submit::Wish::default() }, meta);
        }
    };
    // What waits for its approvals with the same plan is what is carried out, or it would run once more when they come.
    let same = break_glass.and_then(|_| {
        let waits = |change: &&Change| change.state == ChangeState::Pending && change.expires_at > meta.at;
        state.changes.values().filter(waits).find(|change| *change.plan == plan)
    });
    let (recovery, change) = (state.next_recovery(), same.map(|change| change.id));
    let reason = text::line("reason", reason)?;
    let mut events: Vec<Event> =
        break_glass.iter().map(|id| break_glass::used(state, *id, recovery, change, &plan, meta.at)).collect();
    events.push(Event::RecoveryStarted { recovery, plan: Arc::new(plan), reason, incident, change, break_glass });
    events.extend(incident.iter().flat_map(|id| incident::advance(state, *id, IncidentState::Resolving)));
    Ok(events)
}

/// One recovery per component, and per service an action runs on, at a time.
pub(in crate::domain) fn not_running(state: &State, plan: &Plan) -> Result<(), Refusal> {
    for recovery in state.running_recoveries() {
        if let Some(component) = plan.components().find(|name| recovery.plan.components().any(|other| other == *name)) {
            return Err(Refusal::new("recovery-running", format!("{} works on {component} already", recovery.id))
                .hint(format!("wait for it, or stop it: codeblue recovery cancel {} --reason WHY", recovery.id)));
        }
        if let Some(service) = plan.services.iter().find(|name| recovery.plan.services.contains(name)) {
            return Err(Refusal::new("recovery-running", format!("{} works on {service} already", recovery.id))
                .hint(format!("wait for it, or stop it: codeblue recovery cancel {} --reason WHY", recovery.id)));
        }
    }
    Ok(())
}

pub(in crate::domain) fn start_step(
    state: &State,
    id: RecoveryId,
    step: usize,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let recovery = state.recovery(id)?;
    if !recovery.is_running() || recovery.next_step() != Some(step) {
        return Err(Refusal::new("step-order", format!("step {} of {id} is not the next", step + 1))
            .hint(format!("see where it stands: codeblue recovery show {id}")));
    }
    if recovery.cancel_requested && recovery.steps[step].state == StepState::Waiting {
        return Err(Refusal::new("recovery-cancelled", format!("{id} is to stop before step {}", step + 1))
            .hint(format!("what was done so far, and how to take it back: codeblue recovery show {id}")));
    }
    if recovery.steps[step].state == StepState::Running {
        return Ok(Vec::new());
    }
    if recovery.plan.steps[step].writes() {
        carry_out::may_write(state, recovery.change, meta)?;
    }
    let glass = recovery.break_glass.and_then(|id| state.break_glass.get(&id));
    if let Some((glass, how)) = glass.and_then(|glass| Some((glass, break_glass::over(state, glass, meta.at)?)))
        && recovery.plan.steps[step].writes()
    {
        return Err(Refusal::new("break-glass-over", format!("{} {}, before step {}", glass.id, how.says(), step + 1))
            .hint(format!("see what was done: codeblue recovery show {id}; the rest takes an approval")));
    }
    Ok(vec![Event::StepStarted { recovery: id, step }])
}

pub(in crate::domain) fn running_step(
    state: &State,
    id: RecoveryId,
    step: usize,
) -> Result<&crate::domain::Recovery, Refusal> {
    let recovery = state.recovery(id)?;
    match recovery.steps.get(step) {
        Some(run) if recovery.is_running() && run.state == StepState::Running => Ok(recovery),
        _ => Err(Refusal::new("step-not-running", format!("step {} of {id} does not run", step + 1))
            .hint(format!("it has gone on meanwhile: codeblue recovery show {id}"))),
    }
}

pub(in crate::domain) fn finish_step(
    state: &State,
    id: RecoveryId,
    step: usize,
    output: String,
    finding: Finding,
) -> Result<Vec<Event>, Refusal> {
    let recovery = running_step(state, id, step)?;
    let mut events = vec![Event::StepDone { recovery: id, step, output }];
    match &recovery.plan.steps[step] {
        Step::RollForward { .. } if finding == Finding::Unhealthy => {}
        Step::SwitchRelease { component, to, .. } | Step::RollForward { component, to } => {
            let note = format!("{id}: {}", recovery.plan.title);
            events.extend(deployment::record(state, component, to, DeploymentOrigin::Recovery(id), &note)?);
        }
        Step::StopIfHealthy { .. } => {
            let (steps, reason) = progressive::skipped(recovery, step, finding == Finding::Healthy);
            if !steps.is_empty() {
                events.push(Event::StepsSkipped { recovery: id, steps, reason: reason.to_owned() });
            }
        }
        _ => {}
    }
    Ok(events)
}

pub(in crate::domain) fn end_recovery(
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
        return Err(Refusal::new("steps-left", format!("{id} has steps that are not done"))
            .hint(format!("see what is left: codeblue recovery show {id}")));
    }
    let mut events = vec![Event::RecoveryEnded { recovery: id, outcome, summary }];
    if let Some(change) = recovery.change {
        let outcome = match outcome {
            RecoveryOutcome::Succeeded => ChangeOutcome::Validated,
            RecoveryOutcome::Failed | RecoveryOutcome::Cancelled => ChangeOutcome::Failed,
        };
        events.extend(carry_out::ended(state, change, outcome));
    }
    Ok(events)
}

/// What is true of a recovery after an event.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    if let Event::RecoveryStarted { recovery, plan, reason, incident, change, break_glass } = &recorded.event {
        state.recoveries.insert(
            *recovery,
            Recovery {
                id: *recovery,
                plan: plan.clone(),
                reason: reason.clone(),
                incident: *incident,
                change: *change,
                break_glass: *break_glass,
                started_by: recorded.actor.clone(),
                started_at: at,
                steps: vec![StepRun::default(); plan.steps.len()],
                definition: template::definition(state, plan),
                cancel_requested: false,
                safety_snapshot: None,
                ended: None,
                summary: String::new(),
                watch_until: None,
                validations: Vec::new(),
                validating: None,
                relapse: None,
            },
        );
        if let Some(change) = change.and_then(|id| state.changes.get_mut(&id)) {
            change.state = ChangeState::Implementing;
            change.recovery = Some(*recovery);
            change.break_glass = *break_glass;
        }
        if let Some(incident) = incident {
            if let Some(found) = state.incidents.get_mut(incident) {
                found.recoveries.push(*recovery);
            }
            tell(state, *incident, recorded, TimelineKind::Recovery, recorded.event.summary());
        }
        return;
    }
    let id = match &recorded.event {
        Event::StepStarted { recovery, .. }
        | Event::StepDone { recovery, .. }
        | Event::StepFailed { recovery, .. }
        | Event::StepsSkipped { recovery, .. }
        | Event::RecoveryCancelRequested { recovery, .. }
        | Event::RecoveryEnded { recovery, .. }
        | Event::RecoveryValidated { recovery, .. }
        | Event::WatchEnded { recovery, .. } => *recovery,
        _ => return,
    };
    let Some(recovery) = state.recoveries.get_mut(&id) else { return };
    let line = run_on(recovery, recorded);
    let (services, incident) = (recovery.plan.services.clone(), recovery.incident);
    if let (Some(incident), Some((kind, text))) = (incident, line) {
        tell(state, incident, recorded, kind, text);
    }
    if matches!(recorded.event, Event::RecoveryEnded { outcome: RecoveryOutcome::Succeeded, .. }) {
        settle(state, services, incident, at);
    }
}

/// What was recovered, and what stands on it, was unsteady for a reason that is gone.
fn settle(state: &mut State, mut services: Vec<String>, incident: Option<IncidentId>, at: DateTime<Utc>) {
    services
        .extend(incident.and_then(|id| state.incidents.get(&id)).into_iter().flat_map(|found| found.services.clone()));
    let above: Vec<String> = services.iter().flat_map(|service| state.platform.dependants_of(service)).collect();
    state.settled.extend(services.into_iter().chain(above).map(|service| (service, at)));
}

fn run_on(recovery: &mut Recovery, recorded: &Recorded) -> Option<(TimelineKind, String)> {
    let at = recorded.at;
    let id = recovery.id;
    let total = recovery.steps.len();
    let name =
        |step: usize, recovery: &Recovery| recovery.plan.steps.get(step).map(Step::to_string).unwrap_or_default();
    match &recorded.event {
        Event::StepStarted { step, .. } => {
            let run = recovery.steps.get_mut(*step)?;
            run.state = StepState::Running;
            run.started_at.get_or_insert(at);
            let text = format!("{id} step {} of {total}: {}", step + 1, name(*step, recovery));
            Some((TimelineKind::Recovery, text))
        }
        Event::StepDone { step, output, .. } => {
            let run = recovery.steps.get_mut(*step)?;
            run.state = StepState::Done;
            run.ended_at = Some(at);
            run.output.clone_from(output);
            None
        }
        Event::StepFailed { step, error, .. } => {
            let run = recovery.steps.get_mut(*step)?;
            run.state = StepState::Failed;
            run.ended_at = Some(at);
            run.output.clone_from(error);
            Some((TimelineKind::Bad, format!("{id} step {} failed: {error}", step + 1)))
        }
        Event::StepsSkipped { steps, reason, .. } => {
            for step in steps {
                let run = recovery.steps.get_mut(*step)?;
                run.state = StepState::Skipped;
                run.output.clone_from(reason);
            }
            None
        }
        Event::RecoveryCancelRequested { reason, .. } => {
            recovery.cancel_requested = true;
            Some((TimelineKind::Recovery, format!("{id} is to stop after this step: {reason}")))
        }
        Event::RecoveryEnded { outcome, summary, .. } => {
            recovery.ended = Some((at, *outcome));
            recovery.summary.clone_from(summary);
            let succeeded = *outcome == RecoveryOutcome::Succeeded;
            let healed = succeeded && recovery.plan.heals();
            recovery.validating = healed.then_some(Phase::Comprehensive);
            recovery.watch_until = healed.then(|| at + chrono::TimeDelta::seconds(WATCH_SECONDS));
            let kind = if succeeded { TimelineKind::Good } else { TimelineKind::Bad };
            Some((kind, format!("{id} {outcome}: {summary}")))
        }
        Event::RecoveryValidated { phase, criteria, .. } => {
            if recovery.validating == Some(*phase) {
                recovery.validating = None;
            }
            if *phase == Phase::Watch {
                recovery.relapse = validation::failure(criteria);
            }
            recovery.validations.push(Validation { phase: *phase, at, criteria: criteria.clone() });
            let open: Vec<String> = criteria
                .iter()
                .filter(|criterion| !criterion.passed)
                .map(|criterion| format!("{}: {}", criterion.what, criterion.found))
                .collect();
            (!open.is_empty()).then(|| (TimelineKind::Bad, format!("{id} validated {phase}: {}", open.join("; "))))
        }
        Event::WatchEnded { passed, reason, .. } => {
            recovery.watch_until = None;
            recovery.validating = passed.then_some(Phase::Watch);
            if !passed {
                recovery.relapse = Some(reason.clone());
            }
            let kind = if *passed { TimelineKind::Good } else { TimelineKind::Bad };
            Some((kind, format!("watch after {id} ended: {reason}")))
        }
        _ => None,
    }
}
