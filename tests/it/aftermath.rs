//! Stories about what an incident leaves behind: what people were told, what was learned, and the figures.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::{
        ActionKind, Command, DiagnosisId, Event, Findings, Incident, IncidentId, Message, Metrics, Recorded,
        RecoveryId, RollbackRequest, Scope, Severity, Start, Status, Verdict, metrics,
    },
    report::{PostMortemReport, metrics_markdown},
};
use serde_json::Value;

use crate::{
    desk::{Desk, hospital, person},
    properties::document,
};

const FIRST: IncidentId = IncidentId(1);

fn judge(desk: &mut Desk, service: &str, status: Status, failing_for: i64) {
    desk.engine(Command::RecordVerdict(Verdict {
        service: service.to_owned(),
        status,
        reason: "tcp: connection refused".to_owned(),
        failing_since: (status == Status::Down).then(|| desk.now - TimeDelta::seconds(failing_for)),
    }));
}

fn refused(desk: &mut Desk, command: Command) -> (String, String) {
    match desk.give(&person("erin"), command) {
        Ok(events) => panic!("that was allowed: {events:?}"),
        Err(refusal) => (refusal.rule, refusal.message),
    }
}

fn message(text: &str) -> Message {
    Message { text: text.to_owned(), conditions: None, actions: None, needs: None }
}

fn first(desk: &Desk) -> &Incident {
    &desk.state.incidents[&FIRST]
}

fn times_of(desk: &Desk, wanted: fn(&Event) -> bool) -> Vec<DateTime<Utc>> {
    desk.log.iter().filter(|recorded| wanted(&recorded.event)).map(|recorded| recorded.at).collect()
}

fn is_overdue_update(event: &Event) -> bool {
    matches!(event, Event::UpdateOverdue { .. })
}

#[test]
fn an_overdue_update_is_said_once_a_period_and_only_while_somebody_waits() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "patient-api", Status::Down, 0);
    desk.wait(TimeDelta::minutes(20));
    assert_eq!(first(&desk).update_due_at(), None, "nobody has seen it, so nobody can tell anything");
    let seen = desk.now;
    desk.must(&person("erin"), Command::AcknowledgeIncident { incident: FIRST });
    desk.wait(TimeDelta::minutes(31));
    assert_eq!(
        times_of(&desk, is_overdue_update),
        [seen + TimeDelta::minutes(15), seen + TimeDelta::minutes(30)],
        "every 15 minutes of a SEV1"
    );
    let nagging = |desk: &Desk| first(desk).timeline.iter().filter(|entry| entry.text.contains("overdue")).count();
    assert_eq!(nagging(&desk), 1, "it does not push what happened out of the timeline");
    let told = desk.now;
    let said = Message {
        text: " Charts cannot be\u{1b}[31m opened ".to_owned(),
        conditions: Some("the API is down".to_owned()),
        actions: None,
        needs: Some("wards use paper".to_owned()),
    };
    desk.must(&person("erin"), Command::UpdateStakeholders { incident: FIRST, message: said });
    let line = &first(&desk).timeline.last().unwrap().text;
    assert_eq!(line, "Charts cannot be[31m opened · Conditions: the API is down · Needs: wards use paper");
    assert_eq!(first(&desk).update_due_at(), Some(told + TimeDelta::minutes(15)));
    desk.wait(TimeDelta::minutes(14));
    assert_eq!(times_of(&desk, is_overdue_update).len(), 2);
    // A restart forgets no reminder.
    desk.state = desk.replayed();
    desk.wait(TimeDelta::minutes(1));
    assert_eq!(times_of(&desk, is_overdue_update).last(), Some(&(told + TimeDelta::minutes(15))));
    judge(&mut desk, "patient-api", Status::Healthy, 0);
    desk.wait(TimeDelta::hours(3));
    assert_eq!(times_of(&desk, is_overdue_update).len(), 3, "what is resolved waits for nothing");
    let empty = Command::UpdateStakeholders { incident: FIRST, message: message(" ") };
    assert_eq!(refused(&mut desk, empty).0, "update-length");
}

#[test]
fn who_tells_those_who_wait_has_seen_it_and_a_small_incident_has_none_who_wait() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "handouts", Status::Down, 0);
    assert_eq!(first(&desk).severity, Severity::Sev4);
    desk.must(&person("erin"), Command::UpdateStakeholders { incident: FIRST, message: message("on it") });
    assert!(first(&desk).acknowledged_at.is_some());
    desk.wait(TimeDelta::days(1));
    assert!(times_of(&desk, is_overdue_update).is_empty());
    let reason = "the wards are full".to_owned();
    desk.must(&person("erin"), Command::SetIncidentSeverity { incident: FIRST, severity: Severity::Sev2, reason });
    desk.wait(TimeDelta::minutes(1));
    assert_eq!(times_of(&desk, is_overdue_update).len(), 1, "those who wait now have waited for a day");
}

fn findings() -> Findings {
    let one = |text: &str| vec![text.to_owned()];
    Findings { well: one("the rollback"), badly: one("no alert"), lucky: one("it was night"), lessons: one("test it") }
}

fn action(owner: Option<&str>, due: &str) -> Command {
    Command::AddActionItem {
        incident: FIRST,
        what: "alert on HTTP 500".to_owned(),
        kind: ActionKind::Detect,
        owner: owner.map(str::to_owned),
        due: due.parse().ok(),
    }
}

#[test]
fn a_post_mortem_is_complete_when_nothing_is_left_to_say_and_every_action_has_an_owner() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "patient-api", Status::Down, 0);
    let complete = || Command::CompletePostMortem { incident: FIRST };
    assert_eq!(refused(&mut desk, complete()).0, "not-resolved");
    judge(&mut desk, "patient-api", Status::Healthy, 0);
    let resolved = desk.now;
    let (rule, missing) = refused(&mut desk, complete());
    assert_eq!(rule, "post-mortem-incomplete");
    for section in ["what went well", "what went badly", "where we were lucky", "lessons"] {
        assert!(missing.contains(section), "{missing}");
    }
    let partial = Findings { lessons: Vec::new(), ..findings() };
    desk.must(&person("erin"), Command::WritePostMortem { incident: FIRST, findings: partial });
    desk.must(&person("erin"), action(None, ""));
    let (_, missing) = refused(&mut desk, complete());
    assert!(missing.ends_with("lacks: lessons, an owner of action item 1, the due date of action item 1"), "{missing}");
    assert_eq!(refused(&mut desk, action(Some("mallory"), "")).0, "unknown-owner");
    assert_eq!(refused(&mut desk, action(Some("vic"), "")).0, "owner-may-not-act");
    assert_eq!(refused(&mut desk, action(Some("erin"), "2020-01-01")).0, "due-in-the-past");
    let owned = Command::ChangeActionItem {
        incident: FIRST,
        item: 1,
        owner: Some("erin".to_owned()),
        due: "2026-02-01".parse().ok(),
    };
    desk.must(&person("alice"), owned);
    let lessons = Findings { lessons: vec!["test the rollback".to_owned()], ..Findings::default() };
    desk.must(&person("erin"), Command::WritePostMortem { incident: FIRST, findings: lessons });
    assert_eq!(first(&desk).post_mortem.findings.well, ["the rollback"], "what is not given stays");
    assert_eq!(first(&desk).post_mortem_due_at(), Some(resolved + TimeDelta::hours(24)));
    desk.must(&person("erin"), complete());
    assert_eq!(first(&desk).post_mortem_due_at(), None);
    desk.wait(TimeDelta::hours(30));
    assert!(times_of(&desk, |event| matches!(event, Event::PostMortemOverdue { .. })).is_empty());
    let again = Command::WritePostMortem { incident: FIRST, findings: findings() };
    assert_eq!(refused(&mut desk, again).0, "post-mortem-completed");
    assert_eq!(refused(&mut desk, action(None, "")).0, "action-unowned");
    let done = |item| Command::FinishActionItem { incident: FIRST, item };
    assert_eq!(refused(&mut desk, done(2)).0, "unknown-action-item");
    desk.must(&person("erin"), done(1));
    assert!(desk.must(&person("erin"), done(1)).is_empty());
    assert_eq!(desk.replayed(), desk.state);
}

#[test]
fn a_post_mortem_that_nobody_writes_is_overdue_a_day_after_the_end_and_a_return_starts_anew() {
    let overdue = |event: &Event| matches!(event, Event::PostMortemOverdue { .. });
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "patient-api", Status::Down, 0);
    judge(&mut desk, "handouts", Status::Down, 0);
    judge(&mut desk, "patient-api", Status::Healthy, 0);
    judge(&mut desk, "handouts", Status::Healthy, 0);
    desk.wait(TimeDelta::hours(20));
    desk.must(&person("erin"), Command::ReopenIncident { incident: FIRST, reason: "it is back".to_owned() });
    desk.wait(TimeDelta::hours(20));
    assert!(times_of(&desk, overdue).is_empty(), "it was open again");
    let resolution = "the disk was full".to_owned();
    desk.must(&person("erin"), Command::ResolveIncident { incident: FIRST, resolution });
    let resolved = desk.now;
    desk.must(&person("erin"), Command::CloseIncidentOwing { incident: FIRST, reason: "next week".to_owned() });
    desk.wait(TimeDelta::days(9));
    assert_eq!(times_of(&desk, overdue), [resolved + TimeDelta::hours(24)], "once, and for the SEV1 alone");
}

fn in_ninety_days(desk: &Desk) -> Metrics {
    metrics(&desk.state, TimeDelta::days(90), desk.now)
}

/// Outages of the patient API: seconds until somebody sees it, until the cause is looked for, and until it is well.
const OUTAGES: [[i64; 3]; 7] =
    [[40, 60, 90], [100, 30, 600], [10, 20, 3000], [130, 400, 60], [70, 5, 5], [55, 55, 55], [20, 10, 7000]];

fn outages(desk: &mut Desk) {
    for [see, look, mend] in OUTAGES {
        desk.wait(TimeDelta::days(1));
        judge(desk, "patient-api", Status::Down, 20);
        let incident = *desk.state.incidents.keys().next_back().unwrap();
        desk.wait(TimeDelta::seconds(see));
        desk.must(&person("erin"), Command::AcknowledgeIncident { incident });
        desk.wait(TimeDelta::seconds(look));
        desk.must(&person("erin"), Command::RequestDiagnosis { incident });
        let diagnosis = *desk.state.diagnoses.keys().next_back().unwrap();
        desk.engine(Command::FailDiagnosis { diagnosis, error: "no evidence".to_owned() });
        desk.wait(TimeDelta::seconds(mend));
        judge(desk, "patient-api", Status::Healthy, 0);
    }
}

/// A line of the exported journal.
fn exported(recorded: &Recorded) -> Value {
    serde_json::to_value(recorded).unwrap()
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

/// The time from the first sign of an incident to its first event of a kind, read off the exported journal.
fn by_hand(lines: &[Value], incident: &str, kinds: &[&str]) -> f64 {
    let mut own = lines.iter().filter(|line| line["event"]["incident"] == incident);
    let opened = own.clone().find(|line| line["event"]["type"] == "incidentOpened").unwrap();
    let kind = |line: &&Value| kinds.iter().any(|kind| line["event"]["type"] == *kind);
    (moment(&own.find(kind).unwrap()["at"]) - moment(&opened["event"]["detectedAt"])).as_seconds_f64()
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn the_figures_are_those_of_a_hand_calculation_and_survive_a_restart() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "patient-api", Status::Healthy, 0);
    outages(&mut desk);
    let found = in_ninety_days(&desk);
    let lines: Vec<Value> = desk.log.iter().map(exported).collect();
    let each = |kinds: &[&str]| -> Vec<f64> {
        (1..=OUTAGES.len()).map(|number| by_hand(&lines, &format!("INC-{number}"), kinds)).collect()
    };
    let (seen, looked, mended) =
        (each(&["incidentAcknowledged"]), each(&["incidentAdvanced"]), each(&["incidentResolved"]));
    let times: Vec<_> = found.incidents.iter().map(|times| times.acknowledge_seconds.unwrap()).collect();
    assert_eq!(times, seen);
    assert_eq!(seen[0], 60.0, "20 seconds of failing checks and 40 until it was seen");
    assert_eq!(found.all.detect.median_seconds, Some(20.0));
    assert_eq!(found.all.acknowledge.median_seconds, Some(middle(seen.clone())));
    assert_eq!(found.all.respond.median_seconds, Some(middle(looked)));
    assert_eq!(found.all.resolve.median_seconds, Some(middle(mended.clone())));
    // Of seven, the shortest and the longest: 1 - 2/128.
    let longest = mended.iter().copied().fold(0.0, f64::max);
    assert_eq!(
        (found.all.resolve.high_seconds, found.all.resolve.confidence),
        (Some(longest), Some(1.0 - 2.0 / 128.0))
    );
    let mean = mended.iter().sum::<f64>() / 7.0;
    assert!((found.all.mean_resolve_seconds.unwrap() - mean).abs() < 1e-9);
    let late = seen.iter().filter(|seconds| **seconds >= 120.0).count();
    let breached = lines.iter().filter(|line| line["event"]["clock"] == "acknowledge").count();
    assert_eq!(found.all.acknowledged_in_time.count, 7 - late);
    assert_eq!(late, breached, "what was late has a breached clock in the journal, and nothing else has");

    let api = found.services.iter().find(|group| group.name == "patient-api").unwrap();
    let down: f64 = OUTAGES.iter().map(|[see, look, mend]| (20 + see + look + mend) as f64).sum();
    let since_began = (desk.now - desk.log[0].at).as_seconds_f64();
    let between = api.between.unwrap();
    assert_eq!((between.failures, between.down_seconds), (7, down));
    assert_eq!(between.mtbf_seconds, Some((since_began - down) / 7.0));
    assert_eq!(found.begins, Start::Journal, "nothing is known of the time before");
    assert_eq!(found.severities[0].figures, found.all);

    assert_eq!(metrics(&desk.replayed(), TimeDelta::days(90), desk.now), found, "a restart changes no figure");
}

#[test]
fn few_incidents_are_counted_and_give_no_figure() {
    let mut desk = Desk::new(hospital("production", "observe"));
    for _ in 0..3 {
        judge(&mut desk, "patient-api", Status::Down, 20);
        desk.wait(TimeDelta::minutes(4));
        judge(&mut desk, "patient-api", Status::Healthy, 0);
        desk.wait(TimeDelta::days(1));
    }
    let found = in_ninety_days(&desk);
    assert_eq!((found.all.incidents, found.all.resolve.count, found.all.resolve.median_seconds), (3, 3, None));
    assert_eq!((found.all.mean_resolve_seconds, found.all.resolved_in_time.share), (None, None));
    let api = found.services.iter().find(|group| group.name == "patient-api").unwrap();
    assert_eq!((api.between.unwrap().failures, api.between.unwrap().mtbf_seconds), (3, None));
    let recent = metrics(&desk.state, TimeDelta::hours(36), desk.now);
    assert_eq!((recent.all.incidents, recent.begins), (1, Start::Asked), "the window is the one asked for");
}

#[test]
fn the_account_of_an_incident_counts_every_minute_once() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "patient-api", Status::Down, 30);
    desk.wait(TimeDelta::seconds(60));
    judge(&mut desk, "records-db", Status::Down, 10);
    desk.wait(TimeDelta::seconds(100));
    judge(&mut desk, "patient-api", Status::Degraded, 0);
    desk.wait(TimeDelta::seconds(50));
    judge(&mut desk, "patient-api", Status::Healthy, 0);
    desk.wait(TimeDelta::seconds(5));
    let down = |desk: &Desk, service: &str| first(desk).impact[service].down(desk.now).as_secs();
    assert_eq!(down(&desk, "patient-api"), 30 + 60 + 100);
    assert_eq!(first(&desk).impact["patient-api"].degraded(desk.now).as_secs(), 50);
    assert_eq!(down(&desk, "records-db"), 10 + 100 + 50 + 5, "it is down still");
    desk.must(
        &person("erin"),
        Command::ResolveIncident { incident: FIRST, resolution: "users are served by the replica".to_owned() },
    );
    desk.wait(TimeDelta::seconds(1000));
    assert_eq!(down(&desk, "records-db"), 165, "users are served");
    desk.must(&person("erin"), Command::ReopenIncident { incident: FIRST, reason: "they are not".to_owned() });
    desk.wait(TimeDelta::seconds(10));
    judge(&mut desk, "records-db", Status::Healthy, 0);
    assert_eq!(down(&desk, "records-db"), 165 + 1000 + 10, "they were not, all the time");
    assert_eq!(first(&desk).reopened, 1);
    assert_eq!(desk.replayed(), desk.state);
}

fn deploy(desk: &mut Desk, component: &str, version: &str) {
    desk.wait(TimeDelta::minutes(10));
    let (component, version) = (component.to_owned(), version.to_owned());
    desk.must(&person("erin"), Command::RecordDeployment { component, version, note: String::new() });
}

/// Rolls a component back for the open incident of its service, well in every step.
fn roll_back(desk: &mut Desk, component: &str) {
    let request = RollbackRequest {
        scope: Scope::Components(vec![component.to_owned()]),
        to: None,
        reason: "it broke".to_owned(),
        incident: None,
    };
    desk.must(&person("erin"), Command::RequestRollback(request));
    let recovery: RecoveryId = *desk.state.recoveries.keys().next_back().unwrap();
    desk.carry_out(recovery);
}

#[test]
fn a_change_failed_when_a_diagnosis_or_a_recovery_blames_it_and_a_rollback_is_no_change() {
    let mut desk = Desk::new(hospital("staging", "observe"));
    for version in ["v1", "v2", "v3", "v4"] {
        deploy(&mut desk, "handout-code", version);
    }
    let failed = |desk: &Desk| {
        let share = in_ninety_days(desk).change_failures;
        (share.count, share.of)
    };
    assert_eq!(failed(&desk), (0, 3), "v1 replaced nothing");
    judge(&mut desk, "handouts", Status::Down, 0);
    roll_back(&mut desk, "handout-code");
    judge(&mut desk, "handouts", Status::Healthy, 0);
    assert_eq!(desk.state.live_version("handout-code"), Some("v3"));
    assert_eq!(failed(&desk), (1, 3), "the rollback took v4 away");

    deploy(&mut desk, "api-code", "v40");
    deploy(&mut desk, "api-code", "v41");
    judge(&mut desk, "patient-api", Status::Down, 0);
    let incident = desk.state.incident_of("patient-api").unwrap().id;
    assert_eq!(failed(&desk), (1, 4), "that it was deployed before is no evidence");
    desk.must(&person("erin"), Command::RequestDiagnosis { incident });
    let diagnosis = DiagnosisId(1);
    let mut answer = document(&desk.state, diagnosis, "patient-api", 0.9, 1);
    answer.root_cause.deployment = desk.state.deployments.keys().next_back().copied();
    desk.engine(Command::ConcludeDiagnosis { diagnosis, document: Arc::new(answer) });
    assert_eq!(failed(&desk), (2, 4));
    // What a diagnosis said and a later one takes back is not held against the release.
    desk.must(&person("erin"), Command::RequestDiagnosis { incident });
    let answer = document(&desk.state, DiagnosisId(2), "records-db", 0.9, 1);
    desk.engine(Command::ConcludeDiagnosis { diagnosis: DiagnosisId(2), document: Arc::new(answer) });
    assert_eq!(failed(&desk), (1, 4));
}

/// The line of a document that holds a text.
fn row<'a>(page: &'a str, text: &str) -> &'a str {
    page.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("no line has {text}:\n{page}"))
}

#[test]
fn a_post_mortem_holds_the_record_in_order_and_shows_what_is_missing() {
    let mut desk = Desk::new(hospital("staging", "observe"));
    deploy(&mut desk, "handout-code", "v1");
    desk.wait(TimeDelta::hours(2));
    deploy(&mut desk, "handout-code", "v2");
    deploy(&mut desk, "api-code", "v40");
    desk.wait(TimeDelta::minutes(1));
    judge(&mut desk, "handouts", Status::Down, 30);
    desk.wait(TimeDelta::minutes(2));
    let note = "wards | print # by <b>hand</b>".to_owned();
    desk.must(&person("erin"), Command::NoteIncident { incident: FIRST, text: note });
    let reason = "the wards are full".to_owned();
    desk.must(&person("erin"), Command::SetIncidentSeverity { incident: FIRST, severity: Severity::Sev2, reason });
    roll_back(&mut desk, "handout-code");
    desk.wait(TimeDelta::minutes(1));
    judge(&mut desk, "handouts", Status::Healthy, 0);
    desk.must(&person("erin"), action(Some("erin"), "2026-02-01"));
    let report = PostMortemReport::of(&desk.state, FIRST, desk.now).unwrap();
    let page = report.markdown();

    let timeline = page.split_once("## Timeline").unwrap().1;
    let numbers: Vec<u64> =
        timeline.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |")?.0.parse().ok()).collect();
    let kept: Vec<u64> = first(&desk).timeline.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, kept, "every line once, in order, with its place in the journal");
    let second =
        |recorded: &&Recorded| matches!(&recorded.event, Event::DeploymentRecorded { version, .. } if version == "v2");
    let deployed = desk.log.iter().find(second).unwrap();
    assert_eq!(numbers.first(), Some(&deployed.seq), "what went live before it is part of the story");

    assert!(row(&page, "**Draft").contains("it lacks what went well, what went badly, where we were lucky, lessons"));
    assert_eq!(page.matches("*Nobody has written this yet.*").count(), 4);
    assert_eq!(row(&page, "| handouts |"), "| handouts | low | 3 min 30 s | 0 s | – |");
    assert!(row(&page, "| acknowledge |").contains("| 2 min 30 s | 5 min | in time |"));
    assert!(
        row(&page, "handout-code v2 went live over v1").contains(&format!("by erin (#{})", deployed.seq)),
        "{page}"
    );
    assert!(row(&page, "api-code v40 went live").ends_with("(elsewhere)"), "nothing of the incident needs it");
    assert!(!page.contains("handout-code v1 went live"), "that was more than an hour before");
    assert!(row(&page, "REC-1 ").contains("**worked**"));
    assert!(row(&page, "alert on HTTP 500 | detect").ends_with("| detect | erin | 2026-02-01 | not done |"));
    assert!(page.contains("wards \\| print \\# by \\<b\\>hand"), "what people say is no markup:\n{page}");

    desk.must(&person("erin"), Command::WritePostMortem { incident: FIRST, findings: findings() });
    desk.must(&person("erin"), Command::CompletePostMortem { incident: FIRST });
    let page = PostMortemReport::of(&desk.state, FIRST, desk.now).unwrap().markdown();
    assert!(page.contains("by erin.") && page.contains("- it was night"), "{page}");
    assert!(!page.contains("Draft"));

    let page = metrics_markdown(&in_ninety_days(&desk));
    assert!(row(&page, "| SEV2 | 1 |").contains("not enough data, n 1"));
    assert!(row(&page, "Changes that broke something").contains("1 of 1: not enough data"));
    assert!(page.contains("where the journal begins"));
    assert!(row(&page, "| INC-1 |").contains("| 30 s | 2 min 30 s |"));
}
