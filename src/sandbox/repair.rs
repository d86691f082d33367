//! What declared actions of the sandbox do beside starting a service anew: what an operator of it would do by hand. Each may be
//! repeated, and harms nobody when nothing is wrong.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use clap::ValueEnum;
use rustix::process::Signal;

use super::{
    SandboxError,
    catalogue::{self, FRONTED},
    certificate, files, impairment, index,
    kind::FaultKind,
    layout::Layout,
    link,
    measure::{self, Measure},
    process::{self, Entry, ProcessState},
    reload::reload_in,
    spoil,
    supervisor::end,
};
use crate::platform::{ActionRisk, Purpose};

const TO_THAW: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);
const DATABASE: &str = "records-db";

/// Something that an operator of the sandbox would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Repair {
    /// Let a stopped process go on.
    Thaw,
    /// Cut the service off from everybody; its process and memory stay.
    Isolate,
    /// Let the checks of codeblue reach an isolated service, and nobody else.
    AdmitChecks,
    /// Let an isolated service be reached again.
    Reconnect,
    /// End the stray client that holds the write lock of the records.
    EndLockHolder,
    /// Open the connections to the records anew; requests in flight finish first.
    RecyclePool,
    /// Make room on the disk of the records.
    FreeSpace,
    /// Have the records be read and not written.
    StopWrites,
    /// Have them be written again.
    AllowWrites,
    /// Add the index of the results by patient, where there is none.
    AddIndex,
    /// Drop the index that was added; the one that the records came with stays.
    DropIndex,
    /// Sign tokens with the key that they are checked with.
    RenewKey,
    /// Set the clock of `auth` right.
    SyncClock,
    /// Shut out who tries wrong secrets, and unlock what that locked.
    UnlockAccounts,
    /// Have `auth` know the secret that a service has.
    RenewCredential,
    /// Have the front show a new certificate of the right authority.
    RenewCertificate,
    /// Sum up by plain rules instead of the model.
    FallbackOn,
    /// Use the model again.
    FallbackOff,
    /// Reach the services that it needs over other ways.
    Reroute,
    /// Refuse what can wait.
    ShedLoad,
    /// Accept all requests again.
    AcceptLoad,
}

impl Repair {
    /// What can be done at a service, beside starting it anew.
    pub(super) fn of(service: &str) -> impl Iterator<Item = Self> {
        let own: &[Self] = match service {
            DATABASE => &[
                Self::EndLockHolder,
                Self::RecyclePool,
                Self::FreeSpace,
                Self::StopWrites,
                Self::AllowWrites,
                Self::AddIndex,
                Self::DropIndex,
            ],
            "auth" => &[Self::RenewKey, Self::SyncClock, Self::UnlockAccounts],
            FRONTED => &[Self::RenewCredential, Self::RecyclePool, Self::RenewCertificate],
            "checkin" => &[Self::RenewCredential],
            "handouts" => &[Self::RenewCredential, Self::ShedLoad, Self::AcceptLoad],
            "ai-analysis" => &[Self::FallbackOn, Self::FallbackOff, Self::ShedLoad, Self::AcceptLoad],
            "inventory" => &[Self::ShedLoad, Self::AcceptLoad],
            _ => &[],
        };
        let asks = link::all().any(|link| link.from == service).then_some(Self::Reroute);
        [Self::Thaw, Self::Isolate, Self::AdmitChecks, Self::Reconnect]
            .into_iter()
            .chain(asks)
            .chain(own.iter().copied())
    }

    /// Its name on the command line and in the platform file.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub(super) fn risk(self) -> ActionRisk {
        match self {
            // who is cut off notices, and what a session had not committed is gone
            Self::Isolate | Self::EndLockHolder | Self::StopWrites => ActionRisk::Medium,
            _ => ActionRisk::Low,
        }
    }

    pub(super) fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Isolate => Some(Purpose::Contain),
            Self::StopWrites => Some(Purpose::StopWrites),
            _ => None,
        }
    }

    /// The measure that it takes, or takes back.
    fn measure(self) -> Option<(Measure, bool)> {
        Some(match self {
            Self::Isolate => (Measure::Isolation, true),
            Self::AdmitChecks => (Measure::Inspection, true),
            Self::Reconnect => (Measure::Isolation, false),
            Self::StopWrites => (Measure::StoppedWrites, true),
            Self::AllowWrites => (Measure::StoppedWrites, false),
            Self::FallbackOn => (Measure::Fallback, true),
            Self::FallbackOff => (Measure::Fallback, false),
            Self::ShedLoad => (Measure::Shedding, true),
            Self::AcceptLoad => (Measure::Shedding, false),
            _ => return None,
        })
    }
}

/// Does it, and returns when it is done; that nothing was wrong is fine.
///
/// # Errors
/// When the directory is no sandbox, it is not up, this cannot be done at that service, or its process is gone or does nothing.
pub fn repair(dir: &Path, what: Repair, service: &str, now: DateTime<Utc>) -> Result<(), SandboxError> {
    let layout = Layout::open(dir)?;
    let service = catalogue::service(service)?.name;
    if !Repair::of(service).any(|known| known == what) {
        let known = Repair::of(service).map(Repair::name).collect::<Vec<_>>().join(", ");
        let reason = format!("{} is nothing that can be done at {service}; there are {known}", what.name());
        return Err(SandboxError::Limit { reason });
    }
    // nobody injects or heals meanwhile
    let _lock = layout.lock_faults()?;
    if let Some((measure, in_force)) = what.measure() {
        awake(&layout, service)?;
        measure::set(&layout, service, measure, in_force)?;
        if measure == Measure::Isolation {
            measure::set(&layout, service, Measure::Inspection, false)?;
        }
        return reload_in(&layout, service);
    }
    match what {
        Repair::Thaw => thaw(&layout, service),
        Repair::EndLockHolder if process::running(&layout, catalogue::STRAY_CLIENT)?.is_some() => end(&layout),
        Repair::EndLockHolder => Ok(()),
        Repair::RecyclePool => relieve(&layout, DATABASE, FaultKind::PoolLeak),
        Repair::Reroute => reroute(&layout, service),
        Repair::FreeSpace => relieve(&layout, service, FaultKind::DiskFull),
        Repair::AddIndex => index::add(&layout.database()),
        Repair::DropIndex => index::drop_added(&layout.database()),
        Repair::SyncClock => relieve(&layout, service, FaultKind::ClockSkew),
        Repair::UnlockAccounts => relieve(&layout, service, FaultKind::LockoutStorm),
        Repair::RenewCredential => {
            let path = layout.secret(service);
            let secret = files::read(&path)?.ok_or_else(|| SandboxError::Damaged {
                path: path.clone(),
                reason: format!("{service} has no secret"),
            })?;
            spoil::know_secret(&layout, service, String::from_utf8_lossy(&secret).trim())?;
            reload_in(&layout, "auth")
        }
        Repair::RenewCertificate => {
            awake(&layout, service)?;
            certificate::renew(&layout, now)?;
            reload_in(&layout, service)
        }
        Repair::RenewKey => {
            let path = layout.verifying_key();
            let key = files::read(&path)?
                .ok_or_else(|| SandboxError::Damaged { path: path.clone(), reason: "it is missing".to_owned() })?;
            files::write(&layout.signing_key(), &key)?;
            reload_in(&layout, "auth")
        }
        // measures, which were taken above
        Repair::Isolate
        | Repair::AdmitChecks
        | Repair::Reconnect
        | Repair::StopWrites
        | Repair::AllowWrites
        | Repair::FallbackOn
        | Repair::FallbackOff
        | Repair::ShedLoad
        | Repair::AcceptLoad => Ok(()),
    }
}

/// The process of a service, when it can read its files anew. Otherwise it would be started anew, which was not asked for.
fn awake(layout: &Layout, service: &str) -> Result<Entry, SandboxError> {
    let not_running = || SandboxError::NotRunning { service: service.to_owned() };
    let entry = process::running(layout, service)?.ok_or_else(not_running)?;
    match entry.process.state() {
        ProcessState::Running => Ok(entry),
        ProcessState::Frozen => {
            Err(SandboxError::Limit { reason: format!("the process of {service} is stopped; `thaw` it first") })
        }
        ProcessState::Gone => Err(not_running()),
    }
}

fn thaw(layout: &Layout, service: &str) -> Result<(), SandboxError> {
    let entry = process::signal(layout, service, Signal::CONT)?;
    let until = Instant::now() + TO_THAW;
    while entry.process.state() == ProcessState::Frozen {
        if Instant::now() > until {
            let what = format!("the thaw of {service}");
            return Err(SandboxError::TooSlow { what, seconds: TO_THAW.as_secs(), log: layout.log(service) });
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// Leaves behind whatever is wrong between a service and those that it asks.
fn reroute(layout: &Layout, service: &str) -> Result<(), SandboxError> {
    let entry = awake(layout, catalogue::PROXIES)?;
    for impairment in impairment::of(layout, catalogue::PROXIES, &entry.process)? {
        if impairment.link.as_ref().is_some_and(|name| link::find(name).is_ok_and(|link| link.from == service)) {
            impairment::take(layout, catalogue::PROXIES, &entry.process, &impairment)?;
        }
    }
    reload_in(layout, catalogue::PROXIES)
}

/// Takes from a process what it suffers from, and has it begin anew with what that had hold of.
fn relieve(layout: &Layout, service: &str, fault: FaultKind) -> Result<(), SandboxError> {
    let entry = awake(layout, service)?;
    for impairment in impairment::of(layout, service, &entry.process)? {
        if impairment.fault == fault {
            impairment::take(layout, service, &entry.process, &impairment)?;
        }
    }
    reload_in(layout, service)
}
