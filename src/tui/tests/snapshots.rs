//! The snapshots of a component, the point in time to go back to, and differences.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::{
    pages::SIZES,
    scene::{Scene, click, picture, press},
};
use crate::{
    client::Update,
    domain::{Captured, Command, Proof, RollbackTarget, Severity, SnapshotId, SnapshotTrigger, Status, TestResult},
    engine::{ComponentDifference, DryRunRequest, FileChange, FileChangeKind},
    tui::{
        message::{Message, Request, Timed},
        model::{List, Model, Overlay, Screen, Target},
        term::input::Key,
        update::update,
    },
};

const PLATFORM: &str = r#"
[platform]
name = "HoloVitals"
profile = "drill"
[[service]]
name = "records-db"
criticality = "high"
[[service.check]]
name = "health"
http = "http://127.0.0.1:8102/health"
every = "1s"
within = "500ms"
slow = "250ms"
[[component]]
name = "records"
service = "records-db"
kind = "database"
rpo = "5m"
every = "5m"
sqlite = { path = "/srv/records/records.db" }
[[component]]
name = "records-program-with-a-name-that-is-too-long"
service = "records-db"
kind = "code"
reload = "/bin/true"
release = { root = "/srv/records" }
[[component]]
name = "records-settings"
service = "records-db"
kind = "config"
rpo = "1h"
files = { paths = ["/srv/records/etc"] }
[[operator]]
name = "alice"
roles = ["technical-lead"]
login = "ops"
"#;

const PROGRAM: &str = "records-program-with-a-name-that-is-too-long";

fn captured(component: &str, megabytes: u64) -> Captured {
    Captured {
        component: component.to_owned(),
        vault_id: "ab".repeat(32),
        files: 1,
        bytes: 900 << 20,
        added_bytes: megabytes << 20,
        unreadable: Vec::new(),
        version: (component == PROGRAM).then(|| "v40".to_owned()),
        good: true,
    }
}

fn take(scene: &mut Scene, trigger: SnapshotTrigger, captured: Vec<Captured>) -> SnapshotId {
    let components = captured.iter().map(|captured| captured.component.clone()).collect();
    scene.give(Command::RequestSnapshot {
        components, trigger, reason: "診療所の定期スナップショット".to_owned()
    });
    let snapshot = *scene.state.snapshots.keys().next_back().unwrap();
    scene.now += TimeDelta::seconds(2);
    scene.give(Command::FinishSnapshot { snapshot, captured, total_bytes: 2_500_000_000 });
    snapshot
}

fn test_restore(scene: &mut Scene, snapshot: SnapshotId, passed: bool) {
    scene.give(Command::RequestProof { snapshot, proof: Proof::TestRestore });
    let detail = if passed { "3 tables, 214 rows" } else { "integrity check: row 7 missing from index" };
    let result = TestResult { component: "records".to_owned(), passed, detail: detail.to_owned(), milliseconds: 1_240 };
    scene.give(Command::RecordTestRestore { snapshot, results: vec![result] });
}

/// Two hours of snapshots: good, proved, pinned, partial, failed, damaged, one of an incident, one being taken.
fn vault() -> Scene {
    let mut scene = Scene::of(PLATFORM);
    scene.now -= TimeDelta::minutes(110);
    scene.judge("records-db", Status::Healthy, "health ok");
    scene.give(Command::ObserveVersion { component: PROGRAM.to_owned(), version: "v40".to_owned() });
    let all = |megabytes| vec![captured("records", megabytes), captured(PROGRAM, 0), captured("records-settings", 0)];
    let first = take(&mut scene, SnapshotTrigger::Scheduled, all(3));
    test_restore(&mut scene, first, true);
    scene.give(Command::PinSnapshot { snapshot: first, pinned: true });
    scene.now += TimeDelta::minutes(20);
    let damaged = take(&mut scene, SnapshotTrigger::Scheduled, all(2));
    let problems = vec!["records: /srv/records/records.db: 1 of 214 blobs is not what it was".to_owned()];
    scene.give(Command::RecordSnapshotCheck { snapshot: damaged, problems });
    scene.now += TimeDelta::minutes(20);
    let mut partial = all(1);
    partial[0].unreadable = vec!["/srv/records/records.db-wal: permission denied".to_owned()];
    take(&mut scene, SnapshotTrigger::OnDemand, partial);
    scene.now += TimeDelta::minutes(20);
    let read = take(&mut scene, SnapshotTrigger::PreDeployment, all(4));
    scene.give(Command::RecordSnapshotCheck { snapshot: read, problems: Vec::new() });
    scene.give(Command::ObserveVersion { component: PROGRAM.to_owned(), version: "v41".to_owned() });
    scene.now += TimeDelta::minutes(3);
    scene.give(Command::DeclareIncident {
        severity: Severity::Sev2,
        title: "records-db slow".to_owned(),
        services: vec!["records-db".to_owned()],
    });
    let mut unwell = all(1);
    unwell[0].good = false;
    take(&mut scene, SnapshotTrigger::Emergency, unwell);
    scene.now += TimeDelta::minutes(20);
    let last = take(&mut scene, SnapshotTrigger::Scheduled, all(1));
    test_restore(&mut scene, last, false);
    scene.now += TimeDelta::minutes(6);
    scene.give(Command::RequestSnapshot {
        components: vec!["records".to_owned()],
        trigger: SnapshotTrigger::OnDemand,
        reason: "asked for on the board".to_owned(),
    });
    scene
}

fn browsing(scene: &Scene) -> Model {
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('p')]);
    assert_eq!(*model.screen(), Screen::Snapshots);
    model
}

/// Puts the cursor on a snapshot.
fn go_to(model: &mut Model, id: u64) {
    let place = model.rows(List::Snapshots).iter().position(|key| *key == format!("SNP-{id}")).unwrap();
    model.select(List::Snapshots, place);
}

#[test]
fn a_component_and_its_snapshots() {
    let scene = vault();
    for (width, height) in SIZES {
        let mut model = browsing(&scene);
        insta::assert_snapshot!(format!("newest-{width}x{height}"), picture(&mut model, width, height));
        go_to(&mut model, 2);
        insta::assert_snapshot!(format!("damaged-{width}x{height}"), picture(&mut model, width, height));
        model.choose_point("2026-01-15T13:42:31Z".parse().unwrap());
        insta::assert_snapshot!(format!("point-{width}x{height}"), picture(&mut model, width, height));
        press(&mut model, &[Key::BackTab]);
        let shown = picture(&mut model, width, height);
        assert!(shown.contains("records-settings"), "{shown}");
    }
}

#[test]
fn nothing_to_capture_and_nothing_captured_yet_are_said() {
    let mut model = browsing(&Scene::of(PLATFORM));
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("no snapshot of records yet: s takes one"), "{shown}");
    assert!(shown.contains("✖ never captured") && shown.contains("never proved"), "{shown}");
    let mut model = browsing(&Scene::of(&PLATFORM[..PLATFORM.find("[[component]]").unwrap()]));
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("declares no [[component]]"), "{shown}");
}

#[test]
fn the_point_moves_by_seconds_and_minutes_and_says_what_is_lost() {
    let mut model = browsing(&vault());
    press(&mut model, &[Key::Left]);
    let now = model.browse.point.unwrap() + TimeDelta::seconds(1);
    assert_eq!(now.timestamp(), model.now.timestamp());
    press(&mut model, &[Key::Left, Key::ShiftLeft, Key::Char('<'), Key::Right]);
    assert_eq!(model.browse.point, Some(now - TimeDelta::seconds(121)));
    press(&mut model, &[Key::ShiftRight, Key::Char('>'), Key::Right, Key::Right, Key::Right, Key::Right]);
    let point = model.browse.point.unwrap();
    assert!(point <= model.now, "never into the future: {point}");
    model.choose_point("2026-01-15T13:42:31Z".parse().unwrap());
    let shown = picture(&mut model, 110, 32);
    let good = model.state.last_good_snapshot("records", model.browse.point).unwrap();
    let short = (model.browse.point.unwrap() - good.requested_at).num_seconds();
    assert!(shown.contains(&format!("→ {} of {}", good.id, good.requested_at.format("%H:%M:%SZ"))), "{shown}");
    assert!(shown.contains(&format!("{} m {} s of writes lost", short / 60, short % 60)), "{shown}");
    press(&mut model, &[Key::Esc]);
    assert_eq!((model.browse.point, model.screen()), (None, &Screen::Snapshots), "Esc lets the point go first");
}

#[test]
fn a_typed_time_is_taken_or_stays_to_be_put_right() {
    let mut model = browsing(&vault());
    let typed = |text: &str| -> Vec<Key> {
        let mut keys = vec![Key::Char('g')];
        keys.extend(text.chars().map(Key::Char));
        keys.push(Key::Enter);
        keys
    };
    press(&mut model, &typed("13:42:31"));
    assert_eq!(model.browse.point, Some("2026-01-15T13:42:31Z".parse().unwrap()));
    press(&mut model, &typed("2026-01-15T13:00:00+01:00"));
    assert_eq!(model.browse.point, Some("2026-01-15T12:00:00Z".parse().unwrap()));
    press(&mut model, &typed("25:00"));
    assert!(matches!(model.overlay, Some(Overlay::Prompt { .. })), "what was typed is not thrown away");
    assert!(model.toast.as_ref().is_some_and(|toast| toast.bad && toast.text.contains("14:05")));
}

#[test]
fn enter_shows_the_plan_for_the_point_and_asks_before_anything() {
    let mut model = browsing(&vault());
    let point = "2026-01-15T13:42:31Z".parse().unwrap();
    model.choose_point(point);
    let asked = press(&mut model, &[Key::Enter]);
    let [Request::DryRun(DryRunRequest::Rollback(request), _)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(request.to, Some(RollbackTarget::Time(point)));
    assert_eq!(*model.screen(), Screen::Plan);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("estore records from SNP-4") && shown.contains("LOSES what was written"), "{shown}");
    press(&mut model, &[Key::Enter]);
    let typed: Vec<Key> = "records".chars().map(Key::Char).collect();
    assert!(press(&mut model, &[Key::Enter]).is_empty(), "not without the name");
    press(&mut model, &typed);
    let done = press(&mut model, &[Key::Enter]);
    let [Request::Submit(command)] = done.as_slice() else { panic!("{done:?}") };
    assert!(matches!(&**command, Command::RequestRollback(given) if given.to == Some(RollbackTarget::Time(point))));
}

#[test]
fn each_key_of_a_snapshot_gives_its_command_and_so_does_its_place_on_the_screen() {
    let scene = vault();
    let snapshot = SnapshotId(4);
    let wanted = [
        ('t', "test-restore", Command::RequestProof { snapshot, proof: Proof::TestRestore }),
        ('v', "read-back", Command::RequestProof { snapshot, proof: Proof::Integrity }),
        ('p', "pin", Command::PinSnapshot { snapshot, pinned: true }),
    ];
    for (key, name, command) in wanted {
        let mut model = browsing(&scene);
        go_to(&mut model, 4);
        let expected = [Request::Submit(Box::new(command))];
        assert_eq!(press(&mut model, &[Key::Char(key)]), expected);
        assert_eq!(click(&mut model, &Target::Action(name)), expected);
    }
    let mut model = browsing(&scene);
    go_to(&mut model, 4);
    let asked = press(&mut model, &[Key::Char('r')]);
    let [Request::DryRun(DryRunRequest::Rollback(request), _)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(request.to, Some(RollbackTarget::Snapshot(snapshot)));
    // The one being taken and the partial one are refused, with the reason.
    for (id, why) in [(7, "holds nothing"), (3, "lacks 1 files")] {
        let mut model = browsing(&scene);
        go_to(&mut model, id);
        assert!(press(&mut model, &[Key::Char('r')]).is_empty());
        assert!(model.toast.as_ref().is_some_and(|toast| toast.text.contains(why)), "{:?}", model.toast);
    }
}

fn long_difference() -> Vec<ComponentDifference> {
    let file = |number: u64| FileChange {
        path: format!("/srv/records/etc/clinic-{number:04}.conf"),
        kind: if number.is_multiple_of(3) { FileChangeKind::Removed } else { FileChangeKind::Changed },
        before: Some(1000 + number),
        after: (!number.is_multiple_of(3)).then_some(2000),
    };
    vec![
        ComponentDifference {
            component: "records-settings".to_owned(),
            summary: "300 files differ".to_owned(),
            files: (0..200).map(file).collect(),
            total: 300,
        },
        ComponentDifference {
            component: "records".to_owned(),
            summary: "2 tables differ".to_owned(),
            files: vec![FileChange {
                path: "table visits (schema changes)".to_owned(),
                kind: FileChangeKind::Changed,
                before: Some(4_812),
                after: Some(4_598),
            }],
            total: 1,
        },
    ]
}

#[test]
fn a_difference_loads_in_the_background_and_scrolls_to_its_end_and_back() {
    let mut model = browsing(&vault());
    go_to(&mut model, 4);
    assert_eq!(press(&mut model, &[Key::Char('d')]), [Request::Difference(SnapshotId(4), None)]);
    assert!(picture(&mut model, 80, 24).contains("… comparing"));
    let at = model.now + TimeDelta::seconds(3);
    update(&mut model, Timed { at, message: Message::Difference(SnapshotId(4), None, Ok(long_difference())) });
    insta::assert_snapshot!("difference-80x24", picture(&mut model, 80, 24));
    assert!(picture(&mut model, 80, 24).contains("table visits"), "the component in question comes first");
    picture(&mut model, 110, 32);
    press(&mut model, &[Key::End]);
    assert!(picture(&mut model, 110, 32).contains("and 100 more"));
    let end = picture(&mut model, 110, 32);
    press(&mut model, &[Key::Up]);
    assert_ne!(picture(&mut model, 110, 32), end, "one line up is seen at once");
}

#[test]
fn two_snapshots_are_compared_from_the_older_to_the_newer() {
    let mut model = browsing(&vault());
    go_to(&mut model, 4);
    press(&mut model, &[Key::Char(' ')]);
    go_to(&mut model, 1);
    let asked = press(&mut model, &[Key::Char('d')]);
    assert_eq!(asked, [Request::Difference(SnapshotId(1), Some(SnapshotId(4)))]);
    let message = Message::Difference(SnapshotId(1), Some(SnapshotId(4)), Err("the vault is locked".to_owned()));
    let at = model.now;
    update(&mut model, Timed { at, message });
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("What changed from SNP-1 to SNP-4") && shown.contains("the vault is locked"), "{shown}");
}

#[test]
fn a_click_on_the_strip_chooses_that_moment_and_on_a_snapshot_what_it_holds() {
    let mut model = browsing(&vault());
    picture(&mut model, 110, 32);
    let taken = model.state.snapshots[&SnapshotId(4)].requested_at;
    click(&mut model, &Target::Moment(taken.timestamp() + 1));
    assert_eq!(model.browse.point, Some(taken + TimeDelta::seconds(1)));
    let plan = model.plan_to(model.component().unwrap(), model.browse.point.unwrap()).unwrap();
    assert!(plan.title.contains("SNP-4"), "{}", plan.title);
}

#[test]
fn the_vault_says_how_it_is_in_one_line() {
    let scene = vault();
    let mut model = browsing(&scene);
    let line = |model: &mut Model| picture(model, 160, 48).lines().nth(1).unwrap().to_owned();
    assert!(line(&mut model).contains("✖ 1 damaged, 1 failed to restore"), "{}", line(&mut model));
    assert!(!line(&mut model).contains("replica"), "nothing is said of a replica that nobody wants");
    let platform = PLATFORM.replace("[[service]]", "[vault]\nreplica = { directory = \"/mnt/copy\" }\n[[service]]");
    let platform = crate::platform::parse(&platform, std::path::Path::new("/etc/codeblue.toml")).unwrap();
    model.state.platform = platform.into();
    assert!(line(&mut model).contains("▲ replica never copied"), "{}", line(&mut model));
    model.state.vault.replica.behind_since = Some(model.now - TimeDelta::seconds(41));
    assert!(line(&mut model).contains("replica 41s behind"), "{}", line(&mut model));
    model.state.vault.replica.problem = Some((model.now, "/mnt/copy is full".to_owned()));
    assert!(line(&mut model).contains("✖ replica failed 0s ago: /mnt/copy is full"), "{}", line(&mut model));
}

#[test]
fn a_plan_that_the_engine_would_make_differently_by_now_is_not_agreed_to() {
    let mut scene = vault();
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('1'), Key::Char('r'), Key::Char('2')]);
    assert_eq!(*model.screen(), Screen::Plan);
    assert!(picture(&mut model, 110, 32).contains("v41 → v40"));
    press(&mut model, &[Key::Enter]);
    assert!(matches!(model.overlay, Some(Overlay::Confirm(_))));
    let seen = scene.recent.len();
    scene.give(Command::ObserveVersion { component: PROGRAM.to_owned(), version: "v42".to_owned() });
    let mut asked = Vec::new();
    for recorded in &scene.recent[seen..] {
        let message = Message::Update(Update::Event(Box::new(recorded.clone())));
        let at = model.now;
        asked.extend(update(&mut model, Timed { at, message }));
    }
    assert!(model.overlay.is_none(), "the question was about another plan");
    assert!(matches!(asked.as_slice(), [Request::DryRun(..)]), "{asked:?}");
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("v42 → v41") && shown.contains("the plan has changed"), "{shown}");
}

#[test]
fn no_size_breaks_these_pages() {
    let mut model = browsing(&vault());
    go_to(&mut model, 4);
    press(&mut model, &[Key::Char('d'), Key::Esc]);
    model.choose_point("2026-01-15T13:42:31Z".parse().unwrap());
    press(&mut model, &[Key::Enter]);
    let at = model.now;
    update(&mut model, Timed { at, message: Message::Difference(SnapshotId(4), None, Ok(long_difference())) });
    for screen in [Screen::Snapshots, Screen::Plan, Screen::Difference(SnapshotId(4), None)] {
        model.screens = vec![Screen::Board, screen];
        for zoom in [0, 12] {
            model.browse.zoom = Some(zoom);
            for width in (0..200).step_by(13) {
                for height in (0..60).step_by(7) {
                    picture(&mut model, width, height);
                    let all = Rect { x: 0, y: 0, width, height };
                    assert!(model.hits.iter().all(|(area, _)| all.intersection(*area) == *area), "{width}x{height}");
                }
            }
        }
    }
}

#[test]
fn an_engine_on_another_host_is_named_on_top_and_before_anything_is_done_there() {
    let mut model = vault().seen_by("alice");
    press(&mut model, &[Key::Char('1'), Key::Char('r'), Key::Char('2'), Key::Enter]);
    assert!(matches!(model.overlay, Some(Overlay::Confirm(_))));
    assert!(!picture(&mut model, 110, 32).contains(" on db1"));
    model.host = Some("db1\u{1b}[2J".to_owned());
    for (width, height) in SIZES {
        let shown = picture(&mut model, width, height);
        assert_eq!(shown.matches(" on db1").count(), 2, "{shown}");
        assert!(!shown.contains('\u{1b}'));
    }
}
