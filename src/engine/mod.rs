//! Floor 4. The one process per host that holds the truth and acts.

mod messages;

pub use messages::*;
