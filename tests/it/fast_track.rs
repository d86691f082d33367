//! The fast track: what its clocks say at which second, what stops them, and that a clock agrees to nothing.

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::domain::{
    BreakGlassId, Callee, Ceiling, ChangeId, ChangeState, Clock, Command, Criterion, Event, FastTrackCriterion,
    Finding, Findings, IncidentId, Level, Milestone, Phase, RecoveryId, RollbackRequest, Scope, Severity, Stage,
    Status, Verdict, missing_roles,
};
use proptest::prelude::*;

use crate::{
    desk::{Desk, hospital, person, policy},
    invariants::{Auditor, survives_storage},
};

const FIRST: IncidentId = IncidentId(1);

fn judge(desk: &mut Desk, service: &str, status: Status, failing_for: i64) {
    let failing_since = (status == Status::Down).then(|| desk.now - TimeDelta::seconds(failing_for));
    let (service, reason) = (service.to_owned(), "tcp: connection refused".to_owned());
    desk.engine(Command::RecordVerdict(Verdict { service, status, reason, failing_since }));
}

/// A SEV1 in production, noticed 20 s after its first symptom, and the moment of that symptom.
fn outage() -> (Desk, DateTime<Utc>) {
    let mut desk = Desk::new(hospital("production", "observe"));
    for version in ["v40", "v41"] {
        let (component, version) = ("api-code".to_owned(), version.to_owned());
        desk.must(&person("erin"), Command::RecordDeployment { component, version, note: String::new() });
    }
    let began = desk.now - TimeDelta::seconds(20);
    judge(&mut desk, "patient-api", Status::Down, 20);
    (desk, began)
}

fn ask(desk: &mut Desk) -> ChangeId {
    let request = RollbackRequest {
        scope: Scope::Components(vec!["api-code".to_owned()]),
        to: None,
        reason: "it broke".to_owned(),
        incident: Some(FIRST),
    };
    desk.must(&person("erin"), Command::RequestRollback(request));
    *desk.state.changes.keys().next_back().unwrap()
}

fn approve(desk: &mut Desk, change: ChangeId) {
    let plan_hash = desk.state.changes[&change].plan_hash.clone();
    for who in ["alice", "carol"] {
        let yes = Command::approve(change, plan_hash.clone(), String::new());
        if desk.state.changes[&change].state == ChangeState::Pending {
            desk.must(&person(who), yes);
        }
    }
    assert_eq!(desk.state.changes[&change].state, ChangeState::Implementing);
}

fn validate(desk: &mut Desk, passed: bool) {
    let (wanted, found) = ("200".to_owned(), if passed { "200" } else { "503" }.to_owned());
    let criterion = Criterion { what: "patient-api answers".to_owned(), wanted, found, passed, decides: true };
    let phase = Phase::Comprehensive;
    desk.engine(Command::RecordValidation { recovery: RecoveryId(1), phase, criteria: vec![criterion] });
}

/// Waits until so many seconds after the first symptom.
fn until(desk: &mut Desk, began: DateTime<Utc>, seconds: i64) {
    let left = began + TimeDelta::seconds(seconds) - desk.now;
    desk.wait(left);
}

/// What the clocks have said, each with the seconds since the first symptom.
fn told(desk: &Desk, began: DateTime<Utc>) -> Vec<(Milestone, Stage, i64)> {
    let told = desk.log.iter().filter_map(|recorded| match recorded.event {
        Event::FastTrackReminded { milestone, stage, .. } => {
            Some((milestone, stage, (recorded.at - began).num_seconds()))
        }
        _ => None,
    });
    told.collect()
}

fn offers(desk: &Desk, began: DateTime<Utc>) -> Vec<(ChangeId, i64)> {
    let offers = desk.log.iter().filter_map(|recorded| match recorded.event {
        Event::BreakGlassOffered { change, .. } => Some((change, (recorded.at - began).num_seconds())),
        _ => None,
    });
    offers.collect()
}

fn is_agreed(desk: &Desk) -> bool {
    let agrees = |event: &Event| {
        matches!(event, Event::ChangeApproved { .. } | Event::ChangeAuthorised { .. } | Event::RecoveryStarted { .. })
    };
    desk.log.iter().any(|recorded| agrees(&recorded.event))
}

/// Nobody can be reached: what the clocks say, at its second.
const ALONE: [(Milestone, Stage, i64); 9] = [
    (Milestone::Approved, Stage::Reminder, 300),
    (Milestone::Approved, Stage::Escalation, 480),
    (Milestone::Approved, Stage::Missed, 600),
    (Milestone::Implemented, Stage::Reminder, 900),
    (Milestone::Validated, Stage::Reminder, 1350),
    (Milestone::Implemented, Stage::Escalation, 1440),
    (Milestone::Implemented, Stage::Missed, 1800),
    (Milestone::Validated, Stage::Escalation, 2160),
    (Milestone::Validated, Stage::Missed, 2700),
];

#[test]
fn c4_with_nobody_reachable_break_glass_is_offered_at_ten_minutes_and_nothing_is_approved() {
    let (mut desk, began) = outage();
    until(&mut desk, began, 100);
    let change = ask(&mut desk);
    let asked = desk.state.changes[&change].clone();
    until(&mut desk, began, 599);
    assert!(offers(&desk, began).is_empty(), "a second too early");
    until(&mut desk, began, 600);
    assert_eq!(offers(&desk, began), [(change, 600)]);
    let waits = &desk.state.changes[&change];
    assert_eq!((waits.state, waits.approvals.len()), (ChangeState::Pending, 0));
    assert_eq!((&waits.risk, &waits.terms.required), (&asked.risk, &asked.terms.required), "no rung was skipped");
    until(&mut desk, began, 3 * 3600);
    assert_eq!(told(&desk, began), ALONE);
    assert_eq!(offers(&desk, began).len(), 1, "once");
    assert!(!is_agreed(&desk));
    let calls: Vec<(i64, Vec<Callee>)> = desk
        .log
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::PeopleToCall { notice } if notice.reason.contains("waits: not approved") => {
                Some(((recorded.at - began).num_seconds(), notice.to.clone()))
            }
            _ => None,
        })
        .collect();
    let (deputies, next) = (vec![Callee::Approvers], vec![Callee::Cto, Callee::ComplianceOfficer]);
    assert_eq!(calls, [(300, deputies), (480, next), (600, vec![Callee::OnCall, Callee::Cto])]);
    let timeline: String = desk.state.incidents[&FIRST].timeline.iter().map(|line| line.text.clone() + "\n").collect();
    for said in [
        "CHG-1 is not decided; break-glass is offered: codeblue break-glass open INC-1",
        "task for people: propose to roll back: codeblue rollback --service patient-api --until-healthy --incident INC-1",
        "task for people: the commander decides whether to go on",
    ] {
        assert!(timeline.contains(said), "{said}\n{timeline}");
    }
    survives_storage(&desk);
}

#[test]
fn an_engine_that_was_down_says_all_of_it_afterwards_in_order_and_once() {
    let (mut desk, began) = outage();
    until(&mut desk, began, 100);
    ask(&mut desk);
    for seconds in [299, 450, 2000, 2001, 9000] {
        // Whoever starts again knows the journal alone.
        desk.state = desk.replayed();
        desk.now = began + TimeDelta::seconds(seconds);
        desk.start();
        desk.meet_deadlines();
    }
    let what: Vec<_> = told(&desk, began).into_iter().map(|(milestone, stage, _)| (milestone, stage)).collect();
    assert_eq!(what, ALONE.map(|(milestone, stage, _)| (milestone, stage)));
    let late = told(&desk, began)[1..7].iter().all(|(_, _, seconds)| *seconds == 2000);
    assert!(late, "{:?}", told(&desk, began));
    assert!(!is_agreed(&desk));
}

#[test]
fn without_a_change_people_are_asked_for_one_and_there_is_nothing_to_offer() {
    let (mut desk, began) = outage();
    until(&mut desk, began, 601);
    let first = told(&desk, began);
    let expected = [
        (Milestone::ChangeCreated, Stage::Missed, 180),
        (Milestone::Approved, Stage::Reminder, 300),
        (Milestone::Analysed, Stage::Missed, 300),
        (Milestone::Approved, Stage::Escalation, 480),
        (Milestone::Approved, Stage::Missed, 600),
    ];
    assert!(first.len() == 5 && expected.iter().all(|said| first.contains(said)), "{first:?}");
    assert!(offers(&desk, began).is_empty(), "nobody has decided nothing");
    let incident = &desk.state.incidents[&FIRST];
    assert!(incident.timeline.iter().any(|line| line.text.contains("no change was asked for yet")));
    assert!(!incident.called.contains(&Callee::Approvers), "there is nothing to approve");
}

#[test]
fn a_change_that_people_have_rejected_is_decided_and_nothing_is_offered() {
    let (mut desk, began) = outage();
    let change = ask(&mut desk);
    desk.must(&person("alice"), Command::RejectChange { change, reason: "not that".to_owned() });
    until(&mut desk, began, 700);
    assert!(offers(&desk, began).is_empty());
}

#[test]
fn what_is_reached_in_time_is_told_by_its_event_and_no_clock_says_a_word() {
    let (mut desk, began) = outage();
    let at = |seconds| began + TimeDelta::seconds(seconds);
    until(&mut desk, began, 100);
    let change = ask(&mut desk);
    until(&mut desk, began, 200);
    approve(&mut desk, change);
    until(&mut desk, began, 260);
    let steps = desk.state.recoveries[&RecoveryId(1)].steps.len();
    for step in 0..steps - 1 {
        desk.engine(Command::StartStep { recovery: RecoveryId(1), step });
        let (output, finding) = (String::new(), Finding::Nothing);
        desk.engine(Command::FinishStep { recovery: RecoveryId(1), step, output, finding });
    }
    let reached = |desk: &Desk| desk.state.incidents[&FIRST].fast_track.as_ref().unwrap().reached.clone();
    assert_eq!(reached(&desk)[&Milestone::Implemented], at(260), "before it is validated");
    until(&mut desk, began, 280);
    validate(&mut desk, false);
    assert!(!reached(&desk).contains_key(&Milestone::Validated), "it was looked at, and it is not well");
    until(&mut desk, began, 290);
    validate(&mut desk, true);
    assert!(told(&desk, began).is_empty(), "{:?}", told(&desk, began));
    let incident = &desk.state.incidents[&FIRST];
    assert_eq!(incident.fast_track_criteria(), [FastTrackCriterion::Outage, FastTrackCriterion::PatientSafety]);
    let times: Vec<(Milestone, i64)> =
        reached(&desk).into_iter().map(|(what, when)| (what, (when - began).num_seconds())).collect();
    let expected = [
        (Milestone::Detected, 20),
        (Milestone::Declared, 20),
        (Milestone::ChangeCreated, 100),
        (Milestone::Analysed, 100),
        (Milestone::Approved, 200),
        (Milestone::Implemented, 260),
        (Milestone::Validated, 290),
    ];
    assert_eq!(times, expected);
    let progress = incident.milestones(desk.now);
    assert!(progress.iter().all(|row| !row.is_late), "{progress:?}");
    survives_storage(&desk);
}

#[test]
fn the_review_is_reminded_of_escalated_and_missed_after_the_incident_and_the_other_clocks_stop_with_it() {
    let (mut desk, began) = outage();
    until(&mut desk, began, 100);
    ask(&mut desk);
    until(&mut desk, began, 400);
    judge(&mut desk, "patient-api", Status::Healthy, 0);
    until(&mut desk, began, 3 * 24 * 3600);
    let expected = [
        (Milestone::Approved, Stage::Reminder, 300),
        (Milestone::Reviewed, Stage::Reminder, 12 * 3600),
        (Milestone::Reviewed, Stage::Escalation, 69_120),
        (Milestone::Reviewed, Stage::Missed, 24 * 3600),
    ];
    assert_eq!(told(&desk, began), expected);
    assert!(desk.state.incidents[&FIRST].called.contains(&Callee::ComplianceOfficer));

    let (mut desk, began) = outage();
    until(&mut desk, began, 50);
    judge(&mut desk, "patient-api", Status::Healthy, 0);
    let line = || vec!["said".to_owned()];
    let findings = Findings { well: line(), badly: line(), lucky: line(), lessons: line() };
    desk.must(&person("erin"), Command::WritePostMortem { incident: FIRST, findings });
    desk.must(&person("erin"), Command::CompletePostMortem { incident: FIRST });
    until(&mut desk, began, 3 * 24 * 3600);
    assert!(told(&desk, began).is_empty(), "{:?}", told(&desk, began));
}

#[test]
fn it_counts_from_the_first_symptom_and_keeps_when_that_was_noticed() {
    let mut desk = Desk::new(hospital("production", "observe"));
    let began = desk.now - TimeDelta::seconds(90);
    judge(&mut desk, "patient-api", Status::Down, 90);
    desk.meet_deadlines();
    assert_eq!(told(&desk, began), [(Milestone::Detected, Stage::Missed, 90)], "noticed late, declared in time");
    let incident = &desk.state.incidents[&FIRST];
    assert_eq!((incident.symptoms_at, incident.opened_at), (Some(began), desk.now));

    // A person was faster than the check, which then says that it had failed before.
    let mut desk = Desk::new(hospital("production", "observe"));
    let declare = Command::DeclareIncident {
        severity: Severity::Sev1,
        title: "charts do not open".to_owned(),
        services: vec!["patient-api".to_owned()],
    };
    desk.must(&person("erin"), declare);
    desk.wait(TimeDelta::seconds(30));
    judge(&mut desk, "patient-api", Status::Down, 45);
    let incident = &desk.state.incidents[&FIRST];
    let track = incident.fast_track.as_ref().unwrap();
    assert_eq!(track.began, desk.now - TimeDelta::seconds(45));
    assert_eq!(incident.detected_at, desk.now - TimeDelta::seconds(30), "the other clocks stay as they were");
}

#[test]
fn only_a_grave_incident_is_on_it_and_one_that_becomes_grave_counts_from_then() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "ai-analysis", Status::Down, 0);
    desk.wait(TimeDelta::hours(1));
    let incident = &desk.state.incidents[&FIRST];
    assert!(incident.fast_track.is_none() && incident.milestones(desk.now).is_empty());
    let graver = desk.now;
    let severity = |severity| Command::SetIncidentSeverity { incident: FIRST, severity, reason: "wider".to_owned() };
    desk.must(&person("erin"), severity(Severity::Sev2));
    assert_eq!(desk.state.incidents[&FIRST].fast_track_criteria(), [FastTrackCriterion::Outage]);
    desk.wait(TimeDelta::seconds(179));
    assert!(told(&desk, graver).is_empty());
    desk.wait(TimeDelta::seconds(1));
    assert_eq!(told(&desk, graver), [(Milestone::ChangeCreated, Stage::Missed, 180)]);
    desk.must(&person("erin"), severity(Severity::Sev3));
    desk.wait(TimeDelta::hours(1));
    assert_eq!(told(&desk, graver).len(), 1, "what is not grave any more has time");
}

#[test]
fn a5_what_runs_under_break_glass_stops_the_clock_and_is_not_said_to_be_approved() {
    let (mut desk, began) = outage();
    let change = ask(&mut desk);
    until(&mut desk, began, 310);
    desk.must(
        &person("erin"),
        Command::BreakGlass {
            incident: FIRST,
            reason: "nobody answers and patients wait".to_owned(),
            services: vec!["patient-api".to_owned()],
            ceiling: Ceiling::Code,
            minutes: 20,
        },
    );
    let plan_hash = desk.state.changes[&change].plan_hash.clone();
    desk.must(&person("erin"), Command::ExecuteUnderBreakGlass { change, plan_hash });
    until(&mut desk, began, 800);
    assert_eq!(told(&desk, began), [(Milestone::Approved, Stage::Reminder, 300)], "no more is asked of approvers");
    assert!(offers(&desk, began).is_empty());
    let track = desk.state.incidents[&FIRST].fast_track.as_ref().unwrap();
    assert_eq!((track.reached.get(&Milestone::Approved), track.break_glass), (None, Some(BreakGlassId(1))));
}

#[test]
fn the_page_about_it_says_what_the_clocks_do() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fast-track.md")).unwrap();
    for milestone in Milestone::ALL {
        let limit = match milestone.limit().num_minutes() {
            1440 => "24 h".to_owned(),
            minutes => format!("{minutes} min"),
        };
        let answers = Stage::ALL.map(|stage| milestone.answer(stage).unwrap_or("–"));
        let row = format!("| {milestone} | {} | {limit} | {} |", milestone.proof(), answers.join(" | "));
        assert!(page.contains(&row), "docs/fast-track.md lacks:\n{row}");
    }
}

/// What the engine's clocks may ask for, in any order, sensible or not.
fn clock_command(roll: (u8, u8)) -> Command {
    let (kind, part) = roll;
    let pick = usize::from(part);
    match kind % 9 {
        0..=2 => Command::RemindOfMilestone {
            incident: FIRST,
            milestone: Milestone::ALL[pick % 8],
            stage: Stage::ALL[pick / 8 % 3],
        },
        3 => Command::BreachClock { incident: FIRST, clock: Clock::ALL[pick % 3] },
        4 => Command::ReachLevel { incident: FIRST, level: Level::ALL[pick % 3] },
        5 => Command::ExpireChange { change: ChangeId(1) },
        6 => Command::LapseBreakGlass { break_glass: BreakGlassId(1) },
        7 => Command::RemindOfReview { break_glass: BreakGlassId(1) },
        _ => Command::LapseReview { break_glass: BreakGlassId(1) },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the clocks ask for and however far time leaps: nobody has agreed, nothing runs, no risk is lower.
    #[test]
    fn c4_no_sequence_of_clock_commands_yields_an_approval(
        is_open in any::<bool>(),
        rolls in prop::collection::vec(((any::<u8>(), any::<u8>()), 0_i64..900), 1..60),
    ) {
        let (mut desk, _) = outage();
        ask(&mut desk);
        if is_open {
            desk.must(&person("ben"), Command::BreakGlass {
                incident: FIRST,
                reason: "nobody answers and patients wait".to_owned(),
                services: vec!["patient-api".to_owned()],
                ceiling: Ceiling::Data,
                minutes: 60,
            });
        }
        let asked = desk.state.changes[&ChangeId(1)].clone();
        let mut auditor = Auditor::new();
        for (roll, seconds) in rolls {
            desk.now += TimeDelta::seconds(seconds);
            let _ = desk.give(&policy("deadline"), clock_command(roll));
            desk.meet_deadlines();
            auditor.check(&desk);
            let change = &desk.state.changes[&ChangeId(1)];
            prop_assert!(!is_agreed(&desk));
            prop_assert!(change.approvals.is_empty() && missing_roles(&desk.state, change) == asked.terms.required);
            prop_assert!(change.risk.score >= asked.risk.score && change.terms.required == asked.terms.required);
        }
    }
}
