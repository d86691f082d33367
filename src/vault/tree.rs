//! Finding one's way in the tree of a snapshot.

use std::path::{Component, Path, PathBuf};

use rustic_core::{
    IndexedFullStatus, Repository, TreeId,
    repofile::{Node, NodeType, SnapshotFile},
};

use super::error::{VaultError, one_line};

/// A snapshot's files, with the index that finds their content.
pub(super) type Indexed = Repository<IndexedFullStatus>;

/// The content of a directory; the error says why it cannot be read.
pub(super) fn children(repository: &Indexed, dir: &Node) -> Result<Vec<Node>, String> {
    let id = dir.subtree.ok_or_else(|| "the snapshot says nothing about its content".to_owned())?;
    nodes(repository, &id)
}

fn nodes(repository: &Indexed, id: &TreeId) -> Result<Vec<Node>, String> {
    let tree = repository.get_tree(id).map_err(|error| one_line(&error))?;
    for node in &tree.nodes {
        let name = node.name();
        let mut parts = Path::new(&*name).components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == &*name) {
            return Err(format!("the name {:?} in the snapshot is not one of a file", node.name));
        }
    }
    Ok(tree.nodes)
}

/// The node at `path`; the root itself is a directory without a name.
pub(super) fn locate(repository: &Indexed, snapshot: &SnapshotFile, path: &Path) -> Result<Node, VaultError> {
    let missing = || VaultError::NotInSnapshot { id: snapshot.id.to_hex().to_string(), path: path.to_owned() };
    let mut node = root(snapshot);
    let mut walked = PathBuf::from("/");
    for part in path.components() {
        let Component::Normal(name) = part else { continue };
        if !node.is_dir() {
            return Err(missing());
        }
        let children = children(repository, &node)
            .map_err(|detail| VaultError::Damaged { what: format!("directory {}", walked.display()), detail })?;
        walked.push(name);
        node = children.into_iter().find(|child| child.name() == name).ok_or_else(missing)?;
    }
    Ok(node)
}

/// The directory that holds everything in the snapshot.
pub(super) fn root(snapshot: &SnapshotFile) -> Node {
    Node { node_type: NodeType::Dir, subtree: Some(snapshot.tree), ..Node::default() }
}
