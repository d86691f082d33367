//! Makes something go wrong: first the record of how to undo it, durable, then the fault.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use rustix::process::Signal;
use sha2::{Digest, Sha256};

use super::{
    SandboxError,
    catalogue::{CLINICIANS, PROXIES, STRAY_CLIENT},
    content,
    control::{self, Request},
    database,
    fault::{self, FaultRecord, Undo},
    files, heal, impairment, index,
    kind::FaultKind,
    layout::Layout,
    link::Link,
    process::{self, Entry, ProcessState},
    reload::reload_in,
    spoil,
    supervisor::{self, restart_in},
};

const MOST_FAULTS: usize = 8;
const LARGEST_DATABASE: u64 = 16 << 20;
const LEAST_FREE: u64 = 128 << 20;
const TO_SHOW: Duration = Duration::from_secs(3);
const TO_ASK: Duration = Duration::from_secs(5);

/// Injects a fault into a service of a sandbox that is up; its supervisor undoes it when the lease ends.
///
/// # Errors
/// When the directory is no sandbox or is not up, the fault cannot hit that service or does already, another fault has changed
/// the same data, the lease is not from one second to half an hour, or the fault did not work (then it was undone).
pub fn inject(
    dir: &Path,
    fault: FaultKind,
    service: Option<&str>,
    lease: Duration,
    now: DateTime<Utc>,
) -> Result<FaultRecord, SandboxError> {
    let layout = Layout::open(dir)?;
    let (service, link) = fault.target(service)?;
    fault::check_lease(lease)?;
    if !supervisor::is_up(&layout) {
        // without it nobody would end the lease
        return Err(SandboxError::NotUp { dir: layout.dir().to_owned() });
    }
    let _lock = layout.lock_faults()?;
    let records = fault::records(&layout)?;
    let name = link.map(Link::name);
    let same =
        |record: &&FaultRecord| record.fault == fault && record.service == service && record.link() == name.as_deref();
    for record in records.iter().filter(same) {
        if heal::in_force(&layout, record)? {
            let (fault, service, id) = (fault.name(), service.to_owned(), record.id.clone());
            return Err(SandboxError::AlreadyInForce { fault, service, id });
        }
        heal::settle(&layout, record, true)?;
    }
    let store = fault.store();
    let same_data = |record: &&FaultRecord| {
        store.is_some() && record.fault != fault && record.fault.store() == store && record.service == service
    };
    if let Some(other) = records.iter().find(same_data) {
        let reason = format!("{} has changed the same data of {service}; heal first", other.fault.name());
        return Err(SandboxError::Limit { reason });
    }
    if records.len() >= MOST_FAULTS {
        return Err(SandboxError::Limit { reason: format!("{MOST_FAULTS} faults are in force; heal first") });
    }
    check_disk(&layout)?;
    let entry = running(&layout, service)?;
    let planned = plan(&layout, fault, &entry, link)?;
    let record = FaultRecord::new(&layout, fault, service, lease, now, planned)?;
    if let Err(error) = prepare(&layout, &record).and_then(|()| act(&layout, &record, &entry)) {
        heal::settle(&layout, &record, true)?;
        return Err(error);
    }
    control::ask(&layout, &Request::Leases, TO_ASK)?;
    Ok(record)
}

fn running(layout: &Layout, service: &str) -> Result<Entry, SandboxError> {
    process::running(layout, service)?.ok_or_else(|| SandboxError::NotRunning { service: service.to_owned() })
}

fn check_disk(layout: &Layout) -> Result<(), SandboxError> {
    let failed = || SandboxError::io("measure", layout.dir());
    let disk = rustix::fs::statvfs(layout.dir()).map_err(|error| failed()(error.into()))?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < LEAST_FREE {
        return Err(SandboxError::Limit { reason: "less than 128 MiB of disk are free on this host".to_owned() });
    }
    let size = fs::metadata(layout.database()).map_err(failed())?.len();
    if size > LARGEST_DATABASE {
        return Err(SandboxError::Limit {
            reason: "the database has grown beyond 16 MiB; use a new sandbox".to_owned(),
        });
    }
    Ok(())
}

/// What will undo it.
fn plan(layout: &Layout, fault: FaultKind, entry: &Entry, link: Option<Link>) -> Result<Undo, SandboxError> {
    let service = entry.service.as_str();
    Ok(match fault {
        FaultKind::BadRelease => {
            let root = layout.service(service);
            let previous = content::live_release(&root).ok_or_else(|| SandboxError::Damaged {
                path: root.join("current"),
                reason: "it points to no release".to_owned(),
            })?;
            Undo::Release { previous, bad: next_version(&root)? }
        }
        FaultKind::Kill => Undo::Start { killed: entry.process.clone() },
        FaultKind::Freeze => Undo::Thaw { frozen: entry.process.clone() },
        FaultKind::BrokenConfig
        | FaultKind::ModelMissing
        | FaultKind::ModelAltered
        | FaultKind::HalfRotatedKey
        | FaultKind::CertificateExpired
        | FaultKind::CertificateWrongName
        | FaultKind::CertificateUnknownAuthority => {
            Undo::File { broken_sha256: spoil::content(layout, fault, service)?.map(|bytes| sha256(&bytes)) }
        }
        FaultKind::CorruptDatabase => Undo::Database,
        FaultKind::WrongDose => {
            let (medication, right) = database::some_dose(&layout.database())?;
            Undo::Dose { medication, wrong: ten_times(&right), right }
        }
        FaultKind::SilentCorruption => {
            let (medication, right, wrong) = database::dose_to_flip(&layout.database())?;
            Undo::Dose { medication, right, wrong }
        }
        FaultKind::BadMigration => Undo::Doses,
        FaultKind::MissingIndex => Undo::Index,
        FaultKind::WrongPassword => {
            let right = spoil::account_hash(layout, service)?.ok_or_else(|| SandboxError::Damaged {
                path: layout.accounts(),
                reason: format!("it has no account {service}"),
            })?;
            Undo::Account { wrong: sha256(right.as_bytes()), right }
        }
        FaultKind::LockHolder => Undo::End,
        FaultKind::LinkSlow
        | FaultKind::LinkNarrow
        | FaultKind::LinkBlackHole
        | FaultKind::LinkReset
        | FaultKind::LinkCut => {
            Undo::Relieve { process: running(layout, PROXIES)?.process, link: link.map(Link::name) }
        }
        FaultKind::RetryStorm => Undo::Relieve { process: running(layout, CLINICIANS)?.process, link: None },
        FaultKind::Slow
        | FaultKind::Refuse
        | FaultKind::AcceptStall
        | FaultKind::NoDescriptors
        | FaultKind::MemoryLeak
        | FaultKind::BusyProcessor
        | FaultKind::LogStorm
        | FaultKind::PhiInLog
        | FaultKind::PoolLeak
        | FaultKind::DiskFull
        | FaultKind::ClockSkew
        | FaultKind::LockoutStorm
        | FaultKind::WrongAnswers
        | FaultKind::StuckQueue => Undo::Relieve { process: entry.process.clone(), link: None },
    })
}

/// Everything that must be on disk before the fault is.
fn prepare(layout: &Layout, record: &FaultRecord) -> Result<(), SandboxError> {
    match &record.undo {
        Undo::File { .. } => {
            let path = spoil::file(layout, record.fault, &record.service);
            let bytes = fs::read(&path).map_err(SandboxError::io("read", &path))?;
            files::write(&record.copy(layout), &bytes)?;
        }
        Undo::Database => database::copy(&layout.database(), &record.copy(layout))?,
        Undo::Doses => files::write_json(&record.copy(layout), &database::doses_in_thousandths(&layout.database())?)?,
        Undo::Release { .. }
        | Undo::Start { .. }
        | Undo::Thaw { .. }
        | Undo::Dose { .. }
        | Undo::Account { .. }
        | Undo::Relieve { .. }
        | Undo::Index
        | Undo::End => {}
    }
    record.write(layout)
}

fn act(layout: &Layout, record: &FaultRecord, entry: &Entry) -> Result<(), SandboxError> {
    let service = record.service.as_str();
    match &record.undo {
        Undo::Release { bad, .. } => {
            let root = layout.service(service);
            content::write_release(&root, bad, &content::BAD_RELEASE)?;
            content::switch_release(&root, bad)?;
            reload_in(layout, service)
        }
        Undo::Start { .. } => {
            process::signal(layout, service, Signal::KILL)?;
            wait_for(layout, entry, ProcessState::Gone)
        }
        Undo::Thaw { .. } => {
            process::signal(layout, service, Signal::STOP)?;
            wait_for(layout, entry, ProcessState::Frozen)
        }
        Undo::File { .. } => {
            let path = spoil::file(layout, record.fault, service);
            match spoil::content(layout, record.fault, service)? {
                Some(bytes) => files::write(&path, &bytes)?,
                None => files::remove(&path)?,
            }
            reload_in(layout, service)
        }
        Undo::Database => {
            database::damage(&layout.database())?;
            if database::is_sound(&layout.database())? {
                return Err(SandboxError::Limit { reason: "the damage did not take; try again".to_owned() });
            }
            Ok(())
        }
        Undo::Dose { medication, right, wrong } if record.fault == FaultKind::SilentCorruption => {
            database::flip(&layout.database(), *medication, right, wrong)
        }
        Undo::Dose { medication, right, wrong } => database::change_dose(&layout.database(), *medication, right, wrong),
        Undo::Doses => {
            let doses: Vec<_> = files::read_json(&record.copy(layout))?.unwrap_or_default();
            database::convert(&layout.database(), &doses, false)
        }
        Undo::Account { wrong, .. } => {
            spoil::set_account_hash(layout, service, wrong)?;
            reload_in(layout, "auth")
        }
        Undo::Relieve { process, link } => {
            let sufferer = heal::sufferer(record);
            impairment::add(layout, sufferer, process, heal::impairment_of(record, link))?;
            reload_in(layout, sufferer)
        }
        Undo::Index => index::take_away(&layout.database()),
        Undo::End => restart_in(layout, STRAY_CLIENT),
    }
}

fn wait_for(layout: &Layout, entry: &Entry, state: ProcessState) -> Result<(), SandboxError> {
    let until = Instant::now() + TO_SHOW;
    while entry.process.state() != state {
        if Instant::now() > until {
            let what = format!("the fault of {}", entry.service);
            return Err(SandboxError::TooSlow { what, seconds: TO_SHOW.as_secs(), log: layout.log(&entry.service) });
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// One more than the highest there is.
fn next_version(root: &Path) -> Result<String, SandboxError> {
    let releases = root.join("releases");
    let entries = fs::read_dir(&releases).map_err(SandboxError::io("list", &releases))?;
    let highest = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix('v')?.parse::<u32>().ok())
        .max()
        .unwrap_or(0);
    Ok(format!("v{}", highest.saturating_add(1)))
}

/// `5 mg` as `50 mg`.
fn ten_times(dose: &str) -> String {
    let end = dose.find(|c: char| !c.is_ascii_digit()).unwrap_or(dose.len());
    let (number, unit) = dose.split_at(end);
    format!("{number}0{unit}")
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
