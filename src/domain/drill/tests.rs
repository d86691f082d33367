use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::{
    domain::{
        Actor, Cause, ChangeId, Command, Criterion, DrillId, Event, IncidentId, Message, Meta, Operator, Phase, Plan,
        Recorded, RecoveryId, RecoveryOutcome, Refusal, ServiceHealth, Severity, State, Status, Step, Strategy, apply,
        decide, due, next_due,
    },
    platform::{Platform, Profile, Role, parse},
};

const PLATFORM: &str = "[platform]\nname = \"Ward\"\nprofile = \"drill\"\n\
    [[service]]\nname = \"records-db\"\n[[service.check]]\nlevel = \"shallow\"\ntcp = \"127.0.0.1:1\"\n\
    [[service]]\nname = \"handouts\"\n";

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("a time")
}

fn bob() -> Actor {
    Actor::Operator("bob".to_owned())
}

fn restart(service: &str) -> Plan {
    Plan {
        strategy: Strategy::TargetedFix,
        title: format!("restart {service}"),
        services: vec![service.to_owned()],
        steps: vec![
            Step::RunAction { service: service.to_owned(), action: "restart".to_owned() },
            Step::Validate { services: vec![service.to_owned()] },
        ],
        loses: None,
    }
}

fn truth(false_alarm: bool) -> DrillTruth {
    let blame = Blame { service: "records-db".to_owned(), causes: vec![Cause::PoolExhausted, Cause::QueueBacklog] };
    let remedy = Remedy::RunAction { service: "records-db".to_owned(), action: "restart".to_owned() };
    DrillTruth {
        file: "pool-exhaustion".to_owned(),
        title: "the pool is empty".to_owned(),
        seed: 7,
        scenario: "database-connection".to_owned(),
        book: "RB-02-database-connection".to_owned(),
        book_hash: String::new(),
        faults: if false_alarm { Vec::new() } else { vec!["pool-leak records-db".to_owned()] },
        decoys: vec!["log-storm inventory".to_owned()],
        decoy_services: vec!["inventory".to_owned()],
        blame: (!false_alarm).then_some(blame),
        remedies: if false_alarm { Vec::new() } else { vec![remedy] },
        objectives: vec![Objective { part: Part::Detect, text: "see a full pool at once".to_owned() }],
        leaks: false,
        detect_seconds: 20,
        recover_seconds: 100,
        bake_seconds: 10,
        rpo_seconds: 60,
    }
}

/// The events of one drill, second by second from its start; the fault comes after 10.
struct Tape {
    truth: DrillTruth,
    cured: Option<i64>,
    stopped: i64,
    writes: WritesFound,
    residue: Vec<String>,
    unattended: bool,
    events: Vec<(i64, Actor, Event)>,
}

impl Tape {
    fn new(false_alarm: bool) -> Self {
        let writes = WritesFound::default();
        let (residue, events) = (Vec::new(), Vec::new());
        Self { truth: truth(false_alarm), cured: None, stopped: 200, writes, residue, unattended: false, events }
    }

    fn tell(&mut self, at: i64, by: Actor, event: Event) -> &mut Self {
        self.events.push((at, by, event));
        self
    }

    fn status(&mut self, at: i64, service: &str, to: Status) -> &mut Self {
        let from = if to == Status::Healthy { Status::Down } else { Status::Healthy };
        let (service, reason) = (service.to_owned(), String::new());
        let event = Event::ServiceStatusChanged { service, from, to, reason, failing_since: None };
        self.tell(at, Actor::Engine, event)
    }

    fn noticed(&mut self, at: i64) -> &mut Self {
        let opened = Event::IncidentOpened {
            incident: IncidentId(1),
            severity: Severity::Sev1,
            title: "records-db down".to_owned(),
            services: vec!["records-db".to_owned()],
            detected_at: moment(at),
            workflow: None,
            symptoms_at: None,
        };
        self.status(at, "records-db", Status::Down).tell(at, Actor::Policy("service down".to_owned()), opened)
    }

    fn taken_on(&mut self, at: i64) -> &mut Self {
        self.tell(at, bob(), Event::IncidentAcknowledged { incident: IncidentId(1) })
    }

    fn told(&mut self, at: i64) -> &mut Self {
        let message = Message { text: "we are on it".to_owned(), conditions: None, actions: None, needs: None };
        self.tell(at, bob(), Event::StakeholdersUpdated { incident: IncidentId(1), message })
    }

    fn answered(&mut self, at: i64, service: &str, cause: Cause) -> &mut Self {
        let claim = DrillClaim::Broken { service: service.to_owned(), cause };
        self.tell(at, bob(), Event::DrillAnswered { drill: DrillId(1), claim })
    }

    fn recovery(&mut self, at: i64, id: u64, plan: Plan, outcome: RecoveryOutcome) -> &mut Self {
        let recovery = RecoveryId(id);
        let (plan, reason, change) = (Arc::new(plan), "drill".to_owned(), Some(ChangeId(id)));
        let started = Event::RecoveryStarted { recovery, plan, reason, incident: None, change, break_glass: None };
        self.tell(at, bob(), started);
        self.tell(at + 5, Actor::Engine, Event::RecoveryEnded { recovery, outcome, summary: String::new() })
    }

    /// Everything as it should be done.
    fn perfect() -> Self {
        let mut tape = Self::new(false);
        tape.cured = Some(42);
        tape.stopped = 60;
        tape.noticed(15).taken_on(20).told(25).answered(30, "records-db", Cause::PoolExhausted);
        tape.recovery(40, 1, restart("records-db"), RecoveryOutcome::Succeeded);
        tape.status(45, "records-db", Status::Healthy);
        tape
    }

    fn records(&self) -> Vec<Recorded> {
        let nonce = "00".to_owned();
        let started = Event::DrillStarted {
            drill: DrillId(1),
            mode: DrillMode::Blind,
            told: Box::default(),
            limit_seconds: 300,
            team: ["bob".to_owned()].into(),
            away: std::collections::BTreeSet::new(),
            commitment: commitment(&nonce, &self.truth),
            unattended: self.unattended,
        };
        let reveal = DrillReveal {
            nonce,
            truth: self.truth.clone(),
            injected_at: (!self.truth.is_false_alarm()).then(|| moment(10)),
            cured_at: self.cured.map(moment),
            stopped_at: moment(self.stopped),
            writes: self.writes,
            residue: self.residue.clone(),
        };
        let reason = "it was well again".to_owned();
        let ended = Event::DrillEnded {
            drill: DrillId(1),
            outcome: DrillOutcome::Completed,
            reason,
            reveal: Some(Arc::new(reveal)),
        };
        let mut all = vec![(0, bob(), started)];
        all.extend(self.events.clone());
        all.sort_by_key(|(at, _, _)| *at);
        all.push((self.stopped + 5, bob(), ended));
        let record = |(seq, (at, actor, event))| Recorded {
            seq,
            at: moment(at),
            actor,
            cause: None,
            event,
            hash: String::new(),
        };
        (1..).zip(all).map(record).collect()
    }

    fn score(&self) -> DrillScore {
        score(&self.records()).expect("a score")
    }

    fn points(&self) -> [u32; 6] {
        let score = self.score();
        Part::ALL.map(|part| score.parts.iter().find(|one| one.part == part).expect("a part").points)
    }
}

#[test]
fn what_is_done_as_it_should_be_scores_full_and_says_why() {
    let score = Tape::perfect().score();
    assert_eq!((score.total, score.letter, score.seed), (100, Letter::P, 7), "{score:#?}");
    assert_eq!(score.parts.iter().map(|part| part.of).sum::<u32>(), 100);
    assert_eq!(score.parts[0].objective.as_deref(), Some("see a full pool at once"));
    assert_eq!(score.parts[0].why, ["noticed after 5.0 s, wanted within 20 s"]);
    assert!(score.parts.iter().all(|part| !part.why.is_empty()));
}

#[test]
fn each_part_gives_what_it_should() {
    type Case = (&'static str, fn(&mut Tape), [u32; 6]);
    let cases: [Case; 13] = [
        ("noticed after 30 s of 20", |tape| tape.truth.detect_seconds = 4, [11, 10, 20, 25, 15, 15]),
        ("well after twice the time", |tape| tape.truth.recover_seconds = 17, [15, 10, 20, 0, 15, 15]),
        (
            "a wrong answer",
            |tape| {
                tape.answered(29, "auth", Cause::PoolExhausted);
            },
            [15, 10, 15, 25, 15, 15],
        ),
        (
            "the right service is not the right answer",
            |tape| {
                tape.answered(29, "records-db", Cause::DiskFull);
            },
            [15, 10, 15, 25, 15, 15],
        ),
        (
            "another answer that counts",
            |tape| {
                tape.answered(29, "records-db", Cause::QueueBacklog);
            },
            [15, 10, 20, 25, 15, 15],
        ),
        (
            "something else was restarted",
            |tape| {
                tape.recovery(38, 2, restart("handouts"), RecoveryOutcome::Succeeded);
            },
            [15, 10, 20, 25, 15, 12],
        ),
        (
            "and broke by that",
            |tape| {
                tape.recovery(36, 2, restart("handouts"), RecoveryOutcome::Succeeded);
                tape.status(38, "handouts", Status::Down).status(40, "handouts", Status::Healthy);
            },
            [15, 10, 20, 25, 15, 5],
        ),
        (
            "the right thing once more, after it was well",
            |tape| {
                tape.recovery(50, 2, restart("records-db"), RecoveryOutcome::Succeeded);
            },
            [15, 10, 20, 25, 15, 12],
        ),
        ("it did not stay well for long", |tape| tape.truth.bake_seconds = 30, [15, 10, 20, 25, 10, 15]),
        (
            "writes within what may be lost",
            |tape| tape.writes = WritesFound { lost: 3, doubled: 0, lost_span_seconds: 9 },
            [15, 10, 20, 25, 15, 15],
        ),
        (
            "a write twice",
            |tape| tape.writes = WritesFound { lost: 0, doubled: 1, lost_span_seconds: 0 },
            [15, 10, 20, 25, 10, 15],
        ),
        ("the fault was never gone", |tape| tape.cured = None, [15, 10, 20, 0, 0, 15]),
        (
            "a try to approve the own change",
            |tape| {
                let (operator, what, rule) = ("bob".to_owned(), "approveChange".to_owned(), "own-change".to_owned());
                let by = crate::domain::AttemptBy::Session;
                tape.tell(39, bob(), Event::CommandRefused { operator, what, object: None, rule, by });
            },
            [15, 10, 20, 25, 15, 10],
        ),
    ];
    for (name, change, expected) in cases {
        let mut tape = Tape::perfect();
        change(&mut tape);
        assert_eq!(tape.points(), expected, "{name}: {:#?}", tape.score());
    }
}

#[test]
fn what_must_never_happen_leaves_49_points_at_most() {
    let mut tape = Tape::perfect();
    tape.residue = vec!["a process of records-db".to_owned()];
    assert_eq!(tape.score().total, 49);
    let mut tape = Tape::perfect();
    tape.writes = WritesFound { lost: 40, doubled: 0, lost_span_seconds: 61 };
    assert_eq!(tape.score().total, 49);
    let mut tape = Tape::perfect();
    (tape.truth.leaks, tape.cured) = (true, None);
    assert_eq!(tape.score().total, 49, "{:#?}", tape.score());
    assert_eq!(tape.score().gates, ["health information still got out at the end"]);
}

#[test]
fn in_a_false_alarm_to_leave_things_alone_is_all_there_is_to_do() {
    assert_eq!(Tape::new(true).score().total, 100);
    let mut tape = Tape::new(true);
    tape.tell(20, bob(), Event::DrillAnswered { drill: DrillId(1), claim: DrillClaim::NothingBroken });
    assert_eq!(tape.score().total, 100);
    tape.answered(25, "records-db", Cause::DiskFull);
    assert_eq!(tape.points(), [15, 10, 15, 25, 15, 15]);
    tape.recovery(40, 1, restart("records-db"), RecoveryOutcome::Succeeded);
    assert_eq!(tape.points(), [15, 10, 15, 0, 15, 12]);
}

#[test]
fn who_does_nothing_comes_last_and_who_does_everything_before_who_is_wrong() {
    let mut idle = Tape::new(false);
    idle.noticed(15);
    let mut wrong = Tape::new(false);
    wrong.noticed(15).taken_on(20).answered(25, "auth", Cause::Certificate);
    wrong.recovery(30, 1, restart("handouts"), RecoveryOutcome::Succeeded);
    let mut panicky = Tape::new(false);
    panicky.cured = Some(32);
    panicky.noticed(15).taken_on(20);
    for (id, service) in (1..).zip(["records-db", "handouts", "auth", "checkin", "patient-api"]) {
        panicky.recovery(30, id, restart(service), RecoveryOutcome::Succeeded);
    }
    panicky.status(45, "records-db", Status::Healthy);
    let totals = [&Tape::perfect(), &panicky, &wrong, &idle].map(|tape| tape.score().total);
    assert_eq!(totals, [100, 63, 32, 15]);
}

#[test]
fn what_the_engine_did_is_told_apart_from_what_people_did() {
    let mut idle = Tape::new(false);
    idle.noticed(15);
    let system = idle.score().system;
    assert!(system.probes.iter().any(|probe| probe.what.starts_with("it was noticed") && probe.passed), "{system:#?}");
    assert_eq!(system.percent, (3 + 1 + 1) * 100 / 12);
    assert_eq!(Tape::new(true).score().system.percent, 100);
}

proptest! {
    #[test]
    fn more_wrong_answers_and_more_that_nobody_needs_never_raise_a_score(
        answers in prop::collection::vec((0_i64..200, 0_usize..4, 0_usize..4), 0..6),
        acts in prop::collection::vec((0_i64..200, 0_usize..4), 0..6),
        (at, service, cause) in (0_i64..200, 0_usize..4, 0_usize..4),
        (false_alarm, cured, stopped) in (any::<bool>(), prop::option::of(12_i64..150), 60_i64..200),
    ) {
        let services = ["records-db", "handouts", "auth", "checkin"];
        let causes = [Cause::PoolExhausted, Cause::DiskFull, Cause::Release, Cause::Unknown];
        let mut tape = Tape::new(false_alarm);
        (tape.cured, tape.stopped) = (cured.filter(|_| !false_alarm), stopped);
        tape.noticed(15).taken_on(30);
        for (at, service, cause) in &answers {
            tape.answered(*at, services[*service], causes[*cause]);
        }
        for (id, (at, service)) in (1..).zip(&acts) {
            tape.recovery(*at, id, restart(services[*service]), RecoveryOutcome::Succeeded);
        }
        let before = tape.score().total;
        let right = |service: &str, cause| service == "records-db" && cause == Cause::PoolExhausted;
        if !right(services[service], causes[cause]) {
            let kept = tape.events.len();
            tape.answered(at, services[service], causes[cause]);
            prop_assert!(tape.score().total <= before, "{:#?}", tape.score());
            tape.events.truncate(kept);
        }
        tape.recovery(at, 99, restart(services[1 + service % 3]), RecoveryOutcome::Failed);
        prop_assert!(tape.score().total <= before, "{:#?}", tape.score());
        prop_assert_eq!(tape.score(), tape.score());
    }
}

fn state() -> State {
    let platform: Platform = parse(PLATFORM, "codeblue.toml".as_ref()).unwrap_or_else(|problems| panic!("{problems}"));
    let mut state = State { platform: Arc::new(platform), ..State::default() };
    let health = ServiceHealth { status: Status::Healthy, ..ServiceHealth::default() };
    state.services = ["records-db", "handouts"].map(|name| (name.to_owned(), health.clone())).into();
    for (name, role) in [("alice", Role::TechnicalLead), ("bob", Role::Engineer), ("carol", Role::Cto)] {
        let name = name.to_owned();
        state.operators.insert(name.clone(), Operator { name, roles: [role].into(), ..Operator::default() });
    }
    state
}

fn begin(away: &[&str]) -> Command {
    Command::StartDrill {
        mode: if away.is_empty() { DrillMode::Blind } else { DrillMode::KeyPersonAway },
        told: Box::default(),
        limit_seconds: 300,
        team: std::collections::BTreeSet::new(),
        away: away.iter().map(|name| (*name).to_owned()).collect(),
        commitment: commitment("00", &truth(false)),
        unattended: false,
    }
}

fn give(state: &mut State, at: i64, who: Actor, command: Command) -> Result<Vec<Event>, Refusal> {
    let meta = Meta::new(moment(at), who);
    let events = decide(state, command, &meta)?;
    for event in &events {
        let (seq, actor, event) = (state.seq + 1, meta.actor.clone(), event.clone());
        apply(state, &Recorded { seq, at: moment(at), actor, cause: None, event, hash: String::new() });
    }
    Ok(events)
}

fn rule(found: Result<Vec<Event>, Refusal>) -> String {
    found.map_or_else(|refusal| refusal.rule, |_| "allowed".to_owned())
}

#[test]
fn a_drill_begins_on_a_steady_drill_engine_alone_and_one_at_a_time() {
    let mut production = state();
    Arc::make_mut(&mut production.platform).profile = Profile::Production;
    assert_eq!(rule(give(&mut production, 0, bob(), begin(&[]))), "drill-profile");
    let mut unwell = state();
    unwell.services.get_mut("records-db").expect("records-db").status = Status::Degraded;
    assert_eq!(rule(give(&mut unwell, 0, bob(), begin(&[]))), "drill-not-steady");
    let mut state = state();
    assert_eq!(rule(give(&mut state, 0, Actor::Engine, begin(&[]))), "person-needed");
    assert_eq!(rule(give(&mut state, 0, bob(), begin(&[]))), "allowed");
    assert_eq!(rule(give(&mut state, 1, bob(), begin(&[]))), "drill-running");
    let told = serde_json::to_string(&state.drills).expect("JSON");
    assert!(!told.contains("pool") && !told.contains("restart"), "nobody reads the truth in the record: {told}");
}

#[test]
fn only_who_holds_it_ends_it_and_only_with_what_was_committed_to() {
    let mut state = state();
    give(&mut state, 0, bob(), begin(&[])).expect("a drill");
    let reveal = |truth| DrillReveal {
        nonce: "00".to_owned(),
        truth,
        injected_at: Some(moment(10)),
        cured_at: None,
        stopped_at: moment(100),
        writes: WritesFound::default(),
        residue: Vec::new(),
    };
    let end = |outcome, reveal: Option<DrillReveal>| Command::EndDrill {
        drill: DrillId(1),
        outcome,
        reason: "over".to_owned(),
        reveal: reveal.map(Arc::new),
    };
    let alice = Actor::Operator("alice".to_owned());
    let right = end(DrillOutcome::Completed, Some(reveal(truth(false))));
    assert_eq!(rule(give(&mut state, 100, alice.clone(), right.clone())), "drill-conductor");
    let other = end(DrillOutcome::Completed, Some(reveal(DrillTruth { seed: 8, ..truth(false) })));
    assert_eq!(rule(give(&mut state, 100, bob(), other)), "drill-commitment");
    assert_eq!(rule(give(&mut state, 100, bob(), end(DrillOutcome::Completed, None))), "drill-reveal");
    let abort = Command::AbortDrill { drill: DrillId(1), reason: "a real outage".to_owned() };
    assert_eq!(rule(give(&mut state, 101, alice, abort)), "allowed");
    give(&mut state, 102, bob(), right).expect("its end");
    let end = state.drills.held[&DrillId(1)].ended.as_ref().expect("an end");
    assert_eq!(end.outcome, DrillOutcome::Aborted, "what was to stop was not held to its end");
}

#[test]
fn who_is_away_does_nothing_but_stop_the_drill() {
    let mut state = state();
    give(&mut state, 0, bob(), begin(&["carol"])).expect("a drill");
    let carol = Actor::Operator("carol".to_owned());
    let declare = Command::DeclareIncident { severity: Severity::Sev3, title: "odd".to_owned(), services: Vec::new() };
    assert_eq!(rule(give(&mut state, 1, carol.clone(), declare.clone())), "away-in-drill");
    let abort = Command::AbortDrill { drill: DrillId(1), reason: "a real outage".to_owned() };
    assert_eq!(rule(give(&mut state, 2, carol.clone(), abort)), "allowed");
    let late = due(&state, moment(300));
    for command in late {
        give(&mut state, 300, Actor::Engine, command).expect("due");
    }
    assert_eq!(rule(give(&mut state, 301, carol, declare)), "allowed", "it is over");
    assert_eq!(rule(give(&mut state, 302, bob(), begin(&["bob"]))), "drill-away", "who holds it is there");
}

#[test]
fn a_drill_of_which_nothing_is_heard_is_over() {
    let mut state = state();
    give(&mut state, 0, bob(), begin(&[])).expect("a drill");
    let at = next_due(&state).expect("a deadline");
    assert_eq!(at, moment(300 + 120));
    assert!(due(&state, at - TimeDelta::seconds(1)).is_empty());
    assert_eq!(due(&state, at), [Command::LapseDrill { drill: DrillId(1) }]);
    give(&mut state, 420, Actor::Engine, Command::LapseDrill { drill: DrillId(1) }).expect("its end");
    let outcome = |state: &State| state.drills.held[&DrillId(1)].ended.as_ref().map(|end| end.outcome);
    assert_eq!((outcome(&state), next_due(&state)), (Some(DrillOutcome::Interrupted), None));
}

#[test]
fn a_drill_does_not_outlive_its_engine() {
    let mut state = state();
    give(&mut state, 0, bob(), begin(&[])).expect("a drill");
    let start = Command::StartEngine { version: String::new(), host: String::new(), origin: String::new() };
    give(&mut state, 9, Actor::Engine, start).expect("another engine");
    let end = state.drills.held[&DrillId(1)].ended.as_ref().expect("an end");
    assert_eq!((end.outcome, end.reveal.as_ref()), (DrillOutcome::Interrupted, None));
}

#[test]
fn people_are_reminded_of_a_drill_and_not_again_before_it_was_held() {
    let mut state = state();
    let alice = || Actor::Operator("alice".to_owned());
    let schedule = Command::ScheduleDrill { file: "pool-exhaustion".to_owned(), every: Cadence::Monthly };
    assert_eq!(rule(give(&mut state, 0, bob(), schedule.clone())), "role-needed");
    give(&mut state, 0, alice(), schedule).expect("a schedule");
    let remind = Command::RemindOfDrill { file: "pool-exhaustion".to_owned() };
    assert_eq!(due(&state, moment(0)), std::slice::from_ref(&remind));
    give(&mut state, 0, Actor::Engine, remind).expect("a reminder");
    assert_eq!(next_due(&state), None);
    give(&mut state, 10, bob(), begin(&[])).expect("a drill");
    let mut records = Tape::perfect().records();
    let ended = records.pop().expect("an end");
    let seq = state.seq + 1;
    apply(&mut state, &Recorded { seq, ..ended });
    let plan = &state.drills.planned["pool-exhaustion"];
    assert_eq!((plan.last, plan.reminded_at), (Some(DrillId(1)), None));
    assert_eq!(next_due(&state), moment(65).checked_add_months(chrono::Months::new(1)));
}

#[test]
fn a_scenario_is_as_sure_as_it_was_drilled_and_that_fades() {
    let mut state = state();
    let books = [("database-connection".to_owned(), "records-db".to_owned())].into();
    let scenarios = ["database-connection".to_owned(), "complete-outage".to_owned()];
    let level = |state: &State, points: u32, days: i64| {
        let mut state = state.clone();
        for drill in state.drills.held.values_mut() {
            let mut score = Tape::perfect().score();
            score.total = points;
            drill.score = Some(score.into());
        }
        let cells = confidence(&state, &scenarios, &books, moment(0) + TimeDelta::days(days));
        let cell = |service: &str, scenario: &str| {
            cells.iter().find(|cell| cell.service == service && cell.scenario == scenario).expect("a cell").level
        };
        [cell("records-db", "database-connection"), cell("handouts", "database-connection")]
    };
    assert_eq!(level(&state, 100, 1), [Confidence::Paper, Confidence::None]);
    for recorded in Tape::perfect().records() {
        apply(&mut state, &recorded);
    }
    assert_eq!(level(&state, 100, 89), [Confidence::DrilledBlind, Confidence::None]);
    assert_eq!(level(&state, 100, 91), [Confidence::Drilled, Confidence::None]);
    assert_eq!(level(&state, 49, 1), [Confidence::Paper, Confidence::None], "it has shown nothing");
    state.drills.held.get_mut(&DrillId(1)).expect("a drill").unattended = true;
    assert_eq!(level(&state, 100, 1), [Confidence::Paper, Confidence::None], "what is played shows nothing of people");
}

#[test]
fn a_validation_that_did_not_pass_is_none() {
    let mut tape = Tape::perfect();
    let failed = Criterion {
        what: "records-db".to_owned(),
        wanted: "it answers".to_owned(),
        found: "nothing".to_owned(),
        passed: false,
        decides: true,
    };
    let phase = Phase::Comprehensive;
    let event = Event::RecoveryValidated { recovery: RecoveryId(1), phase, criteria: vec![failed] };
    tape.tell(50, Actor::Engine, event);
    assert_eq!(tape.points(), [15, 10, 20, 25, 10, 15]);
}

/// A book with this text, as far as drills are concerned.
fn book(hash: &str, stamp: Option<&str>) -> crate::domain::runbook::Runbook {
    let text = include_str!("../../../runbooks/RB-02-database-connection.md");
    let mut book = crate::runbook::read("RB-02.md", text).runbook.expect("a book");
    book.hash = hash.to_owned();
    book.front.proof = stamp.map(|hash| crate::domain::runbook::Proof {
        on: moment(0).date_naive() - chrono::Days::new(9),
        hash: hash.to_owned(),
    });
    book
}

#[test]
fn what_drills_have_shown_of_a_book_is_said_by_one_rule() {
    let shown = |mode: DrillMode, unattended: bool, wrong: bool| {
        let mut tape = Tape::perfect();
        tape.unattended = unattended;
        tape.truth.book_hash = "old".to_owned();
        if wrong {
            tape.answered(31, "handouts", Cause::Slowness).answered(32, "handouts", Cause::Release);
            tape.answered(33, "handouts", Cause::Certificate);
        }
        let mut state = state();
        for mut recorded in tape.records() {
            if let Event::DrillStarted { mode: of, .. } = &mut recorded.event {
                *of = mode;
            }
            apply(&mut state, &recorded);
        }
        state.drills
    };
    let (blind, guided) = (DrillMode::Blind, DrillMode::Guided);
    let cases = [
        (Drills::default(), None, "old", None, "never drilled"),
        (Drills::default(), Some("old"), "old", Some(true), "proved by a drill on 2027-01-06"),
        (
            Drills::default(),
            Some("old"),
            "new",
            Some(false),
            "proved by a drill on 2027-01-06; the book has CHANGED since",
        ),
        (shown(blind, false, false), None, "old", Some(true), "proved by DRILL-1 on 2027-01-15, blind, 100 points"),
        (
            shown(guided, false, false),
            None,
            "new",
            Some(false),
            "proved by DRILL-1 on 2027-01-15, guided, 100 points; the book has CHANGED since",
        ),
        (shown(guided, false, false), Some("new"), "new", Some(true), "proved by a drill on 2027-01-06"),
        (shown(blind, false, true), None, "old", None, "drilled, not proved: DRILL-1 on 2027-01-15, blind, 85 points"),
        (shown(blind, true, false), None, "old", None, "never drilled"),
        (shown(DrillMode::Tutorial, false, false), None, "old", None, "never drilled"),
    ];
    for (drills, stamp, hash, holds, words) in cases {
        let proof = proof_of(&drills, &book(hash, stamp));
        assert_eq!((proof.holds(), proof.words().as_str()), (holds, words));
    }
}

#[test]
fn the_state_knows_the_score_that_the_events_give_and_keeps_none_of_them() {
    let mut state = state();
    let records = Tape::perfect().records();
    for recorded in &records {
        assert!(state.drills.are_scored());
        apply(&mut state, recorded);
    }
    let drill = &state.drills.held[&DrillId(1)];
    assert_eq!(drill.score.as_deref(), score(&records).as_ref());
    assert!(state.drills.course.is_empty());
    let kept: State = serde_json::from_str(&serde_json::to_string(&state).expect("json")).expect("a state");
    assert_eq!(kept, state, "what is kept of a state gives the same score");
    let mut older = serde_json::to_value(&state).expect("json");
    older["drills"]["held"]["DRILL-1"].as_object_mut().expect("a drill").remove("score");
    let older: State = serde_json::from_value(older).expect("a state of an older version");
    assert!(!older.drills.are_scored(), "so its journal is read anew");
}

#[test]
fn what_has_to_be_done_now_follows_what_everybody_may_see() {
    let mut tape = Tape::perfect();
    tape.cured = Some(42);
    let mut state = state();
    let mut seen = Vec::new();
    for recorded in tape.records() {
        apply(&mut state, &recorded);
        let stage = state.drills.held[&DrillId(1)].stage(&state);
        if seen.last() != Some(&stage) {
            seen.push(stage);
        }
    }
    use DrillStage::{Declare, Heal, StayWell, TakeBack, TakeOn, Tell, Watch};
    assert_eq!(seen, [Watch, TakeOn, Tell, Declare, Heal, StayWell, TakeBack]);
}
