//! Floor 3. What the engine keeps on disk: the journal of events with its checkpoints, and the samples of checks.

pub mod journal;
mod verify;

pub use journal::{Draft, Journal, JournalError};
pub use verify::{Problem, ProblemKind, Verification, verify_file};
