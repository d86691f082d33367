//! What was removed from the vault on purpose: a replica removes exactly this, and what is missing without being in it was lost.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
};

use rustic_core::{FileType, Id};

use super::{
    depot::file_name,
    directory::{Directory, sync_dir},
};

/// Stands behind what the last pruning confirmed.
const PRUNED: &str = "pruned";
const FILE: &str = ".codeblue.removed";
/// A replica that was not reached for longer than these lines last keeps some files that nobody needs.
const MOST: usize = 100_000;

/// Notes durably what is about to be removed.
pub(super) fn note(directory: &Directory, files: &[(FileType, Id)]) -> io::Result<()> {
    append(directory, &files.iter().map(|(kind, id)| format!("{}\n", file_name(*kind, id))).collect::<String>())
}

/// Confirms everything noted so far and forgets the oldest lines; only while nobody else uses the vault.
pub(super) fn settle(directory: &Directory) -> io::Result<()> {
    append(directory, &format!("{PRUNED}\n"))?;
    let lines = lines(directory)?;
    if lines.len() <= MOST + MOST / 4 {
        return Ok(());
    }
    let kept: String = lines[lines.len() - MOST..].iter().map(|line| format!("{line}\n")).collect();
    directory.write_own(FILE, kept.as_bytes())
}

/// What was removed.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// All that is remembered.
    pub(super) all: HashSet<Id>,
    /// What was removed before the last pruning ended: nobody will ask for it back.
    pub(super) for_good: HashSet<Id>,
}

pub(super) fn read(directory: &Directory) -> io::Result<Removed> {
    let mut removed = Removed::default();
    for line in lines(directory)? {
        if line == PRUNED {
            removed.for_good.clone_from(&removed.all);
        } else {
            removed.all.extend(parse(&line));
        }
    }
    Ok(removed)
}

fn append(directory: &Directory, text: &str) -> io::Result<()> {
    #[cfg(test)]
    directory.faults.before_removal()?;
    let path = directory.path().join(FILE);
    let is_new = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    // begins with a line end, because the last line may have been cut short by a crash
    file.write_all(format!("\n{text}").as_bytes())?;
    file.sync_all()?;
    if is_new { sync_dir(directory.path()) } else { Ok(()) }
}

fn lines(directory: &Directory) -> io::Result<Vec<String>> {
    match fs::read(directory.path().join(FILE)) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn parse(line: &str) -> Option<Id> {
    line.rsplit('/').next()?.parse().ok()
}
