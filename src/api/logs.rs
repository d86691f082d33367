//! Lines that programs send, the newest lines of services, and what kinds of lines there are.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, query},
};
use crate::{
    diagnosis::{
        collect::{Entry, Format, PushError, Pushed, read_push, unpack},
        patterns::{Seen, SeenPattern},
    },
    engine::{LogAnswer, LogFigures, LogRefusal},
};

/// Bytes of a body at most, as it is sent and when it is unpacked.
const BODY: usize = 1 << 20;
const UNPACKED: usize = 8 << 20;
/// Lines and patterns in a list when nobody says how many, and at most.
const LISTED: usize = 200;
const MOST: usize = 2_000;
/// After so many seconds there may be room again.
const AGAIN: u32 = 1;

pub(super) fn router() -> Router<Api> {
    let sized = DefaultBodyLimit::max(BODY);
    Router::new()
        .route("/api/v1/logs", get(figures).post(push).layer(sized))
        .route("/v1/logs", post(telemetry).layer(sized))
        .route("/api/v1/logs/{service}", get(newest))
        .route("/api/v1/patterns", get(patterns))
        .route("/api/v1/patterns/{id}", get(pattern))
}

/// What is asked of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    service: Option<String>,
    limit: Option<usize>,
}

impl Asked {
    fn most(&self) -> usize {
        self.limit.unwrap_or(LISTED).min(MOST)
    }
}

async fn figures(State(api): State<Api>, _caller: Caller) -> Json<Vec<LogFigures>> {
    Json(api.engine.log_figures())
}

async fn newest(
    State(api): State<Api>,
    _caller: Caller,
    Path(service): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Vec<Entry>>, Problem> {
    Ok(Json(api.engine.newest_lines(&service, query(asked)?.most())?))
}

async fn patterns(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Vec<Seen>>, Problem> {
    let asked = query(asked)?;
    let mut found = api.engine.patterns(asked.service.as_deref());
    found.truncate(asked.most());
    Ok(Json(found))
}

async fn pattern(
    State(api): State<Api>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SeenPattern>, Problem> {
    Ok(Json(api.engine.pattern(&id)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    service: Option<String>,
}

async fn push(
    State(api): State<Api>,
    caller: Caller,
    to: Result<Query<To>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<LogAnswer>, Problem> {
    caller.may_report()?;
    let To { service } = query(to)?;
    let pushed = pushed(&api, &headers, body)?;
    Ok(Json(api.engine.push_logs(pushed, service.as_deref()).map_err(refused)?))
}

/// The same where exporters of OpenTelemetry send it, with the answer that they expect.
async fn telemetry(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    caller.may_report()?;
    let answer = api.engine.push_logs(pushed(&api, &headers, body)?, None).map_err(refused)?;
    let lost: usize = answer.refused.iter().map(|(count, _)| count).sum();
    if lost == 0 {
        return Ok(Json(json!({})));
    }
    let reasons: Vec<&str> = answer.refused.iter().map(|(_, reason)| reason.as_str()).collect();
    Ok(Json(json!({"partialSuccess": {"rejectedLogRecords": lost.to_string(), "errorMessage": reasons.join("; ")}})))
}

fn pushed(api: &Api, headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Pushed, Problem> {
    let told = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = told(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let format = match kind.as_str() {
        "text/plain" => Format::Text,
        "application/x-ndjson" | "application/jsonl" | "application/ndjson" => Format::Lines,
        "application/json" => Format::Telemetry,
        "application/x-protobuf" => {
            return Err(unsupported("logs of OpenTelemetry are read as JSON, not as protobuf")
                .hint("OTEL_EXPORTER_OTLP_PROTOCOL=http/json, or encoding: json in a collector's exporter"));
        }
        _ => {
            return Err(unsupported(format!("lines are not read from {kind:?}"))
                .hint("text/plain, application/x-ndjson, or application/json for the logs of OpenTelemetry"));
        }
    };
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(format!("lines are sent in at most {BODY} bytes at once")),
        _ => Problem::bad_request(rejection.body_text()),
    })?;
    let unpacked;
    let bytes = match told(CONTENT_ENCODING) {
        "" | "identity" => &body[..],
        "gzip" => {
            unpacked = unpack(&body, UNPACKED).map_err(unread)?;
            &unpacked[..]
        }
        other => return Err(unsupported(format!("a body is not unpacked from {other:?}")).hint("gzip, or none")),
    };
    read_push(format, bytes, api.engine.now()).map_err(unread)
}

fn unsupported(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message)
}

fn too_large(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message)
}

#[expect(clippy::needless_pass_by_value, reason = "errors are handed on by value")]
fn unread(error: PushError) -> Problem {
    match error {
        PushError::TooLarge(_) => too_large(error.to_string()),
        PushError::Packed(_) | PushError::Form(_) => Problem::bad_request(error.to_string()),
    }
}

fn refused(refusal: LogRefusal) -> Problem {
    match refusal {
        LogRefusal::Refused(refusal) => refusal.into(),
        LogRefusal::Full(full) => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-lines", full.to_string()).again_in(AGAIN)
        }
    }
}
