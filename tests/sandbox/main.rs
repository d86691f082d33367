//! The sandbox from outside: the real binary, real processes, real signals.
#![expect(clippy::unwrap_used, reason = "a helper of a test that fails is a test that fails")]

mod actions;
mod inside;
mod links;
mod stores;

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use chrono::Utc;
use codeblue::{
    platform::{self, HttpProbe, Probe},
    sandbox::{self, FaultKind, ProcessState, Sandbox, SandboxError, SandboxOptions, SandboxStatus},
};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_codeblue");
const LEASE: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(30);

fn options(dir: &Path) -> SandboxOptions {
    SandboxOptions { dir: dir.to_owned(), binary: PathBuf::from(BINARY), seed: 7 }
}

fn start() -> (tempfile::TempDir, Sandbox) {
    let home = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(&options(&home.path().join("sandbox"))).unwrap();
    (home, sandbox)
}

/// One HTTP exchange on the loopback interface.
fn exchange(port: u16, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(3))).ok()?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {token}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split_whitespace().nth(1)?.parse().ok()?, serde_json::from_str(body).ok()?))
}

fn get(port: u16, path: &str) -> Option<(u16, Value)> {
    exchange(port, "GET", path, None, None)
}

fn port(status: &SandboxStatus, service: &str) -> u16 {
    status.services.iter().find(|found| found.name == service).unwrap().port.unwrap()
}

fn healthy(dir: &Path) -> Vec<&'static str> {
    let status = sandbox::status(dir).unwrap();
    status.services.iter().filter(|service| service.healthy).map(|service| service.name).collect()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what} did not happen within {} s", PATIENCE.as_secs());
        thread::sleep(Duration::from_millis(20));
    }
}

/// Processes that have this directory on their command line.
fn processes_of(dir: &Path) -> Vec<u32> {
    let dir = dir.to_string_lossy().into_owned();
    let words = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    all.filter(|pid| words(*pid).split(|byte| *byte == 0).any(|word| word == dir.as_bytes())).collect()
}

/// Everything that a fault could have changed: releases and the link, configuration, faults, the tables of the patients.
fn state_of(dir: &Path) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    let current = dir.join("services/patient-api/current");
    state.insert("current".to_owned(), fs::read_link(current).unwrap().display().to_string());
    let whole = ["config", "tls", "services/auth", "services/ai-analysis/model"];
    let named = ["services/patient-api", "services/patient-api/releases", "services/records-db", "faults", "run"];
    for folder in whole.into_iter().chain(named) {
        for entry in fs::read_dir(dir.join(folder)).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // SQLite keeps these as long as it likes
            if name.ends_with("-wal") || name.ends_with("-shm") {
                continue;
            }
            let text = if whole.contains(&folder) { fs::read_to_string(entry.path()).unwrap() } else { String::new() };
            state.insert(format!("{folder}/{name}"), text);
        }
    }
    let database = rusqlite::Connection::open(dir.join("services/records-db/records.db")).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    state.insert("integrity".to_owned(), check);
    let mut indexes = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' ORDER BY name").unwrap();
    let indexes: Vec<String> = indexes.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    state.insert("indexes".to_owned(), indexes.join(" "));
    for table in ["patients", "medications", "notes"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let rows: i64 = database.query_row(&sql, [], |row| row.get(0)).unwrap();
        state.insert(table.to_owned(), rows.to_string());
    }
    state.insert("doses".to_owned(), doses(dir).join(" "));
    state
}

/// The doses of all medications, by their id.
fn doses(dir: &Path) -> Vec<String> {
    let database = rusqlite::Connection::open(dir.join("services/records-db/records.db")).unwrap();
    let mut statement = database.prepare("SELECT dose FROM medications ORDER BY id").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Injects a fault, holds what is hit and what is told about it against what is expected, heals, and looks for traces.
fn shows_and_heals(dir: &Path, fault: FaultKind, hit: &[&str], sign: &str) {
    let (name, started) = (fault.name(), state_of(dir));
    let record = sandbox::inject(dir, fault, None, LEASE, Utc::now()).unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        let status = sandbox::status(dir).unwrap();
        let broken: Vec<_> = status.services.iter().filter(|one| !one.healthy).collect();
        let told = broken.iter().any(|one| one.problem.as_ref().is_some_and(|problem| problem.contains(sign)));
        if broken.iter().map(|one| one.name).collect::<Vec<_>>() == hit && told {
            assert!(status.faults[0].in_force, "{name}");
            break;
        }
        let found: Vec<_> = broken.iter().map(|one| (one.name, one.problem.clone())).collect();
        assert!(Instant::now() < until, "{name} hits {found:?}");
    }
    let healed = sandbox::heal(dir).unwrap();
    assert_eq!(healed.faults.iter().map(|one| (&one.id, one.was_in_force)).collect::<Vec<_>>(), [(&record.id, true)]);
    eventually("health", || healthy(dir).len() == sandbox::SERVICES.len());
    assert_eq!(state_of(dir), started, "{name} left something behind");
    assert!(sandbox::heal(dir).unwrap().faults.is_empty(), "healing twice is fine");
}

/// A supervisor in a process of its own, killed when dropped.
struct Supervisor(Child);

impl Supervisor {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["sandbox", "up", "--dir"]).arg(dir).stdout(Stdio::null()).stderr(Stdio::null());
        let supervisor = Self(command.spawn().unwrap());
        eventually("the start", || dir.join("sandbox.json").exists() && sandbox::status(dir).is_ok_and(|now| now.up));
        supervisor
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn all_services_work_and_the_platform_file_tells_where_they_are() {
    let (home, sandbox) = start();
    assert_eq!(healthy(sandbox.dir()).len(), sandbox::SERVICES.len());
    let file = sandbox::write_platform(sandbox.dir(), home.path(), Path::new(BINARY), "nurse").unwrap();
    let platform = platform::load(&file).unwrap_or_else(|problems| panic!("{problems}"));
    for service in &platform.services {
        let mut asked = 0;
        for check in &service.checks {
            match &check.probe {
                // over TLS; `actions` looks at that
                Probe::Http(HttpProbe { url, .. }) if url.starts_with("https://") => {}
                Probe::Http(HttpProbe { url, .. }) => {
                    let (port, path) = url.strip_prefix("http://127.0.0.1:").unwrap().split_once('/').unwrap();
                    let (status, body) = get(port.parse().unwrap(), &format!("/{path}")).unwrap();
                    assert_eq!((status, body["status"].as_str()), (200, Some("ok")), "{url}: {body}");
                    assert_eq!(body["service"], service.name);
                    asked += 1;
                }
                Probe::Process { pid_file: Some(pid_file), .. } => {
                    let text = fs::read_to_string(pid_file).unwrap();
                    let pid: u32 = text.lines().next().unwrap().parse().unwrap();
                    assert!(Path::new(&format!("/proc/{pid}")).exists());
                }
                _ => {}
            }
        }
        assert_eq!(asked, 2, "{} has a shallow and a deep check", service.name);
    }
    // the reload and the action of the platform file are real commands
    let code = platform.component("patient-api-code").unwrap();
    let reload = code.reload.as_ref().unwrap();
    assert!(Command::new(&reload[0]).args(&reload[1..]).status().unwrap().success());
    let restart = &platform.service("checkin").unwrap().actions[0].run;
    let pid = |dir: &Path| sandbox::status(dir).unwrap().services.iter().find(|one| one.name == "checkin").unwrap().pid;
    let before = pid(sandbox.dir());
    assert!(Command::new(&restart[0]).args(&restart[1..]).status().unwrap().success());
    assert_ne!(pid(sandbox.dir()), before);
    assert_eq!(healthy(sandbox.dir()).len(), sandbox::SERVICES.len());
}

#[test]
fn every_fault_shows_where_it_should_and_heals_without_a_trace() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let started = state_of(dir);
    let depends_on_api = ["patient-api", "checkin", "handouts"];
    let depends_on_records = ["records-db", "patient-api", "ai-analysis", "checkin", "handouts"];
    let cases: [(FaultKind, &[&str], &str); 5] = [
        (FaultKind::BadRelease, &depends_on_api, "missing column dose_unit"),
        (FaultKind::Kill, &["auth", "patient-api", "checkin", "handouts"], "auth"),
        (FaultKind::Freeze, &depends_on_records, "did not answer"),
        (FaultKind::BrokenConfig, &["handouts"], "invalid configuration handouts.toml"),
        (FaultKind::CorruptDatabase, &depends_on_records, "database disk image is malformed"),
    ];
    for (fault, hit, sign) in cases {
        let record = sandbox::inject(dir, fault, None, LEASE, Utc::now()).unwrap();
        let status = sandbox::status(dir).unwrap();
        let broken: Vec<_> = status.services.iter().filter(|one| !one.healthy).collect();
        assert_eq!(broken.iter().map(|one| one.name).collect::<Vec<_>>(), hit, "{}", fault.name());
        let told = broken.iter().any(|one| one.problem.as_ref().is_some_and(|problem| problem.contains(sign)));
        assert!(told, "{}: {broken:?}", fault.name());
        assert!(status.faults[0].in_force);
        if fault == FaultKind::Freeze {
            let frozen = status.services.iter().find(|one| one.name == "records-db").unwrap();
            assert_eq!(frozen.process, ProcessState::Frozen);
            // the shallowest check does not see it: the kernel still accepts connections
            TcpStream::connect(("127.0.0.1", frozen.port.unwrap())).unwrap();
        }
        if fault == FaultKind::BadRelease {
            let log = fs::read_to_string(dir.join("logs/patient-api.log")).unwrap();
            assert!(
                log.lines().any(|line| line.contains(" ERROR ") && line.contains("missing column dose_unit")),
                "{log}"
            );
        }
        let again = sandbox::inject(dir, fault, None, LEASE, Utc::now());
        assert!(
            matches!(again, Err(SandboxError::AlreadyInForce { .. } | SandboxError::NotRunning { .. })),
            "{}: {again:?}",
            fault.name()
        );
        let healed = sandbox::heal(dir).unwrap();
        assert_eq!(
            healed.faults.iter().map(|one| (&one.id, one.was_in_force)).collect::<Vec<_>>(),
            [(&record.id, true)]
        );
        eventually("health", || healthy(dir).len() == sandbox::SERVICES.len());
        assert_eq!(state_of(dir), started, "{} left something behind", fault.name());
        assert!(sandbox::heal(dir).unwrap().faults.is_empty(), "healing twice is fine");
    }
}

#[test]
fn a_killed_service_stays_dead_until_the_restart_action_and_keeps_its_port() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let before = port(&sandbox::status(dir).unwrap(), "auth");
    sandbox::inject(dir, FaultKind::Kill, Some("auth"), LEASE, Utc::now()).unwrap();
    TcpStream::connect(("127.0.0.1", before)).unwrap_err();
    assert!(!healthy(dir).contains(&"auth"));
    sandbox::restart(dir, "auth").unwrap();
    let status = sandbox::status(dir).unwrap();
    assert_eq!(port(&status, "auth"), before);
    assert!(!status.faults[0].in_force, "somebody repaired it");
    assert_eq!(get(before, "/deep").unwrap().0, 200);
    // what was repaired may be broken again
    sandbox::inject(dir, FaultKind::Kill, Some("auth"), LEASE, Utc::now()).unwrap();
    assert_eq!(sandbox::heal(dir).unwrap().faults.len(), 1);
}

#[test]
fn what_is_written_after_the_database_was_put_back_is_not_lost() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let acknowledged = || sandbox::status(dir).unwrap().clinicians.and_then(|one| one["lastAcknowledged"].as_i64());
    for _ in 0..2 {
        sandbox::inject(dir, FaultKind::CorruptDatabase, None, LEASE, Utc::now()).unwrap();
        sandbox::heal(dir).unwrap();
    }
    let before = acknowledged();
    eventually("a write by the load", || acknowledged() > before);
    let written = acknowledged().unwrap();
    // another process sees it, also after the one that wrote it was killed
    sandbox::inject(dir, FaultKind::Kill, Some("records-db"), LEASE, Utc::now()).unwrap();
    let database = rusqlite::Connection::open(dir.join("services/records-db/records.db")).unwrap();
    let found = database.query_row("SELECT count(*) FROM vitals WHERE id = ?1", [written], |row| row.get::<_, i64>(0));
    assert_eq!(found.unwrap(), 1);
}

#[test]
fn the_supervisor_ends_a_fault_when_its_lease_ends() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let second = Duration::from_secs(1);
    sandbox::inject(dir, FaultKind::BrokenConfig, Some("inventory"), second, Utc::now()).unwrap();
    sandbox::inject(dir, FaultKind::Kill, Some("checkin"), second, Utc::now()).unwrap();
    assert!(!healthy(dir).contains(&"inventory"));
    eventually("the end of the leases", || {
        sandbox::status(dir).unwrap().faults.is_empty() && healthy(dir).len() == sandbox::SERVICES.len()
    });
}

#[test]
fn two_hundred_release_switches_under_load_fail_no_request_and_mix_no_releases() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir().to_owned();
    let status = sandbox::status(&dir).unwrap();
    let (auth, api) = (port(&status, "auth"), port(&status, "patient-api"));
    let secret = fs::read_to_string(dir.join("secrets/checkin")).unwrap();
    let account = json!({ "account": "checkin", "secret": secret });
    let (_, login) = exchange(auth, "POST", "/login", None, Some(&account)).unwrap();
    let token = login["token"].as_str().unwrap().to_owned();
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (token, done) = (token.clone(), Arc::clone(&done));
            thread::spawn(move || {
                let mut seen = BTreeMap::new();
                while !done.load(Ordering::SeqCst) {
                    let answer = exchange(api, "GET", "/patients/1", Some(&token), None);
                    let Some((200, body)) = answer else { panic!("a request failed: {answer:?}") };
                    let release = body["release"].as_str().unwrap().to_owned();
                    let chart = body["chart"].as_str().unwrap();
                    assert!(chart.contains(&format!("(chart {release})")), "releases were mixed: {body}");
                    *seen.entry(release).or_insert(0) += 1;
                }
                seen
            })
        })
        .collect();
    let root = dir.join("services/patient-api");
    for switch in 0..200 {
        let next = root.join(".next");
        let version = if switch % 2 == 0 { "v39" } else { "v40" };
        symlink(format!("releases/{version}"), &next).unwrap();
        fs::rename(&next, root.join("current")).unwrap();
        sandbox::reload(&dir, "patient-api").unwrap();
        assert_eq!(get(api, "/health").unwrap().1["version"], version, "a reload that returned has happened");
    }
    done.store(true, Ordering::SeqCst);
    let seen: Vec<BTreeMap<String, u32>> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    for release in ["v39", "v40"] {
        let requests: u32 = seen.iter().filter_map(|seen| seen.get(release)).sum();
        assert!(requests > 20, "only {requests} requests met {release}: {seen:?}");
    }
    let clinicians = sandbox::status(&dir).unwrap().clinicians.unwrap();
    assert_eq!(clinicians["failures"], 0, "{clinicians}");
}

#[test]
fn nothing_runs_after_kill_9_of_the_supervisor_and_heal_restores_the_files() {
    let home = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(home.path()).unwrap().join("sandbox");
    let mut supervisor = Supervisor::start(&dir);
    let ports: Vec<_> = sandbox::status(&dir).unwrap().services.iter().map(|one| one.port).collect();
    let mut healthy_state = state_of(&dir);
    healthy_state.retain(|name, _| !name.starts_with("run/"));
    for fault in [FaultKind::CorruptDatabase, FaultKind::BadRelease, FaultKind::BrokenConfig, FaultKind::Freeze] {
        // a frozen process must die with its supervisor, too
        sandbox::inject(&dir, fault, (fault == FaultKind::Freeze).then_some("inventory"), LEASE, Utc::now()).unwrap();
    }
    let running = processes_of(&dir);
    assert_eq!(running.len(), sandbox::SERVICES.len() + 3, "the services, the proxies, the load and the supervisor");
    supervisor.0.kill().unwrap();
    supervisor.0.wait().unwrap();
    eventually("the end of all processes", || processes_of(&dir).is_empty());
    let healed = sandbox::heal(&dir).unwrap();
    assert_eq!(healed.faults.len(), 4);
    assert_eq!(state_of(&dir), healthy_state, "files are as they were, and nothing is left behind");
    let _supervisor = Supervisor::start(&dir);
    let status = sandbox::status(&dir).unwrap();
    assert!(status.services.iter().all(|one| one.healthy), "{status:?}");
    assert_eq!(status.services.iter().map(|one| one.port).collect::<Vec<_>>(), ports, "ports stay");
}

#[test]
fn a_crash_at_any_moment_of_an_injection_can_be_healed() {
    let home = tempfile::tempdir().unwrap();
    let dir = fs::canonicalize(home.path()).unwrap().join("sandbox");
    drop(Supervisor::start(&dir));
    eventually("the end of all processes", || processes_of(&dir).is_empty());
    sandbox::heal(&dir).unwrap();
    let whole = state_of(&dir);
    for round in 0..12_u64 {
        let faults = [FaultKind::CorruptDatabase, FaultKind::BadRelease, FaultKind::BrokenConfig, FaultKind::WrongDose];
        let fault = faults[usize::try_from(round).unwrap() % faults.len()];
        let mut supervisor = Supervisor::start(&dir);
        let mut command = Command::new(BINARY);
        command.args(["sandbox", "fault", fault.name(), "--dir"]).arg(&dir);
        let mut injector = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(3 + round * 2));
        injector.kill().unwrap();
        supervisor.0.kill().unwrap();
        injector.wait().unwrap();
        supervisor.0.wait().unwrap();
        eventually("the end of all processes", || processes_of(&dir).is_empty());
        sandbox::heal(&dir).unwrap();
        assert_eq!(state_of(&dir), whole, "round {round}, {}", fault.name());
    }
}

#[test]
fn a_crash_at_any_moment_of_healing_can_be_healed() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let whole = state_of(dir);
    for round in 0..15_u64 {
        let faults = [
            FaultKind::CorruptDatabase,
            FaultKind::BadRelease,
            FaultKind::BrokenConfig,
            FaultKind::Slow,
            FaultKind::Kill,
        ];
        let fault = faults[usize::try_from(round).unwrap() % faults.len()];
        sandbox::inject(dir, fault, None, LEASE, Utc::now()).unwrap();
        let mut command = Command::new(BINARY);
        command.args(["sandbox", "heal", "--dir"]).arg(dir).stdout(Stdio::null()).stderr(Stdio::null());
        let mut healer = command.spawn().unwrap();
        thread::sleep(Duration::from_millis(3 + round));
        healer.kill().unwrap();
        healer.wait().unwrap();
        sandbox::heal(dir).unwrap();
        eventually("health", || healthy(dir).len() == sandbox::SERVICES.len());
        // a writer that was killed leaves its unfinished file until the sandbox goes down
        let mut now = state_of(dir);
        now.retain(|name, _| !name.ends_with("unfinished"));
        assert_eq!(now, whole, "round {round}, {}", fault.name());
    }
}

#[test]
fn what_is_not_a_sandbox_or_is_in_use_is_refused_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let foreign = home.path().join("documents");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.txt"), "all my work").unwrap();
    let refused = Sandbox::start(&options(&foreign)).unwrap_err();
    assert!(matches!(refused, SandboxError::NotASandbox { .. }), "{refused}");
    assert!(matches!(sandbox::heal(&foreign), Err(SandboxError::NotASandbox { .. })));
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1);

    let dir = home.path().join("sandbox");
    let sandbox = Sandbox::start(&options(&dir)).unwrap();
    let second = Command::new(BINARY).args(["sandbox", "up", "--dir"]).arg(&dir).output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("is already up"), "{second:?}");
    assert_eq!(healthy(&dir).len(), sandbox::SERVICES.len(), "the first is unharmed");
    assert!(matches!(sandbox::restart(&dir, "postgres"), Err(SandboxError::UnknownService { .. })));

    // a pid file that names a stranger does not make the stranger a target
    let entry = dir.join("run/inventory.json");
    let mut told: Value = serde_json::from_slice(&fs::read(&entry).unwrap()).unwrap();
    let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
    told["process"]["pid"] = json!(stranger.id());
    fs::write(&entry, told.to_string()).unwrap();
    let refused = sandbox::inject(&dir, FaultKind::Kill, Some("inventory"), LEASE, Utc::now());
    assert!(matches!(refused, Err(SandboxError::NotRunning { .. })), "{refused:?}");
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
    stranger.kill().unwrap();
    stranger.wait().unwrap();

    sandbox::down(&dir).unwrap();
    assert!(!sandbox.is_up());
    assert!(processes_of(&fs::canonicalize(&dir).unwrap()).is_empty());
    let refused = sandbox::inject(&dir, FaultKind::Kill, None, LEASE, Utc::now());
    assert!(matches!(refused, Err(SandboxError::NotUp { .. })), "{refused:?}");
}

#[test]
fn a_detached_sandbox_outlives_the_command_that_started_it() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("sandbox");
    let up = Command::new(BINARY).args(["sandbox", "up", "--detach", "--dir"]).arg(&dir).output().unwrap();
    assert!(up.status.success(), "{up:?}");
    assert_eq!(healthy(&dir).len(), sandbox::SERVICES.len());
    let down = Command::new(BINARY).args(["sandbox", "down", "--dir"]).arg(&dir).output().unwrap();
    assert!(down.status.success(), "{down:?}");
    eventually("the end of the supervisor", || processes_of(&fs::canonicalize(&dir).unwrap()).is_empty());
}
