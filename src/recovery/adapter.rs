//! The operations every adapter has, and which adapter does them for a component.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    RecoveryError, command, env, files, flags, git, postgres, release, sqlite,
    switch::{self, Record, Settled},
};
use crate::{
    platform::{Adapter, Component, PostgresScope},
    vault::{CancelFlag, Captured, DifferenceKind, FileDifference, Vault, make_private_dir},
};

/// To what a component is restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "name")]
pub enum Target {
    /// A release that lies ready on disk.
    Release(String),
    /// A snapshot in the vault, by its id there.
    Snapshot(String),
    /// A time that the log reaches from a snapshot.
    Time {
        /// Everything committed up to then, and nothing after.
        at: DateTime<Utc>,
        /// The snapshot to start from, by its id in the vault.
        snapshot: String,
    },
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(version) => write!(formatter, "release {version}"),
            Self::Snapshot(id) => write!(formatter, "snapshot {}", id.get(..8).unwrap_or(id)),
            Self::Time { at, .. } => write!(formatter, "{}", at.format("%Y-%m-%d %H:%M:%S%.f UTC")),
        }
    }
}

/// A component that was captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentCapture {
    /// What the vault holds now.
    #[serde(flatten)]
    pub captured: Captured,
    /// For code: the release that was current.
    pub version: Option<String>,
}

/// How a component stands now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// For code: the release that `current` points to; none when it points to none.
    pub version: Option<String>,
}

/// A restore that is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// For code: the release that was current before this run began.
    pub previous: Option<String>,
    /// Files that were written beside the live state; 0 when nothing had to be.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// An earlier call of the same run had done it, or had begun to.
    pub resumed: bool,
}

/// What a restore would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// From what is live to what would be live, sorted by path.
    pub differences: Vec<FileDifference>,
    /// For databases: tables whose schema or number of rows would change.
    pub tables: Vec<TableDifference>,
    /// What changes inside files, such as `flag search: on -> off`; never a secret.
    pub inside: Vec<String>,
    /// One line.
    pub summary: String,
}

/// A table that a restore would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableDifference {
    /// Its name.
    pub table: String,
    /// Rows now; none when the table is not there or cannot be read.
    pub before_rows: Option<u64>,
    /// Rows after the restore; none when the table would not be there.
    pub after_rows: Option<u64>,
    /// Its definition would change.
    pub schema_changed: bool,
}

/// A component that was brought back into a scratch place and passed its adapter's own verification there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Files that were restored.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// What was looked at, in one line.
    pub detail: String,
}

/// What an operation works with.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) component: &'a Component,
    /// A private directory: that of the recovery run, or one for working copies that is empty again afterwards.
    pub(super) work: &'a Path,
    pub(super) vault: &'a Vault,
    pub(super) cancel: &'a CancelFlag,
}

/// How components of one kind are captured and brought back.
pub(super) trait Handler {
    /// Captures what is live. `tags` already name the component.
    fn capture(&self, job: &Job<'_>, tags: Vec<String>, now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError>;

    /// Builds the target beside what is live, proves it, writes a record and switches. The same call finishes it after a kill.
    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError>;

    /// What `restore` would change; changes nothing live.
    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError>;

    /// Restores a snapshot below `job.work` and verifies it there; what is live plays no part.
    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError>;

    /// Looks at what is live.
    fn verify(&self, job: &Job<'_>) -> Result<(), RecoveryError>;

    /// Clears away what restores that never began their switch left beside the live state.
    fn sweep(&self) -> Result<(), RecoveryError>;

    /// Does what a record says and has not been done.
    fn finish(&self, job: &Job<'_>, record: &Record) -> Result<(), RecoveryError> {
        record.finish(job.work)
    }

    fn observe(&self) -> Result<Observed, RecoveryError> {
        Ok(Observed::default())
    }

    fn releases(&self) -> Result<Vec<String>, RecoveryError> {
        Ok(Vec::new())
    }
}

fn handler(component: &Component) -> Box<dyn Handler + '_> {
    match &component.adapter {
        Adapter::Release { root } => Box::new(release::Releases { root }),
        Adapter::Git { repository, root } => Box::new(git::Git { repository, root }),
        Adapter::Files { paths } => Box::new(files::Files { paths }),
        Adapter::Env { paths } => Box::new(env::Env { paths }),
        Adapter::Flags { path } => Box::new(flags::Flags { path }),
        Adapter::Command(programs) => Box::new(command::Command { programs }),
        Adapter::Sqlite { path } => Box::new(sqlite::Sqlite { path }),
        Adapter::Postgres { server, scope: PostgresScope::Physical { data, wal, start, stop } } => {
            Box::new(postgres::Physical {
                component: &component.name,
                server,
                data,
                wal: wal.as_deref(),
                start: start.as_deref(),
                stop: stop.as_deref(),
            })
        }
        Adapter::Postgres { server, scope: PostgresScope::Logical { database } } => {
            Box::new(postgres::Logical { component: &component.name, server, database })
        }
    }
}

/// Whether nothing at all is where the component belongs, as on a host that was just set up.
#[must_use]
pub fn is_absent(component: &Component) -> bool {
    let places = component.adapter.places();
    let empty = |place: &PathBuf| match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none()),
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    !places.is_empty() && places.iter().all(empty)
}

/// Captures a component into the vault. A database goes through a copy in `staging_dir`, which is private and empty again afterwards.
///
/// # Errors
/// When nothing could be captured. What is missing in a partial capture is in its `unreadable`.
pub fn capture(
    component: &Component,
    vault: &Vault,
    staging_dir: &Path,
    tags: &[String],
    now: DateTime<Utc>,
    cancel: &CancelFlag,
) -> Result<ComponentCapture, RecoveryError> {
    let mut tags = tags.to_vec();
    tags.push(format!("component={}", component.name));
    handler(component).capture(&Job { component, work: staging_dir, vault, cancel }, tags, now)
}

/// How the component stands now.
///
/// # Errors
/// When that cannot be read.
pub fn observe(component: &Component) -> Result<Observed, RecoveryError> {
    handler(component).observe()
}

/// The releases that lie ready on disk, oldest name first; none for adapters without releases.
///
/// # Errors
/// When the directory cannot be read.
pub fn releases(component: &Component) -> Result<Vec<String>, RecoveryError> {
    handler(component).releases()
}

/// Restores a component. `work` is the directory of this recovery run: every call of the same run gets the same one, no other run does.
/// Called again after it was killed at any point, it ends what it began; called again after it succeeded, it does nothing.
///
/// # Errors
/// Says what went wrong and what stands where. Cancelling counts until the switch begins.
pub fn restore(
    component: &Component,
    target: &Target,
    work: &Path,
    vault: &Vault,
    cancel: &CancelFlag,
) -> Result<Restored, RecoveryError> {
    let (handler, job) = (handler(component), Job { component, work, vault, cancel });
    if let Some(record) = Record::read(work, &component.name)? {
        handler.finish(&job, &record)?;
        if record.target == *target {
            return Ok(Restored { previous: record.previous, resumed: true, ..Restored::default() });
        }
    }
    handler.sweep()?;
    if cancel.is_cancelled() {
        return Err(RecoveryError::Cancelled);
    }
    make_way(component)?;
    handler.restore(&job, target)
}

/// On an empty host the directories above what is restored are gone too.
fn make_way(component: &Component) -> Result<(), RecoveryError> {
    for place in component.adapter.places() {
        if let Some(above) = place.parent().filter(|above| !above.exists()) {
            fs::create_dir_all(above).map_err(|error| RecoveryError::io("create", above, error))?;
        }
    }
    Ok(())
}

/// Ends a restore that was interrupted in the middle of its switch, and clears away what one that was interrupted earlier left.
/// For the start of the engine; `work` as for `restore`.
///
/// # Errors
/// When the switch cannot be finished; says what stands where.
pub fn settle(component: &Component, work: &Path, vault: &Vault) -> Result<Settled, RecoveryError> {
    let cancel = CancelFlag::new();
    let (handler, job) = (handler(component), Job { component, work, vault, cancel: &cancel });
    let settled = match Record::read(work, &component.name)? {
        Some(record) if record.done => Settled::AlreadyDone(record.target),
        Some(record) => {
            handler.finish(&job, &record)?;
            Settled::Finished(record.target)
        }
        None => Settled::NothingBegun,
    };
    handler.sweep()?;
    Ok(settled)
}

/// What a restore would change, exactly. Copies of a database that it needs lie in `work` while it runs; nothing live is changed.
///
/// # Errors
/// When one of the sides cannot be read.
pub fn dry_run(
    component: &Component,
    target: &Target,
    work: &Path,
    vault: &Vault,
    cancel: &CancelFlag,
) -> Result<DryRun, RecoveryError> {
    handler(component).dry_run(&Job { component, work, vault, cancel }, target)
}

/// Restores a snapshot into the private directory `scratch`, verifies it there by the adapter's own means, and clears it away:
/// the proof that it could be brought back.
///
/// # Errors
/// When it could not; what is live was not looked at.
pub fn test_restore(
    component: &Component,
    snapshot: &str,
    scratch: &Path,
    vault: &Vault,
    cancel: &CancelFlag,
) -> Result<Proof, RecoveryError> {
    make_private_dir(scratch).map_err(|error| RecoveryError::io("create", scratch, error))?;
    let proof = handler(component).test_restore(&Job { component, work: scratch, vault, cancel }, snapshot);
    switch::remove(scratch).map_err(|error| RecoveryError::io("remove", scratch, error))?;
    proof
}

/// Looks at what a restore left: the database passes its check, the release resolves, the files are there.
///
/// # Errors
/// When it does not hold.
pub fn verify(component: &Component, work: &Path, vault: &Vault) -> Result<(), RecoveryError> {
    handler(component).verify(&Job { component, work, vault, cancel: &CancelFlag::new() })
}

/// Restores parts of a snapshot below `job.work` and counts what came back whole; for adapters that restore plain files.
pub(super) fn test_restore_files(
    job: &Job<'_>,
    snapshot: &str,
    paths: &[PathBuf],
) -> Result<(Proof, Vec<PathBuf>), RecoveryError> {
    let mut proof = Proof::default();
    let mut staged = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        let place = job.work.join(number.to_string());
        let made = job.vault.stage(snapshot, path, &place, job.cancel)?;
        if !made.is_whole() {
            return Err(RecoveryError::NotWhole { component: job.component.name.clone(), problems: made.problems });
        }
        proof.files += made.files;
        proof.bytes += made.bytes;
        staged.push(place);
    }
    proof.detail = match proof.files {
        1 => "1 file read back as it was captured".to_owned(),
        files => format!("{files} files read back as they were captured"),
    };
    Ok((proof, staged))
}

pub(super) fn wrong_target(component: &Component, target: &Target) -> RecoveryError {
    RecoveryError::WrongTarget {
        component: component.name.clone(),
        adapter: component.adapter.name(),
        target: target.clone(),
    }
}

/// Such as "2 changed, 1 added, 0 removed".
pub(super) fn tally(differences: &[FileDifference]) -> String {
    let of = |kind| differences.iter().filter(|one| one.kind == kind).count();
    format!(
        "{} changed, {} added, {} removed",
        of(DifferenceKind::Changed),
        of(DifferenceKind::Added),
        of(DifferenceKind::Removed)
    )
}
