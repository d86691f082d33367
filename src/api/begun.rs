//! Requests with a key that were begun, on disk, so that none is done twice because the engine was restarted in between. Only hashes are
//! kept: no text of a request or an answer.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// A key, or what came with it.
pub(super) type Hash = [u8; 32];

/// How long a key is known.
const KNOWN: TimeDelta = TimeDelta::hours(1);
/// Lines of the file at most, before those that are not needed any more are left out.
const LINES: usize = 10_000;

/// What stands for a request that was refused: its key may come again.
const REFUSED: Hash = [0; 32];

/// The keys of the last hour, and the file in which they are noted.
pub(super) struct Begun {
    path: PathBuf,
    noted: Mutex<Noted>,
}

struct Noted {
    file: File,
    lines: Vec<(DateTime<Utc>, Hash, Hash)>,
}

impl Begun {
    /// Reads what was begun within the last hour.
    pub(super) fn open(path: &Path, now: DateTime<Utc>) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            read => read.unwrap_or_default(),
        };
        let lines: Vec<_> = text.lines().filter_map(parsed).filter(|(at, ..)| now - *at < KNOWN).collect();
        let file = written(path, &lines)?;
        Ok(Self { path: path.to_owned(), noted: Mutex::new(Noted { file, lines }) })
    }

    /// What came with this key, unless that was refused.
    pub(super) fn known(&self, key: &Hash, now: DateTime<Utc>) -> Option<Hash> {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = noted.lines.iter().rev().find(|(_, noted, _)| noted == key);
        newest.filter(|(at, _, of)| now - *at < KNOWN && *of != REFUSED).map(|(_, _, of)| *of)
    }

    /// Notes that a request is begun; durable when it returns.
    pub(super) fn note(&self, key: Hash, of: Hash, now: DateTime<Utc>) -> io::Result<()> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.lines.len() >= LINES {
            let oldest = noted.lines.len() - LINES / 2;
            noted.lines.drain(..oldest);
            noted.lines.retain(|(at, ..)| now - *at < KNOWN);
            noted.file = written(&self.path, &noted.lines)?;
        }
        noted.lines.push((now, key, of));
        noted.file.write_all(line(now, &key, &of).as_bytes())?;
        noted.file.sync_data()
    }

    /// Notes that it was refused, so that its key may come again.
    pub(super) fn refused(&self, key: Hash, now: DateTime<Utc>) -> io::Result<()> {
        self.note(key, REFUSED, now)
    }
}

/// The hash of several parts, none of which can pass for two.
pub(super) fn hash_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn line(at: DateTime<Utc>, key: &Hash, of: &Hash) -> String {
    format!("{} {} {}\n", at.timestamp(), hex::encode(key), hex::encode(of))
}

fn parsed(line: &str) -> Option<(DateTime<Utc>, Hash, Hash)> {
    let mut words = line.split(' ');
    let at = DateTime::from_timestamp(words.next()?.parse().ok()?, 0)?;
    let mut hash = || hex::decode(words.next()?).ok()?.try_into().ok();
    Some((at, hash()?, hash()?))
}

/// The file anew, with these lines alone.
fn written(path: &Path, lines: &[(DateTime<Utc>, Hash, Hash)]) -> io::Result<File> {
    let fresh = path.with_extension("new");
    let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
    let text: String = lines.iter().map(|(at, key, of)| line(*at, key, of)).collect();
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn what_was_begun_is_known_for_an_hour_and_what_was_refused_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("begun");
        let begun = Begun::open(&path, moment(0)).unwrap();
        begun.note([1; 32], [9; 32], moment(0)).unwrap();
        begun.note([2; 32], [9; 32], moment(1800)).unwrap();
        begun.refused([2; 32], moment(1801)).unwrap();
        begun.note([3; 32], [8; 32], moment(1802)).unwrap();
        assert_eq!(begun.known(&[1; 32], moment(1802)), Some([9; 32]));
        assert_eq!(begun.known(&[2; 32], moment(1802)), None, "its key may come again");
        // A line that was cut off by a crash is none.
        File::options().append(true).open(&path).unwrap().write_all(b"1800001803 0101").unwrap();
        let begun = Begun::open(&path, moment(3599)).unwrap();
        let known = |begun: &Begun, now| [1, 2, 3].map(|key| begun.known(&[key; 32], moment(now)));
        assert_eq!(known(&begun, 3599), [Some([9; 32]), None, Some([8; 32])]);
        let begun = Begun::open(&path, moment(3600)).unwrap();
        assert_eq!(known(&begun, 3600), [None, None, Some([8; 32])]);
    }

    #[test]
    fn the_file_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("begun");
        let lines: Vec<_> = (0..LINES).map(|_| (moment(0), [1; 32], [2; 32])).collect();
        drop(written(&path, &lines).unwrap());
        let begun = Begun::open(&path, moment(0)).unwrap();
        begun.note([3; 32], [4; 32], moment(1)).unwrap();
        let kept = fs::read_to_string(&path).unwrap();
        assert_eq!(kept.lines().count(), LINES / 2 + 1);
        assert!(kept.ends_with(&line(moment(1), &[3; 32], &[4; 32])));
    }
}
