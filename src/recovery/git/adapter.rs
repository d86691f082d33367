//! Capturing, switching and proving what was checked out.
//!
//! The directory of a release has the version's name, with `~` for `/`, and holds the files alone: nothing in it points into the
//! repository. A snapshot holds these files as they are, so it restores when the repository, or its remote, is gone.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, lchown},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use rustix::fs::syncfs;

use super::{
    super::{
        ComponentCapture, DryRun, Observed, Proof, RecoveryError, Restored, Target,
        adapter::{Handler, Job, tally, test_restore_files},
        release::{self, CURRENT, RELEASES, as_current},
        switch::{self, Link, Move, Record, parent, remove, staging_path},
    },
    repository::Repository,
};
use crate::vault::{difference_of_trees, make_private_dir};

/// What was checked out of a repository below a directory.
pub(in super::super) struct Git<'a> {
    pub(in super::super) repository: &'a Path,
    pub(in super::super) root: &'a Path,
}

impl Handler for Git<'_> {
    fn capture(
        &self,
        job: &Job<'_>,
        mut tags: Vec<String>,
        now: DateTime<Utc>,
    ) -> Result<ComponentCapture, RecoveryError> {
        // the bytes are captured whatever git can say about them
        if let Some(dir) = release::current(self.root)?.map(|name| self.dir(&name))
            && let Ok(Some((commit, changes))) = self.compare(job, &dir, &dir)
        {
            tags.push(format!("{COMMIT}{commit}"));
            if !changes.is_empty() {
                tags.push(format!("{CHANGED}{}", changes.len()));
            }
        }
        let taken = release::capture(self.root, job, tags, now)?;
        Ok(ComponentCapture { version: taken.version.as_deref().map(version_of), ..taken })
    }

    fn restore(&self, job: &Job<'_>, target: &Target) -> Result<Restored, RecoveryError> {
        let restored = match target {
            Target::Release(version) => self.switch(job, target, version),
            Target::Snapshot(_) | Target::Time { .. } => release::restore(self.root, job, target),
        }?;
        Ok(Restored { previous: restored.previous.as_deref().map(version_of), ..restored })
    }

    fn dry_run(&self, job: &Job<'_>, target: &Target) -> Result<DryRun, RecoveryError> {
        let Target::Release(version) = target else { return release::dry_run(self.root, job, target) };
        let commit = self.commit(job, version)?;
        let dir = self.dir(&name_of(version));
        let now = release::current(self.root)?;
        let live = now.as_ref().map_or_else(|| self.root.join(CURRENT), |name| self.dir(name));
        let copy = job.work.join("dry-run.tree");
        let ready = self.is_ready(job, &commit, &dir)?;
        let act = || {
            let target = if ready {
                &dir
            } else {
                self.build(job, &commit, &copy)?;
                &copy
            };
            let found = difference_of_trees(&live, target, job.cancel)?;
            Ok(as_current(self.root, found, target))
        };
        let differences: Result<_, RecoveryError> = act();
        remove(&copy).map_err(|error| RecoveryError::io("remove", &copy, error))?;
        let differences = differences?;
        let from = now.as_deref().map_or_else(|| "nothing".to_owned(), version_of);
        let summary = format!("{from} to {version} ({}): {}", short(&commit), tally(&differences));
        Ok(DryRun { differences, summary, ..DryRun::default() })
    }

    fn test_restore(&self, job: &Job<'_>, snapshot: &str) -> Result<Proof, RecoveryError> {
        let name = release::version_in(self.root, job, snapshot)?;
        let (proof, staged) = test_restore_files(job, snapshot, &[self.dir(&name)])?;
        let tags = job.vault.show(snapshot)?.tags;
        let commit = tags.iter().find_map(|tag| tag.strip_prefix(COMMIT));
        let changed = tags.iter().any(|tag| tag.starts_with(CHANGED));
        let judged = match (commit, staged.as_slice()) {
            (Some(commit), [tree]) if !changed => match self.git(job).changes(commit, &index(job)?, tree) {
                Ok(changes) if changes.is_empty() => format!("every file as in commit {}", short(commit)),
                Ok(changes) => return Err(differs(tree, commit, changes)),
                // it restores without the repository; that is what it is for
                Err(_) => format!("commit {} is not in the repository to compare with", short(commit)),
            },
            (Some(commit), _) => format!("commit {} with changes made by hand", short(commit)),
            (None, _) => "of no known commit".to_owned(),
        };
        Ok(Proof { detail: format!("{}: {}, {judged}", version_of(&name), proof.detail), ..proof })
    }

    fn verify(&self, job: &Job<'_>) -> Result<(), RecoveryError> {
        let name =
            release::current(self.root)?.ok_or_else(|| RecoveryError::Missing { path: self.root.join(CURRENT) })?;
        let dir = self.dir(&name);
        if let Some(Record { target: Target::Snapshot(id), .. }) = Record::read(job.work, &job.component.name)? {
            let found = job.vault.difference_live(&id, &dir, &dir, job.cancel)?;
            let differing: Vec<String> = found.into_iter().map(|one| one.path).collect();
            let expected = Target::Snapshot(id).to_string();
            return if differing.is_empty() {
                Ok(())
            } else {
                Err(RecoveryError::Differs { path: dir, expected, differing })
            };
        }
        match self.compare(job, &dir, &dir)? {
            Some((_, changes)) if changes.is_empty() => Ok(()),
            Some((commit, changes)) => Err(differs(&dir, &commit, changes)),
            None => Err(self.unknown(job, &version_of(&name))),
        }
    }

    fn sweep(&self) -> Result<(), RecoveryError> {
        switch::sweep_all(&self.root.join(RELEASES))
    }

    fn observe(&self) -> Result<Observed, RecoveryError> {
        Ok(Observed { version: release::current(self.root)?.as_deref().map(version_of) })
    }

    fn releases(&self) -> Result<Vec<String>, RecoveryError> {
        let cancel = crate::vault::CancelFlag::new();
        let tags = Repository { dir: self.repository, cancel: &cancel }.tags()?;
        let mut found: Vec<String> = release::available(self.root).unwrap_or_default();
        found = found.iter().map(|name| version_of(name)).filter(|version| !tags.contains(version)).collect();
        found.extend(tags);
        Ok(found)
    }
}

impl Git<'_> {
    fn git<'j>(&'j self, job: &'j Job<'_>) -> Repository<'j> {
        Repository { dir: self.repository, cancel: job.cancel }
    }

    fn dir(&self, name: &str) -> PathBuf {
        self.root.join(RELEASES).join(name)
    }

    fn commit(&self, job: &Job<'_>, version: &str) -> Result<String, RecoveryError> {
        self.git(job).commit_or_fetch(version)?.ok_or_else(|| self.unknown(job, version))
    }

    fn unknown(&self, job: &Job<'_>, version: &str) -> RecoveryError {
        let mut available = self.git(job).tags().unwrap_or_default();
        let older = available.len().saturating_sub(SHOWN);
        available.drain(..older);
        RecoveryError::NoSuchRelease { releases: self.repository.to_owned(), version: version.to_owned(), available }
    }

    /// The commit that the name of `named` stands for, and what in `tree` differs from it; none when there is no such commit.
    fn compare(
        &self,
        job: &Job<'_>,
        named: &Path,
        tree: &Path,
    ) -> Result<Option<(String, Vec<String>)>, RecoveryError> {
        let name = named.file_name().unwrap_or_default().to_string_lossy();
        let Some(commit) = self.git(job).commit(&version_of(&name))? else { return Ok(None) };
        let changes = self.git(job).changes(&commit, &index(job)?, tree)?;
        Ok(Some((commit, changes)))
    }

    fn is_ready(&self, job: &Job<'_>, commit: &str, dir: &Path) -> Result<bool, RecoveryError> {
        Ok(dir.is_dir() && self.git(job).changes(commit, &index(job)?, dir)?.is_empty())
    }

    fn switch(&self, job: &Job<'_>, target: &Target, version: &str) -> Result<Restored, RecoveryError> {
        let commit = self.commit(job, version)?;
        let previous = release::current(self.root)?;
        let mut restored = Restored { previous: previous.clone(), ..Restored::default() };
        let releases = self.root.join(RELEASES);
        fs::create_dir_all(&releases).map_err(|error| RecoveryError::io("create", &releases, error))?;
        let dir = self.dir(&name_of(version));
        let mut moves = Vec::new();
        if !self.is_ready(job, &commit, &dir)? {
            let staged = staging_path(&dir, &commit);
            (restored.files, restored.bytes) = self.build(job, &commit, &staged)?;
            moves.push(Move::new(dir, staged, Vec::new())?);
        }
        if job.cancel.is_cancelled() {
            return Err(RecoveryError::Cancelled);
        }
        let link = Link { path: self.root.join(CURRENT), points_to: Path::new(RELEASES).join(name_of(version)) };
        Record {
            component: job.component.name.clone(),
            target: target.clone(),
            previous,
            moves,
            link: Some(link),
            done: false,
            withdrawn: false,
        }
        .begin(job.work)?;
        Ok(restored)
    }

    /// Checks a commit out into a new directory and proves it; gives its files and bytes.
    fn build(&self, job: &Job<'_>, commit: &str, tree: &Path) -> Result<(u64, u64), RecoveryError> {
        let failed = |action| move |error| RecoveryError::io(action, tree, error);
        let index = index(job)?;
        remove(tree).map_err(failed("remove"))?;
        fs::create_dir(tree).map_err(failed("create"))?;
        let git = self.git(job);
        let made = git.check_out(commit, &index, tree).and_then(|()| git.changes(commit, &index, tree));
        match made {
            Ok(changes) if changes.is_empty() => {}
            Ok(changes) => {
                remove(tree).map_err(failed("remove"))?;
                let problem = format!("what was checked out is not what commit {} says", short(commit));
                let problems = changes
                    .into_iter()
                    .map(|path| crate::vault::FileProblem { path, problem: problem.clone() })
                    .collect();
                return Err(RecoveryError::NotWhole { component: job.component.name.clone(), problems });
            }
            Err(error) => {
                remove(tree).map_err(failed("remove"))?;
                return Err(error);
            }
        }
        let model = release::current(self.root)?.map(|name| self.dir(&name));
        let owner = model.and_then(|model| fs::metadata(model).ok()).map(|found| (found.uid(), found.gid()));
        let owner = owner.filter(|_| rustix::process::geteuid().is_root());
        let mut measured = (0, 0);
        dress(tree, owner, &mut measured).map_err(failed("prepare"))?;
        File::open(parent(tree))
            .and_then(|handle| syncfs(handle).map_err(io::Error::from))
            .map_err(failed("synchronise"))?;
        Ok(measured)
    }
}

/// Git knows who may execute a file and nothing else: the rest must not depend on who runs the engine.
fn dress(path: &Path, owner: Option<(u32, u32)>, measured: &mut (u64, u64)) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if let Some((user, group)) = owner {
        lchown(path, Some(user), Some(group))?;
    }
    if metadata.is_dir() {
        fs::set_permissions(path, Permissions::from_mode(0o755))?;
        for entry in fs::read_dir(path)? {
            dress(&entry?.path(), owner, measured)?;
        }
        return Ok(());
    }
    measured.0 += 1;
    if metadata.is_file() {
        measured.1 += metadata.len();
        let mode = if metadata.mode() & 0o100 == 0 { 0o644 } else { 0o755 };
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// A private place for the list of files that git compares with.
fn index(job: &Job<'_>) -> Result<PathBuf, RecoveryError> {
    make_private_dir(job.work).map_err(|error| RecoveryError::io("create", job.work, error))?;
    Ok(job.work.join("git.index"))
}

/// The name of a version's directory; git allows no `~` in the name of a tag.
fn name_of(version: &str) -> String {
    version.replace('/', "~")
}

fn version_of(name: &str) -> String {
    name.replace('~', "/")
}

fn differs(tree: &Path, commit: &str, differing: Vec<String>) -> RecoveryError {
    RecoveryError::Differs { path: tree.to_owned(), expected: format!("commit {}", short(commit)), differing }
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

const COMMIT: &str = "commit=";
const CHANGED: &str = "changed=";
/// So many tags an error names.
const SHOWN: usize = 20;
