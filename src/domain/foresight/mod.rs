//! What is unusual, and what is to come: figures over time, judged by what they were before.
//!
//! `anomaly` scores a stream row by row by the evidence of `departure`, `shape`, `season` and `standstill`, each weighed by
//! how rare it is in this stream (`tail`).

mod anomaly;
mod departure;
#[cfg(test)]
mod noise;
mod season;
mod shape;
mod standstill;
mod tail;

pub use anomaly::{ANOMALOUS, AnomalyKind, Scorer};
