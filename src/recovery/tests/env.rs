use std::{
    cell::Cell,
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use proptest::{prelude::*, test_runner::TestRunner};

use super::{Room, component, copy_of, kill::Kills, same, snapshot};
use crate::{
    platform::{Adapter, Component},
    recovery::{Target, restore, test_restore},
    vault::{CancelFlag, difference_of_trees},
};

const SECRETS: [&str; 7] = [
    "hunter2-planted",
    "planted-old-password",
    "UGxhbnRlZFNlY3JldA",
    "MIIEvplanted",
    "JBSWY3DPEHPLANTED",
    "line-two-planted",
    "planted-token-in-toml",
];

fn plant(room: &Room) -> Component {
    let dir = room.path("etc");
    fs::create_dir_all(dir.join("secrets")).unwrap();
    fs::write(dir.join(".env"), "# of the shop\nexport DB_PASSWORD=planted-old-password\nMODE=live\nGONE=1\n").unwrap();
    fs::set_permissions(dir.join(".env"), Permissions::from_mode(0o640)).unwrap();
    fs::write(dir.join("secrets/token"), "UGxhbnRlZFNlY3JldA==\n").unwrap();
    fs::write(dir.join("secrets/key.pem"), "-----BEGIN\nMIIEvplanted=\n-----END\n").unwrap();
    fs::write(dir.join("secrets/totp"), "JBSWY3DPEHPLANTED=").unwrap();
    fs::write(dir.join("secrets/app.toml"), "token = \"planted-token-in-toml\"\n").unwrap();
    component(Adapter::Env { paths: vec![dir.join(".env"), dir.join("secrets")] })
}

fn spoil(dir: &Path) {
    fs::write(
        dir.join(".env"),
        "DB_PASSWORD=hunter2-planted\nMODE=live\nNEW=\"hunter2-planted\nA=line-two-planted\"\n",
    )
    .unwrap();
    for name in ["token", "key.pem", "totp", "app.toml"] {
        let path = dir.join("secrets").join(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n{}", SECRETS[0])).unwrap();
    }
}

fn no_secret(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} tells a secret: {text}");
    }
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

#[test]
fn secrets_come_back_with_owner_and_mode_and_are_told_nowhere() {
    let room = Room::new();
    let component = plant(&room);
    let root = rustix::process::geteuid().is_root();
    if root {
        chown(room.path("etc/.env"), Some(1234), Some(4321)).unwrap();
    }
    let model = copy_of(&room, &room.path("etc"), "model");
    let captured = room.capture(&component);
    let target = snapshot(&captured);
    spoil(&room.path("etc"));

    let plan = room.dry_run(&component, &target);
    let env = room.path("etc/.env").display().to_string();
    let key_lines: Vec<_> = plan.inside.iter().filter(|line| line.ends_with(&env)).map(String::as_str).collect();
    assert_eq!(
        key_lines,
        [format!("DB_PASSWORD changes in {env}"), format!("GONE is added to {env}"), format!("NEW goes from {env}")]
    );
    let replaced = plan.inside.iter().filter(|line| line.ends_with("is replaced as a whole")).count();
    assert_eq!(replaced, 4, "{:?}", plan.inside);
    assert!(plan.differences.iter().all(|one| one.before_bytes.is_none() && one.after_bytes.is_none()));
    no_secret("the dry run", &format!("{plan:?} {}", serde_json::to_string(&plan).unwrap()));
    for path in files_below(&room.path("dry")) {
        no_secret("the place of the dry run", &fs::read_to_string(path).unwrap());
    }

    let restored = room.restore(&component, &target, "run");
    room.verify_run(&component, "run").unwrap();
    assert!(same(&model, &room.path("etc")));
    let metadata = fs::metadata(room.path("etc/.env")).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    if root {
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 4321));
    }
    no_secret("the result", &format!("{restored:?} {captured:?} {component:?}"));
    for path in files_below(&room.path("run")) {
        no_secret("the record", &fs::read_to_string(path).unwrap());
    }
    for path in files_below(&room.path("vault")) {
        let bytes = fs::read(path).unwrap();
        no_secret("the vault", &String::from_utf8_lossy(&bytes));
    }
    let cancel = CancelFlag::new();
    let proof = test_restore(&component, &captured.captured.id, &room.path("scratch"), &room.vault, &cancel).unwrap();
    no_secret("the proof", &format!("{proof:?}"));
    assert!(!room.path("scratch").exists());
}

#[test]
fn errors_name_files_and_never_what_they_hold() {
    let room = Room::new();
    let component = plant(&room);
    let captured = room.capture(&component);
    let cancel = CancelFlag::new();
    spoil(&room.path("etc"));
    let mut errors = Vec::new();
    let wrong = Target::Release("v1".to_owned());
    errors.push(restore(&component, &wrong, &room.path("run"), &room.vault, &cancel).unwrap_err());
    // what was restored is altered again before it is looked at
    room.restore(&component, &snapshot(&captured), "run");
    spoil(&room.path("etc"));
    errors.push(room.verify_run(&component, "run").unwrap_err());
    // the place is gone
    fs::remove_dir_all(room.path("etc")).unwrap();
    errors.push(restore(&component, &snapshot(&captured), &room.path("run-2"), &room.vault, &cancel).unwrap_err());
    errors.push(room.verify_run(&component, "run-2").unwrap_err());
    // the vault is damaged
    for path in files_below(&room.path("vault/data")) {
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 1;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    fs::create_dir_all(room.path("etc")).unwrap();
    errors.extend(restore(&component, &snapshot(&captured), &room.path("run-3"), &room.vault, &cancel).err());
    assert!(errors.len() >= 4);
    for error in errors {
        no_secret("an error", &format!("{error} {error:?}"));
    }
}

#[test]
fn a_kill_at_any_moment_leaves_whole_secrets() {
    let room = Room::new();
    let component = plant(&room);
    let model = copy_of(&room, &room.path("etc"), "model");
    let target = snapshot(&room.capture(&component));
    let live = room.path("etc");
    let parts = [".env", "secrets"];
    Kills {
        room: &room,
        component: &component,
        target,
        live: live.clone(),
        parts: &parts,
        model,
        at_once: true,
        rounds: 16,
    }
    .run(|| spoil(&live));
}

#[test]
fn a_dry_run_names_exactly_the_keys_and_files_that_change() {
    let room = Room::new();
    let path = room.path(".env");
    let component = component(Adapter::Env { paths: vec![path.clone()] });
    let cases = Cell::new(0);
    let keys = || prop::collection::btree_map("[A-Z]{1,2}", "[a-c]{1,3}", 1..5);
    let config = ProptestConfig { cases: 12, ..ProptestConfig::default() };
    let judge = |(before, after, mode): (BTreeMap<String, String>, BTreeMap<String, String>, bool)| {
        let case = cases.replace(cases.get() + 1);
        let text = |keys: &BTreeMap<String, String>| {
            keys.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect::<String>()
        };
        let _ = fs::remove_file(&path);
        fs::write(&path, text(&after)).unwrap();
        let target = snapshot(&room.capture(&component));
        fs::write(&path, text(&before)).unwrap();
        if mode {
            fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        }
        let copy = copy_of(&room, &path, &format!("before-{case}"));
        let planned = room.dry_run(&component, &target);
        prop_assert!(same(&copy, &path));
        room.restore(&component, &target, &format!("run-{case}"));
        let changed = difference_of_trees(&copy, &path, &CancelFlag::new()).unwrap();
        prop_assert_eq!(
            planned.differences.iter().map(|one| (one.path.clone(), one.kind)).collect::<Vec<_>>(),
            changed.iter().map(|one| (one.path.clone(), one.kind)).collect::<Vec<_>>()
        );
        let mut names: Vec<&String> =
            before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name)).collect();
        names.sort();
        names.dedup();
        let words = planned.inside.iter().filter_map(|line| line.split(' ').next());
        prop_assert_eq!(words.filter(|word| *word != "no").collect::<Vec<_>>(), names);
        Ok(())
    };
    TestRunner::new(config).run(&(keys(), keys(), any::<bool>()), judge).unwrap();
}
