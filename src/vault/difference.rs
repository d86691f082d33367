//! What differs between two snapshots, a snapshot and live files, or two live trees: exact, by content.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Seek},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustic_core::{
    DataId,
    repofile::{Node, NodeType},
};
use serde::{Deserialize, Serialize};

use super::{
    attributes::{self, Attributes},
    cancel::CancelFlag,
    error::VaultError,
    guard::guarded,
    lock, node,
    pieces::Pieces,
    repository::Vault,
    source,
    tree::{self, locate},
};

/// One path that differs in content, kind, link target, permissions or extended attributes. Times and owners do not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileDifference {
    /// Absolute, as on the live side where there is one.
    pub path: String,
    /// What happened to it from before to after.
    pub kind: DifferenceKind,
    /// Bytes before; none when it was not there or is no file.
    pub before_bytes: Option<u64>,
    /// Bytes after; none when it is not there or is no file.
    pub after_bytes: Option<u64>,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// It was not there before.
    Added,
    /// It is not there after.
    Removed,
    /// It is there, but not the same.
    Changed,
}

impl FileDifference {
    /// The same difference seen the other way round.
    #[must_use]
    pub fn reversed(self) -> Self {
        let kind = match self.kind {
            DifferenceKind::Added => DifferenceKind::Removed,
            DifferenceKind::Removed => DifferenceKind::Added,
            DifferenceKind::Changed => DifferenceKind::Changed,
        };
        Self { kind, before_bytes: self.after_bytes, after_bytes: self.before_bytes, ..self }
    }
}

impl Vault {
    /// From snapshot `before` to snapshot `after`, sorted by path.
    ///
    /// # Errors
    /// When one of them is not there or damaged.
    pub fn difference(&self, before: &str, after: &str) -> Result<Vec<FileDifference>, VaultError> {
        guarded("compare snapshots", || {
            let cancel = CancelFlag::new();
            let _lock = lock::shared(self.dir(), &cancel)?;
            let (files, pieces) = self.pieces([before, after], &cancel)?;
            let [before, after] = files.map(|file| Side::Stored(tree::root(&file)));
            compare(Some(&pieces), &before, &after, Path::new("/"), &cancel)
        })
    }

    /// From what the snapshot holds at `stored` to the live files at `live`, sorted by path. A live file that cannot be read counts as changed.
    ///
    /// # Errors
    /// When the snapshot does not hold that path, or is damaged.
    pub fn difference_live(
        &self,
        snapshot: &str,
        stored: &Path,
        live: &Path,
        cancel: &CancelFlag,
    ) -> Result<Vec<FileDifference>, VaultError> {
        guarded("compare with a snapshot", || {
            let _lock = lock::shared(self.dir(), cancel)?;
            let ([file], pieces) = self.pieces([snapshot], cancel)?;
            let node = locate(&pieces, &file, stored)?;
            between_snapshot_and_live(&pieces, node, live, cancel)
        })
    }
}

/// From one live tree to another, sorted by path; the paths are those below `after`.
///
/// # Errors
/// When one of the trees is not there, or `cancel` was set.
pub fn difference_of_trees(
    before: &Path,
    after: &Path,
    cancel: &CancelFlag,
) -> Result<Vec<FileDifference>, VaultError> {
    let before = Side::live(before)?.unwrap_or(Side::Nothing);
    let side = Side::live(after)?.unwrap_or(Side::Nothing);
    compare(None, &before, &side, after, cancel)
}

/// From a node of a snapshot to live files.
fn between_snapshot_and_live(
    pieces: &Pieces,
    node: Node,
    live: &Path,
    cancel: &CancelFlag,
) -> Result<Vec<FileDifference>, VaultError> {
    let side = Side::live(live)?.unwrap_or(Side::Nothing);
    compare(Some(pieces), &Side::Stored(node), &side, live, cancel)
}

/// Whether the file at `path`, open as `file`, reads back as it is in a snapshot: content, permissions and attributes.
pub(super) fn reads_back(pieces: &Pieces, node: &Node, path: &Path, file: &mut File) -> Result<bool, VaultError> {
    let failed = |error| VaultError::io("read", path, error);
    let metadata = file.metadata().map_err(failed)?;
    let kept = attributes::read(path).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(node::permissions(node).is_none_or(|permissions| permissions == metadata.mode() & 0o7777)
        && attributes::comparable(kept) == attributes::comparable(attributes::of(node))
        && matches_pieces(file, metadata.len(), &lengths(Some(pieces), node)?).map_err(failed)?)
}

/// A path on one side of a comparison.
enum Side {
    Nothing,
    Stored(Node),
    Live(PathBuf, fs::Metadata),
}

#[derive(PartialEq, Eq)]
enum Kind {
    Directory,
    File,
    Link(PathBuf),
    Fifo,
    Socket,
    Device(u64),
}

impl Side {
    fn live(path: &Path) -> Result<Option<Self>, VaultError> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(Self::Live(path.to_owned(), metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VaultError::io("read", path, error)),
        }
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Nothing => None,
            Self::Stored(node) => Some(match &node.node_type {
                NodeType::Dir => Kind::Directory,
                NodeType::File => Kind::File,
                NodeType::Symlink { .. } => Kind::Link(node.node_type.to_link().to_owned()),
                NodeType::Fifo => Kind::Fifo,
                NodeType::Socket => Kind::Socket,
                NodeType::Dev { device } | NodeType::Chardev { device } => Kind::Device(*device),
            }),
            Self::Live(path, metadata) => {
                let kind = metadata.file_type();
                Some(if kind.is_dir() {
                    Kind::Directory
                } else if kind.is_symlink() {
                    Kind::Link(fs::read_link(path).unwrap_or_default())
                } else if kind.is_fifo() {
                    Kind::Fifo
                } else if kind.is_socket() {
                    Kind::Socket
                } else if kind.is_file() {
                    Kind::File
                } else {
                    Kind::Device(metadata.rdev())
                })
            }
        }
    }

    /// Permission bits, where they are known and mean something.
    fn permissions(&self) -> Option<u32> {
        match self {
            Self::Nothing => None,
            Self::Stored(node) if node.is_symlink() || self.is_made_up() => None,
            Self::Stored(node) => node::permissions(node),
            Self::Live(_, metadata) => (!metadata.is_symlink()).then(|| metadata.mode() & 0o7777),
        }
    }

    /// A directory above what was captured: the format needs it, nobody captured it.
    fn is_made_up(&self) -> bool {
        matches!(self, Self::Stored(node) if node.is_dir() && node.meta.mtime.is_none() && node.meta.inode == 0)
    }

    fn bytes(&self, pieces: Option<&Pieces>) -> Result<Option<u64>, VaultError> {
        match self {
            Self::Stored(node) if node.is_file() => {
                Ok(Some(lengths(pieces, node)?.iter().map(|(_, length)| u64::from(*length)).sum()))
            }
            Self::Live(_, metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            _ => Ok(None),
        }
    }

    fn children(&self, pieces: Option<&Pieces>, at: &Path) -> Result<BTreeMap<OsString, Self>, VaultError> {
        match (self, pieces) {
            (Self::Stored(node), Some(pieces)) if node.is_dir() => {
                let nodes = tree::children(pieces, node)
                    .map_err(|detail| VaultError::Damaged { what: format!("directory {}", at.display()), detail })?;
                Ok(nodes.value.into_iter().map(|node| (node.name().into_owned(), Self::Stored(node))).collect())
            }
            (Self::Live(path, metadata), _) if metadata.is_dir() => {
                let paths = source::children(path).map_err(|error| VaultError::io("read", path, error))?;
                let mut found = BTreeMap::new();
                for path in paths {
                    if let (Some(name), Some(side)) = (path.file_name(), Self::live(&path)?) {
                        found.insert(name.to_owned(), side);
                    }
                }
                Ok(found)
            }
            _ => Ok(BTreeMap::new()),
        }
    }
}

fn compare(
    pieces: Option<&Pieces>,
    before: &Side,
    after: &Side,
    at: &Path,
    cancel: &CancelFlag,
) -> Result<Vec<FileDifference>, VaultError> {
    let mut found = Vec::new();
    Comparison { pieces, cancel, found: &mut found }.visit(before, after, at)?;
    found.sort_by(|one: &FileDifference, other| one.path.cmp(&other.path));
    Ok(found)
}

struct Comparison<'a> {
    pieces: Option<&'a Pieces>,
    cancel: &'a CancelFlag,
    found: &'a mut Vec<FileDifference>,
}

impl Comparison<'_> {
    fn visit(&mut self, before: &Side, after: &Side, at: &Path) -> Result<(), VaultError> {
        if self.cancel.is_cancelled() {
            return Err(VaultError::Cancelled);
        }
        if let (Side::Stored(one), Side::Stored(other)) = (before, after)
            && one.is_dir()
            && one.subtree == other.subtree
            && before.permissions() == after.permissions()
        {
            return Ok(());
        }
        let kind = match (before.kind(), after.kind()) {
            (None, None) => return Ok(()),
            (None, Some(_)) => Some(DifferenceKind::Added),
            (Some(_), None) => Some(DifferenceKind::Removed),
            (Some(one), Some(other)) => (one != other
                || modes_differ(before, after)
                || (matches!(one, Kind::Directory | Kind::File) && attributes_differ(before, after))
                || (one == Kind::File && !self.same_content(before, after)?))
            .then_some(DifferenceKind::Changed),
        };
        let made_up = [before, after].iter().any(|side| side.is_made_up());
        // sockets are left out of a restore, so their coming and going is no difference either
        let socket = [before, after].iter().all(|side| matches!(side.kind(), None | Some(Kind::Socket)));
        if let Some(kind) = kind
            && !made_up
            && !socket
        {
            self.found.push(FileDifference {
                path: at.display().to_string(),
                kind,
                before_bytes: before.bytes(self.pieces)?,
                after_bytes: after.bytes(self.pieces)?,
            });
        }
        let mut olds = before.children(self.pieces, at)?;
        let news = after.children(self.pieces, at)?;
        for (name, new) in &news {
            let old = olds.remove(name).unwrap_or(Side::Nothing);
            self.visit(&old, new, &at.join(name))?;
        }
        for (name, old) in &olds {
            self.visit(old, &Side::Nothing, &at.join(name))?;
        }
        Ok(())
    }

    fn same_content(&self, before: &Side, after: &Side) -> Result<bool, VaultError> {
        match (before, after) {
            // one vault cuts equal content into equal pieces
            (Side::Stored(one), Side::Stored(other)) => Ok(one.content == other.content),
            (Side::Stored(node), Side::Live(path, metadata)) | (Side::Live(path, metadata), Side::Stored(node)) => {
                let pieces = lengths(self.pieces, node)?;
                let same = || matches_pieces(&mut source::open_plain(path)?, metadata.len(), &pieces);
                Ok(same().unwrap_or(false))
            }
            (Side::Live(one, metadata), Side::Live(other, other_metadata)) => {
                Ok(metadata.len() == other_metadata.len() && same_bytes(one, other).unwrap_or(false))
            }
            (Side::Nothing, _) | (_, Side::Nothing) => Ok(false),
        }
    }
}

fn modes_differ(before: &Side, after: &Side) -> bool {
    matches!((before.permissions(), after.permissions()), (Some(one), Some(other)) if one != other)
}

/// Attributes that cannot be read count as different.
fn attributes_differ(before: &Side, after: &Side) -> bool {
    if before.is_made_up() || after.is_made_up() {
        return false;
    }
    let of = |side: &Side| match side {
        Side::Nothing => Some(Attributes::new()),
        Side::Stored(node) => Some(attributes::of(node)),
        Side::Live(path, _) => attributes::read(path).ok(),
    };
    match (of(before), of(after)) {
        (Some(one), Some(other)) => attributes::comparable(one) != attributes::comparable(other),
        _ => true,
    }
}

/// The pieces of a file and their bytes.
fn lengths(pieces: Option<&Pieces>, node: &Node) -> Result<Vec<(DataId, u32)>, VaultError> {
    let missing = |detail: String| VaultError::Damaged { what: format!("content of {:?}", node.name), detail };
    let pieces = pieces.ok_or_else(|| missing("there is no index".to_owned()))?;
    node.content.iter().flatten().map(|id| Ok((*id, pieces.length(id).map_err(missing)?))).collect()
}

/// Whether a file, open at its beginning, has this content and nothing more.
fn matches_pieces(file: &mut File, bytes: u64, pieces: &[(DataId, u32)]) -> io::Result<bool> {
    if pieces.iter().map(|(_, length)| u64::from(*length)).sum::<u64>() != bytes {
        return Ok(false);
    }
    let mut buffer = Vec::new();
    for (id, length) in pieces {
        buffer.resize(*length as usize, 0);
        match file.read_exact(&mut buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
        if !id.blob_matches_reader(u64::from(*length), &mut &buffer[..]) {
            return Ok(false);
        }
    }
    Ok(file.read(&mut [0])? == 0)
}

fn same_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (source::open_plain(one)?, source::open_plain(other)?);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        for (file, buffer) in [(&mut one, &mut left), (&mut other, &mut right)] {
            buffer.clear();
            file.by_ref().take(1 << 16).read_to_end(buffer)?;
        }
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}
