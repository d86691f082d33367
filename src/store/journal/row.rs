//! Events as they are stored: their columns, the hash over them, and reading them beside the writer.

use std::{path::Path, time::Duration};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use sha2::{Digest, Sha256};

use super::JournalError;
use crate::{
    domain::Recorded,
    store::{merkle::Hash, verify::Problem},
};

/// What every hash of the chain begins with.
pub(in crate::store) const CHAIN: &[u8] = b"codeblue journal v1\0";

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

pub(in crate::store) fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// Calls `take` with every row after `since` until it gives false.
pub(in crate::store) fn for_each_row(
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
        event: serde_json::from_str(&row.body)?,
        hash: hex::encode(&row.hash),
    })
}
