//! `ai-analysis`: sums up a patient's notes with a small model that weighs words. The same notes give the same summary.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{super::files, call::Ask, context::Context, failure::Failure, run::Serve};

pub(super) struct AiAnalysis {
    context: Arc<Context>,
    model: RwLock<Result<Arc<Model>, String>>,
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
    /// The sentence that weighs most; of equals the first.
    fn summary(&self, text: &str) -> String {
        let mut best: Option<(f64, &str)> = None;
        for sentence in text.split('.').map(str::trim).filter(|sentence| !sentence.is_empty()) {
            let weight: f64 = sentence
                .split(|c: char| !c.is_alphanumeric())
                .filter_map(|word| self.weights.get(&word.to_lowercase()))
                .sum();
            if best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, sentence));
            }
        }
        best.map_or_else(|| "Nothing was noted.".to_owned(), |(_, sentence)| format!("{sentence}."))
    }

    fn check(&self) -> Result<(), String> {
        let wrong = self.golden.iter().find(|golden| self.summary(&golden.text) != golden.summary);
        match wrong {
            Some(golden) => Err(format!("model {} gives a wrong summary of {:?}", self.version, golden.text)),
            None if self.golden.is_empty() => Err(format!("model {} has no golden texts", self.version)),
            None => Ok(()),
        }
    }
}

impl AiAnalysis {
    pub(super) fn new(context: Arc<Context>) -> Arc<Self> {
        let service = Self { context, model: RwLock::new(Err("no model yet".to_owned())) };
        service.reload();
        Arc::new(service)
    }

    fn model(&self) -> Result<Arc<Model>, Failure> {
        self.model.read().unwrap_or_else(PoisonError::into_inner).clone().map_err(Failure::broken)
    }

    async fn sum_up(&self, patient: u32) -> Result<Value, Failure> {
        let model = self.model()?;
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
        Ok(json!({ "patient": patient, "summary": model.summary(&notes.join(". ")), "model": model.version }))
    }
}

impl Serve for AiAnalysis {
    fn version(&self) -> String {
        self.model().map_or_else(|_| "none".to_owned(), |model| model.version.clone())
    }

    fn reload(&self) {
        let loaded = files::read_json::<Model>(&self.context.layout.model().join("model.json"));
        let model = match loaded {
            Ok(Some(model)) => Ok(Arc::new(model)),
            Ok(None) => Err("the model file model.json is missing".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(problem) = &model {
            self.context.log.error(problem);
        }
        *self.model.write().unwrap_or_else(PoisonError::into_inner) = model;
    }

    async fn deep(&self) -> Result<Value, Failure> {
        self.model()?.check().map_err(Failure::broken)?;
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
        assert_eq!(model.check(), Ok(()));
        model.weights.insert("ate".to_owned(), 100.0);
        assert!(model.check().is_err());
    }
}
