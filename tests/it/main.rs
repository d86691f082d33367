//! Tests from outside, in one binary.
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod api;
mod crash;
mod desk;
mod executor;
mod house;
mod invariants;
mod outage;
mod properties;
mod served;
mod simulation;
mod stream;
mod terminal;
mod world;
