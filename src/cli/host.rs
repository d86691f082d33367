//! An engine with its socket inside this process, and ending both in good order.

use std::sync::Arc;

use crate::{
    api::{self, ApiError, Server},
    domain::State,
    engine::{Clock, Engine, Home, StartError},
};

/// An engine with its socket.
pub struct Hosted {
    engine: Engine,
    server: Server,
}

/// Why neither is there.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its socket could not be served.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl Hosted {
    /// Starts an engine in a home and serves its socket.
    ///
    /// # Errors
    /// When either cannot be had. Nothing runs then.
    pub async fn start(home: &Home, clock: Arc<dyn Clock>) -> Result<Self, HostError> {
        let engine = Engine::start(home, clock).await?;
        match api::serve(engine.handle(), &home.socket()) {
            Ok(server) => Ok(Self { engine, server }),
            Err(error) => {
                engine.stop("its socket could not be served").await;
                Err(error.into())
            }
        }
    }

    /// What the engine holds true now.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.engine.handle().state()
    }

    /// Waits until no recovery runs any more: who leaves or loses a terminal does not stop a recovery with it.
    pub async fn finish_recoveries(&self) {
        let engine = self.engine.handle();
        let mut events = engine.subscribe();
        while engine.state().running_recoveries().next().is_some() {
            if events.recv().await.is_err() {
                events = engine.subscribe();
            }
        }
    }

    /// Ends both in good order.
    pub async fn stop(self, reason: &str) {
        self.server.stop().await;
        self.engine.stop(reason).await;
    }
}
