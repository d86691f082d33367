//! What people do about themselves that is more than a command, because a secret is part of it.

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use serde::Serialize;

use super::{
    identity::{Caller, Proof, WHOAMI},
    problem::Problem,
    routes::Api,
};
use crate::{
    domain::{Operator, Role, TokenId},
    engine::{Enrolled, Enrolment, TokenEntry},
};

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route(WHOAMI, get(whoami))
        .route("/api/v1/second-factor/enrolment", post(enrol))
        .route("/api/v1/second-factor/confirmation", post(confirm))
        .route("/api/v1/tokens", get(tokens))
}

/// Who calls, and how the board is to treat that person.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whoami {
    #[serde(flatten)]
    operator: Operator,
    /// The token that was shown in place of a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<TokenId>,
    /// The serial number of the certificate by which the operator is known over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    /// After so many seconds without a key the board locks.
    #[serde(skip_serializing_if = "Option::is_none")]
    locks_after_seconds: Option<u64>,
}

async fn whoami(State(api): State<Api>, caller: Caller) -> Json<Whoami> {
    let state = api.engine.state();
    let locks_after_seconds = state.platform.access.lock_after.map(|time| time.as_secs());
    let token = caller.token().map(|token| token.id);
    let certificate = caller.certificate().map(str::to_owned);
    // An account has the second factor of the person whose it is.
    let second_factor = state.second_factor(&caller.operator.name);
    Json(Whoami { operator: Operator { second_factor, ..caller.operator }, token, certificate, locks_after_seconds })
}

async fn enrol(State(api): State<Api>, caller: Caller) -> Result<Json<Enrolment>, Problem> {
    caller.is_a_person()?;
    Ok(Json(api.engine.begin_enrolment(&caller.operator.name).await?))
}

async fn confirm(State(api): State<Api>, caller: Caller) -> Result<Json<Enrolled>, Problem> {
    caller.is_a_person()?;
    let Proof::Login(Some(code)) = caller.proof else {
        return Err(
            Problem::bad_request("a code has to come with it").hint("in the header x-codeblue-code, six digits")
        );
    };
    Ok(Json(api.engine.confirm_enrolment(&caller.operator.name, code).await?))
}

/// The own tokens; whoever may change people sees everybody's.
async fn tokens(State(api): State<Api>, caller: Caller) -> Json<Vec<TokenEntry>> {
    let all = caller.operator.can_stand_for(Role::TechnicalLead) && caller.token().is_none();
    Json(api.engine.tokens((!all).then_some(caller.operator.name.as_str())))
}
