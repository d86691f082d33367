//! The journal as evidence: checkpoints, proofs, what a purge would delete, and being a witness for others.

use axum::{
    Json, Router,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, body, query},
};
use crate::{
    engine::{EvidenceFigures, PurgePreview, WitnessAnswer, WitnessRequest},
    store::{CheckpointLine, ConsistencyProof},
};

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/api/v1/audit", get(evidence))
        .route("/api/v1/audit/checkpoint", post(checkpoint))
        .route("/api/v1/audit/proof/{seq}", get(proof))
        .route("/api/v1/audit/consistency", get(consistency))
        .route("/api/v1/audit/purge", get(purge))
        .route("/api/v1/witness", get(known).post(witness))
}

async fn evidence(State(api): State<Api>, _caller: Caller) -> Result<Json<EvidenceFigures>, Problem> {
    Ok(Json(api.engine.evidence().await?))
}

async fn checkpoint(State(api): State<Api>, caller: Caller) -> Result<Json<Option<CheckpointLine>>, Problem> {
    caller.may_act()?;
    let newest = api.engine.checkpoint().await?;
    Ok(Json(newest.map(|newest| CheckpointLine::clone(&newest))))
}

async fn proof(State(api): State<Api>, _caller: Caller, Path(seq): Path<u64>) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({"seq": seq, "proof": api.engine.prove(seq).await?})))
}

#[derive(Deserialize)]
struct Between {
    old: u64,
    new: u64,
}

async fn consistency(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<Between>, QueryRejection>,
) -> Result<Json<ConsistencyProof>, Problem> {
    let Between { old, new } = query(asked)?;
    Ok(Json(api.engine.consistency(old, new).await?))
}

#[derive(Deserialize)]
struct Named {
    seqs: String,
}

async fn purge(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<Named>, QueryRejection>,
) -> Result<Json<Vec<PurgePreview>>, Problem> {
    let Named { seqs } = query(asked)?;
    let seqs: Result<Vec<u64>, _> = seqs.split(',').map(|seq| seq.trim().parse()).collect();
    let seqs = seqs.map_err(|_| Problem::bad_request("seqs: expected numbers of events such as 4,7"))?;
    Ok(Json(api.engine.purge_preview(seqs).await?))
}

#[derive(Deserialize)]
struct Of {
    origin: String,
}

async fn known(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<Of>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Of { origin } = query(asked)?;
    Ok(Json(json!({"size": api.engine.witnessed_size(&origin)})))
}

async fn witness(
    State(api): State<Api>,
    caller: Caller,
    request: Result<Json<WitnessRequest>, JsonRejection>,
) -> Result<Json<WitnessAnswer>, Problem> {
    caller.may_act()?;
    Ok(Json(api.engine.witness(body(request)?, caller.operator.name).await?))
}
