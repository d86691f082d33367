//! Snapshots: what was captured when, and how much could be lost now.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, Command, Event, IncidentId, Recorded, RecoveryId, Refusal, SnapshotId, State, Status, stream,
};
use crate::platform::Component;

/// How long proofs wait after one could not be made, such as for want of room.
const AFTER_FAILED_PROOF: TimeDelta = TimeDelta::minutes(15);
/// How soon another is taken after one that was found damaged, or did not restore.
const REPLACED_AFTER: Duration = Duration::from_secs(5 * 60);

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
    /// Last time it was restored into a scratch place.
    #[serde(default)]
    pub tested: Option<TestRestore>,
    /// Proofs of it that are under way.
    #[serde(default)]
    pub proving: BTreeSet<Proof>,
    /// The incident that was open for one of its services when it was taken.
    #[serde(default)]
    pub incident: Option<IncidentId>,
    /// Retention must keep it.
    pub pinned: bool,
}

/// What can be proved of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Its bytes in the vault are right.
    Integrity,
    /// It can be restored, and the adapter's own verification passes.
    TestRestore,
}

/// A restore into a scratch place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestRestore {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// What came of each component.
    pub results: Vec<TestResult>,
}

/// What a test-restore of one component came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// Which.
    pub component: String,
    /// It came back and passed.
    pub passed: bool,
    /// What was looked at, or what went wrong.
    pub detail: String,
    /// How long it took.
    pub milliseconds: u64,
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
    /// It lay in the vault without a record.
    Adopted,
}

impl SnapshotTrigger {
    /// What it is called in lists, and asked for in their filters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::OnDemand => "on demand",
            Self::PreDeployment => "deployment",
            Self::Emergency => "emergency",
            Self::Safety => "safety",
            Self::Final => "final",
            Self::Adopted => "adopted",
        }
    }
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

    /// What the last test-restore of a component came to.
    #[must_use]
    pub fn test_of(&self, component: &str) -> Option<&TestResult> {
        self.tested.as_ref()?.results.iter().find(|result| result.component == component)
    }

    /// When a proof of a component was last made, well or not.
    pub(in crate::domain) fn proved_at(&self, proof: Proof, component: &str) -> Option<DateTime<Utc>> {
        match proof {
            Proof::Integrity => self.checked.as_ref().map(|(at, _)| *at),
            Proof::TestRestore => self.test_of(component).and(self.tested.as_ref()).map(|tested| tested.at),
        }
    }

    /// Whether a rollback may choose it by itself for this component.
    #[must_use]
    pub fn is_good_for(&self, component: &str) -> bool {
        self.trigger != SnapshotTrigger::Safety
            && self.checked.as_ref().is_none_or(|(_, problems)| problems.is_empty())
            && self.test_of(component).is_none_or(|test| test.passed)
            && self.captured(component).is_some_and(|captured| captured.good && captured.unreadable.is_empty())
    }

    /// Whether it was found damaged, or did not restore this component.
    pub(in crate::domain) fn is_wrong_for(&self, component: &str) -> bool {
        self.checked.as_ref().is_some_and(|(_, problems)| !problems.is_empty())
            || self.test_of(component).is_some_and(|test| !test.passed)
    }
}

/// Decides that a snapshot is to be taken; no components means all of them.
pub(in crate::domain) fn request(
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
            return Err(Refusal::unknown_component(&state.platform, component));
        }
    }
    if let Some(running) = state.snapshots.values().find(|snapshot| {
        snapshot.state == SnapshotState::Running && snapshot.components == components && recovery.is_none()
    }) {
        return Err(Refusal::new("snapshot-running", format!("{} of the same components is being taken", running.id))
            .hint(format!("wait until it is done: codeblue snapshot show {}", running.id)));
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
pub(in crate::domain) fn running(state: &State, id: SnapshotId) -> Result<&Snapshot, Refusal> {
    let snapshot = state.snapshot(id)?;
    if snapshot.state != SnapshotState::Running {
        return Err(Refusal::new("snapshot-over", format!("{id} has ended already"))
            .hint("take another: codeblue snapshot create"));
    }
    Ok(snapshot)
}

/// Decides that something is to be proved of a snapshot.
pub(in crate::domain) fn request_proof(state: &State, id: SnapshotId, proof: Proof) -> Result<Vec<Event>, Refusal> {
    let snapshot = state.snapshot(id)?;
    if snapshot.state == SnapshotState::Running {
        return Err(Refusal::new("snapshot-running", format!("{id} is still being taken"))
            .hint(format!("wait until it is done: codeblue snapshot show {id}")));
    }
    if snapshot.captured.is_empty() {
        return Err(Refusal::new("empty-snapshot", format!("{id} holds nothing"))
            .hint("choose another: codeblue snapshot list"));
    }
    if snapshot.proving.contains(&proof) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::SnapshotProofRequested { snapshot: id, proof }])
}

/// The next proof, and when it is due: of each component, the newest good snapshot is proved in turn.
pub(in crate::domain) fn next_proof(state: &State) -> Option<(DateTime<Utc>, Command)> {
    if state.snapshots.values().any(|snapshot| !snapshot.proving.is_empty()) {
        return None;
    }
    let care = &state.platform.vault;
    let rested = state.vault.unproved.as_ref().map(|(failed, _)| *failed + AFTER_FAILED_PROOF);
    let of = |proof, every: Duration| {
        state.platform.components.iter().filter_map(move |component| {
            let newest = state.last_good_snapshot(&component.name, None)?;
            let proved =
                state.snapshots.values().filter_map(|snapshot| snapshot.proved_at(proof, &component.name)).max();
            let due = proved.map_or(newest.requested_at, |proved| proved + every).max(newest.requested_at);
            Some((rested.map_or(due, |rested| due.max(rested)), Command::RequestProof { snapshot: newest.id, proof }))
        })
    };
    of(Proof::Integrity, care.verify_every)
        .chain(of(Proof::TestRestore, care.test_restore_every))
        .min_by_key(|(due, _)| *due)
}

/// Makes the state what it is after an event about snapshots.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    if let Event::SnapshotRequested { snapshot, trigger, components, reason, recovery } = &recorded.event {
        let incident = components
            .iter()
            .filter_map(|name| state.platform.component(name))
            .find_map(|component| state.incident_of(&component.service))
            .map(|incident| incident.id);
        state.snapshots.insert(
            *snapshot,
            Snapshot {
                id: *snapshot,
                trigger: *trigger,
                reason: reason.clone(),
                components: components.clone(),
                requested_by: recorded.actor.clone(),
                requested_at: at,
                recovery: *recovery,
                ended_at: None,
                state: SnapshotState::Running,
                captured: Vec::new(),
                total_bytes: 0,
                checked: None,
                tested: None,
                proving: BTreeSet::new(),
                incident,
                pinned: false,
            },
        );
        if let Some(recovery) = recovery.and_then(|id| state.recoveries.get_mut(&id)) {
            recovery.safety_snapshot = Some(*snapshot);
        }
        return;
    }
    match &recorded.event {
        Event::SnapshotProofFailed { error, .. } => state.vault.unproved = Some((at, error.clone())),
        Event::SnapshotVerified { .. } | Event::SnapshotTested { .. } => state.vault.unproved = None,
        _ => {}
    }
    let Some(id) = subject(&recorded.event) else { return };
    let Some(found) = state.snapshots.get_mut(&id) else { return };
    match &recorded.event {
        Event::SnapshotTaken { captured, total_bytes, .. } => {
            let whole = captured.iter().all(|captured| captured.unreadable.is_empty())
                && captured.len() == found.components.len();
            found.state = if whole { SnapshotState::Complete } else { SnapshotState::Partial };
            found.ended_at = Some(at);
            found.captured.clone_from(captured);
            found.total_bytes = *total_bytes;
        }
        Event::SnapshotFailed { error, .. } => {
            found.state = SnapshotState::Failed(error.clone());
            found.ended_at = Some(at);
        }
        Event::SnapshotProofRequested { proof, .. } => {
            found.proving.insert(*proof);
        }
        Event::SnapshotProofFailed { proof, .. } => {
            found.proving.remove(proof);
        }
        Event::SnapshotVerified { problems, .. } => {
            found.checked = Some((at, problems.clone()));
            found.proving.remove(&Proof::Integrity);
        }
        Event::SnapshotTested { results, .. } => {
            found.tested = Some(TestRestore { at, results: results.clone() });
            found.proving.remove(&Proof::TestRestore);
        }
        Event::SnapshotPinned { pinned, .. } => found.pinned = *pinned,
        _ => {}
    }
}

/// The snapshot that an event is about and that was there before it.
pub(in crate::domain) fn subject(event: &Event) -> Option<SnapshotId> {
    match event {
        Event::SnapshotTaken { snapshot, .. }
        | Event::SnapshotFailed { snapshot, .. }
        | Event::SnapshotProofRequested { snapshot, .. }
        | Event::SnapshotProofFailed { snapshot, .. }
        | Event::SnapshotVerified { snapshot, .. }
        | Event::SnapshotTested { snapshot, .. }
        | Event::SnapshotPinned { snapshot, .. } => Some(*snapshot),
        _ => None,
    }
}

impl State {
    /// When a component was last restored into a scratch place, and from which snapshot, with what came of it.
    #[must_use]
    pub fn last_test_restore(&self, component: &str) -> Option<(&Snapshot, DateTime<Utc>, &TestResult)> {
        self.snapshots
            .values()
            .filter_map(|snapshot| {
                Some((snapshot, snapshot.proved_at(Proof::TestRestore, component)?, snapshot.test_of(component)?))
            })
            .max_by_key(|(_, at, _)| *at)
    }

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
        let snapshot = self.last_good_snapshot(component, None)?;
        let age = now - snapshot.requested_at;
        Some(stream::age(self, component, now).map_or(age, |streamed| streamed.min(age)))
    }

    /// When the next scheduled snapshot of a component is due; a failed try is repeated after a minute at the earliest, and
    /// what was found wrong is replaced soon.
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
                    _ if snapshot.is_wrong_for(&component.name) => component.every.min(REPLACED_AFTER),
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
