//! The platform file read anew.

use axum::{Json, Router, extract::State, routing::get};

use super::{identity::Caller, problem::Problem, routes::Api};
use crate::engine::PlatformDifference;

pub(super) fn router() -> Router<Api> {
    Router::new().route("/api/v1/platform/reload", get(difference).post(reload))
}

async fn difference(State(api): State<Api>, _caller: Caller) -> Result<Json<PlatformDifference>, Problem> {
    Ok(Json(api.engine.platform_difference().await?))
}

async fn reload(State(api): State<Api>, caller: Caller) -> Result<Json<PlatformDifference>, Problem> {
    caller.may_act()?;
    Ok(Json(api.engine.reload().await?))
}
