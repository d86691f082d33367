use std::{thread, time::Duration};

use super::Server;
use crate::{
    platform::{Adapter, Component, PostgresScope},
    recovery::{
        RecoveryError, Settled, Target, restore,
        switch::Record,
        test_restore,
        tests::{component, snapshot},
    },
    vault::CancelFlag,
};

fn logical(server: &Server, database: &str) -> Component {
    let scope = PostgresScope::Logical { database: database.to_owned() };
    component(Adapter::Postgres { server: server.settings(), scope })
}

fn names(server: &Server) -> String {
    server.ask("select string_agg(datname, ' ' order by datname) from pg_database where not datistemplate")
}

#[test]
fn one_database_comes_back_beside_others_that_stay() {
    let server = Server::start("");
    server.ask("create role clerk login");
    server.ask("create database records owner clerk");
    server.ask("create database billing");
    let at = |sql: &str| server.try_ask("records", sql).unwrap();
    at(
        "create table ward (id int primary key, name text); insert into ward select i, 'w' || i from generate_series(1, 300) i",
    );
    server.try_ask("billing", "create table bill (id int); insert into bill values (1)").unwrap();
    let component = logical(&server, "records");
    let captured = server.room.capture(&component);
    assert_eq!(captured.captured.unreadable, Vec::<String>::new());

    at("delete from ward where id > 10; create table junk (x int)");
    server.try_ask("billing", "insert into bill values (2)").unwrap();
    let plan = server.room.dry_run(&component, &snapshot(&captured));
    let shape: Vec<_> = plan.tables.iter().map(|one| (one.table.as_str(), one.before_rows, one.after_rows)).collect();
    assert_eq!(shape, [("records.public.junk", Some(0), None), ("records.public.ward", Some(10), Some(300))]);
    let vault = &server.room.vault;
    let scratch = server.room.path("scratch");
    let proof = test_restore(&component, &captured.captured.id, &scratch, vault, &CancelFlag::new()).unwrap();
    assert!(proof.detail.contains("300 rows in 1 table read"), "{}", proof.detail);

    // a client that holds on to it is sent away
    thread::scope(|scope| {
        scope.spawn(|| server.try_ask("records", "select pg_sleep(60)").unwrap_err());
        while server
            .ask("select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and datname = 'records'")
            != "1"
        {
            thread::sleep(Duration::from_millis(10));
        }
        server.room.restore(&component, &snapshot(&captured), "run");
    });
    server.room.verify(&component).unwrap();
    assert_eq!(at("select count(*) from ward"), "300");
    assert_eq!(server.try_ask("billing", "select count(*) from bill").unwrap(), "2");
    assert_eq!(names(&server), "billing postgres records");
    assert_eq!(server.ask("select pg_get_userbyid(datdba) from pg_database where datname = 'records'"), "clerk");

    server.ask("drop database records");
    assert!(server.room.capture(&component).captured.is_partial());
    server.room.restore(&component, &snapshot(&captured), "run-2");
    assert_eq!(at("select count(*) from ward"), "300");
    let time = Target::Time { at: server.now(), snapshot: captured.captured.id };
    let refused = restore(&component, &time, &server.room.path("run-3"), vault, &CancelFlag::new());
    assert!(matches!(refused, Err(RecoveryError::WrongTarget { .. })), "{refused:?}");
}

/// Sets up what a kill leaves before and after the one transaction that renames.
#[test]
fn a_kill_on_either_side_of_the_renaming_is_finished() {
    let server = Server::start("");
    server.ask("create database records");
    let at = |sql: &str| server.try_ask("records", sql).unwrap();
    at("create table ward (id int); insert into ward values (1)");
    let component = logical(&server, "records");
    let captured = server.room.capture(&component);
    at("insert into ward values (2)");
    let id = &captured.captured.id[..8];
    let record = Record {
        component: component.name.clone(),
        target: snapshot(&captured),
        previous: None,
        moves: Vec::new(),
        link: None,
        done: false,
        withdrawn: false,
    };
    for renamed in [false, true] {
        let run = server.room.path(&format!("run-{renamed}"));
        record.write(&run).unwrap();
        server.ask(&format!("create database records_codeblue_new_{id} template records"));
        if renamed {
            server.ask(&format!("alter database records rename to records_codeblue_old_{id}"));
            server.ask(&format!("alter database records_codeblue_new_{id} rename to records"));
        }
        let work = run.as_path();
        assert_eq!(server.room.settle(&component, work).unwrap(), Settled::Finished(snapshot(&captured)));
        assert_eq!(names(&server), "postgres records");
        assert_eq!(server.room.settle(&component, work).unwrap(), Settled::AlreadyDone(snapshot(&captured)));
    }
    // before the record is written there is only litter
    server.ask(&format!("create database records_codeblue_new_{id}"));
    assert_eq!(server.room.settle(&component, &server.room.path("run-none")).unwrap(), Settled::NothingBegun);
    assert_eq!(names(&server), "postgres records");
}
