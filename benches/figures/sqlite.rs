//! A snapshot of an SQLite database of 500 MB while somebody writes to it: below 5 s, and no commit waits longer than 250 ms.
//! Beside it the `.backup` of SQLite's own shell, which only copies, and begins anew with every commit: it is stopped after a
//! minute.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use codeblue::{
    platform::{Adapter, Component, ComponentKind},
    recovery::capture,
    vault::{CancelFlag, Vault},
};
use divan::Bencher;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::platform::now;

const ROWS: u32 = 125_000;

fn database() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = wal; CREATE TABLE record (id INTEGER PRIMARY KEY, body BLOB, note TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
             INSERT INTO record SELECT i, randomblob(2000), hex(zeroblob(1000)) FROM n;
             PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .unwrap();
    (dir, path)
}

/// Commits without a pause while `work` is done; says how many there were and how long the slowest took.
fn while_writing(database: &Path, what: &str, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let connection = Connection::open(database).unwrap();
            connection.busy_timeout(Duration::from_secs(30)).unwrap();
            let (mut slowest, mut commits) = (Duration::ZERO, 0_u32);
            while !done.load(Ordering::SeqCst) {
                let begun = Instant::now();
                connection
                    .execute("UPDATE record SET note = ?1 WHERE id = ?2", (commits, commits * 7919 % ROWS + 1))
                    .unwrap();
                slowest = slowest.max(begun.elapsed());
                commits += 1;
            }
            (commits, slowest)
        });
        work();
        done.store(true, Ordering::SeqCst);
        let (commits, slowest) = writer.join().unwrap();
        println!("{what}: {commits} commits meanwhile, the slowest took {slowest:?}");
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn snapshot_500_mb_under_writes(bencher: Bencher) {
    let (dir, path) = database();
    let component = Component {
        name: "records".to_owned(),
        service: "records-db".to_owned(),
        kind: ComponentKind::Database,
        every: Duration::from_secs(300),
        rpo: Duration::from_secs(300),
        rto: Duration::from_secs(300),
        adapter: Adapter::Sqlite { path: path.clone() },
        reload: None,
    };
    bencher
        .with_inputs(|| {
            let room = tempfile::tempdir_in(dir.path()).unwrap();
            let vault = Vault::open_or_init(&room.path().join("vault"), &room.path().join("keys")).unwrap();
            (room, vault)
        })
        .bench_local_values(|(room, vault)| {
            while_writing(&path, "snapshot", || {
                capture(&component, &vault, &room.path().join("work"), &[], now(), &CancelFlag::new()).unwrap();
            });
            room
        });
}

#[divan::bench(sample_count = 1, sample_size = 1)]
fn snapshot_500_mb_under_writes_rival_backup(bencher: Bencher) {
    let (dir, path) = database();
    bencher.with_inputs(|| tempfile::tempdir_in(dir.path()).unwrap()).bench_local_values(|room| {
        while_writing(&path, ".backup", || {
            let copy = format!(".backup {}", room.path().join("copy.db").display());
            let ended = Command::new("timeout").args(["60", "sqlite3"]).arg(&path).arg(copy).status().unwrap();
            if !ended.success() {
                println!(".backup did not end within a minute");
            }
        });
        room
    });
}
