//! Floor 5. A connection to an engine: questions and commands (`connection`), the live stream that finds its way back by
//! itself (`updates`), what is recent and what is older (`recent`), who follows a run together (`readers`), and the wire format of that stream (`sse`).
//!
//! An engine is reached on its socket, over TLS, or on its socket through OpenSSH (`tunnel`): that is its `way`. How people write that is in `address`,
//! which they have named in `hosts`, whom a client trusts in `pin`, how a long answer is read in `body`,
//! and why nobody was reached in `error`. Whether both sides understand each other says `level`; many engines at once are followed in `fleet`.

mod address;
mod body;
mod connection;
mod error;
pub mod fleet;
pub mod hosts;
mod leash;
mod level;
mod pin;
mod readers;
mod recent;
mod sse;
mod tunnel;
mod updates;
mod way;

pub use address::{BadAddress, HostAddress, SshAddress, TlsAddress};
pub use connection::{Client, Trust};
pub use error::ClientError;
pub use leash::{LEASH, hold_leash};
pub use pin::fingerprint_at;
pub use updates::Update;
