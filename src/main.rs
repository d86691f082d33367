//! Command line in, exit code out.

use std::{path::PathBuf, process::ExitCode, thread, time::Duration};

use chrono::Utc;
use clap::{Parser, Subcommand};
use codeblue::sandbox::{self, FaultKind, Sandbox, SandboxError, SandboxOptions, ServiceArgs};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Demo {
        #[arg(long)]
        dir: Option<PathBuf>,
        #[arg(long)]
        headless: bool,
    },
    /// A platform of real processes, safe to break
    #[command(subcommand)]
    Sandbox(SandboxVerb),
    #[command(hide = true)]
    SandboxService(ServiceArgs),
}

#[derive(Subcommand)]
enum SandboxVerb {
    /// Bring it up and stay until interrupted
    Up {
        #[arg(long)]
        dir: PathBuf,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Return when it is up, and leave it running
        #[arg(long)]
        detach: bool,
        #[arg(long, hide = true)]
        detached: bool,
    },
    /// End it
    Down {
        #[arg(long)]
        dir: PathBuf,
    },
    /// Break something; `fault list` names what
    Fault {
        name: String,
        service: Option<String>,
        #[arg(long)]
        dir: Option<PathBuf>,
        #[arg(long = "for", value_parser = humantime::parse_duration)]
        lease: Option<Duration>,
    },
    /// Undo all faults
    Heal {
        #[arg(long)]
        dir: PathBuf,
    },
    /// What runs, and what is broken
    Status {
        #[arg(long)]
        dir: PathBuf,
    },
    #[command(hide = true)]
    Restart {
        service: String,
        #[arg(long)]
        dir: PathBuf,
    },
    #[command(hide = true)]
    Reload {
        service: String,
        #[arg(long)]
        dir: PathBuf,
    },
    /// Write the platform file
    Platform {
        #[arg(long)]
        dir: PathBuf,
        #[arg(long)]
        into: PathBuf,
    },
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Verb::SandboxService(args) => sandbox::run_service(args).await,
        Verb::Sandbox(verb) => run(verb).await,
        Verb::Demo { dir, headless } => {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let options = codeblue::cli::demo::DemoOptions {
                dir,
                headless,
                end_after: None,
                seed: 1,
                theme: codeblue::tui::Theme::ansi(),
                operator: None,
            };
            if let Err(error) = codeblue::cli::demo::run(options).await {
                eprintln!("codeblue: {error}");
                return ExitCode::FAILURE;
            }
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("codeblue: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(verb: SandboxVerb) -> Result<(), SandboxError> {
    let binary = || std::env::current_exe().map_err(|error| SandboxError::Supervisor(error.to_string()));
    match verb {
        SandboxVerb::Up { dir, seed, detach: true, .. } => {
            show(&sandbox::up_detached(&SandboxOptions { dir, binary: binary()?, seed })?);
        }
        SandboxVerb::Up { dir, seed, detached, .. } => {
            if detached {
                sandbox::leave_terminal().map_err(|error| SandboxError::Supervisor(error.to_string()))?;
            }
            stay(SandboxOptions { dir, binary: binary()?, seed }).await?;
        }
        SandboxVerb::Down { dir } => sandbox::down(&dir)?,
        SandboxVerb::Fault { name, .. } if name == "list" => {
            for fault in FaultKind::ALL {
                println!("{:18}{:14}{}", fault.name(), fault.default_service(), fault.what());
            }
        }
        SandboxVerb::Fault { name, service, dir, lease } => {
            let dir = dir.unwrap_or_else(|| PathBuf::from("."));
            let lease = lease.unwrap_or(sandbox::DEFAULT_LEASE);
            let fault = FaultKind::from_name(&name)?;
            show(&sandbox::inject(&dir, fault, service.as_deref(), lease, Utc::now())?);
        }
        SandboxVerb::Heal { dir } => show(&sandbox::heal(&dir)?),
        SandboxVerb::Status { dir } => show(&sandbox::status(&dir)?),
        SandboxVerb::Restart { service, dir } => sandbox::restart(&dir, &service)?,
        SandboxVerb::Reload { service, dir } => sandbox::reload(&dir, &service)?,
        SandboxVerb::Platform { dir, into } => {
            let login = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
            println!("{}", sandbox::write_platform(&dir, &into, &binary()?, &login)?.display());
        }
    }
    Ok(())
}

/// Until a signal, or `sandbox down` from elsewhere.
async fn stay(options: SandboxOptions) -> Result<(), SandboxError> {
    let signals = |kind| signal(kind).map_err(|error| SandboxError::Supervisor(error.to_string()));
    let (mut interrupt, mut terminate) = (signals(SignalKind::interrupt())?, signals(SignalKind::terminate())?);
    let started = tokio::task::spawn_blocking(move || Sandbox::start(&options)).await;
    let sandbox = started.map_err(|error| SandboxError::Supervisor(error.to_string()))??;
    eprintln!("up in {}; Ctrl-C ends it", sandbox.dir().display());
    while sandbox.is_up() {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
    let stopped = thread::spawn(move || sandbox.stop());
    while !stopped.is_finished() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn show(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("codeblue: {error}"),
    }
}
