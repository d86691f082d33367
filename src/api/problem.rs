//! Errors as the contract wants them: `{"error": {"code", "message", "hint"}}`.

use axum::{
    Json,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    domain::Refusal,
    engine::{QueryError, SubmitError},
};

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: String,
    message: String,
    hint: Option<String>,
    /// After so many seconds it may be tried again.
    again_in: Option<u32>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), hint: None, again_in: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    /// A refusal that is not told by its usual status.
    pub(super) fn refused_as(status: StatusCode, refusal: Refusal) -> Self {
        Self { status, code: refusal.rule, message: refusal.message, hint: refusal.hint, again_in: None }
    }

    pub(super) fn again_in(self, seconds: u32) -> Self {
        Self { again_in: Some(seconds), ..self }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
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
