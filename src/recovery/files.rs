//! Adapter `files`: files and directories, each exchanged as a whole.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::{
    ComponentCapture, DryRun, RecoveryError, Restored, Target,
    adapter::count,
    switch::{Move, Record, resolved, staging_path},
};
use crate::{
    platform::Component,
    vault::{CancelFlag, FileDifference, Source, Vault},
};

pub(super) fn capture(
    paths: &[PathBuf],
    vault: &Vault,
    tags: &[String],
    now: DateTime<Utc>,
    cancel: &CancelFlag,
) -> Result<ComponentCapture, RecoveryError> {
    // a path that is not there is captured as missing, so it must not end the capture of the others
    let real = paths.iter().map(|path| resolved(path).unwrap_or_else(|_| path.clone()));
    let captured = vault.capture(Source::new(real)?, tags, now, cancel)?;
    Ok(ComponentCapture { captured, version: None })
}

pub(super) fn restore(
    component: &Component,
    paths: &[PathBuf],
    snapshot: &str,
    work: &Path,
    vault: &Vault,
    cancel: &CancelFlag,
) -> Result<Restored, RecoveryError> {
    let mut moves = Vec::new();
    let mut restored = Restored::default();
    for live in live_paths(paths)? {
        let staged = staging_path(&live, snapshot);
        let made = vault.stage(snapshot, &live, &staged, cancel)?;
        if !made.is_whole() {
            return Err(RecoveryError::NotWhole { component: component.name.clone(), problems: made.problems });
        }
        restored.files += made.files;
        restored.bytes += made.bytes;
        moves.push(Move::new(live, staged, Vec::new())?);
    }
    if cancel.is_cancelled() {
        return Err(RecoveryError::Cancelled);
    }
    Record {
        component: component.name.clone(),
        target: Target::Snapshot(snapshot.to_owned()),
        previous: None,
        moves,
        link: None,
        done: false,
    }
    .begin(work)?;
    Ok(restored)
}

pub(super) fn dry_run(
    paths: &[PathBuf],
    snapshot: &str,
    vault: &Vault,
    cancel: &CancelFlag,
) -> Result<DryRun, RecoveryError> {
    let mut differences = Vec::new();
    for live in live_paths(paths)? {
        let found = vault.difference_live(snapshot, &live, &live, cancel)?;
        differences.extend(found.into_iter().map(FileDifference::reversed));
    }
    differences.sort_by(|one, other| one.path.cmp(&other.path));
    let summary = format!("files to {}: {}", Target::Snapshot(snapshot.to_owned()), count(&differences));
    Ok(DryRun { differences, tables: Vec::new(), summary })
}

pub(super) fn verify(paths: &[PathBuf]) -> Result<(), RecoveryError> {
    match paths.iter().find(|path| path.symlink_metadata().is_err()) {
        Some(path) => Err(RecoveryError::Missing { path: path.clone() }),
        None => Ok(()),
    }
}

/// Without those that lie below others, as they were captured.
fn live_paths(paths: &[PathBuf]) -> Result<Vec<PathBuf>, RecoveryError> {
    let real = paths.iter().map(|path| resolved(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(Source::new(real)?.paths().to_vec())
}
