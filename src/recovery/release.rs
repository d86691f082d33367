//! Adapter `release`: directories in `root/releases`, and the link `root/current` that is switched between them by one rename.

use std::{
    fs, io,
    path::{Component as Part, Path, PathBuf},
};

use chrono::{DateTime, Utc};

use super::{
    ComponentCapture, DryRun, Observed, Proof, RecoveryError, Restored, Target,
    adapter::{Handler, Job, tally, test_restore_files, wrong_target},
    switch::{self, Link, Move, Record, staging_path},
};
use crate::vault::{FileDifference, Source, difference_of_trees};

pub(super) const RELEASES: &str = "releases";
pub(super) const CURRENT: &str = "current";

/// The release that `current` points to; none when there is no link yet or it points elsewhere.
pub(super) fn current(root: &Path) -> Result<Option<String>, RecoveryError> {
    let link = root.join(CURRENT);
    let points_to = match fs::read_link(&link) {
        Ok(points_to) => points_to,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let reason = "it is a file or directory; move it away and link to a release instead".to_owned();
            return Err(RecoveryError::NotALink { path: link, reason });
        }
        Err(error) => return Err(RecoveryError::io("read", &link, error)),
    };
    let releases = root.join(RELEASES);
    let absolute = root.join(points_to);
    let inside = absolute.strip_prefix(&releases).map(Path::to_path_buf).ok().or_else(|| {
        let (real, releases) = (fs::canonicalize(&absolute).ok()?, fs::canonicalize(&releases).ok()?);
        real.strip_prefix(releases).map(Path::to_path_buf).ok()
    });
    Ok(inside.and_then(|path| path.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned())))
}

/// Versions whose directory is there, in natural order of their names (v9 before v10).
pub(super) fn available(root: &Path) -> Result<Vec<String>, RecoveryError> {
    let releases = root.join(RELEASES);
    let entries = fs::read_dir(&releases).map_err(|error| RecoveryError::io("list", &releases, error))?;
    let mut found: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    found.sort_by_cached_key(|name| natural(name));
    Ok(found)
}

/// Runs of digits count as numbers.
pub(super) fn natural(name: &str) -> Vec<(String, u64)> {
    let mut key: Vec<(String, u64)> = vec![Default::default()];
    for c in name.chars() {
        let digits_before = key.last().is_some_and(|(text, _)| text.ends_with('\0'));
        match (c.to_digit(10), key.last_mut()) {
            (Some(digit), Some((text, number))) => {
                if !digits_before {
                    text.push('\0');
                }
                *number = number.saturating_mul(10).saturating_add(u64::from(digit));
            }
            (None, Some((text, _))) if !digits_before => text.push(c),
            (None, _) => key.push((c.to_string(), 0)),
            (Some(_), None) => {}
        }
    }
    key
}

/// Releases below a directory.
pub(super) struct Releases<'a> {
    pub(super) root: &'a Path,
}

impl Handler for Releases<'_> {
    fn capture(&self, job: &Job<'_>, tags: Vec<String>, now: DateTime<Utc>) -> Result<ComponentCapture, RecoveryError> {
        capture(self.root, job, tags, now)
    }

    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
        restore(self.root, job, target)
    }

    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
        dry_run(self.root, job, target)
    }

    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError> {
        let version = version_in(self.root, job, snapshot)?;
        let (proof, _) = test_restore_files(job, snapshot, &[self.root.join(RELEASES).join(&version)])?;
        Ok(Proof { detail: format!("release {version}: {}", proof.detail), ..proof })
    }

    fn verify(&self, _job: &Job<'_>) -> Result<(), RecoveryError> {
        let version = current(self.root)?.ok_or_else(|| RecoveryError::Missing { path: self.root.join(CURRENT) })?;
        release_dir(self.root, &version).map(|_| ())
    }

    fn sweep(&self) -> Result<(), RecoveryError> {
        switch::sweep_all(&self.root.join(RELEASES))
    }

    fn observe(&self) -> Result<Observed, RecoveryError> {
        Ok(Observed { version: current(self.root)? })
    }

    fn releases(&self) -> Result<Vec<String>, RecoveryError> {
        available(self.root)
    }
}

pub(super) fn capture(
    root: &Path,
    job: &Job<'_>,
    mut tags: Vec<String>,
    now: DateTime<Utc>,
) -> Result<ComponentCapture, RecoveryError> {
    let version = current(root)?.ok_or_else(|| RecoveryError::NotALink {
        path: root.join(CURRENT),
        reason: "it points to no release, so there is nothing to capture".to_owned(),
    })?;
    tags.push(format!("release={version}"));
    let captured = job.vault.capture(Source::new([release_dir(root, &version)?])?, &tags, now, job.cancel)?;
    Ok(ComponentCapture { captured, version: Some(version) })
}

pub(super) fn restore(root: &Path, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
    let Job { component, work, vault, cancel } = *job;
    let previous = current(root)?;
    let mut restored = Restored { previous: previous.clone(), ..Restored::default() };
    let (version, moves) = match target {
        Target::Release(version) => {
            release_dir(root, version)?;
            (version.clone(), Vec::new())
        }
        Target::Snapshot(id) => {
            let version = version_in(root, job, id)?;
            let live = root.join(RELEASES).join(&version);
            if live.is_dir() && vault.difference_live(id, &live, &live, cancel)?.is_empty() {
                (version, Vec::new())
            } else {
                let releases = root.join(RELEASES);
                fs::create_dir_all(&releases).map_err(|error| RecoveryError::io("create", &releases, error))?;
                let staged = staging_path(&live, id);
                let made = vault.stage(id, &live, &staged, cancel)?;
                if !made.is_whole() {
                    return Err(RecoveryError::NotWhole { component: component.name.clone(), problems: made.problems });
                }
                restored.files = made.files;
                restored.bytes = made.bytes;
                (version, vec![Move::new(live, staged, Vec::new())?])
            }
        }
        Target::Time { .. } => return Err(wrong_target(component, target)),
    };
    if cancel.is_cancelled() {
        return Err(RecoveryError::Cancelled);
    }
    let link = Link { path: root.join(CURRENT), points_to: Path::new(RELEASES).join(version) };
    Record {
        component: component.name.clone(),
        target: target.clone(),
        previous,
        moves,
        link: Some(link),
        done: false,
        withdrawn: false,
    }
    .begin(work)?;
    Ok(restored)
}

pub(super) fn dry_run(root: &Path, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
    let Job { vault, cancel, .. } = *job;
    let now = current(root)?;
    let live = match &now {
        Some(version) => root.join(RELEASES).join(version),
        None => root.join(CURRENT),
    };
    let (version, found, prefix) = match target {
        Target::Release(version) => {
            let dir = release_dir(root, version)?;
            (version.clone(), difference_of_trees(&live, &dir, cancel)?, dir)
        }
        Target::Snapshot(id) => {
            let version = version_in(root, job, id)?;
            let stored = root.join(RELEASES).join(&version);
            let found = vault.difference_live(id, &stored, &live, cancel)?;
            (version, found.into_iter().map(FileDifference::reversed).collect(), live)
        }
        Target::Time { .. } => return Err(wrong_target(job.component, target)),
    };
    let differences = as_current(root, found, &prefix);
    let from = now.unwrap_or_else(|| "nothing".to_owned());
    let summary = format!("release {from} to {version}: {}", tally(&differences));
    Ok(DryRun { differences, summary, ..DryRun::default() })
}

/// The differences with the paths that readers use, which lead through `current`.
pub(super) fn as_current(root: &Path, found: Vec<FileDifference>, prefix: &Path) -> Vec<FileDifference> {
    let shown = root.join(CURRENT);
    found
        .into_iter()
        .map(|difference| {
            let path = match Path::new(&difference.path).strip_prefix(prefix) {
                Ok(rest) if !rest.as_os_str().is_empty() => shown.join(rest).display().to_string(),
                _ => shown.display().to_string(),
            };
            FileDifference { path, ..difference }
        })
        .collect()
}

/// The directory of a release that is there.
fn release_dir(root: &Path, version: &str) -> Result<PathBuf, RecoveryError> {
    let releases = root.join(RELEASES);
    let mut parts = Path::new(version).components();
    let plain = matches!((parts.next(), parts.next()), (Some(Part::Normal(_)), None)) && !version.starts_with('.');
    let dir = releases.join(version);
    if plain && dir.is_dir() {
        return Ok(dir);
    }
    let available = available(root).unwrap_or_default();
    Err(RecoveryError::NoSuchRelease { releases, version: version.to_owned(), available })
}

/// The one release that a snapshot of this component holds.
pub(super) fn version_in(root: &Path, job: &Job<'_>, snapshot: &str) -> Result<String, RecoveryError> {
    match job.vault.children(snapshot, &root.join(RELEASES))?.as_slice() {
        [version] => Ok(version.clone()),
        several => Err(RecoveryError::WrongSnapshot {
            component: job.component.name.clone(),
            snapshot: snapshot.to_owned(),
            reason: format!("it holds {} releases instead of one", several.len()),
        }),
    }
}
