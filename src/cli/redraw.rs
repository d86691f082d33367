//! `--watch`: what a command reads, shown again whenever something has changed.
//!
//! The engine's stream says when to look again, and the command itself looks, as it would without `--watch`. On a terminal the
//! screen is drawn anew; anywhere else what differs from the last time is written below it.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use rustix::{
    process::{Signal, getpid, kill_process},
    termios::tcgetwinsize,
};
use tokio::{
    signal::unix::{self, SignalKind},
    sync::mpsc,
    time::Instant,
};

use super::{
    error::{CliError, Exit},
    output::Drawing,
    serve,
    session::Session,
    table::Paint,
    text,
};
use crate::client::Update;

/// News that come together are shown together.
const SETTLE: Duration = Duration::from_millis(100);
/// Results of checks come all the time: figures and ages are shown anew no more often than this.
const FIGURES: Duration = Duration::from_secs(1);
/// News that may wait to be heard.
const WAITING: usize = 256;

/// What can change a result. On a terminal the results of checks always count, for the figures and ages that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hears {
    /// What is in the journal.
    Events,
    /// Also what is not: it is looked for whenever checks have found something.
    Samples,
}

/// Shows what `draw` reads, now and whenever something has changed, until this process is told to stop. While the engine is away it is
/// waited for.
///
/// # Errors
/// What goes wrong the first time, and later what has nothing to do with the engine being away.
pub(super) async fn redraw(
    session: &Session,
    hears: Hears,
    draw: impl AsyncFn(Session) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    let first = look(session, &draw).await?;
    let (sender, mut news) = mpsc::channel(WAITING);
    let client = session.client()?;
    let follower = tokio::spawn(async move { client.follow_recent(sender).await });
    let mut view = View::open(session)?;
    view.show(first)?;
    let ended = tokio::select! {
        ended = keep(session, hears, &draw, &mut view, &mut news) => ended,
        told = serve::until_told_to_stop() => told.map(|_| Exit::Done),
    };
    follower.abort();
    view.close()?;
    ended
}

async fn look(session: &Session, draw: &impl AsyncFn(Session) -> Result<Exit, CliError>) -> Result<Drawing, CliError> {
    let held = session.held_back();
    let output = held.output.clone();
    draw(held).await?;
    Ok(output.drawing())
}

async fn keep(
    session: &Session,
    hears: Hears,
    draw: &impl AsyncFn(Session) -> Result<Exit, CliError>,
    view: &mut View<'_>,
    news: &mut mpsc::Receiver<Update>,
) -> Result<Exit, CliError> {
    let signals = |error: io::Error| CliError::Failed(format!("signals: {error}"));
    let mut resized = unix::signal(SignalKind::window_change()).map_err(signals)?;
    let mut suspended = unix::signal(SignalKind::from_raw(libc::SIGTSTP)).map_err(signals)?;
    let hears_samples = hears == Hears::Samples || view.screen;
    let mut due: Option<Instant> = None;
    let mut looked = Instant::now();
    loop {
        let pause = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let at = tokio::select! {
            update = news.recv() => match update {
                None => return Ok(Exit::Done),
                Some(Update::Live(_) | Update::Back | Update::Event(_)) => Instant::now() + SETTLE,
                Some(Update::Samples(_) | Update::Vitals(_) | Update::Heard(_)) if hears_samples => looked + FIGURES,
                Some(
                    Update::First(_)
                    | Update::Samples(_)
                    | Update::Vitals(_)
                    | Update::Heard(_)
                    | Update::StillThere
                    | Update::Words(_),
                ) => continue,
                Some(Update::Lost(why)) => {
                    view.lost(&why)?;
                    continue;
                }
            },
            _ = resized.recv() => Instant::now(),
            _ = suspended.recv() => {
                view.suspend()?;
                Instant::now()
            }
            () = pause => {
                (due, looked) = (None, Instant::now());
                match look(session, draw).await {
                    Ok(drawing) => view.show(drawing)?,
                    Err(CliError::NoEngine(why)) => view.lost(&why)?,
                    Err(other) => return Err(other),
                }
                continue;
            }
        };
        due = Some(due.map_or(at, |due| due.min(at)));
    }
}

/// Where drawings go, and what is there.
struct View<'a> {
    session: &'a Session,
    /// Whether there is a screen that can be drawn anew.
    screen: bool,
    shown: Option<Drawing>,
    lost: Option<String>,
}

/// A screen of its own, without cursor, on which a line that is too long ends at the edge.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// The screen that was there before.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

impl<'a> View<'a> {
    fn open(session: &'a Session) -> Result<Self, CliError> {
        let can_draw = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let screen = io::stdout().is_terminal() && can_draw && !session.output.is_json();
        let view = Self { session, screen, shown: None, lost: None };
        if screen {
            view.write(ENTER)?;
        }
        Ok(view)
    }

    fn show(&mut self, drawing: Drawing) -> Result<(), CliError> {
        self.lost = None;
        let is_news = self.shown.as_ref().is_none_or(|shown| shown.document != drawing.document);
        let gap = if self.shown.is_none() { "" } else { "\n" };
        let drawn = drawing.text.clone();
        self.shown = Some(drawing);
        match (self.screen, self.session.output.is_json()) {
            (true, _) => self.paint(&drawn),
            (false, _) if !is_news => Ok(()),
            (false, true) => self.write(&drawn),
            (false, false) => self.write(&format!("{gap}{}\n{drawn}", text::moment(self.session.now()))),
        }
    }

    /// The engine is away: what is shown is said to be old.
    fn lost(&mut self, why: &str) -> Result<(), CliError> {
        if self.lost.is_some() {
            return Ok(());
        }
        let line = format!("NO ENGINE since {}: {why}; waiting for it", text::moment(self.session.now()));
        if !self.screen {
            self.session.output.progress(&line);
        }
        self.lost = Some(line);
        let text = self.shown.as_ref().map(|shown| shown.text.clone()).unwrap_or_default();
        if self.screen { self.paint(&text) } else { Ok(()) }
    }

    fn paint(&self, text: &str) -> Result<(), CliError> {
        let output = &self.session.output;
        let told = match &self.lost {
            Some(lost) => output.paint(&text::line(lost), Some(Paint::Bad)),
            None => {
                let line = format!("as of {}; Ctrl-C ends", text::moment(self.session.now()));
                output.paint(&line, Some(Paint::Dim))
            }
        };
        let rows = tcgetwinsize(io::stdout()).map_or(24, |size| usize::from(size.ws_row)).max(3);
        self.write(&page(&told, text, rows))
    }

    /// Gives the terminal back until this process goes on.
    fn suspend(&self) -> Result<(), CliError> {
        if self.screen {
            self.write(LEAVE)?;
        }
        let _ = kill_process(getpid(), Signal::STOP);
        if self.screen { self.write(ENTER) } else { Ok(()) }
    }

    /// Gives the terminal back, with what was shown last.
    fn close(self) -> Result<(), CliError> {
        match (self.screen, &self.shown) {
            (true, Some(shown)) => self.write(&format!("{LEAVE}{}", shown.text)),
            _ => Ok(()),
        }
    }

    fn write(&self, text: &str) -> Result<(), CliError> {
        self.session.output.script(text.as_bytes())
    }
}

/// The bytes that make a screen of so many rows show a line and what of a text has room below it.
fn page(told: &str, text: &str, rows: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let room = rows.saturating_sub(1);
    let hidden = lines.len().saturating_sub(room);
    let shown = if hidden == 0 { lines.len() } else { room.saturating_sub(1) };
    let mut page = format!("\x1b[H{told}\x1b[K");
    for line in &lines[..shown] {
        page += &format!("\r\n{line}\x1b[K");
    }
    if hidden > 0 {
        page += &format!("\r\n… {} below\x1b[K", text::count(lines.len() - shown, "more line"));
    }
    page + "\x1b[J"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(page: &str) -> Vec<String> {
        page.replace("\x1b[H", "")
            .replace("\x1b[K", "")
            .replace("\x1b[J", "")
            .split("\r\n")
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn what_has_no_room_is_counted_and_never_scrolls_the_screen() {
        let text = "a\nb\nc\nd\n";
        assert_eq!(rows(&page("now", text, 5)), ["now", "a", "b", "c", "d"]);
        assert_eq!(rows(&page("now", text, 4)), ["now", "a", "b", "… 2 more lines below"]);
        assert_eq!(rows(&page("now", "", 4)), ["now"]);
    }
}
