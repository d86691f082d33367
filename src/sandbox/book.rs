//! Lines on the disk that are durable before the one who writes goes on: one JSON document each, the last few thousand of them.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    marker::PhantomData,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{SandboxError, files};

/// So many lines are remembered, the last ones.
const REMEMBERED: usize = 4000;

/// A book that one process writes.
pub(super) struct Book<T> {
    path: PathBuf,
    file: File,
    lines: usize,
    entries: PhantomData<fn(T)>,
}

/// The last lines; half a line, of a writer that was killed, is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, SandboxError> {
    let text = files::read(path)?.unwrap_or_default();
    let lines: Vec<T> =
        text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let old = lines.len().saturating_sub(REMEMBERED);
    Ok(lines.into_iter().skip(old).collect())
}

impl<T: Serialize + DeserializeOwned> Book<T> {
    /// Opens it, and forgets what is too old.
    pub(super) fn open(path: PathBuf) -> Result<Self, SandboxError> {
        let kept: Vec<T> = read(&path)?;
        let mut text = Vec::new();
        for entry in &kept {
            line(entry).and_then(|line| text.write_all(&line)).map_err(SandboxError::io("write", &path))?;
        }
        files::write(&path, &text)?;
        let file = append_to(&path).map_err(SandboxError::io("open", &path))?;
        Ok(Self { path, file, lines: kept.len(), entries: PhantomData })
    }

    /// Durable when this returns.
    pub(super) fn write(&mut self, entry: &T) -> Result<(), SandboxError> {
        if self.lines >= 2 * REMEMBERED {
            *self = Self::open(self.path.clone())?;
        }
        let mut act = || {
            self.file.write_all(&line(entry)?)?;
            self.file.sync_data()
        };
        act().map_err(SandboxError::io("write", &self.path))?;
        self.lines += 1;
        Ok(())
    }
}

fn line<T: Serialize>(entry: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    Ok(line)
}

pub(super) fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
