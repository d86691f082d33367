//! What checks remember from run to run and across restarts: the last heartbeat of each service, alerts, and what rows were
//! that may never change.
//!
//! It has a file of its own beside the samples: few rows, each durable before whoever told it is answered, where samples are many
//! and the newest may be lost. Heartbeats are no events: they come by the thousand, and only the judgement over them is news.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use crate::platform::{Alert, Baseline, Beat};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS heartbeat (
        service TEXT PRIMARY KEY, at INTEGER NOT NULL, ok INTEGER NOT NULL, message TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS alert (
        fingerprint TEXT PRIMARY KEY, ends_at INTEGER, body TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS baseline (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, component TEXT NOT NULL,
        right_at INTEGER NOT NULL, restored INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS baseline_row (
        baseline INTEGER NOT NULL REFERENCES baseline ON DELETE CASCADE, key INTEGER NOT NULL, content INTEGER NOT NULL,
        PRIMARY KEY (baseline, key)
    ) STRICT, WITHOUT ROWID;
";
/// What was compared with no rows for so long is forgotten.
const FORGOTTEN: TimeDelta = TimeDelta::days(400);

/// Why the memory did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CheckMemoryError {
    /// The file cannot be used.
    #[error(
        "cannot open what checks remember, {path}: {source}; move the file away to start with an empty one, then heartbeats count from now and rows are noted anew"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// It cannot be read or written.
    #[error("what checks remember in {path} is out of reach: {source}; see whether its disk is full")]
    Query {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
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
        let connection = prepare(path).map_err(|source| CheckMemoryError::Open { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    /// Keeps the last heartbeat of a service; it is on the disk when this returns.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep_beat(&self, service: &str, beat: &Beat) -> Result<(), CheckMemoryError> {
        let kept = self.connection().execute(
            "INSERT INTO heartbeat (service, at, ok, message) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (service) DO UPDATE SET at = excluded.at, ok = excluded.ok, message = excluded.message
             WHERE excluded.at >= at",
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

    /// Keeps alerts as they are known now, and forgets those that ended before a time; done on the disk when this returns.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep_alerts(&self, alerts: &[Alert], ended_before: DateTime<Utc>) -> Result<(), CheckMemoryError> {
        let mut connection = self.connection();
        let mut keep = || {
            let transaction = connection.transaction()?;
            {
                let mut insert = transaction.prepare("INSERT OR REPLACE INTO alert VALUES (?1, ?2, ?3)")?;
                for alert in alerts {
                    let body = serde_json::to_string(alert)
                        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                    insert.execute(params![
                        alert.fingerprint,
                        alert.ends_at.map(|ends| ends.timestamp_micros()),
                        body
                    ])?;
                }
            }
            transaction.execute("DELETE FROM alert WHERE ends_at < ?1", [ended_before.timestamp_micros()])?;
            transaction.commit()
        };
        keep().map_err(|source| self.failed(source))
    }

    /// The alerts that were kept.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn alerts(&self) -> Result<Vec<Alert>, CheckMemoryError> {
        let connection = self.connection();
        let read = || {
            let mut statement = connection.prepare("SELECT body FROM alert")?;
            let rows = statement.query_map([], |row| {
                let body: String = row.get(0)?;
                serde_json::from_str(&body).map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
                })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|source| self.failed(source))
    }

    /// What rows were when all of them were right the last time.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn baseline(&self, id: &str) -> Result<Option<Baseline>, CheckMemoryError> {
        let connection = self.connection();
        let read = || {
            let sql = "SELECT number, right_at, restored FROM baseline WHERE id = ?1";
            let found = connection.query_row(sql, [id], |row| {
                let at: i64 = row.get(1)?;
                let at = DateTime::from_timestamp_micros(at).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, at))?;
                Ok((row.get::<_, i64>(0)?, at, row.get(2)?))
            });
            let Some((number, right_at, restored)) = found.optional()? else { return Ok(None) };
            let mut statement = connection.prepare("SELECT key, content FROM baseline_row WHERE baseline = ?1")?;
            let rows = statement.query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(Some(Baseline { right_at, restored, rows: rows.collect::<rusqlite::Result<_>>()? }))
        };
        read().map_err(|source| self.failed(source))
    }

    /// All rows of a baseline are right at this time; some are new, some are there no more.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn settle(
        &self,
        id: &str,
        component: &str,
        at: DateTime<Utc>,
        new: &[(i64, i64)],
        gone: &[i64],
    ) -> Result<(), CheckMemoryError> {
        let mut connection = self.connection();
        settle(&mut connection, id, component, at, new, gone).map_err(|source| self.failed(source))
    }

    /// A component was brought back to an earlier state: rows that were newer are not there yet.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn component_restored(&self, component: &str) -> Result<(), CheckMemoryError> {
        let done = self.connection().execute("UPDATE baseline SET restored = 1 WHERE component = ?1", [component]);
        done.map(drop).map_err(|source| self.failed(source))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, source: rusqlite::Error) -> CheckMemoryError {
        CheckMemoryError::Query { path: self.path.clone(), source }
    }
}

fn settle(
    connection: &mut Connection,
    id: &str,
    component: &str,
    at: DateTime<Utc>,
    new: &[(i64, i64)],
    gone: &[i64],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let number: i64 = transaction.query_row(
        "INSERT INTO baseline (id, component, right_at, restored) VALUES (?1, ?2, ?3, 0)
         ON CONFLICT (id) DO UPDATE SET right_at = excluded.right_at, restored = 0 RETURNING number",
        params![id, component, at.timestamp_micros()],
        |row| row.get(0),
    )?;
    {
        let mut insert = transaction.prepare("INSERT OR REPLACE INTO baseline_row VALUES (?1, ?2, ?3)")?;
        for (key, content) in new {
            insert.execute([number, *key, *content])?;
        }
        let mut delete = transaction.prepare("DELETE FROM baseline_row WHERE baseline = ?1 AND key = ?2")?;
        for key in gone {
            delete.execute([number, *key])?;
        }
    }
    let forgotten = at.checked_sub_signed(FORGOTTEN).unwrap_or(at).timestamp_micros();
    transaction.execute("DELETE FROM baseline WHERE right_at < ?1", [forgotten])?;
    transaction.commit()
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
    fn what_rows_were_is_there_after_reopening_and_follows_a_restore() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checks.db");
        let at = |day: i64| DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day);
        let memory = CheckMemory::open(&path).unwrap();
        assert_eq!(memory.baseline("doses").unwrap(), None);
        memory.settle("doses", "records", at(0), &[(1, -10), (2, 20)], &[]).unwrap();
        memory.settle("other", "papers", at(0), &[(1, 7)], &[]).unwrap();
        memory.settle("doses", "records", at(1), &[(3, 30)], &[2]).unwrap();
        memory.component_restored("records").unwrap();
        drop(memory);
        let memory = CheckMemory::open(&path).unwrap();
        let known = Baseline { right_at: at(1), restored: true, rows: [(1, -10), (3, 30)].into() };
        assert_eq!(memory.baseline("doses").unwrap(), Some(known.clone()));
        memory.settle("doses", "records", at(2), &[], &[]).unwrap();
        assert_eq!(memory.baseline("doses").unwrap(), Some(Baseline { right_at: at(2), restored: false, ..known }));
        assert!(!memory.baseline("other").unwrap().unwrap().restored);
        memory.settle("doses", "records", at(500), &[], &[]).unwrap();
        assert_eq!(memory.baseline("other").unwrap(), None, "nobody has asked for so long");
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checks.db");
        std::fs::write(&path, "no database ".repeat(100)).unwrap();
        let error = CheckMemory::open(&path).unwrap_err().to_string();
        assert!(error.contains("checks.db") && error.contains("move the file away"), "{error}");
    }
}
