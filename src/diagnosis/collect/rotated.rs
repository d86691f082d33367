//! Finds what became of a log that was moved away: `app.log.1`, `app.log.2.gz`, `app.log-20260131`, `app-2026-01-31.log`.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use super::place::{Identity, Place, head_of};

/// Files beside a log that are looked at, at most.
const SIBLINGS: usize = 64;

/// A log that was moved away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sibling {
    pub(super) path: PathBuf,
    pub(super) is_compressed: bool,
    /// Grows from the oldest to the newest.
    rank: i128,
}

impl Sibling {
    /// Opens it, whatever its form.
    pub(super) fn open(&self) -> io::Result<(File, Box<dyn Read + Send>)> {
        let file = File::open(&self.path)?;
        let input: Box<dyn Read + Send> = if self.is_compressed {
            Box::new(MultiGzDecoder::new(io::BufReader::new(file.try_clone()?)))
        } else {
            Box::new(file.try_clone()?)
        };
        Ok((file, input))
    }

    fn is(&self, place: &Place) -> bool {
        let Ok(metadata) = fs::metadata(&self.path) else { return false };
        let is_same = Identity::of(&metadata) == place.identity() && !self.is_compressed;
        if !(is_same || place.print.tells()) || !self.is_compressed && metadata.len() < place.offset {
            return false;
        }
        self.open().and_then(|(_, input)| head_of(input)).is_ok_and(|first| place.print.fits(&first))
    }
}

/// What was moved away of a log, the oldest first.
pub(super) fn siblings(log: &Path) -> Vec<Sibling> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<Sibling> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let (rank, is_compressed) = rank(name, entry.file_name().to_str()?)?;
            entry.metadata().ok()?.is_file().then(|| Sibling { path: entry.path(), is_compressed, rank })
        })
        .collect();
    found.sort_by(|a, b| a.rank.cmp(&b.rank).then_with(|| a.path.cmp(&b.path)));
    found.drain(..found.len().saturating_sub(SIBLINGS));
    found
}

/// The newest of these that a log was moved to or copied to, after so much of it was read.
pub(super) fn find(siblings: &[Sibling], place: &Place) -> Option<usize> {
    siblings.iter().rposition(|sibling| sibling.is(place))
}

/// Whether a name is one that something is moved away to, so that a pattern does not mean it.
pub(super) fn is_moved_away(name: &str) -> bool {
    let packed = [".gz", ".xz", ".bz2", ".zst", ".zip", ".lz4", "~"].iter().any(|end| name.ends_with(end));
    let counted = name
        .rsplit_once(['.', '-'])
        .is_some_and(|(_, end)| !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit()) && end.len() != 4);
    packed || counted
}

/// How new a file is among those that a log was moved to; none when it is another log's.
fn rank(log: &str, name: &str) -> Option<(i128, bool)> {
    let (name, is_compressed) = name.strip_suffix(".gz").map_or((name, false), |name| (name, true));
    let (stem, ending) = log.rsplit_once('.').unwrap_or((log, ""));
    let behind = name.strip_prefix(log);
    let within = || name.strip_prefix(stem)?.strip_suffix(ending)?.strip_suffix('.');
    let added = behind.or_else(within)?;
    if !added.starts_with(['.', '-', '_']) || !added.bytes().all(|b| b.is_ascii_digit() || b"._-TZ:".contains(&b)) {
        return None;
    }
    let groups: Vec<&str> = added.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let digits = groups.concat();
    if digits.is_empty() || digits.len() > 30 {
        return None;
    }
    let number: i128 = digits.parse().ok()?;
    // `.1` is newer than `.2`; a later day is newer than an earlier one.
    Some((if digits.len() <= 3 { -number } else { number }, is_compressed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_away_is_known_by_its_name() {
        let order = |log: &str, names: &[&str]| {
            let mut found: Vec<(i128, &str)> =
                names.iter().filter_map(|name| Some((rank(log, name)?.0, *name))).collect();
            found.sort_unstable();
            found.into_iter().map(|(_, name)| name.to_owned()).collect::<Vec<_>>()
        };
        let names =
            ["app.log", "app.log.1", "app.log.2.gz", "app.log.10.gz", "app.log.bak", "app.log.lock", "app.logs.1"];
        assert_eq!(order("app.log", &names), ["app.log.10.gz", "app.log.2.gz", "app.log.1"]);
        let names = ["app-2026-01-31.log", "app-2026-02-01.log.gz", "app-errors.log", "application.log", "app.2.log"];
        assert_eq!(order("app.log", &names), ["app.2.log", "app-2026-01-31.log", "app-2026-02-01.log.gz"]);
        assert_eq!(order("syslog", &["syslog-20260131", "syslog.1", "syslog_old"]), ["syslog.1", "syslog-20260131"]);
    }
}
