//! Command line in, exit code out.

use std::{io, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use codeblue::{
    cli::{CliError, Exit, Global, Session, Verb},
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
    color_eyre::install()?;
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
                    let log = keep_log(home.as_ref(), LevelFilter::WARN)?;
                    let exit = runtime.block_on(verb.run(&session));
                    drop(log);
                    exit
                }
            }
        }
        None => {
            println!("board");
            Exit::Done
        }
    };
    runtime.shutdown_background();
    Ok(exit.into())
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
