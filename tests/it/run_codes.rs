//! Steps of a run that want a code of the second factor: asked for before anything runs, good for that one program, and kept nowhere.

use std::fs;

use totp_rs::{Builder, Secret};

use crate::cli::Script;

/// What the second step runs is known once its input is.
pub const BOOK: &str = r#"---
codeblue: runbook/v1
id: LAB-02-release
title: Automation is halted
scenario: custom
severity: SEV3
services: [host]
detects: [report-by-a-person]
owner: data
deputy: platform
min_role: engineer
phi: none
rto: 30m
rpo: 5m
time_budget: 45m
inputs:
  - VERB:string:release:what is said
drills: [none]
review_every: 90d
---

## Scenario

It is halted.

## Detection

Somebody says so.

## Immediate actions

### 1. Let it go on

```sh {"name":"release","kind":"action","effect":"write","confirm":"no","timeout":"20s","once":"true","undo":"none: halt it again","onFail":"ask"}
codeblue automation release
```

## Diagnosis

What it is.

## Resolution

### 2. Say it in other words

```sh {"name":"other-words","kind":"action","effect":"write","confirm":"no","timeout":"20s","undo":"none: halt it again","onFail":"ask"}
codeblue automation "$VERB"
```

## Rollback

Nothing.

## Validation

Nothing.

## Communication

Tell the wards.

## Post-incident

Nothing.
"#;

#[test]
fn a_step_asks_for_the_code_that_its_program_wants_and_no_other_program_has_it() {
    let script = Script::new();
    assert_eq!(script.run(&["init"]).0, 0);
    let books = script.home().join("runbooks");
    fs::create_dir_all(&books).unwrap();
    fs::write(books.join("LAB-02-release.md"), codeblue::runbook::format(BOOK)).unwrap();
    let _serving = script.serve();
    let (_, enrolment) = script.json(&["operator", "totp", "enrol"]);
    let secret = Secret::try_from_base32(enrolment["secret"].as_str().unwrap()).unwrap();
    let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap();
    let shown = Builder::new().with_secret(secret).build().unwrap().generate(now).to_string();
    let (status, enrolled) = script.json(&["operator", "totp", "confirm", "--code", &shown]);
    assert_eq!(status, 0, "{enrolled}");
    let spare = |place: usize| enrolled["recoveryCodes"][place].as_str().unwrap().to_owned();
    let halted = || !script.json(&["automation", "show"]).1["halted"].is_null();

    assert_eq!(script.run(&["automation", "halt", "--reason", "trial"]).0, 0);
    assert_eq!(script.run(&["runbook", "run", "LAB-02"]).0, 0);
    let (status, refused) = script.json(&["runbook", "step", "RUN-1"]);
    assert_eq!((status, refused["error"]["code"].as_str()), (3, Some("second-factor-needed")), "{refused}");
    let (_, run) = script.json(&["runbook", "show-run", "RUN-1"]);
    assert_eq!(run["steps"][0]["attempts"], serde_json::json!([]), "what runs once was not begun: {run}");

    let (status, run) = script.json_told(&["runbook", "step", "RUN-1", "--code", "-"], &spare(0));
    assert_eq!(status, 0, "{run}");
    assert!(!halted(), "{run}");

    assert_eq!(script.run(&["automation", "halt", "--reason", "trial"]).0, 0);
    let (_, run) = script.json(&["runbook", "step", "RUN-1"]);
    assert!(run.to_string().contains("needs a code of your second factor"), "{run}");
    assert!(halted(), "the code before was for the step before: {run}");
    let (_, run) = script.json_told(&["runbook", "step", "RUN-1", "--code", "-"], &spare(1));
    assert!(!halted(), "whoever gives one has it run: {run}");

    let journal = fs::read(script.home().join("data/journal.db")).unwrap();
    let holds = |code: &str| journal.windows(code.len()).any(|part| part == code.as_bytes());
    assert!(!holds(&spare(0)) && !holds(&spare(0).replace('-', "")), "codes are kept nowhere");
}
