//! How far a replica is behind.

use chrono::{DateTime, Utc};
use rustic_core::FileType;
use serde::{Deserialize, Serialize};

use super::{
    cancel::CancelFlag,
    depot::HASHED,
    error::VaultError,
    guard::guarded,
    lock,
    replica::Replica,
    replicate::{Files, listed, missing},
    repository::{UNFINISHED, Vault, describe, snapshot_files},
};

/// How far a replica is behind the vault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lag {
    /// Snapshots that both have.
    pub snapshots: u64,
    /// Ids of those that only the vault has, oldest first.
    pub missing_snapshots: Vec<String>,
    /// When the oldest of those was taken: what was saved since then would go with the vault. None when none is missing.
    pub oldest_missing_at: Option<DateTime<Utc>>,
    /// Files of any kind that only the vault has.
    pub missing_files: u64,
    /// Bytes in them.
    pub missing_bytes: u64,
}

impl Lag {
    /// Whether the replica has every snapshot.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.missing_snapshots.is_empty()
    }
}

impl Vault {
    /// How far the replica is behind. A snapshot counts as held only when everything it needs is held too, since it is copied last.
    ///
    /// # Errors
    /// When the vault or the replica cannot be read, or the replica holds another vault.
    pub fn lag(&self, replica: &Replica) -> Result<Lag, VaultError> {
        guarded("look at the replica", || {
            let cancel = CancelFlag::new();
            let _lock = lock::shared(self.dir(), &cancel)?;
            let to = replica.reach()?;
            let (repository, _) = self.connect_alone(cancel)?;
            let is_empty = !self.knows(replica)?;
            let list = |kind| {
                if is_empty {
                    return Ok(Files::new());
                }
                listed(to, kind).map_err(|error| replica.error("list", &error))
            };
            let mut lag = Lag::default();
            let held = list(FileType::Snapshot)?;
            let mut drafts = Vec::new();
            // oldest first
            for file in snapshot_files(&repository)?.0 {
                if file.tags.contains(UNFINISHED) {
                    drafts.push(*file.id);
                } else if held.contains_key(&file.id) {
                    lag.snapshots += 1;
                } else {
                    lag.oldest_missing_at.get_or_insert(describe(&file).at);
                    lag.missing_snapshots.push(file.id.to_hex().to_string());
                }
            }
            for (kind, here) in HASHED.into_iter().zip(&self.listed_here()?) {
                let held = if kind == FileType::Snapshot { held.clone() } else { list(kind)? };
                for id in missing(here, &held).iter().filter(|id| !drafts.contains(id)) {
                    lag.missing_files += 1;
                    lag.missing_bytes += here[id];
                }
            }
            Ok(lag)
        })
    }
}
