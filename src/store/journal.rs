//! The journal: all events in one SQLite file, each bound to the one before it by its hash.
//!
//! An event's hash is SHA-256 over the domain tag, the previous hash, and the fields exactly as stored, each with its
//! length in front; nothing is serialised anew to check it. Over the same hashes stands a Merkle tree (`merkle`), whose root is signed now
//! and then; the signed checkpoint goes into a second file, `journal.checkpoints`, so that a cut tail or a rewritten chain shows up
//! against it. Texts that may have to go stand beside the events (`payload`).

mod open;
mod payload;
mod row;

use std::{path::PathBuf, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, params};
use serde::Deserialize;

pub(super) use self::row::{CHAIN, Row, each_part, for_each_row, hash_of, open_read_only, row_hash};
use self::{open::names_a_key, payload::take_out};
pub(super) use self::{
    payload::{Judged, Stored, judge, spelt_out},
    row::{WITHOUT_TEXTS, source},
};
pub use self::{
    payload::{events_with_text, read_purgeable},
    row::{chain_hash, read_events},
};
use super::{
    checkpoints::{CheckpointLine, append_checkpoints, checkpoint_path},
    merkle::{Frontier, Hash},
    note::Checkpoint,
    seal::CheckpointKey,
    tree::{self, Node},
    verify::Problem,
};
use crate::domain::{Actor, Event, Recorded, State};

/// The form of a journal: with texts beside the events.
const FORMAT: i64 = 2;

/// How many states are kept for a quick start.
const STATES_KEPT: u64 = 3;
/// Events after which the head is signed at once, by how their names begin, so that a new one of the same subject is among
/// them: what happens to a change, what is done behind broken glass, and that texts are deleted.
const MOMENTS: [&str; 4] = ["change", "approval", "breakGlass", "payloads"];

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
";

/// States kept for a quick start.
const STATES: &str = "
CREATE TABLE IF NOT EXISTS states (
    seq    INTEGER PRIMARY KEY,
    hash   BLOB NOT NULL,
    body   TEXT NOT NULL,
    digest BLOB NOT NULL
) STRICT;
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
    /// Its newest checkpoint is not signed, although it should be.
    #[error(
        "checkpoints {path}: the newest, at event {seq}, is not signed by a key in {keys}; nothing was changed. Put lost keys (checkpoint*.pub) \
         back there. To go on without these checkpoints, keep the file as evidence and move it aside: the engine then starts, and records \
         that they are lost"
    )]
    NotSigned {
        /// The file of checkpoints.
        path: PathBuf,
        /// The event it is at.
        seq: u64,
        /// The folder of the keys.
        keys: PathBuf,
    },
    /// It was written by a later version.
    #[error("journal {path} has format {found}, this codeblue knows {}; use the newer program", FORMAT)]
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

/// The one writer of a journal.
pub struct Journal {
    path: PathBuf,
    connection: Connection,
    committed: Head,
    prepared: Vec<Row>,
    nodes: Vec<Node>,
    tip: Head,
    seal: Option<Seal>,
    newest: Option<CheckpointLine>,
    /// Whether the newest checkpoint was signed when it was opened.
    has_signed: bool,
    last_state: u64,
    /// The last event after which the head is signed at once.
    last_moment: u64,
}

/// A place in the chain, and the tree up to there.
#[derive(Clone)]
struct Head {
    seq: u64,
    hash: Hash,
    tree: Frontier,
}

/// What checkpoints are signed with, and for which journal.
struct Seal {
    origin: String,
    key: Arc<CheckpointKey>,
}

impl Journal {
    /// From here on, checkpoints are signed for the journal of this name.
    pub fn seal_with(&mut self, origin: String, key: Arc<CheckpointKey>) {
        self.seal = Some(Seal { origin, key });
    }

    /// Gives an event its place after all that were prepared. It is not in the journal until [`Self::commit`].
    ///
    /// # Errors
    /// When the event cannot be written as JSON.
    pub fn prepare(&mut self, draft: &Draft) -> Result<Recorded, serde_json::Error> {
        let at = draft.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let event = serde_json::to_string(&draft.event)?;
        let Kind { kind } = serde_json::from_str(&event)?;
        let seq = self.tip.seq + 1;
        // What is handed on is what a replay would read, to the microsecond.
        let mut recorded = Recorded {
            seq,
            at: DateTime::from_timestamp_micros(draft.at.timestamp_micros()).unwrap_or(draft.at),
            actor: draft.actor.clone(),
            cause: draft.cause,
            event: serde_json::from_str(&event)?,
            hash: String::new(),
        };
        let (body, stored) = take_out(&kind, seq, event)?;
        let mut row = Row {
            seq,
            actor: serde_json::to_string(&draft.actor)?,
            cause: draft.cause,
            kind,
            body,
            prev: self.tip.hash.to_vec(),
            hash: Vec::new(),
            at,
            stored,
        };
        let hash = row_hash(&row, row.seq);
        row.hash = hash.to_vec();
        recorded.hash = hex::encode(hash);
        self.tip.seq = row.seq;
        self.tip.hash = hash;
        tree::grow(&mut self.tip.tree, &hash, &mut self.nodes);
        if is_moment(&row.kind, &recorded.event) {
            self.last_moment = row.seq;
        }
        self.prepared.push(row);
        Ok(recorded)
    }

    /// Makes everything prepared durable, in one transaction.
    ///
    /// # Errors
    /// When it cannot be written. Everything prepared is forgotten then; nothing of it is in the journal.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        let (rows, nodes) = (std::mem::take(&mut self.prepared), std::mem::take(&mut self.nodes));
        let written = self.write(&rows, &nodes);
        match written {
            Ok(()) => {
                self.committed = self.tip.clone();
                Ok(())
            }
            Err(source) => {
                self.tip = self.committed.clone();
                Err(JournalError::Storage { path: self.path.clone(), source })
            }
        }
    }

    fn write(&mut self, rows: &[Row], nodes: &[Node]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO events (seq, at, actor, cause, kind, body, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            // What stands beside events that are not there, nobody has recorded.
            let mut beside =
                transaction.prepare_cached("INSERT OR REPLACE INTO payloads (seq, secret, texts) VALUES (?, ?, ?)")?;
            for row in rows {
                insert
                    .execute(params![row.seq, row.at, row.actor, row.cause, row.kind, row.body, row.prev, row.hash])?;
                if let Some(Stored { secret, texts }) = &row.stored {
                    beside.execute(params![row.seq, secret, texts])?;
                }
            }
        }
        tree::keep(&transaction, nodes)?;
        transaction.commit()
    }

    /// Position of the last committed event.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.committed.seq
    }

    /// The last committed event and the root of the tree over all up to it.
    #[must_use]
    pub fn head(&self) -> (u64, Hash) {
        (self.committed.seq, self.committed.tree.root())
    }

    /// How many events nobody has signed for although their checkpoints were signed, so that a line is missing: the state says so
    /// by the name of the journal, or there was a key already (`known_key`). None when a signed checkpoint is there.
    #[must_use]
    pub fn lost_checkpoints(&self, state: &State, known_key: bool) -> Option<u64> {
        let expected = known_key || names_a_key(&state.engine.origin);
        (self.committed.seq > 0 && !self.has_signed && expected).then_some(self.committed.seq)
    }

    /// Events since the last line in the file of checkpoints.
    #[must_use]
    pub fn events_since_checkpoint(&self) -> u64 {
        self.committed.seq - self.last_checkpoint()
    }

    /// The newest checkpoint.
    #[must_use]
    pub fn newest_checkpoint(&self) -> Option<&CheckpointLine> {
        self.newest.as_ref()
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn last_checkpoint(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.seq)
    }

    /// Whether something has happened since the last checkpoint after which one is cut at once.
    #[must_use]
    pub fn wants_checkpoint(&self) -> bool {
        self.last_moment.min(self.committed.seq) > self.last_checkpoint()
    }

    /// Events that a start would have to replay.
    #[must_use]
    pub fn events_since_state(&self) -> u64 {
        self.committed.seq - self.last_state
    }

    /// Writes the head of the journal down outside it, signed where there is a key, and gives the line; none when nothing
    /// has happened since the last.
    ///
    /// # Errors
    /// When the file of checkpoints cannot be written.
    pub fn checkpoint(&mut self, at: DateTime<Utc>) -> Result<Option<CheckpointLine>, JournalError> {
        if self.events_since_checkpoint() == 0 {
            return Ok(None);
        }
        let path = checkpoint_path(&self.path);
        let error = |source| JournalError::Checkpoints { path: path.clone(), source };
        let (seq, root) = self.head();
        let hash = hex::encode(self.committed.hash);
        let mut line = CheckpointLine { seq, hash, at, note: None, ssh_signature: None };
        if let Some(Seal { origin, key }) = &self.seal {
            let signed = key
                .sign(&Checkpoint { origin: origin.clone(), size: seq, root })
                .map_err(|cause| error(std::io::Error::other(cause)))?;
            let ssh = key.ssh_signature(signed.text()).map_err(|cause| error(std::io::Error::other(cause)))?;
            line.note = Some(signed.to_string());
            line.ssh_signature = Some(ssh);
        }
        append_checkpoints(&path, std::slice::from_ref(&line)).map_err(error)?;
        self.newest = Some(line.clone());
        Ok(Some(line))
    }

    /// Keeps a state, so that the next start need not replay what led to it. Without a key none is kept: nobody could tell it
    /// from a forged one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_state(&mut self, state: &State) -> Result<(), JournalError> {
        if state.seq != self.committed.seq || self.events_since_state() == 0 {
            return Ok(());
        }
        let Some(Seal { key, .. }) = &self.seal else { return Ok(()) };
        let storage = |source| JournalError::Storage { path: self.path.clone(), source };
        let body = serde_json::to_string(state)
            .map_err(|error| storage(rusqlite::Error::ToSqlConversionFailure(Box::new(error))))?;
        let code = key.state_code(state.seq, &self.committed.hash, &self.committed.tree.root(), &body);
        let transaction = self.connection.transaction().map_err(storage)?;
        transaction
            .execute(
                "INSERT OR REPLACE INTO states (seq, hash, body, digest) VALUES (?, ?, ?, ?)",
                params![state.seq, self.committed.hash, body, code],
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

/// Whether the head is signed at once after this event.
fn is_moment(kind: &str, event: &Event) -> bool {
    MOMENTS.iter().any(|moment| kind.starts_with(moment))
        || matches!(event, Event::RecoveryStarted { change: Some(_), .. } | Event::RecoveryEnded { .. })
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}
