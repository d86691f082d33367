//! How incidents went over a window: times, how many were in time, how often services fail, which changes broke something.
//!
//! Every time of an incident counts from its first sign, as its clocks do, so a figure and the target it is held against
//! start at the same moment. What was merged into another incident counts there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::domain::{
    ChangeKind, Clock, Deployment, DeploymentId, DeploymentOrigin, DiagnosisState, Incident, IncidentId, Median,
    Recovery, RecoveryId, RecoveryOutcome, Severity, Share, State, Step, StepState, Strategy,
    incident::statistics::{ENOUGH, precise},
};
use crate::platform::Profile;

/// The times of one incident, in seconds from its first sign.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncidentTimes {
    /// Which.
    pub incident: IncidentId,
    /// How bad it was in the end.
    pub severity: Severity,
    /// Its services.
    pub services: Vec<String>,
    /// First sign of trouble, from which all times count.
    pub detected_at: DateTime<Utc>,
    /// TTD: until it was opened.
    pub detect_seconds: f64,
    /// TTA: until a person had seen it.
    pub acknowledge_seconds: Option<f64>,
    /// Time to respond: until somebody worked on it.
    pub respond_seconds: Option<f64>,
    /// Time to resolve: until users were served again, for good as far as it is known.
    pub resolve_seconds: Option<f64>,
    /// How often it came back.
    pub reopened: u32,
}

impl IncidentTimes {
    /// The times of an incident.
    #[must_use]
    pub fn of(incident: &Incident) -> Self {
        let after = |at: DateTime<Utc>| (at - incident.detected_at).as_seconds_f64();
        let until = |clock| incident.stopped_at(clock).map(after);
        Self {
            incident: incident.id,
            severity: incident.severity,
            services: incident.services.clone(),
            detected_at: incident.detected_at,
            detect_seconds: after(incident.opened_at),
            acknowledge_seconds: until(Clock::Acknowledge),
            respond_seconds: until(Clock::Respond),
            resolve_seconds: until(Clock::Resolve),
            reopened: incident.reopened,
        }
    }
}

/// How incidents went over a window.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// The platform.
    pub platform: String,
    /// Whether these are drills or the real thing.
    pub profile: Profile,
    /// The window asked for, in seconds.
    pub window_seconds: f64,
    /// Where the window begins.
    pub from: DateTime<Utc>,
    /// Why it begins there.
    pub begins: Start,
    /// Where it ends.
    pub to: DateTime<Utc>,
    /// Fewer cases than this give no figure.
    pub enough: usize,
    /// All incidents whose first sign lies in the window.
    pub all: TimeFigures,
    /// The same by severity, the worst first.
    pub severities: Vec<Group>,
    /// The same by service, in the order of the platform file.
    pub services: Vec<Group>,
    /// Changes to production of which a diagnosis or a recovery says that they broke something.
    pub change_failures: Share,
    /// Each incident, oldest first.
    pub incidents: Vec<IncidentTimes>,
}

/// Why a window begins where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// It was asked for.
    Asked,
    /// The journal does not reach further back.
    Journal,
}

/// The figures of some of the incidents.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeFigures {
    /// How many incidents.
    pub incidents: usize,
    /// How many of them are not over.
    pub open: usize,
    /// How many came back after they were resolved.
    pub reopened: usize,
    /// TTD.
    pub detect: Median,
    /// TTA.
    pub acknowledge: Median,
    /// Time to respond.
    pub respond: Median,
    /// Time to resolve.
    pub resolve: Median,
    /// MTTR: the mean of the times to resolve. A few long ones decide it, so it is no headline.
    pub mean_resolve_seconds: Option<f64>,
    /// Acknowledged in time, of those acknowledged or late.
    pub acknowledged_in_time: Share,
    /// Responded to in time.
    pub responded_in_time: Share,
    /// Resolved in time.
    pub resolved_in_time: Share,
}

/// The figures of a severity or a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// `SEV1`, or the service's name.
    pub name: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: TimeFigures,
    /// How often a service fails; none for a severity.
    pub between: Option<Between>,
}

/// How often a service fails.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Between {
    /// Incidents in which it was down.
    pub failures: usize,
    /// How long it was down in them.
    pub down_seconds: f64,
    /// The window without the time it was down.
    pub operating_seconds: f64,
    /// MTBF: operating time for each failure; none below the least number of failures.
    pub mtbf_seconds: Option<f64>,
}

/// How incidents went in the time before `now`.
#[must_use]
pub fn metrics(state: &State, window: TimeDelta, now: DateTime<Utc>) -> Metrics {
    let asked = now.checked_sub_signed(window).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let began = state.began.unwrap_or(now).min(now);
    let (from, begins) = if began > asked { (began, Start::Journal) } else { (asked, Start::Asked) };
    // The first sign of the first incident may be older than the journal.
    let within = |incident: &&Incident| incident.detected_at > asked && incident.detected_at <= now;
    let chosen: Vec<&Incident> =
        state.incidents.values().filter(|incident| incident.merged_into.is_none()).filter(within).collect();
    let severities = Severity::ALL.into_iter().map(|severity| Group {
        name: severity.to_string(),
        figures: figures(chosen.iter().copied().filter(|incident| incident.severity == severity), now),
        between: None,
    });
    // Gathered once: each of many services would look through all incidents otherwise.
    let mut of_service: BTreeMap<&str, Vec<&Incident>> = BTreeMap::new();
    for incident in &chosen {
        let names: BTreeSet<&str> = incident.services.iter().map(String::as_str).collect();
        for name in names {
            of_service.entry(name).or_default().push(incident);
        }
    }
    let services = state.platform.services.iter().map(|service| {
        let hit = || of_service.get(service.name.as_str()).into_iter().flatten().copied();
        Group {
            name: service.name.clone(),
            figures: figures(hit(), now),
            between: Some(between(hit(), &service.name, from, now)),
        }
    });
    Metrics {
        platform: state.platform.name.clone(),
        profile: state.platform.profile,
        window_seconds: window.as_seconds_f64(),
        from,
        begins,
        to: now,
        enough: ENOUGH,
        all: figures(chosen.iter().copied(), now),
        severities: severities.collect(),
        services: services.collect(),
        change_failures: change_failures(state, asked, now),
        incidents: chosen.iter().map(|incident| IncidentTimes::of(incident)).collect(),
    }
}

fn figures<'a>(incidents: impl Iterator<Item = &'a Incident>, now: DateTime<Utc>) -> TimeFigures {
    let incidents: Vec<&Incident> = incidents.collect();
    let times: Vec<IncidentTimes> = incidents.iter().map(|incident| IncidentTimes::of(incident)).collect();
    let median = |of: fn(&IncidentTimes) -> Option<f64>| Median::of(times.iter().filter_map(of).collect());
    let resolved: Vec<f64> = times.iter().filter_map(|times| times.resolve_seconds).collect();
    let mean = (resolved.len() >= ENOUGH).then(|| resolved.iter().sum::<f64>() / precise(resolved.len()));
    let in_time = |clock| {
        let judged: Vec<bool> = incidents.iter().filter_map(|incident| in_time(incident, clock, now)).collect();
        Share::of(judged.iter().filter(|good| **good).count(), judged.len())
    };
    TimeFigures {
        incidents: incidents.len(),
        open: incidents.iter().filter(|incident| incident.state.is_open()).count(),
        reopened: incidents.iter().filter(|incident| incident.reopened > 0).count(),
        detect: median(|times| Some(times.detect_seconds)),
        acknowledge: median(|times| times.acknowledge_seconds),
        respond: median(|times| times.respond_seconds),
        resolve: median(|times| times.resolve_seconds),
        mean_resolve_seconds: mean,
        acknowledged_in_time: in_time(Clock::Acknowledge),
        responded_in_time: in_time(Clock::Respond),
        resolved_in_time: in_time(Clock::Resolve),
    }
}

/// Whether a clock was stopped in time; unknown while it runs, and where nobody ever stopped it before the incident was over.
fn in_time(incident: &Incident, clock: Clock, now: DateTime<Utc>) -> Option<bool> {
    let deadline = incident.deadline(clock);
    match incident.stopped_at(clock).or(incident.resolved_at) {
        Some(at) if at < deadline => incident.stopped_at(clock).map(|_| true),
        Some(_) => Some(false),
        None => (now >= deadline).then_some(false),
    }
}

fn between<'a>(
    incidents: impl Iterator<Item = &'a Incident>,
    service: &str,
    from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Between {
    let down = |incident: &Incident| incident.impact.get(service).map(|impact| impact.down(now).as_secs_f64());
    let times: Vec<f64> = incidents.filter_map(down).filter(|seconds| *seconds > 0.0).collect();
    let down_seconds: f64 = times.iter().sum();
    let operating_seconds = ((now - from).as_seconds_f64() - down_seconds).max(0.0);
    let failures = times.len();
    let mtbf_seconds = (failures >= ENOUGH).then(|| operating_seconds / precise(failures));
    Between { failures, down_seconds, operating_seconds, mtbf_seconds }
}

/// Changes to production and those that are to blame for an incident. A change is a deployment that replaced a version, or a
/// change that was carried out; what repairs an incident is none of its own, so that a rollback does not make the release it
/// takes back look rarer. To blame is what the last diagnosis of an incident names, what a recovery that lasted took away, and
/// a change that was undone for an incident.
fn change_failures(state: &State, from: DateTime<Utc>, to: DateTime<Utc>) -> Share {
    let blamed = blamed_deployments(state);
    let undone: BTreeSet<RecoveryId> = state
        .recoveries
        .values()
        .filter(|recovery| recovery.incident.is_some() && recovery.lasted())
        .filter_map(|recovery| match recovery.plan.strategy {
            Strategy::Undo(earlier) => Some(earlier),
            _ => None,
        })
        .collect();
    let made_by = |id: RecoveryId| {
        state.deployments.values().filter(move |deployment| deployment.origin == DeploymentOrigin::Recovery(id))
    };
    let within = |at: DateTime<Utc>| at > from && at <= to;
    let deployments = state
        .deployments
        .values()
        .filter(|deployment| !matches!(deployment.origin, DeploymentOrigin::Recovery(_)))
        .filter(|deployment| deployment.previous.is_some() && within(deployment.at))
        .map(|deployment| blamed.contains(&deployment.id));
    let carried_out = |recovery: &&Recovery| {
        recovery.ended.is_some_and(|(_, outcome)| outcome != RecoveryOutcome::Cancelled) && within(recovery.started_at)
    };
    let changes = state
        .changes
        .values()
        .filter(|change| change.kind != ChangeKind::Emergency)
        .filter_map(|change| state.recoveries.get(&change.recovery?))
        .filter(carried_out)
        .map(|recovery| {
            undone.contains(&recovery.id) || made_by(recovery.id).any(|deployment| blamed.contains(&deployment.id))
        });
    let judged: Vec<bool> = deployments.chain(changes).collect();
    Share::of(judged.iter().filter(|failed| **failed).count(), judged.len())
}

fn blamed_deployments(state: &State) -> BTreeSet<DeploymentId> {
    let mut last: BTreeMap<IncidentId, Option<DeploymentId>> = BTreeMap::new();
    for diagnosis in state.diagnoses.values() {
        if let DiagnosisState::Concluded { document, .. } = &diagnosis.state {
            last.insert(diagnosis.incident, document.root_cause.deployment);
        }
    }
    let mut blamed: BTreeSet<DeploymentId> = last.into_values().flatten().collect();
    for recovery in state.recoveries.values().filter(|recovery| recovery.incident.is_some() && recovery.lasted()) {
        blamed.extend(taken_back(state, recovery));
    }
    blamed
}

/// The deployments whose versions a recovery took away for good: what it brought forward again was innocent.
fn taken_back(state: &State, recovery: &Recovery) -> Vec<DeploymentId> {
    let brought = |component: &str| {
        let mut own = state.deployments.values().rev().filter(|deployment| deployment.component == component);
        own.find(|deployment| deployment.origin == DeploymentOrigin::Recovery(recovery.id))
    };
    let done = recovery.plan.steps.iter().zip(&recovery.steps).filter(|(_, run)| run.state == StepState::Done);
    done.filter_map(|(step, _)| match step {
        Step::SwitchRelease { component, from: Some(left), .. }
            if brought(component).is_some_and(|now| now.version != *left) =>
        {
            let before = |deployment: &&Deployment| {
                deployment.component == *component
                    && deployment.version == *left
                    && deployment.at <= recovery.started_at
            };
            state.deployments.values().rev().find(before).map(|deployment| deployment.id)
        }
        _ => None,
    })
    .collect()
}
