//! A second repository that holds the same files as the vault.

use std::{io, sync::Arc};

use super::{depot::Depot, directory::Directory, error::VaultError, rest::Rest};
use crate::platform::ReplicaPlace;

/// A replica of the vault; it is reached only when it is used.
#[derive(Debug, Clone)]
pub struct Replica {
    depot: Arc<dyn Depot>,
}

impl Replica {
    /// The replica that the platform file describes.
    #[must_use]
    pub fn new(place: &ReplicaPlace) -> Self {
        match place {
            ReplicaPlace::Directory(path) => Self { depot: Arc::new(Directory::new(path)) },
            ReplicaPlace::Rest { url, login } => {
                let login = login.as_ref().map(|login| (login.user.clone(), login.password_file.clone()));
                Self { depot: Arc::new(Rest::new(url, login)) }
            }
        }
    }

    /// Where it is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.depot.place()
    }

    /// A replica in a directory at hand.
    #[cfg(test)]
    pub(super) fn in_directory(directory: &Directory) -> Self {
        Self { depot: Arc::new(directory.clone()) }
    }

    pub(super) fn reach(&self) -> Result<&dyn Depot, VaultError> {
        self.depot.reach().map_err(|error| self.error("reach", &error))?;
        Ok(self.depot.as_ref())
    }

    pub(super) fn depot(&self) -> Arc<dyn Depot> {
        Arc::clone(&self.depot)
    }

    pub(super) fn error(&self, action: &'static str, error: &io::Error) -> VaultError {
        VaultError::Replica { place: self.place(), action, detail: error.to_string() }
    }
}
