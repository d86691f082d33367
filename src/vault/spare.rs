//! A replica as the format engine reads it: what is damaged in the vault is fetched from there.

use std::{io, sync::Arc};

use bytes::Bytes;
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, OpenStatus, ReadBackend, Repository, RusticError, RusticResult, WriteBackend,
    repofile::MasterKey,
};

use super::{
    depot::{Depot, file_name},
    error::VaultError,
    replica::Replica,
    repository::repository_on,
};

/// Opens the replica with the vault's key.
pub(super) fn repository(replica: &Replica, key: &MasterKey) -> Result<Repository<OpenStatus>, VaultError> {
    repository_on(Arc::new(Spare(replica.depot())), key)
}

/// Reads only.
#[derive(Debug)]
struct Spare(Arc<dyn Depot>);

impl Spare {
    fn failed(&self, kind: FileType, id: &Id, error: io::Error) -> Box<RusticError> {
        let what = format!("cannot read {} in the replica {}: {error}", file_name(kind, id), self.0.place());
        RusticError::with_source(ErrorKind::Backend, what, error)
    }

    fn refuse<T>() -> RusticResult<T> {
        Err(RusticError::new(ErrorKind::Backend, "a replica is not written this way"))
    }
}

impl ReadBackend for Spare {
    fn location(&self) -> String {
        self.0.place()
    }

    fn list_with_size(&self, tpe: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let found = self.0.list(tpe).map_err(|error| self.failed(tpe, &Id::default(), error))?;
        Ok(found.into_iter().map(|(id, bytes)| (id, u32::try_from(bytes).unwrap_or(u32::MAX))).collect())
    }

    fn read_full(&self, tpe: FileType, id: &Id) -> RusticResult<Bytes> {
        self.0.read(tpe, id).map_err(|error| self.failed(tpe, id, error))
    }

    fn read_partial(&self, tpe: FileType, id: &Id, _cacheable: bool, offset: u32, length: u32) -> RusticResult<Bytes> {
        self.0.read_part(tpe, id, u64::from(offset), length as usize).map_err(|error| self.failed(tpe, id, error))
    }

    fn warmup_path(&self, tpe: FileType, id: &Id) -> String {
        file_name(tpe, id)
    }
}

impl WriteBackend for Spare {
    fn create(&self) -> RusticResult<()> {
        Self::refuse()
    }

    fn write_bytes(&self, _: FileType, _: &Id, _: bool, _: BytesList) -> RusticResult<()> {
        Self::refuse()
    }

    fn remove(&self, _: FileType, _: &Id, _: bool) -> RusticResult<()> {
        Self::refuse()
    }
}
