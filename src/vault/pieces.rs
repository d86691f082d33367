//! The content of snapshots, piece by piece: what is damaged or missing here comes from the replica, and whoever reads is told.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rustic_core::{
    BlobId, DataId, FileType, IndexedFullStatus, OpenStatus, RepairIndexOptions, Repository, TreeId,
    repofile::{BlobType, MasterKey, SnapshotFile, Tree},
};

use super::{
    cancel::CancelFlag,
    depot::Depot,
    error::{VaultError, one_line},
    replica::Replica,
    repository::Vault,
    spare,
    store::Store,
};

/// A repository with the index that finds its content.
pub(super) type Indexed = Repository<IndexedFullStatus>;

/// What was read, and from where.
#[derive(Debug)]
pub(super) struct Read<T> {
    pub(super) value: T,
    /// It came from the replica, because it is damaged or missing here.
    pub(super) fetched: bool,
}

/// Reads pieces of content; may be shared by threads.
pub(super) struct Pieces {
    here: Indexed,
    behind: Option<Behind>,
}

struct Behind {
    replica: Arc<Replica>,
    key: MasterKey,
    opened: OnceLock<Result<Indexed, String>>,
}

impl Behind {
    fn repository(&self) -> Result<&Indexed, String> {
        let open = || spare::repository(&self.replica, &self.key).and_then(index).map_err(|error| error.to_string());
        self.opened.get_or_init(open).as_ref().map_err(Clone::clone)
    }
}

impl Vault {
    /// Snapshots by their ids, and what reads their content.
    pub(super) fn pieces<const N: usize>(
        &self,
        ids: [&str; N],
        cancel: &CancelFlag,
    ) -> Result<([SnapshotFile; N], Pieces), VaultError> {
        let (repository, store) = self.connect(cancel.clone())?;
        let found = self.find_each(&repository, ids)?;
        let behind = self.replica.as_ref().map(|replica| Behind {
            replica: Arc::clone(replica),
            key: self.key.clone(),
            opened: OnceLock::new(),
        });
        Ok((found, Pieces { here: self.index_of(repository, &store)?, behind }))
    }

    /// As `pieces`, but only what lies here: what is damaged is not made good.
    pub(super) fn pieces_here<const N: usize>(
        &self,
        ids: [&str; N],
        cancel: &CancelFlag,
    ) -> Result<([SnapshotFile; N], Pieces), VaultError> {
        let (repository, store) = self.connect_alone(cancel.clone())?;
        let found = self.find_each(&repository, ids)?;
        Ok((found, Pieces::of(self.index_of(repository, &store)?)))
    }

    /// With its index, made anew in memory from the packs where it is damaged: they say themselves what is in them.
    fn index_of(&self, repository: Repository<OpenStatus>, store: &Arc<Store>) -> Result<Indexed, VaultError> {
        let listed = self.directory.list(FileType::Index).map_err(|error| VaultError::io("list", self.dir(), error))?;
        if listed.iter().any(|(id, _)| store.sound(FileType::Index, id).is_err()) {
            tracing::warn!("the vault's index is damaged; what it knew is read from the packs");
            store.leave_out_damaged_index();
            store.keep_index_in_memory();
            repository
                .repair_index(&RepairIndexOptions::default(), false)
                .map_err(|error| VaultError::damaged("index", &error))?;
        }
        index(repository)
    }

    fn find_each<const N: usize>(
        &self,
        repository: &Repository<OpenStatus>,
        ids: [&str; N],
    ) -> Result<[SnapshotFile; N], VaultError> {
        let mut found = Vec::with_capacity(N);
        for id in ids {
            found.push(self.find(repository, id)?);
        }
        found.try_into().map_err(|_| VaultError::NoSuchSnapshot { id: ids.join(" "), matches: 0 })
    }
}

fn index(repository: Repository<OpenStatus>) -> Result<Indexed, VaultError> {
    repository.to_indexed().map_err(|error| VaultError::damaged("index", &error))
}

impl Pieces {
    /// Of one repository, with nothing behind it.
    pub(super) fn of(here: Indexed) -> Self {
        Self { here, behind: None }
    }

    /// A piece of a file, checked against its hash.
    pub(super) fn data(&self, id: &DataId) -> Result<Read<Bytes>, String> {
        self.read("content", |repository| {
            let piece = repository.get_blob_cached(&BlobId::from(**id), BlobType::Data);
            let piece = piece.map_err(|error| one_line(&error))?;
            if id.blob_matches_reader(piece.len() as u64, &mut &piece[..]) {
                Ok(piece)
            } else {
                Err("it does not match its hash".to_owned())
            }
        })
    }

    /// What a directory holds.
    pub(super) fn tree(&self, id: &TreeId) -> Result<Read<Tree>, String> {
        self.read("list of names", |repository| repository.get_tree(id).map_err(|error| one_line(&error)))
    }

    /// Bytes of a piece of a file.
    pub(super) fn length(&self, id: &DataId) -> Result<u32, String> {
        let length = self.read("length", |repository| {
            let entry = repository.get_index_entry(id).map_err(|error| one_line(&error))?;
            Ok(entry.data_length())
        })?;
        Ok(length.value)
    }

    fn read<T>(&self, what: &str, read: impl Fn(&Indexed) -> Result<T, String>) -> Result<Read<T>, String> {
        let problem = match read(&self.here) {
            Ok(value) => return Ok(Read { value, fetched: false }),
            Err(problem) => format!("its {what} in the vault is damaged: {problem}"),
        };
        let Some(behind) = &self.behind else { return Err(problem) };
        match behind.repository().and_then(read) {
            Ok(value) => Ok(Read { value, fetched: true }),
            Err(there) => Err(format!("{problem}; the replica {} cannot help: {there}", behind.replica.place())),
        }
    }
}
