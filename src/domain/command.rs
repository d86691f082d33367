//! What somebody asks for. Most come from people; the last group is the engine's own report of what it saw and did.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ActionKind, Burst, Captured, ChangeId, Clock, Criterion, DiagnosisDocument, DiagnosisId, ErrorGroup, Finding,
    Findings, Found, IncidentId, IncidentRole, Level, Message, Notice, Phase, Proof, RecoveryId, RecoveryOutcome,
    RollbackRequest, SeenCheckpoint, Severity, SnapshotId, SnapshotTrigger, TestResult, Verdict,
};
use crate::platform::{AutomationMode, Platform, Purpose, Role};

/// Something asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "each field is the domain type of its name")]
pub enum Command {
    DeclareIncident {
        severity: Severity,
        title: String,
        services: Vec<String>,
    },
    AcknowledgeIncident {
        incident: IncidentId,
    },
    NoteIncident {
        incident: IncidentId,
        text: String,
    },
    AssignIncident {
        incident: IncidentId,
        role: IncidentRole,
        operator: String,
    },
    EscalateIncident {
        incident: IncidentId,
        reason: String,
    },
    SetIncidentSeverity {
        incident: IncidentId,
        severity: Severity,
        reason: String,
    },
    ResolveIncident {
        incident: IncidentId,
        resolution: String,
    },
    CloseIncident {
        incident: IncidentId,
    },
    /// Close it although its post-mortem is still owed, and stays so.
    CloseIncidentOwing {
        incident: IncidentId,
        reason: String,
    },
    ReopenIncident {
        incident: IncidentId,
        reason: String,
    },
    MergeIncident {
        incident: IncidentId,
        into: IncidentId,
    },
    LinkIncident {
        incident: IncidentId,
        other: IncidentId,
    },
    UpdateStakeholders {
        incident: IncidentId,
        message: Message,
    },
    WritePostMortem {
        incident: IncidentId,
        findings: Findings,
    },
    CompletePostMortem {
        incident: IncidentId,
    },
    AddActionItem {
        incident: IncidentId,
        what: String,
        kind: ActionKind,
        owner: Option<String>,
        due: Option<NaiveDate>,
    },
    ChangeActionItem {
        incident: IncidentId,
        item: usize,
        owner: Option<String>,
        due: Option<NaiveDate>,
    },
    FinishActionItem {
        incident: IncidentId,
        item: usize,
    },

    RequestDiagnosis {
        incident: IncidentId,
    },

    RequestSnapshot {
        components: Vec<String>,
        trigger: SnapshotTrigger,
        reason: String,
    },
    PinSnapshot {
        snapshot: SnapshotId,
        pinned: bool,
    },
    /// Have something proved of a snapshot.
    RequestProof {
        snapshot: SnapshotId,
        proof: Proof,
    },
    /// Forget what retention does not need any more, now.
    ApplyRetention,
    Replicate,
    RepairVault,

    /// Roll something back: runs at once or opens a change, as the rules say.
    RequestRollback(RollbackRequest),
    /// Run a declared action of a service: at once or through a change.
    RequestAction {
        service: String,
        action: String,
        incident: Option<IncidentId>,
        reason: String,
    },
    CancelRecovery {
        recovery: RecoveryId,
        reason: String,
    },
    /// Bring back what stood before a recovery.
    UndoRecovery {
        recovery: RecoveryId,
        reason: String,
    },

    ApproveChange {
        change: ChangeId,
        plan_hash: String,
        reason: String,
    },
    RejectChange {
        change: ChangeId,
        reason: String,
    },
    RevokeApproval {
        change: ChangeId,
        reason: String,
    },
    WithdrawChange {
        change: ChangeId,
        reason: String,
    },

    RecordDeployment {
        component: String,
        version: String,
        note: String,
    },

    AddOperator {
        name: String,
        roles: BTreeSet<Role>,
        login: Option<String>,
    },
    DisableOperator {
        name: String,
    },
    SetAutomation {
        mode: AutomationMode,
    },
    HaltAutomation {
        reason: String,
    },
    ReleaseAutomation,
    StartMaintenance {
        service: String,
        until: DateTime<Utc>,
        reason: String,
    },
    EndMaintenance {
        service: String,
    },
    PlanMaintenance {
        service: String,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        reason: String,
    },
    WithdrawMaintenance {
        service: String,
        from: DateTime<Utc>,
    },

    StartEngine {
        version: String,
        host: String,
        /// The name of the engine's journal, as in its checkpoints.
        origin: String,
    },
    StopEngine {
        reason: String,
    },
    ReportClockStep {
        expected: DateTime<Utc>,
        found: DateTime<Utc>,
    },
    ReportExport {
        place: String,
        problem: Option<String>,
    },
    /// A checkpoint whose signature is right, and which was proved to go on from the one of `known` events.
    WitnessCheckpoint {
        seen: SeenCheckpoint,
        known: u64,
        by: String,
    },
    /// A checkpoint whose signature is right, and which cannot be true beside the one known.
    RefuseCheckpoint {
        seen: SeenCheckpoint,
        by: String,
    },
    LoadPlatform {
        platform: Arc<Platform>,
    },
    RecordVerdict(Verdict),
    OpenIncident {
        service: String,
    },
    RecordErrors {
        errors: ErrorGroup,
        burst: Option<Burst>,
    },
    /// Run what a service declares for a purpose, or ask people to.
    RunFor {
        incident: IncidentId,
        service: String,
        purpose: Purpose,
    },
    SetTask {
        incident: IncidentId,
        task: String,
    },
    CallPeople {
        notice: Notice,
    },
    ReachLevel {
        incident: IncidentId,
        level: Level,
    },
    ConcludeDiagnosis {
        diagnosis: DiagnosisId,
        document: Arc<DiagnosisDocument>,
    },
    FailDiagnosis {
        diagnosis: DiagnosisId,
        error: String,
    },
    ProposeRemedy {
        incident: IncidentId,
    },
    FinishSnapshot {
        snapshot: SnapshotId,
        captured: Vec<Captured>,
        total_bytes: u64,
    },
    FailSnapshot {
        snapshot: SnapshotId,
        error: String,
    },
    RecordSnapshotCheck {
        snapshot: SnapshotId,
        problems: Vec<String>,
    },
    RecordTestRestore {
        snapshot: SnapshotId,
        results: Vec<TestResult>,
    },
    FailProof {
        snapshot: SnapshotId,
        proof: Proof,
        error: String,
    },
    FinishPrune {
        vault_ids: Vec<String>,
        total_bytes: u64,
    },
    AdoptSnapshots {
        found: Vec<Found>,
    },
    ReportStream {
        component: String,
        problem: Option<String>,
    },
    EndRepair {
        whole: bool,
        found: String,
    },
    EndReplication {
        problem: Option<String>,
    },
    ObserveVersion {
        component: String,
        version: String,
    },
    BeginSafetySnapshot {
        recovery: RecoveryId,
        components: Vec<String>,
    },
    StartRecovery {
        change: ChangeId,
    },
    StartStep {
        recovery: RecoveryId,
        step: usize,
    },
    FinishStep {
        recovery: RecoveryId,
        step: usize,
        output: String,
        finding: Finding,
    },
    FailStep {
        recovery: RecoveryId,
        step: usize,
        error: String,
    },
    EndRecovery {
        recovery: RecoveryId,
        outcome: RecoveryOutcome,
        summary: String,
    },
    RecordValidation {
        recovery: RecoveryId,
        phase: Phase,
        criteria: Vec<Criterion>,
    },
    EndWatch {
        recovery: RecoveryId,
        passed: bool,
        reason: String,
    },
    BreachClock {
        incident: IncidentId,
        clock: Clock,
    },
    ExpireChange {
        change: ChangeId,
    },
    RemindOfUpdate {
        incident: IncidentId,
    },
    LapsePostMortem {
        incident: IncidentId,
    },
    LapseActionItem {
        incident: IncidentId,
        item: usize,
    },
}

impl Command {
    /// Whether only the engine and its policies may give it.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        matches!(
            self,
            Self::StartEngine { .. }
                | Self::StopEngine { .. }
                | Self::ReportClockStep { .. }
                | Self::ReportExport { .. }
                | Self::WitnessCheckpoint { .. }
                | Self::RefuseCheckpoint { .. }
                | Self::LoadPlatform { .. }
                | Self::RecordVerdict(_)
                | Self::OpenIncident { .. }
                | Self::RecordErrors { .. }
                | Self::RunFor { .. }
                | Self::SetTask { .. }
                | Self::CallPeople { .. }
                | Self::ReachLevel { .. }
                | Self::ConcludeDiagnosis { .. }
                | Self::FailDiagnosis { .. }
                | Self::ProposeRemedy { .. }
                | Self::FinishSnapshot { .. }
                | Self::FailSnapshot { .. }
                | Self::RecordSnapshotCheck { .. }
                | Self::RecordTestRestore { .. }
                | Self::FailProof { .. }
                | Self::FinishPrune { .. }
                | Self::EndReplication { .. }
                | Self::EndRepair { .. }
                | Self::ReportStream { .. }
                | Self::AdoptSnapshots { .. }
                | Self::ObserveVersion { .. }
                | Self::BeginSafetySnapshot { .. }
                | Self::StartRecovery { .. }
                | Self::StartStep { .. }
                | Self::FinishStep { .. }
                | Self::FailStep { .. }
                | Self::EndRecovery { .. }
                | Self::EndWatch { .. }
                | Self::RecordValidation { .. }
                | Self::BreachClock { .. }
                | Self::ExpireChange { .. }
                | Self::RemindOfUpdate { .. }
                | Self::LapsePostMortem { .. }
                | Self::LapseActionItem { .. }
        )
    }
}
