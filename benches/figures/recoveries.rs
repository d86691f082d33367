//! Going back: a configuration from its snapshot, and a release by its link. The goal for a configuration is below a second.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use codeblue::{
    platform::{Adapter, Component, ComponentKind},
    recovery::{Target, capture, restore, verify},
    vault::{CancelFlag, Vault},
};
use divan::Bencher;
use tempfile::TempDir;

/// Files of a configuration, 2 KiB each.
const FILES: [usize; 3] = [1, 40, 1000];

struct Bed {
    dir: TempDir,
    vault: Vault,
    component: Component,
    runs: AtomicU32,
}

impl Bed {
    fn new(adapter: impl FnOnce(&Path) -> Adapter) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_init(&dir.path().join("vault"), &dir.path().join("keys")).unwrap();
        let component = Component {
            name: "it".to_owned(),
            service: "web".to_owned(),
            kind: ComponentKind::Config,
            every: Duration::from_secs(300),
            rpo: Duration::from_secs(300),
            rto: Duration::from_secs(300),
            adapter: adapter(dir.path()),
            reload: None,
        };
        Self { dir, vault, component, runs: AtomicU32::new(0) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn capture(&self) -> Target {
        let (staging, cancel) = (self.path("staging"), CancelFlag::new());
        let taken = capture(&self.component, &self.vault, &staging, &[], DateTime::<Utc>::UNIX_EPOCH, &cancel);
        Target::Snapshot(taken.unwrap().captured.id)
    }

    /// As an executor does it: restored and verified, in a run of its own.
    fn restore(&self, target: &Target) {
        let work = self.path("runs").join(self.runs.fetch_add(1, Ordering::SeqCst).to_string());
        restore(&self.component, target, &work, &self.vault, &CancelFlag::new()).unwrap();
        verify(&self.component, &work, &self.vault).unwrap();
    }
}

fn fill(dir: &Path, files: usize, text: &str) {
    fs::create_dir_all(dir).unwrap();
    for number in 0..files {
        fs::write(dir.join(format!("{number}.conf")), format!("{text} {number}\n").repeat(2048 / (text.len() + 4)))
            .unwrap();
    }
}

#[divan::bench(args = FILES, sample_count = 20)]
fn configuration_from_its_snapshot(bencher: Bencher<'_, '_>, files: usize) {
    let bed = Bed::new(|dir| Adapter::Files { paths: vec![dir.join("etc")] });
    fill(&bed.path("etc"), files, "good");
    let target = bed.capture();
    bencher.with_inputs(|| fill(&bed.path("etc"), files, "broken")).bench_local_values(|()| bed.restore(&target));
}

/// The rival: a copy that lay beside it, put back by hand, unproved.
#[divan::bench(args = FILES, sample_count = 20)]
fn configuration_copied_back_by_hand(bencher: Bencher<'_, '_>, files: usize) {
    let dir = tempfile::tempdir().unwrap();
    fill(&dir.path().join("kept"), files, "good");
    let live = dir.path().join("etc");
    bencher.with_inputs(|| fill(&live, files, "broken")).bench_local_values(|()| {
        let copy = Command::new("cp").args(["-a", "-T"]).arg(dir.path().join("kept")).arg(&live).status();
        assert!(copy.unwrap().success());
        assert!(Command::new("sync").arg("-f").arg(&live).status().unwrap().success());
    });
}

#[divan::bench(sample_count = 50)]
fn release_by_its_link(bencher: Bencher<'_, '_>) {
    let bed = Bed::new(|dir| Adapter::Release { root: dir.join("app") });
    for version in ["v1", "v2"] {
        fill(&bed.path("app/releases").join(version), 40, version);
    }
    symlink("releases/v1", bed.path("app/current")).unwrap();
    let next = AtomicU32::new(0);
    bencher.bench_local(|| {
        let version = ["v2", "v1"][next.fetch_add(1, Ordering::SeqCst) as usize % 2];
        bed.restore(&Target::Release(version.to_owned()));
    });
}

fn git(dir: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A repository with the tags v1 and v2 of so many files.
fn git_bed(files: usize) -> Bed {
    let bed = Bed::new(|dir| Adapter::Git { repository: dir.join("repository"), root: dir.join("app") });
    let repository = bed.path("repository");
    for version in ["v1", "v2"] {
        fill(&repository, files, version);
        git(&repository, &["init", "--quiet"]);
        git(&repository, &["add", "--all"]);
        git(&repository, &["commit", "--quiet", "--message", version]);
        git(&repository, &["tag", version]);
    }
    bed.restore(&Target::Release("v1".to_owned()));
    bed
}

#[divan::bench(args = [40, 1000], sample_count = 20)]
fn git_release_that_lies_ready(bencher: Bencher<'_, '_>, files: usize) {
    let bed = git_bed(files);
    let next = AtomicU32::new(0);
    bencher.bench_local(|| {
        let version = ["v2", "v1"][next.fetch_add(1, Ordering::SeqCst) as usize % 2];
        bed.restore(&Target::Release(version.to_owned()));
    });
}

#[divan::bench(args = [40, 1000], sample_count = 20)]
fn git_release_checked_out_first(bencher: Bencher<'_, '_>, files: usize) {
    let bed = git_bed(files);
    let releases = bed.path("app/releases");
    bencher
        .with_inputs(|| {
            bed.restore(&Target::Release("v1".to_owned()));
            let _ = fs::remove_dir_all(releases.join("v2"));
        })
        .bench_local_values(|()| bed.restore(&Target::Release("v2".to_owned())));
}
