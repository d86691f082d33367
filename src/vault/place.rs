//! Putting one file of a snapshot in its place; several threads do it at once.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown, lchown, symlink},
    path::Path,
};

use filetime::FileTime;
use rustic_core::repofile::{Node, NodeType};
use rustix::fs::{CWD, FileType as Special, Mode, mknodat};

use super::{
    attributes,
    cancel::CancelFlag,
    difference,
    error::{VaultError, is_disk_full},
    node,
    pieces::Pieces,
};

/// Why one node was not restored.
pub(super) enum Trouble {
    /// The others can still be.
    Here(String),
    /// Nothing can.
    Everywhere(VaultError),
}

/// What was put in its place.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Placed {
    /// Bytes of content.
    pub(super) bytes: u64,
    /// Some of it came from the replica.
    pub(super) fetched: bool,
}

/// How files are put in their places.
pub(super) struct Placer<'a> {
    pub(super) pieces: &'a Pieces,
    pub(super) cancel: &'a CancelFlag,
    /// Owners can be given back.
    pub(super) owner: bool,
    /// Each file is made durable by itself.
    pub(super) sync_each: bool,
}

impl Placer<'_> {
    /// Anything but a directory, a socket or the second name of a file. A file is read back when it is written.
    pub(super) fn place(&self, node: &Node, at: &Path) -> Result<Placed, Trouble> {
        let made = match &node.node_type {
            NodeType::File => return self.file(node, at),
            NodeType::Symlink { .. } => {
                symlink(node.node_type.to_link(), at).map_err(|error| trouble("link", at, error))
            }
            NodeType::Fifo => special(at, Special::Fifo, 0),
            NodeType::Dev { device } => special(at, Special::BlockDevice, *device),
            NodeType::Chardev { device } => special(at, Special::CharacterDevice, *device),
            NodeType::Dir | NodeType::Socket => Ok(()),
        };
        made.and_then(|()| self.metadata_of_special(node, at)).map(|()| Placed::default())
    }

    fn file(&self, node: &Node, at: &Path) -> Result<Placed, Trouble> {
        let written = self.content(node, at);
        if written.is_err() {
            // a file that is not there cannot be mistaken for a whole one
            let _ = fs::remove_file(at);
        }
        written
    }

    fn content(&self, node: &Node, at: &Path) -> Result<Placed, Trouble> {
        let mut file = OpenOptions::new()
            .read(true)
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
        self.finish(node, at, &file)?;
        if difference::reads_back(self.pieces, node, at, &mut file).map_err(Trouble::Everywhere)? {
            Ok(Placed { bytes: length, fetched })
        } else {
            Err(Trouble::Here("what was written reads back differently".to_owned()))
        }
    }

    /// Owner, attributes, mode and time of a file or directory, then its durability. In this order, because a change of the owner takes
    /// capabilities and bits of the mode away, and an access list sets bits of it.
    pub(super) fn finish(&self, node: &Node, at: &Path, handle: &File) -> Result<(), Trouble> {
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

pub(super) fn trouble(action: &'static str, path: &Path, error: io::Error) -> Trouble {
    if is_disk_full(&error) {
        return Trouble::Everywhere(VaultError::io(action, path, error));
    }
    Trouble::Here(format!("cannot {action} it: {error}"))
}
