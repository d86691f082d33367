//! The knowledge base: what is known, found by words and by templates of log lines. Articles are written by commands.

use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, query},
};
use crate::{
    domain::ArticleState,
    report::{ArticleReport, ArticleSummary},
};

/// Articles in an answer when nobody says how many.
const LIMIT: usize = 20;

pub(super) fn router() -> Router<Api> {
    Router::new().route("/api/v1/knowledge", get(articles)).route("/api/v1/knowledge/{name}", get(article))
}

#[derive(Deserialize)]
struct Asked {
    q: Option<String>,
    /// Ids of templates, parted by commas.
    signatures: Option<String>,
    state: Option<ArticleState>,
    limit: Option<usize>,
}

/// What fits the words best; without words and signatures every article in one line.
async fn articles(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Asked { q, signatures, state, limit } = query(asked)?;
    if q.is_none() && signatures.is_none() {
        let mut all = ArticleSummary::all(&api.engine.state());
        all.retain(|article| state.is_none_or(|state| article.state == state));
        all.truncate(limit.unwrap_or(usize::MAX));
        return Ok(Json(all).into_response());
    }
    let signatures: Vec<String> =
        signatures.iter().flat_map(|ids| ids.split(',')).map(|id| id.trim().to_ascii_lowercase()).collect();
    let words = q.unwrap_or_default();
    Ok(Json(api.engine.find_articles(words, signatures, limit.unwrap_or(LIMIT), state).await?).into_response())
}

async fn article(
    State(api): State<Api>,
    _caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ArticleReport>, Problem> {
    Ok(Json(ArticleReport::of(&api.engine.state(), &name)?))
}
