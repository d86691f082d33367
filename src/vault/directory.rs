//! A directory in restic's layout; each file is written whole and durable or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use rustic_core::{FileType, Id};

use super::depot::{Depot, HASHED, file_name};

/// Makes names of temporary files unique within this process.
static SERIAL: AtomicU64 = AtomicU64::new(0);

const TEMPORARY: &str = ".tmp";

/// A vault's files on a file system of this host.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    path: PathBuf,
    #[cfg(test)]
    pub(super) faults: super::tests::faults::Plan,
}

impl Directory {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            #[cfg(test)]
            faults: super::tests::faults::Plan::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn remove_temporary(&self) -> io::Result<()> {
        let mut folders: Vec<PathBuf> =
            HASHED.map(|kind| self.path.join(kind.dirname())).into_iter().chain([self.path.clone()]).collect();
        folders.extend(entries(&self.path.join(FileType::Pack.dirname()))?.iter().map(fs::DirEntry::path));
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

    /// Writes a file beside restic's, of which restic knows nothing.
    pub(super) fn write_own(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.write_file(&self.path, name, &[Bytes::copy_from_slice(content)])
    }

    fn folder(&self, kind: FileType, id: &Id) -> PathBuf {
        match kind {
            FileType::Config => self.path.clone(),
            FileType::Pack => self.path.join(kind.dirname()).join(&id.to_hex()[..2]),
            FileType::Index | FileType::Key | FileType::Snapshot => self.path.join(kind.dirname()),
        }
    }

    pub(super) fn file(&self, kind: FileType, id: &Id) -> PathBuf {
        self.path.join(file_name(kind, id))
    }

    fn write_file(&self, folder: &Path, name: &str, content: &[Bytes]) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before_write(folder, name, content)?;
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!(".{name}-{}-{serial}{TEMPORARY}", std::process::id()));
        let written = write_durably(&temporary, content).and_then(|()| fs::rename(&temporary, folder.join(name)));
        if let Err(error) = written {
            // the temporary file is ignored by every reader, so failing to remove it harms nobody
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        sync_dir(folder)
    }
}

impl Depot for Directory {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn list(&self, kind: FileType) -> io::Result<Vec<(Id, u64)>> {
        let mut found = Vec::new();
        match kind {
            FileType::Config => match fs::metadata(self.path.join(kind.dirname())) {
                Ok(metadata) => found.push((Id::default(), metadata.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            },
            FileType::Pack => {
                for folder in entries(&self.path.join(kind.dirname()))? {
                    if folder.file_type()?.is_dir() {
                        list_folder(&folder.path(), kind, &mut found)?;
                    }
                }
            }
            FileType::Index | FileType::Key | FileType::Snapshot => {
                list_folder(&self.path.join(kind.dirname()), kind, &mut found)?;
            }
        }
        Ok(found)
    }

    fn read(&self, kind: FileType, id: &Id) -> io::Result<Bytes> {
        fs::read(self.file(kind, id)).map(Bytes::from)
    }

    fn read_part(&self, kind: FileType, id: &Id, offset: u64, length: usize) -> io::Result<Bytes> {
        let file = File::open(self.file(kind, id))?;
        if file.metadata()?.len() < offset.saturating_add(length as u64) {
            // checked first, so that a damaged index cannot ask for absurd amounts of memory
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it should be"));
        }
        let mut buffer = vec![0; length];
        file.read_exact_at(&mut buffer, offset)?;
        Ok(buffer.into())
    }

    fn write(&self, kind: FileType, id: &Id, content: &[Bytes]) -> io::Result<()> {
        let folder = self.folder(kind, id);
        if !folder.is_dir() {
            make_private_dir(&folder)?;
        }
        let name = id.to_hex();
        self.write_file(&folder, if kind == FileType::Config { kind.dirname() } else { name.as_str() }, content)
    }

    fn remove(&self, kind: FileType, id: &Id) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before_removal()?;
        match fs::remove_file(self.file(kind, id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn reach(&self) -> io::Result<()> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no directory")),
            // a directory that is made when it is missing would fill the disk below a mount point on which nothing is mounted
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "it is not there; mount its file system, or create the directory",
            )),
            Err(error) => Err(error),
        }
    }

    fn settle(&self, kind: FileType) -> io::Result<()> {
        if kind == FileType::Config {
            return sync_dir(&self.path);
        }
        sync_dir(&self.path.join(kind.dirname()))
    }

    fn prepare(&self) -> io::Result<()> {
        HASHED.iter().try_for_each(|kind| make_private_dir(&self.path.join(kind.dirname())))?;
        self.remove_temporary()
    }
}

fn write_durably(path: &Path, content: &[Bytes]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    for part in content {
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

fn list_folder(folder: &Path, kind: FileType, found: &mut Vec<(Id, u64)>) -> io::Result<()> {
    for entry in entries(folder)? {
        let Some(id) = entry.file_name().to_str().and_then(|name| Id::parse_some(name, kind)) else { continue };
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => found.push((id, metadata.len())),
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
