//! Many engines at once: what is known of each, and how old that is.
//!
//! `summary` is what is kept of an engine's state, `model` what is known of all hosts and the rule by which a host that is not heard
//! counts as unknown (both pure: time comes in as a value), `merged` the lists made of all of them, `follow` the streams, and `look` one
//! look at each.

mod follow;
mod look;
mod merged;
mod model;
mod summary;
#[cfg(test)]
mod tests;

pub use follow::{HostToFollow, follow_hosts};
pub use look::{Looked, look_at};
pub use merged::{FleetTotals, Merged};
pub use model::{Fleet, FleetHost, HostLink, HostNews, HostSight, HostTold, SILENT};
pub use summary::{HostSummary, OpenIncident, StatusCounts, UnwellService, WaitingChange};
