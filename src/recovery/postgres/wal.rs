//! The log that was received: where it lies, what it covers, laying it out for a replay, and dropping what no snapshot needs.
//!
//! `WAL/SYSTEM/TIMELINE/` holds the segments of one timeline of one cluster. A restore begins a new timeline, and the old one
//! stays for as long as a kept snapshot reaches back to it.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    super::{RecoveryError, switch::remove},
    about::Base,
    tool::Owner,
};
use crate::vault::sync_dir;

const PARTIAL: &str = ".partial";
/// When a timeline began to be live: the time of this file.
const BORN: &str = "began";

/// A timeline of a cluster; each promotion begins the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Timeline(u32);

/// A position in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Lsn(u64);

impl Timeline {
    pub(super) fn number(self) -> u32 {
        self.0
    }

    /// The file that tells where it branched off.
    pub(super) fn history(self) -> String {
        format!("{self}.history")
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08X}", self.0)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

impl Lsn {
    /// Bytes of log from an earlier position to this.
    pub(super) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<Lsn> for String {
    fn from(lsn: Lsn) -> Self {
        lsn.to_string()
    }
}

impl TryFrom<String> for Lsn {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let halves = text.split_once('/');
        let parsed = halves.and_then(|(high, low)| {
            let (high, low) = (u32::from_str_radix(high, 16).ok()?, u32::from_str_radix(low, 16).ok()?);
            Some(Self(u64::from(high) << 32 | u64::from(low)))
        });
        parsed.ok_or_else(|| format!("{text:?} is no position in a log"))
    }
}

/// A segment of the log; ordered as the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment(u64);

impl Segment {
    fn at(lsn: Lsn, size: u64) -> Self {
        Self(lsn.0 / size)
    }

    fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The name of its file.
    pub(super) fn file(self, timeline: Timeline, size: u64) -> String {
        let each = (1 << 32) / size;
        format!("{timeline}{:08X}{:08X}", self.0 / each, self.0 % each)
    }

    /// Its first position.
    pub(super) fn start(self, size: u64) -> Lsn {
        Lsn(self.0 * size)
    }

    fn parse(name: &str, size: u64) -> Option<(Timeline, Self)> {
        if name.len() != 24 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let part = |from: usize| u32::from_str_radix(&name[from..from + 8], 16).ok();
        let (timeline, log, number) = (part(0)?, part(8)?, part(16)?);
        Some((Timeline(timeline), Self(u64::from(log) * ((1 << 32) / size) + u64::from(number))))
    }
}

/// The received log of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    dir: PathBuf,
    /// Bytes in a segment.
    size: u64,
    owner: Owner,
}

/// The log that brings a base backup forward.
#[derive(Debug, Clone)]
pub(super) struct Replay {
    /// On which timeline it ends.
    pub(super) timeline: Timeline,
    /// The last of them, oldest first, in which to look for the last commit.
    pub(super) files: Vec<(PathBuf, String)>,
    pub(super) bytes: u64,
}

impl Archive {
    /// `size` is that of a segment, which `initdb` has fixed.
    pub(super) fn new(wal: &Path, system: &str, size: u64, owner: Owner) -> Self {
        Self { dir: wal.join(system), size, owner }
    }

    /// That of the cluster of a base backup.
    pub(super) fn of(wal: &Path, base: &Base, owner: Owner) -> Self {
        Self::new(wal, &base.system, base.segment, owner)
    }

    /// The timeline of a segment, its first position and the one after it, by the name of its file.
    pub(super) fn bounds_of(&self, name: &str) -> (Timeline, [Lsn; 2]) {
        let (of, segment) = Segment::parse(name, self.size).unwrap_or((Timeline(0), Segment(0)));
        (of, [segment.start(self.size), segment.next().start(self.size)])
    }

    fn place(&self, timeline: Timeline) -> PathBuf {
        self.dir.join(timeline.to_string())
    }

    /// The directory of a timeline, made when it is not there.
    pub(super) fn open(&self, timeline: Timeline) -> Result<PathBuf, RecoveryError> {
        let place = self.place(timeline);
        for dir in [self.dir.parent().unwrap_or(&self.dir), &self.dir, &place] {
            let made = match DirBuilder::new().recursive(true).mode(0o700).create(dir) {
                Ok(()) => self.owner.give(dir),
                Err(error) => Err(error),
            };
            made.map_err(|error| RecoveryError::io("create", dir, error))?;
        }
        let born = place.join(BORN);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&born) {
            Ok(_) => self.owner.give(&born),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
        .map_err(|error| RecoveryError::io("create", &born, error))?;
        Ok(place)
    }

    /// Timelines that were received and since when, oldest first.
    fn timelines(&self) -> Vec<(Timeline, DateTime<Utc>)> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut found: Vec<_> = entries
            .filter_map(|entry| {
                let timeline = Timeline(u32::from_str_radix(entry.file_name().to_str()?, 16).ok()?);
                let born = fs::metadata(entry.path().join(BORN)).ok()?.modified().ok()?;
                Some((timeline, DateTime::from(born)))
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// The segments of a timeline; a whole one counts before one that is still being received.
    fn segments(&self, timeline: Timeline) -> Result<BTreeMap<Segment, PathBuf>, RecoveryError> {
        let mut found: BTreeMap<Segment, PathBuf> = BTreeMap::new();
        for path in entries(&self.place(timeline))? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let bare = name.strip_suffix(PARTIAL).unwrap_or(name);
            let Some((of, segment)) = Segment::parse(bare, self.size) else { continue };
            if of == timeline && (bare == name || !found.contains_key(&segment)) {
                found.insert(segment, path);
            }
        }
        Ok(found)
    }

    /// The segments that were received. Of those that are followed by another only whole ones count, and the place that is kept
    /// free for the first one after a gap does not.
    fn received(&self, timeline: Timeline) -> Result<BTreeMap<Segment, PathBuf>, RecoveryError> {
        let mut found = self.segments(timeline)?;
        let newest = found.keys().next_back().copied();
        found.retain(|segment, path| {
            path.extension().is_none() || (Some(*segment) == newest && begins_with_a_header(path))
        });
        Ok(found)
    }

    /// From which timelines one descends and where it left them, oldest first.
    fn ancestors(&self, timeline: Timeline) -> Result<Vec<(Timeline, Lsn)>, RecoveryError> {
        let path = self.place(timeline).join(timeline.history());
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text
                .lines()
                .filter_map(|line| {
                    let mut words = line.split_whitespace();
                    let of = Timeline(words.next()?.parse().ok()?);
                    Some((of, Lsn::try_from(words.next()?.to_owned()).ok()?))
                })
                .collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(RecoveryError::io("read", &path, error)),
        }
    }

    /// The log from a base backup on, along the timeline that was live at a time. An error is the reason why there is none.
    pub(super) fn replay(&self, base: &Base, at: DateTime<Utc>) -> Result<Result<Replay, String>, RecoveryError> {
        let lived = self.timelines().into_iter().filter(|(timeline, born)| *timeline > base.timeline && *born <= at);
        let timeline = lived.map(|(timeline, _)| timeline).max().unwrap_or(base.timeline);
        let mut path = Vec::new();
        if timeline != base.timeline {
            path = self.ancestors(timeline)?;
            path.retain(|(of, _)| *of >= base.timeline);
            if path.first().is_none_or(|(of, left)| *of != base.timeline || *left < base.start) {
                return Ok(Err(format!(
                    "at that time timeline {} was live, and the snapshot, of timeline {}, is not in its past; choose a later snapshot",
                    timeline.0, base.timeline.0
                )));
            }
        }
        let mut replay = Replay { timeline, files: Vec::new(), bytes: 0 };
        let mut next = Segment::at(base.start, self.size);
        for (of, left) in path.iter().map(|(of, left)| (*of, Some(*left))).chain([(timeline, None)]) {
            let there = self.received(of)?;
            let last = left.map(|left| Segment::at(left, self.size));
            while last.is_none_or(|last| next <= last) {
                let Some(file) = there.get(&next) else { break };
                replay.files.push((file.clone(), next.file(of, self.size)));
                replay.bytes += self.size;
                next = next.next();
            }
            if let Some(last) = last {
                // the branch holds a copy of the segment in which it begins
                if next < last {
                    return Ok(Err(format!("the log from {} on was not received", next.start(self.size))));
                }
                next = last;
            }
        }
        if !replay.files.iter().any(|(_, name)| name.starts_with(&timeline.to_string())) {
            return Ok(Err(format!(
                "the log from {} on was not received; take a snapshot while the log is being received, and go back from there",
                next.start(self.size)
            )));
        }
        Ok(Ok(replay))
    }

    /// Copies the log into the directory of a staged server, where it looks for it.
    pub(super) fn lay_out(&self, replay: &Replay, wal: &Path) -> Result<(), RecoveryError> {
        replay.files.iter().try_for_each(|(from, name)| self.copy(from, &wal.join(name)))
    }

    /// Copies what tells where the known timelines branched off into the directory of a staged server.
    pub(super) fn lay_out_histories(&self, wal: &Path) -> Result<(), RecoveryError> {
        for (timeline, _) in self.timelines() {
            let history = self.place(timeline).join(timeline.history());
            if history.is_file() {
                self.copy(&history, &wal.join(timeline.history()))?;
            }
        }
        Ok(())
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<(), RecoveryError> {
        remove(to).map_err(|error| RecoveryError::io("replace", to, error))?;
        fs::copy(from, to).map_err(|error| RecoveryError::io("copy", from, error))?;
        self.owner.give(to).map_err(|error| RecoveryError::io("give away", to, error))
    }

    /// Begins a timeline with the log that a restored data directory has written itself, so that no piece is missing between
    /// the old timeline and what is received from now on. `current` is the segment that is written next.
    pub(super) fn begin(&self, timeline: Timeline, data: &Path, current: &str) -> Result<(), RecoveryError> {
        let place = self.open(timeline)?;
        let wal = data.join("pg_wal");
        for path in entries(&wal)? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let ours = Segment::parse(name, self.size).is_some_and(|(of, _)| of == timeline);
            let to = match name {
                // segments after it are spare ones with old content
                name if ours && name < current => place.join(name),
                name if ours && name == current => place.join(format!("{name}{PARTIAL}")),
                name if name == timeline.history() => place.join(name),
                _ => continue,
            };
            self.copy(&path, &to)?;
            File::open(&to).and_then(|file| file.sync_all()).map_err(|error| RecoveryError::io("write", &to, error))?;
        }
        sync_dir(&place).map_err(|error| RecoveryError::io("write", &place, error))
    }

    /// Goes on after a gap: what the server has thrown away cannot be received any more.
    pub(super) fn skip_to(&self, timeline: Timeline, lsn: Lsn) -> Result<(), RecoveryError> {
        let name = Segment::at(lsn, self.size).file(timeline, self.size);
        let path = self.open(timeline)?.join(format!("{name}{PARTIAL}"));
        let made = File::create(&path).and_then(|file| file.set_len(self.size)).and_then(|()| self.owner.give(&path));
        made.map_err(|error| RecoveryError::io("create", &path, error))
    }

    /// Drops what lies before a position on a timeline, and on all timelines before that.
    pub(super) fn trim(&self, oldest: Timeline, start: Lsn) -> Result<(), RecoveryError> {
        let needed = Segment::at(start, self.size);
        for (timeline, _) in self.timelines() {
            if timeline < oldest {
                let place = self.place(timeline);
                remove(&place).map_err(|error| RecoveryError::io("remove", &place, error))?;
            } else if timeline == oldest {
                for path in self.segments(timeline)?.into_iter().filter(|(at, _)| *at < needed).map(|(_, path)| path) {
                    remove(&path).map_err(|error| RecoveryError::io("remove", &path, error))?;
                }
            }
        }
        Ok(())
    }
}

/// Whether something was written to a segment: its first two bytes are never zero then.
fn begins_with_a_header(path: &Path) -> bool {
    let mut magic = [0; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic != [0; 2]
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, RecoveryError> {
    match fs::read_dir(dir) {
        Ok(entries) => {
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            Ok(paths)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(RecoveryError::io("list", dir, error)),
    }
}
