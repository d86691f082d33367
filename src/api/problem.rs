//! Errors as the contract wants them: `{"error": {"code", "message", "hint"}}`.

use axum::{
    Json,
    body::to_bytes,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    domain::Refusal,
    engine::{QueryError, SubmitError},
};

/// Bytes of a library's words at most.
const WORDS: usize = 4096;

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: String,
    message: String,
    hint: String,
    /// After so many seconds it may be tried again.
    again_in: Option<u32>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            hint: usual_step(code).to_owned(),
            again_in: None,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
            .hint("GET /api/v1/openapi.json tells what is taken here")
    }

    /// A refusal that is not told by its usual status.
    pub(super) fn refused_as(status: StatusCode, refusal: Refusal) -> Self {
        let hint = refusal.next_step().to_owned();
        Self { status, code: refusal.rule, message: refusal.message, hint, again_in: None }
    }

    pub(super) fn again_in(self, seconds: u32) -> Self {
        Self { again_in: Some(seconds), ..self }
    }

    /// The same for something that does not exist, with where those are that do.
    pub(super) fn unknown(refusal: Refusal, list: &str) -> Self {
        Self::from(refusal).hint(format!("GET {list} tells which there are"))
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message, "hint": self.hint}});
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.again_in {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What to do next where the place that answers knows nothing better.
fn usual_step(code: &str) -> &'static str {
    match code {
        "bad-request" | "unsupported" => "GET /api/v1/openapi.json describes every request",
        "no-such-route" => "GET /api/v1/openapi.json lists every path",
        "too-large" => "send it in parts",
        "stopping" => "ask again in a few seconds, when it is back",
        "journal" => "nothing was done, as it could not be recorded: codeblue doctor says what is wrong with the disk",
        "token-may-not" | "step-may-not" => {
            "somebody does it under a name of their own: on the board, or codeblue --as NAME"
        }
        "role-needed" | "operator-may-not" => "ask somebody who may: codeblue operator list",
        "token-of-another" => "show the token of the operator who is named, or name its own operator",
        "as-in-drill-only" => "log in as that operator",
        code if code.starts_with("too-many-") => "send fewer at a time, and these again after a pause",
        _ => "the log of the engine says more, and codeblue doctor what to do about it",
    }
}

/// Gives an error that a library has worded the shape of all others.
pub(super) async fn shaped(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !(status.is_client_error() || status.is_server_error()) || kind == Some("application/json") {
        return response;
    }
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "too-large",
        StatusCode::NOT_FOUND => "no-such-route",
        status if status.is_server_error() => "failed",
        _ => "bad-request",
    };
    let text = to_bytes(response.into_body(), WORDS).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let told = if text.trim().is_empty() { status.canonical_reason().unwrap_or("error") } else { text.trim() };
    let hint = match status {
        status if status.is_server_error() => "the engine's log tells more: codeblue doctor says where it is",
        _ => "GET /api/v1/openapi.json tells what is taken here",
    };
    Problem::new(status, code, told).hint(hint).into_response()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.rule.as_str() {
            "unknown-operator" => StatusCode::UNAUTHORIZED,
            "operator-may-not" | "engine-only" | "token-may-not" | "token-scope" => StatusCode::FORBIDDEN,
            _ if refusal.is_unknown() => StatusCode::NOT_FOUND,
            _ => StatusCode::CONFLICT,
        };
        Self::refused_as(status, refusal)
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::Journal(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "journal", error.to_string()),
            SubmitError::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", error.to_string()),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(refusal) => refusal.into(),
            QueryError::Failed(message) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", message),
        }
    }
}
