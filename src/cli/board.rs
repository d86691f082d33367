//! `codeblue` without a command: the board. It attaches to the engine of this home, or runs one inside itself.

use std::{io::IsTerminal, sync::Arc};

use tokio::sync::oneshot;

use super::{
    board_drill::{beside, end_drill},
    error::{CliError, Exit},
    log,
    serve::{Running, start},
    session::Session,
};
use crate::{
    engine::SystemClock,
    tui::{BoardError, BoardOptions, Colours, Drill, NoScreen, Setup, board, load_setup},
};

/// Shows the board until it is left.
pub(super) async fn run(session: &Session) -> Result<Exit, CliError> {
    needs_terminal()?;
    let client = session.client()?;
    let elsewhere = session.is_elsewhere() || client.is_up().await;
    let (tell, failed) = oneshot::channel();
    let mut log = None;
    let hosted = if elsewhere {
        None
    } else {
        let home = session.home()?;
        log = Some(log::keep(&home, true)?);
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
    let asking = client.clone();
    let shown = board(BoardOptions {
        client,
        clock: Arc::new(SystemClock),
        setup: setup(session),
        drill: beside(session)?.map(|drill| Arc::new(drill) as Arc<dyn Drill>),
        failed: hosted.is_some().then_some(failed),
        hosts_engine: !elsewhere,
    })
    .await;
    if let Some(hosted) = hosted
        && let Ok(Some(running)) = hosted.await
    {
        end_drill(&asking, "the board with its engine was left", |line| session.output.progress(line)).await;
        leave(running, &shown).await;
    }
    drop(log);
    shown?;
    Ok(Exit::Done)
}

/// Says so before an engine is started for a board that cannot be shown.
pub(super) fn needs_terminal() -> Result<(), CliError> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(BoardError::from(NoScreen::NotATerminal).into())
}

/// Ends an engine that ran inside a board. A recovery under way is finished first: it must not depend on a terminal.
pub(super) async fn leave(running: Running, shown: &Result<(), BoardError>) {
    running.finish_recoveries().await;
    let reason = if shown.is_ok() { "its board was left" } else { "its board ended" };
    running.stop(reason).await;
}

/// Theme, keys, and how the board was left; the defaults where this user has no home.
pub(super) fn setup(session: &Session) -> Setup {
    load_setup(session.home().ok().as_ref(), colours(session))
}

/// What the terminal can show, unless no colours are wanted.
pub(super) fn colours(session: &Session) -> Colours {
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    if session.output.refuses_colour() {
        Colours::None
    } else {
        Colours::of_terminal(&said("TERM"), &said("COLORTERM"))
    }
}

impl From<BoardError> for CliError {
    fn from(error: BoardError) -> Self {
        match error {
            BoardError::NoScreen(_) => Self::Usage(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
