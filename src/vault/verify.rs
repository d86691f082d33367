//! Proving one snapshot: every byte of it is read and checked, and what is damaged is named by file.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use rustic_core::{
    BlobId,
    repofile::{BlobType, Node},
};

use super::{
    cancel::CancelFlag,
    error::{VaultError, one_line},
    guard::guarded,
    lock,
    repository::Vault,
    stage::FileProblem,
    tree::{self, Indexed},
};

impl Vault {
    /// Reads everything a snapshot holds and gives the files that cannot be restored, with the reason; none when it is proved whole.
    ///
    /// # Errors
    /// When the snapshot or the vault's index cannot be read at all.
    pub fn verify(&self, snapshot: &str, cancel: &CancelFlag) -> Result<Vec<FileProblem>, VaultError> {
        guarded("verify a snapshot", || {
            let _lock = lock::shared(self.dir(), cancel)?;
            let (repository, _) = self.connect(cancel.clone())?;
            let root = tree::root(&self.find(&repository, snapshot)?);
            let repository = repository.to_indexed().map_err(|error| VaultError::damaged("index", &error))?;
            let mut proof = Proof { repository: &repository, cancel, sound: HashSet::new(), problems: Vec::new() };
            proof.visit(&root, &PathBuf::from("/"))?;
            Ok(proof.problems)
        })
    }
}

struct Proof<'a> {
    repository: &'a Indexed,
    cancel: &'a CancelFlag,
    /// Pieces that were read already; many files may share one.
    sound: HashSet<BlobId>,
    problems: Vec<FileProblem>,
}

impl Proof<'_> {
    fn visit(&mut self, node: &Node, at: &Path) -> Result<(), VaultError> {
        if self.cancel.is_cancelled() {
            return Err(VaultError::Cancelled);
        }
        if node.is_dir() {
            match tree::children(self.repository, node) {
                Ok(children) => {
                    for child in &children {
                        self.visit(child, &at.join(child.name()))?;
                    }
                }
                Err(problem) => self.problems.push(FileProblem { path: at.display().to_string(), problem }),
            }
        } else if let Err(problem) = self.content(node) {
            self.problems.push(FileProblem { path: at.display().to_string(), problem });
        }
        Ok(())
    }

    fn content(&mut self, node: &Node) -> Result<(), String> {
        for id in node.content.iter().flatten() {
            let blob_id = BlobId::from(**id);
            if self.sound.contains(&blob_id) {
                continue;
            }
            let blob = self.repository.get_blob_cached(&blob_id, BlobType::Data).map_err(|error| one_line(&error))?;
            if !id.blob_matches_reader(blob.len() as u64, &mut &blob[..]) {
                return Err("its content in the vault does not match its hash".to_owned());
            }
            self.sound.insert(blob_id);
        }
        Ok(())
    }
}
