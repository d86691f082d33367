//! `codeblue sandbox …`: the platform that may be broken.

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;

use super::{
    demo,
    drill_run::sandbox_beside,
    error::{CliError, Exit},
    serve::until_told_to_stop,
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::sandbox::{
    self, BackEntry, FaultKind, Healed, ProcessState, SandboxError, SandboxOptions, SandboxStatus, WriteLedger,
};

/// Entries of the paper that are listed.
const LISTED: usize = 20;

/// The platform that may be broken
#[derive(Debug, Subcommand)]
pub enum Sandbox {
    /// Bring it up and stay until interrupted
    Up {
        /// A new or empty folder, or one that was a sandbox before
        #[arg(long)]
        dir: PathBuf,
        /// Of the invented patients and of the load
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
        /// The sandbox; that of the running demo by default
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// What can be broken, whom that hits, and which check does not see it
    Faults,
    /// Break something; several faults may be in force at once
    Fault {
        /// Such as bad-release, kill, freeze, pool-leak, link-slow; `sandbox faults` lists all
        name: String,
        /// The service, or for a fault of a dependency ASKING:ASKED; each fault has a default
        service: Option<String>,
        /// The sandbox; that of the running demo by default
        #[arg(long)]
        dir: Option<PathBuf>,
        /// It is taken back by itself after this time
        #[arg(long = "for", value_parser = humantime::parse_duration, value_name = "DURATION")]
        lease: Option<Duration>,
    },
    /// Take all faults back
    Heal {
        /// The sandbox; that of the running demo by default
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// What runs, and what is broken
    Status {
        /// The sandbox; that of the running demo by default
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Which acknowledged writes a restore lost or doubled
    Ledger {
        /// The sandbox; that of the running demo by default
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// What the wards have to know while the records are away, as of the last time they could be read
    Pack {
        /// The sheet of this ward, to print
        ward: Option<String>,
        /// The sandbox; that of the running demo by default
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// What was written on paper while nothing could be saved, and is not in the records yet
    BackEntry {
        /// Enter it now, each with the time at which it was written
        #[arg(long)]
        enter: bool,
        /// The sandbox; that of the running demo by default
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Write the platform file of a sandbox
    Platform {
        /// The sandbox
        #[arg(long)]
        dir: PathBuf,
        /// The folder to write codeblue.toml into
        #[arg(long)]
        into: PathBuf,
    },
    #[command(hide = true)]
    Restart {
        service: String,
        #[arg(long)]
        dir: PathBuf,
    },
    #[command(hide = true)]
    Repair {
        #[arg(value_enum)]
        what: sandbox::Repair,
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
}

impl From<SandboxError> for CliError {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::NotASandbox { .. }
            | SandboxError::UnknownService { .. }
            | SandboxError::UnknownFault { .. }
            | SandboxError::UnknownLink { .. }
            | SandboxError::WrongTarget { .. }
            | SandboxError::BadLease { .. } => Self::Usage(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Sandbox {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Up { dir, seed, detach, detached } => {
                let options = SandboxOptions { dir, binary: demo::own_binary()?, seed };
                if detach {
                    return show(session, &sandbox::up_detached(&options)?);
                }
                if detached {
                    sandbox::leave_terminal().map_err(|error| CliError::Failed(error.to_string()))?;
                }
                stay(session, options).await?;
            }
            Self::Down { dir } => sandbox::down(&found(session, dir)?)?,
            Self::Faults => return list(session),
            Self::Fault { name, .. } if name == "list" => return list(session),
            Self::Fault { name, service, dir, lease } => {
                let fault = FaultKind::from_name(&name)?;
                let lease = lease.unwrap_or(sandbox::DEFAULT_LEASE);
                let dir = found(session, dir)?;
                let record = sandbox::inject(&dir, fault, service.as_deref(), lease, session.now())?;
                session.output.result(&record, || {
                    format!(
                        "{} injected into {}; taken back at {} or by: codeblue sandbox heal",
                        record.fault.name(),
                        record.link().unwrap_or(&record.service),
                        record.expires_at.format("%H:%M:%S UTC")
                    )
                })?;
            }
            Self::Heal { dir } => {
                let healed = sandbox::heal(&found(session, dir)?)?;
                session.output.result(&healed, || heals(&healed))?;
            }
            Self::Status { dir } => return show(session, &sandbox::status(&found(session, dir)?)?),
            Self::Ledger { dir } => {
                let found = sandbox::ledger(&found(session, dir)?)?;
                session.output.result(&found, || writes(&found))?;
            }
            Self::Pack { ward: Some(ward), dir } => {
                let sheet = sandbox::sheet(&found(session, dir)?, &ward)?;
                session.output.result(&sheet, || sheet.clone())?;
            }
            Self::Pack { ward: None, dir } => {
                let pack = sandbox::data_pack(&found(session, dir)?)?;
                session.output.result(&pack, || {
                    let (age, dir, wards) =
                        (text::age(Some(pack.made_at), session.now()), pack.dir.display(), pack.wards.join(", "));
                    format!("made {age} ago, in {dir}\nsheets: {wards}\nprint one: codeblue sandbox pack WARD\n")
                })?;
            }
            Self::BackEntry { enter, dir } => {
                let dir = found(session, dir)?;
                let paper = if enter { sandbox::enter_back(&dir)? } else { sandbox::back_entry(&dir)? };
                session.output.result(&paper, || on_paper(&paper))?;
            }
            Self::Platform { dir, into } => {
                let path = sandbox::write_platform(&dir, &into, &demo::own_binary()?, &demo::own_login())?;
                session.output.result(&path, || path.display().to_string())?;
            }
            Self::Restart { service, dir } => sandbox::restart(&dir, &service)?,
            Self::Repair { what, service, dir } => sandbox::repair(&dir, what, &service, session.now())?,
            Self::Reload { service, dir } => sandbox::reload(&dir, &service)?,
        }
        Ok(Exit::Done)
    }
}

/// The sandbox named, or that of the running demo.
pub(super) fn found(session: &Session, dir: Option<PathBuf>) -> Result<PathBuf, CliError> {
    if let Some(dir) = dir {
        // A demo was told the directory above.
        let inside = dir.join("sandbox");
        return Ok(if inside.join("sandbox.json").exists() { inside } else { dir });
    }
    let beside = session.home().ok().and_then(|home| sandbox_beside(&home));
    if let Some(beside) = beside.filter(|beside| beside.join("sandbox.json").exists()) {
        return Ok(beside);
    }
    let pointer = demo::pointer(session)?;
    match std::fs::read_to_string(&pointer) {
        Ok(dir) if std::path::Path::new(dir.trim()).exists() => Ok(PathBuf::from(dir.trim())),
        _ => Err(CliError::Usage(
            "no demo runs here; begin one: codeblue demo, or name the sandbox with --dir DIR".to_owned(),
        )),
    }
}

fn list(session: &Session) -> Result<Exit, CliError> {
    let all: Vec<_> = FaultKind::ALL
        .iter()
        .map(|fault| {
            serde_json::json!({
                "name": fault.name(), "does": fault.what(), "service": fault.default_service(), "missedBy": fault.missed_by()
            })
        })
        .collect();
    session.output.result(&all, || {
        let mut page = String::new();
        for fault in FaultKind::ALL {
            let (name, service) = (fault.name(), fault.default_service());
            page += &format!("{name:<18}{service:<14}{}\n{:32}unseen: {}\n", fault.what(), "", fault.missed_by());
        }
        page
    })?;
    Ok(Exit::Done)
}

fn writes(ledger: &WriteLedger) -> String {
    let mut page = format!(
        "{} acknowledged, {} present, {} lost, {} doubled\n",
        text::count(ledger.acknowledged, "write"),
        ledger.present,
        ledger.lost.len(),
        ledger.doubled.len()
    );
    if let (Some(first), Some(last)) = (ledger.lost.first(), ledger.lost.last()) {
        page += &format!(
            "lost are those from {} to {}, {} s\n",
            text::moment(first.at),
            text::moment(last.at),
            ledger.lost_span().num_seconds()
        );
    }
    page
}

fn on_paper(paper: &BackEntry) -> String {
    let mut page = format!(
        "{} written on paper, {} of them not in the records\n",
        text::count(paper.written, "entry"),
        paper.open.len()
    );
    for entry in paper.open.iter().take(LISTED) {
        let (at, patient, kind, value) = (text::moment(entry.at), entry.patient, &entry.kind, entry.value);
        page += &format!("  {at}  patient {patient}  {kind} {value}\n");
    }
    if paper.open.len() > LISTED {
        page += &format!("  and {} more; --json lists all\n", paper.open.len() - LISTED);
    }
    if !paper.open.is_empty() {
        page += "enter them: codeblue sandbox back-entry --enter\n";
    }
    page
}

fn heals(healed: &Healed) -> String {
    let mut page = format!("{} taken back\n", text::count(healed.faults.len(), "fault"));
    for fault in &healed.faults {
        let late = if fault.was_in_force { "" } else { " (somebody had repaired it)" };
        page += &format!("  {} on {}{late}\n", fault.fault.name(), fault.service);
    }
    for service in &healed.started {
        page += &format!("  {service} started\n");
    }
    for measure in &healed.lifted {
        page += &format!("  {measure}\n");
    }
    page
}

fn show(session: &Session, status: &SandboxStatus) -> Result<Exit, CliError> {
    session.output.result(status, || {
        let mut page = format!("{} in {}\n", if status.up { "up" } else { "DOWN" }, status.dir.display());
        page += &services(status).render(&session.output);
        let faults = faults(status);
        if !faults.is_empty() {
            page += &format!("\n{}", faults.render(&session.output));
        }
        page
    })?;
    Ok(Exit::Done)
}

fn services(status: &SandboxStatus) -> Table {
    let mut table = Table::new(["STATE", "SERVICE", "PROCESS", "PORT", "VERSION", "WHY"]);
    let number = |number: Option<u32>| number.map_or_else(|| "—".to_owned(), |number| number.to_string());
    for service in &status.services {
        let state = match service.process {
            ProcessState::Running if service.healthy => Cell::painted("● OK", Paint::Good),
            ProcessState::Running => Cell::painted("✖ FAILS", Paint::Bad),
            ProcessState::Frozen => Cell::painted("✖ FROZEN", Paint::Bad),
            ProcessState::Gone => Cell::painted("✖ GONE", Paint::Bad),
        };
        table.row([
            state,
            Cell::from(service.name),
            Cell::from(number(service.pid)),
            Cell::from(number(service.port.map(u32::from))),
            Cell::from(service.version.as_deref().unwrap_or("—")),
            Cell::from(service.problem.as_deref().unwrap_or_default()),
        ]);
    }
    table
}

fn faults(status: &SandboxStatus) -> Table {
    let mut table = Table::new(["FAULT", "SERVICE", "IN FORCE", "TAKEN BACK AT"]);
    for fault in &status.faults {
        table.row([
            Cell::from(fault.record.fault.name()),
            Cell::from(fault.record.link().unwrap_or(&fault.record.service)),
            Cell::from(if fault.in_force { "yes" } else { "no" }),
            Cell::from(text::moment(fault.record.expires_at)),
        ]);
    }
    table
}

/// Stays until told to stop, or until `sandbox down` from elsewhere.
async fn stay(session: &Session, options: SandboxOptions) -> Result<(), CliError> {
    let panicked = |error: tokio::task::JoinError| CliError::Failed(error.to_string());
    let sandbox = tokio::task::spawn_blocking(move || sandbox::Sandbox::start(&options)).await.map_err(panicked)??;
    session.output.progress(&format!("up in {}; Ctrl-C ends it", sandbox.dir().display()));
    let told = until_told_to_stop();
    tokio::pin!(told);
    while sandbox.is_up() {
        tokio::select! {
            _ = &mut told => break,
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
    tokio::task::spawn_blocking(move || sandbox.stop()).await.map_err(panicked)
}
