//! What somebody asks for. Most come from people; the last group is the engine's own report of what it saw and did.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ActionKind, ArticleBody, AttemptPart, AttemptResult, BreakGlassId, BreakerState, Burst, Cadence, Captured, Ceiling,
    ChangeId, ChangeRequest, ChangeWindow, Clock, Criterion, DiagnosisDocument, DiagnosisId, DowntimeMark, DrillClaim,
    DrillId, DrillMode, DrillOutcome, DrillReveal, DrillTold, ErrorGroup, Finding, Findings, ForcedTo, Found,
    IncidentId, IncidentRole, Judgement, Level, Message, Milestone, Notice, OverrideId, Phase, Proof, Purgeable,
    RecoveryId, RecoveryOutcome, ReviewOutcome, ReviewVerdict, RollbackRequest, RunId, RunMark, RunMode,
    SeenCheckpoint, Severity, SnapshotId, SnapshotTrigger, Stage, StepAnswer, TestResult, TokenId, TokenScope,
    TrueCause, UnknownAnswer, Verdict, runbook::Runbook,
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
    /// Do not wait for the language model any longer: the local analyser's answer stands.
    CancelSecondOpinion {
        diagnosis: DiagnosisId,
    },
    /// Say whether its answer was right; once per person, and changed while the incident is not closed.
    JudgeDiagnosis {
        diagnosis: DiagnosisId,
        judgement: Judgement,
        #[serde(default)]
        cause: Option<TrueCause>,
        #[serde(default)]
        note: String,
    },

    ProposeArticle {
        article: String,
        body: ArticleBody,
        /// The incident that it is made from, which is over: whoever says so says that it was of its kind.
        #[serde(default)]
        incident: Option<IncidentId>,
    },
    /// Write it anew: another version, whose fixes are counted anew.
    EditArticle {
        article: String,
        body: ArticleBody,
        /// The version that was seen.
        #[serde(default)]
        version: Option<u32>,
    },
    /// Take it from a file: propose it, or with `replace` make what is here say the same.
    ImportArticle {
        article: String,
        body: ArticleBody,
        #[serde(default)]
        replace: bool,
    },
    /// Stand for it.
    ConfirmArticle {
        article: String,
        /// The version that was seen.
        #[serde(default)]
        version: Option<u32>,
    },
    RetireArticle {
        article: String,
        reason: String,
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

    /// Open a change whether or not it could run at once.
    SubmitChange {
        request: ChangeRequest,
        reason: String,
        #[serde(default)]
        incident: Option<IncidentId>,
        #[serde(default)]
        window: Option<ChangeWindow>,
        #[serde(default)]
        after: Vec<ChangeId>,
    },
    /// Do what is agreed to beforehand.
    SubmitStandardChange {
        template: String,
        reason: String,
        #[serde(default)]
        incident: Option<IncidentId>,
        #[serde(default)]
        window: Option<ChangeWindow>,
    },
    /// Give a change another plan or window: everybody is asked anew.
    ReviseChange {
        change: ChangeId,
        #[serde(default)]
        request: Option<ChangeRequest>,
        #[serde(default)]
        window: Option<ChangeWindow>,
        reason: String,
    },
    ApproveChange {
        change: ChangeId,
        plan_hash: String,
        reason: String,
        /// The round that was seen.
        #[serde(default)]
        round: Option<u32>,
        /// In whose place.
        #[serde(default)]
        on_behalf_of: Option<String>,
        /// An OpenSSH signature over the payload of the change.
        #[serde(default)]
        signature: Option<String>,
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
    /// Carry out now what is approved and waits.
    ImplementChange {
        change: ChangeId,
    },
    /// Begin no new step of it.
    StopChange {
        change: ChangeId,
        reason: String,
    },
    ValidateChange {
        change: ChangeId,
        passed: bool,
        note: String,
    },
    ReviewChange {
        change: ChangeId,
        outcome: ReviewOutcome,
        findings: String,
    },
    /// Let somebody agree in my place.
    DelegateApproval {
        to: String,
        role: Role,
        until: DateTime<Utc>,
        #[serde(default)]
        services: Vec<String>,
        reason: String,
    },
    EndDelegation {
        to: String,
    },
    /// Have somebody be on call instead of whoever the schedule names.
    OverrideOnCall {
        schedule: String,
        person: String,
        /// Now where none is given.
        #[serde(default)]
        from: Option<DateTime<Utc>>,
        until: DateTime<Utc>,
        reason: String,
    },
    /// Take that back.
    EndOverride {
        id: OverrideId,
        reason: String,
    },
    /// Agree beforehand to what a recovery did.
    MakeTemplate {
        name: String,
        proof: RecoveryId,
    },
    SuspendTemplate {
        template: String,
        reason: String,
    },

    /// Act without an approval for a while, on these services and as far as this.
    BreakGlass {
        incident: IncidentId,
        reason: String,
        services: Vec<String>,
        ceiling: Ceiling,
        minutes: u32,
    },
    /// Carry out a change under the own break-glass although its approvals are missing.
    ExecuteUnderBreakGlass {
        change: ChangeId,
        plan_hash: String,
    },
    EndBreakGlass {
        break_glass: BreakGlassId,
    },
    RevokeBreakGlass {
        break_glass: BreakGlassId,
        reason: String,
    },
    ReviewBreakGlass {
        break_glass: BreakGlassId,
        verdict: ReviewVerdict,
        findings: String,
    },

    /// Begin to walk through a runbook of the engine's library.
    StartRun {
        /// Its id, or the beginning of it.
        book: String,
        /// The hash of the text that was seen.
        #[serde(default)]
        seen: Option<String>,
        #[serde(default)]
        inputs: BTreeMap<String, String>,
        #[serde(default)]
        incident: Option<IncidentId>,
        #[serde(default)]
        mode: RunMode,
        /// What the library holds: the engine looks it up, and nobody tells it.
        #[serde(skip)]
        found: Option<Arc<Runbook>>,
    },
    /// Go on with a run by the text that its book has now.
    RebaseRun {
        run: RunId,
        /// The hash of the text that was seen.
        #[serde(default)]
        seen: Option<String>,
        /// What the library holds: the engine looks it up, and nobody tells it.
        #[serde(skip)]
        found: Option<Arc<Runbook>>,
    },
    /// Have the step run at which a run stands, or say that it is done where a person does it.
    RunStep {
        run: RunId,
        step: String,
        /// What the step asks to be typed.
        #[serde(default)]
        confirmation: Option<String>,
    },
    /// Agree, as a second person, to the next attempt of a step.
    CoSignStep {
        run: RunId,
        step: String,
    },
    AnswerStep {
        run: RunId,
        step: String,
        answer: StepAnswer,
    },
    SkipStep {
        run: RunId,
        step: String,
        reason: String,
    },
    MarkStepDone {
        run: RunId,
        step: String,
        reason: String,
    },
    /// Take the last change of a run back.
    UndoStep {
        run: RunId,
        step: String,
        reason: String,
    },
    /// Say how it goes on after a step of which nobody knows what it has done.
    ResolveUnknown {
        run: RunId,
        step: String,
        how: UnknownAnswer,
        reason: String,
        #[serde(default)]
        confirmation: Option<String>,
    },
    /// End the program that runs for a step.
    CancelStep {
        run: RunId,
        step: String,
        reason: String,
    },
    AbandonRun {
        run: RunId,
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
    /// Somebody as whom no login acts, also none that did before.
    AddWithoutLogin {
        name: String,
        roles: BTreeSet<Role>,
    },
    /// Another name or a service account of somebody known: both are one person.
    AddAccount {
        name: String,
        roles: BTreeSet<Role>,
        login: Option<String>,
        belongs_to: String,
    },
    SetRoles {
        name: String,
        roles: BTreeSet<Role>,
    },
    DisableOperator {
        name: String,
        #[serde(default)]
        reason: String,
    },
    EnableOperator {
        name: String,
        reason: String,
    },
    AddKey {
        operator: String,
        /// As OpenSSH writes it.
        key: String,
    },
    RemoveKey {
        operator: String,
        fingerprint: String,
    },
    /// Give the own second factor up.
    RemoveSecondFactor,
    /// Have somebody else's lost second factor not count any more.
    ResetSecondFactor {
        operator: String,
        reason: String,
    },
    CreateToken {
        name: String,
        scope: TokenScope,
        /// SHA-256 of the token, in hexadecimal: the token itself stays with its holder.
        hash: String,
        expires_at: DateTime<Utc>,
    },
    RevokeToken {
        token: TokenId,
    },
    /// Have an operator be known by a certificate that the engine's authority has signed; `POST /api/v1/certificates` makes one.
    IssueCertificate {
        operator: String,
        /// 32 hexadecimal digits.
        serial: String,
        /// `sha256:` and 64 hexadecimal digits.
        fingerprint: String,
        expires_at: DateTime<Utc>,
    },
    RevokeCertificate {
        serial: String,
    },
    /// Delete the texts of these events for good, and keep that they happened.
    PurgePayloads {
        seqs: Vec<u64>,
        reason: String,
        /// What the journal holds of them: the engine looks it up, and nobody tells it.
        #[serde(skip)]
        found: Vec<Purgeable>,
    },
    /// Nobody is at the board any more.
    LockSession,
    /// Somebody has come back.
    UnlockSession,
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

    /// Hold a breaker open or closed until then, whatever checks say.
    ForceBreaker {
        service: String,
        to: ForcedTo,
        until: DateTime<Utc>,
        reason: String,
    },
    /// Close a breaker, and count failures anew.
    ResetBreaker {
        service: String,
        reason: String,
    },

    /// Have a function done by hand from here on.
    ActivateFallback {
        function: String,
        reason: String,
    },
    /// Tick off a step of that, counted from 1.
    FinishFallbackStep {
        function: String,
        step: usize,
    },
    /// Stop doing it by hand.
    EndFallback {
        function: String,
        note: String,
    },

    /// Begin a drill on a platform that is there to be broken: everything has to be well, and what will be broken is committed
    /// to by its hash.
    StartDrill {
        mode: DrillMode,
        #[serde(default)]
        told: Box<DrillTold>,
        /// How long people have.
        limit_seconds: u64,
        #[serde(default)]
        team: BTreeSet<String>,
        #[serde(default)]
        away: BTreeSet<String>,
        commitment: String,
        /// Nobody is there: a program plays people.
        #[serde(default)]
        unattended: bool,
    },
    /// Say what is broken. Wrong answers cost.
    AnswerDrill {
        drill: DrillId,
        claim: DrillClaim,
    },
    /// Have it stopped, and what was broken taken back.
    AbortDrill {
        drill: DrillId,
        reason: String,
    },
    /// Say how it ended, and tell what it was about.
    EndDrill {
        drill: DrillId,
        outcome: DrillOutcome,
        reason: String,
        #[serde(default)]
        reveal: Option<Arc<DrillReveal>>,
    },
    /// Be reminded of it so often.
    ScheduleDrill {
        file: String,
        every: Cadence,
    },
    UnscheduleDrill {
        file: String,
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
    /// No signed checkpoint was left for so many events when the engine started.
    ReportLostCheckpoints {
        before: u64,
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
    MakeFirstOperator {
        login: String,
    },
    /// Have a second factor not count any more, by who owns the home of the stopped engine.
    RecoverSecondFactor {
        operator: String,
        login: String,
        reason: String,
    },
    EnrolSecondFactor {
        operator: String,
        step: u64,
    },
    RecordWrongCode {
        operator: String,
    },
    RecordRecoveryCode {
        operator: String,
        left: u32,
    },
    RecordRefusal {
        operator: String,
        what: String,
        object: Option<String>,
        rule: String,
    },
    /// Results of checks have opened or closed a breaker.
    RecordBreaker {
        service: String,
        check: String,
        to: BreakerState,
        reason: String,
    },
    /// The time of a breaker's state is over.
    AdvanceBreaker {
        service: String,
    },
    RecordVerdict(Verdict),
    OpenIncident {
        service: String,
    },
    RecordErrors {
        errors: ErrorGroup,
        burst: Option<Burst>,
    },
    /// Look which functions are interrupted now.
    JudgeFunctions,
    RemindOfFunction {
        function: String,
        mark: DowntimeMark,
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
    /// Let an incident that nobody has seen pass to whoever is on call now.
    HandOverIncident {
        incident: IncidentId,
    },
    ReachLevel {
        incident: IncidentId,
        level: Level,
    },
    DraftDiagnosis {
        diagnosis: DiagnosisId,
        document: Arc<DiagnosisDocument>,
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
    LearnFromIncident {
        incident: IncidentId,
    },
    CountFix {
        recovery: RecoveryId,
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
    /// Before a program is begun for a step of a run.
    BeginAttempt {
        run: RunId,
        step: String,
        part: AttemptPart,
    },
    FinishAttempt {
        run: RunId,
        step: String,
        part: AttemptPart,
        result: AttemptResult,
    },
    /// The engine died while a program ran.
    LoseAttempt {
        run: RunId,
        step: String,
        part: AttemptPart,
    },
    RemindOfRun {
        run: RunId,
        mark: RunMark,
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
    RemindOfMilestone {
        incident: IncidentId,
        milestone: Milestone,
        stage: Stage,
    },
    ExpireChange {
        change: ChangeId,
    },
    CloseChangeWindow {
        change: ChangeId,
    },
    LapseChangeReview {
        change: ChangeId,
    },
    LapseBreakGlass {
        break_glass: BreakGlassId,
    },
    RemindOfReview {
        break_glass: BreakGlassId,
    },
    LapseReview {
        break_glass: BreakGlassId,
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
    LapseDrill {
        drill: DrillId,
    },
    RemindOfDrill {
        file: String,
    },
}

impl Command {
    /// A yes of the session that gives it, to exactly the plan with this hash.
    #[must_use]
    pub fn approve(change: ChangeId, plan_hash: String, reason: String) -> Self {
        Self::ApproveChange { change, plan_hash, reason, round: None, on_behalf_of: None, signature: None }
    }
}
