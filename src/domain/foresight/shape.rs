//! What is remembered of a stream, and whether its last rows look like anything before them.

use std::collections::VecDeque;

use super::tail::Tail;

/// Rows that are remembered: a week of five-minute figures.
const MEMORY: usize = 2016;
/// Rows in a short and in a long piece.
const PIECES: [usize; 2] = [4, 16];

/// The last rows of a stream, in order and sorted.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    rows: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl Memory {
    pub(super) fn take(&mut self, value: f64) {
        if self.rows.len() == MEMORY
            && let Some(oldest) = self.rows.pop_front()
        {
            self.sorted.remove(self.sorted.partition_point(|known| *known < oldest));
        }
        self.rows.push_back(value);
        self.sorted.insert(self.sorted.partition_point(|known| *known < value), value);
    }

    pub(super) fn median(&self) -> Option<f64> {
        self.sorted.get(self.sorted.len() / 2).copied()
    }
}

/// How rare it is that the last 4 and the last 16 rows are so far from the piece before them that they are most like: the
/// nearest-neighbour conformity of Burnaev and Ishimtsev, "Conformalized density- and distance-based anomaly detection in
/// time-series data", 2016, with one neighbour and the plain Euclidean distance.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    distances: [Tail; 2],
}

impl Shapes {
    pub(super) fn take(&mut self, memory: &mut Memory) -> [f64; 2] {
        let rows: &[f64] = memory.rows.make_contiguous();
        let mut rare = [0.0; 2];
        for ((rare, tail), length) in rare.iter_mut().zip(&mut self.distances).zip(PIECES) {
            if rows.len() >= 3 * length {
                *rare = tail.take(nearest(rows, length));
            }
        }
        rare
    }
}

/// The distance of the last rows to the nearest piece that does not overlap them.
fn nearest(rows: &[f64], length: usize) -> f64 {
    let (before, last) = rows.split_at(rows.len() - length);
    let square = |a: f64, b: f64| (a - b) * (a - b);
    let mut nearest = f64::INFINITY;
    for end in (length - 1..before.len()).rev() {
        // From the end: the newest row is what is new, so most pieces are given up at once.
        let mut squares = square(before[end], last[length - 1]);
        let mut back = 1;
        while squares < nearest && back < length {
            squares += square(before[end - back], last[length - 1 - back]);
            back += 1;
        }
        if squares < nearest {
            nearest = squares;
        }
    }
    nearest.min(f64::MAX).sqrt()
}
