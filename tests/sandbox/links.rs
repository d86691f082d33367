//! Faults between two services that are both well.

use std::time::{Duration, Instant};

use chrono::Utc;
use codeblue::sandbox::{self, FaultKind};

use super::{LEASE, get, healthy, port, shows_and_heals, start};

const API: [&str; 3] = ["patient-api", "checkin", "handouts"];

#[test]
fn a_dependency_breaks_in_every_way_while_both_ends_are_well() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    shows_and_heals(dir, FaultKind::LinkBlackHole, &API, "records-db did not answer");
    shows_and_heals(dir, FaultKind::LinkReset, &API, "records-db broke the connection");
    shows_and_heals(dir, FaultKind::LinkCut, &API, "records-db broke its answer off");
    shows_and_heals(dir, FaultKind::LinkNarrow, &API, "records-db did not answer");
}

#[test]
fn a_late_dependency_makes_its_user_late_and_nobody_else() {
    let (_home, sandbox) = start();
    let dir = sandbox.dir();
    let status = sandbox::status(dir).unwrap();
    let takes = |service: &str| {
        let started = Instant::now();
        assert_eq!(get(port(&status, service), "/deep").unwrap().0, 200);
        started.elapsed()
    };
    let late = Duration::from_millis(400);
    let record = sandbox::inject(dir, FaultKind::LinkSlow, Some("ai-analysis:records-db"), LEASE, Utc::now()).unwrap();
    assert_eq!((record.service.as_str(), record.link()), ("ai-analysis", Some("ai-analysis:records-db")));
    assert!(takes("ai-analysis") >= late);
    assert_eq!(healthy(dir).len(), sandbox::SERVICES.len());
    // another dependency may suffer at the same time, and is another fault
    sandbox::inject(dir, FaultKind::LinkReset, Some("checkin:patient-api"), LEASE, Utc::now()).unwrap();
    assert!(!healthy(dir).contains(&"checkin"));
    assert_eq!(sandbox::heal(dir).unwrap().faults.len(), 2);
    assert_eq!(healthy(dir).len(), sandbox::SERVICES.len());
    let fastest = (0..5).map(|_| takes("ai-analysis")).min().unwrap();
    assert!(fastest < late, "{fastest:?}");
}
