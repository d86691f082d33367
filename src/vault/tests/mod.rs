//! The vault from its door: what is captured comes back, what is missing is said, what is damaged is named.

use std::{
    fs::{self, Permissions},
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use chrono::{DateTime, TimeZone, Utc};
use tempfile::TempDir;

use super::{
    CancelFlag, Captured, DifferenceKind, FileDifference, PARTIAL, Source, Vault, VaultError, difference_of_trees,
};

mod crash;
pub(super) mod faults;
mod followed;
mod hostile;
mod kill;
mod replica;
mod rest;
pub(crate) mod victim;

struct Room {
    dir: TempDir,
    vault: Vault,
}

impl Room {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_init(&dir.path().join("vault"), &dir.path().join("keys")).unwrap();
        Self { dir, vault }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn capture(&self, paths: &[PathBuf]) -> Captured {
        let source = Source::new(paths.iter().cloned()).unwrap();
        self.vault.capture(source, &["test".to_owned()], now(), &CancelFlag::new()).unwrap()
    }

    fn live(&self, id: &str, path: &Path) -> Vec<FileDifference> {
        self.vault.difference_live(id, path, path, &CancelFlag::new()).unwrap()
    }
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 15, 10, 30, 0).unwrap()
}

/// A tree with everything a real one has: nested directories, links of both sorts, modes, an empty file, a big one, odd names.
fn plant(root: &Path) {
    fs::create_dir_all(root.join("etc/empty")).unwrap();
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::write(root.join("etc/app.conf"), "port = 8101\n").unwrap();
    fs::write(root.join("etc/odd \"name\"\n.txt"), "odd").unwrap();
    fs::write(root.join("etc-after"), "sorts between etc and etc/").unwrap();
    fs::write(root.join("nothing"), "").unwrap();
    let big: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(root.join("bin/app"), big).unwrap();
    fs::write(root.join("sparse"), vec![0; 2_000_000]).unwrap();
    fs::hard_link(root.join("bin/app"), root.join("bin/alias")).unwrap();
    symlink("app", root.join("bin/current")).unwrap();
    symlink("/nowhere/at/all", root.join("dangling")).unwrap();
    // where the file system keeps them
    let _ = rustix::fs::setxattr(root.join("nothing"), "user.origin", b"here", rustix::fs::XattrFlags::empty());
    fs::set_permissions(root.join("bin/app"), Permissions::from_mode(0o4755)).unwrap();
    fs::set_permissions(root.join("etc/app.conf"), Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(root.join("etc/empty"), Permissions::from_mode(0o1777)).unwrap();
}

fn assert_same(one: &Path, other: &Path) {
    assert_eq!(difference_of_trees(one, other, &CancelFlag::new()).unwrap(), Vec::new());
}

#[test]
fn a_restored_tree_is_identical_and_keeps_links_modes_and_times() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let captured = room.capture(std::slice::from_ref(&live));
    assert_eq!(captured.unreadable, Vec::<String>::new());

    let dest = room.path("restored");
    let staged = room.vault.stage(&captured.id, &live, &dest, &CancelFlag::new()).unwrap();

    assert!(staged.is_whole(), "{:?}", staged.problems);
    assert_same(&live, &dest);
    let inode = |name: &str| fs::metadata(dest.join(name)).unwrap().ino();
    assert_eq!(inode("bin/app"), inode("bin/alias"));
    assert_eq!(fs::metadata(dest.join("bin/app")).unwrap().mode() & 0o7777, 0o4755);
    let time = |root: &Path| fs::metadata(root.join("etc/app.conf")).unwrap().modified().unwrap();
    assert_eq!(time(&live), time(&dest));
    assert!(fs::metadata(dest.join("sparse")).unwrap().blocks() < 100);
}

#[test]
fn extended_attributes_come_back_and_count_as_differences() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let set = |path: &Path, value: &[u8]| {
        rustix::fs::setxattr(path, "user.codeblue.test", value, rustix::fs::XattrFlags::empty())
    };
    if let Err(error) = set(&live.join("nothing"), b"\0binary\xff") {
        eprintln!("SKIPPED: this file system keeps no extended attributes ({error})");
        return;
    }
    set(&live.join("etc"), b"on a directory").unwrap();
    let captured = room.capture(std::slice::from_ref(&live));
    assert_eq!(room.live(&captured.id, &live), Vec::new());
    let dest = room.path("restored");
    assert!(room.vault.stage(&captured.id, &live, &dest, &CancelFlag::new()).unwrap().is_whole());
    let mut value = [0; 64];
    let length = rustix::fs::getxattr(dest.join("nothing"), "user.codeblue.test", &mut value).unwrap();
    assert_eq!(&value[..length], b"\0binary\xff");
    assert_same(&live, &dest);
    set(&live.join("etc"), b"changed").unwrap();
    assert_eq!(room.live(&captured.id, &live).len(), 1);
}

#[test]
fn a_single_file_and_several_roots_can_be_captured() {
    let room = Room::new();
    let (one, other) = (room.path("a/deep/one.db"), room.path("b"));
    fs::create_dir_all(one.parent().unwrap()).unwrap();
    fs::write(&one, "one").unwrap();
    plant(&other);
    let captured = room.capture(&[other.clone(), one.clone()]);
    let dest = room.path("one.new");
    room.vault.stage(&captured.id, &one, &dest, &CancelFlag::new()).unwrap();
    assert_eq!(fs::read_to_string(dest).unwrap(), "one");
    assert_eq!(room.live(&captured.id, &other), Vec::new());
    assert_eq!(room.vault.children(&captured.id, &room.path("a")).unwrap(), vec!["deep"]);
}

#[test]
fn an_unchanged_tree_adds_next_to_nothing() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let first = room.capture(std::slice::from_ref(&live));
    let second = room.capture(std::slice::from_ref(&live));
    assert!(first.added_bytes > 1_000_000 && second.added_bytes < 1_000, "{first:?} {second:?}");
    assert_ne!(first.id, second.id);
    assert!(room.vault.total_size().unwrap() > first.added_bytes);
}

#[test]
fn what_cannot_be_read_makes_the_snapshot_partial_and_is_listed() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let gone = room.path("gone");
    let captured = room.capture(&[live, gone.clone()]);
    assert_eq!(captured.unreadable.len(), 1);
    assert!(captured.unreadable[0].starts_with(gone.to_str().unwrap()), "{:?}", captured.unreadable);
    let listing = room.vault.list().unwrap();
    assert_eq!(listing.snapshots.len(), 1);
    assert!(listing.snapshots[0].partial);
    assert!(listing.snapshots[0].tags.contains(&PARTIAL.to_owned()));
}

#[test]
fn a_file_that_fails_while_it_is_read_is_listed() {
    // reading it fails for everybody, root included
    let Some(unreadable) = ["/proc/self/mem"]
        .iter()
        .map(Path::new)
        .find(|path| fs::File::open(path).is_ok_and(|mut file| file.read(&mut [0; 16]).is_err()))
    else {
        eprintln!("SKIPPED: no file on this host whose reading fails");
        return;
    };
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let captured = room.capture(&[live, unreadable.to_owned()]);
    assert_eq!(captured.unreadable.len(), 1, "{:?}", captured.unreadable);
    assert!(captured.unreadable[0].starts_with("/proc/self/mem: "), "{:?}", captured.unreadable);
}

#[test]
fn a_whole_snapshot_is_listed_once_and_not_as_partial() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let captured = room.capture(std::slice::from_ref(&live));
    let listing = room.vault.list().unwrap();
    assert_eq!(listing.snapshots.len(), 1);
    let info = &listing.snapshots[0];
    assert_eq!((info.id.as_str(), info.at, info.partial), (captured.id.as_str(), now(), false));
    assert_eq!((&info.tags, &info.paths), (&vec!["test".to_owned()], &vec![live]));
}

#[test]
fn junk_among_the_snapshots_hides_nothing() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let captured = room.capture(std::slice::from_ref(&live));
    let snapshots = room.path("vault/snapshots");
    let junk = "ab".repeat(32);
    fs::write(snapshots.join(&junk), "not a snapshot").unwrap();
    fs::write(snapshots.join("README"), "hello").unwrap();
    fs::write(snapshots.join(".x.tmp"), "").unwrap();
    let listing = room.vault.list().unwrap();
    assert_eq!(listing.snapshots.len(), 1);
    assert_eq!(listing.unreadable.len(), 1);
    assert!(listing.unreadable[0].contains(&junk));
    assert!(!room.vault.check(false).unwrap().is_intact());
    assert_eq!(room.live(&captured.id, &live), Vec::new());
    room.capture(&[live]);
}

#[test]
fn differences_are_exactly_what_changed() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let first = room.capture(std::slice::from_ref(&live));

    // same length and same time: only the content tells
    let config = live.join("etc/app.conf");
    let time = filetime::FileTime::from_last_modification_time(&fs::metadata(&config).unwrap());
    fs::write(&config, "port = 9999\n").unwrap();
    filetime::set_file_mtime(&config, time).unwrap();
    fs::remove_file(live.join("dangling")).unwrap();
    fs::create_dir(live.join("new")).unwrap();
    fs::write(live.join("new/file"), "fresh").unwrap();
    fs::set_permissions(live.join("nothing"), Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(live.join("bin/current")).unwrap();
    symlink("alias", live.join("bin/current")).unwrap();

    let expected = [
        ("bin/current", DifferenceKind::Changed),
        ("dangling", DifferenceKind::Removed),
        ("etc/app.conf", DifferenceKind::Changed),
        ("new", DifferenceKind::Added),
        ("new/file", DifferenceKind::Added),
        ("nothing", DifferenceKind::Changed),
    ]
    .map(|(name, kind)| (live.join(name).display().to_string(), kind));
    let shape = |found: Vec<FileDifference>| found.into_iter().map(|one| (one.path, one.kind)).collect::<Vec<_>>();

    assert_eq!(shape(room.live(&first.id, &live)), expected);
    let second = room.capture(std::slice::from_ref(&live));
    let between = room.vault.difference(&first.id, &second.id[..12]).unwrap();
    assert_eq!(between[2].before_bytes, Some(12));
    assert_eq!(shape(between), expected);
}

#[test]
fn one_altered_byte_is_found_and_names_exactly_the_files_that_hold_it() {
    let room = Room::new();
    let live = room.path("live");
    fs::create_dir_all(&live).unwrap();
    for number in 0..50 {
        fs::write(live.join(format!("file-{number:02}")), format!("content {number} ").repeat(200)).unwrap();
    }
    let captured = room.capture(std::slice::from_ref(&live));
    assert!(room.vault.check(true).unwrap().is_intact());
    assert_eq!(room.vault.verify(&captured.id, &CancelFlag::new()).unwrap(), Vec::new());

    // the largest pack holds the content, and its first blob begins at byte 0
    let pack = walk(&room.path("vault/data")).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[20] ^= 1;
    fs::write(&pack, bytes).unwrap();

    let dest = room.path("restored");
    let staged = room.vault.stage(&captured.id, &live, &dest, &CancelFlag::new()).unwrap();
    let verified = room.vault.verify(&captured.id, &CancelFlag::new()).unwrap();
    assert_eq!(verified.len(), 1);
    assert_eq!(verified[0].path, staged.problems[0].path);
    assert_eq!(staged.problems.len(), 1, "{:?}", staged.problems);
    assert_eq!(staged.files, 49);
    let bad = Path::new(&staged.problems[0].path).file_name().unwrap();
    assert!(!dest.join(bad).exists());
    let different = difference_of_trees(&live, &dest, &CancelFlag::new()).unwrap();
    assert_eq!(different.len(), 1);
    assert!(different[0].path.ends_with(bad.to_str().unwrap()));
    assert!(!room.vault.check(true).unwrap().is_intact());
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] })
        .collect()
}

#[test]
fn a_cancelled_capture_leaves_no_snapshot_and_the_vault_intact() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let cancel = CancelFlag::new();
    cancel.cancel();
    let refused = room.vault.capture(Source::new([live]).unwrap(), &[], now(), &cancel);
    assert!(matches!(refused, Err(VaultError::Cancelled)), "{refused:?}");
    assert!(room.vault.list().unwrap().snapshots.is_empty());
    assert!(room.vault.check(true).unwrap().is_intact());
}

#[test]
fn it_opens_again_with_the_key_or_the_password_and_with_nothing_else() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    room.capture(std::slice::from_ref(&live));
    let (vault, keys) = (room.path("vault"), room.path("keys"));
    let open = || Vault::open_or_init(&vault, &keys).map(|vault| vault.list().unwrap().snapshots.len());

    assert_eq!(open().unwrap(), 1);
    fs::write(keys.join("vault-master-key"), "{\"mac\":{\"k\":\"\",\"r\":\"\"},\"encrypt\":\"\"}").unwrap();
    assert_eq!(open().unwrap(), 1);
    let password = fs::read(keys.join("vault-password")).unwrap();
    fs::remove_file(keys.join("vault-master-key")).unwrap();
    fs::write(keys.join("vault-password"), "wrong\n").unwrap();
    assert!(matches!(open(), Err(VaultError::WrongPassword { .. })));
    fs::remove_file(keys.join("vault-password")).unwrap();
    assert!(matches!(open(), Err(VaultError::NoPassword { .. })));
    fs::write(keys.join("vault-password"), password).unwrap();
    assert_eq!(open().unwrap(), 1);
    for (name, mode) in [("vault-password", 0o600), ("vault-master-key", 0o600), (".", 0o700)] {
        assert_eq!(fs::metadata(keys.join(name)).unwrap().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn a_vault_that_lost_its_config_is_not_started_anew() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    room.capture(&[live]);
    fs::remove_file(room.path("vault/config")).unwrap();
    let refused = Vault::open_or_init(&room.path("vault"), &room.path("keys"));
    assert!(matches!(refused, Err(VaultError::Damaged { .. })), "{refused:?}");
}

#[test]
fn an_initialisation_that_was_killed_is_begun_again() {
    let room = Room::new();
    fs::remove_file(room.path("vault/config")).unwrap();
    let vault = Vault::open_or_init(&room.path("vault"), &room.path("keys")).unwrap();
    assert_eq!(fs::read_dir(room.path("vault/keys")).unwrap().count(), 1);
    assert!(vault.list().unwrap().snapshots.is_empty());
}

#[test]
fn forgetting_and_pruning_keep_the_rest_intact() {
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let first = room.capture(std::slice::from_ref(&live));
    fs::write(live.join("bin/app"), "new").unwrap();
    let second = room.capture(std::slice::from_ref(&live));
    room.vault.forget(std::slice::from_ref(&first.id)).unwrap();
    room.vault.prune(&CancelFlag::new()).unwrap();
    assert!(matches!(room.vault.difference(&first.id, &second.id), Err(VaultError::NoSuchSnapshot { .. })));
    assert!(room.vault.check(true).unwrap().is_intact());
    assert_eq!(room.live(&second.id, &live), Vec::new());

    fs::create_dir_all(room.path("vault/locks")).unwrap();
    fs::write(room.path("vault/locks/abc"), "").unwrap();
    assert!(matches!(room.vault.prune(&CancelFlag::new()), Err(VaultError::Locked { .. })));
}

#[test]
fn sources_that_make_no_sense_are_refused() {
    for path in ["relative/path", "/a/../b", "/"] {
        assert!(matches!(Source::new([PathBuf::from(path)]), Err(VaultError::BadSource { .. })), "{path}");
    }
    let nested = Source::new(["/a/b", "/a", "/a-b", "/a/c"].map(PathBuf::from)).unwrap();
    assert_eq!(nested.paths(), ["/a", "/a-b"].map(PathBuf::from));
}

#[test]
fn the_stock_restic_lists_checks_and_restores_it() {
    if Command::new("restic").arg("version").output().is_err() {
        eprintln!("SKIPPED: the program `restic` is not on PATH, so nothing was proved about it");
        return;
    }
    let room = Room::new();
    let live = room.path("live");
    plant(&live);
    let captured = room.capture(std::slice::from_ref(&live));
    let restic = |arguments: &[&str]| {
        let output =
            Command::new("restic").arg("--no-cache").args(arguments).envs(room.vault.restic_env()).output().unwrap();
        assert!(output.status.success(), "restic {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(restic(&["snapshots", "--json"]).contains(&captured.id));
    restic(&["check", "--read-data"]);
    let target = room.path("by-restic");
    restic(&["restore", &captured.id, "--target", target.to_str().unwrap()]);
    assert_same(&live, &target.join(live.strip_prefix("/").unwrap()));

    // and the other way round: what restic adds, the vault reads
    fs::write(live.join("by-restic"), "hello").unwrap();
    restic(&["backup", live.to_str().unwrap()]);
    let listing = room.vault.list().unwrap();
    let added = listing.snapshots.iter().find(|snapshot| snapshot.id != captured.id).unwrap();
    assert_eq!(room.live(&added.id, &live), Vec::new());
}

#[test]
fn captures_forgetting_and_pruning_at_the_same_time_keep_the_vault_intact() {
    let room = Room::new();
    let trees: Vec<PathBuf> = (0..3).map(|number| room.path(&format!("tree-{number}"))).collect();
    trees.iter().for_each(|tree| plant(tree));
    thread::scope(|scope| {
        for tree in &trees {
            scope.spawn(|| {
                for round in 0..4 {
                    fs::write(tree.join("etc/app.conf"), format!("{round} {}", tree.display())).unwrap();
                    let captured = room.capture(std::slice::from_ref(tree));
                    if round % 2 == 0 {
                        room.vault.forget(&[captured.id]).unwrap();
                    }
                }
            });
        }
        scope.spawn(|| (0..3).for_each(|_| room.vault.prune(&CancelFlag::new()).unwrap()));
    });
    let report = room.vault.check(true).unwrap();
    assert!(report.is_intact(), "{:?}", report.problems);
    let snapshots = room.vault.list().unwrap().snapshots;
    assert_eq!(snapshots.len(), 6);
    for snapshot in snapshots {
        assert_eq!(room.vault.verify(&snapshot.id, &CancelFlag::new()).unwrap(), Vec::new());
    }
}

#[test]
fn a_full_disk_is_called_that_and_harms_nothing() {
    let Some(small) = std::env::var_os("CODEBLUE_TEST_SMALL_FS").map(PathBuf::from) else {
        eprintln!("SKIPPED: set CODEBLUE_TEST_SMALL_FS to a directory on a file system of about 8 MiB");
        return;
    };
    let home = tempfile::tempdir_in(&small).unwrap();
    let other = tempfile::tempdir().unwrap();
    let vault = Vault::open_or_init(&home.path().join("vault"), &other.path().join("keys")).unwrap();
    let live = other.path().join("live");
    fs::create_dir(&live).unwrap();
    fs::write(live.join("little"), "little").unwrap();
    let capture = || vault.capture(Source::new([live.clone()]).unwrap(), &[], now(), &CancelFlag::new());
    let first = capture().unwrap();
    let noise: Vec<u8> = (0..4_000_000_u64).flat_map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()).collect();
    fs::write(live.join("large"), &noise).unwrap();
    let refused = capture();
    assert!(matches!(refused, Err(VaultError::DiskFull { .. })), "{refused:?}");
    assert_eq!(vault.list().unwrap().snapshots.len(), 1);
    vault.prune(&CancelFlag::new()).unwrap();
    assert_eq!(vault.verify(&first.id, &CancelFlag::new()).unwrap(), Vec::new());
    assert!(vault.check(true).unwrap().is_intact());

    let roomy = Vault::open_or_init(&other.path().join("vault"), &other.path().join("keys-2")).unwrap();
    let large = roomy.capture(Source::new([live.clone()]).unwrap(), &[], now(), &CancelFlag::new()).unwrap();
    let staged = roomy.stage(&large.id, &live, &home.path().join("restored"), &CancelFlag::new());
    assert!(matches!(staged, Err(VaultError::DiskFull { .. })), "{staged:?}");
}
