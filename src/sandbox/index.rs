//! The index by which the newest result of a patient is found. Without it every look reads the whole table.

use std::path::Path;

use rusqlite::Connection;

use super::{SandboxError, database::open};

/// As the records are made with it.
const ORIGINAL: &str = "results_of_patient";
/// As an operator adds it: it may be dropped again, the original may not.
const ADDED: &str = "results_of_patient_added";

fn alter(database: &Path, sql: &str) -> Result<(), SandboxError> {
    let altered = open(database).and_then(|connection| connection.execute_batch(sql));
    altered.map_err(SandboxError::database("change the indexes of", database))
}

fn create(name: &str) -> String {
    format!("CREATE INDEX IF NOT EXISTS {name} ON results (patient, taken)")
}

fn drop_one(name: &str) -> String {
    format!("DROP INDEX IF EXISTS {name}")
}

/// Whether results are found without reading all of them.
pub(super) fn exists(database: &Path) -> Result<bool, SandboxError> {
    let count = |connection: Connection| {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name IN (?1, ?2)";
        connection.query_row(sql, [ORIGINAL, ADDED], |row| row.get::<_, i64>(0))
    };
    let found = open(database).and_then(count).map_err(SandboxError::database("read", database))?;
    Ok(found > 0)
}

/// Takes every index of the results by patient away.
pub(super) fn take_away(database: &Path) -> Result<(), SandboxError> {
    alter(database, &format!("{}; {}", drop_one(ORIGINAL), drop_one(ADDED)))
}

/// Makes it as it was at first.
pub(super) fn restore(database: &Path) -> Result<(), SandboxError> {
    alter(database, &format!("{}; {}", create(ORIGINAL), drop_one(ADDED)))
}

/// Adds one where there is none.
pub(super) fn add(database: &Path) -> Result<(), SandboxError> {
    if exists(database)? { Ok(()) } else { alter(database, &create(ADDED)) }
}

/// Drops the one that was added, never the original.
pub(super) fn drop_added(database: &Path) -> Result<(), SandboxError> {
    alter(database, &drop_one(ADDED))
}
