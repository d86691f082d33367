//! Who follows a run of a runbook: whoever listens here does, and hears of everybody else.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{events::Right, identity::Caller, problem::Problem, routes::Api};
use crate::engine::{EngineHandle, Seat};

/// News that a slow listener may be behind.
const BEHIND: usize = 8;

pub(super) fn router() -> Router<Api> {
    Router::new().route("/api/v1/runs/{id}/readers", get(readers))
}

/// A list; or a stream when the caller accepts `text/event-stream`, and then the caller is among them.
async fn readers(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let run = id.parse().map_err(|error: crate::domain::BadId| Problem::bad_request(error.to_string()))?;
    let accepts = headers.get("accept").and_then(|value| value.to_str().ok());
    if !accepts.is_some_and(|accept| accept.contains("text/event-stream")) {
        return Ok(Json(api.engine.readers(run)?).into_response());
    }
    let seat = api.engine.read_along(run, &caller.operator.name)?;
    let (sender, receiver) = mpsc::channel(BEHIND);
    tokio::spawn(tell(api.engine.clone(), Right::of(caller), seat, sender, api.stop));
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        Some((Ok::<_, Infallible>(receiver.recv().await?), receiver))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(5))).into_response())
}

/// Tells one listener who else follows, for as long as it may read.
async fn tell(
    engine: EngineHandle,
    right: Right,
    mut seat: Seat,
    reader: mpsc::Sender<Event>,
    stop: CancellationToken,
) {
    let mut live = engine.subscribe();
    let expired = right.expires(&engine);
    tokio::pin!(expired);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = &mut expired => return,
            () = reader.closed() => return,
            _ = live.recv() => {
                if !right.holds(&engine) {
                    return;
                }
            }
            now = seat.next() => {
                let Ok(event) = Event::default().event("readers").json_data(&now) else { continue };
                if reader.send(event).await.is_err() {
                    return;
                }
            }
        }
    }
}
