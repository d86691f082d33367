//! The records' database, seen from outside: copy it, damage it, find out whether it is sound, put a copy back.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig, params};
use serde::{Deserialize, Serialize};

use super::{SandboxError, files};

const BUSY: Duration = Duration::from_secs(2);
const GARBAGE: u8 = 0xA5;

pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
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
    empty_log(database, &connection)?;
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

/// Moves all that is in the log into the database; what is still in the log would hide what is done to the file.
fn empty_log(database: &Path, connection: &Connection) -> Result<(), SandboxError> {
    let until = Instant::now() + BUSY;
    loop {
        let busy: i64 = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(SandboxError::database("empty the log of", database))?;
        if busy == 0 {
            return Ok(());
        }
        if Instant::now() > until {
            let reason = "the database's log is in use all the time; try again".to_owned();
            return Err(SandboxError::Limit { reason });
        }
        thread::sleep(Duration::from_millis(20));
    }
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

/// A medication whose row [`flip`] can find on the disk, its dose, and what one bit makes of that.
pub(super) fn dose_to_flip(database: &Path) -> Result<(i64, String, String), SandboxError> {
    // patients of one byte: the row's bytes are then easily told
    let sql = "SELECT id, dose FROM medications WHERE patient BETWEEN 2 AND 127 ORDER BY id DESC LIMIT 1";
    let (medication, right): (i64, String) = open(database)
        .and_then(|connection| connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))))
        .map_err(SandboxError::database("read", database))?;
    let mut wrong = right.clone().into_bytes();
    if let Some(first) = wrong.first_mut() {
        *first ^= 1;
    }
    match String::from_utf8(wrong) {
        Ok(wrong) if right.starts_with(|c: char| c.is_ascii_digit()) => Ok((medication, right, wrong)),
        _ => {
            let reason = format!("the dose of medication {medication} is no number");
            Err(SandboxError::Damaged { path: database.to_owned(), reason })
        }
    }
}

/// Flips one bit of a medication's dose in the file, past SQLite.
pub(super) fn flip(database: &Path, medication: i64, right: &str, wrong: &str) -> Result<(), SandboxError> {
    let failed = SandboxError::database("damage", database);
    let mut connection = open(database).map_err(&failed)?;
    empty_log(database, &connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let (patient, drug): (u8, String) = transaction
        .query_row(
            "SELECT patient, drug FROM medications WHERE id = ?1 AND dose = ?2",
            params![medication, right],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(&failed)?;
    let cell = cell(medication, patient, &drug, right);
    let act = || -> std::io::Result<bool> {
        let bytes = fs::read(database)?;
        let mut found = bytes.windows(cell.len()).enumerate().filter(|(_, window)| *window == cell);
        let (Some((at, _)), None) = (found.next(), found.next()) else { return Ok(false) };
        let file = OpenOptions::new().write(true).open(database)?;
        file.write_all_at(wrong.as_bytes(), (at + cell.len() - right.len()) as u64)?;
        file.sync_all()?;
        Ok(true)
    };
    if !act().map_err(SandboxError::io("damage", database))? {
        let reason = format!("medication {medication} was not found once in the file; try again");
        return Err(SandboxError::Limit { reason });
    }
    // a commit makes every reader forget the pages it remembers
    transaction.execute("UPDATE heartbeat SET beats = beats + 1 WHERE id = 1", []).map_err(&failed)?;
    transaction.commit().map_err(&failed)
}

/// The bytes of a row of the medications, as "Database File Format" of SQLite (B-tree cells, record format) says they lie in a page.
fn cell(medication: i64, patient: u8, drug: &str, dose: &str) -> Vec<u8> {
    let text = |text: &str| varint(13 + 2 * text.len() as u64);
    // the header: its length, no id (it is the key), an integer of one byte, two texts
    let mut header = vec![0, 1];
    header.extend(text(drug));
    header.extend(text(dose));
    header.insert(0, header.len() as u8 + 1);
    let mut record = header;
    record.push(patient);
    record.extend(drug.as_bytes());
    record.extend(dose.as_bytes());
    let mut cell = varint(record.len() as u64);
    cell.extend(varint(medication.unsigned_abs()));
    cell.extend(record);
    cell
}

/// A number below 2^56 in seven bits a byte, the highest first.
fn varint(number: u64) -> Vec<u8> {
    let mut bytes = vec![(number & 0x7f) as u8];
    let mut left = number >> 7;
    while left > 0 {
        bytes.insert(0, (left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes
}

/// A dose that is stored in another unit than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Converted {
    medication: i64,
    right: String,
    wrong: String,
}

/// Every dose that is a number, and the same in thousandths.
pub(super) fn doses_in_thousandths(database: &Path) -> Result<Vec<Converted>, SandboxError> {
    let read = open(database).and_then(|connection| {
        let mut statement = connection.prepare("SELECT id, dose FROM medications ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<(i64, String)>>>()
    });
    let doses = read.map_err(SandboxError::database("read", database))?;
    let numbers = doses.into_iter().filter(|(_, dose)| dose.parse::<u32>().is_ok_and(|dose| dose > 0));
    Ok(numbers.map(|(medication, right)| Converted { medication, wrong: format!("{right}000"), right }).collect())
}

/// Writes doses in the new unit, or back in the old one, where they are still in the other; all or none.
pub(super) fn convert(database: &Path, doses: &[Converted], back: bool) -> Result<(), SandboxError> {
    let act = || -> rusqlite::Result<()> {
        let mut connection = open(database)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut statement = transaction.prepare("UPDATE medications SET dose = ?3 WHERE id = ?1 AND dose = ?2")?;
            for Converted { medication, right, wrong } in doses {
                let (from, to) = if back { (wrong, right) } else { (right, wrong) };
                statement.execute(params![medication, from, to])?;
            }
        }
        transaction.commit()
    };
    act().map_err(SandboxError::database("write", database))
}

/// Whether a dose is still in the new unit.
pub(super) fn is_converted(database: &Path, doses: &[Converted]) -> Result<bool, SandboxError> {
    for Converted { medication, wrong, .. } in doses {
        if has_dose(database, *medication, wrong)? {
            return Ok(true);
        }
    }
    Ok(false)
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
