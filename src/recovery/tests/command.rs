use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use proptest::{prelude::*, test_runner::TestRunner};

use super::{Room, component, copy_of, kill::Kills, same, snapshot};
use crate::{
    platform::{Adapter, Component, Programs},
    recovery::{RecoveryError, Target, capture, restore, settle, test_restore},
    vault::{CancelFlag, difference_of_trees},
};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A program of a few words, with `$LIVE` for the folder of what is live.
fn script(room: &Room, text: &str) -> Vec<String> {
    words(&["sh", "-c", &format!("LIVE='{}'; {text}", room.path("live").display())])
}

/// What is live is a file that programs print and write.
fn printed(room: &Room) -> Programs {
    fs::create_dir_all(room.path("live")).unwrap();
    fs::write(room.path("live/state"), "good\n").unwrap();
    Programs {
        capture: script(room, "cat \"$LIVE/state\""),
        restore: script(room, "cat > \"$LIVE/state\""),
        verify: script(room, "grep -q good \"$LIVE/state\""),
        observe: None,
        dry_run: Some(script(room, "diff \"$LIVE/state\" -")),
        within: Duration::from_secs(20),
    }
}

fn of(programs: Programs) -> Component {
    component(Adapter::Command(programs))
}

fn capture_error(room: &Room, component: &Component) -> String {
    let cancel = CancelFlag::new();
    let refused = capture(component, &room.vault, &room.path("staging"), &[], super::now(), &cancel);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("not touched"), "{text}");
    assert_eq!(fs::read_dir(room.path("staging")).unwrap().count(), 0, "something was left outside the vault");
    text
}

fn restore_error(room: &Room, component: &Component, target: &Target, run: &str) -> RecoveryError {
    restore(component, target, &room.path(run), &room.vault, &CancelFlag::new()).unwrap_err()
}

#[test]
fn what_a_program_prints_is_kept_and_given_back_to_another() {
    let room = Room::new();
    let component = of(Programs { observe: Some(words(&["echo", "8.4.1"])), ..printed(&room) });
    let captured = room.capture(&component);
    assert_eq!(captured.version.as_deref(), Some("8.4.1"));
    assert_eq!(fs::read_dir(room.path("staging")).unwrap().count(), 0);
    fs::write(room.path("live/state"), "broken\n").unwrap();
    let found = room.verify_run(&component, "run").unwrap_err().to_string();
    assert!(found.contains("failed with exit code 1; it is live now"), "{found}");
    let safety = room.capture(&component);

    let plan = room.dry_run(&component, &snapshot(&captured));
    assert_eq!(plan.inside, ["1c1", "< broken", "---", "> good"]);
    assert_eq!(fs::read_to_string(room.path("live/state")).unwrap(), "broken\n");
    room.restore(&component, &snapshot(&captured), "run");
    room.verify_run(&component, "run").unwrap();
    assert_eq!(fs::read_to_string(room.path("live/state")).unwrap(), "good\n");
    assert!(room.restore(&component, &snapshot(&captured), "run").resumed);
    assert!(room.dry_run(&component, &snapshot(&captured)).summary.ends_with("nothing would change"));

    room.restore(&component, &snapshot(&safety), "undo");
    assert_eq!(fs::read_to_string(room.path("live/state")).unwrap(), "broken\n");
    let scratch = room.path("scratch");
    let proof = test_restore(&component, &captured.captured.id, &scratch, &room.vault, &CancelFlag::new()).unwrap();
    assert_eq!((proof.bytes, scratch.exists()), (5, false));
    assert_eq!(fs::read_to_string(room.path("live/state")).unwrap(), "broken\n");
}

#[test]
fn files_go_through_the_directory_it_is_given() {
    let room = Room::new();
    let component = of(Programs {
        capture: words(&["cp", "-a", &format!("{}/.", room.path("live").display()), "{dir}"]),
        restore: script(&room, "rm -rf \"$LIVE\" && cp -a \"$CODEBLUE_DIR\" \"$LIVE\" && chmod 755 \"$LIVE\""),
        ..printed(&room)
    });
    super::plant(&room.path("live"));
    let _ = fs::set_permissions(room.path("live"), std::os::unix::fs::PermissionsExt::from_mode(0o755));
    let model = copy_of(&room, &room.path("live"), "model");
    let target = snapshot(&room.capture(&component));
    super::spoil(&room.path("live"));
    room.restore(&component, &target, "run");
    assert!(same(&model, &room.path("live")));
}

#[test]
fn what_was_captured_may_stand_in_an_argument() {
    let room = Room::new();
    let base = printed(&room);
    let restore_with = |capture: &str, argument: &str| {
        let component = of(Programs {
            capture: script(&room, capture),
            restore: [script(&room, "printf %s \"$1\" > \"$LIVE/state\""), words(&["sh", argument])].concat(),
            ..base.clone()
        });
        fs::write(room.path("live/state"), "as before").unwrap();
        let target = snapshot(&room.capture(&component));
        let _ = fs::remove_dir_all(room.path("run"));
        let done = restore(&component, &target, &room.path("run"), &room.vault, &CancelFlag::new());
        done.map(|_| fs::read_to_string(room.path("live/state")).unwrap()).map_err(|error| error.to_string())
    };
    assert_eq!(restore_with("echo 17", "--to={output}").unwrap(), "--to=17");
    let json = r#"echo '{"versions": [{"id": "ab-1", "percent": 100}]}'"#;
    assert_eq!(restore_with(json, "{$.versions[0].id}@{$.versions[0].percent}%").unwrap(), "ab-1@100%");
    for (capture, argument, reason) in [
        ("printf 'a\\nb'", "{output}", "not one line"),
        ("echo --all", "{output}", "taken for an option"),
        ("echo text", "{$.id}", "no JSON"),
        (json, "{$.id}", "holds nothing at $.id"),
        (json, "{$.versions}", "no single value"),
    ] {
        let error = restore_with(capture, argument).unwrap_err();
        assert!(error.contains(reason) && error.contains("not touched"), "{error}");
        assert_eq!(fs::read_to_string(room.path("live/state")).unwrap(), "as before");
    }
}

#[test]
fn a_capture_that_holds_nothing_or_fails_is_no_snapshot() {
    let room = Room::new();
    let base = printed(&room);
    let with = |text: &str| of(Programs { capture: script(&room, text), ..base.clone() });
    assert!(capture_error(&room, &with("true")).contains("printed nothing and left no file"));
    let failed = capture_error(&room, &with("echo half of it; echo 'access denied' >&2; exit 3"));
    assert!(failed.contains("failed with exit code 3") && failed.contains("access denied"), "{failed}");
    let missing = Programs { capture: words(&["/no/such/program"]), ..base };
    assert!(capture_error(&room, &of(missing)).contains("cannot be started"));
}

#[test]
fn without_a_program_for_it_a_dry_run_says_that_it_cannot_tell() {
    let room = Room::new();
    let component = of(Programs { dry_run: None, ..printed(&room) });
    let target = snapshot(&room.capture(&component));
    let plan = room.dry_run(&component, &target);
    assert!(plan.summary.contains("cannot be told") && plan.summary.contains("dry_run"), "{}", plan.summary);
}

#[test]
fn a_restore_that_fails_says_what_stands_and_can_be_gone_back_from() {
    let room = Room::new();
    let component = of(Programs {
        restore: script(&room, "read word; echo \"$word\" > \"$LIVE/state\"; [ \"$word\" = good ] || exit 7"),
        ..printed(&room)
    });
    let good = snapshot(&room.capture(&component));
    fs::write(room.path("live/state"), "bad").unwrap();
    let bad = snapshot(&room.capture(&component));
    let error = restore_error(&room, &component, &bad, "run").to_string();
    assert!(error.contains("failed with exit code 7") && error.contains("a part of what is live"), "{error}");
    // the same run goes back
    room.restore(&component, &good, "run");
    assert_eq!(fs::read_to_string(room.path("live/state")).unwrap(), "good\n");
}

/// Whether any process of a program that wrote its number still lives.
fn lives(note: &Path) -> bool {
    let id = fs::read_to_string(note).unwrap();
    fs::read_to_string(format!("/proc/{}/stat", id.trim())).is_ok_and(|stat| !stat.contains(") Z"))
}

fn until(what: &str, wished: impl Fn() -> bool) {
    let begun = Instant::now();
    while !wished() {
        assert!(begun.elapsed() < Duration::from_secs(20), "never happened: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_time_out_and_a_cancellation_end_the_program_with_all_it_started() {
    let room = Room::new();
    let base = printed(&room);
    let slow = script(&room, "sleep 600 & echo $! > \"$LIVE/child\"; wait");
    let component = of(Programs { restore: slow.clone(), within: Duration::from_millis(300), ..base.clone() });
    let target = snapshot(&room.capture(&component));
    let error = restore_error(&room, &component, &target, "run").to_string();
    assert!(error.contains("took longer than 0.3 s and was killed"), "{error}");
    until("the child is gone", || !lives(&room.path("live/child")));

    fs::remove_file(room.path("live/child")).unwrap();
    let component = of(Programs { restore: slow, ..base });
    let cancel = CancelFlag::new();
    let error = thread::scope(|scope| {
        let running = scope.spawn(|| restore(&component, &target, &room.path("run-2"), &room.vault, &cancel));
        until("the child runs", || fs::read_to_string(room.path("live/child")).is_ok_and(|id| id.ends_with('\n')));
        cancel.cancel();
        running.join().unwrap().unwrap_err().to_string()
    });
    assert!(error.contains("was cancelled and killed") && error.contains("a part of what is live"), "{error}");
    until("the child is gone", || !lives(&room.path("live/child")));
}

#[test]
fn a_kill_at_any_moment_is_ended_by_running_the_program_again() {
    let room = Room::new();
    let component = of(Programs {
        capture: script(&room, "cat \"$LIVE/state\""),
        // for a while it is half done
        restore: script(&room, "cat > \"$LIVE/state\" && sleep 0.1 && cp \"$LIVE/state\" \"$LIVE/copy\""),
        verify: script(&room, "cmp \"$LIVE/state\" \"$LIVE/copy\""),
        ..printed(&room)
    });
    fs::write(room.path("live/copy"), "good\n").unwrap();
    let model = copy_of(&room, &room.path("live"), "model");
    let target = snapshot(&room.capture(&component));
    let live = room.path("live");
    Kills {
        room: &room,
        component: &component,
        target,
        live: live.clone(),
        parts: &["."],
        model,
        at_once: false,
        rounds: 20,
    }
    .run(|| {
        fs::write(live.join("state"), "bad\n").unwrap();
        fs::write(live.join("copy"), "worse\n").unwrap();
    });
}

#[test]
fn a_program_that_an_engine_left_behind_is_ended_before_it_is_run_again() {
    let room = Room::new();
    let gate = room.path("gate");
    fs::write(&gate, "").unwrap();
    let wait = format!(
        "if [ -e '{}' ]; then echo $$ > \"$LIVE/left\"; exec sleep 600; fi; cat > \"$LIVE/state\"",
        gate.display()
    );
    let component = of(Programs { restore: script(&room, &wait), ..printed(&room) });
    let target = snapshot(&room.capture(&component));
    fs::write(room.path("live/state"), "bad").unwrap();
    fs::write(room.path("kill.json"), serde_json::to_vec(&(&component, &target)).unwrap()).unwrap();
    let mut engine = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "recovery::tests::kill::child_that_is_killed", "--nocapture"])
        .env("CODEBLUE_TEST_KILL", room.dir.path())
        .env("CODEBLUE_TEST_RUN", "run")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("the program runs", || fs::read_to_string(room.path("live/left")).is_ok_and(|id| id.ends_with('\n')));
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert!(lives(&room.path("live/left")));
    fs::remove_file(&gate).unwrap();
    settle(&component, &room.path("run"), &room.vault).unwrap();
    assert!(!lives(&room.path("live/left")));
    assert_eq!(fs::read_to_string(room.path("live/state")).unwrap(), "good\n");
}

#[test]
fn a_full_disk_is_named() {
    let file = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let cancel = CancelFlag::new();
    let ran = crate::recovery::program::Program::new(&words(&["yes"]), Duration::from_secs(20), &cancel)
        .into_file(file)
        .run();
    let problem = ran.problem().unwrap();
    assert!(problem.contains("could not be written: No space left on device"), "{problem}");
}

#[test]
fn what_the_dry_run_program_names_is_what_changes() {
    let room = Room::new();
    let names = "cd \"$LIVE\"; for name in $(ls . \"$CODEBLUE_DIR\" | grep '^[a-d]$' | sort -u); \
        do cmp -s \"$name\" \"$CODEBLUE_DIR/$name\" || echo \"$name\"; done";
    let component = of(Programs {
        capture: script(&room, "cp \"$LIVE\"/* \"$CODEBLUE_DIR\""),
        restore: script(&room, "rm -f \"$LIVE\"/*; cp \"$CODEBLUE_DIR\"/* \"$LIVE\""),
        dry_run: Some(script(&room, names)),
        ..printed(&room)
    });
    let cases = Cell::new(0);
    let files = || prop::collection::btree_map("[a-d]", "[xy]{1,2}", 1..4);
    let config = ProptestConfig { cases: 12, ..ProptestConfig::default() };
    let judge = |(before, after): (BTreeMap<String, String>, BTreeMap<String, String>)| {
        let case = cases.replace(cases.get() + 1);
        let fill = |files: &BTreeMap<String, String>| {
            let _ = fs::remove_dir_all(room.path("live"));
            fs::create_dir_all(room.path("live")).unwrap();
            files.iter().for_each(|(name, text)| fs::write(room.path("live").join(name), text).unwrap());
        };
        fill(&after);
        let target = snapshot(&room.capture(&component));
        fill(&before);
        let planned = room.dry_run(&component, &target).inside;
        let copy = copy_of(&room, &room.path("live"), &format!("before-{case}"));
        room.restore(&component, &target, &format!("run-{case}"));
        let changed = difference_of_trees(&copy, &room.path("live"), &CancelFlag::new()).unwrap();
        let changed: Vec<_> = changed.iter().map(|one| one.path.rsplit('/').next().unwrap().to_owned()).collect();
        prop_assert_eq!(planned, changed);
        Ok(())
    };
    TestRunner::new(config).run(&(files(), files()), judge).unwrap();
}
