//! The sample store: every result of every check with the judgement in force, for the sparklines and for a diagnosis to look
//! back. What they say over months stands in the rollups (`rollups`), in the same file.
//!
//! Samples are not events: losing the newest few when the power fails harms nobody, so writes are not forced to the disk one by
//! one, and old samples are removed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::DateTime;
use rusqlite::{Connection, Row, params};

use super::rollups;
use crate::{
    domain::Status,
    platform::{CheckLevel, Measure, Quantity, Reading, Sample},
};

/// Written into the file, so that a later version can tell.
const VERSION: i64 = 3;

/// What version 1 was; each later version adds to it.
const SCHEMA: &str = "
    CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE sample (
        id INTEGER PRIMARY KEY,
        service INTEGER NOT NULL REFERENCES name,
        probe INTEGER NOT NULL REFERENCES name,
        level INTEGER NOT NULL,
        at INTEGER NOT NULL,
        reading INTEGER NOT NULL,
        latency INTEGER NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX sample_of_service ON sample (service, at);
    CREATE INDEX sample_by_time ON sample (at);
    CREATE VIEW samples AS
        SELECT service.text AS service, probe.text AS probe,
            CASE level WHEN 0 THEN 'shallow' WHEN 1 THEN 'deep' ELSE 'comprehensive' END AS level,
            strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e6, 'unixepoch') AS at,
            CASE reading WHEN 0 THEN 'good' WHEN 1 THEN 'slow' ELSE 'bad' END AS reading,
            latency / 1e6 AS latency_seconds, detail
        FROM sample JOIN name AS service ON service.id = sample.service JOIN name AS probe ON probe.id = sample.probe;
";
/// What was held true of the service came with version 2; samples of version 1 have none.
const JUDGED: &str = "ALTER TABLE sample ADD COLUMN judged INTEGER;";
/// What was measured came with version 3.
const MEASURED: &str = "
    ALTER TABLE sample ADD COLUMN quantity INTEGER;
    ALTER TABLE sample ADD COLUMN measured REAL;
    ALTER TABLE rollup ADD COLUMN quantity INTEGER;
    ALTER TABLE rollup ADD COLUMN measured REAL;
";

/// Why the sample store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SampleStoreError {
    /// The file cannot be used as a sample store.
    #[error(
        "cannot open the sample store {path}: {source}; move the file away to start with an empty one, nothing but history is lost"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A later version of the program has written the file.
    #[error("the sample store {path} has version {found}, this program knows {VERSION}; use the newer program")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// A write or a query failed.
    #[error("the sample store {path} failed: {source}; see whether its disk is full")]
    Query {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// The samples of one engine, in one SQLite file.
#[derive(Debug)]
pub struct SampleStore {
    path: PathBuf,
    pub(super) connection: Connection,
}

impl SampleStore {
    /// Opens the store, and creates it when there is none.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database, or is of a later version.
    pub fn open(path: &Path) -> Result<Self, SampleStoreError> {
        let failed = |source| SampleStoreError::Open { path: path.to_owned(), source };
        let mut connection = Connection::open(path).map_err(failed)?;
        let found = prepare(&mut connection).map_err(failed)?;
        if found > VERSION {
            return Err(SampleStoreError::Version { path: path.to_owned(), found });
        }
        Ok(Self { path: path.to_owned(), connection })
    }

    /// Adds samples, all or none, with what is held true of each one's service.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, samples: &[Sample], judged: impl Fn(&str) -> Status) -> Result<(), SampleStoreError> {
        append(&mut self.connection, samples, judged).map_err(|source| self.failed(source))
    }

    /// The newest samples of a service, oldest first, at most `limit` of them. Times are kept to the microsecond.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn recent(&self, service: &str, limit: usize) -> Result<Vec<Sample>, SampleStoreError> {
        self.recent_rows(service, limit).map_err(|source| self.failed(source))
    }

    pub(super) fn failed(&self, source: rusqlite::Error) -> SampleStoreError {
        SampleStoreError::Query { path: self.path.clone(), source }
    }

    fn recent_rows(&self, service: &str, limit: usize) -> rusqlite::Result<Vec<Sample>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT probe.text, level, at, reading, latency, detail, quantity, measured
             FROM sample JOIN name AS probe ON probe.id = sample.probe
             WHERE service = (SELECT id FROM name WHERE text = ?1) ORDER BY at DESC, sample.id DESC LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![service, limit], |row| sample(row, service))?;
        let mut samples = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        samples.reverse();
        Ok(samples)
    }
}

/// Sets the file up, or brings it to this version, and gives the version that it now has.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    let version_of = |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get(0));
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Whoever only reads does not wait for whoever writes.
    let found: i64 = version_of(connection)?;
    if found >= VERSION {
        return Ok(found);
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = version_of(&transaction)?;
    if found == 0 {
        transaction.execute_batch(SCHEMA)?;
    }
    if found < 2 {
        transaction.execute_batch(JUDGED)?;
        transaction.execute_batch(rollups::SCHEMA)?;
    }
    if found < 3 {
        transaction.execute_batch(MEASURED)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(found.max(VERSION))
}

fn append(connection: &mut Connection, samples: &[Sample], judged: impl Fn(&str) -> Status) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut name = transaction.prepare_cached("INSERT OR IGNORE INTO name (text) VALUES (?1)")?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO sample (service, probe, level, at, reading, latency, detail, judged, quantity, measured)
             VALUES ((SELECT id FROM name WHERE text = ?1), (SELECT id FROM name WHERE text = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        for sample in samples {
            name.execute([&sample.service])?;
            name.execute([&sample.check])?;
            insert.execute(params![
                sample.service,
                sample.check,
                level_code(sample.level),
                sample.at.timestamp_micros(),
                reading_code(sample.reading),
                i64::try_from(sample.latency.as_micros()).unwrap_or(i64::MAX),
                sample.detail,
                status_code(judged(&sample.service)),
                sample.measured.map(|measure| quantity_code(measure.quantity)),
                sample.measured.map(|measure| measure.value),
            ])?;
        }
        if let Some(earliest) = samples.iter().map(|sample| sample.at).min() {
            rollups::reopen(&transaction, earliest)?;
        }
    }
    transaction.commit()
}

fn sample(row: &Row<'_>, service: &str) -> rusqlite::Result<Sample> {
    let at: i64 = row.get(2)?;
    Ok(Sample {
        service: service.to_owned(),
        check: row.get(0)?,
        level: level(row, 1)?,
        at: DateTime::from_timestamp_micros(at).ok_or(rusqlite::Error::IntegralValueOutOfRange(2, at))?,
        reading: reading(row, 3)?,
        latency: micros(row, 4)?.unwrap_or_default(),
        detail: row.get(5)?,
        measured: measure(row, 6)?,
    })
}

pub(super) fn micros(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Duration>> {
    let micros: Option<i64> = row.get(column)?;
    micros
        .map(|micros| u64::try_from(micros).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, micros)))
        .transpose()
        .map(|micros| micros.map(Duration::from_micros))
}

pub(super) fn level(row: &Row<'_>, column: usize) -> rusqlite::Result<CheckLevel> {
    match row.get(column)? {
        0 => Ok(CheckLevel::Shallow),
        1 => Ok(CheckLevel::Deep),
        2 => Ok(CheckLevel::Comprehensive),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

fn level_code(level: CheckLevel) -> i64 {
    match level {
        CheckLevel::Shallow => 0,
        CheckLevel::Deep => 1,
        CheckLevel::Comprehensive => 2,
    }
}

pub(super) fn reading(row: &Row<'_>, column: usize) -> rusqlite::Result<Reading> {
    match row.get(column)? {
        0 => Ok(Reading::Good),
        1 => Ok(Reading::Slow),
        2 => Ok(Reading::Bad),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

fn reading_code(reading: Reading) -> i64 {
    match reading {
        Reading::Good => 0,
        Reading::Slow => 1,
        Reading::Bad => 2,
    }
}

/// None in samples of version 1.
pub(super) fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Status>> {
    let code: Option<i64> = row.get(column)?;
    code.map(|code| match code {
        0 => Ok(Status::Unknown),
        1 => Ok(Status::Healthy),
        2 => Ok(Status::Degraded),
        3 => Ok(Status::Down),
        4 => Ok(Status::Maintenance),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    })
    .transpose()
}

fn status_code(status: Status) -> i64 {
    match status {
        Status::Unknown => 0,
        Status::Healthy => 1,
        Status::Degraded => 2,
        Status::Down => 3,
        Status::Maintenance => 4,
    }
}

/// What was measured stands in two columns, the quantity first.
pub(super) fn measure(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Measure>> {
    let (code, value): (Option<i64>, Option<f64>) = (row.get(column)?, row.get(column + 1)?);
    let (Some(code), Some(value)) = (code, value) else { return Ok(None) };
    let quantity = match code {
        0 => Quantity::Disk,
        1 => Quantity::Inodes,
        2 => Quantity::Memory,
        3 => Quantity::Descriptors,
        4 => Quantity::Connections,
        5 => Quantity::Certificate,
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    };
    Ok(Some(Measure { quantity, value }))
}

pub(super) fn quantity_code(quantity: Quantity) -> i64 {
    match quantity {
        Quantity::Disk => 0,
        Quantity::Inodes => 1,
        Quantity::Memory => 2,
        Quantity::Descriptors => 3,
        Quantity::Connections => 4,
        Quantity::Certificate => 5,
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::domain::Grain;

    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn sample(service: &str, second: i64, reading: Reading, millis: u64) -> Sample {
        Sample {
            service: service.to_owned(),
            check: "shallow-http".to_owned(),
            level: CheckLevel::Deep,
            at: time(second),
            reading,
            latency: Duration::from_millis(millis),
            detail: format!("HTTP 200 in {millis} ms"),
            measured: None,
        }
    }

    fn store() -> (tempfile::TempDir, SampleStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = SampleStore::open(&folder.path().join("samples.db")).unwrap();
        (folder, store)
    }

    #[test]
    fn the_newest_samples_come_back_as_they_were_after_reopening() {
        let (folder, mut store) = store();
        let samples: Vec<_> = (0..10).map(|second| sample("auth", second, Reading::Slow, 12)).collect();
        store.append(&samples, |_| Status::Healthy).unwrap();
        let measured = Some(Measure { quantity: Quantity::Certificate, value: 0.1 + 0.2 });
        let other = Sample { measured, ..sample("other", 99, Reading::Bad, 1) };
        store.append(std::slice::from_ref(&other), |_| Status::Healthy).unwrap();
        drop(store);
        let store = SampleStore::open(&folder.path().join("samples.db")).unwrap();
        assert_eq!(store.recent("auth", 3).unwrap(), samples[7..]);
        assert_eq!(store.recent("auth", usize::MAX).unwrap(), samples);
        assert_eq!(store.recent("nobody", 3).unwrap(), []);
        assert_eq!(store.recent("other", 3).unwrap(), [other]);
    }

    #[test]
    fn a_file_of_version_1_goes_on_with_all_that_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(SCHEMA).unwrap();
        old.execute_batch(
            "INSERT INTO name VALUES (1, 'auth'), (2, 'shallow-http');
             INSERT INTO sample (service, probe, level, at, reading, latency, detail) VALUES
                 (1, 2, 1, 1800000000000000, 0, 12000, 'HTTP 200'), (1, 2, 1, 1800000060000000, 2, 9000, 'HTTP 500'),
                 (1, 2, 1, 1800000180000000, 0, 12000, 'HTTP 200');
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        let mut store = SampleStore::open(&path).unwrap();
        store.append(&[sample("auth", 240, Reading::Good, 12)], |_| Status::Healthy).unwrap();
        assert_eq!(store.recent("auth", 9).unwrap().iter().filter(|kept| kept.reading == Reading::Bad).count(), 1);
        store.roll_up(time(3600), |_| Some(Duration::from_secs(600))).unwrap();
        let [slot] = &store.rollups("auth", Grain::Fine, time(0), time(300), None).unwrap()[..] else { panic!() };
        let held = slot.standing;
        // Samples of version 1 bear no judgement: their readings stand for it.
        assert_eq!([held.up, held.down].map(|time| time.as_secs()), [180, 120]);
        assert_eq!((slot.checks["shallow-http"].good, slot.checks["shallow-http"].bad, held.outages), (3, 1, 1));
        drop(store);
        let version: i64 =
            Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, VERSION);
        assert_eq!(SampleStore::open(&path).unwrap().recent("auth", 9).unwrap().len(), 4);
    }

    #[test]
    fn files_that_are_no_sample_store_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.db");
        let text = "no database ".repeat(100);
        std::fs::write(&path, &text).unwrap();
        let error = SampleStore::open(&path).unwrap_err().to_string();
        assert!(error.contains("file is not a database; move the file away"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

        let newer = folder.path().join("newer.db");
        Connection::open(&newer).unwrap().pragma_update(None, "user_version", 7).unwrap();
        assert!(matches!(SampleStore::open(&newer), Err(SampleStoreError::Version { found: 7, .. })));
        assert!(SampleStore::open(&folder.path().join("nowhere/samples.db")).is_err());
    }

    #[test]
    fn the_view_is_readable_by_people() {
        let (_folder, mut store) = store();
        store.append(&[sample("auth", 0, Reading::Good, 250)], |_| Status::Healthy).unwrap();
        let row: (String, String, String, f64) = store
            .connection
            .query_row("SELECT level, at, reading, latency_seconds FROM samples", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap();
        assert_eq!(row, ("deep".to_owned(), "2027-01-15T08:00:00.000Z".to_owned(), "good".to_owned(), 0.25));
    }

    #[test]
    fn json_is_as_the_contract_says() {
        let json = serde_json::to_value(sample("auth", 0, Reading::Bad, 1500)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"service": "auth", "check": "shallow-http", "level": "deep", "at": "2027-01-15T08:00:00Z",
                "reading": "bad", "latencySeconds": 1.5, "detail": "HTTP 200 in 1500 ms"})
        );
    }
}
