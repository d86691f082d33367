//! Breakers of services, as scripts and monitoring see and change them.

use axum::{
    Json, Router,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    routing::{get, post},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, body, optional_body, query},
};
use crate::domain::{BreakerState, Command, ForcedTo, Named, Refusal, State as DomainState};

/// How long a breaker is forced where nobody says.
const FORCED_MINUTES: u32 = 60;

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/api/emergency/circuit-breakers", get(list))
        .route("/api/emergency/circuit-breaker/{name}", get(one))
        .route("/api/emergency/circuit-breaker/{name}/reset", post(reset))
        .route("/api/emergency/circuit-breaker/{name}/force", post(force))
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Wanted {
    Open,
    Closed,
    HalfOpen,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    state: Option<Wanted>,
    service: Option<String>,
}

async fn list(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Vec<Value>>, Problem> {
    let Asked { state: wanted, service } = query(asked)?;
    let state = api.engine.state();
    let named = state.platform.services.iter().filter(|known| service.as_ref().is_none_or(|name| *name == known.name));
    let found = named.filter(|known| wanted.is_none_or(|wanted| says(state.breaker(&known.name).state) == wanted));
    Ok(Json(found.map(|known| page(&state, &known.name)).collect()))
}

async fn one(State(api): State<Api>, _caller: Caller, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(known(&api.engine.state(), &name)?))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Reset {
    reason: Option<String>,
}

async fn reset(
    State(api): State<Api>,
    caller: Caller,
    Path(service): Path<String>,
    request: Result<Option<Json<Reset>>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let reason = optional_body(request)?.reason.unwrap_or_else(|| "reset over the API".to_owned());
    known(&api.engine.state(), &service)?;
    caller.submit(&api, Command::ResetBreaker { service: service.clone(), reason }).await?;
    Ok(Json(known(&api.engine.state(), &service)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Force {
    to: ForcedTo,
    reason: String,
    #[serde(default)]
    minutes: Option<u32>,
    #[serde(default)]
    until: Option<DateTime<Utc>>,
}

async fn force(
    State(api): State<Api>,
    caller: Caller,
    Path(service): Path<String>,
    request: Result<Json<Force>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Force { to, reason, minutes, until } = body(request)?;
    let until = match (minutes, until) {
        (Some(_), Some(_)) => return Err(Problem::bad_request("either minutes or until says for how long")),
        (None, Some(until)) => until,
        (minutes, None) => api.engine.now() + TimeDelta::minutes(minutes.unwrap_or(FORCED_MINUTES).into()),
    };
    known(&api.engine.state(), &service)?;
    caller.submit(&api, Command::ForceBreaker { service: service.clone(), to, until, reason }).await?;
    Ok(Json(known(&api.engine.state(), &service)?))
}

fn says(state: BreakerState) -> Wanted {
    match state {
        BreakerState::Open | BreakerState::ForcedOpen => Wanted::Open,
        BreakerState::Closed | BreakerState::ForcedClosed => Wanted::Closed,
        BreakerState::HalfOpen => Wanted::HalfOpen,
    }
}

fn known(state: &DomainState, name: &str) -> Result<Value, Problem> {
    state.platform.service(name).ok_or_else(|| Refusal::unknown(Named::Service, name))?;
    Ok(page(state, name))
}

/// One breaker; `enforced` says whether anything holds calls back by it.
fn page(state: &DomainState, name: &str) -> Value {
    let (breaker, thresholds) = (state.breaker(name), state.breaker_thresholds(name));
    let plain = match says(breaker.state) {
        Wanted::Open => "open",
        Wanted::Closed => "closed",
        Wanted::HalfOpen => "half-open",
    };
    json!({
        "name": name,
        "service": name,
        "state": plain,
        "forced": breaker.state.is_forced(),
        "since": breaker.since,
        "until": breaker.until,
        "check": breaker.check,
        "reason": breaker.reason,
        "openings": breaker.openings,
        "failuresToOpen": thresholds.failures,
        "withinSeconds": thresholds.within.map(|within| within.num_seconds()),
        "errorRatePercent": thresholds.rate.map(|rate| rate.percent),
        "rateWindowSeconds": thresholds.rate.map(|rate| rate.window.num_seconds()),
        "rateMinimum": thresholds.rate.map(|rate| rate.minimum),
        "probesToClose": thresholds.probes,
        "waitSeconds": thresholds.wait.num_seconds(),
        "longestWaitSeconds": thresholds.longest_wait.num_seconds(),
        "enforced": false,
    })
}
