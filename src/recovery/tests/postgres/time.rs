use std::{
    fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::Server;
use crate::{
    platform::Component,
    recovery::{ComponentCapture, Following, RecoveryError, Target, follow, restore, tests::snapshot},
    vault::CancelFlag,
};

/// The receiver as the engine runs it: called again after each failure, until it is dropped.
struct Receiving {
    cancel: CancelFlag,
    heard: Mutex<Vec<Following>>,
}

impl Receiving {
    fn during<T>(component: &Component, work: impl FnOnce(&Self) -> T) -> T {
        let receiving = Self { cancel: CancelFlag::new(), heard: Mutex::default() };
        thread::scope(|scope| {
            scope.spawn(|| {
                while !receiving.cancel.is_cancelled() {
                    let mut report = |now| receiving.heard.lock().unwrap().push(now);
                    if follow(component, &mut report, &receiving.cancel).is_err() {
                        thread::sleep(Duration::from_millis(100));
                    }
                }
            });
            // a failed assertion must not leave the other thread waiting
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&receiving)));
            receiving.cancel.cancel();
            done.unwrap_or_else(|cause| std::panic::resume_unwind(cause))
        })
    }

    fn until_connected(&self, server: &Server) {
        let begun = Instant::now();
        let active = "select exists (select 1 from pg_stat_replication where application_name = 'codeblue' and state = 'streaming')";
        while server.try_ask("postgres", active) != Ok("t".to_owned()) {
            assert!(begun.elapsed() < Duration::from_secs(20), "the receiver does not connect");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// A receiver that begins at a gap connects, is sent away and begins anew behind it.
    fn until_received(&self, at: DateTime<Utc>) {
        let begun = Instant::now();
        while !self.heard.lock().unwrap().iter().any(|now| now.covered_to.is_some_and(|covered| covered >= at)) {
            assert!(begun.elapsed() < Duration::from_secs(40), "the log is not received");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn time(captured: &ComponentCapture, at: DateTime<Utc>) -> Target {
    Target::Time { at, snapshot: captured.captured.id.clone() }
}

fn refused(server: &Server, component: &Component, target: &Target) -> String {
    let begun = Instant::now();
    let refused = restore(component, target, &server.room.path("refused"), &server.room.vault, &CancelFlag::new());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(matches!(refused, Err(RecoveryError::NotCovered { .. })), "{refused:?}");
    refused.unwrap_err().to_string()
}

#[test]
fn a_dropped_table_is_back_with_every_write_until_then_and_none_after() {
    let server = Server::start("max_slot_wal_keep_size = 256MB");
    let component = server.physical(true);
    server.ask("create table note (n int primary key)");
    Receiving::during(&component, |receiving| {
        receiving.until_connected(&server);
        let captured = server.room.capture(&component);
        let early = refused(&server, &component, &time(&captured, server.now() - TimeDelta::hours(1)));
        assert!(early.contains("the snapshot was complete at"), "{early}");
        let late = refused(&server, &component, &time(&captured, server.now() + TimeDelta::hours(1)));
        assert!(late.contains("by the server's clock it is"), "{late}");

        for n in 0..20 {
            server.ask(&format!("insert into note values ({n})"));
        }
        let before = server.now();
        thread::sleep(Duration::from_millis(20));
        server.ask("drop table note; create table other (x int)");
        // nothing is written any more: the target is reached all the same
        let plan = server.room.dry_run(&component, &time(&captured, before));
        let shape: Vec<_> =
            plan.tables.iter().map(|one| (one.table.as_str(), one.before_rows, one.after_rows)).collect();
        assert_eq!(shape, [("postgres.public.note", None, Some(20)), ("postgres.public.other", Some(0), None)]);

        let begun = Instant::now();
        server.room.restore(&component, &time(&captured, before), "run-1");
        eprintln!("restored to a time in {:?}", begun.elapsed());
        assert_eq!(server.ask("select count(*), min(n), max(n) from note"), "20|0|19");
        assert!(server.try_ask("postgres", "select * from other").is_err());

        // and on the timeline that began with this restore, from the same snapshot, across the branch
        receiving.until_connected(&server);
        server.ask("insert into note select generate_series(100, 109)");
        let second = server.now();
        thread::sleep(Duration::from_millis(20));
        server.ask("delete from note");
        server.room.restore(&component, &time(&captured, second), "run-2");
        assert_eq!(server.ask("select count(*), max(n) from note"), "30|109");

        // a time that was lived on the first timeline is still there
        receiving.until_connected(&server);
        let earlier = server.room.dry_run(&component, &time(&captured, before));
        assert_eq!((earlier.tables[0].before_rows, earlier.tables[0].after_rows), (Some(30), Some(20)));

        // a snapshot of the new timeline lets go of the log of the old ones once it is the only one left
        let newer = server.room.capture(&component);
        server.room.vault.forget(std::slice::from_ref(&captured.captured.id)).unwrap();
        server.room.capture(&component);
        let place = server.room.path("pg/received");
        let system = fs::read_dir(&place).unwrap().next().unwrap().unwrap().path();
        let mut left: Vec<_> =
            fs::read_dir(&system).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.retain(|name| name != "receiver.log");
        left.sort();
        assert_eq!(left, ["00000003"]);
        server.ask("insert into note values (500)");
        let third = server.now();
        server.ask("drop table note");
        server.room.restore(&component, &time(&newer, third), "run-3");
        assert_eq!(server.ask("select count(*), max(n) from note"), "31|500");
        assert!(!receiving.heard.lock().unwrap().is_empty(), "nobody was told how far behind the log is");
    });
    assert!(server.litter().is_empty());
}

#[test]
fn each_restore_begins_a_timeline_of_its_own() {
    let server = Server::start("");
    let component = server.physical(true);
    server.ask("create table note (n int)");
    Receiving::during(&component, |receiving| {
        receiving.until_connected(&server);
        let captured = server.room.capture(&component);
        for n in 1..=2 {
            server.room.restore(&component, &snapshot(&captured), &format!("run-{n}"));
            receiving.until_connected(&server);
            server.ask(&format!("insert into note values ({n})"));
            let live = "select timeline_id from pg_control_checkpoint()";
            assert_eq!(server.ask(live), (n + 1).to_string());
        }
        let now = server.now();
        server.ask("drop table note");
        server.room.restore(&component, &time(&captured, now), "run-3");
        assert_eq!(server.ask("select string_agg(n::text, ' ') from note"), "2");
    });
}

#[test]
fn a_server_killed_while_it_commits_loses_nothing_it_had_acknowledged() {
    let server = Server::start("synchronous_standby_names = 'codeblue'");
    let component = server.physical(true);
    server.ask("set synchronous_commit = local; create table note (n int primary key)");
    Receiving::during(&component, |receiving| {
        receiving.until_connected(&server);
        let captured = server.room.capture(&component);
        let (acknowledged, killed) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        thread::scope(|scope| {
            for writer in 0..4 {
                let (server, acknowledged, killed) = (&server, &acknowledged, &killed);
                scope.spawn(move || {
                    for n in (writer..).step_by(4) {
                        match server.try_ask("postgres", &format!("insert into note values ({n})")) {
                            Ok(_) => acknowledged.lock().unwrap().push(n),
                            Err(error) => {
                                assert!(killed.load(Ordering::SeqCst), "{error}");
                                return;
                            }
                        }
                    }
                });
            }
            while acknowledged.lock().unwrap().len() < 60 {
                thread::yield_now();
            }
            killed.store(true, Ordering::SeqCst);
            server.kill();
        });
        let acknowledged: Vec<i32> = acknowledged.into_inner().unwrap();
        // the disk is gone with it
        fs::remove_dir_all(server.data()).unwrap();
        let said = refused(&server, &component, &time(&captured, server_less_now()));
        let to = said.split(" to ").nth(2).and_then(|rest| rest.split(" can be").next()).unwrap();
        let to: DateTime<Utc> = to.parse().unwrap();
        server.room.restore(&component, &time(&captured, to), "run");
        for n in &acknowledged {
            assert_eq!(
                server.ask(&format!("select count(*) from note where n = {n}")),
                "1",
                "{n} was acknowledged and is lost"
            );
        }
        eprintln!("{} commits were acknowledged, 0 are lost", acknowledged.len());
    });
}

/// After the server is gone nobody can be asked for its clock, which is that of this host.
fn server_less_now() -> DateTime<Utc> {
    Utc::now()
}

#[test]
fn a_gap_in_the_log_is_told_and_what_comes_after_it_is_covered() {
    let server =
        Server::start("max_slot_wal_keep_size = 1MB\nmin_wal_size = 32MB\nmax_wal_size = 32MB\nwal_keep_size = 0");
    let component = server.physical(true);
    server.ask("create table note (n int)");
    let first = Receiving::during(&component, |receiving| {
        receiving.until_connected(&server);
        server.room.capture(&component)
    });
    for _ in 0..4 {
        server.ask("insert into note values (1); select pg_switch_wal()");
        server.ask("checkpoint");
    }
    // A server that keeps so little would leave gaps in what comes now, too.
    server.ask("alter system set max_slot_wal_keep_size = -1");
    server.ask("select pg_reload_conf()");
    Receiving::during(&component, |receiving| {
        let now = server.now();
        receiving.until_received(now);
        server.ask("insert into note values (2)");
        let said = refused(&server, &component, &time(&first, now));
        assert!(said.contains("every time from") || said.contains("was not received"), "{said}");
        let second = server.room.capture(&component);
        server.ask("insert into note values (3)");
        let now = server.now();
        server.ask("delete from note");
        receiving.until_received(now);
        server.room.restore(&component, &time(&second, now), "run");
        assert_eq!(server.ask("select count(*) from note"), "6");
    });
}
