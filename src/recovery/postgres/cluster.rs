//! What the control file of a data directory says.

use std::{collections::BTreeMap, ffi::OsStr, path::Path};

use super::{
    super::RecoveryError,
    tool::{Call, Tools},
    wal::Timeline,
};
use crate::vault::CancelFlag;

/// Bytes in a segment unless `initdb` was told otherwise.
const SEGMENT: u64 = 16 << 20;

/// What stays the same of a cluster for as long as it exists.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    /// Its identifier.
    pub(super) system: String,
    /// Bytes in a segment of its log.
    pub(super) segment: u64,
}

impl Cluster {
    /// That of a data directory.
    pub(super) fn of(data: &Path, tools: &Tools, cancel: &CancelFlag) -> Result<Self, RecoveryError> {
        let controls = controls(data, tools, cancel)?;
        let segment = controls.get("Bytes per WAL segment").and_then(|size| size.parse().ok());
        Ok(Self {
            system: controls.get("Database system identifier").cloned().unwrap_or_default(),
            segment: segment.filter(|size| (1 << 20..=1 << 30).contains(size)).unwrap_or(SEGMENT),
        })
    }
}

/// On which timeline and in which segment a server that was shut down will go on.
pub(super) fn end_of_log(data: &Path, tools: &Tools, cancel: &CancelFlag) -> Result<(Timeline, String), RecoveryError> {
    let call = control_data(data);
    let controls = controls(data, tools, cancel)?;
    let timeline = controls.get("Latest checkpoint's TimeLineID").and_then(|text| serde_json::from_str(text).ok());
    let segment = controls.get("Latest checkpoint's REDO WAL file").cloned();
    timeline.zip(segment).ok_or_else(|| call.failed("told neither timeline nor segment".to_owned(), String::new()))
}

/// All of it, by name.
pub(super) fn controls(
    data: &Path,
    tools: &Tools,
    cancel: &CancelFlag,
) -> Result<BTreeMap<String, String>, RecoveryError> {
    let text = tools.run(&control_data(data), cancel)?;
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    Ok(pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect())
}

fn control_data(data: &Path) -> Call<'_> {
    Call::new("read the control file", "pg_controldata").args([OsStr::new("-D"), data.as_os_str()])
}
