//! Each fault on real processes, from its injection to the resolved incident: the cause is named rightly, the first change
//! that is proposed cures it, and nobody but an approver lifts a finger.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use codeblue::{
    domain::{
        Actor, Category, Command, DiagnosisState, Fix, IncidentId, IncidentState, RecoveryOutcome, SnapshotState,
        State, Status,
    },
    engine::{Clock, Engine, EngineHandle, Home, SystemClock},
    sandbox::{self, FaultKind, Sandbox, SandboxOptions},
    store::verify_file,
};

const PATIENCE: Duration = Duration::from_secs(90);

struct Drill {
    fault: FaultKind,
    root: &'static str,
    category: Category,
    fix: fn(&Fix) -> bool,
}

fn rolls_back(fix: &Fix, name: &str) -> bool {
    matches!(fix, Fix::RollBack { component } if component == name)
}

fn runs(fix: &Fix, what: &str, name: &str) -> bool {
    matches!(fix, Fix::RunAction { service, action } if service == name && action == what)
}

const DRILLS: [Drill; 7] = [
    Drill {
        fault: FaultKind::BadRelease,
        root: "patient-api",
        category: Category::Deployment,
        fix: |fix| rolls_back(fix, "patient-api-code"),
    },
    Drill {
        fault: FaultKind::Kill,
        root: "auth",
        category: Category::Process,
        fix: |fix| runs(fix, "restart", "auth"),
    },
    Drill {
        fault: FaultKind::Freeze,
        root: "records-db",
        category: Category::Process,
        fix: |fix| runs(fix, "thaw", "records-db"),
    },
    Drill {
        fault: FaultKind::BrokenConfig,
        root: "handouts",
        category: Category::Configuration,
        fix: |fix| rolls_back(fix, "handouts-config"),
    },
    Drill {
        fault: FaultKind::CorruptDatabase,
        root: "records-db",
        category: Category::Database,
        fix: |fix| rolls_back(fix, "records"),
    },
    Drill {
        fault: FaultKind::WrongDose,
        root: "records-db",
        category: Category::Database,
        fix: |fix| rolls_back(fix, "records"),
    },
    Drill {
        fault: FaultKind::Slow,
        root: "ai-analysis",
        category: Category::Performance,
        fix: |fix| runs(fix, "restart", "ai-analysis"),
    },
];

/// Waits until the state is as wished, on events; looks again now and then in case one was missed.
pub async fn until(engine: &EngineHandle, what: &str, wished: impl Fn(&State) -> bool) -> Arc<State> {
    let mut events = engine.subscribe();
    let wait = async {
        loop {
            let state = engine.state();
            if wished(&state) {
                return state;
            }
            let _ = tokio::time::timeout(Duration::from_millis(500), events.recv()).await;
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(state) => state,
        Err(_) => {
            let state = engine.state();
            panic!("never happened: {what}\n{}", told(&state))
        }
    }
}

/// What somebody who has to find out why would ask first.
pub fn told(state: &State) -> String {
    let services = state.services.iter().map(|(name, health)| format!("{name} {:?}: {}", health.status, health.reason));
    let incidents = state.incidents.values().flat_map(|incident| {
        let head = format!("{} {} {:?} root {:?}", incident.id, incident.state, incident.services, incident.root);
        let lines = incident.timeline.iter().map(|line| format!("  {} {}: {}", line.at, line.actor, line.text));
        std::iter::once(head).chain(lines)
    });
    let changes = state.changes.values().map(|change| format!("{} {} {}", change.id, change.state, change.title));
    let recoveries = state.recoveries.values().map(|recovery| {
        let steps = recovery.steps.iter().map(|step| format!("{:?}", step.state)).collect::<Vec<_>>().join(" ");
        format!("{} {:?} {}: {steps}", recovery.id, recovery.ended, recovery.plan.title)
    });
    services.chain(incidents).chain(changes).chain(recoveries).collect::<Vec<_>>().join("\n")
}

pub fn is_well(state: &State) -> bool {
    state.services.len() == sandbox::SERVICES.len()
        && state.services.values().all(|health| health.status == Status::Healthy)
        && state.open_incidents().next().is_none()
        && no_recovery_under_way(state)
}

/// What is injected while the last cure is still being proved would be held against it.
pub fn no_recovery_under_way(state: &State) -> bool {
    state.running_recoveries().next().is_none()
        && state.recoveries.values().all(|recovery| recovery.validating.is_none())
}

/// Says yes to every change that waits, as those who have to; what is critical needs several.
pub async fn approve_all(engine: EngineHandle) {
    let mut events = engine.subscribe();
    loop {
        let state = engine.state();
        let people = ["alice", "carol", "dora"];
        for (change, name) in state.pending_changes().iter().flat_map(|change| people.map(|name| (change, name))) {
            let approve = Command::approve(change.id, change.plan_hash.clone(), "go".to_owned());
            let _ = engine.submit(approve, Actor::Operator(name.to_owned())).await;
        }
        let _ = tokio::time::timeout(Duration::from_millis(500), events.recv()).await;
    }
}

async fn run(engine: &EngineHandle, dir: &Path, drill: &Drill, before: usize) {
    let name = drill.fault.name();
    let (place, fault, now) = (dir.to_owned(), drill.fault, SystemClock.now());
    let injected = move || sandbox::inject(&place, fault, None, Duration::from_secs(600), now);
    tokio::task::spawn_blocking(injected).await.unwrap().unwrap();

    let state = until(engine, &format!("{name}: an incident, resolved"), |state| {
        state.incidents.len() > before && is_well(state)
    })
    .await;
    // Two that are hit at once are two incidents until the root is known, which makes one of them.
    let own = state.incidents.values().skip(before).filter(|incident| incident.merged_into.is_none());
    let incidents: Vec<_> = own.collect();
    assert_eq!(incidents.len(), 1, "{name}: one cause makes one incident:\n{}", told(&state));
    let incident = incidents[0];
    assert!(incident.state >= IncidentState::Resolved);

    let document = incident.diagnoses.iter().find_map(|id| match &state.diagnoses[id].state {
        DiagnosisState::Concluded { document, .. } if document.category != Category::Unknown => Some(document.clone()),
        _ => None,
    });
    let document = document.unwrap_or_else(|| panic!("{name}: no diagnosis names a cause"));
    let cause = &document.root_cause;
    assert_eq!((cause.service.as_str(), document.category), (drill.root, drill.category), "{name}: {document:#?}");
    assert!(cause.confidence >= 0.7, "{name}: {document:#?}");
    assert!(!cause.evidence.is_empty(), "{name}");
    assert!((drill.fix)(&document.suggested_fixes[0].fix), "{name}: {:#?}", document.suggested_fixes);

    let ended: Vec<_> = incident.recoveries.iter().map(|id| state.recoveries[id].ended.unwrap().1).collect();
    assert_eq!(ended, [RecoveryOutcome::Succeeded], "{name}: the first try cures it");
    for id in &incident.changes {
        assert!(state.changes[id].state.is_success(), "{name}: {id} is {}", state.changes[id].state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_found_explained_and_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_codeblue"));
    let dir = folder.path().join("sandbox");
    let options = SandboxOptions { dir: dir.clone(), binary: binary.clone(), seed: 7 };
    let up = tokio::task::spawn_blocking(move || Sandbox::start(&options)).await.unwrap().unwrap();
    let home = Home::at(&folder.path().join("home"));
    std::fs::create_dir_all(folder.path().join("home")).unwrap();
    sandbox::write_platform(&dir, &folder.path().join("home"), &binary, "nobody").unwrap();

    let engine = Engine::start(&home, Arc::new(SystemClock)).await.unwrap();
    let handle = engine.handle();
    let components = handle.state().platform.components.len();
    until(&handle, "everything is well and captured", |state| {
        let complete = state.snapshots.values().filter(|snapshot| snapshot.state == SnapshotState::Complete);
        let held: std::collections::BTreeSet<_> = complete.flat_map(|snapshot| &snapshot.components).collect();
        is_well(state) && held.len() == components && state.live_version("patient-api-code").is_some()
    })
    .await;
    let approver = tokio::spawn(approve_all(handle.clone()));
    for drill in &DRILLS {
        let before = handle.state().incidents.keys().next_back().map_or(0, |IncidentId(number)| *number as usize);
        run(&handle, &dir, drill, before).await;
        let place = dir.clone();
        tokio::task::spawn_blocking(move || sandbox::heal(&place)).await.unwrap().unwrap();
        until(&handle, "calm again", is_well).await;
    }
    approver.abort();
    let _ = approver.await;
    drop(handle);
    engine.stop("test").await;
    tokio::task::spawn_blocking(move || drop(up)).await.unwrap();
    assert!(verify_file(&home.journal()).unwrap().ok);
}
