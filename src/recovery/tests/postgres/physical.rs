use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{Server, text};
use crate::{
    platform::{Adapter, Component, PostgresScope},
    recovery::{RecoveryError, Target, restore, test_restore, tests::snapshot},
    vault::CancelFlag,
};

fn with_orders(component: &Component, start: &[&str], stop: &[&str]) -> Component {
    let mut component = component.clone();
    if let Adapter::Postgres { scope: PostgresScope::Physical { start: starts, stop: stops, .. }, .. } =
        &mut component.adapter
    {
        *starts = Some(start.iter().map(|&word| word.to_owned()).collect());
        *stops = Some(stop.iter().map(|&word| word.to_owned()).collect());
    }
    component
}

#[test]
fn a_server_comes_back_as_it_was_and_is_proved_before() {
    let server = Server::start("");
    let component = server.physical(false);
    server.ask("create table ward (id int primary key, name text); insert into ward select i, 'w' || i from generate_series(1, 500) i");
    server.ask("create database archive");
    server.try_ask("archive", "create table chart (id int); insert into chart select generate_series(1, 40)").unwrap();
    let captured = server.room.capture(&component);
    assert_eq!(captured.captured.unreadable, Vec::<String>::new());
    assert!(server.litter().is_empty(), "a copy of the data was left behind");

    server.ask("delete from ward where id > 100; create table junk (x int)");
    server.try_ask("archive", "alter table chart add note text").unwrap();
    let plan = server.room.dry_run(&component, &snapshot(&captured));
    let shape: Vec<_> = plan
        .tables
        .iter()
        .map(|one| (one.table.as_str(), one.before_rows, one.after_rows, one.schema_changed))
        .collect();
    assert_eq!(
        shape,
        [
            ("archive.public.chart", Some(40), Some(40), true),
            ("postgres.public.junk", Some(0), None, true),
            ("postgres.public.ward", Some(100), Some(500), false),
        ]
    );
    assert_eq!(server.ask("select count(*) from ward"), "100");

    let proof = test_restore(
        &component,
        &captured.captured.id,
        &server.room.path("scratch"),
        &server.room.vault,
        &CancelFlag::new(),
    )
    .unwrap();
    assert_eq!(
        proof.detail,
        "the server recovers, 2 databases answer, 540 rows in 2 tables read, indexes checked in 2"
    );
    assert!(server.litter().is_empty());

    let restored = server.room.restore(&component, &snapshot(&captured), "run");
    assert!(restored.files > 500 && !restored.resumed);
    server.room.verify(&component).unwrap();
    assert_eq!(server.ask("select count(*) from ward"), "500");
    assert_eq!(server.try_ask("archive", "select count(*) from chart").unwrap(), "40");
    assert!(server.try_ask("postgres", "select * from junk").unwrap_err().contains("does not exist"));
    server.ask("insert into ward values (1000, 'new')");
    assert!(server.room.dry_run(&component, &snapshot(&captured)).tables.len() == 1);
    assert!(server.room.restore(&component, &snapshot(&captured), "run").resumed);
    assert_eq!(server.ask("select count(*) from ward"), "501", "a run that is done changed something");
    assert!(server.litter().is_empty());
}

#[test]
fn commits_go_on_during_a_base_backup_and_what_it_holds_is_consistent() {
    let server = Server::start("synchronous_commit = on");
    let component = server.physical(false);
    server.ask("create table account (id int primary key, amount int); insert into account values (1, 500), (2, 500); create table note (n serial)");
    let stop = AtomicBool::new(false);
    let (captured, commits) = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut commits = 0;
            while !stop.load(Ordering::SeqCst) {
                server.ask("begin; update account set amount = amount - 1 where id = 1; update account set amount = amount + 1 where id = 2; insert into note default values; commit");
                commits += 1;
            }
            commits
        });
        let captured = server.room.capture(&component);
        stop.store(true, Ordering::SeqCst);
        (captured, writer.join().unwrap())
    });
    assert!(commits > 3, "{commits} commits while a snapshot was taken");
    eprintln!("{commits} commits, each with a client of its own, while a snapshot was taken");
    server.room.restore(&component, &snapshot(&captured), "run");
    assert_eq!(server.ask("select sum(amount) from account"), "1000");
    assert_eq!(server.ask("select amount - 500 = (select count(*) from note) from account where id = 2"), "t");
}

#[test]
fn a_server_that_is_down_or_gone_comes_back() {
    let server = Server::start("");
    let component = server.physical(false);
    server.ask("create table ward (id int); insert into ward select generate_series(1, 50)");
    let good = server.room.capture(&component);
    server.ask("insert into ward select generate_series(51, 60)");
    server.kill();
    // the files of a server that does not run are a whole snapshot, from which it recovers as after a power cut
    let cold = server.room.capture(&component);
    assert_eq!(cold.captured.unreadable, Vec::<String>::new());
    fs::remove_dir_all(server.data()).unwrap();
    let evidence = server.room.capture(&component);
    assert!(evidence.captured.is_partial());
    server.room.restore(&component, &snapshot(&cold), "run-1");
    assert_eq!(server.ask("select count(*) from ward"), "60");

    server.kill();
    fs::write(server.data().join("global/pg_control"), "spoiled").unwrap();
    assert!(server.room.verify(&component).is_err());
    server.room.restore(&component, &snapshot(&good), "run-2");
    server.room.verify(&component).unwrap();
    assert_eq!(server.ask("select count(*) from ward"), "50");
    assert!(server.litter().is_empty());
}

#[test]
fn what_cannot_go_into_service_is_taken_back() {
    let server = Server::start("");
    server.ask("create table ward (id int); insert into ward values (1)");
    let component = server.physical(false);
    let captured = server.room.capture(&component);
    server.ask("insert into ward values (2)");
    let (data, log) = (server.data(), server.room.path("pg/server.log"));
    let refuses = ["false"];
    let run = server.room.path("run");

    // it cannot be stopped
    let stubborn = with_orders(&component, &refuses, &refuses);
    let refused = restore(&stubborn, &snapshot(&captured), &run, &server.room.vault, &CancelFlag::new());
    assert!(matches!(refused, Err(RecoveryError::Reload { .. })), "{refused:?}");
    assert_eq!(server.ask("select count(*) from ward"), "2");

    // it starts with the old state only: its configuration is what the snapshot lacks
    let script = server.room.path("pg/start");
    let identity = server
        .user
        .map_or_else(String::new, |(uid, gid)| format!("setpriv --reuid={uid} --regid={gid} --clear-groups "));
    let body = format!(
        "#!/bin/sh\n[ -e {0}/needed ] && exec {identity}{1} start -D {0} -l {2} -w -s\nexit 1\n",
        text(&data),
        text(&server.bin.join("pg_ctl")),
        text(&log)
    );
    fs::write(&script, body).unwrap();
    fs::write(data.join("needed"), "").unwrap();
    let stop = server.room.path("pg/stop");
    let pid = "$(head -1 \"$1/postmaster.pid\")";
    fs::write(&stop, format!("#!/bin/sh\nkill -INT {pid}\n")).unwrap();
    let peculiar = with_orders(&component, &["sh", text(&script)], &["sh", text(&stop), text(&data)]);
    let refused = restore(&peculiar, &snapshot(&captured), &run, &server.room.vault, &CancelFlag::new());
    assert!(matches!(refused, Err(RecoveryError::Withdrawn { .. })), "{refused:?}");
    assert_eq!(server.ask("select count(*) from ward"), "2");
    // the same run may try again
    let again = server.room.restore(&component, &snapshot(&captured), "run");
    assert!(!again.resumed);
    assert_eq!(server.ask("select count(*) from ward"), "1");
    assert!(server.litter().is_empty());
}

#[test]
fn what_cannot_be_done_is_refused_at_once() {
    let server = Server::start("");
    server.ask("create table ward (id int)");
    let component = server.physical(false);
    let captured = server.room.capture(&component);
    let refuse = |component: &Component, target: &Target| {
        let begun = Instant::now();
        let refused = restore(component, target, &server.room.path("run"), &server.room.vault, &CancelFlag::new());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        refused.unwrap_err().to_string()
    };
    let id = captured.captured.id.clone();
    let time = Target::Time { at: server.now(), snapshot: id };
    assert!(refuse(&component, &time).contains("its log is not received"));
    assert!(refuse(&component, &Target::Snapshot("0".repeat(64))).contains("what is live was not touched"));
    assert!(refuse(&component, &Target::Release("v1".to_owned())).contains("cannot be restored to release v1"));
    let mut elsewhere = component;
    if let Adapter::Postgres { scope: PostgresScope::Physical { data, .. }, .. } = &mut elsewhere.adapter {
        *data = "/dev/shm/not-there/main".into();
    }
    assert!(refuse(&elsewhere, &snapshot(&captured)).contains("/dev/shm/not-there"));
    assert_eq!(server.ask("select count(*) from ward"), "0");
}
