//! Adapter `files`: files and directories, each exchanged as a whole.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::{
    ComponentCapture, DryRun, Proof, RecoveryError, Restored, Target,
    adapter::{Handler, Job, tally, test_restore_files, wrong_target},
    switch::{self, Move, Record, resolved, staging_path},
};
use crate::vault::{FileDifference, Source};

/// Files and directories that belong together.
pub(super) struct Files<'a> {
    pub(super) paths: &'a [PathBuf],
}

impl Handler for Files<'_> {
    fn capture(&self, job: &Job<'_>, tags: Vec<String>, now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError> {
        // a path that is not there is captured as missing, so it must not end the capture of the others
        let real = self.paths.iter().map(|path| resolved(path).unwrap_or_else(|_| path.clone()));
        let captured = job.vault.capture(Source::new(real)?, &tags, now, job.cancel)?;
        Ok(ComponentCapture { captured, version: None })
    }

    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let (restored, staged) = stage(self.paths, job, snapshot)?;
        switch_to(job, target, staged)?;
        Ok(restored)
    }

    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
        let Target::Snapshot(snapshot) = target else { return Err(wrong_target(job.component, target)) };
        let mut differences = Vec::new();
        for live in live_paths(self.paths)? {
            let found = job.vault.difference_live(snapshot, &live, &live, job.cancel)?;
            differences.extend(found.into_iter().map(FileDifference::reversed));
        }
        differences.sort_by(|one, other| one.path.cmp(&other.path));
        let summary = format!("files to {target}: {}", tally(&differences));
        Ok(DryRun { differences, summary, ..DryRun::default() })
    }

    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError> {
        Ok(test_restore_files(job, snapshot, &live_paths(self.paths)?)?.0)
    }

    fn verify(&self, _job: &Job<'_>) -> Result<(), RecoveryError> {
        match self.paths.iter().find(|path| path.symlink_metadata().is_err()) {
            Some(path) => Err(RecoveryError::Missing { path: path.clone() }),
            None => Ok(()),
        }
    }

    fn sweep(&self) -> Result<(), RecoveryError> {
        self.paths.iter().try_for_each(|path| switch::sweep(&resolved(path)?))
    }
}

/// Builds what a snapshot holds beside each live path; gives the live paths and what takes their place.
pub(super) fn stage(
    paths: &[PathBuf],
    job: &Job<'_>,
    snapshot: &str,
) -> Result<(Restored, Vec<(PathBuf, PathBuf)>), RecoveryError> {
    let mut pairs = Vec::new();
    let mut restored = Restored::default();
    for live in live_paths(paths)? {
        let staged = staging_path(&live, snapshot);
        let made = job.vault.stage(snapshot, &live, &staged, job.cancel)?;
        if !made.is_whole() {
            return Err(RecoveryError::NotWhole { component: job.component.name.clone(), problems: made.problems });
        }
        restored.files += made.files;
        restored.bytes += made.bytes;
        pairs.push((live, staged));
    }
    Ok((restored, pairs))
}

/// Puts what was staged in the place of what is live.
pub(super) fn switch_to(job: &Job<'_>, target: &Target, staged: Vec<(PathBuf, PathBuf)>) -> Result<(), RecoveryError> {
    if job.cancel.is_cancelled() {
        return Err(RecoveryError::Cancelled);
    }
    let moves = staged
        .into_iter()
        .map(|(live, staged)| Move::new(live, staged, Vec::new()))
        .collect::<Result<_, RecoveryError>>()?;
    Record {
        component: job.component.name.clone(),
        target: target.clone(),
        previous: None,
        moves,
        link: None,
        done: false,
        withdrawn: false,
    }
    .begin(job.work)
}

/// Without those that lie below others, as they were captured.
pub(super) fn live_paths(paths: &[PathBuf]) -> Result<Vec<PathBuf>, RecoveryError> {
    let real = paths.iter().map(|path| resolved(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(Source::new(real)?.paths().to_vec())
}
