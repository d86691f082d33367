//! Opening the vault and what concerns it as a whole.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use rustic_core::{
    CheckOptions, ConfigOptions, Credentials, FileType, Id, KeyOptions, OpenStatus, PruneOptions, ReadBackend,
    Repository, RepositoryBackends, RepositoryOptions, WriteBackend,
    repofile::{MasterKey, SnapshotFile, SnapshotId},
};
use serde::{Deserialize, Serialize};

use super::{
    cancel::CancelFlag,
    error::{VaultError, one_line},
    guard::guarded,
    keys::Keys,
    lock,
    store::{Fault, Store, make_private_dir, sync_dir},
};

/// Tag of a snapshot that misses something it should hold.
pub const PARTIAL: &str = "partial";
/// Tag of a snapshot that is still being taken, or whose taking was killed.
pub(super) const UNFINISHED: &str = "unfinished";

/// An encrypted, deduplicating store of snapshots in restic's format. All operations block.
pub struct Vault {
    pub(super) dir: PathBuf,
    pub(super) keys: Keys,
    pub(super) key: MasterKey,
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vault").field("dir", &self.dir).finish_non_exhaustive()
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

/// What a check of the whole vault found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Damage: something is missing or altered.
    pub problems: Vec<String>,
    /// Harmless remains, such as packs of an interrupted snapshot.
    pub remarks: Vec<String>,
}

impl CheckReport {
    /// Whether nothing is damaged.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.problems.is_empty()
    }
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
        let cancel = CancelFlag::new();
        guarded("open the vault", || {
            if !dir.join(FileType::Config.dirname()).exists() {
                let _lock = lock::exclusive(&dir, &cancel)?;
                // somebody may have created it while we waited
                if !dir.join(FileType::Config.dirname()).exists() {
                    return Self::init(dir.clone(), keys.clone());
                }
            }
            Self::open(dir.clone(), keys.clone())
        })
    }

    fn init(dir: PathBuf, keys: Keys) -> Result<Self, VaultError> {
        let store = Arc::new(Store::new(&dir, CancelFlag::new()));
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
            store.remove(FileType::Key, &id, false).map_err(|error| VaultError::format("create the vault", &error))?;
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
            .map_err(|error| write_error("create the vault", &dir, &store, &error))?;
        let key = repository.key();
        keys.keep_master_key(&key)?;
        Ok(Self { dir, keys, key })
    }

    fn open(dir: PathBuf, keys: Keys) -> Result<Self, VaultError> {
        if let Some(key) = keys.master_key()? {
            // a key of another vault cannot read the config; an ill-formed one makes the engine panic
            let opens = guarded("open the vault", || connect(&dir, &key, CancelFlag::new()).map(|_| ())).is_ok();
            if opens {
                return Ok(Self { dir, keys, key });
            }
        }
        let Some(password) = keys.password()? else {
            return Err(VaultError::NoPassword { vault: dir, password_file: keys.password_file() });
        };
        let store = Arc::new(Store::new(&dir, CancelFlag::new()));
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
        Ok(Self { dir, keys, key })
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

    /// Checks the structure of the whole vault; with `read_data` also every byte.
    ///
    /// # Errors
    /// When the vault cannot be read at all; damage that was found is in the report.
    pub fn check(&self, read_data: bool) -> Result<CheckReport, VaultError> {
        guarded("check the vault", || {
            let cancel = CancelFlag::new();
            let _lock = lock::shared(&self.dir, &cancel)?;
            let (repository, _) = self.connect(cancel)?;
            let (files, unreadable) = snapshot_files(&repository)?;
            let mut report = CheckReport { problems: unreadable, remarks: Vec::new() };
            let results = repository
                .check_with_trees(
                    CheckOptions::default().read_data(read_data),
                    files.iter().map(|file| file.tree).collect(),
                )
                .map_err(|error| VaultError::damaged("index", &error))?;
            for (level, finding) in results.0 {
                // the level's type is not public, its name is
                let damage = format!("{level:?}") == "Error";
                if damage { &mut report.problems } else { &mut report.remarks }.push(finding.to_string());
            }
            Ok(report)
        })
    }

    /// Removes snapshots; their data goes with the next `prune`. Ids that are already gone are no error.
    ///
    /// # Errors
    /// When an id is not one, or a file cannot be removed.
    pub fn forget(&self, ids: &[String]) -> Result<(), VaultError> {
        let _lock = lock::shared(&self.dir, &CancelFlag::new())?;
        let store = Store::new(&self.dir, CancelFlag::new());
        for id in ids {
            let parsed: Id = id.parse().map_err(|_| VaultError::NoSuchSnapshot { id: id.clone(), matches: 0 })?;
            store
                .remove(FileType::Snapshot, &parsed, false)
                .map_err(|error| VaultError::format("forget a snapshot", &error))?;
        }
        let folder = self.dir.join(FileType::Snapshot.dirname());
        sync_dir(&folder).map_err(|error| VaultError::io("synchronise", &folder, error))
    }

    /// Gives back the room of data that no snapshot needs: marked first, removed a day later, while nobody else uses the vault.
    ///
    /// # Errors
    /// When somebody else uses the vault, restic included, or it is damaged.
    pub fn prune(&self, cancel: &CancelFlag) -> Result<(), VaultError> {
        guarded("prune the vault", || {
            let _lock = lock::exclusive(&self.dir, cancel)?;
            let foreign = self.dir.join("locks");
            if fs::read_dir(&foreign).is_ok_and(|mut entries| entries.next().is_some()) {
                let holder = format!("restic (a file in {}; `restic unlock` removes a stale one)", foreign.display());
                return Err(VaultError::Locked { vault: self.dir.clone(), holder });
            }
            let (repository, store) = self.connect(cancel.clone())?;
            // nobody else is here, so whatever is unfinished was killed
            let (files, _) = snapshot_files(&repository)?;
            for file in files.iter().filter(|file| file.tags.contains(UNFINISHED)) {
                store
                    .remove(FileType::Snapshot, &file.id, false)
                    .map_err(|error| VaultError::format("prune the vault", &error))?;
            }
            store.remove_temporary().map_err(|error| VaultError::io("clean", &self.dir, error))?;
            let options = PruneOptions::default();
            let failed = |error: &rustic_core::RusticError| write_error("prune the vault", &self.dir, &store, error);
            let plan = repository.prune_plan(&options).map_err(|error| failed(&error))?;
            repository.prune(&options, plan).map_err(|error| failed(&error))
        })
    }

    /// Bytes that the vault takes on disk.
    ///
    /// # Errors
    /// When its files cannot be listed.
    pub fn total_size(&self) -> Result<u64, VaultError> {
        let store = Store::new(&self.dir, CancelFlag::new());
        let mut total = 0;
        for tpe in [FileType::Config, FileType::Key, FileType::Snapshot, FileType::Index, FileType::Pack] {
            let files = store.list_with_size(tpe).map_err(|error| VaultError::damaged("listing", &error))?;
            total += files.iter().map(|(_, size)| u64::from(*size)).sum::<u64>();
        }
        Ok(total)
    }

    /// Environment with which the stock `restic` opens this vault. Holds no secret, only where it lies.
    #[must_use]
    pub fn restic_env(&self) -> Vec<(String, String)> {
        vec![
            ("RESTIC_REPOSITORY".to_owned(), self.dir.display().to_string()),
            ("RESTIC_PASSWORD_FILE".to_owned(), self.keys.password_file().display().to_string()),
        ]
    }

    pub(super) fn connect(&self, cancel: CancelFlag) -> Result<(Repository<OpenStatus>, Arc<Store>), VaultError> {
        connect(&self.dir, &self.key, cancel)
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
    dir: &Path,
    key: &MasterKey,
    cancel: CancelFlag,
) -> Result<(Repository<OpenStatus>, Arc<Store>), VaultError> {
    let store = Arc::new(Store::new(dir, cancel));
    let repository = Repository::new(&options(), &RepositoryBackends::new(Arc::<Store>::clone(&store), None))
        .and_then(|repository| repository.open(&Credentials::Masterkey(key.clone())))
        .map_err(|error| VaultError::damaged("config", &error))?;
    Ok((repository, store))
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
