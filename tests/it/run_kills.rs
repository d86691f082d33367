//! `codeblue serve` is killed at random moments of walks through a runbook, again and again on the same home. Afterwards no step that
//! is begun once was begun twice, every program that ran is on record, and what the run tells of itself is true.
//!
//! It prints its seed; `CODEBLUE_TEST_SEED` repeats its choices, `CODEBLUE_TEST_KILLS` makes it longer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command as Program, Stdio},
    time::{Duration, Instant},
};

use codeblue::{
    client::Client,
    domain::{AttemptFate, AttemptPart, Command, Event, Run, RunId, RunMode, Stand, State, StepEnd, UnknownAnswer},
    engine::Home,
    runbook,
    store::verify_file,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::served::me;

/// How long anything may take before it counts as never.
const LIMIT: Duration = Duration::from_secs(60);

fn platform() -> String {
    let people = format!("[[operator]]\nname = \"alice\"\nroles = [\"technical-lead\"]\nlogin = \"{}\"\n", me());
    let access = "[platform]\nname = \"Ward\"\nprofile = \"drill\"\n[access]\nsecond_factor = \"enrolled\"\n";
    format!("{access}[[service]]\nname = \"pump\"\ncriticality = \"high\"\n{people}")
}

/// Each of its programs writes down that it ran.
const BOOK: &str = r#"---
codeblue: runbook/v1
id: KILL-01-walk
title: A walk that is cut off
scenario: custom
severity: SEV3
services: [pump]
detects: [service-down]
owner: data
deputy: platform
min_role: engineer
phi: none
rto: 30m
rpo: 5m
time_budget: 45m
requires: [note-down]
drills: [none]
review_every: 90d
---

## Scenario

Something.

## Detection

A check.

## Immediate actions

### 1. Look

```sh {"name":"look","kind":"check","effect":"read","timeout":"10s"}
note-down look "$RUN"
```

## Diagnosis

### 2. Tell

```sh {"name":"tell","kind":"notify","timeout":"10s"}
note-down tell "$RUN"
```

## Resolution

### 3. Once

```sh {"name":"once","kind":"action","effect":"destructive","confirm":"typed:do it","timeout":"10s","once":"true","undo":"none: it is gone"}
note-down once "$RUN"
```

### 4. Decided by a check

```sh {"name":"decided","kind":"action","effect":"write","confirm":"no","timeout":"10s","verify":"look","undo":"none: it only writes"}
note-down decided "$RUN"
```

### 5. Once, decided by a check

```sh {"name":"once-decided","kind":"action","effect":"write","confirm":"no","timeout":"10s","once":"true","doneIf":"asleep","verify":"look","undo":"none: it only writes"}
note-down once-decided "$RUN"
```

## Rollback

Nothing is taken back.

## Validation

### 6. Asleep

```sh {"name":"asleep","kind":"check","effect":"read","timeout":"10s","expect":"exit=7","onFail":"continue"}
note-down asleep "$RUN"
```

## Communication

Nobody is told.

## Post-incident

Nothing is owed.
"#;

struct Ward {
    folder: tempfile::TempDir,
    home: Home,
}

impl Ward {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home"));
        fs::create_dir_all(home.runbooks()).unwrap();
        fs::write(home.platform_file(), platform()).unwrap();
        fs::write(home.runbooks().join("KILL-01-walk.md"), runbook::format(BOOK)).unwrap();
        let program = folder.path().join("bin/note-down");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        let noted = folder.path().join("noted").display().to_string();
        let script = format!("#!/usr/bin/env -S bash\necho \"$1 $2\" >> '{noted}'\nsleep 0.0$((RANDOM % 9))\n");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, home }
    }

    /// How often each step ran in each run, as its programs have it.
    fn noted(&self) -> BTreeMap<(String, String), usize> {
        let text = fs::read_to_string(self.folder.path().join("noted")).unwrap_or_default();
        let mut noted = BTreeMap::new();
        for (step, run) in text.lines().filter_map(|line| line.split_once(' ')) {
            *noted.entry((run.to_owned(), step.to_owned())).or_default() += 1;
        }
        noted
    }

    async fn start(&self) -> Engine {
        let said = self.folder.path().join("said");
        let path = format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        let process = Program::new(env!("CARGO_BIN_EXE_codeblue"))
            .arg("--home")
            .arg(self.folder.path().join("home"))
            .arg("serve")
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let mut engine =
            Engine { process, client: Client::unix(&self.home.socket(), Some("alice".to_owned())).unwrap() };
        let begun = Instant::now();
        while !engine.client.is_up().await {
            if let Some(status) = engine.process.try_wait().unwrap() {
                panic!("the engine ended with {status}: {}", fs::read_to_string(&said).unwrap());
            }
            assert!(begun.elapsed() < LIMIT, "the engine does not answer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        engine
    }
}

struct Engine {
    process: Child,
    client: Client,
}

impl Engine {
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// The state once no run goes on by itself.
    async fn at_rest(&self) -> State {
        let begun = Instant::now();
        loop {
            let state = self.client.state().await.unwrap();
            if state.runs.values().all(|run| run.is_at_rest()) {
                return state;
            }
            assert!(
                begun.elapsed() < LIMIT,
                "never at rest: {:#?}",
                state.runs.values().next_back().map(|run| &run.steps)
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What somebody does next: begin a run, or go on with it.
fn next(run: Option<&Run>, dice: &mut StdRng) -> Command {
    let Some((run, step)) = run.and_then(|run| Some((run, run.current()?))) else {
        return Command::StartRun {
            book: "KILL-01".to_owned(),
            seen: None,
            inputs: BTreeMap::new(),
            incident: None,
            mode: RunMode::Emergency,
            found: None,
        };
    };
    let (id, name, reason) = (run.id, step.name.clone(), "storm".to_owned());
    let confirmation = Some("do it".to_owned());
    let begun_once = ["once", "once-decided"].contains(&name.as_str());
    match run.end_of(&name) {
        Some(StepEnd::Unknown) if !begun_once && dice.random_bool(0.5) => {
            let how = UnknownAnswer::RunAgain;
            Command::ResolveUnknown { run: id, step: name, how, reason, confirmation }
        }
        Some(StepEnd::Unknown) => {
            let how = UnknownAnswer::Done;
            Command::ResolveUnknown { run: id, step: name, how, reason, confirmation: None }
        }
        Some(_) if matches!(run.stand, Stand::Halted { .. }) => Command::SkipStep { run: id, step: name, reason },
        _ => Command::RunStep { run: id, step: name, confirmation },
    }
}

/// Every program that ran is on record, and the record tells of none that cannot have run.
fn is_true(ward: &Ward, state: &State) {
    let noted = ward.noted();
    let mut attempts: BTreeMap<(String, String), (usize, usize)> = BTreeMap::new();
    for run in state.runs.values() {
        for (name, step) in &run.steps {
            for attempt in &step.attempts {
                assert_ne!(attempt.fate, AttemptFate::Running, "{} {name} is at rest and runs", run.id);
                let program = match attempt.part {
                    AttemptPart::Work => name.as_str(),
                    AttemptPart::Verify => "look",
                    AttemptPart::DoneIf => "asleep",
                };
                let known = attempts.entry((run.id.to_string(), program.to_owned())).or_default();
                known.0 += 1;
                known.1 += usize::from(matches!(attempt.fate, AttemptFate::Ended { .. }));
            }
        }
    }
    for (program, times) in &noted {
        // Older runs are in the journal alone.
        if state.runs.keys().any(|run| run.to_string() == program.0) {
            let (begun, _) = attempts.get(program).copied().unwrap_or_default();
            assert!(*times <= begun, "{program:?} ran {times} times, and {begun} are on record");
        }
        assert!(*times <= 1 || !program.1.starts_with("once"), "{program:?} ran {times} times");
    }
    for (program, (_, ended)) in &attempts {
        let times = noted.get(program).copied().unwrap_or_default();
        assert!(times >= *ended, "{program:?} ended {ended} times on record, and ran {times} times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_the_engine_is_killed_nothing_is_done_twice_and_the_run_tells_the_truth() {
    let seed = std::env::var("CODEBLUE_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    let kills = std::env::var("CODEBLUE_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
    println!("CODEBLUE_TEST_SEED={seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let ward = Ward::new();
    let mut killed_at: BTreeSet<String> = BTreeSet::new();
    for _ in 0..kills {
        let engine = ward.start().await;
        let state = engine.at_rest().await;
        is_true(&ward, &state);
        // Some steps go well, so that every step of the book is reached; one is cut off.
        for _ in 0..dice.random_range(0..4) {
            let state = engine.at_rest().await;
            let open = state.runs.values().next_back().map(AsRef::as_ref);
            engine.client.submit(&next(open, &mut dice)).await.unwrap();
        }
        let state = engine.at_rest().await;
        let open = state.runs.values().next_back().map(AsRef::as_ref);
        killed_at.extend(open.and_then(|run| run.stand.step()).map(str::to_owned));
        let command = next(open, &mut dice);
        let client = engine.client.clone();
        let asked = tokio::spawn(async move { client.submit(&command).await });
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..150))).await;
        engine.kill();
        let _ = asked.await;
    }
    let engine = ward.start().await;
    let state = engine.at_rest().await;
    is_true(&ward, &state);
    // The last run is walked to its end all the same.
    let mut last = RunId(0);
    for _ in 0..20 {
        let state = engine.at_rest().await;
        let open = state.runs.values().next_back().filter(|run| run.is_open()).map(AsRef::as_ref);
        if open.is_none() && last != RunId(0) {
            break;
        }
        last = open.map_or(last, |run| run.id);
        let answer = engine.client.submit(&next(open, &mut dice)).await.unwrap();
        assert!(answer.events.iter().all(|recorded| !matches!(recorded.event, Event::RunAttemptLost { .. })));
    }
    let state = engine.at_rest().await;
    assert!(!state.runs[&last].is_open(), "{:#?}", state.runs[&last].stand);
    is_true(&ward, &state);
    println!("killed at {killed_at:?}, {} runs", state.runs.len());
    engine.kill();
    verify(&ward.home.journal());
}

fn verify(journal: &Path) {
    let proof = verify_file(journal).unwrap();
    assert!(proof.ok, "{proof:?}");
}
