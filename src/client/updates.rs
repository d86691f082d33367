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
        let mut pause = FIRST;
        if self.is_far()
            && let Ok(state) = self.get("/api/v1/state?brief=true").await
        {
            let _ = listener.send(Update::First(Box::new(state))).await;
        }
        loop {
            let Ended { why, was_live } = self.follow_once(&listener).await;
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
    async fn after(&self, seq: u64) -> Result<(State, Vitals), ClientError> {
        loop {
            let now = self.now().await?;
            if now.0.seq >= seq {
                return Ok(now);
            }
            tokio::time::sleep(FIRST).await;
        }
    }

    async fn now(&self) -> Result<(State, Vitals), ClientError> {
        let vitals = async { if self.is_far() { self.coarse_vitals().await } else { self.vitals().await } };
        Ok((self.state().await?, vitals.await?))
    }

    async fn coarse_vitals(&self) -> Result<Vitals, ClientError> {
        self.get(&format!("/api/v1/vitals?points={POINTS}")).await
    }

    /// Follows one connection to its end and says why it ended.
    pub(super) async fn follow_once(&self, listener: &mpsc::Sender<Update>) -> Ended {
        let begun = async {
            self.understand().await?;
            let (state, vitals) =
                if self.is_far() { (self.state().await?, Vitals::default()) } else { self.now().await? };
            let samples = if self.is_far() { "&samples=news" } else { "" };
            let stream = self.stream(&format!("/api/v1/events?since={}{samples}", state.seq)).await?;
            Ok::<_, ClientError>((state, vitals, stream))
        };
        let (state, vitals, response) = match begun.await {
            Ok(begun) => begun,
            Err(error) => return Ended { why: error.to_string(), was_live: false },
        };
        // What has happened up to here is in the state that was sent.
        let known = state.seq;
        if listener.send(Update::Live(Box::new((state, vitals)))).await.is_err() {
            return Ended { why: String::new(), was_live: true };
        }
        Ended { why: self.read(response, known, listener).await, was_live: true }
    }

    /// Reads a stream to its end and says why it ended.
    async fn read(&self, response: Response, mut known: u64, listener: &mpsc::Sender<Update>) -> String {
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
                        Ok(recorded) if recorded.seq <= known => continue,
                        // Texts are gone that the own state still has: it is read anew.
                        Ok(Recorded { event: Event::PayloadsPurged { .. }, seq, .. }) => match self.after(seq).await {
                            Ok(now) => {
                                known = now.0.seq;
                                Ok(Update::Live(Box::new(now)))
                            }
                            Err(error) => return error.to_string(),
                        },
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
