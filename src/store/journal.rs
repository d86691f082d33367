//! The journal: all events in one SQLite file, each bound to the one before it by its hash.
//!
//! An event's hash is SHA-256 over the domain tag, the previous hash, and the fields exactly as stored, each with its
//! length in front; nothing is serialised anew to check it. A second file, `journal.checkpoints`, gets one line
//! `{"seq","hash","at"}` now and then, so that a cut tail or a rewritten chain shows up against it.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::verify::{Problem, check_rows, read_checkpoints};
use crate::domain::{Actor, Event, Recorded, State, apply};

/// States kept for a quick start.
const STATES_KEPT: u64 = 3;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS events (
    seq   INTEGER PRIMARY KEY,
    at    TEXT NOT NULL,
    actor TEXT NOT NULL,
    cause INTEGER,
    kind  TEXT NOT NULL,
    body  TEXT NOT NULL,
    prev  BLOB NOT NULL,
    hash  BLOB NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS events_are_never_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
CREATE TRIGGER IF NOT EXISTS events_are_never_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'an event is never deleted'); END;
CREATE TABLE IF NOT EXISTS states (
    seq    INTEGER PRIMARY KEY,
    hash   BLOB NOT NULL,
    body   TEXT NOT NULL,
    digest BLOB NOT NULL
) STRICT;
PRAGMA user_version = 1;
";

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// SQLite or the file system said no.
    #[error("journal {path}: {source}{}", advice(.source))]
    Storage {
        /// The journal.
        path: PathBuf,
        /// What was said.
        source: rusqlite::Error,
    },
    /// The file of checkpoints could not be read or written.
    #[error("checkpoints {path}: {source}")]
    Checkpoints {
        /// The file.
        path: PathBuf,
        /// What was said.
        source: std::io::Error,
    },
    /// Its content is not what was written.
    #[error(
        "journal {path} is damaged at event {}: {}; nothing was changed. Look at it with: codeblue audit verify --file {path}",
        problem.seq, problem.detail
    )]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Where and how.
        problem: Problem,
    },
    /// It was written by a later version.
    #[error("journal {path} has format {found}, this codeblue knows 1; use the newer program")]
    TooNew {
        /// The journal.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
}

fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => "; free some space on that disk, the engine goes on by itself",
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            "; keep the file as evidence and move it aside, the engine then begins a new journal"
        }
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::PermissionDenied) => {
            "; check that the folder exists and belongs to this user"
        }
        _ => "",
    }
}

/// An event before it has its place in the journal.
#[derive(Debug, Clone)]
pub struct Draft {
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// Who caused it.
    pub actor: Actor,
    /// The event it is a reaction to.
    pub cause: Option<u64>,
    /// What happened.
    pub event: Event,
}

/// An event as stored.
pub(super) struct Row {
    pub(super) seq: u64,
    pub(super) at: String,
    pub(super) actor: String,
    pub(super) cause: Option<u64>,
    pub(super) kind: String,
    pub(super) body: String,
    pub(super) prev: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

/// A place in the chain that is written down outside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Checkpoint {
    pub(super) seq: u64,
    pub(super) hash: String,
    pub(super) at: DateTime<Utc>,
}

/// The one writer of a journal.
pub struct Journal {
    path: PathBuf,
    connection: Connection,
    committed: (u64, [u8; 32]),
    prepared: Vec<Row>,
    tip: (u64, [u8; 32]),
    last_checkpoint: u64,
    last_state: u64,
}

impl Journal {
    /// Opens a journal, or begins one, and gives the state its events lead to. Only the events after the newest kept
    /// state are replayed, and their chain is checked; the rest is checked by [`super::verify_file`].
    ///
    /// # Errors
    /// When the file cannot be read, was written by a later version, or is damaged. It is not changed then.
    pub fn open(path: &Path) -> Result<(Self, State), JournalError> {
        let storage = |source| JournalError::Storage { path: path.to_owned(), source };
        let connection = Connection::open(path).map_err(storage)?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(storage)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(storage)?;
        if version > 1 {
            return Err(JournalError::TooNew { path: path.to_owned(), found: version });
        }
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(storage)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(storage)?;
        if version == 0 {
            connection.execute_batch(SCHEMA).map_err(storage)?;
        }
        let (mut state, mut link) = newest_state(&connection).map_err(storage)?;
        let last_state = state.seq;
        let damaged = |problem| JournalError::Damaged { path: path.to_owned(), problem };
        let mut problem = None;
        for_each_row(&connection, state.seq, |row| {
            match check_rows(&row, link)
                .and_then(|hash| Ok((hash, recorded(&row).map_err(|e| Problem::unreadable(row.seq, &e))?)))
            {
                Ok((hash, recorded)) => {
                    apply(&mut state, &recorded);
                    link = (row.seq, hash);
                    true
                }
                Err(found) => {
                    problem = Some(found);
                    false
                }
            }
        })
        .map_err(storage)?;
        if let Some(problem) = problem {
            return Err(damaged(problem));
        }
        let checkpoints = read_checkpoints(&checkpoint_path(path))?;
        let newest = checkpoints.last();
        if let Some(newest) = newest.filter(|newest| newest.seq > link.0) {
            return Err(damaged(Problem::cut_tail(link.0, newest.seq)));
        }
        let last_checkpoint = newest.map_or(0, |newest| newest.seq);
        let journal = Self {
            path: path.to_owned(),
            connection,
            committed: link,
            prepared: Vec::new(),
            tip: link,
            last_checkpoint,
            last_state,
        };
        Ok((journal, state))
    }

    /// Gives an event its place after all that were prepared. It is not in the journal until [`Self::commit`].
    ///
    /// # Errors
    /// When the event cannot be written as JSON.
    pub fn prepare(&mut self, draft: &Draft) -> Result<Recorded, serde_json::Error> {
        let at = draft.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let body = serde_json::to_string(&draft.event)?;
        let kind: Kind = serde_json::from_str(&body)?;
        let mut row = Row {
            seq: self.tip.0 + 1,
            actor: serde_json::to_string(&draft.actor)?,
            cause: draft.cause,
            kind: kind.kind,
            body,
            prev: self.tip.1.to_vec(),
            hash: Vec::new(),
            at,
        };
        let hash = row_hash(&row, row.seq);
        row.hash = hash.to_vec();
        // What is handed on is what a replay would read, to the microsecond.
        let recorded = recorded(&row)?;
        self.tip = (row.seq, hash);
        self.prepared.push(row);
        Ok(recorded)
    }

    /// Makes everything prepared durable, in one transaction.
    ///
    /// # Errors
    /// When it cannot be written. Everything prepared is forgotten then; nothing of it is in the journal.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        let rows = std::mem::take(&mut self.prepared);
        let written = self.write(&rows);
        match written {
            Ok(()) => {
                self.committed = self.tip;
                Ok(())
            }
            Err(source) => {
                self.tip = self.committed;
                Err(JournalError::Storage { path: self.path.clone(), source })
            }
        }
    }

    fn write(&mut self, rows: &[Row]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO events (seq, at, actor, cause, kind, body, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            for row in rows {
                insert
                    .execute(params![row.seq, row.at, row.actor, row.cause, row.kind, row.body, row.prev, row.hash])?;
            }
        }
        transaction.commit()
    }

    /// Position of the last committed event.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.committed.0
    }

    /// Events since the last line in the file of checkpoints.
    #[must_use]
    pub fn events_since_checkpoint(&self) -> u64 {
        self.committed.0 - self.last_checkpoint
    }

    /// Events that a start would have to replay.
    #[must_use]
    pub fn events_since_state(&self) -> u64 {
        self.committed.0 - self.last_state
    }

    /// Writes the head of the chain down outside the journal.
    ///
    /// # Errors
    /// When the file of checkpoints cannot be written.
    pub fn checkpoint(&mut self, at: DateTime<Utc>) -> Result<(), JournalError> {
        if self.events_since_checkpoint() == 0 {
            return Ok(());
        }
        let path = checkpoint_path(&self.path);
        let error = |source| JournalError::Checkpoints { path: path.clone(), source };
        let line = Checkpoint { seq: self.committed.0, hash: hex::encode(self.committed.1), at };
        let mut text = serde_json::to_string(&line).map_err(|e| error(e.into()))?;
        text.push('\n');
        let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(error)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(error)?;
        if self.last_checkpoint == 0
            && let Some(folder) = path.parent()
        {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(error)?;
        }
        self.last_checkpoint = self.committed.0;
        Ok(())
    }

    /// Keeps a state, so that the next start need not replay what led to it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_state(&mut self, state: &State) -> Result<(), JournalError> {
        if state.seq != self.committed.0 || self.events_since_state() == 0 {
            return Ok(());
        }
        let storage = |source| JournalError::Storage { path: self.path.clone(), source };
        let body = serde_json::to_string(state)
            .map_err(|error| storage(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))?;
        let digest: [u8; 32] = Sha256::digest(body.as_bytes()).into();
        let transaction = self.connection.transaction().map_err(storage)?;
        transaction
            .execute(
                "INSERT OR REPLACE INTO states (seq, hash, body, digest) VALUES (?, ?, ?, ?)",
                params![state.seq, self.committed.1, body, digest],
            )
            .and_then(|_| {
                transaction.execute(
                    "DELETE FROM states WHERE seq NOT IN (SELECT seq FROM states ORDER BY seq DESC LIMIT ?)",
                    [STATES_KEPT],
                )
            })
            .map_err(storage)?;
        transaction.commit().map_err(storage)?;
        self.last_state = state.seq;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

/// Reads events after `since`, in order, at most `limit`, beside the writer.
///
/// # Errors
/// When the journal cannot be read.
pub fn read_events(path: &Path, since: u64, limit: usize) -> Result<Vec<Recorded>, JournalError> {
    let storage = |source| JournalError::Storage { path: path.to_owned(), source };
    let connection = open_read_only(path).map_err(storage)?;
    let mut events = Vec::new();
    let mut unreadable = None;
    for_each_row(&connection, since, |row| {
        if events.len() >= limit {
            return false;
        }
        match recorded(&row) {
            Ok(event) => events.push(event),
            Err(error) => unreadable = Some(Problem::unreadable(row.seq, &error)),
        }
        unreadable.is_none()
    })
    .map_err(storage)?;
    match unreadable {
        Some(problem) => Err(JournalError::Damaged { path: path.to_owned(), problem }),
        None => Ok(events),
    }
}

pub(super) fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

pub(super) fn checkpoint_path(journal: &Path) -> PathBuf {
    journal.with_extension("checkpoints")
}

/// Calls `take` with every row after `since` until it gives false.
pub(super) fn for_each_row(
    connection: &Connection,
    since: u64,
    mut take: impl FnMut(Row) -> bool,
) -> rusqlite::Result<()> {
    let mut query = connection
        .prepare("SELECT seq, at, actor, cause, kind, body, prev, hash FROM events WHERE seq > ? ORDER BY seq")?;
    let mut rows = query.query([since])?;
    while let Some(row) = rows.next()? {
        let row = Row {
            seq: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            cause: row.get(3)?,
            kind: row.get(4)?,
            body: row.get(5)?,
            prev: row.get(6)?,
            hash: row.get(7)?,
        };
        if !take(row) {
            break;
        }
    }
    Ok(())
}

/// The hash of a row if it stood at `seq`.
pub(super) fn row_hash(row: &Row, seq: u64) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"codeblue journal v1\0");
    hasher.update(&row.prev);
    hasher.update(seq.to_be_bytes());
    hasher.update(row.cause.unwrap_or(0).to_be_bytes());
    for text in [&row.at, &row.actor, &row.kind, &row.body] {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}

fn recorded(row: &Row) -> Result<Recorded, serde_json::Error> {
    let at = DateTime::parse_from_rfc3339(&row.at).map_err(serde::de::Error::custom)?;
    Ok(Recorded {
        seq: row.seq,
        at: at.with_timezone(&Utc),
        actor: serde_json::from_str(&row.actor)?,
        cause: row.cause,
        event: serde_json::from_str(&row.body)?,
        hash: hex::encode(&row.hash),
    })
}

/// The newest kept state that is whole and belongs to this chain; the empty one when there is none.
fn newest_state(connection: &Connection) -> rusqlite::Result<(State, (u64, [u8; 32]))> {
    let mut query = connection.prepare(
        "SELECT states.seq, states.hash, states.body, states.digest FROM states
         JOIN events ON events.seq = states.seq AND events.hash = states.hash ORDER BY states.seq DESC",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, hash, body, digest): (u64, [u8; 32], String, [u8; 32]) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let whole = <[u8; 32]>::from(Sha256::digest(body.as_bytes())) == digest;
        if let (true, Ok(state)) = (whole, serde_json::from_str::<State>(&body))
            && state.seq == seq
        {
            return Ok((state, (seq, hash)));
        }
    }
    Ok((State::default(), (0, [0; 32])))
}

/// The hash of the event at `seq`, if it is there.
pub(super) fn hash_at(connection: &Connection, seq: u64) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.query_row("SELECT hash FROM events WHERE seq = ?", [seq], |row| row.get(0)).optional()
}
