//! Snapshots: what was captured when, and how much could be lost now.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Actor, Event, RecoveryId, Refusal, SnapshotId, State, Status};
use crate::platform::Component;

/// A set of captured components at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Its name.
    pub id: SnapshotId,
    /// Why it was taken.
    pub trigger: SnapshotTrigger,
    /// In words.
    pub reason: String,
    /// Components it was to hold.
    pub components: Vec<String>,
    /// Who asked.
    pub requested_by: Actor,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// The recovery it protects.
    pub recovery: Option<RecoveryId>,
    /// When it ended, well or not.
    pub ended_at: Option<DateTime<Utc>>,
    /// How far it is.
    pub state: SnapshotState,
    /// What it holds.
    pub captured: Vec<Captured>,
    /// Bytes of the vault on disk after it.
    pub total_bytes: u64,
    /// Last proof that its bytes are right: when, and what was wrong.
    pub checked: Option<(DateTime<Utc>, Vec<String>)>,
    /// Retention must keep it.
    pub pinned: bool,
}

/// Why a snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotTrigger {
    /// Its time had come.
    Scheduled,
    /// Somebody asked.
    OnDemand,
    /// Before a deployment.
    PreDeployment,
    /// Because of a critical error.
    Emergency,
    /// Before a recovery, so that it can be undone.
    Safety,
    /// Before the engine stopped.
    Final,
}

/// How far a snapshot is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "error")]
pub enum SnapshotState {
    /// Being taken.
    Running,
    /// Everything is in the vault.
    Complete,
    /// Something could not be read; what, is listed with each component.
    Partial,
    /// Nothing usable is in the vault.
    Failed(String),
}

/// One component in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Captured {
    /// Which.
    pub component: String,
    /// The snapshot's id in the vault, as restic shows it.
    pub vault_id: String,
    /// Number of files.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// What the vault grew by.
    pub added_bytes: u64,
    /// Paths that could not be read.
    pub unreadable: Vec<String>,
    /// The version that was live, for code.
    pub version: Option<String>,
    /// The service was healthy when it was taken, and the adapter's own verification passed.
    pub good: bool,
}

impl Snapshot {
    /// What it holds of a component.
    #[must_use]
    pub fn captured(&self, component: &str) -> Option<&Captured> {
        self.captured.iter().find(|captured| captured.component == component)
    }

    /// Bytes the vault grew by.
    #[must_use]
    pub fn added_bytes(&self) -> u64 {
        self.captured.iter().map(|captured| captured.added_bytes).sum()
    }

    /// Whether a rollback may choose it by itself for this component.
    #[must_use]
    pub fn is_good_for(&self, component: &str) -> bool {
        self.trigger != SnapshotTrigger::Safety
            && self.checked.as_ref().is_none_or(|(_, problems)| problems.is_empty())
            && self.captured(component).is_some_and(|captured| captured.good && captured.unreadable.is_empty())
    }
}

/// Decides that a snapshot is to be taken; no components means all of them.
pub(super) fn request(
    state: &State,
    components: Vec<String>,
    trigger: SnapshotTrigger,
    reason: &str,
    recovery: Option<RecoveryId>,
) -> Result<Vec<Event>, Refusal> {
    let components = if components.is_empty() {
        state.platform.components.iter().map(|component| component.name.clone()).collect()
    } else {
        components
    };
    if components.is_empty() {
        return Err(Refusal::new("nothing-to-snapshot", "the platform file declares no component")
            .hint("add a [[component]] to codeblue.toml"));
    }
    for component in &components {
        if state.platform.component(component).is_none() {
            return Err(Refusal::unknown("component", component));
        }
    }
    if let Some(running) = state.snapshots.values().find(|snapshot| {
        snapshot.state == SnapshotState::Running && snapshot.components == components && recovery.is_none()
    }) {
        return Err(Refusal::new("snapshot-running", format!("{} of the same components is being taken", running.id)));
    }
    Ok(vec![Event::SnapshotRequested {
        snapshot: state.next_snapshot(),
        trigger,
        components,
        reason: reason.chars().filter(|c| !c.is_control()).take(400).collect(),
        recovery,
    }])
}

/// The snapshot, if it is still being taken.
pub(super) fn running(state: &State, id: SnapshotId) -> Result<&Snapshot, Refusal> {
    let snapshot = state.snapshot(id)?;
    if snapshot.state != SnapshotState::Running {
        return Err(Refusal::new("snapshot-over", format!("{id} has ended already")));
    }
    Ok(snapshot)
}

impl State {
    /// The newest snapshot a rollback of this component may choose by itself, taken before `before` if that is given.
    #[must_use]
    pub fn last_good_snapshot(&self, component: &str, before: Option<DateTime<Utc>>) -> Option<&Snapshot> {
        self.snapshots
            .values()
            .rev()
            .filter(|snapshot| before.is_none_or(|before| snapshot.requested_at < before))
            .find(|snapshot| snapshot.is_good_for(component))
    }

    /// How old the newest snapshot of a component is: what would be lost now. None when there is none.
    #[must_use]
    pub fn recovery_point_age(&self, component: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.last_good_snapshot(component, None).map(|snapshot| now - snapshot.requested_at)
    }

    /// When the next scheduled snapshot of a component is due; a failed try is repeated after a minute at the earliest.
    #[must_use]
    pub fn snapshot_due_at(&self, component: &Component) -> DateTime<Utc> {
        let last = self.snapshots.values().rev().find(|snapshot| {
            snapshot.trigger != SnapshotTrigger::Safety && snapshot.components.contains(&component.name)
        });
        match last {
            None => DateTime::<Utc>::MIN_UTC,
            Some(snapshot) => {
                let wait = match &snapshot.state {
                    SnapshotState::Failed(_) => component.every.min(std::time::Duration::from_secs(60)),
                    _ => component.every,
                };
                snapshot.requested_at + wait
            }
        }
    }

    /// Whether the service of a component is healthy now, which makes a snapshot of it a good one.
    #[must_use]
    pub fn is_component_healthy(&self, component: &str) -> bool {
        let Some(service) = self.platform.component(component).map(|component| &component.service) else {
            return false;
        };
        let watched = self.platform.service(service).is_some_and(|service| !service.checks.is_empty());
        !watched || self.services.get(service).is_some_and(|health| health.status == Status::Healthy)
    }
}
