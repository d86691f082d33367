//! Floor 4. The one process per host that holds the truth and acts.
//!
//! `core` is the loop and the only writer of the journal; `handle` is how everybody speaks to it; `home` is where it keeps
//! its files. This room alone knows all rooms of floor 3 and alone reads the clock.

mod clock;
mod core;
mod handle;
mod home;
mod messages;

pub use clock::{Clock, SystemClock};
pub use handle::{DryRunRequest, EngineHandle, QueryError};
pub use home::{Home, HomeError};
pub use messages::*;
