//! Snapshots that lie in the vault and in no record: what a lost journal knew, or what was captured in the moment of a crash.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Captured, Event, Recorded, Snapshot, SnapshotId, SnapshotState, SnapshotTrigger, State};

/// A component as the vault holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The snapshot it was taken for, as it was called then.
    pub called: String,
    /// When it was taken, by the clock of then.
    pub taken_at: DateTime<Utc>,
    /// Its service was healthy then, and it was no safety snapshot.
    pub healthy: bool,
    /// What it is.
    pub captured: Captured,
}

/// Decides that what has no record gets one, the oldest first. It counts as good only when it was taken in health and nothing
/// good of its component is known.
pub(in crate::domain) fn adopt(state: &State, found: Vec<Found>) -> Vec<Event> {
    let recorded = state.snapshots.values().flat_map(|snapshot| &snapshot.captured).map(|captured| &captured.vault_id);
    let known: BTreeSet<&String> = recorded.chain(&state.vault.forgotten).collect();
    let mut sets: BTreeMap<(DateTime<Utc>, String), Vec<Captured>> = BTreeMap::new();
    for Found { called, taken_at, healthy, mut captured } in found {
        if known.contains(&captured.vault_id) || state.platform.component(&captured.component).is_none() {
            continue;
        }
        let lost = state.last_good_snapshot(&captured.component, None).is_none();
        captured.good = lost && healthy && captured.unreadable.is_empty();
        let first = sets.keys().find(|(_, other)| *other == called).map(|(first, _)| *first);
        sets.entry((first.unwrap_or(taken_at), called)).or_default().push(captured);
    }
    let next = state.next_snapshot().0;
    sets.into_iter()
        .zip(next..)
        .map(|(((taken_at, called), captured), id)| Event::SnapshotAdopted {
            snapshot: SnapshotId(id),
            called,
            taken_at,
            captured,
        })
        .collect()
}

/// What is true after one was adopted.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let Event::SnapshotAdopted { snapshot, called, taken_at, captured } = &recorded.event else { return };
    let whole = captured.iter().all(|captured| captured.unreadable.is_empty());
    state.snapshots.insert(
        *snapshot,
        Snapshot {
            id: *snapshot,
            trigger: SnapshotTrigger::Adopted,
            reason: format!("found in the vault without a record, where it was called {called}"),
            components: captured.iter().map(|captured| captured.component.clone()).collect(),
            requested_by: recorded.actor.clone(),
            requested_at: *taken_at,
            recovery: None,
            ended_at: Some(recorded.at),
            state: if whole { SnapshotState::Complete } else { SnapshotState::Partial },
            captured: captured.clone(),
            total_bytes: 0,
            checked: None,
            tested: None,
            proving: BTreeSet::new(),
            incident: None,
            pinned: false,
        },
    );
}
