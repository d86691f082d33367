//! The journal beside SQLite alone. The rival writes the same columns with the same durability, without a chain.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use codeblue::{
    domain::{Actor, Event, IncidentId, State},
    store::{CheckpointKey, Draft, Journal, prove_event, verify_file},
};
use divan::{Bencher, black_box, counter::ItemsCount};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::platform::now;

/// Commands that the engine commits together, from a quiet night to a storm.
const GROUPS: [usize; 3] = [1, 8, 64];
/// Events in a journal that is read.
const LONG: usize = 10_000;
/// Events in a journal of years.
const YEARS: usize = 1_000_000;

fn draft() -> Draft {
    let text = "called the ward; they write on paper until the database is back, ask again at 14:30".to_owned();
    Draft {
        at: now(),
        actor: Actor::Operator("alice".to_owned()),
        cause: None,
        event: Event::IncidentNoted { incident: IncidentId(42), text },
    }
}

/// Events appended and made durable together.
#[divan::bench(args = GROUPS, sample_count = 200)]
fn append(bencher: Bencher, group: usize) {
    let folder = TempDir::new().unwrap();
    let (mut journal, _) = Journal::open(&folder.path().join("journal.db")).unwrap();
    let draft = draft();
    bencher.counter(ItemsCount::new(group)).bench_local(|| {
        for _ in 0..group {
            black_box(journal.prepare(&draft).unwrap());
        }
        journal.commit().unwrap();
    });
}

/// The rival: rows of the same size inserted and made durable together.
#[divan::bench(args = GROUPS, sample_count = 200)]
fn append_rival_sqlite(bencher: Bencher, group: usize) {
    let folder = TempDir::new().unwrap();
    let mut connection = Connection::open(folder.path().join("rival.db")).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    connection
        .execute_batch(
            "CREATE TABLE events (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, cause INTEGER, \
             kind TEXT NOT NULL, body TEXT NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL) STRICT",
        )
        .unwrap();
    let draft = draft();
    let (at, actor) = (draft.at.to_rfc3339(), serde_json::to_string(&draft.actor).unwrap());
    let (body, hash) = (serde_json::to_string(&draft.event).unwrap(), [7_u8; 32]);
    let mut seq = 0_u64;
    bencher.counter(ItemsCount::new(group)).bench_local(|| {
        let transaction = connection.transaction().unwrap();
        {
            let mut insert = transaction
                .prepare_cached(
                    "INSERT INTO events (seq, at, actor, cause, kind, body, prev, hash) VALUES (?, ?, ?, NULL, ?, ?, ?, ?)",
                )
                .unwrap();
            for _ in 0..group {
                seq += 1;
                insert.execute(params![seq, at, actor, "incidentNoted", body, hash, hash]).unwrap();
            }
        }
        transaction.commit().unwrap();
    });
}

/// A journal of [`LONG`] events, and the folder that goes with it.
fn long() -> (TempDir, PathBuf) {
    of(LONG)
}

/// A journal of so many events with signed checkpoints and a state kept near its end, as an engine leaves it.
fn of(events: usize) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.db");
    let (mut journal, mut state) = Journal::open(&path).unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    let key = Arc::new(CheckpointKey::open_or_make(&folder.path().join("keys")).unwrap());
    journal.seal_with(format!("codeblue/bench/{}", key.public().short()), key);
    let draft = draft();
    for number in 1..=events {
        journal.prepare(&draft).unwrap();
        if number.is_multiple_of(10_000) {
            journal.commit().unwrap();
            journal.checkpoint(now()).unwrap();
        }
    }
    journal.commit().unwrap();
    journal.checkpoint(now()).unwrap();
    if events > LONG {
        state.seq = events as u64;
        journal.keep_state(&State { clock: now(), ..state }).unwrap();
    }
    (folder, path)
}

/// The key that such a journal is kept with.
fn key_of(path: &Path) -> Arc<CheckpointKey> {
    Arc::new(CheckpointKey::open_or_make(&path.with_file_name("keys")).unwrap())
}

/// A journal of years proved: chain, tree and a hundred checkpoints.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn verify_1_000_000(bencher: Bencher) {
    let (_folder, path) = of(YEARS);
    bencher.counter(ItemsCount::new(YEARS)).bench_local(|| assert!(verify_file(&path).unwrap().ok));
}

/// The rival: the verifier for strangers, which does the same with Python's own hashes.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn verify_1_000_000_rival_python(bencher: Bencher) {
    let (_folder, path) = of(YEARS);
    bencher.counter(ItemsCount::new(YEARS)).bench_local(|| {
        let verified = Command::new("python3").arg("docs/verify/verify.py").arg(&path).output().unwrap();
        assert!(verified.status.success(), "{verified:?}");
    });
}

/// A journal of years opened from the state that was kept at its end.
#[divan::bench(sample_count = 10)]
fn open_1_000_000(bencher: Bencher) {
    let (_folder, path) = of(YEARS);
    let key = key_of(&path);
    bencher.bench_local(|| assert_eq!(Journal::open_with(&path, &key).unwrap().1.seq, YEARS as u64));
}

/// One event of a journal of years proved to a stranger.
#[divan::bench(sample_count = 50)]
fn prove_one_of_1_000_000(bencher: Bencher) {
    let (_folder, path) = of(YEARS);
    bencher.bench_local(|| black_box(prove_event(&path, 123_456).unwrap()));
}

/// The whole chain proved.
#[divan::bench(sample_count = 20)]
fn verify_10_000(bencher: Bencher) {
    let (_folder, path) = long();
    bencher.counter(ItemsCount::new(LONG)).bench_local(|| assert!(verify_file(&path).unwrap().ok));
}

/// The rival: the same rows read, and SQLite's own look at the file, which proves nothing about what they say.
#[divan::bench(sample_count = 20)]
fn verify_10_000_rival_integrity_check(bencher: Bencher) {
    let (_folder, path) = long();
    bencher.counter(ItemsCount::new(LONG)).bench_local(|| rival_check(&path));
}

fn rival_check(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let sum = "SELECT sum(length(at) + length(actor) + length(body) + length(prev) + length(hash) + length(texts)) \
               FROM events LEFT JOIN payloads USING (seq)";
    let bytes: i64 = connection.query_row(sum, [], |row| row.get(0)).unwrap();
    assert!(black_box(bytes) > 0);
}

/// The journal opened when every event has to be replayed.
#[divan::bench(sample_count = 20)]
fn open_10_000(bencher: Bencher) {
    let (_folder, path) = long();
    bencher.counter(ItemsCount::new(LONG)).bench_local(|| assert_eq!(Journal::open(&path).unwrap().1.seq, LONG as u64));
}

/// The journal opened from the state that was kept at its end.
#[divan::bench(sample_count = 20)]
fn open_10_000_from_a_kept_state(bencher: Bencher) {
    let (_folder, path) = long();
    let key = key_of(&path);
    let (mut journal, state) = Journal::open(&path).unwrap();
    journal.seal_with(format!("codeblue/bench/{}", key.public().short()), key.clone());
    journal.keep_state(&state).unwrap();
    drop(journal);
    bencher.bench_local(|| assert_eq!(Journal::open_with(&path, &key).unwrap().1.seq, LONG as u64));
}
