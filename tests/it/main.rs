//! Tests from outside, in one binary.
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod adapters;
mod aftermath;
mod anomalies;
mod api;
mod cli;
mod clocks;
mod crash;
mod desk;
mod disaster;
mod drills;
mod errors;
mod evidence;
mod executor;
mod faults;
mod foresight;
mod heartbeats;
mod history;
mod house;
mod invariants;
mod maintenance;
mod nab;
mod outage;
mod properties;
mod recipes;
mod redundancy;
mod remedies;
mod rows;
mod rules;
mod served;
mod simulation;
mod stream;
mod terminal;
mod world;
mod year;
