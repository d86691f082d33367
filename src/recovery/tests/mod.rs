//! The adapters from their door: what was live comes back exactly, at any point of a kill it is the old or the new state, and a
//! dry run tells precisely what a restore then does.

mod command;
mod env;
mod files;
mod flags;
mod git;
mod kill;
pub(crate) mod postgres;
mod release;
mod reload;
mod sqlite;
mod traffic;
mod trouble;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use chrono::{DateTime, TimeZone, Utc};
use tempfile::TempDir;

use super::{
    ComponentCapture, DryRun, RecoveryError, Restored, Settled, Target, capture, dry_run, restore, settle, verify,
};
use crate::{
    platform::{Adapter, Component, ComponentKind},
    vault::{CancelFlag, Vault, difference_of_trees},
};

pub(crate) struct Room {
    dir: TempDir,
    vault: Vault,
}

impl Room {
    fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    /// Where nothing waits for a disk: for tests of order, not of durability.
    fn in_memory() -> Self {
        Self::at(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
    }

    fn at(dir: TempDir) -> Self {
        let vault = Vault::open_or_init(&dir.path().join("vault"), &dir.path().join("keys")).unwrap();
        Self { dir, vault }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn capture(&self, component: &Component) -> ComponentCapture {
        capture(component, &self.vault, &self.path("staging"), &[], now(), &CancelFlag::new()).unwrap()
    }

    fn restore(&self, component: &Component, target: &Target, run: &str) -> Restored {
        restore(component, target, &self.path(run), &self.vault, &CancelFlag::new()).unwrap()
    }

    fn dry_run(&self, component: &Component, target: &Target) -> DryRun {
        dry_run(component, target, &self.path("dry"), &self.vault, &CancelFlag::new()).unwrap()
    }

    fn verify(&self, component: &Component) -> Result<(), RecoveryError> {
        verify(component, &self.path("run"), &self.vault)
    }

    fn verify_run(&self, component: &Component, run: &str) -> Result<(), RecoveryError> {
        verify(component, &self.path(run), &self.vault)
    }

    fn settle(&self, component: &Component, work: &Path) -> Result<Settled, RecoveryError> {
        settle(component, work, &self.vault)
    }

    /// Names that a restore left beside what is live.
    fn litter(&self, dir: &Path) -> Vec<String> {
        fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(".codeblue"))
            .collect()
    }
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 10, 30, 0).unwrap()
}

fn component(adapter: Adapter) -> Component {
    Component {
        name: "records".to_owned(),
        service: "records-db".to_owned(),
        kind: ComponentKind::Data,
        every: Duration::from_secs(300),
        rpo: Duration::from_secs(300),
        rto: Duration::from_secs(300),
        adapter,
        reload: None,
    }
}

fn snapshot(captured: &ComponentCapture) -> Target {
    Target::Snapshot(captured.captured.id.clone())
}

fn plant(root: &Path) {
    fs::create_dir_all(root.join("sub/empty")).unwrap();
    for number in 0..20 {
        fs::write(root.join(format!("sub/file-{number}")), format!("old {number}").repeat(100)).unwrap();
    }
    symlink("sub/file-1", root.join("link")).unwrap();
    fs::write(root.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(root.join("run.sh"), Permissions::from_mode(0o755)).unwrap();
}

fn spoil(root: &Path) {
    fs::write(root.join("sub/file-3"), "spoiled").unwrap();
    fs::remove_file(root.join("link")).unwrap();
    fs::write(root.join("intruder"), "should go").unwrap();
    fs::set_permissions(root.join("run.sh"), Permissions::from_mode(0o644)).unwrap();
}

fn same(one: &Path, other: &Path) -> bool {
    difference_of_trees(one, other, &CancelFlag::new()).unwrap().is_empty()
}

fn copy_of(room: &Room, live: &Path, name: &str) -> PathBuf {
    let copy = room.path(name);
    assert!(Command::new("cp").arg("-a").arg(live).arg(&copy).status().unwrap().success());
    copy
}
