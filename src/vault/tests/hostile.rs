//! Hostile surroundings: whatever goes wrong is said, nothing is lost by it, and the last good snapshot still restores.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command, sync::Arc, thread};

use filetime::FileTime;
use rustic_core::{
    FileType, Id,
    repofile::{BlobType, IndexFile, Node},
};

use super::*;
use crate::{
    platform::ReplicaPlace,
    vault::{Replica, depot::Depot, tree},
};

fn number_from(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Runs one test of this file again in a place of its own where root may mount, after `setup` in a shell there; `$1` is a fresh
/// directory. Says no where the kernel does not allow it.
fn again_where_one_may_mount(test: &str, setup: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let script =
        format!("{setup} && CODEBLUE_TEST_SMALL_FS=\"$1\" exec \"$2\" --exact vault::tests::{test} --nocapture");
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount"]);
    if !unshare.arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: this host lets nobody mount in a place of his own");
        return false;
    }
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    true
}

#[test]
fn a_disk_that_fills_up_in_the_middle_costs_nothing_that_was_there() {
    again_where_one_may_mount("a_full_disk_is_called_that_and_harms_nothing", "mount -t tmpfs -o size=8m none \"$1\"");
}

#[test]
fn a_vault_that_cannot_be_written_any_more_still_restores() {
    let Some(place) = std::env::var_os("CODEBLUE_TEST_SMALL_FS").map(PathBuf::from) else {
        again_where_one_may_mount(
            "hostile::a_vault_that_cannot_be_written_any_more_still_restores",
            "mount -t tmpfs -o size=64m none \"$1\"",
        );
        return;
    };
    let other = tempfile::tempdir().unwrap();
    let (vault, keys, live) = (place.join("vault"), place.join("keys"), other.path().join("live"));
    plant(&live);
    let source = || Source::new([live.clone()]).unwrap();
    let opened = Vault::open_or_init(&vault, &keys).unwrap();
    let first = opened.capture(source(), &[], now(), &CancelFlag::new()).unwrap();
    let remount = |how: &str| assert!(Command::new("mount").args(["-o", how]).arg(&place).status().unwrap().success());
    remount("remount,ro");

    let opened = Vault::open_or_init(&vault, &keys).unwrap();
    for refused in [
        opened.capture(source(), &[], now(), &CancelFlag::new()).map(drop),
        opened.forget(std::slice::from_ref(&first.id)),
    ] {
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("Read-only file system"), "{said}");
    }
    assert!(opened.stage(&first.id, &live, &other.path().join("back"), &CancelFlag::new()).unwrap().is_whole());
    assert_same(&live, &other.path().join("back"));
    assert!(opened.check(true).unwrap().is_intact());

    // a replica there is no better, and says so
    let roomy = Vault::open_or_init(&other.path().join("vault"), &other.path().join("keys")).unwrap();
    roomy.capture(source(), &[], now(), &CancelFlag::new()).unwrap();
    remount("remount,rw");
    fs::create_dir(place.join("replica")).unwrap();
    remount("remount,ro");
    let replica = Replica::new(&ReplicaPlace::Directory(place.join("replica")));
    let said = roomy.replicate(&replica, &CancelFlag::new()).unwrap_err().to_string();
    assert!(said.contains("replica") && said.contains("Read-only file system"), "{said}");
    assert_eq!(roomy.lag(&replica).unwrap().missing_snapshots.len(), 1);
}

#[test]
fn a_dead_replica_stops_nobody() {
    let mut room = Room::new();
    let live = room.path("live");
    plant(&live);
    let dead = Arc::new(Replica::new(&ReplicaPlace::Directory(room.path("dead"))));
    room.vault = Vault::open_or_init(&room.path("vault"), &room.path("keys")).unwrap().with_replica(dead.clone());
    let captured = room.capture(std::slice::from_ref(&live));
    let staged = room.vault.stage(&captured.id, &live, &room.path("back"), &CancelFlag::new()).unwrap();
    assert!(staged.is_whole());

    let pack = walk(&room.path("vault/data")).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    fs::remove_file(pack).unwrap();
    let staged = room.vault.stage(&captured.id, &live, &room.path("again"), &CancelFlag::new()).unwrap();
    assert!(!staged.is_whole() && staged.problems.iter().all(|one| one.problem.contains("cannot help")), "{staged:?}");
    assert!(room.vault.replicate(&dead, &CancelFlag::new()).is_err());
}

#[test]
fn two_engines_on_one_vault_and_one_replica_keep_both_whole() {
    let room = Room::new();
    let replica = room.replica("replica");
    let trees: Vec<PathBuf> = (0..2).map(|number| room.path(&format!("tree-{number}"))).collect();
    thread::scope(|scope| {
        for (number, tree) in trees.iter().enumerate() {
            let (room, replica) = (&room, &replica);
            scope.spawn(move || {
                let engine = Vault::open_or_init(&room.path("vault"), &room.path("keys")).unwrap();
                fs::create_dir(tree).unwrap();
                for round in 0..4 {
                    fs::write(tree.join("file"), format!("{number} {round} ").repeat(3_000)).unwrap();
                    let source = Source::new([tree.clone()]).unwrap();
                    let taken = engine.capture(source, &[], now(), &CancelFlag::new()).unwrap();
                    engine.replicate(replica, &CancelFlag::new()).unwrap();
                    if round % 2 == 0 {
                        engine.forget(&[taken.id]).unwrap();
                        engine.prune_as(&super::replica::at_once(), &CancelFlag::new()).unwrap();
                    }
                }
            });
        }
    });
    let done = room.replicate(&replica);
    assert!(done.is_clean(), "{done:?}");
    let elsewhere = room.opened_elsewhere("replica");
    for vault in [&room.vault, &elsewhere] {
        assert!(vault.check(true).unwrap().is_intact());
        let snapshots = vault.list().unwrap().snapshots;
        assert_eq!(snapshots.len(), 4);
        assert!(snapshots.iter().all(|one| vault.verify(&one.id, &CancelFlag::new()).unwrap().is_empty()));
    }
}

#[test]
fn clocks_that_lie_change_nothing_but_the_order_of_a_list() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    for (name, seconds) in [("etc/app.conf", 0), ("bin/app", 7_258_118_400), ("nothing", -86_400)] {
        filetime::set_file_mtime(live.join(name), FileTime::from_unix_time(seconds, 7)).unwrap();
    }
    let capture_in = |year: i32| {
        fs::write(live.join("year"), format!("{year}")).unwrap();
        filetime::set_file_mtime(live.join("year"), FileTime::from_unix_time(0, 0)).unwrap();
        let at = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
        room.vault.capture(Source::new([live.clone()]).unwrap(), &[], at, &CancelFlag::new()).unwrap().id
    };
    // same length, same time on the file, and each snapshot older than the one before
    let years = [2200, 2030, 2026, 1970];
    let ids: Vec<String> = years.iter().map(|year| capture_in(*year)).collect();
    room.prune_at_once();
    for (year, id) in years.iter().zip(&ids) {
        let dest = room.path(&format!("back-{year}"));
        assert!(room.vault.stage(id, &live, &dest, &CancelFlag::new()).unwrap().is_whole());
        assert_eq!(fs::read_to_string(dest.join("year")).unwrap(), year.to_string());
        let time = |path: &Path| FileTime::from_last_modification_time(&fs::metadata(path).unwrap());
        for name in ["etc/app.conf", "bin/app", "nothing"] {
            assert_eq!(time(&dest.join(name)), time(&live.join(name)), "{name}");
        }
    }
    let listed: Vec<String> = room.vault.list().unwrap().snapshots.into_iter().map(|one| one.id).collect();
    assert_eq!(listed, ids.into_iter().rev().collect::<Vec<_>>());
}

/// Which paths of a snapshot a byte of a pack belongs to, as the index and the lists of names say; none for a pack's own header.
struct Owners {
    blobs: Vec<(Id, u64, u64, Id)>,
    paths: Vec<(Id, String)>,
}

impl Owners {
    fn of(vault: &Vault, snapshot: &str) -> Self {
        let (repository, _) = vault.connect_alone(CancelFlag::new()).unwrap();
        let mut blobs = Vec::new();
        for index in repository.stream_files::<IndexFile>().unwrap() {
            for pack in index.unwrap().1.packs {
                let place = |offset: u32, length: u32| (u64::from(offset), u64::from(offset) + u64::from(length));
                blobs.extend(pack.blobs.iter().map(|blob| {
                    let (from, to) = place(blob.location.offset, blob.location.length);
                    assert!(matches!(blob.tpe, BlobType::Data | BlobType::Tree));
                    (*pack.id, from, to, *blob.id)
                }));
            }
        }
        let ([file], pieces) = vault.pieces_here([snapshot], &CancelFlag::new()).unwrap();
        let mut owners = Self { blobs, paths: Vec::new() };
        owners.visit(&pieces, &tree::root(&file), &PathBuf::from("/"));
        owners
    }

    fn visit(&mut self, pieces: &crate::vault::pieces::Pieces, node: &Node, at: &Path) {
        self.paths.extend(node.content.iter().flatten().map(|id| (**id, at.display().to_string())));
        if let Some(subtree) = node.subtree {
            self.paths.push((*subtree, at.display().to_string()));
            for child in tree::children(pieces, node).unwrap().value {
                self.visit(pieces, &child, &at.join(child.name()));
            }
        }
    }

    fn at(&self, pack: &Id, byte: u64) -> BTreeSet<String> {
        let blob = self.blobs.iter().find(|(id, from, to, _)| id == pack && (*from..*to).contains(&byte));
        let Some((.., blob)) = blob else { return BTreeSet::new() };
        self.paths.iter().filter(|(id, _)| id == blob).map(|(_, path)| path.clone()).collect()
    }
}

/// `CODEBLUE_TEST_FILES=20000 CODEBLUE_TEST_PLACES=500` makes it a large vault.
#[test]
fn one_flipped_bit_anywhere_costs_exactly_the_files_that_hold_it() {
    let room = Room::new();
    let live = room.path("live");
    let files = number_from("CODEBLUE_TEST_FILES", 300);
    for number in 0..files {
        let dir = live.join(format!("dir-{:02}", number % 20));
        fs::create_dir_all(&dir).unwrap();
        // every tenth shares its content with the one before
        let content = format!("{} of this one ", number - usize::from(number % 10 == 9)).repeat(20 + number % 90);
        fs::write(dir.join(format!("file-{number:05}")), content).unwrap();
    }
    let captured = room.capture(std::slice::from_ref(&live));
    let cancel = CancelFlag::new();
    let owners = Owners::of(&room.vault, &captured.id);
    let (mut packs, mut all) = (room.vault.directory.list(FileType::Pack).unwrap(), 0);
    packs.sort();
    packs.iter().for_each(|(_, bytes)| all += bytes);
    let places = number_from("CODEBLUE_TEST_PLACES", 40) as u64;
    let mut hit = 0;
    for place in 0..places {
        // spread over all packs
        let (mut byte, mut number) = (all * place / places, 0);
        while byte >= packs[number].1 {
            byte -= packs[number].1;
            number += 1;
        }
        let path = room.vault.directory.file(FileType::Pack, &packs[number].0);
        let was = fs::read(&path).unwrap();
        let mut now = was.clone();
        now[usize::try_from(byte).unwrap()] ^= 1 << (place % 8);
        fs::write(&path, now).unwrap();
        let problems = room.vault.verify(&captured.id, &cancel).unwrap();
        let named: BTreeSet<String> = problems.iter().map(|one| one.path.clone()).collect();
        let expected = owners.at(&packs[number].0, byte);
        assert_eq!(named, expected, "byte {byte} of {}", path.display());
        assert_eq!(problems.len(), named.len());
        hit += usize::from(!named.is_empty());
        fs::write(&path, was).unwrap();
    }
    eprintln!("{places} bits of {all} bytes in {} packs of {files} files, {hit} of them in content", packs.len());
    assert!(hit > 0);
    assert_eq!(room.vault.verify(&captured.id, &cancel).unwrap(), Vec::new());
}

#[test]
fn a_flipped_bit_outside_the_content_costs_at_most_the_snapshot_it_describes() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let first = room.capture(std::slice::from_ref(&live));
    fs::write(live.join("bin/app"), "new").unwrap();
    let second = room.capture(std::slice::from_ref(&live));
    let cancel = CancelFlag::new();
    for (number, path) in
        ["index", "snapshots", "keys"].iter().flat_map(|folder| walk(&room.path("vault").join(folder))).enumerate()
    {
        let was = fs::read(&path).unwrap();
        for place in [0, was.len() / 2, was.len() - 1] {
            let mut now = was.clone();
            now[place] ^= 4;
            fs::write(&path, now).unwrap();
            let said = path.display().to_string();
            for id in [&first.id, &second.id] {
                if path.file_name().unwrap().to_str() == Some(id) {
                    assert!(matches!(room.vault.verify(id, &cancel), Err(VaultError::Damaged { .. })), "{said}");
                    assert!(room.vault.list().unwrap().unreadable[0].contains(id.as_str()));
                    assert!(room.vault.prune_as(&super::replica::at_once(), &cancel).is_err(), "{said}");
                } else {
                    // the packs say what is in them, so not even the index is needed
                    assert_eq!(room.vault.verify(id, &cancel).unwrap(), Vec::new(), "{said}");
                }
            }
        }
        let dest = room.path(&format!("back-{number}"));
        if !path.ends_with(&second.id) {
            assert!(room.vault.stage(&second.id, &live, &dest, &cancel).unwrap().is_whole());
            assert_same(&live, &dest);
        }
        fs::write(&path, was).unwrap();
    }
    assert!(room.vault.check(true).unwrap().is_intact());
    // and a pruning mends the index
    for path in walk(&room.path("vault/index")) {
        fs::write(path, "rubbish").unwrap();
    }
    assert!(!room.vault.check(false).is_ok_and(|report| report.is_intact()));
    room.vault.prune(&cancel).unwrap();
    assert!(room.vault.check(true).unwrap().is_intact());
    assert_eq!(room.vault.verify(&first.id, &cancel).unwrap(), Vec::new());
    super::replica::stock_restic(&room, "vault", &["check", "--read-data"]);
}
