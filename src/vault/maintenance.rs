//! What concerns the vault as a whole: checking it, forgetting snapshots, giving back room.

use std::fs;

use rustic_core::{CheckOptions, FileType, Id, PruneOptions, RepairIndexOptions, WriteBackend};
use serde::{Deserialize, Serialize};

use super::{
    cancel::CancelFlag,
    depot::{Depot, HASHED},
    error::VaultError,
    guard::guarded,
    lock, removed,
    repository::{UNFINISHED, Vault, snapshot_files, write_error},
};

/// How often a check is begun again that the format engine gave up for no reason of the vault's.
const PATIENCE: u32 = 10;

/// What a check of the whole vault found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Damage: something is missing or altered.
    pub problems: Vec<String>,
    /// Harmless remains, such as packs of an interrupted snapshot.
    pub remarks: Vec<String>,
}

impl CheckReport {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Vault {
    /// Checks the structure of the whole vault; with `read_data` also every byte.
    ///
    /// # Errors
    /// When the vault cannot be read at all; damage that was found is in the report.
    pub fn check(&self, read_data: bool) -> Result<CheckReport, VaultError> {
        for _ in 0..PATIENCE {
            match self.check_once(read_data) {
                // on a busy host the format engine gives up on threads of its own that have not ended yet
                Err(VaultError::Panicked { detail, .. }) if detail.starts_with("index still in use") => {}
                checked => return checked,
            }
        }
        self.check_once(read_data)
    }

    fn check_once(&self, read_data: bool) -> Result<CheckReport, VaultError> {
        guarded("check the vault", || {
            let cancel = CancelFlag::new();
            let _lock = lock::shared(self.dir(), &cancel)?;
            let (repository, _) = self.connect_alone(cancel)?;
            let (files, unreadable) = snapshot_files(&repository)?;
            let mut report = CheckReport { problems: unreadable, remarks: Vec::new() };
            let results = repository
                .check_with_trees(
                    CheckOptions::default().read_data(read_data),
                    files.iter().map(|file| file.tree).collect(),
                )
                .map_err(|error| VaultError::damaged("index", &error))?;
            for (level, finding) in results.0 {
                // the level's type is not public, its name is
                let damage = format!("{level:?}") == "Error";
                if damage { &mut report.problems } else { &mut report.remarks }.push(finding.to_string());
            }
            Ok(report)
        })
    }

    /// Removes snapshots; their data goes with the next `prune`. Ids that are already gone are no error.
    ///
    /// # Errors
    /// When an id is not one, or a file cannot be removed.
    pub fn forget(&self, ids: &[String]) -> Result<(), VaultError> {
        let _lock = lock::shared(self.dir(), &CancelFlag::new())?;
        let mut files = Vec::new();
        for id in ids {
            let parsed: Id = id.parse().map_err(|_| VaultError::NoSuchSnapshot { id: id.clone(), matches: 0 })?;
            files.push((FileType::Snapshot, parsed));
        }
        removed::note(&self.directory, &files).map_err(|error| VaultError::io("write to", self.dir(), error))?;
        files.iter().try_for_each(|(_, id)| self.drop_snapshot(id))
    }

    /// Removes a snapshot that no replica has.
    pub(super) fn drop_snapshot(&self, id: &Id) -> Result<(), VaultError> {
        let kind = FileType::Snapshot;
        let act = || {
            self.directory.remove(kind, id)?;
            self.directory.settle(kind)
        };
        act().map_err(|error| VaultError::io("remove", &self.directory.file(kind, id), error))
    }

    /// Gives back the room of data that no snapshot needs: marked first, removed a day later, while nobody else uses the vault.
    ///
    /// # Errors
    /// When somebody else uses the vault, restic included, or it is damaged.
    pub fn prune(&self, cancel: &CancelFlag) -> Result<(), VaultError> {
        self.prune_as(&PruneOptions::default(), cancel)
    }

    pub(super) fn prune_as(&self, options: &PruneOptions, cancel: &CancelFlag) -> Result<(), VaultError> {
        guarded("prune the vault", || {
            let _lock = lock::exclusive(self.dir(), cancel)?;
            let foreign = self.dir().join("locks");
            if fs::read_dir(&foreign).is_ok_and(|mut entries| entries.next().is_some()) {
                let holder = format!("restic (a file in {}; `restic unlock` removes a stale one)", foreign.display());
                return Err(VaultError::Locked { vault: self.dir().to_owned(), holder });
            }
            let (repository, _) = self.connect_alone(cancel.clone())?;
            // nobody else is here, so whatever is unfinished was killed
            let (files, _) = snapshot_files(&repository)?;
            for file in files.iter().filter(|file| file.tags.contains(UNFINISHED)) {
                self.drop_snapshot(&file.id)?;
            }
            self.directory.prepare().map_err(|error| VaultError::io("clean", self.dir(), error))?;
            self.mend_index(cancel)?;
            let (repository, store) = self.connect_alone(cancel.clone())?;
            let failed = |error: &rustic_core::RusticError| write_error("prune the vault", self.dir(), &store, error);
            let plan = repository.prune_plan(options).map_err(|error| failed(&error))?;
            repository.prune(options, plan).map_err(|error| failed(&error))?;
            removed::settle(&self.directory).map_err(|error| VaultError::io("write to", self.dir(), error))
        })
    }

    /// Replaces damaged parts of the index by what the packs say is in them. Only while nobody else uses the vault.
    fn mend_index(&self, cancel: &CancelFlag) -> Result<(), VaultError> {
        let (repository, store) = self.connect_alone(cancel.clone())?;
        let kind = FileType::Index;
        let mut damaged = self.directory.list(kind).map_err(|error| VaultError::io("list", self.dir(), error))?;
        damaged.retain(|(id, _)| store.sound(kind, id).is_err());
        if damaged.is_empty() {
            return Ok(());
        }
        store.leave_out_damaged_index();
        let failed = |error: &rustic_core::RusticError| write_error("mend the index", self.dir(), &store, error);
        repository.repair_index(&RepairIndexOptions::default(), false).map_err(|error| failed(&error))?;
        for (id, _) in damaged {
            store.remove(kind, &id, false).map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// Bytes that the vault takes on disk.
    ///
    /// # Errors
    /// When its files cannot be listed.
    pub fn total_size(&self) -> Result<u64, VaultError> {
        let mut total = 0;
        for kind in HASHED.into_iter().chain([FileType::Config]) {
            let files = self.directory.list(kind).map_err(|error| VaultError::io("list", self.dir(), error))?;
            total += files.iter().map(|(_, bytes)| bytes).sum::<u64>();
        }
        Ok(total)
    }
}
