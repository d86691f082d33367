//! Command line in, exit code out.

use std::process::ExitCode;

use codeblue::cli::Arguments;
use color_eyre::eyre::{Result, eyre};

fn main() -> Result<ExitCode> {
    install_hooks()?;
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| eyre!("the program already has a provider of cryptography"))?;
    let arguments = Arguments::read();
    let threads = arguments.threads();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let exit = runtime.block_on(arguments.run());
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
