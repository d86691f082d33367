//! How often templates come, by service: which are new, come more often than ever, or have stopped, against their own past.
//!
//! Time comes in with each line. It is cut into windows of five minutes; of each template in each service only what is
//! needed to judge the next window is kept.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{lately::Lately, miner::Change};

/// How long a window is, in seconds.
pub(super) const WINDOW: i64 = 300;
/// A template is new for so long, if there was as long a time to look before it came.
const NEW: TimeDelta = TimeDelta::minutes(15);
/// Windows of past without which nothing is out of the ordinary.
const PAST: u64 = 6;
/// Lines in a window without which it is no burst.
const BURST: u64 = 5;
/// How unlikely a burst is by the template's own rate; the natural logarithm of one in ten thousand.
const UNLIKELY: f64 = -9.21;
/// Lines without which nobody can say that a template should come again.
const REGULAR: u64 = 8;
/// So many times its longest pause makes a template vanished.
const PAUSES: i32 = 3;
/// Services that are told apart; further ones are one.
const SERVICES: usize = 1024;
/// The name of the services beyond those.
const OTHERS: &str = "(others)";

/// How a template stands in a service, against its own past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trend {
    /// It came for the first time a short while ago, although there was time to come before.
    New,
    /// It comes far more often than it ever did.
    Bursting,
    /// It came regularly and has stopped.
    Vanished,
    /// It comes as it does.
    Recurring,
    /// It came once.
    Rare,
}

/// A template in a service, as it stands at some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The number of the template.
    pub number: u64,
    /// The service.
    pub service: String,
    /// How it stands.
    pub trend: Trend,
    /// Lines in all.
    pub count: u64,
    /// The first line.
    pub first: DateTime<Utc>,
    /// The last line.
    pub last: DateTime<Utc>,
    /// Since when it stands so: its first line, the first one of the burst, or its last line.
    pub since: DateTime<Utc>,
}

/// A template in a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Track {
    count: u64,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    /// The longest time between two lines, in seconds.
    pause: i64,
    /// The window of the last line, the lines in it and the first of them, and the same of the window before.
    window: i64,
    now: (u64, DateTime<Utc>),
    before: (u64, DateTime<Utc>),
    /// Lines in all windows before those two, and the most in one of them.
    past: u64,
    peak: u64,
    #[serde(default)]
    lately: Lately,
}

/// What is remembered of templates over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    services: Vec<Box<str>>,
    /// When the first line came.
    began: Option<DateTime<Utc>>,
    tracks: BTreeMap<u64, BTreeMap<u16, Track>>,
}

impl History {
    /// Takes note of a line of a template.
    pub fn note(&mut self, number: u64, service: &str, at: DateTime<Utc>) {
        let began = self.began.get_or_insert(at);
        *began = (*began).min(at);
        let service = self.service(service);
        let tracks = self.tracks.entry(number).or_default();
        match tracks.get_mut(&service) {
            Some(track) => track.note(at),
            None => {
                tracks.insert(service, Track::new(at));
            }
        }
    }

    /// Follows what became of templates.
    pub fn follow(&mut self, change: &Change) {
        match change {
            Change::Merged { number, into } => {
                let Some(gone) = self.tracks.remove(number) else { return };
                let kept = self.tracks.entry(*into).or_default();
                for (service, track) in gone {
                    match kept.get_mut(&service) {
                        Some(known) => known.merge(&track),
                        None => {
                            kept.insert(service, track);
                        }
                    }
                }
            }
            Change::Evicted(template) => {
                self.tracks.remove(&template.number());
            }
            Change::Renamed { .. } => {}
        }
    }

    /// How a template stands in each service in which it came.
    pub fn of(&self, number: u64, now: DateTime<Utc>) -> impl Iterator<Item = Standing> {
        self.tracks
            .get(&number)
            .into_iter()
            .flatten()
            .map(move |(service, track)| self.standing(number, *service, track, now))
    }

    /// Lines of a template in a service in each of the last minutes, the oldest first; none where it never came.
    pub fn lately(&self, number: u64, service: &str, now: DateTime<Utc>) -> Vec<u32> {
        let place = self.services.iter().position(|known| **known == *service).and_then(|at| u16::try_from(at).ok());
        let track = place.and_then(|place| self.tracks.get(&number)?.get(&place));
        track.map(|track| track.lately.until(now)).unwrap_or_default()
    }

    /// How every template stands in every service, with its lines in each of the last minutes.
    pub fn all(&self, now: DateTime<Utc>) -> impl Iterator<Item = (Standing, Vec<u32>)> {
        self.tracks.iter().flat_map(move |(number, tracks)| {
            tracks
                .iter()
                .map(move |(service, track)| (self.standing(*number, *service, track, now), track.lately.until(now)))
        })
    }

    fn standing(&self, number: u64, service: u16, track: &Track, now: DateTime<Utc>) -> Standing {
        let (trend, since) = track.trend(self.began, now);
        Standing {
            number,
            service: self.services.get(usize::from(service)).map_or_else(String::new, ToString::to_string),
            trend,
            count: track.count,
            first: track.first,
            last: track.last,
            since,
        }
    }

    fn service(&mut self, name: &str) -> u16 {
        let name = if self.services.len() < SERVICES { name } else { OTHERS };
        let place = self.services.iter().position(|known| **known == *name).unwrap_or_else(|| {
            self.services.push(name.into());
            self.services.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }
}

impl Track {
    fn new(at: DateTime<Utc>) -> Self {
        let window = window(at);
        let mut lately = Lately::default();
        lately.note(at);
        let (now, before) = ((1, at), (0, at));
        Self { count: 1, first: at, last: at, pause: 0, window, now, before, past: 0, peak: 0, lately }
    }

    fn note(&mut self, at: DateTime<Utc>) {
        self.count += 1;
        self.lately.note(at);
        self.pause = self.pause.max((at - self.last).num_seconds());
        self.advance(window(at));
        if self.now.0 == 0 {
            self.now.1 = at;
        }
        self.now.0 += 1;
        (self.first, self.last) = (self.first.min(at), self.last.max(at));
    }

    /// Goes on to a window; a line that comes late counts to the newest.
    fn advance(&mut self, window: i64) {
        while self.window < window {
            (self.past, self.peak) = (self.past + self.before.0, self.peak.max(self.before.0));
            let steps = if self.now.0 == 0 { window - self.window } else { 1 };
            self.before = std::mem::replace(&mut self.now, (0, self.last));
            self.window += steps;
        }
    }

    fn merge(&mut self, other: &Self) {
        let newest = self.window.max(other.window);
        let mut other = other.clone();
        self.advance(newest);
        other.advance(newest);
        let both = |a: (u64, DateTime<Utc>), b: (u64, DateTime<Utc>)| match (a.0, b.0) {
            (_, 0) => a,
            (0, _) => b,
            _ => (a.0 + b.0, a.1.min(b.1)),
        };
        (self.now, self.before) = (both(self.now, other.now), both(self.before, other.before));
        (self.count, self.past, self.peak) = (self.count + other.count, self.past + other.past, self.peak + other.peak);
        self.lately.merge(&other.lately);
        self.pause = self.pause.min(other.pause);
        (self.first, self.last) = (self.first.min(other.first), self.last.max(other.last));
    }

    fn trend(&self, began: Option<DateTime<Utc>>, now: DateTime<Utc>) -> (Trend, DateTime<Utc>) {
        if now - self.first <= NEW && began.is_some_and(|began| self.first - began >= NEW) {
            return (Trend::New, self.first);
        }
        let quiet = now - self.last;
        let pause = TimeDelta::seconds(self.pause.max(WINDOW));
        if self.count >= REGULAR && quiet > pause * PAUSES {
            return (Trend::Vanished, self.last);
        }
        let mut track = self.clone();
        track.advance(window(now));
        if let Some(since) = track.burst(began) {
            return (Trend::Bursting, since);
        }
        (if self.count == 1 { Trend::Rare } else { Trend::Recurring }, self.first)
    }

    /// When the burst began, if there is one in the last two windows. The chance of so many lines at the rate of the past,
    /// with twice its error on top, is bounded as Chernoff bounds it for a Poisson process.
    fn burst(&self, began: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let windows = u64::try_from(self.window - 1 - window(began?)).unwrap_or(0);
        let found = |(count, since): (u64, DateTime<Utc>)| {
            if windows < PAST || count < BURST || count <= 2 * self.peak {
                return None;
            }
            #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
            let (count, past, windows) = (count as f64, self.past as f64 + 1.0, windows as f64);
            let rate = (past + 2.0 * past.sqrt()) / windows;
            let likely = count - rate - count * (count / rate).ln();
            (count > rate && likely < UNLIKELY).then_some(since)
        };
        found(self.before).or_else(|| found(self.now))
    }
}

fn window(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(WINDOW)
}
