//! Reads all sources in turn, none for longer than its share: a storm in one log does not hide another. What is written is waited
//! for on disk, not in memory.

use std::{
    path::PathBuf,
    sync::PoisonError,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::kept::{self, KeptPlaces};
use crate::{
    diagnosis::collect::{Figures, Files, Given, Journald, Zone},
    engine::EngineHandle,
    platform::{LogPlace, LogSource, Platform},
};

/// How often it is looked whether something was written.
const LOOK: Duration = Duration::from_millis(500);
/// Lines of one source each second, in the long run; and in one go.
const RATE: f64 = 5_000.0;
const SHARE: usize = 2_000;
/// How often it is kept how far the logs were read, and what was seen in them.
const KEEP_PLACES: TimeDelta = TimeDelta::seconds(5);
const KEEP_PATTERNS: TimeDelta = TimeDelta::minutes(1);
/// How long a diagnosis waits for what was written at the last moment.
const CATCH_UP: Duration = Duration::from_secs(2);

/// Everything that is read.
pub(super) struct Sources {
    all: Vec<Source>,
    file: PathBuf,
    kept: KeptPlaces,
    /// When places and patterns were kept last.
    kept_at: DateTime<Utc>,
    patterns_at: DateTime<Utc>,
}

struct Source {
    service: String,
    name: String,
    reader: Reader,
    /// Lines that it may give now.
    may: f64,
    asked: Option<DateTime<Utc>>,
    problem: Option<String>,
}

enum Reader {
    Files(Files),
    Journald(Journald),
}

impl Sources {
    /// The sources that a platform names, each where it was read to.
    pub(super) fn open(platform: &Platform, file: PathBuf) -> Self {
        let mut kept = kept::read_places(&file);
        let mut all = Vec::new();
        for service in &platform.services {
            for source in service.log_sources() {
                let name = source.to_string();
                let reader = Reader::open(&source, &mut kept, &service.name, &name);
                all.push(Source { service: service.name.clone(), name, reader, may: RATE, asked: None, problem: None });
            }
        }
        let long_ago = DateTime::<Utc>::MIN_UTC;
        Self { all, file, kept: KeptPlaces::default(), kept_at: long_ago, patterns_at: long_ago }
    }

    fn places(&self) -> KeptPlaces {
        let mut kept = KeptPlaces::default();
        for source in &self.all {
            let place =
                kept.services.entry(source.service.clone()).or_default().entry(source.name.clone()).or_default();
            match &source.reader {
                Reader::Files(files) => {
                    place.files = files.places().map(|(path, places)| (path.to_owned(), places)).collect();
                }
                Reader::Journald(journald) => place.cursor = journald.place().clone(),
            }
        }
        kept
    }

    /// Keeps on disk how far all is.
    fn keep(&mut self) {
        let places = self.places();
        if places == self.kept {
            return;
        }
        match kept::write(&self.file, &places) {
            Ok(()) => self.kept = places,
            Err(error) => warn!(%error, "how far the logs are read is not kept"),
        }
    }
}

impl Reader {
    fn open(source: &LogSource, kept: &mut KeptPlaces, service: &str, name: &str) -> Self {
        let place = kept.services.get_mut(service).and_then(|sources| sources.remove(name)).unwrap_or_default();
        match &source.place {
            LogPlace::File(pattern) => {
                let zone = source.zone.map_or_else(Zone::default, Zone::new);
                Self::Files(Files::new(pattern.clone(), zone, place.files))
            }
            LogPlace::Journald(unit) => Self::Journald(Journald::new("journalctl".into(), unit.clone(), place.cursor)),
        }
    }
}

impl Source {
    /// Reads its share; says whether there is more that may be read now.
    fn read(&mut self, now: DateTime<Utc>, flush: bool) -> (Given, Figures, bool) {
        let passed = self.asked.map_or(0.0, |asked| (now - asked).as_seconds_f64().max(0.0));
        self.asked = Some(now);
        self.may = (self.may + passed * RATE).min(2.0 * RATE);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10,000")]
        let most = (self.may.max(0.0) as usize).min(SHARE);
        if most == 0 {
            return (Given::default(), self.figures(), false);
        }
        let given = match &mut self.reader {
            Reader::Files(files) => files.read(now, most, flush),
            Reader::Journald(journald) => journald.read(now, most),
        };
        self.may -= f64::from(u32::try_from(given.new.len()).unwrap_or(u32::MAX));
        let more = given.more && self.may >= 1.0;
        (given, self.figures(), more)
    }

    fn figures(&self) -> Figures {
        match &self.reader {
            Reader::Files(files) => files.figures(),
            Reader::Journald(journald) => journald.figures(),
        }
    }

    /// Tells once what is wrong, and once that it is right again.
    fn tell(&mut self, problem: &Option<String>) {
        if self.problem == *problem {
            return;
        }
        let (service, log) = (&self.service, &self.name);
        match problem {
            Some(problem) => warn!(service, log, problem, "a log cannot be read"),
            None => info!(service, log, "a log is read again"),
        }
        self.problem.clone_from(problem);
    }
}

impl EngineHandle {
    /// Reads what was written up to now, so that a diagnosis sees the last lines; blocks for two seconds at most.
    pub(in crate::engine) fn catch_up(&self) {
        let begun = Instant::now();
        while self.round(true) && begun.elapsed() < CATCH_UP {}
    }

    /// Lets each source give its share; says whether there is more to read at once.
    fn round(&self, flush: bool) -> bool {
        let collected = &self.collected;
        let mut sources = collected.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let mut more = collected.take_sent(&self.redactor, now, SHARE);
        for source in &mut sources.all {
            let (given, figures, goes_on) = source.read(now, flush);
            more |= goes_on;
            source.tell(&figures.problem);
            let place = (source.service.as_str(), source.name.as_str());
            collected.stands(place, figures);
            if !given.known.is_empty() {
                collected.take(&self.redactor, place, given.known, now, false);
            }
            if !given.new.is_empty() {
                collected.take(&self.redactor, place, given.new, now, true);
            }
        }
        if now - sources.patterns_at >= KEEP_PATTERNS {
            sources.patterns_at = now;
            collected.keep_patterns();
        }
        if now - sources.kept_at >= KEEP_PLACES {
            sources.kept_at = now;
            sources.keep();
        }
        more
    }

    /// Keeps everything for the next start.
    fn keep_collected(&self) {
        self.collected.keep_patterns();
        let mut sources = self.collected.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.keep();
        // Programs that read for us end with what reads them.
        sources.all.clear();
    }
}

/// Reads all sources again and again until stopped.
pub(in crate::engine) async fn keep(engine: EngineHandle, stop: CancellationToken) {
    loop {
        let reader = engine.clone();
        let more = tokio::task::spawn_blocking(move || reader.round(false)).await.unwrap_or(false);
        engine.tell_disclosing(engine.collected.take_disclosing()).await;
        if stop.is_cancelled() {
            break;
        }
        if more {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(LOOK) => {}
            () = engine.collected.wake.notified() => {}
        }
    }
    let last = tokio::task::spawn_blocking(move || {
        engine.round(false);
        engine.keep_collected();
    });
    if let Err(error) = last.await {
        warn!(%error, "how far the logs are read is not kept");
    }
}
