use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use rusqlite::Connection;

use super::{Room, component, snapshot};
use crate::{
    platform::{Adapter, Component},
    recovery::{RecoveryError, restore},
    vault::{CancelFlag, DifferenceKind},
};

fn ledger(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = wal;
             CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
             CREATE TABLE IF NOT EXISTS note (text TEXT);
             INSERT OR IGNORE INTO account VALUES (1, 500), (2, 500);",
        )
        .unwrap();
    connection
}

fn sqlite(path: &Path) -> Component {
    component(Adapter::Sqlite { path: path.to_owned() })
}

#[test]
fn a_database_is_captured_consistently_while_others_write() {
    let room = Room::new();
    let path = room.path("records.db");
    drop(ledger(&path));
    let component = sqlite(&path);
    let (stop, commits) = (AtomicBool::new(false), AtomicU32::new(0));
    let captures = thread::scope(|scope| {
        scope.spawn(|| {
            let writer = ledger(&path);
            while !stop.load(Ordering::SeqCst) {
                writer
                    .execute_batch(
                        "BEGIN IMMEDIATE; UPDATE account SET amount = amount - 1 WHERE id = 1;
                         UPDATE account SET amount = amount + 1 WHERE id = 2; INSERT INTO note VALUES ('moved'); COMMIT;",
                    )
                    .unwrap();
                commits.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut captures = Vec::new();
        for _ in 0..4 {
            let before = commits.load(Ordering::SeqCst);
            captures.push(room.capture(&component));
            while commits.load(Ordering::SeqCst) == before {
                thread::yield_now();
            }
        }
        stop.store(true, Ordering::SeqCst);
        captures
    });
    for (number, captured) in captures.iter().enumerate() {
        assert_eq!(captured.captured.unreadable, Vec::<String>::new());
        room.restore(&component, &snapshot(captured), &format!("run-{number}"));
        let restored = Connection::open(&path).unwrap();
        let value = |query: &str| restored.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(value("SELECT sum(amount) FROM account"), 1000);
        assert_eq!(value("SELECT amount FROM account WHERE id = 2"), 500 + value("SELECT count(*) FROM note"));
    }
    assert!(fs::read_dir(room.path("staging")).unwrap().next().is_none(), "a copy of the data was left behind");
}

#[test]
fn a_database_comes_back_without_the_log_of_the_old_one() {
    let room = Room::new();
    let path = room.path("db/records.db");
    fs::create_dir(room.path("db")).unwrap();
    let live = ledger(&path);
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let component = sqlite(&path);
    let captured = room.capture(&component);
    let target = snapshot(&captured);
    assert!(room.dry_run(&component, &target).differences.is_empty());

    live.execute_batch("DELETE FROM account; CREATE TABLE junk (x); INSERT INTO note VALUES ('a'), ('b');").unwrap();
    assert!(room.path("db/records.db-wal").exists());
    let plan = room.dry_run(&component, &target);
    let shape: Vec<_> = plan.tables.iter().map(|one| (one.table.as_str(), one.before_rows, one.after_rows)).collect();
    assert_eq!(shape, [("account", Some(0), Some(2)), ("junk", Some(0), None), ("note", Some(2), Some(0))]);
    assert_eq!(plan.tables.iter().filter(|one| one.schema_changed).count(), 1);
    assert_eq!((plan.differences.len(), plan.differences[0].kind), (1, DifferenceKind::Changed));

    room.restore(&component, &target, "run");
    room.verify(&component).unwrap();
    let restored = Connection::open(&path).unwrap();
    let mode: String = restored.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    let sum: i64 = restored.query_row("SELECT sum(amount) FROM account", [], |row| row.get(0)).unwrap();
    assert_eq!((mode.as_str(), sum), ("wal", 1000));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    drop(restored);
    assert!(room.dry_run(&component, &target).differences.is_empty());
    assert!(fs::read_dir(room.path("dry")).unwrap().next().is_none());
    assert!(room.litter(&room.path("db")).is_empty());
}

#[test]
fn a_broken_database_is_kept_as_evidence_and_replaced() {
    let room = Room::new();
    let path = room.path("records.db");
    let live = ledger(&path);
    live.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(live);
    let component = sqlite(&path);
    let good = room.capture(&component);
    fs::write(&path, "this is no database at all, it was overwritten by an accident of some kind").unwrap();
    assert!(matches!(room.verify(&component), Err(RecoveryError::BadDatabase { .. } | RecoveryError::Database { .. })));

    let evidence = room.capture(&component);
    assert!(evidence.captured.is_partial());
    let refused = restore(&component, &snapshot(&evidence), &room.path("run"), &room.vault, &CancelFlag::new());
    assert!(matches!(refused, Err(RecoveryError::BadDatabase { .. })), "{refused:?}");
    let plan = room.dry_run(&component, &snapshot(&good));
    assert_eq!(plan.differences.len(), 1);
    assert!(plan.summary.contains("cannot be read as a database"), "{}", plan.summary);
    room.restore(&component, &snapshot(&good), "run-2");
    room.verify(&component).unwrap();
    assert!(room.settle(&component, &room.path("run")).is_ok());
    assert!(room.litter(room.dir.path()).is_empty());
}
