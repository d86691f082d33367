//! The journal: all events in one SQLite file, each bound to the one before it by its hash.
//!
//! An event's hash is SHA-256 over the domain tag, the previous hash, and the fields exactly as stored, each with its
//! length in front; nothing is serialised anew to check it. Over the same hashes stands a Merkle tree (`merkle`), whose root is signed now
//! and then; the signed checkpoint goes into a second file, `journal.checkpoints`, so that a cut tail or a rewritten chain shows up
//! against it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    checkpoints::{CheckpointLine, append_checkpoints, checkpoint_path, first_checkpoint, newest_checkpoint},
    merkle::{Frontier, Hash, leaf},
    note::{Checkpoint, SignedCheckpoint},
    seal::{CheckpointKey, public_keys},
    tree::{self, Node},
    verify::{Problem, check_rows},
};
use crate::domain::{Actor, Event, Recorded, State, apply};

/// States kept for a quick start.
const STATES_KEPT: u64 = 3;
/// Events after which the head is signed at once, by how their names begin, so that a new one of the same subject is among
/// them: what happens to a change, and what is done behind broken glass.
const MOMENTS: [&str; 3] = ["change", "approval", "breakGlass"];

/// What every hash of the chain begins with.
pub(super) const CHAIN: &[u8] = b"codeblue journal v1\0";

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
    /// Opens a journal, or begins one, and gives the state its events lead to. All of them are replayed, and their chain is
    /// checked.
    ///
    /// # Errors
    /// When the file cannot be read, was written by a later version, or is damaged. It is not changed then.
    pub fn open(path: &Path) -> Result<(Self, State), JournalError> {
        Self::read(path, None)
    }

    /// Opens a journal with the key it is kept with. Only the events after the newest state that was kept with this key are
    /// replayed and checked; the rest is checked by [`super::verify_file`].
    ///
    /// # Errors
    /// When the file cannot be read, was written by a later version, or is damaged. It is not changed then.
    pub fn open_with(path: &Path, key: &CheckpointKey) -> Result<(Self, State), JournalError> {
        Self::read(path, Some(key))
    }

    fn read(path: &Path, key: Option<&CheckpointKey>) -> Result<(Self, State), JournalError> {
        let storage = |source| JournalError::Storage { path: path.to_owned(), source };
        let mut connection = Connection::open(path).map_err(storage)?;
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
        tree::prepare(&connection).map_err(storage)?;
        let kept = key.map(|key| newest_state(&connection, key)).transpose().map_err(storage)?.flatten();
        let Kept { mut state, hash, mut tree } = kept.unwrap_or_default();
        let (last_state, mut link) = (state.seq, (state.seq, hash));
        let damaged = |problem| JournalError::Damaged { path: path.to_owned(), problem };
        let mut problem = None;
        for_each_row(&connection, state.seq, |row| {
            match check_rows(&row, link)
                .and_then(|hash| Ok((hash, recorded(&row).map_err(|e| Problem::unreadable(row.seq, &e))?)))
            {
                Ok((hash, recorded)) => {
                    apply(&mut state, &recorded);
                    link = (row.seq, hash);
                    tree.push(leaf(&hash), |_, _| {});
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
        let (newest, signed) = newest_signed(path, &state, key)?;
        if let Some(newest) = newest.as_ref().filter(|newest| newest.seq > link.0) {
            return Err(damaged(Problem::cut_tail(link.0, newest.seq)));
        }
        tree::mend(&mut connection, &tree).map_err(storage)?;
        if let (Some(newest), Some(signed)) = (&newest, &signed)
            && tree::root(&connection, 0, newest.seq).map_err(storage)? != signed.checkpoint.root
        {
            // What is kept of the tree proves nothing against the events.
            tree::make_anew(&mut connection, link.0).map_err(storage)?;
            if tree::root(&connection, 0, newest.seq).map_err(storage)? != signed.checkpoint.root {
                return Err(damaged(Problem::rewritten(newest.seq, newest.at)));
            }
        }
        let head = Head { seq: link.0, hash: link.1, tree };
        let journal = Self {
            path: path.to_owned(),
            connection,
            committed: head.clone(),
            prepared: Vec::new(),
            nodes: Vec::new(),
            tip: head,
            seal: None,
            newest,
            has_signed: signed.is_some(),
            last_state,
            last_moment: 0,
        };
        Ok((journal, state))
    }

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
        let body = serde_json::to_string(&draft.event)?;
        let kind: Kind = serde_json::from_str(&body)?;
        let mut row = Row {
            seq: self.tip.seq + 1,
            actor: serde_json::to_string(&draft.actor)?,
            cause: draft.cause,
            kind: kind.kind,
            body,
            prev: self.tip.hash.to_vec(),
            hash: Vec::new(),
            at,
        };
        let hash = row_hash(&row, row.seq);
        row.hash = hash.to_vec();
        // What is handed on is what a replay would read, to the microsecond.
        let recorded = recorded(&row)?;
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
            for row in rows {
                insert
                    .execute(params![row.seq, row.at, row.actor, row.cause, row.kind, row.body, row.prev, row.hash])?;
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

/// The hash of an event in the chain, in hexadecimal, read beside the writer; none when there is no such event.
///
/// # Errors
/// When the journal cannot be read.
pub fn chain_hash(path: &Path, seq: u64) -> Result<Option<String>, JournalError> {
    let storage = |source| JournalError::Storage { path: path.to_owned(), source };
    let connection = open_read_only(path).map_err(storage)?;
    let found = connection.query_row("SELECT hash FROM events WHERE seq = ?", [seq], |row| row.get::<_, Hash>(0));
    found.optional().map(|hash| hash.map(hex::encode)).map_err(storage)
}

pub(super) fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
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
pub(super) fn row_hash(row: &Row, seq: u64) -> Hash {
    hash_of(&row.prev, seq, row.cause, [&row.at, &row.actor, &row.kind, &row.body])
}

/// What the hash of an event is taken of.
pub(super) fn hash_of(prev: &[u8], seq: u64, cause: Option<u64>, texts: [&str; 4]) -> Hash {
    let mut hasher = Sha256::new();
    each_part(prev, seq, cause, texts, |part| hasher.update(part));
    hasher.finalize().into()
}

/// The bytes of an event in the order in which they are hashed.
pub(super) fn each_part(prev: &[u8], seq: u64, cause: Option<u64>, texts: [&str; 4], mut take: impl FnMut(&[u8])) {
    take(CHAIN);
    take(prev);
    take(&seq.to_be_bytes());
    take(&cause.unwrap_or(0).to_be_bytes());
    for text in texts {
        take(&(text.len() as u64).to_be_bytes());
        take(text.as_bytes());
    }
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

/// The newest line of the file of checkpoints, and what it signs. Where lines are signed, one that is not is from somebody else.
fn newest_signed(
    journal: &Path,
    state: &State,
    key: Option<&CheckpointKey>,
) -> Result<(Option<CheckpointLine>, Option<SignedCheckpoint>), JournalError> {
    let (path, folder) = (checkpoint_path(journal), journal.with_file_name("keys"));
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| JournalError::Checkpoints { path, source }
    };
    let Some(newest) = newest_checkpoint(&path).map_err(unreadable(&path))? else { return Ok((None, None)) };
    let mut keys = public_keys(&folder).map_err(unreadable(&folder))?;
    keys.extend(key.map(CheckpointKey::public));
    let not_signed = || JournalError::NotSigned { path: path.clone(), seq: newest.seq, keys: folder.clone() };
    let Some(note) = &newest.note else {
        let signed_before = first_checkpoint(&path, |line| line.note.is_some()).map_err(unreadable(&path))?;
        if signed_before.is_some() || names_a_key(&state.engine.origin) {
            return Err(not_signed());
        }
        return Ok((Some(newest), None));
    };
    let signed = SignedCheckpoint::parse(note).map_err(|_| not_signed())?;
    let right = keys.is_empty() || keys.iter().any(|key| signed.is_signed_by(key));
    if !right || signed.checkpoint.size != newest.seq {
        return Err(not_signed());
    }
    Ok((Some(newest), Some(signed)))
}

/// Whether a journal of this name has its checkpoints signed: `codeblue/HOST/KEY`.
fn names_a_key(origin: &str) -> bool {
    let mut parts = origin.rsplit('/');
    parts.next().is_some_and(|key| key.len() == 8 && hex::decode(key).is_ok()) && parts.count() == 2
}

/// A state that was kept, and what led to it.
#[derive(Default)]
struct Kept {
    state: State,
    hash: Hash,
    tree: Frontier,
}

/// The newest state that was kept with this key and belongs to these events. The column `digest` has its code; that of older versions
/// needed no key, so what they kept is not used.
fn newest_state(connection: &Connection, key: &CheckpointKey) -> rusqlite::Result<Option<Kept>> {
    let mut query = connection.prepare(
        "SELECT states.seq, states.hash, states.body, states.digest FROM states
         JOIN events ON events.seq = states.seq AND events.hash = states.hash ORDER BY states.seq DESC",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, hash, body, code): (u64, Hash, String, Hash) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let tree = tree::range(connection, 0, seq)?;
        if key.is_state_code(seq, &hash, &tree.root(), &body, &code)
            && let Ok(state) = serde_json::from_str::<State>(&body)
            && state.seq == seq
        {
            return Ok(Some(Kept { state, hash, tree }));
        }
    }
    Ok(None)
}
