//! Finding one's way in the tree of a snapshot.

use std::path::{Component, Path, PathBuf};

use rustic_core::repofile::{Node, NodeType, SnapshotFile};

use super::{
    error::VaultError,
    pieces::{Pieces, Read},
};

/// The content of a directory; the error says why it cannot be read.
pub(super) fn children(pieces: &Pieces, dir: &Node) -> Result<Read<Vec<Node>>, String> {
    let id = dir.subtree.ok_or_else(|| "the snapshot says nothing about its content".to_owned())?;
    let tree = pieces.tree(&id)?;
    for node in &tree.value.nodes {
        let name = node.name();
        let mut parts = Path::new(&*name).components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == &*name) {
            return Err(format!("the name {:?} in the snapshot is not one of a file", node.name));
        }
    }
    Ok(Read { value: tree.value.nodes, fetched: tree.fetched })
}

/// The node at `path`; the root itself is a directory without a name.
pub(super) fn locate(pieces: &Pieces, snapshot: &SnapshotFile, path: &Path) -> Result<Node, VaultError> {
    let missing = || VaultError::NotInSnapshot { id: snapshot.id.to_hex().to_string(), path: path.to_owned() };
    let mut node = root(snapshot);
    let mut walked = PathBuf::from("/");
    for part in path.components() {
        let Component::Normal(name) = part else { continue };
        if !node.is_dir() {
            return Err(missing());
        }
        let children = children(pieces, &node)
            .map_err(|detail| VaultError::Damaged { what: format!("directory {}", walked.display()), detail })?;
        walked.push(name);
        node = children.value.into_iter().find(|child| child.name() == name).ok_or_else(missing)?;
    }
    Ok(node)
}

/// The directory that holds everything in the snapshot.
pub(super) fn root(snapshot: &SnapshotFile) -> Node {
    Node { node_type: NodeType::Dir, subtree: Some(snapshot.tree), ..Node::default() }
}
