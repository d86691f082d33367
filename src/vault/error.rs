//! What can go wrong with the vault, on what, and what to do next.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustic_core::RusticError;

/// Why an operation on the vault did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The password does not open the vault.
    #[error(
        "the password in {} does not open the vault {}; put back the password file that belongs to this vault",
        password_file.display(), vault.display()
    )]
    WrongPassword {
        /// The vault.
        vault: PathBuf,
        /// Where the password was read.
        password_file: PathBuf,
    },
    /// A vault without any key to open it.
    #[error(
        "the vault {} exists, but its password file {} does not; put it back from your safe copy",
        vault.display(), password_file.display()
    )]
    NoPassword {
        /// The vault.
        vault: PathBuf,
        /// Where the password should be.
        password_file: PathBuf,
    },
    /// The vault's files are missing parts or were altered.
    #[error(
        "the vault is damaged ({what}): {detail}; run `codeblue snapshot verify` to see which snapshots are affected"
    )]
    Damaged {
        /// Which part.
        what: String,
        /// What was found.
        detail: String,
    },
    /// No room left.
    #[error("no room left on the file system of {}; free some space and try again, nothing was changed", path.display())]
    DiskFull {
        /// Where room is needed.
        path: PathBuf,
    },
    /// Another operation holds the vault.
    #[error("the vault {} is in use by {holder}; try again when that has ended", vault.display())]
    Locked {
        /// The vault.
        vault: PathBuf,
        /// Who seems to hold it.
        holder: String,
    },
    /// Somebody asked to stop; no snapshot was made and nothing was restored.
    #[error("cancelled")]
    Cancelled,
    /// No snapshot has that id, or several begin with it.
    #[error("{matches} snapshots in the vault match the id {id:?}; `codeblue snapshot list` shows them")]
    NoSuchSnapshot {
        /// What was asked for.
        id: String,
        /// How many begin with it.
        matches: usize,
    },
    /// The snapshot does not hold that path.
    #[error("snapshot {id} does not hold {}; choose a snapshot that was taken of it", path.display())]
    NotInSnapshot {
        /// The snapshot.
        id: String,
        /// What was looked for.
        path: PathBuf,
    },
    /// A path that cannot be captured at all.
    #[error("{} cannot be captured: {reason}", path.display())]
    BadSource {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The replica did not do what was asked of it.
    #[error(
        "cannot {action} the replica {place}: {detail}; the vault itself is unharmed, and the copy goes on where it stopped"
    )]
    Replica {
        /// Which replica.
        place: String,
        /// What was tried.
        action: &'static str,
        /// What it said.
        detail: String,
    },
    /// The place of the replica holds something else.
    #[error(
        "the replica {place} holds another vault, or its file `config` is damaged; nothing was written there: choose an empty place"
    )]
    OtherVault {
        /// Which replica.
        place: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The format engine gave up.
    #[error("cannot {operation}: {detail}")]
    Format {
        /// What was tried.
        operation: &'static str,
        /// What it said.
        detail: String,
    },
    /// The format engine panicked; the operation has not happened.
    #[error("cannot {operation}: the vault's format engine failed unexpectedly ({detail}); the vault itself is intact")]
    Panicked {
        /// What was tried.
        operation: &'static str,
        /// The panic's message.
        detail: String,
    },
}

impl VaultError {
    /// Whether it says something about the snapshot itself, and not only about the attempt to read it.
    #[must_use]
    pub fn blames_snapshot(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::NoSuchSnapshot { .. } | Self::NotInSnapshot { .. })
    }

    /// Wraps an error of the operating system; a full disk keeps its own name.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        if is_disk_full(&source) {
            return Self::DiskFull { path: path.to_owned() };
        }
        Self::Io { action, path: path.to_owned(), source }
    }

    /// Wraps an error met while writing.
    pub(super) fn format(operation: &'static str, error: &RusticError) -> Self {
        Self::Format { operation, detail: one_line(error) }
    }

    /// Wraps an error met while reading what the vault should hold.
    pub(super) fn damaged(what: impl Into<String>, error: &RusticError) -> Self {
        Self::Damaged { what: what.into(), detail: one_line(error) }
    }
}

/// Whether an error means that a file system or a quota is full.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

pub(super) fn one_line(error: &RusticError) -> String {
    let text = error.display_log();
    text.strip_prefix("Error: ").unwrap_or(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}
