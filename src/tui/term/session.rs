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
        take()?;
        if MOUSE.load(Ordering::SeqCst) { write(TAKE_MOUSE) } else { Ok(()) }
    }

    /// The terminal is gone: nothing may be written to it any more.
    pub fn abandon(&self) {
        ACTIVE.store(false, Ordering::SeqCst);
    }
}

fn take() -> std::io::Result<()> {
    enable_raw_mode()?;
    ACTIVE.store(true, Ordering::SeqCst);
    write(ENTER)
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

/// Gives the terminal back if we have it. Also called by the panic hook. A terminal that does not read any more must not
/// keep the program from ending, so it gets half a second.
pub fn restore() {
    if !ACTIVE.swap(false, Ordering::SeqCst) {
        return;
    }
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mouse = if MOUSE.load(Ordering::SeqCst) { LEAVE_MOUSE } else { "" };
        let _ = write(&format!("{mouse}{LEAVE}"));
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(Duration::from_millis(500));
    let _ = disable_raw_mode();
}
