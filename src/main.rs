//! Command line in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use codeblue::cli::Arguments;
use color_eyre::eyre::{Result, eyre};

fn main() -> Result<ExitCode> {
    install_hooks()?;
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| eyre!("the program already has a provider of cryptography"))?;
    let arguments = Arguments::parse();
    let threads = arguments.threads();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let exit = runtime.block_on(arguments.run());
    runtime.shutdown_background();
    Ok(exit.into())
}

/// A board that fails gives the terminal back, and says itself what became of it. What fails elsewhere than in the first thread is
/// contained by its task and goes to the log: written to the terminal it would only spoil the screen.
fn install_hooks() -> Result<()> {
    let (panics, errors) = color_eyre::config::HookBuilder::default().into_hooks();
    errors.install()?;
    let report = panics.into_panic_hook();
    std::panic::set_hook(Box::new(move |info| {
        if codeblue::tui::is_of_board(info) || std::thread::current().name() != Some("main") {
            tracing::error!(%info, "panic");
        } else {
            report(info);
        }
    }));
    Ok(())
}
