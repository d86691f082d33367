//! Circuit breakers: one per service, which says whether others should call it. Checks open and close it, people may force it
//! for a time; nothing stands in front of a service yet that acts on it.

mod counter;
mod record;
mod rules;
mod thresholds;

#[cfg(test)]
mod tests;

pub use counter::BreakerCounter;
pub use record::{Breaker, BreakerFigures, BreakerState, ForcedTo};
pub use rules::BREAKER_LONGEST_FORCE;
pub(in crate::domain) use rules::{advance, apply, deadlines, force, record, reset};
pub use thresholds::{BreakerRate, BreakerThresholds};
