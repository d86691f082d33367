use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use proptest::prelude::*;

use super::{Room, component, copy_of, kill::Kills, same, snapshot};
use crate::{
    platform::{Adapter, Component},
    recovery::{RecoveryError, Target, dry_run, observe, releases, restore, test_restore},
    vault::{CancelFlag, DifferenceKind, difference_of_trees},
};

pub(super) fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(super) fn commit(repository: &Path, files: &[(&str, &str)], tag: &str) -> String {
    for (name, text) in files {
        let path = repository.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(repository, &["add", "--all", "--force"]);
    git(repository, &["commit", "--quiet", "--message", tag]);
    git(repository, &["tag", tag]);
    git(repository, &["rev-parse", "HEAD"])
}

/// A repository with the tags v1, v2 and web/3, the second of which is live.
fn room_with_git() -> (Room, Component, [String; 3]) {
    let room = Room::new();
    let repository = room.path("repository");
    fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "--quiet"]);
    symlink("page.html", repository.join("index.html")).unwrap();
    let first = commit(&repository, &[("page.html", "one"), ("lib/a.js", "a"), ("old.txt", "goes")], "v1");
    fs::remove_file(repository.join("old.txt")).unwrap();
    let second = commit(&repository, &[("page.html", "two"), ("lib/b ü.js", "b"), (".gitignore", "cache/\n")], "v2");
    let third = commit(&repository, &[("page.html", "three")], "web/3");
    let component = component(Adapter::Git { repository, root: room.path("app") });
    room.restore(&component, &Target::Release("v2".to_owned()), "first");
    (room, component, [first, second, third])
}

fn release(version: &str) -> Target {
    Target::Release(version.to_owned())
}

#[test]
fn tags_and_commits_are_checked_out_beside_each_other_and_switched() {
    let (room, component, [first, ..]) = room_with_git();
    assert_eq!(releases(&component).unwrap(), ["v1", "v2", "web/3"]);
    assert_eq!(observe(&component).unwrap().version.as_deref(), Some("v2"));

    let plan = room.dry_run(&component, &release("v1"));
    let changes: Vec<_> =
        plan.differences.iter().map(|one| (one.path.split_once("current/").unwrap().1, one.kind)).collect();
    assert_eq!(
        changes,
        [
            (".gitignore", DifferenceKind::Removed),
            ("lib/b ü.js", DifferenceKind::Removed),
            ("old.txt", DifferenceKind::Added),
            ("page.html", DifferenceKind::Changed)
        ]
    );
    let restored = room.restore(&component, &release("v1"), "run");
    assert_eq!((restored.previous.as_deref(), restored.files), (Some("v2"), 4));
    assert_eq!(fs::read_to_string(room.path("app/current/index.html")).unwrap(), "one");
    room.verify_run(&component, "run").unwrap();

    // what lies ready is only linked to
    assert_eq!(room.restore(&component, &release("v2"), "run-2").files, 0);
    assert_eq!(room.restore(&component, &release("web/3"), "run-3").files, 5);
    assert_eq!(observe(&component).unwrap().version.as_deref(), Some("web/3"));
    room.restore(&component, &release(&first[..9]), "run-4");
    assert_eq!(observe(&component).unwrap().version.as_deref(), Some(&first[..9]));
    room.verify_run(&component, "run-4").unwrap();
    assert!(room.litter(&room.path("app")).is_empty() && room.litter(&room.path("app/releases")).is_empty());
    assert!(!room.path("repository/.git/worktrees").exists());
}

#[test]
fn what_names_no_release_is_refused_and_nothing_moves() {
    let (room, component, _) = room_with_git();
    for version in ["v9", "main", "HEAD", "v1^", "--help", "../v1", "v1:page.html", "", "@", "refs/heads/main"] {
        let refused = restore(&component, &release(version), &room.path("run"), &room.vault, &CancelFlag::new());
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("there are: v1, v2, web/3") && text.contains("not touched"), "{version}: {text}");
    }
    fs::remove_dir_all(room.path("repository")).unwrap();
    let refused = restore(&component, &release("v1"), &room.path("run"), &room.vault, &CancelFlag::new());
    assert!(refused.unwrap_err().to_string().contains("there is no git repository"));
    assert_eq!(observe(&component).unwrap().version.as_deref(), Some("v2"));
}

#[test]
fn hooks_and_the_environment_have_no_say() {
    let (room, component, _) = room_with_git();
    let hooks = room.path("repository/.git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    let trap = room.path("trapped");
    for hook in ["post-checkout", "post-index-change", "reference-transaction"] {
        let path = hooks.join(hook);
        fs::write(&path, format!("#!/bin/sh\ntouch '{}'\n", trap.display())).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    git(&room.path("repository"), &["config", "core.fsmonitor", &format!("touch {}", trap.display())]);
    room.restore(&component, &release("v1"), "run");
    room.verify_run(&component, "run").unwrap();
    assert!(!trap.exists());
}

#[test]
fn a_release_changed_by_hand_is_found_made_anew_and_brought_back_by_its_snapshot() {
    let (room, component, _) = room_with_git();
    fs::create_dir(room.path("app/current/cache")).unwrap();
    fs::write(room.path("app/current/cache/x"), "the commit itself leaves it out").unwrap();
    room.verify_run(&component, "run").unwrap();
    fs::write(room.path("app/current/page.html"), "hot fix").unwrap();
    fs::write(room.path("app/current/new.html"), "hot fix").unwrap();
    let found = room.verify_run(&component, "run").unwrap_err();
    assert!(
        matches!(&found, RecoveryError::Differs { differing, .. } if *differing == ["new.html", "page.html"]),
        "{found}"
    );

    let safety = room.capture(&component);
    assert_eq!(safety.version.as_deref(), Some("v2"));
    let tags = room.vault.show(&safety.captured.id).unwrap().tags;
    assert!(tags.contains(&"changed=2".to_owned()), "{tags:?}");
    let before = copy_of(&room, &room.path("app/current/"), "before");
    room.restore(&component, &release("v2"), "anew");
    room.verify_run(&component, "anew").unwrap();
    assert_eq!(fs::read_to_string(room.path("app/current/page.html")).unwrap(), "two");

    room.restore(&component, &snapshot(&safety), "undo");
    room.verify_run(&component, "undo").unwrap();
    assert!(same(&before, &room.path("app/current/")));
}

#[test]
fn a_snapshot_restores_and_is_proved_without_the_repository() {
    let (room, component, [_, second, _]) = room_with_git();
    let captured = room.capture(&component);
    let prove = || {
        let cancel = CancelFlag::new();
        test_restore(&component, &captured.captured.id, &room.path("scratch"), &room.vault, &cancel).unwrap().detail
    };
    assert_eq!(
        prove(),
        format!("v2: 5 files read back as they were captured, every file as in commit {}", &second[..10])
    );
    let model = copy_of(&room, &room.path("app/current/"), "model");
    room.restore(&component, &release("v1"), "run");
    fs::remove_dir_all(room.path("repository")).unwrap();
    fs::remove_dir_all(room.path("app/releases/v2")).unwrap();
    assert!(prove().contains("is not in the repository"));
    room.restore(&component, &snapshot(&captured), "run-2");
    room.verify_run(&component, "run-2").unwrap();
    assert!(same(&model, &room.path("app/current/")));
}

#[test]
fn only_what_is_missing_is_fetched() {
    let (room, component, _) = room_with_git();
    let clone = room.path("clone");
    git(room.dir.path(), &["clone", "--quiet", "--no-local", "repository", "clone"]);
    let fetching = Component { adapter: Adapter::Git { repository: clone, root: room.path("app") }, ..component };
    commit(&room.path("repository"), &[("page.html", "four")], "v4");
    room.restore(&fetching, &release("v4"), "run");
    assert_eq!(fs::read_to_string(room.path("app/current/page.html")).unwrap(), "four");
    // from now on the remote plays no part
    fs::rename(room.path("repository"), room.path("gone")).unwrap();
    fs::remove_dir_all(room.path("app/releases")).unwrap();
    room.restore(&fetching, &release("v4"), "run-2");
    room.verify_run(&fetching, "run-2").unwrap();
    let refused = restore(&fetching, &release("v5"), &room.path("run-3"), &room.vault, &CancelFlag::new());
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("could not fetch v5") && text.contains("not touched"), "{text}");
}

#[test]
fn a_damaged_object_never_goes_live() {
    let (room, component, _) = room_with_git();
    let repository = room.path("repository");
    let blob = git(&repository, &["rev-parse", "v1:page.html"]);
    let object = repository.join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    let other = git(&repository, &["rev-parse", "v2:page.html"]);
    fs::set_permissions(&object, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    fs::copy(repository.join(".git/objects").join(&other[..2]).join(&other[2..]), &object).unwrap();
    let refused = restore(&component, &release("v1"), &room.path("run"), &room.vault, &CancelFlag::new());
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("not touched"), "{text}");
    assert_eq!(observe(&component).unwrap().version.as_deref(), Some("v2"));
    assert!(room.litter(&room.path("app/releases")).is_empty());
}

#[test]
fn modes_do_not_depend_on_who_runs_the_engine() {
    let (room, component, _) = room_with_git();
    let mode = |name: &str| fs::metadata(room.path("app/current").join(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("page.html"), mode("lib")), (0o644, 0o755));
    git(&room.path("repository"), &["update-index", "--chmod=+x", "page.html"]);
    git(&room.path("repository"), &["commit", "--quiet", "--message", "x"]);
    git(&room.path("repository"), &["tag", "v4"]);
    room.restore(&component, &release("v4"), "run");
    assert_eq!(mode("page.html"), 0o755);
}

#[test]
fn a_kill_at_any_moment_leaves_one_whole_release() {
    let (room, component, _) = room_with_git();
    let live = room.path("app");
    room.restore(&component, &release("v1"), "model");
    let model = copy_of(&room, &live, "model-of-app");
    let ready = |version: &str| live.join("releases").join(version);
    Kills {
        room: &room,
        component: &component,
        target: release("v1"),
        live: live.clone(),
        parts: &["current/"],
        model,
        at_once: true,
        rounds: 24,
    }
    .run(|| {
        let temporary = live.join("link");
        symlink("releases/v2", &temporary).unwrap();
        fs::rename(temporary, live.join("current")).unwrap();
        // now altered, now not there at all
        match fs::write(ready("v1").join("page.html"), "altered") {
            Ok(()) if fs::metadata(&live).unwrap().ino() % 2 == 0 => {}
            _ => fs::remove_dir_all(ready("v1")).unwrap(),
        }
    });
    assert!(room.litter(&live.join("releases")).is_empty());
}

#[derive(Debug, Clone)]
struct Tree(Vec<(usize, String)>);

fn trees() -> impl Strategy<Value = Vec<Tree>> {
    let file = (0..6_usize, "[a-c]{0,3}");
    prop::collection::vec(prop::collection::vec(file, 1..5).prop_map(Tree), 2..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_dry_run_names_exactly_what_changes(trees in trees(), by_hand in prop::option::of("[a-c]{1,2}")) {
        let room = Room::new();
        let repository = room.path("repository");
        fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "--quiet"]);
        for (number, Tree(files)) in trees.iter().enumerate() {
            for name in ["lib", "page", "sub"] {
                let path = repository.join(name);
                let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            }
            for (place, text) in files {
                let name = ["lib/a", "lib/b", "page", "sub/x/y", "sub/x/z", "lib/c"][*place];
                let path: PathBuf = repository.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            commit(&repository, &[("number", &number.to_string())], &format!("v{number}"));
        }
        let component = component(Adapter::Git { repository, root: room.path("app") });
        room.restore(&component, &release("v0"), "first");
        if let Some(text) = by_hand {
            fs::write(room.path("app/current/by-hand"), text).unwrap();
        }
        let before = copy_of(&room, &room.path("app/current/"), "before");
        let target = release(&format!("v{}", trees.len() - 1));
        let cancel = CancelFlag::new();
        let planned = dry_run(&component, &target, &room.path("dry"), &room.vault, &cancel).unwrap().differences;
        prop_assert!(same(&before, &room.path("app/current/")));
        room.restore(&component, &target, "run");
        let changed = difference_of_trees(&before, &fs::canonicalize(room.path("app/current")).unwrap(), &cancel).unwrap();
        let strip = |path: &str| path.split_once("current").or(path.split_once(&format!("releases/v{}", trees.len() - 1))).unwrap().1.to_owned();
        let planned: Vec<_> = planned.iter().map(|one| (strip(&one.path), one.kind)).collect();
        let changed: Vec<_> = changed.iter().map(|one| (strip(&one.path), one.kind)).collect();
        prop_assert_eq!(planned, changed);
    }
}
