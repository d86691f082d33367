//! Floor 5. The engine's HTTP surface on its socket: who is calling (`identity`), how connections are taken and let go
//! (`server`), what can be asked (`routes`, `audit`, `emergency`, `errors`, `events`, `heartbeats`, `knowledge`, `people`), and how errors look (`problem`).
//!
//! A new route gets its handler in the file of its subject and its line in `routes`.

mod audit;
mod emergency;
mod errors;
mod events;
mod heartbeats;
mod identity;
mod knowledge;
mod metrics;
mod people;
mod problem;
mod routes;
mod server;

pub use server::{ApiError, Server, serve};
