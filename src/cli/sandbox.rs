//! `codeblue sandbox`

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Subcommand;
use serde_json::json;

use super::{
    error::{CliError, Exit},
    serve::Told,
    session::Session,
    table::{Cell, Paint, Table},
    text, words,
};
use crate::{
    engine::{Home, login_of},
    sandbox::{self, FaultKind, ProcessState, Sandbox, SandboxError, SandboxOptions, SandboxStatus},
};

/// How often it is seen whether `sandbox down` ended it.
const LOOK: Duration = Duration::from_millis(200);

/// Where the sandbox is.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Place {
    /// Its folder; the sandbox or demo of this home that was brought up last when not given
    #[arg(long, value_name = "DIR", env = "CODEBLUE_SANDBOX")]
    dir: Option<PathBuf>,
}

/// The platform of the demo alone, and its faults
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Bring it up and stay until interrupted
    Up {
        /// An empty folder, or one that was a sandbox before
        #[arg(long, value_name = "DIR", env = "CODEBLUE_SANDBOX")]
        dir: PathBuf,
        /// Of the invented patients and of the load
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
        /// Return when it is up, and leave it running
        #[arg(long)]
        detach: bool,
        #[arg(long, hide = true)]
        detached: bool,
    },
    /// End it and undo all faults
    Down {
        #[command(flatten)]
        place: Place,
    },
    /// Break something for real; `fault list` names what can be broken
    Fault {
        /// Such as bad-release, or list
        name: String,
        /// Another service than the usual one
        service: Option<String>,
        /// When the sandbox undoes it by itself
        #[arg(long = "for", value_name = "TIME", value_parser = words::duration, default_value = "10m")]
        lease: Duration,
        #[command(flatten)]
        place: Place,
    },
    /// Undo all faults and start what should run; works on what a crash left behind too
    Heal {
        #[command(flatten)]
        place: Place,
    },
    /// What runs, and what is broken
    Status {
        #[command(flatten)]
        place: Place,
    },
    /// Write the platform file that describes it
    Platform {
        /// The folder to write it into
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Start a service of it again
    Restart {
        service: String,
        #[command(flatten)]
        place: Place,
    },
    /// Let a service of it read its release and its configuration anew
    Reload {
        service: String,
        #[command(flatten)]
        place: Place,
    },
}

impl Verb {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        match self {
            Self::Up { dir, seed, detach: true, .. } => {
                let status = sandbox::up_detached(&SandboxOptions { dir, binary: binary()?, seed })?;
                note(session, &status.dir);
                output.result(&status, || describe(session, &status))?;
            }
            Self::Up { dir, seed, detached, .. } => {
                if detached {
                    sandbox::leave_terminal().map_err(|error| CliError::Failed(error.to_string()))?;
                }
                stay(session, SandboxOptions { dir, binary: binary()?, seed }).await?;
            }
            Self::Down { place } => {
                let dir = place.find(session)?;
                sandbox::down(&dir)?;
                output.result(&json!({"dir": dir, "up": false}), || format!("{} is down", dir.display()))?;
            }
            Self::Fault { name, .. } if name == "list" => list(session)?,
            Self::Fault { name, service, lease, place } => {
                let fault = FaultKind::from_name(&name)?;
                let record = sandbox::inject(&place.find(session)?, fault, service.as_deref(), lease, session.now())?;
                output.result(&record, || {
                    let until = text::moment(record.expires_at);
                    format!("{} injected into {}; undone by itself at {until}", fault.name(), record.service)
                })?;
            }
            Self::Heal { place } => {
                let healed = sandbox::heal(&place.find(session)?)?;
                output.result(&healed, || {
                    let mut page = format!("{} undone\n", text::count(healed.faults.len(), "fault"));
                    for fault in &healed.faults {
                        let late = if fault.was_in_force { "" } else { " (repaired before)" };
                        page += &format!("  {} on {}{late}\n", fault.fault.name(), fault.service);
                    }
                    for service in &healed.started {
                        page += &format!("  {service} started\n");
                    }
                    page
                })?;
            }
            Self::Status { place } => {
                let status = sandbox::status(&place.find(session)?)?;
                output.result(&status, || describe(session, &status))?;
            }
            Self::Platform { into, place } => {
                let login = login_of(rustix::process::getuid().as_raw())
                    .ok_or_else(|| CliError::Failed("this user has no login on this host".to_owned()))?;
                let file = sandbox::write_platform(&place.find(session)?, &into, &binary()?, &login)?;
                output.result(&json!({"platformFile": file}), || file.display().to_string())?;
            }
            Self::Restart { service, place } => {
                sandbox::restart(&place.find(session)?, &service)?;
                output.result(&json!({"restarted": service}), || format!("{} restarted", text::line(&service)))?;
            }
            Self::Reload { service, place } => {
                sandbox::reload(&place.find(session)?, &service)?;
                output.result(&json!({"reloaded": service}), || format!("{} reloaded", text::line(&service)))?;
            }
        }
        Ok(Exit::Done)
    }
}

fn binary() -> Result<PathBuf, CliError> {
    std::env::current_exe().map_err(|error| CliError::Failed(format!("this program's own file: {error}")))
}

impl Place {
    fn find(self, session: &Session) -> Result<PathBuf, CliError> {
        if let Some(dir) = self.dir {
            return Ok(dir);
        }
        let remembered = session.home().ok().and_then(|home| fs::read_to_string(pointer(&home)).ok());
        match remembered {
            Some(dir) => Ok(PathBuf::from(dir)),
            None => {
                Err(CliError::Usage("no sandbox was brought up from this home; name one with --dir DIR".to_owned()))
            }
        }
    }
}

fn pointer(home: &Home) -> PathBuf {
    home.run().join("sandbox")
}

/// Notes where a sandbox is, so that a command in another terminal finds it. Only a convenience: `--dir` works without it.
pub(super) fn remember(home: &Home, dir: &Path) {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    if let Some(dir) = dir.to_str()
        && fs::create_dir_all(home.run()).is_ok()
    {
        let _ = fs::write(pointer(home), dir);
    }
}

fn note(session: &Session, dir: &Path) {
    if let Ok(home) = session.home() {
        remember(&home, dir);
    }
}

/// Until a signal, or `sandbox down` from elsewhere.
async fn stay(session: &Session, options: SandboxOptions) -> Result<(), CliError> {
    let mut told = Told::listen()?;
    let started = tokio::task::spawn_blocking(move || Sandbox::start(&options)).await;
    let sandbox = started.map_err(|error| SandboxError::Supervisor(error.to_string()))??;
    note(session, sandbox.dir());
    session.output.progress(&format!("up in {}; Ctrl-C ends it", sandbox.dir().display()));
    while sandbox.is_up() {
        tokio::select! {
            _ = told.wait() => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    tokio::task::spawn_blocking(move || sandbox.stop())
        .await
        .map_err(|error| SandboxError::Supervisor(error.to_string()).into())
}

fn list(session: &Session) -> Result<(), CliError> {
    let faults: Vec<_> = FaultKind::ALL
        .map(|fault| json!({"name": fault.name(), "service": fault.default_service(), "what": fault.what()}))
        .into();
    session.output.result(&faults, || {
        let mut table = Table::new(["FAULT", "SERVICE", "WHAT IT DOES"]);
        for fault in FaultKind::ALL {
            table.row([Cell::from(fault.name()), Cell::from(fault.default_service()), Cell::from(fault.what())]);
        }
        table.render(&session.output)
    })
}

fn describe(session: &Session, status: &SandboxStatus) -> String {
    let mut page = format!("{} in {}\n", if status.up { "up" } else { "DOWN" }, status.dir.display());
    let mut services = Table::new(["STATE", "SERVICE", "PROCESS", "PORT", "VERSION", "WHY"]);
    for service in &status.services {
        let state = match service.process {
            ProcessState::Running if service.healthy => Cell::painted("● OK", Paint::Good),
            ProcessState::Running => Cell::painted("✖ FAILS", Paint::Bad),
            ProcessState::Frozen => Cell::painted("✖ FROZEN", Paint::Bad),
            ProcessState::Gone => Cell::painted("✖ GONE", Paint::Bad),
        };
        let number = |number: Option<u32>| number.map_or_else(|| "—".to_owned(), |number| number.to_string());
        services.row([
            state,
            Cell::from(service.name),
            Cell::from(number(service.pid)),
            Cell::from(number(service.port.map(u32::from))),
            Cell::from(service.version.as_deref().unwrap_or("—")),
            Cell::from(service.problem.as_deref().unwrap_or_default()),
        ]);
    }
    page += &services.render(&session.output);
    let mut faults = Table::new(["FAULT", "SERVICE", "IN FORCE", "UNDONE AT"]);
    for fault in &status.faults {
        faults.row([
            Cell::from(fault.record.fault.name()),
            Cell::from(&fault.record.service),
            Cell::from(if fault.in_force { "yes" } else { "no" }),
            Cell::from(text::moment(fault.record.expires_at)),
        ]);
    }
    if !faults.is_empty() {
        page += &format!("\n{}", faults.render(&session.output));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::DEFAULT_LEASE;

    #[test]
    fn a_sandbox_is_found_again_from_its_home() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        remember(&home, &folder.path().join("sandbox"));
        assert_eq!(fs::read_to_string(pointer(&home)).unwrap(), folder.path().join("sandbox").to_str().unwrap());
    }

    #[test]
    fn the_lease_told_in_the_help_is_the_one_in_force() {
        assert_eq!(words::duration("10m"), Ok(DEFAULT_LEASE));
    }
}
