//! The operations every adapter has, and which adapter does them for a component.

use std::{fmt, path::Path};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    RecoveryError, files, release, sqlite,
    switch::{self, Record, Settled},
};
use crate::{
    platform::{Adapter, Component},
    vault::{CancelFlag, Captured, DifferenceKind, FileDifference, Vault},
};

/// To what a component is restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "name")]
pub enum Target {
    /// A release that lies ready on disk.
    Release(String),
    /// A snapshot in the vault, by its id there.
    Snapshot(String),
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(version) => write!(formatter, "release {version}"),
            Self::Snapshot(id) => write!(formatter, "snapshot {}", id.get(..8).unwrap_or(id)),
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
    match &component.adapter {
        Adapter::Release { root } => release::capture(root, vault, tags, now, cancel),
        Adapter::Files { paths } => files::capture(paths, vault, &tags, now, cancel),
        Adapter::Sqlite { path } => sqlite::capture(component, path, vault, staging_dir, &tags, now, cancel),
    }
}

/// How the component stands now.
///
/// # Errors
/// When that cannot be read.
pub fn observe(component: &Component) -> Result<Observed, RecoveryError> {
    match &component.adapter {
        Adapter::Release { root } => Ok(Observed { version: release::current(root)? }),
        Adapter::Files { .. } | Adapter::Sqlite { .. } => Ok(Observed::default()),
    }
}

/// The releases that lie ready on disk, oldest name first; none for other adapters.
///
/// # Errors
/// When the directory cannot be read.
pub fn releases(component: &Component) -> Result<Vec<String>, RecoveryError> {
    match &component.adapter {
        Adapter::Release { root } => release::available(root),
        Adapter::Files { .. } | Adapter::Sqlite { .. } => Ok(Vec::new()),
    }
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
    if let Some(record) = Record::read(work, &component.name)? {
        record.finish(work)?;
        if record.target == *target {
            return Ok(Restored { previous: record.previous, resumed: true, ..Restored::default() });
        }
    }
    sweep(component)?;
    if cancel.is_cancelled() {
        return Err(RecoveryError::Cancelled);
    }
    match (&component.adapter, target) {
        (Adapter::Release { root }, target) => release::restore(component, root, target, work, vault, cancel),
        (Adapter::Files { paths }, Target::Snapshot(id)) => files::restore(component, paths, id, work, vault, cancel),
        (Adapter::Sqlite { path }, Target::Snapshot(id)) => sqlite::restore(component, path, id, work, vault, cancel),
        (Adapter::Files { .. } | Adapter::Sqlite { .. }, Target::Release(_)) => Err(wrong_target(component, target)),
    }
}

/// Ends a restore that was interrupted in the middle of its switch, and clears away what one that was interrupted earlier left.
/// For the start of the engine; `work` as for `restore`.
///
/// # Errors
/// When the switch cannot be finished; says what stands where.
pub fn settle(component: &Component, work: &Path) -> Result<Settled, RecoveryError> {
    let settled = match Record::read(work, &component.name)? {
        Some(record) if record.done => Settled::AlreadyDone(record.target),
        Some(record) => {
            record.finish(work)?;
            Settled::Finished(record.target)
        }
        None => Settled::NothingBegun,
    };
    sweep(component)?;
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
    match (&component.adapter, target) {
        (Adapter::Release { root }, target) => release::dry_run(component, root, target, vault, cancel),
        (Adapter::Files { paths }, Target::Snapshot(id)) => files::dry_run(paths, id, vault, cancel),
        (Adapter::Sqlite { path }, Target::Snapshot(id)) => sqlite::dry_run(component, path, id, work, vault, cancel),
        (Adapter::Files { .. } | Adapter::Sqlite { .. }, Target::Release(_)) => Err(wrong_target(component, target)),
    }
}

/// Looks at what a restore left: the database passes its check, the release resolves, the files are there.
///
/// # Errors
/// When it does not hold.
pub fn verify(component: &Component) -> Result<(), RecoveryError> {
    match &component.adapter {
        Adapter::Release { root } => release::verify(root),
        Adapter::Files { paths } => files::verify(paths),
        Adapter::Sqlite { path } => sqlite::verify(path),
    }
}

/// Clears away what restores that never began their switch left beside the live state.
fn sweep(component: &Component) -> Result<(), RecoveryError> {
    match &component.adapter {
        Adapter::Release { root } => release::sweep(root),
        Adapter::Files { paths } => paths.iter().try_for_each(|path| switch::sweep(&switch::resolved(path)?)),
        Adapter::Sqlite { path } => switch::sweep(&switch::resolved(path)?),
    }
}

fn wrong_target(component: &Component, target: &Target) -> RecoveryError {
    RecoveryError::WrongTarget {
        component: component.name.clone(),
        adapter: component.adapter.name(),
        target: target.clone(),
    }
}

/// Such as "2 changed, 1 added, 0 removed".
pub(super) fn count(differences: &[FileDifference]) -> String {
    let of = |kind| differences.iter().filter(|one| one.kind == kind).count();
    format!(
        "{} changed, {} added, {} removed",
        of(DifferenceKind::Changed),
        of(DifferenceKind::Added),
        of(DifferenceKind::Removed)
    )
}
