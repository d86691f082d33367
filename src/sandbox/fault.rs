//! The faults there are, and the records that say how each one is undone.

use std::{fs, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{SandboxError, catalogue, files, layout::Layout, process::Identity};

/// How long a fault lasts when nothing else is said.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(10 * 60);
const LONGEST_LEASE: Duration = Duration::from_secs(30 * 60);

/// Something that can be made to go wrong, for real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A release that reads a column the database does not have.
    BadRelease,
    /// The process is gone.
    Kill,
    /// The process is there and does nothing.
    Freeze,
    /// The configuration holds a value that is not allowed.
    BrokenConfig,
    /// Pages of the database hold garbage.
    CorruptDatabase,
    /// A dose in the database is ten times what it was.
    WrongDose,
    /// Every piece of work takes most of a second longer.
    Slow,
}

impl FaultKind {
    /// All of them, in the order of lists.
    pub const ALL: [Self; 7] = [
        Self::BadRelease,
        Self::Kill,
        Self::Freeze,
        Self::BrokenConfig,
        Self::CorruptDatabase,
        Self::WrongDose,
        Self::Slow,
    ];

    /// The fault of that name.
    ///
    /// # Errors
    /// When there is none; the error lists all.
    pub fn from_name(name: &str) -> Result<Self, SandboxError> {
        Self::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| SandboxError::UnknownFault {
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRelease => "bad-release",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::BrokenConfig => "broken-config",
            Self::CorruptDatabase => "corrupt-database",
            Self::WrongDose => "wrong-dose",
            Self::Slow => "slow",
        }
    }

    /// What it does, in one sentence.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::BadRelease => "deploys a release whose query reads a column that does not exist",
            Self::Kill => "kills the process (SIGKILL); nobody starts it again by itself",
            Self::Freeze => "stops the process (SIGSTOP): it still accepts connections and never answers",
            Self::BrokenConfig => "writes a value into its configuration that is not allowed, and reloads it",
            Self::CorruptDatabase => "overwrites tables of the records with garbage, on the disk",
            Self::WrongDose => {
                "makes one dose in the records ten times as high; every page and every count stays right"
            }
            Self::Slow => "makes the running process take 900 ms longer for every piece of work",
        }
    }

    /// Whom it hits when nobody is named.
    #[must_use]
    pub fn default_service(self) -> &'static str {
        match self {
            Self::BadRelease => "patient-api",
            Self::Kill => "auth",
            Self::Freeze | Self::CorruptDatabase | Self::WrongDose => "records-db",
            Self::BrokenConfig => "handouts",
            Self::Slow => "ai-analysis",
        }
    }

    /// The service it is to hit.
    pub(super) fn target(self, service: Option<&str>) -> Result<&'static str, SandboxError> {
        let service = catalogue::service(service.unwrap_or(self.default_service()))?.name;
        let only = match self {
            Self::BadRelease => Some("only patient-api is deployed in releases"),
            Self::CorruptDatabase | Self::WrongDose => Some("only records-db has a database"),
            _ => None,
        };
        match only {
            Some(reason) if service != self.default_service() => Err(SandboxError::WrongTarget {
                fault: self.name(),
                service: service.to_owned(),
                reason: reason.to_owned(),
            }),
            _ => Ok(service),
        }
    }
}

/// A fault that was injected, and how to undo it. It is on disk before the fault is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultRecord {
    /// Unique in this sandbox.
    pub id: String,
    /// What was done.
    pub fault: FaultKind,
    /// To whom.
    pub service: String,
    /// When.
    pub injected_at: DateTime<Utc>,
    /// When the supervisor undoes it.
    pub expires_at: DateTime<Utc>,
    /// Id of the sandbox.
    pub(super) sandbox: String,
    pub(super) undo: Undo,
}

/// What is needed to undo a fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub(super) enum Undo {
    /// Make the previous release live again, take the bad one away.
    Release { previous: String, bad: String },
    /// Start the service, unless somebody has.
    Start { killed: Identity },
    /// Let the process go on.
    Thaw { frozen: Identity },
    /// Put the copy of the configuration back, unless it was changed since.
    Config { broken_sha256: String },
    /// Put the copy of the database back, unless it is sound.
    Database,
    /// Write the right dose back, unless somebody has.
    Dose { medication: i64, right: String, wrong: String },
    /// Make the process as fast as it was.
    Quicken { slow: Identity },
}

impl FaultRecord {
    pub(super) fn new(
        layout: &Layout,
        fault: FaultKind,
        service: &str,
        lease: Duration,
        now: DateTime<Utc>,
        undo: Undo,
    ) -> Result<Self, SandboxError> {
        Ok(Self {
            id: format!("{}-{}", fault.name(), hex::encode(rand::random::<[u8; 4]>())),
            fault,
            service: service.to_owned(),
            injected_at: now,
            expires_at: now + check_lease(lease)?,
            sandbox: layout.marker.id.clone(),
            undo,
        })
    }

    /// The version that a bad release was deployed as.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        match &self.undo {
            Undo::Release { bad, .. } => Some(bad),
            _ => None,
        }
    }

    fn path(&self, layout: &Layout) -> PathBuf {
        layout.faults().join(format!("{}.json", self.id))
    }

    /// Where the copy of what the fault destroys lies.
    pub(super) fn copy(&self, layout: &Layout) -> PathBuf {
        layout.faults().join(format!("{}.copy", self.id))
    }

    /// Durable when this returns.
    pub(super) fn write(&self, layout: &Layout) -> Result<(), SandboxError> {
        files::write_json(&self.path(layout), self)
    }

    pub(super) fn remove(&self, layout: &Layout) -> Result<(), SandboxError> {
        files::remove(&self.path(layout))?;
        files::remove(&self.copy(layout))
    }
}

pub(super) fn check_lease(lease: Duration) -> Result<chrono::Duration, SandboxError> {
    let bad = || SandboxError::BadLease { seconds: lease.as_secs() };
    if lease < Duration::from_secs(1) || lease > LONGEST_LEASE {
        return Err(bad());
    }
    chrono::Duration::from_std(lease).map_err(|_| bad())
}

/// All faults that were not undone yet, oldest first.
pub(super) fn records(layout: &Layout) -> Result<Vec<FaultRecord>, SandboxError> {
    let dir = layout.faults();
    let mut records = Vec::new();
    for entry in fs::read_dir(&dir).map_err(SandboxError::io("list", &dir))?.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        // gone meanwhile is undone meanwhile
        let Some(record) = files::read_json::<FaultRecord>(&path)? else { continue };
        if record.sandbox == layout.marker.id && record.path(layout) == path {
            records.push(record);
        }
    }
    records.sort_by(|a, b| (a.injected_at, &a.id).cmp(&(b.injected_at, &b.id)));
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name_and_an_unknown_one_gets_the_list() {
        for fault in FaultKind::ALL {
            assert_eq!(FaultKind::from_name(fault.name()).unwrap(), fault);
            assert_eq!(fault.target(None).unwrap(), fault.default_service());
        }
        let error = FaultKind::from_name("bad-relase").unwrap_err().to_string();
        assert!(
            error.contains("bad-release, kill, freeze, broken-config, corrupt-database, wrong-dose, slow"),
            "{error}"
        );
    }

    #[test]
    fn a_fault_refuses_services_it_cannot_hit_and_leases_beyond_half_an_hour() {
        assert!(FaultKind::BadRelease.target(Some("auth")).is_err());
        assert!(FaultKind::Kill.target(Some("clinicians")).is_err(), "the load is not part of the platform");
        assert!(FaultKind::Kill.target(Some("../auth")).is_err());
        assert!(check_lease(Duration::from_secs(1801)).is_err());
        assert!(check_lease(Duration::ZERO).is_err());
        assert!(check_lease(DEFAULT_LEASE).is_ok());
    }
}
