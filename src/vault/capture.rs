//! Taking a snapshot.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use rustic_core::{
    BackupOptions, ParentOptions, SnapshotOptions, StringList,
    jiff::{Timestamp, tz::TimeZone},
    repofile::{SnapshotFile, SnapshotId},
};
use serde::{Deserialize, Serialize};

use super::{
    cancel::CancelFlag,
    error::VaultError,
    guard::guarded,
    lock,
    repository::{PARTIAL, UNFINISHED, Vault, fault_error, snapshot_files, write_error},
    source::{Ledger, Live, Source},
};

const OPERATION: &str = "take a snapshot";

/// A snapshot that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Captured {
    /// The snapshot's id in the vault, 64 hexadecimal digits.
    pub id: String,
    /// Files in it, links included.
    pub files: u64,
    /// Bytes in those files.
    pub bytes: u64,
    /// Bytes by which the vault grew.
    pub added_bytes: u64,
    /// What is missing in it and why, one line each. Not empty: the snapshot is partial, and tagged so.
    pub unreadable: Vec<String>,
}

impl Captured {
    /// Whether something is missing.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.unreadable.is_empty()
    }
}

impl Vault {
    /// Captures `source` as it is now. `now` is written down as the snapshot's time.
    ///
    /// # Errors
    /// When nothing of the source can be read, the vault cannot be written, or `cancel` was set; then there is no snapshot.
    pub fn capture(
        &self,
        source: Source,
        tags: &[String],
        now: DateTime<Utc>,
        cancel: &CancelFlag,
    ) -> Result<Captured, VaultError> {
        self.capture_noting(source, tags, now, Vec::new(), cancel)
    }

    /// As `capture`, with flaws of the source that are known beforehand and make the snapshot partial too.
    pub(crate) fn capture_noting(
        &self,
        source: Source,
        tags: &[String],
        now: DateTime<Utc>,
        flaws: Vec<String>,
        cancel: &CancelFlag,
    ) -> Result<Captured, VaultError> {
        if !source.paths().iter().any(|path| path.symlink_metadata().is_ok()) {
            let path = source.paths()[0].clone();
            return Err(VaultError::BadSource {
                path,
                reason: "nothing of what should be captured is there".to_owned(),
            });
        }
        guarded(OPERATION, || {
            let _lock = lock::shared(self.dir(), cancel)?;
            let (repository, store) = self.connect_alone(cancel.clone())?;
            let paths = source.paths().to_vec();
            let options =
                BackupOptions::default().no_scan(true).parent_opts(parent(&snapshot_files(&repository)?.0, &paths));
            let (repository, store) = match repository.to_indexed_ids() {
                Ok(repository) => (repository, store),
                Err(_) => {
                    // what the damaged part of the index knew is stored again
                    let (repository, store) = self.connect_alone(cancel.clone())?;
                    store.leave_out_damaged_index();
                    let indexed = repository.to_indexed_ids();
                    (indexed.map_err(|error| VaultError::damaged("index", &error))?, store)
                }
            };

            // It is marked until it is known whether it is whole, so that a kill in between never leaves a snapshot that lies.
            let mut draft = draft(tags, now)?;
            draft.tags.add(UNFINISHED.to_owned());
            let ledger = Ledger::default();
            let live = Live::new(source, ledger.clone(), cancel.clone());
            let archived = repository.archive(&options, &live, draft, &paths);
            if cancel.is_cancelled() {
                return Err(VaultError::Cancelled);
            }
            let mut snapshot = archived.map_err(|error| write_error(OPERATION, self.dir(), &store, &error))?;
            if let Some(fault) = store.fault() {
                // a draft that stays is never shown, and the next pruning removes it
                let _ = self.drop_snapshot(&snapshot.id);
                return Err(fault_error(OPERATION, self.dir(), fault));
            }

            let mut unreadable = flaws;
            unreadable.extend(ledger.lines());
            let kept = snapshot.summary.as_ref().map_or(0, |summary| summary.total_files_processed);
            if kept < ledger.readable() {
                // the format engine drops what it fails on and only logs it
                unreadable.push(format!("{} files were read but are not in the snapshot", ledger.readable() - kept));
            }
            let draft = snapshot.id;
            snapshot.tags = tags_of(tags, !unreadable.is_empty());
            repository
                .save_snapshots(vec![snapshot.clone()])
                .map_err(|error| write_error(OPERATION, self.dir(), &store, &error))?;
            snapshot.id = store.last_snapshot().map_or(draft, SnapshotId::from);
            if let Err(error) = self.drop_snapshot(&draft) {
                tracing::warn!(%error, "a draft stays in the vault until the next pruning");
            }
            let summary = snapshot.summary.unwrap_or_default();
            Ok(Captured {
                id: snapshot.id.to_hex().to_string(),
                files: summary.total_files_processed,
                bytes: summary.total_bytes_processed,
                added_bytes: summary.data_added_packed,
                unreadable,
            })
        })
    }
}

/// The latest snapshot of the same paths: what has not changed since then is not read again.
fn parent(files: &[SnapshotFile], paths: &[PathBuf]) -> ParentOptions {
    let wanted: BTreeSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let latest = files.iter().rev().find(|file| file.paths.iter().map(Path::new).collect::<BTreeSet<_>>() == wanted);
    match latest {
        Some(file) => ParentOptions::default().parents(vec![file.id.to_hex().to_string()]),
        None => ParentOptions::default().force(true),
    }
}

fn draft(tags: &[String], now: DateTime<Utc>) -> Result<SnapshotFile, VaultError> {
    let nanoseconds = i128::from(now.timestamp()) * 1_000_000_000 + i128::from(now.timestamp_subsec_nanos());
    let time = Timestamp::from_nanosecond(nanoseconds)
        .map_err(|error| VaultError::Format { operation: OPERATION, detail: error.to_string() })?
        .to_zoned(TimeZone::UTC);
    let mut draft =
        SnapshotOptions::default().time(time).to_snapshot().map_err(|error| VaultError::format(OPERATION, &error))?;
    draft.tags = tags_of(tags, false);
    Ok(draft)
}

fn tags_of(tags: &[String], partial: bool) -> StringList {
    let mut list = StringList::default();
    for tag in tags.iter().map(String::as_str).chain(partial.then_some(PARTIAL)) {
        list.add(tag.to_owned());
    }
    list
}
