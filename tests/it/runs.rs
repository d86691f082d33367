//! Runs of runbooks as the rules have them: what a step takes, where a run goes on, what a crash leaves, what is begun once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::TimeDelta;
use codeblue::{
    domain::{
        Actor, AttemptEnd, AttemptFate, AttemptPart, AttemptResult, Command, Effect, Event, Halt, IncidentId,
        KeptOutput, Refusal, RunId, RunInput, RunMode, RunOutcome, RunStepState, Severity, SkipCause, Stand,
        StepAnswer, StepEnd, UnknownAnswer, due, next_due, runbook::Runbook, unfinished,
    },
    runbook,
};
use proptest::prelude::*;

use crate::desk::{Desk, hospital, person};

/// A book with one step of each kind that matters to a run.
pub const BOOK: &str = r#"---
codeblue: runbook/v1
id: LAB-01-tour
title: Everything a run can meet
scenario: custom
severity: SEV2
services: [$API, records-db]
detects: [service-down]
owner: data
deputy: platform
min_role: engineer
phi: possible
rto: 30m
rpo: 5m
time_budget: 45m
inputs:
  - API:service:patient-api:the service in front
escalate_after: 10m
requires: [tool]
drills: [none]
review_every: 90d
---

## Scenario

Something.

## Detection

A check.

## Immediate actions

### 1. Look

```sh {"name":"look","kind":"check","effect":"read","timeout":"10s","onFail":"continue"}
codeblue status
```

### 2. Tell

```sh {"name":"tell","kind":"notify","timeout":"10s","onFail":"continue"}
codeblue incident update "$INCIDENT" "it is down" --conditions "a" --actions "b" --needs "c"
```

### 3. Take the roles

<!-- {"name":"roles","kind":"manual"} -->

- [ ] Somebody leads.
- [ ] Which service is it? → OTHER:service

## Diagnosis

### 4. Which is it?

<!-- {"name":"which","kind":"decision"} -->

- [ ] The pool → step 5 (recycle)
- [ ] The data → step 7 (restore)
- [ ] Another → book RB-05-data-corruption

## Resolution

### 5. Recycle

```sh {"name":"recycle","kind":"action","effect":"write","confirm":"yes","timeout":"1m","verify":"well","undo":"unrecycle","budget":"2/15m","onFail":"ask","then":"goto:close"}
tool recycle "$API"
```

### 6. Close the door

```sh {"name":"close","kind":"action","effect":"write","approval":"second-person","confirm":"no","timeout":"1m","undo":"open-door","onFail":"rollback","then":"goto:well"}
tool close
```

### 7. Restore

```sh {"name":"restore","kind":"action","effect":"destructive","confirm":"typed:restore it","timeout":"1m","once":"true","undo":"none: what is gone is gone","onFail":"escalate","sets":"RECOVERY=json:/id"}
tool restore "$API"
```

### 8. Use what it said

```sh {"name":"use","kind":"action","effect":"write","confirm":"no","timeout":"1m","doneIf":"well","undo":"none: it only says so","needs":"restore","onFail":"stop"}
tool use "$RECOVERY"
```

## Rollback

### 9. Recycle back

```sh {"name":"unrecycle","kind":"action","effect":"write","confirm":"no","timeout":"1m","undo":"none: it is the undo"}
tool unrecycle "$API"
```

### 10. Open the door

```sh {"name":"open-door","kind":"action","effect":"write","confirm":"no","timeout":"1m","undo":"none: it is the undo"}
tool open
```

## Validation

### 11. It is well

```sh {"name":"well","kind":"wait","effect":"read","timeout":"1m","retry":"3x1s","onFail":"ask"}
codeblue service show "$API"
```

## Communication

Tell the wards.

## Post-incident

### 12. Before you leave

<!-- {"name":"leave","kind":"manual"} -->

- [ ] All is written down.
"#;

pub fn book() -> Arc<Runbook> {
    let reading = runbook::read("tour.md", &runbook::format(BOOK));
    Arc::new(reading.runbook.unwrap_or_else(|| panic!("{:#?}", reading.findings)))
}

const RUN: RunId = RunId(1);

fn result(end: AttemptEnd) -> AttemptResult {
    let output = KeptOutput::Text { text: "said".to_owned(), bytes: 4 };
    AttemptResult { end, exit: Some(0), tries: 1, took_ms: 5, output, captured: Vec::new() }
}

fn failed() -> AttemptEnd {
    AttemptEnd::Failed { why: "exit=0: it ended with 1".to_owned() }
}

/// A desk with an open incident, and a run of the book for it.
struct Tour {
    desk: Desk,
}

impl Tour {
    fn begin() -> Self {
        let mut desk = Desk::new(hospital("drill", "observe"));
        let (title, services) = ("it is down".to_owned(), vec!["patient-api".to_owned()]);
        desk.must(&person("erin"), Command::DeclareIncident { severity: Severity::Sev2, title, services });
        let mut tour = Self { desk };
        tour.must("erin", start(Some(IncidentId(1))));
        tour
    }

    fn must(&mut self, who: &str, command: Command) {
        self.desk.must(&person(who), command);
    }

    fn refused(&mut self, who: &str, command: Command) -> String {
        let asked = format!("{command:?}");
        match self.desk.give(&person(who), command) {
            Err(Refusal { rule, .. }) => rule,
            Ok(_) => panic!("{who} may {asked}"),
        }
    }

    fn run(&self) -> &codeblue::domain::Run {
        &self.desk.state.runs[&RUN]
    }

    fn at(&self) -> String {
        self.run().stand.step().unwrap_or("over").to_owned()
    }

    fn end_of(&self, step: &str) -> StepEnd {
        self.run().end_of(step).unwrap_or_else(|| panic!("{step} is {:?}", self.run().state_of(step))).clone()
    }

    /// What the engine does for the part that is asked for.
    fn program(&mut self, end: AttemptEnd) {
        self.program_that(result(end));
    }

    fn program_that(&mut self, result: AttemptResult) {
        let (step, part) = self.asked();
        self.desk.engine(Command::BeginAttempt { run: RUN, step: step.clone(), part });
        self.desk.engine(Command::FinishAttempt { run: RUN, step, part, result });
    }

    fn asked(&self) -> (String, AttemptPart) {
        let step = self.at();
        match *self.run().state_of(&step) {
            RunStepState::Asked { part } => (step, part),
            ref other => panic!("{step} is {other:?}"),
        }
    }

    fn step(&mut self, who: &str, confirmation: Option<&str>) {
        let command = self.running(confirmation);
        self.must(who, command);
    }

    fn running(&self, confirmation: Option<&str>) -> Command {
        Command::RunStep { run: RUN, step: self.at(), confirmation: confirmation.map(str::to_owned) }
    }

    fn answer(&mut self, answer: StepAnswer) {
        let step = self.at();
        self.must("erin", Command::AnswerStep { run: RUN, step, answer });
    }

    /// Up to the decision, which takes one of its choices.
    fn choose(&mut self, choice: usize) {
        for _ in ["look", "tell"] {
            self.step("erin", None);
            self.program(AttemptEnd::Passed);
        }
        self.answer(StepAnswer::Tick { task: 1 });
        self.answer(StepAnswer::Text { task: 2, value: "auth".to_owned() });
        self.step("erin", None);
        self.answer(StepAnswer::Choice { choice });
    }
}

fn start(incident: Option<IncidentId>) -> Command {
    let (book, found) = ("LAB-01-tour".to_owned(), Some(book()));
    Command::StartRun { book, seen: None, inputs: BTreeMap::new(), incident, mode: RunMode::Emergency, found }
}

fn reason() -> String {
    "because".to_owned()
}

#[test]
fn a_book_is_walked_step_by_step_and_verify_decides() {
    let mut tour = Tour::begin();
    assert_eq!(tour.at(), "look");
    assert_eq!(tour.refused("vic", tour.running(None)), "operator-may-not");
    tour.step("erin", None);
    assert_eq!(
        tour.refused("erin", Command::RunStep { run: RUN, step: "look".to_owned(), confirmation: None }),
        "step-running"
    );
    // It may fail: the book says to continue.
    tour.program(failed());
    assert_eq!((tour.at().as_str(), tour.end_of("look").word()), ("tell", "failed"));
    tour.step("erin", None);
    tour.program(AttemptEnd::Passed);
    assert_eq!(tour.at(), "roles");
    assert_eq!(tour.refused("erin", tour.running(None)), "tasks-open");
    tour.answer(StepAnswer::Tick { task: 1 });
    let wrong = StepAnswer::Text { task: 2, value: "no-such-service".to_owned() };
    assert_eq!(
        tour.refused("erin", Command::AnswerStep { run: RUN, step: "roles".to_owned(), answer: wrong }),
        "wrong-answer"
    );
    tour.answer(StepAnswer::Text { task: 2, value: "auth".to_owned() });
    tour.step("erin", None);
    assert_eq!(tour.refused("erin", tour.running(None)), "choice-needed");
    tour.answer(StepAnswer::Choice { choice: 1 });
    assert_eq!(tour.at(), "recycle");
    assert_eq!(tour.refused("erin", tour.running(None)), "not-confirmed");
    tour.step("erin", Some("yes"));
    tour.program(AttemptEnd::Passed);
    assert_eq!(tour.asked(), ("recycle".to_owned(), AttemptPart::Verify), "its exit code is no proof");
    tour.program(failed());
    assert!(matches!(tour.run().stand, Stand::Halted { halt: Halt::Asked, .. }), "{:?}", tour.run().stand);
    tour.step("erin", Some("yes"));
    tour.program(AttemptEnd::Passed);
    tour.program(AttemptEnd::Passed);
    assert_eq!((tour.at().as_str(), tour.end_of("recycle")), ("close", StepEnd::Ok));
    // Somebody else has to agree, and agrees to one attempt.
    assert_eq!(tour.refused("erin", tour.running(None)), "second-person");
    let co_sign = || Command::CoSignStep { run: RUN, step: "close".to_owned() };
    tour.must("erin", co_sign());
    assert_eq!(tour.refused("erin", tour.running(None)), "second-person", "erin is one person");
    tour.must("ben", co_sign());
    tour.step("erin", None);
    tour.program(AttemptEnd::Passed);
    assert_eq!(tour.at(), "well", "steps of Rollback are not come to");
    tour.step("erin", None);
    tour.program(AttemptEnd::Warned);
    tour.answer(StepAnswer::Tick { task: 1 });
    tour.step("erin", None);
    assert!(matches!(tour.run().stand, Stand::Ended { outcome: RunOutcome::Completed, .. }));
    assert_eq!(tour.refused("erin", Command::AbandonRun { run: RUN, reason: reason() }), "run-over");
    assert_eq!(tour.desk.replayed(), tour.desk.state);
}

#[test]
fn a_run_has_what_its_book_needs_and_each_book_one_run_for_an_incident() {
    let mut tour = Tour::begin();
    assert_eq!(tour.refused("ben", start(Some(IncidentId(1)))), "run-open");
    assert_eq!(tour.refused("ben", start(None)), "run-incident");
    assert_eq!(tour.refused("ben", start(Some(IncidentId(7)))), "unknown-incident");
    let with = |name: &str, value: &str| {
        let inputs = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let Command::StartRun { book, found, mode, .. } = start(None) else { panic!() };
        Command::StartRun { book, seen: None, inputs, incident: Some(IncidentId(1)), mode, found }
    };
    tour.must("erin", Command::AbandonRun { run: RUN, reason: reason() });
    assert_eq!(tour.refused("ben", with("API", "no-such-service")), "run-inputs");
    assert_eq!(tour.refused("ben", with("WHAT", "x")), "run-inputs");
    let Command::StartRun { book, .. } = start(None) else { panic!() };
    let inputs = BTreeMap::new();
    let nothing = Command::StartRun { book, seen: None, inputs, incident: None, mode: RunMode::Drill, found: None };
    assert_eq!(tour.refused("ben", nothing), "unknown-runbook", "what is in no library does not run");
    tour.must("ben", with("API", "auth"));
    assert_eq!(tour.desk.state.runs[&RunId(2)].services, BTreeSet::from(["auth".to_owned(), "records-db".to_owned()]));
}

#[test]
fn what_a_crash_has_cut_off_is_run_again_decided_by_its_check_or_unknown() {
    // A look is looked again.
    let mut tour = Tour::begin();
    tour.step("erin", None);
    tour.desk.engine(Command::BeginAttempt { run: RUN, step: "look".to_owned(), part: AttemptPart::Work });
    tour.desk.engine(Command::LoseAttempt { run: RUN, step: "look".to_owned(), part: AttemptPart::Work });
    assert_eq!(tour.asked(), ("look".to_owned(), AttemptPart::Work));
    tour.program(AttemptEnd::Passed);
    // What tells people is not told twice without somebody.
    tour.step("erin", None);
    tour.desk.engine(Command::BeginAttempt { run: RUN, step: "tell".to_owned(), part: AttemptPart::Work });
    tour.desk.engine(Command::LoseAttempt { run: RUN, step: "tell".to_owned(), part: AttemptPart::Work });
    assert_eq!((tour.at().as_str(), tour.end_of("tell")), ("tell", StepEnd::Unknown));
    assert_eq!(tour.refused("erin", tour.running(None)), "step-unknown");
    let resolve = |step: &str, how, confirmation: Option<&str>| Command::ResolveUnknown {
        run: RUN,
        step: step.to_owned(),
        how,
        reason: reason(),
        confirmation: confirmation.map(str::to_owned),
    };
    assert_eq!(tour.refused("erin", resolve("tell", UnknownAnswer::Verify, None)), "no-verify");
    tour.must("erin", resolve("tell", UnknownAnswer::Done, None));
    assert_eq!(tour.at(), "roles");

    // What names a check is decided by it.
    let mut tour = Tour::begin();
    tour.choose(1);
    tour.step("erin", Some("yes"));
    tour.desk.engine(Command::BeginAttempt { run: RUN, step: "recycle".to_owned(), part: AttemptPart::Work });
    tour.desk.engine(Command::LoseAttempt { run: RUN, step: "recycle".to_owned(), part: AttemptPart::Work });
    assert_eq!(tour.asked(), ("recycle".to_owned(), AttemptPart::Verify));
    tour.program(AttemptEnd::Passed);
    assert_eq!((tour.at().as_str(), tour.end_of("recycle")), ("close", StepEnd::Ok));

    // What is begun once is not begun again, whoever asks.
    let mut tour = Tour::begin();
    tour.choose(2);
    tour.step("erin", Some("restore it"));
    tour.desk.engine(Command::BeginAttempt { run: RUN, step: "restore".to_owned(), part: AttemptPart::Work });
    tour.desk.engine(Command::LoseAttempt { run: RUN, step: "restore".to_owned(), part: AttemptPart::Work });
    assert_eq!(tour.refused("carol", resolve("restore", UnknownAnswer::RunAgain, Some("restore it"))), "once");
    tour.must("erin", resolve("restore", UnknownAnswer::Done, None));
    // Its value was never told: somebody who knows it says so.
    assert_eq!(tour.refused("erin", tour.running(None)), "step-values");
    tour.answer(StepAnswer::Value { name: "RECOVERY".to_owned(), value: "REC-4".to_owned() });
    tour.step("erin", None);
    assert_eq!(tour.asked(), ("use".to_owned(), AttemptPart::DoneIf));
    assert_eq!(tour.desk.replayed(), tour.desk.state);
}

#[test]
fn what_is_done_already_is_not_done_again() {
    let mut tour = Tour::begin();
    tour.choose(2);
    tour.step("erin", Some("restore it"));
    let captured = vec![RunInput { name: "RECOVERY".to_owned(), value: "REC-4".to_owned() }];
    tour.program_that(AttemptResult { captured, ..result(AttemptEnd::Passed) });
    tour.step("erin", None);
    tour.program(AttemptEnd::Passed);
    assert_eq!(tour.end_of("use"), StepEnd::Skipped { cause: SkipCause::AlreadySo { check: "well".to_owned() } });
    assert_eq!(tour.at(), "well");

    let mut tour = Tour::begin();
    tour.choose(2);
    tour.step("erin", Some("restore it"));
    let captured = vec![RunInput { name: "RECOVERY".to_owned(), value: "REC-4".to_owned() }];
    tour.program_that(AttemptResult { captured, ..result(AttemptEnd::Passed) });
    tour.step("erin", None);
    tour.program(failed());
    assert_eq!(tour.asked(), ("use".to_owned(), AttemptPart::Work), "the check says that it is not done");
}

#[test]
fn changes_are_taken_back_the_last_one_first() {
    let mut tour = Tour::begin();
    tour.choose(1);
    tour.step("erin", Some("yes"));
    tour.program(AttemptEnd::Passed);
    tour.program(AttemptEnd::Passed);
    tour.must("ben", Command::CoSignStep { run: RUN, step: "close".to_owned() });
    tour.step("erin", None);
    tour.program(AttemptEnd::Passed);
    assert_eq!(tour.run().changes, ["recycle", "close"]);
    let undo = |step: &str| Command::UndoStep { run: RUN, step: step.to_owned(), reason: reason() };
    assert_eq!(tour.refused("erin", undo("recycle")), "undo-order");
    tour.must("erin", undo("close"));
    assert_eq!(tour.at(), "open-door");
    tour.step("erin", None);
    tour.program(AttemptEnd::Passed);
    assert_eq!(tour.end_of("close"), StepEnd::Undone { by: "open-door".to_owned() });
    assert!(matches!(tour.run().stand, Stand::Halted { halt: Halt::Undone, .. }));
    assert_eq!(tour.run().changes, ["recycle"]);
    assert_eq!(tour.refused("erin", undo("close")), "not-changed");

    // A step that fails may take all of it back.
    tour.must("ben", Command::CoSignStep { run: RUN, step: "close".to_owned() });
    tour.step("erin", None);
    tour.program(failed());
    assert_eq!(tour.at(), "open-door", "what has failed may have changed something");
    for back in ["open-door", "unrecycle"] {
        assert_eq!(tour.at(), back);
        tour.step("erin", None);
        tour.program(AttemptEnd::Passed);
    }
    assert!(matches!(&tour.run().stand, Stand::Halted { step, halt: Halt::RolledBack } if step == "close"));
    assert!(tour.run().changes.is_empty());
}

#[test]
fn a_budget_counts_over_runs_and_over_what_people_did_beside_them() {
    let mut tour = Tour::begin();
    tour.choose(1);
    for _ in 0..2 {
        tour.step("erin", Some("yes"));
        tour.program(failed());
    }
    assert_eq!(tour.refused("carol", tour.running(Some("yes"))), "budget");
    tour.must("erin", Command::AbandonRun { run: RUN, reason: reason() });
    tour.must("ben", start(Some(IncidentId(1))));
    let second = RunId(2);
    for step in ["look", "tell", "roles"] {
        tour.must("erin", Command::SkipStep { run: second, step: step.to_owned(), reason: reason() });
    }
    let answer = StepAnswer::Choice { choice: 1 };
    tour.must("erin", Command::AnswerStep { run: second, step: "which".to_owned(), answer });
    let again = || Command::RunStep { run: second, step: "recycle".to_owned(), confirmation: Some("yes".to_owned()) };
    assert_eq!(tour.refused("erin", again()), "budget");
    tour.desk.wait(TimeDelta::minutes(16));
    tour.must("erin", again());
}

#[test]
fn a_run_takes_the_text_of_now_where_nothing_that_was_done_says_something_else() {
    let changed = |from: &str, to: &str| {
        let text = BOOK.replacen(from, to, 1);
        assert_ne!(text, BOOK, "{from}");
        Some(Arc::new(runbook::read("tour.md", &runbook::format(&text)).runbook.unwrap()))
    };
    let rebase = |found| Command::RebaseRun { run: RUN, seen: None, found };
    let mut tour = Tour::begin();
    tour.choose(1);
    let before = tour.run().book.hash.clone();
    tour.must("erin", rebase(Some(book())));
    assert_eq!(tour.run().book.hash, before, "nothing has changed");
    assert_eq!(tour.refused("vic", rebase(changed("tool close", "tool shut"))), "operator-may-not");
    assert_eq!(tour.refused("erin", rebase(changed("codeblue status", "codeblue status --json"))), "rebase-done");
    assert_eq!(tour.refused("erin", rebase(changed("LAB-01-tour", "LAB-02-other"))), "unknown-runbook");
    let asks = changed("inputs:\n", "inputs:\n  - SINCE:string:now:when\n");
    assert_eq!(tour.refused("erin", rebase(asks)), "run-inputs");
    let seen =
        Command::RebaseRun { run: RUN, seen: Some("another".to_owned()), found: changed("tool close", "tool shut") };
    assert_eq!(tour.refused("erin", seen), "runbook-changed");

    let new = changed("tool recycle \"$API\"", "tool recycle --gently \"$API\"");
    tour.must("erin", rebase(new.clone()));
    assert_eq!((tour.at().as_str(), &tour.run().book), ("recycle", new.as_ref().unwrap()), "it stands where it stood");
    tour.step("erin", Some("yes"));
    assert_eq!(tour.refused("erin", rebase(Some(book()))), "step-running");
    tour.program(AttemptEnd::Passed);
    tour.program(AttemptEnd::Passed);
    assert_eq!(tour.refused("erin", rebase(Some(book()))), "rebase-done", "what was done gently was done");

    // Who has agreed to a step agrees to what it says.
    tour.must("alice", Command::CoSignStep { run: RUN, step: tour.at() });
    let newer = BOOK.replacen("tool recycle \"$API\"", "tool recycle --gently \"$API\"", 1).replacen(
        "tool close",
        "tool shut",
        1,
    );
    let newer = runbook::read("tour.md", &runbook::format(&newer)).runbook.map(Arc::new);
    tour.must("erin", rebase(newer));
    assert_eq!(tour.refused("erin", tour.running(None)), "second-person");
}

#[test]
fn a_run_that_does_not_get_on_calls_people_and_grants_nothing() {
    let mut tour = Tour::begin();
    tour.choose(1);
    let level = |tour: &Tour| {
        tour.desk.log.iter().filter(|recorded| matches!(&recorded.event, Event::IncidentEscalated { reason, .. } if reason.contains("RUN-1"))).count()
    };
    let before = tour.run().clone();
    tour.desk.wait(TimeDelta::minutes(11));
    assert_eq!(level(&tour), 1, "nothing has gone on for ten minutes");
    tour.desk.wait(TimeDelta::minutes(40));
    assert_eq!(level(&tour), 2, "and the time for the book is over");
    assert_eq!(tour.run().stand, before.stand);
    assert_eq!(tour.run().steps, before.steps);
}

#[test]
fn a_step_acts_on_the_services_of_its_book_alone() {
    let outside =
        BOOK.replacen("tool recycle \"$API\"", "codeblue action run \"$OTHER\" restart --confirm \"$OTHER\"", 1);
    // A book that says so is refused at its desk; one that was read before that rule is held back by the run.
    let mut known = Runbook::clone(&book());
    let command = codeblue::domain::runbook::Command::read(
        outside.lines().find(|line| line.starts_with("codeblue action run")).unwrap(),
    );
    for section in &mut known.sections {
        for step in &mut section.steps {
            if let (codeblue::domain::runbook::Work::Action(action), "recycle") = (&mut step.work, step.name.as_str()) {
                action.execution.command = command.clone().unwrap();
            }
        }
    }
    let mut tour = Tour::begin();
    tour.must("erin", Command::AbandonRun { run: RUN, reason: reason() });
    let Command::StartRun { book, inputs, incident, mode, .. } = start(Some(IncidentId(1))) else { panic!() };
    tour.must("erin", Command::StartRun { book, seen: None, inputs, incident, mode, found: Some(Arc::new(known)) });
    let run = RunId(2);
    for step in ["look", "tell"] {
        tour.must("erin", Command::SkipStep { run, step: step.to_owned(), reason: reason() });
    }
    for answer in [StepAnswer::Tick { task: 1 }, StepAnswer::Text { task: 2, value: "auth".to_owned() }] {
        tour.must("erin", Command::AnswerStep { run, step: "roles".to_owned(), answer });
    }
    tour.must("erin", Command::RunStep { run, step: "roles".to_owned(), confirmation: None });
    tour.must("erin", Command::AnswerStep { run, step: "which".to_owned(), answer: StepAnswer::Choice { choice: 1 } });
    let command = Command::RunStep { run, step: "recycle".to_owned(), confirmation: Some("yes".to_owned()) };
    assert_eq!(tour.refused("erin", command), "blast-radius");
}

/// The engine's part of a run, which can be cut off at each of its points.
#[derive(Default)]
struct Hands {
    /// Programs that were begun, each with who it is for: how often for each turn.
    begun: BTreeMap<(RunId, String, u32), u32>,
    /// Of those, the work of steps that are begun once.
    once: BTreeMap<RunId, u32>,
    /// An attempt that is on record and whose program was begun, and has not ended.
    open: Option<(RunId, String, AttemptPart, bool)>,
}

/// What a roll of the dice does.
#[derive(Debug, Clone, Copy)]
struct Roll {
    kind: u8,
    who: u8,
    a: u8,
    minutes: u8,
}

fn rolls() -> impl Strategy<Value = Vec<Roll>> {
    let one = (any::<u8>(), any::<u8>(), any::<u8>(), 0_u8..6);
    prop::collection::vec(one.prop_map(|(kind, who, a, minutes)| Roll { kind, who, a, minutes }), 1..200)
}

impl Hands {
    /// One thing that the engine does next, if there is something.
    fn act(&mut self, desk: &mut Desk, a: u8) {
        if let Some((run, step, part, begun)) = self.open.take() {
            if !begun {
                self.start(desk, run, &step, part);
                self.open = Some((run, step, part, true));
                return;
            }
            let ends = [
                AttemptEnd::Passed,
                AttemptEnd::Passed,
                AttemptEnd::Warned,
                failed(),
                AttemptEnd::TimedOut,
                AttemptEnd::Cancelled,
                AttemptEnd::NotStarted { why: "no such file".to_owned() },
            ];
            let mut result = result(ends[usize::from(a) % ends.len()].clone());
            if step == "restore" && a.is_multiple_of(2) {
                result.captured.push(RunInput { name: "RECOVERY".to_owned(), value: "REC-1".to_owned() });
            }
            desk.engine(Command::FinishAttempt { run, step, part, result });
            return;
        }
        let busy = desk.state.open_runs().find_map(|run| {
            let step = run.stand.step()?.to_owned();
            Some((run.id, run.state_of(&step).clone(), step))
        });
        match busy {
            Some((run, RunStepState::Asked { part }, step)) => {
                desk.engine(Command::BeginAttempt { run, step: step.clone(), part });
                let runs = *desk.state.runs[&run].state_of(&step) == RunStepState::Running { part };
                self.open = runs.then_some((run, step, part, false));
            }
            // Nothing of this engine's runs: it was begun by the one before.
            Some((run, RunStepState::Running { part }, step)) => {
                desk.engine(Command::LoseAttempt { run, step, part });
            }
            _ => {}
        }
    }

    fn start(&mut self, desk: &Desk, id: RunId, step: &str, part: AttemptPart) {
        let run = &desk.state.runs[&id];
        let attempt = run.steps[step].attempts.last().expect("an attempt is on record before its program is begun");
        assert_eq!((attempt.part, &attempt.fate), (part, &AttemptFate::Running));
        if part == AttemptPart::Work && !run.book.step(step).unwrap().work.only_looks() {
            let times = self.begun.entry((id, step.to_owned(), run.turn)).or_default();
            *times += 1;
            assert_eq!(*times, 1, "{step} was begun twice though somebody asked once");
            if step == "restore" {
                let times = self.once.entry(id).or_default();
                *times += 1;
                assert_eq!(*times, 1, "a step that is begun once was begun twice");
            }
        }
    }
}

fn wish(desk: &Desk, roll: Roll) -> (Actor, Command) {
    let who = person(["erin", "alice", "ben", "carol", "vic"][usize::from(roll.who) % 5]);
    let run = desk.state.runs.keys().next_back().copied().unwrap_or(RUN);
    let current = desk.state.runs.get(&run).and_then(|run| run.stand.step()).unwrap_or("look").to_owned();
    let step = if roll.a < 230 {
        current
    } else {
        ["recycle", "close", "restore", "well"][usize::from(roll.a) % 4].to_owned()
    };
    let reason = reason();
    let confirmation = ["yes", "restore it"].into_iter().map(str::to_owned);
    let said = |a: u8| confirmation.clone().nth(usize::from(a) % 3);
    let command = match roll.kind % 16 {
        0..=4 => {
            let right = if step == "restore" { "restore it" } else { "yes" };
            Command::RunStep { run, step, confirmation: Some(right.to_owned()) }
        }
        5 => Command::RunStep { run, step, confirmation: said(roll.a) },
        6 => Command::CoSignStep { run, step },
        7 => Command::AnswerStep { run, step, answer: StepAnswer::Tick { task: 1 } },
        8 => {
            let value = "auth".to_owned();
            Command::AnswerStep { run, step, answer: StepAnswer::Text { task: 2, value } }
        }
        9 => Command::AnswerStep { run, step, answer: StepAnswer::Choice { choice: usize::from(roll.a) % 3 + 1 } },
        10 => Command::SkipStep { run, step, reason },
        11 => Command::MarkStepDone { run, step, reason },
        12 => {
            let last = desk.state.runs.get(&run).and_then(|run| run.next_undo()).map(|(step, _)| step.name.clone());
            Command::UndoStep { run, step: last.unwrap_or(step), reason }
        }
        13 => {
            let how = [UnknownAnswer::Verify, UnknownAnswer::RunAgain, UnknownAnswer::Done][usize::from(roll.a) % 3];
            let confirmation = Some(if step == "restore" { "restore it" } else { "yes" }.to_owned());
            Command::ResolveUnknown { run, step, how, reason, confirmation }
        }
        14 if roll.a < 40 => Command::AbandonRun { run, reason },
        14 => Command::CancelStep { run, step, reason },
        _ => start(Some(IncidentId(1))),
    };
    (who, command)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_people_do_and_whenever_the_engine_dies_nothing_is_done_twice_or_forgotten(rolls in rolls()) {
        let mut desk = Tour::begin().desk;
        let mut hands = Hands::default();
        for roll in rolls {
            desk.now += TimeDelta::seconds(i64::from(roll.minutes) * 20);
            match roll.kind {
                // The engine dies: what it had in hand is gone, what is on record is not.
                0..16 => {
                    hands.open = None;
                    desk.start();
                    let busy: Vec<Effect> = desk.state.open_runs().filter(|run| run.is_busy()).map(|run| Effect::RunStep(run.id, run.turn)).collect();
                    prop_assert!(busy.iter().all(|effect| unfinished(&desk.state).contains(effect)));
                }
                16..120 => hands.act(&mut desk, roll.a),
                _ => {
                    let (who, command) = wish(&desk, roll);
                    let _ = desk.give(&who, command);
                }
            }
            let overdue = due(&desk.state, desk.now);
            prop_assert_eq!(overdue.is_empty(), next_due(&desk.state).is_none_or(|at| at > desk.now));
            desk.meet_deadlines();
            for run in desk.state.runs.values() {
                for (name, step) in &run.steps {
                    let open = step.attempts.iter().filter(|attempt| attempt.fate == AttemptFate::Running).count();
                    let running = matches!(step.state, RunStepState::Running { .. });
                    prop_assert_eq!(open, usize::from(running), "every attempt of {} is accounted for: {:?}", name, step);
                }
                prop_assert!(!run.is_busy() || run.is_open());
                let open = run.changes.iter().collect::<BTreeSet<_>>();
                prop_assert_eq!(open.len(), run.changes.len());
            }
        }
        // Left alone, the engine comes to where a person is needed.
        for _ in 0..40 {
            hands.act(&mut desk, 0);
        }
        prop_assert!(desk.state.open_runs().all(|run| !run.is_busy()), "a step runs for ever");
        prop_assert_eq!(desk.replayed(), desk.state.clone());
        let stored: codeblue::domain::State = serde_json::from_str(&serde_json::to_string(&desk.state).unwrap()).unwrap();
        prop_assert_eq!(stored, desk.state);
    }
}
