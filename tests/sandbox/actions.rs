//! The actions of the platform file: each cures its fault, can be repeated, and harms nobody when nothing is wrong.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
};

use chrono::Utc;
use codeblue::{
    platform::{self, Platform},
    sandbox::{self, FaultKind},
};
use serde_json::json;

use super::{BINARY, LEASE, eventually, exchange, get, healthy, port, start, state_of};

fn platform(dir: &Path, home: &Path) -> Platform {
    let file = sandbox::write_platform(dir, home, Path::new(BINARY), "nurse").unwrap();
    platform::load(&file).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Runs an action as an engine does, by its list of arguments.
fn run(platform: &Platform, action: &str, service: &str) -> Result<(), String> {
    let declared = platform.service(service).unwrap().actions.iter().find(|known| known.name == action);
    let run = &declared.unwrap_or_else(|| panic!("{action} of {service} is not declared")).run;
    let output = Command::new(&run[0]).args(&run[1..]).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn all_well(dir: &Path) -> bool {
    healthy(dir).len() == sandbox::SERVICES.len()
}

/// A fault, the service that it hits, and the action that cures it.
const CURES: [(FaultKind, &str, &str, &str); 12] = [
    (FaultKind::Freeze, "records-db", "thaw", "records-db"),
    (FaultKind::Freeze, "ai-analysis", "thaw", "ai-analysis"),
    (FaultKind::PoolLeak, "records-db", "recycle-pool", "records-db"),
    (FaultKind::PoolLeak, "records-db", "recycle-pool", "patient-api"),
    (FaultKind::DiskFull, "records-db", "free-space", "records-db"),
    (FaultKind::LockHolder, "records-db", "end-lock-holder", "records-db"),
    (FaultKind::ClockSkew, "auth", "sync-clock", "auth"),
    (FaultKind::LockoutStorm, "auth", "unlock-accounts", "auth"),
    (FaultKind::WrongPassword, "patient-api", "renew-credential", "patient-api"),
    (FaultKind::HalfRotatedKey, "auth", "renew-key", "auth"),
    (FaultKind::LinkBlackHole, "patient-api:records-db", "reroute", "patient-api"),
    (FaultKind::CertificateExpired, "patient-api", "renew-certificate", "patient-api"),
];

#[test]
fn every_action_cures_its_fault_and_harms_nobody_without_it() {
    let (home, sandbox) = start();
    let dir = sandbox.dir();
    let platform = platform(dir, home.path());
    let started = state_of(dir);
    for (fault, hit, action, service) in CURES {
        let what = format!("{} of {hit}, {action} of {service}", fault.name());
        run(&platform, action, service).unwrap_or_else(|error| panic!("{what}, without a fault: {error}"));
        assert!(all_well(dir), "{what}, without a fault: {:?}", healthy(dir));
        sandbox::inject(dir, fault, Some(hit), LEASE, Utc::now()).unwrap();
        eventually(&format!("{what}: the fault"), || !all_well(dir));
        run(&platform, action, service).unwrap_or_else(|error| panic!("{what}: {error}"));
        eventually(&format!("{what}: health"), || all_well(dir));
        run(&platform, action, service).unwrap_or_else(|error| panic!("{what}, twice: {error}"));
        let healed = sandbox::heal(dir).unwrap();
        assert!(healed.faults.iter().all(|fault| !fault.was_in_force), "{what}: nothing was left to heal: {healed:?}");
        let mut now = state_of(dir);
        if action == "renew-certificate" {
            // a new one, which is the point
            let (was, is) = (&started["tls/front.pem"], now.insert("tls/front.pem".to_owned(), String::new()).unwrap());
            assert_ne!(*was, is);
            now.insert("tls/front.pem".to_owned(), was.clone());
        }
        assert_eq!(now, started, "{what} left something behind");
    }
}

#[test]
fn a_missing_index_makes_one_query_slow_and_adding_one_cures_it() {
    let (home, sandbox) = start();
    let dir = sandbox.dir();
    let platform = platform(dir, home.path());
    let started = state_of(dir);
    let records = port(&sandbox::status(dir).unwrap(), "records-db");
    let takes = || {
        let started = std::time::Instant::now();
        let status = get(records, "/deep").unwrap().0;
        (status, started.elapsed().as_millis())
    };
    let quick = (0..5).map(|_| takes().1).min().unwrap();
    assert!(quick < 200, "{quick} ms with the index");
    run(&platform, "drop-index", "records-db").unwrap();
    run(&platform, "add-index", "records-db").unwrap();
    assert_eq!(state_of(dir), started, "there is one, and it is not ours to drop");
    sandbox::inject(dir, FaultKind::MissingIndex, None, LEASE, Utc::now()).unwrap();
    let (status, slow) = takes();
    assert!(status != 200 || slow > 200, "{status} after {slow} ms");
    let log = std::fs::read_to_string(dir.join("logs/records-db.log")).unwrap();
    assert!(log.contains("it reads the whole table results"), "{log}");
    let api = port(&sandbox::status(dir).unwrap(), "patient-api");
    assert_eq!(get(api, "/deep").unwrap().0, 200, "charts do not need it");
    run(&platform, "add-index", "records-db").unwrap();
    run(&platform, "add-index", "records-db").unwrap();
    let again = (0..5).map(|_| takes().1).min().unwrap();
    assert!(again < 200 && takes().0 == 200, "{again} ms with the new index");
    run(&platform, "drop-index", "records-db").unwrap();
    assert!(sandbox::status(dir).unwrap().faults[0].in_force, "dropped is missing again");
    run(&platform, "add-index", "records-db").unwrap();
    sandbox::heal(dir).unwrap();
    assert_eq!(state_of(dir), started, "the original is back, and the other one is gone");
}

#[test]
fn writes_stop_and_reads_go_on_until_they_are_allowed_again_also_over_a_restart() {
    let (home, sandbox) = start();
    let dir = sandbox.dir();
    let platform = platform(dir, home.path());
    let started = state_of(dir);
    let records = port(&sandbox::status(dir).unwrap(), "records-db");
    let note = || {
        let vitals = json!({ "patient": 1, "kind": "pulse", "value": 60.0, "request": "of the test" });
        exchange(records, "POST", "/vitals", None, Some(&vitals)).unwrap()
    };
    let beats = || {
        let database = rusqlite::Connection::open(dir.join("services/records-db/records.db")).unwrap();
        database.query_row("SELECT beats FROM heartbeat", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(note().0, 200);
    run(&platform, "stop-writes", "records-db").unwrap();
    sandbox::restart(dir, "records-db").unwrap();
    let (status, told) = note();
    assert!(status == 423 && told["error"].as_str().unwrap().contains("allow-writes"), "{status} {told}");
    let before = beats();
    assert!(all_well(dir), "what only reads is well");
    assert_eq!(beats(), before, "its own check writes nothing either");
    run(&platform, "allow-writes", "records-db").unwrap();
    run(&platform, "allow-writes", "records-db").unwrap();
    assert_eq!(note().0, 200);
    assert_eq!(state_of(dir), started);
}

/// How the real work of a service answers whoever calls itself that.
fn status_for(port: u16, name: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET /deep HTTP/1.1\r\nHost: x\r\nUser-Agent: {name}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap()
}

#[test]
fn an_isolated_service_keeps_its_process_and_answers_nobody() {
    let (home, sandbox) = start();
    let dir = sandbox.dir();
    let platform = platform(dir, home.path());
    let started = state_of(dir);
    let pid = || sandbox::status(dir).unwrap().services.iter().find(|one| one.name == "patient-api").unwrap().pid;
    let (before, api) = (pid(), port(&sandbox::status(dir).unwrap(), "patient-api"));
    run(&platform, "isolate", "patient-api").unwrap();
    assert_eq!(get(api, "/patients/1").unwrap().0, 403);
    assert!(!healthy(dir).contains(&"checkin"), "who needs it gets nothing");
    assert_eq!((pid(), get(api, "/health").unwrap().0), (before, 200), "its memory is kept");
    assert_eq!((status_for(api, "codeblue/1"), status_for(api, "curl/8")), (403, 403));
    run(&platform, "admit-checks", "patient-api").unwrap();
    assert_eq!((status_for(api, "codeblue/1"), status_for(api, "curl/8")), (200, 403), "only checks come in");
    assert!(!healthy(dir).contains(&"checkin"));
    run(&platform, "reconnect", "patient-api").unwrap();
    eventually("health", || all_well(dir));
    assert_eq!(pid(), before);
    run(&platform, "isolate", "patient-api").unwrap();
    assert_eq!(status_for(api, "codeblue/1"), 403, "who is isolated anew admits no checks");
    run(&platform, "reconnect", "patient-api").unwrap();
    run(&platform, "isolate", "patient-api").unwrap();
    assert_eq!(sandbox::heal(dir).unwrap().lifted, ["patient-api is isolated no more"]);
    eventually("health", || all_well(dir));
    assert_eq!(state_of(dir), started);
}

#[test]
fn summaries_come_from_plain_rules_while_the_model_is_out_of_use() {
    let (home, sandbox) = start();
    let dir = sandbox.dir();
    let platform = platform(dir, home.path());
    let analysis = port(&sandbox::status(dir).unwrap(), "ai-analysis");
    for fault in [FaultKind::ModelMissing, FaultKind::StuckQueue, FaultKind::WrongAnswers] {
        sandbox::inject(dir, fault, None, LEASE, Utc::now()).unwrap();
        eventually("the fault", || !healthy(dir).contains(&"ai-analysis"));
        run(&platform, "fallback-on", "ai-analysis").unwrap();
        let (status, told) = get(analysis, "/summaries/1").unwrap();
        assert_eq!((status, told["model"].as_str()), (200, Some("none: by plain rules")), "{}", fault.name());
        assert!(all_well(dir), "{}", fault.name());
        run(&platform, "fallback-off", "ai-analysis").unwrap();
        assert!(!healthy(dir).contains(&"ai-analysis"), "the model is asked again, and {} shows", fault.name());
        sandbox::heal(dir).unwrap();
        eventually("health", || all_well(dir));
    }
}

#[test]
fn load_that_can_wait_is_shed_and_checks_still_pass() {
    let (home, sandbox) = start();
    let dir = sandbox.dir();
    let platform = platform(dir, home.path());
    let analysis = port(&sandbox::status(dir).unwrap(), "ai-analysis");
    run(&platform, "shed-load", "ai-analysis").unwrap();
    assert_eq!(get(analysis, "/summaries/1").unwrap().0, 429);
    assert!(all_well(dir));
    run(&platform, "accept-load", "ai-analysis").unwrap();
    assert_eq!(get(analysis, "/summaries/1").unwrap().0, 200);
}

#[test]
fn what_an_action_is_not_for_is_refused_and_starts_nothing_anew() {
    let (home, sandbox) = start();
    let dir = sandbox.dir();
    let platform = platform(dir, home.path());
    let wrong =
        Command::new(BINARY).args(["sandbox", "repair", "add-index", "auth", "--dir"]).arg(dir).output().unwrap();
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && told.contains("there are thaw, isolate"), "{told}");
    sandbox::inject(dir, FaultKind::Freeze, None, LEASE, Utc::now()).unwrap();
    let error = run(&platform, "recycle-pool", "patient-api").unwrap_err();
    assert!(error.contains("`thaw` it first"), "{error}");
    assert!(sandbox::status(dir).unwrap().faults[0].in_force, "it was not started anew behind our back");
    sandbox::inject(dir, FaultKind::Kill, Some("checkin"), LEASE, Utc::now()).unwrap();
    let error = run(&platform, "isolate", "checkin").unwrap_err();
    assert!(error.contains("not a running process"), "{error}");
}

#[test]
fn a_storm_of_retries_outlives_a_restart_and_ends_for_good_once_the_callers_are_told_to_wait() {
    let (home, sandbox) = start();
    let dir = sandbox.dir();
    let platform = platform(dir, home.path());
    let started = state_of(dir);
    let takes = || {
        let started = std::time::Instant::now();
        let analysis = port(&sandbox::status(dir).unwrap(), "ai-analysis");
        let _ = get(analysis, "/deep");
        started.elapsed().as_millis()
    };
    let in_force = || sandbox::status(dir).unwrap().faults.iter().any(|fault| fault.in_force);
    sandbox::inject(dir, FaultKind::RetryStorm, None, LEASE, Utc::now()).unwrap();
    eventually("a full queue", || takes() > 500);
    run(&platform, "restart", "ai-analysis").unwrap();
    eventually("a queue that is full again", || takes() > 500);
    assert!(in_force());
    run(&platform, "shed-load", "ai-analysis").unwrap();
    eventually("the end of the storm", || !in_force());
    run(&platform, "accept-load", "ai-analysis").unwrap();
    eventually("an empty queue", || takes() < 400);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(takes() < 500 && !in_force(), "nobody begins again");
    sandbox::heal(dir).unwrap();
    assert_eq!(state_of(dir), started);
}
