//! What happens inside the program: to a file of the engine's home, by day; what a person has to know also to standard error.

use std::{
    io::{self, Write},
    sync::Arc,
};

use tracing::Subscriber;
use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use super::error::CliError;
use crate::{diagnosis::Redactor, engine::Home, platform};

/// Days of log that are kept.
const DAYS: usize = 14;

/// Tells warnings on standard error; for everything in which no engine runs.
pub(super) fn tell() {
    // Only the first of a process can be had; a second changes nothing.
    let _ = tracing_subscriber::registry().with(told(LevelFilter::WARN, Arc::default())).try_init();
}

/// Keeps the log of an engine in its home until the guard is dropped; `CODEBLUE_LOG` says how much. While the board has the
/// screen nothing else may write to it.
pub(super) fn keep(home: &Home, has_screen: bool) -> Result<WorkerGuard, CliError> {
    home.prepare()?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("codeblue")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(home.log())
        .map_err(|error| CliError::Failed(format!("{}: {error}", home.log().display())))?;
    // A file that says what else is to go may be broken, and then the engine says so; what always goes, goes anyway.
    let platform = platform::load(&home.platform_file());
    let redactor = Arc::new(platform.map(|platform| Redactor::from(&platform)).unwrap_or_default());
    let (writer, guard) = tracing_appender::non_blocking(Redacted { to: file, redactor: redactor.clone() });
    let filter = EnvFilter::try_from_env("CODEBLUE_LOG").unwrap_or_else(|_| EnvFilter::new("info,rustic_core=warn"));
    let file = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).with_filter(filter);
    let level = if has_screen { LevelFilter::OFF } else { LevelFilter::WARN };
    let _ = tracing_subscriber::registry().with(told(level, redactor)).with(file).try_init();
    Ok(guard)
}

/// A place to which nothing comes that the redactor has not read.
struct Redacted<W> {
    to: W,
    redactor: Arc<Redactor>,
}

impl<W: Write> Write for Redacted<W> {
    /// Takes whole events, as those who format them write them.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.to.write_all(self.redactor.redact(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn told<S: Subscriber + for<'span> LookupSpan<'span>>(level: LevelFilter, redactor: Arc<Redactor>) -> impl Layer<S> {
    let writer = move || Redacted { to: io::stderr(), redactor: redactor.clone() };
    tracing_subscriber::fmt::layer().with_writer(writer).with_target(false).with_ansi(false).with_filter(level)
}
