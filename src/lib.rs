//! codeblue: the room where an outage is run. This page is the map; lower floors never import higher ones.
//!
//! ```text
//! floor 1  platform    the platform file: types, parsing, validation, dependency graph
//! floor 2  domain      the rules of the product as pure functions over one state
//! floor 3  store       the journal, the sample store, the checkpoints
//!          checks      one file per kind of check
//!          vault       the encrypted snapshot store, in restic's format
//!          recovery    one file per adapter; stands on the vault
//!          diagnosis   what broke, from evidence
//!          report      documents made from the state
//!          runbook     Markdown files for an emergency: read, judged, laid out, planned
//! floor 4  engine      the loop that takes commands, records events and starts effects
//! floor 5  api         the engine's HTTP surface and the identity of those who call
//!          client      a connection to an engine
//! floor 6  tui         the board
//!          cli         the command line
//!          sandbox     the demo platform of real processes, and its faults
//! ```

pub mod api;
pub mod checks;
pub mod cli;
pub mod client;
pub mod diagnosis;
pub mod domain;
pub mod engine;
pub mod platform;
pub mod recovery;
pub mod report;
pub mod runbook;
pub mod sandbox;
pub mod store;
pub mod tui;
pub mod vault;
