//! `ai-analysis`: sums up a patient's notes with a small model that weighs words. The same notes give the same summary.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep},
};

use super::{
    super::{files, inject::sha256, kind::FaultKind, measure::Measure},
    call::Ask,
    context::Context,
    failure::Failure,
    run::Serve,
};

/// How long a job waits for a worker.
const IN_QUEUE: Duration = Duration::from_secs(1);
/// How many jobs are worked on at once.
const WORKERS: usize = 3;
/// How long the model takes for one.
const JOB: Duration = Duration::from_millis(80);
/// A job that waits longer for a worker is told of.
const LONG: Duration = Duration::from_millis(300);

pub(super) struct AiAnalysis {
    context: Arc<Context>,
    model: RwLock<Result<Arc<Model>, String>>,
    workers: Semaphore,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    version: String,
    weights: BTreeMap<String, f64>,
    /// Texts whose right summary is known.
    golden: Vec<Golden>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    text: String,
    summary: String,
}

impl Model {
    /// The sentence that weighs most, or least where answers are wrong; of equals the first.
    fn summary(&self, text: &str, wrong: bool) -> String {
        let mut best: Option<(f64, &str)> = None;
        for sentence in text.split('.').map(str::trim).filter(|sentence| !sentence.is_empty()) {
            let weight: f64 = sentence
                .split(|c: char| !c.is_alphanumeric())
                .filter_map(|word| self.weights.get(&word.to_lowercase()))
                .sum();
            if best.is_none_or(|(best, _)| if wrong { weight < best } else { weight > best }) {
                best = Some((weight, sentence));
            }
        }
        best.map_or_else(|| "Nothing was noted.".to_owned(), |(_, sentence)| format!("{sentence}."))
    }

    fn check(&self, wrong: bool) -> Result<(), String> {
        match self.golden.iter().find(|golden| self.summary(&golden.text, wrong) != golden.summary) {
            Some(golden) => Err(format!("model {} gives a wrong summary of {:?}", self.version, golden.text)),
            None if self.golden.is_empty() => Err(format!("model {} has no golden texts", self.version)),
            None => Ok(()),
        }
    }
}

impl AiAnalysis {
    pub(super) fn new(context: Arc<Context>) -> Arc<Self> {
        let model = RwLock::new(Err("no model yet".to_owned()));
        let service = Self { context, model, workers: Semaphore::new(WORKERS) };
        service.reload();
        Arc::new(service)
    }

    /// The model, when it is the one that was released.
    fn load(&self) -> Result<Model, String> {
        let layout = &self.context.layout;
        let read = |path| files::read(path).map_err(|error| error.to_string());
        let model = layout.model().join("model.json");
        let bytes = read(&model)?.ok_or("the model file model.json is missing")?;
        let released = read(&layout.model_pin())?.ok_or("the checksum of the released model is missing")?;
        if sha256(&bytes).as_bytes() != released.trim_ascii() {
            return Err("the model file model.json is not the one that was released: its checksum differs".to_owned());
        }
        serde_json::from_slice(&bytes).map_err(|error| format!("{} cannot be understood: {error}", model.display()))
    }

    fn is_wrong(&self) -> bool {
        self.context.suffers_from(FaultKind::WrongAnswers)
    }

    fn model(&self) -> Result<Arc<Model>, Failure> {
        self.model.read().unwrap_or_else(PoisonError::into_inner).clone().map_err(Failure::broken)
    }

    async fn sum_up(&self, patient: u32) -> Result<Value, Failure> {
        if self.context.is_under(Measure::Fallback) {
            let summary = first_sentence(&self.notes(patient).await?);
            return Ok(json!({ "patient": patient, "summary": summary, "model": "none: by plain rules" }));
        }
        if self.context.suffers_from(FaultKind::StuckQueue) {
            sleep(IN_QUEUE).await;
            return Err(Failure::unavailable("the queue does not move: no worker took the job"));
        }
        let model = self.model()?;
        let _worker = self.worker().await?;
        sleep(JOB).await;
        let summary = model.summary(&self.notes(patient).await?, self.is_wrong());
        Ok(json!({ "patient": patient, "summary": summary, "model": model.version }))
    }

    /// A worker, once one is free.
    async fn worker(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let since = Instant::now();
        let worker = self.workers.acquire().await.map_err(|_| Failure::unavailable("there are no workers"))?;
        if since.elapsed() > LONG {
            let waited = since.elapsed().as_millis();
            self.context.log.warn(&format!("the job waited {waited} ms for a worker: the queue is full"));
        }
        Ok(worker)
    }

    /// All notes on a patient, as one text.
    async fn notes(&self, patient: u32) -> Result<String, Failure> {
        let body = json!({ "sql": "SELECT text FROM notes WHERE patient = ?1 ORDER BY id", "params": [patient] });
        let answer = self.context.ask(Ask::post("records-db", "/query", &body)).await?;
        if !answer.status.is_success() {
            return Err(Failure::unavailable(format!("records-db: {}", answer.error())));
        }
        let answer = answer.json();
        let notes: Vec<&str> = answer["rows"]
            .as_array()
            .map(|rows| rows.iter().filter_map(|row| row["text"].as_str()).collect())
            .unwrap_or_default();
        if notes.is_empty() {
            return Err(Failure::refused(StatusCode::NOT_FOUND, format!("there are no notes on patient {patient}")));
        }
        Ok(notes.join(". "))
    }
}

/// The plain rule: what was noted first.
fn first_sentence(text: &str) -> String {
    let first = text.split('.').map(str::trim).find(|sentence| !sentence.is_empty());
    first.map_or_else(|| "Nothing was noted.".to_owned(), |first| format!("Noted first: {first}."))
}

impl Serve for AiAnalysis {
    fn version(&self) -> String {
        self.model().map_or_else(|_| "none".to_owned(), |model| model.version.clone())
    }

    fn reload(&self) {
        let model = self.load().map(Arc::new);
        if let Err(problem) = &model {
            self.context.log.error(problem);
        }
        *self.model.write().unwrap_or_else(PoisonError::into_inner) = model;
    }

    async fn deep(&self) -> Result<Value, Failure> {
        if self.context.is_under(Measure::Fallback) {
            self.sum_up(1).await?;
            return Ok(json!("summed up the notes on patient 1 by plain rules: the model is out of use"));
        }
        self.model()?.check(self.is_wrong()).map_err(Failure::broken)?;
        self.sum_up(1).await?;
        Ok(json!("summed up the golden texts as expected, and the notes on patient 1"))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/summaries/{patient}", get(summary)).with_state(self)
    }
}

async fn summary(State(service): State<Arc<AiAnalysis>>, Path(patient): Path<u32>) -> Result<Json<Value>, Failure> {
    service.context.settings()?;
    service.sum_up(patient).await.map(Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_that_is_shipped_passes_its_golden_texts_and_a_changed_one_does_not() {
        let text = include_str!("../../../assets/sandbox/model.json");
        let mut model: Model = serde_json::from_str(text).unwrap();
        assert_eq!(model.check(false), Ok(()));
        assert!(model.check(true).is_err(), "the golden texts tell answers that are wrong");
        model.weights.insert("ate".to_owned(), 100.0);
        assert!(model.check(false).is_err());
    }
}
