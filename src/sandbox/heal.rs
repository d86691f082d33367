//! Undoes faults. Every step may be repeated, and looks first at what is there: what somebody repaired stays as it is.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use rustix::process::Signal;
use serde::Serialize;

use super::{
    SandboxError, catalogue, content, database,
    fault::{self, FaultRecord, Undo},
    files,
    impairment::{self, Impairment},
    index,
    inject::sha256,
    kind::FaultKind,
    layout::Layout,
    measure,
    process::{self, ProcessState},
    reload::reload_in,
    spoil,
    supervisor::{self, end, restart_in},
};

const IN_BETWEEN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// What healing did.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Healed {
    /// The faults that are over now.
    pub faults: Vec<HealedFault>,
    /// Services that did not run and were started.
    pub started: Vec<String>,
    /// Measures of people that were taken back, in words.
    pub lifted: Vec<String>,
    /// Processes without a supervisor that were ended.
    pub ended: usize,
}

/// A fault that is over.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealedFault {
    /// Of the record.
    pub id: String,
    /// What had been done.
    pub fault: FaultKind,
    /// To whom.
    pub service: String,
    /// Whether it still had an effect; otherwise somebody had repaired it.
    pub was_in_force: bool,
}

/// Undoes all faults of a sandbox, takes back what people had its services do until further notice, and starts what should run and does not. When no supervisor is left, undoes what is on disk
/// and ends what still runs. May be repeated.
///
/// # Errors
/// When the directory is no sandbox, or something could not be undone; the rest was.
pub fn heal(dir: &Path) -> Result<Healed, SandboxError> {
    let layout = Layout::open(dir)?;
    let until = Instant::now() + IN_BETWEEN;
    loop {
        if let Some(_lock) = layout.try_supervise()? {
            return without_supervisor(&layout);
        }
        if supervisor::is_up(&layout) {
            return with_supervisor(&layout);
        }
        if Instant::now() > until {
            return Err(SandboxError::InBetween { dir: layout.dir().to_owned() });
        }
        thread::sleep(POLL);
    }
}

fn with_supervisor(layout: &Layout) -> Result<Healed, SandboxError> {
    let _lock = layout.lock_faults()?;
    let (mut healed, mut problems) = settle_all(layout, true)?;
    match measure::lift_all(layout) {
        Ok(lifted) => healed.lifted = lifted,
        Err(error) => problems.push(error.to_string()),
    }
    for service in catalogue::processes() {
        if process::running(layout, service)?.is_none() {
            match restart_in(layout, service) {
                Ok(()) => healed.started.push(service.to_owned()),
                Err(error) => problems.push(error.to_string()),
            }
        }
    }
    conclude(healed, &problems)
}

/// Heals a sandbox that nobody supervises; the caller holds the supervisor's lock.
pub(super) fn without_supervisor(layout: &Layout) -> Result<Healed, SandboxError> {
    let ended = process::end_orphans(layout)?;
    let _lock = layout.lock_faults()?;
    let (mut healed, problems) = settle_all(layout, false)?;
    healed.ended = ended;
    process::forget(layout)?;
    files::remove(&layout.socket())?;
    sweep(layout)?;
    conclude(healed, &problems)
}

/// Undoes the faults whose lease has ended; gives the end of the next lease.
pub(super) fn expired(layout: &Layout, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, SandboxError> {
    if fault::records(layout)?.iter().all(|record| record.expires_at > now) {
        return Ok(fault::records(layout)?.iter().map(|record| record.expires_at).min());
    }
    let _lock = layout.lock_faults()?;
    let (over, left): (Vec<_>, Vec<_>) =
        fault::records(layout)?.into_iter().partition(|record| record.expires_at <= now);
    let mut problems = Vec::new();
    for record in over {
        match settle(layout, &record, true) {
            Ok(_) => supervisor::note(&layout.log("supervisor"), &format!("lease of {} ended, undone", record.id)),
            Err(error) => problems.push(error.to_string()),
        }
    }
    conclude(left.iter().map(|record| record.expires_at).min(), &problems)
}

fn settle_all(layout: &Layout, live: bool) -> Result<(Healed, Vec<String>), SandboxError> {
    let (mut healed, mut problems) = (Healed::default(), Vec::new());
    // the last one first, as they were laid over each other
    for record in fault::records(layout)?.into_iter().rev() {
        match settle(layout, &record, live) {
            Ok(done) => healed.faults.push(done),
            Err(error) => problems.push(format!("{}: {error}", record.id)),
        }
    }
    sweep_copies(layout)?;
    Ok((healed, problems))
}

fn conclude<T>(done: T, problems: &[String]) -> Result<T, SandboxError> {
    if problems.is_empty() { Ok(done) } else { Err(SandboxError::NotHealed { problems: problems.join("; ") }) }
}

/// Undoes one fault and forgets it. `live` says whether there is a supervisor who can start services.
pub(super) fn settle(layout: &Layout, record: &FaultRecord, live: bool) -> Result<HealedFault, SandboxError> {
    let was_in_force = in_force(layout, record)?;
    undo(layout, record, live)?;
    record.remove(layout)?;
    Ok(HealedFault { id: record.id.clone(), fault: record.fault, service: record.service.clone(), was_in_force })
}

/// Whether the fault still has an effect.
pub(super) fn in_force(layout: &Layout, record: &FaultRecord) -> Result<bool, SandboxError> {
    Ok(match &record.undo {
        Undo::Release { bad, .. } => content::live_release(&layout.service(&record.service)).as_ref() == Some(bad),
        Undo::Start { .. } => process::running(layout, &record.service)?.is_none(),
        Undo::Thaw { frozen } => frozen.state() == ProcessState::Frozen,
        Undo::File { broken_sha256 } => is_broken(layout, record, broken_sha256.as_deref())?,
        Undo::Database => !database::is_sound(&layout.database())?,
        Undo::Dose { medication, wrong, .. } => database::has_dose(&layout.database(), *medication, wrong)?,
        Undo::Doses => database::is_converted(&layout.database(), &converted(layout, record)?)?,
        Undo::Account { wrong, .. } => spoil::account_hash(layout, &record.service)?.as_ref() == Some(wrong),
        Undo::Relieve { process, link } => {
            process.state() != ProcessState::Gone
                && impairment::of(layout, sufferer(record), process)?.contains(&impairment_of(record, link))
        }
        Undo::Index => !index::exists(&layout.database())?,
        Undo::End => process::running(layout, catalogue::STRAY_CLIENT)?.is_some(),
    })
}

/// Which process suffers from an impairment.
pub(super) fn sufferer(record: &FaultRecord) -> &str {
    match record.fault {
        fault if fault.is_of_link() => catalogue::PROXIES,
        FaultKind::RetryStorm => catalogue::CLINICIANS,
        _ => &record.service,
    }
}

pub(super) fn impairment_of(record: &FaultRecord, link: &Option<String>) -> Impairment {
    Impairment { fault: record.fault, link: link.clone() }
}

fn is_broken(layout: &Layout, record: &FaultRecord, broken: Option<&str>) -> Result<bool, SandboxError> {
    let bytes = files::read(&spoil::file(layout, record.fault, &record.service))?;
    // gone is as bad as wrong
    Ok(bytes.is_none_or(|bytes| broken == Some(sha256(&bytes).as_str())))
}

/// The doses that a migration changed; without a copy it had not begun.
fn converted(layout: &Layout, record: &FaultRecord) -> Result<Vec<database::Converted>, SandboxError> {
    Ok(files::read_json(&record.copy(layout))?.unwrap_or_default())
}

fn undo(layout: &Layout, record: &FaultRecord, live: bool) -> Result<(), SandboxError> {
    let service = record.service.as_str();
    // also when there is nothing to put back: whoever began to heal may have died before the service heard of it
    let reload_if_it_runs = |service: &str| {
        if live && process::running(layout, service)?.is_some() { reload_in(layout, service) } else { Ok(()) }
    };
    let reload = || reload_if_it_runs(service);
    match &record.undo {
        Undo::Release { previous, bad } => {
            let root = layout.service(service);
            if content::live_release(&root).as_ref() == Some(bad) {
                if !root.join("releases").join(previous).is_dir() {
                    let reason = format!("the release before it, {previous}, is gone; make another release current");
                    return Err(SandboxError::Damaged { path: root.join("current"), reason });
                }
                content::switch_release(&root, previous)?;
            }
            reload()?;
            files::remove(&root.join("releases").join(bad))
        }
        Undo::Start { .. } if live && process::running(layout, service)?.is_none() => restart_in(layout, service),
        Undo::Start { .. } => Ok(()),
        Undo::Thaw { frozen } => {
            frozen.signal(Signal::CONT).map_err(SandboxError::io("thaw", layout.entry(service)))?;
            Ok(())
        }
        Undo::File { broken_sha256 } => {
            // without a copy the fault had not begun
            if let Some(bytes) = files::read(&record.copy(layout))?
                && is_broken(layout, record, broken_sha256.as_deref())?
            {
                files::write(&spoil::file(layout, record.fault, service), &bytes)?;
            }
            reload()
        }
        Undo::Database => {
            let copy = record.copy(layout);
            if copy.exists() && !database::is_sound(&layout.database())? {
                database::replace(&layout.database(), &copy)?;
            }
            reload()
        }
        Undo::Dose { medication, right, wrong } => {
            database::change_dose(&layout.database(), *medication, wrong, right)?;
            reload()
        }
        Undo::Doses => {
            database::convert(&layout.database(), &converted(layout, record)?, true)?;
            reload()
        }
        Undo::Account { right, wrong } => {
            if spoil::account_hash(layout, service)?.as_ref() == Some(wrong) {
                spoil::set_account_hash(layout, service, right)?;
            }
            reload_if_it_runs("auth")
        }
        Undo::Relieve { process, link } => {
            let sufferer = sufferer(record);
            impairment::take(layout, sufferer, process, &impairment_of(record, link))?;
            reload_if_it_runs(sufferer)
        }
        Undo::Index => index::restore(&layout.database()),
        Undo::End => {
            if live && process::running(layout, catalogue::STRAY_CLIENT)?.is_some() {
                end(layout)?;
            }
            files::remove(&layout.entry(catalogue::STRAY_CLIENT))?;
            files::remove(&layout.pid_file(catalogue::STRAY_CLIENT))
        }
    }
}

/// Removes copies whose record is gone; the caller holds the lock of the faults.
fn sweep_copies(layout: &Layout) -> Result<(), SandboxError> {
    let kept: Vec<String> = fault::records(layout)?.into_iter().map(|record| record.id).collect();
    let dir = layout.faults();
    for entry in fs::read_dir(&dir).map_err(SandboxError::io("list", &dir))?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.split_once(".copy").is_some_and(|(id, _)| !kept.iter().any(|kept| kept == id)) {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes what writers left unfinished; nobody writes now.
fn sweep(layout: &Layout) -> Result<(), SandboxError> {
    let services = catalogue::processes().map(|service| layout.service(service));
    for dir in services.chain(["run", "config", "faults", "secrets", "tls"].map(|name| layout.dir().join(name))) {
        for entry in fs::read_dir(&dir).map_err(SandboxError::io("list", &dir))?.flatten() {
            if entry.file_name().to_string_lossy().ends_with(files::UNFINISHED) {
                files::remove(&entry.path())?;
            }
        }
    }
    Ok(())
}
