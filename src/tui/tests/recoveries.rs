//! A recovery while it runs and after, and the list of all of them.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{Scene, picture, press},
};
use crate::{
    domain::{Actor, ChangeId, Command, Criterion, Finding, Phase, RecoveryId, RecoveryOutcome, SnapshotId},
    tui::{
        model::{Model, Screen},
        term::input::Key,
    },
};

const ID: RecoveryId = RecoveryId(1);

/// The change of the outage is approved, and its recovery is in its second step.
pub fn running() -> Scene {
    let mut scene = Scene::outage();
    let plan_hash = scene.state.changes[&ChangeId(1)].plan_hash.clone();
    let approve = Command::approve(ChangeId(1), plan_hash, String::new());
    scene.give_as(Actor::Operator("alice".to_owned()), approve);
    if !scene.state.recoveries.contains_key(&ID) {
        scene.give(Command::StartRecovery { change: ChangeId(1) });
    }
    scene.give(Command::StartStep { recovery: ID, step: 0 });
    let components = vec!["patient-api-code".to_owned()];
    scene.give(Command::BeginSafetySnapshot { recovery: ID, components });
    scene.now += TimeDelta::milliseconds(5_800);
    let snapshot = scene.state.recoveries[&ID].safety_snapshot.unwrap();
    let captured = vec![scene.state.snapshots[&SnapshotId(1)].captured[0].clone()];
    scene.give(Command::FinishSnapshot { snapshot, captured, total_bytes: 2_600_000 });
    finish(&mut scene, 0, "SNP-2");
    scene.give(Command::StartStep { recovery: ID, step: 1 });
    scene.now += TimeDelta::seconds(4);
    scene
}

fn finish(scene: &mut Scene, step: usize, output: &str) {
    let output = output.to_owned();
    scene.give(Command::FinishStep { recovery: ID, step, output, finding: Finding::Nothing });
}

/// The rest of its steps, and its end.
fn ended(outcome: RecoveryOutcome) -> Scene {
    let mut scene = running();
    finish(&mut scene, 1, "41 files, verified in 0.3 s");
    let steps = scene.state.recoveries[&ID].steps.len();
    if outcome == RecoveryOutcome::Succeeded {
        for step in 2..steps {
            scene.give(Command::StartStep { recovery: ID, step });
            scene.now += TimeDelta::milliseconds(1_200);
            finish(&mut scene, step, "3 checks pass, slowest 12 ms");
        }
    }
    let summary = format!("roll patient-api-code back v41 → v40: {outcome}");
    scene.give(Command::EndRecovery { recovery: ID, outcome, summary });
    scene
}

fn at(scene: &Scene, screen: Screen) -> Model {
    let mut model = scene.seen_by("alice");
    model.screens = vec![Screen::Board, screen];
    model
}

#[test]
fn a_recovery_while_it_runs() {
    let scene = running();
    for (width, height) in SIZES {
        let mut model = at(&scene, Screen::Recovery(ID));
        let shown = picture(&mut model, width, height);
        assert!(shown.contains("0:09 of 5:00 RTO"), "{shown}");
        assert!(shown.contains("0:04 …") && shown.contains("SNP-2") && shown.contains("c Stop after step"), "{shown}");
        insta::assert_snapshot!(format!("running-{width}x{height}"), shown);
    }
}

#[test]
fn a_recovery_that_took_too_long_says_so() {
    let mut scene = running();
    scene.now += TimeDelta::hours(1);
    let shown = picture(&mut at(&scene, Screen::Recovery(ID)), 80, 24);
    assert!(shown.contains("✖ over the 5:00 RTO"), "{shown}");
    assert!(shown.contains("▲ step 2 takes longer than usual"), "no figure that cannot be right: {shown}");
}

#[test]
fn after_the_end_come_the_watch_and_the_way_back() {
    let mut scene = ended(RecoveryOutcome::Succeeded);
    scene.now += TimeDelta::minutes(2);
    let mut model = at(&scene, Screen::Recovery(ID));
    assert!(model.is_counting(), "the countdown of the watch is seen to run");
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("extended watch: 28:00 left") && shown.contains("u Undo…"), "{shown}");
    assert!(shown.contains("✓ succeeded"), "{shown}");
    insta::assert_snapshot!("succeeded-80x24", picture(&mut model, 80, 24));
    // Undo shows its plan first, like everything dangerous.
    press(&mut model, &[Key::Char('u')]);
    assert_eq!(*model.screen(), Screen::Plan);
    assert!(picture(&mut model, 80, 24).contains("Undo REC-1"));
}

#[test]
fn each_proof_stands_with_what_was_wanted_and_found() {
    let mut scene = ended(RecoveryOutcome::Succeeded);
    let looking = picture(&mut at(&scene, Screen::Recovery(ID)), 110, 32);
    assert!(looking.contains("▸ being validated in depth"), "{looking}");
    let criterion = |what: &str, wanted: &str, found: &str, passed, decides| Criterion {
        what: format!("patient-api {what}"),
        wanted: wanted.to_owned(),
        found: found.to_owned(),
        passed,
        decides,
    };
    let broken = "3 of 4: GET http://127.0.0.1:8443/patients/1001/medications answered 500, missing column dose_unit";
    let criteria = vec![
        criterion("responds", "95 of 100 within 500 ms", "8 s", false, false),
        criterion("passes its checks", "all", broken, false, true),
    ];
    scene.give(Command::RecordValidation { recovery: ID, phase: Phase::Comprehensive, criteria });
    insta::assert_snapshot!("validated-110x32", picture(&mut at(&scene, Screen::Recovery(ID)), 110, 32));
    let short = picture(&mut at(&scene, Screen::Recovery(ID)), 80, 24);
    assert!(short.contains("… ↓ "), "a figure that lost its end says so: {short}");
}

#[test]
fn the_list_tells_how_they_went_and_how_many_did() {
    let mut scene = ended(RecoveryOutcome::Succeeded);
    // The same again an hour later, twice, with other ends; and one that is too old to count.
    for (id, outcome, started) in [
        (2, RecoveryOutcome::Failed, scene.now),
        (3, RecoveryOutcome::Cancelled, scene.now),
        (4, RecoveryOutcome::Failed, scene.now - TimeDelta::days(120)),
    ] {
        let mut other = scene.state.recoveries[&ID].clone();
        other.id = RecoveryId(id);
        other.started_at = started;
        other.ended = Some((started + TimeDelta::minutes(if id == 2 { 75 } else { 3 }), outcome));
        scene.state.recoveries.insert(other.id, other);
    }
    for (width, height) in SIZES {
        let shown = picture(&mut at(&scene, Screen::Recoveries), width, height);
        assert!(shown.contains("✖ 33 % succeeded in the last 90 days: 1 of 3"), "{shown}");
        assert!(shown.contains("✖ 1:15:00 of 5:00"), "{shown}");
        insta::assert_snapshot!(format!("list-{width}x{height}"), shown);
    }
}

#[test]
fn a_service_over_its_rpo_is_marked_on_the_board() {
    let mut scene = Scene::healthy();
    assert!(picture(&mut scene.seen_by("alice"), 80, 24).contains("RPO 0s of 1h"));
    scene.now += TimeDelta::minutes(61);
    let shown = picture(&mut scene.seen_by("alice"), 80, 24);
    assert!(shown.contains("▲ RPO 1h1m of 1h"), "{shown}");
}
