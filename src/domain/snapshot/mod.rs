//! Snapshots: what was captured, what proves it, how long it is kept and where its copy lies.

pub(super) mod adopt;
mod catalogue;
pub(super) mod replica;
pub(super) mod retention;

pub use adopt::Found;
pub use catalogue::{Captured, Proof, Snapshot, SnapshotState, SnapshotTrigger, TestRestore, TestResult};
pub(super) use catalogue::{apply, next_proof, request, request_proof, running, subject};
pub use replica::{ReplicaState, VaultRepair};
pub use retention::{VaultState, kept};
