//! A whole outage on a real engine: a bad release is seen, diagnosed, rolled back by an approved change, and proved.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::get};
use codeblue::{
    domain::{
        Actor, ChangeState, Command, IncidentState, RecoveryOutcome, RollbackRequest, Scope, SnapshotState,
        SnapshotTrigger, State, Status, StepState,
    },
    engine::{DryRunRequest, Engine, EngineHandle, Home, SubmitError, SystemClock},
    store::verify_file,
};

/// A service whose code is a release directory: it is well when the file `works` is in it.
async fn service(root: PathBuf) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let health = get(move || async move {
        if root.join("current/works").exists() {
            (StatusCode::OK, "{\"status\":\"ok\"}")
        } else {
            (StatusCode::INTERNAL_SERVER_ERROR, "missing column dose_unit")
        }
    });
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/health", health)).await });
    address
}

fn release(root: &Path, version: &str, works: bool) {
    let folder = root.join("releases").join(version);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("version"), version).unwrap();
    if works {
        std::fs::write(folder.join("works"), "yes").unwrap();
    }
}

pub fn switch(root: &Path, version: &str) {
    let next = root.join("next");
    std::os::unix::fs::symlink(format!("releases/{version}"), &next).unwrap();
    std::fs::rename(next, root.join("current")).unwrap();
}

pub struct Platform {
    pub folder: tempfile::TempDir,
    pub root: PathBuf,
    pub home: Home,
}

impl Platform {
    pub async fn new(criticality: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("srv");
        release(&root, "v40", true);
        release(&root, "v41", false);
        switch(&root, "v40");
        let address = service(root.clone()).await;
        let home = folder.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        let database = folder.path().join("records.db");
        rusqlite::Connection::open(&database)
            .unwrap()
            .execute_batch(
                "CREATE TABLE patient (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO patient VALUES (1, 'A')",
            )
            .unwrap();
        std::fs::write(
            home.join("codeblue.toml"),
            format!(
                r#"
[platform]
name = "Test"
profile = "drill"
[automation]
mode = "assist"
[[service]]
name = "patient-api"
criticality = "{criticality}"
[[service.check]]
level = "shallow"
http = {{ url = "http://{address}/health" }}
every = "100ms"
within = "2s"
failures = 2
successes = 2
[[component]]
name = "patient-api-code"
service = "patient-api"
kind = "code"
every = "1h"
release = {{ root = "{root}" }}
[[component]]
name = "records"
service = "patient-api"
kind = "database"
every = "1h"
sqlite = {{ path = "{database}" }}
[[operator]]
name = "alice"
roles = ["technical-lead"]
[[operator]]
name = "carol"
roles = ["cto"]
[[operator]]
name = "erin"
roles = ["engineer"]
"#,
                root = root.display(),
                database = database.display(),
            ),
        )
        .unwrap();
        Self { home: Home::at(&home), folder, root }
    }

    pub async fn engine(&self) -> Engine {
        Engine::start(&self.home, Arc::new(SystemClock)).await.unwrap()
    }

    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("records.db")).unwrap()
    }
}

/// Waits until the state is as wished, on events, for a minute at most.
pub async fn until(engine: &EngineHandle, what: &str, wished: impl Fn(&State) -> bool) -> Arc<State> {
    let mut events = engine.subscribe();
    let wait = async {
        loop {
            let state = engine.state();
            if wished(&state) {
                return state;
            }
            let _ = events.recv().await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(60), wait).await {
        Ok(state) => state,
        Err(_) => panic!("never happened: {what}; {:#?}", engine.state().incidents),
    }
}

pub fn person(name: &str) -> Actor {
    Actor::Operator(name.to_owned())
}

fn is(state: &State, status: Status) -> bool {
    state.services.get("patient-api").is_some_and(|health| health.status == status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_release_is_seen_diagnosed_rolled_back_and_proved() {
    let platform = Platform::new("critical").await;
    let engine = platform.engine().await;
    let handle = engine.handle();
    until(&handle, "healthy, v40 known, first snapshot", |state| {
        is(state, Status::Healthy)
            && state.live_version("patient-api-code") == Some("v40")
            && state.snapshots.values().any(|snapshot| snapshot.state == SnapshotState::Complete)
    })
    .await;

    switch(&platform.root, "v41");
    let state = until(&handle, "a change waits", |state| !state.pending_changes().is_empty()).await;
    let incident = state.open_incidents().next().unwrap().clone();
    let change = state.pending_changes()[0].clone();
    assert_eq!(change.incident, Some(incident.id));
    assert_eq!(incident.root.as_deref(), Some("patient-api"));
    assert!(change.title.contains("v41 → v40"), "{}", change.title);

    // An engineer's yes does not count for an emergency, and a hash of another plan counts for nobody.
    let approve = |hash: &str| Command::approve(change.id, hash.to_owned(), String::new());
    let refused = handle.submit(approve(&change.plan_hash), person("erin")).await;
    assert!(matches!(refused, Err(SubmitError::Refused(refusal)) if refusal.rule == "role-needed"));
    let refused = handle.submit(approve("0123456789abcdef"), person("alice")).await;
    assert!(matches!(refused, Err(SubmitError::Refused(refusal)) if refusal.rule == "plan-changed"));

    let dry = handle.dry_run(DryRunRequest::Change { change: change.id }, &person("alice")).await.unwrap();
    assert_eq!(dry.components[0].total, 2, "the version file changes and `works` appears: {dry:?}");

    handle.submit(approve(&change.plan_hash), person("alice")).await.unwrap();
    let state =
        until(&handle, "resolved", |state| state.incidents[&incident.id].state == IncidentState::Resolved).await;
    assert_eq!(std::fs::read_to_string(platform.root.join("current/version")).unwrap(), "v40");
    assert_eq!(state.changes[&change.id].state, ChangeState::Validated);
    let recovery = state.recoveries.values().next().unwrap();
    assert!(recovery.steps.iter().all(|step| step.state == StepState::Done));
    assert!(recovery.safety_snapshot.is_some(), "every rollback is preceded by a safety snapshot");
    assert_eq!(state.live_version("patient-api-code"), Some("v40"));

    drop(handle);
    engine.stop("test").await;
    let verification = verify_file(&platform.home.journal()).unwrap();
    assert!(verification.ok, "{verification:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_goes_back_to_its_snapshot_and_the_rollback_can_be_undone() {
    let platform = Platform::new("low").await;
    let engine = platform.engine().await;
    let handle = engine.handle();
    until(&handle, "healthy and captured", |state| {
        is(state, Status::Healthy) && state.snapshots.values().any(|snapshot| snapshot.state == SnapshotState::Complete)
    })
    .await;
    let good = Command::RequestSnapshot {
        components: vec!["records".to_owned()],
        trigger: SnapshotTrigger::OnDemand,
        reason: "test".to_owned(),
    };
    handle.submit(good, person("erin")).await.unwrap();
    until(&handle, "second snapshot", |state| {
        state.last_good_snapshot("records", None).is_some_and(|snapshot| snapshot.trigger == SnapshotTrigger::OnDemand)
    })
    .await;
    platform.database().execute("UPDATE patient SET name = 'B'", []).unwrap();
    let name = |platform: &Platform| -> String {
        platform.database().query_row("SELECT name FROM patient", [], |row| row.get(0)).unwrap()
    };

    let rollback = Command::RequestRollback(RollbackRequest {
        scope: Scope::Components(vec!["records".to_owned()]),
        to: None,
        reason: "wrong name".to_owned(),
        incident: None,
    });
    handle.submit(rollback, person("erin")).await.unwrap();
    let state =
        until(&handle, "rolled back", |state| state.recoveries.values().any(|recovery| recovery.ended.is_some())).await;
    let recovery = state.recoveries.values().next().unwrap();
    assert_eq!(recovery.ended.map(|(_, outcome)| outcome), Some(RecoveryOutcome::Succeeded), "{recovery:#?}");
    assert_eq!(name(&platform), "A");

    let undo = Command::UndoRecovery { recovery: recovery.id, reason: "B was right".to_owned() };
    handle.submit(undo, person("erin")).await.unwrap();
    until(&handle, "undone", |state| state.recoveries.values().filter(|r| r.ended.is_some()).count() == 2).await;
    assert_eq!(name(&platform), "B");
    drop(handle);
    engine.stop("test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_forgets_nothing_and_a_second_engine_is_refused() {
    let platform = Platform::new("high").await;
    let engine = platform.engine().await;
    let handle = engine.handle();
    let second = Engine::start(&platform.home, Arc::new(SystemClock)).await;
    assert!(second.is_err_and(|error| error.to_string().contains("another engine")));
    let declare = Command::DeclareIncident {
        severity: codeblue::domain::Severity::Sev2,
        title: "fax machine on fire".to_owned(),
        services: Vec::new(),
    };
    handle.submit(declare, person("alice")).await.unwrap();
    drop(handle);
    engine.stop("test").await;

    let engine = platform.engine().await;
    let state = engine.handle().state();
    let incident = state.incidents.values().next().unwrap();
    assert_eq!((incident.title.as_str(), incident.state), ("fax machine on fire", IncidentState::Acknowledged));
    assert!(state.operators.contains_key("alice"));
    engine.stop("test").await;
}
