//! The state without what is old: what somebody who looks at a platform needs at once. Years of snapshots and of timelines stay
//! with the engine, which is asked for one of them when it is wanted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Event, Incident, Proof, Snapshot, SnapshotId, SnapshotState, State, snapshot};

/// The newest snapshots, whatever they hold.
const NEWEST: usize = 500;
/// Snapshots of all components together, beside those: each has its share of them.
const OF_COMPONENTS: usize = 5_000;
/// The newest of a component that are there on the largest platform.
const LEAST: usize = 5;
/// The newest of a component that are there on the smallest.
const MOST: usize = 200;
/// Incidents that are over whose timelines are there, from the newest on; the same number of recoveries can be undone.
const TOLD: usize = 500;

/// What a copy of the state lacks because it is old.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Older {
    /// Snapshots.
    pub snapshots: u64,
    /// Of those, how many hold each component; the last few may have been forgotten since.
    pub of_component: BTreeMap<String, u64>,
}

impl Older {
    /// Whether nothing is lacking.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.snapshots == 0
    }

    /// How many snapshots of a component are lacking.
    #[must_use]
    pub fn of(&self, component: &str) -> u64 {
        self.of_component.get(component).copied().unwrap_or_default()
    }

    fn lacks(&mut self, snapshot: &Snapshot) {
        self.snapshots += 1;
        for captured in &snapshot.captured {
            *self.of_component.entry(captured.component.clone()).or_default() += 1;
        }
    }

    fn has(&mut self, snapshot: &Snapshot) {
        self.forget(1);
        for captured in &snapshot.captured {
            if let Some(many) = self.of_component.get_mut(&captured.component) {
                *many = many.saturating_sub(1);
            }
        }
    }

    /// So many of those that are lacking were forgotten.
    pub(super) fn forget(&mut self, many: u64) {
        self.snapshots = self.snapshots.saturating_sub(many);
        if self.snapshots == 0 {
            self.of_component.clear();
        }
    }
}

impl Incident {
    /// Whether all of its timeline is here: it begins no later than the incident.
    #[must_use]
    pub fn has_whole_timeline(&self) -> bool {
        self.timeline.first().is_some_and(|first| first.at <= self.opened_at)
    }
}

impl State {
    /// The same without what is old.
    #[must_use]
    pub fn recent(&self) -> Self {
        let needed = needed(self);
        let mut older = self.older.clone();
        let mut snapshots = BTreeMap::new();
        for (id, found) in &self.snapshots {
            if needed.contains(id) {
                snapshots.insert(*id, found.clone());
            } else {
                older.lacks(found);
            }
        }
        Self {
            seq: self.seq,
            clock: self.clock,
            began: self.began,
            engine: self.engine.clone(),
            evidence: self.evidence.clone(),
            platform: self.platform.clone(),
            mode: self.mode,
            halted: self.halted.clone(),
            operators: self.operators.clone(),
            credentials: self.credentials.clone(),
            services: self.services.clone(),
            breakers: self.breakers.clone(),
            maintained: self.maintained.clone(),
            planned: self.planned.clone(),
            settled: self.settled.clone(),
            incidents: without_old_timelines(self.incidents.clone()),
            diagnoses: self.diagnoses.clone(),
            snapshots,
            older,
            streams: self.streams.clone(),
            vault: self.vault.clone(),
            deployments: self.deployments.clone(),
            changes: self.changes.clone(),
            delegations: self.delegations.clone(),
            overrides: self.overrides.clone(),
            newest_override: self.newest_override,
            templates: self.templates.clone(),
            break_glass: self.break_glass.clone(),
            recoveries: self.recoveries.clone(),
            runs: self.runs.clone(),
            continuity: self.continuity.clone(),
            knowledge: self.knowledge.clone(),
            drills: self.drills.clone(),
        }
    }

    /// Lets go of what is old, such as what an engine has sent that knows nothing of that, or what has grown old since.
    pub fn let_go_of_old(&mut self) {
        let needed = needed(self);
        for (_, old) in self.snapshots.extract_if(.., |id, _| !needed.contains(id)) {
            self.older.lacks(&old);
        }
        self.incidents = without_old_timelines(std::mem::take(&mut self.incidents));
    }

    /// Whether a snapshot that is not here may be among the older ones.
    #[must_use]
    pub fn may_be_older(&self, id: SnapshotId) -> bool {
        let newest = self.snapshots.last_key_value().map(|(newest, _)| *newest);
        !self.older.is_none()
            && id.0 > 0
            && newest.is_some_and(|newest| id < newest)
            && !self.snapshots.contains_key(&id)
    }

    /// The snapshot that an event changes and that is not here.
    #[must_use]
    pub fn changes_older(&self, event: &Event) -> Option<SnapshotId> {
        snapshot::subject(event).filter(|id| self.may_be_older(*id))
    }

    /// Takes older snapshots in that were asked for.
    pub fn take_older(&mut self, found: Vec<Snapshot>) {
        for snapshot in found {
            if !self.snapshots.contains_key(&snapshot.id) {
                self.older.has(&snapshot);
                self.snapshots.insert(snapshot.id, snapshot);
            }
        }
    }

    /// Takes what an incident's timeline lacks from the incident as the engine has it.
    pub fn take_timeline(&mut self, whole: Incident) {
        let seq = self.seq;
        let Some(found) = self.incidents.get_mut(&whole.id).filter(|found| !found.has_whole_timeline()) else { return };
        let first = found.timeline.first().map_or(seq.saturating_add(1), |first| first.seq);
        let own = std::mem::take(&mut found.timeline);
        found.timeline = whole.timeline.into_iter().filter(|entry| entry.seq < first).chain(own).collect();
    }
}

fn without_old_timelines<Id: Ord>(mut incidents: BTreeMap<Id, Incident>) -> BTreeMap<Id, Incident> {
    let over = incidents.values_mut().rev().filter(|incident| !incident.state.is_open());
    over.skip(TOLD).for_each(|incident| incident.timeline = Vec::new());
    incidents
}

/// What is known of the newer snapshots of a component.
#[derive(Default)]
struct Newer {
    many: usize,
    has_good: bool,
    tested: Option<(DateTime<Utc>, SnapshotId)>,
}

/// Snapshots that somebody who looks at the platform needs: the newest, those by which a component stands as it does, what is wrong, and
/// what something that is open refers to.
fn needed(state: &State) -> BTreeSet<SnapshotId> {
    let mut needed = snapshot::retention::planned(state);
    needed.extend(state.recoveries.values().rev().take(TOLD).filter_map(|recovery| recovery.safety_snapshot));
    for incident in state.open_incidents() {
        let hit = |service: &String| incident.services.contains(service) || incident.root.as_ref() == Some(service);
        let components = state.platform.components.iter().filter(|component| hit(&component.service));
        let before = components.filter_map(|one| state.last_good_snapshot(&one.name, Some(incident.detected_at)));
        needed.extend(before.map(|snapshot| snapshot.id));
    }
    let each = (OF_COMPONENTS / state.platform.components.len().max(1)).clamp(LEAST, MOST);
    let mut newer: BTreeMap<&str, Newer> = BTreeMap::new();
    let (mut wrong, mut checked) = (0, None);
    for (place, found) in state.snapshots.values().rev().enumerate() {
        let is_used = found.pinned || found.state == SnapshotState::Running || !found.proving.is_empty();
        let mut is_needed = place < NEWEST || is_used;
        if found.captured.iter().any(|captured| found.is_wrong_for(&captured.component)) && wrong < NEWEST {
            wrong += 1;
            is_needed = true;
        }
        checked = checked.max(found.checked.as_ref().map(|(at, _)| (*at, found.id)));
        for captured in &found.captured {
            let newer = newer.entry(&captured.component).or_default();
            if newer.many < each {
                newer.many += 1;
                is_needed = true;
            }
            if !newer.has_good && found.is_good_for(&captured.component) {
                newer.has_good = true;
                is_needed = true;
            }
            let tested = found.proved_at(Proof::TestRestore, &captured.component);
            newer.tested = newer.tested.max(tested.map(|at| (at, found.id)));
        }
        if is_needed {
            needed.insert(found.id);
        }
    }
    needed.extend(checked.into_iter().chain(newer.values().filter_map(|newer| newer.tested)).map(|(_, id)| id));
    needed
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use chrono::TimeDelta;

    use super::*;
    use crate::{
        domain::{Actor, Captured, Recorded, Severity, SnapshotTrigger, TestRestore, TestResult, apply},
        platform::parse,
    };

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::minutes(minute)
    }

    fn give(state: &mut State, minute: i64, event: Event) {
        let (seq, actor) = (state.seq + 1, Actor::Engine);
        apply(state, &Recorded { seq, at: at(minute), actor, cause: None, event, hash: String::new() });
    }

    fn open(state: &mut State, minute: i64) {
        let opened = Event::IncidentOpened {
            incident: state.next_incident(),
            severity: Severity::Sev2,
            title: "c0 writes nonsense".to_owned(),
            services: vec!["s0".to_owned()],
            detected_at: at(minute),
            workflow: None,
            symptoms_at: None,
        };
        give(state, minute, opened);
    }

    /// A platform of components of which the first `busy` are captured in turn, one a minute.
    fn years(components: usize, busy: usize, snapshots: u64) -> State {
        let mut text = "[platform]\nname = \"p\"\n".to_owned();
        for number in 0..components {
            text += &format!(
                "[[service]]\nname = \"s{number}\"\n[[component]]\nname = \"c{number}\"\nservice = \"s{number}\"\nsqlite = {{ path = \"/{number}.db\" }}\n"
            );
        }
        let mut state =
            State { platform: Arc::new(parse(&text, Path::new("/codeblue.toml")).unwrap()), ..State::default() };
        for number in 1..=snapshots {
            let component = format!("c{}", number as usize % busy);
            take(&mut state, SnapshotId(number), &component, true);
        }
        state
    }

    fn take(state: &mut State, id: SnapshotId, component: &str, good: bool) {
        let captured = Captured {
            component: component.to_owned(),
            vault_id: id.to_string(),
            files: 1,
            bytes: 1,
            added_bytes: 1,
            unreadable: Vec::new(),
            version: None,
            good,
        };
        let taken = Snapshot {
            id,
            trigger: SnapshotTrigger::Scheduled,
            reason: String::new(),
            components: vec![component.to_owned()],
            requested_by: Actor::Engine,
            requested_at: at(id.0.cast_signed()),
            recovery: None,
            ended_at: Some(at(id.0.cast_signed())),
            state: SnapshotState::Complete,
            captured: vec![captured],
            total_bytes: 1,
            checked: None,
            tested: None,
            proving: BTreeSet::new(),
            incident: None,
            pinned: false,
        };
        state.snapshots.insert(id, taken);
    }

    #[test]
    fn a_small_state_lacks_nothing() {
        let state = years(3, 3, 300);
        assert_eq!(state.recent(), state);
    }

    #[test]
    fn what_is_good_wrong_pinned_or_proved_stays_however_old_and_the_rest_is_counted() {
        let mut state = years(50, 50, 5_000);
        let edit =
            |state: &mut State, id, edit: fn(&mut Snapshot)| edit(state.snapshots.get_mut(&SnapshotId(id)).unwrap());
        edit(&mut state, 7, |found| found.pinned = true);
        edit(&mut state, 11, |found| found.checked = Some((at(0), vec!["broken".to_owned()])));
        edit(&mut state, 13, |found| {
            let (component, detail) = ("c13".to_owned(), String::new());
            let result = TestResult { component, passed: true, detail, milliseconds: 1 };
            found.tested = Some(TestRestore { at: at(6_000), results: vec![result] });
        });
        // Of the first component nothing good was captured for long.
        for id in 5_001..=9_000 {
            take(&mut state, SnapshotId(id), "c0", false);
        }
        let recent = state.recent();
        assert!([7, 11, 13, 9_000].iter().all(|id| recent.snapshots.contains_key(&SnapshotId(*id))));
        for component in &state.platform.components {
            let name = component.name.as_str();
            let good = |state: &State| state.last_good_snapshot(name, None).map(|found| found.id);
            assert!(good(&state).is_some());
            assert_eq!(good(&recent), good(&state), "{name}");
            assert_eq!(recent.snapshot_due_at(component), state.snapshot_due_at(component), "{name}");
            let proved = |state: &State| state.last_test_restore(name).map(|(found, ..)| found.id);
            assert_eq!(proved(&recent), proved(&state), "{name}");
            let all = |state: &State| state.snapshots.values().filter(|found| found.captured(name).is_some()).count();
            assert_eq!(all(&recent) as u64 + recent.older.of(name), all(&state) as u64, "{name}");
        }
        assert_eq!(recent.snapshots.len() as u64 + recent.older.snapshots, 9_000);
        assert!(recent.snapshots.len() < 6_000, "{}", recent.snapshots.len());
        let mut lightened = state.clone();
        lightened.let_go_of_old();
        assert_eq!(lightened, recent, "an engine that sends everything leads to the same");
        assert_eq!(recent.recent(), recent, "what is needed stays needed");
    }

    #[test]
    fn what_was_good_before_an_incident_stays_while_it_is_open() {
        let mut state = years(1, 1, 500);
        open(&mut state, 500);
        let detected_at = state.open_incidents().next().unwrap().detected_at;
        for id in 501..=4_000 {
            take(&mut state, SnapshotId(id), "c0", true);
        }
        let before = |state: &State| state.last_good_snapshot("c0", Some(detected_at)).map(|found| found.id);
        assert_eq!(before(&state.recent()), before(&state));
        assert!(before(&state).is_some());
    }

    #[test]
    fn older_snapshots_come_back_one_by_one_and_are_counted_until_all_are_there() {
        let state = years(1, 1, 3_000);
        let mut recent = state.recent();
        let lost: Vec<Snapshot> =
            state.snapshots.values().filter(|one| !recent.snapshots.contains_key(&one.id)).cloned().collect();
        assert!(recent.may_be_older(lost[0].id) && !recent.may_be_older(SnapshotId(9_999)));
        let forgotten = Event::SnapshotsForgotten { snapshots: vec![lost[0].id], vault_ids: Vec::new() };
        assert_eq!(
            recent.changes_older(&Event::SnapshotPinned { snapshot: lost[1].id, pinned: true }),
            Some(lost[1].id)
        );
        give(&mut recent, 4_000, forgotten);
        assert_eq!(recent.older.snapshots as usize, lost.len() - 1);
        // Some of them are asked for twice.
        recent.take_older(lost[1..].to_vec());
        recent.take_older(lost[5..].to_vec());
        assert!(recent.older.is_none());
        assert_eq!(recent.snapshots.len(), 2_999);
    }

    #[test]
    fn an_old_incident_has_its_timeline_again_when_it_was_asked_for_and_nothing_twice() {
        let mut state = years(1, 1, 1);
        for minute in 1..=600 {
            open(&mut state, minute);
            let (_, newest) = state.incidents.iter_mut().next_back().unwrap();
            newest.state = crate::domain::IncidentState::Closed;
        }
        let first = *state.incidents.keys().next().unwrap();
        let mut recent = state.recent();
        assert_eq!(recent.incidents.values().filter(|one| !one.has_whole_timeline()).count(), 100);
        let note = || Event::IncidentNoted { incident: first, text: "seen again".to_owned() };
        for state in [&mut state, &mut recent] {
            give(state, 700, note());
        }
        assert!(!recent.incidents[&first].has_whole_timeline(), "a note does not make it whole");
        let whole = state.incidents[&first].clone();
        // The engine goes on meanwhile.
        recent.take_timeline(whole.clone());
        recent.take_timeline(whole.clone());
        assert_eq!(recent.incidents[&first], whole);
    }
}
