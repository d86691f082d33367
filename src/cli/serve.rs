//! `codeblue serve`

use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    error::{CliError, Exit},
    host::Hosted,
    log,
    session::Session,
};
use crate::engine::SystemClock;

/// Run the engine alone, without the board
#[derive(Debug, Args)]
pub struct Serve {}

impl Serve {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        if session.is_elsewhere() {
            return Err(CliError::Usage("serve starts the engine of a home; --host does not go with it".to_owned()));
        }
        let home = session.home()?;
        let mut told = Told::listen()?;
        let _log = log::keep(&home, false)?;
        let hosted = Hosted::start(&home, Arc::new(SystemClock)).await?;
        let state = hosted.state();
        session.output.progress(&format!(
            "engine of {} answers on {}; {} services, log in {}; Ctrl-C stops it",
            state.platform.name,
            home.socket().display(),
            state.platform.services.len(),
            home.log().display()
        ));
        let reason = told.wait().await;
        session.output.progress("stopping in good order; a second Ctrl-C leaves at once, and the next start resumes");
        tokio::select! {
            () = hosted.stop(reason) => Ok(Exit::Done),
            _ = told.wait() => Ok(Exit::Failed),
        }
    }
}

/// Whoever may want this process to end.
pub(super) struct Told {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Told {
    pub(super) fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|error| CliError::Failed(format!("signals: {error}")));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Who it is, when somebody does.
    pub(super) async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "terminated",
            _ = self.hangup.recv() => "its terminal went away",
        }
    }
}
