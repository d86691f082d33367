//! What broke, how sure we are, and what may be done about it. The document's JSON form is the contract's (scope D5).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Actor, Approach, AutomationMode, Cause, DeploymentId, DiagnosisId, DiagnosisVerdict, Event, FoundSeverity,
    Incident, IncidentId, Named, Refusal, SecondOpinion, Severity, State, Status, Vitals,
};
use crate::platform::{ActionRisk, Check, CheckLevel, Probe};

/// One search for the cause of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Its name.
    pub id: DiagnosisId,
    /// What is to be explained.
    pub incident: IncidentId,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// How far it is.
    pub state: DiagnosisState,
    /// What the local analyser found, while a language model is still asked about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<std::sync::Arc<DiagnosisDocument>>,
    /// When it had found it, and the model began to be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drafted_at: Option<DateTime<Utc>>,
    /// Who does not wait for the model any longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_awaited_by: Option<Actor>,
    /// What people say of the answer, one verdict of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<DiagnosisVerdict>,
}

impl Diagnosis {
    /// The answer, or what is known of it so far.
    #[must_use]
    pub fn document(&self) -> Option<&std::sync::Arc<DiagnosisDocument>> {
        match &self.state {
            DiagnosisState::Concluded { document, .. } => Some(document),
            DiagnosisState::Running => self.draft.as_ref(),
            DiagnosisState::Failed { .. } => None,
        }
    }
}

/// How far a diagnosis is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum DiagnosisState {
    /// Evidence is being collected.
    Running,
    /// An answer was found.
    Concluded {
        /// The answer.
        document: std::sync::Arc<DiagnosisDocument>,
        /// When.
        at: DateTime<Utc>,
    },
    /// None was.
    Failed {
        /// Why.
        error: String,
    },
}

/// The answer of a diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosisDocument {
    /// The diagnosis this is the answer of.
    pub error_id: String,
    /// First failed check.
    pub detected_at: DateTime<Utc>,
    /// Severity of the incident.
    pub severity: Severity,
    /// The severity that it has by rules, with every point explained; none where no service is known to suffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_severity: Option<FoundSeverity>,
    /// What kind of failure it is.
    pub category: Category,
    /// The kind of its root cause, finer than the category.
    #[serde(default)]
    pub root_cause_category: Cause,
    /// What the root cause calls for, whether or not the platform file declares it.
    #[serde(default)]
    pub approach: Approach,
    /// Services that suffer, the root first.
    pub affected_services: Vec<String>,
    /// The most likely cause.
    pub root_cause: RootCause,
    /// All causes that were weighed, the root cause first, then by probability. What the probabilities lack to 1 is that it
    /// is none of these.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
    /// Declared actions and rollbacks that may help, best first.
    pub suggested_fixes: Vec<SuggestedFix>,
    /// Earlier incidents of the same service.
    pub related_incidents: Vec<IncidentId>,
    /// Articles of the knowledge base that match.
    pub knowledge_base_articles: Vec<String>,
    /// What a language model had to do with it; none where the platform file names no model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_opinion: Option<SecondOpinion>,
}

impl DiagnosisDocument {
    /// What was found, where it is worse than the severity that the incident has.
    #[must_use]
    pub fn worse_than(&self, severity: Severity) -> Option<&FoundSeverity> {
        self.found_severity.as_ref().filter(|found| found.severity < severity)
    }
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// A new version misbehaves.
    Deployment,
    /// A process is gone or frozen.
    Process,
    /// A setting is wrong.
    Configuration,
    /// A database refuses or lies.
    Database,
    /// It works, but too slowly.
    Performance,
    /// Memory, disk, file handles or processors are short.
    Resource,
    /// Names, connections, or the way between two services.
    Network,
    /// A certificate or a credential is not accepted.
    Security,
    /// Something outside of the platform does not serve.
    ExternalDependency,
    /// Somebody holds what others wait for.
    Contention,
    /// A pool, a queue or a limit is full.
    Capacity,
    /// The host itself, such as its clock.
    Infrastructure,
    /// None of the above could be shown.
    Unknown,
}

/// The most likely cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RootCause {
    /// Where it sits.
    pub service: String,
    /// What it is, in one line.
    pub issue: String,
    /// How sure the analyser is, 0 to 1.
    pub confidence: f64,
    /// The deployment that is blamed, if one is.
    pub deployment: Option<DeploymentId>,
    /// What speaks for it, strongest first.
    pub evidence: Vec<Evidence>,
}

/// A cause that was weighed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Where it would sit.
    pub service: String,
    /// What kind of failure it would be.
    pub category: Category,
    /// The kind of cause it would be.
    #[serde(default)]
    pub cause: Cause,
    /// What it would be, in one line.
    pub issue: String,
    /// How likely it is, against the others and against none of them, 0 to 1.
    pub probability: f64,
    /// The deployment that would be to blame.
    pub deployment: Option<DeploymentId>,
    /// What speaks for it, strongest first.
    pub evidence: Vec<Evidence>,
}

/// One fact that speaks for a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// When it was seen, if that is known.
    pub at: Option<DateTime<Utc>>,
    /// Where: a check, a log file, the ledger.
    pub source: String,
    /// What.
    pub text: String,
    /// How often it was seen.
    pub count: u64,
}

/// Something that may help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuggestedFix {
    /// In words.
    pub action: String,
    /// 1 is to be tried first.
    pub priority: u8,
    /// How long it takes, in seconds.
    #[serde(rename = "estimatedTimeSeconds")]
    pub estimated_time: u64,
    /// How dangerous it is.
    pub risk: ActionRisk,
    /// The command lines that do the same by hand.
    pub commands: Vec<String>,
    /// What the engine would do; always something declared.
    pub fix: Fix,
}

/// What the engine can do about a cause. There is no free text in it that anything would execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Fix {
    /// Bring a component back to its last good version or snapshot.
    RollBack {
        /// The component.
        component: String,
    },
    /// Run an action that the platform file declares.
    RunAction {
        /// The service.
        service: String,
        /// The action's name.
        action: String,
    },
}

/// Decides that a diagnosis is to be made.
pub(super) fn request(state: &State, incident: IncidentId) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(incident)?;
    if !found.state.is_open() {
        return Err(Refusal::new("incident-not-open", format!("{incident} is {}", found.state))
            .hint(format!("reopen it first: codeblue incident reopen {incident} --reason WHY")));
    }
    if let Some(running) = state
        .diagnoses
        .values()
        .find(|diagnosis| diagnosis.incident == incident && diagnosis.state == DiagnosisState::Running)
    {
        return Err(Refusal::new("diagnosis-running", format!("{} is still looking for the cause", running.id))
            .hint(format!("wait for its answer: codeblue diagnose {incident} --last")));
    }
    Ok(vec![Event::DiagnosisRequested { diagnosis: state.next_diagnosis(), incident }])
}

/// Decides that a language model is not waited for any longer: what the local analyser has found stands.
pub(super) fn cancel_second_opinion(state: &State, id: DiagnosisId) -> Result<Vec<Event>, Refusal> {
    let found = running(state, id)?;
    if found.draft.is_none() {
        return Err(Refusal::new("no-model-asked", format!("no language model is asked for {id} now"))
            .hint("it is asked when the local analyser has found something, if the platform file names one"));
    }
    let already = found.not_awaited_by.is_some();
    Ok(if already { Vec::new() } else { vec![Event::SecondOpinionCancelled { diagnosis: id }] })
}

/// A check that may take longer is not waited for by a diagnosis.
const ASKED_WITHIN: std::time::Duration = std::time::Duration::from_secs(3);
/// So many checks are run for one diagnosis at most.
const ASKED_MOST: usize = 48;

/// The checks that a diagnosis has run before it says anything: those of what is hit, and of what that needs, that have not come out
/// since the trouble began. Whoever is hit is often judged before whoever is to blame.
#[must_use]
pub fn unheard<'a>(state: &'a State, vitals: &Vitals, incident: IncidentId) -> Vec<(&'a str, &'a Check)> {
    let Some(incident) = state.incidents.get(&incident) else { return Vec::new() };
    let mut names: Vec<&str> = incident.services.iter().map(String::as_str).collect();
    for below in incident.services.iter().flat_map(|name| state.platform.dependencies_of(name)) {
        if let Some(service) = state.platform.service(&below).filter(|service| !names.contains(&service.name.as_str()))
        {
            names.push(&service.name);
        }
    }
    let heard = |service: &str, check: &Check| {
        let last = vitals.services.get(service).and_then(|figures| figures.checks.get(&check.name));
        last.is_some_and(|sample| sample.at >= incident.detected_at)
    };
    let asks = |check: &Check| {
        // These look back over a time, whenever they are asked.
        let looks_back = check.probe.waits_to_be_told() || matches!(check.probe, Probe::Log(_) | Probe::Promql(_));
        check.level != CheckLevel::Comprehensive && check.within <= ASKED_WITHIN && !looks_back
    };
    let maintained = |name: &str| state.services.get(name).is_some_and(|health| health.status == Status::Maintenance);
    let services = names.into_iter().filter(|name| !maintained(name)).filter_map(|name| state.platform.service(name));
    let checks = services.flat_map(|service| service.checks.iter().map(|check| (service.name.as_str(), check)));
    checks.filter(|(service, check)| asks(check) && !heard(service, check)).take(ASKED_MOST).collect()
}

/// How soon the cause is looked for again where nothing spoke for one, as its evidence may not have been there yet, and where nothing
/// can be done about what was found; each further time after twice as long, up to `PATIENCE`.
const SECOND_LOOK: TimeDelta = TimeDelta::seconds(10);
const NO_REMEDY: TimeDelta = TimeDelta::minutes(1);
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// When the cause of an incident is looked for once more, as something still fails and nothing is done about it: some time
/// after nothing was found, or when what was blamed has been well for as long as the others need to be seen well too.
pub(super) fn second_look_at(state: &State, incident: &Incident) -> Option<DateTime<Utc>> {
    let status = |service: &str| state.services.get(service).map(|health| health.status);
    let changes = || incident.changes.iter().filter_map(|id| state.changes.get(id));
    let acted_on = changes().any(|change| change.state.is_open())
        || state.running_recoveries().any(|recovery| recovery.incident == Some(incident.id));
    if state.mode == AutomationMode::Observe || state.halted.is_some() || acted_on {
        return None;
    }
    let failing =
        || incident.services.iter().filter(|name| matches!(status(name), Some(Status::Down | Status::Degraded)));
    failing().next()?;
    let last = state.diagnoses.get(incident.diagnoses.last()?)?;
    let (ended, pause) = match &last.state {
        DiagnosisState::Running => return None,
        DiagnosisState::Concluded { document, at } if !document.suggested_fixes.is_empty() => (*at, None),
        DiagnosisState::Concluded { document, at } if document.root_cause.confidence > 0.0 => (*at, Some(NO_REMEDY)),
        DiagnosisState::Concluded { at, .. } => (*at, Some(SECOND_LOOK)),
        DiagnosisState::Failed { .. } => (last.requested_at, Some(NO_REMEDY)),
    };
    let doublings = incident.diagnoses.len().clamp(1, 10) - 1;
    let again = pause.map(|pause| ended + (pause * (1 << doublings)).min(PATIENCE));
    let blamed = incident.root.as_ref().and_then(|root| state.services.get(root));
    let well = blamed.filter(|health| health.status == Status::Healthy);
    let well_since = well.and_then(|health| health.since).filter(|since| *since > ended);
    let time_to_heal = failing().filter_map(|name| state.platform.service(name)?.time_to_heal()).max();
    let other = well_since.zip(time_to_heal).and_then(|(since, time)| Some(since + TimeDelta::from_std(time).ok()?));
    again.into_iter().chain(other).min()
}

/// The diagnosis, if it is still running.
pub(super) fn running(state: &State, id: DiagnosisId) -> Result<&Diagnosis, Refusal> {
    let diagnosis = state.diagnoses.get(&id).ok_or_else(|| Refusal::unknown(Named::Diagnosis, id))?;
    if diagnosis.state != DiagnosisState::Running {
        return Err(Refusal::new("diagnosis-over", format!("{id} has ended already"))
            .hint(format!("look again: codeblue diagnose {}", diagnosis.incident)));
    }
    Ok(diagnosis)
}
