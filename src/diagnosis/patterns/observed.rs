//! What an engine has seen of the lines of all services: their templates and how often each came.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    history::{History, Standing, Trend},
    kept::{Kept, KeptError},
    mask::words_of,
    miner::Miner,
    template::{Template, TemplateId},
    text::hash,
};

/// Templates that are kept; the one that was not used for the longest time gives way.
const TEMPLATES: usize = 10_000;

/// Templates over all services, and how often each came.
#[derive(Debug)]
pub struct Observed {
    miner: Miner,
    history: History,
}

impl Default for Observed {
    fn default() -> Self {
        Self { miner: Miner::new(TEMPLATES), history: History::default() }
    }
}

/// The same as data, for a restart.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptObserved {
    templates: Kept,
    history: History,
}

/// A template in a service, as it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The id of the template: the same on every machine.
    pub id: String,
    /// Its text, with `<*>` for each variable; the words of a path that all its lines have stand there.
    pub template: String,
    /// The service.
    pub service: String,
    /// How it stands, against its own past.
    pub state: Trend,
    /// Lines of it.
    pub count: u64,
    /// The first line.
    pub first: DateTime<Utc>,
    /// The last line.
    pub last: DateTime<Utc>,
    /// Since when it stands so.
    pub since: DateTime<Utc>,
    /// Lines in each of the last [`super::MINUTES`] minutes, the oldest first.
    #[serde(default)]
    pub per_minute: Vec<u32>,
}

/// One template, as it is told to who looks at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenPattern {
    /// The template in each service in which it came, what is out of the ordinary first.
    pub services: Vec<Seen>,
    /// Some of its newest lines, the newest first.
    pub examples: Vec<Example>,
}

/// A line of a template, without what may be somebody's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Example {
    /// Whose line it is.
    pub service: String,
    /// When it was written, as far as it says.
    pub at: Option<DateTime<Utc>>,
    /// What it says.
    pub message: String,
}

impl Observed {
    /// Takes a message of a service in.
    pub fn take(&mut self, message: &str, service: &str, at: DateTime<Utc>) {
        let source = u32::try_from(hash(service.as_bytes()) >> 32).unwrap_or_default();
        let taken = self.miner.take(message, source);
        for change in self.miner.changes() {
            self.history.follow(&change);
        }
        self.history.note(taken.number, service, at);
    }

    /// Lines that were taken in.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.miner.lines()
    }

    /// The id of the template of a message, if there is one, and how it stands in a service.
    #[must_use]
    pub fn look(&self, message: &str, service: &str, now: DateTime<Utc>) -> Option<(TemplateId, Option<Standing>)> {
        let (template, _) = self.miner.look(message)?;
        let standing = self.history.of(template.number(), now).find(|standing| standing.service == service);
        Some((template.id(), standing))
    }

    /// Lines of the template of a message in a service in each of the last [`super::MINUTES`] minutes, the oldest first; none where it
    /// never came.
    #[must_use]
    pub fn lately(&self, message: &str, service: &str, now: DateTime<Utc>) -> Vec<u32> {
        let known = self.miner.look(message);
        known.map(|(template, _)| self.history.lately(template.number(), service, now)).unwrap_or_default()
    }

    /// Every template in every service, or in one: what is out of the ordinary first, then the most frequent.
    #[must_use]
    pub fn all(&self, service: Option<&str>, now: DateTime<Utc>) -> Vec<Seen> {
        let by_number: HashMap<u64, &Template> =
            self.miner.templates().map(|template| (template.number(), template)).collect();
        let mut all: Vec<Seen> = self
            .history
            .all(now)
            .filter(|(standing, _)| service.is_none_or(|service| standing.service == service))
            .filter_map(|(standing, lately)| Some(seen(by_number.get(&standing.number)?, standing, lately)))
            .collect();
        all.sort_by(|a, b| a.state.cmp(&b.state).then(b.count.cmp(&a.count)).then_with(|| a.id.cmp(&b.id)));
        all
    }

    /// A message with `<*>` for what may be somebody's, as [`Miner::masked`] gives it; none when its template is not known.
    #[must_use]
    pub fn masked(&self, message: &str, is_known: impl Fn(&str) -> bool) -> Option<String> {
        self.miner.masked(message, is_known)
    }

    /// The same of a message of one template; none when it is of another.
    #[must_use]
    pub fn masked_of(&self, id: &str, message: &str, is_known: impl Fn(&str) -> bool) -> Option<String> {
        let (template, _) = self.miner.look(message)?;
        (template.id().to_string() == id).then(|| self.masked(message, is_known))?
    }

    /// Everything that is to be kept over a restart.
    #[must_use]
    pub fn keep(&self) -> KeptObserved {
        KeptObserved { templates: self.miner.keep(), history: self.history.clone() }
    }

    /// Goes on with what was kept.
    ///
    /// # Errors
    /// When it is damaged or of another form.
    pub fn restore(kept: KeptObserved) -> Result<Self, KeptError> {
        Ok(Self { miner: Miner::restore(kept.templates)?, history: kept.history })
    }
}

fn seen(template: &Template, standing: Standing, per_minute: Vec<u32>) -> Seen {
    Seen {
        id: template.id().to_string(),
        template: template.text_with(words_of),
        service: standing.service,
        state: standing.trend,
        count: standing.count,
        first: standing.first,
        last: standing.last,
        since: standing.since,
        per_minute,
    }
}
