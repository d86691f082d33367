//! What has happened. Events are the journal's content; one is never changed or deleted, so fields are only ever added. Which of
//! their texts may have to go says `payload`.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ActionKind, Actor, ArticleBody, AttemptBy, AttemptPart, AttemptResult, Attestation, BreakGlassEnd, BreakGlassId,
    BreakerState, Burst, Cadence, Captured, Ceiling, ChangeId, ChangeKind, ChangeOutcome, ChangeReview, ChangeTemplate,
    ChangeWindow, Clock, Criterion, Delegation, DeploymentId, DeploymentOrigin, DiagnosisDocument, DiagnosisId,
    DowntimeMark, DrillClaim, DrillId, DrillMode, DrillOutcome, DrillReveal, DrillTold, ErrorGroup, Findings,
    ImpactAnalysis, IncidentId, IncidentRole, IncidentState, Judgement, Level, Message, Milestone, Notice, OverrideId,
    Phase, Plan, PlannedWork, Proof, RecoveryId, RecoveryOutcome, ReviewVerdict, Risk, RunId, RunInput, RunMark,
    RunMode, RunOutcome, SeenCheckpoint, Severity, SnapshotId, SnapshotTrigger, Stage, Stand, Status, StepAnswer,
    StepEnd, Terms, TestResult, TokenId, TokenScope, TrueCause, UnknownAnswer, Workflow, runbook::Runbook,
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
    /// No signed checkpoint was left for the events before this one, so nothing shows whether they are what was recorded.
    CheckpointsLost { before: u64 },
    /// The texts of these events are deleted; that they happened, and when and by whom, stays. This text itself is not purged.
    PayloadsPurged { seqs: Vec<u64>, reason: String },
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
    /// The login that started the first engine of this journal may act.
    FirstOperatorMade { name: String, login: String, reason: String },
    /// It is another name or a service account of somebody: both are one person.
    OperatorLinked { name: String, belongs_to: String },
    /// What somebody may do is another from here on.
    RolesChanged { name: String, roles: BTreeSet<Role> },
    /// Somebody may not work here any more.
    OperatorDisabled {
        name: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// What was open and in that person's hands.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        duties: Vec<String>,
    },
    /// Somebody who was disabled may again.
    OperatorEnabled { name: String, reason: String },
    /// A key signs for somebody.
    KeyAdded { operator: String, fingerprint: String, openssh: String },
    /// It does not any more.
    KeyRemoved { operator: String, fingerprint: String },
    /// Somebody has proved to have a second factor, and needs it from here on.
    SecondFactorEnrolled { operator: String, step: u64 },
    /// A code of it came with a command; the code of this time step is used up.
    SecondFactorUsed { operator: String, step: u64 },
    /// Somebody gave it up.
    SecondFactorRemoved { operator: String },
    /// Somebody else declared it lost.
    SecondFactorReset { operator: String, reason: String },
    /// A recovery code was used up in its place.
    RecoveryCodeUsed { operator: String, left: u32 },
    /// A wrong code was given; after some, none is taken for a while.
    WrongCodeGiven {
        operator: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locked_until: Option<DateTime<Utc>>,
    },
    /// A program may act for somebody.
    TokenCreated {
        token: TokenId,
        name: String,
        operator: String,
        scope: TokenScope,
        hash: String,
        expires_at: DateTime<Utc>,
    },
    /// It may not any more.
    TokenRevoked { token: TokenId },
    /// Somebody is known by a certificate.
    CertificateIssued { operator: String, serial: String, fingerprint: String, expires_at: DateTime<Utc> },
    /// Nobody is known by it any more.
    CertificateRevoked { serial: String },
    /// Nobody was at a board, and it takes nothing until somebody has come back.
    SessionLocked { operator: String },
    /// Somebody has come back.
    SessionUnlocked { operator: String },
    /// Somebody tried what a rule keeps for others; no word of it is from outside.
    CommandRefused {
        operator: String,
        what: String,
        object: Option<String>,
        rule: String,
        #[serde(default)]
        by: AttemptBy,
    },
    /// More than the record lists was refused somebody within an hour.
    RefusalsNotListed { operator: String, by: AttemptBy },

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

    /// The breaker of a service changed.
    BreakerChanged {
        service: String,
        to: BreakerState,
        /// When it changes by itself.
        until: Option<DateTime<Utc>>,
        /// The check that opened it.
        check: Option<String>,
        reason: String,
    },

    /// People cannot do something with the platform that they need.
    FunctionInterrupted { function: String, services: Vec<String>, since: DateTime<Utc> },
    /// They can again.
    FunctionRestored { function: String },
    /// A part of the time for which they can do without it is over.
    FunctionTimeUsed { function: String, mark: DowntimeMark },
    /// It is done by hand from here on.
    FallbackActivated { function: String, reason: String },
    /// A step of that is done; counted from 1.
    FallbackStepDone { function: String, step: usize },
    /// It is not done by hand any more.
    FallbackEnded { function: String, note: String },

    /// A fault is about to be injected on purpose; what it is stands in the hash.
    DrillStarted {
        drill: DrillId,
        mode: DrillMode,
        told: Box<DrillTold>,
        limit_seconds: u64,
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        team: BTreeSet<String>,
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        away: BTreeSet<String>,
        commitment: String,
        /// Nobody is there: a program plays people.
        #[serde(default)]
        unattended: bool,
    },
    /// Somebody says what is broken.
    DrillAnswered { drill: DrillId, claim: DrillClaim },
    /// It is to stop: somebody said so, or a guard did.
    DrillAborted { drill: DrillId, reason: String },
    /// It is over, and what it was about is told.
    DrillEnded {
        drill: DrillId,
        outcome: DrillOutcome,
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reveal: Option<Arc<DrillReveal>>,
    },
    /// A drill is to be held so often.
    DrillScheduled { file: String, every: Cadence, due_at: DateTime<Utc> },
    /// Nobody is reminded of it any more.
    DrillUnscheduled { file: String },
    /// It should be held now.
    DrillDue { file: String, due_at: DateTime<Utc> },

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
        /// The first symptom, as far as evidence goes back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        symptoms_at: Option<DateTime<Utc>>,
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
    /// It has not reached a milestone of the fast track, and so much of the time for it is over.
    FastTrackReminded { incident: IncidentId, milestone: Milestone, stage: Stage },
    /// Nobody has decided in time: somebody may act without that, if they answer for it.
    BreakGlassOffered { incident: IncidentId, change: ChangeId },
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
    /// The local analyser has an answer, and a language model is asked about it.
    DiagnosisDrafted { diagnosis: DiagnosisId, document: Arc<DiagnosisDocument> },
    /// The language model is not waited for any longer.
    SecondOpinionCancelled { diagnosis: DiagnosisId },
    /// An answer was found.
    DiagnosisConcluded { diagnosis: DiagnosisId, document: Arc<DiagnosisDocument> },
    /// None was.
    DiagnosisFailed { diagnosis: DiagnosisId, error: String },
    /// A person says whether it was right.
    DiagnosisJudged { diagnosis: DiagnosisId, judgement: Judgement, cause: Option<TrueCause>, note: String },

    /// Somebody has written an article, or an incident has made a policy write one.
    ArticleProposed { article: String, body: ArticleBody, incident: Option<IncidentId> },
    /// It says something else from here on; what became of its fixes is counted anew.
    ArticleEdited { article: String, version: u32, body: ArticleBody },
    /// A person stands for this version.
    ArticleConfirmed { article: String, version: u32 },
    /// It is not to be used any more.
    ArticleRetired { article: String, reason: String },
    /// An incident was of its kind, as a person has said.
    ArticleSeen { article: String, incident: IncidentId },
    /// It is known what became of one of its fixes, counted from 0; each incident has one vote.
    FixCounted { article: String, version: u32, fix: usize, incident: IncidentId, recovery: RecoveryId, worked: bool },

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
        #[serde(default)]
        impact: ImpactAnalysis,
        #[serde(flatten)]
        terms: Terms,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<ChangeWindow>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        after: Vec<ChangeId>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        conflicts: Vec<ChangeId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
        expires_at: DateTime<Utc>,
    },
    /// Its plan, its window, or what it needs is another one: everybody is asked anew.
    ChangeRevised {
        change: ChangeId,
        round: u32,
        title: String,
        reason: String,
        plan: Arc<Plan>,
        plan_hash: String,
        risk: Risk,
        impact: ImpactAnalysis,
        terms: Terms,
        window: Option<ChangeWindow>,
        kind: ChangeKind,
        /// Who wrote what is new, where a person did.
        author: Option<String>,
        after: Vec<ChangeId>,
        conflicts: Vec<ChangeId>,
        expires_at: DateTime<Utc>,
    },
    /// One of those asked said yes, to exactly this plan.
    ChangeApproved {
        change: ChangeId,
        role: Role,
        plan_hash: String,
        reason: String,
        #[serde(default = "first_round")]
        round: u32,
        /// The roles that the approver held.
        #[serde(default)]
        roles: BTreeSet<Role>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<String>,
        #[serde(default)]
        attestation: Attestation,
    },
    /// Everybody who had to has said yes.
    ChangeAuthorised { change: ChangeId },
    /// Somebody said no.
    ChangeRejected { change: ChangeId, reason: String },
    /// Who said no has taken that back.
    RejectionRevoked { change: ChangeId, reason: String },
    /// An approval was taken back.
    ApprovalRevoked { change: ChangeId, operator: String, reason: String },
    /// Nobody decided in time.
    ChangeExpired { change: ChangeId },
    /// Its requester does not want it any more.
    ChangeWithdrawn { change: ChangeId, reason: String },
    /// It was carried out, well or not.
    ChangeEnded { change: ChangeId, outcome: ChangeOutcome },
    /// Somebody who had no part in it has seen whether it worked.
    ChangeChecked { change: ChangeId, passed: bool, note: String },
    /// What was learned from it is written down.
    ChangeReviewed { change: ChangeId, review: ChangeReview },
    /// It should have been by now.
    ChangeReviewOverdue { change: ChangeId },
    /// Somebody may agree in another's place.
    ApprovalDelegated { delegation: Delegation },
    /// Not any more.
    DelegationEnded { from: String, to: String },
    /// Somebody is on call instead of whoever the schedule names.
    OnCallOverridden {
        id: OverrideId,
        schedule: String,
        person: String,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        reason: String,
    },
    /// Not any more, from here on.
    OverrideEnded { id: OverrideId, reason: String },
    /// A change is agreed to beforehand.
    TemplateMade { template: ChangeTemplate },
    /// It has to be proved anew.
    TemplateSuspended { template: String, reason: String },

    /// Somebody may act without an approval on these services, as far as this, until then.
    BreakGlassOpened {
        break_glass: BreakGlassId,
        incident: IncidentId,
        operator: String,
        reason: String,
        services: Vec<String>,
        ceiling: Ceiling,
        until: DateTime<Utc>,
    },
    /// A recovery is about to begin that nobody has agreed to.
    BreakGlassUsed { break_glass: BreakGlassId, recovery: RecoveryId, change: Option<ChangeId>, risk: Risk },
    /// What follows needs its approval again.
    BreakGlassEnded { break_glass: BreakGlassId, how: BreakGlassEnd, reason: String },
    /// Somebody else has looked at it, in these roles.
    BreakGlassReviewed { break_glass: BreakGlassId, roles: BTreeSet<Role>, verdict: ReviewVerdict, findings: String },
    /// Enough others have.
    BreakGlassReviewCompleted { break_glass: BreakGlassId },
    /// Half the time for that is over.
    BreakGlassReviewReminded { break_glass: BreakGlassId },
    /// All of it is.
    BreakGlassReviewOverdue { break_glass: BreakGlassId },

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

    /// Somebody walks through a runbook, as it was then.
    RunStarted {
        run: RunId,
        book: Arc<Runbook>,
        inputs: Vec<RunInput>,
        /// The services that its steps may act on.
        services: Vec<String>,
        incident: Option<IncidentId>,
        mode: RunMode,
        /// The drill that was on.
        #[serde(default)]
        drill: Option<DrillId>,
    },
    /// It goes on by the text that its book has now.
    RunRebased {
        run: RunId,
        book: Arc<Runbook>,
        /// The services that its steps may act on.
        services: Vec<String>,
    },
    /// It goes on there.
    RunMoved { run: RunId, to: Stand },
    /// Somebody has a step run, beginning with this part of it.
    RunStepBegun {
        run: RunId,
        step: String,
        turn: u32,
        part: AttemptPart,
        /// A code of the second factor came with it.
        #[serde(default)]
        proved: bool,
    },
    /// A program is about to be begun for it.
    RunAttemptBegun {
        run: RunId,
        step: String,
        part: AttemptPart,
        /// What it acts on: the service and its action, or a hash of the command.
        target: Option<String>,
    },
    /// It has ended.
    RunAttemptEnded { run: RunId, step: String, part: AttemptPart, result: AttemptResult },
    /// The engine died while it ran.
    RunAttemptLost { run: RunId, step: String, part: AttemptPart },
    /// A step of a run is over.
    RunStepEnded { run: RunId, step: String, end: StepEnd },
    /// Somebody has said something at a step.
    RunStepAnswered { run: RunId, step: String, answer: StepAnswer },
    /// Somebody else agrees to the next attempt of it.
    RunStepCoSigned { run: RunId, step: String },
    /// A person says how it goes on although nobody knows what the step has done.
    RunUnknownResolved { run: RunId, step: String, how: UnknownAnswer, reason: String },
    /// Somebody wants the program ended that runs for it.
    RunStepCancelRequested { run: RunId, step: String, reason: String },
    /// Somebody wants a change of a run taken back.
    RunUndoBegun { run: RunId, step: String, reason: String },
    /// A run is over.
    RunEnded { run: RunId, outcome: RunOutcome },
    /// Its time is over, or nothing goes on.
    RunTimeUsed { run: RunId, mark: RunMark },

    /// A recovery began.
    RecoveryStarted {
        recovery: RecoveryId,
        plan: Arc<Plan>,
        reason: String,
        incident: Option<IncidentId>,
        change: Option<ChangeId>,
        /// Under which nobody had to agree.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        break_glass: Option<BreakGlassId>,
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

const fn first_round() -> u32 {
    1
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
