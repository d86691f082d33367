//! The file of checkpoints beside a journal: one JSON document a line, only ever added to.
//!
//! `{"seq","hash","at"}` says where the chain was; since checkpoints are signed, `note` has the signed text and `sshSignature`
//! OpenSSH's signature of it. A line by a witness repeats the checkpoint it saw, with its own signature under it.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// No line is longer; a read from so far before the end finds the last one whole.
const TAIL: u64 = 64 * 1024;

/// What is put behind a line that was cut off while it was written, before the next one begins.
const UNFINISHED: &str = " unfinished\n";

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointLine {
    /// Events.
    pub seq: u64,
    /// Hash of the last of them in the chain, in hexadecimal.
    pub hash: String,
    /// When it was cut.
    pub at: DateTime<Utc>,
    /// The signed checkpoint; none in lines from before they were signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The signature that `ssh-keygen -Y verify` checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_signature: Option<String>,
}

/// The file of checkpoints of a journal.
#[must_use]
pub fn checkpoint_path(journal: &Path) -> PathBuf {
    journal.with_extension("checkpoints")
}

/// Adds lines and makes them durable.
///
/// # Errors
/// When they cannot be written.
pub fn append_checkpoints(path: &Path, lines: &[CheckpointLine]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let mut text = String::new();
    if length > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
        // The last line was never finished: it must not spoil this one, nor look as if somebody had spoilt it.
        match last[0] {
            b'\n' => {}
            b'}' => text.push('\n'),
            _ => text += UNFINISHED,
        }
    }
    for line in lines {
        text += &serde_json::to_string(line)?;
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if length == 0
        && let Some(folder) = path.parent()
    {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// All checkpoints, oldest first; none when there is no file. What cannot be read was never finished.
///
/// # Errors
/// When the file cannot be read.
pub fn read_checkpoints(path: &Path) -> io::Result<Vec<CheckpointLine>> {
    match File::open(path) {
        Ok(file) => each(BufReader::new(file)).collect(),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(other) => Err(other),
    }
}

/// All lines, oldest first, for who judges them: one that is whole and no checkpoint is given by its number.
pub(super) fn judge_lines(path: &Path) -> io::Result<Vec<Result<CheckpointLine, usize>>> {
    match File::open(path) {
        Ok(file) => numbered(BufReader::new(file)).collect(),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(other) => Err(other),
    }
}

/// The first checkpoint of a kind, without reading those after it.
pub(super) fn first_checkpoint(
    path: &Path,
    wanted: impl Fn(&CheckpointLine) -> bool,
) -> io::Result<Option<CheckpointLine>> {
    match File::open(path) {
        Ok(file) => {
            let mut all = each(BufReader::new(file));
            all.find(|line| line.as_ref().map_or(true, &wanted)).transpose()
        }
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(other) => Err(other),
    }
}

/// The last checkpoint, without reading those long before it.
///
/// # Errors
/// When the file cannot be read.
pub fn newest_checkpoint(path: &Path) -> io::Result<Option<CheckpointLine>> {
    Ok(recent_checkpoints(path)?.into_iter().max_by_key(|line| line.seq))
}

/// The last checkpoints: dozens of them.
pub(super) fn recent_checkpoints(path: &Path) -> io::Result<Vec<CheckpointLine>> {
    tail(path, TAIL).map(|(lines, _)| lines)
}

/// The checkpoints after an event, without reading those long before it.
///
/// # Errors
/// When the file cannot be read.
pub fn checkpoints_after(path: &Path, seq: u64) -> io::Result<Vec<CheckpointLine>> {
    let mut length = TAIL;
    loop {
        let (mut lines, whole) = tail(path, length)?;
        if whole || lines.first().is_some_and(|first| first.seq <= seq) {
            lines.retain(|line| line.seq > seq);
            return Ok(lines);
        }
        length *= 4;
    }
}

/// The lines in the last bytes of the file, and whether those are all.
fn tail(path: &Path, length: u64) -> io::Result<(Vec<CheckpointLine>, bool)> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), true)),
        Err(other) => return Err(other),
    };
    let from = file.seek(SeekFrom::End(0))?.saturating_sub(length);
    file.seek(SeekFrom::Start(from))?;
    let lines = each(BufReader::new(file)).collect::<Result<_, _>>()?;
    Ok((lines, from == 0))
}

/// Every checkpoint.
fn each(from: impl BufRead) -> impl Iterator<Item = io::Result<CheckpointLine>> {
    numbered(from).filter_map(|line| line.map(Result::ok).transpose())
}

/// Every line that is whole; the number of one that is no checkpoint.
fn numbered(mut from: impl BufRead) -> impl Iterator<Item = io::Result<Result<CheckpointLine, usize>>> {
    let (mut line, mut number) = (Vec::new(), 0);
    std::iter::from_fn(move || {
        loop {
            line.clear();
            match from.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {
                    number += 1;
                    match serde_json::from_slice(&line) {
                        Ok(checkpoint) => return Some(Ok(Ok(checkpoint))),
                        Err(_) if line.ends_with(UNFINISHED.as_bytes()) || !line.ends_with(b"\n") => {}
                        Err(_) => return Some(Ok(Err(number))),
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: u64) -> CheckpointLine {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        CheckpointLine { seq, hash: "00".to_owned(), at, note: None, ssh_signature: None }
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.checkpoints");
        assert_eq!(newest_checkpoint(&path).unwrap(), None);
        append_checkpoints(&path, &[line(1)]).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"seq\":2,\"ha").unwrap();
        append_checkpoints(&path, &[line(3)]).unwrap();
        assert_eq!(read_checkpoints(&path).unwrap(), [line(1), line(3)]);
        assert_eq!(newest_checkpoint(&path).unwrap(), Some(line(3)));
        let write = |text: &[u8]| OpenOptions::new().append(true).open(&path).unwrap().write_all(text).unwrap();
        assert_eq!(judge_lines(&path).unwrap(), [Ok(line(1)), Ok(line(3))], "a crash is no tampering");
        write(serde_json::to_string(&line(4)).unwrap().as_bytes());
        append_checkpoints(&path, &[line(5)]).unwrap();
        assert_eq!(newest_checkpoint(&path).unwrap(), Some(line(5)));
        write(b"{\"seq\":6,\"ha\n");
        let judged = judge_lines(&path).unwrap();
        assert_eq!(judged, [Ok(line(1)), Ok(line(3)), Ok(line(4)), Ok(line(5)), Err(6)]);
    }

    #[test]
    fn those_after_an_event_are_found_from_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.checkpoints");
        assert_eq!(checkpoints_after(&path, 0).unwrap(), []);
        let all: Vec<CheckpointLine> = (1..=3000).map(line).collect();
        append_checkpoints(&path, &all).unwrap();
        for seq in [0, 1, 7, 1500, 2999, 3000, 4000] {
            let after = checkpoints_after(&path, seq).unwrap();
            assert_eq!(after, all[usize::try_from(seq).unwrap().min(3000)..], "{seq}");
        }
        let recent = recent_checkpoints(&path).unwrap();
        assert!(recent.len() < 2000 && recent.last() == all.last());
    }

    #[test]
    fn lines_from_before_checkpoints_were_signed_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.checkpoints");
        std::fs::write(&path, "{\"seq\":7,\"hash\":\"00\",\"at\":\"2026-09-21T14:13:20Z\"}\n").unwrap();
        assert_eq!(read_checkpoints(&path).unwrap()[0].seq, 7);
    }
}
