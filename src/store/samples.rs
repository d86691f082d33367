//! The sample store: every result of every check, for the sparklines and for a diagnosis to look back.
//!
//! Samples are not events: losing the newest few when the power fails harms nobody, so writes are not forced to the disk one by
//! one, and old samples are removed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use crate::platform::{CheckLevel, Reading, Sample};

/// Written into the file, so that a later version can tell.
const VERSION: i64 = 1;
/// Nobody has a screen for more.
const MAX_BUCKETS: usize = 1000;

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

/// An equal share of a time span, and what the samples in it say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// How many samples it holds; 0 means that nothing is known.
    pub samples: u32,
    /// How many of them were bad.
    pub errors: u32,
    /// How many of them were slow.
    pub slow: u32,
    /// The shortest, average and longest latency of the samples that were not bad; `None` without such samples.
    #[serde(flatten)]
    pub latency: Option<Latency>,
}

/// Latencies of several samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// The shortest.
    #[serde(rename = "minSeconds", with = "crate::platform::seconds")]
    pub min: Duration,
    /// The average.
    #[serde(rename = "avgSeconds", with = "crate::platform::seconds")]
    pub avg: Duration,
    /// The longest.
    #[serde(rename = "maxSeconds", with = "crate::platform::seconds")]
    pub max: Duration,
}

/// The samples of one engine, in one SQLite file.
#[derive(Debug)]
pub struct SampleStore {
    path: PathBuf,
    connection: Connection,
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

    /// Adds samples, all or none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, samples: &[Sample]) -> Result<(), SampleStoreError> {
        let path = &self.path;
        append(&mut self.connection, samples).map_err(|source| SampleStoreError::Query { path: path.clone(), source })
    }

    /// The newest samples of a service, oldest first, at most `limit` of them. Times are kept to the microsecond.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn recent(&self, service: &str, limit: usize) -> Result<Vec<Sample>, SampleStoreError> {
        self.recent_rows(service, limit).map_err(|source| self.failed(source))
    }

    /// The samples of a service from `since` to before `until`, in equal shares of that time, oldest first.
    ///
    /// # Errors
    /// When the disk refuses or the file is damaged.
    pub fn history(
        &self,
        service: &str,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        buckets: usize,
    ) -> Result<Vec<Bucket>, SampleStoreError> {
        self.history_rows(service, since, until, buckets).map_err(|source| self.failed(source))
    }

    /// Removes the samples that are older than `before`, and says how many those were.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn prune(&mut self, before: DateTime<Utc>) -> Result<usize, SampleStoreError> {
        let removed = self.connection.execute("DELETE FROM sample WHERE at < ?1", [before.timestamp_micros()]);
        removed.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: rusqlite::Error) -> SampleStoreError {
        SampleStoreError::Query { path: self.path.clone(), source }
    }

    fn recent_rows(&self, service: &str, limit: usize) -> rusqlite::Result<Vec<Sample>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT probe.text, level, at, reading, latency, detail FROM sample JOIN name AS probe ON probe.id = sample.probe
             WHERE service = (SELECT id FROM name WHERE text = ?1) ORDER BY at DESC, sample.id DESC LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![service, limit], |row| sample(row, service))?;
        let mut samples = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        samples.reverse();
        Ok(samples)
    }

    fn history_rows(
        &self,
        service: &str,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        buckets: usize,
    ) -> rusqlite::Result<Vec<Bucket>> {
        let (start, end) = (since.timestamp_micros(), until.timestamp_micros());
        let count = i64::try_from(buckets.clamp(1, MAX_BUCKETS)).unwrap_or(1);
        // Rounded up, so that the last bucket ends at or after `until`.
        let width = end.saturating_sub(start).max(1).saturating_add(count - 1) / count;
        let empty = |index: i64| Bucket {
            from: DateTime::from_timestamp_micros(start.saturating_add(index.saturating_mul(width))).unwrap_or(since),
            samples: 0,
            errors: 0,
            slow: 0,
            latency: None,
        };
        let mut history: Vec<Bucket> = (0..count).map(empty).collect();
        let mut statement = self.connection.prepare_cached(
            "SELECT (at - ?2) / ?4, count(*), sum(reading = 2), sum(reading = 1),
                 min(latency) FILTER (WHERE reading < 2), CAST(avg(latency) FILTER (WHERE reading < 2) AS INTEGER),
                 max(latency) FILTER (WHERE reading < 2)
             FROM sample WHERE service = (SELECT id FROM name WHERE text = ?1) AND at >= ?2 AND at < ?3 GROUP BY 1",
        )?;
        let mut rows = statement.query(params![service, start, end, width])?;
        while let Some(row) = rows.next()? {
            let index: i64 = row.get(0)?;
            let Some(bucket) = usize::try_from(index).ok().and_then(|index| history.get_mut(index)) else { continue };
            (bucket.samples, bucket.errors, bucket.slow) = (row.get(1)?, row.get(2)?, row.get(3)?);
            if let (Some(min), Some(avg), Some(max)) = (micros(row, 4)?, micros(row, 5)?, micros(row, 6)?) {
                bucket.latency = Some(Latency { min, avg, max });
            }
        }
        Ok(history)
    }
}

/// Sets the file up and gives its version.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        version = VERSION;
    }
    transaction.commit()?;
    Ok(version)
}

fn append(connection: &mut Connection, samples: &[Sample]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut name = transaction.prepare_cached("INSERT OR IGNORE INTO name (text) VALUES (?1)")?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO sample (service, probe, level, at, reading, latency, detail) VALUES
             ((SELECT id FROM name WHERE text = ?1), (SELECT id FROM name WHERE text = ?2), ?3, ?4, ?5, ?6, ?7)",
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
            ])?;
        }
    }
    transaction.commit()
}

fn sample(row: &Row<'_>, service: &str) -> rusqlite::Result<Sample> {
    let at: i64 = row.get(2)?;
    Ok(Sample {
        service: service.to_owned(),
        check: row.get(0)?,
        level: match row.get(1)? {
            0 => CheckLevel::Shallow,
            1 => CheckLevel::Deep,
            2 => CheckLevel::Comprehensive,
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(1, other)),
        },
        at: DateTime::from_timestamp_micros(at).ok_or(rusqlite::Error::IntegralValueOutOfRange(2, at))?,
        reading: match row.get(3)? {
            0 => Reading::Good,
            1 => Reading::Slow,
            2 => Reading::Bad,
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(3, other)),
        },
        latency: micros(row, 4)?.unwrap_or_default(),
        detail: row.get(5)?,
    })
}

fn micros(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Duration>> {
    let micros: Option<i64> = row.get(column)?;
    micros
        .map(|micros| u64::try_from(micros).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, micros)))
        .transpose()
        .map(|micros| micros.map(Duration::from_micros))
}

fn level_code(level: CheckLevel) -> i64 {
    match level {
        CheckLevel::Shallow => 0,
        CheckLevel::Deep => 1,
        CheckLevel::Comprehensive => 2,
    }
}

fn reading_code(reading: Reading) -> i64 {
    match reading {
        Reading::Good => 0,
        Reading::Slow => 1,
        Reading::Bad => 2,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

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
        store.append(&samples).unwrap();
        store.append(&[sample("other", 99, Reading::Bad, 1)]).unwrap();
        drop(store);
        let store = SampleStore::open(&folder.path().join("samples.db")).unwrap();
        assert_eq!(store.recent("auth", 3).unwrap(), samples[7..]);
        assert_eq!(store.recent("auth", usize::MAX).unwrap(), samples);
        assert_eq!(store.recent("nobody", 3).unwrap(), []);
    }

    #[test]
    fn history_tells_latency_errors_and_what_is_unknown() {
        let (_folder, mut store) = store();
        let samples = [
            sample("auth", -1, Reading::Bad, 7),
            sample("auth", 0, Reading::Good, 10),
            sample("auth", 9, Reading::Slow, 30),
            sample("auth", 10, Reading::Bad, 5000),
            sample("auth", 15, Reading::Good, 8),
            sample("other", 16, Reading::Bad, 8),
            sample("auth", 29, Reading::Bad, 1),
            sample("auth", 40, Reading::Good, 9),
        ];
        store.append(&samples).unwrap();
        let history = store.history("auth", time(0), time(40), 4).unwrap();
        let latency = |min, avg, max| {
            let [min, avg, max] = [min, avg, max].map(Duration::from_millis);
            Some(Latency { min, avg, max })
        };
        let told: Vec<_> = history
            .iter()
            .map(|bucket| (bucket.from, bucket.samples, bucket.errors, bucket.slow, bucket.latency))
            .collect();
        assert_eq!(
            told,
            [
                (time(0), 2, 0, 1, latency(10, 20, 30)),
                (time(10), 2, 1, 0, latency(8, 8, 8)),
                (time(20), 1, 1, 0, None),
                (time(30), 0, 0, 0, None),
            ]
        );
    }

    #[test]
    fn odd_time_spans_are_harmless() {
        let (_folder, mut store) = store();
        store.append(&[sample("auth", 0, Reading::Good, 1)]).unwrap();
        assert_eq!(
            store.history("auth", time(5), time(-5), 3).unwrap().iter().map(|bucket| bucket.samples).sum::<u32>(),
            0
        );
        assert_eq!(store.history("auth", time(0), time(0), 0).unwrap().len(), 1);
        let whole = store.history("auth", time(-1), time(0) + TimeDelta::microseconds(1), 7).unwrap();
        assert_eq!((whole.len(), whole[6].samples), (7, 1));
        let ever = store.history("auth", DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, 2).unwrap();
        assert_eq!(ever.iter().map(|bucket| bucket.samples).sum::<u32>(), 1);
        assert_eq!(store.history("auth", time(-10), time(10), usize::MAX).unwrap().len(), MAX_BUCKETS);
    }

    #[test]
    fn old_samples_are_removed() {
        let (_folder, mut store) = store();
        store.append(&(0..10).map(|second| sample("auth", second, Reading::Good, 1)).collect::<Vec<_>>()).unwrap();
        assert_eq!(store.prune(time(4)).unwrap(), 4);
        assert_eq!(store.recent("auth", 100).unwrap().first().map(|sample| sample.at), Some(time(4)));
        assert_eq!(store.prune(time(4)).unwrap(), 0);
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
        store.append(&[sample("auth", 0, Reading::Good, 250)]).unwrap();
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
