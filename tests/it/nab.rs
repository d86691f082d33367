//! The Numenta Anomaly Benchmark: its streams, and its way of scoring (Lavin and Ahmad, "Evaluating real-time anomaly
//! detection algorithms", 2015; `nab/sweeper.py`). A window that was found earns up to one point, the earlier the more; a
//! false alarm costs a part of one, the more the farther it is behind a window; the sums are told between those of a
//! detector that says nothing (0) and a perfect one (100). One threshold serves all streams.

use std::{collections::BTreeMap, path::Path};

use chrono::{DateTime, NaiveDateTime, Utc};

/// What finding, a false alarm and a miss count.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    pub name: &'static str,
    false_alarm: f64,
    miss: f64,
}

pub const PROFILES: [Profile; 3] = [
    Profile { name: "standard", false_alarm: 0.11, miss: 1.0 },
    Profile { name: "reward_low_FP_rate", false_alarm: 0.22, miss: 1.0 },
    Profile { name: "reward_low_FN_rate", false_alarm: 0.11, miss: 2.0 },
];

/// A stream with the rows of its true windows, first and last.
pub struct Stream {
    pub name: String,
    pub rows: Vec<(DateTime<Utc>, f64)>,
    pub windows: Vec<(usize, usize)>,
}

impl Stream {
    pub fn folder(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

/// The streams in a folder, in the order of their names.
pub fn streams(folder: &Path) -> Vec<Stream> {
    let text = std::fs::read_to_string(folder.join("windows.json")).unwrap();
    let windows: BTreeMap<String, Vec<(String, String)>> = serde_json::from_str(&text).unwrap();
    let time = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap().and_utc();
    let read = |(name, windows): (String, Vec<(String, String)>)| {
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        let row = |line: &str| line.split_once(',').map(|(at, value)| (time(at), value.parse().unwrap())).unwrap();
        let rows: Vec<(DateTime<Utc>, f64)> = text.lines().skip(1).map(row).collect();
        let place = |at: &str| rows.iter().position(|(known, _)| *known == time(at)).unwrap();
        let windows = windows.iter().map(|(from, until)| (place(from), place(until))).collect();
        Stream { name, windows, rows }
    };
    windows.into_iter().map(read).collect()
}

/// A row outside of the probation: its score, and what it earns as an alert.
pub struct Scored {
    score: f64,
    earns: f64,
    window: Option<usize>,
}

pub fn scored(stream: &Stream, scores: &[f64]) -> Vec<Scored> {
    assert_eq!(scores.len(), stream.rows.len());
    let probation = (scores.len() * 15 / 100).min(750);
    let mut rows = Vec::new();
    for (row, score) in scores.iter().enumerate().skip(probation) {
        let width = |(from, until): (usize, usize)| (until - from + 1) as f64;
        let within = stream.windows.iter().position(|(from, until)| (*from..=*until).contains(&row));
        let before = stream.windows.iter().rfind(|(_, until)| *until < row);
        let earns = match (within, before) {
            (Some(window), _) => {
                let window = stream.windows[window];
                sigmoid(-((window.1 - row + 1) as f64) / width(window)) / sigmoid(-1.0)
            }
            (None, Some(window)) => sigmoid((row - window.1) as f64 / (width(*window) - 1.0)),
            (None, None) => -1.0,
        };
        rows.push(Scored { score: *score, earns, window: within });
    }
    rows
}

fn sigmoid(position: f64) -> f64 {
    if position > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}

/// The score of streams at a threshold: 0 for a detector that says nothing, 100 for a perfect one.
pub fn at<'a>(streams: impl IntoIterator<Item = &'a Vec<Scored>>, threshold: f64, profile: Profile) -> f64 {
    let (mut sum, mut windows) = (0.0, 0.0);
    for rows in streams {
        let mut best: BTreeMap<usize, f64> = BTreeMap::new();
        for row in rows {
            let alert = row.score >= threshold;
            match row.window {
                Some(window) => {
                    let best = best.entry(window).or_insert(-profile.miss);
                    *best = if alert { best.max(row.earns) } else { *best };
                }
                None if alert => sum += row.earns * profile.false_alarm,
                None => {}
            }
        }
        sum += best.values().sum::<f64>();
        windows += best.len() as f64;
    }
    // Without windows there is nothing to earn: then it is the cost of the false alarms.
    if windows == 0.0 { sum } else { 100.0 * (sum + profile.miss * windows) / ((1.0 + profile.miss) * windows) }
}

/// The best score there is with one threshold for all, as the benchmark ranks detectors, and that threshold.
pub fn best(streams: &[Vec<Scored>], profile: Profile) -> (f64, f64) {
    let mut scores: Vec<f64> = streams.iter().flatten().map(|row| row.score).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    // Every threshold between the rarest and the most frequent alert, in steps that no score falls between often.
    let alerts = (0..400).map(|step| (1.02_f64.powi(step) as usize - 1).min(scores.len() - 1));
    let scored = alerts.map(|place| (at(streams, scores[place], profile), scores[place]));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

/// Alerts of all rows outside of the probation.
pub fn alerts(rows: &[Scored], threshold: f64) -> usize {
    rows.iter().filter(|row| row.score >= threshold).count()
}
