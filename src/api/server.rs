//! Taking connections on the engine's socket and letting them go again, and what is the same for those from other hosts.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
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
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::{
    door::Door,
    hurried::Hurried,
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
/// How long who has just come has to say what it wants when the server stops: it was taken in, and is not to be turned away.
const GREETING: Duration = Duration::from_millis(500);
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
    front: Option<Arc<Front>>,
    /// The door that closes with it; none where somebody else holds it open.
    door: Option<Door>,
}

impl Server {
    /// What it shows over TLS, where it listens for other hosts.
    #[must_use]
    pub fn tls(&self) -> Option<TlsFigures> {
        self.front.as_ref().map(|front| front.figures())
    }

    /// Takes no new connections, answers those who are there, ends event streams; closes the door if it is its own.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
        if let Some(door) = self.door {
            door.close();
        }
    }
}

/// Serves an engine on a socket, with a door of its own: see [`serve_through`].
///
/// # Errors
/// When the socket cannot be made, or the address cannot be listened on. Call it with the home's lock held: what is in the way is then a dead engine's socket.
pub fn serve(engine: EngineHandle, socket: &Path) -> Result<Server, ApiError> {
    let mut door = Door::open(socket)?;
    match serve_through(engine, &mut door) {
        Ok(server) => Ok(Server { door: Some(door), ..server }),
        Err(error) => {
            door.close();
            Err(error)
        }
    }
}

/// Serves an engine through a door: its socket is for this user alone and the members of the group that the platform file names, and where that
/// file says so, others are answered over TLS.
///
/// # Errors
/// When the group cannot be had, or the address cannot be listened on.
pub fn serve_through(engine: EngineHandle, door: &mut Door) -> Result<Server, ApiError> {
    let platform = engine.state().platform.clone();
    door.let_in(platform.access.socket_group.as_deref())?;
    let guests = door.guests(platform.listen.as_ref().map(|listen| listen.tls))?;
    let stop = CancellationToken::new();
    let (front, guests) = match (&platform.listen, guests) {
        (Some(listen), Some(listener)) => {
            let (front, acceptor) = Front::open(&engine, listen, &listener)?;
            (Some(Arc::new(front)), Some((listener, acceptor)))
        }
        _ => (None, None),
    };
    let router = routes::router(engine.clone(), front.clone(), stop.clone());
    let mut tasks = vec![tokio::spawn(accept(door.socket.clone(), router.clone(), stop.clone()))];
    if let Some((listener, acceptor)) = guests {
        tasks.push(tokio::spawn(tls::accept(listener, acceptor, router, stop.clone())));
    }
    if let Some(front) = &front {
        tasks.push(tokio::spawn(front.clone().keep(engine, stop.clone())));
    }
    Ok(Server { stop, tasks, front, door: None })
}

async fn accept(listener: Arc<UnixListener>, router: axum::Router, stop: CancellationToken) {
    let (graceful, fresh) = (GracefulShutdown::new(), TaskTracker::new());
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
        let watched = graceful.watch(connection(stream, router.clone(), peer, fresh.token()));
        tokio::spawn(async move {
            if let Err(cause) = watched.await {
                debug!(%cause, "connection");
            }
            drop(slot);
        });
    }
    drop(listener);
    drain(graceful, fresh).await;
}

/// Answers what comes over a connection, until it ends. It is fresh until it has asked for something.
pub(super) fn connection<S>(
    stream: S,
    router: axum::Router,
    peer: Peer,
    fresh: TaskTrackerToken,
) -> impl GracefulConnection<Error = hyper::Error> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let fresh = Arc::new(Mutex::new(Some(fresh)));
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        fresh.lock().unwrap_or_else(PoisonError::into_inner).take();
        request.extensions_mut().insert(peer.clone());
        request.map(|body| axum::body::Body::new(Hurried::new(body)))
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_headers(64)
        .max_buf_size(HEADERS)
        .serve_connection(TokioIo::new(Impatient::new(stream)), TowerToHyperService::new(service))
}

/// Hears those out who have just come, and lets answers under way finish.
pub(super) async fn drain(graceful: GracefulShutdown, fresh: TaskTracker) {
    fresh.close();
    if tokio::time::timeout(GREETING, fresh.wait()).await.is_err() {
        debug!("some callers said nothing");
    }
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
