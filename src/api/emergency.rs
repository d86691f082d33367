//! The routes under `/api/emergency`, whose shapes scripts and monitoring rely on.

use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    identity::Caller,
    problem::Problem,
    routes::{Api, body, snapshot_id},
};
use crate::{
    domain::{
        Command, Event, Incident, RollbackRequest, RollbackTarget, Scope, Snapshot, SnapshotState, SnapshotTrigger,
        State as DomainState, Status, affected,
    },
    engine::{DryRunRequest, EngineHandle},
};

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/api/emergency/status", get(status))
        .route("/api/emergency/health", get(health))
        .route("/api/emergency/incidents", get(incidents))
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
        "backups": {
            "available": kept.len(),
            "lastBackup": kept.last().map(|snapshot| snapshot.requested_at),
            "totalSize": kept.last().map_or(0, |snapshot| snapshot.total_bytes),
        },
        "health": {
            "overall": overall(&state),
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

fn overall(state: &DomainState) -> Status {
    state
        .services
        .values()
        .map(|health| health.status)
        .filter(|status| *status != Status::Maintenance)
        .max()
        .unwrap_or_default()
}

async fn health(State(api): State<Api>, _caller: Caller) -> Json<Value> {
    let state = api.engine.state();
    let vitals = api.engine.vitals();
    let now = api.engine.now();
    let affected = affected(&state);
    let services: Vec<Value> = state
        .platform
        .services
        .iter()
        .map(|service| {
            let health = state.services.get(&service.name).cloned().unwrap_or_default();
            let figures = vitals.services.get(&service.name);
            let silence = figures.and_then(|figures| figures.silence(&state.platform, &service.name, now));
            json!({
                "service": service.name,
                "status": if silence.is_some() { Status::Unknown } else { health.status },
                "since": health.since,
                "reason": health.reason,
                "affectedBy": affected.get(&service.name),
                "lastSeen": figures.and_then(crate::domain::ServiceVitals::last_seen),
                "p95Seconds": figures.and_then(crate::domain::ServiceVitals::p95).map(|p95| p95.as_secs_f64()),
                "errorRate": figures.and_then(crate::domain::ServiceVitals::error_rate),
            })
        })
        .collect();
    Json(json!({"overall": overall(&state), "services": services}))
}

async fn incidents(State(api): State<Api>, _caller: Caller) -> Json<Vec<Value>> {
    let now = api.engine.now();
    Json(api.engine.state().incidents.values().rev().map(|found| incident(found, now)).collect())
}

/// An incident with the fields the contract promises beside its own.
fn incident(incident: &Incident, now: DateTime<Utc>) -> Value {
    let mut value = serde_json::to_value(incident).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("timestamp".to_owned(), json!(incident.detected_at));
        fields.insert(
            "classification".to_owned(),
            json!({"severity": incident.severity, "type": "outage", "impact": incident.services}),
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

async fn backups(State(api): State<Api>, _caller: Caller) -> Json<Vec<Snapshot>> {
    Json(api.engine.state().snapshots.values().rev().cloned().collect())
}

async fn backup(State(api): State<Api>, _caller: Caller, Path(id): Path<String>) -> Result<Json<Snapshot>, Problem> {
    Ok(Json(api.engine.state().snapshot(snapshot_id(&id)?)?.clone()))
}

#[derive(Deserialize)]
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
    request: Result<Json<Create>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Create { components, reason } = body(request)?;
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
                let snapshot = state.snapshot(id)?;
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
