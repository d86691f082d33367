//! `docs/restic.md`, followed byte for byte by a shell.

use std::{fs, process::Command};

use super::*;

const PAGE: &str = include_str!("../../../docs/restic.md");

/// The blocks for a shell, in their order.
fn blocks() -> Vec<&'static str> {
    PAGE.split("```sh\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

#[test]
fn restoring_by_hand_works_as_the_page_says() {
    if Command::new("restic").arg("version").output().is_err() {
        eprintln!("SKIPPED: the program `restic` is not on PATH, so nothing was proved about it");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let vault = Vault::open_or_init(&home.join("data/vault"), &home.join("data/keys")).unwrap();
    let live = dir.path().join("live");
    plant(&live);
    let captured = vault.capture(Source::new([live.clone()]).unwrap(), &[], now(), &CancelFlag::new()).unwrap();
    fs::write(live.join("later"), "not in the first").unwrap();
    let replica = dir.path().join("replica");
    fs::create_dir(&replica).unwrap();
    let place = crate::platform::ReplicaPlace::Directory(replica.clone());
    vault.replicate(&crate::vault::Replica::new(&place), &CancelFlag::new()).unwrap();
    fs::remove_file(live.join("later")).unwrap();

    let [with_an_engine, by_hand, then] = blocks().try_into().unwrap();
    assert_eq!(with_an_engine, "eval \"$(codeblue snapshot restic-env)\"\n");
    // what `codeblue snapshot restic-env` prints is what the page has one do by hand
    let printed = vault.restic_env().into_iter().map(|(name, value)| format!("export {name}={value}\n"));
    let home = fs::canonicalize(home).unwrap();
    assert_eq!(printed.collect::<String>(), by_hand.replace("HOME", home.to_str().unwrap()));

    for (number, repository) in [None, Some(&replica)].into_iter().enumerate() {
        let back = dir.path().join(format!("back-{number}"));
        let mut script = by_hand.replace("HOME", home.to_str().unwrap());
        if let Some(replica) = repository {
            script += &format!("export RESTIC_REPOSITORY={}\n", replica.display());
        }
        script += &then.replace(" ID ", &format!(" {} ", captured.id)).replace("/tmp/back", back.to_str().unwrap());
        let output = Command::new("sh")
            .args(["-e", "-c", &script])
            .env("RESTIC_CACHE_DIR", dir.path().join("cache"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}");
        assert!(said.contains(&captured.id[..8]) && said.contains("no errors were found"), "{said}");
        assert_same(&live, &back.join(live.strip_prefix("/").unwrap()));
    }
}
