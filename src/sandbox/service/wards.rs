//! `checkin` and `handouts`: what the front desk and the wards use; both read charts from `patient-api`.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    context::Context,
    failure::Failure,
    run::Serve,
    settings::{Language, PageSize},
};

const VERSION: &str = "2.3.1";

/// Gives patients who arrive a number.
pub(super) struct Checkin {
    context: Arc<Context>,
    last: AtomicU32,
}

/// Prints what a patient takes home.
pub(super) struct Handouts {
    context: Arc<Context>,
}

async fn chart(context: &Context, patient: u32) -> Result<Value, Failure> {
    let answer = context.ask_as_self("patient-api", &format!("/patients/{patient}")).await?;
    match answer.status {
        StatusCode::OK => Ok(answer.json()),
        StatusCode::NOT_FOUND => Err(Failure::refused(StatusCode::NOT_FOUND, answer.error())),
        _ => Err(Failure::unavailable(format!("patient-api: {}", answer.error()))),
    }
}

impl Checkin {
    pub(super) fn new(context: Arc<Context>) -> Arc<Self> {
        Arc::new(Self { context, last: AtomicU32::new(0) })
    }
}

impl Serve for Checkin {
    fn version(&self) -> String {
        VERSION.to_owned()
    }

    async fn deep(&self) -> Result<Value, Failure> {
        chart(&self.context, 1).await?;
        Ok(json!("read the chart of patient 1 from patient-api"))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/checkin/{patient}", post(check_in)).with_state(self)
    }
}

async fn check_in(State(service): State<Arc<Checkin>>, Path(patient): Path<u32>) -> Result<Json<Value>, Failure> {
    service.context.settings()?;
    let chart = chart(&service.context, patient).await?;
    let number = service.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    Ok(Json(json!({ "patient": patient, "number": number, "chart": chart["chart"] })))
}

impl Handouts {
    pub(super) fn new(context: Arc<Context>) -> Arc<Self> {
        Arc::new(Self { context })
    }

    async fn print(&self, patient: u32) -> Result<Value, Failure> {
        let settings = self.context.settings()?;
        let chart = chart(&self.context, patient).await?;
        let heading = match settings.language {
            Language::En => "For you to take home",
            Language::De => "Zum Mitnehmen",
            Language::Es => "Para llevar a casa",
        };
        let columns = match settings.page_size {
            PageSize::A4 => 80,
            PageSize::A5 => 56,
            PageSize::Letter => 82,
        };
        let text = chart["chart"].as_str().unwrap_or_default();
        let mut lines = vec![heading.to_owned(), String::new(), String::new()];
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if line.is_empty() => word.clone_into(line),
                Some(line) if line.chars().count() + word.chars().count() < columns => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        Ok(json!({ "patient": patient, "lines": lines }))
    }
}

impl Serve for Handouts {
    fn version(&self) -> String {
        VERSION.to_owned()
    }

    async fn deep(&self) -> Result<Value, Failure> {
        self.print(1).await?;
        Ok(json!("printed a handout for patient 1"))
    }

    fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/handouts/{patient}", get(handout)).with_state(self)
    }
}

async fn handout(State(service): State<Arc<Handouts>>, Path(patient): Path<u32>) -> Result<Json<Value>, Failure> {
    service.print(patient).await.map(Json)
}
