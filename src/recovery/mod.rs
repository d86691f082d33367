//! Floor 3. Capturing and restoring the components of a platform, one file per adapter; stands on the vault.
//!
//! A restore never writes into what is live. It builds the new state beside it, on the same file system, proves it, writes down
//! what it is about to do (`switch`), and then renames. After a kill at any point the same call, or `settle`, ends it: before
//! the note is written the live state is untouched and the rest is litter; after it, each rename is either seen to have happened
//! (the live path has the inode of what was staged) or is made now. Everything blocks and can be cancelled until the note is
//! written. A new adapter gets a file here with its
//! `Handler`, and an arm in `adapter::handler`.

mod adapter;
mod command;
mod env;
mod error;
mod files;
mod flags;
mod git;
mod postgres;
mod program;
mod release;
mod reload;
mod sqlite;
mod switch;
mod tables;
#[cfg(test)]
pub(crate) mod tests;

pub use adapter::{
    ComponentCapture, DryRun, Observed, Proof, Restored, TableDifference, Target, capture, dry_run, is_absent, observe,
    releases, restore, settle, test_restore, verify,
};
pub use error::RecoveryError;
pub use postgres::{Following, follow};
pub use program::{end_left, write_note};
pub use reload::{ProgramOutput, reload, run_program};
pub use switch::Settled;
