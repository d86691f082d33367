//! What is captured: a walk over the live files that never hides what it could not read.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    vec,
};

use rustic_core::{ErrorKind, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticError, RusticResult};
use rustix::fs::OFlags;

use super::{cancel::CancelFlag, error::VaultError, node};

/// Absolute paths of files and directories to capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(Vec<PathBuf>);

impl Source {
    /// Sorts out paths that lie below others.
    ///
    /// # Errors
    /// When there is none, or one is relative, contains `..`, is the root or is not Unicode.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, VaultError> {
        let mut kept: Vec<PathBuf> = Vec::new();
        for path in paths.into_iter().collect::<BTreeSet<_>>() {
            if let Some(reason) = why_not(&path) {
                return Err(VaultError::BadSource { path, reason: reason.to_owned() });
            }
            if !kept.last().is_some_and(|parent| path.starts_with(parent)) {
                kept.push(path.components().collect());
            }
        }
        if kept.is_empty() {
            return Err(VaultError::BadSource { path: PathBuf::new(), reason: "no path was given".to_owned() });
        }
        Ok(Self(kept))
    }

    /// In the order of a walk.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.0
    }
}

fn why_not(path: &Path) -> Option<&'static str> {
    if !path.is_absolute() {
        Some("the path is not absolute")
    } else if path.components().any(|part| part == std::path::Component::ParentDir) {
        Some("the path contains `..`")
    } else if path.file_name().is_none() {
        Some("the root of the file system is too much")
    } else if path.to_str().is_none() {
        Some("the path is not Unicode")
    } else {
        None
    }
}

/// What was offered to the format engine and what could not be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Account>);

#[derive(Debug, Default)]
struct Account {
    lines: Mutex<Vec<String>>,
    offered: AtomicU64,
    failed: AtomicU64,
}

impl Ledger {
    fn add(&self, path: &Path, error: &io::Error) {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}: {error}", path.display()));
    }

    fn add_offered(&self, path: &Path, error: &io::Error) {
        self.add(path, error);
        self.0.failed.fetch_add(1, Ordering::SeqCst);
    }

    /// Files, links included, that were offered and could be read: so many must be in the snapshot.
    pub(super) fn readable(&self) -> u64 {
        self.0.offered.load(Ordering::SeqCst).saturating_sub(self.0.failed.load(Ordering::SeqCst))
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lines.sort();
        lines.dedup();
        lines
    }
}

/// The source as the format engine reads it.
#[derive(Debug)]
pub(super) struct Live {
    source: Source,
    ledger: Ledger,
    cancel: CancelFlag,
}

impl Live {
    pub(super) fn new(source: Source, ledger: Ledger, cancel: CancelFlag) -> Self {
        Self { source, ledger, cancel }
    }
}

impl ReadSource for Live {
    type Open = Openable;
    type Iter = Walk;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Walk {
        Walk {
            levels: vec![self.source.0.clone().into_iter()],
            ledger: self.ledger.clone(),
            cancel: self.cancel.clone(),
        }
    }
}

/// Goes through directories before their content, names in byte order, as the format wants them.
#[derive(Debug)]
pub(super) struct Walk {
    levels: Vec<vec::IntoIter<PathBuf>>,
    ledger: Ledger,
    cancel: CancelFlag,
}

impl Iterator for Walk {
    type Item = RusticResult<ReadSourceEntry<Openable>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // ending early is safe: the store refuses to write the snapshot once the flag is set
            if self.cancel.is_cancelled() {
                return None;
            }
            let Some(path) = self.levels.last_mut()?.next() else {
                self.levels.pop();
                continue;
            };
            match self.visit(&path) {
                Ok(entry) => return Some(Ok(entry)),
                Err(error) => self.ledger.add(&path, &error),
            }
        }
    }
}

impl Walk {
    fn visit(&mut self, path: &Path) -> io::Result<ReadSourceEntry<Openable>> {
        let metadata = fs::symlink_metadata(path)?;
        let node = node::describe(path, &metadata)?;
        if metadata.is_dir() {
            match children(path) {
                Ok(children) => self.levels.push(children.into_iter()),
                // the directory itself is kept, so that its place and mode are known
                Err(error) => self.ledger.add(path, &error),
            }
        }
        if !metadata.is_dir() {
            self.ledger.0.offered.fetch_add(1, Ordering::SeqCst);
        }
        let open = metadata.is_file().then(|| Openable { path: path.to_owned(), ledger: self.ledger.clone() });
        Ok(ReadSourceEntry { path: path.to_owned(), node, open })
    }
}

/// The paths in a directory, names in byte order.
pub(super) fn children(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut children: Vec<PathBuf> =
        fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    children.sort();
    Ok(children)
}

/// A file that will be opened when its turn comes.
#[derive(Debug)]
pub(super) struct Openable {
    path: PathBuf,
    ledger: Ledger,
}

impl ReadSourceOpen for Openable {
    type Reader = LedgerReader;

    fn open(self) -> RusticResult<LedgerReader> {
        match open_plain(&self.path) {
            Ok(file) => Ok(LedgerReader { file, path: self.path, ledger: self.ledger, failed: false }),
            Err(error) => {
                self.ledger.add_offered(&self.path, &error);
                Err(RusticError::with_source(ErrorKind::InputOutput, "cannot open a file", error))
            }
        }
    }
}

/// Opens a regular file; neither follows a link nor waits for a pipe that took its place.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Notes each failure before the format engine swallows it.
#[derive(Debug)]
pub(super) struct LedgerReader {
    file: File,
    path: PathBuf,
    ledger: Ledger,
    failed: bool,
}

impl Read for LedgerReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted && !self.failed {
                self.failed = true;
                self.ledger.add_offered(&self.path, error);
            }
        })
    }
}
