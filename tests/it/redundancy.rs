//! Stories about what hangs on what: one cause is one incident, and half of a pair is no outage.

use std::{path::Path, sync::Arc};

use codeblue::domain::{Command, IncidentState, Severity, Status, Verdict};

use crate::desk::Desk;

fn desk(services: &str) -> Desk {
    let text = format!("[platform]\nname = \"Ward\"\nprofile = \"drill\"\n{services}");
    let mut desk = Desk::new(Arc::new(codeblue::platform::parse(&text, Path::new("/srv/codeblue.toml")).unwrap()));
    for service in desk.state.platform.clone().services.iter().map(|service| &service.name) {
        judge(&mut desk, service, Status::Healthy);
    }
    desk
}

fn judge(desk: &mut Desk, service: &str, status: Status) {
    let reason = if status == Status::Down { "refused" } else { "ok" }.to_owned();
    let verdict = Verdict { service: service.to_owned(), status, reason, failing_since: None };
    desk.engine(Command::RecordVerdict(verdict));
}

const PAIR: &str = r#"
[[service]]
name = "auth-a"
criticality = "critical"
[[service]]
name = "auth-b"
criticality = "critical"
[[service]]
name = "portal"
criticality = "critical"
depends_on = [["auth-a", "auth-b"]]
"#;

#[test]
fn half_of_a_pair_is_no_outage_and_all_of_it_is_one() {
    let mut desk = desk(PAIR);
    judge(&mut desk, "auth-b", Status::Down);
    let incident = desk.state.open_incidents().next().unwrap();
    assert_eq!(incident.severity, Severity::Sev3, "somebody looks at it in the morning");
    assert_eq!(incident.title, "auth-b down, the others of its group carry its work");

    judge(&mut desk, "auth-a", Status::Down);
    judge(&mut desk, "portal", Status::Down);
    let open: Vec<_> = desk.state.open_incidents().collect();
    assert_eq!(open.len(), 1, "one outage");
    assert_eq!((open[0].severity, open[0].services.len()), (Severity::Sev1, 3));
}

#[test]
fn who_needs_it_alone_is_carried_by_nobody() {
    let mut desk = desk(&format!("{PAIR}[[service]]\nname = \"kiosk\"\ndepends_on = [\"auth-b\"]\n"));
    judge(&mut desk, "auth-b", Status::Down);
    assert_eq!(desk.state.open_incidents().next().unwrap().severity, Severity::Sev1);
}

#[test]
fn fifty_that_hang_on_one_are_one_incident_and_each_is_seen_to_recover() {
    let hangs = |number| format!("[[service]]\nname = \"s{number}\"\ndepends_on = [\"records-db\"]\n");
    let all: String = (0..50).map(hangs).collect();
    let mut desk = desk(&format!("[[service]]\nname = \"records-db\"\ncriticality = \"critical\"\n{all}"));
    judge(&mut desk, "s7", Status::Down);
    judge(&mut desk, "records-db", Status::Down);
    for number in (0..50).filter(|number| *number != 7) {
        judge(&mut desk, &format!("s{number}"), Status::Down);
    }
    assert_eq!(desk.state.incidents.len(), 1);
    let incident = desk.state.open_incidents().next().unwrap();
    assert_eq!((incident.services.len(), incident.root.as_deref()), (51, Some("records-db")));
    assert_eq!(incident.severity, Severity::Sev1);

    judge(&mut desk, "records-db", Status::Healthy);
    for number in 0..50 {
        assert!(desk.state.open_incidents().next().is_some(), "s{number} still suffers");
        judge(&mut desk, &format!("s{number}"), Status::Healthy);
    }
    let incident = desk.state.incidents.values().next().unwrap();
    assert_eq!(incident.state, IncidentState::Resolved);
    let told = incident.timeline.iter().filter(|entry| entry.text.ends_with("is healthy again")).count();
    assert_eq!(told, 51, "each recovery is told");
}
