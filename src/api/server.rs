//! Taking connections on the engine's socket and letting them go again, and what is the same for those from other hosts.

use std::{
    fs::Permissions,
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulConnection, GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::{
    identity::Peer,
    routes,
    stalled::Impatient,
    tls::{self, Front},
};
use crate::engine::{EngineHandle, TlsFigures};

/// Connections at the same time at most.
const CONNECTIONS: usize = 256;
/// How long a caller may take to say what it wants.
const HEADER: Duration = Duration::from_secs(10);
/// Bytes of a request's headers at most.
const HEADERS: usize = 64 * 1024;
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
    /// The address of the platform file cannot be listened on.
    #[error("[listen] tls = \"{address}\": {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
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
    tasks: Vec<JoinHandle<()>>,
    path: PathBuf,
    front: Option<Arc<Front>>,
}

impl Server {
    /// What it shows over TLS, where it listens for other hosts.
    #[must_use]
    pub fn tls(&self) -> Option<TlsFigures> {
        self.front.as_ref().map(|front| front.figures())
    }

    /// Takes no new connections, lets answers under way finish, ends event streams, removes the socket.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Serves an engine on a socket that only this user can open, and the members of the group that the platform file names; where that
/// file says so also over TLS.
///
/// # Errors
/// When the socket cannot be made, or the address cannot be listened on. Call it with the home's lock held: what is in the way is then a dead engine's socket.
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
    let listen = engine.state().platform.listen.clone();
    let (front, guests) = match listen.map(|listen| Front::open(&engine, &listen)).transpose()? {
        None => (None, None),
        Some((front, listener, acceptor)) => (Some(Arc::new(front)), Some((listener, acceptor))),
    };
    let router = routes::router(engine.clone(), front.clone(), stop.clone());
    let mut tasks = vec![tokio::spawn(accept(listener, router.clone(), stop.clone()))];
    if let Some((listener, acceptor)) = guests {
        tasks.push(tokio::spawn(tls::accept(listener, acceptor, router, stop.clone())));
    }
    if let Some(front) = &front {
        tasks.push(tokio::spawn(front.clone().keep(engine, stop.clone())));
    }
    Ok(Server { stop, tasks, path: socket.to_owned(), front })
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

async fn accept(listener: UnixListener, router: axum::Router, stop: CancellationToken) {
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
        let watched = graceful.watch(connection(stream, router.clone(), peer));
        tokio::spawn(async move {
            if let Err(cause) = watched.await {
                debug!(%cause, "connection");
            }
            drop(slot);
        });
    }
    drop(listener);
    drain(graceful).await;
}

/// Answers what comes over a connection, until it ends.
pub(super) fn connection<S>(
    stream: S,
    router: axum::Router,
    peer: Peer,
) -> impl GracefulConnection<Error = hyper::Error> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        request.map(axum::body::Body::new)
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_headers(64)
        .max_buf_size(HEADERS)
        .serve_connection(TokioIo::new(Impatient::new(stream)), TowerToHyperService::new(service))
}

/// Lets answers under way finish.
pub(super) async fn drain(graceful: GracefulShutdown) {
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        warn!("some answers were cut off");
    }
}

fn peer(stream: &UnixStream) -> Option<Peer> {
    match stream.peer_cred() {
        Ok(credentials) => Some(Peer::User(credentials.uid())),
        Err(cause) => {
            warn!(%cause, "a caller without credentials was turned away");
            None
        }
    }
}
