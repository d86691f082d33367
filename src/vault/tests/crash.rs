//! Every write and removal of every operation fails once, in every way: no half state, no snapshot lost, every older one restores
//! byte by byte, and what was cut off is done by the next try.
//!
//! `CODEBLUE_TEST_SEEDS=200` tries so many different vaults instead of one.

use std::{fs, path::PathBuf};

use super::{
    faults::Blow,
    replica::{at_once, stock_restic},
    *,
};
use crate::vault::{
    Replica,
    depot::{Depot, HASHED, matches_name},
    directory::Directory,
};

const BLOWS: [Blow; 4] = [Blow::Fail, Blow::Full, Blow::Stop, Blow::Torn];

fn seeds() -> std::ops::Range<u64> {
    let count = std::env::var("CODEBLUE_TEST_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    1..count + 1
}

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((mixed ^ (mixed >> 27)) >> 8) % bound
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let length = self.below(most + 1);
        let alphabet = 1 + self.below(255);
        (0..length).map(|_| u8::try_from(self.below(alphabet)).unwrap()).collect()
    }
}

/// A vault with a history, of which every case gets a copy of its own.
struct World {
    room: Room,
    dice: Dice,
    /// Ids of snapshots, each with a copy of what it must hold.
    kept: Vec<(String, PathBuf)>,
    cases: u64,
}

/// A copy of the world's vault and replica on which an operation is struck.
struct Case<'a> {
    world: &'a World,
    vault: Vault,
    name: String,
}

impl World {
    fn new(seed: u64, template: &Room) -> Self {
        // deriving the key of a new vault takes longer than all the rest
        let dir = tempfile::tempdir().unwrap();
        ["vault", "keys"].iter().for_each(|part| copy_tree(&template.path(part), &dir.path().join(part)));
        let vault = Vault::open_or_init(&dir.path().join("vault"), &dir.path().join("keys")).unwrap();
        let room = Room { dir, vault };
        fs::create_dir_all(room.path("live/dir")).unwrap();
        let mut world = Self { room, dice: Dice(seed), kept: Vec::new(), cases: 0 };
        for number in 0..4 + world.dice.below(6) {
            world.write(number);
        }
        world
    }

    fn live(&self) -> PathBuf {
        self.room.path("live")
    }

    fn write(&mut self, number: u64) {
        let content = self.dice.bytes(20_000);
        let folder = if number.is_multiple_of(2) { "" } else { "dir/" };
        fs::write(self.live().join(format!("{folder}file-{number}")), content).unwrap();
    }

    /// Changes some files, and takes a snapshot.
    fn capture(&mut self) -> String {
        for _ in 0..=self.dice.below(3) {
            let number = self.dice.below(12);
            self.write(number);
        }
        let id = self.room.capture(&[self.live()]).id;
        let model = self.room.path(&format!("model-{}", self.kept.len()));
        copy_tree(&self.live(), &model);
        self.kept.push((id.clone(), model));
        id
    }

    /// Forgets the oldest snapshot.
    fn forget(&mut self) {
        let (id, _) = self.kept.remove(0);
        self.room.vault.forget(&[id]).unwrap();
    }

    fn case(&mut self) -> Case<'_> {
        self.cases += 1;
        let name = format!("case-{}", self.cases);
        for part in ["vault", "replica"] {
            if self.room.path(part).exists() {
                copy_tree(&self.room.path(part), &self.room.path(&format!("{name}/{part}")));
            }
        }
        let vault = self.room.at(&format!("{name}/vault"));
        Case { world: self, vault, name }
    }
}

impl Room {
    /// The vault in another directory, with this one's secrets.
    fn at(&self, name: &str) -> Vault {
        Vault::open_or_init(&self.path(name), &self.path("keys")).unwrap()
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let dest = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &dest);
        } else {
            fs::copy(entry.path(), &dest).unwrap();
        }
    }
}

impl Case<'_> {
    fn path(&self, part: &str) -> PathBuf {
        self.world.room.path(&format!("{}/{part}", self.name))
    }

    /// The replica, whose directory can be struck.
    fn replica(&self) -> (Replica, Directory) {
        fs::create_dir_all(self.path("replica")).unwrap();
        let directory = Directory::new(&self.path("replica"));
        (Replica::in_directory(&directory), directory)
    }

    /// As a new process finds the vault.
    fn after(&mut self) -> &Vault {
        self.vault = self.world.room.at(&format!("{}/vault", self.name));
        &self.vault
    }

    fn listed(&self) -> Vec<String> {
        let listing = self.vault.list().unwrap();
        assert_eq!(listing.unreadable, Vec::<String>::new());
        assert!(listing.snapshots.iter().all(|snapshot| !snapshot.partial));
        listing.snapshots.into_iter().map(|snapshot| snapshot.id).collect()
    }

    /// A repository is intact, and what of the world's snapshots it has restores byte by byte.
    fn assert_sound(&self, vault: &Vault, what: &str) {
        let report = vault.check(false).unwrap();
        assert!(report.is_intact(), "{what}: {:?}", report.problems);
        for kind in HASHED {
            for (id, _) in vault.directory.list(kind).unwrap() {
                assert!(matches_name(kind, &id, &vault.directory.read(kind, &id).unwrap()), "{what}: {id:?}");
            }
        }
        for (number, snapshot) in vault.list().unwrap().snapshots.into_iter().enumerate() {
            let problems = vault.verify(&snapshot.id, &CancelFlag::new()).unwrap();
            assert_eq!(problems, Vec::new(), "{what}: {}", snapshot.id);
            let Some((_, model)) = self.world.kept.iter().find(|(id, _)| *id == snapshot.id) else { continue };
            let (live, cancel) = (self.world.live(), CancelFlag::new());
            assert_eq!(vault.difference_live(&snapshot.id, &live, model, &cancel).unwrap(), Vec::new(), "{what}");
            // one that is really restored is enough for each case, since each file of it waits for the disk
            let dest = self.path(&format!("restored-{}", snapshot.id));
            if number == 0 && !dest.exists() {
                assert!(vault.stage(&snapshot.id, &live, &dest, &cancel).unwrap().is_whole());
                assert_same(model, &dest);
            }
        }
    }

    /// Nothing that must be kept is gone, and nothing of it is harmed.
    fn assert_nothing_lost(&self, what: &str) {
        let listed = self.listed();
        for (id, _) in &self.world.kept {
            assert!(listed.contains(id), "{what}: snapshot {id} is lost");
        }
        self.assert_sound(&self.vault, what);
    }

    fn ask_restic(&self, part: &str) {
        stock_restic(&self.world.room, &format!("{}/{part}", self.name), &["check", "--read-data"]);
    }
}

/// Strikes an operation at its first write, its second, and so on until it is done before the blow falls; in every way. `act` gets the
/// case and the directory to strike, and says whether the operation said that it succeeded; `judge` looks at what is left.
fn strike_everywhere(
    name: &str,
    prepare: impl Fn(&mut World),
    strike: impl Fn(&Case<'_>) -> Directory,
    act: impl Fn(&Case<'_>) -> Result<(), VaultError>,
    judge: impl Fn(&mut Case<'_>, Result<(), VaultError>, &str),
) {
    let (mut cases, template) = (0, Room::new());
    for seed in seeds() {
        let mut world = World::new(seed, &template);
        prepare(&mut world);
        for blow in BLOWS {
            for at in 1.. {
                let what = format!("{name}, seed {seed}, {blow:?} at write {at}");
                let mut case = world.case();
                let directory = strike(&case);
                directory.faults.strike(at, blow);
                let result = act(&case);
                let fell = directory.faults.end();
                assert!(fell || result.is_ok(), "{what}: {result:?}");
                case.after();
                judge(&mut case, result, &what);
                // restic is slow to start, so it is asked about some
                if (cases + seed).is_multiple_of(if seed == 1 { 16 } else { 256 }) {
                    ["vault", "replica"]
                        .iter()
                        .filter(|part| case.path(part).exists())
                        .for_each(|part| case.ask_restic(part));
                }
                cases += 1;
                fs::remove_dir_all(case.path("")).unwrap();
                if !fell {
                    assert!(at > 1, "{what}: nothing was written");
                    break;
                }
            }
        }
    }
    eprintln!("{name}: {cases} cases");
}

#[test]
fn a_snapshot_struck_at_any_write_is_there_or_not_and_harms_no_other() {
    let capture = |case: &Case<'_>| {
        let source = Source::new([case.world.live()]).unwrap();
        case.vault.capture(source, &[], now(), &CancelFlag::new()).map(|captured| assert!(!captured.is_partial()))
    };
    strike_everywhere(
        "snapshot",
        |world| {
            world.capture();
            world.capture();
            world.write(3);
            world.write(99);
        },
        |case| case.vault.directory.clone(),
        capture,
        |case, result, what| {
            assert_eq!(case.listed().len(), 2 + usize::from(result.is_ok()), "{what}: {result:?}");
            case.assert_nothing_lost(what);
            capture(case).unwrap();
            case.vault.prune(&CancelFlag::new()).unwrap();
            case.assert_nothing_lost(what);
            let known = |id: &String| case.world.kept.iter().any(|(kept, _)| kept == id);
            let newest = case.listed().into_iter().find(|id| !known(id)).unwrap();
            let live = case.world.live();
            assert_eq!(case.vault.difference_live(&newest, &live, &live, &CancelFlag::new()).unwrap(), Vec::new());
            let left = walk(&case.path("vault"));
            assert!(left.iter().all(|path| path.extension().is_none_or(|ending| ending != "tmp")), "{what}: {left:?}");
        },
    );
}

#[test]
fn a_forgetting_struck_at_any_write_forgets_that_snapshot_or_nothing() {
    let chosen = |case: &Case<'_>| {
        case.vault
            .list()
            .unwrap()
            .snapshots
            .into_iter()
            .map(|snapshot| snapshot.id)
            .find(|id| case.world.kept.iter().all(|(kept, _)| kept != id))
    };
    strike_everywhere(
        "forget",
        |world| {
            (0..3).for_each(|_| drop(world.capture()));
            world.kept.remove(1);
        },
        |case| case.vault.directory.clone(),
        |case| case.vault.forget(&[chosen(case).unwrap()]),
        |case, result, what| {
            assert_eq!(chosen(case).is_none(), result.is_ok(), "{what}: {result:?}");
            case.assert_nothing_lost(what);
            if let Some(id) = chosen(case) {
                case.vault.forget(&[id]).unwrap();
            }
            assert_eq!(case.listed().len(), 2);
            case.vault.prune(&CancelFlag::new()).unwrap();
            case.assert_nothing_lost(what);
        },
    );
}

/// One pruning that marks, or the next one that removes.
fn strike_prunings(name: &str, marked: bool) {
    let prune = |case: &Case<'_>| case.vault.prune_as(&at_once(), &CancelFlag::new());
    strike_everywhere(
        name,
        |world| {
            (0..3).for_each(|_| drop(world.capture()));
            world.forget();
            if marked {
                world.room.prune_at_once();
            }
        },
        |case| case.vault.directory.clone(),
        prune,
        |case, _, what| {
            case.assert_nothing_lost(what);
            prune(case).unwrap();
            prune(case).unwrap();
            case.assert_nothing_lost(what);
            assert_eq!(case.listed().len(), 2);
        },
    );
}

#[test]
fn a_pruning_that_marks_struck_at_any_write_harms_nothing() {
    strike_prunings("prune, marking", false);
}

#[test]
fn a_pruning_that_removes_struck_at_any_write_harms_nothing() {
    strike_prunings("prune, removing", true);
}

#[test]
fn a_replication_struck_at_any_write_leaves_a_whole_replica() {
    let replica = |case: &Case<'_>| Replica::in_directory(&Directory::new(&case.path("replica")));
    let struck = std::cell::RefCell::new(None);
    strike_everywhere(
        "replicate",
        |world| {
            world.capture();
            world.capture();
            let replica = world.room.replica("replica");
            world.room.replicate(&replica);
            world.capture();
            world.forget();
            world.room.prune_at_once();
            world.room.prune_at_once();
        },
        |case| {
            let (replica, directory) = case.replica();
            struck.replace(Some(replica));
            directory
        },
        |case| case.vault.replicate(struck.borrow().as_ref().unwrap(), &CancelFlag::new()).map(drop),
        |case, result, what| {
            let there = case.world.room.at(&format!("{}/replica", case.name));
            assert!(there.list().unwrap().unreadable.is_empty());
            case.assert_sound(&there, what);
            let held = there.list().unwrap().snapshots.len();
            assert!(held >= 1 && (result.is_err() || held == 2), "{what}: {held} snapshots, {result:?}");
            let done = case.vault.replicate(&replica(case), &CancelFlag::new()).unwrap();
            assert!(done.is_clean(), "{what}: {done:?}");
            assert!(case.vault.lag(&replica(case)).unwrap().is_none());
            assert_eq!(there.list().unwrap(), case.vault.list().unwrap());
            case.assert_sound(&there, what);
        },
    );
}

#[test]
fn a_first_replication_struck_at_any_write_leaves_an_empty_or_a_whole_replica() {
    let struck = std::cell::RefCell::new(None);
    strike_everywhere(
        "first replicate",
        |world| drop(world.capture()),
        |case| {
            let (replica, directory) = case.replica();
            struck.replace(Some(replica));
            directory
        },
        |case| case.vault.replicate(struck.borrow().as_ref().unwrap(), &CancelFlag::new()).map(drop),
        |case, _, what| {
            if case.path("replica/config").exists() {
                case.assert_sound(&case.world.room.at(&format!("{}/replica", case.name)), what);
            }
            let (replica, _) = case.replica();
            assert!(case.vault.replicate(&replica, &CancelFlag::new()).unwrap().is_clean());
            case.assert_sound(&case.world.room.at(&format!("{}/replica", case.name)), what);
        },
    );
}

#[test]
fn a_repair_struck_at_any_write_makes_nothing_worse() {
    strike_everywhere(
        "repair",
        |world| {
            world.capture();
            world.capture();
            let replica = world.room.replica("replica");
            world.room.replicate(&replica);
        },
        |case| {
            // half of the files are damaged or lost
            for (number, path) in walk(&case.path("vault/data")).iter().enumerate() {
                match number % 4 {
                    0 => fs::remove_file(path).unwrap(),
                    1 => fs::write(path, "rubbish").unwrap(),
                    _ => {}
                }
            }
            fs::remove_file(case.path("vault/snapshots").join(&case.world.kept[0].0)).unwrap();
            case.vault.directory.clone()
        },
        |case| case.vault.repair_from(&case.replica().0, &CancelFlag::new()).map(|done| assert!(done.is_whole())),
        |case, _, what| {
            let repaired = case.vault.repair_from(&case.replica().0, &CancelFlag::new()).unwrap();
            assert!(repaired.is_whole(), "{what}: {repaired:?}");
            case.assert_nothing_lost(what);
        },
    );
}
