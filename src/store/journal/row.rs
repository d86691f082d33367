//! Events as they are stored: their columns, the hash over them, and reading them beside the writer.

use std::{path::Path, time::Duration};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use sha2::{Digest, Sha256};

use super::{
    JournalError,
    payload::{Stored, put_back},
};
use crate::{
    domain::Recorded,
    store::{merkle::Hash, verify::Problem},
};

/// What every hash of the chain begins with.
pub(in crate::store) const CHAIN: &[u8] = b"codeblue journal v1\0";

/// Where events are read from in a journal of the first format.
pub(in crate::store) const WITHOUT_TEXTS: &str = "(SELECT *, NULL AS secret, NULL AS texts FROM events)";

/// An event as stored.
pub(in crate::store) struct Row {
    pub(in crate::store) seq: u64,
    pub(in crate::store) at: String,
    pub(in crate::store) actor: String,
    pub(in crate::store) cause: Option<u64>,
    pub(in crate::store) kind: String,
    pub(in crate::store) body: String,
    pub(in crate::store) prev: Vec<u8>,
    pub(in crate::store) hash: Vec<u8>,
    /// The texts beside it.
    pub(in crate::store) stored: Option<Stored>,
}

/// Reads events after `since`, in order, at most `limit`, beside the writer.
///
/// # Errors
/// When the journal cannot be read.
pub fn read_events(path: &Path, since: u64, limit: usize) -> Result<Vec<Recorded>, JournalError> {
    let storage = |source| JournalError::Storage { path: path.to_owned(), source };
    let connection = open_read_only(path).map_err(storage)?;
    let mut events = Vec::new();
    each_event(&connection, path, since, |recorded, _| {
        let wanted = events.len() < limit;
        if wanted {
            events.push(recorded);
        }
        wanted
    })?;
    Ok(events)
}

/// Calls `take` with every event after `since`, and what stands beside it, until it gives false.
pub(super) fn each_event(
    connection: &Connection,
    path: &Path,
    since: u64,
    mut take: impl FnMut(Recorded, Option<Stored>) -> bool,
) -> Result<(), JournalError> {
    let mut unreadable = None;
    for_each_row(connection, since, |row| match recorded(&row) {
        Ok(event) => take(event, row.stored),
        Err(error) => {
            unreadable = Some(Problem::unreadable(row.seq, &error));
            false
        }
    })
    .map_err(|source| JournalError::Storage { path: path.to_owned(), source })?;
    match unreadable {
        Some(problem) => Err(JournalError::Damaged { path: path.to_owned(), problem }),
        None => Ok(()),
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

pub(in crate::store) fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// Events with the texts beside them; before there were any, that table was not there.
pub(in crate::store) fn source(connection: &Connection) -> rusqlite::Result<&'static str> {
    let has_texts = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'payloads')";
    let has_texts: bool = connection.query_row(has_texts, [], |row| row.get(0))?;
    Ok(if has_texts { "events LEFT JOIN payloads USING (seq)" } else { WITHOUT_TEXTS })
}

/// Calls `take` with every row after `since` until it gives false.
pub(in crate::store) fn for_each_row(
    connection: &Connection,
    since: u64,
    mut take: impl FnMut(Row) -> bool,
) -> rusqlite::Result<()> {
    let mut query = connection.prepare(&format!(
        "SELECT seq, at, actor, cause, kind, body, prev, hash, secret, texts FROM {} WHERE seq > ? ORDER BY seq",
        source(connection)?
    ))?;
    let mut rows = query.query([since])?;
    while let Some(row) = rows.next()? {
        let stored = match row.get(8)? {
            Some(secret) => Some(Stored { secret, texts: row.get(9)? }),
            None => None,
        };
        let row = Row {
            stored,
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
pub(in crate::store) fn row_hash(row: &Row, seq: u64) -> Hash {
    hash_of(&row.prev, seq, row.cause, [&row.at, &row.actor, &row.kind, &row.body])
}

/// What the hash of an event is taken of.
pub(in crate::store) fn hash_of(prev: &[u8], seq: u64, cause: Option<u64>, texts: [&str; 4]) -> Hash {
    let mut hasher = Sha256::new();
    each_part(prev, seq, cause, texts, |part| hasher.update(part));
    hasher.finalize().into()
}

/// The bytes of an event in the order in which they are hashed.
pub(in crate::store) fn each_part(
    prev: &[u8],
    seq: u64,
    cause: Option<u64>,
    texts: [&str; 4],
    mut take: impl FnMut(&[u8]),
) {
    take(CHAIN);
    take(prev);
    take(&seq.to_be_bytes());
    take(&cause.unwrap_or(0).to_be_bytes());
    for text in texts {
        take(&(text.len() as u64).to_be_bytes());
        take(text.as_bytes());
    }
}

pub(super) fn recorded(row: &Row) -> Result<Recorded, serde_json::Error> {
    let at = DateTime::parse_from_rfc3339(&row.at).map_err(serde::de::Error::custom)?;
    Ok(Recorded {
        seq: row.seq,
        at: at.with_timezone(&Utc),
        actor: serde_json::from_str(&row.actor)?,
        cause: row.cause,
        event: put_back(&row.kind, &row.body, row.stored.as_ref())?,
        hash: hex::encode(&row.hash),
    })
}
