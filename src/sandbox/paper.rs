//! What the clinicians wrote on paper because nobody took it down, and its entry into the records afterwards: each once, with the
//! time at which it was written, whatever of it had reached the records after all.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::{SandboxError, ask, book, catalogue::CLINICIANS, files, layout::Layout, process::Entry};

/// How long entering everything may take.
const TO_ENTER: Duration = Duration::from_secs(60);

/// Something that was written on paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaperEntry {
    /// What the one who wrote called it; unique.
    pub request: String,
    /// Of whom.
    pub patient: u32,
    /// What was measured.
    pub kind: String,
    /// What came of it.
    pub value: f64,
    /// When.
    pub at: DateTime<Utc>,
}

/// The paper, held against the records.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackEntry {
    /// How much was written on paper, of the last 4000 entries.
    pub written: usize,
    /// What the records lack of it, oldest first.
    pub open: Vec<PaperEntry>,
}

/// Holds what was written on paper against what the records hold.
///
/// # Errors
/// When the directory is no sandbox, or its paper or its records cannot be read.
pub fn back_entry(dir: &Path) -> Result<BackEntry, SandboxError> {
    open_entries(&Layout::open(dir)?)
}

/// Has the clinicians enter what the records lack, the oldest first; gives what is open afterwards.
///
/// # Errors
/// When the directory is no sandbox, or an entry is not taken: what was entered before it stays, and this may be repeated.
pub fn enter_back(dir: &Path) -> Result<BackEntry, SandboxError> {
    let layout = Layout::open(dir)?;
    let entry: Option<Entry> = files::read_json(&layout.entry(CLINICIANS))?;
    let entry = entry.ok_or_else(|| SandboxError::NotRunning { service: CLINICIANS.to_owned() })?;
    let answer = ask::post(entry.port, "/back-entry", TO_ENTER)
        .map_err(|_| SandboxError::NotRunning { service: CLINICIANS.to_owned() })?;
    if answer.status != 200 {
        let why = answer.body.get("error").and_then(serde_json::Value::as_str).unwrap_or("no answer");
        let reason =
            format!("the records do not take it: {why}; what was entered stays, and the rest may be tried again");
        return Err(SandboxError::Limit { reason });
    }
    open_entries(&layout)
}

/// What was written on paper, and what the records lack of it.
pub(super) fn open_entries(layout: &Layout) -> Result<BackEntry, SandboxError> {
    let written: Vec<PaperEntry> = book::read(&path(layout))?;
    let database = layout.database();
    let held = || -> rusqlite::Result<BTreeSet<String>> {
        let connection = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(Duration::from_secs(2))?;
        let mut statement = connection.prepare("SELECT request FROM vitals")?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    let held = held().map_err(SandboxError::database("read", &database))?;
    let all = written.len();
    let open = written.into_iter().filter(|entry| !held.contains(&entry.request)).collect();
    Ok(BackEntry { written: all, open })
}

pub(super) fn path(layout: &Layout) -> PathBuf {
    layout.service(CLINICIANS).join("paper.jsonl")
}
