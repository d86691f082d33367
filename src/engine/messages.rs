//! What the engine says to those who call it, in the shape in which it travels.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::PlaceFigures;
use crate::diagnosis::Removed;
use crate::domain::{
    Actor, BreakGlassId, DiagnosisId, ErrorEvent, ErrorGroup, ImpactAnalysis, IncidentId, LostCheckpoints, Outage,
    Plan, Recorded, Refusal, Risk, Role, runbook::Runbook,
};

/// Header by which several people who share a login in a drill say who they are.
pub const AS_HEADER: &str = "x-codeblue-as";

/// The answer to a command that was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Position of the journal after it.
    pub seq: u64,
    /// What it made happen, the reactions of policies included; empty when it was true already.
    pub events: Vec<Recorded>,
    /// What was taken out of its texts before anything was decided: how often each class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub removed: Removed,
}

impl Answer {
    /// What was taken out of its texts, in words; none when nothing was.
    #[must_use]
    pub fn told_removed(&self) -> Option<String> {
        let told =
            |(class, count): (&String, &u64)| if *count == 1 { class.clone() } else { format!("{class} ×{count}") };
        let classes: Vec<String> = self.removed.iter().map(told).collect();
        (!classes.is_empty()).then(|| format!("taken out before it was stored: {}", classes.join(", ")))
    }
}

/// What a language model has said so far about a diagnosis that runs: redacted, verified by nobody, and kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelWords {
    /// The diagnosis.
    pub diagnosis: DiagnosisId,
    /// Which try it is, from 1.
    pub attempt: u32,
    /// Bytes of the answer that have come.
    pub received: usize,
    /// What can be read of its explanation.
    pub saying: String,
}

/// What purging the texts of an event would delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PurgePreview {
    /// The event.
    pub seq: u64,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// Who caused it.
    pub actor: Actor,
    /// What happened, in one line.
    pub summary: String,
    /// The texts that would go, by where they stand in the event.
    pub texts: BTreeMap<String, String>,
    /// Other events among whose texts one of these stands too.
    pub also_in: Vec<u64>,
    /// Why it may not be done now.
    pub refused: Option<Refusal>,
}

/// A checkpoint that a witness is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WitnessRequest {
    /// As it was signed.
    pub checkpoint: String,
    /// The key that signed it, as OpenSSH writes it.
    pub key: String,
    /// The size of the one the witness knows, from which the proof begins; 0 when it knows none.
    pub old_size: u64,
    /// That this one goes on from there: hashes in base64, as in RFC 6962.
    #[serde(default)]
    pub proof: Vec<String>,
}

/// What a witness says to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WitnessAnswer {
    /// Up to which event it knows the journal now.
    pub size: u64,
    /// The line that goes under the checkpoint.
    pub cosignature: String,
    /// The key that signed it, as OpenSSH writes it.
    pub key: String,
}

/// How well this engine's record is secured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceFigures {
    /// The journal's name.
    pub origin: String,
    /// The key that signs its checkpoints, as OpenSSH writes it.
    pub key: String,
    /// When the first signed checkpoint was cut: tamper-evident since then.
    pub since: Option<DateTime<Utc>>,
    /// The newest.
    pub checkpoint: Option<CheckpointFigures>,
    /// Since when and why none can be written here.
    #[serde(default)]
    pub outage: Option<Outage>,
    /// The last time none was left of what was recorded before.
    #[serde(default)]
    pub lost: Option<LostCheckpoints>,
    /// Places that keep them.
    pub exports: Vec<PlaceState>,
    /// Engines that are witnesses.
    pub witnesses: Vec<PlaceState>,
}

/// A checkpoint in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointFigures {
    /// Up to which event.
    pub seq: u64,
    /// When it was cut.
    pub at: DateTime<Utc>,
}

/// A place outside and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceState {
    /// As the platform file names it.
    pub place: String,
    /// What is there; none when nothing got there since the engine started.
    pub reached: Option<PlaceFigures>,
    /// Since when and why nothing gets there.
    pub outage: Option<Outage>,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// A rule said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The journal could not be written; nothing has happened.
    #[error("the journal could not be written, so nothing was done: {0}")]
    Journal(String),
    /// The engine is stopping.
    #[error("the engine is stopping; nothing was done")]
    Stopping,
}

/// What programs report of themselves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorBatch {
    /// What went wrong.
    pub errors: Vec<ErrorEvent>,
    /// Requests of each service since it last said so, those that failed included.
    #[serde(default)]
    pub requests: BTreeMap<String, u64>,
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorAnswer {
    /// Each that was taken, in the order given.
    pub taken: Vec<TakenError>,
    /// Each that was not: its place in the list, from 0, and why.
    pub refused: Vec<(usize, String)>,
}

/// An error that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TakenError {
    /// All that look like it, since the engine started.
    #[serde(flatten)]
    pub errors: ErrorGroup,
    /// The open incident it is part of.
    pub incident: Option<IncidentId>,
}

/// What a plan would change, found out without changing anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// The plan looked at.
    pub plan: Plan,
    /// Its hash; approvals are bound to it.
    pub plan_hash: String,
    /// What it touches.
    #[serde(default)]
    pub impact: ImpactAnalysis,
    /// How risky it is.
    pub risk: Risk,
    /// Who would have to agree; nobody when it would run at once.
    pub required: Vec<Role>,
    /// The own break-glass under which it would run, although nobody has agreed.
    #[serde(default)]
    pub break_glass: Option<BreakGlassId>,
    /// Expected time from earlier runs or usual figures, in seconds.
    pub estimate_seconds: u64,
    /// What would change, component by component.
    pub components: Vec<ComponentDifference>,
}

/// What would change in one component, or what differs between two of its states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentDifference {
    /// Which.
    pub component: String,
    /// In one line, such as `41 files differ`.
    pub summary: String,
    /// Each difference, at most 2,000.
    pub files: Vec<FileChange>,
    /// How many there are in all.
    pub total: u64,
}

/// What a component's adapter found when it looked at what is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveProof {
    /// Which.
    pub component: String,
    /// What is wrong; none when it is whole.
    pub problem: Option<String>,
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    /// Its path, or a table of a database.
    pub path: String,
    /// In which way.
    pub kind: FileChangeKind,
    /// Size before, in bytes; rows for a table.
    pub before: Option<u64>,
    /// Size after, in bytes; rows for a table.
    pub after: Option<u64>,
}

/// In which way a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileChangeKind {
    /// It would appear.
    Added,
    /// It would go.
    Removed,
    /// Its content would change.
    Changed,
}

/// A book of the engine's library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LibraryBook {
    /// Its id; what its file is called, when it could not be read.
    pub id: String,
    /// Its file.
    pub file: String,
    /// It came with the program.
    pub built_in: bool,
    /// Mistakes that keep it from being walked through.
    pub errors: usize,
    /// What it says; none while it has mistakes.
    pub runbook: Option<Arc<Runbook>>,
}
