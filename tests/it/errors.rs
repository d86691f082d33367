//! Stories about what programs report, what happens by itself then, who is called, and what comes back.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::{
        ActionKind, Callee, Captured, ChangeState, Command, DiagnosisState, ErrorCounts, ErrorEvent, ErrorGroup, Event,
        Incident, IncidentId, IncidentState, Level, Recorded, Severity, SnapshotId, SnapshotState, SnapshotTrigger,
        Status, Step, Verdict, Workflow,
    },
    platform::Purpose,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    cli::Script,
    desk::{Desk, hospital, person, policy},
    properties::document,
    served::Served,
};

const FIRST: IncidentId = IncidentId(1);
const BREACH: &str = "privilege escalation by the web user";
const BROKEN: &str = "checksum mismatch in a page of patient";

fn report(desk: &mut Desk, counts: &mut ErrorCounts, service: &str, message: &str, count: u64) -> Vec<Recorded> {
    let (service, message) = (service.to_owned(), message.to_owned());
    let error = ErrorEvent { service, message, count, ..ErrorEvent::default() };
    let (errors, burst) = counts.take(&ErrorGroup::of(&error, desk.now), desk.now);
    desk.must(&policy("error events"), Command::RecordErrors { errors, burst })
}

pub fn judge(desk: &mut Desk, service: &str, status: Status) {
    let (service, reason) = (service.to_owned(), "tcp: connection refused".to_owned());
    desk.engine(Command::RecordVerdict(Verdict { service, status, reason, failing_since: None }));
}

fn lines<'a>(desk: &'a Desk, wanted: &str) -> Vec<&'a str> {
    let timeline = desk.state.incidents.values().flat_map(|incident| &incident.timeline);
    timeline.map(|entry| entry.text.as_str()).filter(|text| text.contains(wanted)).collect()
}

fn first(desk: &Desk) -> &Incident {
    &desk.state.incidents[&FIRST]
}

fn refused(desk: &mut Desk, command: Command) -> String {
    match desk.give(&person("erin"), command) {
        Ok(events) => panic!("that was allowed: {events:?}"),
        Err(refusal) => refusal.rule,
    }
}

/// The analyser names a service as the root, and is sure.
pub fn conclude(desk: &mut Desk, service: &str) {
    let running = desk.state.diagnoses.values().find(|found| found.state == DiagnosisState::Running).unwrap().id;
    let document = Arc::new(document(&desk.state, running, service, 0.9, 1));
    desk.engine(Command::ConcludeDiagnosis { diagnosis: running, document });
}

/// Takes the snapshots that were asked for; the first of them.
fn take_what_is_asked(desk: &mut Desk) -> SnapshotId {
    let running = desk.state.snapshots.values().filter(|snapshot| snapshot.state == SnapshotState::Running);
    let asked: Vec<_> = running.map(|snapshot| (snapshot.id, snapshot.components.clone())).collect();
    for (snapshot, components) in &asked {
        let captured = components.iter().map(|component| Captured {
            component: component.clone(),
            vault_id: format!("{:08x}", snapshot.0),
            files: 1,
            bytes: 10,
            added_bytes: 5,
            unreadable: Vec::new(),
            version: None,
            good: true,
        });
        let captured = captured.collect();
        desk.engine(Command::FinishSnapshot { snapshot: *snapshot, captured, total_bytes: 5 });
    }
    asked[0].0
}

#[test]
fn errors_are_counted_and_only_what_changes_a_judgement_is_recorded() {
    let (mut desk, mut counts) = (Desk::new(hospital("production", "assist")), ErrorCounts::default());
    let before = desk.log.len();
    for number in 0..500 {
        desk.now += TimeDelta::seconds(1);
        report(&mut desk, &mut counts, "handouts", &format!("field {number} is required"), 1);
        if number % 60 == 0 {
            report(&mut desk, &mut counts, "handouts", "connection refused", 1);
        }
    }
    assert_eq!(desk.log.len(), before, "callers' mistakes and a trickle are no incident");
    for number in 0..20 {
        report(&mut desk, &mut counts, "patient-api", &format!("request {number} timed out"), 1);
    }
    assert_eq!((first(&desk).severity, first(&desk).workflow), (Severity::Sev3, Workflow::Degradation));
    assert_eq!(lines(&desk, "timed out").len(), 1, "one line for all that look alike");
    assert_eq!(first(&desk).errors[0].group.count, 20);
    let opened = desk.log.len();
    for number in 0..1000 {
        report(&mut desk, &mut counts, "patient-api", &format!("request {number} timed out"), 1);
    }
    assert_eq!(desk.log.len(), opened + 1, "told again when it was ten times as often");
    assert_eq!((first(&desk).errors[0].group.count, lines(&desk, "timed out").len()), (200, 1));
    report(&mut desk, &mut counts, "patient-api", "connection reset by peer", 1);
    report(&mut desk, &mut counts, "patient-api", "connection reset by peer", 1);
    assert_eq!(lines(&desk, "HIGH network error in patient-api: connection reset by peer").len(), 1);
    report(&mut desk, &mut counts, "auth", "connection reset by peer", 1);
    assert_eq!(desk.state.incidents.len(), 1, "what the service needs belongs to the same incident");
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn what_errors_alone_have_told_is_over_when_they_stop_and_not_before() {
    let (mut desk, mut counts) = (Desk::new(hospital("production", "assist")), ErrorCounts::default());
    report(&mut desk, &mut counts, "patient-api", "request timed out", 20);
    judge(&mut desk, "handouts", Status::Degraded);
    judge(&mut desk, "handouts", Status::Healthy);
    judge(&mut desk, "patient-api", Status::Healthy);
    assert!(first(&desk).state.is_open(), "that a check is well says nothing about what no check sees");
    desk.now += TimeDelta::minutes(9);
    report(&mut desk, &mut counts, "patient-api", "field dose is required", 1);
    desk.now += TimeDelta::minutes(9);
    assert!(counts.stopped(&desk.state, desk.now).is_empty());
    desk.now += TimeDelta::minutes(1);
    for command in counts.stopped(&desk.state, desk.now) {
        desk.must(&policy("errors have stopped"), command);
    }
    assert_eq!(first(&desk).resolution.as_deref(), Some("no error for 10 min"));
}

#[test]
fn a_breach_is_contained_by_what_is_declared_and_otherwise_people_are_asked() {
    let contain = |profile: &str, mode: &str, service: &str| {
        let (mut desk, mut counts) = (Desk::new(hospital(profile, mode)), ErrorCounts::default());
        report(&mut desk, &mut counts, service, BREACH, 1);
        assert_eq!((first(&desk).severity, first(&desk).workflow), (Severity::Sev1, Workflow::SecurityBreach));
        desk
    };
    let desk = contain("production", "assist", "patient-api");
    let change = desk.state.pending_changes()[0].clone();
    assert_eq!((change.title.as_str(), change.incident), ("isolate patient-api", Some(FIRST)));
    assert_eq!(change.plan.steps.len(), 1, "what is cut off need not be well: {:?}", change.plan.steps);
    let evidence = desk.state.snapshots.values().next().unwrap();
    assert_eq!((evidence.trigger, evidence.components.len()), (SnapshotTrigger::Emergency, 2));
    assert_eq!(lines(&desk, "task for people").len(), 2, "{:?}", lines(&desk, "task"));
    assert_eq!(first(&desk).called, [Callee::OnCall, Callee::ItTeam]);

    let desk = contain("production", "observe", "patient-api");
    assert!(desk.state.changes.is_empty() && desk.state.recoveries.is_empty());
    let task = lines(&desk, "task for people: contain patient-api: automation only observes");
    assert!(task[0].ends_with("codeblue action run patient-api isolate"), "{task:?}");
    let desk = contain("staging", "auto", "handouts");
    assert!(desk.state.changes.is_empty(), "nothing is made up");
    let task = "task for people: contain handouts: no action of it is declared with for = \"contain\"";
    assert_eq!(lines(&desk, "contain handouts"), [task]);
}

#[test]
fn a_breach_that_is_merged_into_an_outage_makes_it_one_and_is_contained_once() {
    let (mut desk, mut counts) = (Desk::new(hospital("production", "assist")), ErrorCounts::default());
    report(&mut desk, &mut counts, "handouts", "timed out", 20);
    report(&mut desk, &mut counts, "patient-api", BREACH, 1);
    desk.must(&person("erin"), Command::MergeIncident { incident: IncidentId(2), into: FIRST });
    assert_eq!((first(&desk).severity, first(&desk).workflow), (Severity::Sev1, Workflow::SecurityBreach));
    let titles: Vec<_> = desk.state.pending_changes().iter().map(|change| change.title.clone()).collect();
    assert_eq!(titles, ["isolate patient-api"]);
}

#[test]
fn who_tells_of_a_breach_is_contained_whoever_was_hit_before() {
    let isolated = |desk: &Desk| {
        assert!(first(desk).services.contains(&"patient-api".to_owned()), "{:?}", first(desk).services);
        let changes = desk.state.pending_changes();
        assert_eq!(changes.iter().filter(|change| change.title == "isolate patient-api").count(), 1, "{changes:?}");
    };
    let (mut desk, mut counts) = (Desk::new(hospital("production", "assist")), ErrorCounts::default());
    judge(&mut desk, "records-db", Status::Down);
    report(&mut desk, &mut counts, "patient-api", BREACH, 1);
    isolated(&desk);

    let (mut desk, mut counts) = (Desk::new(hospital("production", "assist")), ErrorCounts::default());
    report(&mut desk, &mut counts, "records-db", BREACH, 1);
    report(&mut desk, &mut counts, "patient-api", BREACH, 1);
    isolated(&desk);
}

#[test]
fn a_breach_ends_by_people_alone_and_containing_it_is_no_recovery() {
    let (mut desk, mut counts) = (Desk::new(hospital("production", "assist")), ErrorCounts::default());
    judge(&mut desk, "patient-api", Status::Healthy);
    report(&mut desk, &mut counts, "patient-api", BREACH, 1);
    let change = desk.state.pending_changes()[0].clone();
    let (id, plan_hash) = (change.id, change.plan_hash);
    desk.must(&person("alice"), Command::approve(id, plan_hash, "contain".to_owned()));
    let run = *desk.state.recoveries.keys().next().unwrap();
    desk.carry_out(run);
    let recovery = &desk.state.recoveries[&run];
    assert_eq!((recovery.watch_until, recovery.validating), (None, None));
    judge(&mut desk, "patient-api", Status::Down);
    judge(&mut desk, "patient-api", Status::Healthy);
    desk.wait(TimeDelta::hours(1));
    assert!(first(&desk).state.is_open(), "a service that answers may still be in the wrong hands");
    assert!(counts.stopped(&desk.state, desk.now).is_empty());
    desk.must(&person("erin"), Command::ResolveIncident { incident: FIRST, resolution: "keys changed".to_owned() });
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn two_different_signs_let_a_policy_contain_where_policies_may_act() {
    let (mut desk, mut counts) = (Desk::new(hospital("staging", "auto")), ErrorCounts::default());
    for service in ["records-db", "auth", "patient-api"] {
        judge(&mut desk, service, Status::Healthy);
    }
    report(&mut desk, &mut counts, "auth", BREACH, 1);
    let reason = &desk.state.pending_changes()[0].reason;
    assert!(reason.contains("1 of 2 independent signs"), "{reason}");

    let (mut desk, mut counts) = (Desk::new(hospital("staging", "auto")), ErrorCounts::default());
    for service in ["records-db", "auth", "patient-api"] {
        judge(&mut desk, service, Status::Healthy);
    }
    report(&mut desk, &mut counts, "auth", "connection reset", 20);
    report(&mut desk, &mut counts, "auth", BREACH, 1);
    assert_eq!((first(&desk).workflow, first(&desk).severity), (Workflow::SecurityBreach, Severity::Sev1));
    let run = desk.state.recoveries.values().next().expect("a policy contains it at once");
    assert_eq!(run.plan.steps, [Step::RunAction { service: "auth".to_owned(), action: "isolate".to_owned() }]);
}

#[test]
fn corrupt_data_stops_writes_and_goes_back_through_a_change_to_before_the_first_sign() {
    let (mut desk, mut counts) = (Desk::new(hospital("staging", "auto")), ErrorCounts::default());
    for service in ["records-db", "auth", "patient-api"] {
        judge(&mut desk, service, Status::Healthy);
    }
    desk.wait(TimeDelta::minutes(1));
    let good = take_what_is_asked(&mut desk);
    desk.wait(TimeDelta::minutes(3));
    report(&mut desk, &mut counts, "records-db", BROKEN, 1);
    assert_eq!(first(&desk).workflow, Workflow::DataCorruption);
    assert_eq!(desk.state.pending_changes()[0].title, "read-only records-db");
    take_what_is_asked(&mut desk);
    conclude(&mut desk, "records-db");
    let change = desk.state.pending_changes().into_iter().find(|change| change.plan.heals()).unwrap().clone();
    let goal = change.plan.steps.iter().find_map(|step| match step {
        Step::RestoreSnapshot { component, snapshot, .. } => Some((component.as_str(), *snapshot)),
        _ => None,
    });
    assert_eq!(goal, Some(("records", good)), "not to the snapshot of what is corrupt: {:?}", change.plan);
    assert_eq!(change.state, ChangeState::Pending, "data never goes back by itself");
    judge(&mut desk, "records-db", Status::Down);
    judge(&mut desk, "records-db", Status::Healthy);
    assert!(first(&desk).state.is_open());
}

#[test]
fn what_is_degraded_and_goes_down_is_judged_anew_once() {
    let mut desk = Desk::new(hospital("production", "assist"));
    judge(&mut desk, "patient-api", Status::Degraded);
    assert_eq!((first(&desk).severity, first(&desk).workflow), (Severity::Sev3, Workflow::Degradation));
    judge(&mut desk, "patient-api", Status::Down);
    assert_eq!((first(&desk).severity, first(&desk).workflow), (Severity::Sev1, Workflow::Outage));
    assert!(desk.state.snapshots.values().any(|snapshot| snapshot.trigger == SnapshotTrigger::Emergency));
    let reason = "nobody is there at night".to_owned();
    desk.must(&person("alice"), Command::SetIncidentSeverity { incident: FIRST, severity: Severity::Sev2, reason });
    judge(&mut desk, "patient-api", Status::Degraded);
    judge(&mut desk, "patient-api", Status::Down);
    assert_eq!(first(&desk).severity, Severity::Sev2, "a person's word stands");
}

#[test]
fn people_are_called_by_severity_and_age_and_nothing_says_that_anything_was_sent() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "patient-api", Status::Down);
    desk.wait(TimeDelta::minutes(40));
    let calls: Vec<(i64, Vec<Callee>)> = desk
        .log
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::PeopleToCall { notice } => {
                Some(((recorded.at - first(&desk).detected_at).num_minutes(), notice.to.clone()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            (0, vec![Callee::OnCall, Callee::ItTeam]),
            (2, vec![Callee::TechnicalLead]),
            (5, vec![Callee::Cto]),
            (15, vec![Callee::Management]),
            (30, vec![Callee::AllStaff, Callee::OutsideParties]),
        ]
    );
    assert_eq!(first(&desk).level, Level::Three);
    assert_eq!(lines(&desk, "to call, not sent").len(), 5);
    assert_eq!(lines(&desk, "15 min old, level 2: manual procedures").len(), 1);

    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "handouts", Status::Down);
    desk.wait(TimeDelta::days(2));
    assert_eq!((first(&desk).level, &first(&desk).called[..]), (Level::One, &[Callee::TeamLead][..]));
}

#[test]
fn what_comes_back_soon_is_the_same_incident_and_what_keeps_coming_back_is_another() {
    let mut desk = Desk::new(hospital("production", "observe"));
    let outage = |desk: &mut Desk, rest: i64| {
        judge(desk, "patient-api", Status::Down);
        desk.wait(TimeDelta::minutes(1));
        judge(desk, "patient-api", Status::Healthy);
        desk.wait(TimeDelta::minutes(rest));
    };
    outage(&mut desk, 9);
    outage(&mut desk, 10);
    assert_eq!((desk.state.incidents.len(), first(&desk).reopened), (1, 1), "9 min after its end it came back");
    assert_eq!(first(&desk).state, IncidentState::Resolved);
    outage(&mut desk, 1);
    assert_eq!(desk.state.incidents.len(), 2, "10 min after its end it is another");
    for _ in 0..4 {
        outage(&mut desk, 1);
    }
    let (second, third) = (&desk.state.incidents[&IncidentId(2)], &desk.state.incidents[&IncidentId(3)]);
    assert_eq!((desk.state.incidents.len(), second.reopened), (3, 3), "no incident lives for ever");
    assert_eq!(third.links, [IncidentId(2)]);
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn in_a_drill_each_fault_is_a_case_but_what_began_before_the_end_of_one_belongs_to_it() {
    let mut desk = Desk::new(hospital("drill", "observe"));
    for incidents in [1, 2] {
        judge(&mut desk, "patient-api", Status::Down);
        judge(&mut desk, "patient-api", Status::Healthy);
        assert_eq!(desk.state.incidents.len(), incidents, "each is a case of its own");
        desk.wait(TimeDelta::seconds(2));
    }
    let (service, reason) = ("patient-api".to_owned(), "log: 140 lines in 10 s".to_owned());
    let failing_since = Some(desk.now - TimeDelta::seconds(5));
    desk.engine(Command::RecordVerdict(Verdict { service, status: Status::Down, reason, failing_since }));
    let second = &desk.state.incidents[&IncidentId(2)];
    assert_eq!((desk.state.incidents.len(), second.reopened), (2, 1), "it failed before that was over");
    assert_eq!(desk.replayed(), desk.state);
}

fn item(due: DateTime<Utc>) -> Command {
    Command::AddActionItem {
        incident: FIRST,
        what: "alert on it".to_owned(),
        kind: ActionKind::Detect,
        owner: Some("erin".to_owned()),
        due: Some(due.date_naive()),
    }
}

#[test]
fn an_action_item_is_overdue_once_at_the_end_of_its_day_and_anew_when_it_was_put_off() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "handouts", Status::Down);
    let (today, late) = (desk.now, |desk: &Desk| lines(desk, "action item 1 is overdue").len());
    desk.must(&person("erin"), item(today));
    desk.must(&person("erin"), item(today));
    desk.must(&person("erin"), Command::FinishActionItem { incident: FIRST, item: 2 });
    desk.wait(TimeDelta::hours(23));
    assert_eq!(late(&desk), 0, "its day is not over");
    desk.wait(TimeDelta::days(5));
    assert_eq!((late(&desk), lines(&desk, "action item 2 is overdue").len()), (1, 0));
    let due = Some((desk.now + TimeDelta::days(1)).date_naive());
    desk.must(&person("erin"), Command::ChangeActionItem { incident: FIRST, item: 1, owner: None, due });
    desk.wait(TimeDelta::days(5));
    assert_eq!(late(&desk), 2);
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn an_incident_is_closed_with_its_post_mortem_or_with_a_word_about_the_debt() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "patient-api", Status::Down);
    judge(&mut desk, "patient-api", Status::Healthy);
    assert_eq!(refused(&mut desk, Command::CloseIncident { incident: FIRST }), "post-mortem-owed");
    let owing = |reason: &str| Command::CloseIncidentOwing { incident: FIRST, reason: reason.to_owned() };
    assert_eq!(refused(&mut desk, owing(" ")), "reason-length");
    desk.must(&person("erin"), owing("the review is on Friday"));
    assert_eq!(first(&desk).state, IncidentState::Closed);
    assert_eq!(lines(&desk, "its post-mortem is owed until 2026-01-02 00:00 UTC): the review is on Friday").len(), 1);
    assert!(first(&desk).post_mortem_due_at().is_some(), "it is owed all the same");
    judge(&mut desk, "handouts", Status::Down);
    judge(&mut desk, "handouts", Status::Healthy);
    desk.must(&person("erin"), Command::CloseIncident { incident: IncidentId(2) });
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_report_over_the_socket_and_a_flood_leaves_a_few_lines() {
    let served = Served::new("drill").await;
    let post =
        async |who: &str, body: Value| served.call(who, Method::POST, "/api/v1/errors", Some(&body.to_string())).await;
    let error = |message: &str| json!({"service": "desk", "message": message});
    let (status, answer) = post("vic", error("odd")).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::FORBIDDEN, &json!("operator-may-not")));
    let (status, answer) = post("erin", json!({"service": "nowhere", "message": "odd"})).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::NOT_FOUND, &json!("unknown-service")));
    for wrong in [json!(3), json!({"message": "odd"}), json!([{"service": "desk", "message": "odd", "severe": 1}])] {
        let (status, answer) = post("erin", wrong).await;
        assert_eq!((status, &answer["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("bad-request")));
    }
    let too_many = vec![error("odd"); 501];
    assert_eq!(post("erin", json!(too_many)).await.1["error"]["code"], "too-many-errors");

    let (status, answer) = post(
        "erin",
        json!([error("mail to jane@clinic.org\u{1b}[31m timed out"), json!({"service": "x", "message": "y"})]),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["taken"][0]["message"], "mail to [EMAIL] [31m timed out");
    assert_eq!(
        [&answer["taken"][0]["severity"], &answer["taken"][0]["type"], &answer["taken"][0]["recoverability"]],
        ["MEDIUM", "network", "retry"]
    );
    assert_eq!(answer["refused"], json!([[1, "there is no service x"]]));
    let before = served.handle().state().seq;
    for round in 0..10 {
        let flood: Vec<Value> = (0..500).map(|n| error(&format!("job {n} of round {round} timed out"))).collect();
        let (status, answer) = post("erin", json!(flood)).await;
        assert_eq!((status, answer["taken"].as_array().unwrap().len()), (StatusCode::OK, 500));
    }
    let state = served.handle().state();
    let incident = state.open_incidents().next().unwrap();
    assert_eq!((incident.errors.len(), incident.opened_by.to_string()), (1, "policy:error events".to_owned()));
    let told = served.handle().events(before, 10_000).await.unwrap();
    let told = told.iter().filter(|recorded| matches!(recorded.event, Event::ErrorsRecorded { .. })).count();
    assert!((2..=4).contains(&told), "5,000 errors are {told} events");
    let lately = served.get("/api/v1/errors").await;
    assert_eq!(lately[0]["count"], 5000);
    let rate =
        json!({"errors": [{"service": "desk", "message": "bad gateway", "count": 9}], "requests": {"desk": 120}});
    let (_, answer) = post("erin", rate).await;
    assert_eq!(answer["taken"][0]["incident"], "INC-1");
    let known = served.handle().state().incidents[&FIRST].timeline.last().unwrap().text.clone();
    assert!(known.contains("errors in 120 requests"), "{known}");
    served.stop().await;
}

#[test]
fn a_script_reports_an_error_and_reads_what_happens_by_itself() {
    let script = Script::new();
    std::fs::create_dir_all(script.home()).unwrap();
    let platform = "[platform]\nname = \"Ward\"\nprofile = \"drill\"\n[[service]]\nname = \"charts\"\n";
    std::fs::write(script.home().join("codeblue.toml"), platform).unwrap();
    let _serving = script.serve();
    let (code, out, _) = script.run(&["incident", "error", "charts", "login failed", "--code", "401"]);
    assert_eq!((code, out.as_str()), (0, "MEDIUM security (rule: refused entry), seen 1 time, no incident\n"));
    let (code, answer) =
        script.json(&["incident", "error", "charts", "odd", "--type", "security", "--severity", "CRITICAL"]);
    assert_eq!((code, &answer["taken"][0]["incident"]), (0, &json!("INC-1")));
    let (_, page, _) = script.run(&["incident", "show", "INC-1"]);
    assert!(page.contains("workflow    security breach\n"), "{page}");
    assert!(page.contains("to call     the engineer on call, the IT team (not sent)\n"), "{page}");
    assert!(page.contains("task for people: contain charts: no action of it is declared"), "{page}");
    let (_, list) = script.json(&["incident", "errors"]);
    assert_eq!(list.as_array().unwrap().len(), 2);
    let (code, _, error) = script.run(&["incident", "error", "labels", "odd"]);
    assert_eq!((code, error.contains("there is no service labels")), (3, true), "{error}");
    let (code, page, _) = script.run(&["policy", "show"]);
    assert_eq!((code, page.contains("### security breach")), (0, true), "{page}");
    let (_, policies) = script.json(&["policy", "show"]);
    assert_eq!(policies["workflows"][0]["steps"][1]["does"], json!({"run": "contain"}));
}

/// A platform file that declares two ways to do one thing would leave it to chance.
#[test]
fn one_action_of_a_service_is_for_one_thing() {
    let action = |name: &str, purpose: &str| {
        format!("[[service.action]]\nname = \"{name}\"\nrun = \"true\"\nfor = \"{purpose}\"\n")
    };
    let parse = |actions: &[String]| {
        let text = format!("[platform]\nname = \"W\"\n[[service]]\nname = \"a\"\n{}", actions.concat());
        codeblue::platform::parse(&text, std::path::Path::new("/x/codeblue.toml"))
            .map_err(|problems| problems.to_string())
    };
    let platform = parse(&[action("cut", "contain"), action("ro", "stop-writes")]).unwrap();
    let purposes: Vec<_> = platform.services[0].actions.iter().map(|action| action.purpose).collect();
    assert_eq!(purposes, [Some(Purpose::Contain), Some(Purpose::StopWrites)]);
    let twice = parse(&[action("cut", "contain"), action("block", "contain")]).unwrap_err();
    assert!(twice.contains("two actions of this service are for \"contain\""), "{twice}");
    let wrong = parse(&[action("cut", "containment")]).unwrap_err();
    assert!(wrong.contains("contain") && wrong.contains("service.action.for"), "{wrong}");
}
