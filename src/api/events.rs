//! The event stream: everything after a position, then whatever happens, with nothing missing in between.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, query},
};
use crate::{
    domain::{Heard, Operator, Recorded, TokenId, Told, heard_every},
    engine::EngineHandle,
    platform::Sample,
};

/// Events read from the journal at once.
const PAGE: usize = 500;
/// Events a slow reader may be behind in memory.
const BEHIND: usize = 64;

#[derive(Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    since: u64,
    #[serde(default = "page")]
    limit: usize,
    #[serde(default)]
    samples: Samples,
}

/// Which results of checks a stream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Samples {
    /// Each of them.
    #[default]
    All,
    /// Those that are not as the one before; now and then one word about all others.
    News,
}

fn page() -> usize {
    PAGE
}

/// `GET /api/v1/events`: a list, or a stream when the caller accepts `text/event-stream`.
pub(super) async fn events(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    asked: Result<Query<Since>, QueryRejection>,
) -> Result<Response, Problem> {
    let Since { since, limit, samples } = query(asked)?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if !text("accept").is_some_and(|accept| accept.contains("text/event-stream")) {
        let events = api.engine.events(since, limit.min(10_000)).await?;
        return Ok(Json(events).into_response());
    }
    let since = text("last-event-id").and_then(|id| id.parse().ok()).unwrap_or(since);
    let (sender, receiver) = mpsc::channel(BEHIND);
    let reader = Reader { right: Right::of(caller), since, samples, sender };
    tokio::spawn(feed(api.engine.clone(), reader, api.stop.clone()));
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        Some((Ok::<_, Infallible>(receiver.recv().await?), receiver))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(5))).into_response())
}

/// What lets a reader read. A stream is one long answer, so it is looked at all along: who is let go stops reading with it.
pub(super) struct Right {
    operator: String,
    login: Option<String>,
    token: Option<TokenId>,
    certificate: Option<String>,
}

impl Right {
    pub(super) fn of(caller: Caller) -> Self {
        let token = caller.token().map(|token| token.id);
        let certificate = caller.certificate().map(str::to_owned);
        let Operator { name, login, .. } = caller.operator;
        Self { operator: name, login, token, certificate }
    }

    pub(super) fn holds(&self, engine: &EngineHandle) -> bool {
        let state = engine.state();
        let Some(operator) = state.operators.get(&self.operator).filter(|operator| !operator.disabled) else {
            return false;
        };
        let (credentials, now) = (&state.credentials, engine.now());
        match (self.token, &self.certificate) {
            (Some(id), _) => credentials.tokens.get(&id).is_some_and(|token| token.counts(now).is_ok()),
            (None, Some(serial)) => credentials.certificates.get(serial).is_some_and(|known| known.counts(now).is_ok()),
            (None, None) => operator.login == self.login,
        }
    }

    /// Returns when a token or a certificate has expired, and never for a session.
    pub(super) async fn expires(&self, engine: &EngineHandle) {
        let credentials = &engine.state().credentials;
        let token = self.token.and_then(|id| Some(credentials.tokens.get(&id)?.expires_at));
        let certificate =
            self.certificate.as_ref().and_then(|serial| Some(credentials.certificates.get(serial)?.expires_at));
        let expires_at = token.or(certificate);
        let Some(expires_at) = expires_at else { return std::future::pending().await };
        while let Ok(left) = (expires_at - engine.now()).to_std()
            && !left.is_zero()
        {
            tokio::time::sleep(left).await;
        }
    }
}

/// Who reads a stream.
struct Reader {
    right: Right,
    since: u64,
    samples: Samples,
    sender: mpsc::Sender<Event>,
}

/// Feeds one reader for as long as it may read. It listens before it reads the backlog, so nothing falls between the two.
async fn feed(engine: EngineHandle, reader: Reader, stop: CancellationToken) {
    let Reader { right, since, samples: wanted, sender: reader } = reader;
    let mut live = engine.subscribe();
    let mut samples = engine.subscribe_samples();
    let mut words = engine.subscribe_words();
    if !words.borrow().is_empty() {
        words.mark_changed();
    }
    let mut news = (wanted == Samples::News).then(|| News::begin(&engine));
    let every = heard_every(&engine.state().platform);
    let mut digest = interval_at(Instant::now() + every, every);
    digest.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = since;
    if !catch_up(&engine, &right, &mut last, &reader).await {
        return;
    }
    let expired = right.expires(&engine);
    tokio::pin!(expired);
    loop {
        let told = tokio::select! {
            () = stop.cancelled() => return,
            () = &mut expired => return,
            () = reader.closed() => return,
            event = live.recv() => match event {
                _ if !right.holds(&engine) => return,
                Ok(event) if event.seq <= last => None,
                Ok(event) if event.seq == last + 1 => {
                    last = event.seq;
                    recorded(&event)
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    if !catch_up(&engine, &right, &mut last, &reader).await {
                        return;
                    }
                    None
                }
                Err(RecvError::Closed) => return,
            },
            batch = samples.recv() => match (batch, &mut news) {
                (Ok(batch), None) => Event::default().event("samples").json_data(&*batch).ok(),
                (Ok(batch), Some(news)) => news.of(batch.iter()),
                (Err(RecvError::Lagged(_)), None) => None,
                (Err(RecvError::Lagged(_)), Some(news)) => news.of(engine.vitals().latest()),
                (Err(RecvError::Closed), _) => return,
            },
            changed = words.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = words.borrow_and_update().clone();
                Event::default().event("words").json_data(&*now).ok()
            }
            _ = digest.tick() => news.as_mut().and_then(|news| news.digest(&engine)),
        };
        if let Some(event) = told
            && reader.send(event).await.is_err()
        {
            return;
        }
    }
}

/// What a reader over a slow link knows of the results of checks.
struct News {
    told: Told,
    /// What was said to be late last; it is not said again.
    late: Option<Heard>,
}

impl News {
    /// From here on; the reader asks for the figures as they are after it listens.
    fn begin(engine: &EngineHandle) -> Self {
        Self { told: Told::knowing(&engine.vitals(), engine.now()), late: None }
    }

    /// Those of some results that are news.
    fn of<'a>(&mut self, samples: impl Iterator<Item = &'a Sample>) -> Option<Event> {
        let news: Vec<&Sample> = samples.filter(|sample| self.told.is_news(sample)).collect();
        if news.is_empty() { None } else { Event::default().event("samples").json_data(news).ok() }
    }

    /// All others went on.
    fn digest(&mut self, engine: &EngineHandle) -> Option<Event> {
        let heard = self.told.heard(&engine.state().platform, engine.now());
        let same = self.late.as_ref().is_some_and(|last| last.late == heard.late);
        let told = if same { json!({"until": heard.until}) } else { json!(heard) };
        self.late = Some(heard);
        Event::default().event("heard").json_data(told).ok()
    }
}

async fn catch_up(engine: &EngineHandle, right: &Right, last: &mut u64, reader: &mpsc::Sender<Event>) -> bool {
    loop {
        if !right.holds(engine) {
            return false;
        }
        let Ok(events) = engine.events(*last, PAGE).await else { return false };
        if events.is_empty() {
            return true;
        }
        for event in events {
            *last = event.seq;
            if let Some(event) = recorded(&event)
                && reader.send(event).await.is_err()
            {
                return false;
            }
        }
    }
}

fn recorded(recorded: &Recorded) -> Option<Event> {
    Event::default().id(recorded.seq.to_string()).event("event").json_data(recorded).ok()
}
