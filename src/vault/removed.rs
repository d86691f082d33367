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

const FILE: &str = ".codeblue.removed";
/// Stands behind what the last pruning confirmed.
const PRUNED: &str = "pruned";
/// Stands before a file that was removed once and is wanted again.
const BACK: &str = "back ";
/// A replica that was not reached for longer than these lines last keeps some files that nobody needs.
const MOST: usize = 100_000;

/// Notes durably what is about to be removed.
pub(super) fn note(directory: &Directory, files: &[(FileType, Id)]) -> io::Result<()> {
    append(directory, "", files)
}

/// Notes durably what is about to be put back.
pub(super) fn note_back(directory: &Directory, files: &[(FileType, Id)]) -> io::Result<()> {
    append(directory, BACK, files)
}

/// Confirms everything noted so far and forgets the oldest lines; only while nobody else uses the vault.
pub(super) fn settle(directory: &Directory) -> io::Result<()> {
    let lines = lines(directory)?;
    let wanted: HashSet<&str> = lines.iter().filter_map(|line| line.strip_prefix(BACK)).collect();
    let mut seen = HashSet::new();
    // a removal that was noted and then failed has not happened
    let gone = |line: &str| !wanted.contains(line) && !directory.path().join(line).exists();
    let noted = lines.iter().map(String::as_str).filter(|line| *line != PRUNED && !line.starts_with(BACK));
    let kept: Vec<&str> = noted.filter(|line| gone(line) && seen.insert(*line)).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let kept: String = kept[kept.len().saturating_sub(MOST)..].iter().map(|line| format!("{line}\n")).collect();
    directory.write_own(FILE, format!("{kept}{PRUNED}\n").as_bytes())
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
        } else if let Some(back) = line.strip_prefix(BACK).and_then(parse) {
            removed.all.remove(&back);
            removed.for_good.remove(&back);
        } else {
            removed.all.extend(parse(&line));
        }
    }
    Ok(removed)
}

fn append(directory: &Directory, prefix: &str, files: &[(FileType, Id)]) -> io::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    #[cfg(test)]
    directory.faults.before_removal()?;
    let path = directory.path().join(FILE);
    let is_new = !path.exists();
    let lines: String = files.iter().map(|(kind, id)| format!("{prefix}{}\n", file_name(*kind, id))).collect();
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    // begins with a line end, because the last line may have been cut short by a crash
    file.write_all(format!("\n{lines}").as_bytes())?;
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
