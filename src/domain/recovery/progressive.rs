//! Progressive rollback: the ledger of deployments is walked back, newest first, until the services are healthy; what was rolled
//! back to no avail goes forward again.

use std::{cmp::Reverse, collections::BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{
    Deployment, DeploymentOrigin, Plan, Recovery, Refusal, RollbackRequest, Scope, State, Step, StepState, Strategy,
    deployment::quarantined, recovery::plan,
};
use crate::platform::{Component, Points};

/// Deployments that one plan walks back at most.
const MOST: usize = 5;
/// How long before the first sign of a trouble a deployment may have caused it.
const SUSPECT: TimeDelta = TimeDelta::hours(24);

/// Plans the walk over the deployments of these components, and of those that the named services need.
pub(in crate::domain) fn plan(
    state: &State,
    request: &RollbackRequest,
    scope: Vec<&Component>,
) -> Result<Plan, Refusal> {
    let components = with_what_they_need(state, request, scope);
    let suspects = suspects(state, request, &components);
    if suspects.is_empty() {
        return Err(Refusal::new(
            "nothing-to-go-back-to",
            "no recent deployment stands in the ledger that could be rolled back",
        )
        .hint("roll back to a snapshot instead, or tell codeblue of deployments with: codeblue deploy record"));
    }
    let mut changed: Vec<&Component> = Vec::new();
    for (component, _) in &suspects {
        if !changed.iter().any(|known| known.name == component.name) {
            changed.push(component);
        }
    }
    let mut services: Vec<String> = match &request.scope {
        Scope::Services(names) => names.clone(),
        Scope::Components(_) | Scope::Everything => Vec::new(),
    };
    services.extend(changed.iter().map(|component| component.service.clone()));
    services.sort_by_key(|name| Reverse(state.platform.service(name).map(|service| service.criticality)));
    let mut seen = BTreeSet::new();
    services.retain(|name| seen.insert(name.clone()));

    let mut steps =
        vec![Step::SafetySnapshot { components: changed.iter().map(|component| component.name.clone()).collect() }];
    for (component, deployment) in &suspects {
        steps.push(Step::SwitchRelease {
            component: component.name.clone(),
            from: Some(deployment.version.clone()),
            to: deployment.previous.clone().unwrap_or_default(),
        });
        if component.reload.is_some() {
            steps.push(Step::Reload { component: component.name.clone() });
        }
        steps.push(Step::StopIfHealthy { services: services.clone() });
    }
    // The oldest first, as they were deployed.
    for component in changed.iter().rev() {
        if let Some(live) = state.live_version(&component.name).filter(|_| changed.len() > 1) {
            steps.push(Step::RollForward { component: component.name.clone(), to: live.to_owned() });
        }
    }
    steps.push(Step::Validate { services: services.clone() });
    let title = match suspects.as_slice() {
        [(component, _)] => format!("roll the last deployment of {} back", component.name),
        many => format!(
            "roll up to {} deployments back, newest first, until {} is healthy",
            many.len(),
            services.join(", ")
        ),
    };
    Ok(Plan { strategy: Strategy::Progressive, title, services, steps, loses: None })
}

fn with_what_they_need<'a>(
    state: &'a State,
    request: &RollbackRequest,
    mut components: Vec<&'a Component>,
) -> Vec<&'a Component> {
    if let Scope::Services(names) = &request.scope {
        let needed: BTreeSet<String> = names.iter().flat_map(|name| state.platform.dependencies_of(name)).collect();
        components.extend(state.platform.components.iter().filter(|component| needed.contains(&component.service)));
    }
    components.sort_by(|a, b| a.name.cmp(&b.name));
    components.dedup_by(|a, b| a.name == b.name);
    components.retain(|component| component.adapter.points() == Points::Versions);
    components
}

/// Deployments that may be to blame, newest first.
fn suspects<'a>(
    state: &'a State,
    request: &RollbackRequest,
    components: &[&'a Component],
) -> Vec<(&'a Component, &'a Deployment)> {
    let trouble = plan::started_before(state, components, request);
    let mut found: Vec<_> = components
        .iter()
        .flat_map(|component| steps_of(state, component, trouble).map(move |entry| (*component, entry)))
        .collect();
    found.sort_by_key(|(_, entry)| Reverse(entry.id));
    found.truncate(MOST);
    found
}

/// The deployments that led to what is live, newest first.
fn steps_of<'a>(
    state: &'a State,
    component: &Component,
    trouble: Option<DateTime<Utc>>,
) -> impl Iterator<Item = &'a Deployment> + use<'a> {
    let quarantined = quarantined(state, &component.name);
    let name = component.name.clone();
    let mut live = state.live_version(&component.name).map(str::to_owned);
    state
        .deployments
        .values()
        .rev()
        .filter(move |entry| {
            let led_here = entry.component == name
                && !matches!(entry.origin, DeploymentOrigin::Recovery(_))
                && live.as_deref() == Some(entry.version.as_str());
            if led_here {
                live.clone_from(&entry.previous);
            }
            led_here
        })
        .take_while(move |entry| {
            entry.previous.as_deref().is_some_and(|previous| !quarantined.contains(previous))
                && trouble.is_none_or(|trouble| entry.at >= trouble - SUSPECT)
        })
}

/// The steps that need not run after a check found the services healthy or not, and why.
pub(in crate::domain) fn skipped(recovery: &Recovery, check: usize, healthy: bool) -> (Vec<usize>, &'static str) {
    let steps = &recovery.plan.steps;
    let (before, after) = steps.split_at(check);
    let is_rollback = |step: &Step| matches!(step, Step::SwitchRelease { .. });
    let rolled_back: Vec<&str> = before
        .iter()
        .zip(&recovery.steps)
        .filter(|(step, run)| is_rollback(step) && run.state == StepState::Done)
        .filter_map(|(step, _)| match step {
            Step::SwitchRelease { component, .. } => Some(component.as_str()),
            _ => None,
        })
        .collect();
    let needless = |step: &Step| match step {
        Step::SwitchRelease { .. } | Step::Reload { .. } | Step::StopIfHealthy { .. } => healthy,
        // The last one rolled back is the one to blame.
        Step::RollForward { component, .. } => {
            !healthy || rolled_back.last() == Some(&component.as_str()) || !rolled_back.contains(&component.as_str())
        }
        _ => false,
    };
    if !healthy && after.iter().any(is_rollback) {
        return (Vec::new(), "");
    }
    let steps = after.iter().enumerate().skip(1).filter(|(_, step)| needless(step)).map(|(at, _)| check + at).collect();
    (steps, if healthy { "the services are healthy" } else { "no rollback made the services healthy" })
}
