//! The vault's files as the format engine uses them during one operation, and what the engine's errors do not tell.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};

use super::{
    cancel::CancelFlag,
    depot::{Depot, file_name, matches_name},
    directory::Directory,
    error::is_disk_full,
    removed,
};

/// What made a write fail, kept because the format engine's errors do not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Somebody asked to stop.
    Cancelled,
    /// The file system or a quota is full.
    DiskFull,
    /// Anything else.
    Other(String),
}

#[derive(Debug, Default)]
struct DraftIndex {
    written: HashMap<Id, Bytes>,
    removed: HashSet<Id>,
}

/// The storage of one operation.
#[derive(Debug)]
pub(super) struct Store {
    directory: Directory,
    cancel: CancelFlag,
    /// Where small files that are damaged here are read instead.
    spare: Option<Arc<dyn Depot>>,
    tolerant: AtomicBool,
    /// Parts of the index that are written and removed in memory only.
    draft_index: Mutex<Option<DraftIndex>>,
    fault: Mutex<Option<Fault>>,
    last_snapshot: Mutex<Option<Id>>,
}

impl Store {
    pub(super) fn new(directory: &Directory, cancel: CancelFlag, spare: Option<Arc<dyn Depot>>) -> Self {
        Self {
            directory: directory.clone(),
            cancel,
            spare,
            tolerant: AtomicBool::new(false),
            draft_index: Mutex::new(None),
            fault: Mutex::new(None),
            last_snapshot: Mutex::new(None),
        }
    }

    /// The first write that failed.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of the snapshot written last.
    pub(super) fn last_snapshot(&self) -> Option<Id> {
        *self.last_snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, parts of the index that are damaged are not listed, so that the rest can be read. Only for reading.
    pub(super) fn leave_out_damaged_index(&self) {
        self.tolerant.store(true, Ordering::SeqCst);
    }

    /// From now on, the index is changed in memory only, so that one who reads can mend it without leave to write.
    pub(super) fn keep_index_in_memory(&self) {
        *self.draft() = Some(DraftIndex::default());
    }

    fn draft(&self) -> MutexGuard<'_, Option<DraftIndex>> {
        self.draft_index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, fault: Fault) {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
    }

    /// A file whose content is what its name promises, from the spare place if need be.
    pub(super) fn sound(&self, kind: FileType, id: &Id) -> io::Result<Bytes> {
        if kind == FileType::Index
            && let Some(content) = self.draft().as_ref().and_then(|draft| draft.written.get(id).cloned())
        {
            return Ok(content);
        }
        let here = self.directory.read(kind, id);
        // whole packs are read only to be checked, and the one who checks wants to see the damage
        if kind == FileType::Pack || here.as_ref().is_ok_and(|content| matches_name(kind, id, content)) {
            return here;
        }
        let there = self.spare.as_ref().and_then(|spare| spare.read(kind, id).ok());
        match (there.filter(|content| matches_name(kind, id, content)), here) {
            (Some(content), _) => Ok(content),
            (None, Ok(_)) => Err(io::Error::new(io::ErrorKind::InvalidData, "its content was altered")),
            (None, Err(error)) => Err(error),
        }
    }

    fn failed(&self, action: &str, kind: FileType, id: &Id, error: io::Error) -> Box<RusticError> {
        let path = self.directory.file(kind, id);
        RusticError::with_source(ErrorKind::Backend, format!("cannot {action} {}: {error}", path.display()), error)
    }
}

impl ReadBackend for Store {
    fn location(&self) -> String {
        self.directory.place()
    }

    fn list_with_size(&self, tpe: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let mut found = self.directory.list(tpe).map_err(|error| {
            let place = self.directory.path().join(tpe.dirname());
            RusticError::with_source(ErrorKind::Backend, format!("cannot list {}: {error}", place.display()), error)
        })?;
        if tpe == FileType::Index && self.tolerant.load(Ordering::SeqCst) {
            found.retain(|(id, _)| self.sound(tpe, id).is_ok());
        }
        if tpe == FileType::Index
            && let Some(draft) = self.draft().as_ref()
        {
            found.extend(draft.written.iter().map(|(id, content)| (*id, content.len() as u64)));
            found.retain(|(id, _)| !draft.removed.contains(id));
        }
        Ok(found.into_iter().map(|(id, bytes)| (id, u32::try_from(bytes).unwrap_or(u32::MAX))).collect())
    }

    fn read_full(&self, tpe: FileType, id: &Id) -> RusticResult<Bytes> {
        self.sound(tpe, id).map_err(|error| self.failed("read", tpe, id, error))
    }

    fn read_partial(&self, tpe: FileType, id: &Id, _cacheable: bool, offset: u32, length: u32) -> RusticResult<Bytes> {
        self.directory
            .read_part(tpe, id, u64::from(offset), length as usize)
            .map_err(|error| self.failed("read", tpe, id, error))
    }

    fn warmup_path(&self, tpe: FileType, id: &Id) -> String {
        file_name(tpe, id)
    }
}

impl WriteBackend for Store {
    fn create(&self) -> RusticResult<()> {
        self.directory.prepare().map_err(|error| self.failed("create", FileType::Config, &Id::default(), error))
    }

    fn write_bytes(&self, tpe: FileType, id: &Id, _cacheable: bool, content: BytesList) -> RusticResult<()> {
        if self.cancel.is_cancelled() {
            self.record(Fault::Cancelled);
            return Err(RusticError::new(ErrorKind::Backend, "cancelled"));
        }
        if tpe == FileType::Index
            && let Some(draft) = self.draft().as_mut()
        {
            draft.written.insert(*id, content.slice().concat().into());
            return Ok(());
        }
        self.directory.write(tpe, id, content.slice()).map_err(|error| {
            self.record(if is_disk_full(&error) { Fault::DiskFull } else { Fault::Other(error.to_string()) });
            self.failed("write", tpe, id, error)
        })?;
        if tpe == FileType::Snapshot {
            *self.last_snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some(*id);
        }
        Ok(())
    }

    fn remove(&self, tpe: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        if tpe == FileType::Index
            && let Some(draft) = self.draft().as_mut()
        {
            draft.removed.insert(*id);
            return Ok(());
        }
        let act = || {
            removed::note(&self.directory, &[(tpe, *id)])?;
            self.directory.remove(tpe, id)?;
            // what refers to others must be gone for good before they go; nothing refers to packs but these
            if tpe == FileType::Pack { Ok(()) } else { self.directory.settle(tpe) }
        };
        act().map_err(|error| self.failed("remove", tpe, id, error))
    }
}
