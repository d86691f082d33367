//! Keys and clicks, read on a thread of their own; and the repair of what a slow link tore apart.

use std::{
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};
use rustix::event::{PollFd, PollFlags};
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
    /// Pressed the button of the mouse.
    Press {
        /// Column, from 0.
        x: u16,
        /// Row, from 0.
        y: u16,
    },
    /// Let it go.
    Release {
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
        read(&reader, &paused, &resting, Duration::from_millis(if slow_link { 100 } else { 50 }));
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
            if !resting.load(Ordering::SeqCst) {
                drop_read();
                resting.store(true, Ordering::SeqCst);
            }
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        resting.store(false, Ordering::SeqCst);
        let wait = escapes.wait(Instant::now()).unwrap_or(Duration::from_millis(200));
        let Ok(ready) = event::poll(wait) else { return };
        let events = if ready && !paused.load(Ordering::SeqCst) {
            let Ok(event) = event::read() else { return };
            let is_answer = begins_answer(&event);
            match translate(event) {
                _ if is_answer => escapes.hush(Instant::now()),
                Some(Input::Key(key)) => escapes.take(key, Instant::now()),
                Some(other) => escapes.let_go().into_iter().map(Input::Key).chain([other]).collect(),
                None => Vec::new(),
            }
        } else {
            escapes.flush(Instant::now())
        };
        for input in events {
            if inputs.blocking_send(input).is_err() {
                return;
            }
        }
    }
}

/// What was read together with the key that gave the terminal to another program is not for the board, and nobody can give it to that
/// program any more. What is typed from then on is that program's until it ends, and the board's again from its end on.
fn drop_read() {
    while event::poll(Duration::ZERO).unwrap_or(false) {
        if event::read().is_err() {
            return;
        }
    }
}

/// Whether an event begins what a terminal answers to a program that has asked it something, and that came too late for that program:
/// crossterm takes the beginning for Alt with a sign, and would take the rest for letters.
fn begins_answer(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let is_begun = matches!(key.code, KeyCode::Char(sign) if ANSWERS.contains(&sign));
    key.modifiers.contains(KeyModifiers::ALT) && is_begun && key.kind != KeyEventKind::Release
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
            MouseEventKind::Down(MouseButton::Left) => Some(Input::Press { x: mouse.column, y: mouse.row }),
            MouseEventKind::Up(MouseButton::Left) => Some(Input::Release { x: mouse.column, y: mouse.row }),
            MouseEventKind::ScrollUp => Some(Input::Wheel(-1)),
            MouseEventKind::ScrollDown => Some(Input::Wheel(1)),
            _ => None,
        },
        _ => None,
    }
}

/// What follows an `Esc` that was let go already still belongs to it for so long.
const TAIL: Duration = Duration::from_millis(500);
/// What stands after `Esc` where a terminal answers: a command of its own, a string for a device, a message.
const ANSWERS: [char; 4] = [']', 'P', '^', '_'];
/// Characters of the longest sequence that is waited for, such as `[<64;160;48M`.
const LONGEST: usize = 16;

/// Puts together what came apart: on a slow link an arrow key, a click or a pasted text must not become letters that act.
/// What begins like such a sequence is never taken for letters; one that is not known is dropped.
#[derive(Debug)]
struct Escapes {
    patience: Duration,
    held: Vec<Key>,
    pasted: Option<String>,
    /// An answer of the terminal is coming in, for nobody.
    hushed: bool,
    since: Option<Instant>,
    let_go_at: Option<Instant>,
}

impl Escapes {
    fn new(patience: Duration) -> Self {
        Self { patience, held: Vec::new(), pasted: None, hushed: false, since: None, let_go_at: None }
    }

    /// How long until what is held has to be let go.
    fn wait(&self, now: Instant) -> Option<Duration> {
        self.since.map(|since| (since + self.patience).saturating_duration_since(now))
    }

    fn take(&mut self, key: Key, now: Instant) -> Vec<Input> {
        let mut out = self.flush(now);
        if self.hushed {
            let is_end = matches!(key, Key::Char('\\') | Key::Ctrl('g'));
            (self.hushed, self.since) = (!is_end, (!is_end).then_some(now));
            return out;
        }
        if let Some(pasted) = &mut self.pasted {
            match key {
                Key::Char(c) => pasted.push(c),
                Key::Enter | Key::Ctrl('j') => pasted.push('\n'),
                Key::Tab => pasted.push('\t'),
                _ => {}
            }
            self.since = Some(now);
            return out;
        }
        let is_tail = self.let_go_at.is_some_and(|at| now.saturating_duration_since(at) < TAIL);
        match (self.held.as_slice(), key) {
            ([], Key::Esc) | ([Key::Esc], Key::Char('[' | 'O')) => self.hold(key, now),
            ([], Key::Char('[')) if is_tail => self.hold(key, now),
            ([Key::Esc], Key::Char(sign)) if ANSWERS.contains(&sign) => out.extend(self.hush(now)),
            ([], Key::Char(']')) if is_tail => out.extend(self.hush(now)),
            ([Key::Char('['), ..] | [Key::Esc, Key::Char('['), ..], Key::Char('0'..='9' | ';' | '<' | '?'))
                if self.held.len() < LONGEST =>
            {
                self.hold(key, now);
            }
            ([Key::Char('['), ..] | [Key::Esc, Key::Char('[' | 'O'), ..], Key::Char(last @ '@'..='~')) => {
                let begun = self.let_go();
                let between: String = begun.iter().filter_map(parameter).collect();
                if (between.as_str(), last) == ("200", '~') {
                    (self.pasted, self.since) = (Some(String::new()), Some(now));
                } else {
                    out.extend(sequence(&between, last));
                }
            }
            _ => {
                out.extend(self.let_go().into_iter().map(Input::Key));
                if key == Key::Esc {
                    self.hold(key, now);
                } else {
                    out.push(Input::Key(key));
                }
            }
        }
        out
    }

    /// What is held when nothing has followed it in time.
    fn flush(&mut self, now: Instant) -> Vec<Input> {
        if self.wait(now) != Some(Duration::ZERO) {
            return Vec::new();
        }
        if let Some(pasted) = self.pasted.take() {
            self.since = None;
            return vec![Input::Paste(pasted)];
        }
        self.hushed = false;
        if self.held == [Key::Esc] {
            self.let_go_at = Some(now);
        }
        self.let_go().into_iter().map(Input::Key).collect()
    }

    /// An answer of the terminal begins: it and what is held before it are for nobody.
    fn hush(&mut self, now: Instant) -> Vec<Input> {
        self.held.clear();
        (self.hushed, self.since) = (true, Some(now));
        Vec::new()
    }

    fn hold(&mut self, key: Key, now: Instant) {
        self.held.push(key);
        self.since = Some(now);
    }

    fn let_go(&mut self) -> Vec<Key> {
        self.since = None;
        std::mem::take(&mut self.held)
    }
}

fn parameter(key: &Key) -> Option<char> {
    match key {
        Key::Char(c @ ('0'..='9' | ';' | '<' | '?')) => Some(*c),
        _ => None,
    }
}

/// What a sequence means, by what stands between `Esc [` and its last character.
fn sequence(between: &str, last: char) -> Option<Input> {
    if let Some(mouse) = between.strip_prefix('<') {
        let mut numbers = mouse.split(';').map(str::parse::<u16>);
        let (button, x, y) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        let (x, y) = (x.saturating_sub(1), y.saturating_sub(1));
        return match (button, last) {
            (0, 'M') => Some(Input::Press { x, y }),
            (0, 'm') => Some(Input::Release { x, y }),
            (64, 'M') => Some(Input::Wheel(-1)),
            (65, 'M') => Some(Input::Wheel(1)),
            _ => None,
        };
    }
    let key = match (between, last) {
        ("1;3" | "1;5", 'C') => Key::CtrlRight,
        ("1;3" | "1;5", 'D') => Key::CtrlLeft,
        ("1;2", 'C') => Key::ShiftRight,
        ("1;2", 'D') => Key::ShiftLeft,
        (_, 'A') => Key::Up,
        (_, 'B') => Key::Down,
        (_, 'C') => Key::Right,
        (_, 'D') => Key::Left,
        (_, 'H') | ("1" | "7", '~') => Key::Home,
        (_, 'F') | ("4" | "8", '~') => Key::End,
        (_, 'Z') => Key::BackTab,
        ("3", '~') => Key::Delete,
        ("5", '~') => Key::PageUp,
        ("6", '~') => Key::PageDown,
        _ => return None,
    };
    Some(Input::Key(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    /// What comes out when these characters come one by one, so many milliseconds apart, and nothing after them.
    fn told(keys: &str, apart: u64) -> Vec<Input> {
        let (mut escapes, start) = (Escapes::new(PATIENCE), Instant::now());
        let key = |c: char| match c {
            '\x1b' => Key::Esc,
            '\x07' => Key::Ctrl('g'),
            c => Key::Char(c),
        };
        let mut now = start;
        let mut out = Vec::new();
        for c in keys.chars() {
            out.extend(escapes.flush(now));
            out.extend(escapes.take(key(c), now));
            now += Duration::from_millis(apart);
        }
        out.extend(escapes.flush(now + Duration::from_secs(1)));
        out
    }

    fn key(c: char) -> Input {
        Input::Key(Key::Char(c))
    }

    #[test]
    fn what_came_apart_is_put_together() {
        assert_eq!(told("\x1b[A", 30), [Input::Key(Key::Up)]);
        assert_eq!(told("\x1bOB", 30), [Input::Key(Key::Down)]);
        assert_eq!(told("\x1b[1;5D", 30), [Input::Key(Key::CtrlLeft)]);
        assert_eq!(told("\x1b[5~", 30), [Input::Key(Key::PageUp)]);
        assert_eq!(told("\x1b[<0;10;3M", 30), [Input::Press { x: 9, y: 2 }]);
        assert_eq!(told("\x1b[<0;10;3m", 30), [Input::Release { x: 9, y: 2 }]);
        assert_eq!(told("\x1b[200~halt", 30), [Input::Paste("halt".to_owned())]);
    }

    #[test]
    fn the_tail_of_an_escape_that_was_let_go_is_never_letters() {
        let up = Input::Key(Key::Up);
        let esc = Input::Key(Key::Esc);
        let (mut escapes, start) = (Escapes::new(PATIENCE), Instant::now());
        assert!(escapes.take(Key::Esc, start).is_empty());
        let late = start + Duration::from_millis(200);
        assert_eq!(escapes.flush(late), [esc]);
        assert!(escapes.take(Key::Char('['), late).is_empty());
        assert_eq!(escapes.take(Key::Char('A'), late), [up]);
        assert!(told("\x1b[9;9y", 1).is_empty(), "what is not known is dropped");
        assert_eq!(told("[A", 1), [key('['), key('A')], "letters are letters when no escape came before");
    }

    /// What vim asks a slow line and does not wait for must not roll anything back.
    #[test]
    fn what_a_terminal_answers_to_another_program_is_never_letters() {
        for answer in
            ["\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\", "\x1b]11;rgb:1e1e/1e1e/1e1e\x07", "\x1bP1+r436f=323536\x1b\\"]
        {
            assert!(told(answer, 1).is_empty(), "{answer:?}");
            assert_eq!(told(&format!("{answer}a"), 1), [key('a')], "what comes after {answer:?} is a key");
        }
        let cut: String = "\x1b]11;rgb:1e1e".to_owned();
        assert!(told(&cut, 1).is_empty(), "it may lack its end");
        let event = |code, modifiers| Event::Key(event::KeyEvent::new(code, modifiers));
        assert!(begins_answer(&event(KeyCode::Char(']'), KeyModifiers::ALT)), "as crossterm tells it");
        assert!(!begins_answer(&event(KeyCode::Char(']'), KeyModifiers::NONE)));
        let mut escapes = Escapes::new(PATIENCE);
        let start = Instant::now();
        assert!(escapes.hush(start).is_empty());
        assert!(escapes.take(Key::Char('r'), start + Duration::from_millis(10)).is_empty());
        assert_eq!(escapes.take(Key::Char('d'), start + Duration::from_secs(1)), [key('d')], "silence ends it");
    }

    #[test]
    fn a_lone_escape_comes_after_its_patience_and_before_the_next_key() {
        let mut escapes = Escapes::new(PATIENCE);
        let start = Instant::now();
        assert!(escapes.take(Key::Esc, start).is_empty());
        assert!(escapes.flush(start + Duration::from_millis(10)).is_empty());
        assert_eq!(escapes.flush(start + PATIENCE), [Input::Key(Key::Esc)]);
        assert_eq!(told("\x1ba", 1), [Input::Key(Key::Esc), key('a')]);
        let later = start + Duration::from_secs(5);
        assert_eq!(escapes.take(Key::Char('['), later), [key('[')], "by then it is somebody's own key");
    }
}
