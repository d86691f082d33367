//! For whom the programs of a runbook's steps act: the engine vouches for the person who had the step run, as long as the program
//! runs. A voucher lies in a private file, as a token does, and counts for nothing once the program has ended.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::EngineHandle;
use crate::domain::{Operator, RunId, TokenSecret};

/// For whom the engine vouches now, and in which run, by the hash of the voucher.
#[derive(Clone, Default)]
pub(super) struct Vouchers(Arc<Mutex<BTreeMap<String, (String, RunId)>>>);

/// One of them; it ends when this is dropped.
pub(super) struct Voucher {
    vouchers: Vouchers,
    hash: String,
    file: PathBuf,
}

impl Vouchers {
    /// Vouches for an operator who had the step of a run run, to whoever can read the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn vouch(&self, operator: &str, run: RunId, file: PathBuf) -> io::Result<Voucher> {
        let secret = TokenSecret::of(rand::random());
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?;
        written.write_all(secret.expose().as_bytes())?;
        let hash = secret.hash();
        self.known().insert(hash.clone(), (operator.to_owned(), run));
        Ok(Voucher { vouchers: self.clone(), hash, file })
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, (String, RunId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Voucher {
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for Voucher {
    fn drop(&mut self) {
        self.vouchers.known().remove(&self.hash);
        // It counts for nothing any more, so one that stays is harmless.
        let _ = fs::remove_file(&self.file);
    }
}

impl EngineHandle {
    /// The operator for whom a voucher of this engine stands, and the run in which; none where it is none that counts.
    #[must_use]
    pub fn vouched_for(&self, secret: &TokenSecret) -> Option<(Operator, RunId)> {
        let (name, run) = self.walking.vouchers.known().get(&secret.hash()).cloned()?;
        let operator = self.state().operators.get(&name).filter(|operator| !operator.disabled).cloned()?;
        Some((operator, run))
    }
}
