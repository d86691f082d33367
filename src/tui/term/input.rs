//! Keys and clicks, read on a thread of their own; and the repair of arrow keys that a slow link tore apart.

use std::{
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use rustix::{
    event::{PollFd, PollFlags},
    termios::{QueueSelector, tcflush},
};
use tokio::sync::mpsc::Sender;

/// A key, as the action table names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character.
    Char(char),
    /// A character with Ctrl.
    Ctrl(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Arrow left with Ctrl: a word back.
    CtrlLeft,
    /// Arrow right with Ctrl: a word on.
    CtrlRight,
    /// Arrow left with Shift.
    ShiftLeft,
    /// Arrow right with Shift.
    ShiftRight,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Char(' ') => f.pad("space"),
            Self::Char(c) => f.pad(&c.to_string()),
            Self::Ctrl(c) => f.pad(&format!("^{c}")),
            Self::Enter => f.pad("↵"),
            Self::Esc => f.pad("Esc"),
            Self::Tab => f.pad("Tab"),
            Self::BackTab => f.pad("⇧Tab"),
            Self::Up => f.pad("↑"),
            Self::Down => f.pad("↓"),
            Self::Left => f.pad("←"),
            Self::Right => f.pad("→"),
            Self::CtrlLeft => f.pad("^←"),
            Self::CtrlRight => f.pad("^→"),
            Self::ShiftLeft => f.pad("⇧←"),
            Self::ShiftRight => f.pad("⇧→"),
            Self::PageUp => f.pad("PgUp"),
            Self::PageDown => f.pad("PgDn"),
            Self::Home => f.pad("Home"),
            Self::End => f.pad("End"),
            Self::Backspace => f.pad("Bksp"),
            Self::Delete => f.pad("Del"),
        }
    }
}

/// What a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Pressed a key.
    Key(Key),
    /// Pasted text.
    Paste(String),
    /// Clicked.
    Click {
        /// Column, from 0.
        x: u16,
        /// Row, from 0.
        y: u16,
    },
    /// Turned the wheel; negative is up.
    Wheel(i8),
    /// Changed the size of the terminal.
    Resize,
    /// Closed the terminal, or the link to it broke.
    HangUp,
}

/// Starts the thread that reads, rests while it is told to pause and says so, and the one that notices when the terminal is gone: crossterm's reader does not.
///
/// # Errors
/// When no thread can be had.
pub fn start(inputs: &Sender<Input>, paused: Arc<AtomicBool>, resting: Arc<AtomicBool>) -> std::io::Result<()> {
    let reader = inputs.clone();
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        let slow_link = std::env::var_os("SSH_CONNECTION").is_some() || std::env::var_os("SSH_TTY").is_some();
        read(&reader, &paused, &resting, Duration::from_millis(if slow_link { 100 } else { 25 }));
    })?;
    let watcher = inputs.clone();
    std::thread::Builder::new().name("hang-up".to_owned()).spawn(move || {
        let stdin = std::io::stdin();
        loop {
            let mut fds = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::empty())];
            match rustix::event::poll(&mut fds, None) {
                Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => break,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
        let _ = watcher.blocking_send(Input::HangUp);
    })?;
    Ok(())
}

fn read(inputs: &Sender<Input>, paused: &AtomicBool, resting: &AtomicBool, patience: Duration) {
    let mut escapes = Escapes::new(patience);
    loop {
        if inputs.is_closed() {
            return;
        }
        if paused.load(Ordering::SeqCst) {
            resting.store(true, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        if resting.swap(false, Ordering::SeqCst) {
            discard();
        }
        let wait = escapes.wait(Instant::now()).unwrap_or(Duration::from_millis(200));
        let Ok(ready) = event::poll(wait) else { return };
        let events = if ready && !paused.load(Ordering::SeqCst) {
            let Ok(event) = event::read() else { return };
            match translate(event) {
                Some(Input::Key(key)) => escapes.take(key, Instant::now()).into_iter().map(Input::Key).collect(),
                Some(other) => vec![other],
                None => Vec::new(),
            }
        } else {
            escapes.flush(Instant::now()).into_iter().map(Input::Key).collect()
        };
        for input in events {
            if inputs.blocking_send(input).is_err() {
                return;
            }
        }
    }
}

/// What was typed for another program, or left by it, is not for the board.
fn discard() {
    let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
    while event::poll(Duration::ZERO).unwrap_or(false) {
        if event::read().is_err() {
            return;
        }
    }
}

fn translate(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let alt = key.modifiers.contains(KeyModifiers::ALT);
            let word = alt || key.modifiers.contains(KeyModifiers::CONTROL);
            let key = match key.code {
                KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => Key::Ctrl(c.to_ascii_lowercase()),
                // Terminals that cannot say Ctrl with an arrow say a word back and on like this.
                KeyCode::Char('b') if alt => Key::CtrlLeft,
                KeyCode::Char('f') if alt => Key::CtrlRight,
                KeyCode::Char(c) => Key::Char(c),
                // A line feed, as Ctrl-J sends it too: Enter alone sends what was written.
                KeyCode::Enter if alt => Key::Ctrl('j'),
                KeyCode::Enter => Key::Enter,
                KeyCode::Esc => Key::Esc,
                KeyCode::Tab => Key::Tab,
                KeyCode::BackTab => Key::BackTab,
                KeyCode::Up => Key::Up,
                KeyCode::Down => Key::Down,
                KeyCode::Left if word => Key::CtrlLeft,
                KeyCode::Right if word => Key::CtrlRight,
                KeyCode::Left if key.modifiers.contains(KeyModifiers::SHIFT) => Key::ShiftLeft,
                KeyCode::Right if key.modifiers.contains(KeyModifiers::SHIFT) => Key::ShiftRight,
                KeyCode::Left => Key::Left,
                KeyCode::Right => Key::Right,
                KeyCode::PageUp => Key::PageUp,
                KeyCode::PageDown => Key::PageDown,
                KeyCode::Home => Key::Home,
                KeyCode::End => Key::End,
                KeyCode::Backspace => Key::Backspace,
                KeyCode::Delete => Key::Delete,
                _ => return None,
            };
            Some(Input::Key(key))
        }
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Resize(..) => Some(Input::Resize),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Input::Click { x: mouse.column, y: mouse.row }),
            MouseEventKind::ScrollUp => Some(Input::Wheel(-1)),
            MouseEventKind::ScrollDown => Some(Input::Wheel(1)),
            _ => None,
        },
        _ => None,
    }
}

/// Puts `Esc`, `[`, `A` that came apart back together: on a slow link an arrow key must not become letters that act.
#[derive(Debug)]
struct Escapes {
    patience: Duration,
    held: Vec<Key>,
    since: Option<Instant>,
}

impl Escapes {
    fn new(patience: Duration) -> Self {
        Self { patience, held: Vec::new(), since: None }
    }

    /// How long until what is held has to be let go.
    fn wait(&self, now: Instant) -> Option<Duration> {
        self.since.map(|since| (since + self.patience).saturating_duration_since(now))
    }

    fn take(&mut self, key: Key, now: Instant) -> Vec<Key> {
        let mut out = if self.wait(now) == Some(Duration::ZERO) { self.let_go() } else { Vec::new() };
        match (self.held.as_slice(), key) {
            ([], Key::Esc) | ([Key::Esc], Key::Char('[' | 'O')) => {
                self.held.push(key);
                self.since = Some(now);
            }
            ([Key::Esc, Key::Char(_)], Key::Char(letter)) if arrow(letter).is_some() => {
                self.held.clear();
                self.since = None;
                out.extend(arrow(letter));
            }
            _ => {
                out.extend(self.let_go());
                if key == Key::Esc {
                    self.held.push(key);
                    self.since = Some(now);
                } else {
                    out.push(key);
                }
            }
        }
        out
    }

    fn flush(&mut self, now: Instant) -> Vec<Key> {
        if self.wait(now) == Some(Duration::ZERO) { self.let_go() } else { Vec::new() }
    }

    fn let_go(&mut self) -> Vec<Key> {
        self.since = None;
        std::mem::take(&mut self.held)
    }
}

fn arrow(letter: char) -> Option<Key> {
    match letter {
        'A' => Some(Key::Up),
        'B' => Some(Key::Down),
        'C' => Some(Key::Right),
        'D' => Some(Key::Left),
        'H' => Some(Key::Home),
        'F' => Some(Key::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(25);

    #[test]
    fn a_torn_arrow_key_is_put_together() {
        let mut escapes = Escapes::new(PATIENCE);
        let start = Instant::now();
        assert!(escapes.take(Key::Esc, start).is_empty());
        assert!(escapes.take(Key::Char('['), start + Duration::from_millis(20)).is_empty());
        assert_eq!(escapes.take(Key::Char('A'), start + Duration::from_millis(40)), [Key::Up]);
    }

    #[test]
    fn a_lone_escape_comes_after_its_patience_and_before_the_next_key() {
        let mut escapes = Escapes::new(PATIENCE);
        let start = Instant::now();
        assert!(escapes.take(Key::Esc, start).is_empty());
        assert!(escapes.flush(start + Duration::from_millis(10)).is_empty());
        assert_eq!(escapes.flush(start + Duration::from_millis(25)), [Key::Esc]);
        assert!(escapes.take(Key::Esc, start).is_empty());
        assert_eq!(escapes.take(Key::Char('a'), start + Duration::from_millis(1)), [Key::Esc, Key::Char('a')]);
    }
}
