//! Workflows: what happens by itself in an incident of each kind, and what people are asked to do, as one table that
//! `react` follows, `codeblue policy show` prints and `docs/policies.md` is proved against. What cannot be done by itself
//! stands on the incident's timeline as a task.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{
    AutomationMode, Change, ChangeState, Command, DiagnosisState, ErrorGroup, Event, IncidentId, Meta, Named, Notice,
    Recorded, RecoveryOutcome, Refusal, Severity, SnapshotTrigger, State, TimelineKind, apply::tell,
    incident::escalation, plan_action, recovery::run, text,
};
use crate::platform::Purpose;

/// Which response an incident gets. Ordered: an incident goes over to a graver one, never to a milder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workflow {
    /// A service works badly.
    Degradation,
    /// A service does not work.
    #[default]
    Outage,
    /// Data is not what it was.
    DataCorruption,
    /// Somebody is where they must not be.
    SecurityBreach,
}

/// When a step is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The incident is opened, comes back, or turns out to be of this kind.
    Begun,
    /// A diagnosis has an answer.
    Diagnosed,
    /// A recovery has ended well.
    Recovered,
    /// A recovery has failed.
    Failed,
    /// All services are healthy.
    Healthy,
}

/// What is done in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Call people, as the severity says.
    Call,
    /// Run what the platform file declares for this on each service that is hit.
    Run(Purpose),
    /// Capture the components that are hit, as they are.
    KeepEvidence,
    /// Look for the cause.
    Diagnose,
    /// Propose the weakest remedy that was not tried yet.
    Propose,
    /// Look whether it worked, at once and at the end of the watch.
    Validate,
    /// Call the next person.
    Escalate,
    /// End the incident.
    Resolve,
    /// Ask people to do something.
    Ask(&'static str),
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowStep {
    /// When it is taken.
    pub when: Moment,
    /// What is done.
    #[serde(rename = "does")]
    pub act: Act,
    /// Only for incidents that are at least so bad.
    pub from: Severity,
}

const fn step(when: Moment, act: Act) -> WorkflowStep {
    WorkflowStep { when, act, from: Severity::Sev4 }
}

use Act as A;
use Moment as M;

const REMEDY: [WorkflowStep; 4] = [
    step(M::Diagnosed, A::Propose),
    step(M::Recovered, A::Validate),
    step(M::Failed, A::Escalate),
    step(M::Failed, A::Propose),
];

const DEGRADATION: [WorkflowStep; 7] = [
    step(M::Begun, A::Call),
    step(M::Begun, A::Diagnose),
    REMEDY[0],
    REMEDY[1],
    REMEDY[2],
    REMEDY[3],
    step(M::Healthy, A::Resolve),
];

const OUTAGE: [WorkflowStep; 8] = [
    step(M::Begun, A::Call),
    WorkflowStep { from: Severity::Sev1, ..step(M::Begun, A::KeepEvidence) },
    step(M::Begun, A::Diagnose),
    REMEDY[0],
    REMEDY[1],
    REMEDY[2],
    REMEDY[3],
    step(M::Healthy, A::Resolve),
];

const DATA_CORRUPTION: [WorkflowStep; 10] = [
    step(M::Begun, A::Call),
    step(M::Begun, A::Run(Purpose::StopWrites)),
    step(M::Begun, A::KeepEvidence),
    step(M::Begun, A::Diagnose),
    step(M::Begun, A::Ask("assess which data is wrong since when: codeblue snapshot list, codeblue snapshot diff")),
    REMEDY[0],
    REMEDY[1],
    step(M::Recovered, A::Ask("look whether the data is right again, allow writes, and resolve the incident")),
    REMEDY[2],
    REMEDY[3],
];

const SECURITY_BREACH: [WorkflowStep; 8] = [
    step(M::Begun, A::Call),
    step(M::Begun, A::Run(Purpose::Contain)),
    step(M::Begun, A::KeepEvidence),
    step(M::Begun, A::Diagnose),
    step(M::Begun, A::Ask("find out what was reached and by whom, before anything is cleaned or restarted")),
    step(M::Begun, A::Ask("have the compliance officer decide who has to be notified, and until when")),
    REMEDY[1],
    REMEDY[2],
];

impl Workflow {
    /// All of them, the mildest first.
    pub const ALL: [Self; 4] = [Self::Degradation, Self::Outage, Self::DataCorruption, Self::SecurityBreach];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Degradation => "degradation",
            Self::Outage => "outage",
            Self::DataCorruption => "data corruption",
            Self::SecurityBreach => "security breach",
        }
    }

    /// What begins it.
    #[must_use]
    pub fn trigger(self) -> &'static str {
        match self {
            Self::Degradation => {
                "a service of at least medium criticality is judged DEGRADED, its errors come in a burst, or a person declares a SEV3 or SEV4"
            }
            Self::Outage => "a service is judged DOWN, or a person declares a SEV1 or SEV2",
            Self::DataCorruption => "an integrity error of at least HIGH",
            Self::SecurityBreach => "a security error of at least HIGH",
        }
    }

    /// What is done, in order.
    #[must_use]
    pub fn steps(self) -> &'static [WorkflowStep] {
        match self {
            Self::Degradation => &DEGRADATION,
            Self::Outage => &OUTAGE,
            Self::DataCorruption => &DATA_CORRUPTION,
            Self::SecurityBreach => &SECURITY_BREACH,
        }
    }

    /// Whether an incident of this kind ends by itself when all its services are healthy.
    #[must_use]
    pub fn heals(self) -> bool {
        self.steps().iter().any(|step| step.act == Act::Resolve)
    }
}

impl fmt::Display for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Moment {
    /// As people say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Begun => "when it begins",
            Self::Diagnosed => "when the cause is named",
            Self::Recovered => "when a recovery ended well",
            Self::Failed => "when a recovery failed",
            Self::Healthy => {
                "when all its services are healthy; where errors alone told of it, when there was none for 10 min"
            }
        }
    }
}

impl Act {
    /// The policy that does it; none where people do.
    #[must_use]
    pub fn policy(self) -> Option<&'static str> {
        match self {
            Self::Call => Some("call people"),
            Self::Run(Purpose::Contain) => Some("contain the breach"),
            Self::Run(Purpose::StopWrites) => Some("stop the writes"),
            Self::KeepEvidence => Some("keep the evidence"),
            Self::Diagnose => Some("diagnose what is down"),
            Self::Propose => Some("propose a remedy"),
            Self::Validate => Some("validate what was recovered"),
            Self::Escalate => Some("a failed recovery needs people"),
            Self::Resolve => Some("all services are healthy"),
            Self::Ask(_) => None,
        }
    }

    /// What it comes to, in one line.
    #[must_use]
    pub fn says(self) -> String {
        match self {
            Self::Call => "call people as the severity says".to_owned(),
            Self::Run(purpose) => format!(
                "run the action that each service that is hit declares with for = \"{}\"; without one, or where it may not run, it is a task for people",
                purpose.name()
            ),
            Self::KeepEvidence => "emergency snapshot of the components of the services that are hit".to_owned(),
            Self::Diagnose => "look for the cause (not in mode observe)".to_owned(),
            Self::Propose => {
                "open a change with the weakest remedy that was not tried yet; it runs without an approval only in mode auto, outside production, within the guard rails".to_owned()
            }
            Self::Validate => "validate at once, and again after the watch of 30 minutes".to_owned(),
            Self::Escalate => "call the next person".to_owned(),
            Self::Resolve => "end the incident".to_owned(),
            Self::Ask(task) => task.to_owned(),
        }
    }
}

/// Takes the steps of an incident's workflow that are due at a moment, and says why to those who are called.
pub(in crate::domain) fn advance(
    state: &State,
    id: IncidentId,
    moment: Moment,
    why: &str,
    give: &mut impl FnMut(&'static str, Command),
) {
    let Some(found) = state.incidents.get(&id) else { return };
    let due = found.workflow.steps().iter().filter(|step| step.when == moment && found.severity <= step.from);
    for step in due {
        let Some(policy) = step.act.policy() else {
            if let Act::Ask(task) = step.act {
                give("ask people", Command::SetTask { incident: id, task: task.to_owned() });
            }
            continue;
        };
        match step.act {
            Act::Call => {
                let notice = Notice::new(id, escalation::at_begin(found), why.chars().take(400).collect());
                give(policy, Command::CallPeople { notice });
            }
            Act::Escalate => give(policy, Command::EscalateIncident { incident: id, reason: why.to_owned() }),
            Act::Run(purpose) if found.services.is_empty() => {
                let task = format!("{}: the incident names no service", purpose.name());
                give(policy, Command::SetTask { incident: id, task });
            }
            Act::Run(purpose) => {
                for service in &found.services {
                    give(policy, Command::RunFor { incident: id, service: service.clone(), purpose });
                }
            }
            Act::KeepEvidence => {
                let hit = |service: &String| found.services.is_empty() || found.services.contains(service);
                let components = state.platform.components.iter().filter(|component| hit(&component.service));
                let components: Vec<String> = components.map(|component| component.name.clone()).collect();
                if !components.is_empty() {
                    let (trigger, reason) = (SnapshotTrigger::Emergency, format!("{id} as it was found"));
                    give(policy, Command::RequestSnapshot { components, trigger, reason });
                }
            }
            Act::Diagnose => diagnose(state, id, give),
            Act::Propose if acts(state) => give(policy, Command::ProposeRemedy { incident: id }),
            // Of a recovery that belongs to no incident this holds as well, and one end may be that of many incidents.
            Act::Propose | Act::Validate | Act::Resolve | Act::Ask(_) => {}
        }
    }
}

/// In a breach, or where data is wrong, what each service declares for it is run also for one that tells of it later.
pub(in crate::domain) fn hit(
    state: &State,
    id: IncidentId,
    errors: &ErrorGroup,
    give: &mut impl FnMut(&'static str, Command),
) {
    let Some(found) = state.incidents.get(&id) else { return };
    let graver = |group: &ErrorGroup| group.service == errors.service && group.workflow() == Some(found.workflow);
    let is_first = found.errors.iter().filter(|known| graver(&known.group)).count() == 1 && found.errors.len() > 1;
    if !is_first || !graver(errors) || found.services.first() == Some(&errors.service) {
        return;
    }
    for step in found.workflow.steps() {
        if let (Act::Run(purpose), Some(policy)) = (step.act, step.act.policy()) {
            give(policy, Command::RunFor { incident: id, service: errors.service.clone(), purpose });
        }
    }
}

/// Whether policies may do more than record.
pub(in crate::domain) fn acts(state: &State) -> bool {
    state.mode != AutomationMode::Observe && state.halted.is_none()
}

/// Has the cause of an incident looked for, unless that is done already or something is being done about it.
pub(in crate::domain) fn diagnose(state: &State, id: IncidentId, give: &mut impl FnMut(&'static str, Command)) {
    let fresh = state.incidents.get(&id).is_some_and(|incident| {
        let diagnoses = || incident.diagnoses.iter().filter_map(|id| state.diagnoses.get(id));
        // What a policy has asked for waits for people, and they should know the newest.
        let acted_on = |change: &&Change| {
            change.plan.heals()
                && change.state.is_open()
                && (change.state != ChangeState::Pending || change.requester.operator().is_some())
        };
        let changes = || incident.changes.iter().filter_map(|id| state.changes.get(id));
        let recoveries = || incident.recoveries.iter().filter_map(|id| state.recoveries.get(id));
        let since = incident.quiet_since;
        !incident.services.is_empty()
            && !diagnoses().any(|diagnosis| diagnosis.state == DiagnosisState::Running)
            && !recoveries().any(|run| run.plan.heals() && since.is_none_or(|since| run.started_at > since))
            && changes().find(acted_on).is_none()
    });
    if fresh && acts(state) {
        give("diagnose what is down", Command::RequestDiagnosis { incident: id });
    }
}

/// Decides that what a service declares for a purpose is run, or asked for; where neither may be, people are asked.
pub(in crate::domain) fn run_for(
    state: &State,
    id: IncidentId,
    service: &str,
    purpose: Purpose,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(id)?;
    if !found.state.is_open() {
        return Ok(Vec::new());
    }
    let task =
        |why: String| Ok(vec![Event::TaskSet { incident: id, task: format!("{} {service}: {why}", purpose.name()) }]);
    let declared = state.platform.service(service).ok_or_else(|| Refusal::unknown(Named::Service, service))?;
    let Some(action) = declared.actions.iter().find(|action| action.purpose == Some(purpose)) else {
        return task(format!("no action of it is declared with for = \"{}\"", purpose.name()));
    };
    if !acts(state) {
        let why = if state.halted.is_some() { "automation is halted" } else { "automation only observes" };
        return task(format!("{why}; by hand: codeblue action run {service} {}", action.name));
    }
    let (plan, reason) = (plan_action(state, service, &action.name)?, format!("{id}: {}", purpose.name()));
    let since = found.quiet_since.unwrap_or(found.detected_at);
    let runs = state.recoveries.values().filter(|run| run.started_at >= since && *run.plan == plan);
    let done = runs.filter_map(|run| run.ended).any(|(_, outcome)| outcome == RecoveryOutcome::Succeeded);
    let asked = |change: &Change| change.state.is_open() && *change.plan == plan;
    if done || state.changes.values().any(asked) {
        return Ok(Vec::new());
    }
    run::start_or_ask(state, plan, &reason, Some(id), meta).or_else(|refusal| task(refusal.message))
}

/// Decides that people are asked to do something.
pub(in crate::domain) fn ask(state: &State, id: IncidentId, task: &str) -> Result<Vec<Event>, Refusal> {
    state.incident(id)?;
    Ok(vec![Event::TaskSet { incident: id, task: text::line("task", task)? }])
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    match &recorded.event {
        Event::TaskSet { incident, task } => {
            tell(state, *incident, recorded, TimelineKind::State, format!("task for people: {task}"));
        }
        Event::WorkflowChanged { incident, workflow } => {
            if let Some(found) = state.incidents.get_mut(incident) {
                found.workflow = *workflow;
            }
            tell(state, *incident, recorded, TimelineKind::Bad, format!("this is a case of {workflow}"));
        }
        _ => {}
    }
}
