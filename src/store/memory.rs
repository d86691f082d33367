//! What checks remember from run to run and across restarts: the last heartbeat of each service.
//!
//! It has a file of its own beside the samples: few rows, each durable before whoever told it is answered, where samples are many
//! and the newest may be lost. Heartbeats are no events: they come by the thousand, and only the judgement over them is news.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::DateTime;
use rusqlite::{Connection, params};

use crate::platform::Beat;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS heartbeat (
        service TEXT PRIMARY KEY, at INTEGER NOT NULL, ok INTEGER NOT NULL, message TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// The memory cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("what checks remember in {path} is out of reach: {source}; see whether its disk is full")]
pub struct CheckMemoryError {
    path: PathBuf,
    source: rusqlite::Error,
}

/// The memory of the checks of one engine, in one SQLite file.
#[derive(Debug)]
pub struct CheckMemory {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl CheckMemory {
    /// Opens it, and creates it when there is none.
    ///
    /// # Errors
    /// When the file cannot be opened or is no database.
    pub fn open(path: &Path) -> Result<Self, CheckMemoryError> {
        let connection = prepare(path).map_err(|source| CheckMemoryError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    /// Keeps the last heartbeat of a service; it is on the disk when this returns.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep_beat(&self, service: &str, beat: &Beat) -> Result<(), CheckMemoryError> {
        let kept = self.connection().execute(
            "INSERT OR REPLACE INTO heartbeat (service, at, ok, message) VALUES (?1, ?2, ?3, ?4)",
            params![service, beat.at.timestamp_micros(), beat.ok, beat.message],
        );
        kept.map(drop).map_err(|source| self.failed(source))
    }

    /// The last heartbeat of each service that ever gave one.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn beats(&self) -> Result<BTreeMap<String, Beat>, CheckMemoryError> {
        let connection = self.connection();
        let read = || {
            let mut statement = connection.prepare("SELECT service, at, ok, message FROM heartbeat")?;
            let rows = statement.query_map([], |row| {
                let at: i64 = row.get(1)?;
                let at = DateTime::from_timestamp_micros(at).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, at))?;
                Ok((row.get(0)?, Beat { at, ok: row.get(2)?, message: row.get(3)? }))
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|source| self.failed(source))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: rusqlite::Error) -> CheckMemoryError {
        CheckMemoryError { path: self.path.clone(), source }
    }
}

fn prepare(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_beat_of_each_service_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checks.db");
        let memory = CheckMemory::open(&path).unwrap();
        let beat = |second: i64, ok, message: &str| Beat {
            at: DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap(),
            ok,
            message: message.to_owned(),
        };
        memory.keep_beat("backup", &beat(0, true, "")).unwrap();
        memory.keep_beat("billing", &beat(1, true, "done")).unwrap();
        memory.keep_beat("backup", &beat(2, false, "disk full")).unwrap();
        drop(memory);
        let beats = CheckMemory::open(&path).unwrap().beats().unwrap();
        let expected = [("backup", beat(2, false, "disk full")), ("billing", beat(1, true, "done"))];
        assert_eq!(beats, expected.map(|(service, beat)| (service.to_owned(), beat)).into());
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checks.db");
        std::fs::write(&path, "no database ".repeat(100)).unwrap();
        let error = CheckMemory::open(&path).unwrap_err().to_string();
        assert!(error.contains("checks.db") && error.contains("file is not a database"), "{error}");
    }
}
