//! What every adapter has in common when the world is against it: nothing live is touched, the error names what it was, and the
//! same target works as soon as the trouble is over.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::Duration,
};

use super::{Room, component, copy_of, same, snapshot};
use crate::{
    platform::{Adapter, Component, Programs},
    recovery::{Settled, Target, restore},
    vault::CancelFlag,
};

/// A component of every kind whose state lies below `live`, captured while it was good.
fn every_kind(room: &Room) -> Vec<(&'static str, Component, Target)> {
    let live = room.path("live");
    let at = |name: &str| live.join(name);
    for version in ["v1", "v2"] {
        fs::create_dir_all(at("releases").join(version)).unwrap();
        fs::write(at("releases").join(version).join("page"), version).unwrap();
    }
    symlink("releases/v1", at("current")).unwrap();
    fs::create_dir_all(at("folder")).unwrap();
    fs::write(at("folder/file"), "good").unwrap();
    fs::write(at(".env"), "KEY=good\n").unwrap();
    fs::write(at("flags.json"), "{\"beta\": true}").unwrap();
    fs::write(at("state"), "good").unwrap();
    rusqlite::Connection::open(at("data.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    let repository = room.path("repository");
    fs::create_dir(&repository).unwrap();
    super::git::git(&repository, &["init", "--quiet"]);
    super::git::commit(&repository, &[("page", "v1")], "v1");
    let program = |text: &str| ["sh", "-c", text].map(str::to_owned).to_vec();
    let programs = Programs {
        capture: program(&format!("cat '{}'", at("state").display())),
        restore: program(&format!("cat > '{}'", at("state").display())),
        verify: program("true"),
        observe: None,
        dry_run: None,
        within: Duration::from_secs(20),
    };
    [
        Adapter::Release { root: live.clone() },
        Adapter::Git { repository, root: live.clone() },
        Adapter::Files { paths: vec![at("folder")] },
        Adapter::Env { paths: vec![at(".env")] },
        Adapter::Flags { path: at("flags.json") },
        Adapter::Sqlite { path: at("data.db") },
        Adapter::Command(programs),
    ]
    .into_iter()
    .map(|adapter| {
        let (name, component) = (adapter.name(), component(adapter));
        let target = snapshot(&room.capture(&component));
        (name, component, target)
    })
    .collect()
}

fn spoil(live: &Path) {
    fs::write(live.join("releases/v1/page"), "bad").unwrap();
    fs::write(live.join("folder/file"), "bad").unwrap();
    fs::write(live.join(".env"), "KEY=bad\n").unwrap();
    fs::write(live.join("flags.json"), "{}").unwrap();
    fs::write(live.join("state"), "bad").unwrap();
    rusqlite::Connection::open(live.join("data.db")).unwrap().execute_batch("DELETE FROM t").unwrap();
}

fn refused(room: &Room, component: &Component, target: &Target, run: &str) -> String {
    restore(component, target, &room.path(run), &room.vault, &CancelFlag::new()).unwrap_err().to_string()
}

#[test]
fn a_place_that_is_taken_or_must_not_be_written_is_named_and_the_next_try_succeeds() {
    let room = Room::new();
    let live = room.path("live");
    let root = rustix::process::geteuid().is_root();
    for (name, component, target) in every_kind(&room) {
        spoil(&live);
        fs::rename(&live, room.path("away")).unwrap();
        fs::write(&live, "in the way").unwrap();
        let text = refused(&room, &component, &target, name);
        // a program of somebody else can only say what it saw
        let expected = if name == "command" { "a part of what is live" } else { "not touched" };
        assert!(text.contains(expected) && text.contains("live"), "{name}: {text}");
        assert_eq!(fs::read_to_string(&live).unwrap(), "in the way", "{name}");
        fs::remove_file(&live).unwrap();
        fs::rename(room.path("away"), &live).unwrap();

        if !root && name != "command" {
            let folder = if matches!(name, "release" | "git") { live.join("releases") } else { live.clone() };
            fs::set_permissions(&folder, Permissions::from_mode(0o555)).unwrap();
            let text = refused(&room, &component, &target, name);
            fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
            assert!(text.contains("not touched") && text.contains("ermission"), "{name}: {text}");
        }
        room.restore(&component, &target, name);
        room.verify_run(&component, name).unwrap();
    }
    // spoiled once more by every kind after it, but not by the last
    assert_eq!(fs::read_to_string(live.join("state")).unwrap(), "good");
}

#[test]
fn a_cancellation_before_the_switch_leaves_every_kind_as_it_is() {
    let room = Room::new();
    let live = room.path("live");
    for (name, component, target) in every_kind(&room) {
        spoil(&live);
        let before = copy_of(&room, &live, &format!("before-{name}"));
        let cancel = CancelFlag::new();
        cancel.cancel();
        let text = restore(&component, &target, &room.path(name), &room.vault, &cancel).unwrap_err().to_string();
        assert!(text.contains("cancelled") && text.contains("not touched"), "{name}: {text}");
        assert!(same(&before, &live), "{name}");
        assert_eq!(room.settle(&component, &room.path(name)).unwrap(), Settled::NothingBegun);
        room.restore(&component, &target, name);
    }
}

#[test]
fn an_undo_from_the_safety_snapshot_returns_the_bytes_of_every_kind() {
    let room = Room::new();
    let live = room.path("live");
    for (name, component, good) in every_kind(&room) {
        spoil(&live);
        let safety = snapshot(&room.capture(&component));
        let spoiled = copy_of(&room, &live, &format!("spoiled-{name}"));
        room.restore(&component, &good, &format!("{name}-run"));
        assert!(!same(&spoiled, &live), "{name}: nothing was restored");
        room.restore(&component, &safety, &format!("{name}-undo"));
        if name != "sqlite" {
            assert!(same(&spoiled, &live), "{name}");
        }
        let plan = room.dry_run(&component, &safety);
        assert!(plan.differences.is_empty(), "{name}: {plan:?}");
    }
}
