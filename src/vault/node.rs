//! Between what `stat` says and what restic's format writes down.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use rustic_core::{
    jiff::Timestamp,
    repofile::{Metadata, Node, NodeType},
};

use super::attributes;

const PERMISSIONS: u32 = 0o777;
const SET_USER: u32 = 0o4000;
const SET_GROUP: u32 = 0o2000;
const STICKY: u32 = 0o1000;

// restic writes modes as Go's os.FileMode: https://pkg.go.dev/io/fs#FileMode
const GO_DIR: u32 = 1 << 31;
const GO_SYMLINK: u32 = 1 << 27;
const GO_DEVICE: u32 = 1 << 26;
const GO_FIFO: u32 = 1 << 25;
const GO_SOCKET: u32 = 1 << 24;
const GO_SET_USER: u32 = 1 << 23;
const GO_SET_GROUP: u32 = 1 << 22;
const GO_CHAR_DEVICE: u32 = 1 << 21;
const GO_STICKY: u32 = 1 << 20;

/// Describes one path without following a link.
pub(super) fn describe(path: &Path, metadata: &fs::Metadata) -> io::Result<Node> {
    let file_type = metadata.file_type();
    let (node_type, kind) = if file_type.is_dir() {
        (NodeType::Dir, GO_DIR)
    } else if file_type.is_symlink() {
        (NodeType::from_link(&fs::read_link(path)?), GO_SYMLINK)
    } else if file_type.is_fifo() {
        (NodeType::Fifo, GO_FIFO)
    } else if file_type.is_socket() {
        (NodeType::Socket, GO_SOCKET)
    } else if file_type.is_char_device() {
        (NodeType::Chardev { device: metadata.rdev() }, GO_DEVICE | GO_CHAR_DEVICE)
    } else if file_type.is_block_device() {
        (NodeType::Dev { device: metadata.rdev() }, GO_DEVICE)
    } else {
        (NodeType::File, 0)
    };
    let linked = metadata.nlink() > 1 && !file_type.is_dir();
    let mtime = timestamp(metadata.mtime(), metadata.mtime_nsec());
    let mut description = Metadata {
        mode: Some(to_go(metadata.mode()) | kind),
        mtime,
        atime: mtime,
        ctime: timestamp(metadata.ctime(), metadata.ctime_nsec()),
        uid: Some(metadata.uid()),
        gid: Some(metadata.gid()),
        inode: metadata.ino(),
        device_id: if linked { metadata.dev() } else { 0 },
        size: if file_type.is_file() { metadata.len() } else { 0 },
        links: if file_type.is_dir() { 0 } else { metadata.nlink() },
        ..Metadata::default()
    };
    if file_type.is_file() || file_type.is_dir() {
        attributes::note(&attributes::read(path)?, &mut description)?;
    }
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a name"))?;
    Ok(Node::new_node(name, node_type, description))
}

/// The permission bits of a node, those for special execution included.
pub(super) fn permissions(node: &Node) -> Option<u32> {
    let go = node.meta.mode?;
    let mut mode = go & PERMISSIONS;
    for (theirs, ours) in [(GO_SET_USER, SET_USER), (GO_SET_GROUP, SET_GROUP), (GO_STICKY, STICKY)] {
        if go & theirs != 0 {
            mode |= ours;
        }
    }
    Some(mode)
}

fn to_go(mode: u32) -> u32 {
    let mut go = mode & PERMISSIONS;
    for (theirs, ours) in [(GO_SET_USER, SET_USER), (GO_SET_GROUP, SET_GROUP), (GO_STICKY, STICKY)] {
        if mode & ours != 0 {
            go |= theirs;
        }
    }
    go
}

fn timestamp(seconds: i64, nanoseconds: i64) -> Option<Timestamp> {
    let whole = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    Timestamp::from_nanosecond(whole).ok()
}
