//! What can be asked of an engine.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{
        DefaultBodyLimit, Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    alerts,
    allowance::{self, Allowance},
    audit, breakers, certificates, emergency, errors, events, exercise, heartbeats,
    identity::{self, Caller},
    knowledge, logs, metrics,
    once::{self, Once},
    packed, people, pings, plain, platform,
    problem::{self, Problem},
    readers,
    tls::Front,
};
use crate::{
    domain::{Command, Metrics, Refusal, SnapshotId, Window},
    engine::{
        API_HEADER, Answer, ApiLevels, ComponentDifference, DryRun, DryRunRequest, EngineHandle, LibraryBook, LiveProof,
    },
    report::{PostMortemReport, RunReport},
};

/// Bytes of a request's body at most.
const BODY: usize = 256 * 1024;
/// How long the loop may take to say that it is there.
const ANSWERS: Duration = Duration::from_secs(2);
/// Shares of a window when nobody says how many.
const BUCKETS: usize = 60;
/// Nobody has a screen for more.
const MAX_BUCKETS: usize = 1000;

/// What every handler works with.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) engine: EngineHandle,
    pub(super) stop: CancellationToken,
    pub(super) once: Arc<Once>,
    pub(super) allowance: Arc<Allowance>,
    /// Where it listens over TLS.
    pub(super) front: Option<Arc<Front>>,
}

pub(super) fn router(engine: EngineHandle, front: Option<Arc<Front>>, stop: CancellationToken) -> Router {
    let once = Arc::new(Once::of(&engine));
    let api = Api { engine, stop, once, allowance: Arc::default(), front };
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics::metrics))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/api/v1/state", get(state))
        .route("/api/v1/vitals", get(vitals))
        .route("/api/v1/events", get(events::events))
        .route("/api/v1/commands", post(commands))
        .route("/api/v1/dry-run", post(dry_run))
        .route("/api/v1/snapshots/{id}/difference", get(difference))
        .route("/api/v1/snapshots/{id}/verify", post(verify))
        .route("/api/v1/verify", post(verify_live))
        .route("/api/v1/diagnoses/{id}/prompt", get(prompt))
        .route("/api/v1/runbooks", get(books))
        .route("/api/v1/services/{name}/history", get(history))
        .route("/api/v1/heartbeats/{name}", post(heartbeats::beat))
        .route("/api/v1/reports/metrics", get(metrics_report))
        .route("/api/v1/reports/postmortem/{id}", get(post_mortem))
        .route("/api/v1/runs", get(runs))
        .route("/api/v1/runs/{id}", get(run))
        .route("/api/v1/restic-env", get(restic_env))
        .merge(people::router())
        .merge(platform::router())
        .merge(alerts::router())
        .merge(audit::router())
        .merge(breakers::router())
        .merge(certificates::router())
        .merge(emergency::router())
        .merge(errors::router())
        .merge(exercise::router())
        .merge(knowledge::router())
        .merge(logs::router())
        .merge(pings::router())
        .merge(readers::router())
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "no-such-route", "there is nothing at this path")
                .hint("GET /api/v1/openapi.json tells which paths there are")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no-such-method", "this path is not asked that way")
                .hint("GET /api/v1/openapi.json tells how")
        })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(api.clone(), once::once))
        .layer(from_fn_with_state(api.clone(), identity::known))
        .layer(from_fn_with_state(api.clone(), allowance::allowance))
        .layer(from_fn(plain::plain))
        .layer(map_response(problem::shaped))
        .layer(from_fn(packed::packed))
        .with_state(api)
}

/// Whether the engine's loop takes commands, and not only its socket connections.
async fn healthz(State(api): State<Api>) -> Result<([(&'static str, String); 1], &'static str), Problem> {
    match tokio::time::timeout(ANSWERS, api.engine.answers()).await {
        Ok(true) => Ok(([(API_HEADER, ApiLevels::OWN.to_string())], "ok\n")),
        _ => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-answering", "the engine's loop does not answer")),
    }
}

async fn openapi() -> ([(&'static str, &'static str); 1], &'static str) {
    ([("content-type", "application/json")], super::DESCRIPTION)
}

#[derive(Deserialize)]
struct HowMuch {
    #[serde(default)]
    brief: bool,
    #[serde(default)]
    recent: bool,
}

async fn state(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<HowMuch>, QueryRejection>,
) -> Result<Json<Arc<crate::domain::State>>, Problem> {
    let state = api.engine.state();
    Ok(Json(match query(asked)? {
        HowMuch { brief: true, .. } => Arc::new(state.recent().brief()),
        HowMuch { recent: true, .. } => Arc::new(state.recent()),
        HowMuch { .. } => state,
    }))
}

#[derive(Deserialize)]
struct HowFine {
    points: Option<usize>,
}

async fn vitals(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<HowFine>, QueryRejection>,
) -> Result<Json<crate::domain::Vitals>, Problem> {
    let vitals = api.engine.vitals();
    Ok(Json(match query(asked)?.points {
        Some(points) => vitals.coarse(points),
        None => vitals,
    }))
}

/// The body of a request as JSON, or a 400 that says what is wrong with it.
pub(super) fn body<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    match body {
        Ok(Json(body)) => Ok(body),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("a request has at most {BODY} bytes"))
                .hint("lines of logs go to POST /api/v1/logs, up to 1 MiB each time"))
        }
        Err(rejection @ JsonRejection::MissingJsonContentType(_)) => Err(Problem::bad_request(rejection.body_text())
            .hint("with curl: --json '{…}', or -H 'content-type: application/json' -d '{…}'")),
        Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
    }
}

/// The same where everything in it has a default: no body at all means those.
pub(super) fn optional_body<T: Default>(read: Result<Option<Json<T>>, JsonRejection>) -> Result<T, Problem> {
    match read {
        Ok(None) => Ok(T::default()),
        Ok(Some(read)) => body(Ok(read)),
        Err(rejection) => body(Err(rejection)),
    }
}

/// What follows the question mark, or a 400 that says what is wrong with it.
pub(super) fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    query.map(|Query(query)| query).map_err(|rejection| Problem::bad_request(rejection.body_text()))
}

async fn commands(
    State(api): State<Api>,
    caller: Caller,
    request: Result<Json<Command>, JsonRejection>,
) -> Result<Json<Answer>, Problem> {
    Ok(Json(caller.submit(&api, body(request)?).await?))
}

async fn dry_run(
    State(api): State<Api>,
    caller: Caller,
    request: Result<Json<DryRunRequest>, JsonRejection>,
) -> Result<Json<DryRun>, Problem> {
    caller.may_look()?;
    Ok(Json(api.engine.dry_run(body(request)?, &caller.actor()).await?))
}

#[derive(Deserialize)]
struct Against {
    against: Option<String>,
}

async fn difference(
    State(api): State<Api>,
    _caller: Caller,
    Path(id): Path<String>,
    asked: Result<Query<Against>, QueryRejection>,
) -> Result<Json<Vec<ComponentDifference>>, Problem> {
    let Against { against } = query(asked)?;
    let against = against.as_deref().map(snapshot_id).transpose()?;
    Ok(Json(api.engine.difference(snapshot_id(&id)?, against).await?))
}

async fn verify(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    caller.may_act()?;
    let problems = api.engine.verify_snapshot(snapshot_id(&id)?).await?;
    Ok(Json(json!({"snapshot": id, "ok": problems.is_empty(), "problems": problems})))
}

async fn verify_live(State(api): State<Api>, caller: Caller) -> Result<Json<Vec<LiveProof>>, Problem> {
    caller.may_act()?;
    Ok(Json(api.engine.verify_live().await?))
}

pub(super) fn snapshot_id(text: &str) -> Result<SnapshotId, Problem> {
    text.parse().map_err(|error: crate::domain::BadId| Problem::bad_request(error.to_string()))
}

async fn prompt(State(api): State<Api>, _caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let id = id.parse().map_err(|error: crate::domain::BadId| Problem::bad_request(error.to_string()))?;
    Ok(Json(json!({"diagnosis": id, "prompt": api.engine.prompt(id).await?})))
}

async fn books(State(api): State<Api>, _caller: Caller) -> Result<Json<Vec<LibraryBook>>, Problem> {
    Ok(Json(api.engine.books().await?))
}

/// What of a service's history is asked for: its last samples, or the figures of a window.
#[derive(Deserialize)]
struct Asked {
    limit: Option<usize>,
    window: Option<Window>,
    buckets: Option<usize>,
}

async fn history(
    State(api): State<Api>,
    _caller: Caller,
    Path(name): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    match query(asked)? {
        Asked { window: Some(window), limit: None, buckets } => {
            let buckets = buckets.unwrap_or(BUCKETS).clamp(1, MAX_BUCKETS);
            Ok(Json(api.engine.uptime(name, window, buckets).await?).into_response())
        }
        Asked { window: None, limit, buckets: None } => {
            Ok(Json(api.engine.history(name, limit.unwrap_or(200).min(10_000)).await?).into_response())
        }
        _ => Err(Problem::bad_request("samples are asked for with `limit`, figures with `window` and `buckets`")),
    }
}

#[derive(Deserialize)]
struct Over {
    window: Option<String>,
}

async fn metrics_report(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<Over>, QueryRejection>,
) -> Result<Json<Metrics>, Problem> {
    let Over { window } = query(asked)?;
    let window = window.as_deref().unwrap_or("90d");
    let window = humantime::parse_duration(window).ok().and_then(|window| TimeDelta::from_std(window).ok());
    let window = window.ok_or_else(|| Problem::bad_request("window: expected a time such as 90d or 12h".to_owned()))?;
    Ok(Json(crate::domain::metrics(&api.engine.state(), window, api.engine.now())))
}

async fn post_mortem(
    State(api): State<Api>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<PostMortemReport>, Problem> {
    let id = id.parse().map_err(|error: crate::domain::BadId| Problem::bad_request(error.to_string()))?;
    Ok(Json(PostMortemReport::of(&api.engine.state(), id, api.engine.now())?))
}

async fn runs(State(api): State<Api>, _caller: Caller) -> Result<Json<Vec<RunReport>>, Problem> {
    let (state, now) = (api.engine.state(), api.engine.now());
    let reports: Result<_, Refusal> = state.runs.keys().rev().map(|id| RunReport::of(&state, *id, now)).collect();
    Ok(Json(reports?))
}

async fn run(State(api): State<Api>, _caller: Caller, Path(id): Path<String>) -> Result<Json<RunReport>, Problem> {
    let id = id.parse().map_err(|error: crate::domain::BadId| Problem::bad_request(error.to_string()))?;
    Ok(Json(RunReport::of(&api.engine.state(), id, api.engine.now())?))
}

async fn restic_env(State(api): State<Api>, caller: Caller) -> Result<Json<Vec<(String, String)>>, Problem> {
    caller.may_act()?;
    Ok(Json(api.engine.restic_env()))
}
