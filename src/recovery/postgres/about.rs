//! What a physical snapshot says about itself, in a small file beside the base backup.

use std::{
    fmt,
    fs::{self, DirBuilder, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        RecoveryError,
        adapter::Job,
        switch::{parent, remove},
    },
    wal::{Lsn, Timeline},
};
use crate::vault::make_private_dir;

/// The file.
const ABOUT: &str = "about.json";
/// The base backup beside it.
pub(super) const DATA: &str = "data";

/// A physical snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct About {
    /// Where the snapshot holds the data directory.
    pub(super) data: PathBuf,
    /// What `PG_VERSION` says.
    pub(super) version: String,
    /// Which cluster it is; none when it was copied while the server was down.
    pub(super) base: Option<Base>,
}

/// From where log can be replayed onto a base backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Base {
    /// The server's system identifier, from its creation on.
    pub(super) system: String,
    /// Bytes in a segment of its log.
    pub(super) segment: u64,
    pub(super) timeline: Timeline,
    /// Log from here on is needed.
    pub(super) start: Lsn,
    /// By the server's clock, after the backup was complete: no earlier time can be reached.
    pub(super) complete_at: DateTime<Utc>,
}

/// From where a base backup needs log, as a tag of its snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) system: String,
    pub(super) timeline: Timeline,
    pub(super) start: Lsn,
}

const NEED: &str = "wal=";

impl Need {
    pub(super) fn of(base: &Base) -> Self {
        Self { system: base.system.clone(), timeline: base.timeline, start: base.start }
    }

    pub(super) fn parse(tag: &str) -> Option<Self> {
        let mut parts = tag.strip_prefix(NEED)?.split(':');
        let (system, timeline, start) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            system: system.to_owned(),
            timeline: serde_json::from_str(timeline).ok()?,
            start: Lsn::try_from(start.to_owned()).ok()?,
        })
    }
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{NEED}{}:{}:{}", self.system, self.timeline.number(), self.start)
    }
}

/// An empty private directory beside the data directory for one backup; those of backups that were killed are removed. Its name
/// is never used again, because a program of a killed engine may still write where it was told to.
pub(super) fn working_dir(data: &Path, component: &str) -> Result<PathBuf, RecoveryError> {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".codeblue-{name}-{}-", component.replace('/', "_"));
    let beside = parent(data);
    for entry in fs::read_dir(beside).map_err(|error| RecoveryError::io("list", beside, error))?.flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        if found.strip_prefix(&prefix).is_some_and(|rest| rest.len() == 13 && rest.ends_with(".base")) {
            remove(&entry.path()).map_err(|error| RecoveryError::io("remove", &entry.path(), error))?;
        }
    }
    let dir = beside.join(format!("{prefix}{:08x}.base", rand::random::<u32>()));
    DirBuilder::new().mode(0o700).create(&dir).map_err(|error| RecoveryError::io("create", &dir, error))?;
    Ok(dir)
}

impl About {
    /// Writes it into the working directory of a backup.
    pub(super) fn write(&self, dir: &Path) -> Result<PathBuf, RecoveryError> {
        let path = dir.join(ABOUT);
        let failed = |error| RecoveryError::io("write", &path, error);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        file.write_all(&text).map_err(failed)?;
        Ok(path)
    }

    /// Reads that of a snapshot.
    pub(super) fn of(job: &Job<'_>, snapshot: &str) -> Result<Self, RecoveryError> {
        let wrong = |reason: String| RecoveryError::WrongSnapshot {
            component: job.component.name.clone(),
            snapshot: snapshot.to_owned(),
            reason,
        };
        let info = job.vault.show(snapshot)?;
        let stored = info.paths.iter().find_map(|path| {
            let ending = path.extension().is_some_and(|ending| ending == "base");
            if ending { Some(path.join(ABOUT)) } else { path.ends_with(ABOUT).then(|| path.clone()) }
        });
        let stored = stored.ok_or_else(|| wrong("it holds no base backup of PostgreSQL".to_owned()))?;
        make_private_dir(job.work).map_err(|error| RecoveryError::io("create", job.work, error))?;
        let copy = job.work.join(format!("{}.{ABOUT}", snapshot.get(..8).unwrap_or(snapshot)));
        let failed = |error| RecoveryError::io("read", &copy, error);
        remove(&copy).map_err(failed)?;
        let made = job.vault.stage(snapshot, &stored, &copy, job.cancel)?;
        if !made.is_whole() {
            return Err(RecoveryError::NotWhole { component: job.component.name.clone(), problems: made.problems });
        }
        let text = fs::read(&copy).map_err(failed)?;
        remove(&copy).map_err(failed)?;
        serde_json::from_slice(&text).map_err(|error| wrong(format!("its description is not understood: {error}")))
    }
}
