//! A SQLite database, opened for reading only; it is never created and never changed.

use std::{fs, path::Path, time::Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, limits::Limit, types::ValueRef};

use super::outcome::{Finding, line};

/// SQLite asks after so many of its steps whether to go on.
const STEPS: i32 = 1000;

pub(super) fn probe(path: &Path, query: Option<&str>, integrity: bool, deadline: Instant) -> Finding {
    look(path, deadline, |connection| examine(connection, query, integrity))
}

/// Opens a database and looks into it until the deadline.
pub(super) fn look(
    path: &Path,
    deadline: Instant,
    work: impl FnOnce(&Connection) -> rusqlite::Result<Finding>,
) -> Finding {
    match fs::metadata(path) {
        Err(error) => return Finding::bad(format!("cannot open {}: {error}", path.display())),
        Ok(metadata) if !metadata.is_file() => return Finding::bad(format!("{} is no file", path.display())),
        // SQLite takes an empty file for an empty database; where one is watched, somebody has emptied it.
        Ok(metadata) if metadata.len() == 0 => return Finding::bad(format!("{} is empty", path.display())),
        Ok(_) => {}
    }
    open(path, deadline).and_then(|connection| work(&connection)).unwrap_or_else(|error| {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Finding::bad("no answer in time"),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Finding::bad("it stayed locked by somebody else")
            }
            _ => Finding::bad(error.to_string()),
        }
    })
}

fn open(path: &Path, deadline: Instant) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(deadline.saturating_duration_since(Instant::now()))?;
    connection.progress_handler(STEPS, Some(move || Instant::now() >= deadline))?;
    // Without attached databases a query cannot write a copy elsewhere.
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    // Opening reads nothing yet.
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

fn examine(connection: &Connection, query: Option<&str>, integrity: bool) -> rusqlite::Result<Finding> {
    if integrity {
        let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if answer != "ok" {
            return Ok(Finding::bad(format!("damaged: {}", line(&answer, 160))));
        }
    }
    match query {
        Some(query) => ask(connection, query),
        None if integrity => Ok(Finding::good("intact")),
        None => Ok(Finding::good("opened")),
    }
}

/// Never quotes what the query returned, unless it is a number: it may be somebody's name.
fn ask(connection: &Connection, query: &str) -> rusqlite::Result<Finding> {
    let mut statement = connection.prepare(query)?;
    if !statement.readonly() || statement.column_count() == 0 {
        return Ok(Finding::bad("the query is no SELECT statement"));
    }
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(Finding::bad("the query returned no row")) };
    let (figure, told) = match row.get_ref(0)? {
        ValueRef::Null => return Ok(Finding::bad("the query returned null")),
        #[expect(clippy::cast_precision_loss, reason = "a figure for people; 2^53 is far beyond what a check counts")]
        ValueRef::Integer(number) => (Some(number as f64), number.to_string()),
        ValueRef::Real(number) => (Some(number), number.to_string()),
        ValueRef::Text(_) | ValueRef::Blob(_) => (None, "a row".to_owned()),
    };
    let told = format!("the query returned {told}");
    let finding = if figure == Some(0.0) { Finding::bad(told) } else { Finding::good(told) };
    Ok(Finding { figure, ..finding })
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Seek, SeekFrom, Write},
        path::PathBuf,
        time::Duration,
    };

    use super::*;
    use crate::{
        checks::{Outcome, Prober, prober::tests::check},
        platform::{Check, Probe, Reading},
    };

    async fn probe(path: &Path, query: Option<&str>, integrity: bool, within: Duration) -> Outcome {
        let probe = Probe::Sqlite { path: path.to_owned(), query: query.map(str::to_owned), integrity };
        Prober::new().probe(&Check { within, ..check(probe) }).await
    }

    const SOON: Duration = Duration::from_secs(10);

    fn database(folder: &Path) -> PathBuf {
        let path = folder.join("records.db");
        let connection = Connection::open(&path).unwrap();
        let fill = "CREATE TABLE dose (patient TEXT, amount REAL);
            CREATE INDEX by_patient ON dose (patient);
            INSERT INTO dose SELECT 'patient ' || value, value FROM (WITH RECURSIVE n(value) AS
            (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 5000) SELECT value FROM n);";
        connection.execute_batch(fill).unwrap();
        path
    }

    #[tokio::test]
    async fn the_first_value_decides() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path());
        for (query, result, told, figure) in [
            ("SELECT count(*) FROM dose", Reading::Good, "the query returned 5000", Some(5000.0)),
            ("SELECT patient FROM dose", Reading::Good, "the query returned a row", None),
            ("SELECT count(*) FROM dose WHERE amount < 0", Reading::Bad, "the query returned 0", Some(0.0)),
            ("SELECT patient FROM dose WHERE amount < 0", Reading::Bad, "the query returned no row", None),
            ("SELECT max(amount) FROM dose WHERE amount < 0", Reading::Bad, "the query returned null", None),
            (
                "SELECT dose_unit FROM dose",
                Reading::Bad,
                "no such column: dose_unit in SELECT dose_unit FROM dose at offset 7",
                None,
            ),
            ("DELETE FROM dose", Reading::Bad, "the query is no SELECT statement", None),
        ] {
            let outcome = probe(&path, Some(query), false, SOON).await;
            assert_eq!((outcome.result, outcome.detail.as_str(), outcome.figure), (result, told, figure), "{query}");
        }
        let copy = folder.path().join("copy.db");
        assert_eq!(
            probe(&path, Some(&format!("VACUUM INTO '{}'", copy.display())), false, SOON).await.result,
            Reading::Bad
        );
        assert!(!copy.exists());
    }

    #[tokio::test]
    async fn a_missing_database_is_bad_and_stays_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        let outcome = probe(&path, None, true, SOON).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.contains("No such file"), "{}", outcome.detail);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        fs::write(&path, "").unwrap();
        assert!(probe(&path, None, false, SOON).await.detail.ends_with("is empty"));
        fs::write(&path, "this is a text file, and a long one at that; it is more than a hundred bytes, so that SQLite reads its header").unwrap();
        assert_eq!(probe(&path, None, false, SOON).await.detail, "file is not a database");
    }

    #[tokio::test]
    async fn damage_is_found_by_the_integrity_check() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path());
        assert_eq!(probe(&path, None, true, SOON).await.detail, "intact");
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for page in 10..20 {
            file.seek(SeekFrom::Start(page * 4096)).unwrap();
            file.write_all(&[0xa5; 600]).unwrap();
        }
        assert_eq!(probe(&path, None, false, SOON).await.result, Reading::Good, "a shallow look cannot see it");
        let outcome = probe(&path, None, true, SOON).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.contains("damaged") || outcome.detail.contains("malformed"), "{}", outcome.detail);
    }

    #[tokio::test]
    async fn an_endless_query_and_a_held_lock_miss_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path());
        let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
        let outcome = probe(&path, Some(endless), false, Duration::from_millis(200)).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.detail.starts_with("no answer"), "{}", outcome.detail);
        assert!(outcome.latency < Duration::from_secs(3));

        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let outcome = probe(&path, None, false, Duration::from_millis(200)).await;
        assert_eq!(outcome.result, Reading::Bad);
        assert!(outcome.latency < Duration::from_secs(3));
    }

    #[tokio::test]
    async fn a_writer_at_work_does_not_disturb_and_is_not_disturbed() {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path());
        let writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.execute_batch("BEGIN IMMEDIATE; DELETE FROM dose WHERE amount < 100").unwrap();
        let outcome = probe(&path, Some("SELECT count(*) FROM dose"), true, SOON).await;
        assert_eq!(outcome.figure, Some(5000.0), "{}", outcome.detail);
        writer.execute_batch("COMMIT").unwrap();
    }
}
