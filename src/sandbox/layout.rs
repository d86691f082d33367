//! Where things lie in a sandbox's directory, and the marker that makes it one.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File},
    io,
    net::TcpListener,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{SandboxError, catalogue, content, files};

const MARKER: &str = "sandbox.json";
const FORMAT: u32 = 3;

/// A directory that is known to be a sandbox.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    dir: PathBuf,
    pub(super) marker: Marker,
}

/// What makes a directory a sandbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Marker {
    format: u32,
    /// Random; every process and record of this sandbox carries it.
    pub(super) id: String,
    pub(super) created_at: DateTime<Utc>,
    /// Of the patients and of the load.
    pub(super) seed: u64,
    /// Chosen by the kernel when the sandbox was made.
    ports: BTreeMap<String, u16>,
}

/// An exclusive lock on a file, let go when dropped or when the process ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the lock is held as long as the file is open")] File);

impl Layout {
    /// Opens a sandbox, or makes one in a directory that is empty or not there.
    pub(super) fn create(dir: &Path, seed: u64, now: DateTime<Utc>) -> Result<Self, SandboxError> {
        make_dir(dir)?;
        match Self::open(dir) {
            Err(SandboxError::NotASandbox { .. }) => {}
            opened => return opened,
        }
        let dir = fs::canonicalize(dir).map_err(SandboxError::io("open", dir))?;
        let mut entries = fs::read_dir(&dir).map_err(SandboxError::io("list", &dir))?.flatten();
        // the marker comes last, so that an unfinished sandbox is told apart by this file
        let unfinished = dir.join(format!("{MARKER}.{}", files::UNFINISHED));
        if !unfinished.exists() && entries.next().is_some() {
            let reason = "it is not empty and has no marker".to_owned();
            return Err(SandboxError::NotASandbox { dir, reason });
        }
        fs::write(&unfinished, b"").map_err(SandboxError::io("write", &unfinished))?;
        let id = hex::encode(rand::random::<[u8; 16]>());
        let marker = Marker { format: FORMAT, id, created_at: now, seed, ports: choose_ports(&dir)? };
        let layout = Self { dir, marker };
        content::fill(&layout)?;
        files::write_json(&layout.dir.join(MARKER), &layout.marker)?;
        files::remove(&unfinished)?;
        Ok(layout)
    }

    /// Opens a sandbox that was made before.
    pub(super) fn open(dir: &Path) -> Result<Self, SandboxError> {
        let not = |reason: &str| SandboxError::NotASandbox { dir: dir.to_owned(), reason: reason.to_owned() };
        let real = fs::canonicalize(dir).map_err(|error| not(&error.to_string()))?;
        let marker: Option<Marker> = files::read_json(&real.join(MARKER)).map_err(|error| not(&error.to_string()))?;
        let marker = marker.ok_or_else(|| not("it has no marker"))?;
        if marker.format != FORMAT {
            return Err(not("another version of codeblue made it"));
        }
        let owner = fs::metadata(&real).map_err(SandboxError::io("read", &real))?.uid();
        if owner != rustix::process::getuid().as_raw() {
            return Err(not("it belongs to another login"));
        }
        Ok(Self { dir: real, marker })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The port a service had from the start; it keeps it as long as nobody else takes it.
    pub(super) fn port(&self, service: &str) -> u16 {
        self.marker.ports.get(service).copied().unwrap_or(0)
    }

    pub(super) fn run(&self) -> PathBuf {
        self.dir.join("run")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.run().join("supervisor.sock")
    }

    pub(super) fn pid_file(&self, service: &str) -> PathBuf {
        self.run().join(format!("{service}.pid"))
    }

    pub(super) fn entry(&self, service: &str) -> PathBuf {
        self.run().join(format!("{service}.json"))
    }

    /// Names a process and what it is to suffer from.
    pub(super) fn impaired(&self, service: &str) -> PathBuf {
        self.run().join(format!("{service}.impaired"))
    }

    /// What people have the service do until they take it back.
    pub(super) fn measures(&self, service: &str) -> PathBuf {
        self.run().join(format!("{service}.measures"))
    }

    /// Where each dependency is reached.
    pub(super) fn links(&self) -> PathBuf {
        self.run().join("links.json")
    }

    pub(super) fn log(&self, service: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{service}.log"))
    }

    pub(super) fn config(&self, service: &str) -> PathBuf {
        self.dir.join("config").join(format!("{service}.toml"))
    }

    pub(super) fn secret(&self, service: &str) -> PathBuf {
        self.dir.join("secrets").join(service)
    }

    pub(super) fn service(&self, service: &str) -> PathBuf {
        self.dir.join("services").join(service)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.service("records-db").join("records.db")
    }

    pub(super) fn model(&self) -> PathBuf {
        self.service("ai-analysis").join("model")
    }

    /// Checksum of the model that was released.
    pub(super) fn model_pin(&self) -> PathBuf {
        self.service("ai-analysis").join("model.sha256")
    }

    /// What tokens are signed with.
    pub(super) fn signing_key(&self) -> PathBuf {
        self.service("auth").join("signing.key")
    }

    /// What tokens are checked with.
    pub(super) fn verifying_key(&self) -> PathBuf {
        self.service("auth").join("verifying.key")
    }

    pub(super) fn accounts(&self) -> PathBuf {
        self.service("auth").join("accounts.json")
    }

    /// The certificate that the front shows, and its key.
    pub(super) fn certificate(&self) -> PathBuf {
        self.dir.join("tls").join("front.pem")
    }

    /// The certificate of the authority that signs it.
    pub(super) fn authority(&self) -> PathBuf {
        self.dir.join("tls").join("authority.pem")
    }

    pub(super) fn authority_key(&self) -> PathBuf {
        self.dir.join("tls").join("authority.key")
    }

    pub(super) fn faults(&self) -> PathBuf {
        self.dir.join("faults")
    }

    /// The lock of the one supervisor; none when somebody holds it.
    pub(super) fn try_supervise(&self) -> Result<Option<Lock>, SandboxError> {
        self.lock(&self.dir.join("supervisor.lock"), FlockOperation::NonBlockingLockExclusive)
    }

    /// Waits until nobody else injects or heals.
    pub(super) fn lock_faults(&self) -> Result<Lock, SandboxError> {
        let path = self.dir.join("faults.lock");
        self.lock(&path, FlockOperation::LockExclusive)?
            .ok_or_else(|| SandboxError::InBetween { dir: self.dir.clone() })
    }

    fn lock(&self, path: &Path, operation: FlockOperation) -> Result<Option<Lock>, SandboxError> {
        let file = File::options().create(true).append(true).open(path).map_err(SandboxError::io("open", path))?;
        loop {
            match flock(&file, operation) {
                Ok(()) => return Ok(Some(Lock(file))),
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(SandboxError::io("lock", path)(error.into())),
            }
        }
    }
}

/// Makes a directory that only this login may enter.
pub(super) fn make_dir(dir: &Path) -> Result<(), SandboxError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(SandboxError::io("make the directory", dir))
}

fn choose_ports(dir: &Path) -> Result<BTreeMap<String, u16>, SandboxError> {
    // all are held at once, so that no two are the same
    let listen = |name: &str| -> io::Result<(String, TcpListener)> {
        Ok((name.to_owned(), TcpListener::bind(("127.0.0.1", 0))?))
    };
    let held: Vec<_> = catalogue::processes()
        .chain([catalogue::FRONT])
        .map(listen)
        .collect::<io::Result<_>>()
        .map_err(SandboxError::io("choose ports for", dir))?;
    held.into_iter()
        .map(|(name, listener)| Ok((name, listener.local_addr()?.port())))
        .collect::<io::Result<_>>()
        .map_err(SandboxError::io("choose ports for", dir))
}
