//! When the board itself fails: the terminal is given back before anything is told, what is known of it goes to a file, and what is
//! told is one line.

use std::{
    backtrace::Backtrace,
    cell::RefCell,
    panic::{AssertUnwindSafe, PanicHookInfo},
    path::Path,
};

use futures_util::FutureExt;

use super::{clipboard::write, session::restore};
use crate::{diagnosis::Redactor, tui::text};

/// What is known of how a board failed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mishap {
    /// What went wrong, and where in the program, in one line.
    words: String,
    /// How it came to that.
    trace: String,
}

/// What this thread does with a screen.
#[derive(Debug, Default)]
enum Showing {
    /// It has none.
    #[default]
    Nothing,
    /// It shows a board.
    Board,
    /// It did, and that failed.
    Failed(Mishap),
}

thread_local! {
    static SHOWING: RefCell<Showing> = RefCell::default();
}

/// Gives the terminal back and keeps what is known, when it is the board of this thread that fails; gives whether it is. For the hook
/// of the program, which would else write over the screen.
#[must_use]
pub fn is_of_board(info: &PanicHookInfo<'_>) -> bool {
    if SHOWING.with_borrow(|showing| matches!(showing, Showing::Nothing)) {
        return false;
    }
    restore();
    let said = info.payload_as_str().unwrap_or("it does not say what");
    let place = info.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
    let mishap = Mishap { words: format!("{said}{place}"), trace: Backtrace::force_capture().to_string() };
    SHOWING.set(Showing::Failed(mishap));
    true
}

/// Runs a board to its end.
///
/// # Errors
/// How it failed, in one line that says where more is known: in this file.
pub async fn contained<T>(board: impl Future<Output = T>, details: &Path) -> Result<T, String> {
    SHOWING.set(Showing::Board);
    let end = AssertUnwindSafe(board).catch_unwind().await;
    let seen = SHOWING.take();
    end.map_err(|_| match seen {
        Showing::Failed(mishap) => told(&mishap, details),
        Showing::Board | Showing::Nothing => "it does not say what".to_owned(),
    })
}

/// Writes down what is known; gives what a person is told.
fn told(mishap: &Mishap, details: &Path) -> String {
    let redactor = Redactor::default();
    let words = text::clean(&redactor.redact(&mishap.words));
    let version = env!("CARGO_PKG_VERSION");
    let all = format!("codeblue {version}\n{}\n\n{}", mishap.words, mishap.trace);
    match write(details, &redactor.redact(&all)) {
        Ok(()) => format!("{words}. More is in {}", details.display()),
        Err(error) => format!("{words}. More could not be written to {}: {error}", details.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read, path::PathBuf};

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;
    use crate::tui::{BoardError, term::session::Session};

    /// Says to a copy of these tests, in a terminal of its own, that a board fails there, and where the details go.
    const FAILS: &str = "CODEBLUE_TEST_OF_A_BOARD_THAT_FAILS";

    fn fails(details: &Path) {
        std::panic::set_hook(Box::new(|info| assert!(is_of_board(info))));
        let session = Session::enter().unwrap();
        session.take_mouse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shown = async { panic!("index 7 of a list\x1b[31m of 3") };
        let end: Result<(), String> = runtime.block_on(contained(shown, details));
        drop(session);
        println!("\ncodeblue: {}", BoardError::Failed(end.unwrap_err()));
    }

    #[test]
    fn whoever_was_at_a_board_that_fails_has_the_terminal_back_and_one_line() {
        if let Some(details) = std::env::var_os(FAILS) {
            return fails(&PathBuf::from(details));
        }
        let folder = tempfile::tempdir().unwrap();
        let details = folder.path().join("run/failure.txt");
        let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 200, ..PtySize::default() }).unwrap();
        let before = format!("{:?}", pair.master.get_termios());
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        let name = std::thread::current().name().unwrap().to_owned();
        command.args([name.as_str(), "--exact", "--nocapture"]);
        command.env("TERM", "xterm-256color");
        command.env(FAILS, &details);
        let mut output = pair.master.try_clone_reader().unwrap();
        let mut child = pair.slave.spawn_command(command).unwrap();
        let reading = std::thread::spawn(move || {
            let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
            // The end of a line to a program that has ended is an error on Linux.
            while let Ok(length @ 1..) = output.read(&mut chunk) {
                all.extend_from_slice(&chunk[..length]);
            }
            String::from_utf8_lossy(&all).into_owned()
        });
        assert!(child.wait().unwrap().success());
        assert_eq!(format!("{:?}", pair.master.get_termios()), before, "the line is set as it was");
        drop(pair.slave);
        let shown = reading.join().unwrap();
        let (board, left) = shown.rsplit_once("\x1b[?1049l").expect("the screen was given back");
        assert!(
            board.contains("\x1b[?1000h") && board.contains("\x1b[?1000l") && board.contains("\x1b[?25h"),
            "{shown:?}"
        );
        let line = left.lines().find(|line| line.contains("the board failed")).expect("it is told");
        assert!(line.contains("index 7 of a list") && line.contains("mishap.rs:"), "{line:?}");
        assert!(line.contains(&format!("More is in {}", details.display())), "{line:?}");
        assert!(!line.contains('\x1b') && !left.contains("panicked at"), "{left:?}");
        let known = std::fs::read_to_string(&details).unwrap();
        assert!(known.contains("index 7 of a list") && known.contains("contained"), "{known}");
    }
}
