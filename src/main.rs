//! Command line in, exit code out.

use std::{io, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use codeblue::{
    cli::{self, CliError, Exit, Global, Session, Verb},
    engine::Home,
};
use color_eyre::eyre::{Result, eyre};
use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// Days of log that are kept.
const LOGS: usize = 14;

/// Incident command center: watch, decide, roll back, prove.
#[derive(Parser)]
#[command(version, about, propagate_version = true, max_term_width = 110)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    #[command(flatten)]
    Verb(Verb),
    /// Write the completions of a shell
    Completions { shell: Shell },
}

fn main() -> Result<ExitCode> {
    install_hooks()?;
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| eyre!("the program already has a provider of cryptography"))?;
    let Arguments { global, what } = Arguments::parse();
    let session = Session::new(global);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = match what {
        Some(What::Completions { shell }) => {
            clap_complete::generate(shell, &mut Arguments::command(), "codeblue", &mut io::stdout());
            Exit::Done
        }
        Some(What::Verb(verb)) => {
            let home = if verb.is_engine() { Some(session.home().and_then(prepared)) } else { None };
            match home.transpose() {
                Err(error) => session.output.error(&error),
                Ok(home) => {
                    let told = if verb.takes_screen() { LevelFilter::OFF } else { LevelFilter::WARN };
                    let log = keep_log(home.as_ref(), told)?;
                    let exit = runtime.block_on(verb.run(&session));
                    drop(log);
                    exit
                }
            }
        }
        None => match session.home().and_then(prepared) {
            Err(error) => session.output.error(&error),
            Ok(home) => {
                let log = keep_log(Some(&home), LevelFilter::OFF)?;
                let exit = runtime.block_on(cli::board(&session));
                drop(log);
                exit
            }
        },
    };
    runtime.shutdown_background();
    Ok(exit.into())
}

/// A panic of the screen's own thread gives the terminal back before it is reported. One elsewhere is contained by its task
/// and goes to the log: written to the terminal it would only spoil the screen.
fn install_hooks() -> Result<()> {
    let (panics, errors) = color_eyre::config::HookBuilder::default().into_hooks();
    errors.install()?;
    let report = panics.into_panic_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some("main") {
            codeblue::tui::restore();
            report(info);
        } else {
            tracing::error!(%info, "panic");
        }
    }));
    Ok(())
}

fn prepared(home: Home) -> Result<Home, CliError> {
    home.prepare()?;
    Ok(home)
}

/// What happened inside goes to a file of the engine's home, by day; only what a person has to know also to standard error.
fn keep_log(home: Option<&Home>, told: LevelFilter) -> Result<Option<WorkerGuard>> {
    let stderr = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false).with_filter(told);
    let registry = tracing_subscriber::registry().with(stderr);
    let Some(home) = home else {
        registry.init();
        return Ok(None);
    };
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("codeblue")
        .filename_suffix("log")
        .max_log_files(LOGS)
        .build(home.log())?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_env("CODEBLUE_LOG").unwrap_or_else(|_| EnvFilter::new("info,rustic_core=warn"));
    let file = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).with_filter(filter);
    registry.with(file).init();
    Ok(Some(guard))
}
