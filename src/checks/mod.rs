//! Floor 3. Probes of services: one file per kind of check, `prober` which chooses among them and holds their deadline,
//! `outcome` which is what comes back, and `client` and `certificate` for all that ask over HTTP.
//!
//! A probe never fails as a program: whatever goes wrong is a bad reading with a line that says what. Nothing here judges a
//! service or knows about others; nothing here writes: what `rows` remembers is kept by whoever starts the prober (`Baselines`), as
//! is what `heartbeat` and `alert` have been told (`Heartbeats`, `Alerts`). A new kind of check is a file here, a variant of `platform::Probe`, and
//! its keys in `platform/parse_probe`. The detail of an outcome may quote the outside world: redact it before it is stored.

mod alert;
mod certificate;
mod client;
mod clock;
mod command;
mod dns;
mod heartbeat;
mod host;
mod http;
mod inference;
mod log;
mod outcome;
mod postgres;
mod prober;
mod process;
mod promql;
mod rows;
mod sqlite;
mod tcp;
mod workflow;

pub use alert::Alerts;
pub use certificate::not_after as certificate_end;
pub use heartbeat::Heartbeats;
pub use outcome::Outcome;
pub use prober::Prober;
pub use rows::Baselines;
