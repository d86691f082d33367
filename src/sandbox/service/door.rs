//! How a service takes connections, and how it stops taking them while its process lives.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::serve::Listener;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::sleep,
};

use super::{super::kind::FaultKind, context::Context};

const BACKLOG: u32 = 1024;
/// Linux lets one connection more wait than it is told.
const SHORT_BACKLOG: u32 = 1;
const BEFORE_ANOTHER_TRY: Duration = Duration::from_millis(500);

/// Whether connections are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Access {
    #[default]
    Open,
    /// They are refused.
    Refused,
    /// They wait, and then no more can even wait.
    Stalled,
}

/// The port of a service.
pub(super) struct Door {
    address: SocketAddr,
    held: Held,
    access: watch::Receiver<Access>,
    context: Arc<Context>,
}

enum Held {
    Listening(TcpListener),
    /// Bound and not listening: nobody else gets the port, and everybody is refused. None while it is bound anew.
    Bound(Option<TcpSocket>),
}

impl Access {
    pub(super) fn of(context: &Context) -> Self {
        if context.suffers_from(FaultKind::Refuse) {
            Self::Refused
        } else if context.suffers_from(FaultKind::AcceptStall) {
            Self::Stalled
        } else {
            Self::Open
        }
    }
}

impl Door {
    pub(super) fn new(
        listener: TcpListener,
        access: watch::Receiver<Access>,
        context: Arc<Context>,
    ) -> io::Result<Self> {
        Ok(Self { address: listener.local_addr()?, held: Held::Listening(listener), access, context })
    }

    fn obey(&mut self, access: Access) -> io::Result<()> {
        if access == Access::Refused {
            if matches!(self.held, Held::Listening(_) | Held::Bound(None)) {
                self.held = Held::Bound(None);
                self.held = Held::Bound(Some(bind(self.address)?));
            }
            return Ok(());
        }
        if let Held::Bound(socket) = &mut self.held {
            let socket = socket.take().map_or_else(|| bind(self.address), Ok)?;
            self.held = Held::Listening(socket.listen(BACKLOG)?);
        }
        if let Held::Listening(listener) = &self.held {
            let backlog = if access == Access::Stalled { SHORT_BACKLOG } else { BACKLOG };
            rustix::net::listen(listener, i32::try_from(backlog).unwrap_or(i32::MAX))?;
        }
        Ok(())
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let access = *self.access.borrow_and_update();
            if let Err(error) = self.obey(access) {
                self.context.log.error(&format!("the port cannot be held: {error}"));
                sleep(BEFORE_ANOTHER_TRY).await;
                continue;
            }
            let Self { held, access: orders, context, .. } = self;
            let changed = async {
                if orders.changed().await.is_err() {
                    // the service ends
                    std::future::pending::<()>().await;
                }
            };
            match held {
                Held::Listening(listener) if access == Access::Open => tokio::select! {
                    accepted = TcpListener::accept(listener) => match accepted {
                        Ok(accepted) => return accepted,
                        Err(error) => {
                            context.log.error(&format!("no connection can be accepted: {error}"));
                            sleep(BEFORE_ANOTHER_TRY).await;
                        }
                    },
                    () = changed => {}
                },
                _ => changed.await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
