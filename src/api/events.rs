//! The event stream: everything after a position, then whatever happens, with nothing missing in between.

use std::{convert::Infallible, sync::Arc, time::Duration};

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
use tokio::sync::{broadcast::error::RecvError, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, query},
};
use crate::{
    domain::{Operator, Recorded, TokenId},
    engine::EngineHandle,
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
    let Since { since, limit } = query(asked)?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if !text("accept").is_some_and(|accept| accept.contains("text/event-stream")) {
        let events = api.engine.events(since, limit.min(10_000)).await?;
        return Ok(Json(events).into_response());
    }
    let since = text("last-event-id").and_then(|id| id.parse().ok()).unwrap_or(since);
    let (sender, receiver) = mpsc::channel(BEHIND);
    let right = Right::of(caller);
    tokio::spawn(feed(api.engine.clone(), right, since, sender, api.stop.clone()));
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

/// Feeds one reader for as long as it may read. It listens before it reads the backlog, so nothing falls between the two.
async fn feed(engine: EngineHandle, right: Right, since: u64, reader: mpsc::Sender<Event>, stop: CancellationToken) {
    let mut live = engine.subscribe();
    let mut samples = engine.subscribe_samples();
    let mut words = engine.subscribe_words();
    if !words.borrow().is_empty() {
        words.mark_changed();
    }
    let mut last = since;
    if !catch_up(&engine, &right, &mut last, &reader).await {
        return;
    }
    let expired = right.expires(&engine);
    tokio::pin!(expired);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = &mut expired => return,
            () = reader.closed() => return,
            event = live.recv() => match event {
                _ if !right.holds(&engine) => return,
                Ok(event) if event.seq <= last => {}
                Ok(event) if event.seq == last + 1 => {
                    last = event.seq;
                    if !send(&reader, &event).await {
                        return;
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    if !catch_up(&engine, &right, &mut last, &reader).await {
                        return;
                    }
                }
                Err(RecvError::Closed) => return,
            },
            batch = samples.recv() => match batch {
                Ok(batch) => {
                    let Ok(event) = Event::default().event("samples").json_data(&*batch) else { continue };
                    if reader.send(event).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            changed = words.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = words.borrow_and_update().clone();
                let Ok(event) = Event::default().event("words").json_data(&*now) else { continue };
                if reader.send(event).await.is_err() {
                    return;
                }
            }
        }
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
            if !send(reader, &Arc::new(event)).await {
                return false;
            }
        }
    }
}

async fn send(reader: &mpsc::Sender<Event>, recorded: &Arc<Recorded>) -> bool {
    match Event::default().id(recorded.seq.to_string()).event("event").json_data(&**recorded) {
        Ok(event) => reader.send(event).await.is_ok(),
        Err(_) => true,
    }
}
