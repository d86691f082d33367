//! Whatever people, policies and outcomes come in whatever order: the rules hold. The order is drawn at random; a failure
//! is shrunk to the shortest one that still breaks a rule.

use std::sync::Arc;

use chrono::TimeDelta;
use codeblue::{
    domain::{
        ActionKind, Actor, Approach, AutomationMode, BreakGlassId, Burst, Captured, Category, Cause, Ceiling, Clock,
        Command, DiagnosisDocument, DiagnosisId, Effect, ErrorEvent, ErrorGroup, Event, Evidence, Finding, Findings,
        Fix, IncidentId, IncidentRole, Level, Message, Milestone, RecoveryId, RecoveryOutcome, ReviewVerdict, Role,
        RollbackRequest, RollbackTarget, RootCause, Scope, Severity, SnapshotId, SnapshotState, SnapshotTrigger, Stage,
        State, Status, Step, StepState, SuggestedFix, Verdict, decide, plan_rollback,
    },
    platform::{ActionRisk, Purpose},
};
use proptest::prelude::*;

use crate::{
    desk::{Desk, hospital, person, policy},
    invariants::{Auditor, survives_storage},
};

const PEOPLE: [&str; 7] = ["alice", "ben", "carol", "erin", "vic", "dora", "nobody"];
const SERVICES: [&str; 6] = ["records-db", "auth", "patient-api", "ai-analysis", "handouts", "no-such-service"];
const COMPONENTS: [&str; 6] = ["records", "api-code", "api-config", "handout-files", "handout-code", "no-such-part"];
const VERSIONS: [&str; 4] = ["v40", "v41", "v42", ""];
const TEXTS: [&str; 4] = ["because", "  two words ", "", "line\nbreak\u{1b}[31m"];
const MODES: [AutomationMode; 3] = [AutomationMode::Observe, AutomationMode::Assist, AutomationMode::Auto];
const STATUSES: [Status; 4] = [Status::Unknown, Status::Healthy, Status::Degraded, Status::Down];

/// A number from which everything about one move is taken.
#[derive(Debug, Clone, Copy)]
struct Roll {
    kind: u8,
    who: u8,
    a: u8,
    b: u8,
    c: u8,
    minutes: u8,
}

fn rolls() -> impl Strategy<Value = Vec<Roll>> {
    let one = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), 0_u8..40);
    prop::collection::vec(one.prop_map(|(kind, who, a, b, c, minutes)| Roll { kind, who, a, b, c, minutes }), 1..160)
}

fn pick<T: Clone>(all: &[T], roll: u8) -> T {
    all[usize::from(roll) % all.len()].clone()
}

/// A known id more often than not.
fn id<T: Copy>(known: impl IntoIterator<Item = T>, unknown: T, roll: u8) -> T {
    let known: Vec<T> = known.into_iter().collect();
    if known.is_empty() || roll == 255 { unknown } else { pick(&known, roll) }
}

fn incident(state: &State, roll: u8) -> IncidentId {
    id(state.incidents.keys().rev().take(4).copied(), IncidentId(9999), roll)
}

fn recovery(state: &State, roll: u8) -> RecoveryId {
    id(state.recoveries.keys().rev().take(4).copied(), RecoveryId(9999), roll)
}

fn snapshot(state: &State, roll: u8) -> SnapshotId {
    id(state.snapshots.keys().rev().take(6).copied(), SnapshotId(9999), roll)
}

/// The move that a roll stands for in a state.
fn command(state: &State, now: chrono::DateTime<chrono::Utc>, roll: Roll) -> (Actor, Command) {
    let Roll { kind, who, a, b, c, .. } = roll;
    let by = person(PEOPLE[usize::from(who) % PEOPLE.len()]);
    let text = || pick(&TEXTS, c).to_owned();
    let service = || pick(&SERVICES, b).to_owned();
    let component = || pick(&COMPONENTS, b).to_owned();
    let change = id(state.changes.keys().rev().take(4).copied(), codeblue::domain::ChangeId(9999), a);
    let glass = id(state.break_glass.keys().rev().take(3).copied(), BreakGlassId(9999), a);
    let human = match kind % 52 {
        0 => Command::DeclareIncident {
            severity: pick(&Severity::ALL, a),
            title: text(),
            services: if c < 128 { vec![service()] } else { Vec::new() },
        },
        1 => Command::AcknowledgeIncident { incident: incident(state, a) },
        2 => Command::NoteIncident { incident: incident(state, a), text: text() },
        3 => Command::AssignIncident {
            incident: incident(state, a),
            role: IncidentRole::Commander,
            operator: pick(&PEOPLE, b).to_owned(),
        },
        4 => Command::EscalateIncident { incident: incident(state, a), reason: text() },
        5 => Command::SetIncidentSeverity {
            incident: incident(state, a),
            severity: pick(&Severity::ALL, b),
            reason: text(),
        },
        6 => Command::ResolveIncident { incident: incident(state, a), resolution: text() },
        7 if b < 128 => Command::CloseIncident { incident: incident(state, a) },
        7 => Command::CloseIncidentOwing { incident: incident(state, a), reason: text() },
        8 => Command::ReopenIncident { incident: incident(state, a), reason: text() },
        9 => Command::MergeIncident { incident: incident(state, a), into: incident(state, b) },
        10 => Command::LinkIncident { incident: incident(state, a), other: incident(state, b) },
        11 => Command::RequestDiagnosis { incident: incident(state, a) },
        12 => Command::RequestSnapshot {
            components: if a < 128 { vec![component()] } else { Vec::new() },
            trigger: SnapshotTrigger::OnDemand,
            reason: text(),
        },
        13 => Command::PinSnapshot { snapshot: snapshot(state, a), pinned: b < 128 },
        14..=17 => Command::RequestRollback(rollback(state, now, roll)),
        18 => Command::RequestAction {
            service: service(),
            action: pick(&["restart", "wipe-cache", "rm -rf /"], a).to_owned(),
            incident: None,
            reason: text(),
        },
        19 => Command::CancelRecovery { recovery: recovery(state, a), reason: text() },
        20 => Command::UndoRecovery { recovery: recovery(state, a), reason: text() },
        21..=24 => Command::ApproveChange {
            change,
            plan_hash: match state.changes.get(&change) {
                Some(found) if b < 230 => found.plan_hash.clone(),
                Some(found) if b < 240 => found.plan_hash[..8].to_owned(),
                _ => String::new(),
            },
            reason: text(),
            round: (b % 3 == 0).then_some(1),
            on_behalf_of: (b % 7 == 0).then(|| pick(&PEOPLE, b / 7).to_owned()),
            signature: None,
        },
        25 => Command::RejectChange { change, reason: text() },
        26 => Command::RevokeApproval { change, reason: text() },
        27 => Command::WithdrawChange { change, reason: text() },
        28 | 29 => {
            Command::RecordDeployment { component: component(), version: pick(&VERSIONS, a).to_owned(), note: text() }
        }
        30 if c < 40 => Command::AddAccount {
            name: pick(&["erin-bot", "ben-root"], a).to_owned(),
            roles: [pick(&[Role::Viewer, Role::Engineer, Role::TechnicalLead], b)].into(),
            login: None,
            belongs_to: pick(&PEOPLE, b).to_owned(),
        },
        30 if c < 80 => Command::SetRoles {
            name: pick(&PEOPLE, a).to_owned(),
            roles: [pick(&[Role::Viewer, Role::Engineer, Role::TechnicalLead, Role::Cto], b)].into(),
        },
        30 if c < 120 => Command::EnableOperator { name: pick(&PEOPLE, a).to_owned(), reason: text() },
        30 => Command::AddOperator {
            name: pick(&PEOPLE, a).to_owned(),
            roles: [pick(&[Role::Viewer, Role::Engineer, Role::TechnicalLead, Role::Cto], b)].into(),
            login: None,
        },
        31 => Command::DisableOperator { name: pick(&PEOPLE, a).to_owned(), reason: text() },
        32 => Command::SetAutomation { mode: pick(&MODES, a) },
        33 if a < 100 => Command::HaltAutomation { reason: text() },
        33 => Command::ReleaseAutomation,
        34 => Command::StartMaintenance {
            service: service(),
            until: now + TimeDelta::minutes(i64::from(a) - 20),
            reason: text(),
        },
        35 if a < 128 => Command::EndMaintenance { service: service() },
        35 => Command::PlanMaintenance {
            service: service(),
            from: now + TimeDelta::minutes(i64::from(b) - 20),
            until: now + TimeDelta::minutes(i64::from(b) + i64::from(a) - 140),
            reason: text(),
        },
        36 => Command::UpdateStakeholders { incident: incident(state, a), message: message(&text(), b) },
        37 | 38 => paper_work(incident(state, a), roll, text()),
        39 => Command::BreakGlass {
            incident: incident(state, a),
            reason: if c < 200 { "nobody answers and patients wait".to_owned() } else { text() },
            services: if b < 200 {
                SERVICES[..5].iter().map(|name| (*name).to_owned()).collect()
            } else {
                vec![service()]
            },
            ceiling: pick(&Ceiling::ALL, b),
            minutes: u32::from(c % 64),
        },
        40 => Command::ExecuteUnderBreakGlass {
            change,
            plan_hash: state.changes.get(&change).map(|found| found.plan_hash.clone()).unwrap_or_default(),
        },
        41 if b < 60 => Command::EndBreakGlass { break_glass: glass },
        41 if b < 90 => Command::RevokeBreakGlass { break_glass: glass, reason: text() },
        41..=43 => Command::ReviewBreakGlass {
            break_glass: glass,
            verdict: pick(&[ReviewVerdict::Justified, ReviewVerdict::Unjustified], b),
            findings: text(),
        },
        _ => return (Actor::Engine, report(state, roll)),
    };
    (by, human)
}

fn message(text: &str, roll: u8) -> Message {
    let part = |bit: u8| (roll & bit != 0).then(|| text.to_owned());
    Message { text: text.to_owned(), conditions: part(1), actions: part(2), needs: part(4) }
}

fn paper_work(incident: IncidentId, roll: Roll, text: String) -> Command {
    let Roll { a, b, c, .. } = roll;
    let owner = (c < 128).then(|| pick(&PEOPLE, b).to_owned());
    let due = chrono::NaiveDate::from_ymd_opt(2026, 1, 1 + u32::from(b % 28));
    match b % 5 {
        0 => {
            let section = |bit: u8| if c & bit == 0 { vec![text.clone()] } else { Vec::new() };
            let (well, badly) = (section(1), section(2));
            Command::WritePostMortem {
                incident,
                findings: Findings { well, badly, lucky: section(4), lessons: section(8) },
            }
        }
        1 => Command::AddActionItem { incident, what: text, kind: ActionKind::Detect, owner, due },
        2 => Command::ChangeActionItem { incident, item: usize::from(a % 4), owner, due },
        3 => Command::FinishActionItem { incident, item: usize::from(a % 4) },
        _ => Command::CompletePostMortem { incident },
    }
}

fn rollback(state: &State, now: chrono::DateTime<chrono::Utc>, roll: Roll) -> RollbackRequest {
    let Roll { kind, a, b, c, .. } = roll;
    RollbackRequest {
        scope: match kind % 4 {
            0 => Scope::Services(vec![pick(&SERVICES, a).to_owned()]),
            1 if a == 0 => Scope::Components(Vec::new()),
            1 | 2 => Scope::Components(vec![pick(&COMPONENTS, a).to_owned(), pick(&COMPONENTS, b).to_owned()]),
            _ => Scope::Everything,
        },
        to: match c % 6 {
            0 => Some(RollbackTarget::Version(pick(&VERSIONS, b).to_owned())),
            1 => Some(RollbackTarget::Snapshot(snapshot(state, b))),
            2 => Some(RollbackTarget::Time(now - TimeDelta::minutes(i64::from(b)))),
            _ => None,
        },
        reason: "rolled back".to_owned(),
        incident: (c > 200).then(|| incident(state, a)),
    }
}

/// What the engine reports: the outcome of something under way if there is any, a judgement otherwise.
fn report(state: &State, roll: Roll) -> Command {
    let Roll { kind, a, b, c, .. } = roll;
    let running = state.running_recoveries().nth(usize::from(a) % 2).or_else(|| state.running_recoveries().next());
    if let (Some(recovery), 0..=2) = (running, kind % 5) {
        return advance(state, recovery, c);
    }
    let diagnosing = state.diagnoses.values().find(|found| found.state == codeblue::domain::DiagnosisState::Running);
    if let (Some(diagnosis), true) = (diagnosing, kind % 3 == 0) {
        return match c {
            0..=40 => Command::FailDiagnosis { diagnosis: diagnosis.id, error: "no evidence".to_owned() },
            _ => {
                let found = document(state, diagnosis.id, pick(&SERVICES[..5], b), f64::from(c) / 255.0, a);
                let (diagnosis, document) = (diagnosis.id, Arc::new(found));
                match c {
                    41..=80 => Command::DraftDiagnosis { diagnosis, document },
                    _ => Command::ConcludeDiagnosis { diagnosis, document },
                }
            }
        };
    }
    let taking = state.snapshots.values().find(|found| found.state == SnapshotState::Running);
    if let (Some(snapshot), true) = (taking, kind % 2 == 0) {
        return finish(snapshot, c);
    }
    match kind % 11 {
        7 => errors(state, roll),
        8 => Command::RunFor {
            incident: incident(state, a),
            service: pick(&SERVICES, b).to_owned(),
            purpose: pick(&[Purpose::Contain, Purpose::StopWrites], c),
        },
        9 => Command::ReachLevel { incident: incident(state, a), level: pick(&Level::ALL, b) },
        5 => Command::LapseBreakGlass { break_glass: id(state.break_glass.keys().copied(), BreakGlassId(9999), a) },
        6 if c < 128 => {
            Command::LapseReview { break_glass: id(state.break_glass.keys().copied(), BreakGlassId(9999), a) }
        }
        6 => Command::RemindOfMilestone {
            incident: incident(state, a),
            milestone: pick(&Milestone::ALL, b),
            stage: pick(&Stage::ALL, c),
        },
        10 => Command::LapseActionItem { incident: incident(state, a), item: usize::from(b % 4) },
        0 => Command::ObserveVersion {
            component: pick(&COMPONENTS, b).to_owned(),
            version: pick(&VERSIONS, a).to_owned(),
        },
        1 => Command::RecordSnapshotCheck {
            snapshot: snapshot(state, a),
            problems: if c < 60 { vec!["pack is gone".to_owned()] } else { Vec::new() },
        },
        2 => Command::BreachClock { incident: incident(state, a), clock: pick(&Clock::ALL, b) },
        3 if c < 128 => Command::RemindOfUpdate { incident: incident(state, a) },
        3 => Command::LapsePostMortem { incident: incident(state, a) },
        _ => Command::RecordVerdict(Verdict {
            service: pick(&SERVICES, a).to_owned(),
            status: pick(&STATUSES, b),
            reason: "tcp: refused".to_owned(),
            failing_since: (b % 4 > 1).then_some(state.clock),
        }),
    }
}

/// What programs may say, in any number.
fn errors(state: &State, roll: Roll) -> Command {
    let Roll { a, b, c, .. } = roll;
    let message = pick(&["checksum mismatch", "privilege escalation", "timed out", "is required", "disk full"], b);
    let (service, count) = (pick(&SERVICES, a).to_owned(), u64::from(c));
    let error = ErrorEvent { service, message: message.to_owned(), count, ..ErrorEvent::default() };
    let burst = (c > 128).then_some(Burst::Repeated { count });
    Command::RecordErrors { errors: ErrorGroup::of(&error, state.clock), burst }
}

/// The next thing an executor would report of a recovery, which is not always what it should.
fn advance(state: &State, recovery: &codeblue::domain::Recovery, roll: u8) -> Command {
    let id = recovery.id;
    let Some(step) = recovery.next_step() else {
        return Command::EndRecovery {
            recovery: id,
            outcome: RecoveryOutcome::Succeeded,
            summary: "all went well".to_owned(),
        };
    };
    let (run, error) = (&recovery.steps[step], "no such release".to_owned());
    match (run.state, &recovery.plan.steps[step]) {
        (_, _) if roll > 250 => {
            Command::EndRecovery { recovery: id, outcome: RecoveryOutcome::Succeeded, summary: "not true".to_owned() }
        }
        (StepState::Failed, _) => {
            Command::EndRecovery { recovery: id, outcome: RecoveryOutcome::Failed, summary: error }
        }
        (StepState::Waiting, _) if recovery.cancel_requested => {
            Command::EndRecovery { recovery: id, outcome: RecoveryOutcome::Cancelled, summary: "stopped".to_owned() }
        }
        (StepState::Waiting, _) => Command::StartStep { recovery: id, step },
        (_, _) if roll < 25 => Command::FailStep { recovery: id, step, error },
        (_, Step::SafetySnapshot { components }) => {
            match recovery.safety_snapshot.and_then(|id| state.snapshots.get(&id)) {
                None => Command::BeginSafetySnapshot { recovery: id, components: components.clone() },
                Some(taking) if taking.state == SnapshotState::Running => finish(taking, 255),
                Some(_) => Command::FinishStep { recovery: id, step, output: String::new(), finding: Finding::Nothing },
            }
        }
        _ => Command::FinishStep { recovery: id, step, output: "done".to_owned(), finding: Finding::Nothing },
    }
}

fn finish(snapshot: &codeblue::domain::Snapshot, roll: u8) -> Command {
    if roll < 20 {
        return Command::FailSnapshot { snapshot: snapshot.id, error: "disk full".to_owned() };
    }
    let captured = snapshot.components.iter().map(|component| Captured {
        component: component.clone(),
        vault_id: format!("{:08x}", snapshot.id.0),
        files: 3,
        bytes: 4096,
        added_bytes: 512,
        unreadable: if roll < 40 { vec!["/srv/secret".to_owned()] } else { Vec::new() },
        version: None,
        good: roll > 60,
    });
    Command::FinishSnapshot { snapshot: snapshot.id, captured: captured.collect(), total_bytes: 1 << 20 }
}

/// The answer of an analyser, which may well be wrong.
pub fn document(state: &State, id: DiagnosisId, service: &str, confidence: f64, roll: u8) -> DiagnosisDocument {
    let components =
        state.platform.components_of(service).map(|component| Fix::RollBack { component: component.name.clone() });
    let restart = Fix::RunAction { service: service.to_owned(), action: "restart".to_owned() };
    let mut fixes: Vec<Fix> = components.chain([restart]).collect();
    fixes.rotate_left(usize::from(roll) % 3 % 2);
    DiagnosisDocument {
        error_id: id.to_string(),
        detected_at: state.clock,
        severity: Severity::Sev2,
        found_severity: None,
        category: Category::Deployment,
        root_cause_category: Cause::Release,
        approach: Approach::RollBack,
        affected_services: vec![service.to_owned()],
        root_cause: RootCause {
            service: service.to_owned(),
            issue: "it broke".to_owned(),
            confidence,
            deployment: None,
            evidence: ["log", "ledger"]
                .iter()
                .take(1 + usize::from(roll) % 2)
                .map(|source| Evidence { at: None, source: (*source).to_owned(), text: "panic".to_owned(), count: 2 })
                .collect(),
        },
        candidates: Vec::new(),
        suggested_fixes: fixes
            .into_iter()
            .zip(1..)
            .map(|(fix, priority)| SuggestedFix {
                action: "try it".to_owned(),
                priority,
                estimated_time: 20,
                risk: ActionRisk::Low,
                commands: Vec::new(),
                fix,
            })
            .collect(),
        related_incidents: Vec::new(),
        knowledge_base_articles: Vec::new(),
        second_opinion: None,
    }
}

fn play(desk: &mut Desk, rolls: &[Roll]) {
    let mut auditor = Auditor::new();
    for roll in rolls {
        if roll.minutes > 30 {
            desk.wait(TimeDelta::minutes(i64::from(roll.minutes)));
        } else {
            desk.now += TimeDelta::seconds(i64::from(roll.minutes));
            desk.meet_deadlines();
        }
        let (actor, command) = command(&desk.state, desk.now, *roll);
        let meta = codeblue::domain::Meta::new(desk.now, actor.clone());
        assert_eq!(
            decide(&desk.state, command.clone(), &meta),
            decide(&desk.state, command.clone(), &meta),
            "the same question gets the same answer"
        );
        let _ = desk.give(&actor, command);
        desk.meet_deadlines();
        auditor.check(desk);
    }
    survives_storage(desk);
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_whatever_comes(
        rolls in rolls(),
        profile in prop::sample::select(vec!["drill", "staging", "production"]),
        mode in prop::sample::select(vec!["observe", "assist", "auto"]),
    ) {
        play(&mut Desk::new(hospital(profile, mode)), &rolls);
    }

    /// A plan captures first, changes each component once and never to what is live, validates last, and is the same plan
    /// when planned again.
    #[test]
    fn a_plan_can_be_undone_and_is_proved(rolls in rolls(), ask in (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>())) {
        let mut desk = Desk::new(hospital("staging", "assist"));
        play(&mut desk, &rolls);
        let (kind, a, b, c) = ask;
        let request = rollback(&desk.state, desk.now, Roll { kind, who: 0, a, b, c, minutes: 0 });
        let Ok(plan) = plan_rollback(&desk.state, &request) else { return Ok(()) };
        prop_assert_eq!(&plan, &plan_rollback(&desk.state, &request).unwrap());
        let changed: Vec<String> = plan.components().map(str::to_owned).collect();
        prop_assert!(matches!(plan.steps.last(), Some(Step::Validate { .. })), "it ends unproved");
        match &plan.steps[0] {
            Step::SafetySnapshot { components } => prop_assert_eq!(components, &changed),
            other => prop_assert!(false, "first comes {other}"),
        }
        let mut once = changed.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), changed.len());
        for step in &plan.steps {
            if let Step::SwitchRelease { component, from, to } = step {
                prop_assert_eq!(from.as_deref(), desk.state.live_version(component));
                prop_assert!(request.to.is_some() || from.as_ref() != Some(to), "{} stays at {}", component, to);
            }
        }
    }
}

/// Policies start nothing while the kill switch is engaged, whatever breaks.
#[test]
fn the_kill_switch_stops_policies() {
    let mut desk = Desk::new(hospital("staging", "auto"));
    desk.must(&person("erin"), Command::HaltAutomation { reason: "hands off".to_owned() });
    desk.effects.clear();
    for service in &SERVICES[..5] {
        desk.engine(Command::RecordVerdict(Verdict {
            service: (*service).to_owned(),
            status: Status::Down,
            reason: "tcp: refused".to_owned(),
            failing_since: None,
        }));
    }
    assert!(desk.state.open_incidents().next().is_some(), "what is broken is still told");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Diagnose(_) | Effect::RunRecovery(_))));
}

/// No policy can say yes in the place of a person.
#[test]
fn only_people_approve() {
    let mut desk = Desk::new(hospital("production", "auto"));
    desk.must(
        &person("erin"),
        Command::RecordDeployment { component: "api-code".to_owned(), version: "v40".to_owned(), note: String::new() },
    );
    desk.must(
        &person("erin"),
        Command::RecordDeployment { component: "api-code".to_owned(), version: "v41".to_owned(), note: String::new() },
    );
    let events = desk.must(
        &person("erin"),
        Command::RequestRollback(RollbackRequest {
            scope: Scope::Components(vec!["api-code".to_owned()]),
            to: None,
            reason: "v41 is broken".to_owned(),
            incident: None,
        }),
    );
    let Some(Event::ChangeSubmitted { change, plan_hash, .. }) = events.last().map(|last| last.event.clone()) else {
        panic!("{events:?}")
    };
    let approve = || Command::approve(change, plan_hash.clone(), String::new());
    for actor in [Actor::Engine, policy("helpful"), person("erin"), person("vic"), person("nobody")] {
        let refusal = desk.give(&actor, approve()).unwrap_err();
        assert!(
            ["person-needed", "own-change", "operator-may-not", "unknown-operator"].contains(&refusal.rule.as_str()),
            "{actor}: {refusal}"
        );
    }
    let events = desk.must(&person("alice"), approve());
    assert!(events.iter().any(|event| matches!(event.event, Event::RecoveryStarted { .. })), "{events:?}");
}
