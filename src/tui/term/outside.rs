//! Programs that take the terminal for a while: the pager and the editor that the environment names. They are started
//! without a shell.

use std::{
    io::{Read, Write},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crossterm::terminal::enable_raw_mode;
use rustix::{
    process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid},
    termios::{QueueSelector, tcflush},
};

use super::session::restore;

/// How long the thread that reads keys and the one that writes frames have to come to rest.
const REST: Duration = Duration::from_millis(500);

/// Bytes of a text that is taken back from an editor.
const LARGEST: u64 = 1024 * 1024;

/// A program that takes the terminal, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(Vec<String>);

impl Program {
    /// The pager.
    ///
    /// # Errors
    /// When none is named, with how to name one.
    pub fn pager() -> Result<Self, String> {
        Self::named(&["PAGER"]).unwrap_or_else(|| {
            Err("no pager is named: set PAGER=less and start the board again, or copy the page".to_owned())
        })
    }

    /// The editor.
    ///
    /// # Errors
    /// When none is named, with how to name one.
    pub fn editor() -> Result<Self, String> {
        Self::named(&["VISUAL", "EDITOR"]).unwrap_or_else(|| {
            Err("no editor is named: set EDITOR and start the board again, or go on here".to_owned())
        })
    }

    fn named(variables: &[&str]) -> Option<Result<Self, String>> {
        let (variable, line) = variables.iter().find_map(|name| {
            let line = std::env::var(name).ok().filter(|line| !line.trim().is_empty())?;
            Some((name, line))
        })?;
        Some(shell_words::split(&line).map(Self).map_err(|error| format!("{variable}: {error}")))
    }
}

/// What has to be at rest before another program takes the terminal.
#[derive(Debug, Clone)]
pub struct Rest {
    /// The thread that reads keys reads none.
    pub reading: Arc<AtomicBool>,
    /// A frame is under way.
    pub writing: Arc<AtomicBool>,
}

/// What happens when the program is stopped, as `^Z` does in most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenStopped {
    /// The board stops with it, and both go on together.
    Stop,
    /// The engine runs inside the board and must not stop: the program goes on at once.
    GoOn,
}

/// Shows a text in a program, with the terminal all to itself; gives the text as it was left there.
///
/// # Errors
/// Why it could not be shown, or how the program ended badly.
pub fn show(program: &Program, text: &str, rest: &Rest, stopped: WhenStopped) -> Result<String, String> {
    let file = tempfile::Builder::new().prefix("codeblue-").suffix(".txt").tempfile();
    let mut file = file.map_err(|error| format!("no file can be made for it: {error}"))?;
    file.write_all(text.as_bytes()).map_err(|error| format!("{}: {error}", file.path().display()))?;
    let since = Instant::now();
    while (!rest.reading.load(Ordering::SeqCst) || rest.writing.load(Ordering::SeqCst)) && since.elapsed() < REST {
        std::thread::sleep(Duration::from_millis(5));
    }
    restore();
    run(program, file.path(), stopped)?;
    let mut left = String::new();
    // An editor may have put another file in its place.
    let read = std::fs::File::open(file.path()).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut left));
    let bytes = read.map_err(|error| format!("{}: {error}", file.path().display()))?;
    if bytes as u64 > LARGEST {
        return Err(format!("it has more than {LARGEST} bytes; nothing of it was taken"));
    }
    Ok(left)
}

/// What was typed until the program ended was for it; each key from now on is for the board, and neither shown by the line nor held back
/// until a line is whole.
fn take_keys_back() {
    let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
    let _ = enable_raw_mode();
}

fn run(program: &Program, file: &Path, stopped: WhenStopped) -> Result<(), String> {
    let Some((name, arguments)) = program.0.split_first() else {
        return Err("the variable names no program".to_owned());
    };
    let child = Command::new(name).args(arguments).arg(file).spawn().map_err(|error| format!("{name}: {error}"))?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or_else(|| format!("{name} has no id"))?;
    loop {
        // Not through the child's own handle: that cannot tell that it was stopped.
        let (_, status) = match waitpid(Some(pid), WaitOptions::UNTRACED) {
            Ok(Some(found)) => found,
            Ok(None) | Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(format!("{name}: {error}")),
        };
        if status.stopped() {
            if stopped == WhenStopped::Stop {
                let _ = kill_process(getpid(), Signal::STOP);
            }
            let _ = kill_process(pid, Signal::CONT);
            continue;
        }
        take_keys_back();
        return match status.exit_status() {
            Some(0) => Ok(()),
            Some(code) => Err(format!("{name} ended with {code}; nothing of it was taken")),
            None => Err(format!("{name} was ended by a signal; nothing of it was taken")),
        };
    }
}
