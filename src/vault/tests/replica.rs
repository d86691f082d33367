//! The replica: whole at every moment, told how far it is behind, and there when the vault is damaged.

use std::{fs, path::PathBuf, process::Command, sync::Arc};

use chrono::TimeDelta;
use rustic_core::PruneOptions;

use super::*;
use crate::{platform::ReplicaPlace, vault::Replica};

impl Room {
    /// A replica in the directory `name`, which is made.
    pub(super) fn replica(&self, name: &str) -> Replica {
        fs::create_dir_all(self.path(name)).unwrap();
        Replica::new(&ReplicaPlace::Directory(self.path(name)))
    }

    pub(super) fn replicate(&self, replica: &Replica) -> super::super::Replicated {
        self.vault.replicate(replica, &CancelFlag::new()).unwrap()
    }

    /// Prunes without the day of grace.
    pub(super) fn prune_at_once(&self) {
        self.vault.prune_as(&at_once(), &CancelFlag::new()).unwrap();
    }

    /// Opens the repository in the directory `name` with this vault's password alone, as after the loss of this host.
    pub(super) fn opened_elsewhere(&self, name: &str) -> Vault {
        let keys = self.path(&format!("{name}-keys"));
        fs::create_dir_all(&keys).unwrap();
        fs::copy(self.path("keys/vault-password"), keys.join("vault-password")).unwrap();
        Vault::open_or_init(&self.path(name), &keys).unwrap()
    }
}

pub(super) fn at_once() -> PruneOptions {
    let mut options = PruneOptions::default();
    options.keep_delete = rustic_core::jiff::Span::new();
    options
}

/// Runs the stock restic on a repository and gives what it printed; nothing when there is no restic here.
pub(super) fn stock_restic(room: &Room, repository: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new("restic")
        .args(["--no-cache", "--no-lock", "--repo"])
        .arg(room.path(repository))
        .arg("--password-file")
        .arg(room.path("keys/vault-password"))
        .args(arguments)
        .output();
    let Ok(output) = output else {
        eprintln!("SKIPPED: the program `restic` is not on PATH, so nothing was proved about it");
        return None;
    };
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "restic {arguments:?}: {}{}", said(&output.stdout), said(&output.stderr));
    Some(said(&output.stdout))
}

/// Files below a directory, by their names there.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = walk(dir)
        .iter()
        .map(|path| path.strip_prefix(dir).unwrap().display().to_string())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn largest_pack(vault: &Path) -> PathBuf {
    walk(&vault.join("data")).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

#[test]
fn the_replica_is_a_repository_of_its_own_that_the_stock_restic_restores() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let first = room.capture(std::slice::from_ref(&live));
    let replica = room.replica("replica");
    let done = room.replicate(&replica);
    assert!(done.is_clean(), "{done:?}");
    assert_eq!(done.new_snapshots, std::slice::from_ref(&first.id));
    assert_eq!(names(&room.path("replica")), names(&room.path("vault")));
    assert_eq!(room.replicate(&replica), Default::default());

    let elsewhere = room.opened_elsewhere("replica");
    let dest = room.path("by-us");
    assert!(elsewhere.stage(&first.id, &live, &dest, &CancelFlag::new()).unwrap().is_whole());
    assert_same(&live, &dest);
    if stock_restic(&room, "replica", &["check", "--read-data"]).is_some() {
        let target = room.path("by-restic");
        stock_restic(&room, "replica", &["restore", &first.id, "--target", target.to_str().unwrap()]);
        assert_same(&live, &target.join(live.strip_prefix("/").unwrap()));
    }
}

#[test]
fn the_lag_is_what_would_go_with_the_vault() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let replica = room.replica("replica");
    let capture_at = |minutes| {
        fs::write(live.join("etc/app.conf"), format!("port = {minutes}\n")).unwrap();
        let source = Source::new([live.clone()]).unwrap();
        let at = now() + TimeDelta::minutes(minutes);
        room.vault.capture(source, &[], at, &CancelFlag::new()).unwrap().id
    };
    let first = capture_at(0);
    let lag = room.vault.lag(&replica).unwrap();
    assert_eq!((lag.missing_snapshots.as_slice(), lag.oldest_missing_at), ([first].as_slice(), Some(now())));
    assert_eq!(lag.missing_bytes, room.replicate(&replica).copied_bytes);
    let lag = room.vault.lag(&replica).unwrap();
    assert!(lag.is_none() && lag.snapshots == 1 && lag.missing_files == 0, "{lag:?}");

    let (second, third) = (capture_at(5), capture_at(9));
    let lag = room.vault.lag(&replica).unwrap();
    assert_eq!(lag.missing_snapshots, [second, third]);
    assert_eq!(lag.oldest_missing_at, Some(now() + TimeDelta::minutes(5)));
    room.replicate(&replica);
    assert!(room.vault.lag(&replica).unwrap().is_none());
}

#[test]
fn what_was_pruned_on_purpose_goes_from_the_replica_too() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let first = room.capture(std::slice::from_ref(&live));
    let replica = room.replica("replica");
    room.replicate(&replica);
    let noise: Vec<u8> = (0..400_000_u64).flat_map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()).collect();
    fs::write(live.join("bin/app"), noise).unwrap();
    let second = room.capture(std::slice::from_ref(&live));
    room.vault.forget(std::slice::from_ref(&first.id)).unwrap();
    let done = room.replicate(&replica);
    assert_eq!(
        (done.removed_files, done.lost.len()),
        (0, 0),
        "what is forgotten can be had until it is pruned: {done:?}"
    );

    // marked first, gone with the next
    room.prune_at_once();
    room.prune_at_once();
    let done = room.replicate(&replica);
    assert!(done.removed_files > 2 && done.is_clean(), "{done:?}");
    assert_eq!(names(&room.path("replica")), names(&room.path("vault")));
    let elsewhere = room.opened_elsewhere("replica");
    assert!(elsewhere.check(true).unwrap().is_intact());
    assert_eq!(elsewhere.verify(&second.id, &CancelFlag::new()).unwrap(), Vec::new());
    stock_restic(&room, "replica", &["check", "--read-data"]);
}

#[test]
fn what_the_vault_lost_stays_in_the_replica_and_comes_back() {
    let room = Room::new();
    let (live, other) = (room.path("live"), room.path("other"));
    plant(&live);
    fs::create_dir(&other).unwrap();
    fs::write(other.join("file"), "another file ".repeat(5_000)).unwrap();
    let first = room.capture(std::slice::from_ref(&live));
    let second = room.capture(std::slice::from_ref(&other));
    let replica = room.replica("replica");
    room.replicate(&replica);
    let before = names(&room.path("replica"));

    // the snapshot is lost, and a pruning that knows nothing of it takes its content away
    fs::remove_file(room.path("vault/snapshots").join(&first.id)).unwrap();
    room.prune_at_once();
    room.prune_at_once();
    let done = room.replicate(&replica);
    assert_eq!((done.lost, done.removed_files), (vec![format!("snapshots/{}", first.id)], 0));
    assert!(before.iter().all(|name| room.path("replica").join(name).exists()));
    stock_restic(&room, "replica", &["check", "--read-data"]);
    let elsewhere = room.opened_elsewhere("replica");
    assert_eq!(elsewhere.verify(&first.id, &CancelFlag::new()).unwrap(), Vec::new());

    // packs are lost
    let repaired = room.vault.repair_from(&replica, &CancelFlag::new()).unwrap();
    assert!(repaired.put_back.contains(&format!("snapshots/{}", first.id)), "{repaired:?}");
    fs::remove_file(largest_pack(&room.path("vault"))).unwrap();
    assert_eq!(room.replicate(&replica).lost.len(), 1);
    let repaired = room.vault.repair_from(&replica, &CancelFlag::new()).unwrap();
    assert!(repaired.put_back.len() == 1 && repaired.is_whole(), "{repaired:?}");
    for id in [&first.id, &second.id] {
        assert_eq!(room.vault.verify(id, &CancelFlag::new()).unwrap(), Vec::new());
    }
    assert_eq!(room.replicate(&replica).lost, Vec::<String>::new());
    assert!(room.vault.check(true).unwrap().is_intact());
}

#[test]
fn what_is_damaged_before_it_was_copied_never_goes_to_the_replica() {
    let room = Room::new();
    let (live, other) = (room.path("live"), room.path("other"));
    plant(&live);
    fs::create_dir(&other).unwrap();
    fs::write(other.join("file"), "another file ".repeat(5_000)).unwrap();
    let bad = room.capture(std::slice::from_ref(&live));
    flip(&largest_pack(&room.path("vault")), 77);
    let good = room.capture(std::slice::from_ref(&other));
    let replica = room.replica("replica");
    let done = room.replicate(&replica);
    assert_eq!(done.new_snapshots, std::slice::from_ref(&good.id));
    assert!(done.withheld.iter().any(|line| line.starts_with(&format!("snapshots/{}", bad.id))), "{done:?}");
    assert!(done.withheld.iter().any(|line| line.ends_with("its content was altered")), "{done:?}");
    assert_eq!(room.vault.lag(&replica).unwrap().missing_snapshots, [bad.id]);
    stock_restic(&room, "replica", &["check", "--read-data"]);
    let elsewhere = room.opened_elsewhere("replica");
    assert!(elsewhere.check(true).unwrap().is_intact());
    assert_eq!(elsewhere.verify(&good.id, &CancelFlag::new()).unwrap(), Vec::new());
}

#[test]
fn a_flipped_bit_costs_exactly_the_files_that_hold_it_and_they_come_from_the_replica() {
    let mut room = Room::new();
    let live = room.path("live");
    fs::create_dir_all(live.join("dir")).unwrap();
    for number in 0..200 {
        // two files share each content
        let content = format!("content {} ", number / 2).repeat(100);
        fs::write(live.join(format!("dir/file-{number:03}")), content).unwrap();
    }
    let captured = room.capture(std::slice::from_ref(&live));
    let replica = Arc::new(room.replica("replica"));
    room.replicate(&replica);
    flip(&largest_pack(&room.path("vault")), 20);
    let named: Vec<String> =
        room.vault.verify(&captured.id, &CancelFlag::new()).unwrap().into_iter().map(|problem| problem.path).collect();
    assert_eq!(named.len(), 2, "{named:?}");
    let pair = |path: &str| path.rsplit_once('-').unwrap().1.parse::<u32>().unwrap() / 2;
    assert_eq!(pair(&named[0]), pair(&named[1]));
    let staged = room.vault.stage(&captured.id, &live, &room.path("without"), &CancelFlag::new()).unwrap();
    assert_eq!((staged.problems.len(), staged.files), (2, 198));

    room.vault = Vault::open_or_init(&room.path("vault"), &room.path("keys")).unwrap().with_replica(replica.clone());
    let staged = room.vault.stage(&captured.id, &live, &room.path("with"), &CancelFlag::new()).unwrap();
    assert!(staged.is_whole(), "{staged:?}");
    assert_eq!(staged.fetched, named);
    assert_same(&live, &room.path("with"));
    // the replica hides nothing from those who ask whether the vault is sound
    assert_eq!(room.vault.verify(&captured.id, &CancelFlag::new()).unwrap().len(), 2);

    let repaired = room.vault.repair_from(&replica, &CancelFlag::new()).unwrap();
    assert!(repaired.replaced.len() == 1 && repaired.put_back.is_empty() && repaired.is_whole(), "{repaired:?}");
    assert_eq!(room.vault.verify(&captured.id, &CancelFlag::new()).unwrap(), Vec::new());
    assert!(room.vault.check(true).unwrap().is_intact());
}

#[test]
fn whatever_file_of_the_vault_is_lost_or_damaged_the_replica_makes_it_good() {
    let mut room = Room::new();
    let live = room.path("live");
    plant(&live);
    let captured = room.capture(std::slice::from_ref(&live));
    let replica = Arc::new(room.replica("replica"));
    room.replicate(&replica);
    room.vault = Vault::open_or_init(&room.path("vault"), &room.path("keys")).unwrap().with_replica(replica.clone());
    let kept: Vec<PathBuf> = ["data", "index", "snapshots", "keys"]
        .iter()
        .flat_map(|folder| walk(&room.path("vault").join(folder)))
        .collect();
    assert!(kept.len() >= 5, "{kept:?}");
    for (number, path) in kept.iter().enumerate() {
        let was = fs::read(path).unwrap();
        for lost in [false, true] {
            if lost {
                fs::remove_file(path).unwrap();
            } else {
                flip(path, 33 + number);
            }
            // a lost index or snapshot leaves no trace to heal by; a repair finds it
            if !lost || path.starts_with(room.path("vault/data")) {
                let dest = room.path(&format!("restored-{number}-{lost}"));
                let staged = room.vault.stage(&captured.id, &live, &dest, &CancelFlag::new()).unwrap();
                assert!(staged.is_whole(), "{}: {staged:?}", path.display());
                assert_same(&live, &dest);
            }
            let repaired = room.vault.repair_from(&replica, &CancelFlag::new()).unwrap();
            assert_eq!((repaired.put_back.len(), repaired.replaced.len()), if lost { (1, 0) } else { (0, 1) });
            assert_eq!(fs::read(path).unwrap(), was);
        }
    }
    assert!(room.vault.check(true).unwrap().is_intact());
}

#[test]
fn a_place_that_is_not_this_vault_s_is_left_alone() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    room.capture(std::slice::from_ref(&live));

    let absent = Replica::new(&ReplicaPlace::Directory(room.path("absent")));
    let refused = room.vault.replicate(&absent, &CancelFlag::new()).unwrap_err().to_string();
    assert!(refused.contains("absent") && refused.contains("mount its file system"), "{refused}");
    assert!(!room.path("absent").exists());
    assert!(room.vault.lag(&absent).is_err() && room.vault.repair_from(&absent, &CancelFlag::new()).is_err());

    let other = Room::new();
    other.capture(std::slice::from_ref(&live));
    let before = names(&other.path("vault"));
    let foreign = other.replica("vault");
    for refused in [
        room.vault.replicate(&foreign, &CancelFlag::new()).map(|_| ()),
        room.vault.lag(&foreign).map(|_| ()),
        room.vault.repair_from(&foreign, &CancelFlag::new()).map(|_| ()),
    ] {
        assert!(matches!(refused, Err(VaultError::OtherVault { .. })), "{refused:?}");
    }
    assert_eq!(names(&other.path("vault")), before);
    fs::remove_file(other.path("vault/config")).unwrap();
    let refused = room.vault.replicate(&foreign, &CancelFlag::new());
    assert!(matches!(refused, Err(VaultError::OtherVault { .. })), "{refused:?}");

    let refused = room.vault.replicate(&room.replica("vault"), &CancelFlag::new()).unwrap_err().to_string();
    assert!(refused.contains("the vault itself"), "{refused}");
    let empty = room.replica("empty");
    assert!(room.vault.repair_from(&empty, &CancelFlag::new()).is_err());
    let cancel = CancelFlag::new();
    cancel.cancel();
    assert!(matches!(room.vault.replicate(&empty, &cancel), Err(VaultError::Cancelled)));
    assert!(room.vault.list().unwrap().unreadable.is_empty());
}
