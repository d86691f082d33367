//! The records' database, seen from outside: copy it, damage it, find out whether it is sound, put a copy back.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig, params};

use super::{SandboxError, files};

const BUSY: Duration = Duration::from_secs(2);
const GARBAGE: u8 = 0xA5;

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// Copies the database while it is in use; durable when this returns.
pub(super) fn copy(database: &Path, to: &Path) -> Result<(), SandboxError> {
    files::remove(to)?;
    let target = to.to_string_lossy().into_owned();
    open(database)
        .and_then(|connection| connection.execute("VACUUM INTO ?1", [target]))
        .map_err(SandboxError::database("copy", database))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(SandboxError::io("write", to))?;
    files::sync_parent(to).map_err(SandboxError::io("write", to))
}

/// Whether every page is what it should be.
pub(super) fn is_sound(database: &Path) -> Result<bool, SandboxError> {
    let checked = open(database)
        .and_then(|connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)));
    match checked {
        Ok(finding) => Ok(finding == "ok"),
        Err(rusqlite::Error::SqliteFailure(error, _))
            if matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::CannotOpen) =>
        {
            Ok(false)
        }
        Err(error) => Err(SandboxError::database("check", database)(error)),
    }
}

/// Overwrites the top pages of the patients' tables.
pub(super) fn damage(database: &Path) -> Result<(), SandboxError> {
    let failed = SandboxError::database("damage", database);
    let mut connection = open(database).map_err(&failed)?;
    // what is still in the log would hide the damage
    let until = Instant::now() + BUSY;
    loop {
        let busy: i64 =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(&failed)?;
        if busy == 0 {
            break;
        }
        if Instant::now() > until {
            let reason = "the database's log is in use all the time; try again".to_owned();
            return Err(SandboxError::Limit { reason });
        }
        thread::sleep(Duration::from_millis(20));
    }
    let size: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(&failed)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let pages: Vec<u32> = {
        let sql =
            "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name IN ('patients', 'medications', 'notes')";
        let mut statement = transaction.prepare(sql).map_err(&failed)?;
        let pages = statement.query_map([], |row| row.get(0)).and_then(Iterator::collect);
        pages.map_err(&failed)?
    };
    let garbage = vec![GARBAGE; usize::try_from(size).unwrap_or(4096)];
    let write = || {
        let file = OpenOptions::new().write(true).open(database)?;
        pages
            .iter()
            .filter(|page| **page > 1)
            .try_for_each(|page| file.write_all_at(&garbage, u64::from(page - 1) * u64::from(size)))?;
        file.sync_all()
    };
    write().map_err(SandboxError::io("damage", database))?;
    // a commit makes every reader forget the pages it remembers
    transaction.execute("UPDATE heartbeat SET beats = beats + 1 WHERE id = 1", []).map_err(&failed)?;
    transaction.commit().map_err(&failed)
}

/// A medication and its dose.
pub(super) fn some_dose(database: &Path) -> Result<(i64, String), SandboxError> {
    let sql = "SELECT id, dose FROM medications ORDER BY id LIMIT 1 OFFSET (SELECT count(*) / 2 FROM medications)";
    let read =
        open(database).and_then(|connection| connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))));
    read.map_err(SandboxError::database("read", database))
}

/// Whether a medication has this dose.
pub(super) fn has_dose(database: &Path, medication: i64, dose: &str) -> Result<bool, SandboxError> {
    let sql = "SELECT count(*) FROM medications WHERE id = ?1 AND dose = ?2";
    let read = open(database)
        .and_then(|connection| connection.query_row(sql, params![medication, dose], |row| row.get::<_, i64>(0)));
    Ok(read.map_err(SandboxError::database("read", database))? > 0)
}

/// Changes a dose, where it is still the one that is named.
pub(super) fn change_dose(database: &Path, medication: i64, from: &str, to: &str) -> Result<(), SandboxError> {
    let sql = "UPDATE medications SET dose = ?3 WHERE id = ?1 AND dose = ?2";
    let changed = open(database).and_then(|connection| connection.execute(sql, params![medication, from, to]));
    changed.map(drop).map_err(SandboxError::database("write", database))
}

/// Puts a copy in the place of the database. Who has the old one open must open it again.
pub(super) fn replace(database: &Path, copy: &Path) -> Result<(), SandboxError> {
    let unfinished = files::with_ending(database, &format!(".{}", files::UNFINISHED));
    let failed = |path: &Path| SandboxError::io("restore", path.to_owned());
    fs::copy(copy, &unfinished).map_err(failed(copy))?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(failed(&unfinished))?;
    // the log of the old database would be played into the new one
    for ending in ["-wal", "-shm", "-journal"] {
        files::remove(&files::with_ending(database, ending))?;
    }
    fs::rename(&unfinished, database).map_err(failed(database))?;
    files::sync_parent(database).map_err(failed(database))
}
