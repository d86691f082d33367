//! The adapters from their door: what was live comes back exactly, at any point of a kill it is the old or the new state, and a
//! dry run tells precisely what a restore then does.

use std::{
    fs::{self, Permissions},
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeZone, Utc};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{RecoveryError, Settled, Target, capture, dry_run, observe, releases, reload, restore, settle, verify};
use crate::{
    platform::{Adapter, Component, ComponentKind},
    vault::{CancelFlag, DifferenceKind, Vault, difference_of_trees},
};

struct Room {
    dir: TempDir,
    vault: Vault,
}

impl Room {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_init(&dir.path().join("vault"), &dir.path().join("keys")).unwrap();
        Self { dir, vault }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn capture(&self, component: &Component) -> super::ComponentCapture {
        capture(component, &self.vault, &self.path("staging"), &[], now(), &CancelFlag::new()).unwrap()
    }

    fn restore(&self, component: &Component, target: &Target, run: &str) -> super::Restored {
        restore(component, target, &self.path(run), &self.vault, &CancelFlag::new()).unwrap()
    }

    fn dry_run(&self, component: &Component, target: &Target) -> super::DryRun {
        dry_run(component, target, &self.path("dry"), &self.vault, &CancelFlag::new()).unwrap()
    }

    /// Names that a restore left beside what is live.
    fn litter(&self, dir: &Path) -> Vec<String> {
        fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(".codeblue"))
            .collect()
    }
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 10, 30, 0).unwrap()
}

fn component(adapter: Adapter) -> Component {
    Component {
        name: "records".to_owned(),
        service: "records-db".to_owned(),
        kind: ComponentKind::Data,
        every: Duration::from_secs(300),
        rpo: Duration::from_secs(300),
        rto: Duration::from_secs(300),
        adapter,
        reload: None,
    }
}

fn snapshot(captured: &super::ComponentCapture) -> Target {
    Target::Snapshot(captured.captured.id.clone())
}

fn plant(root: &Path) {
    fs::create_dir_all(root.join("sub/empty")).unwrap();
    for number in 0..20 {
        fs::write(root.join(format!("sub/file-{number}")), format!("old {number}").repeat(100)).unwrap();
    }
    symlink("sub/file-1", root.join("link")).unwrap();
    fs::write(root.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("run.sh"), Permissions::from_mode(0o755)).unwrap();
}

fn spoil(root: &Path) {
    fs::write(root.join("sub/file-3"), "spoiled").unwrap();
    fs::remove_file(root.join("link")).unwrap();
    fs::write(root.join("intruder"), "should go").unwrap();
    fs::set_permissions(root.join("run.sh"), Permissions::from_mode(0o644)).unwrap();
}

fn same(one: &Path, other: &Path) -> bool {
    difference_of_trees(one, other, &CancelFlag::new()).unwrap().is_empty()
}

fn copy_of(room: &Room, live: &Path, name: &str) -> PathBuf {
    let copy = room.path(name);
    assert!(Command::new("cp").arg("-a").arg(live).arg(&copy).status().unwrap().success());
    copy
}

#[test]
fn files_come_back_exactly_and_the_dry_run_said_what_would_change() {
    let room = Room::new();
    let (tree, file) = (room.path("live/tree"), room.path("live/app.conf"));
    plant(&tree);
    fs::write(&file, "port = 1\n").unwrap();
    let model = copy_of(&room, &room.path("live"), "model");
    let component = component(Adapter::Files { paths: vec![tree.clone(), file.clone()] });
    let captured = room.capture(&component);
    assert!(!captured.captured.is_partial());

    spoil(&tree);
    fs::write(&file, "port = nonsense\n").unwrap();
    let spoiled = copy_of(&room, &room.path("live"), "spoiled");
    let plan = room.dry_run(&component, &snapshot(&captured));
    let restored = room.restore(&component, &snapshot(&captured), "run");

    assert!(same(&model, &room.path("live")));
    assert_eq!(restored.files, 23);
    verify(&component).unwrap();
    assert!(room.litter(&room.path("live")).is_empty());
    let done = difference_of_trees(&spoiled, &room.path("live"), &CancelFlag::new()).unwrap();
    assert_eq!(plan.differences, done);
    assert_eq!(plan.differences.len(), 5);
    assert!(plan.summary.contains("3 changed, 1 added, 1 removed"), "{}", plan.summary);
    assert!(room.dry_run(&component, &snapshot(&captured)).differences.is_empty());

    // the same run again does nothing, even when somebody has worked on since
    fs::write(&file, "port = 2\n").unwrap();
    assert!(room.restore(&component, &snapshot(&captured), "run").resumed);
    assert_eq!(fs::read_to_string(&file).unwrap(), "port = 2\n");
    // a new run restores
    assert!(!room.restore(&component, &snapshot(&captured), "run-2").resumed);
    assert!(same(&model, &room.path("live")));
}

#[test]
fn what_is_gone_altogether_is_restored_too() {
    let room = Room::new();
    let tree = room.path("live/tree");
    plant(&tree);
    let model = copy_of(&room, &tree, "model");
    let component = component(Adapter::Files { paths: vec![tree.clone()] });
    let captured = room.capture(&component);
    fs::remove_dir_all(&tree).unwrap();
    assert!(matches!(verify(&component), Err(RecoveryError::Missing { .. })));
    room.restore(&component, &snapshot(&captured), "run");
    assert!(same(&model, &tree));
}

#[test]
fn a_damaged_snapshot_is_never_switched_to() {
    let room = Room::new();
    let tree = room.path("live/tree");
    plant(&tree);
    let component = component(Adapter::Files { paths: vec![tree.clone()] });
    let captured = room.capture(&component);
    spoil(&tree);
    let before = copy_of(&room, &tree, "before");
    for pack in fs::read_dir(room.path("vault/data")).unwrap() {
        for pack in fs::read_dir(pack.unwrap().path()).unwrap() {
            let path = pack.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            bytes[20] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let refused = restore(&component, &snapshot(&captured), &room.path("run"), &room.vault, &CancelFlag::new());
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("was not touched"), "{text}");
    assert!(same(&before, &tree));
    assert_eq!(settle(&component, &room.path("run")).unwrap(), Settled::NothingBegun);
    assert!(room.litter(&room.path("live")).is_empty());
}

/// Not a test of its own: what `a_kill_at_any_moment…` runs in another process and kills.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os("CODEBLUE_TEST_KILL").map(PathBuf::from) else { return };
    let vault = Vault::open_or_init(&dir.join("vault"), &dir.join("keys")).unwrap();
    let component = component(Adapter::Files { paths: vec![dir.join("live/a"), dir.join("live/b")] });
    let id = fs::read_to_string(dir.join("id")).unwrap();
    println!("ready");
    let work = dir.join(std::env::var("CODEBLUE_TEST_RUN").unwrap());
    restore(&component, &Target::Snapshot(id), &work, &vault, &CancelFlag::new()).unwrap();
}

#[test]
fn a_kill_at_any_moment_leaves_old_or_new_and_the_next_call_ends_it() {
    let room = Room::new();
    let (a, b) = (room.path("live/a"), room.path("live/b"));
    plant(&a);
    plant(&b);
    let model = copy_of(&room, &room.path("live"), "model");
    let component = component(Adapter::Files { paths: vec![a.clone(), b.clone()] });
    let captured = room.capture(&component);
    fs::write(room.path("id"), &captured.captured.id).unwrap();
    let (mut untouched, mut begun) = (0, 0);
    for round in 0..24_u64 {
        spoil_again(&a);
        spoil_again(&b);
        let spoiled = room.path("spoiled");
        let _ = fs::remove_dir_all(&spoiled);
        copy_of(&room, &room.path("live"), "spoiled");
        let run = format!("run-{round}");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "recovery::tests::child_that_is_killed", "--nocapture"])
            .env("CODEBLUE_TEST_KILL", room.dir.path())
            .env("CODEBLUE_TEST_RUN", &run)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut text = String::new();
        while !text.contains("ready") {
            let mut byte = [0];
            assert_eq!(output.read(&mut byte).unwrap(), 1, "the child ended early: {text}");
            text.push(byte[0] as char);
        }
        // not a wait for something to happen: the moment of the kill is what varies
        thread::sleep(Duration::from_micros(round * 1_500));
        child.kill().unwrap();
        child.wait().unwrap();

        for name in ["a", "b"] {
            let live = room.path("live").join(name);
            assert!(
                same(&model.join(name), &live) || same(&spoiled.join(name), &live),
                "round {round}: {name} is half"
            );
        }
        match settle(&component, &room.path(&run)).unwrap() {
            Settled::NothingBegun => {
                untouched += 1;
                assert!(same(&spoiled, &room.path("live")), "round {round}");
            }
            Settled::Finished(_) | Settled::AlreadyDone(_) => begun += 1,
        }
        room.restore(&component, &snapshot(&captured), &run);
        assert!(same(&model, &room.path("live")), "round {round}");
        assert!(room.litter(&room.path("live")).is_empty(), "round {round}");
    }
    eprintln!("killed before the switch: {untouched}, in or after it: {begun}");
}

fn spoil_again(root: &Path) {
    let _ = fs::write(root.join("link"), "");
    spoil(root);
}

/// Stops a restore right before its n-th rename by taking the staged tree's place in the record apart, as a kill would.
#[test]
fn every_step_of_the_switch_can_be_the_last_before_a_kill() {
    for made in 0..=2 {
        let room = Room::new();
        let paths = [room.path("live/a"), room.path("live/b")];
        paths.iter().for_each(|path| plant(path));
        let model = copy_of(&room, &room.path("live"), "model");
        let component = component(Adapter::Files { paths: paths.to_vec() });
        let captured = room.capture(&component);
        paths.iter().for_each(|path| spoil(path));

        let id = &captured.captured.id;
        let mut moves = Vec::new();
        for live in &paths {
            let staged = super::switch::staging_path(live, id);
            room.vault.stage(id, live, &staged, &CancelFlag::new()).unwrap();
            moves.push((live, staged.clone(), super::switch::Move::new(live.clone(), staged, Vec::new()).unwrap()));
        }
        let record = super::switch::Record {
            component: component.name.clone(),
            target: snapshot(&captured),
            previous: None,
            moves: moves.iter().map(|(_, _, step)| step.clone()).collect(),
            link: None,
            done: false,
        };
        let work = room.path("run");
        fs::create_dir(&work).unwrap();
        fs::write(work.join("records.restore.json"), serde_json::to_vec(&record).unwrap()).unwrap();
        for (live, staged, _) in &moves[..made] {
            let aside = staged.with_extension("old");
            fs::rename(live, &aside).unwrap();
            fs::rename(staged, live).unwrap();
        }
        assert_eq!(settle(&component, &work).unwrap(), Settled::Finished(snapshot(&captured)));
        assert!(same(&model, &room.path("live")), "after {made} renames");
        assert!(room.litter(&room.path("live")).is_empty());
        assert_eq!(settle(&component, &work).unwrap(), Settled::AlreadyDone(snapshot(&captured)));
    }
}

#[test]
fn a_cancelled_restore_touches_nothing() {
    let room = Room::new();
    let tree = room.path("live/tree");
    plant(&tree);
    let component = component(Adapter::Files { paths: vec![tree.clone()] });
    let captured = room.capture(&component);
    spoil(&tree);
    let before = copy_of(&room, &tree, "before");
    let cancel = CancelFlag::new();
    cancel.cancel();
    let refused = restore(&component, &snapshot(&captured), &room.path("run"), &room.vault, &cancel);
    assert!(matches!(refused, Err(RecoveryError::Cancelled)), "{refused:?}");
    assert!(same(&before, &tree));
}

fn release_component(room: &Room) -> Component {
    let root = room.path("app");
    for version in ["v9", "v10", "v41"] {
        let dir = root.join("releases").join(version);
        fs::create_dir_all(&dir).unwrap();
        for name in ["one", "two", "three"] {
            fs::write(dir.join(name), version).unwrap();
        }
        fs::write(dir.join("same"), "same").unwrap();
    }
    symlink("releases/v41", root.join("current")).unwrap();
    component(Adapter::Release { root })
}

#[test]
fn a_release_is_switched_by_name_and_remembers_the_one_before() {
    let room = Room::new();
    let component = release_component(&room);
    assert_eq!(releases(&component).unwrap(), ["v9", "v10", "v41"]);
    assert_eq!(observe(&component).unwrap().version.as_deref(), Some("v41"));
    let target = Target::Release("v10".to_owned());
    let plan = room.dry_run(&component, &target);
    let paths: Vec<_> = plan.differences.iter().map(|one| one.path.rsplit('/').next().unwrap()).collect();
    assert_eq!(paths, ["one", "three", "two"]);
    assert!(plan.differences.iter().all(|one| one.kind == DifferenceKind::Changed));
    assert!(plan.differences[0].path.ends_with("app/current/one"), "{}", plan.differences[0].path);

    let restored = room.restore(&component, &target, "run");
    assert_eq!(restored.previous.as_deref(), Some("v41"));
    assert_eq!(observe(&component).unwrap().version.as_deref(), Some("v10"));
    verify(&component).unwrap();
    let again = room.restore(&component, &target, "run");
    assert_eq!((again.previous.as_deref(), again.resumed), (Some("v41"), true));
}

#[test]
fn a_release_that_is_not_there_is_refused_with_those_that_are() {
    let room = Room::new();
    let component = release_component(&room);
    for version in ["v40", "../v41", "", ".", "v41/one"] {
        let target = Target::Release(version.to_owned());
        let refused = restore(&component, &target, &room.path("run"), &room.vault, &CancelFlag::new());
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("there are: v9, v10, v41"), "{text}");
    }
    assert_eq!(observe(&component).unwrap().version.as_deref(), Some("v41"));
    fs::remove_file(room.path("app/current")).unwrap();
    fs::create_dir(room.path("app/current")).unwrap();
    assert!(matches!(observe(&component), Err(RecoveryError::NotALink { .. })));
}

#[test]
fn a_release_that_was_deleted_or_altered_comes_back_from_the_vault() {
    let room = Room::new();
    let component = release_component(&room);
    let captured = room.capture(&component);
    assert_eq!(captured.version.as_deref(), Some("v41"));
    let model = copy_of(&room, &room.path("app/releases/v41"), "model");
    room.restore(&component, &Target::Release("v10".to_owned()), "run");

    fs::remove_dir_all(room.path("app/releases/v41")).unwrap();
    let restored = room.restore(&component, &snapshot(&captured), "run-2");
    assert_eq!((restored.previous.as_deref(), restored.files), (Some("v10"), 4));
    assert_eq!(observe(&component).unwrap().version.as_deref(), Some("v41"));
    assert!(same(&model, &room.path("app/current/")));

    fs::write(room.path("app/current/one"), "altered in place").unwrap();
    assert_eq!(room.dry_run(&component, &snapshot(&captured)).differences.len(), 1);
    room.restore(&component, &snapshot(&captured), "run-3");
    assert!(same(&model, &room.path("app/releases/v41")));
    assert!(room.litter(&room.path("app")).is_empty() && room.litter(&room.path("app/releases")).is_empty());
}

#[test]
fn readers_never_miss_a_release_while_it_is_switched() {
    let room = Room::new();
    let component = release_component(&room);
    let current = room.path("app/current");
    let (stop, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    // a request pins the release once, then reads from it
                    let pinned = fs::canonicalize(&current).unwrap();
                    let parts = ["one", "two", "three"].map(|name| fs::read_to_string(pinned.join(name)).unwrap());
                    assert!(parts.iter().all(|part| *part == parts[0]), "{parts:?}");
                    reads.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for round in 0..200 {
            let version = if round % 2 == 0 { "v10" } else { "v41" };
            room.restore(&component, &Target::Release(version.to_owned()), &format!("runs/{round}"));
        }
        while reads.load(Ordering::SeqCst) < 500 {
            thread::yield_now();
        }
        stop.store(true, Ordering::SeqCst);
    });
}

fn ledger(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = wal;
             CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
             CREATE TABLE IF NOT EXISTS note (text TEXT);
             INSERT OR IGNORE INTO account VALUES (1, 500), (2, 500);",
        )
        .unwrap();
    connection
}

fn sqlite(path: &Path) -> Component {
    component(Adapter::Sqlite { path: path.to_owned() })
}

#[test]
fn a_database_is_captured_consistently_while_others_write() {
    let room = Room::new();
    let path = room.path("records.db");
    drop(ledger(&path));
    let component = sqlite(&path);
    let (stop, commits) = (AtomicBool::new(false), AtomicU32::new(0));
    let captures = thread::scope(|scope| {
        scope.spawn(|| {
            let writer = ledger(&path);
            while !stop.load(Ordering::SeqCst) {
                writer
                    .execute_batch(
                        "BEGIN IMMEDIATE; UPDATE account SET amount = amount - 1 WHERE id = 1;
                         UPDATE account SET amount = amount + 1 WHERE id = 2; INSERT INTO note VALUES ('moved'); COMMIT;",
                    )
                    .unwrap();
                commits.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut captures = Vec::new();
        for _ in 0..4 {
            let before = commits.load(Ordering::SeqCst);
            captures.push(room.capture(&component));
            while commits.load(Ordering::SeqCst) == before {
                thread::yield_now();
            }
        }
        stop.store(true, Ordering::SeqCst);
        captures
    });
    for (number, captured) in captures.iter().enumerate() {
        assert_eq!(captured.captured.unreadable, Vec::<String>::new());
        room.restore(&component, &snapshot(captured), &format!("run-{number}"));
        let restored = Connection::open(&path).unwrap();
        let value = |query: &str| restored.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(value("SELECT sum(amount) FROM account"), 1000);
        assert_eq!(value("SELECT amount FROM account WHERE id = 2"), 500 + value("SELECT count(*) FROM note"));
    }
    assert!(fs::read_dir(room.path("staging")).unwrap().next().is_none(), "a copy of the data was left behind");
}

#[test]
fn a_database_comes_back_without_the_log_of_the_old_one() {
    let room = Room::new();
    let path = room.path("db/records.db");
    fs::create_dir(room.path("db")).unwrap();
    let live = ledger(&path);
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let component = sqlite(&path);
    let captured = room.capture(&component);
    let target = snapshot(&captured);
    assert!(room.dry_run(&component, &target).differences.is_empty());

    live.execute_batch("DELETE FROM account; CREATE TABLE junk (x); INSERT INTO note VALUES ('a'), ('b');").unwrap();
    assert!(room.path("db/records.db-wal").exists());
    let plan = room.dry_run(&component, &target);
    let shape: Vec<_> = plan.tables.iter().map(|one| (one.table.as_str(), one.before_rows, one.after_rows)).collect();
    assert_eq!(shape, [("account", Some(0), Some(2)), ("junk", Some(0), None), ("note", Some(2), Some(0))]);
    assert_eq!(plan.tables.iter().filter(|one| one.schema_changed).count(), 1);
    assert_eq!((plan.differences.len(), plan.differences[0].kind), (1, DifferenceKind::Changed));

    room.restore(&component, &target, "run");
    verify(&component).unwrap();
    let restored = Connection::open(&path).unwrap();
    let mode: String = restored.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    let sum: i64 = restored.query_row("SELECT sum(amount) FROM account", [], |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), sum), ("wal", 1000));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    drop(restored);
    assert!(room.dry_run(&component, &target).differences.is_empty());
    assert!(fs::read_dir(room.path("dry")).unwrap().next().is_none());
    assert!(room.litter(&room.path("db")).is_empty());
}

#[test]
fn a_broken_database_is_kept_as_evidence_and_replaced() {
    let room = Room::new();
    let path = room.path("records.db");
    let live = ledger(&path);
    live.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(live);
    let component = sqlite(&path);
    let good = room.capture(&component);
    fs::write(&path, "this is no database at all, it was overwritten by an accident of some kind").unwrap();
    assert!(matches!(verify(&component), Err(RecoveryError::BadDatabase { .. } | RecoveryError::Database { .. })));

    let evidence = room.capture(&component);
    assert!(evidence.captured.is_partial());
    let refused = restore(&component, &snapshot(&evidence), &room.path("run"), &room.vault, &CancelFlag::new());
    assert!(matches!(refused, Err(RecoveryError::BadDatabase { .. })), "{refused:?}");
    let plan = room.dry_run(&component, &snapshot(&good));
    assert_eq!(plan.differences.len(), 1);
    assert!(plan.summary.contains("cannot be read as a database"), "{}", plan.summary);
    room.restore(&component, &snapshot(&good), "run-2");
    verify(&component).unwrap();
    assert!(settle(&component, &room.path("run")).is_ok());
    assert!(room.litter(room.dir.path()).is_empty());
}

#[test]
fn a_files_component_has_no_releases() {
    let room = Room::new();
    let component = component(Adapter::Files { paths: vec![room.path("x")] });
    let target = Target::Release("v1".to_owned());
    let refused = restore(&component, &target, &room.path("run"), &room.vault, &CancelFlag::new());
    assert!(matches!(refused, Err(RecoveryError::WrongTarget { .. })));
    assert!(releases(&component).unwrap().is_empty());
}

fn with_reload(arguments: &[&str]) -> Component {
    let reload = Some(arguments.iter().map(|argument| (*argument).to_owned()).collect());
    Component { reload, ..component(Adapter::Files { paths: Vec::new() }) }
}

#[test]
fn a_reload_gives_its_output_and_its_failure() {
    let run = |arguments: &[&str]| reload(&with_reload(arguments), Duration::from_secs(20), &CancelFlag::new());
    assert_eq!(
        reload(&component(Adapter::Files { paths: Vec::new() }), Duration::ZERO, &CancelFlag::new()).unwrap(),
        None
    );
    assert_eq!(run(&["echo", "$HOME; reloaded"]).unwrap().unwrap().text, "$HOME; reloaded\n");
    let text = run(&["sh", "-c", "echo no such unit >&2; exit 5"]).unwrap_err().to_string();
    assert!(text.contains("exit code 5") && text.contains("no such unit"), "{text}");
    assert!(run(&["/no/such/program"]).unwrap_err().to_string().contains("cannot be started"));
    let much = run(&["head", "-c", "1000000", "/dev/zero"]).unwrap().unwrap();
    assert!(much.truncated && much.text.len() == 64 * 1024);
}

#[test]
fn a_reload_that_hangs_is_killed_with_its_children() {
    let room = Room::new();
    let pid = room.path("pid");
    let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
    let started = Instant::now();
    let slow = reload(&with_reload(&["sh", "-c", &script]), Duration::from_millis(500), &CancelFlag::new());
    assert!(slow.unwrap_err().to_string().contains("took longer than 0.5 s"));
    assert!(started.elapsed() < Duration::from_secs(20));
    let child = fs::read_to_string(&pid).unwrap();
    let state = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "the grandchild lives: {state}");
}

#[test]
fn a_reload_that_leaves_a_service_behind_does_not_hang() {
    let started = Instant::now();
    let output =
        reload(&with_reload(&["sh", "-c", "sleep 20 & echo started"]), Duration::from_secs(15), &CancelFlag::new());
    assert_eq!(output.unwrap().unwrap().text, "started\n");
    assert!(started.elapsed() < Duration::from_secs(10));
}
