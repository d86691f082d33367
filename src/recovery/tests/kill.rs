use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::{Room, component, copy_of, plant, same, snapshot, spoil};
use crate::{
    platform::{Adapter, Component},
    recovery::{
        Settled, Target, restore,
        switch::{Move, Record, staging_path},
    },
    vault::{CancelFlag, Vault, tests::victim::Victim},
};

/// Not a test of its own: what `Kills` runs in another process and kills.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os("CODEBLUE_TEST_KILL").map(PathBuf::from) else { return };
    let vault = Vault::open_or_init(&dir.join("vault"), &dir.join("keys")).unwrap();
    let (component, target): (Component, Target) =
        serde_json::from_slice(&fs::read(dir.join("kill.json")).unwrap()).unwrap();
    println!("ready");
    let work = dir.join(std::env::var("CODEBLUE_TEST_RUN").unwrap());
    restore(&component, &target, &work, &vault, &CancelFlag::new()).unwrap();
}

/// Restores of one component to one target, each in a process that is killed a little later than the one before.
pub(super) struct Kills<'a> {
    pub(super) room: &'a Room,
    pub(super) component: &'a Component,
    pub(super) target: Target,
    /// The folder that holds what is live, and in it each thing that is switched as one.
    pub(super) live: PathBuf,
    pub(super) parts: &'a [&'a str],
    /// What `live` is after a restore.
    pub(super) model: PathBuf,
    /// Each part is the old or the new one at any moment.
    pub(super) at_once: bool,
    pub(super) rounds: u32,
}

impl Kills<'_> {
    pub(super) fn run(&self, spoil: impl Fn()) {
        let Self { room, component, live, .. } = self;
        fs::write(room.path("kill.json"), serde_json::to_vec(&(component, &self.target)).unwrap()).unwrap();
        let all_same =
            |one: &Path, other: &Path| self.parts.iter().all(|part| same(&one.join(part), &other.join(part)));
        let (mut untouched, mut begun) = (0, 0);
        let mut victim = Victim::of("recovery::tests::kill::child_that_is_killed");
        for round in 0..self.rounds {
            spoil();
            let spoiled = room.path("spoiled");
            let _ = fs::remove_dir_all(&spoiled);
            copy_of(room, live, "spoiled");
            let run = format!("kill-{round}");
            let environment =
                [("CODEBLUE_TEST_KILL", room.dir.path().as_os_str()), ("CODEBLUE_TEST_RUN", OsStr::new(&run))];
            victim.run(&environment, f64::from(round) / f64::from(self.rounds - 2));

            for part in self.parts.iter().filter(|_| self.at_once) {
                let now = live.join(part);
                assert!(
                    same(&self.model.join(part), &now) || same(&spoiled.join(part), &now),
                    "round {round}: {part} is half"
                );
            }
            match room.settle(component, &room.path(&run)).unwrap() {
                Settled::NothingBegun => {
                    untouched += 1;
                    assert!(all_same(&spoiled, live), "round {round}");
                }
                Settled::Finished(_) | Settled::AlreadyDone(_) => begun += 1,
            }
            room.restore(component, &self.target, &run);
            room.verify_run(component, &run).unwrap();
            assert!(all_same(&self.model, live), "round {round}");
            assert!(room.litter(live).is_empty(), "round {round}");
        }
        eprintln!("killed before the switch: {untouched}, in or after it: {begun}");
        assert!(begun > 0);
    }
}

#[test]
fn a_kill_at_any_moment_leaves_old_or_new_and_the_next_call_ends_it() {
    let room = Room::new();
    let (a, b) = (room.path("live/a"), room.path("live/b"));
    plant(&a);
    plant(&b);
    let model = copy_of(&room, &room.path("live"), "model");
    let component = component(Adapter::Files { paths: vec![a.clone(), b.clone()] });
    let target = snapshot(&room.capture(&component));
    let live = room.path("live");
    Kills { room: &room, component: &component, target, live, parts: &["a", "b"], model, at_once: true, rounds: 24 }
        .run(|| {
            for root in [&a, &b] {
                let _ = fs::write(root.join("link"), "");
                spoil(root);
            }
        });
}

/// Sets up what a kill after the n-th rename leaves, on a file system that cannot exchange.
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
            let staged = staging_path(live, id);
            room.vault.stage(id, live, &staged, &CancelFlag::new()).unwrap();
            moves.push((live, staged.clone(), Move::new(live.clone(), staged, Vec::new()).unwrap()));
        }
        let record = Record {
            component: component.name.clone(),
            target: snapshot(&captured),
            previous: None,
            moves: moves.iter().map(|(_, _, step)| step.clone()).collect(),
            link: None,
            done: false,
            withdrawn: false,
        };
        let work = room.path("run");
        fs::create_dir(&work).unwrap();
        fs::write(work.join("records.restore.json"), serde_json::to_vec(&record).unwrap()).unwrap();
        for (live, staged, _) in &moves[..made] {
            let aside = staged.with_extension("old");
            fs::rename(live, &aside).unwrap();
            fs::rename(staged, live).unwrap();
        }
        assert_eq!(room.settle(&component, &work).unwrap(), Settled::Finished(snapshot(&captured)));
        assert!(same(&model, &room.path("live")), "after {made} renames");
        assert!(room.litter(&room.path("live")).is_empty());
        assert_eq!(room.settle(&component, &work).unwrap(), Settled::AlreadyDone(snapshot(&captured)));
    }
}
