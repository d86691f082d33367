//! How far a file was read, such that it is found again after it was renamed, copied or compressed.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::{FileExt, MetadataExt},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// First bytes by which a file is told from another.
pub(super) const HEAD: usize = 1024;
/// First bytes without which a copy is not taken for the file: a header that all files have says nothing.
const ENOUGH: usize = 32;

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    device: u64,
    inode: u64,
    /// Bytes of it that were given, all lines of a trace that may go on left out.
    pub(super) offset: u64,
    /// The first bytes of it and their hash.
    pub(super) print: Print,
}

/// The first bytes of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Print {
    bytes: usize,
    hash: String,
}

impl Print {
    pub(super) fn of(first: &[u8]) -> Self {
        let first = &first[..first.len().min(HEAD)];
        Self { bytes: first.len(), hash: hex::encode(&Sha256::digest(first)[..16]) }
    }

    /// It says no more once it is as long as it gets.
    pub(super) fn is_whole(&self) -> bool {
        self.bytes == HEAD
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether what begins with these bytes may be the same.
    pub(super) fn fits(&self, first: &[u8]) -> bool {
        first.get(..self.bytes).is_some_and(|first| Self::of(first) == *self)
    }

    /// Whether it is enough to know a copy by.
    pub(super) fn tells(&self) -> bool {
        self.bytes >= ENOUGH
    }
}

/// Which file of the system it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl Place {
    pub(super) fn new(identity: Identity, offset: u64, print: Print) -> Self {
        Self { device: identity.device, inode: identity.inode, offset, print }
    }

    pub(super) fn identity(&self) -> Identity {
        Identity { device: self.device, inode: self.inode }
    }
}

/// The first bytes of a file, at most so many.
pub(super) fn head(file: &File, most: usize) -> io::Result<Vec<u8>> {
    let mut first = vec![0; most.min(HEAD)];
    let mut held = 0;
    while held < first.len() {
        match file.read_at(&mut first[held..], held as u64)? {
            0 => break,
            count => held += count,
        }
    }
    first.truncate(held);
    Ok(first)
}

/// The first bytes of what is read.
pub(super) fn head_of(mut input: impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    input.by_ref().take(HEAD as u64).read_to_end(&mut first)?;
    Ok(first)
}
