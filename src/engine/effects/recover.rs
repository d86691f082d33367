//! Carries out a plan, step by step. Before each step its intent is durable; after each its outcome is. A run that was
//! cut off goes on with the step it was in: every step can be done again. A step that cannot be done takes back the
//! changes made before it, so that nothing is left half done.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::{Hands, blocking, snapshot, validate};
use crate::{
    domain::{Command, Finding, Recovery, RecoveryId, RecoveryOutcome, Step, StepRun, StepState, Strategy, steps_back},
    engine::halt,
    platform::{Component, count},
    recovery::{self, Target},
};

/// How long a reload may take at most.
const RELOAD: Duration = Duration::from_secs(60);
/// How long an action may take at most, whatever it usually takes.
const ACTION: Duration = Duration::from_secs(600);
/// How long a step that may not begin waits for whoever ends the run.
const REFUSED: Duration = Duration::from_millis(200);
/// How long services have until all checks succeed.
const VALIDATION: Duration = Duration::from_secs(60);
/// How long services have to become healthy before the next deployment is suspected.
const SETTLING: Duration = Duration::from_secs(10);

pub(super) async fn run(hands: &Hands, id: RecoveryId) {
    loop {
        let state = hands.engine.state();
        let Some(recovery) = state.recoveries.get(&id) else { return };
        if !recovery.is_running() {
            return;
        }
        let Some(index) = recovery.next_step() else {
            let summary = succeeded(recovery);
            hands.tell(Command::EndRecovery { recovery: id, outcome: RecoveryOutcome::Succeeded, summary }).await;
            return;
        };
        let step = recovery.plan.steps[index].clone();
        match recovery.steps[index].state {
            StepState::Failed => {
                let summary = give_up(hands, recovery, index).await;
                hands.tell(Command::EndRecovery { recovery: id, outcome: RecoveryOutcome::Failed, summary }).await;
                return;
            }
            StepState::Waiting if recovery.cancel_requested => {
                let summary = format!("stopped before step {}; {}", index + 1, stands(recovery));
                hands.tell(Command::EndRecovery { recovery: id, outcome: RecoveryOutcome::Cancelled, summary }).await;
                return;
            }
            _ => {}
        }
        if hands.stop.is_cancelled() {
            return;
        }
        if recovery.is_autonomous() && recovery.steps[index].state == StepState::Waiting {
            halt::obey(&hands.engine, &hands.halt).await;
        }
        // A cancel that came in meanwhile is seen in the next round.
        if let Err(refusal) = hands.report(Command::StartStep { recovery: id, step: index }).await {
            info!(%refusal, "step not begun");
            tokio::time::sleep(REFUSED).await;
            continue;
        }
        let outcome = tokio::select! {
            () = hands.stop.cancelled(), if step.component().is_none() => return,
            outcome = act(hands, recovery, index) => outcome,
        };
        if outcome.is_err() && hands.stop.is_cancelled() {
            return;
        }
        hands
            .tell(match outcome {
                Ok((output, finding)) => Command::FinishStep { recovery: id, step: index, output, finding },
                Err(error) => Command::FailStep { recovery: id, step: index, error },
            })
            .await;
    }
}

async fn act(hands: &Hands, recovery: &Recovery, index: usize) -> Result<(String, Finding), String> {
    let output = match &recovery.plan.steps[index] {
        Step::SafetySnapshot { components } => safety_snapshot(hands, recovery.id, components).await,
        Step::SwitchRelease { component, to, .. } => switch(hands, recovery.id, component, to).await,
        Step::RestoreSnapshot { component, vault_id, .. } => {
            restore(hands, recovery.id, component, Target::Snapshot(vault_id.clone())).await
        }
        Step::RestoreTime { component, vault_id, at, .. } => {
            let target = Target::Time { at: *at, snapshot: vault_id.clone() };
            restore(hands, recovery.id, component, target).await
        }
        Step::Reload { component } => reload(hands, component).await,
        Step::RunAction { service, action } => run_action(hands, service, action).await,
        Step::StopIfHealthy { services } => return Ok(found(validate::settle(hands, services, SETTLING).await)),
        Step::RollForward { component, to } => return roll_forward(hands, recovery, component, to).await,
        Step::Validate { services } => validate::at_once(hands, recovery.id, services, VALIDATION).await,
    };
    output.map(|output| (output, Finding::Nothing))
}

fn found(validated: Result<String, String>) -> (String, Finding) {
    match validated {
        Ok(output) => (output, Finding::Healthy),
        Err(problem) => (problem, Finding::Unhealthy),
    }
}

async fn switch(hands: &Hands, id: RecoveryId, component: &str, to: &str) -> Result<String, String> {
    restore(hands, id, component, Target::Release(to.to_owned())).await?;
    Ok(format!("{to} is live"))
}

/// Brings a component forward again; when the services do not bear it, it goes back to where the walk had left it.
async fn roll_forward(hands: &Hands, recovery: &Recovery, name: &str, to: &str) -> Result<(String, Finding), String> {
    let left_at = recovery.plan.steps.iter().zip(&recovery.steps).rev().find_map(|(step, run)| match step {
        Step::SwitchRelease { component, to, .. } if component == name && run.state == StepState::Done => Some(to),
        _ => None,
    });
    let left_at = left_at.ok_or_else(|| format!("{name} was not rolled back"))?;
    switch(hands, recovery.id, name, to).await?;
    reload(hands, name).await?;
    match found(validate::settle(hands, &recovery.plan.services, SETTLING).await) {
        (output, Finding::Unhealthy) => {
            switch(hands, recovery.id, name, left_at).await?;
            reload(hands, name).await?;
            Ok((format!("not innocent, {left_at} is live again: {output}"), Finding::Unhealthy))
        }
        (output, finding) => Ok((format!("innocent, {to} is live again: {output}"), finding)),
    }
}

async fn safety_snapshot(hands: &Hands, id: RecoveryId, components: &[String]) -> Result<String, String> {
    hands
        .report(Command::BeginSafetySnapshot { recovery: id, components: components.to_vec() })
        .await
        .map_err(|refusal| refusal.to_string())?;
    let state = hands.engine.state();
    let snapshot = state
        .recoveries
        .get(&id)
        .and_then(|recovery| recovery.safety_snapshot)
        .ok_or_else(|| "the safety snapshot was not begun".to_owned())?;
    let (captured, problems) = snapshot::capture(hands, snapshot).await;
    let held = |name: &&String| captured.iter().any(|captured| captured.component == **name);
    let missing = components.iter().filter(|name| !held(name)).filter_map(|name| state.platform.component(name));
    let (gone, missed): (Vec<_>, Vec<_>) = missing.partition(|component| recovery::is_absent(component));
    let whole = missed.is_empty();
    let gone: Vec<&str> = gone.iter().map(|component| component.name.as_str()).collect();
    let gone = if gone.is_empty() { String::new() } else { format!("; nothing was there of {}", gone.join(", ")) };
    let partial: usize = captured.iter().map(|captured| captured.unreadable.len()).sum();
    snapshot::finish(hands, snapshot, captured, &problems).await;
    if !whole {
        return Err(format!("no safety snapshot, so nothing was changed: {}", problems.join("; ")));
    }
    Ok(if partial == 0 {
        format!("{snapshot}{gone}")
    } else {
        format!("{snapshot}, {} unreadable{gone}", count(partial, "file"))
    })
}

fn component(hands: &Hands, name: &str) -> Result<Component, String> {
    let state = hands.engine.state();
    state
        .platform
        .component(name)
        .cloned()
        .ok_or_else(|| format!("{name} is no component of the platform file any more"))
}

async fn restore(hands: &Hands, id: RecoveryId, name: &str, target: Target) -> Result<String, String> {
    let component = component(hands, name)?;
    let hands = hands.clone();
    let begun = Instant::now();
    let restored = blocking(move || {
        let work = hands.work.join(id.to_string());
        std::fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
        let restored = recovery::restore(&component, &target, &work, &hands.vault, &hands.cancel)
            .map_err(|error| error.to_string())?;
        recovery::verify(&component, &work, &hands.vault).map_err(|error| error.to_string())?;
        // It is back and verified; that the rows check will call newer rows gone is no reason to call it failed.
        if let Err(cause) = hands.engine.memory.component_restored(&component.name) {
            warn!(%cause, component = component.name, "what checks remember of its rows was not brought up to date");
        }
        Ok(restored)
    })
    .await?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(match (restored.files, restored.resumed) {
        (_, true) => format!("finished what had been begun, verified in {seconds:.1} s"),
        (0, false) => format!("as it was already, verified in {seconds:.1} s"),
        (files, false) => format!("{}, verified in {seconds:.1} s", count(files, "file")),
    })
}

async fn reload(hands: &Hands, name: &str) -> Result<String, String> {
    let component = component(hands, name)?;
    let cancel = hands.cancel.clone();
    let output =
        blocking(move || recovery::reload(&component, RELOAD, &cancel).map_err(|error| error.to_string())).await?;
    Ok(output.map(|output| last_line(&output.text)).unwrap_or_default())
}

async fn run_action(hands: &Hands, service: &str, action: &str) -> Result<String, String> {
    let state = hands.engine.state();
    let declared = state
        .platform
        .service(service)
        .and_then(|found| found.actions.iter().find(|known| known.name == action))
        .cloned()
        .ok_or_else(|| format!("{service} declares no action {action} any more"))?;
    let limit = (declared.takes * 5).clamp(Duration::from_secs(30), ACTION);
    let cancel = hands.cancel.clone();
    let output =
        blocking(move || recovery::run_program(&declared.run, limit, &cancel).map_err(|error| error.to_string()))
            .await?;
    Ok(last_line(&output.text))
}

/// The last line a program printed, fit for a screen.
fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn succeeded(recovery: &Recovery) -> String {
    let ended = recovery.steps.iter().filter_map(|step| step.ended_at).max();
    match ended {
        Some(ended) => {
            let seconds = (ended - recovery.started_at).as_seconds_f64();
            format!("{} in {seconds:.1} s", recovery.plan.title)
        }
        None => recovery.plan.title.clone(),
    }
}

/// After a failed step: a failed validation leaves the target in place for people to judge, except after a progressive rollback,
/// which has then shown that no deployment is to blame; any other failure takes the changes before it back.
async fn give_up(hands: &Hands, recovery: &Recovery, failed: usize) -> String {
    let step = &recovery.plan.steps[failed];
    let error = recovery.steps[failed].output.clone();
    let validated = matches!(step, Step::Validate { .. });
    if validated && recovery.plan.strategy != Strategy::Progressive {
        return format!("validation did not pass: {error}; {}", stands(recovery));
    }
    // The failed step itself left the live system as it was: the switch is its last act. A program that failed may not have.
    let half_done = |step: &Step| {
        let component = step.component().and_then(|name| component(hands, name).ok());
        component.is_some_and(|component| !component.adapter.switches_at_once())
    };
    let changed = |step: &Step, run: &StepRun| match run.state {
        StepState::Done => true,
        StepState::Failed => half_done(step),
        _ => false,
    };
    let back = match steps_back(&hands.engine.state(), recovery, changed) {
        Ok(back) => back,
        Err(refusal) => return format!("step {} failed: {error}; {refusal}; {}", failed + 1, stands(recovery)),
    };
    let mut taken_back = Vec::new();
    for step in back {
        let (name, target) = match step {
            Step::SwitchRelease { component, to, .. } => (component, Target::Release(to)),
            Step::RestoreSnapshot { component, vault_id, .. } => (component, Target::Snapshot(vault_id)),
            _ => continue,
        };
        match restore(hands, recovery.id, &name, target).await {
            Ok(_) => {
                let _ = reload(hands, &name).await;
                taken_back.push(format!("{name} is back as before"));
            }
            Err(cause) => {
                warn!(cause, component = name, "not taken back");
                taken_back.push(format!("{name} could not be taken back: {cause}"));
            }
        }
    }
    if taken_back.is_empty() {
        taken_back.push("nothing was changed".to_owned());
    }
    let what = if validated { "no rollback helped".to_owned() } else { format!("step {} failed", failed + 1) };
    format!("{what}: {error}; {}", taken_back.join("; "))
}

/// What stands where after the steps that were done.
fn stands(recovery: &Recovery) -> String {
    let done: Vec<String> = recovery
        .plan
        .steps
        .iter()
        .zip(&recovery.steps)
        .filter(|(step, run)| {
            run.state == StepState::Done && (step.component().is_some() || matches!(step, Step::RunAction { .. }))
        })
        .map(|(step, _)| step.to_string())
        .collect();
    if done.is_empty() { "nothing was changed".to_owned() } else { format!("done: {}", done.join("; ")) }
}
