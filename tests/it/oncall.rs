//! Who is on call: called by name, handed over, overridden, and loudly missing; in the rules and through the real program.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::{Callee, Command, Event, IncidentId, OnCall, OverrideId, Severity, on_call},
    platform::{Platform, parse},
};
use serde_json::Value;

use crate::{
    cli::Script,
    desk::{Desk, person},
};

/// Two services of two teams; the schedules come from the test.
fn platform(schedules: &str) -> Arc<Platform> {
    let service = |name: &str, owner: &str| {
        format!(
            "[[service]]\nname = \"{name}\"\ncriticality = \"critical\"\nowner = \"{owner}\"\n[[service.check]]\ntcp = \"127.0.0.1:1\"\n"
        )
    };
    let operator = |(name, role)| format!("[[operator]]\nname = \"{name}\"\nroles = [\"{role}\"]\n");
    let people = [("alice", "technical-lead"), ("bob", "engineer"), ("carol", "cto"), ("erin", "engineer")];
    let text = format!(
        "[platform]\nname = \"Ward\"\nprofile = \"drill\"\n[access]\nsecond_factor = \"enrolled\"\n{}{}{}{schedules}",
        service("auth", "identity"),
        service("records", "data"),
        people.map(operator).concat(),
    );
    Arc::new(parse(&text, Path::new("/srv/codeblue.toml")).unwrap_or_else(|problems| panic!("{problems}")))
}

/// Handed over each day at nine, UTC.
const DAILY: &str =
    "[[oncall]]\nname = \"ward\"\npeople = [\"bob\", \"erin\"]\nsince = \"2026-01-01 09:00\"\nevery = \"1d\"\n";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A desk at this time.
fn desk_at(schedules: &str, now: &str) -> Desk {
    let mut desk = Desk::new(platform(schedules));
    desk.now = at(now);
    desk
}

/// An incident that a check has opened, which nobody has seen.
fn opened(desk: &mut Desk, severity: Severity, service: &str) -> IncidentId {
    use codeblue::domain::{Status, Verdict};
    let (service, failing_since) = (service.to_owned(), Some(desk.now));
    let verdict = Verdict { service, status: Status::Down, reason: "tcp".to_owned(), failing_since };
    desk.engine(Command::RecordVerdict(verdict));
    let id = *desk.state.incidents.keys().next_back().unwrap();
    if severity != Severity::Sev1 {
        let (incident, reason) = (id, "less bad".to_owned());
        desk.engine(Command::SetIncidentSeverity { incident, severity, reason });
    }
    id
}

/// Whom each call was for, in words.
fn calls(desk: &Desk) -> Vec<String> {
    let calls = desk.log.iter().filter_map(|recorded| match &recorded.event {
        Event::PeopleToCall { notice } => Some(notice.names()),
        _ => None,
    });
    calls.collect()
}

#[test]
fn an_incident_calls_whoever_is_on_call_for_the_team_by_name() {
    let identity = "[[oncall]]\nname = \"identity\"\nowners = [\"identity\"]\npeople = [\"erin\"]\n";
    let mut desk = desk_at(&format!("{DAILY}{identity}"), "2026-01-01T12:00:00Z");
    let records = opened(&mut desk, Severity::Sev1, "records");
    let auth = opened(&mut desk, Severity::Sev1, "auth");
    assert_eq!(calls(&desk), ["bob, on call for ward, the IT team", "erin, on call for identity, the IT team"]);
    let told = &desk.state.incidents[&records];
    assert!(told.timeline.iter().any(|entry| entry.text.contains("bob, on call for ward")), "{:?}", told.timeline);
    assert_eq!(desk.state.incidents[&auth].on_call.as_ref().unwrap().person(), Some("erin"));
    // Nobody comes: the lead, then the CTO, as the clocks run out.
    desk.wait(TimeDelta::minutes(40));
    let of_records = desk.log.iter().filter_map(|recorded| match &recorded.event {
        Event::PeopleToCall { notice } if notice.incident == records => Some(notice.to.clone()),
        _ => None,
    });
    let later: Vec<Callee> = of_records.skip(1).flatten().collect();
    let first = |wanted: Callee| later.iter().position(|callee| *callee == wanted);
    assert!(first(Callee::TechnicalLead).is_some() && first(Callee::TechnicalLead) < first(Callee::Cto), "{later:?}");
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn where_nobody_is_on_call_that_is_said_and_the_next_rung_is_called_at_once() {
    let office = DAILY.replace("every", "only = \"mon-fri 09:00-17:00\"\ngaps = \"call-next\"\nevery");
    for (severity, then) in [(Severity::Sev1, "the technical lead"), (Severity::Sev3, "the technical lead")] {
        let mut desk = desk_at(&office, "2026-01-03T12:00:00Z");
        let command =
            Command::DeclareIncident { severity, title: "slow".to_owned(), services: vec!["auth".to_owned()] };
        desk.must(&person("carol"), command);
        let called = calls(&desk);
        assert!(called[0].starts_with("NOBODY on call for ward"), "{called:?}");
        assert_eq!(called.last().map(String::as_str), Some(then), "{severity}: {called:?}");
        let incident = desk.state.incidents.values().next().unwrap();
        assert!(incident.called.contains(&Callee::TechnicalLead));
        assert_eq!(incident.on_call, Some(OnCall::Nobody { schedule: "ward".to_owned() }));
    }
    // Somebody who may not act is as good as nobody.
    let mut desk = desk_at(DAILY, "2026-01-01T12:00:00Z");
    desk.must(&person("alice"), Command::DisableOperator { name: "bob".to_owned(), reason: "left".to_owned() });
    opened(&mut desk, Severity::Sev1, "auth");
    let called = calls(&desk);
    assert!(called[0].contains("it is the turn of bob, who may not act"), "{called:?}");
    assert_eq!(called[1], "the technical lead");
}

#[test]
fn what_nobody_has_seen_passes_to_the_next_at_the_hand_over() {
    let mut desk = desk_at(DAILY, "2026-01-02T08:58:00Z");
    let open = opened(&mut desk, Severity::Sev3, "auth");
    let seen = opened(&mut desk, Severity::Sev3, "records");
    desk.must(&person("bob"), Command::AcknowledgeIncident { incident: seen });
    assert_eq!(desk.state.incidents[&open].on_call.as_ref().unwrap().person(), Some("bob"));
    desk.wait(TimeDelta::minutes(1));
    assert_eq!(desk.state.incidents[&open].on_call.as_ref().unwrap().person(), Some("bob"));
    desk.wait(TimeDelta::minutes(1));
    let passed = &desk.state.incidents[&open];
    assert_eq!(passed.on_call.as_ref().unwrap().person(), Some("erin"));
    let entry = passed.timeline.last().unwrap();
    assert_eq!(
        (entry.at, entry.text.as_str()),
        (at("2026-01-02T09:00:00Z"), "to call, not sent: erin, on call for ward")
    );
    assert_eq!(desk.state.incidents[&seen].on_call.as_ref().unwrap().person(), Some("bob"), "bob has it");
    // Without another event for days it passes each day, to whoever it is then.
    let before = calls(&desk).len();
    desk.wait(TimeDelta::hours(23));
    let passed = |desk: &Desk| {
        desk.log.iter().filter(|recorded| matches!(&recorded.event, Event::PeopleToCall { notice } if notice.reason.starts_with("hand-over"))).count()
    };
    assert_eq!(passed(&desk), 1, "{:?}", &calls(&desk)[before..]);
    desk.wait(TimeDelta::hours(25));
    assert_eq!(passed(&desk), 3);
    desk.must(&person("alice"), Command::AcknowledgeIncident { incident: open });
    desk.wait(TimeDelta::days(3));
    assert_eq!(passed(&desk), 3, "what somebody has seen is nobody else's");
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn people_take_shifts_and_leads_give_them_and_nothing_is_forgotten() {
    let mut desk = desk_at(DAILY, "2026-01-01T12:00:00Z");
    let mut ask = |by: &str, person: &str| {
        let wish = |person: &str| Command::OverrideOnCall {
            schedule: "ward".to_owned(),
            person: person.to_owned(),
            from: None,
            until: at("2026-01-01T20:00:00Z"),
            reason: "train".to_owned(),
        };
        desk.give(&super::desk::person(by), wish(person)).map_err(|refusal| refusal.rule)
    };
    assert_eq!(ask("bob", "erin").unwrap_err(), "not-your-shift");
    assert_eq!(ask("alice", "nobody").unwrap_err(), "unknown-operator");
    assert!(ask("erin", "erin").is_ok() && ask("alice", "carol").is_ok());
    let ward = desk.state.platform.schedule("ward").unwrap().clone();
    let holder = |desk: &Desk, time| on_call(&desk.state, &ward, at(time)).map(|(name, _)| name.to_owned()).unwrap();
    assert_eq!(holder(&desk, "2026-01-01T12:00:00Z"), "carol", "the newest holds");
    assert_eq!(holder(&desk, "2026-01-01T20:00:00Z"), "bob");
    let end = |id| Command::EndOverride { id: OverrideId(id), reason: "no train".to_owned() };
    assert_eq!(desk.give(&person("bob"), end(2)).unwrap_err().rule, "not-your-shift");
    desk.wait(TimeDelta::hours(1));
    let incident = opened(&mut desk, Severity::Sev1, "auth");
    desk.must(&person("carol"), end(2));
    assert_eq!(holder(&desk, "2026-01-01T12:30:00Z"), "carol", "what was stays so");
    assert_eq!(holder(&desk, "2026-01-01T13:00:00Z"), "erin");
    assert_eq!(desk.give(&person("carol"), end(2)).unwrap_err().rule, "override-over");
    assert!(desk.state.overrides[&OverrideId(2)].ended_at.is_some(), "it stays on record");
    // What carol was called for and has not seen is erin's now.
    desk.meet_deadlines();
    assert_eq!(desk.state.incidents[&incident].on_call.as_ref().unwrap().person(), Some("erin"));
    assert_eq!(desk.replayed(), desk.state);
    let from = Some(at("2026-01-01T12:00:00Z"));
    let late = Command::OverrideOnCall {
        schedule: "ward".to_owned(),
        person: "bob".to_owned(),
        from,
        until: at("2026-01-02T00:00:00Z"),
        reason: "r".to_owned(),
    };
    assert_eq!(
        desk.give(&person("bob"), late).unwrap_err().rule,
        "shift-in-the-past",
        "nobody rewrites who was called"
    );
}

/// The whole through the real program: the file, its check, who, shifts, an override, an incident, taking it back, a restart.
#[test]
fn the_program_says_who_is_on_call() {
    let script = Script::new();
    std::fs::create_dir_all(script.home()).unwrap();
    let login = whoami();
    let operator = |name: &str, role: &str| {
        format!("[[operator]]\nname = \"{name}\"\nroles = [\"{role}\"]\nlogin = \"{login}\"\n")
    };
    let file = script.home().join("codeblue.toml");
    let text = format!(
        "[platform]\nname = \"Ward\"\nprofile = \"drill\"\n[[service]]\nname = \"charts\"\nowner = \"ward\"\n[[service.check]]\ncommand = \"true\"\n{}{}\
         [[oncall]]\nname = \"ward\"\nzone = \"Europe/Berlin\"\npeople = [\"bob\"]\n",
        operator("alice", "technical-lead"),
        operator("bob", "engineer"),
    );
    std::fs::write(&file, text.replace("people = [\"bob\"]", "people = [\"bbo\"]")).unwrap();
    let (code, out, err) = script.run(&["check"]);
    assert!(code != 0 && format!("{out}{err}").contains("did you mean \"bob\"?"), "{code}: {out}{err}");
    std::fs::write(&file, &text).unwrap();
    let (code, out, err) = script.run(&["check"]);
    assert!(code == 0 && out.contains("Who is on call") && out.contains("ward: for every service"), "{out}{err}");
    let mut engine = script.serve();
    let who = |script: &Script| {
        let (code, who) = script.json(&["oncall", "who"]);
        assert_eq!(code, 0, "{who}");
        who[0]["person"].as_str().unwrap_or("nobody").to_owned()
    };
    assert_eq!(who(&script), "bob");
    let (code, _, err) =
        script.run(&["--as", "bob", "oncall", "override", "ward", "alice", "--to", "3h", "--reason", "train"]);
    assert!(code != 0 && err.contains("only a technical lead or the CTO"), "{err}");
    let (code, out, err) =
        script.run(&["--as", "alice", "oncall", "override", "ward", "alice", "--to", "3h", "--reason", "train"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(who(&script), "alice");
    let (_, shifts) = script.json(&["oncall", "schedule", "ward", "--days", "2"]);
    let people: Vec<&str> = shifts.as_array().unwrap().iter().filter_map(|shift| shift["person"].as_str()).collect();
    assert_eq!(people, ["alice", "bob"]);
    script.run(&["--as", "bob", "incident", "declare", "charts are slow", "-s", "2", "--service", "charts"]);
    let (_, out, _) = script.run(&["incident", "show", "INC-1"]);
    assert!(out.contains("alice, on call for ward"), "{out}");
    assert_eq!(engine.terminate(), Some(0));
    drop(engine);
    let _again = script.serve();
    assert_eq!(who(&script), "alice", "a restart forgets no override");
    let (code, _, err) = script.run(&["--as", "alice", "oncall", "end", "OVR-1", "--reason", "no train"]);
    assert_eq!((code, who(&script).as_str()), (0, "bob"), "{err}");
    let (_, overrides) = script.json(&["oncall", "overrides"]);
    assert!(overrides[0]["endedAt"].is_string(), "{overrides}");
    let (code, answer): (i32, Value) = script.json(&["oncall", "who", "night"]);
    assert!(code != 0 && answer["error"]["message"].as_str().unwrap().contains("no schedule night"), "{answer}");
}

fn whoami() -> String {
    let found = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(found.stdout).unwrap().trim().to_owned()
}
