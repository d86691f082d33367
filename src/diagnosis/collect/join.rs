//! Makes one of the lines that belong together: a stack trace with what it was written for.

use chrono::{DateTime, Utc};

use super::{Entry, Level, Zone, bytes::Line, stamp};

/// Lines of one entry at most.
const LINES: usize = 500;
/// Bytes of the lines that are looked at for the cause.
const QUOTE: usize = 400;

/// What begins a line that never stands alone.
const GO_ON: [&str; 9] = [
    "Caused by",
    "Suppressed:",
    "Traceback (most recent call last)",
    "During handling of the above exception",
    "The above exception was the direct cause",
    "... ",
    "goroutine ",
    "stack backtrace:",
    "note: run with `RUST_BACKTRACE",
];

/// An entry that may go on.
#[derive(Debug)]
struct Open {
    head: String,
    from: u64,
    lines: usize,
    /// The exception that stands below its head, and the last thing that was its cause.
    exception: Option<String>,
    cause: Option<String>,
    /// Its lines are a trace of Python, whose last line is not indented.
    traceback: bool,
    /// Its lines are a trace of Go, whose lines are not indented.
    goroutine: bool,
    /// The line before says that the next one tells why.
    says_why: bool,
}

/// Joins the lines of one source, one after the other.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    open: Option<Open>,
}

impl Joiner {
    /// Where the entry begins that may go on.
    pub(super) fn from(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.from)
    }

    /// Takes a line; gives the entry that it ends.
    pub(super) fn take(&mut self, line: Line, now: DateTime<Utc>, zone: Zone) -> Option<Entry> {
        if line.text.trim().is_empty() {
            return None;
        }
        if let Some(open) = &mut self.open
            && open.lines < LINES
            && open.continues(&line.text, now, zone)
        {
            open.add(&line.text);
            return None;
        }
        let ended = self.end(now, zone);
        self.open = Some(Open::new(line));
        ended
    }

    /// The entry that may go on, when nothing more came for a while.
    pub(super) fn end(&mut self, now: DateTime<Utc>, zone: Zone) -> Option<Entry> {
        self.open.take().map(|open| open.entry(now, zone))
    }
}

impl Open {
    fn new(line: Line) -> Self {
        let traceback = line.text.contains(GO_ON[2]);
        Self {
            says_why: says_why(&line.text),
            goroutine: false,
            exception: None,
            cause: None,
            lines: 1,
            from: line.from,
            head: line.text,
            traceback,
        }
    }

    fn continues(&self, line: &str, now: DateTime<Utc>, zone: Zone) -> bool {
        if line.starts_with([' ', '\t']) {
            // Some write every line with a blank before it.
            return stamp::front(line, now, zone).at.is_none();
        }
        // A trace of Python stands alone, unless it was written for an error.
        if line.starts_with(GO_ON[2]) {
            return self.traceback || Entry::read(&self.head, now, zone).is_error();
        }
        self.says_why
            || GO_ON.iter().any(|start| line.starts_with(start))
            || line.starts_with(['}', ']', ')']) && line.len() <= 3
            || self.goroutine && (line.ends_with(')') || line.starts_with("created by "))
            || is_exception(line)
                && (self.traceback || self.lines == 1 && line.contains('.') && stamped(&self.head, now, zone))
    }

    fn add(&mut self, line: &str) {
        self.lines += 1;
        self.traceback |= line.starts_with(GO_ON[2]);
        self.goroutine |= line.starts_with("goroutine ");
        let told = || line.trim().chars().take(QUOTE).collect::<String>();
        if line.trim_start().starts_with("Caused by") {
            self.cause = Some(told());
        } else if self.says_why || is_exception(line) {
            // The last one of Python is the one that was not caught.
            self.exception = Some(told());
        }
        self.says_why = says_why(line);
    }

    fn entry(self, now: DateTime<Utc>, zone: Zone) -> Entry {
        let mut entry = Entry::read(&self.head, now, zone);
        let bare = entry.message.trim_end_matches(':') == GO_ON[2];
        for more in self.exception.into_iter().chain(self.cause) {
            if bare && entry.message.trim_end_matches(':') == GO_ON[2] {
                entry.message = more;
            } else {
                entry.message = format!("{}: {more}", entry.message.trim_end_matches([':', ' ']));
            }
            // What ends in an exception and says no level is an error.
            entry.level = entry.level.or(Some(Level::Error));
        }
        entry
    }
}

/// Whether a line is a panic of Rust, which tells why on the next line.
fn says_why(line: &str) -> bool {
    line.contains("panicked at ") && line.trim_end().ends_with(':')
}

fn stamped(line: &str, now: DateTime<Utc>, zone: Zone) -> bool {
    stamp::front(line, now, zone).at.is_some()
}

/// `java.lang.IllegalStateException: pool empty`, `ValueError: no such patient`.
fn is_exception(line: &str) -> bool {
    let name = line.split([':', ' ']).next().unwrap_or_default();
    let named = ["Exception", "Error", "Throwable", "Interrupt", "Exit"].iter().any(|end| name.ends_with(end));
    named && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'))
}
