//! Everything a stranger needs to judge the journal, in one folder: a copy of it, its checkpoints, the public keys, and the program
//! that checks them without us.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, backup::Backup};
use serde::{Deserialize, Serialize};

use super::{
    checkpoints::{checkpoint_path, read_checkpoints},
    journal::open_read_only,
    note::SignedCheckpoint,
    seal::{NAMESPACE, public_keys},
};

const VERIFIER: &str = include_str!("../../docs/verify/verify.py");
const README: &str = include_str!("../../docs/verify/README.md");
/// Pages copied before the writer gets its turn.
const PAGES: i32 = 4096;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What was said.
        source: io::Error,
    },
    /// The folder holds something already.
    #[error("{0} is not empty; name a new folder, so that nothing of an older copy is taken for part of this one")]
    NotEmpty(PathBuf),
    /// The journal could not be copied.
    #[error("the journal {path} could not be copied: {source}")]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What was said.
        source: rusqlite::Error,
    },
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Copied {
    /// The folder.
    pub to: PathBuf,
    /// Events in the copy.
    pub events: u64,
    /// Checkpoints beside it.
    pub checkpoints: usize,
    /// The last event that the newest of them covers.
    pub up_to: u64,
}

/// Copies a journal with all that goes with it into a new folder; an engine may be at work meanwhile.
///
/// # Errors
/// When the folder is not empty, or something cannot be read or written.
pub fn copy_evidence(journal: &Path, to: &Path) -> Result<Copied, CopyError> {
    let of = |path: &Path| {
        let path = path.to_owned();
        move |source| CopyError::File { path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(to.join("keys")).map_err(of(to))?;
    let others = fs::read_dir(to).map_err(of(to))?.filter_map(Result::ok).any(|entry| entry.file_name() != "keys");
    if others {
        return Err(CopyError::NotEmpty(to.to_owned()));
    }
    let write = |name: &str, text: &str| fs::write(to.join(name), text).map_err(of(&to.join(name)));
    // Checkpoints first: the journal may grow meanwhile, and then covers them all the same.
    let path = checkpoint_path(journal);
    let lines = read_checkpoints(&path).map_err(of(&path))?;
    if path.exists() {
        fs::copy(&path, to.join("journal.checkpoints")).map_err(of(&path))?;
    }
    let newest = lines.iter().rev().find_map(|line| {
        let signed = SignedCheckpoint::parse(line.note.as_deref()?).ok()?;
        Some((signed, line.ssh_signature.clone()?))
    });
    let keys = journal.with_file_name("keys");
    let mut signers = String::new();
    for key in public_keys(&keys).map_err(of(&keys))? {
        let name = newest.as_ref().map_or("codeblue", |(signed, _)| &signed.checkpoint.origin);
        signers += &format!("{name} namespaces=\"{NAMESPACE}\" {}\n", key.openssh());
        write(&format!("keys/checkpoint-{}.pub", key.short()), &format!("{}\n", key.openssh()))?;
    }
    write("allowed_signers", &signers)?;
    if let Some((signed, signature)) = &newest {
        write("checkpoint.txt", signed.text())?;
        write("checkpoint.txt.sig", signature)?;
    }
    write("verify.py", VERIFIER)?;
    write("README.md", README)?;
    let storage = |source| CopyError::Journal { path: journal.to_owned(), source };
    let events = copy_journal(journal, &to.join("journal.db")).map_err(storage)?;
    let up_to = newest.map_or(0, |(signed, _)| signed.checkpoint.size);
    Ok(Copied { to: to.to_owned(), events, checkpoints: lines.len(), up_to })
}

fn copy_journal(journal: &Path, to: &Path) -> rusqlite::Result<u64> {
    let (from, mut copy) = (open_read_only(journal)?, Connection::open(to)?);
    Backup::new(&from, &mut copy)?.run_to_completion(PAGES, Duration::from_millis(5), None)?;
    // One file, which can be read where nothing may be written.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    copy.query_row("SELECT coalesce(max(seq), 0) FROM events", [], |row| row.get(0))
}
