use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Server, text};
use crate::{
    platform::Component,
    recovery::{
        Settled, Target, restore,
        switch::{Move, Record, staging_path},
        tests::snapshot,
    },
    vault::{CancelFlag, Vault, tests::victim::Victim},
};

/// Not a test of its own: what `a_kill_at_any_moment…` runs in another process and kills.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os("CODEBLUE_TEST_POSTGRES").map(PathBuf::from) else { return };
    let vault = Vault::open_or_init(&dir.join("vault"), &dir.join("keys")).unwrap();
    let component: Component = serde_json::from_slice(&fs::read(dir.join("component")).unwrap()).unwrap();
    let id = fs::read_to_string(dir.join("id")).unwrap();
    println!("ready");
    let work = dir.join(std::env::var("CODEBLUE_TEST_RUN").unwrap());
    restore(&component, &Target::Snapshot(id), &work, &vault, &CancelFlag::new()).unwrap();
}

#[test]
fn a_kill_at_any_moment_leaves_old_or_new_and_the_next_call_ends_it() {
    let server = Server::start("");
    let component = server.physical(false);
    server.ask("create table ward (id int); insert into ward values (1)");
    let captured = server.room.capture(&component);
    fs::write(server.room.path("id"), &captured.captured.id).unwrap();
    fs::write(server.room.path("component"), serde_json::to_vec(&component).unwrap()).unwrap();
    let (mut untouched, mut begun) = (0, 0);
    let mut victim = Victim::of("recovery::tests::postgres::kill::child_that_is_killed");
    for round in 0..6_u32 {
        server.ask("delete from ward where id = 2; insert into ward values (2)");
        let run = format!("run-{round}");
        let environment =
            [("CODEBLUE_TEST_POSTGRES", server.room.dir.path().as_os_str()), ("CODEBLUE_TEST_RUN", OsStr::new(&run))];
        victim.run(&environment, f64::from(round) / 6.0);
        match server.room.settle(&component, &server.room.path(&run)).unwrap() {
            Settled::NothingBegun => {
                untouched += 1;
                assert_eq!(server.ask("select count(*) from ward"), "2", "round {round}");
            }
            Settled::Finished(_) | Settled::AlreadyDone(_) => {
                begun += 1;
                assert_eq!(server.ask("select count(*) from ward"), "1", "round {round}");
            }
        }
        assert!(server.litter().is_empty(), "round {round}: {:?}", server.litter());
    }
    eprintln!("killed before the switch: {untouched}, in or after it: {begun}");
}

/// Sets up what a kill after each step of the switch leaves.
#[test]
fn every_step_of_the_switch_can_be_the_last_before_a_kill() {
    let server = Server::start("");
    let component = server.physical(false);
    server.ask("create table ward (id int)");
    let captured = server.room.capture(&component);
    let (live, staged) = (server.data(), staging_path(&server.data(), &captured.captured.id));
    let copy =
        |from: &Path, to: &Path| assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    let stop = || server.run("pg_ctl", &["stop", "-m", "fast", "-w", "-s", "-D", text(&live)]);
    for step in ["recorded", "stopped", "exchanged", "started", "withdrawn"] {
        // the new state is the old one with a row of its own
        stop();
        copy(&live, &staged);
        server.up();
        server.ask(&format!("create table old_{step} ()"));
        let record = Record {
            component: component.name.clone(),
            target: snapshot(&captured),
            previous: None,
            moves: vec![Move::new(live.clone(), staged.clone(), Vec::new()).unwrap()],
            link: None,
            done: false,
            withdrawn: false,
        };
        let work = server.room.path(&format!("run-{step}"));
        record.write(&work).unwrap();
        let has_old = || server.ask(&format!("select to_regclass('old_{step}') is not null"));
        if step != "recorded" {
            stop();
        }
        if !["recorded", "stopped"].contains(&step) {
            record.switch().unwrap();
        }
        if step == "started" {
            server.up();
        }
        if step == "withdrawn" {
            record.reversed().unwrap().write(&work).unwrap();
            let told = server.room.settle(&component, &work).unwrap_err().to_string();
            assert!(told.contains("what was live before is live again"), "{told}");
            assert_eq!(has_old(), "t");
            assert_eq!(server.room.settle(&component, &work).unwrap(), Settled::NothingBegun);
        } else {
            assert_eq!(
                server.room.settle(&component, &work).unwrap(),
                Settled::Finished(snapshot(&captured)),
                "{step}"
            );
            assert_eq!(has_old(), "f", "{step}");
        }
        assert!(server.litter().is_empty(), "{step}");
    }
}
