//! What the clinicians were told is written, on disk before they go on, and what of it the records still hold: the writes that a
//! restore lost or doubled are counted, not estimated.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::{SandboxError, book, layout::Layout};

/// A write that somebody was told is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcknowledgedWrite {
    /// What the one who wrote called it; unique, also when ids are given again after a restore.
    pub request: String,
    /// Id of its row, then.
    pub id: i64,
    /// When it was acknowledged.
    pub at: DateTime<Utc>,
}

/// The acknowledged writes, held against the records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WriteLedger {
    /// How many writes were acknowledged, of the last 4000.
    pub acknowledged: usize,
    /// How many of them the records hold.
    pub present: usize,
    /// Those that they do not hold, oldest first.
    pub lost: Vec<AcknowledgedWrite>,
    /// Those that they hold more than once, oldest first.
    pub doubled: Vec<AcknowledgedWrite>,
}

impl WriteLedger {
    /// From the first write that was lost to the last: what a recovery point objective is measured against.
    #[must_use]
    pub fn lost_span(&self) -> TimeDelta {
        match (self.lost.first(), self.lost.last()) {
            (Some(first), Some(last)) => last.at - first.at,
            _ => TimeDelta::zero(),
        }
    }
}

/// Holds what was acknowledged against what the records hold.
///
/// # Errors
/// When the directory is no sandbox, or its ledger or its records cannot be read.
pub fn ledger(dir: &Path) -> Result<WriteLedger, SandboxError> {
    let layout = Layout::open(dir)?;
    // before the records are read: what is acknowledged meanwhile is not looked for
    let acknowledged: Vec<AcknowledgedWrite> = book::read(&path(&layout))?;
    let database = layout.database();
    let rows = || -> rusqlite::Result<BTreeMap<String, u64>> {
        let connection = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(std::time::Duration::from_secs(2))?;
        let mut statement = connection.prepare("SELECT request, count(*) FROM vitals GROUP BY request")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    let rows = rows().map_err(SandboxError::database("read", &database))?;
    let mut found = WriteLedger { acknowledged: acknowledged.len(), present: 0, lost: Vec::new(), doubled: Vec::new() };
    for write in acknowledged {
        match rows.get(&write.request) {
            None => found.lost.push(write),
            Some(count) => {
                found.present += 1;
                if *count > 1 {
                    found.doubled.push(write);
                }
            }
        }
    }
    Ok(found)
}

pub(super) fn path(layout: &Layout) -> PathBuf {
    layout.service(super::catalogue::CLINICIANS).join("acknowledged.jsonl")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{super::book::Book, *};

    #[test]
    fn writes_are_lost_present_or_doubled_and_half_a_line_is_none() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::create(&home.path().join("sandbox"), 1, Utc::now()).unwrap();
        let mut book = Book::open(path(&layout)).unwrap();
        let at = |seconds| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let write = |name: &str, id| AcknowledgedWrite { request: name.to_owned(), id, at: at(id) };
        let writes = [write("a", 1), write("b", 2), write("c", 3), write("d", 5)];
        for write in &writes {
            book.write(write).unwrap();
        }
        book::append_to(&path(&layout)).unwrap().write_all(b"{\"request\":\"e\",\"id\":").unwrap();
        let database = Connection::open(layout.database()).unwrap();
        for request in ["a", "b", "b", "not acknowledged"] {
            let sql = "INSERT INTO vitals (patient, kind, value, taken, request) VALUES (1, 'pulse', 60, '', ?1)";
            database.execute(sql, [request]).unwrap();
        }
        let found = ledger(layout.dir()).unwrap();
        assert_eq!((found.acknowledged, found.present), (4, 2));
        assert_eq!((found.lost.as_slice(), found.doubled.as_slice()), (&writes[2..], &writes[1..2]));
        assert_eq!(found.lost_span(), TimeDelta::seconds(2));
        // who goes on after a crash writes whole lines again
        Book::open(path(&layout)).unwrap().write(&write("f", 6)).unwrap();
        assert_eq!(ledger(layout.dir()).unwrap().acknowledged, 5);
    }
}
