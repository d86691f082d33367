//! What is unusual, and what is to come: figures over time, judged by what they were before.
//!
//! `anomaly` scores a stream row by row by the evidence of `departure`, `shape`, `season` and `standstill`, each weighed by
//! how rare it is in this stream (`tail`). `forecast` says what is to come for a service: when what is used up is gone
//! (`trend`), when a certificate ends, what has become slower.

mod anomaly;
mod departure;
mod forecast;
#[cfg(test)]
mod noise;
mod season;
mod shape;
mod standstill;
mod tail;
mod trend;

pub use anomaly::{ANOMALOUS, AnomalyKind, Scorer};
pub use forecast::{Forecast, LOOK_BACK, Outlook, Subject, foresee, without_news};
