//! The second copy of the vault: what has not been copied yet, and since when.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Command, Event, Recorded, Refusal, State};

/// How long a copy that failed waits before it is tried again.
const AFTER_FAILURE: TimeDelta = TimeDelta::minutes(1);

/// How the replica stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaState {
    /// Since when the vault holds something that the replica does not.
    pub behind_since: Option<DateTime<Utc>>,
    /// A copy is under way since then.
    pub copying_since: Option<DateTime<Utc>>,
    /// When a copy last ended well.
    pub copied_at: Option<DateTime<Utc>>,
    /// A repair of the vault from it is under way.
    #[serde(default)]
    pub repairing: bool,
    /// When the vault was last repaired from it, and what came of it.
    #[serde(default)]
    pub repaired: Option<VaultRepair>,
    /// When a copy last failed or found damage, and what it was; none after the next that ended well.
    pub problem: Option<(DateTime<Utc>, String)>,
}

/// What a repair of the vault came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultRepair {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Every file of the vault is what its name promises.
    pub whole: bool,
    /// In one line.
    pub found: String,
}

impl ReplicaState {
    /// What would be lost with the vault: how long ago the oldest thing was written that is not in the replica.
    #[must_use]
    pub fn lag(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.behind_since.map(|since| (now - since).max(TimeDelta::zero()))
    }
}

fn configured(state: &State) -> Result<(), Refusal> {
    match state.platform.vault.replica {
        Some(_) => Ok(()),
        None => Err(Refusal::new("no-replica", "the platform file names no replica")
            .hint("add replica = { directory = \"...\" } below [vault]")),
    }
}

/// Decides that the vault is copied.
pub(in crate::domain) fn request(state: &State) -> Result<Vec<Event>, Refusal> {
    configured(state)?;
    Ok(if state.vault.replica.copying_since.is_some() { Vec::new() } else { vec![Event::ReplicationStarted] })
}

/// Decides that what is damaged in the vault or was lost is put back from the replica.
pub(in crate::domain) fn request_repair(state: &State) -> Result<Vec<Event>, Refusal> {
    configured(state)?;
    Ok(if state.vault.replica.repairing { Vec::new() } else { vec![Event::VaultRepairStarted] })
}

/// The next copy, and when it is due.
pub(in crate::domain) fn next(state: &State) -> Option<(DateTime<Utc>, Command)> {
    let replica = &state.vault.replica;
    state.platform.vault.replica.as_ref().filter(|_| replica.copying_since.is_none())?;
    let rested = replica.problem.as_ref().map(|(at, _)| *at + AFTER_FAILURE);
    Some((replica.behind_since?.max(rested.unwrap_or(DateTime::<Utc>::MIN_UTC)), Command::Replicate))
}

/// What is true after an event.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    let configured = state.platform.vault.replica.is_some();
    let replica = &mut state.vault.replica;
    match &recorded.event {
        Event::SnapshotTaken { .. } | Event::VaultPruned { .. } | Event::PlatformLoaded { .. } if configured => {
            replica.behind_since.get_or_insert(at);
        }
        Event::PlatformLoaded { .. } => *replica = ReplicaState::default(),
        Event::ReplicationStarted => {
            replica.copying_since = Some(replica.behind_since.take().unwrap_or(at));
        }
        Event::VaultRepairStarted => replica.repairing = true,
        Event::VaultRepairEnded { whole, found } => {
            replica.repairing = false;
            replica.repaired = Some(VaultRepair { at, whole: *whole, found: found.clone() });
            if *whole {
                replica.problem = None;
                replica.behind_since.get_or_insert(at);
            }
        }
        Event::ReplicationEnded { problem } => {
            let since = replica.copying_since.take();
            match problem {
                None => (replica.copied_at, replica.problem) = (Some(at), None),
                Some(problem) => {
                    replica.problem = Some((at, problem.clone()));
                    replica.behind_since = since.or(replica.behind_since);
                }
            }
        }
        _ => {}
    }
}
