//! Stories about single rules, each with the mistake it guards against.

use std::sync::Arc;

use chrono::TimeDelta;
use codeblue::{
    domain::{
        Actor, ChangeId, ChangeState, Clock, Command, Event, Finding, IncidentId, IncidentState, Recorded, RecoveryId,
        RecoveryOutcome, Role, RollbackRequest, RollbackTarget, Scope, Severity, Status, Step, SystemState, Verdict,
        missing_roles,
    },
    platform::Platform,
};

use crate::desk::{Desk, hospital, person};

fn deploy(desk: &mut Desk, component: &str, version: &str) {
    let (component, version) = (component.to_owned(), version.to_owned());
    desk.must(&person("erin"), Command::RecordDeployment { component, version, note: String::new() });
}

fn judge(desk: &mut Desk, service: &str, status: Status) {
    let reason = "tcp: connection refused".to_owned();
    desk.engine(Command::RecordVerdict(Verdict { service: service.to_owned(), status, reason, failing_since: None }));
}

fn rollback(component: &str) -> Command {
    Command::RequestRollback(RollbackRequest {
        scope: Scope::Components(vec![component.to_owned()]),
        to: None,
        reason: "it broke".to_owned(),
        incident: None,
    })
}

fn submitted(events: &[Recorded]) -> ChangeId {
    let change = events.iter().find_map(|recorded| match recorded.event {
        Event::ChangeSubmitted { change, .. } => Some(change),
        _ => None,
    });
    change.unwrap_or_else(|| panic!("no change was submitted: {events:?}"))
}

fn approve(desk: &Desk, change: ChangeId) -> Command {
    let plan_hash = desk.state.changes[&change].plan_hash.clone();
    Command::approve(change, plan_hash, String::new())
}

fn refused(desk: &mut Desk, actor: &Actor, command: Command) -> String {
    match desk.give(actor, command) {
        Ok(events) => panic!("that was allowed: {events:?}"),
        Err(refusal) => refusal.rule,
    }
}

#[test]
fn nobody_approves_the_own_change() {
    let mut desk = Desk::new(hospital("production", "assist"));
    deploy(&mut desk, "api-code", "v40");
    deploy(&mut desk, "api-code", "v41");
    let change = submitted(&desk.must(&person("carol"), rollback("api-code")));
    let yes = approve(&desk, change);
    assert_eq!(refused(&mut desk, &person("carol"), yes.clone()), "own-change", "not even the CTO");
    let found = &desk.state.changes[&change];
    assert_eq!(missing_roles(&desk.state, found), found.terms.required);
    desk.must(&person("alice"), yes);
    assert_eq!(desk.state.changes[&change].approvals.len(), 1);
}

#[test]
fn a_rollback_goes_to_the_version_before_and_never_to_one_that_was_left() {
    let mut desk = Desk::new(hospital("staging", "assist"));
    for version in ["v1", "v2", "v3"] {
        deploy(&mut desk, "handout-code", version);
    }
    let goal = |desk: &Desk, recovery: RecoveryId| {
        let plan = desk.state.recoveries[&recovery].plan.clone();
        plan.steps.iter().find_map(|step| match step {
            Step::SwitchRelease { to, .. } => Some(to.clone()),
            _ => None,
        })
    };
    desk.must(&person("erin"), rollback("handout-code"));
    assert_eq!(goal(&desk, RecoveryId(1)).as_deref(), Some("v2"));
    desk.carry_out(RecoveryId(1));
    assert_eq!(desk.state.live_version("handout-code"), Some("v2"));
    desk.must(&person("erin"), rollback("handout-code"));
    assert_eq!(goal(&desk, RecoveryId(2)).as_deref(), Some("v1"), "v3 was left behind on purpose");
    desk.carry_out(RecoveryId(2));
    assert_eq!(refused(&mut desk, &person("erin"), rollback("handout-code")), "nothing-to-go-back-to");
    let named = Command::RequestRollback(RollbackRequest {
        scope: Scope::Components(vec!["handout-code".to_owned()]),
        to: Some(RollbackTarget::Version("v3".to_owned())),
        reason: "v3 was innocent".to_owned(),
        incident: None,
    });
    desk.must(&person("erin"), named);
    assert_eq!(goal(&desk, RecoveryId(3)).as_deref(), Some("v3"), "a person may name any version");
}

#[test]
fn steps_run_in_order_and_success_needs_all_of_them() {
    let mut desk = Desk::new(hospital("staging", "assist"));
    deploy(&mut desk, "handout-code", "v1");
    deploy(&mut desk, "handout-code", "v2");
    desk.must(&person("erin"), rollback("handout-code"));
    let recovery = RecoveryId(1);
    let start = |step| Command::StartStep { recovery, step };
    assert_eq!(refused(&mut desk, &Actor::Engine, start(1)), "step-order");
    desk.engine(start(0));
    assert!(desk.engine(start(0)).is_empty(), "an executor that comes back may say it again");
    let early = Command::EndRecovery { recovery, outcome: RecoveryOutcome::Succeeded, summary: String::new() };
    assert_eq!(refused(&mut desk, &Actor::Engine, early), "steps-left");
    desk.must(&person("erin"), Command::CancelRecovery { recovery, reason: "wait".to_owned() });
    desk.engine(Command::FinishStep { recovery, step: 0, output: String::new(), finding: Finding::Nothing });
    assert_eq!(refused(&mut desk, &Actor::Engine, start(1)), "recovery-cancelled");
}

#[test]
fn a_change_that_nobody_decides_lapses_and_one_that_is_late_is_refused() {
    let mut desk = Desk::new(hospital("production", "assist"));
    deploy(&mut desk, "api-code", "v40");
    deploy(&mut desk, "api-code", "v41");
    judge(&mut desk, "patient-api", Status::Down);
    let change = submitted(&desk.must(&person("erin"), rollback("api-code")));
    let yes = approve(&desk, change);
    desk.wait(TimeDelta::minutes(59));
    assert_eq!(desk.state.changes[&change].state, ChangeState::Pending);
    desk.now += TimeDelta::minutes(1);
    assert_eq!(refused(&mut desk, &person("alice"), yes), "change-expired");
    desk.wait(TimeDelta::zero());
    assert_eq!(desk.state.changes[&change].state, ChangeState::Expired);
}

#[test]
fn the_clocks_of_an_outage_run_out_in_order_and_each_calls_more_people() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "patient-api", Status::Down);
    let id = IncidentId(1);
    assert_eq!(desk.state.system_state(), SystemState::Emergency);
    desk.wait(TimeDelta::minutes(2));
    assert_eq!(desk.state.incidents[&id].breached, [Clock::Acknowledge]);
    desk.must(&person("erin"), Command::NoteIncident { incident: id, text: "I am on it".to_owned() });
    assert!(desk.state.incidents[&id].acknowledged_at.is_some(), "who acts on it has seen it");
    desk.wait(TimeDelta::hours(1));
    let incident = &desk.state.incidents[&id];
    assert_eq!(incident.breached, [Clock::Acknowledge, Clock::Respond, Clock::Resolve]);
    assert_eq!(incident.escalation, 3);
}

#[test]
fn a_failing_dependency_widens_the_incident_instead_of_opening_another() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "ai-analysis", Status::Down);
    assert_eq!(desk.state.incidents[&IncidentId(1)].severity, Severity::Sev3);
    judge(&mut desk, "patient-api", Status::Down);
    judge(&mut desk, "records-db", Status::Down);
    let incident = &desk.state.incidents[&IncidentId(1)];
    assert_eq!(desk.state.incidents.len(), 1);
    assert_eq!((incident.severity, incident.root.as_deref()), (Severity::Sev1, Some("records-db")));
    judge(&mut desk, "handouts", Status::Down);
    assert_eq!(desk.state.incidents.len(), 2, "handouts depends on nothing of it");
    for service in ["records-db", "patient-api", "ai-analysis"] {
        judge(&mut desk, service, Status::Healthy);
    }
    assert_eq!(desk.state.incidents[&IncidentId(1)].state, IncidentState::Resolved);
    assert_eq!(desk.state.incidents[&IncidentId(2)].state, IncidentState::Detected);
}

#[test]
fn planned_work_wakes_nobody_and_ends_by_itself() {
    let mut desk = Desk::new(hospital("production", "assist"));
    let until = desk.now + TimeDelta::minutes(30);
    let window =
        |until| Command::StartMaintenance { service: "patient-api".to_owned(), until, reason: "new disks".to_owned() };
    let past = window(desk.now);
    assert_eq!(refused(&mut desk, &person("erin"), past), "window-in-the-past");
    desk.must(&person("erin"), window(until));
    judge(&mut desk, "patient-api", Status::Down);
    assert_eq!(desk.state.services["patient-api"].status, Status::Maintenance);
    assert!(desk.state.incidents.is_empty());
    desk.wait(TimeDelta::minutes(31));
    judge(&mut desk, "patient-api", Status::Down);
    assert_eq!(desk.state.open_incidents().count(), 1, "after the window it counts again");
}

#[test]
fn who_may_only_look_changes_nothing_and_people_cannot_speak_for_the_engine() {
    let mut desk = Desk::new(hospital("production", "assist"));
    let declare = Command::DeclareIncident {
        severity: Severity::Sev3,
        title: "fax machine on fire".to_owned(),
        services: Vec::new(),
    };
    assert_eq!(refused(&mut desk, &person("vic"), declare.clone()), "operator-may-not");
    assert_eq!(refused(&mut desk, &person("mallory"), declare), "unknown-operator");
    let report =
        Command::FinishStep { recovery: RecoveryId(1), step: 0, output: String::new(), finding: Finding::Nothing };
    assert_eq!(refused(&mut desk, &person("carol"), report), "engine-only");
    let promote = Command::AddOperator { name: "erin".to_owned(), roles: [Role::Cto].into(), login: None };
    assert_eq!(refused(&mut desk, &person("erin"), promote), "role-needed");
}

/// A platform file that is read again and says the same is no event; one that says something else is.
#[test]
fn a_platform_file_is_news_only_when_it_differs() {
    let mut desk = Desk::new(hospital("production", "assist"));
    let load = |platform: Arc<Platform>| Command::LoadPlatform { platform };
    assert!(desk.engine(load(hospital("production", "assist"))).is_empty());
    let mut smaller = Platform::clone(&desk.state.platform);
    smaller.services.retain(|service| service.name != "handouts");
    smaller.components.retain(|component| component.service != "handouts");
    assert_eq!(desk.engine(load(smaller.into())).len(), 1);
    assert!(!desk.state.services.contains_key("handouts"));
}

#[test]
fn an_approval_waits_for_what_is_in_its_way() {
    let mut desk = Desk::new(hospital("production", "assist"));
    deploy(&mut desk, "api-code", "v40");
    deploy(&mut desk, "api-code", "v41");
    let restart = Command::RequestAction {
        service: "patient-api".to_owned(),
        action: "restart".to_owned(),
        incident: None,
        reason: "it hangs".to_owned(),
    };
    let back = submitted(&desk.must(&person("erin"), rollback("api-code")));
    let first = submitted(&desk.must(&person("erin"), restart));
    let (first, back) = (approve(&desk, first), approve(&desk, back));
    desk.must(&person("alice"), first);
    // An approved change that is not begun at once would never be.
    assert_eq!(refused(&mut desk, &person("alice"), back.clone()), "recovery-running");
    desk.carry_out(RecoveryId(1));
    desk.must(&person("alice"), back);
    assert_eq!(desk.state.running_recoveries().count(), 1);
}

#[test]
fn an_incident_that_takes_in_a_worse_one_is_as_bad_as_that() {
    let mut desk = Desk::new(hospital("production", "observe"));
    judge(&mut desk, "handouts", Status::Down);
    judge(&mut desk, "records-db", Status::Down);
    desk.must(&person("erin"), Command::MergeIncident { incident: IncidentId(2), into: IncidentId(1) });
    assert_eq!(desk.state.incidents[&IncidentId(1)].severity, Severity::Sev1);
    assert_eq!(desk.state.system_state(), SystemState::Emergency);
}

#[test]
fn somebody_can_always_act_and_who_was_disabled_stays_so() {
    let mut desk = Desk::new(hospital("production", "observe"));
    for name in ["ben", "carol", "erin"] {
        desk.must(&person("alice"), Command::DisableOperator { name: name.to_owned(), reason: "left".to_owned() });
    }
    let demote = Command::AddOperator { name: "alice".to_owned(), roles: [Role::Viewer].into(), login: None };
    assert_eq!(refused(&mut desk, &person("alice"), demote), "last-operator");
    let mut edited = Platform::clone(&desk.state.platform);
    edited.operators.iter_mut().for_each(|entry| entry.login = Some(format!("{}-2", entry.name)));
    desk.engine(Command::LoadPlatform { platform: edited.into() });
    assert!(desk.state.operators["ben"].disabled, "reading the file again is no decision to let him back in");
}
