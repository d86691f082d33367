use std::{cell::Cell, collections::BTreeMap, fs};

use proptest::{prelude::*, test_runner::TestRunner};

use super::{Room, component, copy_of, kill::Kills, same, snapshot};
use crate::{
    platform::{Adapter, Component},
    recovery::{RecoveryError, capture, restore, test_restore},
    vault::CancelFlag,
};

const GOOD: &str = r#"{"search": {"enabled": true, "limit": 20}, "beta": false, "old": "x", "empty": {}}"#;

fn room_with_flags(name: &str, text: &str) -> (Room, Component) {
    let room = Room::new();
    fs::create_dir(room.path("etc")).unwrap();
    let path = room.path("etc").join(name);
    fs::write(&path, text).unwrap();
    (room, component(Adapter::Flags { path }))
}

#[test]
fn a_dry_run_says_flag_by_flag_what_a_restore_then_does() {
    let (room, component) = room_with_flags("flags.json", GOOD);
    let model = copy_of(&room, &room.path("etc"), "model");
    let target = snapshot(&room.capture(&component));
    fs::write(room.path("etc/flags.json"), r#"{"search": {"enabled": false, "limit": 20}, "beta": false, "new": 3}"#)
        .unwrap();
    let plan = room.dry_run(&component, &target);
    assert_eq!(
        plan.inside,
        [
            "flag empty: not there -> {}",
            "flag new: 3 -> not there",
            "flag old: not there -> \"x\"",
            "flag search.enabled: off -> on"
        ]
    );
    assert_eq!(plan.differences.len(), 1);
    room.restore(&component, &target, "run");
    room.verify_run(&component, "run").unwrap();
    assert!(same(&model, &room.path("etc")));
    assert_eq!(room.dry_run(&component, &target).inside, Vec::<String>::new());
}

#[test]
fn toml_is_read_too() {
    let (room, component) = room_with_flags("flags.toml", "beta = true\n[search]\nenabled = true\n");
    let captured = room.capture(&component);
    fs::write(room.path("etc/flags.toml"), "beta = true\nsearch.enabled = false\n").unwrap();
    assert_eq!(room.dry_run(&component, &snapshot(&captured)).inside, ["flag search.enabled: off -> on"]);
    let scratch = room.path("scratch");
    let proof = test_restore(&component, &captured.captured.id, &scratch, &room.vault, &CancelFlag::new()).unwrap();
    assert_eq!(proof.detail, "the file parses and holds 2 flags");
}

#[test]
fn what_does_not_parse_is_evidence_and_never_goes_live() {
    let (room, component) = room_with_flags("flags.json", "{\"beta\": tru");
    let found = room.verify_run(&component, "run").unwrap_err();
    assert!(matches!(found, RecoveryError::BadFlags { .. }), "{found}");
    let cancel = CancelFlag::new();
    let taken = capture(&component, &room.vault, &room.path("staging"), &[], super::now(), &cancel).unwrap();
    assert!(taken.captured.is_partial());

    fs::write(room.path("etc/flags.json"), GOOD).unwrap();
    let good = room.capture(&component);
    let refused = restore(&component, &snapshot(&taken), &room.path("run"), &room.vault, &cancel).unwrap_err();
    assert!(refused.blames_snapshot() && refused.to_string().contains("not touched"), "{refused}");
    assert_eq!(fs::read_to_string(room.path("etc/flags.json")).unwrap(), GOOD);
    room.restore(&component, &snapshot(&good), "run");
    assert!(room.litter(&room.path("etc")).is_empty());

    fs::write(room.path("etc/flags.json"), "broken").unwrap();
    let plan = room.dry_run(&component, &snapshot(&good));
    assert!(plan.inside[0].contains("what is live cannot be read as flags"), "{:?}", plan.inside);
    room.restore(&component, &snapshot(&good), "run-2");
    assert_eq!(fs::read_to_string(room.path("etc/flags.json")).unwrap(), GOOD);
}

#[test]
fn a_kill_at_any_moment_leaves_a_whole_file() {
    let (room, component) = room_with_flags("flags.json", GOOD);
    let model = copy_of(&room, &room.path("etc"), "model");
    let target = snapshot(&room.capture(&component));
    let live = room.path("etc");
    let parts = ["flags.json"];
    Kills {
        room: &room,
        component: &component,
        target,
        live: live.clone(),
        parts: &parts,
        model,
        at_once: true,
        rounds: 16,
    }
    .run(|| fs::write(live.join("flags.json"), "{}").unwrap());
}

#[test]
fn the_flags_that_are_named_are_those_that_change() {
    let (room, component) = room_with_flags("flags.json", "{}");
    let cases = Cell::new(0);
    let flags = || prop::collection::btree_map("[a-d]", any::<bool>(), 0..4);
    let config = ProptestConfig { cases: 12, ..ProptestConfig::default() };
    let judge = |(before, after): (BTreeMap<String, bool>, BTreeMap<String, bool>)| {
        let case = cases.replace(cases.get() + 1);
        let write = |flags: &BTreeMap<String, bool>| {
            fs::write(room.path("etc/flags.json"), serde_json::to_string(flags).unwrap()).unwrap();
        };
        write(&after);
        let target = snapshot(&room.capture(&component));
        write(&before);
        let planned = room.dry_run(&component, &target);
        let mut names: Vec<&String> =
            before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name)).collect();
        names.sort();
        names.dedup();
        let told = planned.inside.iter().filter_map(|line| line.strip_prefix("flag ")?.split(':').next());
        prop_assert_eq!(told.collect::<Vec<_>>(), names);
        prop_assert_eq!(planned.differences.is_empty(), before == after);
        room.restore(&component, &target, &format!("run-{case}"));
        let now: BTreeMap<String, bool> =
            serde_json::from_slice(&fs::read(room.path("etc/flags.json")).unwrap()).unwrap();
        prop_assert_eq!(now, after);
        Ok(())
    };
    TestRunner::new(config).run(&(flags(), flags()), judge).unwrap();
}
