//! A runbook walked through by keys, in the real binary in a real terminal; the board is left in the middle and nothing is lost.

use std::{fs, path::Path, process::Command, time::Duration};

use crate::terminal::Terminal;

/// Keys that come sooner after a question appears were meant for something else.
const STARTLED: Duration = Duration::from_millis(200);

fn book(touched: &Path) -> String {
    format!(
        r#"---
codeblue: runbook/v1
id: LAB-01-touch
title: A file is missing
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
  - PLACE:path:{}:the file
requires: [touch]
drills: [none]
review_every: 90d
---

## Scenario

A file is missing.

## Detection

Somebody says so.

## Immediate actions

### 1. Look

```sh {{"name":"look","kind":"check","effect":"read","timeout":"20s","onFail":"ask"}}
codeblue status
```

### 2. Say so

<!-- {{"name":"say","kind":"manual"}} -->

- [ ] Say that you are on it.

## Diagnosis

What it is.

## Resolution

### 3. Make it

```sh {{"name":"make","kind":"action","effect":"write","confirm":"yes","timeout":"20s","undo":"none: an empty file harms nobody","onFail":"ask"}}
touch "$PLACE"
```

## Rollback

Nothing.

## Validation

### 4. Is it there?

<!-- {{"name":"there","kind":"decision"}} -->

- [ ] It is there → end
- [ ] It is not → step 3 (make)

## Communication

Tell the wards.

## Post-incident

Nothing.
"#,
        touched.display()
    )
}

#[test]
fn a_short_run_by_keys_survives_that_its_board_is_left() {
    let home = tempfile::tempdir().unwrap();
    let init = Command::new(env!("CARGO_BIN_EXE_codeblue")).args(["init", "--home"]).arg(home.path()).output().unwrap();
    assert!(init.status.success());
    let touched = home.path().join("touched");
    let books = home.path().join("runbooks");
    fs::create_dir_all(&books).unwrap();
    fs::write(books.join("LAB-01-touch.md"), codeblue::runbook::format(&book(&touched))).unwrap();

    let mut terminal = Terminal::run(&[], home.path());
    terminal.until("1 Services");
    terminal.press("b");
    terminal.until("LAB-01-touch");
    terminal.press("n");
    terminal.until("Walk through LAB-01-touch");
    terminal.answer("\r");
    terminal.until("RUN-1 walks through LAB-01-touch");
    std::thread::sleep(STARTLED);
    terminal.press("\r");
    terminal.until("step 1 of 4: waits for you");
    terminal.press("\r");
    terminal.until("step 2 of 4: waits for you");
    terminal.press("1");
    terminal.until("[×] Say that you are on it");
    terminal.press("\r");
    terminal.until("step 3 of 4: waits for you");
    assert!(terminal.text().contains(&format!("$ touch {}", touched.display())), "{}", terminal.text());
    terminal.press("r");
    terminal.until("y Run it");
    assert!(!touched.exists(), "nothing runs before the yes");
    std::thread::sleep(STARTLED);
    terminal.press("y");
    terminal.until("step 4 of 4: waits for you");
    assert!(touched.exists());
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);

    let mut terminal = Terminal::run(&[], home.path());
    terminal.until("RUN-1 step 4 waits for you: Is it there?");
    terminal.press(".");
    terminal.until("step 4 of 4: waits for you");
    terminal.press("1");
    terminal.until("y Choose it");
    std::thread::sleep(STARTLED);
    terminal.press("y");
    terminal.until("completed");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    assert!(codeblue::store::verify_file(&home.path().join("data/journal.db")).unwrap().ok);
}
