//! What broke, how sure we are, and what may be done about it. The document's JSON form is the contract's (scope D5).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{DeploymentId, DiagnosisId, Event, IncidentId, Refusal, Severity, State};
use crate::platform::ActionRisk;

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
    /// What kind of failure it is.
    pub category: Category,
    /// Services that suffer, the root first.
    pub affected_services: Vec<String>,
    /// The most likely cause.
    pub root_cause: RootCause,
    /// Declared actions and rollbacks that may help, best first.
    pub suggested_fixes: Vec<SuggestedFix>,
    /// Earlier incidents of the same service.
    pub related_incidents: Vec<IncidentId>,
    /// Articles of the knowledge base that match.
    pub knowledge_base_articles: Vec<String>,
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
    /// The host is short of something.
    Resource,
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
        return Err(Refusal::new("incident-not-open", format!("{incident} is {}", found.state)).hint("reopen it first"));
    }
    if let Some(running) = state
        .diagnoses
        .values()
        .find(|diagnosis| diagnosis.incident == incident && diagnosis.state == DiagnosisState::Running)
    {
        return Err(Refusal::new("diagnosis-running", format!("{} is still looking for the cause", running.id)));
    }
    Ok(vec![Event::DiagnosisRequested { diagnosis: state.next_diagnosis(), incident }])
}

/// The diagnosis, if it is still running.
pub(super) fn running(state: &State, id: DiagnosisId) -> Result<&Diagnosis, Refusal> {
    let diagnosis = state.diagnoses.get(&id).ok_or_else(|| Refusal::unknown("diagnosis", id))?;
    if diagnosis.state != DiagnosisState::Running {
        return Err(Refusal::new("diagnosis-over", format!("{id} has ended already")));
    }
    Ok(diagnosis)
}
