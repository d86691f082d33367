//! The worst nights on a real engine: the host was emptied, the record is gone, nobody can log in, the vault has to be found again.

use std::{fs, path::Path, sync::Arc, time::Duration};

use codeblue::{
    domain::{
        Actor, ChangeState, Command, RecoveryOutcome, RollbackRequest, RollbackTarget, Scope, SnapshotState,
        SnapshotTrigger, State, Status, StepState,
    },
    engine::{Engine, EngineHandle, Home, SystemClock},
};

use crate::outage::{Platform, person, switch, until};

fn is_captured(state: &State) -> bool {
    state.platform.components.iter().all(|component| state.last_good_snapshot(&component.name, None).is_some())
}

async fn restore_everything(engine: &EngineHandle) -> Arc<State> {
    let request =
        RollbackRequest { scope: Scope::Everything, to: None, reason: "the host burned".to_owned(), incident: None };
    engine.submit(Command::RequestRollback(request), person("erin")).await.unwrap();
    let state = engine.state();
    let change = state.changes.values().find(|change| change.state == ChangeState::Pending).unwrap();
    let (change, plan_hash) = (change.id, change.plan_hash.clone());
    let approve = Command::approve(change, plan_hash, "yes".to_owned());
    // What reaches the whole platform takes a technical lead and the CTO.
    for name in ["alice", "carol"] {
        engine.submit(approve.clone(), person(name)).await.unwrap();
    }
    let state = until(engine, "the whole platform is restored", |state| {
        state.recoveries.values().any(|recovery| !recovery.is_running())
    })
    .await;
    let recovery = state.recoveries.values().next().unwrap();
    assert_eq!(recovery.ended.unwrap().1, RecoveryOutcome::Succeeded, "{}", recovery.summary);
    state
}

fn patients(platform: &Platform) -> Vec<String> {
    let database = platform.database();
    let mut names = database.prepare("SELECT name FROM patient ORDER BY id").unwrap();
    names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn empty_the_host(platform: &Platform) {
    fs::remove_dir_all(&platform.root).unwrap();
    for name in ["records.db", "records.db-wal", "records.db-shm"] {
        let _ = fs::remove_file(platform.folder.path().join(name));
    }
}

fn assert_all_is_back(platform: &Platform) {
    assert_eq!(fs::read_to_string(platform.root.join("current/version")).unwrap(), "v40");
    assert_eq!(patients(platform), ["A"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_restored_onto_an_empty_host() {
    let platform = Platform::new("low").await;
    let engine = platform.engine().await;
    until(&engine.handle(), "all is captured", is_captured).await;
    empty_the_host(&platform);
    let state = restore_everything(&engine.handle()).await;
    let safety = &state.recoveries.values().next().unwrap().steps[0];
    assert!(safety.output.contains("nothing was there of records, patient-api-code"), "{}", safety.output);
    assert_all_is_back(&platform);
    engine.stop("test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_record_is_made_up_for_by_what_lies_in_the_vault() {
    let platform = Platform::new("low").await;
    let engine = platform.engine().await;
    until(&engine.handle(), "all is captured", is_captured).await;
    // What was captured in the outage, and when the engine stopped, is newer and nothing to go back to.
    switch(&platform.root, "v41");
    until(&engine.handle(), "the outage is seen", |state| state.services["patient-api"].status == Status::Down).await;
    engine.take_final_snapshot(Duration::from_secs(30)).await;
    let state = engine.handle().state();
    let last = state.snapshots.values().next_back().unwrap();
    assert_eq!((last.trigger, &last.state), (SnapshotTrigger::Final, &SnapshotState::Complete));
    engine.stop("test").await;

    let new_home = platform.folder.path().join("new-home");
    fs::create_dir_all(new_home.join("data")).unwrap();
    fs::copy(platform.folder.path().join("home/codeblue.toml"), new_home.join("codeblue.toml")).unwrap();
    for kept in ["vault", "keys"] {
        fs::rename(platform.folder.path().join("home/data").join(kept), new_home.join("data").join(kept)).unwrap();
    }
    empty_the_host(&platform);
    let engine = Engine::start(&Home::at(&new_home), Arc::new(SystemClock)).await.unwrap();
    let adopted = engine.handle().state();
    assert!(is_captured(&adopted), "{:#?}", adopted.snapshots);
    assert!(adopted.snapshots.values().all(|snapshot| snapshot.trigger == SnapshotTrigger::Adopted));
    restore_everything(&engine.handle()).await;
    assert_all_is_back(&platform);
    engine.stop("test").await;

    let engine = Engine::start(&Home::at(&new_home), Arc::new(SystemClock)).await.unwrap();
    let again = engine.handle().state();
    let adopted_again =
        again.snapshots.values().filter(|snapshot| snapshot.trigger == SnapshotTrigger::Adopted).count();
    assert_eq!(adopted_again, adopted.snapshots.len(), "what has a record gets no second one");
    engine.stop("test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_enough_to_halt_policies() {
    let platform = Platform::new("low").await;
    let engine = platform.engine().await;
    assert_eq!(engine.handle().state().halted, None);
    fs::write(platform.home.halt(), "").unwrap();
    until(&engine.handle(), "the file is found", |state| state.halted.is_some()).await;
    engine.handle().submit(Command::ReleaseAutomation, person("alice")).await.unwrap();
    let state = until(&engine.handle(), "it is found again", |state| state.halted.is_some()).await;
    assert!(state.halted.as_deref().unwrap().contains("halt is there"), "{:?}", state.halted);
    fs::remove_file(platform.home.halt()).unwrap();
    engine.handle().submit(Command::ReleaseAutomation, person("alice")).await.unwrap();
    engine.stop("test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_are_walked_back_until_the_service_is_healthy() {
    let platform = Platform::new("low").await;
    let engine = platform.engine().await;
    let handle = engine.handle();
    until(&handle, "v40 is known and captured", |state| {
        state.live_version("patient-api-code") == Some("v40") && is_captured(state)
    })
    .await;
    switch(&platform.root, "v41");
    until(&handle, "v41 is known and broken", |state| {
        state.live_version("patient-api-code") == Some("v41")
            && state.services["patient-api"].status == Status::Down
            && state.diagnoses.values().any(|diagnosis| diagnosis.state != codeblue::domain::DiagnosisState::Running)
    })
    .await;
    let request = RollbackRequest {
        scope: Scope::Services(vec!["patient-api".to_owned()]),
        to: Some(RollbackTarget::UntilHealthy),
        reason: "whatever it was".to_owned(),
        incident: None,
    };
    handle.submit(Command::RequestRollback(request), person("erin")).await.unwrap();
    let state =
        until(&handle, "the walk is over", |state| state.recoveries.values().any(|recovery| !recovery.is_running()))
            .await;
    let recovery = state.recoveries.values().next().unwrap();
    assert_eq!(recovery.ended.unwrap().1, RecoveryOutcome::Succeeded, "{}", recovery.summary);
    assert!(recovery.steps.iter().all(|step| step.state == StepState::Done), "{recovery:#?}");
    assert_eq!(fs::read_link(platform.root.join("current")).unwrap(), Path::new("releases/v40"));
    engine.stop("test").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_snapshot_goes_to_the_replica_and_a_dead_replica_is_told() {
    let platform = Platform::new("low").await;
    let replica = platform.folder.path().join("replica");
    let file = platform.home.platform_file();
    let text = fs::read_to_string(&file).unwrap();
    let vault = format!("[vault]\nreplica = {{ directory = \"{}\" }}\n[[service]]", replica.display());
    fs::write(&file, text.replacen("[[service]]", &vault, 1)).unwrap();
    let engine = platform.engine().await;
    let handle = engine.handle();
    let state = until(&handle, "the missing replica is told", |state| state.vault.replica.problem.is_some()).await;
    let (_, problem) = state.vault.replica.problem.clone().unwrap();
    assert!(problem.contains("replica"), "{problem}");
    until(&handle, "all is captured", is_captured).await;

    fs::create_dir(&replica).unwrap();
    handle.submit(Command::Replicate, person("erin")).await.unwrap();
    let state = until(&handle, "all is copied", |state| {
        let replica = &state.vault.replica;
        replica.problem.is_none() && replica.copied_at.is_some() && replica.behind_since.is_none()
    })
    .await;
    let held: Vec<_> = state.snapshots.values().flat_map(|snapshot| &snapshot.captured).collect();
    for captured in held {
        assert!(
            replica.join("snapshots").join(&captured.vault_id).exists(),
            "{} is not in the replica",
            captured.component
        );
    }
    assert_eq!(handle.submit(Command::Replicate, Actor::Engine).await.unwrap().events.len(), 1);
    engine.stop("test").await;
}
