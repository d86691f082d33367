//! Faults inside a running process: each takes effect, is missed by the check that it should be missed by, and heals.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use chrono::Utc;
use codeblue::sandbox::{self, FaultKind};

use super::{LEASE, eventually, get, healthy, port, shows_and_heals, start, state_of};

const RECORDS: [&str; 5] = ["records-db", "patient-api", "ai-analysis", "checkin", "handouts"];
const API: [&str; 3] = ["patient-api", "checkin", "handouts"];

fn says_it_is_well(dir: &Path, service: &str) -> bool {
    let port = port(&sandbox::status(dir).unwrap(), service);
    get(port, "/health").is_some_and(|(status, body)| status == 200 && body["status"] == "ok")
}

fn pid(dir: &Path, service: &str) -> u32 {
    sandbox::status(dir).unwrap().services.iter().find(|one| one.name == service).unwrap().pid.unwrap()
}

fn log(dir: &Path, service: &str) -> String {
    fs::read_to_string(dir.join(format!("logs/{service}.log"))).unwrap()
}

#[test]
fn a_process_that_takes_no_connections_is_there_all_the_same() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    shows_and_heals(dir, FaultKind::Refuse, &["auth", "patient-api", "checkin", "handouts"], "refused");
    shows_and_heals(dir, FaultKind::AcceptStall, &API, "does not answer");
    shows_and_heals(dir, FaultKind::NoDescriptors, &API, "does not answer");
    assert!(log(dir, "patient-api").contains("Too many open files"), "{}", log(dir, "patient-api"));

    let (port, before) = (port(&sandbox::status(dir).unwrap(), "auth"), pid(dir, "auth"));
    sandbox::inject(dir, FaultKind::Refuse, None, LEASE, Utc::now()).unwrap();
    eventually("a refused connection", || TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(pid(dir, "auth"), before, "the process lives");
    sandbox::heal(dir).unwrap();
    eventually("a connection", || get(port, "/deep").is_some_and(|(status, _)| status == 200));
}

#[test]
fn a_fault_of_the_records_is_told_by_a_write_alone() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    shows_and_heals(dir, FaultKind::PoolLeak, &RECORDS, "pool exhausted");
    shows_and_heals(dir, FaultKind::DiskFull, &["records-db"], "database or disk is full");
    shows_and_heals(dir, FaultKind::LockHolder, &["records-db"], "database is locked");
    sandbox::inject(dir, FaultKind::LockHolder, None, LEASE, Utc::now()).unwrap();
    assert!(says_it_is_well(dir, "records-db"));
    assert!(healthy(dir).contains(&"patient-api"), "charts can be read");
}

#[test]
fn auth_is_well_by_itself_when_nobody_gets_in() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    shows_and_heals(dir, FaultKind::ClockSkew, &API, "not valid yet");
    // who has a token works on
    shows_and_heals(dir, FaultKind::LockoutStorm, &["patient-api"], "is locked");
    shows_and_heals(dir, FaultKind::WrongPassword, &["patient-api"], "wrong secret");
    shows_and_heals(dir, FaultKind::HalfRotatedKey, &["auth", "patient-api"], "the token was not made here");
}

#[test]
fn a_certificate_that_is_not_accepted_keeps_the_world_out_and_services_in() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let api = ["patient-api"];
    shows_and_heals(dir, FaultKind::CertificateExpired, &api, "certificate expired");
    shows_and_heals(dir, FaultKind::CertificateWrongName, &api, "not valid for name");
    shows_and_heals(dir, FaultKind::CertificateUnknownAuthority, &api, "UnknownIssuer");
    let failures = || sandbox::status(dir).unwrap().clinicians.unwrap()["failures"].as_u64().unwrap();
    let before = failures();
    sandbox::inject(dir, FaultKind::CertificateExpired, None, LEASE, Utc::now()).unwrap();
    eventually("clinicians outside", || failures() > before);
    assert!(says_it_is_well(dir, "patient-api"), "without TLS nothing is seen");
    let second = sandbox::inject(dir, FaultKind::CertificateWrongName, None, LEASE, Utc::now());
    assert!(second.is_err(), "one certificate at a time");
}

#[test]
fn the_model_is_known_by_its_checksum_and_by_texts_whose_summary_is_known() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let analysis = ["ai-analysis"];
    shows_and_heals(dir, FaultKind::ModelMissing, &analysis, "model.json is missing");
    shows_and_heals(dir, FaultKind::ModelAltered, &analysis, "its checksum differs");
    shows_and_heals(dir, FaultKind::StuckQueue, &analysis, "the queue does not move");
    shows_and_heals(dir, FaultKind::WrongAnswers, &analysis, "gives a wrong summary");
    let port = port(&sandbox::status(dir).unwrap(), "ai-analysis");
    // not every note has sentences of different weight
    let summaries = || (1..12).map(|patient| get(port, &format!("/summaries/{patient}")).unwrap()).collect::<Vec<_>>();
    let right = summaries();
    sandbox::inject(dir, FaultKind::WrongAnswers, None, LEASE, Utc::now()).unwrap();
    let wrong = summaries();
    assert!(wrong.iter().all(|(status, _)| *status == 200), "{wrong:?}");
    assert_ne!(wrong, right);
}

#[test]
fn what_grows_and_what_is_told_shows_in_the_process_and_its_log_alone() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let started = state_of(dir);
    let memory = || {
        let status = fs::read_to_string(format!("/proc/{}/status", pid(dir, "ai-analysis"))).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
    };
    // they may be many that want the processor: a thread that turns is ready to run at every look
    let turning = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", pid(dir, "checkin"))).unwrap().flatten();
        let states = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
        states.filter(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))).count()
    };
    let memory_before = memory();
    let lines = || log(dir, "inventory").lines().filter(|line| line.contains("cache entry")).count();
    for fault in [FaultKind::MemoryLeak, FaultKind::BusyProcessor, FaultKind::LogStorm, FaultKind::PhiInLog] {
        sandbox::inject(dir, fault, None, LEASE, Utc::now()).unwrap();
    }
    eventually("memory that grows", || memory() > memory_before + (48 << 20));
    eventually("a busy processor", || (0..5).all(|_| turning() >= 2));
    eventually("many lines", || lines() > 400);
    eventually("a name in the log", || log(dir, "patient-api").contains("mrn="));
    eventually("the one that takes memory tells of it, and no other sees anything", || {
        let status = sandbox::status(dir).unwrap();
        let told =
            |service: &sandbox::ServiceStatus| service.problem.as_deref().unwrap_or_default().contains("of memory");
        let ill: Vec<_> = status.services.iter().filter(|service| !service.healthy).collect();
        matches!(ill[..], [service] if service.name == "ai-analysis" && told(service))
    });
    assert!(sandbox::status(dir).unwrap().faults.iter().all(|fault| fault.in_force));
    assert!(sandbox::heal(dir).unwrap().faults.iter().all(|fault| fault.was_in_force));
    eventually("memory that is free again", || memory() < memory_before + (32 << 20));
    eventually("an idle processor", || turning() == 0);
    let told = || (lines(), log(dir, "patient-api").matches("mrn=").count());
    eventually("logs that stay as they are", || {
        let before = told();
        std::thread::sleep(Duration::from_millis(1500));
        told() == before
    });
    assert_eq!(state_of(dir), started);
}

#[test]
fn a_process_that_is_started_anew_is_well() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    for fault in [FaultKind::PoolLeak, FaultKind::DiskFull] {
        sandbox::inject(dir, fault, None, LEASE, Utc::now()).unwrap();
    }
    sandbox::restart(dir, "records-db").unwrap();
    eventually("health", || healthy(dir).len() == sandbox::SERVICES.len());
    assert!(sandbox::status(dir).unwrap().faults.iter().all(|fault| !fault.in_force));
    // and may be impaired again, while the records of the one before are still there
    sandbox::inject(dir, FaultKind::PoolLeak, None, LEASE, Utc::now()).unwrap();
    assert!(!healthy(dir).contains(&"records-db"));
    assert_eq!(sandbox::heal(dir).unwrap().faults.len(), 2);
    eventually("health", || healthy(dir).len() == sandbox::SERVICES.len());
}

#[test]
fn a_slow_process_stays_slow_until_it_is_healed_or_started_anew() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let port = port(&sandbox::status(dir).unwrap(), "ai-analysis");
    let takes = || {
        let started = Instant::now();
        assert_eq!(get(port, "/summaries/1").unwrap().0, 200);
        started.elapsed()
    };
    let slow = Duration::from_millis(900);
    assert!(takes() < slow);
    sandbox::inject(dir, FaultKind::Slow, None, LEASE, Utc::now()).unwrap();
    assert!(takes() >= slow);
    sandbox::heal(dir).unwrap();
    assert!(takes() < slow);
    sandbox::inject(dir, FaultKind::Slow, None, LEASE, Utc::now()).unwrap();
    sandbox::restart(dir, "ai-analysis").unwrap();
    assert!(takes() < slow);
    assert!(!sandbox::status(dir).unwrap().faults[0].in_force);
}
