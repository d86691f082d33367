//! What makes the record convincing to somebody who does not trust its keeper: how engines ended, what the clock did, whether
//! checkpoints reach the places outside, and what this engine has seen of the journals of others.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Event, Recorded, Refusal, State, drill, payload};

/// Journals of others that are watched over at most.
pub const WITNESSED_LIMIT: usize = 64;

/// What the product knows of its own evidence and of that of others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceState {
    /// Places outside that checkpoints do not reach, by name.
    #[serde(default)]
    pub outages: BTreeMap<String, Outage>,
    /// The last time an engine found no signed checkpoint of what was recorded before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<LostCheckpoints>,
    /// Events whose texts were purged.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub purged: BTreeSet<u64>,
    /// The newest checkpoint of each journal this engine is a witness of, by the journal's name.
    #[serde(default)]
    pub witnessed: BTreeMap<String, Witnessed>,
}

/// Events for which no signed checkpoint was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LostCheckpoints {
    /// When that was found.
    pub at: DateTime<Utc>,
    /// So many, from the first on.
    pub before: u64,
}

/// Why a place outside gets no checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outage {
    /// Since when.
    pub since: DateTime<Utc>,
    /// What was said at first.
    pub problem: String,
}

/// The newest checkpoint of another engine's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Witnessed {
    /// When it was seen.
    pub at: DateTime<Utc>,
    /// What was seen.
    pub seen: SeenCheckpoint,
    /// The last one that could not be true beside it, and when it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<(DateTime<Utc>, SeenCheckpoint)>,
}

/// A checkpoint of another engine's journal, whose signature was found right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenCheckpoint {
    /// The journal's name.
    pub origin: String,
    /// The key that signed, as OpenSSH writes it.
    pub key: String,
    /// Events.
    pub size: u64,
    /// Root of the tree over them, in hexadecimal.
    pub root: String,
    /// The checkpoint as it was signed.
    pub note: String,
}

/// Decides that an engine takes charge; that the one before it never let go is said first. A drill does not outlive its engine.
pub(super) fn start(state: &State, version: String, host: String, origin: String) -> Vec<Event> {
    let lost = state.engine.started_at.map(|since| Event::UncleanEndFound { since, last: state.seq, at: state.clock });
    lost.into_iter().chain([Event::EngineStarted { version, host, origin }]).chain(drill::interrupted(state)).collect()
}

/// Decides that a place outside is reached, or is not; news only when that changes.
pub(super) fn report(state: &State, place: String, problem: Option<String>) -> Vec<Event> {
    let same = state.evidence.outages.contains_key(&place) == problem.is_some();
    if same { Vec::new() } else { vec![Event::ExportChanged { place, problem }] }
}

/// Decides that a checkpoint of another journal goes on from the newest one known, which `known` names by its size.
pub(super) fn witness(state: &State, seen: SeenCheckpoint, known: u64, by: String) -> Result<Vec<Event>, Refusal> {
    let newest = state.evidence.witnessed.get(&seen.origin).map(|witnessed| &witnessed.seen);
    if newest.is_none() && state.evidence.witnessed.len() >= WITNESSED_LIMIT {
        return Err(Refusal::new(
            "witness-full",
            format!("this engine watches over {WITNESSED_LIMIT} journals already"),
        )
        .hint("name another witness"));
    }
    if newest.map_or(0, |newest| newest.size) != known {
        return Err(Refusal::new("witness-stale", format!("a newer checkpoint of {} came meanwhile", seen.origin))
            .hint("ask again which one is known"));
    }
    if newest.is_some_and(|newest| newest.key != seen.key) {
        return Err(Refusal::new("witness-key", format!("{} was signed by another key before", seen.origin))
            .hint("find out there who changed it, before anybody relies on that journal: codeblue audit verify"));
    }
    let same = newest.is_some_and(|newest| newest.size == seen.size);
    Ok(if same { Vec::new() } else { vec![Event::CheckpointWitnessed { seen, by }] })
}

/// Decides that a checkpoint cannot be true beside the one known: once for each.
pub(super) fn refuse(state: &State, seen: SeenCheckpoint, by: String) -> Vec<Event> {
    let last = state.evidence.witnessed.get(&seen.origin).and_then(|witnessed| witnessed.refused.as_ref());
    let same = last.is_some_and(|(_, last)| last.size == seen.size && last.root == seen.root);
    if same { Vec::new() } else { vec![Event::CheckpointRefused { seen, by }] }
}

/// What is true after an event.
pub(super) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::ExportChanged { place, problem: Some(problem) } => {
            state.evidence.outages.insert(place.clone(), Outage { since: at, problem: problem.clone() });
        }
        Event::ExportChanged { place, problem: None } => {
            state.evidence.outages.remove(place);
        }
        Event::CheckpointsLost { before } => {
            state.evidence.lost = Some(LostCheckpoints { at, before: *before });
        }
        Event::PayloadsPurged { .. } => payload::apply(&mut state.evidence.purged, recorded),
        Event::CheckpointWitnessed { seen, .. } => {
            let refused = state.evidence.witnessed.remove(&seen.origin).and_then(|before| before.refused);
            state.evidence.witnessed.insert(seen.origin.clone(), Witnessed { at, seen: seen.clone(), refused });
        }
        Event::CheckpointRefused { seen, .. } => {
            if let Some(witnessed) = state.evidence.witnessed.get_mut(&seen.origin) {
                witnessed.refused = Some((at, seen.clone()));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Actor, apply as apply_event};

    fn record(state: &mut State, decided: impl FnOnce(&State) -> Event) {
        let event = decided(state);
        let (seq, at) = (state.seq + 1, DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        apply_event(state, &Recorded { seq, at, actor: Actor::Engine, cause: None, event, hash: String::new() });
    }

    fn seen(size: u64, root: &str) -> SeenCheckpoint {
        let (origin, key) = ("codeblue/ward/01234567".to_owned(), "ssh-ed25519 AAAA".to_owned());
        SeenCheckpoint { origin, key, size, root: root.to_owned(), note: String::new() }
    }

    #[test]
    fn an_engine_that_never_let_go_is_told_of_by_the_next() {
        let mut state = State::default();
        let start = |state: &State| start(state, "1".to_owned(), "ward".to_owned(), "o".to_owned());
        assert_eq!(start(&state).len(), 1);
        record(&mut state, |state| start(state).remove(0));
        record(&mut state, |_| Event::AutomationReleased);
        let events = start(&state);
        assert!(matches!(events[0], Event::UncleanEndFound { last: 2, .. }), "{events:?}");
        record(&mut state, |_| Event::EngineStopped { reason: "told to".to_owned() });
        assert_eq!(start(&state).len(), 1);
    }

    #[test]
    fn an_outage_is_recorded_once_and_so_is_its_end() {
        let mut state = State::default();
        let place = || "dir:/mnt/other".to_owned();
        assert!(report(&state, place(), None).is_empty());
        record(&mut state, |state| report(state, place(), Some("gone".to_owned())).remove(0));
        assert!(report(&state, place(), Some("still gone".to_owned())).is_empty());
        record(&mut state, |state| report(state, place(), None).remove(0));
        assert_eq!(state.evidence, EvidenceState::default());
    }

    #[test]
    fn a_witness_keeps_the_newest_and_remembers_what_it_refused() {
        let mut state = State::default();
        let by = || "alice".to_owned();
        record(&mut state, |state| witness(state, seen(5, "aa"), 0, by()).unwrap().remove(0));
        assert!(witness(&state, seen(5, "aa"), 5, by()).unwrap().is_empty());
        let stale = witness(&state, seen(9, "bb"), 4, by()).unwrap_err();
        assert_eq!(stale.rule, "witness-stale");
        let mut other = seen(9, "bb");
        other.key = "ssh-ed25519 BBBB".to_owned();
        assert_eq!(witness(&state, other, 5, by()).unwrap_err().rule, "witness-key");
        record(&mut state, |state| refuse(state, seen(7, "cc"), by()).remove(0));
        assert!(refuse(&state, seen(7, "cc"), by()).is_empty());
        record(&mut state, |state| witness(state, seen(9, "bb"), 5, by()).unwrap().remove(0));
        let known = &state.evidence.witnessed["codeblue/ward/01234567"];
        assert_eq!((known.seen.size, known.refused.as_ref().unwrap().1.size), (9, 7));
    }
}
