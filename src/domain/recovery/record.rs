//! Recoveries: the plan that is shown, approved and run, and how a run ends.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Actor, BreakGlassId, ChangeId, IncidentId, Phase, RecoveryId, SnapshotId, Validation};

/// How long a recovery stays under extended watch after it succeeded, in seconds.
pub const WATCH_SECONDS: i64 = 30 * 60;

/// What is asked for when something is to be rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackRequest {
    /// What is to be rolled back.
    pub scope: Scope,
    /// How far; the last good state when absent.
    #[serde(default)]
    pub to: Option<RollbackTarget>,
    /// Why; part of the record.
    pub reason: String,
    /// The incident it is for.
    #[serde(default)]
    pub incident: Option<IncidentId>,
}

/// What is to be rolled back. An empty list is refused: it never means everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "names")]
pub enum Scope {
    /// All components of these services.
    Services(Vec<String>),
    /// These components.
    Components(Vec<String>),
    /// All there is.
    Everything,
}

/// How far to roll back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "value")]
pub enum RollbackTarget {
    /// To a release by its version; code only.
    Version(String),
    /// To what a snapshot holds.
    Snapshot(SnapshotId),
    /// To the newest snapshot, and the version live, at that time.
    Time(DateTime<Utc>),
    /// Back over the ledger of deployments, newest first, until the services are healthy.
    UntilHealthy,
}

/// Which way a recovery takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// One declared action.
    TargetedFix,
    /// Named components go back.
    Rollback,
    /// Deployments go back, newest first, until the services are healthy; the innocent go forward again.
    Progressive,
    /// Everything goes back.
    FullRestore,
    /// What stood before that recovery comes back.
    Undo(RecoveryId),
}

/// What will be done, in order. It is what people approve, so it holds the intent alone: no times, no results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Which way it takes.
    pub strategy: Strategy,
    /// In one line.
    pub title: String,
    /// Services it touches, most critical first.
    pub services: Vec<String>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What it loses for good, if anything; shown before anybody agrees.
    pub loses: Option<String>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Step {
    /// Capture the components as they are, so that all that follows can be undone.
    SafetySnapshot {
        /// Which.
        components: Vec<String>,
    },
    /// Point a code component at another release.
    SwitchRelease {
        /// Which.
        component: String,
        /// The release that is live now, as far as known.
        from: Option<String>,
        /// The release that shall be live.
        to: String,
    },
    /// Bring a component back to what a snapshot holds.
    RestoreSnapshot {
        /// Which.
        component: String,
        /// From which snapshot.
        snapshot: SnapshotId,
        /// That snapshot's id in the vault.
        vault_id: String,
        /// When it was taken.
        taken_at: DateTime<Utc>,
    },
    /// Bring a component to how it stood at a time, from a snapshot and the log received since.
    RestoreTime {
        /// Which.
        component: String,
        /// The snapshot to begin with.
        snapshot: SnapshotId,
        /// That snapshot's id in the vault.
        vault_id: String,
        /// Everything committed up to then, and nothing after.
        at: DateTime<Utc>,
    },
    /// Tell the service that a component changed.
    Reload {
        /// Which.
        component: String,
    },
    /// Run a declared action.
    RunAction {
        /// Of which service.
        service: String,
        /// Which.
        action: String,
    },
    /// Run the checks of the services; when all succeed, the rollbacks that follow are skipped.
    StopIfHealthy {
        /// Which.
        services: Vec<String>,
    },
    /// Point a component that was rolled back to no avail at its newest release again, unless that breaks the services.
    RollForward {
        /// Which.
        component: String,
        /// The release that was live before.
        to: String,
    },
    /// Run the checks of the services until all succeed.
    Validate {
        /// Which.
        services: Vec<String>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SafetySnapshot { components } => write!(f, "safety snapshot of {}", components.join(", ")),
            Self::SwitchRelease { component, from, to } => match from {
                Some(from) => write!(f, "switch {component}: {from} → {to}"),
                None => write!(f, "switch {component} → {to}"),
            },
            Self::RestoreSnapshot { component, snapshot, taken_at, .. } => {
                write!(f, "restore {component} from {snapshot} of {}", taken_at.format("%H:%M:%S"))
            }
            Self::RestoreTime { component, snapshot, at, .. } => {
                write!(f, "restore {component} to {} UTC from {snapshot}", at.format("%Y-%m-%d %H:%M:%S"))
            }
            Self::Reload { component } => write!(f, "reload {component}"),
            Self::RunAction { service, action } => write!(f, "{action} {service}"),
            Self::StopIfHealthy { services } => write!(f, "stop here if {} is healthy", services.join(", ")),
            Self::RollForward { component, to } => write!(f, "bring {component} forward to {to} if it is innocent"),
            Self::Validate { services } => write!(f, "validate {}", services.join(", ")),
        }
    }
}

impl Step {
    /// The component that another state is put in the place of.
    #[must_use]
    pub fn component(&self) -> Option<&str> {
        match self {
            Self::SwitchRelease { component, .. }
            | Self::RestoreSnapshot { component, .. }
            | Self::RestoreTime { component, .. }
            | Self::RollForward { component, .. } => Some(component),
            _ => None,
        }
    }

    /// Whether it changes what is live; the others look, or keep what is.
    #[must_use]
    pub fn writes(&self) -> bool {
        match self {
            Self::SwitchRelease { .. }
            | Self::RestoreSnapshot { .. }
            | Self::RestoreTime { .. }
            | Self::Reload { .. }
            | Self::RunAction { .. }
            | Self::RollForward { .. } => true,
            Self::SafetySnapshot { .. } | Self::StopIfHealthy { .. } | Self::Validate { .. } => false,
        }
    }

    /// How long such a step usually takes, in seconds, when nothing better is known.
    #[must_use]
    pub fn usual_seconds(&self) -> u64 {
        match self {
            Self::SafetySnapshot { .. } => 3,
            Self::SwitchRelease { .. } => 1,
            Self::RestoreSnapshot { .. } => 5,
            Self::RestoreTime { .. } => 15,
            Self::Reload { .. } => 2,
            Self::RunAction { .. } | Self::StopIfHealthy { .. } => 5,
            Self::RollForward { .. } => 6,
            Self::Validate { .. } => 10,
        }
    }
}

impl Plan {
    /// Whether it is meant to make services well again, and so ends with a look at them; what only contains does not.
    #[must_use]
    pub fn heals(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Validate { .. }))
    }

    /// How long it takes, in seconds, when nothing better is known.
    #[must_use]
    pub fn usual_seconds(&self) -> u64 {
        self.steps.iter().map(Step::usual_seconds).sum()
    }

    /// The components it changes; one is named as often as it is changed.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(Step::component)
    }
}

/// One run of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// Its name.
    pub id: RecoveryId,
    /// What it does.
    pub plan: Arc<Plan>,
    /// Why.
    pub reason: String,
    /// The incident it is for.
    pub incident: Option<IncidentId>,
    /// The change that authorised it.
    pub change: Option<ChangeId>,
    /// Under which nobody had to agree to it.
    #[serde(default)]
    pub break_glass: Option<BreakGlassId>,
    /// Who started it.
    pub started_by: Actor,
    /// When.
    pub started_at: DateTime<Utc>,
    /// One entry for each step of the plan.
    pub steps: Vec<StepRun>,
    /// The hash of what the platform file said about it when it began.
    #[serde(default)]
    pub definition: String,
    /// Somebody wants it to stop after the step under way.
    pub cancel_requested: bool,
    /// The snapshot that its first step took.
    pub safety_snapshot: Option<SnapshotId>,
    /// When and how it ended.
    pub ended: Option<(DateTime<Utc>, RecoveryOutcome)>,
    /// What came of it, in one line.
    pub summary: String,
    /// End of the extended watch, while it runs.
    pub watch_until: Option<DateTime<Utc>>,
    /// Proof that it worked, one phase after the other.
    #[serde(default)]
    pub validations: Vec<Validation>,
    /// The phase that is under way after it ended.
    #[serde(default)]
    pub validating: Option<Phase>,
    /// Why it did not last although it succeeded.
    #[serde(default)]
    pub relapse: Option<String>,
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRun {
    /// How far it is.
    pub state: StepState,
    /// When it was begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What it said.
    pub output: String,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Not begun.
    #[default]
    Waiting,
    /// The executor is about to act, or acts.
    Running,
    /// Done.
    Done,
    /// Could not be done.
    Failed,
    /// Need not be done.
    Skipped,
}

/// What a step found out, where that decides how the recovery goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// It was to find out nothing.
    #[default]
    Nothing,
    /// The services are healthy.
    Healthy,
    /// They are not.
    Unhealthy,
}

/// How a recovery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryOutcome {
    /// Every step was done and validation passed.
    Succeeded,
    /// A step failed or validation did not pass.
    Failed,
    /// Somebody stopped it between two steps.
    Cancelled,
}

impl fmt::Display for RecoveryOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        })
    }
}

impl Recovery {
    /// Whether a policy runs it with nobody's approval.
    #[must_use]
    pub fn is_autonomous(&self) -> bool {
        self.change.is_none() && self.started_by.operator().is_none()
    }

    /// Whether a step that changes something has not begun yet.
    #[must_use]
    pub fn has_writes_ahead(&self) -> bool {
        let mut ahead = self.plan.steps.iter().zip(&self.steps).filter(|(_, run)| run.state == StepState::Waiting);
        ahead.any(|(step, _)| step.writes())
    }

    /// Whether it is not over.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether it succeeded, and nothing came back after that as far as it is known.
    #[must_use]
    pub fn lasted(&self) -> bool {
        matches!(self.ended, Some((_, RecoveryOutcome::Succeeded))) && self.relapse.is_none()
    }

    /// The first step that is not over, with which a run goes on.
    #[must_use]
    pub fn next_step(&self) -> Option<usize> {
        self.steps.iter().position(|step| !matches!(step.state, StepState::Done | StepState::Skipped))
    }
}
