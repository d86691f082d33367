use std::{
    fs,
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

use super::{Room, component, copy_of, same, snapshot};
use crate::{
    platform::{Adapter, Component},
    recovery::{RecoveryError, Target, observe, releases, restore},
    vault::{CancelFlag, DifferenceKind},
};

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
    room.verify(&component).unwrap();
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
