//! What happens inside the program: to a file of the engine's home, by day; what a person has to know also to standard error.

use std::io;

use tracing::Subscriber;
use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use super::error::CliError;
use crate::engine::Home;

/// Days of log that are kept.
const DAYS: usize = 14;

/// Tells warnings on standard error; for everything in which no engine runs.
pub(super) fn tell() {
    // Only the first of a process can be had; a second changes nothing.
    let _ = tracing_subscriber::registry().with(told(LevelFilter::WARN)).try_init();
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
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_env("CODEBLUE_LOG").unwrap_or_else(|_| EnvFilter::new("info,rustic_core=warn"));
    let file = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).with_filter(filter);
    let level = if has_screen { LevelFilter::OFF } else { LevelFilter::WARN };
    let _ = tracing_subscriber::registry().with(told(level)).with(file).try_init();
    Ok(guard)
}

fn told<S: Subscriber + for<'span> LookupSpan<'span>>(level: LevelFilter) -> impl Layer<S> {
    tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false).with_ansi(false).with_filter(level)
}
