//! Restoring a part of a snapshot to a fresh place, never onto live files: whoever called switches to it when it is proved whole.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File},
    io,
    num::NonZero,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
};

use rustic_core::repofile::{Node, NodeType};
use rustix::fs::{statvfs, syncfs};
use serde::{Deserialize, Serialize};

use super::{
    cancel::CancelFlag,
    error::VaultError,
    guard::guarded,
    lock,
    pieces::Pieces,
    place::{Placed, Placer, Trouble, trouble},
    repository::Vault,
    tree::{children, locate},
};

/// More of them only wait for each other and for the disk.
const MOST_THREADS: usize = 4;
/// Above so many files the whole file system is synchronised once instead of each of them.
const SYNC_ONE_BY_ONE: u64 = 256;
const WRITE_OUT_EVERY: u64 = 2000;

/// What was restored to a fresh place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Staged {
    /// Files, links included.
    pub files: u64,
    /// Bytes in those files.
    pub bytes: u64,
    /// What could not be restored exactly. Not empty: do not switch to it.
    pub problems: Vec<FileProblem>,
    /// Paths in the snapshot whose content is damaged in the vault and was fetched from the replica. They were restored exactly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fetched: Vec<String>,
}

/// A file that could not be restored exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileProblem {
    /// Its path in the snapshot.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

impl Staged {
    /// Whether everything was restored exactly.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Vault {
    /// Restores what the snapshot holds at `from` as `dest`, which must not exist; its parent must. Content is checked
    /// against its hash while it is written and read back afterwards; files and directories are durable at return.
    ///
    /// # Errors
    /// When nothing could be staged. Files that could not be are in `problems`; sockets are left out, they cannot be restored.
    pub fn stage(&self, snapshot: &str, from: &Path, dest: &Path, cancel: &CancelFlag) -> Result<Staged, VaultError> {
        guarded("restore a snapshot", || {
            let _lock = lock::shared(self.dir(), cancel)?;
            let ([file], pieces) = self.pieces([snapshot], cancel)?;
            let root = locate(&pieces, &file, from)?;
            let (files, bytes) = measure(&pieces, &root);
            ensure_room(dest, bytes)?;
            let placer = Placer {
                pieces: &pieces,
                cancel,
                owner: rustix::process::geteuid().is_root(),
                sync_each: files <= SYNC_ONE_BY_ONE,
            };
            let staged = run(&placer, &root, from, dest)?;
            if files > SYNC_ONE_BY_ONE {
                let parent = dest.parent().unwrap_or(dest);
                File::open(parent)
                    .and_then(|handle| syncfs(handle).map_err(io::Error::from))
                    .map_err(|error| VaultError::io("synchronise", parent, error))?;
            }
            Ok(staged)
        })
    }

    /// Names of what a directory in a snapshot holds.
    ///
    /// # Errors
    /// When the snapshot does not hold that directory, or is damaged.
    pub fn children(&self, snapshot: &str, dir: &Path) -> Result<Vec<String>, VaultError> {
        guarded("read a snapshot", || {
            let cancel = CancelFlag::new();
            let _lock = lock::shared(self.dir(), &cancel)?;
            let ([file], pieces) = self.pieces([snapshot], &cancel)?;
            let node = locate(&pieces, &file, dir)?;
            let nodes = children(&pieces, &node)
                .map_err(|detail| VaultError::Damaged { what: format!("directory {}", dir.display()), detail })?;
            Ok(nodes.value.iter().map(|node| node.name().to_string_lossy().into_owned()).collect())
        })
    }
}

/// Files and bytes below a node, as far as its directories can be read.
fn measure(pieces: &Pieces, node: &Node) -> (u64, u64) {
    if !node.is_dir() {
        return (1, node.meta.size);
    }
    children(pieces, node)
        .map(|children| children.value)
        .unwrap_or_default()
        .iter()
        .map(|child| measure(pieces, child))
        .fold((0, 0), |(files, bytes), (more_files, more_bytes)| (files + more_files, bytes.saturating_add(more_bytes)))
}

fn ensure_room(dest: &Path, bytes: u64) -> Result<(), VaultError> {
    let parent = dest.parent().unwrap_or(dest);
    let room = statvfs(parent).map_err(|error| VaultError::io("measure the room on", parent, error.into()))?;
    if room.f_bavail.saturating_mul(room.f_frsize) < bytes {
        return Err(VaultError::DiskFull { path: parent.to_owned() });
    }
    Ok(())
}

/// A file that waits for a thread, and its place.
type Work = (Node, PathBuf);

/// Walks through the snapshot and makes directories, while threads put files in them.
struct Stager<'a> {
    placer: &'a Placer<'a>,
    from: &'a Path,
    dest: &'a Path,
    work: SyncSender<Work>,
    begin_writing: SyncSender<()>,
    sent: u64,
    outcome: &'a Mutex<Outcome>,
    /// Each after those in it; modes and times are set when everything is in its place.
    directories: Vec<Work>,
    first_names: HashMap<(u64, u64), PathBuf>,
    /// Each with the first name of the same file.
    other_names: Vec<(PathBuf, Work)>,
}

#[derive(Default)]
struct Outcome {
    staged: Staged,
    /// What stopped everything.
    stopped: Option<VaultError>,
}

fn locked(outcome: &Mutex<Outcome>) -> MutexGuard<'_, Outcome> {
    outcome.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The path in the snapshot of what is staged at `at`.
fn path_of(at: &Path, from: &Path, dest: &Path) -> String {
    let relative = at.strip_prefix(dest).unwrap_or(at);
    let path = if relative.as_os_str().is_empty() { from.to_owned() } else { from.join(relative) };
    path.display().to_string()
}

impl Outcome {
    fn add(&mut self, path: impl FnOnce() -> String, placed: Result<Placed, Trouble>) {
        match placed {
            Ok(placed) => {
                self.staged.files += 1;
                self.staged.bytes += placed.bytes;
                if placed.fetched {
                    self.staged.fetched.push(path());
                }
            }
            Err(Trouble::Here(problem)) => self.staged.problems.push(FileProblem { path: path(), problem }),
            Err(Trouble::Everywhere(error)) => {
                self.stopped.get_or_insert(error);
            }
        }
    }
}

/// Has the disk write while files are still being put in their places, so that little is left to be waited for at the end.
fn write_out(dest: &Path, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        let _ = File::open(dest).map(syncfs);
    }
}

/// Restores `root` as `dest`.
fn run(placer: &Placer<'_>, root: &Node, from: &Path, dest: &Path) -> Result<Staged, VaultError> {
    let outcome = Mutex::new(Outcome::default());
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    // so few wait that a snapshot of any size needs little memory
    let (work, waiting) = mpsc::sync_channel::<Work>(64 * threads);
    let waiting = Mutex::new(waiting);
    let (directories, other_names) = thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((node, at)) = next else { return };
                    // after a stop the rest is only taken from the one who walks
                    if locked(&outcome).stopped.is_none() {
                        let placed = guarded("restore a file", || Ok(placer.place(&node, &at)))
                            .unwrap_or_else(|panic| Err(Trouble::Everywhere(panic)));
                        locked(&outcome).add(|| path_of(&at, from, dest), placed);
                    }
                }
            });
        }
        let (begin_writing, asked) = mpsc::sync_channel::<()>(1);
        if !placer.sync_each {
            scope.spawn(move || write_out(dest, &asked));
        }
        let mut stager = Stager {
            placer,
            begin_writing,
            sent: 0,
            from,
            dest,
            work,
            outcome: &outcome,
            directories: Vec::new(),
            first_names: HashMap::new(),
            other_names: Vec::new(),
        };
        stager.visit(root.clone(), dest.to_owned());
        (stager.directories, stager.other_names)
    });
    let mut outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (first, (node, at)) in other_names {
        let linked = match fs::hard_link(&first, &at) {
            Ok(()) => Ok(Placed::default()),
            // the first name could not be restored
            Err(error) if error.kind() == io::ErrorKind::NotFound => placer.place(&node, &at),
            Err(error) => Err(trouble("link", &at, error)),
        };
        outcome.add(|| path_of(&at, from, dest), linked);
    }
    if let Some(error) = outcome.stopped {
        return Err(error);
    }
    let mut staged = outcome.staged;
    for (node, at) in directories {
        let finished = File::open(&at)
            .map_err(|error| trouble("open", &at, error))
            .and_then(|handle| placer.finish(&node, &at, &handle));
        match finished {
            Ok(()) => {}
            Err(Trouble::Here(problem)) => {
                staged.problems.push(FileProblem { path: path_of(&at, from, dest), problem });
            }
            Err(Trouble::Everywhere(error)) => return Err(error),
        }
    }
    staged.problems.sort_by(|one, other| one.path.cmp(&other.path));
    staged.fetched.sort();
    Ok(staged)
}

impl Stager<'_> {
    fn visit(&mut self, node: Node, at: PathBuf) {
        if self.placer.cancel.is_cancelled() {
            locked(self.outcome).stopped.get_or_insert(VaultError::Cancelled);
        }
        if locked(self.outcome).stopped.is_some() {
            return;
        }
        match &node.node_type {
            NodeType::Dir => self.directory(node, at),
            NodeType::Socket => {}
            _ => {
                let identity = (node.meta.device_id, node.meta.inode);
                if node.meta.links > 1 && node.meta.inode != 0 {
                    if let Some(first) = self.first_names.get(&identity) {
                        self.other_names.push((first.clone(), (node, at)));
                        return;
                    }
                    self.first_names.insert(identity, at.clone());
                }
                // the threads take until nobody sends any more
                let _ = self.work.send((node, at));
                self.sent += 1;
                if self.sent.is_multiple_of(WRITE_OUT_EVERY) {
                    let _ = self.begin_writing.try_send(());
                }
            }
        }
    }

    fn directory(&mut self, node: Node, at: PathBuf) {
        let made = DirBuilder::new().mode(0o700).create(&at).map_err(|error| trouble("create", &at, error));
        let nodes = match made.and_then(|()| children(self.placer.pieces, &node).map_err(Trouble::Here)) {
            Ok(nodes) => nodes,
            Err(trouble) => {
                return locked(self.outcome).add(|| path_of(&at, self.from, self.dest), Err(trouble));
            }
        };
        if nodes.fetched {
            locked(self.outcome).staged.fetched.push(path_of(&at, self.from, self.dest));
        }
        for child in nodes.value {
            let place = at.join(child.name());
            self.visit(child, place);
        }
        self.directories.push((node, at));
    }
}
