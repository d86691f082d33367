//! The load: clinicians who read charts, note vital signs, check patients in and print handouts, from a seed, a few times a second.
//! What nobody takes down they write on paper, and enter it when somebody asks them to.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use chrono::{SecondsFormat, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    super::{
        SandboxError,
        book::Book,
        kind::FaultKind,
        ledger::{self, AcknowledgedWrite},
        pack,
        paper::{self, PaperEntry},
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
/// Who asks again and again in a storm.
const CALLERS: u32 = 24;
const BEFORE_PRESSING_AGAIN: Duration = Duration::from_millis(20);
/// Of a hundred requests, those that note vital signs.
const VITALS: std::ops::RangeInclusive<u32> = 60..=74;

pub(super) struct Clinicians {
    context: Arc<Context>,
    ledger: Mutex<Ledger>,
    book: Mutex<Book<AcknowledgedWrite>>,
    paper: Mutex<Book<PaperEntry>>,
    /// Only one enters what is on paper.
    entering: tokio::sync::Mutex<()>,
    /// Whether they ask again and again.
    storming: AtomicBool,
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
        let book = Mutex::new(Book::open(ledger::path(&context.layout))?);
        let paper = Mutex::new(Book::open(paper::path(&context.layout))?);
        let (ledger, entering) = (Mutex::new(Ledger::default()), tokio::sync::Mutex::new(()));
        let storming = AtomicBool::new(false);
        let service = Arc::new(Self { context, ledger, book, paper, entering, storming });
        tokio::spawn(Arc::clone(&service).work());
        tokio::spawn(Arc::clone(&service).keep_pack());
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
            let measured = VITALS.contains(&choice).then(|| PaperEntry {
                request,
                patient,
                kind: "temperature".to_owned(),
                value,
                at: Utc::now(),
            });
            let result = match &measured {
                Some(vitals) => self.note_vitals(vitals).await,
                None => self.act(choice, patient).await,
            };
            let elapsed = started.elapsed();
            let id = measured.and_then(|vitals| self.keep(vitals, &result));
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

    /// What is acknowledged is in the ledger, everything else on paper. Gives the id of what is acknowledged.
    fn keep(&self, vitals: PaperEntry, result: &Result<Answer, Failure>) -> Option<i64> {
        let Some(id) = acknowledged(result) else {
            let mut paper = self.paper.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = paper.write(&vitals) {
                self.context.log.error(&format!("what was measured is not on paper: {error}"));
            }
            return None;
        };
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = book.write(&AcknowledgedWrite { request: vitals.request, id, at: Utc::now() }) {
            self.context.log.error(&format!("an acknowledged write is not in the ledger: {error}"));
        }
        Some(id)
    }

    /// Enters what is on paper and not in the records, the oldest first.
    async fn enter_back(&self) -> Result<usize, Failure> {
        let _turn = self.entering.lock().await;
        let layout = self.context.layout.clone();
        let found = tokio::task::spawn_blocking(move || paper::open_entries(&layout)).await;
        let found = found.map_err(|error| Failure::broken(error.to_string()))?;
        let open = found.map_err(|error| Failure::unavailable(error.to_string()))?.open;
        let all = open.len();
        for vitals in open {
            let result = self.note_vitals(&vitals).await;
            if acknowledged(&result).is_none() {
                return Err(Failure::unavailable(match result {
                    Ok(answer) => answer.error(),
                    Err(failure) => failure.message,
                }));
            }
            self.keep(vitals, &result);
        }
        Ok(all)
    }

    /// Everybody presses again and again, until all were told to wait.
    async fn storm(self: Arc<Self>) {
        let callers: Vec<_> =
            (1..=CALLERS).map(|patient| tokio::spawn(Arc::clone(&self).press_again(patient))).collect();
        for caller in callers {
            let _ = caller.await;
        }
        let calmed = tokio::task::spawn_blocking({
            let context = Arc::clone(&self.context);
            move || context.recover(FaultKind::RetryStorm)
        });
        if let Ok(Err(error)) = calmed.await {
            self.context.log.error(&format!("the storm is over, and that is not written down: {error}"));
        }
        self.storming.store(false, Ordering::SeqCst);
    }

    async fn press_again(self: Arc<Self>, patient: u32) {
        while self.context.suffers_from(FaultKind::RetryStorm) {
            let answer = self.context.ask(Ask::get("ai-analysis", &format!("/summaries/{patient}"))).await;
            if answer.is_ok_and(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS) {
                return;
            }
            sleep(BEFORE_PRESSING_AGAIN).await;
        }
    }

    /// Makes the data pack anew as long as the records can be read; what is there stays when they cannot.
    async fn keep_pack(self: Arc<Self>) {
        loop {
            let layout = self.context.layout.clone();
            let made = tokio::task::spawn_blocking(move || pack::make(&layout, Utc::now())).await;
            if let Ok(Err(error)) = made {
                self.context.log.warn(&format!("the data pack stays as it is: {error}"));
            }
            sleep(pack::EVERY).await;
        }
    }

    async fn act(&self, choice: u32, patient: u32) -> Result<Answer, Failure> {
        let context = &self.context;
        match choice {
            0..60 => context.ask_as_self("patient-api", &format!("/patients/{patient}")).await,
            75..85 => {
                let path = format!("/checkin/{patient}");
                context.ask(Ask::post("checkin", &path, &Value::Null)).await
            }
            85..92 => context.ask(Ask::get("ai-analysis", &format!("/summaries/{patient}"))).await,
            92..97 => context.ask(Ask::get("handouts", &format!("/handouts/{patient}"))).await,
            _ => context.ask(Ask::get("inventory", "/stock")).await,
        }
    }

    async fn note_vitals(&self, vitals: &PaperEntry) -> Result<Answer, Failure> {
        let body = json!({
            "patient": vitals.patient, "kind": vitals.kind, "value": vitals.value, "request": vitals.request,
            "taken": vitals.at.to_rfc3339_opts(SecondsFormat::Millis, true)
        });
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

    fn suffer(self: &Arc<Self>) {
        let storms = self.context.suffers_from(FaultKind::RetryStorm);
        if storms && !self.storming.swap(true, Ordering::SeqCst) {
            tokio::spawn(Arc::clone(self).storm());
        }
    }

    async fn deep(&self) -> Result<Value, Failure> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(json!({ "requests": ledger.requests, "failures": ledger.failures }))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/ledger", get(ledger)).route("/back-entry", post(back_entry)).with_state(self)
    }
}

/// The id of what was written, when somebody was told that it is.
fn acknowledged(result: &Result<Answer, Failure>) -> Option<i64> {
    let answer = result.as_ref().ok().filter(|answer| answer.status.is_success())?;
    answer.json().get("id").and_then(Value::as_i64)
}

async fn back_entry(State(service): State<Arc<Clinicians>>) -> Result<Json<Value>, Failure> {
    service.enter_back().await.map(|entered| Json(json!({ "entered": entered })))
}

async fn ledger(State(service): State<Arc<Clinicians>>) -> Json<Value> {
    let ledger = service.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut shown = json!(ledger);
    shown["p95Seconds"] = json!(Duration::from_millis(ledger.p95_ms()).as_secs_f64());
    Json(shown)
}
