//! Putting back from a replica what is damaged or was lost in the vault.

use std::io;

use rustic_core::{FileType, Id};
use serde::{Deserialize, Serialize};

use super::{
    cancel::CancelFlag,
    depot::{Depot, HASHED, file_name, matches_name},
    error::VaultError,
    guard::guarded,
    lock, removed,
    replica::Replica,
    replicate::{listed, only_in},
    repository::Vault,
};

/// What a repair did. Names are those of files in the vault's directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repaired {
    /// Damaged files that are good again.
    pub replaced: Vec<String>,
    /// Lost files that are there again.
    pub put_back: Vec<String>,
    /// Damaged files that the replica does not have in a good state, each with the reason.
    pub beyond_repair: Vec<String>,
    /// Bytes that were fetched.
    pub bytes: u64,
}

impl Repaired {
    /// Whether every file of the vault now is what its name promises.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.beyond_repair.is_empty()
    }
}

impl Vault {
    /// Reads every file of the vault; what is damaged, and what was lost without having been removed on purpose, is fetched from
    /// the replica, checked against its name and put in its place.
    ///
    /// # Errors
    /// When the replica cannot be reached or holds another vault, the vault cannot be read or written, or `cancel` was set. What was
    /// repaired until then stays repaired.
    pub fn repair_from(&self, replica: &Replica, cancel: &CancelFlag) -> Result<Repaired, VaultError> {
        guarded("repair the vault", || {
            let _lock = lock::shared(self.dir(), cancel)?;
            let _alone = lock::replicating(self.dir(), cancel)?;
            let from = replica.reach()?;
            let mut done = Repaired::default();
            if !self.knows(replica)? {
                return Err(replica.error("repair from", &io::Error::other("it is empty")));
            }
            let removed =
                removed::read(&self.directory).map_err(|error| VaultError::io("read from", self.dir(), error))?;
            let here = self.listed_here()?;
            let mut held = Vec::new();
            for kind in HASHED {
                held.push(listed(from, kind).map_err(|error| replica.error("list", &error))?);
            }
            // a pruning that did not know of a snapshot has removed what only that one needed
            let [.., snapshots] = &here;
            let mut unknown = held.last().map(|held| only_in(held, snapshots)).unwrap_or_default();
            unknown.retain(|id| !removed.all.contains(id));
            for ((kind, here), held) in HASHED.into_iter().zip(&here).zip(&held) {
                let mut ids: Vec<&Id> = here.keys().collect();
                ids.sort();
                for id in ids {
                    if cancel.is_cancelled() {
                        return Err(VaultError::Cancelled);
                    }
                    match self.directory.read(kind, id) {
                        Ok(content) if matches_name(kind, id, &content) => continue,
                        // forgotten since it was listed
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        _ => {}
                    }
                    match self.fetch(kind, id, from)? {
                        Ok(bytes) => {
                            done.replaced.push(file_name(kind, id));
                            done.bytes += bytes;
                        }
                        Err(reason) => done.beyond_repair.push(format!("{}: {reason}", file_name(kind, id))),
                    }
                }
                let all = kind != FileType::Snapshot && !unknown.is_empty();
                let mut wanted = only_in(held, here);
                wanted.retain(|id| all || !removed.all.contains(id));
                let back: Vec<_> = wanted.iter().filter(|id| removed.all.contains(*id)).map(|id| (kind, *id)).collect();
                removed::note_back(&self.directory, &back)
                    .map_err(|error| VaultError::io("write to", self.dir(), error))?;
                for id in &wanted {
                    if cancel.is_cancelled() {
                        return Err(VaultError::Cancelled);
                    }
                    // what is damaged there too is of no use here
                    if let Ok(bytes) = self.fetch(kind, id, from)? {
                        done.put_back.push(file_name(kind, id));
                        done.bytes += bytes;
                    }
                }
            }
            Ok(done)
        })
    }

    /// Puts a good file in its place; the inner error says why there is none.
    fn fetch(&self, kind: FileType, id: &Id, from: &dyn Depot) -> Result<Result<u64, String>, VaultError> {
        let content = match from.read(kind, id) {
            Ok(content) if matches_name(kind, id, &content) => content,
            Ok(_) => return Ok(Err(format!("the replica {} has it, but damaged", from.place()))),
            Err(error) => return Ok(Err(format!("the replica {} cannot give it: {error}", from.place()))),
        };
        let bytes = content.len() as u64;
        self.directory
            .write(kind, id, &[content])
            .map_err(|error| VaultError::io("write", &self.directory.file(kind, id), error))?;
        Ok(Ok(bytes))
    }
}
