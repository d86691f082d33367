//! Jobs that tell by themselves that they have run, over the engine's socket and across its restarts.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::Status,
    engine::{Clock, Engine, EngineHandle, Home},
};
use reqwest::{Method, StatusCode};

use crate::served::{Bed, Served};

const BACKUP: &str = r#"
[[service]]
name = "backup"
[[service.check]]
heartbeat = { within = "10m" }
every = "50ms"
successes = 1
"#;

async fn bed() -> Bed {
    Bed::with("drill", BACKUP).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_tells_how_its_run_went() {
    let served = Served::of(bed().await).await;
    let path = "/api/v1/heartbeats/backup";
    let is = |status| served.until("judged", move |state| state.services["backup"].status == status);
    let (status, told) = served.call("erin", Method::POST, path, None).await;
    assert_eq!((status, &told["ok"], &told["service"]), (StatusCode::OK, &true.into(), &"backup".into()), "{told}");
    is(Status::Healthy).await;
    let failed = r#"{"ok": false, "message": "disk\u001b[31m full\nat page 7 of mrn=12345678"}"#;
    assert_eq!(served.call("erin", Method::POST, path, Some(failed)).await.0, StatusCode::OK);
    let state = is(Status::Down).await;
    let reason = &state.services["backup"].reason;
    assert!(reason.contains("ago that it failed: disk") && reason.contains("full at page 7"), "{reason}");
    assert!(!reason.contains('\u{1b}') && !reason.contains("12345678"), "{reason}");
    served.client(Some("erin")).beat("backup", true, "").await.unwrap();
    is(Status::Healthy).await;

    for (who, path, body, status, code) in [
        ("vic", path, None, 403, "operator-may-not"),
        ("erin", "/api/v1/heartbeats/backups", None, 404, "unknown-service"),
        ("erin", "/api/v1/heartbeats/desk", None, 409, "no-heartbeat"),
        ("erin", path, Some("{\"okay\": true}"), 400, "bad-request"),
    ] {
        let (found, answer) = served.call(who, Method::POST, path, body).await;
        assert_eq!((found.as_u16(), answer["error"]["code"].as_str()), (status, Some(code)), "{answer}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_tells_it_on_the_command_line() {
    let served = Served::of(bed().await).await;
    let home = served.bed.home.socket();
    let run = |arguments: &[&str]| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_codeblue"));
        let host = format!("unix:{}", home.display());
        program.args(["--host", &host, "--as", "erin", "heartbeat"]).args(arguments).env("RUST_BACKTRACE", "0");
        tokio::task::spawn_blocking(move || {
            let output = program.output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            (output.status.code(), String::from_utf8(said).unwrap())
        })
    };
    assert_eq!(run(&["backup"]).await.unwrap(), (Some(0), "a heartbeat of backup is noted\n".to_owned()));
    served.until("well", |state| state.services["backup"].status == Status::Healthy).await;
    let failed = run(&["backup", "--failed", "--message", "disk full"]).await.unwrap();
    assert_eq!(failed, (Some(0), "a failed run of backup is noted\n".to_owned()));
    let state = served.until("ill", |state| state.services["backup"].status == Status::Down).await;
    assert!(state.services["backup"].reason.ends_with("that it failed: disk full"), "{:?}", state.services["backup"]);
    let (code, said) = run(&["desk"]).await.unwrap();
    assert!(code != Some(0) && said.contains("no check of desk waits for a heartbeat"), "{code:?} {said}");
    served.stop().await;
}

/// A clock that goes ahead of that of the host.
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

async fn start(home: &Home, minutes: i64) -> (Engine, EngineHandle, Arc<Ahead>) {
    let clock = Arc::new(Ahead(AtomicI64::new(minutes * 60)));
    let engine = Engine::start(home, clock.clone()).await.unwrap();
    let handle = engine.handle();
    (engine, handle, clock)
}

/// The next judgement of the backup, or the next sample of it.
async fn judged(handle: &EngineHandle, status: Status) -> String {
    let mut events = handle.subscribe();
    let wait = async {
        while handle.state().services["backup"].status != status {
            let _ = events.recv().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait).await.unwrap();
    handle.state().services["backup"].reason.clone()
}

/// Waits until the check of the other service has run a few times more.
async fn rounds(handle: &EngineHandle) -> Vec<String> {
    let mut samples = handle.subscribe_samples();
    let (mut seen, mut services) = (0, Vec::new());
    while seen < 8 {
        for sample in samples.recv().await.unwrap().iter() {
            seen += usize::from(sample.service == "desk");
            services.push(sample.service.clone());
        }
    }
    services
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_neither_cries_wolf_nor_forgets() {
    let bed = bed().await;
    let (engine, handle, _) = start(&bed.home, 0).await;
    handle.beat("backup".to_owned(), true, "").await.unwrap();
    judged(&handle, Status::Healthy).await;
    engine.stop("test").await;

    // Half an hour without an engine: nobody can know whether the job has run.
    let (engine, handle, clock) = start(&bed.home, 30).await;
    assert!(!rounds(&handle).await.contains(&"backup".to_owned()), "it has said something it cannot know");
    assert_eq!(handle.state().services["backup"].status, Status::Healthy);
    clock.0.store(41 * 60, Ordering::SeqCst);
    let reason = judged(&handle, Status::Down).await;
    assert!(reason.contains("no heartbeat for 41 min, expected every 10 min"), "{reason}");
    engine.stop("test").await;

    // Nor does a restart make it well again.
    let (engine, handle, _) = start(&bed.home, 60).await;
    rounds(&handle).await;
    assert_eq!(handle.state().services["backup"].status, Status::Down);
    handle.beat("backup".to_owned(), true, "").await.unwrap();
    judged(&handle, Status::Healthy).await;
    engine.stop("test").await;
}
