//! Floor 3. The encrypted snapshot store, in restic's format, so that the stock `restic` reads it when we are gone.
//!
//! The format is rustic_core's; storage, locks, the walk over the source, the restorer and the comparison are ours.
//! Everything blocks: call it from a thread of its own. Nothing here touches a live file except to read it.

mod attributes;
mod cancel;
mod capture;
mod depot;
mod difference;
mod directory;
mod error;
mod guard;
mod keys;
mod lag;
mod lock;
mod maintenance;
mod node;
mod pieces;
mod place;
mod read;
mod removed;
mod repair;
mod replica;
mod replicate;
mod repository;
mod rest;
mod source;
mod spare;
mod stage;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod tree;
mod verify;
mod whole;

pub use cancel::CancelFlag;
pub use capture::Captured;
pub use difference::{DifferenceKind, FileDifference, difference_of_trees};
pub(crate) use directory::{make_private_dir, sync_dir};
pub use error::VaultError;
pub use lag::Lag;
pub use maintenance::CheckReport;
pub use repair::Repaired;
pub use replica::Replica;
pub use replicate::Replicated;
pub use repository::{Listing, PARTIAL, SnapshotInfo, Vault};
pub use source::Source;
pub use stage::{FileProblem, Staged};
