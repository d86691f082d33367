//! Who is on call: by the schedules of the platform file, and by what people override in them.
//!
//! - `record`: an override, a shift, and whom a call to the one on call reaches;
//! - `shifts`: who has which shift;
//! - `rules`: who may override what, and how that is taken back;
//! - `handover`: whom an incident calls, and what happens to it at a hand-over.

mod handover;
mod record;
mod rules;
mod shifts;

#[cfg(test)]
mod tests;

pub use handover::schedule_of;
pub(in crate::domain) use handover::{deadlines, hand_over, nobody_there, whom};
pub use record::{Duty, OnCall, OnCallOverride, Shift};
pub(in crate::domain) use rules::{Wish, apply, end, override_shift};
pub use shifts::{duty, on_call, on_call_again, shifts};
