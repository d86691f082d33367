//! Small files that are either the old or the new one, never half of each.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use super::SandboxError;

const MAX_BYTES: u64 = 1 << 20;

/// Ending of a file that is being written.
pub(super) const UNFINISHED: &str = "unfinished";

/// Writes a file that only this login may read, durable when this returns.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), SandboxError> {
    let unfinished = with_ending(path, &format!(".{}.{UNFINISHED}", std::process::id()));
    let act = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        sync_parent(path)
    };
    act().map_err(SandboxError::io("write", path))
}

pub(super) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), SandboxError> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| SandboxError::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    write(path, &bytes)
}

/// Reads a small file; none when it is not there.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, SandboxError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)) {
        Ok(_) if bytes.len() as u64 > MAX_BYTES => {
            Err(SandboxError::Damaged { path: path.to_owned(), reason: "it is larger than 1 MiB".to_owned() })
        }
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SandboxError::io("read", path)(error)),
    }
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, SandboxError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| SandboxError::Damaged { path: path.to_owned(), reason: error.to_string() })
}

/// Removes a file or directory; that there is none is fine.
pub(super) fn remove(path: &Path) -> Result<(), SandboxError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SandboxError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes the names in a file's directory durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
