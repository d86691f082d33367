//! Restoring a part of a snapshot to a fresh place, never onto live files: whoever called switches to it when it is proved whole.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown, lchown, symlink},
    path::{Path, PathBuf},
};

use filetime::FileTime;
use rustic_core::repofile::{Node, NodeType};
use rustix::fs::{CWD, FileType as Special, Mode, mknodat, statvfs, syncfs};
use serde::{Deserialize, Serialize};

use super::{
    attributes,
    cancel::CancelFlag,
    difference,
    error::{VaultError, is_disk_full},
    guard::guarded,
    lock, node,
    pieces::Pieces,
    repository::Vault,
    tree::{children, locate},
};

/// Above so many files the whole file system is synchronised once instead of each of them.
const SYNC_ONE_BY_ONE: u64 = 256;

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
            let mut stager = Stager {
                pieces: &pieces,
                cancel,
                from,
                dest,
                owner: rustix::process::geteuid().is_root(),
                sync_each: files <= SYNC_ONE_BY_ONE,
                links: HashMap::new(),
                staged: Staged::default(),
            };
            stager.visit(&root, dest)?;
            let mut staged = stager.staged;
            if files > SYNC_ONE_BY_ONE {
                let parent = dest.parent().unwrap_or(dest);
                File::open(parent)
                    .and_then(|handle| syncfs(handle).map_err(io::Error::from))
                    .map_err(|error| VaultError::io("synchronise", parent, error))?;
            }
            if staged.is_whole() {
                let found = difference::between_snapshot_and_live(&pieces, root, dest, cancel)?;
                staged.problems.extend(found.into_iter().map(|difference| FileProblem {
                    path: difference.path,
                    problem: "what was written reads back differently".to_owned(),
                }));
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

/// Why one node was not restored.
enum Trouble {
    /// The others can still be.
    Here(String),
    /// Nothing can.
    Everywhere(VaultError),
}

struct Stager<'a> {
    pieces: &'a Pieces,
    cancel: &'a CancelFlag,
    from: &'a Path,
    dest: &'a Path,
    owner: bool,
    sync_each: bool,
    links: HashMap<(u64, u64), PathBuf>,
    staged: Staged,
}

impl Stager<'_> {
    fn visit(&mut self, node: &Node, at: &Path) -> Result<(), VaultError> {
        if self.cancel.is_cancelled() {
            return Err(VaultError::Cancelled);
        }
        match self.place(node, at) {
            Ok(()) => Ok(()),
            Err(Trouble::Everywhere(error)) => Err(error),
            Err(Trouble::Here(problem)) => {
                self.staged.problems.push(FileProblem { path: self.path_of(at), problem });
                Ok(())
            }
        }
    }

    /// The path in the snapshot of what is staged at `at`.
    fn path_of(&self, at: &Path) -> String {
        let relative = at.strip_prefix(self.dest).unwrap_or(at);
        let path = if relative.as_os_str().is_empty() { self.from.to_owned() } else { self.from.join(relative) };
        path.display().to_string()
    }

    fn place(&mut self, node: &Node, at: &Path) -> Result<(), Trouble> {
        match &node.node_type {
            NodeType::Dir => return self.directory(node, at),
            NodeType::Socket => return Ok(()),
            _ => {}
        }
        let identity = (node.meta.device_id, node.meta.inode);
        if node.meta.links > 1 && node.meta.inode != 0 {
            if let Some(first) = self.links.get(&identity) {
                fs::hard_link(first, at).map_err(|error| trouble("link", at, error))?;
                self.staged.files += 1;
                return Ok(());
            }
            self.links.insert(identity, at.to_owned());
        }
        let placed = match &node.node_type {
            NodeType::File => self.file(node, at),
            NodeType::Symlink { .. } => {
                symlink(node.node_type.to_link(), at).map_err(|error| trouble("link", at, error))
            }
            NodeType::Fifo => special(at, Special::Fifo, 0),
            NodeType::Dev { device } => special(at, Special::BlockDevice, *device),
            NodeType::Chardev { device } => special(at, Special::CharacterDevice, *device),
            NodeType::Dir | NodeType::Socket => Ok(()),
        };
        if placed.is_err() {
            self.links.remove(&identity);
            return placed;
        }
        self.staged.files += 1;
        if node.is_file() { Ok(()) } else { self.metadata_of_special(node, at) }
    }

    fn directory(&mut self, node: &Node, at: &Path) -> Result<(), Trouble> {
        DirBuilder::new().mode(0o700).create(at).map_err(|error| trouble("create", at, error))?;
        let nodes = children(self.pieces, node).map_err(Trouble::Here)?;
        if nodes.fetched {
            self.staged.fetched.push(self.path_of(at));
        }
        for child in &nodes.value {
            self.visit(child, &at.join(child.name())).map_err(Trouble::Everywhere)?;
        }
        let handle = File::open(at).map_err(|error| trouble("open", at, error))?;
        self.finish(node, at, &handle)
    }

    fn file(&mut self, node: &Node, at: &Path) -> Result<(), Trouble> {
        let written = self.content(node, at);
        if written.is_err() {
            // a file that is not there cannot be mistaken for a whole one
            let _ = fs::remove_file(at);
        }
        written
    }

    fn content(&mut self, node: &Node, at: &Path) -> Result<(), Trouble> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(at)
            .map_err(|error| trouble("create", at, error))?;
        let (mut length, mut fetched) = (0, false);
        for id in node.content.iter().flatten() {
            if self.cancel.is_cancelled() {
                return Err(Trouble::Everywhere(VaultError::Cancelled));
            }
            let piece = self.pieces.data(id).map_err(Trouble::Here)?;
            fetched |= piece.fetched;
            let blob = piece.value;
            // long runs of zeros become holes, as they often were
            let placed = if blob.iter().all(|byte| *byte == 0) {
                file.seek(SeekFrom::Current(i64::try_from(blob.len()).unwrap_or_default())).map(|_| ())
            } else {
                file.write_all(&blob)
            };
            placed.map_err(|error| trouble("write", at, error))?;
            length += blob.len() as u64;
        }
        file.set_len(length).map_err(|error| trouble("write", at, error))?;
        self.staged.bytes += length;
        if fetched {
            self.staged.fetched.push(self.path_of(at));
        }
        self.finish(node, at, &file)
    }

    /// Owner, attributes, mode and time of a file or directory, then its durability. In this order, because a change of the owner takes
    /// capabilities and bits of the mode away, and an access list sets bits of it.
    fn finish(&self, node: &Node, at: &Path, handle: &File) -> Result<(), Trouble> {
        let act = || -> io::Result<()> {
            if self.owner {
                fchown(handle, node.meta.uid, node.meta.gid)?;
            }
            attributes::write(node, handle)?;
            if let Some(mode) = node::permissions(node) {
                handle.set_permissions(Permissions::from_mode(mode))?;
            }
            if let Some(time) = modified(node) {
                filetime::set_file_handle_times(handle, Some(time), Some(time))?;
            }
            if self.sync_each { handle.sync_all() } else { Ok(()) }
        };
        act().map_err(|error| trouble("finish", at, error))
    }

    fn metadata_of_special(&self, node: &Node, at: &Path) -> Result<(), Trouble> {
        let act = || -> io::Result<()> {
            if self.owner {
                lchown(at, node.meta.uid, node.meta.gid)?;
            }
            if !node.is_symlink()
                && let Some(mode) = node::permissions(node)
            {
                fs::set_permissions(at, Permissions::from_mode(mode))?;
            }
            modified(node).map_or(Ok(()), |time| filetime::set_symlink_file_times(at, time, time))
        };
        act().map_err(|error| trouble("finish", at, error))
    }
}

fn special(at: &Path, kind: Special, device: u64) -> Result<(), Trouble> {
    mknodat(CWD, at, kind, Mode::RUSR | Mode::WUSR, device).map_err(|error| trouble("create", at, error.into()))
}

fn modified(node: &Node) -> Option<FileTime> {
    let nanoseconds = node.meta.mtime?.as_nanosecond();
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).ok()?;
    let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).ok()?;
    Some(FileTime::from_unix_time(seconds, rest))
}

fn trouble(action: &'static str, path: &Path, error: io::Error) -> Trouble {
    if is_disk_full(&error) {
        return Trouble::Everywhere(VaultError::io(action, path, error));
    }
    Trouble::Here(format!("cannot {action} it: {error}"))
}
