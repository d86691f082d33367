//! The lines of services as they are written: `sources` reads them all the time, `shelves` keeps the newest of each service, redacted,
//! and hands them to the patterns; `kept` is what of it is on disk, `push` what is sent. A diagnosis reads the shelves.

mod kept;
mod push;
mod shelves;
mod sources;

pub use push::{LogAnswer, LogRefusal};
pub use shelves::LogFigures;

pub(super) use shelves::Collected;
pub(super) use sources::keep;
