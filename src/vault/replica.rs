//! A second repository that holds the same files as the vault.

use std::{fs, io, sync::Arc};

use super::{depot::Depot, directory::Directory, error::VaultError};
use crate::platform::{Replica as Settings, ReplicaPlace};

/// A replica that has answered.
#[derive(Debug, Clone)]
pub struct Replica {
    depot: Arc<dyn Depot>,
}

impl Replica {
    /// Finds the replica. Its place must be there: a directory that is made when it is missing would fill the disk below a
    /// mount point on which nothing is mounted.
    ///
    /// # Errors
    /// When it is not there or does not answer.
    pub fn open(settings: &Settings) -> Result<Self, VaultError> {
        let depot: Arc<dyn Depot> = match &settings.place {
            ReplicaPlace::Directory(path) => {
                let detail = match fs::metadata(path) {
                    Ok(metadata) if metadata.is_dir() => None,
                    Ok(_) => Some("it is no directory".to_owned()),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        Some("it is not there; mount its file system, or create the directory".to_owned())
                    }
                    Err(error) => Some(error.to_string()),
                };
                if let Some(detail) = detail {
                    return Err(VaultError::Replica { place: path.display().to_string(), action: "open", detail });
                }
                Arc::new(Directory::new(path))
            }
        };
        Ok(Self { depot })
    }

    /// Where it is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.depot.place()
    }

    pub(super) fn depot(&self) -> Arc<dyn Depot> {
        Arc::clone(&self.depot)
    }

    pub(super) fn error(&self, action: &'static str, error: &io::Error) -> VaultError {
        VaultError::Replica { place: self.place(), action, detail: error.to_string() }
    }
}
