//! Floor 2. The rules of the product, as pure functions over one state:
//!
//! - [`decide`]: may this command happen, and what does it make happen?
//! - [`apply`]: what is true after an event?
//! - [`react`]: which effects and which further commands follow from an event?
//! - [`due`]: which deadlines have passed?
//!
//! No clock, no I/O, no randomness, no async: time and outcomes come in as values. One file per subject holds its types
//! and its rules, and subjects that belong together share a folder; a new subject adds a file, its events to `event`, and
//! its arms to `decide` and `apply`.

mod apply;
mod break_glass;
mod breaker;
mod cause;
mod change;
mod command;
mod command_giver;
mod command_texts;
mod continuity;
mod deadline;
mod decide;
mod dense;
mod deployment;
mod diagnosis;
mod drill;
mod event;
mod evidence;
mod fast_track;
mod foresight;
mod health;
mod ids;
mod incident;
mod knowledge;
mod moment;
mod next_step;
mod oncall;
mod operator;
mod payload;
mod policy;
mod recent;
mod recovery;
mod refusal;
mod run;
pub mod runbook;
mod second_opinion;
mod snapshot;
mod state;
mod stream;
mod summary;
mod text;

pub use apply::apply;
pub use break_glass::{
    BREAK_GLASS_LIMIT, BREAK_GLASS_REVIEW, BREAK_GLASS_REVIEWERS, BREAK_GLASS_RISK, BreakGlass, BreakGlassAct,
    BreakGlassEnd, BreakGlassEnded, BreakGlassReview, Ceiling, ReviewVerdict, break_glass_for, needs_senior_review,
    who_may_review, without_approval,
};
pub use breaker::{
    BREAKER_LONGEST_FORCE, Breaker, BreakerCounter, BreakerFigures, BreakerRate, BreakerState, BreakerThresholds,
    ForcedTo,
};
pub use cause::{Approach, CAUSES, Cause, CauseRow};
pub use change::{
    Agreed, Approval, Assessment, Attestation, Change, ChangeKind, ChangeOutcome, ChangeRequest, ChangeReview,
    ChangeState, ChangeTemplate, ChangeWindow, Circumstances, Delegation, ImpactAnalysis, ReviewOutcome, Risk,
    RiskLevel, RiskPoint, SIGNATURE_NAMESPACE, Terms, WayBack, approval_payload, assess, intent_hash, intent_text,
    missing_roles, role_name, role_to_fill, template_standing, unsatisfiable, who_may_approve,
};
pub use command::Command;
pub use continuity::{ACTIVATION, Continuity, DowntimeMark, Fallback, Interruption};
pub use deadline::{due, next_due};
pub use decide::{Meta, decide};
pub use deployment::{Deployment, DeploymentOrigin};
pub use diagnosis::{
    Candidate, Category, Diagnosis, DiagnosisDocument, DiagnosisState, Evidence, Fix, RootCause, SuggestedFix, unheard,
};
pub use drill::{
    Blame, BookProof, CONFIDENCE_DAYS, Cadence, Confidence, ConfidenceCell, Drill, DrillAnswer, DrillClaim, DrillEnd,
    DrillMode, DrillOutcome, DrillPlan, DrillReveal, DrillScore, DrillStage, DrillTold, DrillTruth, Drills, Letter,
    Objective, Part, Remedy, ScoredPart, Shown, SystemProbe, SystemScore, WritesFound, commitment, confidence, covered,
    proof_of, scenarios, score,
};
pub use event::{Event, Recorded};
pub use evidence::{EvidenceState, LostCheckpoints, Outage, SeenCheckpoint, WITNESSED_LIMIT, Witnessed};
pub use fast_track::{FastTrack, FastTrackCriterion, Milestone, Progress, Stage};
pub use foresight::{ANOMALOUS, AnomalyKind, Forecast, LOOK_BACK, Outlook, Scorer, Subject, foresee, without_news};
pub use health::{
    CalendarEntry, Figures, Grain, Heard, History, Judge, Percentiles, PlannedWork, Point, ReadingFigures, Readings,
    Rollup, ServiceHealth, ServiceVitals, Sketch, Standing, Status, Told, Verdict, Vitals, Window, Witness, WorkOrigin,
    affected, calendar, fold, heard_every, judged_alone, next_window, percent,
};
pub use ids::{
    BadId, BreakGlassId, ChangeId, DeploymentId, DiagnosisId, DrillId, IncidentId, OverrideId, RecoveryId, RunId,
    SnapshotId, TokenId,
};
pub use incident::{
    Act, ActionItem, ActionKind, BURST, Between, Burst, Callee, Classified, Clock, Course, ENOUGH, ERRORS_LIMIT,
    ErrorCounts, ErrorEvent, ErrorGroup, ErrorKind, ErrorSeverity, Findings, FoundSeverity, Group, Hit, Impact,
    Incident, IncidentRole, IncidentState, IncidentTimes, KnownErrors, Level, Median, Message, Metrics, Moment, Notice,
    POST_MORTEM_DUE, PostMortem, REQUESTS, REQUESTS_ONE_IN, RULES, Recoverability, Rule, SEVERITY_FROM,
    SEVERITY_POINTS, Severity, SeverityAddend, SeverityRow, Share, StakeholderUpdate, Start, TIMELINE_LIMIT,
    TimeFigures, TimelineEntry, TimelineKind, UPDATES_LIMIT, Updates, Workflow, WorkflowStep, classify, metrics, names,
};
pub use knowledge::{
    Article, ArticleBody, ArticleState, DiagnosisVerdict, FixEstimate, FixRecord, Judgement, Knowledge, PastVersion,
    Pool, Symptoms, Treatment, Trial, TrueCause, VERDICTS_LIMIT, VerdictRecord, article_from, confirmed_cause,
    time_to_resolution,
};
pub use moment::{future, past};
pub use next_step::Named;
pub use oncall::{Duty, OnCall, OnCallOverride, Shift, duty, on_call, on_call_again, schedule_of, shifts};
pub use operator::{
    Actor, ApiToken, Assurance, AttemptBy, CODES_WRONG, ClientCertificate, Credentials, FACTOR_LOCK, FactorReset,
    LONGEST_CERTIFICATE, LONGEST_TOKEN, Operator, PublicKey, RECOVER, Refused, SecondFactor, TokenScope, TokenSecret,
    WrongCodes, evidence_of_refusal,
};
pub use payload::{PAYLOADS, PURGE_LIMIT, PURGED, Purgeable, may_purge, payloads_of};
pub use policy::{Effect, Reaction, react, unfinished};
pub use recent::Older;
pub use recovery::{
    Criterion, ERRORS_ONE_IN, Finding, Phase, Plan, RESPONSE_MILLISECONDS, Recovery, RecoveryOutcome, RollbackRequest,
    RollbackTarget, Scope, Step, StepRun, StepState, Strategy, Validation, WATCH_SECONDS, failure, plan_action,
    plan_deployment, plan_rollback, plan_undo, step_seconds, steps_back,
};
pub use refusal::Refusal;
pub use run::{
    Attempt, AttemptEnd, AttemptFate, AttemptPart, AttemptResult, Awaited, Difference, GIVEN, Halt, KeptOutput, Run,
    RunInput, RunMark, RunMode, RunOutcome, RunStep, RunStepState, SkipCause, Stand, StepAnswer, StepDifference,
    StepEnd, StepStanding, TaskAnswer, UndoCause, UnknownAnswer, command_of, differences, inputs_of, standing,
    waits_for_change,
};
pub use second_opinion::{SecondOpinion, Stance, model_tokens_of_day};
pub use snapshot::{
    Captured, Found, Proof, ReplicaState, Snapshot, SnapshotState, SnapshotTrigger, TestRestore, TestResult,
    VaultRepair, VaultState, kept,
};
pub use state::{EngineInfo, State, SystemState};
pub use stream::Stream;

pub use crate::platform::{AutomationMode, Criticality, Role};
