//! Proving one snapshot: every byte of it is read and checked, and what is damaged is named by file.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use rustic_core::{DataId, repofile::Node};

use super::{
    cancel::CancelFlag, error::VaultError, guard::guarded, lock, pieces::Pieces, repository::Vault, stage::FileProblem,
    tree,
};

impl Vault {
    /// Reads everything a snapshot holds here, whatever a replica may have, and gives the files that cannot be restored from it, with
    /// the reason; none when it is proved whole.
    ///
    /// # Errors
    /// When the snapshot or the vault's index cannot be read at all.
    pub fn verify(&self, snapshot: &str, cancel: &CancelFlag) -> Result<Vec<FileProblem>, VaultError> {
        guarded("verify a snapshot", || {
            let _lock = lock::shared(self.dir(), cancel)?;
            let ([file], pieces) = self.pieces_here([snapshot], cancel)?;
            let mut proof = Proof { pieces: &pieces, cancel, sound: HashSet::new(), problems: Vec::new() };
            proof.visit(&tree::root(&file), &PathBuf::from("/"))?;
            Ok(proof.problems)
        })
    }
}

struct Proof<'a> {
    pieces: &'a Pieces,
    cancel: &'a CancelFlag,
    /// Pieces that were read already; many files may share one.
    sound: HashSet<DataId>,
    problems: Vec<FileProblem>,
}

impl Proof<'_> {
    fn visit(&mut self, node: &Node, at: &Path) -> Result<(), VaultError> {
        if self.cancel.is_cancelled() {
            return Err(VaultError::Cancelled);
        }
        if node.is_dir() {
            match tree::children(self.pieces, node) {
                Ok(children) => {
                    for child in &children.value {
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
            if !self.sound.contains(id) {
                self.pieces.data(id)?;
                self.sound.insert(*id);
            }
        }
        Ok(())
    }
}
