//! Floor 5. The engine's HTTP surface on its socket: who is calling (`identity`), how connections are taken and let go
//! (`server`, from other hosts `tls`, where they come in `door`), what can be asked (`routes`, `alerts`, `audit`, `breakers`, `certificates`, `emergency`, `errors`, `events`, `exercise`, `heartbeats`, `knowledge`, `logs`,
//! `people`, `pings`, `platform`, `readers`, `metrics` in the forms of `exposition`), how lists come in pages (`lists`), how large answers are packed (`packed`), what is done once although it is sent twice (`once`, and on disk `begun`), who sends too much
//! (`allowance`), who takes nothing (`stalled`) or never ends (`hurried`), what could be read in two ways (`plain`), and how errors look (`problem`).
//!
//! A new route gets its handler in the file of its subject and its line in `routes`.

mod alerts;
mod allowance;
mod audit;
mod begun;
mod breakers;
mod certificates;
mod door;
mod emergency;
mod errors;
mod events;
mod exercise;
mod exposition;
mod heartbeats;
mod hurried;
mod identity;
mod knowledge;
mod lists;
mod logs;
mod metrics;
mod once;
mod packed;
mod people;
mod pings;
mod plain;
mod platform;
mod problem;
mod readers;
mod routes;
mod server;
mod stalled;
mod tls;

pub use door::Door;
pub use server::{ApiError, Server, serve, serve_through};

/// What the API gives and takes, as OpenAPI.
pub const DESCRIPTION: &str = include_str!("openapi.json");
