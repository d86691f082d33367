//! Who may use the vault at the same time: many read and add, one removes.
//!
//! The format engine has no locks of its own, and removing while another adds destroys what it adds.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::{cancel::CancelFlag, error::VaultError};

const FILE: &str = ".codeblue.lock";
const REPLICATION: &str = ".codeblue.replica.lock";
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// Holds the vault until dropped; the kernel lets go when the process dies.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held for its lock, which ends when the file is closed")] File);

/// For everything that reads or adds.
pub(super) fn shared(vault: &Path, cancel: &CancelFlag) -> Result<Lock, VaultError> {
    acquire(vault, FILE, cancel, File::try_lock_shared)
}

/// For creating the vault and for removing from it.
pub(super) fn exclusive(vault: &Path, cancel: &CancelFlag) -> Result<Lock, VaultError> {
    acquire(vault, FILE, cancel, File::try_lock)
}

/// For the one who copies to replicas or from them; whoever reads or adds is not in his way.
pub(super) fn replicating(vault: &Path, cancel: &CancelFlag) -> Result<Lock, VaultError> {
    acquire(vault, REPLICATION, cancel, File::try_lock)
}

fn acquire(
    vault: &Path,
    name: &str,
    cancel: &CancelFlag,
    try_lock: impl Fn(&File) -> Result<(), TryLockError>,
) -> Result<Lock, VaultError> {
    let path = vault.join(name);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = match opened {
        // a vault that cannot be written can still be read, and its directory serves as well for a lock
        Err(error) if matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) => {
            File::open(&path).or_else(|_| File::open(vault))
        }
        opened => opened,
    };
    let file = file.map_err(|error| VaultError::io("open", &path, error))?;
    let started = Instant::now();
    loop {
        match try_lock(&file) {
            Ok(()) => return Ok(Lock(file)),
            Err(TryLockError::Error(error)) => return Err(VaultError::io("lock", &path, error)),
            Err(TryLockError::WouldBlock) if cancel.is_cancelled() => return Err(VaultError::Cancelled),
            Err(TryLockError::WouldBlock) if started.elapsed() > PATIENCE => {
                return Err(VaultError::Locked {
                    vault: vault.to_owned(),
                    holder: "another operation of codeblue".to_owned(),
                });
            }
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
        }
    }
}
