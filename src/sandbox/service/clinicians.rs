//! The load: clinicians who read charts, note vital signs, check patients in and print handouts, from a seed, a few times a second.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use chrono::Utc;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    super::{
        SandboxError,
        ledger::{AcknowledgedWrite, LedgerBook},
    },
    call::{Answer, Ask},
    context::Context,
    failure::Failure,
    run::Serve,
};

const PATIENTS: u32 = 160;
/// Between two requests.
const PAUSE_MS: std::ops::Range<u64> = 150..450;
const LATEST: usize = 100;

pub(super) struct Clinicians {
    context: Arc<Context>,
    ledger: Mutex<Ledger>,
    book: Mutex<LedgerBook>,
}

/// What they experienced.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ledger {
    requests: u64,
    failures: u64,
    /// Id of the last vital signs that were acknowledged: what must not be lost.
    last_acknowledged: Option<i64>,
    last_failure: Option<String>,
    #[serde(skip)]
    latest_ms: VecDeque<u64>,
}

impl Clinicians {
    pub(super) fn new(context: Arc<Context>) -> Result<Arc<Self>, SandboxError> {
        let book = Mutex::new(LedgerBook::open(&context.layout)?);
        let service = Arc::new(Self { context, ledger: Mutex::new(Ledger::default()), book });
        tokio::spawn(Arc::clone(&service).work());
        Ok(service)
    }

    async fn work(self: Arc<Self>) {
        let mut random = StdRng::seed_from_u64(self.context.layout.marker.seed);
        // until the others are there
        while self.context.log_in().await.is_err() {
            sleep(Duration::from_millis(200)).await;
        }
        loop {
            sleep(Duration::from_millis(random.random_range(PAUSE_MS))).await;
            let (choice, patient) = (random.random_range(0..100), random.random_range(1..=PATIENTS));
            let value = f64::from(random.random_range(360..400)) / 10.0;
            let request = hex::encode(rand::random::<[u8; 8]>());
            let started = Instant::now();
            let result = self.act(choice, patient, value, &request).await;
            let elapsed = started.elapsed();
            let acknowledged = result.as_ref().ok().filter(|answer| answer.status.is_success());
            let id = acknowledged.and_then(|answer| answer.json().get("id").and_then(Value::as_i64));
            if let Some(id) = id {
                self.enter(&AcknowledgedWrite { request, id, at: Utc::now() });
            }
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.requests += 1;
            ledger.latest_ms.push_back(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
            if ledger.latest_ms.len() > LATEST {
                ledger.latest_ms.pop_front();
            }
            match result {
                Ok(answer) if answer.status.is_success() => {
                    ledger.last_acknowledged = id.or(ledger.last_acknowledged);
                }
                Ok(answer) => ledger.fail(&self.context, format!("{}: {}", answer.status.as_u16(), answer.error())),
                Err(failure) => ledger.fail(&self.context, failure.message),
            }
        }
    }

    fn enter(&self, write: &AcknowledgedWrite) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = book.write(&self.context.layout, write) {
            self.context.log.error(&format!("an acknowledged write is not in the ledger: {error}"));
        }
    }

    async fn act(&self, choice: u32, patient: u32, value: f64, request: &str) -> Result<Answer, Failure> {
        let context = &self.context;
        match choice {
            0..60 => context.ask_as_self("patient-api", &format!("/patients/{patient}")).await,
            60..75 => self.note_vitals(patient, value, request).await,
            75..85 => {
                let path = format!("/checkin/{patient}");
                context.ask(Ask::post("checkin", &path, &Value::Null)).await
            }
            85..92 => context.ask(Ask::get("ai-analysis", &format!("/summaries/{patient}"))).await,
            92..97 => context.ask(Ask::get("handouts", &format!("/handouts/{patient}"))).await,
            _ => context.ask(Ask::get("inventory", "/stock")).await,
        }
    }

    async fn note_vitals(&self, patient: u32, value: f64, request: &str) -> Result<Answer, Failure> {
        let body = json!({ "patient": patient, "kind": "temperature", "value": value, "request": request });
        let token = match self.context.token() {
            Some(token) => token,
            None => self.context.log_in().await?,
        };
        let answer = self.context.ask(Ask::post("patient-api", "/vitals", &body).with_token(&token)).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let token = self.context.log_in().await?;
        self.context.ask(Ask::post("patient-api", "/vitals", &body).with_token(&token)).await
    }
}

impl Ledger {
    fn fail(&mut self, context: &Context, why: String) {
        self.failures += 1;
        context.log.warn(&why);
        self.last_failure = Some(why);
    }

    fn p95_ms(&self) -> u64 {
        let mut sorted: Vec<u64> = self.latest_ms.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() * 95 / 100).copied().unwrap_or(0)
    }
}

impl Serve for Clinicians {
    fn version(&self) -> String {
        format!("seed {}", self.context.layout.marker.seed)
    }

    async fn deep(&self) -> Result<Value, Failure> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(json!({ "requests": ledger.requests, "failures": ledger.failures }))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/ledger", get(ledger)).with_state(self)
    }
}

async fn ledger(State(service): State<Arc<Clinicians>>) -> Json<Value> {
    let ledger = service.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut shown = json!(ledger);
    shown["p95Seconds"] = json!(Duration::from_millis(ledger.p95_ms()).as_secs_f64());
    Json(shown)
}
