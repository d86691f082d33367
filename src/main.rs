//! Command line in, exit code out.

use std::{panic, process::ExitCode};

use clap::Parser;
use codeblue::{cli::Arguments, tui};
use color_eyre::eyre::{Result, eyre};

fn main() -> Result<ExitCode> {
    color_eyre::install()?;
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        tui::restore();
        report(panicked);
    }));
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| eyre!("the program already has a provider of cryptography"))?;
    let arguments = Arguments::parse();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(arguments.threads()).enable_all().build()?;
    let exit = runtime.block_on(arguments.run());
    runtime.shutdown_background();
    Ok(exit.into())
}
