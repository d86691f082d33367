//! Does a journal still say what was written? Works on the file alone, without an engine.

use std::{
    io::{BufRead, BufReader},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::journal::{Checkpoint, JournalError, Row, checkpoint_path, for_each_row, hash_at, open_read_only, row_hash};

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
    /// The first thing that is wrong.
    pub problem: Option<Problem>,
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
}

/// Checks a row against its place and its predecessor, and gives its hash.
pub(super) fn check_rows(row: &Row, previous: (u64, [u8; 32])) -> Result<[u8; 32], Problem> {
    if row.seq != previous.0 + 1 {
        let missing = previous.0 + 1;
        let detail = if row.seq == missing + 1 {
            format!("event {missing} is missing")
        } else {
            format!("events {missing} to {} are missing", row.seq - 1)
        };
        return Err(Problem { seq: missing, kind: ProblemKind::Gap, detail });
    }
    let hash = row_hash(row, row.seq);
    if row.hash != hash {
        return Err(Problem {
            seq: row.seq,
            kind: ProblemKind::Edit,
            detail: format!("event {} ({}) was changed after it was recorded", row.seq, row.kind),
        });
    }
    if row.prev != previous.1 {
        return Err(Problem {
            seq: row.seq,
            kind: ProblemKind::Rewritten,
            detail: format!("event {} does not follow the event before it", row.seq),
        });
    }
    Ok(hash)
}

/// Checks a whole journal: content, order and completeness of the chain, and its end against the file of checkpoints.
///
/// # Errors
/// When the file cannot be read as a journal at all.
pub fn verify_file(path: &Path) -> Result<Verification, JournalError> {
    let storage = |source| JournalError::Storage { path: path.to_owned(), source };
    let connection = open_read_only(path).map_err(storage)?;
    let mut previous = (0, [0; 32]);
    let mut problem = None;
    for_each_row(&connection, 0, |row| match check_rows(&row, previous) {
        Ok(hash) => {
            previous = (row.seq, hash);
            true
        }
        Err(found) => {
            problem = Some((found, row));
            false
        }
    })
    .map_err(storage)?;
    let mut events = previous.0;
    if let Some((Problem { kind: ProblemKind::Edit, .. }, row)) = &problem {
        events = events.max(row.seq);
    }
    let problem = match problem {
        Some((found, row)) if found.kind == ProblemKind::Edit => Some(reordered(&connection, &row).unwrap_or(found)),
        Some((found, _)) => Some(found),
        None => against_checkpoints(&connection, path, previous.0)?,
    };
    Ok(Verification { ok: problem.is_none(), events, head: hex::encode(previous.1), problem })
}

/// An event whose hash is right for another place was moved from there.
fn reordered(connection: &rusqlite::Connection, row: &Row) -> Option<Problem> {
    let last: u64 = connection.query_row("SELECT max(seq) FROM events", [], |row| row.get(0)).ok()?;
    let place = (1..=last).find(|seq| row_hash(row, *seq)[..] == row.hash[..])?;
    Some(Problem {
        seq: row.seq,
        kind: ProblemKind::Reorder,
        detail: format!("at event {} stands what was recorded as event {place}", row.seq),
    })
}

fn against_checkpoints(
    connection: &rusqlite::Connection,
    path: &Path,
    last: u64,
) -> Result<Option<Problem>, JournalError> {
    let storage = |source| JournalError::Storage { path: path.to_owned(), source };
    for checkpoint in read_checkpoints(&checkpoint_path(path))? {
        if checkpoint.seq > last {
            return Ok(Some(Problem::cut_tail(last, checkpoint.seq)));
        }
        let hash = hash_at(connection, checkpoint.seq).map_err(storage)?.map(hex::encode);
        if hash.as_deref() != Some(checkpoint.hash.as_str()) {
            return Ok(Some(Problem {
                seq: checkpoint.seq,
                kind: ProblemKind::Rewritten,
                detail: format!("event {} is not the one that the checkpoint of {} saw", checkpoint.seq, checkpoint.at),
            }));
        }
    }
    Ok(None)
}

/// All checkpoints, oldest first; none when there is no file. A torn last line is a checkpoint that was never finished.
pub(super) fn read_checkpoints(path: &Path) -> Result<Vec<Checkpoint>, JournalError> {
    let error = |source| JournalError::Checkpoints { path: path.to_owned(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(other) => return Err(error(other)),
    };
    let mut checkpoints = Vec::new();
    for line in BufReader::new(file).lines() {
        if let Ok(checkpoint) = serde_json::from_str(&line.map_err(error)?) {
            checkpoints.push(checkpoint);
        }
    }
    Ok(checkpoints)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use chrono::{DateTime, Utc};
    use rusqlite::Connection;

    use super::*;
    use crate::{
        domain::{Actor, Event, State},
        store::{Draft, Journal},
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
            .execute_batch("DROP TRIGGER events_are_never_changed; DROP TRIGGER events_are_never_deleted;")
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
        tamper(&path, "UPDATE events SET body = replace(body, 'reason 4', 'reason X') WHERE seq = 5");
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
        let (_folder, path) = written(5);
        let (mut journal, state) = Journal::open(&path).unwrap();
        journal.keep_state(&state).unwrap();
        assert_eq!(journal.events_since_state(), 0);
        drop(journal);
        let (journal, again) = Journal::open(&path).unwrap();
        assert_eq!((again, journal.events_since_state()), (state.clone(), 0));
        drop(journal);
        Connection::open(&path)
            .unwrap()
            .execute("UPDATE states SET body = replace(body, 'reason 4', 'lie')", [])
            .unwrap();
        let (_, replayed) = Journal::open(&path).unwrap();
        assert_eq!(replayed, state);
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
    fn a_file_that_is_no_journal_gets_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        std::fs::write(&path, "not a database, but long enough to look at").unwrap();
        let message = Journal::open(&path).err().unwrap().to_string();
        assert!(message.contains("move it aside"), "{message}");
    }
}
