//! The secrets that open the vault: a password, so that the stock `restic` can, and the master key, so that we can without deriving it each time.

use std::{
    fmt,
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustic_core::repofile::MasterKey;

use super::{
    directory::{make_private_dir, sync_dir},
    error::VaultError,
};

const PASSWORD: &str = "vault-password";
const MASTER_KEY: &str = "vault-master-key";

/// Where the vault's secrets are kept.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    dir: PathBuf,
}

/// A text that is never printed.
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Keys {
    /// Opens the directory, creating it when needed; nobody but its owner may enter afterwards.
    pub(super) fn open(dir: &Path) -> Result<Self, VaultError> {
        make_private_dir(dir).map_err(|error| VaultError::io("create", dir, error))?;
        tighten(dir, 0o700)?;
        let dir = fs::canonicalize(dir).map_err(|error| VaultError::io("open", dir, error))?;
        Ok(Self { dir })
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.dir.join(PASSWORD)
    }

    /// The password, when there is one.
    pub(super) fn password(&self) -> Result<Option<Secret>, VaultError> {
        let path = self.password_file();
        let Some(text) = read(&path)? else { return Ok(None) };
        // restic takes the first line of a password file
        let first = text.lines().next().unwrap_or_default().to_owned();
        Ok(if first.is_empty() { None } else { Some(Secret(first)) })
    }

    /// A new random password, durable before it is used.
    pub(super) fn create_password(&self) -> Result<Secret, VaultError> {
        let password = hex::encode(rand::random::<[u8; 32]>());
        write(&self.password_file(), format!("{password}\n").as_bytes())?;
        Ok(Secret(password))
    }

    /// The master key of the last opening; none when it is missing or unreadable, since the password can find it again.
    pub(super) fn master_key(&self) -> Result<Option<MasterKey>, VaultError> {
        let text = read(&self.dir.join(MASTER_KEY))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(super) fn keep_master_key(&self, key: &MasterKey) -> Result<(), VaultError> {
        let path = self.dir.join(MASTER_KEY);
        let text = serde_json::to_vec(key).map_err(|error| VaultError::io("write", &path, error.into()))?;
        write(&path, &text)
    }
}

fn read(path: &Path) -> Result<Option<String>, VaultError> {
    match fs::read_to_string(path) {
        Ok(text) => {
            tighten(path, 0o600)?;
            Ok(Some(text))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VaultError::io("read", path, error)),
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), VaultError> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let act = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        path.parent().map_or(Ok(()), sync_dir)
    };
    act().map_err(|error| VaultError::io("write", path, error))
}

/// Takes away what others may do; a secret that others could read is closed to them, not refused at three in the morning.
fn tighten(path: &Path, mode: u32) -> Result<(), VaultError> {
    let act = || -> io::Result<()> {
        let now = fs::metadata(path)?.permissions().mode() & 0o7777;
        if now & !mode != 0 {
            tracing::warn!(path = %path.display(), "others could read the vault's keys; closed to them now");
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        Ok(())
    };
    act().map_err(|error| VaultError::io("protect", path, error))
}
