//! Drills on a real demo: every step of every book is run by one, and one that must stop is stopped.
#![expect(clippy::unwrap_used, reason = "a helper of a test that fails is a test that fails")]

mod broken;
mod coverage;
mod demo;
mod routes;
mod stops;
mod table;
mod walker;
