//! An engine beside a real PostgreSQL: what the stories in `tests/it` cannot start for themselves.

use std::{fs, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{DryRunRequest, Engine, EngineHandle, Home, SystemClock};
use crate::{
    domain::{
        Actor, Command, Event, Phase, RecoveryOutcome, RollbackRequest, RollbackTarget, Scope, State, Status, Step,
        StepState,
    },
    recovery::tests::postgres::Server,
};

fn home_of(server: &Server) -> Home {
    let home = server.room.path("home");
    fs::create_dir_all(&home).unwrap();
    let platform = format!(
        r#"
[platform]
name = "Ward"
profile = "drill"
[automation]
mode = "observe"
[[service]]
name = "records-db"
criticality = "low"
[[service.check]]
level = "shallow"
command = "{bin}/pg_isready -q -h {socket}"
every = "200ms"
failures = 2
successes = 2
[[component]]
name = "records"
service = "records-db"
kind = "database"
every = "1h"
rpo = "10s"
[component.postgres]
data = "{data}"
wal = "{received}"
host = "{socket}"
[[operator]]
name = "erin"
roles = ["engineer"]
"#,
        bin = server.bin.display(),
        socket = server.room.path("pg/socket").display(),
        data = server.data().display(),
        received = server.room.path("pg/received").display(),
    );
    fs::write(home.join("codeblue.toml"), platform).unwrap();
    Home::at(&home)
}

async fn until(engine: &EngineHandle, what: &str, wished: impl Fn(&State) -> bool) -> Arc<State> {
    let mut events = engine.subscribe();
    let wait = async {
        while !wished(&engine.state()) {
            let _ = events.recv().await;
        }
        engine.state()
    };
    match tokio::time::timeout(Duration::from_secs(60), wait).await {
        Ok(state) => state,
        Err(_) => panic!("never happened: {what}; {:#?} {:#?}", engine.state().streams, engine.state().recoveries),
    }
}

async fn until_received(engine: &EngineHandle, at: DateTime<Utc>) {
    let covered = async {
        while engine.followed().get("records").and_then(|followed| followed.covered_to).is_none_or(|to| to < at) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), covered).await.expect("the log is received");
}

fn back_to(at: DateTime<Utc>) -> RollbackRequest {
    RollbackRequest {
        scope: Scope::Components(vec!["records".to_owned()]),
        to: Some(RollbackTarget::Time(at)),
        reason: "a table was dropped".to_owned(),
        incident: None,
    }
}

fn is_received(state: &State) -> bool {
    state.streams.get("records").is_some_and(|stream| stream.problem.is_none())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_goes_back_to_the_second_before_a_table_was_dropped() {
    let server = Server::start("max_slot_wal_keep_size = 256MB");
    server.ask("create table patient (id int primary key); insert into patient select generate_series(1, 40)");
    let engine = Engine::start(&home_of(&server), Arc::new(SystemClock)).await.unwrap();
    let handle = engine.handle();
    until(&handle, "healthy, captured, its log received", |state| {
        state.services["records-db"].status == Status::Healthy
            && state.last_good_snapshot("records", None).is_some()
            && is_received(state)
    })
    .await;

    server.ask("insert into patient values (41)");
    let before = server.now();
    server.ask("insert into patient values (42)");
    server.ask("drop table patient");
    until_received(&handle, server.now()).await;

    let erin = Actor::Operator("erin".to_owned());
    let early = before - TimeDelta::hours(1);
    let refused = handle.submit(Command::RequestRollback(back_to(early)), erin.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("no good state of records is known from"), "{refused}");
    assert!(refused.to_string().contains("the oldest is from"), "{refused}");
    let dry = handle.dry_run(DryRunRequest::Rollback(back_to(before)), &erin).await.unwrap();
    assert!(dry.required.is_empty(), "what is not critical goes back at once");
    assert_eq!(server.ask("select to_regclass('patient') is null"), "t", "a dry run changes nothing");

    handle.submit(Command::RequestRollback(back_to(before)), erin).await.unwrap();
    let state = until(&handle, "it went back and was proved", |state| {
        let first = state.recoveries.values().next();
        first.is_some_and(|recovery| recovery.validations.iter().any(|one| one.phase == Phase::Comprehensive))
    })
    .await;
    let recovery = state.recoveries.values().next().unwrap();
    assert_eq!(recovery.ended.unwrap().1, RecoveryOutcome::Succeeded, "{}", recovery.summary);
    assert_eq!(*recovery.plan, dry.plan, "what was shown is what ran");
    let steps = recovery.plan.steps.iter().zip(&recovery.steps);
    let (_, run) = steps.into_iter().find(|(step, _)| matches!(step, Step::RestoreTime { .. })).unwrap();
    assert_eq!(run.state, StepState::Done);
    assert_eq!(server.ask("select count(*), max(id) from patient"), "41|41");

    // and its log goes on being received on the timeline that began
    server.ask("insert into patient values (43)");
    until_received(&handle, server.now()).await;
    engine.stop("test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_received_any_more_is_recorded_and_so_is_its_return() {
    let server = Server::start("max_slot_wal_keep_size = 256MB");
    let engine = Engine::start(&home_of(&server), Arc::new(SystemClock)).await.unwrap();
    let handle = engine.handle();
    until(&handle, "its log is received", is_received).await;
    server.kill();
    let state = until(&handle, "the loss is seen", |state| !is_received(state)).await;
    let problem = state.streams["records"].problem.clone().unwrap();
    assert!(problem.contains("connect") || problem.contains("server"), "{problem}");
    server.up();
    until(&handle, "it is received again", is_received).await;
    let changes = handle.events(0, 1000).await.unwrap();
    let changes = changes.iter().filter(|recorded| matches!(recorded.event, Event::StreamChanged { .. }));
    assert!(changes.count() >= 3, "received, lost, received");
    engine.stop("test").await;
}
