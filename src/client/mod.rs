//! Floor 5. A connection to an engine: questions and commands (`connection`), the live stream that finds its way back by
//! itself (`updates`), who follows a run together (`readers`), and the wire format of that stream (`sse`).

mod connection;
mod readers;
mod sse;
mod updates;

pub use connection::{Client, ClientError};
pub use updates::Update;
