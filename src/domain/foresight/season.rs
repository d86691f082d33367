//! Whether a figure is usual for the time of day.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Datelike, Timelike, Utc};

use super::{departure::median, tail::Tail};

const HOURS: u32 = 24;
/// Days that are remembered, and how many must have been seen before a time of day has a usual range.
const DAYS: usize = 7;
const ENOUGH: usize = 3;
/// Rows whose median is where the figure is.
const ROWS: usize = 3;

/// The range of each hour on each of the last days.
///
/// A figure is unusual for the time of day by how far it lies outside of what it was in this hour, the one before and the
/// one after on the days before: a step that comes every morning within an hour of the same time is part of the range. Once
/// four days are known the most extreme one does not count, on either side: it may have been unusual itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Season {
    hours: [VecDeque<Range>; HOURS as usize],
    last: VecDeque<f64>,
    distances: Tail,
}

#[derive(Debug, Clone, Copy)]
struct Range {
    day: i32,
    low: f64,
    high: f64,
}

impl Season {
    /// How rare it is to be so far from what is usual at this time; None while too few days are known.
    pub(super) fn take(&mut self, at: DateTime<Utc>, value: f64) -> Option<f64> {
        let (day, hour) = (at.num_days_from_ce(), at.hour());
        if self.last.len() == ROWS {
            self.last.pop_front();
        }
        self.last.push_back(value);
        let rare = self.usual(day, hour).zip(median(self.last.iter())).map(|((low, high), value)| {
            let distance = (value - high).max(low - value).max(0.0);
            let rarity = self.distances.take(distance);
            if distance > 0.0 { rarity } else { 0.0 }
        });
        self.remember(day, hour, value);
        rare
    }

    fn usual(&self, today: i32, hour: u32) -> Option<(f64, f64)> {
        let mut days: BTreeMap<i32, (f64, f64)> = BTreeMap::new();
        // What lies beyond midnight belongs to the day of the hour that it is next to.
        let around = [(hour + HOURS - 1, i32::from(hour == 0)), (hour, 0), (hour + 1, -i32::from(hour == HOURS - 1))];
        for (hour, shift) in around {
            for range in &self.hours[(hour % HOURS) as usize] {
                let day = range.day + shift;
                if day < today {
                    let (low, high) = days.entry(day).or_insert((f64::INFINITY, f64::NEG_INFINITY));
                    (*low, *high) = (low.min(range.low), high.max(range.high));
                }
            }
        }
        if days.len() < ENOUGH {
            return None;
        }
        let odd = usize::from(days.len() > ENOUGH);
        let (mut lows, mut highs): (Vec<f64>, Vec<f64>) = days.into_values().unzip();
        lows.sort_unstable_by(f64::total_cmp);
        highs.sort_unstable_by(|a, b| b.total_cmp(a));
        Some((*lows.get(odd)?, *highs.get(odd)?))
    }

    fn remember(&mut self, day: i32, hour: u32, value: f64) {
        let ranges = &mut self.hours[(hour % HOURS) as usize];
        match ranges.back_mut() {
            Some(range) if range.day == day => (range.low, range.high) = (range.low.min(value), range.high.max(value)),
            _ => {
                if ranges.len() == DAYS {
                    ranges.pop_front();
                }
                ranges.push_back(Range { day, low: value, high: value });
            }
        }
    }
}
