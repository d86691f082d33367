//! What the logs say, as patterns: what is looked at of it, when the engine is asked again, and what comes first.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    message::Request,
    model::{Loaded, Model, Screen},
};
use crate::{
    diagnosis::patterns::{Seen, SeenPattern, Trend},
    domain::{Article, Incident, Status},
};

/// Age at which what is looked at is asked for again.
const RENEW: TimeDelta = TimeDelta::seconds(10);
/// Patterns that are asked for, one in one service counted once; the engine gives what is out of the ordinary first.
pub const MOST: usize = 400;
/// An incident that began so long after a pattern stood as it does, or ended so long before, may have to do with it.
const NEAR: TimeDelta = TimeDelta::minutes(15);

/// A pattern, in all services in which it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// The id of its template.
    pub id: String,
    /// Its template.
    pub template: String,
    /// How it stands in each service, what is out of the ordinary first.
    pub services: Vec<Seen>,
}

/// What is looked at of the patterns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patterns {
    /// The list that was asked for last.
    pub list: Option<Listed>,
    /// The one that was asked for last.
    pub one: Option<Opened>,
}

/// A list of patterns that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Of this service; of all, else.
    pub service: Option<String>,
    /// When it was asked for last.
    pub at: DateTime<Utc>,
    /// What came of it; the old answer while a new one is on its way.
    pub result: Loaded<Vec<Pattern>>,
    /// There may be more than were asked for.
    pub is_cut: bool,
}

/// A pattern that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// Which.
    pub id: String,
    /// When it was asked for last.
    pub at: DateTime<Utc>,
    /// What came of it; the old answer while a new one is on its way.
    pub result: Loaded<SeenPattern>,
}

impl Pattern {
    /// How it stands where it is most out of the ordinary.
    #[must_use]
    pub fn state(&self) -> Trend {
        self.services.iter().map(|seen| seen.state).min().unwrap_or(Trend::Recurring)
    }

    /// Lines in all services.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.services.iter().map(|seen| seen.count).sum()
    }

    /// Lines in each of the last minutes, in all services.
    #[must_use]
    pub fn per_minute(&self) -> Vec<u32> {
        let minutes = self.services.iter().map(|seen| seen.per_minute.len()).max().unwrap_or(0);
        let of = |minute: usize| self.services.iter().filter_map(|seen| seen.per_minute.get(minute)).sum();
        (0..minutes).map(of).collect()
    }

    /// Its first line and its last.
    #[must_use]
    pub fn span(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let first = self.services.iter().map(|seen| seen.first).min()?;
        Some((first, self.services.iter().map(|seen| seen.last).max()?))
    }
}

impl Patterns {
    /// The patterns of a service, or of all.
    #[must_use]
    pub fn of(&self, service: Option<&str>) -> Option<&Listed> {
        self.list.as_ref().filter(|listed| listed.service.as_deref() == service)
    }

    /// What is known of one pattern.
    #[must_use]
    pub fn known(&self, id: &str) -> Option<&Loaded<SeenPattern>> {
        self.one.as_ref().filter(|opened| opened.id == id).map(|opened| &opened.result)
    }

    /// Takes a list in, unless nobody waits for it any more.
    pub fn take(&mut self, service: Option<&str>, result: Loaded<Vec<Seen>>) {
        let Some(listed) = self.list.as_mut().filter(|listed| listed.service.as_deref() == service) else { return };
        listed.is_cut = matches!(&result, Loaded::Here(seen) if seen.len() >= MOST);
        listed.result = match result {
            Loaded::Here(seen) => Loaded::Here(gathered(seen)),
            Loaded::Failed(why) => Loaded::Failed(why),
            Loaded::Waiting => Loaded::Waiting,
        };
    }

    /// Takes one pattern in, unless nobody waits for it any more.
    pub fn take_one(&mut self, id: &str, result: Loaded<SeenPattern>) {
        if let Some(opened) = self.one.as_mut().filter(|opened| opened.id == id) {
            opened.result = result;
        }
    }
}

/// One row for each template, in the order in which they came.
fn gathered(seen: Vec<Seen>) -> Vec<Pattern> {
    let mut all: Vec<Pattern> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for one in seen {
        let place = *places.entry(one.id.clone()).or_insert(all.len());
        match all.get_mut(place) {
            Some(pattern) => pattern.services.push(one),
            None => all.push(Pattern { id: one.id.clone(), template: one.template.clone(), services: vec![one] }),
        }
    }
    all
}

impl Model {
    /// The patterns on the page, narrowed to what was typed, what matters most first.
    #[must_use]
    pub fn wanted_patterns(&self) -> Vec<&Pattern> {
        let mut wanted: Vec<&Pattern> =
            self.all_patterns().iter().filter(|pattern| self.wants_pattern(pattern)).collect();
        wanted.sort_by_cached_key(|pattern| {
            let lately: u32 = pattern.per_minute().iter().sum();
            (self.rank(pattern), std::cmp::Reverse((lately, pattern.count())), pattern.id.clone())
        });
        wanted
    }

    /// The patterns of the page, as far as they have come.
    #[must_use]
    pub fn all_patterns(&self) -> &[Pattern] {
        let Screen::Patterns(service) = self.screen() else { return &[] };
        match self.patterns.of(service.as_deref()).map(|listed| &listed.result) {
            Some(Loaded::Here(all)) => all,
            _ => &[],
        }
    }

    /// Whether a service is not well, or part of an open incident.
    #[must_use]
    pub fn is_in_trouble(&self, service: &str) -> bool {
        let status = self.state.services.get(service).map(|health| health.status);
        matches!(status, Some(Status::Down | Status::Degraded)) || self.state.incident_of(service).is_some()
    }

    /// What is new or bursts where something is wrong comes before all else, what always came last.
    fn rank(&self, pattern: &Pattern) -> u8 {
        let of = |seen: &Seen| match (seen.state, self.is_in_trouble(&seen.service)) {
            (Trend::New | Trend::Bursting, true) => 0,
            (Trend::New | Trend::Bursting, false) => 1,
            (Trend::Vanished, true) => 2,
            (Trend::Vanished, false) => 3,
            (Trend::Recurring | Trend::Rare, true) => 4,
            (Trend::Recurring | Trend::Rare, false) => 5,
        };
        pattern.services.iter().map(of).min().unwrap_or(5)
    }

    /// Articles that name a template among their signs.
    pub fn articles_naming<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Article> {
        let named = move |article: &&Article| article.body.symptoms.signatures.iter().any(|known| known == id);
        self.state.knowledge.articles.values().map(|article| &**article).filter(named)
    }

    /// Incidents of the services in which a pattern came, while it stood as it does; the newest first.
    #[must_use]
    pub fn incidents_beside(&self, services: &[Seen]) -> Vec<&Incident> {
        let beside = |incident: &&Incident| {
            services.iter().filter(|seen| incident.services.contains(&seen.service)).any(|seen| {
                let over = incident.resolved_at.unwrap_or(self.now);
                over >= seen.since - NEAR && incident.detected_at <= seen.last.max(seen.since) + NEAR
            })
        };
        self.state.incidents.values().rev().filter(beside).collect()
    }
}

/// The word for how a pattern stands.
#[must_use]
pub fn trend_name(state: Trend) -> &'static str {
    match state {
        Trend::New => "new",
        Trend::Bursting => "bursting",
        Trend::Vanished => "vanished",
        Trend::Recurring => "recurring",
        Trend::Rare => "rare",
    }
}

/// Asks for the patterns of a page when there are none yet, or when they are old.
pub fn look_at_patterns(model: &mut Model, page: &Screen) -> Vec<Request> {
    let at = model.now;
    match page.clone() {
        Screen::Patterns(service) => {
            let (result, is_cut) = match model.patterns.of(service.as_deref()) {
                Some(listed) if at - listed.at < RENEW => return Vec::new(),
                Some(listed) => (listed.result.clone(), listed.is_cut),
                None => (Loaded::Waiting, false),
            };
            model.patterns.list = Some(Listed { service: service.clone(), at, result, is_cut });
            vec![Request::Patterns(service)]
        }
        Screen::Pattern(id) => {
            let result = match model.patterns.one.as_ref().filter(|opened| opened.id == id) {
                Some(opened) if at - opened.at < RENEW => return Vec::new(),
                Some(opened) => opened.result.clone(),
                None => Loaded::Waiting,
            };
            model.patterns.one = Some(Opened { id: id.clone(), at, result });
            vec![Request::Pattern(id)]
        }
        _ => Vec::new(),
    }
}
