//! What has happened. Events are the journal's content; one is never changed or deleted, so fields are only ever added.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ActionKind, Actor, Burst, Captured, ChangeId, ChangeKind, ChangeOutcome, Clock, Criterion, DeploymentId,
    DeploymentOrigin, DiagnosisDocument, DiagnosisId, ErrorGroup, Findings, IncidentId, IncidentRole, IncidentState,
    Level, Message, Notice, Phase, Plan, PlannedWork, Proof, RecoveryId, RecoveryOutcome, Risk, SeenCheckpoint,
    Severity, SnapshotId, SnapshotTrigger, Status, TestResult, Workflow,
};
use crate::platform::{AutomationMode, Platform, Role};

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "each field is the domain type of its name")]
pub enum Event {
    /// An engine took charge of this journal.
    EngineStarted {
        version: String,
        host: String,
        /// The name of this journal, as in its checkpoints.
        #[serde(default)]
        origin: String,
    },
    /// It let go in good order.
    EngineStopped { reason: String },
    /// The engine before this one did not: this was its last event.
    UncleanEndFound { since: DateTime<Utc>, last: u64, at: DateTime<Utc> },
    /// The clock of the host was set, or the host slept.
    ClockStepped { expected: DateTime<Utc>, found: DateTime<Utc> },
    /// Checkpoints do not reach a place outside any more, or do again.
    ExportChanged { place: String, problem: Option<String> },
    /// The journal of another engine was seen, and it goes on from what was seen of it before.
    CheckpointWitnessed { seen: SeenCheckpoint, by: String },
    /// It does not: there are two versions of that journal.
    CheckpointRefused { seen: SeenCheckpoint, by: String },
    /// This platform file is in force from here on.
    PlatformLoaded { platform: Arc<Platform> },
    /// Policies may go this far from here on.
    AutomationSet { mode: AutomationMode },
    /// The kill switch: policies start nothing until it is released.
    AutomationHalted { reason: String },
    /// The kill switch was released.
    AutomationReleased,

    /// Somebody may work here.
    OperatorAdded { name: String, roles: BTreeSet<Role>, login: Option<String> },
    /// Somebody may not any more.
    OperatorDisabled { name: String },

    /// The judgement of a service changed.
    ServiceStatusChanged {
        service: String,
        from: Status,
        to: Status,
        reason: String,
        failing_since: Option<DateTime<Utc>>,
    },
    /// Somebody planned work on a service.
    MaintenancePlanned { work: PlannedWork },
    /// It will not be done.
    MaintenanceWithdrawn { work: PlannedWork },
    /// Planned work on a service began.
    MaintenanceStarted { service: String, until: DateTime<Utc>, reason: String },
    /// It ended.
    MaintenanceEnded { service: String },

    /// Something is wrong and somebody has to see to it.
    IncidentOpened {
        incident: IncidentId,
        severity: Severity,
        title: String,
        services: Vec<String>,
        detected_at: DateTime<Utc>,
        /// Which response it gets, where that does not follow from how the services are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workflow: Option<Workflow>,
    },
    /// It turned out to be of a graver kind.
    WorkflowChanged { incident: IncidentId, workflow: Workflow },
    /// Programs have reported errors that change what is thought of it.
    ErrorsRecorded { incident: IncidentId, errors: ErrorGroup, burst: Option<Burst> },
    /// People are asked to do what does not happen by itself.
    TaskSet { incident: IncidentId, task: String },
    /// Another service turned out to be part of it.
    IncidentServiceAdded { incident: IncidentId, service: String, root: bool },
    /// A person has seen it.
    IncidentAcknowledged { incident: IncidentId },
    /// It entered the next state of its life.
    IncidentAdvanced { incident: IncidentId, state: IncidentState },
    /// Its severity was judged anew.
    IncidentSeveritySet { incident: IncidentId, severity: Severity, reason: String },
    /// Somebody wrote something down.
    IncidentNoted { incident: IncidentId, text: String },
    /// Somebody took a role.
    IncidentAssigned { incident: IncidentId, role: IncidentRole, operator: String },
    /// It needs more people.
    IncidentEscalated { incident: IncidentId, level: u8, reason: String },
    /// People are to be told; whether anything is sent is another matter.
    PeopleToCall { notice: Notice },
    /// By its age, the response goes further.
    LevelReached { incident: IncidentId, level: Level },
    /// One of its clocks ran out.
    ClockBreached { incident: IncidentId, clock: Clock },
    /// Users are served again.
    IncidentResolved { incident: IncidentId, resolution: String },
    /// All is done, also the paper work.
    IncidentClosed { incident: IncidentId },
    /// It came back.
    IncidentReopened { incident: IncidentId, reason: String },
    /// It is the same as another.
    IncidentMerged { incident: IncidentId, into: IncidentId },
    /// It has to do with another.
    IncidentLinked { incident: IncidentId, other: IncidentId },
    /// Those who wait were told how it goes.
    StakeholdersUpdated { incident: IncidentId, message: Message },
    /// They should have been told again by now.
    UpdateOverdue { incident: IncidentId, due_at: DateTime<Utc> },
    /// These sections of the post-mortem say this from here on; an empty one says what it said.
    PostMortemWritten { incident: IncidentId, findings: Findings },
    /// Something is to be done about it; the items of an incident are numbered from 1 in this order.
    ActionItemAdded {
        incident: IncidentId,
        what: String,
        kind: ActionKind,
        owner: Option<String>,
        due: Option<NaiveDate>,
    },
    /// Somebody else sees to it, or until another date; what is none stays as it was.
    ActionItemChanged { incident: IncidentId, item: usize, owner: Option<String>, due: Option<NaiveDate> },
    /// It should have been done by now.
    ActionItemOverdue { incident: IncidentId, item: usize },
    /// It was done.
    ActionItemDone { incident: IncidentId, item: usize },
    /// The post-mortem says all it has to.
    PostMortemCompleted { incident: IncidentId },
    /// It does not, and its time is over.
    PostMortemOverdue { incident: IncidentId },

    /// Somebody wants to know what broke.
    DiagnosisRequested { diagnosis: DiagnosisId, incident: IncidentId },
    /// An answer was found.
    DiagnosisConcluded { diagnosis: DiagnosisId, document: Arc<DiagnosisDocument> },
    /// None was.
    DiagnosisFailed { diagnosis: DiagnosisId, error: String },

    /// A snapshot is about to be taken.
    SnapshotRequested {
        snapshot: SnapshotId,
        trigger: SnapshotTrigger,
        components: Vec<String>,
        reason: String,
        recovery: Option<RecoveryId>,
    },
    /// It is in the vault.
    SnapshotTaken { snapshot: SnapshotId, captured: Vec<Captured>, total_bytes: u64 },
    /// It is not.
    SnapshotFailed { snapshot: SnapshotId, error: String },
    /// Its bytes in the vault were read and found right, or not.
    SnapshotVerified { snapshot: SnapshotId, problems: Vec<String> },
    /// Somebody wants to know whether it is right, or comes back.
    SnapshotProofRequested { snapshot: SnapshotId, proof: Proof },
    /// It was restored into a scratch place, or could not be.
    SnapshotTested { snapshot: SnapshotId, results: Vec<TestResult> },
    /// It could be neither proved nor disproved.
    SnapshotProofFailed { snapshot: SnapshotId, proof: Proof, error: String },
    /// Retention does not need these any more: their data in the vault is about to go.
    SnapshotsForgotten { snapshots: Vec<SnapshotId>, vault_ids: Vec<String> },
    /// The data of forgotten snapshots is gone from the vault.
    VaultPruned { vault_ids: Vec<String>, total_bytes: u64 },
    /// Whether retention must keep it.
    SnapshotPinned { snapshot: SnapshotId, pinned: bool },

    /// A version went live.
    DeploymentRecorded {
        deployment: DeploymentId,
        component: String,
        version: String,
        previous: Option<String>,
        origin: DeploymentOrigin,
        note: String,
    },

    /// Somebody wants to change production.
    ChangeSubmitted {
        change: ChangeId,
        kind: ChangeKind,
        title: String,
        reason: String,
        incident: Option<IncidentId>,
        plan: Arc<Plan>,
        plan_hash: String,
        risk: Risk,
        required: Vec<Role>,
        expires_at: DateTime<Utc>,
    },
    /// One of those asked said yes, to exactly this plan.
    ChangeApproved { change: ChangeId, role: Role, plan_hash: String, reason: String },
    /// Everybody who had to has said yes.
    ChangeAuthorised { change: ChangeId },
    /// Somebody said no.
    ChangeRejected { change: ChangeId, reason: String },
    /// An approval was taken back.
    ApprovalRevoked { change: ChangeId, operator: String, reason: String },
    /// Nobody decided in time.
    ChangeExpired { change: ChangeId },
    /// Its requester does not want it any more.
    ChangeWithdrawn { change: ChangeId, reason: String },
    /// It was carried out, well or not.
    ChangeEnded { change: ChangeId, outcome: ChangeOutcome },

    /// A snapshot was found in the vault that no record knew.
    SnapshotAdopted { snapshot: SnapshotId, called: String, taken_at: DateTime<Utc>, captured: Vec<Captured> },
    /// What is damaged in the vault or was lost is being put back from the replica.
    VaultRepairStarted,
    /// It was, or not all of it could be.
    VaultRepairEnded { whole: bool, found: String },
    /// The log of a component is received, or is not any more.
    StreamChanged { component: String, problem: Option<String> },
    /// The vault is being copied to its replica.
    ReplicationStarted,
    /// It was, or could not be, or damage was found on the way.
    ReplicationEnded { problem: Option<String> },

    /// A recovery began.
    RecoveryStarted {
        recovery: RecoveryId,
        plan: Arc<Plan>,
        reason: String,
        incident: Option<IncidentId>,
        change: Option<ChangeId>,
    },
    /// The executor is about to act.
    StepStarted { recovery: RecoveryId, step: usize },
    /// It has acted.
    StepDone { recovery: RecoveryId, step: usize, output: String },
    /// It could not.
    StepFailed { recovery: RecoveryId, step: usize, error: String },
    /// What was found makes these steps needless; counted from 0.
    StepsSkipped { recovery: RecoveryId, steps: Vec<usize>, reason: String },
    /// Somebody wants it to stop after the step under way.
    RecoveryCancelRequested { recovery: RecoveryId, reason: String },
    /// The recovery is over.
    RecoveryEnded { recovery: RecoveryId, outcome: RecoveryOutcome, summary: String },
    /// A phase of its validation is over.
    RecoveryValidated { recovery: RecoveryId, phase: Phase, criteria: Vec<Criterion> },
    /// The extended watch after a recovery is over.
    WatchEnded { recovery: RecoveryId, passed: bool, reason: String },
}

/// An event in its place in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// Position, from 1, without gaps.
    pub seq: u64,
    /// When the engine decided it.
    pub at: DateTime<Utc>,
    /// Who caused it.
    pub actor: Actor,
    /// The event this one is a reaction to.
    pub cause: Option<u64>,
    /// What happened.
    pub event: Event,
    /// SHA-256 over the previous hash and everything above, in hexadecimal.
    pub hash: String,
}
