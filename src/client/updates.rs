//! The live stream of an engine, which finds its way back by itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures_util::{
    FutureExt, StreamExt,
    future::{FusedFuture, OptionFuture},
};
use reqwest::Response;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{Client, ClientError, sse::Parser};
use crate::{
    domain::{Event, Heard, Recorded, State, Vitals},
    engine::ModelWords,
    platform::Sample,
};

/// Silence after which a stream is given up; the engine sends a comment every 5 s.
pub(super) const SILENCE: Duration = Duration::from_secs(15);
/// First pause before the next try; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(100);
/// Longest pause before the next try.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// Events that may be missed, at most, before everything is read anew rather than caught up with.
const MISSED: usize = 2_000;

/// How far a listener was told of what has happened.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The last event that what it was told holds.
    seq: u64,
    /// The newest event that was read, with its hash, which stands for all before it.
    mark: Option<(u64, String)>,
}

impl Known {
    /// Takes an event in; gives whether it is news.
    fn hears(&mut self, recorded: &Recorded) -> bool {
        self.mark = Some((recorded.seq, recorded.hash.clone()));
        let is_news = recorded.seq > self.seq;
        self.seq = self.seq.max(recorded.seq);
        is_news
    }

    /// The last event from which on it can be told what was missed: one that was read itself, with nothing behind it.
    fn last(&self) -> Option<u64> {
        self.mark.as_ref().map(|(seq, _)| *seq).filter(|seq| *seq == self.seq)
    }

    /// What was missed, of the events from the last one that is known; none when that is another now, or too much was missed.
    fn missed(&self, events: Vec<Recorded>) -> Option<Vec<Recorded>> {
        let mut events = events.into_iter();
        let first = events.next().map(|recorded| (recorded.seq, recorded.hash));
        let purges = |recorded: &Recorded| matches!(recorded.event, Event::PayloadsPurged { .. });
        let missed: Vec<Recorded> = events.collect();
        (first.is_some() && first == self.mark && missed.len() < MISSED && !missed.iter().any(purges)).then_some(missed)
    }
}

/// How much of the state a listener gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// What is needed to look at it.
    Recent,
}

/// How a connection ended that was followed.
pub(super) struct Ended {
    /// Why.
    pub(super) why: String,
    /// Whether it had come about.
    pub(super) was_live: bool,
}

/// Points of each service that are asked for over a slow link: as many as the board draws.
const POINTS: usize = 30;

/// A word about all checks that went on.
#[derive(Deserialize)]
struct Digest {
    until: DateTime<Utc>,
    /// Not told again when they are the same.
    late: Option<BTreeMap<String, BTreeSet<String>>>,
}

/// News from an engine.
#[derive(Debug, Clone)]
pub enum Update {
    /// The connection is there and slow: what a first picture needs; everything follows.
    First(Box<State>),
    /// The connection is there: everything as it is now. Over a slow one the figures follow.
    Live(Box<(State, Vitals)>),
    /// The connection is there again: what has happened meanwhile follows, and then the figures.
    Back,
    /// Something happened.
    Event(Box<Recorded>),
    /// Results of checks.
    Samples(Vec<Sample>),
    /// The latest figures of every service, after the connection is there.
    Vitals(Box<Vitals>),
    /// All checks of which no result was told went on as they did last, but for those that are late.
    Heard(Heard),
    /// What language models are saying about the diagnoses that run.
    Words(Vec<ModelWords>),
    /// Nothing has happened, and the engine is there.
    StillThere,
    /// The connection is lost; it is tried again until it is back.
    Lost(String),
}

impl Client {
    /// Sends news until nobody listens any more.
    pub async fn follow(&self, listener: mpsc::Sender<Update>) {
        self.follow_as(listener, Extent::Whole).await;
    }

    /// The same for somebody who looks at the state, which comes without what is old.
    pub async fn follow_recent(&self, listener: mpsc::Sender<Update>) {
        self.follow_as(listener, Extent::Recent).await;
    }

    async fn follow_as(&self, listener: mpsc::Sender<Update>, extent: Extent) {
        let mut pause = FIRST;
        let mut known = Known::default();
        if self.is_far()
            && let Ok(state) = self.get("/api/v1/state?brief=true").await
        {
            let _ = listener.send(Update::First(Box::new(state))).await;
        }
        loop {
            let Ended { why, was_live } = self.follow_once(&listener, extent, &mut known).await;
            if listener.is_closed() || listener.send(Update::Lost(why)).await.is_err() {
                return;
            }
            if was_live {
                pause = FIRST;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = listener.closed() => return,
            }
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// Everything as it is after an event, of which the journal may tell before the engine has done all that follows from it.
    async fn after(&self, seq: u64, extent: Extent) -> Result<(State, Vitals), ClientError> {
        loop {
            let now = self.now(extent).await?;
            if now.0.seq >= seq {
                return Ok(now);
            }
            tokio::time::sleep(FIRST).await;
        }
    }

    async fn state_of(&self, extent: Extent) -> Result<State, ClientError> {
        match extent {
            Extent::Whole => self.state().await,
            Extent::Recent => self.recent_state().await,
        }
    }

    async fn now(&self, extent: Extent) -> Result<(State, Vitals), ClientError> {
        let vitals = async { if self.is_far() { self.coarse_vitals().await } else { self.vitals().await } };
        Ok((self.state_of(extent).await?, vitals.await?))
    }

    async fn coarse_vitals(&self) -> Result<Vitals, ClientError> {
        self.get(&format!("/api/v1/vitals?points={POINTS}")).await
    }

    /// What has happened since a listener was told last, when the engine goes on from there with the same journal.
    async fn missed(&self, known: &Known) -> Result<Option<Vec<Recorded>>, ClientError> {
        // A socket has room for everything, and the engine behind it is often another program than before.
        let Some(seq) = known.last().filter(|_| self.is_far()) else { return Ok(None) };
        Ok(known.missed(self.events(seq.saturating_sub(1), MISSED + 1).await?))
    }

    /// Follows one connection to its end and says why it ended. Who was told of something before is told of what has happened since.
    pub(super) async fn follow_once(
        &self,
        listener: &mpsc::Sender<Update>,
        extent: Extent,
        known: &mut Known,
    ) -> Ended {
        let begun = async {
            self.understand().await?;
            let (first, now) = match self.missed(known).await? {
                Some(missed) => {
                    let mut now = known.clone();
                    let mut first = vec![Update::Back];
                    for recorded in missed {
                        now.hears(&recorded);
                        first.push(Update::Event(Box::new(recorded)));
                    }
                    (first, now)
                }
                None => {
                    let (state, vitals) = match self.is_far() {
                        true => (self.state_of(extent).await?, Vitals::default()),
                        false => self.now(extent).await?,
                    };
                    let now = Known { seq: state.seq, mark: None };
                    (vec![Update::Live(Box::new((state, vitals)))], now)
                }
            };
            let samples = if self.is_far() { "&samples=news" } else { "" };
            // The last event that is known comes again, for its hash.
            let since = now.seq.saturating_sub(1);
            let stream = self.stream(&format!("/api/v1/events?since={since}{samples}")).await?;
            Ok::<_, ClientError>((first, now, stream))
        };
        let (first, now, response) = match begun.await {
            Ok(begun) => begun,
            Err(error) => return Ended { why: error.to_string(), was_live: false },
        };
        *known = now;
        for update in first {
            if listener.send(update).await.is_err() {
                return Ended { why: String::new(), was_live: true };
            }
        }
        Ended { why: self.read(response, listener, extent, known).await, was_live: true }
    }

    /// Reads a stream to its end and says why it ended.
    async fn read(
        &self,
        response: Response,
        listener: &mpsc::Sender<Update>,
        extent: Extent,
        known: &mut Known,
    ) -> String {
        let mut chunks = response.bytes_stream();
        let mut parser = Parser::default();
        let mut late = BTreeMap::new();
        // What has come since the stream was begun is in them, or is told.
        let figures = OptionFuture::from(self.is_far().then(|| self.coarse_vitals().fuse()));
        tokio::pin!(figures);
        loop {
            let chunk = tokio::select! {
                () = listener.closed() => return String::new(),
                Some(figures) = &mut figures, if !figures.is_terminated() => {
                    match figures {
                        Ok(figures) => {
                            if listener.send(Update::Vitals(Box::new(figures))).await.is_err() {
                                return String::new();
                            }
                            continue;
                        }
                        Err(error) => return error.to_string(),
                    }
                }
                chunk = tokio::time::timeout(SILENCE, chunks.next()) => chunk,
            };
            let chunk = match chunk {
                Err(_) => return "the engine has gone silent".to_owned(),
                Ok(None) => return "the engine has closed the connection".to_owned(),
                Ok(Some(Err(error))) => return format!("the connection broke: {error}"),
                Ok(Some(Ok(chunk))) => chunk,
            };
            let messages = match parser.take(&chunk) {
                Ok(messages) => messages,
                Err(error) => return error.to_string(),
            };
            // A comment alone says that the engine is there.
            if messages.is_empty() && listener.send(Update::StillThere).await.is_err() {
                return String::new();
            }
            for message in messages {
                let update = match message.event.as_str() {
                    "event" => match serde_json::from_str::<Recorded>(&message.data) {
                        Ok(recorded) if !known.hears(&recorded) => continue,
                        // Texts are gone that the own state still has: it is read anew.
                        Ok(Recorded { event: Event::PayloadsPurged { .. }, seq, .. }) => {
                            match self.after(seq, extent).await {
                                Ok(now) => {
                                    known.seq = now.0.seq;
                                    Ok(Update::Live(Box::new(now)))
                                }
                                Err(error) => return error.to_string(),
                            }
                        }
                        other => other.map(|event| Update::Event(Box::new(event))),
                    },
                    "samples" => serde_json::from_str(&message.data).map(Update::Samples),
                    "heard" => serde_json::from_str(&message.data).map(|Digest { until, late: now }| {
                        if let Some(now) = now {
                            late = now;
                        }
                        Update::Heard(Heard { until, late: late.clone() })
                    }),
                    "words" => serde_json::from_str(&message.data).map(Update::Words),
                    _ => continue,
                };
                let update = match update {
                    Ok(update) => update,
                    Err(error) => return format!("the engine speaks another version: {error}"),
                };
                if listener.send(update).await.is_err() {
                    return String::new();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Actor, IncidentId};

    fn event(seq: u64, journal: &str) -> Recorded {
        let event = Event::IncidentNoted { incident: IncidentId(1), text: "x".to_owned() };
        Recorded {
            seq,
            at: DateTime::UNIX_EPOCH,
            actor: Actor::Engine,
            cause: None,
            event,
            hash: format!("{journal}{seq}"),
        }
    }

    fn events(from: u64, to: u64) -> Vec<Recorded> {
        (from..=to).map(|seq| event(seq, "a")).collect()
    }

    fn known() -> Known {
        let mut known = Known { seq: 7, mark: None };
        assert_eq!(known.last(), None, "what came as a state has no hash yet");
        assert!(!known.hears(&event(7, "a")), "what is in the state is no news");
        assert!(known.hears(&event(8, "a")));
        known
    }

    #[test]
    fn what_was_missed_follows_the_last_event_that_is_known() {
        let known = known();
        assert_eq!(known.last(), Some(8));
        assert_eq!(known.missed(events(8, 8)), Some(Vec::new()), "nothing has happened");
        assert_eq!(known.missed(events(8, 12)), Some(events(9, 12)));
    }

    #[test]
    fn another_journal_a_purge_or_too_much_leads_to_everything_anew() {
        let known = known();
        assert_eq!(known.missed(vec![event(8, "b"), event(9, "b")]), None, "another journal");
        assert_eq!(known.missed(Vec::new()), None, "a shorter one");
        assert_eq!(known.missed(events(9, 12)), None, "the last one that is known is gone");
        assert_eq!(known.missed(events(8, 8 + MISSED as u64)), None, "too much");
        let mut purged = events(8, 9);
        purged[1].event = Event::PayloadsPurged { seqs: vec![3], reason: "asked for".to_owned() };
        assert_eq!(known.missed(purged), None, "texts are gone that the own state still has");
    }

    #[test]
    fn a_state_that_is_ahead_of_the_last_event_that_was_read_is_not_gone_on_from() {
        let mut known = known();
        known.seq = 20;
        assert_eq!(known.last(), None);
    }
}
