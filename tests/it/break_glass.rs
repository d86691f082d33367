//! Break-glass: what one person may do without an approval, for how long, who hears of it, and who looks at it afterwards.

use chrono::TimeDelta;
use codeblue::domain::{
    Actor, BreakGlassEnd, BreakGlassId, Callee, Ceiling, ChangeId, ChangeState, Command, Event, Finding, IncidentId,
    IncidentState, Recorded, RecoveryId, ReviewVerdict, Role, RollbackRequest, Scope, Severity, Status, StepState,
    Verdict, break_glass_for, missing_roles,
};

use crate::{
    cli::{Script, platform},
    desk::{Desk, hospital, person, policy},
    invariants::survives_storage,
    served::me,
};

const FIRST: IncidentId = IncidentId(1);
const GLASS: BreakGlassId = BreakGlassId(1);
const REASON: &str = "nobody answers and patients wait";

fn judge(desk: &mut Desk, service: &str, status: Status) {
    let reason = "tcp: connection refused".to_owned();
    desk.engine(Command::RecordVerdict(Verdict { service: service.to_owned(), status, reason, failing_since: None }));
}

/// A SEV1 in production with something to go back to, and a compliance officer.
fn outage() -> Desk {
    let mut desk = Desk::new(hospital("production", "observe"));
    let dana = Command::AddOperator { name: "dana".to_owned(), roles: [Role::ComplianceOfficer].into(), login: None };
    desk.must(&person("alice"), dana);
    for version in ["v40", "v41"] {
        for component in ["api-code", "handout-code"] {
            let (component, version) = (component.to_owned(), version.to_owned());
            desk.must(&person("erin"), Command::RecordDeployment { component, version, note: String::new() });
        }
    }
    judge(&mut desk, "patient-api", Status::Down);
    desk
}

fn glass(services: &[&str], ceiling: Ceiling, minutes: u32) -> Command {
    let services = services.iter().map(|name| (*name).to_owned()).collect();
    Command::BreakGlass { incident: FIRST, reason: REASON.to_owned(), services, ceiling, minutes }
}

fn opened() -> Desk {
    let mut desk = outage();
    desk.must(&person("erin"), glass(&["patient-api"], Ceiling::Code, 30));
    desk
}

fn rollback(component: &str) -> Command {
    Command::RequestRollback(RollbackRequest {
        scope: Scope::Components(vec![component.to_owned()]),
        to: None,
        reason: "it broke".to_owned(),
        incident: None,
    })
}

fn action(service: &str, action: &str) -> Command {
    let (service, action) = (service.to_owned(), action.to_owned());
    Command::RequestAction { service, action, incident: None, reason: "it hangs".to_owned() }
}

fn review(verdict: ReviewVerdict) -> Command {
    Command::ReviewBreakGlass { break_glass: GLASS, verdict, findings: "it was needed".to_owned() }
}

fn end() -> Command {
    Command::EndBreakGlass { break_glass: GLASS }
}

fn refused(desk: &mut Desk, who: &str, command: Command) -> String {
    match desk.give(&person(who), command) {
        Ok(events) => panic!("{who} was allowed: {events:?}"),
        Err(refusal) => refusal.rule,
    }
}

/// The recovery that began, and under what.
fn began(events: &[Recorded]) -> Option<(RecoveryId, Option<BreakGlassId>)> {
    events.iter().find_map(|recorded| match recorded.event {
        Event::RecoveryStarted { recovery, break_glass, .. } => Some((recovery, break_glass)),
        _ => None,
    })
}

fn submitted(events: &[Recorded]) -> Option<ChangeId> {
    events.iter().find_map(|recorded| match recorded.event {
        Event::ChangeSubmitted { change, .. } => Some(change),
        _ => None,
    })
}

fn execute(desk: &Desk, change: ChangeId) -> Command {
    Command::ExecuteUnderBreakGlass { change, plan_hash: desk.state.changes[&change].plan_hash.clone() }
}

fn step(desk: &mut Desk, recovery: RecoveryId, step: usize) {
    desk.engine(Command::StartStep { recovery, step });
    desk.engine(Command::FinishStep { recovery, step, output: String::new(), finding: Finding::Nothing });
}

#[test]
fn e1_it_takes_a_person_a_grave_incident_a_reason_a_scope_and_an_hour_at_most() {
    let mut desk = outage();
    let wrong = |desk: &mut Desk, change: fn(&mut Command)| {
        let mut command = glass(&["patient-api"], Ceiling::Code, 30);
        change(&mut command);
        refused(desk, "erin", command)
    };
    let refusals = [
        wrong(&mut desk, |command| {
            if let Command::BreakGlass { reason, .. } = command {
                *reason = "\u{1b}   it is urgent        \u{1b}".to_owned();
            }
        }),
        wrong(&mut desk, |command| {
            if let Command::BreakGlass { minutes, .. } = command {
                *minutes = 61;
            }
        }),
        wrong(&mut desk, |command| {
            if let Command::BreakGlass { minutes, .. } = command {
                *minutes = 0;
            }
        }),
        wrong(&mut desk, |command| {
            if let Command::BreakGlass { services, .. } = command {
                services.clear();
            }
        }),
        wrong(&mut desk, |command| {
            if let Command::BreakGlass { services, .. } = command {
                services.push("no-such-service".to_owned());
            }
        }),
        wrong(&mut desk, |command| {
            if let Command::BreakGlass { incident, .. } = command {
                *incident = IncidentId(9);
            }
        }),
    ];
    let rules = [
        "break-glass-reason",
        "break-glass-minutes",
        "break-glass-minutes",
        "break-glass-scope",
        "unknown-service",
        "unknown-incident",
    ];
    assert_eq!(refusals, rules);
    assert_eq!(refused(&mut desk, "vic", glass(&["patient-api"], Ceiling::Code, 30)), "operator-may-not");
    for actor in [Actor::Engine, policy("helpful")] {
        let refusal = desk.give(&actor, glass(&["patient-api"], Ceiling::Code, 30)).unwrap_err();
        assert_eq!(refusal.rule, "person-needed");
    }
    desk.state.operators.get_mut("ben").unwrap().belongs_to = Some("alice".to_owned());
    assert_eq!(refused(&mut desk, "ben", glass(&["patient-api"], Ceiling::Code, 30)), "break-glass-person");
    let milder =
        Command::SetIncidentSeverity { incident: FIRST, severity: Severity::Sev3, reason: "milder".to_owned() };
    desk.must(&person("erin"), milder);
    assert_eq!(refused(&mut desk, "erin", glass(&["patient-api"], Ceiling::Code, 30)), "break-glass-incident");
    assert!(desk.state.break_glass.is_empty());
}

#[test]
fn e1_those_who_could_have_approved_are_told_before_anything_can_run() {
    let mut desk = outage();
    let events = desk.must(&person("erin"), glass(&["patient-api"], Ceiling::Code, 30));
    let told = events.iter().find_map(|recorded| match &recorded.event {
        Event::PeopleToCall { notice } => Some(notice.clone()),
        _ => None,
    });
    let told = told.unwrap();
    assert_eq!(told.to, [Callee::ComplianceOfficer, Callee::Cto, Callee::Approvers]);
    assert!(told.reason.contains("BG-1: erin acts without an approval on patient-api"), "{}", told.reason);
    assert!(told.reason.contains(REASON));
    assert!(began(&events).is_none(), "opening it does nothing else");
    let notice = desk.state.seq;
    let events = desk.must(&person("erin"), rollback("api-code"));
    assert!(events.iter().all(|recorded| recorded.seq > notice));
}

#[test]
fn e2_what_is_in_scope_runs_at_once_and_carries_the_id() {
    let mut desk = opened();
    let (recovery, under) = began(&desk.must(&person("erin"), rollback("api-code"))).unwrap();
    assert_eq!(under, Some(GLASS));
    let found = &desk.state.recoveries[&recovery];
    assert_eq!((found.break_glass, found.incident, found.change), (Some(GLASS), Some(FIRST), None));
    let act = &desk.state.break_glass[&GLASS].acts[0];
    assert_eq!((act.recovery, act.change), (recovery, None));
    assert!(act.risk.score >= 7, "{:?}", act.risk);
    assert_eq!(
        act.risk.score.cast_signed(),
        act.risk.points.iter().map(|point| point.points).sum::<i8>(),
        "every point is explained"
    );
    let timeline: Vec<&str> = desk.state.incidents[&FIRST].timeline.iter().map(|line| line.text.as_str()).collect();
    assert!(
        timeline.iter().any(|line| line.starts_with("REC-1 started under BG-1: roll api-code back")),
        "{timeline:?}"
    );
    desk.carry_out(recovery);
    let undo = Command::UndoRecovery { recovery, reason: "it was innocent".to_owned() };
    assert_eq!(began(&desk.must(&person("erin"), undo)).unwrap().1, Some(GLASS));
    survives_storage(&desk);
}

#[test]
fn e2_outside_scope_ceiling_or_time_it_takes_the_ordinary_way() {
    let mut desk = opened();
    // Another service, which is critical; data, which is above the ceiling; somebody else.
    for (who, command) in [("erin", action("records-db", "restart")), ("alice", rollback("api-code"))] {
        let events = desk.must(&person(who), command);
        assert!(began(&events).is_none() && submitted(&events).is_some(), "{who}: {events:?}");
    }
    let plan = codeblue::domain::plan_action(&desk.state, "patient-api", "restart").unwrap();
    assert_eq!(break_glass_for(&desk.state, &person("erin"), &plan, desk.now), Some(GLASS));
    desk.wait(TimeDelta::minutes(30));
    assert_eq!(break_glass_for(&desk.state, &person("erin"), &plan, desk.now), None);
    let events = desk.must(&person("erin"), action("patient-api", "restart"));
    assert!(began(&events).is_none() && submitted(&events).is_some());

    let mut desk = outage();
    desk.must(&person("erin"), glass(&["patient-api"], Ceiling::Action, 30));
    assert!(submitted(&desk.must(&person("erin"), rollback("api-code"))).is_some(), "code is above the ceiling");
    assert_eq!(began(&desk.must(&person("erin"), action("patient-api", "restart"))).unwrap().1, Some(GLASS));
    // What needs no approval at all, outside of it: as ever, and without the id.
    assert_eq!(began(&desk.must(&person("erin"), rollback("handout-code"))).unwrap().1, None);
}

#[test]
fn e2_a_change_is_carried_out_under_it_only_within_its_scope_and_with_the_plan_that_was_seen() {
    let mut desk = outage();
    let code = submitted(&desk.must(&person("alice"), rollback("api-code"))).unwrap();
    let database = submitted(&desk.must(&person("alice"), action("records-db", "restart"))).unwrap();
    let wanted = execute(&desk, code);
    assert_eq!(refused(&mut desk, "erin", wanted.clone()), "break-glass-none");
    desk.must(&person("erin"), glass(&["patient-api"], Ceiling::Action, 30));
    assert_eq!(refused(&mut desk, "erin", wanted.clone()), "break-glass-ceiling");
    let wanted_there = execute(&desk, database);
    assert_eq!(refused(&mut desk, "erin", wanted_there), "break-glass-scope");
    desk.must(&person("erin"), end());

    desk.must(&person("ben"), glass(&["patient-api"], Ceiling::Code, 30));
    let other = Command::ExecuteUnderBreakGlass { change: code, plan_hash: "0".repeat(64) };
    assert_eq!(refused(&mut desk, "ben", other), "plan-changed");
    assert_eq!(refused(&mut desk, "alice", wanted.clone()), "break-glass-none", "it is ben's, not everybody's");
    let (recovery, under) = began(&desk.must(&person("ben"), wanted.clone())).unwrap();
    assert_eq!(under, Some(BreakGlassId(2)));
    let change = &desk.state.changes[&code];
    assert_eq!((change.state, change.break_glass), (ChangeState::Implementing, Some(BreakGlassId(2))));
    assert_eq!(refused(&mut desk, "ben", wanted), "change-not-pending", "once");
    desk.carry_out(recovery);
    assert_eq!(desk.state.changes[&code].state, ChangeState::Validated);
}

/// Authority obtained through codeblue is none to approve with.
#[test]
fn a5_what_runs_under_it_was_never_approved_and_its_user_approves_no_more_than_before() {
    let mut desk = outage();
    let change = submitted(&desk.must(&person("alice"), rollback("api-code"))).unwrap();
    let plan_hash = desk.state.changes[&change].plan_hash.clone();
    let yes = Command::approve(change, plan_hash, String::new());
    desk.must(&person("erin"), glass(&["patient-api", "records-db"], Ceiling::Data, 60));
    assert_eq!(refused(&mut desk, "erin", yes.clone()), "role-needed", "an engineer stays an engineer");
    let wanted = execute(&desk, change);
    let events = desk.must(&person("erin"), wanted);
    let counted = events
        .iter()
        .any(|recorded| matches!(recorded.event, Event::ChangeApproved { .. } | Event::ChangeAuthorised { .. }));
    assert!(!counted, "{events:?}");
    let found = &desk.state.changes[&change];
    assert!(found.approvals.is_empty());
    assert_eq!(missing_roles(&desk.state, found), found.terms.required, "it lacks what it lacked");
    assert_eq!(refused(&mut desk, "ben", yes), "change-not-pending", "nobody agrees after the fact");
}

/// Or it would run once more when its approvals come.
#[test]
fn what_waits_with_the_same_plan_is_what_is_carried_out() {
    let mut desk = outage();
    let change = submitted(&desk.must(&person("alice"), rollback("api-code"))).unwrap();
    desk.must(&person("erin"), glass(&["patient-api"], Ceiling::Code, 30));
    let (recovery, under) = began(&desk.must(&person("erin"), rollback("api-code"))).unwrap();
    assert_eq!((desk.state.recoveries[&recovery].change, under), (Some(change), Some(GLASS)));
    assert_eq!(desk.state.changes[&change].break_glass, Some(GLASS));
    assert!(desk.state.changes[&change].approvals.is_empty());
}

#[test]
fn e3_two_others_review_it_before_the_next_one_and_before_the_incident_is_closed() {
    let mut desk = opened();
    let change = submitted(&desk.must(&person("alice"), rollback("api-code"))).unwrap();
    let wanted = execute(&desk, change);
    desk.must(&person("erin"), wanted);
    desk.carry_out(RecoveryId(1));
    assert_eq!(refused(&mut desk, "ben", review(ReviewVerdict::Justified)), "break-glass-open");
    assert_eq!(refused(&mut desk, "erin", glass(&["patient-api"], Ceiling::Code, 30)), "break-glass-open");
    desk.must(&person("erin"), end());
    assert_eq!(refused(&mut desk, "erin", glass(&["patient-api"], Ceiling::Code, 30)), "break-glass-review-owed");

    judge(&mut desk, "patient-api", Status::Healthy);
    assert_eq!(desk.state.incidents[&FIRST].state, IncidentState::Resolved);
    let close = || Command::CloseIncidentOwing { incident: FIRST, reason: "the paper is late".to_owned() };
    assert_eq!(refused(&mut desk, "ben", close()), "break-glass-review-owed", "owing the paper is no way around it");

    assert_eq!(refused(&mut desk, "erin", review(ReviewVerdict::Justified)), "own-break-glass");
    assert_eq!(
        refused(&mut desk, "alice", review(ReviewVerdict::Justified)),
        "break-glass-involved",
        "she asked for it"
    );
    desk.must(&person("ben"), review(ReviewVerdict::Justified));
    assert_eq!(refused(&mut desk, "ben", review(ReviewVerdict::Justified)), "reviewed-already");
    let zoe = Command::AddOperator { name: "zoe".to_owned(), roles: [Role::Engineer].into(), login: None };
    desk.must(&person("alice"), zoe);
    desk.must(&person("zoe"), review(ReviewVerdict::Justified));
    assert!(desk.state.break_glass[&GLASS].is_review_owed(), "two, and neither the CTO nor the compliance officer");
    desk.must(&person("dana"), review(ReviewVerdict::Unjustified));
    let found = &desk.state.break_glass[&GLASS];
    assert!(!found.is_review_owed());
    assert_eq!(found.findings(), ["dana finds BG-1 not justified: it was needed"]);
    desk.must(&person("ben"), close());

    judge(&mut desk, "patient-api", Status::Down);
    desk.must(
        &person("erin"),
        Command::BreakGlass {
            incident: *desk.state.incidents.keys().next_back().unwrap(),
            reason: REASON.to_owned(),
            services: vec!["patient-api".to_owned()],
            ceiling: Ceiling::Code,
            minutes: 5,
        },
    );
}

#[test]
fn e3_one_person_with_two_names_is_one_reviewer_and_an_alias_of_the_user_is_none() {
    let mut desk = opened();
    desk.must(&person("erin"), end());
    for (alias, owner) in [("alice", "erin"), ("ben", "carol")] {
        desk.state.operators.get_mut(alias).unwrap().belongs_to = Some(owner.to_owned());
    }
    assert_eq!(refused(&mut desk, "alice", review(ReviewVerdict::Justified)), "own-break-glass");
    desk.must(&person("carol"), review(ReviewVerdict::Justified));
    assert_eq!(refused(&mut desk, "ben", review(ReviewVerdict::Justified)), "reviewed-already");
    assert!(desk.state.break_glass[&GLASS].is_review_owed());
}

#[test]
fn e3_a_review_that_is_owed_nags_and_then_is_a_finding() {
    let mut desk = opened();
    desk.must(&person("erin"), end());
    let over = desk.now;
    let told = |desk: &Desk| {
        let events = desk.log.iter().filter_map(|recorded| match recorded.event {
            Event::BreakGlassReviewReminded { .. } => Some(("half", (recorded.at - over).num_seconds())),
            Event::BreakGlassReviewOverdue { .. } => Some(("overdue", (recorded.at - over).num_seconds())),
            _ => None,
        });
        events.collect::<Vec<_>>()
    };
    desk.wait(TimeDelta::hours(12) - TimeDelta::seconds(1));
    assert!(told(&desk).is_empty());
    desk.wait(TimeDelta::days(3));
    assert_eq!(told(&desk), [("half", 12 * 3600), ("overdue", 24 * 3600)], "each once");
    assert_eq!(desk.state.break_glass[&GLASS].findings(), ["BG-1 was not reviewed within 24 h of its end"]);
    desk.must(&person("ben"), review(ReviewVerdict::Justified));
    desk.must(&person("carol"), review(ReviewVerdict::Justified));
    assert!(!desk.state.break_glass[&GLASS].is_review_owed());
    assert_eq!(desk.state.break_glass[&GLASS].findings().len(), 1, "late stays late");
    survives_storage(&desk);
}

#[test]
fn e4_it_reaches_neither_people_nor_policies() {
    let mut desk = outage();
    desk.must(&person("alice"), glass(&["patient-api"], Ceiling::Data, 60));
    desk.state.operators.get_mut("ben").unwrap().belongs_to = Some("alice".to_owned());
    let beyond = [
        Command::AddOperator { name: "zoe".to_owned(), roles: [Role::Cto].into(), login: None },
        Command::DisableOperator { name: "erin".to_owned(), reason: "left".to_owned() },
        Command::SetAutomation { mode: codeblue::domain::AutomationMode::Auto },
        Command::ReleaseAutomation,
        Command::ApplyRetention,
        Command::SetRoles { name: "alice".to_owned(), roles: [Role::Cto].into() },
        Command::EnableOperator { name: "erin".to_owned(), reason: "back".to_owned() },
        Command::AddKey { operator: "alice".to_owned(), key: "ssh-ed25519 AAAA".to_owned() },
        Command::RemoveKey { operator: "alice".to_owned(), fingerprint: "SHA256:0".to_owned() },
        Command::RemoveSecondFactor,
        Command::ResetSecondFactor { operator: "erin".to_owned(), reason: "lost".to_owned() },
    ];
    for command in beyond {
        for who in ["alice", "ben"] {
            assert_eq!(refused(&mut desk, who, command.clone()), "break-glass-reach", "{who}: {command:?}");
        }
    }
    // Whoever idles while it is open has to come back in.
    for command in [Command::LockSession, Command::UnlockSession] {
        let refusal = desk.give(&person("alice"), command).err();
        assert!(refusal.as_ref().is_none_or(|refusal| refusal.rule != "break-glass-reach"), "{refusal:?}");
    }
    desk.must(&person("alice"), Command::HaltAutomation { reason: "wait".to_owned() });
    desk.must(&person("carol"), Command::ReleaseAutomation);
    desk.must(&person("alice"), Command::EndBreakGlass { break_glass: GLASS });
    desk.must(&person("alice"), Command::DisableOperator { name: "erin".to_owned(), reason: "left".to_owned() });
}

#[test]
fn e5_every_use_stays_in_the_state_with_its_scope_its_end_and_its_acts() {
    let mut desk = Desk::new(hospital("production", "observe"));
    assert!(desk.state.break_glass.is_empty(), "none is a list too");
    desk = opened();
    desk.must(&person("erin"), rollback("api-code"));
    desk.must(&person("alice"), Command::RevokeBreakGlass { break_glass: GLASS, reason: "I am here".to_owned() });
    let stored = serde_json::to_value(&desk.state).unwrap();
    let use_of_it = &stored["breakGlass"]["BG-1"];
    assert_eq!(use_of_it["operator"], "erin");
    assert_eq!(use_of_it["ceiling"], "code");
    assert_eq!(use_of_it["ended"]["how"], "revoked");
    assert_eq!(use_of_it["ended"]["by"], "operator:alice");
    assert_eq!(use_of_it["acts"][0]["recovery"], "REC-1");
}

#[test]
fn it_ends_by_its_time_its_person_another_lead_or_its_incident() {
    let how = |desk: &Desk| desk.state.break_glass[&GLASS].ended.as_ref().map(|ended| ended.how);
    let mut desk = opened();
    desk.wait(TimeDelta::minutes(30) - TimeDelta::seconds(1));
    assert_eq!(how(&desk), None);
    desk.wait(TimeDelta::seconds(1));
    assert_eq!(how(&desk), Some(BreakGlassEnd::Expired));

    let mut desk = opened();
    assert_eq!(refused(&mut desk, "alice", end()), "not-your-break-glass");
    let revoke = || Command::RevokeBreakGlass { break_glass: GLASS, reason: "I am here".to_owned() };
    assert_eq!(refused(&mut desk, "erin", revoke()), "own-break-glass");
    let zoe = Command::AddOperator { name: "zoe".to_owned(), roles: [Role::Engineer].into(), login: None };
    desk.must(&person("alice"), zoe);
    assert_eq!(refused(&mut desk, "zoe", revoke()), "role-needed");
    desk.must(&person("dana"), revoke());
    assert_eq!(how(&desk), Some(BreakGlassEnd::Revoked));
    assert_eq!(refused(&mut desk, "erin", end()), "break-glass-over");

    let mut desk = opened();
    judge(&mut desk, "patient-api", Status::Healthy);
    assert_eq!(how(&desk), Some(BreakGlassEnd::IncidentOver), "it does not wait to be closed");

    let mut desk = opened();
    let milder =
        Command::SetIncidentSeverity { incident: FIRST, severity: Severity::Sev3, reason: "milder".to_owned() };
    desk.must(&person("ben"), milder);
    assert_eq!(how(&desk), Some(BreakGlassEnd::IncidentOver));

    let mut desk = opened();
    desk.must(&person("alice"), Command::DisableOperator { name: "erin".to_owned(), reason: "left".to_owned() });
    assert_eq!(how(&desk), Some(BreakGlassEnd::PersonGone));

    let mut desk = opened();
    judge(&mut desk, "handouts", Status::Down);
    desk.must(&person("ben"), Command::MergeIncident { incident: FIRST, into: IncidentId(2) });
    assert_eq!(how(&desk), None, "what it was for goes on as another");
    assert_eq!(desk.state.break_glass[&GLASS].incident, IncidentId(2));
    assert_eq!(began(&desk.must(&person("erin"), rollback("api-code"))).unwrap().1, Some(GLASS));
}

#[test]
fn what_runs_when_it_ends_finishes_its_step_and_changes_nothing_more() {
    let mut desk = opened();
    let (recovery, _) = began(&desk.must(&person("erin"), rollback("api-code"))).unwrap();
    desk.engine(Command::StartStep { recovery, step: 0 });
    desk.now = desk.state.break_glass[&GLASS].until;
    desk.engine(Command::FinishStep { recovery, step: 0, output: String::new(), finding: Finding::Nothing });
    let next = Command::StartStep { recovery, step: 1 };
    let refusal = desk.give(&Actor::Engine, next).unwrap_err();
    assert_eq!(refusal.rule, "break-glass-over", "also in the moment before the deadline is looked at");
    desk.wait(TimeDelta::zero());
    let found = &desk.state.recoveries[&recovery];
    assert!(found.cancel_requested && found.steps[1].state == StepState::Waiting);

    // With only the look at it left, that look is taken.
    let mut desk = opened();
    let (recovery, _) = began(&desk.must(&person("erin"), rollback("api-code"))).unwrap();
    let last = desk.state.recoveries[&recovery].steps.len() - 1;
    (0..last).for_each(|place| step(&mut desk, recovery, place));
    desk.wait(TimeDelta::minutes(30));
    assert!(!desk.state.recoveries[&recovery].cancel_requested);
    step(&mut desk, recovery, last);
}

/// The real program: an outage in which nobody can be reached, and what is owed when it is over.
#[test]
fn from_the_command_line_it_is_asked_for_twice_runs_for_real_and_is_reviewed() {
    let script = Script::new();
    std::fs::create_dir_all(script.home()).unwrap();
    let people = [("alice", "technical-lead"), ("bert", "technical-lead"), ("cora", "cto"), ("erin", "engineer")];
    let people = people
        .map(|(name, role)| format!("[[operator]]\nname = \"{name}\"\nroles = [\"{role}\"]\nlogin = \"{}\"\n", me()));
    let text = platform(script.folder.path()) + &people.concat();
    std::fs::write(script.home().join("codeblue.toml"), text).unwrap();
    let mut engine = script.serve();
    let run = |who: &str, arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').chain(["--as", who]).collect();
        script.run(&arguments)
    };
    let told = |who: &str, arguments: &str| {
        let (code, out, err) = run(who, arguments);
        assert_eq!(code, 0, "{arguments}: {out}{err}");
        out
    };
    assert_eq!(told("erin", "break-glass list"), "break-glass was used 0 times\n");
    told("erin", "incident declare charts-are-gone --severity 1 --service charts");
    let back = "rollback --component charts-code --to v2 --reason broken --confirm charts-code";
    assert_eq!(run("erin", back).0, 10, "without it people have to agree");
    let open = "break-glass open INC-1 --service charts --reason nobody-answers-and-patients-wait";
    let (code, _, err) = run("erin", open);
    assert!(code == 2 && err.contains("--confirm INC-1"), "{err}");
    assert_eq!(run("erin", &format!("{open} --confirm INC-2")).0, 2);
    assert_eq!(run("erin", &format!("{open} --confirm INC-1 --for 90m")).0, 3);
    let out = told("erin", &format!("{open} --confirm INC-1"));
    assert!(out.contains("BREAK-GLASS opened by erin") && out.contains("the compliance officer, the CTO"), "{out}");

    let dry = told("erin", "break-glass execute CHG-1 --dry-run");
    assert!(dry.contains("runs at once under BG-1") && dry.contains("nobody else has agreed"), "{dry}");
    told("erin", "break-glass execute CHG-1 --confirm CHG-1 --wait");
    let version = script.folder.path().join("charts/current/version");
    assert_eq!(std::fs::read_to_string(version).unwrap(), "v2", "it was done for real");
    for (arguments, said) in [
        ("change show CHG-1", "under BG-1, without the approvals that are missing"),
        ("recovery show REC-1", "BG-1: nobody had agreed"),
        ("report recovery REC-1", "nobody: it ran under BG-1"),
        ("incident show INC-1", "carried out under BG-1, not approved"),
        ("break-glass list", "OPEN"),
    ] {
        let out = told("alice", arguments);
        assert!(out.contains(said), "{arguments}: {out}");
    }
    told("erin", "break-glass end BG-1");
    let resolve = run("erin", "incident resolve INC-1 --reason rolled-back");
    assert!(resolve.0 == 0 || resolve.2.contains("is Resolved"), "{resolve:?}");
    let (code, _, err) = run("alice", "incident close INC-1 --owing later");
    assert!(code == 3 && err.contains("break-glass-review-owed"), "{err}");
    let judge = "break-glass review BG-1 --verdict justified --findings as-little-as-was-needed";
    assert_eq!(run("erin", judge).0, 3, "not by who used it, who asked for the change too");
    told("bert", judge);
    told("cora", judge);
    told("alice", "incident close INC-1 --owing later");
    let (_, document) = script.json(&["break-glass", "show", "BG-1", "--as", "alice"]);
    assert_eq!((&document["acts"][0]["change"], &document["findings"]), (&"CHG-1".into(), &serde_json::json!([])));
    let out = told("alice", "break-glass show BG-1");
    assert!(out.contains("cora, justified: as-little-as-was-needed") && out.contains("act "), "{out}");
    assert_eq!(engine.terminate(), Some(0));
}
