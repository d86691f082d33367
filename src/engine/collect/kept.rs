//! What of the lines of services is on disk: how far each log was read, and the templates of what was read. No line.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::diagnosis::{
    collect::{JournaldPlace, Place},
    patterns::{KeptObserved, Observed},
};

/// How far all logs were read.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptPlaces {
    /// By service and source.
    pub(super) services: BTreeMap<String, BTreeMap<String, KeptPlace>>,
}

/// How far one source was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptPlace {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) files: BTreeMap<PathBuf, Vec<Place>>,
    #[serde(default)]
    pub(super) cursor: JournaldPlace,
}

/// How far all logs were read before; nothing where that is not known.
pub(super) fn read_places(file: &Path) -> KeptPlaces {
    read(file, "how far the logs were read").unwrap_or_default()
}

/// Where the templates are kept.
pub(super) struct PatternsFile(PathBuf);

impl PatternsFile {
    pub(super) fn new(work: &Path) -> Self {
        Self(work.join("patterns.json"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What was seen before; nothing where that is not known.
    pub(super) fn read(&self) -> Observed {
        let kept: Option<KeptObserved> = read(&self.0, "what was seen of lines");
        kept.and_then(|kept| {
            let restored = Observed::restore(kept);
            restored.inspect_err(|error| warn!(file = %self.0.display(), %error, "it is begun anew")).ok()
        })
        .unwrap_or_default()
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &Path, what: &str) -> Option<T> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            warn!(file = %file.display(), %error, "{what} cannot be read; it is begun anew");
            return None;
        }
    };
    serde_json::from_slice(&bytes)
        .inspect_err(|error| warn!(file = %file.display(), %error, "{what} is damaged; it is begun anew"))
        .ok()
}

/// Writes a document for nobody else to read: the old one or the new one is there, whatever happens.
pub(super) fn write(file: &Path, document: &impl Serialize) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    out.write_all(&serde_json::to_vec(document)?)?;
    out.sync_data()?;
    fs::rename(&new, file)
}
