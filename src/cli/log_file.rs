//! The engine's own log on disk: one file that is written, and those before it, each put aside when it was full.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::platform::LogFiles;

/// The file that is written; `codeblue.log.1` is the one before it.
const NAME: &str = "codeblue.log";

/// A file for this user alone that never grows beyond its size by more than one event.
pub(super) struct LogFile {
    folder: PathBuf,
    file: File,
    bytes: u64,
    /// How large and how many; others may change it meanwhile.
    limits: Arc<Mutex<LogFiles>>,
}

impl LogFile {
    /// Goes on with the file of a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn open(folder: &Path, limits: Arc<Mutex<LogFiles>>) -> io::Result<Self> {
        let (file, bytes) = opened(&folder.join(NAME))?;
        Ok(Self { folder: folder.to_owned(), file, bytes, limits })
    }

    /// Where it is written.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    /// Whether somebody has moved or removed the file that is written.
    fn is_gone(&self) -> bool {
        let (there, here) = (fs::metadata(self.folder.join(NAME)), self.file.metadata());
        !matches!((there, here), (Ok(there), Ok(here)) if (there.dev(), there.ino()) == (here.dev(), here.ino()))
    }

    /// Puts the file aside, and the oldest ones away.
    fn rotate(&mut self, files: u32) -> io::Result<()> {
        let aside = |number: u32| self.folder.join(format!("{NAME}.{number}"));
        for entry in fs::read_dir(&self.folder)?.flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(NAME)?.strip_prefix('.')?.parse::<u32>().ok());
            if number.is_some_and(|number| number + 1 >= files) {
                fs::remove_file(entry.path())?;
            }
        }
        for number in (1..files.saturating_sub(1)).rev() {
            match fs::rename(aside(number), aside(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        match files {
            0 | 1 => fs::remove_file(self.folder.join(NAME))?,
            _ => fs::rename(self.folder.join(NAME), aside(1))?,
        }
        (self.file, self.bytes) = opened(&self.folder.join(NAME))?;
        Ok(())
    }
}

impl Write for LogFile {
    /// Takes whole events: none of them stands in two files.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let LogFiles { size_bytes, files, .. } = *self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_gone() {
            (self.file, self.bytes) = opened(&self.folder.join(NAME))?;
        } else if self.bytes > 0 && self.bytes + event.len() as u64 > size_bytes {
            self.rotate(files)?;
        }
        self.file.write_all(event)?;
        self.bytes += event.len() as u64;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file to go on with, and how much it holds.
fn opened(path: &Path) -> io::Result<(File, u64)> {
    let file = File::options().create(true).append(true).mode(0o600).open(path)?;
    let found = file.metadata()?;
    if found.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok((file, found.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(size_bytes: u64, files: u32) -> Arc<Mutex<LogFiles>> {
        Arc::new(Mutex::new(LogFiles { size_bytes, files, ..LogFiles::default() }))
    }

    fn texts(folder: &Path) -> Vec<(String, String)> {
        let mut found: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
            .collect();
        found.sort();
        found
    }

    fn named(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_full_file_is_put_aside_whole_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let shared = limits(11, 3);
        let mut log = LogFile::open(folder.path(), shared.clone()).unwrap();
        for event in ["one\n", "two\n", "three\n", "four\n", "longer than a whole file\n", "five\n"] {
            log.write_all(event.as_bytes()).unwrap();
        }
        let expected = [
            ("codeblue.log", "five\n"),
            ("codeblue.log.1", "longer than a whole file\n"),
            ("codeblue.log.2", "three\nfour\n"),
        ];
        assert_eq!(texts(folder.path()), named(&expected[..]), "events stay whole");
        for entry in fs::read_dir(folder.path()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        // Fewer are asked for.
        shared.lock().unwrap().files = 1;
        log.write_all(b"another one\n").unwrap();
        assert_eq!(texts(folder.path()), named(&[("codeblue.log", "another one\n")]));
    }

    #[test]
    fn it_goes_on_after_a_restart_and_when_somebody_moved_the_file_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = LogFile::path(folder.path());
        fs::write(&path, "before\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let mut log = LogFile::open(folder.path(), limits(20, 3)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        log.write_all(b"after\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\nafter\n");
        fs::rename(&path, folder.path().join("moved")).unwrap();
        log.write_all(b"anew\n").unwrap();
        assert_eq!(texts(folder.path()), named(&[("codeblue.log", "anew\n"), ("moved", "before\nafter\n")]));
    }
}
