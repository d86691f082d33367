//! What whoever takes over is told, and how an incident is told to those who wait.

use chrono::TimeDelta;
use codeblue::{
    domain::{ChangeState, Command, IncidentId, IncidentRole, Message, Status},
    report::{Handover, SituationReport},
};

use crate::{
    desk::{Desk, hospital, person},
    errors::{conclude, judge},
};

const FIRST: IncidentId = IncidentId(1);

fn situation(desk: &Desk) -> SituationReport {
    SituationReport::of(&desk.state, FIRST, desk.now).unwrap()
}

#[test]
fn the_night_is_handed_over_with_what_waits_and_for_whom() {
    let mut desk = Desk::new(hospital("production", "assist"));
    let calm = Handover::of(&desk.state, TimeDelta::hours(8), desk.now).markdown();
    assert!(
        calm.contains("## Open incidents\n\nNone.\n") && calm.contains("## Waits for a person\n\nNothing.\n"),
        "{calm}"
    );

    judge(&mut desk, "patient-api", Status::Down);
    desk.wait(TimeDelta::minutes(2));
    let early = situation(&desk);
    assert_eq!(early.needs[0], "somebody to acknowledge it");
    let told = "The cause is not known yet. Nothing was begun yet that would end it. Nobody has taken it yet.";
    assert!(early.in_short.ends_with(told), "{}", early.in_short);
    assert_eq!((early.commander, early.actions), (None, Vec::new()));

    conclude(&mut desk, "patient-api");
    let change = desk.state.changes.values().find(|change| change.state == ChangeState::Pending).unwrap().clone();
    desk.must(&person("erin"), Command::AcknowledgeIncident { incident: FIRST });
    let found = situation(&desk);
    let needed = format!("{} ({}) approved by", change.id, change.title);
    assert!(found.needs.iter().any(|need| need.starts_with(&needed)), "{:?}", found.needs);
    assert!(found.conditions.iter().any(|told| told.contains("90 % sure")), "{:?}", found.conditions);
    assert!(!found.needs.iter().any(|need| need.contains("acknowledge")), "{:?}", found.needs);
    for told in [" The cause is probably ", " A remedy is ready and waits for the ", " nobody is in command."] {
        assert!(found.in_short.contains(told), "{}", found.in_short);
    }
    let page = found.markdown();
    assert!(page.contains(&found.in_short), "{page}");
    assert!(page.starts_with("# SEV1 INC-1: patient-api down\n\nIdentified at "), "{page}");
    assert!(page.contains(", 2 min after the first sign (") && page.contains("- **Next update**: by "), "{page}");

    let document = Handover::of(&desk.state, TimeDelta::hours(8), desk.now);
    assert!(document.waiting.iter().any(|line| line.starts_with(&change.id.to_string())), "{:?}", document.waiting);
    let page = document.markdown();
    let head =
        "EMERGENCY: a SEV1 incident is open.\n\n- **patient-api** DOWN: tcp: connection refused\n- not heard from: ";
    assert!(
        page.contains(head) && page.contains("\n### INC-1 · SEV1 · patient-api down · Identified · 2 min · "),
        "{page}"
    );
}

#[test]
fn what_is_over_is_told_for_a_while_and_what_is_owed_until_it_is_done() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "patient-api", Status::Down);
    desk.must(
        &person("erin"),
        Command::AssignIncident { incident: FIRST, role: IncidentRole::Commander, operator: "erin".to_owned() },
    );
    let message = Message { text: "charts are read-only".to_owned(), conditions: None, actions: None, needs: None };
    desk.must(&person("erin"), Command::UpdateStakeholders { incident: FIRST, message });
    let told = situation(&desk);
    assert_eq!(told.commander.as_deref(), Some("erin"));
    assert!(told.markdown().contains("UTC: charts are read-only\n"), "{}", told.markdown());
    desk.now += TimeDelta::minutes(40);
    assert!(situation(&desk).markdown().contains("- **Next update**: LATE since "), "{}", situation(&desk).markdown());

    assert!(told.in_short.ends_with(" erin is in command."), "{}", told.in_short);
    judge(&mut desk, "patient-api", Status::Healthy);
    assert!(situation(&desk).in_short.contains("over since "), "{}", situation(&desk).in_short);
    let age = situation(&desk).age_seconds;
    desk.wait(TimeDelta::hours(1));
    assert_eq!(situation(&desk).age_seconds, age, "it does not age after its end");
    let lately = |desk: &Desk| Handover::of(&desk.state, TimeDelta::hours(8), desk.now);
    assert!(lately(&desk).lately[0].1.starts_with("INC-1 patient-api down resolved: "), "{:?}", lately(&desk).lately);
    assert!(
        lately(&desk).owed[0].starts_with("post-mortem of INC-1 patient-api down: by "),
        "{:?}",
        lately(&desk).owed
    );
    desk.wait(TimeDelta::days(9));
    let later = lately(&desk);
    assert!(later.lately.is_empty(), "{:?}", later.lately);
    assert!(later.owed[0].contains(": LATE since "), "{:?}", later.owed);
}
