//! Copying the vault's files to a replica. Files never change and are named after their content, so a copy needs no format and
//! goes on where it was cut off; the order of writing keeps the replica whole at every moment.

use std::{
    collections::{HashMap, HashSet},
    io,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use rustic_core::{FileType, Id};
use serde::{Deserialize, Serialize};

use super::{
    cancel::CancelFlag,
    depot::{Depot, HASHED, file_name, matches_name},
    error::VaultError,
    guard::guarded,
    lock, removed,
    replica::Replica,
    repository::{UNFINISHED, Vault, describe, snapshot_files},
    spare,
};

/// What a replication did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replicated {
    /// Files that the replica did not have.
    pub copied_files: u64,
    /// Bytes in them.
    pub copied_bytes: u64,
    /// Files that the vault pruned and the replica still had.
    pub removed_files: u64,
    /// Files of the vault that are damaged and were not copied.
    pub damaged: Vec<String>,
}

/// How far a replica is behind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaState {
    /// Snapshots that both have.
    pub snapshots: u64,
    /// Ids of those that only the vault has, oldest first.
    pub missing_snapshots: Vec<String>,
    /// When the oldest of those was taken: what was saved since then would go with the vault.
    pub oldest_missing_at: Option<DateTime<Utc>>,
    /// Files of any kind that only the vault has.
    pub missing_files: u64,
    /// Bytes in them.
    pub missing_bytes: u64,
}

type Files = HashMap<Id, u64>;

impl Vault {
    /// Copies to the replica what it does not have, and removes there what a pruning removed here. What is copied is checked
    /// against its name first; what is damaged here is reported and does not replace what is good there.
    ///
    /// # Errors
    /// When the replica cannot be reached or written, holds another vault, or `cancel` was set; the next call goes on from there.
    pub fn replicate(&self, replica: &Replica, cancel: &CancelFlag) -> Result<Replicated, VaultError> {
        guarded("copy the vault", || {
            let _lock = lock::shared(self.dir(), cancel)?;
            let (repository, _) = self.connect_alone(cancel.clone())?;
            let drafts: HashSet<Id> = snapshot_files(&repository)?
                .0
                .iter()
                .filter(|file| file.tags.contains(UNFINISHED))
                .map(|file| *file.id)
                .collect();
            // A capture may go on meanwhile: what is listed needs only what was written before, which is listed after.
            let mut here = Vec::new();
            for kind in HASHED.into_iter().rev() {
                here.push(self.files(kind)?);
            }
            here.reverse();
            self.claim(replica)?;
            let to = replica.depot();
            let mut done = Replicated::default();
            let mut there = Vec::new();
            for (kind, here) in HASHED.into_iter().zip(&here) {
                let held = listed(to.as_ref(), kind).map_err(|error| replica.error("list", &error))?;
                let mut missing: Vec<&Id> = here
                    .iter()
                    .filter(|(id, bytes)| held.get(id) != Some(bytes) && !drafts.contains(id))
                    .map(|(id, _)| id)
                    .collect();
                missing.sort();
                for id in missing {
                    if cancel.is_cancelled() {
                        return Err(VaultError::Cancelled);
                    }
                    self.copy(kind, id, replica, &mut done)?;
                }
                there.push(held);
            }
            let removed =
                removed::read(&self.directory).map_err(|error| VaultError::io("read from", self.dir(), error))?;
            for (kind, (there, here)) in HASHED.into_iter().zip(there.iter().zip(&here)).rev() {
                for id in there.keys().filter(|id| !here.contains_key(id)) {
                    if cancel.is_cancelled() {
                        return Err(VaultError::Cancelled);
                    }
                    if removed.for_good.contains(id) {
                        to.remove(kind, id).map_err(|error| replica.error("remove a file from", &error))?;
                        done.removed_files += 1;
                    }
                }
            }
            Ok(done)
        })
    }

    /// How far the replica is behind.
    ///
    /// # Errors
    /// When the vault or the replica cannot be read, or the replica holds another vault.
    pub fn replica_state(&self, replica: &Replica) -> Result<ReplicaState, VaultError> {
        guarded("look at the replica", || {
            let cancel = CancelFlag::new();
            let _lock = lock::shared(self.dir(), &cancel)?;
            let (repository, _) = self.connect_alone(cancel)?;
            let is_empty = self.config_of(replica)?.is_none();
            let mut state = ReplicaState::default();
            let mut drafts = HashSet::new();
            let list = |kind| {
                if is_empty {
                    return Ok(Files::new());
                }
                listed(replica.depot().as_ref(), kind).map_err(|error| replica.error("list", &error))
            };
            let held = list(FileType::Snapshot)?;
            for file in snapshot_files(&repository)?.0 {
                if file.tags.contains(UNFINISHED) {
                    drafts.insert(*file.id);
                } else if held.contains_key(&file.id) {
                    state.snapshots += 1;
                } else {
                    let at = describe(&file).at;
                    state.oldest_missing_at = Some(state.oldest_missing_at.map_or(at, |oldest| oldest.min(at)));
                    state.missing_snapshots.push(file.id.to_hex().to_string());
                }
            }
            for kind in HASHED {
                let held = if kind == FileType::Snapshot { held.clone() } else { list(kind)? };
                for (id, bytes) in self.files(kind)? {
                    if held.get(&id) != Some(&bytes) && !drafts.contains(&id) {
                        state.missing_files += 1;
                        state.missing_bytes += bytes;
                    }
                }
            }
            Ok(state)
        })
    }

    fn files(&self, kind: FileType) -> Result<Files, VaultError> {
        listed(&self.directory, kind).map_err(|error| VaultError::io("list", self.dir(), error))
    }

    /// Makes sure that the replica is one of this vault; an empty place becomes one.
    fn claim(&self, replica: &Replica) -> Result<(), VaultError> {
        if self.config_of(replica)?.is_some() {
            return Ok(());
        }
        let to = replica.depot();
        let failed = |error: io::Error| replica.error("write to", &error);
        for kind in [FileType::Pack, FileType::Index, FileType::Snapshot] {
            if !to.list(kind).map_err(failed)?.is_empty() {
                return Err(VaultError::OtherVault { place: replica.place() });
            }
        }
        to.create().map_err(failed)?;
        for id in self.files(FileType::Key)?.keys() {
            self.copy(FileType::Key, id, replica, &mut Replicated::default())?;
        }
        let id = Id::default();
        let config = self.directory.read(FileType::Config, &id);
        let config =
            config.map_err(|error| VaultError::io("read", &self.directory.file(FileType::Config, &id), error))?;
        to.write(FileType::Config, &id, &[config]).map_err(failed)
    }

    /// The replica's config, none when it is empty.
    fn config_of(&self, replica: &Replica) -> Result<Option<Bytes>, VaultError> {
        match replica.depot().read(FileType::Config, &Id::default()) {
            Ok(config) => {
                // the config is encrypted, so whatever our key opens is ours
                let opens = guarded("open the replica", || spare::repository(replica, &self.key).map(|_| ()));
                if opens.is_err() {
                    return Err(VaultError::OtherVault { place: replica.place() });
                }
                Ok(Some(config))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(replica.error("read", &error)),
        }
    }

    fn copy(&self, kind: FileType, id: &Id, replica: &Replica, done: &mut Replicated) -> Result<(), VaultError> {
        let content = match self.directory.read(kind, id) {
            // forgotten since it was listed
            Err(error) if kind == FileType::Snapshot && error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Ok(content) if matches_name(kind, id, &content) => content,
            Ok(_) => {
                done.damaged.push(format!("{}: its content was altered", file_name(kind, id)));
                return Ok(());
            }
            Err(error) => {
                done.damaged.push(format!("{}: {error}", file_name(kind, id)));
                return Ok(());
            }
        };
        let bytes = content.len() as u64;
        replica.depot().write(kind, id, &[content]).map_err(|error| replica.error("write to", &error))?;
        done.copied_files += 1;
        done.copied_bytes += bytes;
        Ok(())
    }
}

fn listed(depot: &dyn Depot, kind: FileType) -> io::Result<Files> {
    Ok(depot.list(kind)?.into_iter().collect())
}
