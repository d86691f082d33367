//! Adapter `sqlite`: captured online through SQLite itself, restored as a file that was checked before it goes live.
//!
//! A process that has the old file open keeps it until it opens the database again: that is what the component's reload is for.

use std::{
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, lchown},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::{
    ComponentCapture, DryRun, Proof, RecoveryError, Restored, Target,
    adapter::{Handler, Job, tally, test_restore_files, wrong_target},
    error::UNTOUCHED,
    switch::{self, Move, Record, remove, resolved, staging_path},
    tables::{self, Table, Tables},
};
use crate::{
    platform::{Component, count},
    vault::{CancelFlag, Source, Vault, difference_of_trees, make_private_dir},
};

/// How long a writer may hold the database before a copy gives up.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// A database in one file.
pub(super) struct Sqlite<'a> {
    pub(super) path: &'a Path,
}

impl Handler for Sqlite<'_> {
    fn capture(&self, job: &Job<'_>, tags: Vec<String>, now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError> {
        capture(self.path, job, &tags, now)
    }

    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
        match target {
            Target::Snapshot(snapshot) => restore(self.path, job, snapshot),
            _ => Err(wrong_target(job.component, target)),
        }
    }

    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
        match target {
            Target::Snapshot(snapshot) => dry_run(self.path, job, snapshot),
            _ => Err(wrong_target(job.component, target)),
        }
    }

    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError> {
        let stored = stored_path(job.component, snapshot, job.vault)?;
        let (proof, staged) = test_restore_files(job, snapshot, std::slice::from_ref(&stored))?;
        let mut rows = 0;
        for database in &staged {
            if let Some(finding) = check(database)? {
                return Err(RecoveryError::BadDatabase { path: stored, finding, stands: UNTOUCHED });
            }
            rows += tables::total(&tables_of(database)?);
        }
        Ok(Proof { detail: format!("the database opens, passes its check and holds {}", count(rows, "row")), ..proof })
    }

    fn verify(&self, _job: &Job<'_>) -> Result<(), RecoveryError> {
        verify(self.path)
    }

    fn sweep(&self) -> Result<(), RecoveryError> {
        switch::sweep(&resolved(self.path)?)
    }
}

fn capture(path: &Path, job: &Job<'_>, tags: &[String], now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError> {
    let Job { component, work: staging_dir, vault, cancel } = *job;
    let live = resolved(path)?;
    fs::metadata(&live).map_err(|error| RecoveryError::io("read", &live, error))?;
    // always the same path, so that the next snapshot finds this one as its parent
    let copy = working_copy(staging_dir, component, "db")?;
    let captured = copy_with_flaws(&live, &copy, cancel)
        .and_then(|(sources, flaws)| Ok(vault.capture_noting(Source::new(sources)?, tags, now, flaws, cancel)?));
    // whatever came of it, no copy of the data may stay outside the vault
    clear_copy(&copy)?;
    Ok(ComponentCapture { captured: captured?, version: None })
}

/// Makes the copy that goes into the vault; gives the files it consists of and what is wrong with them.
fn copy_with_flaws(
    live: &Path,
    copy: &Path,
    cancel: &CancelFlag,
) -> Result<(Vec<PathBuf>, Vec<String>), RecoveryError> {
    let error = match copy_online(live, copy, cancel) {
        Ok(()) => {
            let flaws = check(copy)?.map(|finding| format!("{}: {finding}", live.display()));
            return Ok((vec![copy.to_owned()], flaws.into_iter().collect()));
        }
        Err(RecoveryError::Cancelled) => return Err(RecoveryError::Cancelled),
        Err(error) => error,
    };
    // what is left of a broken database is worth keeping, as evidence and for repair, but not as a target
    let mut sources = Vec::new();
    for ending in ["", "-wal", "-journal"] {
        let (from, to) = (with_ending(live, ending), with_ending(copy, ending));
        match fs::copy(&from, &to) {
            Ok(_) => sources.push(to),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(RecoveryError::io("copy", &from, error)),
        }
    }
    Ok((sources, vec![format!("{}: not a consistent copy: {error}", live.display())]))
}

fn restore(path: &Path, job: &Job<'_>, snapshot: &str) -> Result<Restored, RecoveryError> {
    let Job { component, work, vault, cancel } = *job;
    let live = resolved(path)?;
    let stored = stored_path(component, snapshot, vault)?;
    let staged = staging_path(&live, snapshot);
    let made = vault.stage(snapshot, &stored, &staged, cancel)?;
    if !made.is_whole() {
        return Err(RecoveryError::NotWhole { component: component.name.clone(), problems: made.problems });
    }
    if let Some(finding) = check(&staged)? {
        return Err(RecoveryError::BadDatabase { path: stored, finding, stands: UNTOUCHED });
    }
    dress_like(&live, &staged).map_err(|error| RecoveryError::io("prepare", &staged, error))?;
    if cancel.is_cancelled() {
        return Err(RecoveryError::Cancelled);
    }
    // a log or journal of the old database would be played into the new one
    let companions = ["-wal", "-shm", "-journal"].map(|ending| with_ending(&live, ending)).to_vec();
    Record {
        component: component.name.clone(),
        target: Target::Snapshot(snapshot.to_owned()),
        previous: None,
        moves: vec![Move::new(live, staged, companions)?],
        link: None,
        done: false,
        withdrawn: false,
    }
    .begin(work)?;
    Ok(Restored { files: made.files, bytes: made.bytes, ..Restored::default() })
}

fn dry_run(path: &Path, job: &Job<'_>, snapshot: &str) -> Result<DryRun, RecoveryError> {
    let Job { component, work, vault, cancel } = *job;
    let live = resolved(path)?;
    let stored = stored_path(component, snapshot, vault)?;
    let now = working_copy(work, component, "dry-now.db")?;
    let then = working_copy(work, component, "dry-then.db")?;
    let act = || -> Result<DryRun, RecoveryError> {
        let made = vault.stage(snapshot, &stored, &then, cancel)?;
        if !made.is_whole() {
            return Err(RecoveryError::NotWhole { component: component.name.clone(), problems: made.problems });
        }
        let readable = match copy_online(&live, &now, cancel) {
            Ok(()) => true,
            Err(RecoveryError::Cancelled) => return Err(RecoveryError::Cancelled),
            // a database that cannot be read would be replaced; that is a difference
            Err(_) => false,
        };
        let mut differences = difference_of_trees(&now, &then, cancel)?;
        for difference in &mut differences {
            difference.path = live.display().to_string();
        }
        let before = if readable { tables_of(&now).unwrap_or_default() } else { Tables::new() };
        let tables = tables::differences(&before, &tables_of(&then)?);
        let unreadable = if readable { "" } else { " (what is live cannot be read as a database)" };
        let summary = format!(
            "database to {}: {}{unreadable}, rows or schema of {} differ",
            Target::Snapshot(snapshot.to_owned()),
            tally(&differences),
            count(tables.len(), "table")
        );
        Ok(DryRun { differences, tables, summary, ..DryRun::default() })
    };
    let result = act();
    clear_copy(&now)?;
    clear_copy(&then)?;
    result
}

fn verify(path: &Path) -> Result<(), RecoveryError> {
    if !path.exists() {
        return Err(RecoveryError::Missing { path: path.to_owned() });
    }
    let failed = |error| RecoveryError::database("check", path, error);
    match quick_check(&open_live(path).map_err(failed)?) {
        Ok(None) => Ok(()),
        Ok(Some(finding)) => Err(bad(path, finding)),
        Err(error) => Err(bad(path, error.to_string())),
    }
}

fn bad(path: &Path, finding: String) -> RecoveryError {
    RecoveryError::BadDatabase { path: path.to_owned(), finding, stands: "it is live now" }
}

/// Copies a live database while others write: in one step, because a copy in several would begin anew after each foreign commit.
fn copy_online(live: &Path, copy: &Path, cancel: &CancelFlag) -> Result<(), RecoveryError> {
    let failed = |error| RecoveryError::database("copy", live, error);
    let from = open_live(live).map_err(failed)?;
    let mut to = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(failed)?;
    // the copy is checked and synchronised by whoever keeps it
    to.pragma_update(None, "synchronous", "off").map_err(failed)?;
    let backup = Backup::new(&from, &mut to).map_err(failed)?;
    let started = Instant::now();
    loop {
        if cancel.is_cancelled() {
            return Err(RecoveryError::Cancelled);
        }
        match backup.step(-1).map_err(failed)? {
            StepResult::Done => return Ok(()),
            _ if started.elapsed() > PATIENCE => {
                let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                let text = format!("another process kept it locked for {} s", PATIENCE.as_secs());
                return Err(failed(rusqlite::Error::SqliteFailure(busy, Some(text))));
            }
            _ => thread::sleep(PAUSE),
        }
    }
}

/// Opens without writing where that is possible; a journal of a crashed writer must be played back first, which writes.
fn open_live(path: &Path) -> rusqlite::Result<Connection> {
    let open = |mode| {
        let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    open(OpenFlags::SQLITE_OPEN_READ_ONLY).or_else(|_: rusqlite::Error| open(OpenFlags::SQLITE_OPEN_READ_WRITE))
}

/// Opens a copy that nobody else has open, without leaving any file beside it.
fn open_copy(path: &Path) -> rusqlite::Result<Connection> {
    let escaped: String = path
        .to_string_lossy()
        .chars()
        .map(|c| match c {
            '%' => "%25".to_owned(),
            '?' => "%3f".to_owned(),
            '#' => "%23".to_owned(),
            c => c.to_string(),
        })
        .collect();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
}

/// What is wrong with a copy; nothing when it is sound.
fn check(copy: &Path) -> Result<Option<String>, RecoveryError> {
    let connection = open_copy(copy).map_err(|error| RecoveryError::database("open", copy, error))?;
    // a file that is no database fails the query, and that is a finding too
    Ok(quick_check(&connection).unwrap_or_else(|error| Some(error.to_string())))
}

fn quick_check(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare("PRAGMA quick_check(5)")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok((lines != ["ok"]).then(|| lines.join("; ")))
}

fn tables_of(copy: &Path) -> Result<Tables, RecoveryError> {
    let failed = |error| RecoveryError::database("read", copy, error);
    let connection = open_copy(copy).map_err(failed)?;
    let mut statement = connection
        .prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        .map_err(failed)?;
    let named = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed)?;
    let count = |name: &str| {
        let query = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
        // a virtual table whose module is not here cannot be counted
        connection.query_row(&query, [], |row| row.get::<_, i64>(0)).ok().and_then(|rows| u64::try_from(rows).ok())
    };
    let table = |(name, sql): (String, String)| {
        let rows = count(&name);
        (name, Table { shape: Some(sql), rows })
    };
    Ok(named.into_iter().map(table).collect())
}

/// Where the snapshot holds the database.
fn stored_path(component: &Component, snapshot: &str, vault: &Vault) -> Result<PathBuf, RecoveryError> {
    let info = vault.show(snapshot)?;
    let database = info.paths.iter().min_by_key(|path| path.as_os_str().len());
    // beside it there may be its log, when it could only be copied as it lay there
    match database {
        Some(path) if info.paths.iter().all(|other| other.to_string_lossy().starts_with(&*path.to_string_lossy())) => {
            Ok(path.clone())
        }
        _ => Err(RecoveryError::WrongSnapshot {
            component: component.name.clone(),
            snapshot: snapshot.to_owned(),
            reason: format!("it holds {} paths instead of one database", info.paths.len()),
        }),
    }
}

/// An empty place for a copy in a private directory.
fn working_copy(dir: &Path, component: &Component, ending: &str) -> Result<PathBuf, RecoveryError> {
    make_private_dir(dir).map_err(|error| RecoveryError::io("create", dir, error))?;
    let copy = dir.join(format!("{}.{ending}", component.name.replace('/', "_")));
    clear_copy(&copy)?;
    if ending != "dry-then.db" {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&copy)
            .map_err(|error| RecoveryError::io("create", &copy, error))?;
    }
    Ok(copy)
}

fn clear_copy(copy: &Path) -> Result<(), RecoveryError> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let path = with_ending(copy, ending);
        remove(&path).map_err(|error| RecoveryError::io("remove", &path, error))?;
    }
    Ok(())
}

/// Gives the staged file the owner and mode of the live one, so that the service may open it.
fn dress_like(live: &Path, staged: &Path) -> io::Result<()> {
    let model = match fs::metadata(live) {
        Ok(model) => model,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let now = fs::metadata(staged)?;
    if (now.uid(), now.gid()) != (model.uid(), model.gid()) {
        lchown(staged, Some(model.uid()), Some(model.gid()))?;
    }
    fs::set_permissions(staged, Permissions::from_mode(model.mode() & 0o7777))?;
    fs::File::open(staged)?.sync_all()
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
