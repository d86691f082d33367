//! Trying it out: a test of the whole system, and an error that is made up to see what follows from it.

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    routing::post,
};
use serde::Deserialize;

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, body},
};
use crate::{
    domain::{ErrorEvent, ErrorKind, ErrorSeverity, Refusal},
    engine::{ErrorAnswer, ErrorBatch, SystemTrial},
    platform::Profile,
};

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/api/emergency/test-system", post(test_system))
        .route("/api/emergency/simulate-error", post(simulate_error))
}

async fn test_system(State(api): State<Api>, caller: Caller) -> Result<Json<SystemTrial>, Problem> {
    caller.may_act()?;
    Ok(Json(api.engine.try_system().await?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Simulated {
    service: String,
    #[serde(rename = "type", default)]
    kind: Option<ErrorKind>,
    #[serde(default)]
    severity: Option<ErrorSeverity>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    count: Option<u64>,
}

/// A report of an error that says of itself that it is made up. Nothing is broken by it: what is done about it is real, so only
/// an engine that is there for drills takes it.
async fn simulate_error(
    State(api): State<Api>,
    caller: Caller,
    request: Result<Json<Simulated>, JsonRejection>,
) -> Result<Json<ErrorAnswer>, Problem> {
    caller.may_act()?;
    let Simulated { service, kind, severity, message, code, count } = body(request)?;
    if api.engine.state().platform.profile != Profile::Drill {
        return Err(Refusal::new("drill-engine-only", "errors are simulated on drill engines alone")
            .hint("codeblue demo runs one; what has happened is reported with POST /api/v1/errors")
            .into());
    }
    let message = format!("simulated: {}", message.as_deref().unwrap_or("an error to see what follows from it"));
    let (count, stack, at) = (count.unwrap_or(1), None, None);
    let errors = vec![ErrorEvent { service, message, kind, severity, code, stack, at, count }];
    Ok(Json(api.engine.report_errors(ErrorBatch { errors, ..ErrorBatch::default() }).await?))
}
