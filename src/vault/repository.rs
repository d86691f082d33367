//! Opening the vault and what concerns it as a whole.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use rustic_core::{
    ConfigOptions, Credentials, FileType, KeyOptions, OpenStatus, ReadBackend, Repository, RepositoryBackends,
    RepositoryOptions, WriteBackend,
    repofile::{MasterKey, SnapshotFile, SnapshotId},
};
use serde::{Deserialize, Serialize};

use super::{
    cancel::CancelFlag,
    depot::Depot,
    directory::{Directory, make_private_dir},
    error::{VaultError, one_line},
    guard::guarded,
    keys::Keys,
    lock,
    replica::Replica,
    store::{Fault, Store},
};

/// Tag of a snapshot that misses something it should hold.
pub const PARTIAL: &str = "partial";
/// Tag of a snapshot that is still being taken, or whose taking was killed.
pub(super) const UNFINISHED: &str = "unfinished";

/// An encrypted, deduplicating store of snapshots in restic's format. All operations block.
pub struct Vault {
    pub(super) directory: Directory,
    pub(super) keys: Keys,
    pub(super) key: MasterKey,
    /// Where what is damaged here is read instead.
    pub(super) replica: Option<Arc<Replica>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vault").field("dir", &self.dir()).finish_non_exhaustive()
    }
}

/// A snapshot as the vault knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotInfo {
    /// 64 hexadecimal digits.
    pub id: String,
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// Host it was taken on.
    pub host: String,
    /// In alphabetical order.
    pub tags: Vec<String>,
    /// The paths it was asked to hold.
    pub paths: Vec<PathBuf>,
    /// Files, links included.
    pub files: u64,
    /// Bytes in those files.
    pub bytes: u64,
    /// Bytes by which the vault grew.
    pub added_bytes: u64,
    /// Something could not be read: not a target for a recovery.
    pub partial: bool,
}

/// What lies in the vault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// Oldest first.
    pub snapshots: Vec<SnapshotInfo>,
    /// Files among the snapshots that cannot be read, each with the reason.
    pub unreadable: Vec<String>,
}

impl Vault {
    /// Opens the vault in `dir`, creating it with a random password when there is none. The secrets lie in `keys_dir`.
    ///
    /// # Errors
    /// When the directories cannot be used, the secrets are missing or wrong, or the vault is damaged.
    pub fn open_or_init(dir: &Path, keys_dir: &Path) -> Result<Self, VaultError> {
        make_private_dir(dir).map_err(|error| VaultError::io("create", dir, error))?;
        let dir = fs::canonicalize(dir).map_err(|error| VaultError::io("open", dir, error))?;
        let keys = Keys::open(keys_dir)?;
        let directory = Directory::new(&dir);
        let cancel = CancelFlag::new();
        guarded("open the vault", || {
            if !dir.join(FileType::Config.dirname()).exists() {
                let _lock = lock::exclusive(&dir, &cancel)?;
                // somebody may have created it while we waited
                if !dir.join(FileType::Config.dirname()).exists() {
                    return Self::init(directory.clone(), keys.clone());
                }
            }
            Self::open(directory.clone(), keys.clone())
        })
    }

    /// The same vault, which from now on reads from the replica what is damaged or missing here.
    #[must_use]
    pub fn with_replica(mut self, replica: Arc<Replica>) -> Self {
        self.replica = Some(replica);
        self
    }

    fn init(directory: Directory, keys: Keys) -> Result<Self, VaultError> {
        let store = Arc::new(Store::new(&directory, CancelFlag::new(), None));
        let list = |tpe| store.list(tpe).map_err(|error| VaultError::damaged("listing", &error));
        for tpe in [FileType::Snapshot, FileType::Index, FileType::Pack] {
            if !list(tpe)?.is_empty() {
                return Err(VaultError::Damaged {
                    what: "config".to_owned(),
                    detail: "the vault holds data, but its file `config` is gone; put it back from a replica"
                        .to_owned(),
                });
            }
        }
        // a key without a config is what a killed initialisation leaves behind; it opens nothing
        for id in list(FileType::Key)? {
            directory.remove(FileType::Key, &id).map_err(|error| VaultError::io("clean", directory.path(), error))?;
        }
        let password = match keys.password()? {
            Some(password) => password,
            None => keys.create_password()?,
        };
        let mut config = ConfigOptions::default();
        config.set_version = Some(2);
        let repository = Repository::new(&options(), &RepositoryBackends::new(Arc::<Store>::clone(&store), None))
            .and_then(|repository| {
                repository.init(&Credentials::password(&password.0), &KeyOptions::default(), &config)
            })
            .map_err(|error| write_error("create the vault", directory.path(), &store, &error))?;
        let key = repository.key();
        keys.keep_master_key(&key)?;
        Ok(Self { directory, keys, key, replica: None })
    }

    pub(super) fn open(directory: Directory, keys: Keys) -> Result<Self, VaultError> {
        let dir = directory.path().to_owned();
        if let Some(key) = keys.master_key()? {
            // a key of another vault cannot read the config; an ill-formed one makes the engine panic
            let opens =
                guarded("open the vault", || connect(&directory, &key, CancelFlag::new(), None).map(|_| ())).is_ok();
            if opens {
                return Ok(Self { directory, keys, key, replica: None });
            }
        }
        let Some(password) = keys.password()? else {
            return Err(VaultError::NoPassword { vault: dir, password_file: keys.password_file() });
        };
        let store = Arc::new(Store::new(&directory, CancelFlag::new(), None));
        let opened = Repository::new(&options(), &RepositoryBackends::new(store, None))
            .and_then(|repository| repository.open(&Credentials::password(&password.0)));
        let repository = match opened {
            Ok(repository) => repository,
            Err(error) if error.is_incorrect_password() => {
                return Err(VaultError::WrongPassword { vault: dir, password_file: keys.password_file() });
            }
            Err(error) => return Err(VaultError::damaged("config or keys", &error)),
        };
        let key = repository.key();
        keys.keep_master_key(&key)?;
        Ok(Self { directory, keys, key, replica: None })
    }

    /// Every snapshot that can be read, and what among them cannot.
    ///
    /// # Errors
    /// When the vault cannot be read at all.
    pub fn list(&self) -> Result<Listing, VaultError> {
        guarded("list snapshots", || {
            let (repository, _) = self.connect(CancelFlag::new())?;
            let (files, unreadable) = snapshot_files(&repository)?;
            let finished = files.iter().filter(|file| !file.tags.contains(UNFINISHED));
            Ok(Listing { snapshots: finished.map(describe).collect(), unreadable })
        })
    }

    /// Snapshots with other ids than these, oldest first. Where there are none, nothing is read but names.
    ///
    /// # Errors
    /// When the vault cannot be read at all.
    pub fn list_others(&self, known: &BTreeSet<String>) -> Result<Vec<SnapshotInfo>, VaultError> {
        let ids = guarded("list snapshots", || {
            let (_, store) = self.connect(CancelFlag::new())?;
            store.list(FileType::Snapshot).map_err(|error| VaultError::damaged("listing", &error))
        })?;
        if ids.iter().all(|id| known.contains(id.to_hex().as_str())) {
            return Ok(Vec::new());
        }
        let mut listing = self.list()?;
        listing.snapshots.retain(|snapshot| !known.contains(&snapshot.id));
        Ok(listing.snapshots)
    }

    /// One snapshot, by its id or an unambiguous beginning of it.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn show(&self, id: &str) -> Result<SnapshotInfo, VaultError> {
        guarded("read a snapshot", || {
            let (repository, _) = self.connect(CancelFlag::new())?;
            Ok(describe(&self.find(&repository, id)?))
        })
    }

    /// Environment with which the stock `restic` opens this vault. Holds no secret, only where it lies.
    #[must_use]
    pub fn restic_env(&self) -> Vec<(String, String)> {
        vec![
            ("RESTIC_REPOSITORY".to_owned(), self.dir().display().to_string()),
            ("RESTIC_PASSWORD_FILE".to_owned(), self.keys.password_file().display().to_string()),
        ]
    }

    /// Where the vault lies.
    pub(super) fn dir(&self) -> &Path {
        self.directory.path()
    }

    /// For reading: small files that are damaged here come from the replica if there is one.
    pub(super) fn connect(&self, cancel: CancelFlag) -> Result<(Repository<OpenStatus>, Arc<Store>), VaultError> {
        let spare = self.replica.as_ref().map(|replica| replica.depot());
        connect(&self.directory, &self.key, cancel, spare)
    }

    /// For writing and checking: what is here and nothing else.
    pub(super) fn connect_alone(&self, cancel: CancelFlag) -> Result<(Repository<OpenStatus>, Arc<Store>), VaultError> {
        connect(&self.directory, &self.key, cancel, None)
    }

    /// The snapshot whose id is, or alone begins with, `id`.
    pub(super) fn find(&self, repository: &Repository<OpenStatus>, id: &str) -> Result<SnapshotFile, VaultError> {
        let all = repository.list::<SnapshotId>().map_err(|error| VaultError::damaged("snapshots", &error))?;
        let matching: Vec<SnapshotId> = all.filter(|found| found.to_hex().starts_with(id)).collect();
        match matching.as_slice() {
            [found] if !id.is_empty() => {
                let mut file: SnapshotFile = repository
                    .get_file(found)
                    .map_err(|error| VaultError::damaged(format!("snapshot {}", found.to_hex().as_str()), &error))?;
                file.id = *found;
                Ok(file)
            }
            found => Err(VaultError::NoSuchSnapshot { id: id.to_owned(), matches: found.len() }),
        }
    }
}

fn options() -> RepositoryOptions {
    RepositoryOptions::default().no_cache(true)
}

fn connect(
    directory: &Directory,
    key: &MasterKey,
    cancel: CancelFlag,
    spare: Option<Arc<dyn Depot>>,
) -> Result<(Repository<OpenStatus>, Arc<Store>), VaultError> {
    let store = Arc::new(Store::new(directory, cancel, spare));
    let repository = repository_on(Arc::<Store>::clone(&store), key)?;
    Ok((repository, store))
}

/// A repository on any storage, opened by its master key.
pub(super) fn repository_on(
    storage: Arc<dyn WriteBackend>,
    key: &MasterKey,
) -> Result<Repository<OpenStatus>, VaultError> {
    Repository::new(&options(), &RepositoryBackends::new(storage, None))
        .and_then(|repository| repository.open(&Credentials::Masterkey(key.clone())))
        .map_err(|error| VaultError::damaged("config", &error))
}

/// Reads snapshots one by one, because one unreadable file must not hide the others.
pub(super) fn snapshot_files(
    repository: &Repository<OpenStatus>,
) -> Result<(Vec<SnapshotFile>, Vec<String>), VaultError> {
    let ids = repository.list::<SnapshotId>().map_err(|error| VaultError::damaged("snapshots", &error))?;
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for id in ids {
        match repository.get_file::<SnapshotFile>(&id) {
            Ok(mut file) => {
                file.id = id;
                files.push(file);
            }
            Err(error) => unreadable.push(format!("snapshot {}: {}", id.to_hex().as_str(), one_line(&error))),
        }
    }
    files.sort_by_key(|file| (file.time.timestamp(), file.id));
    unreadable.sort();
    Ok((files, unreadable))
}

pub(super) fn describe(file: &SnapshotFile) -> SnapshotInfo {
    let at = file.time.timestamp();
    let summary = file.summary.as_ref();
    SnapshotInfo {
        id: file.id.to_hex().to_string(),
        at: DateTime::from_timestamp_nanos(i64::try_from(at.as_nanosecond()).unwrap_or_default()),
        host: file.hostname.clone(),
        tags: file.tags.iter().cloned().collect(),
        paths: file.paths.iter().map(PathBuf::from).collect(),
        files: summary.map_or(0, |summary| summary.total_files_processed),
        bytes: summary.map_or(0, |summary| summary.total_bytes_processed),
        added_bytes: summary.map_or(0, |summary| summary.data_added_packed),
        partial: file.tags.contains(PARTIAL) || file.tags.contains(UNFINISHED),
    }
}

/// Says what really went wrong: the store knows about a full disk and a cancellation, the format engine's error does not.
pub(super) fn write_error(
    operation: &'static str,
    dir: &Path,
    store: &Store,
    error: &rustic_core::RusticError,
) -> VaultError {
    store.fault().map_or_else(|| VaultError::format(operation, error), |fault| fault_error(operation, dir, fault))
}

pub(super) fn fault_error(operation: &'static str, dir: &Path, fault: Fault) -> VaultError {
    match fault {
        Fault::Cancelled => VaultError::Cancelled,
        Fault::DiskFull => VaultError::DiskFull { path: dir.to_owned() },
        Fault::Other(detail) => VaultError::Format { operation, detail },
    }
}
