//! Floor 3. The encrypted snapshot store, in restic's format, so that the stock `restic` reads it when we are gone.
//!
//! The format is rustic_core's; storage, locks, the walk over the source, the restorer and the comparison are ours.
//! Everything blocks: call it from a thread of its own. Nothing here touches a live file except to read it.

mod attributes;
mod cancel;
mod capture;
mod difference;
mod error;
mod guard;
mod keys;
mod lock;
mod node;
mod read;
mod repository;
mod source;
mod stage;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

pub use cancel::CancelFlag;
pub use capture::Captured;
pub use difference::{DifferenceKind, FileDifference, difference_of_trees};
pub use error::VaultError;
pub use repository::{CheckReport, Listing, PARTIAL, SnapshotInfo, Vault};
pub use source::Source;
pub use stage::{FileProblem, Staged};
pub(crate) use store::{make_private_dir, sync_dir};
