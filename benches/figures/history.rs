//! How a service was over 90 days, opened from a year of rollups for 200 services: below 100 ms. Beside it what SQLite needs
//! to read the same rows without making figures of them.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use codeblue::{
    domain::{History, Window},
    store::SampleStore,
};
use divan::{Bencher, black_box};
use tempfile::TempDir;

use crate::year::year;

const SERVICES: u32 = 200;

fn store() -> (TempDir, PathBuf, DateTime<Utc>) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("samples.db");
    let end = year(&path, SERVICES);
    println!("{SERVICES} services: {} MiB", std::fs::metadata(&path).unwrap().len() / 1024 / 1024);
    (folder, path, end)
}

/// As the engine answers a question.
#[divan::bench(sample_count = 20)]
fn ninety_days_of_a_service(bencher: Bencher) {
    let (_folder, path, end) = store();
    let (window, from) = (Window::Quarter, Window::Quarter.from(end));
    bencher.bench_local(|| {
        let store = SampleStore::open(&path).unwrap();
        let slots = store.rollups("service-7", window.grain(), from, end, None).unwrap();
        let before = store.errors("service-7", window.grain(), from - window.length(), from).unwrap();
        black_box(History::of("service-7", window, end, &slots, before, 72))
    });
}

/// The rows alone.
#[divan::bench(sample_count = 20)]
fn ninety_days_of_a_service_rival_sqlite(bencher: Bencher) {
    let (_folder, path, end) = store();
    let from = Window::Quarter.from(end) - Window::Quarter.length();
    bencher.bench_local(|| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        let rows = "SELECT sum(length(latency) + good) FROM rollup WHERE minutes = 60 AND slot >= ?1 AND series IN
            (SELECT id FROM series WHERE service = (SELECT id FROM name WHERE text = 'service-7'))";
        let sum: i64 = connection.query_row(rows, [from.timestamp() / 3600], |row| row.get(0)).unwrap();
        assert!(black_box(sum) > 0);
    });
}
