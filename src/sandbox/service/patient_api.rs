//! `patient-api`: charts of patients and their vital signs. Its code is a release; a request keeps the one it began with.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    super::catalogue::FRONTED, call::Ask, context::Context, failure::Failure, front::Front, release::Release,
    run::Serve,
};

pub(super) struct PatientApi {
    context: Arc<Context>,
    release: RwLock<Option<Arc<Release>>>,
    front: Arc<Front>,
}

impl PatientApi {
    pub(super) fn new(context: Arc<Context>) -> Arc<Self> {
        let front = Front::open(Arc::clone(&context));
        let service = Self { context, release: RwLock::new(None), front };
        service.reload();
        Arc::new(service)
    }

    fn release(&self) -> Result<Arc<Release>, Failure> {
        let release = self.release.read().unwrap_or_else(PoisonError::into_inner).clone();
        release.ok_or_else(|| Failure::broken("no release could be loaded"))
    }

    async fn chart(&self, release: &Release, patient: u32) -> Result<Value, Failure> {
        let body = json!({ "sql": release.query, "params": [patient] });
        let answer = self.context.ask(Ask::post("records-db", "/query", &body)).await?;
        if !answer.status.is_success() {
            return Err(Self::query_failure(release, answer.status, &answer.error()));
        }
        let rows = answer.json().get("rows").and_then(Value::as_array).cloned().unwrap_or_default();
        match release.chart(&rows) {
            Some(text) => Ok(json!({ "patient": patient, "chart": text, "release": release.version })),
            None => Err(Failure::refused(StatusCode::NOT_FOUND, format!("there is no patient {patient}"))),
        }
    }

    fn query_failure(release: &Release, status: StatusCode, error: &str) -> Failure {
        let version = &release.version;
        match error.strip_prefix("no such column: ") {
            Some(column) => {
                let column = column.split_whitespace().next().unwrap_or(column);
                let column = column.rsplit_once('.').map_or(column, |(_, name)| name);
                Failure::broken(format!("missing column {column} in chart.sql of release {version}"))
            }
            None if status == StatusCode::BAD_REQUEST => {
                Failure::broken(format!("query of release {version} failed: {error}"))
            }
            None => Failure::unavailable(format!("records-db: {error}")),
        }
    }
}

impl Serve for PatientApi {
    fn version(&self) -> String {
        self.release().map_or_else(|_| "none".to_owned(), |release| release.version.clone())
    }

    fn reload(&self) {
        self.front.reload();
        match Release::load(&self.context.layout.service("patient-api")) {
            Ok(release) => {
                *self.release.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(release));
            }
            Err(problem) => self.context.log.error(&format!("release not loaded, the old one stays: {problem}")),
        }
    }

    async fn deep(&self) -> Result<Value, Failure> {
        let release = self.release()?;
        let token = self.context.log_in().await?;
        self.context.verify(&token).await?;
        self.chart(&release, 1).await?;
        // as the world comes in
        self.context.ask(Ask::get(FRONTED, "/health")).await?;
        Ok(json!("checked a token with auth, read the chart of patient 1 from records-db, and was reached over TLS"))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/patients/{id}", get(read_chart)).route("/vitals", post(add_vitals)).with_state(self)
    }
}

async fn read_chart(
    State(service): State<Arc<PatientApi>>,
    Path(patient): Path<u32>,
    headers: HeaderMap,
) -> Result<Json<Value>, Failure> {
    let release = service.release()?;
    service.context.settings()?;
    service.context.check_token(&headers).await?;
    service.chart(&release, patient).await.map(Json)
}

async fn add_vitals(
    State(service): State<Arc<PatientApi>>,
    headers: HeaderMap,
    Json(vitals): Json<Value>,
) -> Result<Json<Value>, Failure> {
    service.context.settings()?;
    service.context.check_token(&headers).await?;
    let answer = service.context.ask(Ask::post("records-db", "/vitals", &vitals)).await?;
    match answer.status {
        status if status.is_success() => Ok(Json(answer.json())),
        status if status.is_client_error() => Err(Failure::refused(status, answer.error())),
        _ => Err(Failure::unavailable(format!("records-db: {}", answer.error()))),
    }
}
