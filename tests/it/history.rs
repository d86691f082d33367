//! History at the size of a year. `CODEBLUE_FULL_YEAR=1` measures it for 200 services instead of two.

use std::time::{Duration, Instant};

use codeblue::{
    domain::{History, Window},
    store::SampleStore,
};

use crate::year::year;

#[test]
fn a_year_stays_small_and_three_months_of_it_open_at_once() {
    let full = std::env::var_os("CODEBLUE_FULL_YEAR").is_some();
    let services: u32 = if full { 200 } else { 2 };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.db");
    let end = year(&path, services);
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("{services} services: {} MiB", bytes / 1024 / 1024);
    assert!(bytes / u64::from(services) < 8 * 1024 * 1024, "{bytes} bytes for {services} services");

    let mut fastest = Duration::MAX;
    for service in 0..services.min(5) {
        let name = format!("service-{service}");
        let begun = Instant::now();
        let store = SampleStore::open(&path).unwrap();
        let (window, from) = (Window::Quarter, Window::Quarter.from(end));
        let slots = store.rollups(&name, window.grain(), from, end, None).unwrap();
        let before = store.errors(&name, window.grain(), from - window.length(), from).unwrap();
        let over = History::of(&name, window, end, &slots, before, 72);
        let took = begun.elapsed();
        println!("90 days of {name}: {took:?}");
        fastest = fastest.min(took);
        assert_eq!((slots.len(), before, over.buckets.len()), (2160, (0, 2160 * 132), 72));
        assert_eq!((over.whole.uptime, over.checks["health"].readings), (Some(1.0), 2160 * 120));
    }
    if full {
        assert!(fastest < Duration::from_millis(100), "the fastest took {fastest:?}");
    }
}
