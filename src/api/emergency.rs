//! The routes under `/api/emergency`, whose shapes scripts and monitoring rely on.

use axum::{
    Json, Router,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::Uri,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    identity::Caller,
    lists::{self, Between, Page},
    problem::Problem,
    routes::{Api, body, optional_body, query, snapshot_id},
};
use crate::{
    domain::{
        BadId, Command, Event, Incident, IncidentId, IncidentState, RollbackRequest, RollbackTarget, Scope, Severity,
        Snapshot, SnapshotId, SnapshotState, SnapshotTrigger, State as DomainState, Status, Window, affected, metrics,
    },
    engine::{DryRunRequest, EngineHandle},
};

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/api/emergency/status", get(status))
        .route("/api/emergency/health", get(health))
        .route("/api/emergency/incidents", get(incidents))
        .route("/api/emergency/incidents/{id}", get(one_incident))
        .route("/api/emergency/metrics", get(figures))
        .route("/api/emergency/backups", get(backups))
        .route("/api/emergency/backups/create", post(create))
        .route("/api/emergency/backups/test-rollback", post(test_rollback))
        .route("/api/emergency/backups/{id}", get(backup))
        .route("/api/emergency/rollback", post(rollback))
}

async fn status(State(api): State<Api>, _caller: Caller) -> Result<Json<Value>, Problem> {
    let mut page = overview(&api.engine);
    page["evidence"] = json!(api.engine.evidence().await?);
    Ok(Json(page))
}

/// The state of everything on one page.
fn overview(engine: &EngineHandle) -> Value {
    let state = engine.state();
    let kept: Vec<&Snapshot> = state.snapshots.values().filter(|snapshot| !snapshot.captured.is_empty()).collect();
    let uptime = state.engine.started_at.map(|at| (engine.now() - at).num_seconds());
    json!({
        "systemState": state.system_state(),
        "activeIncidents": state.open_incidents().count(),
        "circuitBreakers": state.breaker_figures(),
        "backups": {
            "available": kept.len(),
            "lastBackup": kept.last().map(|snapshot| snapshot.requested_at),
            "totalSize": kept.last().map_or(0, |snapshot| snapshot.total_bytes),
        },
        "health": {
            "overall": overall(&statuses(engine)),
            "memoryUsage": memory_used(),
            "uptimeSeconds": uptime,
        },
        "checks": engine.pace(),
        "logs": engine.log_figures(),
    })
}

/// Memory of this host in use, in percent, when it can be measured.
fn memory_used() -> Option<f64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let percent = system.used_memory() as f64 * 100.0 / system.total_memory().max(1) as f64;
    Some((percent * 10.0).round() / 10.0)
}

/// What is known of each service now.
fn statuses(engine: &EngineHandle) -> Vec<(String, Status)> {
    let (state, vitals, now) = (engine.state(), engine.vitals(), engine.now());
    let held = |name: &str| state.services.get(name).map(|health| health.status).unwrap_or_default();
    let services = state.platform.services.iter();
    services.map(|service| (service.name.clone(), vitals.status_now(service, held(&service.name), now))).collect()
}

fn overall(statuses: &[(String, Status)]) -> Status {
    Status::overall(statuses.iter().map(|(_, status)| *status))
}

async fn health(State(api): State<Api>, _caller: Caller) -> Json<Value> {
    let state = api.engine.state();
    let vitals = api.engine.vitals();
    let affected = affected(&state);
    let statuses = statuses(&api.engine);
    let services: Vec<Value> = statuses
        .iter()
        .map(|(name, status)| {
            let health = state.services.get(name).cloned().unwrap_or_default();
            let figures = vitals.services.get(name);
            json!({
                "service": name,
                "status": status,
                "since": health.since,
                "reason": health.reason,
                "affectedBy": affected.get(name),
                "lastSeen": figures.and_then(crate::domain::ServiceVitals::last_seen),
                "p95Seconds": figures.and_then(crate::domain::ServiceVitals::p95).map(|p95| p95.as_secs_f64()),
                "errorRate": figures.and_then(crate::domain::ServiceVitals::error_rate),
            })
        })
        .collect();
    Json(json!({"overall": overall(&statuses), "services": services}))
}

/// Which incidents are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Incidents {
    state: Option<Standing>,
    severity: Option<Severity>,
    service: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    after: Option<IncidentId>,
}

/// A state of incidents, or all in which users may still suffer.
#[derive(Deserialize)]
#[serde(untagged)]
enum Standing {
    One(IncidentState),
    All(AllOpen),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AllOpen {
    Open,
}

async fn incidents(
    State(api): State<Api>,
    _caller: Caller,
    uri: Uri,
    asked: Result<Query<Incidents>, QueryRejection>,
) -> Result<Page<Value>, Problem> {
    let asked = query(asked)?;
    let (state, now) = (api.engine.state(), api.engine.now());
    let between = Between::read(asked.since.as_deref(), asked.until.as_deref(), now)?;
    let wanted = |found: &&Incident| {
        let stands = match &asked.state {
            None => true,
            Some(Standing::One(state)) => found.state == *state,
            Some(Standing::All(AllOpen::Open)) => found.state.is_open(),
        };
        stands
            && asked.severity.is_none_or(|severity| found.severity == severity)
            && asked.service.as_ref().is_none_or(|service| found.services.contains(service))
            && asked.after.is_none_or(|after| found.id < after)
            && between.holds(found.detected_at)
    };
    let found = state.incidents.values().rev().filter(wanted).map(|found| (found.id, incident(found, now)));
    Ok(Page::of(found, lists::limit(asked.limit)?, &uri))
}

async fn one_incident(State(api): State<Api>, _caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let id = id.parse().map_err(|error: BadId| Problem::bad_request(error.to_string()))?;
    let state = api.engine.state();
    let found = state.incident(id).map_err(|unknown| Problem::unknown(unknown, "/api/emergency/incidents"))?;
    Ok(Json(incident(found, api.engine.now())))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Over {
    #[serde(default)]
    time_range: Window,
}

/// How incidents went and how services were over a time.
async fn figures(
    State(api): State<Api>,
    _caller: Caller,
    asked: Result<Query<Over>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Over { time_range } = query(asked)?;
    let (state, now) = (api.engine.state(), api.engine.now());
    let mut services = Vec::new();
    for service in &state.platform.services {
        let over = api.engine.uptime(service.name.clone(), time_range, 1).await?;
        services.push(json!({
            "service": service.name,
            "uptime": over.whole.uptime,
            "downSeconds": over.whole.standing.down.as_secs_f64(),
            "outages": over.whole.standing.outages,
            "errorRate": over.whole.readings.error_rate,
            "p95Seconds": over.whole.readings.latency.map(|latency| latency.p95.as_secs_f64()),
        }));
    }
    Ok(Json(json!({
        "timeRange": time_range.name(),
        "incidents": metrics(&state, time_range.length(), now),
        "services": services,
    })))
}

/// An incident with the fields the contract promises beside its own.
fn incident(incident: &Incident, now: DateTime<Utc>) -> Value {
    let mut value = serde_json::to_value(incident).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("timestamp".to_owned(), json!(incident.detected_at));
        fields.insert(
            "classification".to_owned(),
            json!({"severity": incident.severity, "type": incident.workflow, "impact": incident.services}),
        );
        fields.insert("status".to_owned(), json!(incident.state));
        fields.insert("fastTrackCriteria".to_owned(), json!(incident.fast_track_criteria()));
        fields.insert("milestones".to_owned(), json!(incident.milestones(now)));
        let seconds = incident.resolved_at.map(|at| (at - incident.detected_at).as_seconds_f64());
        let actions: Vec<&str> = incident.timeline.iter().map(|entry| entry.text.as_str()).collect();
        fields.insert(
            "response".to_owned(),
            json!({"protocol": format!("{} response", incident.severity), "actions": actions, "recoverySeconds": seconds}),
        );
    }
    value
}

/// Which snapshots are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Backups {
    state: Option<Taken>,
    component: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    after: Option<SnapshotId>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Taken {
    Running,
    Complete,
    Partial,
    Failed,
}

async fn backups(
    State(api): State<Api>,
    _caller: Caller,
    uri: Uri,
    asked: Result<Query<Backups>, QueryRejection>,
) -> Result<Page<Snapshot>, Problem> {
    let asked = query(asked)?;
    let between = Between::read(asked.since.as_deref(), asked.until.as_deref(), api.engine.now())?;
    let wanted = |found: &&Snapshot| {
        let taken = match found.state {
            SnapshotState::Running => Taken::Running,
            SnapshotState::Complete => Taken::Complete,
            SnapshotState::Partial => Taken::Partial,
            SnapshotState::Failed(_) => Taken::Failed,
        };
        asked.state.is_none_or(|state| state == taken)
            && asked.component.as_ref().is_none_or(|component| found.captured(component).is_some())
            && asked.after.is_none_or(|after| found.id < after)
            && between.holds(found.requested_at)
    };
    let state = api.engine.state();
    let found = state.snapshots.values().rev().filter(wanted).map(|found| (found.id, found.clone()));
    Ok(Page::of(found, lists::limit(asked.limit)?, &uri))
}

async fn backup(State(api): State<Api>, _caller: Caller, Path(id): Path<String>) -> Result<Json<Snapshot>, Problem> {
    Ok(Json(taken(&api.engine.state(), snapshot_id(&id)?)?.clone()))
}

fn taken(state: &DomainState, id: SnapshotId) -> Result<&Snapshot, Problem> {
    state.snapshot(id).map_err(|unknown| Problem::unknown(unknown, "/api/emergency/backups"))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    #[serde(default)]
    components: Vec<String>,
    #[serde(default)]
    reason: Option<String>,
}

async fn create(
    State(api): State<Api>,
    caller: Caller,
    request: Result<Option<Json<Create>>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Create { components, reason } = optional_body(request)?;
    let command = Command::RequestSnapshot {
        components,
        trigger: SnapshotTrigger::OnDemand,
        reason: reason.unwrap_or_else(|| "asked for over the API".to_owned()),
    };
    let answer = caller.submit(&api, command).await?;
    let id = answer.events.iter().find_map(|recorded| match &recorded.event {
        Event::SnapshotRequested { snapshot, .. } => Some(*snapshot),
        _ => None,
    });
    Ok(Json(json!({"backupId": id})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Back {
    backup_id: Option<String>,
    #[serde(default)]
    components: Vec<String>,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    everything: bool,
    reason: Option<String>,
    #[serde(default)]
    confirm: bool,
}

impl Back {
    fn request(&self, state: &DomainState) -> Result<RollbackRequest, Problem> {
        let to = self.backup_id.as_deref().map(snapshot_id).transpose()?;
        let named = (self.everything, self.services.is_empty(), self.components.is_empty());
        let scope = match (named, to) {
            ((true, true, true), _) => Scope::Everything,
            ((false, false, true), _) => Scope::Services(self.services.clone()),
            ((false, true, false), _) => Scope::Components(self.components.clone()),
            ((false, true, true), Some(id)) => {
                let snapshot = taken(state, id)?;
                if snapshot.state == SnapshotState::Running {
                    return Err(Problem::bad_request(format!("{id} is still being taken")));
                }
                Scope::Components(snapshot.captured.iter().map(|captured| captured.component.clone()).collect())
            }
            _ => {
                return Err(Problem::bad_request("name what to roll back")
                    .hint("exactly one of backupId, services, components, everything"));
            }
        };
        Ok(RollbackRequest {
            scope,
            to: to.map(RollbackTarget::Snapshot),
            reason: self.reason.clone().unwrap_or_else(|| "asked for over the API".to_owned()),
            incident: None,
        })
    }
}

async fn test_rollback(
    State(api): State<Api>,
    caller: Caller,
    request: Result<Json<Back>, JsonRejection>,
) -> Result<Json<crate::engine::DryRun>, Problem> {
    caller.may_look()?;
    let request = body(request)?.request(&api.engine.state())?;
    Ok(Json(api.engine.dry_run(DryRunRequest::Rollback(request), &caller.actor()).await?))
}

async fn rollback(
    State(api): State<Api>,
    caller: Caller,
    request: Result<Json<Back>, JsonRejection>,
) -> Result<Json<crate::engine::Answer>, Problem> {
    let back = body(request)?;
    if !back.confirm {
        return Err(Problem::bad_request("a rollback wants \"confirm\": true")
            .hint("look first: POST /api/emergency/backups/test-rollback with the same body"));
    }
    let request = back.request(&api.engine.state())?;
    Ok(Json(caller.submit(&api, Command::RequestRollback(request)).await?))
}
