//! Whether everything that a snapshot refers to is among the files of a repository.

use std::collections::HashSet;

use rustic_core::{
    BlobId, Id, OpenStatus, Repository, TreeId,
    repofile::{IndexFile, IndexId, SnapshotFile},
};

use super::{error::VaultError, pieces::Pieces};

/// What a chosen part of the index knows.
pub(super) struct Whole {
    pieces: Pieces,
    known: HashSet<BlobId>,
    sound: HashSet<TreeId>,
}

impl Whole {
    /// Knows what the given parts of the index know; those that cannot be read know nothing.
    pub(super) fn new(
        repository: Repository<OpenStatus>,
        indexes: impl Iterator<Item = Id>,
    ) -> Result<Self, VaultError> {
        let mut known = HashSet::new();
        for id in indexes {
            if let Ok(index) = repository.get_file::<IndexFile>(&IndexId::from(id)) {
                known.extend(index.packs.iter().flat_map(|pack| &pack.blobs).map(|blob| blob.id));
            }
        }
        let indexed = repository.to_indexed().map_err(|error| VaultError::damaged("index", &error))?;
        Ok(Self { pieces: Pieces::of(indexed), known, sound: HashSet::new() })
    }

    /// What a snapshot refers to and is not known; none when it is whole.
    pub(super) fn lacks(&mut self, snapshot: &SnapshotFile) -> Option<String> {
        self.walk(snapshot.tree).err()
    }

    fn walk(&mut self, id: TreeId) -> Result<(), String> {
        if self.sound.contains(&id) {
            return Ok(());
        }
        if !self.known.contains(&BlobId::from(*id)) {
            return Err("the list of names of one of its directories is missing or damaged".to_owned());
        }
        let tree = self.pieces.tree(&id)?.value;
        for node in &tree.nodes {
            if node.content.iter().flatten().any(|piece| !self.known.contains(&BlobId::from(**piece))) {
                return Err(format!("content of a file named {:?} is missing or damaged", node.name));
            }
            if let Some(subtree) = node.subtree {
                self.walk(subtree)?;
            }
        }
        self.sound.insert(id);
        Ok(())
    }
}
