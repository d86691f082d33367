//! What the engine shows over TLS, and certificates for people.

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    routing::{get, post},
};

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, body},
};
use crate::{
    domain::{ClientCertificate, Role},
    engine::{CertificateRequest, IssuedCertificate, Renewal, TlsFigures},
};

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/api/v1/tls", get(shown))
        .route("/api/v1/tls/renew", post(renew))
        .route("/api/v1/certificates", get(certificates).post(issue))
}

fn nowhere() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-tls", "this engine does not listen over TLS")
        .hint("[listen] tls = \"0.0.0.0:8443\" in its platform file has it do so")
}

async fn shown(State(api): State<Api>, _caller: Caller) -> Result<Json<TlsFigures>, Problem> {
    Ok(Json(api.front.as_ref().ok_or_else(nowhere)?.figures()))
}

async fn renew(State(api): State<Api>, caller: Caller) -> Result<Json<TlsFigures>, Problem> {
    caller.is_a_person()?;
    if !caller.operator.can_stand_for(Role::TechnicalLead) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "role-needed", "this takes a technical lead or the CTO"));
    }
    let front = api.front.as_ref().ok_or_else(nowhere)?;
    let renewed = front.renew(&api.engine, Renewal::Now);
    renewed.map(Json).map_err(|reason| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", reason))
}

/// The own certificates, newest first; whoever may change people sees everybody's.
async fn certificates(State(api): State<Api>, caller: Caller) -> Json<Vec<ClientCertificate>> {
    let all = caller.operator.can_stand_for(Role::TechnicalLead) && caller.token().is_none();
    let state = api.engine.state();
    let known = state.credentials.certificates.values();
    let mut found: Vec<ClientCertificate> =
        known.filter(|known| all || known.operator == caller.operator.name).cloned().collect();
    found.sort_by_key(|known| std::cmp::Reverse(known.issued_at));
    Json(found)
}

async fn issue(
    State(api): State<Api>,
    caller: Caller,
    request: Result<Json<CertificateRequest>, JsonRejection>,
) -> Result<Json<IssuedCertificate>, Problem> {
    let request = body(request)?;
    Ok(Json(api.engine.issue_certificate(request, caller.asking_for()).await?))
}
