//! Plans: from a wish to ordered steps. What is planned from the same state is the same plan, byte for byte.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use crate::domain::{
    Named, Plan, Recovery, Refusal, RollbackRequest, RollbackTarget, Scope, SnapshotState, State, Step, StepRun,
    Strategy, deployment::quarantined, recovery::progressive,
};
use crate::platform::{Component, ComponentKind, Platform, Points};

/// Plans a rollback.
///
/// # Errors
/// A refusal when a name is unknown, when nothing would be rolled back, or when there is nothing to go back to.
pub fn plan_rollback(state: &State, request: &RollbackRequest) -> Result<Plan, Refusal> {
    let mut components = in_scope(state, &request.scope)?;
    in_order_of_recovery(&state.platform, &mut components);
    if request.to == Some(RollbackTarget::UntilHealthy) {
        return progressive::plan(state, request, components);
    }
    let everything = request.scope == Scope::Everything;
    let before = started_before(state, &components, request);
    let mut moves = Vec::new();
    for component in &components {
        match restore_step(state, component, request, before) {
            Ok(step) => moves.push((*component, step)),
            Err(refusal) if components.len() == 1 || everything => return Err(refusal),
            // Among several components one that has nothing to go back to stays as it is.
            Err(refusal) if refusal.rule == "nothing-to-go-back-to" => {}
            Err(refusal) => return Err(refusal),
        }
    }
    if moves.is_empty() {
        return Err(Refusal::new("nothing-to-go-back-to", "none of the components has an earlier good state")
            .hint("take snapshots while the platform is healthy: codeblue snapshot create"));
    }
    let strategy = if everything { Strategy::FullRestore } else { Strategy::Rollback };
    let title = match moves.as_slice() {
        [(component, Step::SwitchRelease { from: Some(from), to, .. })] => {
            format!("roll {} back {from} → {to}", component.name)
        }
        [(component, Step::SwitchRelease { to, .. })] => format!("roll {} back to {to}", component.name),
        [(component, Step::RestoreTime { at, .. })] => {
            format!("restore {} to {} UTC", component.name, at.format("%Y-%m-%d %H:%M:%S"))
        }
        [(component, Step::RestoreSnapshot { snapshot, .. })] => format!("restore {} from {snapshot}", component.name),
        _ if everything => "restore everything".to_owned(),
        many => format!("roll back {} components of {}", many.len(), services_of(state, many).join(", ")),
    };
    Ok(assemble(state, strategy, title, moves))
}

/// Plans one declared action.
///
/// # Errors
/// A refusal when the platform file declares no such action.
pub fn plan_action(state: &State, service: &str, action: &str) -> Result<Plan, Refusal> {
    let declared = state.platform.service(service).ok_or_else(|| Refusal::unknown_service(&state.platform, service))?;
    let Some(known) = declared.actions.iter().find(|known| known.name == action) else {
        return Err(Refusal::unknown(Named::Action, format!("{action} of {service}"))
            .hint("only what the platform file declares under [[service.action]] can be run: codeblue action list"));
    };
    let mut steps = vec![Step::RunAction { service: service.to_owned(), action: action.to_owned() }];
    // What is cut off or keeps from writing is not well, and need not be.
    if known.purpose.is_none() {
        steps.push(Step::Validate { services: vec![service.to_owned()] });
    }
    Ok(Plan {
        strategy: Strategy::TargetedFix,
        title: format!("{action} {service}"),
        services: vec![service.to_owned()],
        steps,
        loses: None,
    })
}

/// Plans that a code component is switched to a version.
///
/// # Errors
/// A refusal when there is no such component, or it does not keep its versions.
pub fn plan_deployment(state: &State, component: &str, version: &str) -> Result<Plan, Refusal> {
    let found =
        state.platform.component(component).ok_or_else(|| Refusal::unknown_component(&state.platform, component))?;
    if !found.adapter.keeps_versions() {
        return Err(Refusal::new("no-versions", format!("{component} has no versions to switch between"))
            .hint("roll it back to a snapshot, or declare an action that changes it"));
    }
    if version.is_empty() || version.len() > 200 || version.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Refusal::new("deployment-version", format!("{version:?} is no version"))
            .hint("give its name without blanks, such as v41: codeblue deploy list"));
    }
    if state.live_version(component) == Some(version) {
        return Err(Refusal::new("live-already", format!("{version} of {component} is live already")).hint(format!(
            "nothing is left to do; which versions there were: codeblue deploy list --component {component}"
        )));
    }
    let title = format!("deploy {component} {version}");
    Ok(assemble(state, Strategy::Rollback, title, vec![(found, switch(state, found, version))]))
}

/// Plans to bring back what stood before a recovery.
///
/// # Errors
/// A refusal when it changed nothing, still runs, or left no safety snapshot of what it changed.
pub fn plan_undo(state: &State, recovery: &Recovery) -> Result<Plan, Refusal> {
    if recovery.is_running() {
        return Err(Refusal::new("recovery-running", format!("{} still runs", recovery.id))
            .hint(format!("wait for it, or stop it: codeblue recovery cancel {} --reason WHY", recovery.id)));
    }
    let moves = steps_back(state, recovery, |_, run| run.started_at.is_some())?;
    let moves: Vec<_> =
        moves.into_iter().filter_map(|step| Some((state.platform.component(step.component()?)?, step))).collect();
    if moves.is_empty() {
        return Err(Refusal::new("nothing-to-undo", format!("{} changed nothing that can be undone", recovery.id))
            .hint(format!("nothing is left to take back: codeblue recovery show {}", recovery.id)));
    }
    Ok(assemble(state, Strategy::Undo(recovery.id), format!("undo {}", recovery.id), moves))
}

/// What brings each component that the steps have changed back to how it stood before the recovery, the last one changed
/// first.
///
/// # Errors
/// A refusal when the safety snapshot does not hold one of them.
pub fn steps_back(
    state: &State,
    recovery: &Recovery,
    changed: impl Fn(&Step, &StepRun) -> bool,
) -> Result<Vec<Step>, Refusal> {
    let safety = recovery.safety_snapshot.and_then(|id| state.snapshots.get(&id));
    let mut back: Vec<Step> = Vec::new();
    for (step, _) in recovery.plan.steps.iter().zip(&recovery.steps).filter(|(step, run)| changed(step, run)) {
        let Some(component) = step.component() else { continue };
        if back.iter().any(|known| known.component() == Some(component)) {
            continue;
        }
        let captured = safety.and_then(|snapshot| Some((snapshot, snapshot.captured(component)?)));
        let keeps = state.platform.component(component).is_some_and(|component| component.adapter.keeps_versions());
        back.push(match step {
            Step::SwitchRelease { from: Some(from), to, .. } if keeps || captured.is_none() => {
                let live = state.live_version(component).unwrap_or(to).to_owned();
                Step::SwitchRelease { component: component.to_owned(), from: Some(live), to: from.clone() }
            }
            _ => {
                let (snapshot, captured) = captured.ok_or_else(|| {
                    Refusal::new("no-safety-snapshot", format!("{component} was not captured before"))
                        .hint("go back to another snapshot by its name: codeblue snapshot list")
                })?;
                Step::RestoreSnapshot {
                    component: component.to_owned(),
                    snapshot: snapshot.id,
                    vault_id: captured.vault_id.clone(),
                    taken_at: snapshot.requested_at,
                }
            }
        });
    }
    back.reverse();
    Ok(back)
}

fn in_scope<'a>(state: &'a State, scope: &'a Scope) -> Result<Vec<&'a Component>, Refusal> {
    let platform = &state.platform;
    let mut found: Vec<&Component> = Vec::new();
    match scope {
        Scope::Everything => found.extend(&platform.components),
        Scope::Components(names) => {
            for name in names {
                found.push(platform.component(name).ok_or_else(|| Refusal::unknown_component(platform, name))?);
            }
        }
        Scope::Services(names) => {
            for name in names {
                platform.service(name).ok_or_else(|| Refusal::unknown_service(platform, name))?;
                found.extend(platform.components_of(name));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    if found.is_empty() {
        return Err(Refusal::new("empty-target", "this names no component, so there is nothing to roll back")
            .hint("name one that the platform file declares under [[component]]: codeblue check"));
    }
    Ok(found)
}

/// What a service needs comes before it, the more critical first; of one service, databases come before the code that reads
/// them, and code before its configuration.
fn in_order_of_recovery(platform: &Platform, components: &mut [&Component]) {
    components.sort_by_cached_key(|component| {
        let kind = match component.kind {
            ComponentKind::Database => 0,
            ComponentKind::Data => 1,
            ComponentKind::Code => 2,
            ComponentKind::Config => 3,
        };
        let criticality = platform.service(&component.service).map(|service| service.criticality);
        // A service needs more services than each of those it needs.
        let needs = platform.dependencies_of(&component.service).len();
        (needs, Reverse(criticality), component.service.clone(), kind, component.name.clone())
    });
}

/// The last good state is one from before the trouble began.
pub(in crate::domain) fn started_before(
    state: &State,
    components: &[&Component],
    request: &RollbackRequest,
) -> Option<DateTime<Utc>> {
    let named = request.incident.and_then(|id| state.incidents.get(&id)).map(|incident| incident.detected_at);
    let from_services = components
        .iter()
        .filter_map(|component| state.incident_of(&component.service))
        .map(|incident| incident.detected_at)
        .min();
    named.or(from_services)
}

fn restore_step(
    state: &State,
    component: &Component,
    request: &RollbackRequest,
    before: Option<DateTime<Utc>>,
) -> Result<Step, Refusal> {
    let nothing = || nothing_to_go_back_to(state, component, request.to.as_ref());
    let is_release = component.adapter.points() == Points::Versions;
    // When everything is lost, the releases on disk are too.
    let from_vault = request.scope == Scope::Everything;
    match &request.to {
        Some(RollbackTarget::Version(version)) if is_release => Ok(switch(state, component, version)),
        Some(RollbackTarget::Version(_)) => {
            Err(Refusal::new("no-versions", format!("{} has snapshots, not versions", component.name))
                .hint("name a snapshot, such as --to SNP-3: codeblue snapshot list"))
        }
        Some(RollbackTarget::Snapshot(id)) => {
            let snapshot = state.snapshot(*id)?;
            if snapshot.state == SnapshotState::Running {
                return Err(Refusal::new("snapshot-running", format!("{id} is still being taken"))
                    .hint("wait until it is done, or choose another: codeblue snapshot list"));
            }
            let captured = snapshot.captured(&component.name).ok_or_else(|| {
                Refusal::new("not-in-snapshot", format!("{id} does not hold {}", component.name))
                    .hint("choose one that holds it: codeblue snapshot list")
            })?;
            if !captured.unreadable.is_empty() {
                return Err(Refusal::new(
                    "partial-snapshot",
                    format!("{id} lacks {} files of {}", captured.unreadable.len(), component.name),
                )
                .hint("choose one that is whole: codeblue snapshot list"));
            }
            Ok(restore(snapshot.id, snapshot.requested_at, component, &captured.vault_id))
        }
        Some(RollbackTarget::Time(time)) if is_release && !from_vault => {
            let version = state
                .deployments
                .values()
                .rev()
                .find(|deployment| deployment.component == component.name && deployment.at <= *time)
                .map(|deployment| deployment.version.clone())
                .ok_or_else(nothing)?;
            Ok(switch(state, component, &version))
        }
        Some(RollbackTarget::Time(time)) if component.adapter.points() == Points::Continuous => {
            // A log leads on from where the capture ended, not from where it began.
            let snapshot = state
                .snapshots
                .values()
                .rev()
                .filter(|snapshot| snapshot.ended_at.is_some_and(|ended| ended <= *time))
                .find(|snapshot| snapshot.is_good_for(&component.name))
                .ok_or_else(nothing)?;
            let captured = snapshot.captured(&component.name).ok_or_else(nothing)?;
            Ok(Step::RestoreTime {
                component: component.name.clone(),
                snapshot: snapshot.id,
                vault_id: captured.vault_id.clone(),
                at: *time,
            })
        }
        Some(RollbackTarget::Time(time)) => {
            let snapshot = state.last_good_snapshot(&component.name, Some(*time)).ok_or_else(nothing)?;
            let captured = snapshot.captured(&component.name).ok_or_else(nothing)?;
            Ok(restore(snapshot.id, snapshot.requested_at, component, &captured.vault_id))
        }
        None if is_release && !from_vault => {
            let version = last_good_version(state, &component.name).ok_or_else(nothing)?;
            Ok(switch(state, component, &version))
        }
        None | Some(RollbackTarget::UntilHealthy) => {
            let snapshot = state.last_good_snapshot(&component.name, before).ok_or_else(nothing)?;
            let captured = snapshot.captured(&component.name).ok_or_else(nothing)?;
            Ok(restore(snapshot.id, snapshot.requested_at, component, &captured.vault_id))
        }
    }
}

fn nothing_to_go_back_to(state: &State, component: &Component, to: Option<&RollbackTarget>) -> Refusal {
    const RULE: &str = "nothing-to-go-back-to";
    let Some(RollbackTarget::Time(time)) = to else {
        return Refusal::new(RULE, format!("{} has no earlier good state", component.name))
            .hint("name a snapshot with --to: codeblue snapshot list; and take one whenever it is healthy");
    };
    let told = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M:%SZ");
    let message = format!("no good state of {} is known from {} or before", component.name, told(*time));
    let oldest = if component.adapter.points() == Points::Versions {
        state.deployments.values().find(|deployment| deployment.component == component.name).map(|first| first.at)
    } else {
        let first = state.snapshots.values().find(|snapshot| snapshot.is_good_for(&component.name));
        first.and_then(|snapshot| snapshot.ended_at)
    };
    Refusal::new(RULE, message).hint(match oldest {
        Some(oldest) => format!("the oldest is from {}", told(oldest)),
        None => "take a snapshot while it is healthy".to_owned(),
    })
}

/// The version that was live before the one that is, skipping those in quarantine.
fn last_good_version(state: &State, component: &str) -> Option<String> {
    let ledger: Vec<_> = state.deployments.values().filter(|entry| entry.component == component).collect();
    let live = ledger.last()?.version.clone();
    let quarantined = quarantined(state, component);
    ledger
        .iter()
        .rev()
        .flat_map(|entry| [Some(entry.version.as_str()), entry.previous.as_deref()])
        .flatten()
        .find(|version| *version != live && !quarantined.contains(version))
        .map(str::to_owned)
}

pub(in crate::domain) fn switch(state: &State, component: &Component, to: &str) -> Step {
    Step::SwitchRelease {
        component: component.name.clone(),
        from: state.live_version(&component.name).map(str::to_owned),
        to: to.to_owned(),
    }
}

fn restore(
    snapshot: crate::domain::SnapshotId,
    taken_at: DateTime<Utc>,
    component: &Component,
    vault_id: &str,
) -> Step {
    Step::RestoreSnapshot { component: component.name.clone(), snapshot, vault_id: vault_id.to_owned(), taken_at }
}

fn services_of(state: &State, moves: &[(&Component, Step)]) -> Vec<String> {
    let mut services: Vec<&str> = moves.iter().map(|(component, _)| component.service.as_str()).collect();
    services.sort_by_key(|name| {
        let criticality = state.platform.service(name).map(|service| service.criticality);
        (std::cmp::Reverse(criticality), (*name).to_owned())
    });
    services.dedup();
    services.into_iter().map(str::to_owned).collect()
}

fn assemble(state: &State, strategy: Strategy, title: String, moves: Vec<(&Component, Step)>) -> Plan {
    let services = services_of(state, &moves);
    let loses = moves.iter().find_map(|(component, step)| match step {
        Step::RestoreSnapshot { taken_at: until, .. } | Step::RestoreTime { at: until, .. }
            if matches!(component.kind, ComponentKind::Database | ComponentKind::Data) =>
        {
            Some(format!(
                "what was written to {} after {} UTC; it is kept in the safety snapshot",
                component.name,
                until.format("%Y-%m-%d %H:%M:%S")
            ))
        }
        _ => None,
    });
    let mut steps =
        vec![Step::SafetySnapshot { components: moves.iter().map(|(component, _)| component.name.clone()).collect() }];
    for (component, step) in moves {
        steps.push(step);
        if component.reload.is_some() {
            steps.push(Step::Reload { component: component.name.clone() });
        }
    }
    steps.push(Step::Validate { services: services.clone() });
    Plan { strategy, title, services, steps, loses }
}
