//! Floor 3. What the engine keeps on disk: the journal of events (`journal`), the tree over it (`merkle`, `tree`), the signed
//! checkpoints (`note`, `seal`, `checkpoints`), the proof that it still says what was written (`verify`, `chain`, `held`) and the proofs that go with somebody (`proof`, `copy`), the samples of checks (`samples`),
//! what they say over months (`rollups`), what checks remember (`memory`), and the views for SQL (`views`).

mod chain;
mod checkpoints;
mod copy;
mod held;
pub mod journal;
mod memory;
pub mod merkle;
mod note;
mod proof;
mod rollups;
pub mod samples;
mod seal;
mod tree;
mod verify;
mod views;

pub use checkpoints::{
    CheckpointLine, append_checkpoints, checkpoint_path, checkpoints_after, newest_checkpoint, read_checkpoints,
};
pub use copy::{Copied, CopyError, copy_evidence};
pub use journal::{Draft, Journal, JournalError, chain_hash, events_with_text, read_purgeable};
pub use memory::{CheckMemory, CheckMemoryError};
pub use note::{BadPublicKey, Checkpoint, CheckpointPublicKey, NoteError, SignedCheckpoint};
pub use proof::{
    ConsistencyProof, ProofError, ProvedEvent, check_event_proof, consistency_proof, first_signed, prove_consistency,
    prove_event,
};
pub use rollups::Keep;
pub use samples::{SampleStore, SampleStoreError};
pub use seal::{CheckpointKey, KeyError, NAMESPACE, public_keys};
pub use verify::{Payloads, Problem, ProblemKind, Sealed, Trusted, Verification, verify, verify_file};
