//! How far a figure is from where it was: just now, and on the whole.

use std::collections::VecDeque;

use super::tail::Tail;

/// Rows that say where a figure was just now.
const JUST_NOW: usize = 5;
/// Rows whose median is where a figure is: one that is off alone does not count, and a dozen make a level.
const AT_ONCE: usize = 3;
const LASTING: usize = 12;

/// How rare it is that a figure is so far from its last values (`step`), and the median of its last 3 and of its last 12
/// from the median of all that is remembered (`level`, `lasting`): residuals from running medians, weighed by their
/// long-term distribution as in Ahmad et al., "Unsupervised real-time anomaly detection for streaming data", 2017.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Departure {
    pub(super) step: f64,
    pub(super) level: f64,
    pub(super) lasting: f64,
    /// The rarest step of the last 12.
    pub(super) jump: f64,
    /// It went up.
    pub(super) up: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Departures {
    last: VecDeque<f64>,
    last_steps: VecDeque<f64>,
    steps: Tail,
    levels: Tail,
    lasting: Tail,
}

impl Departures {
    /// `usual` is the median of all that is remembered.
    pub(super) fn take(&mut self, value: f64, usual: f64) -> Departure {
        let before = median(self.last.iter().rev().take(JUST_NOW)).unwrap_or(value);
        if self.last.len() == LASTING {
            self.last.pop_front();
        }
        self.last.push_back(value);
        let off = |rows| median(self.last.iter().rev().take(rows)).map_or(0.0, |now| (now - usual).abs());
        let (level, lasting) = (off(AT_ONCE), off(LASTING));
        let step = self.steps.take((value - before).abs());
        if self.last_steps.len() == LASTING {
            self.last_steps.pop_front();
        }
        self.last_steps.push_back(step);
        Departure {
            step,
            level: self.levels.take(level),
            lasting: self.lasting.take(lasting),
            jump: self.last_steps.iter().copied().fold(0.0, f64::max),
            up: value > before || (value == before && value > usual),
        }
    }
}

pub(super) fn median<'a>(values: impl Iterator<Item = &'a f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.copied().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
