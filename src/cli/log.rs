//! What happens inside the program: to files of the engine's home; what a person has to know also to standard error.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use tracing::Subscriber;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, registry::LookupSpan, reload, util::SubscriberInitExt,
};

use super::{error::CliError, log_file::LogFile};
use crate::{
    diagnosis::Redactor,
    engine::Home,
    platform::{self, LogFiles, LogLevel, Platform},
};

/// Says how much is written, in place of the platform file.
const VARIABLE: &str = "CODEBLUE_LOG";

/// Tells warnings on standard error; for everything in which no engine runs.
pub(super) fn tell() {
    // Only the first of a process can be had; a second changes nothing.
    let _ = tracing_subscriber::registry().with(told(LevelFilter::WARN, Arc::default())).try_init();
}

/// The log of an engine; what was begun to be written is written when it is dropped.
pub(super) struct Log {
    _writer: WorkerGuard,
    limits: Arc<Mutex<LogFiles>>,
    redactor: Arc<RwLock<Redactor>>,
    level: Box<dyn Fn(EnvFilter) + Send + Sync>,
}

impl Log {
    /// Goes on as another platform file says.
    pub(super) fn follow(&self, platform: &Platform) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = platform.log;
        *self.redactor.write().unwrap_or_else(PoisonError::into_inner) = Redactor::from(platform);
        (self.level)(filter(platform.log.level));
    }
}

/// Keeps the log of an engine in its home, as its platform file says; `CODEBLUE_LOG` says otherwise how much. While the board has the
/// screen nothing else may write to it.
pub(super) fn keep(home: &Home, has_screen: bool) -> Result<Log, CliError> {
    home.prepare()?;
    // A file that says what else is to go may be broken, and then the engine says so; what always goes, goes anyway.
    let platform = platform::load(&home.platform_file());
    let rules = platform.as_ref().map(|platform| platform.log).unwrap_or_default();
    let redactor = platform.map(|platform| Redactor::from(&platform)).unwrap_or_default();
    let (limits, redactor) = (Arc::new(Mutex::new(rules)), Arc::new(RwLock::new(redactor)));
    let file = LogFile::open(&home.log(), limits.clone())
        .map_err(|error| CliError::Failed(format!("{}: {error}", LogFile::path(&home.log()).display())))?;
    let (writer, guard) = tracing_appender::non_blocking(Redacted { to: file, redactor: redactor.clone() });
    let (filter, handle) = reload::Layer::new(filter(rules.level));
    let file = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).with_filter(filter);
    let level = if has_screen { LevelFilter::OFF } else { LevelFilter::WARN };
    let _ = tracing_subscriber::registry().with(told(level, redactor.clone())).with(file).try_init();
    // Of a second log of one process nothing is left that could be told.
    let level = Box::new(move |filter| drop(handle.reload(filter)));
    Ok(Log { _writer: guard, limits, redactor, level })
}

fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| match level {
        LogLevel::Debug | LogLevel::Trace => EnvFilter::new(format!("info,rustic_core=warn,codeblue={level}")),
        LogLevel::Error => EnvFilter::new("error"),
        LogLevel::Warn | LogLevel::Info => EnvFilter::new(format!("{level},rustic_core=warn")),
    })
}

/// A place to which nothing comes that the redactor has not read.
struct Redacted<W> {
    to: W,
    redactor: Arc<RwLock<Redactor>>,
}

impl<W: Write> Write for Redacted<W> {
    /// Takes whole events, as those who format them write them.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = self.redactor.read().unwrap_or_else(PoisonError::into_inner).redact(&String::from_utf8_lossy(event));
        self.to.write_all(text.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn told<S: Subscriber + for<'span> LookupSpan<'span>>(
    level: LevelFilter,
    redactor: Arc<RwLock<Redactor>>,
) -> impl Layer<S> {
    let writer = move || Redacted { to: io::stderr(), redactor: redactor.clone() };
    tracing_subscriber::fmt::layer().with_writer(writer).with_target(false).with_ansi(false).with_filter(level)
}
