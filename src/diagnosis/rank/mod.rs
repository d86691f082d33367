//! Which node of a call graph is the root cause, from its metrics before and during the trouble: `codeblue rootcause`.
//!
//! `table` reads metrics and `graph` reads who calls whom; `alias` finds nodes that are only another's picture, as its
//! callers see it. `deviation` says how far a figure is from what was usual, by what windows of the quiet time showed;
//! `scene` lays the figures of all nodes side by side; `score` weighs them, `chance` makes probabilities of the weights,
//! with one for "none of these"; `evidence` says in words what spoke for a node. Text in, ranking out: no I/O, no clock.
//!
//! The idea is conservation. What a fault costs (seconds, failed calls) is carried by the calls: a caller loses what its
//! callees lose. So a node is to blame for what it loses beyond that, and only as far as it can account for the target.

mod alias;
mod chance;
mod deviation;
mod evidence;
mod graph;
mod metric;
mod scene;
mod score;
mod table;

#[cfg(test)]
mod tests;

pub use graph::Graph;
pub use score::{Candidate, Question, Ranking, Unanswerable, rank};
pub use table::{Problem, Table};
