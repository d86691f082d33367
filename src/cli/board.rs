//! `codeblue` without a command: the board. It attaches to the engine of this home, or runs one inside itself.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    error::{CliError, Exit},
    serve::{Running, start},
    session::Session,
};
use crate::{
    engine::SystemClock,
    tui::{BoardError, BoardOptions, Theme, board},
};

/// Shows the board until it is left.
pub async fn run(session: &Session) -> Exit {
    match show(session).await {
        Ok(()) => Exit::Done,
        Err(error) => session.output.error(&error),
    }
}

async fn show(session: &Session) -> Result<(), CliError> {
    let client = session.client()?;
    let elsewhere = session.is_elsewhere() || client.is_up().await;
    let (tell, failed) = oneshot::channel();
    let hosted = if elsewhere {
        None
    } else {
        let home = session.home()?;
        // A wrong platform file is told before the screen is taken.
        crate::platform::load(&home.platform_file())?;
        Some(tokio::spawn(async move {
            match start(&home).await {
                Ok(running) => Some(running),
                Err(error) => {
                    let _ = tell.send(error.to_string());
                    None
                }
            }
        }))
    };
    let shown = board(BoardOptions {
        client,
        clock: Arc::new(SystemClock),
        theme: theme(session),
        drill: None,
        failed: hosted.is_some().then_some(failed),
        hosts_engine: !elsewhere,
    })
    .await;
    if let Some(hosted) = hosted
        && let Ok(Some(running)) = hosted.await
    {
        leave(running, &shown).await;
    }
    Ok(shown?)
}

/// Ends an engine that ran inside a board. A recovery under way is finished first: it must not depend on a terminal.
pub(super) async fn leave(running: Running, shown: &Result<(), BoardError>) {
    running.finish_recoveries().await;
    let reason = if shown.is_ok() { "its board was left" } else { "its board ended" };
    running.stop(reason).await;
}

/// How the board looks here.
pub(super) fn theme(session: &Session) -> Theme {
    if session.output.wants_colour() { Theme::ansi() } else { Theme::mono() }
}

impl From<BoardError> for CliError {
    fn from(error: BoardError) -> Self {
        match error {
            BoardError::NoScreen(_) => Self::Usage(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
