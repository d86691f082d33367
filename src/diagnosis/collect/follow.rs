//! Reads one file on: over restarts, when it is renamed, cut off, copied, compressed, removed, or is not there yet.
//!
//! What was renamed is read to its end by the handle that is open, and a while longer, because its writer may not have heard of
//! it. What was cut off is looked for beside it. What was missed, because nobody looked while a log was moved away more than once,
//! is read once, compressed or not.

use std::{
    collections::VecDeque,
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Entry, Zone,
    bytes::{Encoding, Line, Splitter},
    join::Joiner,
    place::{Identity, Place, Print, head, head_of},
    rotated::{Sibling, find, siblings},
};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;
/// Bytes before the end at which a log is begun that was never read.
pub(super) const TAIL: u64 = 256 << 10;
/// Who is further behind goes on near the end: what happens now matters more.
const BEHIND: u64 = 64 << 20;
/// How long a file is read on after it was renamed and nothing came.
const LINGER: TimeDelta = TimeDelta::seconds(30);
/// After so long without a line an entry does not go on.
const QUIET: TimeDelta = TimeDelta::milliseconds(800);
/// Files that are read for one log at the same time, at most.
const INPUTS: usize = 128;

/// What was read of a source in one go.
#[derive(Debug, Default)]
pub struct Given {
    /// What was written before the engine began, as far as it was given then already: to look back at, not to count again.
    pub known: Vec<Entry>,
    /// What is new, in order.
    pub new: Vec<Entry>,
    /// There is more to read at once.
    pub more: bool,
}

/// How a source stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes that are written and not read.
    pub behind: u64,
    /// Bytes that were left out, because they came faster than they can be read, or are gone.
    pub skipped: u64,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

/// A file under way.
struct Input {
    identity: Identity,
    source: Source,
    print: Print,
    splitter: Splitter,
    joiner: Joiner,
    /// The end of the last line that was handed to the joiner.
    taken: u64,
    /// When something came last.
    heard: DateTime<Utc>,
    is_over: bool,
}

enum Source {
    Plain(File),
    Packed(Box<dyn Read + Send>),
}

/// Reads one file on.
pub(super) struct Follow {
    path: PathBuf,
    zone: Zone,
    /// The last one is the file that is there now, if `is_live`.
    inputs: VecDeque<Input>,
    is_live: bool,
    seen: Option<(u64, i64, i64)>,
    resume: Vec<Place>,
    /// The log was there when the engine began.
    is_old: bool,
    skipped: u64,
    problem: Option<String>,
}

impl Follow {
    /// Begins with a file; `places` is how far it was read before. One that was never read and is `old` is begun near its end.
    pub(super) fn new(path: PathBuf, zone: Zone, places: Vec<Place>, is_old: bool) -> Self {
        Self {
            path,
            zone,
            inputs: VecDeque::new(),
            is_live: false,
            seen: None,
            resume: places,
            is_old,
            skipped: 0,
            problem: None,
        }
    }

    /// Which files of the system it reads.
    pub(super) fn identities(&self) -> impl Iterator<Item = Identity> {
        self.inputs.iter().map(|input| input.identity)
    }

    /// How far it is.
    pub(super) fn places(&self) -> Vec<Place> {
        let read = self.inputs.iter().filter(|input| !input.is_over).map(Input::place);
        // What could not be looked for yet is still known.
        read.chain(self.resume.iter().cloned()).collect()
    }

    pub(super) fn figures(&self) -> Figures {
        let behind = self.inputs.back().filter(|_| self.is_live).map_or(0, |live| {
            fs::metadata(&self.path).map_or(0, |metadata| metadata.len().saturating_sub(live.splitter.at()))
        });
        Figures { behind, skipped: self.skipped, problem: self.problem.clone() }
    }

    /// Reads on, at most about so many lines. Entries that may go on are ended when `flush` says that nobody will wait for it.
    pub(super) fn read(&mut self, now: DateTime<Utc>, most: usize, flush: bool, given: &mut Given) {
        self.problem = None;
        if let Err(error) = self.look(now, given) {
            self.problem = Some(match error.kind() {
                io::ErrorKind::IsADirectory => "it is a directory; name the files in it".to_owned(),
                io::ErrorKind::InvalidInput => "it is no regular file".to_owned(),
                _ => error.to_string(),
            });
        }
        let mut left = most;
        let last = self.inputs.len().saturating_sub(1);
        for (at, input) in self.inputs.iter_mut().enumerate() {
            let is_live = self.is_live && at == last;
            match input.read(now, self.zone, &mut left, &mut given.new) {
                Ok(true) => {
                    given.more = true;
                    break;
                }
                Ok(false) => {}
                // A compressed file that is cut off ends where it does.
                Err(error) if is_live => self.problem = Some(error.to_string()),
                Err(_) => input.is_over = true,
            }
            if flush || now - input.heard >= QUIET {
                input.flush(is_live, now, self.zone, &mut given.new);
            }
            let packed = matches!(input.source, Source::Packed(_));
            if !is_live && (packed || now - input.heard >= LINGER) {
                input.flush(false, now, self.zone, &mut given.new);
                input.is_over = true;
            }
        }
        let live = self.inputs.len().saturating_sub(usize::from(self.is_live));
        let mut at = 0;
        self.inputs.retain(|input| {
            at += 1;
            at > live || !input.is_over
        });
        while self.inputs.len() > INPUTS {
            self.inputs.pop_front();
        }
    }

    /// Looks what is there under its name, and opens what has to be read.
    fn look(&mut self, now: DateTime<Utc>, given: &mut Given) -> io::Result<()> {
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.is_live = false;
                self.is_old = false;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            self.is_live = false;
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // Opening a pipe that nobody writes to would wait for ever.
        if !metadata.is_file() {
            self.is_live = false;
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if !self.resume.is_empty() {
            return self.go_on(now, given);
        }
        let identity = Identity::of(&metadata);
        let Some(last) = self.inputs.back_mut() else {
            let from = if self.is_old { metadata.len().saturating_sub(TAIL) } else { 0 };
            return self.open(from, now);
        };
        let is_there = last.identity == identity;
        let seen = state(&metadata);
        if is_there && self.is_live && self.seen == Some(seen) {
            return Ok(());
        }
        let is_cut = last.is_cut()?;
        if is_there && !is_cut {
            (self.is_live, self.seen) = (true, Some(seen));
            last.learn()?;
            return self.keep_up(metadata.len());
        }
        self.is_live = false;
        last.heard = now;
        let beside = siblings(&self.path);
        let read_on = if is_cut { self.copied(&beside, now, given)? } else { find(&beside, &last.place()) };
        if let Some(at) = read_on {
            self.missed(&beside[at + 1..], now)?;
        }
        self.open(0, now)
    }

    /// What was cut off may have been copied before: then it is read on there. Says which of those beside it that is.
    fn copied(&mut self, beside: &[Sibling], now: DateTime<Utc>, given: &mut Given) -> io::Result<Option<usize>> {
        let Some(mut cut) = self.inputs.pop_back() else { return Ok(None) };
        let place = Place::new(cut.identity, cut.splitter.at(), cut.print.clone());
        let found = find(beside, &place);
        match found {
            Some(at) => {
                cut.source = source(&beside[at], place.offset)?;
                cut.identity = Identity::of(&fs::metadata(&beside[at].path)?);
                cut.heard = now - LINGER;
                self.inputs.push_back(cut);
            }
            None => cut.flush(false, now, self.zone, &mut given.new),
        }
        Ok(found)
    }

    /// Finds again what was read before a restart.
    fn go_on(&mut self, now: DateTime<Utc>, given: &mut Given) -> io::Result<()> {
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let (identity, first) = (Identity::of(&metadata), head(&file, usize::MAX)?);
        let beside = siblings(&self.path);
        let mut newest = None;
        let (mut live, mut lost) = (None, false);
        for place in std::mem::take(&mut self.resume) {
            if place.identity() == identity && place.print.fits(&first) && metadata.len() >= place.offset {
                live = Some(place.offset);
            } else if let Some(at) = find(&beside, &place)
                && let Ok(input) = Input::new(&beside[at], place.offset, now - LINGER)
            {
                self.inputs.push_back(input);
                newest = newest.max(Some(at));
                lost = false;
            } else {
                lost = true;
            }
        }
        if let (None, Some(at)) = (live, newest) {
            self.missed(&beside[at + 1..], now)?;
        }
        if lost && live.is_none() {
            self.problem = Some("what was written since it was last read is gone: it was moved away".to_owned());
        }
        self.open(live.unwrap_or(0), now)?;
        if let Some(offset) = live {
            given.known.extend(before(&file, offset, now, self.zone)?);
        }
        Ok(())
    }

    /// Reads what was moved away without having been seen.
    fn missed(&mut self, beside: &[Sibling], now: DateTime<Utc>) -> io::Result<()> {
        for sibling in beside {
            let known: Vec<Identity> = self.identities().collect();
            let metadata = fs::metadata(&sibling.path)?;
            if !known.contains(&Identity::of(&metadata)) {
                self.inputs.push_back(Input::new(sibling, 0, now - LINGER)?);
            }
        }
        Ok(())
    }

    /// Opens what is there under its name, at a byte.
    fn open(&mut self, from: u64, now: DateTime<Utc>) -> io::Result<()> {
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let first = head(&file, usize::MAX)?;
        let from = line_start(&file, from, &first)?;
        let known = usize::try_from(from).unwrap_or(usize::MAX).min(first.len());
        self.seen = Some(state(&metadata));
        self.is_live = true;
        self.is_old = false;
        self.inputs.push_back(Input {
            identity: Identity::of(&metadata),
            source: Source::Plain(file),
            print: Print::of(&first[..known]),
            splitter: Splitter::new(Encoding::of(&first), from),
            joiner: Joiner::default(),
            taken: from,
            heard: now,
            is_over: false,
        });
        Ok(())
    }

    /// Leaves out what cannot be read in time.
    fn keep_up(&mut self, length: u64) -> io::Result<()> {
        let Some(live) = self.inputs.back_mut() else { return Ok(()) };
        let at = live.splitter.at();
        if length.saturating_sub(at) <= BEHIND {
            return Ok(());
        }
        let Source::Plain(file) = &live.source else { return Ok(()) };
        let first = head(file, usize::MAX)?;
        let to = line_start(file, length - TAIL, &first)?;
        self.skipped += to - at;
        live.splitter = Splitter::new(Encoding::of(&first), to);
        live.taken = to;
        Ok(())
    }
}

impl Input {
    /// What was moved away, from a byte on.
    fn new(sibling: &Sibling, from: u64, heard: DateTime<Utc>) -> io::Result<Self> {
        let (file, input) = sibling.open()?;
        let first = head_of(input)?;
        let known = usize::try_from(from).unwrap_or(usize::MAX).min(first.len());
        Ok(Self {
            identity: Identity::of(&file.metadata()?),
            source: source(sibling, from)?,
            print: Print::of(&first[..known]),
            splitter: Splitter::new(Encoding::of(&first), from),
            joiner: Joiner::default(),
            taken: from,
            heard,
            is_over: false,
        })
    }

    fn place(&self) -> Place {
        let offset = self.joiner.from().unwrap_or(self.taken);
        Place::new(self.identity, offset, self.print.clone())
    }

    /// Whether the file is shorter than what was read of it, or begins in another way.
    fn is_cut(&self) -> io::Result<bool> {
        match &self.source {
            Source::Plain(file) => {
                Ok(file.metadata()?.len() < self.splitter.at() || !self.print.fits(&head(file, self.print.bytes())?))
            }
            Source::Packed(_) => Ok(false),
        }
    }

    /// Takes note of how it begins, as far as it was read.
    fn learn(&mut self) -> io::Result<()> {
        if let (Source::Plain(file), false) = (&self.source, self.print.is_whole()) {
            let known = usize::try_from(self.splitter.at()).unwrap_or(usize::MAX);
            self.print = Print::of(&head(file, known)?);
        }
        Ok(())
    }

    /// Reads on; says whether there is more than lines were `left`.
    fn read(&mut self, now: DateTime<Utc>, zone: Zone, left: &mut usize, new: &mut Vec<Entry>) -> io::Result<bool> {
        let mut piece = vec![0; PIECE];
        let mut lines: Vec<Line> = Vec::new();
        loop {
            if *left == 0 {
                return Ok(true);
            }
            let count = match &mut self.source {
                Source::Plain(file) => {
                    file.seek(SeekFrom::Start(self.splitter.at()))?;
                    file.read(&mut piece)?
                }
                Source::Packed(input) => input.read(&mut piece)?,
            };
            let count = self.splitter.whole(count);
            if count == 0 {
                self.learn()?;
                return Ok(false);
            }
            self.heard = self.heard.max(now);
            self.splitter.feed(&piece[..count], &mut lines);
            *left = left.saturating_sub(lines.len().max(1));
            for line in lines.drain(..) {
                self.taken = line.end;
                new.extend(self.joiner.take(line, now, zone));
            }
        }
    }

    /// Ends the entry that may go on, and the line too where nothing can follow it.
    fn flush(&mut self, is_live: bool, now: DateTime<Utc>, zone: Zone, new: &mut Vec<Entry>) {
        if !is_live && let Some(line) = self.splitter.finish() {
            self.taken = line.end;
            new.extend(self.joiner.take(line, now, zone));
        }
        new.extend(self.joiner.end(now, zone));
    }
}

/// What tells that a file has changed.
fn state(metadata: &Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// What was moved away, behind its first bytes.
fn source(sibling: &Sibling, from: u64) -> io::Result<Source> {
    let (file, mut input) = sibling.open()?;
    if !sibling.is_compressed {
        return Ok(Source::Plain(file));
    }
    io::copy(&mut input.by_ref().take(from), &mut io::sink())?;
    Ok(Source::Packed(input))
}

/// The first line that begins at a byte or behind it.
fn line_start(file: &File, from: u64, first: &[u8]) -> io::Result<u64> {
    use std::os::unix::fs::FileExt;
    let Some(before) = from.checked_sub(1) else { return Ok(0) };
    let from = if Encoding::of(first) == Encoding::Utf8 { before } else { before & !1 };
    let mut splitter = Splitter::new(Encoding::of(first), from);
    let (mut piece, mut lines) = (vec![0; PIECE], Vec::new());
    loop {
        let count = file.read_at(&mut piece, splitter.at())?;
        let count = splitter.whole(count);
        if count == 0 {
            return Ok(splitter.at());
        }
        splitter.feed(&piece[..count], &mut lines);
        if let Some(line) = lines.first() {
            return Ok(line.end);
        }
    }
}

/// The last entries before a byte: those that were given before a restart.
fn before(file: &File, end: u64, now: DateTime<Utc>, zone: Zone) -> io::Result<Vec<Entry>> {
    let first = head(file, usize::MAX)?;
    let from = line_start(file, end.saturating_sub(TAIL), &first)?.min(end);
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(end - from).read_to_end(&mut bytes)?;
    let (mut splitter, mut lines) = (Splitter::new(Encoding::of(&first), from), Vec::new());
    splitter.feed(&bytes, &mut lines);
    lines.extend(splitter.finish());
    Ok(entries(lines, now, zone))
}

/// The entries that lines are.
pub(super) fn entries(lines: impl IntoIterator<Item = Line>, now: DateTime<Utc>, zone: Zone) -> Vec<Entry> {
    let mut joiner = Joiner::default();
    let mut found: Vec<Entry> = lines.into_iter().filter_map(|line| joiner.take(line, now, zone)).collect();
    found.extend(joiner.end(now, zone));
    found
}

/// The entries at the end of a file, at most so many bytes of it; for who did not follow it.
///
/// # Errors
/// When it cannot be read, or is no regular file.
pub(in super::super) fn tail(path: &Path, most: u64, now: DateTime<Utc>, zone: Zone) -> io::Result<Vec<Entry>> {
    // Opening a pipe that nobody writes to would wait for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let first = head(&file, usize::MAX)?;
    let from = line_start(&file, length.saturating_sub(most), &first)?;
    let (mut splitter, mut lines, mut bytes) = (Splitter::new(Encoding::of(&first), from), Vec::new(), Vec::new());
    let mut file = file;
    file.seek(SeekFrom::Start(from))?;
    file.take(length - from).read_to_end(&mut bytes)?;
    splitter.feed(&bytes, &mut lines);
    lines.extend(splitter.finish());
    Ok(entries(lines, now, zone))
}
