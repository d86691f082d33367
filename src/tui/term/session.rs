//! What we switched on in the terminal, and switching exactly that off again, once, however the program ends.

use std::{
    io::{IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

/// Alternate screen, cleared, cursor hidden; pasted text in brackets.
const ENTER: &str = "\x1b[?1049h\x1b[2J\x1b[H\x1b[?25l\x1b[?2004h";
/// The same undone, in reverse; first the end of a frame that may be open.
const LEAVE: &str = "\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";
/// Clicks and wheel with exact positions, but no report of every motion. Written by hand because crossterm's mouse capture also
/// asks for every motion (1003), which floods a slow link.
const TAKE_MOUSE: &str = "\x1b[?1000h\x1b[?1006h";
/// The same undone, in reverse.
const LEAVE_MOUSE: &str = "\x1b[?1006l\x1b[?1000l";

static ACTIVE: AtomicBool = AtomicBool::new(false);
static MOUSE: AtomicBool = AtomicBool::new(false);

/// The title on the terminal's own pile, and back from it: written only where titles are understood.
const KEEP_TITLE: &str = "\x1b[22;2t";
const GIVE_TITLE_BACK: &str = "\x1b[23;2t";

/// The terminal as a full screen. Dropping it restores the terminal.
#[derive(Debug)]
pub struct Session(());

/// Why there is no full screen here.
#[derive(Debug, thiserror::Error)]
pub enum NoScreen {
    /// Input or output is no terminal.
    #[error("the board needs a terminal; without one use: codeblue status, codeblue watch, codeblue demo --headless")]
    NotATerminal,
    /// The terminal can do nothing.
    #[error("the board needs a terminal that can move its cursor, and TERM is \"dumb\"; use: codeblue watch")]
    Dumb,
    /// The terminal said no.
    #[error("the terminal cannot be used: {0}")]
    Io(#[from] std::io::Error),
}

impl Session {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn enter() -> Result<Self, NoScreen> {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            return Err(NoScreen::NotATerminal);
        }
        if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return Err(NoScreen::Dumb);
        }
        // Our theme decides about colours; crossterm's own NO_COLOR handling would erase reverse video.
        crossterm::style::force_color_output(true);
        take()?;
        Ok(Self(()))
    }

    /// Takes clicks and the wheel from the terminal, which selects text with them else.
    ///
    /// # Errors
    /// When it cannot be used any more.
    pub fn take_mouse(&self) -> std::io::Result<()> {
        MOUSE.store(true, Ordering::SeqCst);
        write(TAKE_MOUSE)
    }

    /// Gives the terminal back for a while, to be taken again with [`Session::resume`].
    pub fn suspend(&self) {
        restore();
    }

    /// Takes the terminal again.
    ///
    /// # Errors
    /// When it cannot be used any more.
    pub fn resume(&self) -> std::io::Result<()> {
        take()
    }

    /// The terminal is gone: nothing may be written to it any more.
    pub fn abandon(&self) {
        ACTIVE.store(false, Ordering::SeqCst);
    }
}

fn take() -> std::io::Result<()> {
    enable_raw_mode()?;
    let is_new = !ACTIVE.swap(true, Ordering::SeqCst);
    let title = if has_title() && is_new { KEEP_TITLE } else { "" };
    let mouse = if MOUSE.load(Ordering::SeqCst) { TAKE_MOUSE } else { "" };
    write(&[title, ENTER, mouse].concat())
}

fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

impl Drop for Session {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether the terminal is of a kind that has a title, and keeps the one before.
#[must_use]
pub fn has_title() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    ["xterm", "tmux", "screen", "rxvt", "alacritty", "foot", "kitty", "wezterm", "ghostty", "konsole", "vte", "st-"]
        .iter()
        .any(|kind| term.starts_with(kind))
}

/// What leaves the clicks to the terminal, or takes them again; remembered for when the terminal is taken anew.
#[must_use]
pub fn mouse(is_free: bool) -> &'static str {
    MOUSE.store(!is_free, Ordering::SeqCst);
    if is_free { LEAVE_MOUSE } else { TAKE_MOUSE }
}

/// Gives the terminal back if we have it. Also called when the board fails. A terminal that does not read any more must not
/// keep the program from ending, so it gets half a second.
pub fn restore() {
    if !ACTIVE.swap(false, Ordering::SeqCst) {
        return;
    }
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mouse = if MOUSE.load(Ordering::SeqCst) { LEAVE_MOUSE } else { "" };
        let title = if has_title() { GIVE_TITLE_BACK } else { "" };
        let _ = write(&[mouse, LEAVE, title].concat());
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(Duration::from_millis(500));
    let _ = disable_raw_mode();
}
