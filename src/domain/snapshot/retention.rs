//! Which snapshots are kept. Decided by the engine's own order and clock alone: nothing written into a snapshot, such as a
//! time in the future, can push another out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Event, Plan, ReplicaState, Snapshot, SnapshotId, SnapshotState, SnapshotTrigger, State, Step};

/// Retention is applied this long after it last forgot something, at the earliest.
const EVERY: TimeDelta = TimeDelta::hours(1);
/// How long a snapshot that holds nothing whole stays as evidence.
const EVIDENCE: TimeDelta = TimeDelta::days(7);

/// What concerns the vault as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VaultState {
    /// Ids in the vault that are to be removed from it.
    pub forgotten: Vec<String>,
    /// When a proof could last not be made, and why; none after the next that could.
    #[serde(default)]
    pub unproved: Option<(DateTime<Utc>, String)>,
    /// When retention last forgot something.
    pub retained_at: Option<DateTime<Utc>>,
    /// Bytes on disk after the last pruning.
    pub total_bytes: Option<u64>,
    /// The second copy.
    #[serde(default)]
    pub replica: ReplicaState,
}

/// The snapshots that are kept, each with the reasons, in words.
#[must_use]
pub fn kept(state: &State, now: DateTime<Utc>) -> BTreeMap<SnapshotId, BTreeSet<&'static str>> {
    let mut kept: BTreeMap<SnapshotId, BTreeSet<&'static str>> = BTreeMap::new();
    let mut keep = |id: SnapshotId, why| {
        kept.entry(id).or_default().insert(why);
    };
    let planned = planned(state);
    for snapshot in state.snapshots.values() {
        if let Some(why) = held(state, snapshot, &planned, now) {
            keep(snapshot.id, why);
        }
    }
    if let Some((newest, _)) = state.snapshots.last_key_value() {
        keep(*newest, "newest");
    }
    for component in &state.platform.components {
        let name = component.name.as_str();
        if let Some(good) = state.last_good_snapshot(name, None) {
            keep(good.id, "last good");
        }
        if let Some((proved, _, _)) = state.last_test_restore(name).filter(|(_, _, test)| test.passed) {
            keep(proved.id, "last proved to restore");
        }
        let (mut hours, mut days) = (BTreeSet::new(), BTreeSet::new());
        let care = &state.platform.vault;
        let whole = state.snapshots.values().rev().filter(|snapshot| holds_whole(snapshot, name));
        for (rank, snapshot) in whole.enumerate() {
            let age = (now - snapshot.requested_at).to_std().unwrap_or_default();
            let hour = snapshot.requested_at.timestamp().div_euclid(3600);
            if rank < care.keep_newest as usize {
                keep(snapshot.id, "among the newest");
            }
            if age <= care.keep_hourly && hours.insert(hour) {
                keep(snapshot.id, "hourly");
            }
            if age <= care.keep_daily && days.insert(hour.div_euclid(24)) {
                keep(snapshot.id, "daily");
            }
        }
    }
    kept
}

/// Forgets what is not kept.
pub(in crate::domain) fn forget(state: &State, now: DateTime<Utc>) -> Vec<Event> {
    let kept = kept(state, now);
    let dropped: Vec<&Snapshot> =
        state.snapshots.values().filter(|snapshot| !kept.contains_key(&snapshot.id)).collect();
    if dropped.is_empty() {
        return Vec::new();
    }
    vec![Event::SnapshotsForgotten {
        snapshots: dropped.iter().map(|snapshot| snapshot.id).collect(),
        vault_ids: dropped.iter().flat_map(|one| &one.captured).map(|captured| captured.vault_id.clone()).collect(),
    }]
}

/// Whether a new snapshot is an occasion to look for old ones.
pub(in crate::domain) fn is_due(state: &State, now: DateTime<Utc>) -> bool {
    let many = state.snapshots.len() > state.platform.vault.keep_newest as usize;
    many && state.vault.retained_at.is_none_or(|last| last + EVERY <= now)
}

fn holds_whole(snapshot: &Snapshot, component: &str) -> bool {
    snapshot.trigger != SnapshotTrigger::Safety
        && snapshot.captured(component).is_some_and(|captured| captured.unreadable.is_empty())
}

/// Why a snapshot must stay whatever its age.
fn held(
    state: &State,
    snapshot: &Snapshot,
    planned: &BTreeSet<SnapshotId>,
    now: DateTime<Utc>,
) -> Option<&'static str> {
    let age = now - snapshot.requested_at;
    let open = |incident| state.incidents.get(&incident).is_some_and(|incident| incident.state.is_open());
    if snapshot.state == SnapshotState::Running || !snapshot.proving.is_empty() {
        Some("in use")
    } else if snapshot.pinned {
        Some("pinned")
    } else if snapshot.incident.is_some_and(open) {
        Some("taken during an open incident")
    } else if planned.contains(&snapshot.id) {
        Some("a plan restores from it")
    } else if snapshot.trigger == SnapshotTrigger::Safety
        && age.to_std().unwrap_or_default() <= state.platform.vault.keep_daily
    {
        Some("undoes a recovery")
    } else if snapshot.state != SnapshotState::Complete && age <= EVIDENCE {
        Some("evidence")
    } else {
        None
    }
}

/// The snapshots that a plan names which may still run.
pub(in crate::domain) fn planned(state: &State) -> BTreeSet<SnapshotId> {
    let of = |plan: &Plan| -> Vec<SnapshotId> {
        let named = plan.steps.iter().filter_map(|step| match step {
            Step::RestoreSnapshot { snapshot, .. } | Step::RestoreTime { snapshot, .. } => Some(*snapshot),
            _ => None,
        });
        named.collect()
    };
    let changes = state.changes.values().filter(|change| change.state.is_open()).flat_map(|change| of(&change.plan));
    let recoveries = state.running_recoveries();
    changes
        .chain(recoveries.flat_map(|recovery| of(&recovery.plan).into_iter().chain(recovery.safety_snapshot)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use chrono::TimeZone;

    use super::*;
    use crate::{
        domain::{Captured, Recorded, apply},
        platform::parse,
    };

    fn noon(day: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, day, 12, 0, 0).unwrap()
    }

    struct Vault(State);

    impl Vault {
        fn new(care: &str) -> Self {
            let text = format!(
                "[platform]\nname = \"p\"\n[vault]\n{care}\n[[service]]\nname = \"s\"\n\
                 [[component]]\nname = \"c\"\nservice = \"s\"\nsqlite = {{ path = \"/c.db\" }}\n"
            );
            let platform = Arc::new(parse(&text, Path::new("/codeblue.toml")).unwrap());
            Self(State { platform, ..State::default() })
        }

        fn give(&mut self, at: DateTime<Utc>, event: Event) {
            let (seq, actor) = (self.0.seq + 1, crate::domain::Actor::Engine);
            apply(&mut self.0, &Recorded { seq, at, actor, cause: None, event, hash: String::new() });
        }

        fn take(&mut self, at: DateTime<Utc>, unreadable: &[&str]) -> SnapshotId {
            let snapshot = self.0.next_snapshot();
            let components = vec!["c".to_owned()];
            let (trigger, reason) = (SnapshotTrigger::Scheduled, String::new());
            self.give(at, Event::SnapshotRequested { snapshot, trigger, components, reason, recovery: None });
            let captured = Captured {
                component: "c".to_owned(),
                vault_id: format!("{snapshot}"),
                files: 1,
                bytes: 1,
                added_bytes: 1,
                unreadable: unreadable.iter().map(|path| (*path).to_owned()).collect(),
                version: None,
                good: unreadable.is_empty(),
            };
            self.give(at, Event::SnapshotTaken { snapshot, captured: vec![captured], total_bytes: 1 });
            snapshot
        }

        fn kept(&self, now: DateTime<Utc>) -> Vec<u64> {
            kept(&self.0, now).keys().map(|id| id.0).collect()
        }
    }

    #[test]
    fn the_newest_one_an_hour_and_one_a_day_are_kept() {
        let mut vault = Vault::new("keep_newest = 2\nkeep_hourly = \"3h\"\nkeep_daily = \"2d\"");
        // every half hour, from four days ago until now
        let first = noon(10) - TimeDelta::days(4);
        for step in 0..=192 {
            vault.take(first + TimeDelta::minutes(30 * step), &[]);
        }
        let kept = vault.kept(noon(10));
        // the last of each hour back to three hours, the two newest, and the last of each day back to two days
        assert_eq!(kept, [120, 168, 188, 190, 192, 193], "{:?}", super::kept(&vault.0, noon(10)));
        let dropped = forget(&vault.0, noon(10));
        let Some(Event::SnapshotsForgotten { snapshots, vault_ids }) = dropped.first() else {
            panic!("nothing dropped")
        };
        assert_eq!((snapshots.len(), vault_ids.len()), (193 - kept.len(), 193 - kept.len()));
    }

    #[test]
    fn pinned_and_last_good_stay_however_old_and_however_many_bad_ones_follow() {
        let mut vault = Vault::new("keep_newest = 1\nkeep_hourly = \"1h\"\nkeep_daily = \"1d\"");
        let pinned = vault.take(noon(1), &[]);
        vault.give(noon(1), Event::SnapshotPinned { snapshot: pinned, pinned: true });
        let ordinary = vault.take(noon(2), &[]);
        let good = vault.take(noon(3), &[]);
        for day in 4..9 {
            vault.take(noon(day), &["/c.db"]);
        }
        let now = noon(25);
        let kept = super::kept(&vault.0, now);
        assert!(kept[&pinned].contains("pinned") && kept[&good].contains("last good"), "{kept:?}");
        assert!(!kept.contains_key(&ordinary));
        assert_eq!(vault.kept(now), [1, 3, 8], "partial ones are evidence for a week only, except the newest");
    }

    #[test]
    fn a_clock_that_was_wrong_pushes_nothing_out() {
        let mut vault = Vault::new("keep_newest = 3\nkeep_hourly = \"1d\"\nkeep_daily = \"30d\"");
        let good = vault.take(noon(10), &[]);
        // somebody set the clock ten years ahead, took many, and set it back
        let future = Utc.with_ymd_and_hms(2036, 1, 1, 0, 0, 0).unwrap();
        for minute in 0..5 {
            vault.take(future + TimeDelta::minutes(minute), &[]);
        }
        assert!(vault.kept(noon(10)).contains(&good.0));
        assert!(vault.kept(future).contains(&6), "and the last good one stays then, too");
    }

    #[test]
    fn what_an_open_plan_restores_from_stays() {
        let mut vault = Vault::new("keep_newest = 1\nkeep_hourly = \"1h\"\nkeep_daily = \"1d\"");
        let named = vault.take(noon(1), &[]);
        let unnamed = vault.take(noon(2), &[]);
        vault.take(noon(20), &[]);
        let plan = Plan {
            strategy: crate::domain::Strategy::Rollback,
            title: String::new(),
            services: vec!["s".to_owned()],
            steps: vec![Step::RestoreSnapshot {
                component: "c".to_owned(),
                snapshot: named,
                vault_id: String::new(),
                taken_at: noon(1),
            }],
            loses: None,
        };
        let recovery = crate::domain::RecoveryId(1);
        let event = Event::RecoveryStarted {
            recovery,
            plan: Arc::new(plan),
            reason: String::new(),
            incident: None,
            change: None,
            break_glass: None,
        };
        vault.give(noon(20), event);
        assert!(vault.kept(noon(21)).contains(&named.0));
        assert!(!vault.kept(noon(21)).contains(&unnamed.0));
    }
}
