//! Standard changes: made from what was carried out, listed with whether they may be used, suspended, restored and used.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{PHONE, Scene, accepted, at, by, picture, press, type_in},
};
use crate::{
    domain::{ChangeId, ChangeRequest, Command, Finding, RecoveryId, RecoveryOutcome},
    tui::{
        model::{Overlay, Screen},
        term::input::Key,
    },
};

const PLATFORM: &str = r#"
[platform]
name = "HoloVitals"
[access]
second_factor = "enrolled"
[[service]]
name = "handouts"
criticality = "low"
[[service.check]]
name = "health"
http = "http://127.0.0.1:8103/health"
[[service.action]]
name = "restart"
run = "/bin/true"
risk = "low"
[[operator]]
name = "alice"
roles = ["technical-lead"]
login = "alice"
[[operator]]
name = "erin"
roles = ["engineer"]
login = "erin"
[[operator]]
name = "vic"
roles = ["viewer"]
login = "vic"
"#;

const CHANGE: ChangeId = ChangeId(1);
const DONE: RecoveryId = RecoveryId(1);

/// Erin asked for a restart, Alice agreed, and it worked and has lasted.
fn done() -> Scene {
    let mut scene = Scene::of(PLATFORM);
    let request = ChangeRequest::Action { service: "handouts".to_owned(), action: "restart".to_owned() };
    let (reason, after) = ("weekly".to_owned(), Vec::new());
    scene.give_as(by("erin"), Command::SubmitChange { request, reason, incident: None, window: None, after });
    let hash = scene.state.changes[&CHANGE].plan_hash.clone();
    scene.give_as(by("alice"), Command::approve(CHANGE, hash, String::new()));
    carry_out(&mut scene, DONE);
    scene
}

/// Runs what has been started to its good end, and past its watch.
fn carry_out(scene: &mut Scene, recovery: RecoveryId) {
    for step in 0..scene.state.recoveries[&recovery].steps.len() {
        scene.give(Command::StartStep { recovery, step });
        scene.give(Command::FinishStep { recovery, step, output: String::new(), finding: Finding::Nothing });
    }
    let summary = "done".to_owned();
    scene.give(Command::EndRecovery { recovery, outcome: RecoveryOutcome::Succeeded, summary });
    scene.now += TimeDelta::hours(2);
    let run = scene.state.recoveries.get_mut(&recovery).unwrap();
    (run.watch_until, run.validating) = (None, None);
    assert!(run.lasted());
}

/// The same, agreed to beforehand from now on.
fn agreed() -> Scene {
    let mut scene = done();
    let name = "restart-handouts".to_owned();
    scene.give_as(by("alice"), Command::MakeTemplate { name, proof: DONE });
    assert_eq!(scene.state.templates.len(), 1);
    scene
}

fn suspended() -> Scene {
    let mut scene = agreed();
    let (template, reason) = ("restart-handouts".to_owned(), "the printers jam after it".to_owned());
    scene.give_as(by("alice"), Command::SuspendTemplate { template, reason });
    scene.now += TimeDelta::hours(1);
    scene
}

#[test]
fn what_was_carried_out_is_agreed_to_beforehand_from_its_page() {
    let scene = done();
    let mut foreseen = String::new();
    for page in [Screen::Change(CHANGE), Screen::Recovery(DONE)] {
        let mut model = at(&scene, "alice", page);
        press(&mut model, &[Key::Char('t')]);
        let Some(Overlay::Form(form)) = &model.overlay else { panic!("{:?}", model.toast) };
        assert_eq!(form.text("Name"), "restart-handouts", "a name is proposed");
        press(&mut model, &[Key::Enter]);
        foreseen = picture(&mut model, 80, 24);
        let sent = press(&mut model, &[Key::Enter]);
        let name = "restart-handouts".to_owned();
        assert_eq!(accepted(&model, &sent), Command::MakeTemplate { name, proof: DONE });
    }
    insta::assert_snapshot!("make-80x24", foreseen);
    let mut scene = done();
    scene.state.recoveries.get_mut(&DONE).unwrap().relapse = Some("handouts is down again".to_owned());
    let mut model = at(&scene, "alice", Screen::Recovery(DONE));
    press(&mut model, &[Key::Char('t')]);
    let why = model.toast.clone().unwrap().text;
    assert!(why.contains("REC-1 proves nothing"), "{why}");
    let mut board = scene.seen_by("alice");
    press(&mut board, &[Key::Char('t')]);
    assert!(board.overlay.is_none());
}

#[test]
fn the_page_says_which_may_be_used_why_not_and_how_it_went() {
    let mut scene = suspended();
    let mut other = scene.state.templates["restart-handouts"].clone();
    (other.name, other.suspended) = ("restart-of-the-printers-on-ward-3-every-monday".to_owned(), None);
    scene.state.templates.insert(other.name.clone(), other.clone());
    (other.name, other.hash) = ("old-restart".to_owned(), "f".repeat(64));
    scene.state.templates.insert(other.name.clone(), other);
    for (width, height) in SIZES.into_iter().chain([PHONE]) {
        let mut model = scene.seen_by("alice");
        press(&mut model, &[Key::Char('V'), Key::Char('S')]);
        assert_eq!(*model.screen(), Screen::Templates, "from the queue");
        let shown = picture(&mut model, width, height);
        for wanted in ["✖ SUSPENDED", "the printers jam after it", "▲ NOT PROVED", "✓ usable", "not used yet"] {
            assert!(shown.contains(wanted), "{wanted}:\n{shown}");
        }
        insta::assert_snapshot!(format!("list-{width}x{height}"), shown);
    }
    let mut model = at(&scene, "alice", Screen::Templates);
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Recovery(DONE), "what proved it, as long as it was not used");
}

#[test]
fn one_is_suspended_with_a_reason_restored_by_what_proves_it_and_used() {
    let scene = agreed();
    let mut model = at(&scene, "alice", Screen::Templates);
    press(&mut model, &[Key::Char('r')]);
    assert!(model.toast.clone().unwrap().text.contains("restart-handouts may be used as it is"));
    press(&mut model, &[Key::Char('x')]);
    type_in(&mut model, "the printers jam after it");
    let sent = press(&mut model, &[Key::Enter, Key::Enter]);
    let (template, reason) = ("restart-handouts".to_owned(), "the printers jam after it".to_owned());
    assert_eq!(accepted(&model, &sent), Command::SuspendTemplate { template: template.clone(), reason });

    let mut model = at(&suspended(), "alice", Screen::Templates);
    press(&mut model, &[Key::Char('n')]);
    assert!(model.toast.clone().unwrap().text.contains("may not be used: the printers jam after it"));
    let sent = press(&mut model, &[Key::Char('r'), Key::Char('y')]);
    assert_eq!(accepted(&model, &sent), Command::MakeTemplate { name: template, proof: DONE });
    let mut lapsed = suspended();
    lapsed.state.recoveries.get_mut(&DONE).unwrap().relapse = Some("handouts is down again".to_owned());
    let mut model = at(&lapsed, "alice", Screen::Templates);
    press(&mut model, &[Key::Char('r')]);
    let why = model.toast.clone().unwrap().text;
    assert!(why.contains("REC-1 proves nothing") && why.contains("do it once as a normal change"), "{why}");

    let mut scene = agreed();
    let mut model = at(&scene, "erin", Screen::Templates);
    press(&mut model, &[Key::Char('n')]);
    type_in(&mut model, "weekly");
    press(&mut model, &[Key::Enter]);
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("agreed to beforehand") && shown.contains("▲ It is carried out at once"), "{shown}");
    let sent = press(&mut model, &[Key::Enter]);
    let used = accepted(&model, &sent);
    scene.give_as(by("erin"), used);
    let mut model = at(&scene, "erin", Screen::Templates);
    assert!(picture(&mut model, 110, 32).contains("1 use, the last CHG-2"));
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Change(ChangeId(2)), "how it went");
}

#[test]
fn who_may_only_look_is_told_so() {
    let mut model = at(&agreed(), "vic", Screen::Templates);
    for key in ['x', 'n'] {
        assert!(press(&mut model, &[Key::Char(key)]).is_empty());
        assert!(model.toast.clone().unwrap().text.contains("vic may look but not act"));
    }
}
