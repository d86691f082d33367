//! What happens inside the program: to a file of the engine's home, by day; what a person has to know also to standard error.

use std::io;

use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

use super::error::CliError;
use crate::engine::Home;

/// Days of log that are kept.
const DAYS: usize = 14;

/// Keeps the log until it is dropped.
#[must_use]
pub(super) struct Log(#[expect(dead_code, reason = "writes what is left when it is dropped")] WorkerGuard);

/// Tells warnings on standard error.
pub(super) fn tell() {
    // A second one in the same process is refused, and the first goes on.
    let _ = tracing_subscriber::registry().with(stderr(LevelFilter::WARN)).try_init();
}

/// Keeps a log in a home; `CODEBLUE_LOG` says how much. Standard error stays silent while the board has the screen.
pub(super) fn keep(home: &Home, has_screen: bool) -> Result<Log, CliError> {
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
    let told = if has_screen { LevelFilter::OFF } else { LevelFilter::WARN };
    let _ = tracing_subscriber::registry().with(stderr(told)).with(file).try_init();
    Ok(Log(guard))
}

fn stderr<S>(level: LevelFilter) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false).with_ansi(false).with_filter(level)
}
