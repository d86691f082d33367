//! A place that holds the files of a vault under restic's names: the vault's own directory, or that of a replica.

use std::{fmt::Debug, io};

use bytes::Bytes;
use rustic_core::{FileType, Id};
use sha2::{Digest, Sha256};

/// Kinds of files whose name is the SHA-256 of their content, in the order in which they may be written: each needs only those
/// before it. They are listed and removed in the opposite order.
pub(super) const HASHED: [FileType; 4] = [FileType::Key, FileType::Pack, FileType::Index, FileType::Snapshot];

/// Files are written whole or not at all, never changed, and each is durable when the call returns.
pub(super) trait Depot: Debug + Send + Sync {
    /// Where it is, for people; holds no secret.
    fn place(&self) -> String;

    /// Names and lengths; the file `config` is listed under the empty id.
    fn list(&self, kind: FileType) -> io::Result<Vec<(Id, u64)>>;

    /// The whole file; `NotFound` when it is not there.
    fn read(&self, kind: FileType, id: &Id) -> io::Result<Bytes>;

    /// A part of a file; `UnexpectedEof` when it is shorter.
    fn read_part(&self, kind: FileType, id: &Id, offset: u64, length: usize) -> io::Result<Bytes>;

    /// Writes a file, in place of one of that name if there is one.
    fn write(&self, kind: FileType, id: &Id, content: &[Bytes]) -> io::Result<()>;

    /// Removes a file; one that is not there is no error.
    fn remove(&self, kind: FileType, id: &Id) -> io::Result<()>;

    /// Whether the place itself is there and answers.
    fn reach(&self) -> io::Result<()>;

    /// Makes the removals of files of one kind durable.
    fn settle(&self, kind: FileType) -> io::Result<()>;

    /// Makes an empty place ready, and clears away what killed writes left behind. Only while nobody else writes.
    fn prepare(&self) -> io::Result<()>;
}

/// Whether the content is what the name promises; nothing is promised for `config`.
pub(super) fn matches_name(kind: FileType, id: &Id, content: &[u8]) -> bool {
    kind == FileType::Config || hex::encode(Sha256::digest(content)) == id.to_hex().as_str()
}

/// The name of a file as people find it in the directory.
pub(super) fn file_name(kind: FileType, id: &Id) -> String {
    match kind {
        FileType::Config => "config".to_owned(),
        FileType::Pack => {
            let name = id.to_hex();
            format!("{}/{}/{}", kind.dirname(), &name[..2], name.as_str())
        }
        FileType::Index | FileType::Key | FileType::Snapshot => {
            format!("{}/{}", kind.dirname(), id.to_hex().as_str())
        }
    }
}
