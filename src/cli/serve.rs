//! `codeblue serve`, and an engine inside this process for whoever needs one.

use std::{sync::Arc, time::Duration};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    error::{CliError, Exit},
    log,
    session::Session,
};
use crate::{
    api::{self, Server},
    engine::{Engine, EngineHandle, Home, SystemClock},
    platform::count,
};

/// How long a last snapshot may keep the engine from stopping; systemd waits 90 s before it kills.
const FINAL_SNAPSHOT: Duration = Duration::from_secs(45);

/// Run the engine alone, without the board
#[derive(Debug, Args)]
pub struct Serve {}

/// An engine that runs inside this process and answers on its home's socket.
pub struct Running {
    engine: Engine,
    server: Server,
}

impl Running {
    /// How to speak to it without the socket.
    #[must_use]
    pub fn handle(&self) -> EngineHandle {
        self.engine.handle()
    }

    /// Waits until no recovery runs any more.
    pub async fn finish_recoveries(&self) {
        let engine = self.engine.handle();
        let mut events = engine.subscribe();
        while engine.state().running_recoveries().next().is_some() {
            if let Err(tokio::sync::broadcast::error::RecvError::Closed) = events.recv().await {
                return;
            }
        }
    }

    /// Stops in good order: first the socket, then what runs.
    pub async fn stop(self, reason: &str) {
        self.server.stop().await;
        self.engine.stop(reason).await;
    }
}

/// Starts the engine of a home and its socket.
///
/// # Errors
/// When the home is taken or damaged, the platform file is wrong, or the socket cannot be made. Nothing runs then.
pub async fn start(home: &Home) -> Result<Running, CliError> {
    let engine = Engine::start(home, Arc::new(SystemClock)).await?;
    match api::serve(engine.handle(), &home.socket()) {
        Ok(server) => Ok(Running { engine, server }),
        Err(error) => {
            engine.stop("its socket could not be made").await;
            Err(CliError::Failed(error.to_string()))
        }
    }
}

impl Serve {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        if session.is_elsewhere() {
            return Err(CliError::Usage("serve starts the engine of a home; --host does not go with it".to_owned()));
        }
        let home = session.home()?;
        let mut told = Told::listen()?;
        let _log = log::keep(&home, false)?;
        let running = start(&home).await?;
        let state = running.handle().state();
        session.output.progress(&format!(
            "engine of {} answers on {}; {}, log in {}; Ctrl-C stops it",
            state.platform.name,
            home.socket().display(),
            count(state.platform.services.len(), "service"),
            home.log().display()
        ));
        let reason = told.wait().await;
        session.output.progress(
            "stopping in good order, with a last snapshot; a second Ctrl-C leaves at once, and the next start resumes",
        );
        let stopping = async {
            running.engine.take_final_snapshot(FINAL_SNAPSHOT).await;
            running.stop(reason).await;
        };
        tokio::select! {
            () = stopping => Ok(Exit::Done),
            _ = told.wait() => Ok(Exit::Failed),
        }
    }
}

/// Waits until somebody or the system wants this process to end, and says who.
///
/// # Errors
/// When signals cannot be listened to.
pub async fn until_told_to_stop() -> Result<&'static str, CliError> {
    Ok(Told::listen()?.wait().await)
}

struct Told {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Told {
    fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|error| CliError::Failed(format!("signals: {error}")));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "terminated",
            _ = self.hangup.recv() => "its terminal went away",
        }
    }
}
