//! Where services tell that they work.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{identity::Caller, problem::Problem, routes::Api};

/// What may be said with a heartbeat.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Told {
    ok: bool,
    message: String,
}

impl Default for Told {
    fn default() -> Self {
        Self { ok: true, message: String::new() }
    }
}

/// A job says so with the least it can: without a body, all is well.
pub(super) async fn beat(
    State(api): State<Api>,
    caller: Caller,
    Path(service): Path<String>,
    request: Bytes,
) -> Result<Json<Value>, Problem> {
    caller.may_report()?;
    let Told { ok, message } = if request.is_empty() {
        Told::default()
    } else {
        serde_json::from_slice(&request).map_err(|error| {
            Problem::bad_request(error.to_string()).hint("no body, or {\"ok\": false, \"message\": \"disk full\"}")
        })?
    };
    let beat = api.engine.beat(service.clone(), ok, &message).await?;
    Ok(Json(json!({"service": service, "at": beat.at, "ok": beat.ok, "message": beat.message})))
}
