//! A process that takes a snapshot is killed at any moment.

use std::{fs, path::PathBuf, process::Command};

use super::{victim::Victim, *};

/// Not a test of its own: what `a_capture_killed…` runs in another process and kills.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os("CODEBLUE_TEST_KILL").map(PathBuf::from) else { return };
    let vault = Vault::open_or_init(&dir.join("vault"), &dir.join("keys")).unwrap();
    println!("ready");
    vault.capture(Source::new([dir.join("live")]).unwrap(), &[], now(), &CancelFlag::new()).unwrap();
}

#[test]
fn a_capture_killed_at_any_moment_harms_no_snapshot_and_leaves_none_that_lies() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let first = room.capture(std::slice::from_ref(&live));
    let model = room.path("model");
    assert!(Command::new("cp").arg("-a").arg(&live).arg(&model).status().unwrap().success());
    let mut finished = 0;
    let mut victim = Victim::of("vault::tests::kill::child_that_is_killed");
    for round in 0..20_u32 {
        let noise = |n: u32| (u64::from(n) << 32 | u64::from(round)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let fresh: Vec<u8> = (0..20_000).flat_map(|n| noise(n).to_le_bytes()).collect();
        fs::write(live.join(format!("fresh-{round}")), fresh).unwrap();
        victim.run(&[("CODEBLUE_TEST_KILL", room.dir.path().as_os_str())], f64::from(round) / 9.0);
        let listing = room.vault.list().unwrap();
        assert_eq!(listing.unreadable, Vec::<String>::new());
        finished = listing.snapshots.len() - 1;
    }
    eprintln!("captures that ended before their kill: {finished} of 20");
    for snapshot in room.vault.list().unwrap().snapshots {
        assert!(!snapshot.partial);
        assert_eq!(room.vault.verify(&snapshot.id, &CancelFlag::new()).unwrap(), Vec::new());
    }
    room.vault.prune(&CancelFlag::new()).unwrap();
    let report = room.vault.check(true).unwrap();
    assert!(report.is_intact(), "{:?}", report.problems);
    let dest = room.path("restored");
    assert!(room.vault.stage(&first.id, &live, &dest, &CancelFlag::new()).unwrap().is_whole());
    assert_same(&model, &dest);
    assert!(walk(&room.path("vault")).iter().all(|path| path.extension().is_none_or(|ending| ending != "tmp")));
}
