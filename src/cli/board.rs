//! `codeblue` without a command: the board. It attaches to the engine of this home, or runs one inside itself.

use std::{io::IsTerminal, sync::Arc};

use tokio::sync::oneshot;

use super::{
    board_drill::{beside, end_drill},
    error::{CliError, Exit},
    log,
    serve::{Running, start},
    session::Session,
    status::Status,
    text,
    watch::Watch,
};
use crate::{
    engine::SystemClock,
    tui::{Access, BoardError, BoardOptions, Colours, Drill, NoScreen, Setup, board, load_setup},
};

/// Shows the board until it is left; where no board can be shown, what it would show, in plain lines.
pub(super) async fn run(session: &Session, access: Access) -> Result<Exit, CliError> {
    match sight() {
        Sight::Full => {}
        Sight::Lines => {
            session.output.progress(
                "this terminal can show no board: telling what happens, a line each (codeblue watch). Ctrl-C ends it",
            );
            return Watch::default().run(session).await;
        }
        Sight::Page => {
            session.output.progress("a board needs a terminal: here is how everything stands (codeblue status)");
            return Status::default().run(session).await;
        }
    }
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
        host: session.host().map(text::line),
        clock: Arc::new(SystemClock),
        setup: setup(session),
        drill: beside(session)?.map(|drill| Arc::new(drill) as Arc<dyn Drill>),
        failed: hosted.is_some().then_some(failed),
        hosts_engine: !elsewhere,
        access,
        toured: session.home().ok().map(|home| home.toured()),
        copies: session.home()?.run().join("copied.txt"),
        failure: session.home()?.run().join("failure.txt"),
        bell: wants_bell(),
    })
    .await;
    say_farewell(session, &shown);
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

/// What a board may do, as the option says.
pub(super) fn access(read_only: bool) -> Access {
    if read_only { Access::ReadOnly } else { Access::Act }
}

/// How much can be shown here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// A full screen.
    Full,
    /// Lines, as they come: a terminal that cannot move its cursor, or has no keys.
    Lines,
    /// One page: nobody sits there.
    Page,
}

/// How much can be shown here.
pub(super) fn sight() -> Sight {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match std::io::stdout().is_terminal() {
        true if std::io::stdin().is_terminal() && !is_dumb => Sight::Full,
        true => Sight::Lines,
        false => Sight::Page,
    }
}

/// Says so before an engine is started for a board that cannot be shown.
pub(super) fn needs_terminal() -> Result<(), CliError> {
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(BoardError::from(NoScreen::NotATerminal).into())
}

/// Leaves in the terminal how everything stands. One that is gone keeps nothing else from being ended in good order.
pub(super) fn say_farewell(session: &Session, shown: &Result<Vec<String>, BoardError>) {
    let lines = shown.as_deref().unwrap_or_default();
    let _ = session.output.script(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes());
}

/// Ends an engine that ran inside a board. A recovery under way is finished first: it must not depend on a terminal.
pub(super) async fn leave(running: Running, shown: &Result<Vec<String>, BoardError>) {
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

/// Whether the bell rings on a new SEV1: unless `CODEBLUE_BELL` says `off`.
pub(super) fn wants_bell() -> bool {
    std::env::var_os("CODEBLUE_BELL").is_none_or(|word| word != "off")
}

impl From<BoardError> for CliError {
    fn from(error: BoardError) -> Self {
        match error {
            BoardError::NoScreen(_) => Self::Usage(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
