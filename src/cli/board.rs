//! `codeblue` alone: the board, on the engine of this home or on one started inside this process.

use std::{io::IsTerminal, sync::Arc};

use tokio::sync::oneshot;

use super::{
    error::{CliError, Exit},
    host::Hosted,
    log,
    session::Session,
};
use crate::{
    client::{Client, ClientError},
    engine::{Home, SystemClock},
    tui::{self, BoardOptions, NoScreen, Theme},
};

pub(super) async fn run(session: &Session) -> Result<Exit, CliError> {
    needs_terminal()?;
    let client = session.client()?;
    match client.whoami().await {
        Err(ClientError::NoEngine { .. }) if !session.is_elsewhere() => host(session, client).await,
        Err(error @ ClientError::NoEngine { .. }) => Err(error.into()),
        _ => {
            tui::board(options(session, client, None)).await?;
            Ok(Exit::Done)
        }
    }
}

/// Says so before an engine is started for a board that cannot be shown.
pub(super) fn needs_terminal() -> Result<(), CliError> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        Ok(())
    } else {
        Err(NoScreen::NotATerminal.into())
    }
}

fn options(session: &Session, client: Client, hosted: Option<oneshot::Receiver<String>>) -> BoardOptions {
    BoardOptions {
        client,
        clock: Arc::new(SystemClock),
        theme: theme(session),
        drill: None,
        hosts_engine: hosted.is_some(),
        failed: hosted,
    }
}

/// How a board looks.
pub(super) fn theme(session: &Session) -> Theme {
    if session.output.is_plain() { Theme::mono() } else { Theme::ansi() }
}

/// The board comes first and shows that it waits; the engine comes up behind it.
async fn host(session: &Session, client: Client) -> Result<Exit, CliError> {
    let home = session.home()?;
    let _log = log::keep(&home, true)?;
    let (tell, failed) = oneshot::channel();
    let starting = tokio::spawn(start(home, tell));
    let shown = tui::board(options(session, client, Some(failed))).await;
    match starting.await {
        Ok(Ok(hosted)) => {
            hosted.finish_recoveries().await;
            hosted.stop("the board was left").await;
        }
        Ok(Err(error)) => return Err(error),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
    shown?;
    Ok(Exit::Done)
}

async fn start(home: Home, tell: oneshot::Sender<String>) -> Result<Hosted, CliError> {
    match Hosted::start(&home, Arc::new(SystemClock)).await {
        Ok(hosted) => Ok(hosted),
        Err(error) => {
            let _ = tell.send(error.to_string());
            Err(error.into())
        }
    }
}
