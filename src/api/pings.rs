//! Heartbeats in the way of Healthchecks, which every scheduler of jobs speaks: `/ping/SERVICE` when a run has ended well,
//! `/ping/SERVICE/fail` when it has not, `/ping/SERVICE/3` with the exit status. A job that can send no header puts its token first:
//! `/ping/TOKEN/SERVICE`.
//!
//! The dialect: <https://healthchecks.io/docs/http_api/>.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};

use super::{identity::Caller, problem::Problem, routes::Api};
use crate::domain::TokenSecret;

/// Bytes of what a job printed that are looked at.
const OUTPUT: usize = 10_000;

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/ping/{service}", get(ended).post(ended))
        .route("/ping/{service}/{how}", get(ended_how).post(ended_how))
        .route("/ping/{key}/{service}/{how}", get(ended_how_with_key).post(ended_how_with_key))
}

type Identified = Result<Caller, Problem>;

async fn ended(
    State(api): State<Api>,
    caller: Identified,
    Path(service): Path<String>,
    output: Bytes,
) -> Result<&'static str, Problem> {
    beat(&api, caller?, service, "", &output).await
}

/// The end of a run, or a token and the service.
async fn ended_how(
    State(api): State<Api>,
    caller: Identified,
    Path((first, second)): Path<(String, String)>,
    output: Bytes,
) -> Result<&'static str, Problem> {
    match TokenSecret::read(&first) {
        Some(key) => beat(&api, Caller::with_token(&api, &key).await?, second, "", &output).await,
        None => beat(&api, caller?, first, &second, &output).await,
    }
}

async fn ended_how_with_key(
    State(api): State<Api>,
    Path((key, service, how)): Path<(String, String, String)>,
    output: Bytes,
) -> Result<&'static str, Problem> {
    let key = TokenSecret::read(&key).ok_or_else(|| {
        Problem::new(StatusCode::UNAUTHORIZED, "token-unknown", "the first part of this path is no token of codeblue")
            .hint("/ping/TOKEN/SERVICE/fail, or /ping/SERVICE/fail with Authorization: Bearer TOKEN")
    })?;
    beat(&api, Caller::with_token(&api, &key).await?, service, &how, &output).await
}

async fn beat(api: &Api, caller: Caller, service: String, how: &str, output: &[u8]) -> Result<&'static str, Problem> {
    caller.may_report()?;
    let ok = match how {
        "" => true,
        "fail" => false,
        // That a run has begun, or said something, is no end of it.
        "start" | "log" => return Ok("OK\n"),
        status => {
            let status: u8 = status.parse().map_err(|_| {
                Problem::new(StatusCode::NOT_FOUND, "no-such-route", format!("{status:?} is no way for a run to end"))
                    .hint("nothing, start, log, fail, or an exit status from 0 to 255")
            })?;
            status == 0
        }
    };
    let output = String::from_utf8_lossy(&output[..output.len().min(OUTPUT)]);
    let last = output.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let message = match how.parse::<u8>() {
        Ok(status) if status != 0 => format!("exit status {status} {last}"),
        _ => last.to_owned(),
    };
    api.engine.beat(service, ok, &message).await?;
    Ok("OK\n")
}
