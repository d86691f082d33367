//! Copying the vault's files to a replica. Files never change and are named after their content, so a copy needs no format and
//! goes on where it was cut off; the order of writing and removing keeps the replica whole at every moment.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
};

use rustic_core::{
    FileType, Id, OpenStatus, Repository,
    repofile::{IndexFile, IndexId, SnapshotFile},
};
use serde::{Deserialize, Serialize};

use super::{
    cancel::CancelFlag,
    depot::{Depot, HASHED, file_name, matches_name},
    error::{VaultError, one_line},
    guard::guarded,
    lock, removed,
    replica::Replica,
    repository::{UNFINISHED, Vault, snapshot_files},
    spare,
    whole::Whole,
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
    /// Ids of snapshots that the replica has now and did not have before.
    pub new_snapshots: Vec<String>,
    /// What is damaged in the vault and therefore was not copied, one line each.
    pub withheld: Vec<String>,
    /// Names of files that the replica has and the vault lost. While there are any, nothing is removed there; a repair puts them back.
    pub lost: Vec<String>,
}

impl Replicated {
    /// Whether the vault was found sound as far as it was looked at.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.withheld.is_empty() && self.lost.is_empty()
    }
}

/// Names and lengths.
pub(super) type Files = HashMap<Id, u64>;

impl Vault {
    /// Copies to the replica what it does not have, and removes there what a pruning removed here. What is copied is checked
    /// against its name first; what is damaged here neither goes there nor replaces what is good there, and what was lost here stays
    /// there. A pruning waits meanwhile.
    ///
    /// # Errors
    /// When the replica cannot be reached or written, holds another vault, or `cancel` was set; the next call goes on from there.
    pub fn replicate(&self, replica: &Replica, cancel: &CancelFlag) -> Result<Replicated, VaultError> {
        guarded("copy the vault", || {
            let _lock = lock::shared(self.dir(), cancel)?;
            let _alone = lock::replicating(self.dir(), cancel)?;
            let to = replica.reach()?;
            self.claim(replica)?;
            let (repository, _) = self.connect_alone(cancel.clone())?;
            // A capture may go on meanwhile: what is listed needs only what was written before, and that is listed after.
            let snapshots = snapshot_files(&repository)?;
            let [keys, packs, indexes, all_snapshots] = self.listed_here()?;
            let mut held = Vec::new();
            for kind in HASHED {
                held.push(listed(to, kind).map_err(|error| replica.error("list", &error))?);
            }
            let mut copy = Copy { vault: self, replica, to, cancel, done: Replicated::default() };
            copy.files(FileType::Key, &keys, &held[0])?;
            let refused = copy.files(FileType::Pack, &packs, &held[1])?;
            let there = packs.keys().filter(|id| !refused.contains(*id)).chain(held[1].keys()).copied().collect();
            let refused = copy.indexes(&repository, &indexes, &held[2], &there)?;
            let copied = indexes.keys().filter(|id| !refused.contains(*id)).copied();
            copy.snapshots(snapshots, &held[3], |repository| Whole::new(repository, copied))?;
            let here = [keys, packs, indexes, all_snapshots];
            copy.removals(&here, &held)?;
            Ok(copy.done)
        })
    }

    /// What lies here by kind, listed so that each file's needs are listed too.
    pub(super) fn listed_here(&self) -> Result<[Files; 4], VaultError> {
        let mut found = [const { None }; 4];
        for (slot, kind) in found.iter_mut().zip(HASHED).rev() {
            let files = listed(&self.directory, kind).map_err(|error| VaultError::io("list", self.dir(), error))?;
            *slot = Some(files);
        }
        Ok(found.map(Option::unwrap_or_default))
    }

    /// Makes sure that the replica is one of this vault; an empty place becomes one.
    fn claim(&self, replica: &Replica) -> Result<(), VaultError> {
        let to = replica.depot();
        if fs::canonicalize(replica.place()).is_ok_and(|path| path == self.dir()) {
            return Err(replica.error("use", &io::Error::other("it is the vault itself")));
        }
        let failed = |error: io::Error| replica.error("write to", &error);
        if self.knows(replica)? {
            return to.prepare().map_err(failed);
        }
        for kind in [FileType::Pack, FileType::Index, FileType::Snapshot] {
            if !to.list(kind).map_err(failed)?.is_empty() {
                return Err(VaultError::OtherVault { place: replica.place() });
            }
        }
        to.prepare().map_err(failed)?;
        let id = Id::default();
        let config = self.directory.read(FileType::Config, &id);
        let config =
            config.map_err(|error| VaultError::io("read", &self.directory.file(FileType::Config, &id), error))?;
        to.write(FileType::Config, &id, &[config]).map_err(failed)
    }

    /// Whether there is a repository at the place; one of another vault is an error.
    pub(super) fn knows(&self, replica: &Replica) -> Result<bool, VaultError> {
        let id = Id::default();
        let theirs = match replica.depot().read(FileType::Config, &id) {
            Ok(config) => config,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(replica.error("read", &error)),
        };
        if self.directory.read(FileType::Config, &id).is_ok_and(|ours| ours == theirs) {
            return Ok(true);
        }
        // the config is encrypted, so whatever our key opens is ours
        let opens = guarded("open the replica", || spare::repository(replica, &self.key).map(|_| ()));
        opens.map(|()| true).map_err(|_| VaultError::OtherVault { place: replica.place() })
    }
}

/// One replication.
struct Copy<'a> {
    vault: &'a Vault,
    replica: &'a Replica,
    to: &'a dyn Depot,
    cancel: &'a CancelFlag,
    done: Replicated,
}

impl Copy<'_> {
    fn go_on(&self) -> Result<(), VaultError> {
        if self.cancel.is_cancelled() { Err(VaultError::Cancelled) } else { Ok(()) }
    }

    /// Copies what is missing there, and gives the ids of what is damaged here.
    fn files(&mut self, kind: FileType, here: &Files, held: &Files) -> Result<HashSet<Id>, VaultError> {
        let mut refused = HashSet::new();
        for id in missing(here, held) {
            if !self.file(kind, &id)? {
                refused.insert(id);
            }
        }
        Ok(refused)
    }

    /// Copies the parts of the index whose packs are all there, and gives the ids of the others.
    fn indexes(
        &mut self,
        repository: &Repository<OpenStatus>,
        here: &Files,
        held: &Files,
        there: &HashSet<Id>,
    ) -> Result<HashSet<Id>, VaultError> {
        let mut refused = HashSet::new();
        for id in missing(here, held) {
            let index = match repository.get_file::<IndexFile>(&IndexId::from(id)) {
                Ok(index) => index,
                Err(error) => {
                    self.done.withheld.push(format!("{}: {}", file_name(FileType::Index, &id), one_line(&error)));
                    refused.insert(id);
                    continue;
                }
            };
            if let Some(pack) = index.packs.iter().map(|pack| *pack.id).find(|pack| !there.contains(pack)) {
                let needs = file_name(FileType::Pack, &pack);
                let name = file_name(FileType::Index, &id);
                self.done.withheld.push(format!("{name}: it needs {needs}, which is missing or damaged"));
                refused.insert(id);
            } else if !self.file(FileType::Index, &id)? {
                refused.insert(id);
            }
        }
        Ok(refused)
    }

    /// Copies the snapshots of which everything is there, oldest first.
    fn snapshots(
        &mut self,
        (files, unreadable): (Vec<SnapshotFile>, Vec<String>),
        held: &Files,
        whole: impl FnOnce(Repository<OpenStatus>) -> Result<Whole, VaultError>,
    ) -> Result<(), VaultError> {
        self.done.withheld.extend(unreadable);
        let files: Vec<&SnapshotFile> =
            files.iter().filter(|file| !file.tags.contains(UNFINISHED) && !held.contains_key(&file.id)).collect();
        if files.is_empty() {
            return Ok(());
        }
        let (repository, store) = self.vault.connect_alone(self.cancel.clone())?;
        store.leave_out_damaged_index();
        let mut whole = whole(repository)?;
        for file in files {
            self.go_on()?;
            match whole.lacks(file) {
                Some(what) => {
                    self.done.withheld.push(format!("{}: {what}", file_name(FileType::Snapshot, &file.id)));
                }
                None if self.file(FileType::Snapshot, &file.id)? => {
                    self.done.new_snapshots.push(file.id.to_hex().to_string());
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Removes what was pruned here, unless something was lost here: then what it needs might be among it.
    fn removals(&mut self, here: &[Files; 4], held: &[Files]) -> Result<(), VaultError> {
        let removed = removed::read(&self.vault.directory)
            .map_err(|error| VaultError::io("read from", self.vault.dir(), error))?;
        let only_there: Vec<Vec<Id>> = here.iter().zip(held).map(|(here, held)| only_in(held, here)).collect();
        for (kind, ids) in HASHED.into_iter().zip(&only_there) {
            let lost = ids.iter().filter(|id| !removed.all.contains(*id));
            self.done.lost.extend(lost.map(|id| file_name(kind, id)));
        }
        if !self.done.lost.is_empty() {
            return Ok(());
        }
        for (kind, ids) in HASHED.into_iter().zip(&only_there).rev() {
            let failed = |error: io::Error| self.replica.error("remove a file from", &error);
            let mut any = false;
            for id in ids.iter().filter(|id| removed.for_good.contains(*id)) {
                self.go_on()?;
                self.to.remove(kind, id).map_err(failed)?;
                self.done.removed_files += 1;
                any = true;
            }
            if any {
                self.to.settle(kind).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Copies one file; says no when it is damaged here.
    fn file(&mut self, kind: FileType, id: &Id) -> Result<bool, VaultError> {
        self.go_on()?;
        let problem = match self.vault.directory.read(kind, id) {
            // forgotten since it was listed
            Err(error) if kind == FileType::Snapshot && error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => error.to_string(),
            Ok(content) if matches_name(kind, id, &content) => {
                let bytes = content.len() as u64;
                self.to.write(kind, id, &[content]).map_err(|error| self.replica.error("write to", &error))?;
                self.done.copied_files += 1;
                self.done.copied_bytes += bytes;
                return Ok(true);
            }
            Ok(_) => "its content was altered".to_owned(),
        };
        self.done.withheld.push(format!("{}: {problem}", file_name(kind, id)));
        Ok(false)
    }
}

/// What the one has and the other has not, or with another length, in the order of the names.
pub(super) fn missing(one: &Files, other: &Files) -> Vec<Id> {
    let mut missing: Vec<Id> =
        one.iter().filter(|(id, bytes)| other.get(id) != Some(bytes)).map(|(id, _)| *id).collect();
    missing.sort();
    missing
}

/// What the one has and the other has not, in the order of the names.
pub(super) fn only_in(one: &Files, other: &Files) -> Vec<Id> {
    let mut only: Vec<Id> = one.keys().filter(|id| !other.contains_key(*id)).copied().collect();
    only.sort();
    only
}

pub(super) fn listed(depot: &dyn Depot, kind: FileType) -> io::Result<Files> {
    Ok(depot.list(kind)?.into_iter().collect())
}
