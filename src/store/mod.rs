//! Floor 3. What the engine keeps on disk: the journal of events with its checkpoints (`journal`), the proof that it still
//! says what was written (`verify`), the samples of checks (`samples`), what they say over months (`rollups`), and what checks
//! remember (`memory`).

pub mod journal;
mod memory;
mod rollups;
pub mod samples;
mod verify;

pub use journal::{Draft, Journal, JournalError};
pub use memory::{CheckMemory, CheckMemoryError};
pub use rollups::Keep;
pub use samples::{SampleStore, SampleStoreError};
pub use verify::{Problem, ProblemKind, Verification, verify_file};
