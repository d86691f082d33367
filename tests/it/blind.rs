//! Faults on real processes drawn by chance, with decoys: an innocent deployment, a second service that is slow, noise in a log.
//! Nobody tells the engine what was done; counted is how often it names the cause, and how often what it proposes first heals.
//!
//! `CODEBLUE_TEST_SEEDS=40` draws so many faults instead of three.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::Utc;
use codeblue::{
    domain::{
        Actor, Category, Command, DiagnosisDocument, DiagnosisState, Incident, RecoveryOutcome, SnapshotState, State,
        Status,
    },
    engine::{Clock, Engine, EngineHandle, Home, SystemClock},
    sandbox::{self, FaultKind, Sandbox, SandboxOptions},
};

use crate::{
    dice::Dice,
    drills::{approve_all, is_well, no_recovery_under_way, told, until},
};

const LEASE: Duration = Duration::from_secs(600);
/// What can be hit by what: a release and a database have one place, all else is anywhere.
const ANYWHERE: [FaultKind; 4] = [FaultKind::Kill, FaultKind::Freeze, FaultKind::BrokenConfig, FaultKind::Slow];
const SOMEWHERE: [FaultKind; 3] = [FaultKind::BadRelease, FaultKind::CorruptDatabase, FaultKind::WrongDose];
const SERVICES: [&str; 6] = ["records-db", "auth", "patient-api", "ai-analysis", "checkin", "handouts"];
/// Nothing needs it and it needs nothing, so what is wrong with it explains nothing.
const BYSTANDER: &str = "inventory";

fn category(fault: FaultKind) -> Category {
    match fault {
        FaultKind::BadRelease => Category::Deployment,
        FaultKind::Kill | FaultKind::Freeze => Category::Process,
        FaultKind::BrokenConfig => Category::Configuration,
        FaultKind::CorruptDatabase | FaultKind::WrongDose => Category::Database,
        FaultKind::Slow => Category::Performance,
        other => panic!("{} is not drawn here", other.name()),
    }
}

async fn inject(dir: &Path, fault: FaultKind, service: &'static str) {
    let (place, now) = (dir.to_owned(), SystemClock.now());
    let injected = move || sandbox::inject(&place, fault, Some(service), LEASE, now);
    tokio::task::spawn_blocking(injected).await.unwrap().unwrap();
}

async fn deploy(engine: &EngineHandle, service: &str, version: &str) {
    let (component, version) = (format!("{service}-config"), version.to_owned());
    let deploy = Command::RecordDeployment { component, version, note: String::new() };
    engine.submit(deploy, Actor::Operator("bob".to_owned())).await.unwrap();
}

/// Lines of an error that has nothing to do with anything.
fn noise(state: &State, service: &str) {
    let Some(log) = state.platform.service(service).and_then(|service| service.logs.first()) else { return };
    let mut file = OpenOptions::new().append(true).open(log).unwrap();
    for number in 0..20 {
        let at = Utc::now().to_rfc3339();
        writeln!(file, "{at} ERROR export {number} to the archive failed, will be tried again").unwrap();
    }
}

/// The first answer about any of these incidents that names a cause.
fn first_answer<'a>(state: &'a State, incidents: &[&Incident]) -> Option<&'a DiagnosisDocument> {
    let asked: BTreeSet<_> = incidents.iter().flat_map(|incident| &incident.diagnoses).collect();
    asked.into_iter().find_map(|id| match &state.diagnoses.get(id)?.state {
        DiagnosisState::Concluded { document, .. } if document.category != Category::Unknown => Some(&**document),
        _ => None,
    })
}

/// One fault, from its injection until all is well again: whether the cause was named, and whether the first remedy healed.
async fn trial(engine: &EngineHandle, dir: &Path, dice: &mut Dice, number: usize) -> (bool, bool) {
    let (fault, service) = if dice.happens(6000) {
        (*dice.pick(&ANYWHERE), *dice.pick(&SERVICES))
    } else {
        let fault = *dice.pick(&SOMEWHERE);
        (fault, fault.default_service())
    };
    let before = engine.state().incidents.len();
    let innocent = *dice.pick(&SERVICES);
    if innocent != service {
        deploy(engine, innocent, &format!("c{}", number + 2)).await;
    }
    let others: Vec<&str> = SERVICES.into_iter().filter(|other| *other != service).collect();
    let noisy = dice.pick(&others);
    noise(&engine.state(), noisy);
    if dice.happens(5000) {
        inject(dir, FaultKind::Slow, BYSTANDER).await;
    }
    inject(dir, fault, service).await;
    let what = format!("trial {number}: {} at {service} ends", fault.name());
    let hit = |incident: &&Incident| incident.services.iter().any(|name| name != BYSTANDER);
    // The bystander is too unimportant for an incident of its own: whoever made it slow makes it quick again.
    let over = |state: &State| {
        let well = state.services.iter().all(|(name, health)| name == BYSTANDER || health.status == Status::Healthy);
        well && state.open_incidents().next().is_none() && no_recovery_under_way(state)
    };
    let state =
        until(engine, &what, |state| state.incidents.values().skip(before).any(|found| hit(&found)) && over(state))
            .await;
    // Two that are hit at once are two incidents until the root is known, which makes one of them.
    let incidents: Vec<_> = state.incidents.values().skip(before).filter(hit).collect();
    let document = first_answer(&state, &incidents);
    let named = document.map(|found| (found.root_cause.service.as_str(), found.category));
    let right = named == Some((service, category(fault)));
    let recoveries: BTreeSet<_> = incidents.iter().flat_map(|incident| &incident.recoveries).collect();
    let ended: Vec<_> = recoveries.iter().map(|id| state.recoveries[*id].ended.map(|(_, outcome)| outcome)).collect();
    let healed = ended == [Some(RecoveryOutcome::Succeeded)];
    if !(right && healed) {
        println!("trial {number}: {} at {service}: {named:?}, recoveries {ended:?}; {document:#?}", fault.name());
        println!("{}", told(&state));
    }
    (right, healed)
}

/// How long the analyses took, by the record: from the request to the answer, without a language model.
fn paces(state: &State) -> String {
    let took = state.diagnoses.values().filter_map(|found| match &found.state {
        DiagnosisState::Concluded { at, .. } => Some((*at - found.requested_at).num_milliseconds()),
        _ => None,
    });
    let mut took: Vec<i64> = took.collect();
    took.sort_unstable();
    let at =
        |percent: usize| took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    format!("{} analyses took {} ms (p50), {} ms (p95), {} ms (slowest)", took.len(), at(50), at(95), at(100))
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_nobody_announced_are_named_and_healed_among_decoys() {
    let trials = std::env::var("CODEBLUE_TEST_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3);
    let folder = tempfile::tempdir().unwrap();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_codeblue"));
    let dir = folder.path().join("sandbox");
    let options = SandboxOptions { dir: dir.clone(), binary: binary.clone(), seed: 11 };
    let up = tokio::task::spawn_blocking(move || Sandbox::start(&options)).await.unwrap().unwrap();
    let home = Home::at(&folder.path().join("home"));
    std::fs::create_dir_all(folder.path().join("home")).unwrap();
    sandbox::write_platform(&dir, &folder.path().join("home"), &binary, "nobody").unwrap();
    let engine = Engine::start(&home, Arc::new(SystemClock)).await.unwrap();
    let handle = engine.handle();
    let components = handle.state().platform.components.len();
    until(&handle, "everything is well and captured", |state| {
        let complete = state.snapshots.values().filter(|snapshot| snapshot.state == SnapshotState::Complete);
        let held: BTreeSet<_> = complete.flat_map(|snapshot| &snapshot.components).collect();
        is_well(state) && held.len() == components && state.live_version("patient-api-code").is_some()
    })
    .await;
    for service in SERVICES {
        deploy(&handle, service, "c1").await;
    }
    let approver = tokio::spawn(approve_all(handle.clone()));
    let (mut dice, mut named, mut healed) = (Dice::new(20_260_302), 0, 0);
    for number in 0..trials {
        let (right, well) = trial(&handle, &dir, &mut dice, number).await;
        named += usize::from(right);
        healed += usize::from(well);
        let place = dir.clone();
        tokio::task::spawn_blocking(move || sandbox::heal(&place)).await.unwrap().unwrap();
        until(&handle, "calm again", is_well).await;
    }
    println!("{}", paces(&handle.state()));
    println!("{trials} faults: the cause was named first in {named}, the first remedy healed {healed}");
    approver.abort();
    let _ = approver.await;
    drop(handle);
    engine.stop("test").await;
    tokio::task::spawn_blocking(move || drop(up)).await.unwrap();
    assert!(10 * named >= 9 * trials, "named {named} of {trials}");
    assert!(100 * healed >= 85 * trials, "healed {healed} of {trials}");
}
