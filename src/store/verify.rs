//! Does a journal still say what was written? Works on the files alone, without an engine.
//!
//! The chain and the tree are read first (`chain`); then every checkpoint, those beside the journal and those held elsewhere (`held`),
//! is held against them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    chain::{Chain, reordered},
    held::Held,
    journal::{JournalError, open_read_only},
    note::CheckpointPublicKey,
    seal::public_keys,
};

/// What was found out about a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Nothing is wrong.
    pub ok: bool,
    /// Events read.
    pub events: u64,
    /// Hash of the last event that is right, in hexadecimal.
    pub head: String,
    /// Root of the tree over the events that are right, in hexadecimal.
    #[serde(default)]
    pub root: String,
    /// What became of the texts beside the events.
    #[serde(default)]
    pub payloads: Payloads,
    /// What the checkpoints say.
    #[serde(default)]
    pub sealed: Sealed,
    /// The first thing that is wrong.
    pub problem: Option<Problem>,
}

/// What became of the texts beside the events: of what can be purged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payloads {
    /// Those that are there and what was recorded.
    pub present: u64,
    /// Those that were purged and are gone.
    pub purged: u64,
    /// Events whose texts were purged and are still there: the next start of the engine deletes them.
    pub due: u64,
}

/// What the checkpoints say about a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    /// The journal's name in its newest checkpoint.
    pub origin: Option<String>,
    /// Checkpoints whose signature by a key that is trusted was looked at and found right: of the newest of each file.
    pub signed: u64,
    /// Checkpoints that nobody signed, from before they were.
    pub unsigned: u64,
    /// Of all, those that are held elsewhere than beside the journal.
    pub elsewhere: u64,
    /// The last event that a trusted key signed for: up to there nothing was changed by anybody without it.
    pub up_to: u64,
    /// When the last event of the first checkpoint that a trusted key signed was recorded: tamper-evident since then.
    pub since: Option<DateTime<Utc>>,
    /// Who else signed, by name, as a trusted key says.
    pub witnesses: BTreeSet<String>,
    /// Names under which somebody else may have signed: no key of theirs is trusted, so this proves nothing.
    #[serde(default)]
    pub unchecked: BTreeSet<String>,
    /// So many events, from the first on, for which an engine found no signed checkpoint left when it started.
    #[serde(default)]
    pub lost: Option<u64>,
}

/// What is trusted besides the journal's own folder.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    /// Keys that sign for the journal or as witnesses; without any, those in the folder `keys` beside the journal count.
    pub keys: Vec<CheckpointPublicKey>,
    /// Files with checkpoints that were kept elsewhere, or folders of such files.
    pub checkpoints: Vec<PathBuf>,
}

/// The first thing that is wrong in a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The event it is at.
    pub seq: u64,
    /// Which kind.
    pub kind: ProblemKind,
    /// In words.
    pub detail: String,
}

/// What can be wrong in a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// An event does not have the content its hash was taken of.
    Edit,
    /// Events are missing in the middle.
    Gap,
    /// An event stands where another one stood.
    Reorder,
    /// Events at the end are missing that a checkpoint saw.
    CutTail,
    /// The chain is consistent, but not the one a checkpoint saw.
    Rewritten,
    /// A checkpoint was not signed by a key that is trusted.
    Signature,
    /// A key was named, and it signed nothing of this journal.
    Unsigned,
    /// A text beside an event is another than was recorded, or is gone and nobody has purged it.
    Payload,
    /// An event cannot be read.
    Unreadable,
}

impl Problem {
    pub(super) fn unreadable(seq: u64, error: &serde_json::Error) -> Self {
        Self { seq, kind: ProblemKind::Unreadable, detail: format!("event {seq} cannot be read: {error}") }
    }

    pub(super) fn cut_tail(last: u64, seen: u64) -> Self {
        Self {
            seq: last + 1,
            kind: ProblemKind::CutTail,
            detail: format!("the journal ends at event {last}, but a checkpoint saw event {seen}"),
        }
    }

    pub(super) fn rewritten(seq: u64, at: DateTime<Utc>) -> Self {
        Self {
            seq,
            kind: ProblemKind::Rewritten,
            detail: format!("the first {seq} events are not those that the checkpoint of {at} saw"),
        }
    }

    pub(super) fn text_changed(seq: u64) -> Self {
        let detail = format!("the text beside event {seq} is not the one that was recorded");
        Self { seq, kind: ProblemKind::Payload, detail }
    }

    pub(super) fn text_gone(seq: u64) -> Self {
        let detail = format!("the text of event {seq} is gone, and no event says that it was purged");
        Self { seq, kind: ProblemKind::Payload, detail }
    }

    pub(super) fn text_astray(seq: u64) -> Self {
        let detail = format!("a text stands beside event {seq}, which is not there");
        Self { seq, kind: ProblemKind::Payload, detail }
    }

    pub(super) fn gap(missing: u64, next: u64) -> Self {
        let detail = if next == missing + 1 {
            format!("event {missing} is missing")
        } else {
            format!("events {missing} to {} are missing", next - 1)
        };
        Self { seq: missing, kind: ProblemKind::Gap, detail }
    }

    pub(super) fn edit(seq: u64, kind: &str) -> Self {
        let detail = format!("event {seq} ({kind}) was changed after it was recorded");
        Self { seq, kind: ProblemKind::Edit, detail }
    }

    pub(super) fn astray(seq: u64) -> Self {
        let detail = format!("event {seq} does not follow the event before it");
        Self { seq, kind: ProblemKind::Rewritten, detail }
    }
}

/// Checks a whole journal with the checkpoints and keys beside it.
///
/// # Errors
/// When the file cannot be read as a journal at all.
pub fn verify_file(path: &Path) -> Result<Verification, JournalError> {
    verify(path, &Trusted::default())
}

/// Checks a whole journal: content, order and completeness of the chain, and both chain and tree against every checkpoint
/// beside it and elsewhere.
///
/// # Errors
/// When the file cannot be read as a journal at all, or checkpoints that were named cannot be read.
pub fn verify(path: &Path, trusted: &Trusted) -> Result<Verification, JournalError> {
    // Checkpoints first: an engine at work writes each after the events it is about.
    let held = Held::read(path, trusted)?;
    let keys = if trusted.keys.is_empty() {
        let folder = path.with_file_name("keys");
        public_keys(&folder).map_err(|source| JournalError::Checkpoints { path: folder, source })?
    } else {
        trusted.keys.clone()
    };
    if !path.exists() && held.iter().any(|held| held.elsewhere) {
        return Ok(Verification::of(&Chain::default(), &held, &keys, trusted));
    }
    let storage = |source| JournalError::Storage { path: path.to_owned(), source };
    let connection = open_read_only(path).map_err(storage)?;
    let last = "SELECT coalesce(max(seq), 0), coalesce(min(seq), 1) FROM events";
    let (last, first): (i64, i64) =
        connection.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(storage)?;
    let last = u64::try_from(last).unwrap_or_default();
    let marks: BTreeSet<u64> = held.iter().map(|held| held.seq).filter(|seq| *seq <= last).collect();
    let mut chain = Chain::read(path, &connection, last, &marks).map_err(storage)?;
    if first < 1 {
        let detail = "something stands before the first event".to_owned();
        chain.problem = Some(Problem { seq: 1, kind: ProblemKind::Edit, detail });
    }
    if let Some(Problem { kind: ProblemKind::Edit, seq, .. }) = chain.problem {
        chain.problem = reordered(&connection, seq).or(chain.problem);
    }
    Ok(Verification::of(&chain, &held, &keys, trusted))
}

impl Verification {
    fn of(chain: &Chain, held: &[Held], keys: &[CheckpointPublicKey], trusted: &Trusted) -> Self {
        let mut sealed = Sealed { lost: chain.lost, ..Sealed::default() };
        let mut problem = chain.problem.clone();
        // Who knows the keys of witnesses alone cannot check what the journal's own key signed.
        let is_witness = |key| held.iter().any(|held| held.note().is_some_and(|note| note.witnessed_by(key).is_some()));
        let by_witnesses = keys.iter().all(is_witness);
        for held in held {
            let found = held.against(chain, keys, by_witnesses, &mut sealed);
            problem = problem.or(found);
        }
        problem = problem.or(chain.astray.map(Problem::text_astray));
        if problem.is_none() && !trusted.keys.is_empty() && sealed.signed == 0 && chain.events > 0 {
            let detail = "no checkpoint of this journal was signed by a key that was named".to_owned();
            problem = Some(Problem { seq: 1, kind: ProblemKind::Unsigned, detail });
        }
        let Sealed { witnesses, unchecked, .. } = &mut sealed;
        unchecked.retain(|name| !witnesses.contains(name));
        Self {
            ok: problem.is_none(),
            events: chain.events,
            head: hex::encode(chain.head),
            root: hex::encode(chain.tree.root()),
            payloads: chain.payloads,
            sealed,
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use chrono::{DateTime, Utc};
    use rusqlite::Connection;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::{
        domain::{Actor, Event, State},
        store::{CheckpointKey, Draft, Journal, tree},
    };

    fn time() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn written(events: u64) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let (mut journal, _) = Journal::open(&path).unwrap();
        for number in 0..events {
            let event = Event::AutomationHalted { reason: format!("reason {number}") };
            journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
            journal.commit().unwrap();
        }
        journal.checkpoint(time()).unwrap();
        (folder, path)
    }

    fn tamper(path: &Path, sql: &str) {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "DROP TRIGGER events_are_never_changed; DROP TRIGGER events_are_never_deleted;
                 DROP TRIGGER payloads_are_only_blanked; DROP TRIGGER payloads_are_never_deleted;",
            )
            .unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn found(path: &Path) -> (ProblemKind, u64) {
        let verification = verify_file(path).unwrap();
        assert!(!verification.ok);
        let problem = verification.problem.unwrap();
        (problem.kind, problem.seq)
    }

    #[test]
    fn an_untouched_journal_verifies_and_replays() {
        let (_folder, path) = written(10);
        let verification = verify_file(&path).unwrap();
        assert!(verification.ok);
        assert_eq!(verification.events, 10);
        let (_, state) = Journal::open(&path).unwrap();
        assert_eq!(state.halted.as_deref(), Some("reason 9"));
    }

    #[test]
    fn an_edited_event_is_named() {
        let (_folder, path) = written(10);
        tamper(&path, "UPDATE events SET body = body || ' ' WHERE seq = 5");
        assert_eq!(found(&path), (ProblemKind::Edit, 5));
        let Err(JournalError::Damaged { problem, .. }) = Journal::open(&path) else { panic!("opened") };
        assert_eq!(problem.seq, 5);
    }

    #[test]
    fn a_changed_time_actor_or_cause_is_an_edit_too() {
        for change in ["at = '2026-01-01T00:00:00.000000Z'", "actor = '\"operator:eve\"'", "cause = 1"] {
            let (_folder, path) = written(3);
            tamper(&path, &format!("UPDATE events SET {change} WHERE seq = 2"));
            assert_eq!(found(&path), (ProblemKind::Edit, 2), "{change}");
        }
    }

    #[test]
    fn a_text_that_was_changed_exchanged_or_taken_away_is_told_of_and_no_engine_goes_on() {
        let other =
            "UPDATE payloads SET (secret, texts) = (SELECT secret, texts FROM payloads WHERE seq = 3) WHERE seq = 5";
        for sql in [
            "UPDATE payloads SET texts = replace(texts, 'reason 4', 'reason X') WHERE seq = 5",
            "UPDATE payloads SET texts = '{}' WHERE seq = 5",
            "UPDATE payloads SET texts = 'no JSON' WHERE seq = 5",
            "UPDATE payloads SET texts = '   ' WHERE seq = 5",
            "UPDATE payloads SET secret = zeroblob(32) WHERE seq = 5",
            "DELETE FROM payloads WHERE seq = 5",
            other,
        ] {
            let (_folder, path) = written(10);
            tamper(&path, sql);
            assert_eq!(found(&path), (ProblemKind::Payload, 5), "{sql}");
            let Err(JournalError::Damaged { problem, .. }) = Journal::open(&path) else { panic!("opened: {sql}") };
            assert_eq!(problem.seq, 5, "{sql}");
        }
        let (_folder, path) = written(10);
        tamper(&path, "INSERT INTO payloads SELECT 11, secret, texts FROM payloads WHERE seq = 5");
        assert_eq!(found(&path), (ProblemKind::Payload, 11));
    }

    #[test]
    fn a_missing_event_is_a_gap() {
        let (_folder, path) = written(10);
        tamper(&path, "DELETE FROM events WHERE seq = 6");
        assert_eq!(found(&path), (ProblemKind::Gap, 6));
    }

    #[test]
    fn swapped_events_are_told_from_edited_ones() {
        let (_folder, path) = written(10);
        tamper(
            &path,
            "UPDATE events SET seq = 100 WHERE seq = 3; UPDATE events SET seq = 3 WHERE seq = 7;
             UPDATE events SET seq = 7 WHERE seq = 100;",
        );
        assert_eq!(found(&path), (ProblemKind::Reorder, 3));
    }

    #[test]
    fn a_cut_tail_shows_against_the_checkpoint() {
        let (_folder, path) = written(10);
        tamper(&path, "DELETE FROM events WHERE seq > 8");
        assert_eq!(found(&path), (ProblemKind::CutTail, 9));
        assert!(matches!(Journal::open(&path), Err(JournalError::Damaged { .. })));
    }

    #[test]
    fn a_chain_written_anew_shows_against_the_checkpoint() {
        let (folder, path) = written(10);
        let (_other, forged) = written(0);
        let (mut journal, _) = Journal::open(&forged).unwrap();
        for _ in 0..10 {
            let event = Event::AutomationReleased;
            journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
        }
        journal.commit().unwrap();
        drop(journal);
        Connection::open(&forged).unwrap().pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).unwrap();
        std::fs::remove_file(folder.path().join("journal.db-wal")).ok();
        std::fs::copy(&forged, &path).unwrap();
        assert_eq!(found(&path), (ProblemKind::Rewritten, 10));
    }

    #[test]
    fn a_kept_state_saves_the_replay_and_a_spoilt_one_is_not_trusted() {
        let (_folder, path) = written(30);
        let key = Arc::new(CheckpointKey::fresh().unwrap());
        let (mut journal, state) = Journal::open(&path).unwrap();
        journal.keep_state(&state).unwrap();
        assert_eq!(journal.events_since_state(), 30, "nothing is kept without a key");
        journal.seal_with("codeblue/ward/01234567".to_owned(), key.clone());
        journal.keep_state(&state).unwrap();
        let head = journal.head();
        drop(journal);
        let (journal, again) = Journal::open_with(&path, &key).unwrap();
        assert_eq!((again, journal.events_since_state(), journal.head()), (state.clone(), 0, head));
        drop(journal);
        let other = CheckpointKey::fresh().unwrap();
        assert_eq!(Journal::open_with(&path, &other).unwrap().0.events_since_state(), 30, "kept with another key");

        // A state that somebody wrote who has no key, with all that needs none.
        let forged = serde_json::to_string(&state).unwrap().replace("reason 29", "lie");
        let digest: [u8; 32] = Sha256::digest(&forged).into();
        let connection = Connection::open(&path).unwrap();
        connection.execute("UPDATE states SET body = ?, digest = ?", rusqlite::params![forged, digest]).unwrap();
        let (journal, replayed) = Journal::open_with(&path, &key).unwrap();
        assert_eq!((replayed, journal.events_since_state(), journal.head()), (state, 30, head));
    }

    #[test]
    fn a_spoilt_cache_of_the_tree_is_made_anew_and_never_signed_for() {
        let (_folder, path) = written(0);
        let key = Arc::new(CheckpointKey::fresh().unwrap());
        let more = |events: u64| {
            let (mut journal, _) = Journal::open_with(&path, &key).unwrap();
            journal.seal_with("codeblue/ward/01234567".to_owned(), key.clone());
            for _ in 0..events {
                let event = Event::AutomationReleased;
                journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
            }
            journal.commit().unwrap();
            journal
        };
        let mut journal = more(600);
        journal.checkpoint(time()).unwrap();
        journal.keep_state(&State { seq: 600, ..State::default() }).unwrap();
        let head = journal.head();
        drop(journal);
        let spoil = |place: u64| {
            let connection = Connection::open(&path).unwrap();
            connection.execute("UPDATE tree SET hash = zeroblob(32) WHERE height = 8 AND place = ?", [place]).unwrap();
        };
        for place in [0, 1] {
            spoil(place);
            let journal = more(0);
            assert_eq!(journal.head(), head, "node {place}");
            assert_eq!(tree::root(journal.connection(), 0, 600).unwrap(), head.1, "and mended");
        }
        let head = more(500).head();
        spoil(3);
        let mut journal = more(0);
        assert_eq!(journal.head(), head);
        journal.checkpoint(time()).unwrap();
        assert!(verify_file(&path).unwrap().ok, "the root of the spoilt cache would be another");
    }

    #[test]
    fn what_was_not_committed_is_not_there() {
        let (_folder, path) = written(2);
        let (mut journal, _) = Journal::open(&path).unwrap();
        let event = Event::AutomationReleased;
        journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
        drop(journal);
        let (journal, state) = Journal::open(&path).unwrap();
        assert_eq!((journal.seq(), state.halted.is_some()), (2, true));
        assert_ne!(state, State::default());
    }

    #[test]
    fn the_head_is_wanted_signed_at_once_after_what_matters() {
        let (_folder, path) = written(3);
        let (mut journal, _) = Journal::open(&path).unwrap();
        let mut wants = |event: Event| {
            journal.prepare(&Draft { at: time(), actor: Actor::Engine, cause: None, event }).unwrap();
            journal.commit().unwrap();
            let wants = journal.wants_checkpoint();
            journal.checkpoint(time()).unwrap();
            wants
        };
        let change = crate::domain::ChangeId(1);
        assert!(!wants(Event::AutomationReleased));
        assert!(wants(Event::ChangeRejected { change, reason: "no".to_owned() }));
        assert!(!wants(Event::AutomationReleased));
        let (operator, reason) = ("alice".to_owned(), "later".to_owned());
        assert!(wants(Event::ApprovalRevoked { change, operator, reason }));
    }

    #[test]
    fn a_file_that_is_no_journal_gets_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        std::fs::write(&path, "not a database, but long enough to look at").unwrap();
        let message = Journal::open(&path).err().unwrap().to_string();
        assert!(message.contains("move it aside"), "{message}");
    }
}
