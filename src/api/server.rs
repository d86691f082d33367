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

use super::{identity::Peer, routes};
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

/// Serves an engine on a socket that only this user can open.
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
    let listener = UnixListener::bind(socket).map_err(error)?;
    std::fs::set_permissions(socket, Permissions::from_mode(0o600)).map_err(error)?;
    let stop = CancellationToken::new();
    let task = tokio::spawn(accept(listener, engine, stop.clone()));
    Ok(Server { stop, task, path: socket.to_owned() })
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
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
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
