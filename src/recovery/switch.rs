//! Putting what was staged in the place of what is live: written down first, then renamed, and finished after a kill at any point.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use super::{RecoveryError, Target};
use crate::vault::{make_private_dir, sync_dir};

/// What settling an interrupted restore came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state", content = "target")]
pub enum Settled {
    /// The switch had not begun: what is live was never touched.
    NothingBegun,
    /// The switch had begun and is finished now.
    Finished(Target),
    /// The switch had been finished before.
    AlreadyDone(Target),
}

/// What a run is about to do to one component, durable before it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) component: String,
    pub(super) target: Target,
    /// For code: the release that was current before.
    pub(super) previous: Option<String>,
    pub(super) moves: Vec<Move>,
    pub(super) link: Option<Link>,
    pub(super) done: bool,
    /// It puts the old state back, because the new one could not go into service.
    #[serde(default)]
    pub(super) withdrawn: bool,
}

/// A staged path that takes the place of a live one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Move {
    pub(super) live: PathBuf,
    pub(super) staged: PathBuf,
    /// By these it is known after a kill whether the rename has happened.
    device: u64,
    inode: u64,
    /// Files that belong to the live one and must be gone before the new one arrives.
    companions: Vec<PathBuf>,
}

/// A link that points somewhere else afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    pub(super) path: PathBuf,
    pub(super) points_to: PathBuf,
}

impl Move {
    pub(super) fn new(live: PathBuf, staged: PathBuf, companions: Vec<PathBuf>) -> Result<Self, RecoveryError> {
        let metadata = fs::symlink_metadata(&staged).map_err(|error| RecoveryError::io("read", &staged, error))?;
        Ok(Self { live, staged, device: metadata.dev(), inode: metadata.ino(), companions })
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok((metadata.dev(), metadata.ino()) == (self.device, self.inode)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn make(&self, component: &str) -> Result<(), RecoveryError> {
        let at = |path: &Path| self.is_at(path).map_err(|error| RecoveryError::switching("read", path, error));
        if at(&self.live)? {
            return Ok(());
        }
        if !at(&self.staged)? {
            return Err(RecoveryError::Lost {
                component: component.to_owned(),
                live: self.live.clone(),
                staged: self.staged.clone(),
            });
        }
        for companion in &self.companions {
            remove(companion).map_err(|error| RecoveryError::switching("remove", companion, error))?;
        }
        self.swap().map_err(|error| RecoveryError::switching("replace", &self.live, error))
    }

    fn swap(&self) -> io::Result<()> {
        if !self.companions.is_empty() || fs::symlink_metadata(&self.live).is_err() {
            fs::rename(&self.staged, &self.live)?;
        } else {
            match renameat_with(CWD, &self.staged, CWD, &self.live, RenameFlags::EXCHANGE) {
                Ok(()) => {}
                // the file system cannot exchange: for a moment there is nothing at the live path, and the record tells what belongs there
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                    let aside = self.aside();
                    remove(&aside)?;
                    fs::rename(&self.live, &aside)?;
                    fs::rename(&self.staged, &self.live)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        sync_dir(parent(&self.live))
    }

    /// The move that brings back what this one has replaced.
    fn reversed(&self) -> Result<Self, RecoveryError> {
        let aside = self.aside();
        if aside.symlink_metadata().is_ok() && self.staged.symlink_metadata().is_err() {
            fs::rename(&aside, &self.staged).map_err(|error| RecoveryError::switching("rename", &aside, error))?;
        }
        Self::new(self.live.clone(), self.staged.clone(), Vec::new())
    }

    fn aside(&self) -> PathBuf {
        self.staged.with_extension("old")
    }

    /// The old state lies where the new one was staged; the safety snapshot holds it too.
    fn clear(&self) {
        for path in [self.staged.clone(), self.aside()] {
            if let Err(error) = remove(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove what a restore replaced; remove it by hand");
            }
        }
    }
}

impl Link {
    fn make(&self) -> Result<(), RecoveryError> {
        let failed = |action| move |error| RecoveryError::switching(action, &self.path, error);
        if fs::read_link(&self.path).is_ok_and(|now| now == self.points_to) {
            return Ok(());
        }
        let temporary = parent(&self.path).join(LINK);
        remove(&temporary).map_err(failed("prepare"))?;
        symlink(&self.points_to, &temporary).map_err(failed("prepare"))?;
        fs::rename(&temporary, &self.path).map_err(failed("switch"))?;
        sync_dir(parent(&self.path)).map_err(failed("synchronise"))
    }
}

impl Record {
    /// The record of a run for a component, when there is one.
    pub(super) fn read(work: &Path, component: &str) -> Result<Option<Self>, RecoveryError> {
        let path = record_path(work, component);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| RecoveryError::switching("understand", &path, error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(RecoveryError::switching("read", &path, error)),
        }
    }

    /// Writes down what will be done, then does it.
    pub(super) fn begin(&self, work: &Path) -> Result<(), RecoveryError> {
        self.note(work)?;
        self.finish(work)
    }

    /// Writes down what will be done.
    pub(super) fn note(&self, work: &Path) -> Result<(), RecoveryError> {
        self.write(work).map_err(|error| RecoveryError::io("write", &record_path(work, &self.component), error))
    }

    /// Takes back what was written down, because it will not be finished.
    pub(super) fn withdraw(&self, work: &Path) -> Result<(), RecoveryError> {
        let path = record_path(work, &self.component);
        remove(&path).and_then(|()| sync_dir(work)).map_err(|error| RecoveryError::switching("remove", &path, error))
    }

    /// Does what is not done yet.
    pub(super) fn finish(&self, work: &Path) -> Result<(), RecoveryError> {
        if self.done {
            return Ok(());
        }
        self.switch()?;
        self.close(work)
    }

    /// Whether every move has been made.
    pub(super) fn is_switched(&self) -> Result<bool, RecoveryError> {
        for step in &self.moves {
            if !step.is_at(&step.live).map_err(|error| RecoveryError::switching("read", &step.live, error))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the moves that have not been made. Between this and `close` what was live lies where the new state was staged.
    pub(super) fn switch(&self) -> Result<(), RecoveryError> {
        for step in &self.moves {
            step.make(&self.component)?;
        }
        self.link.as_ref().map_or(Ok(()), Link::make)
    }

    /// Clears away what was replaced and writes down that all is done.
    pub(super) fn close(&self, work: &Path) -> Result<(), RecoveryError> {
        self.moves.iter().for_each(Move::clear);
        Self { done: true, ..self.clone() }
            .write(work)
            .map_err(|error| RecoveryError::switching("write", &record_path(work, &self.component), error))
    }

    /// The record that puts back what a switch has replaced and not cleared away.
    pub(super) fn reversed(&self) -> Result<Self, RecoveryError> {
        let moves = self.moves.iter().map(Move::reversed).collect::<Result<_, _>>()?;
        Ok(Self { moves, withdrawn: true, ..self.clone() })
    }

    /// Forgets a record whose run left everything as it was.
    pub(super) fn remove(&self, work: &Path) -> Result<(), RecoveryError> {
        let path = record_path(work, &self.component);
        remove(&path).and_then(|()| sync_dir(work)).map_err(|error| RecoveryError::switching("remove", &path, error))
    }

    pub(super) fn write(&self, work: &Path) -> io::Result<()> {
        make_private_dir(work)?;
        let path = record_path(work, &self.component);
        let temporary = path.with_extension("tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_dir(work)
    }
}

/// A name beside `live` for a state that is being built; unique per live path and snapshot.
pub(super) fn staging_path(live: &Path, snapshot: &str) -> PathBuf {
    let name = live.file_name().unwrap_or_default().to_string_lossy();
    parent(live).join(format!("{PREFIX}{name}-{}.new", snapshot.get(..8).unwrap_or(snapshot)))
}

/// Removes what was staged beside `live` and never switched to.
pub(super) fn sweep(live: &Path) -> Result<(), RecoveryError> {
    let name = live.file_name().unwrap_or_default().to_string_lossy();
    sweep_where(parent(live), |found| found == name)
}

/// Removes whatever was staged in a directory and never switched to.
pub(super) fn sweep_all(dir: &Path) -> Result<(), RecoveryError> {
    sweep_where(dir, |_| true)
}

fn sweep_where(dir: &Path, of: impl Fn(&str) -> bool) -> Result<(), RecoveryError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(RecoveryError::io("list", dir, error)),
    };
    for entry in entries.flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        let staged = found.strip_prefix(PREFIX);
        let litter = staged.and_then(|rest| rest.strip_suffix(".new").or(rest.strip_suffix(".old")));
        let Some((name, id)) = litter.and_then(|rest| rest.rsplit_once('-')) else { continue };
        if of(name) && id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            remove(&entry.path()).map_err(|error| RecoveryError::io("remove", &entry.path(), error))?;
        }
    }
    Ok(())
}

/// Where a path really lies when it is a link itself, because it is the content that is captured and switched.
pub(super) fn resolved(path: &Path) -> Result<PathBuf, RecoveryError> {
    if path.is_symlink() {
        return fs::canonicalize(path).map_err(|error| RecoveryError::io("follow", path, error));
    }
    Ok(path.to_owned())
}

/// Removes a file or a whole directory; that it is not there is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path).or_else(|_| {
            open_up(path)?;
            fs::remove_dir_all(path)
        }),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Lets its owner, who is not root, remove what lies in directories that were restored without the right to write.
fn open_up(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn record_path(work: &Path, component: &str) -> PathBuf {
    place_in(work, component, "restore.json")
}

/// A place of a component in a directory that others use too.
pub(super) fn place_in(work: &Path, component: &str, ending: &str) -> PathBuf {
    let safe: String = component.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
    work.join(format!("{safe}.{ending}"))
}

const PREFIX: &str = ".codeblue-";
const LINK: &str = ".codeblue-current.new";
