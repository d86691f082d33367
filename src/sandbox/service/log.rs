//! The log of one service: a line is a time, a level and a message.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use chrono::{SecondsFormat, Utc};

/// A larger log is put aside; the one that was put aside before is lost.
const MAX_BYTES: u64 = 1 << 20;
const MAX_LINE: usize = 1000;

pub(super) struct Log {
    path: PathBuf,
    open: Mutex<(File, u64)>,
}

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = append_to(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), open: Mutex::new((file, bytes)) })
    }

    pub(super) fn info(&self, message: &str) {
        self.write("INFO", message);
    }

    pub(super) fn warn(&self, message: &str) {
        self.write("WARN", message);
    }

    pub(super) fn error(&self, message: &str) {
        self.write("ERROR", message);
    }

    fn write(&self, level: &str, message: &str) {
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let message: String = message.chars().take(MAX_LINE).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = format!("{time} {level} {message}\n");
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.1 > MAX_BYTES {
            let aside = self.path.with_extension("log.1");
            if let Ok(file) = fs::rename(&self.path, aside).and_then(|()| append_to(&self.path)) {
                *open = (file, 0);
            }
        }
        // a service that cannot write its log goes on serving
        if open.0.write_all(line.as_bytes()).is_ok() {
            open.1 += line.len() as u64;
        }
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
