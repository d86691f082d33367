//! Stories about what is tried next, how far back it goes, and when a policy may do it with nobody's approval.

use std::{path::Path, sync::Arc};

use chrono::TimeDelta;
use codeblue::{
    domain::{
        Captured, ChangeState, Command, Criterion, DiagnosisId, Effect, Event, Finding, IncidentId, IncidentState,
        Phase, Plan, Recorded, RecoveryId, RecoveryOutcome, RollbackRequest, RollbackTarget, Scope, SnapshotTrigger,
        Status, Step, StepState, Strategy, Verdict, Vitals, plan_rollback, plan_undo, unfinished, unheard,
    },
    platform::{Reading, Sample},
};

use crate::{
    desk::{Desk, hospital, person},
    properties::document,
};

const TWO_SIGNS: u8 = 1;
const ONE_SIGN: u8 = 2;

fn deploy(desk: &mut Desk, component: &str, version: &str) {
    desk.now += TimeDelta::minutes(1);
    let (component, version) = (component.to_owned(), version.to_owned());
    desk.must(&person("erin"), Command::RecordDeployment { component, version, note: String::new() });
}

fn judge(desk: &mut Desk, service: &str, status: Status) {
    let reason = "tcp: connection refused".to_owned();
    desk.engine(Command::RecordVerdict(Verdict { service: service.to_owned(), status, reason, failing_since: None }));
}

/// A desk at which every service is well.
fn calm(profile: &str, mode: &str) -> Desk {
    let mut desk = Desk::new(hospital(profile, mode));
    for service in ["records-db", "auth", "patient-api", "ai-analysis", "handouts"] {
        judge(&mut desk, service, Status::Healthy);
    }
    desk
}

fn conclude(desk: &mut Desk, incident: IncidentId, service: &str, confidence: f64, signs: u8) -> Vec<Recorded> {
    let diagnosis: DiagnosisId = *desk.state.incidents[&incident].diagnoses.last().unwrap();
    let document = document(&desk.state, diagnosis, service, confidence, signs);
    desk.engine(Command::ConcludeDiagnosis { diagnosis, document: Arc::new(document) })
}

/// A service goes down and a diagnosis names it; what policies make of that.
fn outbreak(desk: &mut Desk, service: &str, signs: u8) -> Vec<Recorded> {
    judge(desk, service, Status::Down);
    let incident = desk.state.incident_of(service).unwrap().id;
    conclude(desk, incident, service, 0.9, signs)
}

fn recover(desk: &mut Desk, service: &str) {
    let recovery = *desk.state.recoveries.keys().next_back().unwrap();
    run(desk, recovery, &[]);
    judge(desk, service, Status::Healthy);
}

fn started(events: &[Recorded]) -> Option<Arc<Plan>> {
    events.iter().find_map(|recorded| match &recorded.event {
        Event::RecoveryStarted { plan, .. } => Some(plan.clone()),
        _ => None,
    })
}

/// Why a policy asked instead of acting.
fn asked(events: &[Recorded]) -> String {
    assert_eq!(started(events), None);
    let reason = events.iter().find_map(|recorded| match &recorded.event {
        Event::ChangeSubmitted { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    let reason = reason.unwrap_or_else(|| panic!("nothing was asked for: {events:?}"));
    reason.split_once("not run by itself: ").map(|(_, why)| why.to_owned()).unwrap_or_default()
}

/// Carries a recovery out; the checks on the way find this, and the services are well in the end unless the last is unhealthy.
fn run(desk: &mut Desk, recovery: RecoveryId, findings: &[Finding]) -> RecoveryOutcome {
    let mut findings = findings.iter().copied();
    while let Some(step) = desk.state.recoveries[&recovery].next_step() {
        desk.engine(Command::StartStep { recovery, step });
        let plan = desk.state.recoveries[&recovery].plan.clone();
        let looks = matches!(plan.steps[step], Step::StopIfHealthy { .. } | Step::RollForward { .. });
        let finding = if looks { findings.next().unwrap() } else { Finding::Nothing };
        if matches!(plan.steps[step], Step::Validate { .. }) && findings.next() == Some(Finding::Unhealthy) {
            desk.engine(Command::FailStep { recovery, step, error: "still failing".to_owned() });
            let (outcome, summary) = (RecoveryOutcome::Failed, "no rollback helped".to_owned());
            desk.engine(Command::EndRecovery { recovery, outcome, summary });
            return outcome;
        }
        desk.engine(Command::FinishStep { recovery, step, output: String::new(), finding });
    }
    assert_eq!(findings.next(), None, "everything that was prepared was looked at");
    let (outcome, summary) = (RecoveryOutcome::Succeeded, "done".to_owned());
    desk.engine(Command::EndRecovery { recovery, outcome, summary });
    outcome
}

fn until_healthy(components: &[&str]) -> RollbackRequest {
    RollbackRequest {
        scope: Scope::Components(components.iter().map(|name| (*name).to_owned()).collect()),
        to: Some(RollbackTarget::UntilHealthy),
        reason: "it broke".to_owned(),
        incident: None,
    }
}

/// Two code components with deployments in turns; the newest is of the handouts.
fn deployed() -> Desk {
    let mut desk = calm("staging", "observe");
    for (component, version) in
        [("handout-code", "h1"), ("api-code", "v40"), ("api-code", "v41"), ("handout-code", "h2")]
    {
        deploy(&mut desk, component, version);
    }
    desk
}

fn start(desk: &mut Desk, request: RollbackRequest) -> RecoveryId {
    let events = desk.must(&person("erin"), Command::RequestRollback(request));
    let change = events.iter().find_map(|recorded| match recorded.event {
        Event::ChangeSubmitted { change, .. } => Some(change),
        _ => None,
    });
    let change = change.unwrap();
    for name in ["alice", "carol"] {
        let plan_hash = desk.state.changes[&change].plan_hash.clone();
        let approve = Command::approve(change, plan_hash, String::new());
        let _ = desk.give(&person(name), approve);
    }
    desk.state.changes[&change].recovery.unwrap()
}

fn capture_everything(desk: &mut Desk) {
    let components: Vec<String> =
        desk.state.platform.components.iter().map(|component| component.name.clone()).collect();
    let (trigger, reason) = (SnapshotTrigger::OnDemand, "all is well".to_owned());
    desk.must(&person("erin"), Command::RequestSnapshot { components: components.clone(), trigger, reason });
    let snapshot = *desk.state.snapshots.keys().next_back().unwrap();
    let captured = components.into_iter().map(|component| Captured {
        vault_id: format!("of-{component}"),
        component,
        files: 1,
        bytes: 1,
        added_bytes: 1,
        unreadable: Vec::new(),
        version: None,
        good: true,
    });
    let captured = captured.collect();
    desk.engine(Command::FinishSnapshot { snapshot, captured, total_bytes: 5 });
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(Step::to_string).collect()
}

#[test]
fn deployments_go_back_newest_first_and_the_innocent_come_forward_again() {
    let mut desk = deployed();
    let recovery = start(&mut desk, until_healthy(&["handout-code", "api-code"]));
    let services = "patient-api, handouts";
    assert_eq!(
        lines(&desk.state.recoveries[&recovery].plan),
        [
            "safety snapshot of handout-code, api-code".to_owned(),
            "switch handout-code: h2 → h1".to_owned(),
            format!("stop here if {services} is healthy"),
            "switch api-code: v41 → v40".to_owned(),
            "reload api-code".to_owned(),
            format!("stop here if {services} is healthy"),
            "bring api-code forward to v41 if it is innocent".to_owned(),
            "bring handout-code forward to h2 if it is innocent".to_owned(),
            format!("validate {services}"),
        ]
    );
    run(&mut desk, recovery, &[Finding::Unhealthy, Finding::Healthy, Finding::Healthy]);
    let run = &desk.state.recoveries[&recovery];
    assert_eq!(run.ended.unwrap().1, RecoveryOutcome::Succeeded);
    assert_eq!(run.steps[6].state, StepState::Skipped, "the one to blame stays back");
    assert_eq!(desk.state.live_version("api-code"), Some("v40"));
    assert_eq!(desk.state.live_version("handout-code"), Some("h2"), "it was innocent");

    let undo = plan_undo(&desk.state, run).unwrap();
    assert!(lines(&undo).contains(&"switch api-code: v40 → v41".to_owned()), "{:?}", lines(&undo));
}

#[test]
fn a_walk_stops_where_it_is_healthy_and_what_is_guilty_after_all_stays_back() {
    let mut desk = deployed();
    let recovery = start(&mut desk, until_healthy(&["handout-code", "api-code"]));
    run(&mut desk, recovery, &[Finding::Healthy]);
    assert_eq!(desk.state.live_version("api-code"), Some("v41"), "it was never touched");
    assert_eq!(desk.state.live_version("handout-code"), Some("h1"));
    assert!(desk.state.recoveries[&recovery].steps.iter().all(|step| step.state != StepState::Waiting));

    let mut desk = deployed();
    let recovery = start(&mut desk, until_healthy(&["handout-code", "api-code"]));
    run(&mut desk, recovery, &[Finding::Unhealthy, Finding::Healthy, Finding::Unhealthy]);
    assert_eq!(desk.state.live_version("handout-code"), Some("h1"), "it broke the services when it came forward");
}

#[test]
fn a_walk_that_heals_nothing_blames_nobody() {
    let mut desk = deployed();
    let recovery = start(&mut desk, until_healthy(&["handout-code", "api-code"]));
    let outcome = run(&mut desk, recovery, &[Finding::Unhealthy, Finding::Unhealthy, Finding::Unhealthy]);
    assert_eq!(outcome, RecoveryOutcome::Failed);
    let run = &desk.state.recoveries[&recovery];
    assert!(run.steps[6..8].iter().all(|step| step.state == StepState::Skipped));
    let back = codeblue::domain::steps_back(&desk.state, run, |_, step| step.state == StepState::Done).unwrap();
    let back: Vec<String> = back.iter().map(Step::to_string).collect();
    assert_eq!(back, ["switch api-code: v40 → v41", "switch handout-code: h1 → h2"], "as before it");
}

#[test]
fn a_version_that_was_left_is_quarantined_until_somebody_brings_it_back() {
    let mut desk = deployed();
    let recovery = start(&mut desk, until_healthy(&["api-code"]));
    run(&mut desk, recovery, &[Finding::Healthy]);
    deploy(&mut desk, "api-code", "v42");
    let last_good = RollbackRequest { to: None, ..until_healthy(&["api-code"]) };
    let plan = plan_rollback(&desk.state, &last_good).unwrap();
    assert!(lines(&plan).contains(&"switch api-code: v42 → v40".to_owned()), "{:?}", lines(&plan));
    deploy(&mut desk, "api-code", "v41");
    deploy(&mut desk, "api-code", "v43");
    let plan = plan_rollback(&desk.state, &last_good).unwrap();
    assert!(lines(&plan).contains(&"switch api-code: v43 → v41".to_owned()), "erin has brought v41 back herself");
}

#[test]
fn everything_is_restored_in_the_order_in_which_it_is_needed() {
    let mut desk = deployed();
    capture_everything(&mut desk);
    let everything = RollbackRequest { scope: Scope::Everything, to: None, reason: "fire".to_owned(), incident: None };
    let plan = plan_rollback(&desk.state, &everything).unwrap();
    let restored: Vec<&str> = plan.components().collect();
    assert_eq!(restored, ["records", "handout-files", "handout-code", "api-code", "api-config"]);
    assert!(
        plan.steps.iter().all(|step| !matches!(step, Step::SwitchRelease { .. })),
        "what lay on disk is lost with the rest"
    );
}

#[test]
fn a_policy_acts_by_itself_only_where_every_guard_rail_holds() {
    let mut desk = calm("staging", "auto");
    let plan =
        started(&outbreak(&mut desk, "auth", TWO_SIGNS)).expect("a high service, two signs, one harmless action");
    assert_eq!(plan.title, "restart auth");

    let mut desk = calm("staging", "auto");
    assert_eq!(asked(&outbreak(&mut desk, "auth", ONE_SIGN)), "1 of 2 independent signs speak for it");

    let mut desk = calm("production", "auto");
    assert_eq!(asked(&outbreak(&mut desk, "auth", TWO_SIGNS)), "in production people decide");

    let mut desk = calm("staging", "assist");
    assert_eq!(asked(&outbreak(&mut desk, "auth", TWO_SIGNS)), "", "in this mode people are always asked");

    let mut desk = calm("staging", "auto");
    assert_eq!(asked(&outbreak(&mut desk, "ai-analysis", TWO_SIGNS)), "of a SEV3 people decide");

    let mut desk = calm("staging", "auto");
    judge(&mut desk, "auth", Status::Down);
    judge(&mut desk, "auth", Status::Unknown);
    let incident = desk.state.incident_of("auth").unwrap().id;
    assert_eq!(asked(&conclude(&mut desk, incident, "auth", 0.9, TWO_SIGNS)), "the health of auth is not known");

    let mut desk = calm("staging", "auto");
    judge(&mut desk, "auth", Status::Down);
    let incident = desk.state.incident_of("auth").unwrap().id;
    let wipe = Command::RequestAction {
        service: "auth".to_owned(),
        action: "restart".to_owned(),
        incident: Some(incident),
        reason: "I know this one".to_owned(),
    };
    desk.must(&person("erin"), wipe);
    let by_erin = *desk.state.recoveries.keys().next_back().unwrap();
    run(&mut desk, by_erin, &[]);
    let events = conclude(&mut desk, incident, "auth", 0.9, TWO_SIGNS);
    assert_eq!(started(&events), None, "erin works on it: {events:?}");
}

#[test]
fn policies_that_go_round_in_circles_are_stopped() {
    let mut desk = calm("staging", "auto");
    for version in ["v40", "v41"] {
        deploy(&mut desk, "api-code", version);
    }
    let tried = started(&outbreak(&mut desk, "patient-api", TWO_SIGNS)).expect("one thing is tried");
    recover(&mut desk, "patient-api");
    desk.wait(TimeDelta::minutes(5));
    let why = asked(&outbreak(&mut desk, "patient-api", TWO_SIGNS));
    assert_eq!(why, "a policy has worked here within the last 10 min");
    assert_eq!(desk.state.incidents.len(), 1, "it came back");
    let next = &desk.state.pending_changes()[0].plan;
    assert_ne!(*next, tried, "what did not last is not tried again");

    let mut desk = calm("staging", "auto");
    for _ in 0..2 {
        assert!(started(&outbreak(&mut desk, "auth", TWO_SIGNS)).is_some());
        recover(&mut desk, "auth");
        desk.wait(TimeDelta::minutes(40));
    }
    assert_eq!(asked(&outbreak(&mut desk, "auth", TWO_SIGNS)), "policies have worked 2 times here within 24 h");
}

fn criterion(passed: bool) -> Vec<Criterion> {
    let (what, wanted, found) = ("auth passes its checks".to_owned(), "all".to_owned(), "9 of 10".to_owned());
    vec![Criterion { what, wanted, found, passed, decides: true }]
}

#[test]
fn a_recovery_is_proved_in_depth_and_over_its_watch_also_after_a_crash() {
    let mut desk = calm("staging", "auto");
    outbreak(&mut desk, "auth", TWO_SIGNS);
    recover(&mut desk, "auth");
    let recovery = *desk.state.recoveries.keys().next_back().unwrap();
    let due = |desk: &Desk| {
        let validations = unfinished(&desk.state).into_iter().filter(|effect| matches!(effect, Effect::Validate(..)));
        validations.collect::<Vec<_>>()
    };
    for phase in [Phase::Comprehensive, Phase::Watch] {
        assert_eq!(due(&desk), [Effect::Validate(recovery, phase)], "whoever starts now goes on with it");
        desk.engine(Command::RecordValidation { recovery, phase, criteria: criterion(true) });
        assert_eq!(due(&desk), []);
        desk.wait(TimeDelta::minutes(31));
    }
    assert_eq!(desk.state.recoveries[&recovery].validations.len(), 2);
}

#[test]
fn people_are_called_back_to_what_did_not_last() {
    let mut desk = calm("staging", "auto");
    outbreak(&mut desk, "auth", TWO_SIGNS);
    recover(&mut desk, "auth");
    let recovery = *desk.state.recoveries.keys().next_back().unwrap();
    let incident = desk.state.recoveries[&recovery].incident.unwrap();
    assert_eq!(desk.state.incidents[&incident].state, IncidentState::Resolved);
    let failed = Command::RecordValidation { recovery, phase: Phase::Comprehensive, criteria: criterion(false) };
    desk.engine(failed);
    assert!(desk.state.incidents[&incident].state.is_open());
    let recovery = &desk.state.recoveries[&recovery];
    assert_eq!(recovery.watch_until, None, "there is nothing to be watched any more");
    assert!(!recovery.lasted(), "{:?}", recovery.relapse);
}

#[test]
fn a_second_is_reached_from_a_snapshot_that_had_ended_by_then() {
    let platform = r#"
[platform]
name = "Ward"
profile = "drill"
[[service]]
name = "records-db"
criticality = "low"
[[component]]
name = "records"
service = "records-db"
kind = "database"
postgres = { data = "/srv/pg", wal = "/srv/wal" }
[[operator]]
name = "erin"
roles = ["engineer"]
"#;
    let platform = codeblue::platform::parse(platform, Path::new("/srv/codeblue.toml")).unwrap();
    let mut desk = Desk::new(Arc::new(platform));
    judge(&mut desk, "records-db", Status::Healthy);
    capture_everything(&mut desk);
    let first_ended = desk.now;
    desk.now += TimeDelta::minutes(10);
    let (trigger, reason) = (SnapshotTrigger::OnDemand, "again".to_owned());
    desk.must(&person("erin"), Command::RequestSnapshot { components: Vec::new(), trigger, reason });
    let while_it_was_taken = desk.now + TimeDelta::seconds(1);
    desk.now += TimeDelta::seconds(5);
    let snapshot = *desk.state.snapshots.keys().next_back().unwrap();
    let captured = desk.state.snapshots.values().next().unwrap().captured.clone();
    desk.engine(Command::FinishSnapshot { snapshot, captured, total_bytes: 5 });

    let to = |at| {
        let request = RollbackRequest { to: Some(RollbackTarget::Time(at)), ..until_healthy(&["records"]) };
        plan_rollback(&desk.state, &request)
    };
    let plan = to(while_it_was_taken).unwrap();
    let Step::RestoreTime { snapshot, at, .. } = &plan.steps[1] else { panic!("{plan:?}") };
    assert_eq!((snapshot.0, *at), (1, while_it_was_taken), "a log leads on from where a capture ended");
    assert!(plan.loses.is_some());
    assert_eq!(to(first_ended - TimeDelta::seconds(1)).unwrap_err().rule, "nothing-to-go-back-to");
}

#[test]
fn the_kill_switch_stops_what_a_policy_has_begun_and_nothing_a_person_has() {
    let mut desk = calm("staging", "auto");
    outbreak(&mut desk, "auth", TWO_SIGNS);
    let by_policy = *desk.state.recoveries.keys().next_back().unwrap();
    desk.must(&person("erin"), Command::HaltAutomation { reason: "enough".to_owned() });
    assert!(desk.state.recoveries[&by_policy].cancel_requested);

    let mut desk = deployed();
    let by_people = start(&mut desk, until_healthy(&["api-code"]));
    desk.must(&person("erin"), Command::HaltAutomation { reason: "enough".to_owned() });
    assert!(!desk.state.recoveries[&by_people].cancel_requested);
}

#[test]
fn what_failed_is_followed_by_the_next_stronger_remedy_and_everything_last() {
    let mut desk = calm("production", "assist");
    for version in ["v40", "v41", "v42"] {
        deploy(&mut desk, "api-code", version);
    }
    capture_everything(&mut desk);
    desk.now += TimeDelta::minutes(1);

    judge(&mut desk, "patient-api", Status::Down);
    let incident = desk.state.incident_of("patient-api").unwrap().id;
    conclude(&mut desk, incident, "patient-api", 0.4, TWO_SIGNS);
    let mut strategies = Vec::new();
    while let Some(change) =
        desk.state.changes.values().next_back().filter(|change| change.state == ChangeState::Pending)
    {
        let (id, plan_hash) = (change.id, change.plan_hash.clone());
        strategies.push(change.plan.strategy);
        for name in ["alice", "carol"] {
            let approve = Command::approve(id, plan_hash.clone(), String::new());
            let _ = desk.give(&person(name), approve);
        }
        let recovery = desk.state.changes[&id].recovery.unwrap();
        let looks = desk.state.recoveries[&recovery].plan.steps.iter();
        let looks = looks.filter(|step| matches!(step, Step::StopIfHealthy { .. })).count();
        run(&mut desk, recovery, &vec![Finding::Unhealthy; looks + 1]);
    }
    assert_eq!(strategies, [Strategy::Progressive, Strategy::FullRestore], "an unsure diagnosis is not acted on");
}

/// A platform of one that stands on another, watched every 30 s with 1 s of patience, two successes in a row for well.
fn pair() -> Desk {
    let checked = "[[service.check]]\ntcp = \"127.0.0.1:1\"\nevery = \"30s\"\nwithin = \"1s\"\n";
    let text = format!(
        "[platform]\nname = \"Ward\"\nprofile = \"drill\"\n[automation]\nmode = \"assist\"\n\
         [[service]]\nname = \"api\"\n{checked}[[service]]\nname = \"pages\"\ndepends_on = [\"api\"]\n{checked}"
    );
    let mut desk = Desk::new(Arc::new(codeblue::platform::parse(&text, Path::new("/srv/codeblue.toml")).unwrap()));
    for service in ["api", "pages"] {
        judge(&mut desk, service, Status::Healthy);
    }
    desk
}

/// The newest diagnosis finds nothing that could be done.
fn conclude_without_a_remedy(desk: &mut Desk, service: &str) {
    let diagnosis: DiagnosisId = *desk.state.diagnoses.keys().next_back().unwrap();
    let mut answer = document(&desk.state, diagnosis, service, 0.0, ONE_SIGN);
    answer.suggested_fixes.clear();
    desk.engine(Command::ConcludeDiagnosis { diagnosis, document: Arc::new(answer) });
}

#[test]
fn when_what_was_blamed_is_well_and_another_still_fails_the_cause_is_looked_for_again() {
    let mut desk = pair();
    judge(&mut desk, "api", Status::Down);
    judge(&mut desk, "pages", Status::Down);
    let incident = desk.state.open_incidents().next().unwrap().id;
    conclude(&mut desk, incident, "api", 0.9, ONE_SIGN);
    desk.wait(TimeDelta::seconds(30));
    judge(&mut desk, "api", Status::Healthy);
    desk.wait(TimeDelta::seconds(92));
    assert_eq!(desk.state.diagnoses.len(), 1, "its own checks may not have come round twice yet");
    desk.wait(TimeDelta::seconds(2));
    assert_eq!(desk.state.diagnoses.len(), 2, "pages fails by itself");
}

#[test]
fn a_cause_that_was_not_found_is_looked_for_again_each_time_after_twice_as_long() {
    let mut desk = pair();
    judge(&mut desk, "api", Status::Down);
    let begin = desk.now;
    let mut looks = Vec::new();
    for _ in 0..11 {
        conclude_without_a_remedy(&mut desk, "api");
        let known = desk.state.diagnoses.len();
        while desk.state.diagnoses.len() == known {
            desk.wait(TimeDelta::seconds(10));
        }
        looks.push((desk.now - begin).num_seconds());
    }
    assert_eq!(looks, [10, 30, 70, 150, 310, 630, 1270, 2550, 5110, 8710, 12310]);
}

#[test]
fn a_cause_that_nothing_can_be_done_about_is_looked_for_again_after_a_minute() {
    let mut desk = pair();
    judge(&mut desk, "api", Status::Down);
    let diagnosis: DiagnosisId = *desk.state.diagnoses.keys().next_back().unwrap();
    let mut answer = document(&desk.state, diagnosis, "api", 0.9, ONE_SIGN);
    answer.suggested_fixes.clear();
    desk.engine(Command::ConcludeDiagnosis { diagnosis, document: Arc::new(answer) });
    desk.wait(TimeDelta::seconds(59));
    assert_eq!(desk.state.diagnoses.len(), 1);
    desk.wait(TimeDelta::seconds(1));
    assert_eq!(desk.state.diagnoses.len(), 2);
}

#[test]
fn what_a_policy_asked_for_is_taken_back_when_a_later_diagnosis_blames_another() {
    let mut desk = calm("production", "assist");
    judge(&mut desk, "patient-api", Status::Down);
    let incident = desk.state.open_incidents().next().unwrap().id;
    conclude(&mut desk, incident, "patient-api", 0.9, ONE_SIGN);
    let first = *desk.state.changes.keys().next().unwrap();
    assert_eq!(desk.state.changes[&first].state, ChangeState::Pending);
    let known = desk.state.diagnoses.len();
    judge(&mut desk, "auth", Status::Down);
    assert_eq!(desk.state.incidents[&incident].services, ["patient-api", "auth"]);
    assert_eq!(desk.state.diagnoses.len(), known + 1, "what waits for people does not keep it from being looked for");
    conclude(&mut desk, incident, "auth", 0.9, ONE_SIGN);
    assert_eq!(desk.state.changes[&first].state, ChangeState::Withdrawn);
    let second = desk.state.changes.values().next_back().unwrap();
    assert!(second.id != first && second.plan.services.contains(&"auth".to_owned()), "{}", second.plan.title);
    assert_eq!(second.state, ChangeState::Pending);
}

#[test]
fn before_a_diagnosis_says_anything_what_has_not_come_out_since_the_trouble_is_asked() {
    let mut desk = pair();
    judge(&mut desk, "pages", Status::Down);
    let incident = desk.state.open_incidents().next().unwrap();
    let asked = |vitals: &Vitals| -> Vec<String> {
        unheard(&desk.state, vitals, incident.id).into_iter().map(|(service, _)| service.to_owned()).collect()
    };
    let mut vitals = Vitals::default();
    assert_eq!(asked(&vitals), ["pages", "api"], "what is hit, then what it needs");
    let check = &desk.state.platform.service("api").unwrap().checks[0];
    let mut come_out = |at| {
        vitals.take(Sample {
            service: "api".to_owned(),
            check: check.name.clone(),
            level: check.level,
            at,
            reading: Reading::Good,
            latency: std::time::Duration::from_millis(4),
            detail: String::new(),
            measured: None,
        });
        asked(&vitals)
    };
    assert_eq!(come_out(incident.detected_at - TimeDelta::seconds(1)), ["pages", "api"], "that was before");
    assert_eq!(come_out(incident.detected_at), ["pages"]);
}
