//! What programs report of themselves, and what was reported lately.

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    routing::get,
};
use serde_json::Value;

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, body},
};
use crate::{
    domain::ErrorGroup,
    engine::{ErrorAnswer, ErrorBatch},
};

/// Kinds of errors in a list at most.
const LISTED: usize = 200;

pub(super) fn router() -> Router<Api> {
    Router::new().route("/api/v1/errors", get(lately).post(report))
}

async fn lately(State(api): State<Api>, _caller: Caller) -> Json<Vec<ErrorGroup>> {
    let mut errors = api.engine.errors();
    errors.truncate(LISTED);
    Json(errors)
}

async fn report(
    State(api): State<Api>,
    caller: Caller,
    request: Result<Json<Value>, JsonRejection>,
) -> Result<Json<ErrorAnswer>, Problem> {
    caller.may_report()?;
    Ok(Json(api.engine.report_errors(batch(body(request)?)?).await?))
}

/// One error, a list of them, or a list with the number of requests beside it.
fn batch(body: Value) -> Result<ErrorBatch, Problem> {
    let read = match body {
        Value::Array(_) => serde_json::from_value(body).map(|errors| ErrorBatch { errors, ..ErrorBatch::default() }),
        Value::Object(ref fields) if fields.contains_key("errors") => serde_json::from_value(body),
        one => serde_json::from_value(one).map(|error| ErrorBatch { errors: vec![error], ..ErrorBatch::default() }),
    };
    read.map_err(|error| {
        Problem::bad_request(format!("this is no error event: {error}"))
            .hint("at least {\"service\": \"…\", \"message\": \"…\"}, one or a list of them")
    })
}
