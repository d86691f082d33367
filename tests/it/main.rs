//! Tests from outside, in one binary.
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod api;
mod outage;
mod served;
mod stream;
mod terminal;
