//! What systemd is told: that the engine is ready, reads its file anew, lives, and stops. Without systemd nobody is told anything.

use std::{
    env,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::engine::EngineHandle;

/// How long the system may take what it is told; the engine has other things to do than to wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who started this process and wants to know how it is.
#[derive(Debug, Clone)]
pub(super) struct Supervisor {
    address: SocketAddr,
    /// How often it has to hear that the engine lives.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// The one that the environment names, if any.
    pub(super) fn of_environment() -> Option<Self> {
        let path = env::var("NOTIFY_SOCKET").ok().filter(|path| !path.is_empty())?;
        let address = match path.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(&path),
        };
        let own = env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let every = env::var("WATCHDOG_USEC").ok().and_then(|every| every.parse().ok()).map(Duration::from_micros);
        match address {
            Ok(address) => Some(Self { address, watchdog: every.filter(|every| own && !every.is_zero()) }),
            Err(cause) => {
                warn!(%cause, path, "NOTIFY_SOCKET is no socket; nobody is told how the engine is");
                None
            }
        }
    }

    fn tell(&self, message: &str) {
        let sent = UnixDatagram::unbound().and_then(|socket| {
            socket.set_write_timeout(Some(PATIENCE))?;
            socket.send_to_addr(message.as_bytes(), &self.address)
        });
        if let Err(cause) = sent {
            warn!(%cause, "systemd was not told: {message}");
        }
    }

    /// The engine answers.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// It stops, and needs some time for that.
    pub(super) fn stopping(&self, status: &str) {
        self.tell(&format!("STOPPING=1\nSTATUS={status}"));
    }

    /// It is away for a moment, and lives.
    pub(super) fn away(&self, status: &str) {
        self.tell(&format!("STATUS={status}\nWATCHDOG=1"));
    }

    /// Tells that the engine lives, for as long as its loop answers: one that hangs is started anew.
    pub(super) async fn watch(self, engine: EngineHandle, stop: CancellationToken) {
        let Some(every) = self.watchdog else { return };
        loop {
            match tokio::time::timeout(every / 2, engine.answers()).await {
                Ok(true) => self.tell("WATCHDOG=1"),
                Ok(false) => return,
                Err(_) => warn!("the engine's loop does not answer"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every / 3) => {}
            }
        }
    }
}
