//! Where results go: tables for people or one JSON document, on standard output; everything else on standard error.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
};

use rustix::termios::tcgetwinsize;
use serde::Serialize;

use super::{
    error::{CliError, Exit},
    table::Paint,
    text,
};

/// How results are shown.
#[derive(Debug, Clone)]
pub struct Output {
    json: bool,
    refuses_colour: bool,
    colour: bool,
    width: Option<usize>,
    /// Where a result is held back for who shows it in its own way; none: standard output.
    held: Option<Arc<Mutex<Drawing>>>,
}

/// A result that was held back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Drawing {
    /// What would have been written.
    pub(super) text: String,
    /// The document behind it, which tells one drawing from the next: ages in the text change by themselves.
    pub(super) document: String,
}

impl Output {
    /// As the options, the environment and the kind of standard output say.
    #[must_use]
    pub fn new(json: bool, no_colour: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
        let width = terminal
            .then(|| tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)))
            .flatten()
            .filter(|width| *width > 0);
        let refuses_colour = no_colour || forbidden || dumb;
        Self { json, refuses_colour, colour: terminal && !refuses_colour, width, held: None }
    }

    #[cfg(test)]
    pub(super) fn plain() -> Self {
        Self { json: false, refuses_colour: false, colour: false, width: None, held: None }
    }

    /// The same for a terminal as wide as it is now, with results held back.
    pub(super) fn held_back(&self) -> Self {
        Self { held: Some(Arc::default()), ..Self::new(self.json, self.refuses_colour) }
    }

    /// What was held back.
    pub(super) fn drawing(&self) -> Drawing {
        let held = self.held.as_ref().map(|held| held.lock().unwrap_or_else(PoisonError::into_inner).clone());
        held.unwrap_or_default()
    }

    /// Whether results are JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether there are to be no colours, also where they could be shown.
    #[must_use]
    pub fn refuses_colour(&self) -> bool {
        self.refuses_colour
    }

    /// Columns of the terminal, if it is one.
    pub(super) fn width(&self) -> Option<usize> {
        self.width
    }

    pub(super) fn paint(&self, text: &str, paint: Option<Paint>) -> String {
        match paint {
            Some(paint) if self.colour && !text.is_empty() => format!("\x1b[{}m{text}\x1b[0m", paint.code()),
            _ => text.to_owned(),
        }
    }

    /// The result: the document with `--json`, otherwise the text.
    pub(super) fn result(&self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), CliError> {
        let json = || serde_json::to_string(document).map_err(|error| CliError::Failed(error.to_string()));
        let text = || {
            let mut text = text();
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text
        };
        if let Some(held) = &self.held {
            let document = json()?;
            let text = if self.json { format!("{document}\n") } else { text() };
            *held.lock().unwrap_or_else(PoisonError::into_inner) = Drawing { text, document };
            return Ok(());
        }
        if self.json { write_out(format!("{}\n", json()?).as_bytes()) } else { write_out(text().as_bytes()) }
    }

    /// A result that is no document, whatever the options say: a script, or one line of many.
    pub(super) fn script(&self, script: &[u8]) -> Result<(), CliError> {
        if let Some(held) = &self.held {
            let text = String::from_utf8_lossy(script).into_owned();
            *held.lock().unwrap_or_else(PoisonError::into_inner) = Drawing { document: text.clone(), text };
            return Ok(());
        }
        write_out(script)
    }

    /// Tells somebody who watches how it goes; not part of the result.
    pub(super) fn progress(&self, message: &str) {
        let _ = writeln!(io::stderr(), "{}", text::line(message));
    }

    /// Tells why it was not done: on standard error for people, and with `--json` also as the one document.
    pub fn error(&self, error: &CliError) -> Exit {
        if matches!(error, CliError::NoReader) {
            return error.exit();
        }
        let _ = writeln!(io::stderr(), "codeblue: {}", text::block(&error.to_string()));
        if self.json {
            let _ = writeln!(io::stdout(), "{}", error.document());
        }
        error.exit()
    }
}

fn write_out(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(CliError::NoReader),
        Err(error) => Err(CliError::Failed(format!("standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}
