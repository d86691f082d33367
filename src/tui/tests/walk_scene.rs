//! A run of a book with one step of each kind, in every state that its page has to show.

use std::sync::Arc;

use chrono::TimeDelta;

use super::scene::{Scene, at, by};
use crate::{
    domain::{
        AttemptEnd, AttemptPart, AttemptResult, Command, IncidentId, KeptOutput, RunId, RunMode, RunStepState,
        Severity, Status, StepAnswer,
    },
    engine::LibraryBook,
    runbook,
    tui::model::{Loaded, Model, Screen},
};

const PLATFORM: &str = r#"
[platform]
name = "HoloVitals"
[access]
second_factor = "enrolled"
[[service]]
name = "patient-api"
criticality = "critical"
depends_on = ["records-db"]
[[service.check]]
name = "health"
http = "http://127.0.0.1:8101/health"
[[service]]
name = "records-db"
criticality = "critical"
[[service.check]]
name = "health"
http = "http://127.0.0.1:8102/health"
[[service.action]]
name = "thaw"
run = "/bin/true"
risk = "medium"
[[operator]]
name = "alice"
roles = ["technical-lead"]
login = "alice"
[[operator]]
name = "erin"
roles = ["engineer"]
login = "erin"
[[operator]]
name = "frank"
roles = ["engineer"]
login = "frank"
[[operator]]
name = "vic"
roles = ["viewer"]
login = "vic"
"#;

const BOOK: &str = r#"---
codeblue: runbook/v1
id: LAB-01-tour
title: The database does not answer
scenario: database
severity: SEV1
services: [$DATABASE, patient-api]
detects: [service-down]
owner: data
deputy: platform
min_role: engineer
phi: possible
rto: 30m
rpo: 5m
time_budget: 45m
inputs:
  - DATABASE:service:records-db:the database service
  - PLACE:choice(ward/office):ward:where people notice it
requires: [tool]
drills: [none]
review_every: 90d
---

## Scenario

Charts do not open.

## Detection

A check.

## Immediate actions

### 1. See what the pool says

The pool is **full** when no request gets a connection. `waiting` counts those that wait.

| says | means |
|---|---|
| 64/64 | full |

```sh {"name":"look","kind":"check","effect":"read","timeout":"10s","expect":"stdout~pool 3/64","onFail":"ask"}
tool pool "$DATABASE" --place "$PLACE"
```

```text {"ignore":"true","is":"expect"}
pool 3/64
waiting 0
ok
```

```text {"ignore":"true","is":"explain"}
A full pool and a frozen database look the same to users, and the cure of one makes the other worse.
```

### 2. Tell the wards

```sh {"name":"tell","kind":"notify","timeout":"10s","onFail":"continue"}
tool page "$DATABASE"
```

### 3. Take the roles

<!-- {"name":"roles","kind":"manual"} -->

- [ ] Say "I am commander of this incident" in the bridge.
- [ ] Which ward noticed it first? → WARD:string

## Diagnosis

### 4. Which of them is it?

<!-- {"name":"which","kind":"decision"} -->

- [ ] The process is there and answers nothing → step 5 (thaw)
- [ ] The door is open → step 6 (close)
- [ ] The data is wrong → book RB-05-data-corruption

## Resolution

### 5. Let the stopped process go on

> [!CAUTION]
> What waits for it goes on at once, all together.

```sh {"name":"thaw","kind":"action","effect":"write","approval":"change","confirm":"yes","timeout":"15m","verify":"well","undo":"none: a process that was frozen is not frozen again","onFail":"ask","then":"goto:well"}
codeblue action run "$DATABASE" thaw --reason "it answers nothing" --confirm "$DATABASE" --wait
```

### 6. Close the door

```sh {"name":"close","kind":"action","effect":"write","approval":"second-person","confirm":"no","timeout":"1m","undo":"open-door","onFail":"ask"}
tool close
```

### 7. Restore

```sh {"name":"restore","kind":"action","effect":"destructive","confirm":"typed:restore it","timeout":"1m","undo":"none: what is gone is gone","onFail":"escalate"}
tool restore "$DATABASE"
```

## Rollback

### 8. Open the door

```sh {"name":"open-door","kind":"action","effect":"write","confirm":"no","timeout":"1m","undo":"none: it is the undo"}
tool open
```

## Validation

### 9. It is well

```sh {"name":"well","kind":"wait","effect":"read","timeout":"1m","retry":"3x1s","onFail":"ask"}
tool well "$DATABASE"
```

## Communication

Tell the wards.

## Post-incident

### 10. Before you leave

<!-- {"name":"leave","kind":"manual"} -->

- [ ] All is written down.
"#;

pub const RUN: RunId = RunId(1);
pub const INCIDENT: IncidentId = IncidentId(1);

pub fn shelf() -> Vec<LibraryBook> {
    let reading = runbook::read("LAB-01-tour.md", &runbook::format(BOOK));
    let book = reading.runbook.unwrap_or_else(|| panic!("{:#?}", reading.findings));
    let own = LibraryBook {
        id: book.front.id.clone(),
        file: "/etc/codeblue/runbooks/LAB-01-tour.md".to_owned(),
        built_in: false,
        errors: 0,
        runbook: Some(Arc::new(book)),
    };
    let broken = LibraryBook {
        id: "LAB-02-broken".to_owned(),
        file: "/etc/codeblue/runbooks/LAB-02-broken.md".to_owned(),
        built_in: false,
        errors: 3,
        runbook: None,
    };
    let built_in = runbook::built_in().map(|volume| LibraryBook {
        id: volume.id().to_owned(),
        file: volume.file.clone(),
        built_in: true,
        errors: 0,
        runbook: volume.reading.runbook.map(Arc::new),
    });
    [own, broken].into_iter().chain(built_in).collect()
}

/// An incident, and a run for it that Erin has begun.
pub struct Walk {
    pub scene: Scene,
}

impl Walk {
    pub fn outage() -> Scene {
        let mut scene = Scene::of(PLATFORM);
        let (title, services) = ("records-db does not answer".to_owned(), vec!["records-db".to_owned()]);
        scene.give_as(by("erin"), Command::DeclareIncident { severity: Severity::Sev1, title, services });
        scene.judge("records-db", Status::Down, "health: connected, but no answer within 1 s");
        scene
    }

    pub fn begin() -> Self {
        let mut scene = Self::outage();
        let book = shelf().remove(0);
        scene.give_as(
            by("erin"),
            Command::StartRun {
                book: book.id,
                seen: None,
                inputs: std::collections::BTreeMap::new(),
                incident: Some(INCIDENT),
                mode: RunMode::Emergency,
                found: book.runbook,
            },
        );
        assert!(scene.state.runs.contains_key(&RUN));
        scene.now += TimeDelta::seconds(228);
        Self { scene }
    }

    pub fn must(&mut self, who: &str, command: Command) {
        let (words, before) = (format!("{command:?}"), self.scene.state.seq);
        self.scene.give_as(by(who), command);
        assert!(self.scene.state.seq > before, "{who} may not {words}");
    }

    pub fn here(&self) -> String {
        self.scene.state.runs[&RUN].stand.step().unwrap_or("over").to_owned()
    }

    pub fn step(&mut self, who: &str, confirmation: Option<&str>) {
        let (step, confirmation) = (self.here(), confirmation.map(str::to_owned));
        self.must(who, Command::RunStep { run: RUN, step, confirmation });
    }

    pub fn answer(&mut self, answer: StepAnswer) {
        let step = self.here();
        self.must("erin", Command::AnswerStep { run: RUN, step, answer });
    }

    /// What the engine does with the part that is asked for: begins its program.
    pub fn begun(&mut self) -> AttemptPart {
        let step = self.here();
        let RunStepState::Asked { part } = *self.scene.state.runs[&RUN].state_of(&step) else { panic!("{step}") };
        self.must_engine(Command::BeginAttempt { run: RUN, step, part });
        part
    }

    pub fn program(&mut self, end: AttemptEnd, printed: &str) {
        let (part, step) = (self.begun(), self.here());
        self.scene.now += TimeDelta::seconds(2);
        let output = KeptOutput::Text { text: printed.to_owned(), bytes: printed.len() as u64 };
        let result = AttemptResult { end, exit: Some(0), tries: 1, took_ms: 1_400, output, captured: Vec::new() };
        self.must_engine(Command::FinishAttempt { run: RUN, step, part, result });
    }

    pub fn must_engine(&mut self, command: Command) {
        let before = self.scene.state.seq;
        self.scene.give(command);
        assert!(self.scene.state.seq > before);
    }

    pub fn looked(mut self) -> Self {
        self.step("erin", None);
        self.program(AttemptEnd::Passed, "pool 3/64\nwaiting 0\nok\n");
        self
    }

    pub fn told(self) -> Self {
        let mut walk = self.looked();
        walk.step("erin", None);
        walk.program(AttemptEnd::Passed, "");
        assert_eq!(walk.here(), "roles");
        walk
    }

    pub fn manned(self) -> Self {
        let mut walk = self.told();
        walk.answer(StepAnswer::Tick { task: 1 });
        walk.answer(StepAnswer::Text { task: 2, value: "ward 3".to_owned() });
        walk.step("erin", None);
        assert_eq!(walk.here(), "which");
        walk
    }

    pub fn chosen(self, choice: usize) -> Self {
        let mut walk = self.manned();
        walk.answer(StepAnswer::Choice { choice });
        walk
    }

    /// The thaw has asked for a change, and waits for it.
    pub fn waiting(self) -> Self {
        let mut walk = self.chosen(1);
        walk.step("erin", Some("yes"));
        walk.begun();
        let (service, action) = ("records-db".to_owned(), "thaw".to_owned());
        let reason = "it answers nothing".to_owned();
        walk.must("erin", Command::RequestAction { service, action, incident: Some(INCIDENT), reason });
        walk.scene.now += TimeDelta::seconds(9);
        walk
    }

    pub fn closed(self) -> Self {
        let mut walk = self.chosen(2);
        let step = walk.here();
        walk.must("frank", Command::CoSignStep { run: RUN, step });
        walk.step("erin", None);
        walk.program(AttemptEnd::Passed, "closed\n");
        assert_eq!(walk.here(), "restore");
        walk
    }

    pub fn unknown(self) -> Self {
        let mut walk = self.closed();
        walk.step("erin", Some("restore it"));
        let (part, step) = (walk.begun(), walk.here());
        walk.must_engine(Command::LoseAttempt { run: RUN, step, part });
        walk
    }

    pub fn seen_by(&self, who: &str) -> Model {
        let mut model = at(&self.scene, who, Screen::Run(RUN));
        model.books = Some(Loaded::Here(shelf()));
        model
    }
}

pub fn on_shelf(scene: &Scene, who: &str, screen: Screen) -> Model {
    let mut model = at(scene, who, screen);
    model.books = Some(Loaded::Here(shelf()));
    model
}
