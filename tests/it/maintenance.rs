//! Stories about work that was planned: it begins and ends by itself, and what fails meanwhile wakes nobody.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::domain::{Command, Status, Verdict, calendar};

use crate::desk::{Desk, person};

const PLATFORM: &str = r#"
[platform]
name = "Ward"
profile = "drill"
[[service]]
name = "records-db"
criticality = "critical"
[[service]]
name = "handouts"
[[maintenance]]
services = ["records-db"]
at = "sun 02:30"
takes = "2h"
zone = "Europe/Berlin"
reason = "vacuum"
[[maintenance]]
services = ["records-db", "handouts"]
at = "2026-01-18 03:00"
takes = "30m"
reason = "new cables"
[[operator]]
name = "alice"
roles = ["technical-lead"]
"#;

fn ward(now: &str) -> Desk {
    let platform = codeblue::platform::parse(PLATFORM, Path::new("/srv/codeblue.toml")).unwrap();
    let mut desk = Desk::new(Arc::new(platform));
    desk.now = at(now);
    judge(&mut desk, "records-db", Status::Healthy);
    desk
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn judge(desk: &mut Desk, service: &str, status: Status) {
    let service = service.to_owned();
    desk.engine(Command::RecordVerdict(Verdict { service, status, reason: "refused".to_owned(), failing_since: None }));
}

fn until(desk: &Desk, service: &str) -> Option<DateTime<Utc>> {
    desk.state.services[service].maintenance_until
}

#[test]
fn a_window_begins_and_ends_by_itself_and_wakes_nobody() {
    let mut desk = ward("2026-01-17T12:00:00Z");
    desk.wait(at("2026-01-18T01:30:00Z") - desk.now);
    assert_eq!(until(&desk, "records-db"), Some(at("2026-01-18T03:30:00Z")), "half past two in Berlin");
    assert_eq!(desk.state.services["records-db"].reason, "vacuum");
    assert_eq!(until(&desk, "handouts"), None);
    judge(&mut desk, "records-db", Status::Down);
    assert_eq!(desk.state.open_incidents().count(), 0);

    desk.wait(TimeDelta::minutes(100));
    assert_eq!(until(&desk, "records-db"), Some(at("2026-01-18T03:30:00Z")), "a shorter window cuts nothing short");
    assert_eq!(until(&desk, "handouts"), Some(at("2026-01-18T03:30:00Z")));
    desk.wait(TimeDelta::minutes(30));
    assert_eq!(until(&desk, "records-db"), None);
    judge(&mut desk, "records-db", Status::Down);
    assert_eq!(desk.state.open_incidents().count(), 1, "what is still broken when the work is over is an incident");
    desk.wait(TimeDelta::days(6));
    assert_eq!(until(&desk, "handouts"), None, "once is once");
}

#[test]
fn work_planned_by_command_comes_once_and_can_be_withdrawn() {
    let mut desk = ward("2026-01-19T12:00:00Z");
    let plan = |from: &str, until: &str| Command::PlanMaintenance {
        service: "handouts".to_owned(),
        from: at(from),
        until: at(until),
        reason: "new disks".to_owned(),
    };
    desk.must(&person("alice"), plan("2026-01-19T22:00:00Z", "2026-01-19T23:00:00Z"));
    desk.must(&person("alice"), plan("2026-01-20T22:00:00Z", "2026-01-20T23:00:00Z"));
    let rule = |desk: &mut Desk, command| desk.give(&person("alice"), command).unwrap_err().rule;
    let overlapping = plan("2026-01-19T22:30:00Z", "2026-01-19T23:30:00Z");
    assert_eq!(rule(&mut desk, overlapping), "window-overlaps");
    let over = plan("2026-01-19T11:00:00Z", "2026-01-19T23:30:00Z");
    assert_eq!(rule(&mut desk, over), "window-in-the-past");
    let from = at("2026-01-20T22:00:00Z");
    desk.must(&person("alice"), Command::WithdrawMaintenance { service: "handouts".to_owned(), from });

    desk.wait(at("2026-01-19T22:10:00Z") - desk.now);
    assert_eq!(until(&desk, "handouts"), Some(at("2026-01-19T23:00:00Z")));
    judge(&mut desk, "handouts", Status::Down);
    assert_eq!(desk.state.open_incidents().count(), 0);
    desk.must(&person("alice"), plan("2026-01-19T23:00:00Z", "2026-01-19T23:30:00Z"));
    desk.wait(TimeDelta::minutes(51));
    assert_eq!(until(&desk, "handouts"), Some(at("2026-01-19T23:30:00Z")), "the next one begins as it ends");
    desk.wait(TimeDelta::minutes(30));
    assert_eq!(until(&desk, "handouts"), None);
    desk.wait(TimeDelta::days(2));
    assert_eq!(until(&desk, "handouts"), None, "what was withdrawn does not come");
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn the_calendar_has_what_is_in_force_what_the_file_declares_and_what_was_planned() {
    let mut desk = ward("2026-01-17T12:00:00Z");
    let (service, reason) = ("handouts".to_owned(), "new disks".to_owned());
    desk.must(
        &person("alice"),
        Command::StartMaintenance {
            service: service.clone(),
            until: at("2026-01-17T13:00:00Z"),
            reason: reason.clone(),
        },
    );
    let (from, until) = (at("2026-01-20T22:00:00Z"), at("2026-01-20T23:00:00Z"));
    desk.must(&person("alice"), Command::PlanMaintenance { service, from, until, reason });
    let entries = calendar(&desk.state, desk.now, at("2026-01-27T00:00:00Z"));
    let told: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {} {:?}", entry.from.format("%d %H:%M"), entry.service, entry.origin))
        .collect();
    assert_eq!(
        told,
        [
            "17 12:00 handouts InForce",
            "18 01:30 records-db PlatformFile",
            "18 03:00 handouts PlatformFile",
            "18 03:00 records-db PlatformFile",
            "20 22:00 handouts Operator",
            "25 01:30 records-db PlatformFile",
        ]
    );
}

#[test]
fn who_ends_it_early_ends_it_until_next_week() {
    let mut desk = ward("2026-01-18T01:29:00Z");
    desk.wait(TimeDelta::minutes(10));
    desk.must(&person("alice"), Command::EndMaintenance { service: "records-db".to_owned() });
    desk.wait(TimeDelta::minutes(60));
    assert_eq!(until(&desk, "records-db"), None);
    desk.wait(at("2026-01-25T01:31:00Z") - desk.now);
    assert_eq!(until(&desk, "records-db"), Some(at("2026-01-25T03:30:00Z")));
}

#[test]
fn a_window_that_begins_in_an_outage_does_not_end_it() {
    let mut desk = ward("2026-01-18T01:20:00Z");
    judge(&mut desk, "records-db", Status::Down);
    desk.wait(TimeDelta::minutes(20));
    assert_eq!(desk.state.services["records-db"].status, Status::Maintenance);
    judge(&mut desk, "handouts", Status::Healthy);
    assert_eq!(desk.state.open_incidents().count(), 1, "nobody has seen it healthy");
    desk.wait(TimeDelta::hours(2));
    judge(&mut desk, "records-db", Status::Healthy);
    assert_eq!(desk.state.open_incidents().count(), 0);
}

#[test]
fn an_engine_that_comes_late_takes_up_what_is_left_of_the_window() {
    let mut desk = ward("2026-01-18T03:10:00Z");
    desk.wait(TimeDelta::seconds(1));
    assert_eq!(until(&desk, "records-db"), Some(at("2026-01-18T03:30:00Z")));
    let mut late = ward("2026-01-18T03:30:00Z");
    late.wait(TimeDelta::hours(1));
    assert_eq!(until(&late, "records-db"), None);
}
