//! Taking connections on the engine's socket and letting them go again.

use std::{
    fs::Permissions,
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::{identity::Peer, routes, stalled::Impatient};
use crate::engine::EngineHandle;

/// Connections at the same time at most.
const CONNECTIONS: usize = 256;
/// How long a caller may take to say what it wants.
const HEADER: Duration = Duration::from_secs(10);
/// How long answers under way have when the server stops.
const DRAIN: Duration = Duration::from_secs(3);

/// Why the socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The socket could not be made.
    #[error("socket {path}: {source}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What was said.
        source: io::Error,
    },
    /// The platform file opens the socket to a group that cannot be had.
    #[error("socket {path} for the group {group}: {reason}")]
    Group {
        /// The socket.
        path: PathBuf,
        /// The group.
        group: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// A Unix socket's path is limited to 107 bytes.
    #[error("socket {path}: the path is too long for a socket; choose a shorter home with --home")]
    TooLong {
        /// The socket.
        path: PathBuf,
    },
}

/// A running server.
pub struct Server {
    stop: CancellationToken,
    task: JoinHandle<()>,
    path: PathBuf,
}

impl Server {
    /// Takes no new connections, lets answers under way finish, ends event streams, removes the socket.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Serves an engine on a socket that only this user can open, and the members of the group that the platform file names.
///
/// # Errors
/// When the socket cannot be made. Call it with the home's lock held: what is in the way is then a dead engine's socket.
pub fn serve(engine: EngineHandle, socket: &Path) -> Result<Server, ApiError> {
    let error = |source| ApiError::Socket { path: socket.to_owned(), source };
    if socket.as_os_str().len() > 107 {
        return Err(ApiError::TooLong { path: socket.to_owned() });
    }
    match std::fs::remove_file(socket) {
        Err(other) if other.kind() != io::ErrorKind::NotFound => return Err(error(other)),
        _ => {}
    }
    let group = engine.state().platform.access.socket_group.clone();
    let listener = UnixListener::bind(socket).map_err(error)?;
    match group {
        None => std::fs::set_permissions(socket, Permissions::from_mode(0o600)).map_err(error)?,
        Some(group) => open_to(&group, socket)?,
    }
    let stop = CancellationToken::new();
    let task = tokio::spawn(accept(listener, engine, stop.clone()));
    Ok(Server { stop, task, path: socket.to_owned() })
}

/// Lets the members of a group reach the socket and nothing beside it: its folder may be passed through, not read.
fn open_to(group: &str, socket: &Path) -> Result<(), ApiError> {
    let refused = |reason: String| ApiError::Group { path: socket.to_owned(), group: group.to_owned(), reason };
    let id = group_id(group).ok_or_else(|| refused("there is no such group; make it with groupadd".to_owned()))?;
    let folder = socket.parent().unwrap_or(Path::new("/"));
    for (path, mode) in [(folder, 0o710), (socket, 0o660)] {
        std::os::unix::fs::chown(path, None, Some(id))
            .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(mode)))
            .map_err(|error| refused(format!("{error}; the user the engine runs as has to be a member")))?;
    }
    Ok(())
}

/// The number of a group of this host, from `/etc/group`.
fn group_id(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

async fn accept(listener: UnixListener, engine: EngineHandle, stop: CancellationToken) {
    let router = routes::router(engine, stop.clone());
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { break };
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(cause) => {
                    warn!(%cause, "accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let Some(peer) = peer(&stream) else { continue };
        let service = router.clone().map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(peer);
            request.map(axum::body::Body::new)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER)
            .max_headers(64)
            .serve_connection(TokioIo::new(Impatient::new(stream)), TowerToHyperService::new(service));
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(cause) = watched.await {
                debug!(%cause, "connection");
            }
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        warn!("some answers were cut off");
    }
}

fn peer(stream: &UnixStream) -> Option<Peer> {
    match stream.peer_cred() {
        Ok(credentials) => Some(Peer { uid: credentials.uid() }),
        Err(cause) => {
            warn!(%cause, "a caller without credentials was turned away");
            None
        }
    }
}
