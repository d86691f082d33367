//! Floor 2. The rules of the product, as pure functions over one state:
//!
//! - [`decide`]: may this command happen, and what does it make happen?
//! - [`apply`]: what is true after an event?
//! - [`react`]: which effects and which further commands follow from an event?
//! - [`due`]: which deadlines have passed?
//!
//! No clock, no I/O, no randomness, no async: time and outcomes come in as values. One file per subject holds its types
//! and its rules; a new subject adds a file here, its events to `event`, and its arms to `decide` and `apply`.

mod adopt;
mod apply;
mod change;
mod command;
mod deadline;
mod decide;
mod deployment;
mod diagnosis;
mod estimate;
mod event;
mod flapping;
mod guard;
mod health;
mod ids;
mod impact;
mod incident;
mod maintenance;
mod metrics;
mod moment;
mod operator;
mod plan;
mod policy;
mod postmortem;
mod progressive;
mod recovery;
mod refusal;
mod remedy;
mod replica;
mod retention;
mod run;
mod sketch;
mod snapshot;
mod state;
mod statistics;
mod stream;
mod summary;
mod update;
mod uptime;
mod validation;
mod vitals;

pub use adopt::Found;
pub use apply::apply;
pub use change::{
    Approval, Change, ChangeKind, ChangeOutcome, ChangeState, Risk, RiskPoint, required_roles, role_name, role_to_fill,
};
pub use command::Command;
pub use deadline::{due, next_due};
pub use decide::{Meta, decide};
pub use deployment::{Deployment, DeploymentOrigin};
pub use diagnosis::{Category, Diagnosis, DiagnosisDocument, DiagnosisState, Evidence, Fix, RootCause, SuggestedFix};
pub use estimate::step_seconds;
pub use event::{Event, Recorded};
pub use health::{Judge, ServiceHealth, Status, Verdict};
pub use ids::{BadId, ChangeId, DeploymentId, DiagnosisId, IncidentId, RecoveryId, SnapshotId};
pub use impact::Impact;
pub use incident::{
    Clock, Incident, IncidentRole, IncidentState, Severity, TIMELINE_LIMIT, TimelineEntry, TimelineKind,
};
pub use maintenance::next_window;
pub use metrics::{Between, Group, IncidentTimes, Metrics, Start, TimeFigures, metrics};
pub use moment::past;
pub use operator::{Actor, Operator};
pub use plan::{plan_action, plan_rollback, plan_undo, steps_back};
pub use policy::{Effect, Reaction, react, required_for, unfinished};
pub use postmortem::{ActionItem, ActionKind, Findings, POST_MORTEM_DUE, PostMortem};
pub use recovery::{
    Finding, Plan, Recovery, RecoveryOutcome, RollbackRequest, RollbackTarget, Scope, Step, StepRun, StepState,
    Strategy, WATCH_SECONDS,
};
pub use refusal::Refusal;
pub use replica::{ReplicaState, VaultRepair};
pub use retention::{VaultState, kept};
pub use sketch::Sketch;
pub use snapshot::{Captured, Proof, Snapshot, SnapshotState, SnapshotTrigger, TestRestore, TestResult};
pub use state::{EngineInfo, State, SystemState};
pub use statistics::{ENOUGH, Median, Share};
pub use stream::Stream;
pub use update::{Message, StakeholderUpdate, UPDATES_LIMIT, Updates};
pub use uptime::{
    Figures, Grain, History, Percentiles, ReadingFigures, Readings, Rollup, Standing, Window, Witness, fold,
    judged_alone, percent,
};
pub use validation::{Criterion, ERRORS_ONE_IN, Phase, RESPONSE_MILLISECONDS, Validation, failure};
pub use vitals::{Point, ServiceVitals, Vitals};

pub use crate::platform::{AutomationMode, Criticality, Role};
