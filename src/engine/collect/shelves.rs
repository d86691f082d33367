//! The newest lines of each service, and what was seen of all of them. Nothing gets here that was not redacted, and it takes no more
//! memory than is set aside for it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{
    kept::{self, PatternsFile},
    sources::Sources,
};
use crate::{
    diagnosis::{
        LogExcerpt, Redactor,
        collect::{Entry, Figures, Level, Queue, Window},
        is_nobodys, named_in,
        patterns::{Example, Observed, Seen, SeenPattern},
    },
    platform::{Platform, Reading, Sample},
};

/// Bytes of all windows together.
const BYTES: usize = 64 << 20;
/// Places of one service that are told apart; what is sent and what checks say have one each.
const PLACES: usize = 256;
/// Examples of a template that are told, of so many services, among so many of the newest lines of each.
const EXAMPLES: usize = 5;
const EXAMPLE_SERVICES: usize = 8;
const LOOKED_THROUGH: usize = 2_000;
/// The place of what programs send.
const SENT: &str = "sent";
/// The place of what checks say.
const CHECKS: &str = "checks";

/// What is collected, and what collects it.
pub(in crate::engine) struct Collected {
    shelves: Mutex<Shelves>,
    observed: RwLock<Observed>,
    pub(super) sources: Mutex<Sources>,
    pub(super) wake: Notify,
    pub(super) patterns: PatternsFile,
    /// Lines of the patterns that are kept.
    kept_lines: AtomicU64,
    /// Lines of each service that named people, since it was told last.
    disclosing: Mutex<BTreeMap<String, u64>>,
}

#[derive(Default)]
pub(super) struct Shelves {
    services: BTreeMap<String, Shelf>,
}

/// The lines of one service.
#[derive(Default)]
pub(super) struct Shelf {
    window: Window,
    places: Vec<Stand>,
    pub(super) queue: Queue,
    /// Lines that were sent and not taken, because too many waited.
    pub(super) refused: u64,
}

struct Stand {
    name: String,
    lines: u64,
    last: Option<DateTime<Utc>>,
    figures: Figures,
}

/// How the lines of a service from one place stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogFigures {
    /// The service.
    pub service: String,
    /// A file, a pattern of files, a unit of the journal, `sent` or `checks`.
    pub source: String,
    /// Lines since the engine started; those of one stack trace count once.
    pub lines: u64,
    /// When the last of them came.
    pub last: Option<DateTime<Utc>>,
    /// Bytes that are written and not read.
    pub behind_bytes: u64,
    /// Bytes that were left out because more came than can be read.
    pub skipped_bytes: u64,
    /// Lines that were sent and refused because too many waited.
    pub refused_lines: u64,
    /// Why it cannot be read.
    pub problem: Option<String>,
}

impl Collected {
    /// Goes on where the last engine stopped.
    pub(in crate::engine) fn open(platform: &Platform, places: PathBuf, work: &Path) -> Self {
        let patterns = PatternsFile::new(work);
        let observed = patterns.read();
        Self {
            shelves: Mutex::default(),
            kept_lines: AtomicU64::new(observed.lines()),
            observed: RwLock::new(observed),
            sources: Mutex::new(Sources::open(platform, places)),
            wake: Notify::new(),
            patterns,
            disclosing: Mutex::default(),
        }
    }

    /// What was seen of all lines.
    pub(in crate::engine) fn observed(&self) -> RwLockReadGuard<'_, Observed> {
        self.observed.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes entries of a service in. Those that are `new` count; the others were counted before a restart.
    pub(super) fn take(
        &self,
        redactor: &Redactor,
        (service, place): (&str, &str),
        entries: Vec<Entry>,
        now: DateTime<Utc>,
        new: bool,
    ) {
        let safe = |entry: Entry| Entry {
            at: Some(entry.at.map_or(now, |at| at.min(now))),
            message: redactor.line(&entry.message),
            ..entry
        };
        let entries: Vec<Entry> = entries.into_iter().map(safe).collect();
        let naming = entries.iter().filter(|entry| new && named_in(&entry.message).is_some()).count();
        if naming > 0 {
            let mut disclosing = self.disclosing.lock().unwrap_or_else(PoisonError::into_inner);
            *disclosing.entry(service.to_owned()).or_default() += naming as u64;
        }
        self.put((service, place), entries, now, new);
    }

    /// How many lines of each service have named people since this was asked last.
    pub(super) fn take_disclosing(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.disclosing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts entries on their shelf that are redacted already.
    fn put(&self, (service, place): (&str, &str), entries: Vec<Entry>, now: DateTime<Utc>, new: bool) {
        if new {
            let mut observed = self.observed.write().unwrap_or_else(PoisonError::into_inner);
            for entry in &entries {
                observed.take(&entry.message, service, entry.at.unwrap_or(now));
            }
        }
        let mut shelves = self.shelves();
        let shelf = shelves.services.entry(service.to_owned()).or_default();
        let at = shelf.place(place);
        if new && let Some(stand) = shelf.places.get_mut(at) {
            stand.lines += entries.len() as u64;
            stand.last = Some(now);
        }
        let source = u16::try_from(at).unwrap_or(u16::MAX);
        entries.into_iter().for_each(|entry| shelf.window.take(source, entry));
        shelves.keep_small();
    }

    /// What a check says is a line of its service too, unless all is well.
    pub(in crate::engine) fn checked(&self, sample: &Sample) {
        let level = match sample.reading {
            Reading::Bad => Level::Error,
            Reading::Slow => Level::Warning,
            _ => return,
        };
        let message = format!("check {}: {}", sample.check, sample.detail);
        let entry = Entry { at: Some(sample.at), level: Some(level), message, trace: None };
        self.put((&sample.service, CHECKS), vec![entry], sample.at, true);
    }

    /// Takes note of how a place stands.
    pub(super) fn stands(&self, (service, place): (&str, &str), figures: Figures) {
        let mut shelves = self.shelves();
        let shelf = shelves.services.entry(service.to_owned()).or_default();
        let at = shelf.place(place);
        if let Some(stand) = shelf.places.get_mut(at) {
            stand.figures = figures;
        }
    }

    /// The newest lines of services, those of each place together. What checks say is left out: a diagnosis hears them itself.
    pub(in crate::engine) fn excerpts(&self, services: &[String]) -> Vec<LogExcerpt> {
        let shelves = self.shelves();
        let mut found = Vec::new();
        for (service, shelf) in services.iter().filter_map(|name| shelves.services.get_key_value(name)) {
            for (at, stand) in shelf.places.iter().enumerate().filter(|(_, stand)| stand.name != CHECKS) {
                let here = |source: u16| usize::from(source) == at;
                let entries: Vec<Entry> = shelf
                    .window
                    .entries()
                    .filter(|(source, _)| here(*source))
                    .map(|(_, entry)| entry.clone())
                    .collect();
                if !entries.is_empty() {
                    found.push(LogExcerpt { service: service.clone(), path: stand.name.clone(), entries });
                }
            }
        }
        found
    }

    /// The newest lines of a service from all its places, in the order of their times, at most so many.
    pub(in crate::engine) fn newest(&self, service: &str, most: usize) -> Vec<Entry> {
        let shelves = self.shelves();
        let Some(shelf) = shelves.services.get(service) else { return Vec::new() };
        let mut entries: Vec<Entry> = shelf.window.entries().rev().take(most).map(|(_, entry)| entry.clone()).collect();
        entries.sort_by_key(|entry| entry.at);
        entries
    }

    /// How all places stand.
    pub(in crate::engine) fn figures(&self) -> Vec<LogFigures> {
        let shelves = self.shelves();
        let of = |(service, shelf): (&String, &Shelf)| {
            let told = |stand: &Stand| LogFigures {
                service: service.clone(),
                source: stand.name.clone(),
                lines: stand.lines,
                last: stand.last,
                behind_bytes: stand.figures.behind,
                skipped_bytes: stand.figures.skipped,
                refused_lines: if stand.name == SENT { shelf.refused } else { 0 },
                problem: stand.figures.problem.clone(),
            };
            shelf.places.iter().map(told).collect::<Vec<_>>()
        };
        shelves.services.iter().flat_map(of).collect()
    }

    /// What was seen of all lines, or of those of one service.
    pub(in crate::engine) fn patterns(&self, service: Option<&str>, now: DateTime<Utc>) -> Vec<Seen> {
        self.observed().all(service, now)
    }

    /// One template, with some of its newest lines; none when it is not known.
    pub(in crate::engine) fn pattern(&self, id: &str, platform: &Platform, now: DateTime<Utc>) -> Option<SeenPattern> {
        let services: Vec<Seen> = self.patterns(None, now).into_iter().filter(|seen| seen.id == id).collect();
        let mut examples = Vec::new();
        for seen in services.iter().take(EXAMPLE_SERVICES) {
            let newest = self.newest(&seen.service, LOOKED_THROUGH);
            let observed = self.observed();
            let of_it = newest.into_iter().rev().filter_map(|entry| {
                let message = observed.masked_of(id, &entry.message, |text| is_nobodys(platform, text))?;
                Some(Example { service: seen.service.clone(), at: entry.at, message })
            });
            examples.extend(of_it.take(EXAMPLES));
        }
        examples.sort_by_key(|example| std::cmp::Reverse(example.at));
        examples.truncate(EXAMPLES);
        (!services.is_empty()).then_some(SeenPattern { services, examples })
    }

    /// Takes in what was sent, at most so many lines of each service; says whether more waits.
    pub(super) fn take_sent(&self, redactor: &Redactor, now: DateTime<Utc>, most: usize) -> bool {
        let mut sent = Vec::new();
        let mut more = false;
        for (service, shelf) in &mut self.shelves().services {
            let entries = shelf.queue.take(most);
            more |= !shelf.queue.is_empty();
            if !entries.is_empty() {
                sent.push((service.clone(), entries));
            }
        }
        for (service, entries) in sent {
            self.take(redactor, (&service, SENT), entries, now, true);
        }
        more
    }

    /// Keeps what was seen of all lines over a restart.
    pub(super) fn keep_patterns(&self) {
        let lines = self.observed().lines();
        if self.kept_lines.swap(lines, Ordering::Relaxed) == lines {
            return;
        }
        let kept = self.observed().keep();
        if let Err(error) = kept::write(self.patterns.path(), &kept) {
            tracing::warn!(%error, "what was seen of lines is not kept");
        }
    }
}

impl Shelves {
    /// The shelf of a service, for what is sent.
    pub(super) fn of(&mut self, service: &str) -> &mut Shelf {
        let shelf = self.services.entry(service.to_owned()).or_default();
        shelf.place(SENT);
        shelf
    }

    /// Lets the largest window go by half until all have room.
    fn keep_small(&mut self) {
        while self.services.values().map(|shelf| shelf.window.bytes()).sum::<usize>() > BYTES {
            let Some(largest) = self.services.values_mut().max_by_key(|shelf| shelf.window.bytes()) else { return };
            largest.window.shrink();
        }
    }
}

impl Shelf {
    /// The number of a place; the last one stands for those beyond the bound.
    fn place(&mut self, name: &str) -> usize {
        if let Some(at) = self.places.iter().position(|stand| stand.name == name) {
            return at;
        }
        if self.places.len() < PLACES {
            let figures = Figures::default();
            self.places.push(Stand { name: name.to_owned(), lines: 0, last: None, figures });
        }
        self.places.len() - 1
    }
}
