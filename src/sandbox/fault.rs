//! The records of faults, which say how each one is undone. They are on disk before the fault is.

use std::{fs, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{SandboxError, files, kind::FaultKind, layout::Layout, process::Identity};

/// How long a fault lasts when nothing else is said.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(10 * 60);
const LONGEST_LEASE: Duration = Duration::from_secs(30 * 60);

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
    /// Put the copy of the file back, unless it was changed since; none of it means that the file was taken away.
    File { broken_sha256: Option<String> },
    /// Put the copy of the database back, unless it is sound.
    Database,
    /// Write the right dose back, unless somebody has.
    Dose { medication: i64, right: String, wrong: String },
    /// Write the doses of the copy back, where they are still the wrong ones.
    Doses,
    /// Make the index of the results again, unless somebody has.
    Index,
    /// Write the right hash of an account's secret back, unless somebody has.
    Account { right: String, wrong: String },
    /// Take one impairment from the process; of a dependency, when one is named.
    Relieve { process: Identity, link: Option<String> },
    /// End the stray client, unless somebody has.
    End,
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

    /// The dependency that a fault of one hits, as `ASKING:ASKED`.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        match &self.undo {
            Undo::Relieve { link, .. } => link.as_deref(),
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
    fn no_lease_is_longer_than_half_an_hour() {
        assert!(check_lease(Duration::from_secs(1801)).is_err());
        assert!(check_lease(Duration::ZERO).is_err());
        assert!(check_lease(DEFAULT_LEASE).is_ok());
    }
}
