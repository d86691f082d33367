//! Anomalies: how many rows a second are scored, and how the scores fare in the Numenta Anomaly Benchmark beside two rules
//! that monitoring often has: a bound of three deviations around a sliding mean, and a control chart.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta};
use codeblue::domain::{ANOMALOUS, Scorer};
use divan::{Bencher, black_box, counter::ItemsCount};

use crate::nab::{self, PROFILES, Scored, Stream};

type Scoring = fn(&Stream) -> Vec<f64>;

fn ours(stream: &Stream) -> Vec<f64> {
    let mut scorer = Scorer::default();
    stream.rows.iter().map(|(at, value)| scorer.take(*at, *value).0).collect()
}

/// How many deviations a row is from the mean of the 500 before it.
fn sliding_mean(stream: &Stream) -> Vec<f64> {
    let values: Vec<f64> = stream.rows.iter().map(|(_, value)| *value).collect();
    let score = |row: usize| {
        let before = &values[row.saturating_sub(500)..row];
        let mean = before.iter().sum::<f64>() / before.len().max(1) as f64;
        let variance = before.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / before.len().max(1) as f64;
        (values[row] - mean).abs() / variance.sqrt().max(1e-9)
    };
    (0..values.len()).map(score).collect()
}

/// Roberts, "Control chart tests based on geometric moving averages", 1959, with a weight of 0.2.
fn control_chart(stream: &Stream) -> Vec<f64> {
    const WEIGHT: f64 = 0.2;
    let (mut count, mut mean, mut squares, mut average) = (0.0, 0.0, 0.0, None);
    let mut score = |value: f64| {
        let now = average.map_or(value, |average| WEIGHT * value + (1.0 - WEIGHT) * average);
        average = Some(now);
        let deviation = f64::sqrt(squares / f64::max(count, 1.0) * WEIGHT / (2.0 - WEIGHT));
        let score = (now - mean).abs() / deviation.max(1e-9);
        count += 1.0;
        let off = value - mean;
        mean += off / count;
        squares += off * (value - mean);
        score
    };
    stream.rows.iter().map(|(_, value)| score(*value)).collect()
}

/// The scores of the benchmark, each with the best threshold for all streams, and with the one that is set beforehand.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn numenta_benchmark(bencher: Bencher) {
    let Some(data) = std::env::var_os("CODEBLUE_DATA") else {
        println!("SKIPPED: the Numenta Anomaly Benchmark; CODEBLUE_DATA names no folder with it");
        return;
    };
    let streams = nab::streams(&PathBuf::from(data).join("nab"));
    let rows: usize = streams.iter().map(|stream| stream.rows.len()).sum();
    let rivals: [(&str, Scoring, f64); 3] = [
        ("codeblue", ours, ANOMALOUS),
        ("mean and three deviations", sliding_mean, 3.0),
        ("control chart", control_chart, 3.0),
    ];
    for (name, scoring, set) in rivals {
        let scored: Vec<Vec<Scored>> = streams.iter().map(|stream| nab::scored(stream, &scoring(stream))).collect();
        println!("{name}");
        for profile in PROFILES {
            let (best, threshold) = nab::best(&scored, profile);
            let kept = nab::at(&scored, set, profile);
            println!("  {:20} {best:6.1} at {threshold:.3}  {kept:8.1} at {set}", profile.name);
        }
        let mut folders: Vec<&str> = streams.iter().map(Stream::folder).collect();
        folders.dedup();
        for folder in folders {
            let own =
                || streams.iter().zip(&scored).filter(|(stream, _)| stream.folder() == folder).map(|(_, rows)| rows);
            let kept = PROFILES.map(|profile| format!("{:.1}", nab::at(own(), set, profile))).join(" / ");
            let alerts: usize = own().map(|rows| nab::alerts(rows, set)).sum();
            println!("  {folder:24} {kept}, {alerts} alerts in {} streams", own().count());
        }
    }
    bencher
        .counter(ItemsCount::new(rows))
        .bench_local(|| streams.iter().map(ours).map(|scores| scores.len()).sum::<usize>());
}

/// Rows of a stream that is known for a week.
#[divan::bench(sample_count = 20)]
fn rows(bencher: Bencher) {
    let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let value = |row: u32| f64::from(row.wrapping_mul(2_654_435_761) >> 16 & 1023);
    let row = |row: u32| (start + TimeDelta::minutes(5 * i64::from(row)), value(row));
    let mut known = Scorer::default();
    for (at, value) in (0..2016).map(row) {
        known.take(at, value);
    }
    bencher.counter(ItemsCount::new(1000_u32)).with_inputs(|| known.clone()).bench_local_values(|mut scorer| {
        for (at, value) in (2016..3016).map(row) {
            black_box(scorer.take(at, value));
        }
    });
}
