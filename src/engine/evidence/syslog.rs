//! The system's log: one line a checkpoint, in the form of RFC 3164 that every `/dev/log` takes.

use std::{io, path::Path};

use chrono::{DateTime, Utc};
use tokio::net::UnixDatagram;

use crate::store::SignedCheckpoint;

/// Facility `authpriv`, severity `notice`: who may see it is who may see who logs in.
const PRIORITY: u8 = 10 * 8 + 5;

/// Sends a checkpoint: its three lines and its signatures, with slashes between.
pub(super) async fn send(socket: &Path, at: DateTime<Utc>, signed: &SignedCheckpoint) -> io::Result<()> {
    let datagram = UnixDatagram::unbound()?;
    datagram.send_to(line(at, signed).as_bytes(), socket).await.map(|_| ())
}

fn line(at: DateTime<Utc>, signed: &SignedCheckpoint) -> String {
    let (time, process) = (at.format("%b %e %H:%M:%S"), std::process::id());
    let note = signed.to_string();
    let parts: Vec<&str> = note.lines().filter(|line| !line.is_empty()).collect();
    format!("<{PRIORITY}>{time} codeblue[{process}]: checkpoint {}", parts.join(" / "))
}
