//! Floor 6. The command line.

pub mod demo;
pub mod host;
