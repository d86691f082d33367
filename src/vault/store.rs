//! The files of the vault: a directory in restic's layout, each file written whole and durable or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};

use super::{cancel::CancelFlag, error::is_disk_full};

/// Makes names of temporary files unique within this process.
static SERIAL: AtomicU64 = AtomicU64::new(0);

const TEMPORARY: &str = ".tmp";

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

/// The storage of one operation.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    cancel: CancelFlag,
    fault: Mutex<Option<Fault>>,
    last_snapshot: Mutex<Option<Id>>,
}

impl Store {
    pub(super) fn new(dir: &Path, cancel: CancelFlag) -> Self {
        Self { dir: dir.to_owned(), cancel, fault: Mutex::new(None), last_snapshot: Mutex::new(None) }
    }

    /// The first write that failed.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of the snapshot written last.
    pub(super) fn last_snapshot(&self) -> Option<Id> {
        *self.last_snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what killed writes left behind; only while nobody else writes.
    pub(super) fn remove_temporary(&self) -> io::Result<()> {
        let mut folders: Vec<PathBuf> = [FileType::Key, FileType::Snapshot, FileType::Index]
            .map(|tpe| self.dir.join(tpe.dirname()))
            .into_iter()
            .chain([self.dir.clone()])
            .collect();
        folders.extend(entries(&self.dir.join(FileType::Pack.dirname()))?.iter().map(fs::DirEntry::path));
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            for entry in entries(folder)? {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with('.') && name.ends_with(TEMPORARY) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    fn record(&self, fault: Fault) {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
    }

    fn folder(&self, tpe: FileType, id: &Id) -> PathBuf {
        match tpe {
            FileType::Config => self.dir.clone(),
            FileType::Pack => self.dir.join(tpe.dirname()).join(&id.to_hex()[..2]),
            FileType::Index | FileType::Key | FileType::Snapshot => self.dir.join(tpe.dirname()),
        }
    }

    fn path(&self, tpe: FileType, id: &Id) -> PathBuf {
        match tpe {
            FileType::Config => self.dir.join(tpe.dirname()),
            _ => self.folder(tpe, id).join(&*id.to_hex()),
        }
    }

    fn write(&self, tpe: FileType, id: &Id, content: &BytesList) -> io::Result<()> {
        let folder = self.folder(tpe, id);
        if !folder.is_dir() {
            make_private_dir(&folder)?;
        }
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!(".{}-{}-{serial}{TEMPORARY}", id.to_hex().as_str(), std::process::id()));
        let written = write_durably(&temporary, content).and_then(|()| fs::rename(&temporary, self.path(tpe, id)));
        if let Err(error) = written {
            // the temporary file is ignored by every reader, so failing to remove it harms nobody
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        sync_dir(&folder)
    }
}

fn write_durably(path: &Path, content: &BytesList) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    for part in content.slice() {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// Creates a directory that only its owner may enter, and makes its name durable.
pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn failed(action: &str, path: &Path, error: io::Error) -> Box<RusticError> {
    RusticError::with_source(ErrorKind::Backend, format!("cannot {action} {}: {error}", path.display()), error)
}

impl ReadBackend for Store {
    fn location(&self) -> String {
        self.dir.display().to_string()
    }

    fn list_with_size(&self, tpe: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let list = || -> io::Result<Vec<(Id, u32)>> {
            match tpe {
                FileType::Config => match fs::metadata(self.dir.join(tpe.dirname())) {
                    Ok(metadata) => Ok(vec![(Id::default(), length(metadata.len()))]),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                    Err(error) => Err(error),
                },
                FileType::Pack => {
                    let mut found = Vec::new();
                    for folder in entries(&self.dir.join(tpe.dirname()))? {
                        if folder.file_type()?.is_dir() {
                            list_folder(&folder.path(), tpe, &mut found)?;
                        }
                    }
                    Ok(found)
                }
                FileType::Index | FileType::Key | FileType::Snapshot => {
                    let mut found = Vec::new();
                    list_folder(&self.dir.join(tpe.dirname()), tpe, &mut found)?;
                    Ok(found)
                }
            }
        };
        list().map_err(|error| failed("list", &self.dir.join(tpe.dirname()), error))
    }

    fn read_full(&self, tpe: FileType, id: &Id) -> RusticResult<Bytes> {
        let path = self.path(tpe, id);
        fs::read(&path).map(Bytes::from).map_err(|error| failed("read", &path, error))
    }

    fn read_partial(&self, tpe: FileType, id: &Id, _cacheable: bool, offset: u32, length: u32) -> RusticResult<Bytes> {
        let path = self.path(tpe, id);
        let read = || -> io::Result<Bytes> {
            let file = File::open(&path)?;
            let end = u64::from(offset) + u64::from(length);
            if file.metadata()?.len() < end {
                // checked first, so that a damaged index cannot ask for absurd amounts of memory
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it should be"));
            }
            let mut buffer = vec![0; length as usize];
            file.read_exact_at(&mut buffer, u64::from(offset))?;
            Ok(buffer.into())
        };
        read().map_err(|error| failed("read", &path, error))
    }

    fn warmup_path(&self, tpe: FileType, id: &Id) -> String {
        self.path(tpe, id).display().to_string()
    }
}

impl WriteBackend for Store {
    fn create(&self) -> RusticResult<()> {
        for tpe in [FileType::Key, FileType::Snapshot, FileType::Index, FileType::Pack] {
            let folder = self.dir.join(tpe.dirname());
            make_private_dir(&folder).map_err(|error| failed("create", &folder, error))?;
        }
        Ok(())
    }

    fn write_bytes(&self, tpe: FileType, id: &Id, _cacheable: bool, content: BytesList) -> RusticResult<()> {
        if self.cancel.is_cancelled() {
            self.record(Fault::Cancelled);
            return Err(RusticError::new(ErrorKind::Backend, "cancelled"));
        }
        self.write(tpe, id, &content).map_err(|error| {
            self.record(if is_disk_full(&error) { Fault::DiskFull } else { Fault::Other(error.to_string()) });
            failed("write", &self.path(tpe, id), error)
        })?;
        if tpe == FileType::Snapshot {
            *self.last_snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some(*id);
        }
        Ok(())
    }

    fn remove(&self, tpe: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        let path = self.path(tpe, id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path, error)),
            _ => Ok(()),
        }
    }
}

fn list_folder(folder: &Path, tpe: FileType, found: &mut Vec<(Id, u32)>) -> io::Result<()> {
    for entry in entries(folder)? {
        let Some(id) = entry.file_name().to_str().and_then(|name| Id::parse_some(name, tpe)) else { continue };
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => found.push((id, length(metadata.len()))),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn length(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
