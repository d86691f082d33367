//! Anomalies, measured as the Numenta Anomaly Benchmark measures, and asked of the program.

use std::path::Path;

use assert_cmd::Command;

use codeblue::domain::{ANOMALOUS, Scorer};
use serde_json::Value;

use crate::nab::{self, PROFILES, Scored, Stream};

fn scores(stream: &Stream) -> Vec<f64> {
    let mut scorer = Scorer::default();
    stream.rows.iter().map(|(at, value)| scorer.take(*at, *value).0).collect()
}

/// The scores of all streams, on as many threads as there are processors.
fn scored(streams: &[Stream]) -> Vec<Vec<Scored>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let work = |part| streams.iter().skip(part).step_by(threads);
        let parts: Vec<_> = (0..threads)
            .map(|part| scope.spawn(move || work(part).map(|stream| nab::scored(stream, &scores(stream))).collect()))
            .collect();
        parts.into_iter().flat_map(|part: std::thread::ScopedJoinHandle<'_, Vec<_>>| part.join().unwrap()).collect()
    })
}

/// What half of the streams with anomalies reach, less a little, at the threshold that the product uses; `cargo bench` has
/// the figures of all.
#[test]
fn the_benchmark_finds_what_it_found() {
    let Some(data) = std::env::var_os("CODEBLUE_DATA") else {
        eprintln!("SKIPPED: the Numenta Anomaly Benchmark; CODEBLUE_DATA names no folder with it");
        return;
    };
    let streams = nab::streams(&Path::new(&data).join("nab"));
    let (none, some): (Vec<_>, Vec<_>) =
        streams.into_iter().partition(|stream| stream.folder() == "artificialNoAnomaly");
    let false_alarms: usize = scored(&none).iter().map(|rows| nab::alerts(rows, ANOMALOUS)).sum();
    assert_eq!((none.len(), false_alarms), (5, 0), "alerts in streams without an anomaly");
    let half: Vec<Stream> = some.into_iter().skip(1).step_by(2).collect();
    let scored = scored(&half);
    for (profile, least) in PROFILES.into_iter().zip([74.0, 69.5, 77.5]) {
        let (best, threshold) = nab::best(&scored, profile);
        let set = nab::at(&scored, ANOMALOUS, profile);
        println!("{}: {set:.1}, with the best threshold {best:.1} at {threshold:.3}", profile.name);
        assert!(best >= set && set >= least, "{}: {set:.1} is less than {least}", profile.name);
    }
}

fn codeblue() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_codeblue"));
    command.env_remove("CODEBLUE_HOME");
    command
}

/// Ten days of a figure with a spike on the last.
fn table() -> String {
    let row = |row: u32| {
        let value = if row == 2800 { 900 } else { 50 + row * 7919 % 13 };
        format!("2026-01-{:02} {:02}:{:02}:00,{value}\n", 1 + row / 288, row % 288 / 12, row % 12 * 5)
    };
    format!("timestamp,value\n{}", (0..2880).map(row).collect::<String>())
}

#[test]
fn a_table_is_scored_row_by_row_and_a_score_depends_on_the_rows_before_alone() {
    let ask = |rows: usize| -> Value {
        let table: String = table().lines().take(rows + 1).map(|line| format!("{line}\n")).collect();
        let done = codeblue().args(["anomalies", "-", "--json"]).write_stdin(table).assert().success();
        serde_json::from_slice(&done.get_output().stdout).unwrap()
    };
    let (all, part) = (ask(2880), ask(2801));
    let scores = |found: &Value| found["scores"].as_array().unwrap().clone();
    assert_eq!((scores(&all).len(), scores(&part).len()), (2880, 2801));
    assert_eq!(scores(&all)[..2801], scores(&part)[..]);
    let alert = part["alerts"].as_array().unwrap().last().unwrap();
    assert_eq!((&alert["timestamp"], &alert["kind"]), (&"2026-01-10 17:20:00".into(), &"spike".into()));
    assert_eq!(alert["score"], scores(&all)[2800]);
    assert_eq!(alert.as_object().unwrap().len(), 3);
}

#[test]
fn people_get_a_table_and_whoever_gives_a_wrong_file_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("load.csv");
    std::fs::write(&path, table()).unwrap();
    let done = codeblue().arg("anomalies").arg(&path).assert().success();
    let told = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    let line = told.lines().find(|line| line.starts_with("2026-01-10 17:20:00")).unwrap_or_else(|| panic!("{told}"));
    assert!(line.contains(" 900 ") && line.ends_with("spike"), "{told}");
    assert!(told.ends_with(" in 2880 rows\n"), "{told}");

    std::fs::write(&path, "timestamp,value\n2026-01-15 14:00:00,\n").unwrap();
    let done = codeblue().arg("anomalies").arg(&path).arg("--json").assert().code(2);
    let document: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("load.csv, line 2: the value is missing; leave the row out"), "{message}");
    codeblue().args(["anomalies", "nowhere.csv"]).assert().code(2);
}
