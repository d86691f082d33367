use std::fs;

use super::{Room, component, copy_of, plant, same, snapshot, spoil};
use crate::{
    platform::Adapter,
    recovery::{RecoveryError, Settled, Target, releases, restore},
    vault::{CancelFlag, difference_of_trees},
};

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
    room.verify(&component).unwrap();
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
    assert!(matches!(room.verify(&component), Err(RecoveryError::Missing { .. })));
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
    assert_eq!(room.settle(&component, &room.path("run")).unwrap(), Settled::NothingBegun);
    assert!(room.litter(&room.path("live")).is_empty());
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

#[test]
fn a_files_component_has_no_releases() {
    let room = Room::new();
    let component = component(Adapter::Files { paths: vec![room.path("x")] });
    let target = Target::Release("v1".to_owned());
    let refused = restore(&component, &target, &room.path("run"), &room.vault, &CancelFlag::new());
    assert!(matches!(refused, Err(RecoveryError::WrongTarget { .. })));
    assert!(releases(&component).unwrap().is_empty());
}
