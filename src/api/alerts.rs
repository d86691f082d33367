//! Alerts of monitoring systems, in the two ways they are sent: as Prometheus sends them to Alertmanager (`/api/v2/alerts`), so that
//! it and `amtool` take an engine for one, and as Alertmanager sends them on (webhook version 4).
//!
//! Formats: Alertmanager's `api/v2/openapi.yaml`, `template/template.go` and `docs/alerts_api.md`. What is not known is ignored, as
//! both have grown fields.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, TimeDelta, Utc};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{identity::Caller, problem::Problem, routes::Api};
use crate::{
    engine::{FiringAlert, ToldAlert},
    platform::Alert,
};

/// Bytes of a body at most: Prometheus sends 256 alerts at once.
const BODY: usize = 2 << 20;
/// How long an alert fires whose sender does not say until when, as Alertmanager has it (`resolve_timeout`).
const RESOLVED: TimeDelta = TimeDelta::minutes(5);
/// Bytes of a compiled expression of a filter at most.
const EXPRESSION: usize = 1 << 20;

pub(super) fn router() -> Router<Api> {
    let sized = DefaultBodyLimit::max(BODY);
    Router::new()
        .route("/api/v1/alerts", get(firing))
        .route("/api/v1/alertmanager", post(webhook).layer(sized))
        .route("/api/v2/alerts", get(stand_in_list).post(stand_in).layer(sized))
        .route("/api/v2/receivers", get(receivers))
        .route("/api/v2/silences", get(silences))
        .route("/api/v2/status", get(status))
}

/// One alert as it is sent, in either way.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

impl Sent {
    /// What it tells, where nobody said until when it fires; why it is no alert, else.
    fn told(self, unsaid: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<ToldAlert, String> {
        let labels: BTreeMap<_, _> = self.labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        if labels.is_empty() {
            return Err("at least one label pair required".to_owned());
        }
        // Go writes a time that is not set as the first day of the year 1.
        let set = |at: Option<DateTime<Utc>>| at.filter(|at| at.timestamp() > 0);
        let ends_at = set(self.ends_at);
        let starts_at = set(self.starts_at).or(ends_at).unwrap_or(now);
        if ends_at.is_some_and(|ends| ends < starts_at) {
            return Err("start time must be before end time".to_owned());
        }
        let ends_at = ends_at.or(unsaid);
        Ok(ToldAlert { labels, annotations: self.annotations, starts_at, ends_at, generator_url: self.generator_url })
    }
}

/// The alerts that fire, with who waits for them.
async fn firing(State(api): State<Api>, _caller: Caller) -> Json<Vec<FiringAlert>> {
    Json(api.engine.firing_alerts())
}

/// What Alertmanager sends to a webhook.
#[derive(Deserialize)]
struct Webhook {
    version: String,
    alerts: Vec<Sent>,
}

async fn webhook(State(api): State<Api>, caller: Caller, request: Bytes) -> Result<Json<Value>, Problem> {
    caller.may_report()?;
    let wrong = |error: String| {
        Problem::bad_request(error)
            .hint("a webhook of Alertmanager, version 4; what Prometheus sends goes to /api/v2/alerts")
    };
    let Webhook { version, alerts } = serde_json::from_slice(&request).map_err(|error| wrong(error.to_string()))?;
    if version != "4" {
        return Err(wrong(format!("this is version {version:?} of the webhook")));
    }
    let now = api.engine.now();
    // Each fires until Alertmanager says that it has ended, however long it is silent.
    let told: Vec<_> = alerts.into_iter().map(|sent| sent.told(None, now)).collect::<Result<_, _>>().map_err(wrong)?;
    let sent = told.len();
    let taken = api.engine.take_alerts(told).await?;
    room(sent, taken)?;
    Ok(Json(json!({"taken": taken})))
}

/// An error of Alertmanager is a text, and what is right of a request counts all the same.
async fn stand_in(State(api): State<Api>, caller: Caller, request: Bytes) -> Result<Response, Problem> {
    caller.may_report()?;
    let refused = |why: String| (StatusCode::BAD_REQUEST, Json(why)).into_response();
    let sent: Vec<Sent> = match serde_json::from_slice(&request) {
        Ok(sent) => sent,
        Err(error) => return Ok(refused(error.to_string())),
    };
    let now = api.engine.now();
    let (told, wrong): (Vec<_>, Vec<_>) =
        sent.into_iter().map(|sent| sent.told(Some(now + RESOLVED), now)).partition(Result::is_ok);
    let told: Vec<_> = told.into_iter().flatten().collect();
    let sent = told.len();
    let taken = api.engine.take_alerts(told).await?;
    room(sent, taken)?;
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    Ok(if wrong.is_empty() { Json(json!({})).into_response() } else { refused(wrong.join("; ")) })
}

fn room(sent: usize, taken: usize) -> Result<(), Problem> {
    if taken == sent {
        return Ok(());
    }
    let message = format!("{} of {sent} alerts were left out: so many fire already", sent - taken);
    Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-alerts", message).again_in(60))
}

/// A condition on a label, such as `service=~"pat.*"`.
struct Matcher {
    label: String,
    value: Wanted,
    is: bool,
}

enum Wanted {
    Text(String),
    Pattern(Regex),
}

impl Matcher {
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("bad matcher format: {text}");
        let (at, sign) = ["=~", "!~", "!=", "="]
            .into_iter()
            .filter_map(|sign| text.find(sign).map(|at| (at, sign)))
            .min_by_key(|(at, sign)| (*at, std::cmp::Reverse(sign.len())))
            .ok_or_else(wrong)?;
        let (label, value) = (text[..at].trim().trim_matches('"'), text[at + sign.len()..].trim());
        if label.is_empty() {
            return Err(wrong());
        }
        let value = match value.strip_prefix('"') {
            None => value.to_owned(),
            Some(_) => serde_json::from_str(value).map_err(|_| wrong())?,
        };
        let value = if sign.ends_with('~') {
            let whole = RegexBuilder::new(&format!("^(?:{value})$")).size_limit(EXPRESSION).build();
            Wanted::Pattern(whole.map_err(|error| error.to_string())?)
        } else {
            Wanted::Text(value)
        };
        Ok(Self { label: label.to_owned(), value, is: !sign.starts_with('!') })
    }

    fn fits(&self, alert: &Alert) -> bool {
        let found = alert.label(&self.label);
        let fits = match &self.value {
            Wanted::Text(text) => found == text,
            Wanted::Pattern(pattern) => pattern.is_match(found),
        };
        fits == self.is
    }
}

/// The alerts as Alertmanager lists them. All that fires is active: what is planned is silent here by maintenance, which an alert
/// does not know about.
async fn stand_in_list(
    State(api): State<Api>,
    _caller: Caller,
    Query(asked): Query<Vec<(String, String)>>,
) -> Result<Json<Vec<Value>>, Response> {
    let refused = |why: String| (StatusCode::BAD_REQUEST, Json(why)).into_response();
    let mut matchers = Vec::new();
    let mut active = true;
    for (name, value) in &asked {
        match (name.as_str(), value.as_str()) {
            ("filter", text) => matchers.push(Matcher::read(text).map_err(refused)?),
            ("active", "false") => active = false,
            _ => {}
        }
    }
    let firing = if active { api.engine.firing_alerts() } else { Vec::new() };
    let wanted = firing.into_iter().filter(|firing| matchers.iter().all(|matcher| matcher.fits(&firing.alert)));
    Ok(Json(wanted.map(|firing| listed(&firing.alert)).collect()))
}

fn listed(alert: &Alert) -> Value {
    json!({
        "annotations": alert.annotations,
        "endsAt": alert.ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC.min(alert.updated_at + TimeDelta::days(365))),
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": RECEIVER}],
        "startsAt": alert.starts_at,
        "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"},
        "updatedAt": alert.updated_at,
        "generatorURL": alert.generator_url,
        "labels": alert.labels,
    })
}

/// The one receiver of all alerts.
const RECEIVER: &str = "codeblue";

async fn receivers(_caller: Caller) -> Json<Value> {
    Json(json!([{"name": RECEIVER}]))
}

/// None: what is planned is silent here by maintenance.
async fn silences(_caller: Caller) -> Json<Value> {
    Json(json!([]))
}

async fn status(State(api): State<Api>, _caller: Caller) -> Json<Value> {
    let state = api.engine.state();
    Json(json!({
        "cluster": {"status": "disabled", "peers": []},
        "versionInfo": {
            "version": env!("CARGO_PKG_VERSION"), "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
        },
        "config": {"original": ""},
        "uptime": state.engine.started_at,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_are_read_as_amtool_writes_them() {
        let alert = Alert {
            labels: [("alertname", "Errors"), ("service", "patient-api")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            fingerprint: String::new(),
            annotations: BTreeMap::new(),
            starts_at: DateTime::UNIX_EPOCH,
            ends_at: None,
            updated_at: DateTime::UNIX_EPOCH,
            generator_url: String::new(),
        };
        let fits = |text: &str| Matcher::read(text).map(|matcher| matcher.fits(&alert));
        for yes in
            ["alertname=Errors", "alertname=\"Errors\"", "service=~\"patient-.*\"", "service!=auth", "none=", "a!~x=y"]
        {
            assert_eq!(fits(yes), Ok(true), "{yes}");
        }
        for no in ["alertname!=\"Errors\"", "service=~\"patient\"", "service!~patient.*"] {
            assert_eq!(fits(no), Ok(false), "{no}");
        }
        for wrong in ["Errors", "=x", "a=~(", "a=\"x"] {
            assert!(fits(wrong).is_err(), "{wrong}");
        }
    }
}
