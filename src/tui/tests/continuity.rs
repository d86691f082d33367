//! What people cannot do without: its clock on the board, and doing it by hand with keys.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{Scene, accepted, at, by, picture, press, type_in},
};
use crate::{
    domain::{Command, Status},
    tui::{
        model::{List, Screen},
        term::input::Key,
    },
};

const PLATFORM: &str = r#"
[platform]
name = "HoloVitals"
profile = "drill"
[[service]]
name = "patient-api"
functions = ["charts"]
[[service.check]]
tcp = "127.0.0.1:1"
[[service]]
name = "records-db"
functions = ["medication doses"]
[[service.check]]
tcp = "127.0.0.1:2"
[[function]]
name = "charts"
max_downtime = "2h"
fallback = ["Print the newest summary"]
[[function]]
name = "medication doses"
max_downtime = "30m"
owner = "the pharmacy"
contacts = ["Pharmacy lead, extension 4711"]
fallback = ["Open the downtime box of the ward", "Chart every dose on the blue sheet, with time and initials"]
[[operator]]
name = "alice"
roles = ["technical-lead"]
login = "ops"
[[operator]]
name = "erin"
roles = ["viewer"]
login = "ops"
"#;

const DOSES: &str = "medication doses";

/// The records have been down for 25 minutes: doses are at 83 % of their time.
fn interrupted() -> Scene {
    let mut scene = Scene::of(PLATFORM);
    scene.judge("patient-api", Status::Healthy, "ok");
    scene.judge("records-db", Status::Down, "refused");
    scene.give(Command::JudgeFunctions);
    scene.now += TimeDelta::minutes(25);
    scene
}

fn activate() -> Command {
    Command::ActivateFallback { function: DOSES.to_owned(), reason: "no charts on the wards".to_owned() }
}

#[test]
fn the_clock_with_the_least_time_left_stands_on_the_board_and_leads_to_its_page() {
    let mut scene = interrupted();
    let mut model = at(&scene, "alice", Screen::Board);
    let page = picture(&mut model, 80, 24);
    let line = page.lines().find(|line| line.contains(DOSES)).unwrap_or_else(|| panic!("{page}"));
    for wanted in ["✖ DOWN 83 %", "25:02 of 30 m", "NOT by hand yet", "(C)"] {
        assert!(line.contains(wanted), "{wanted}: {line}");
    }
    scene.now += TimeDelta::minutes(6);
    let page = picture(&mut at(&scene, "alice", Screen::Board), 80, 24);
    assert!(page.contains("✖ OVER 103 %"), "{page}");
    scene.judge("records-db", Status::Healthy, "ok");
    scene.give(Command::JudgeFunctions);
    let page = picture(&mut at(&scene, "alice", Screen::Board), 80, 24);
    assert!(!page.lines().any(|line| line.contains(DOSES) && line.contains("(C)")), "carried again: {page}");
}

#[test]
fn the_most_urgent_comes_first_and_pages_read_at_every_size() {
    let mut scene = interrupted();
    assert_eq!(*at(&scene, "alice", Screen::Continuity).rows(List::Functions), [DOSES, "charts"]);
    for (width, height) in SIZES {
        let mut model = at(&scene, "alice", Screen::Continuity);
        insta::assert_snapshot!(format!("functions-{width}x{height}"), picture(&mut model, width, height));
    }
    scene.give_as(by("alice"), activate());
    scene.give_as(by("alice"), Command::FinishFallbackStep { function: DOSES.to_owned(), step: 1 });
    for (width, height) in SIZES {
        let mut model = at(&scene, "alice", Screen::Function(DOSES.to_owned()));
        insta::assert_snapshot!(format!("function-{width}x{height}"), picture(&mut model, width, height));
    }
    let none = Scene::healthy();
    let page = picture(&mut at(&none, "alice", Screen::Continuity), 80, 24);
    assert!(page.contains("[[function]]"), "{page}");
}

#[test]
fn a_function_is_done_by_hand_ticked_off_and_ended_by_key() {
    let mut scene = interrupted();
    let mut model = at(&scene, "alice", Screen::Board);
    press(&mut model, &[Key::Char('C'), Key::Enter]);
    assert_eq!(*model.screen(), Screen::Function(DOSES.to_owned()));
    press(&mut model, &[Key::Char('a')]);
    type_in(&mut model, "no charts on the wards");
    assert!(press(&mut model, &[Key::Enter]).is_empty(), "first what it leads to");
    let page = picture(&mut model, 110, 32);
    assert!(page.contains("Call Pharmacy lead, extension 4711") && page.contains("Its clock goes on"), "{page}");
    let requests = press(&mut model, &[Key::Enter]);
    assert_eq!(accepted(&model, &requests), activate());
    scene.give_as(by("alice"), activate());

    let mut model = at(&scene, "alice", Screen::Function(DOSES.to_owned()));
    let requests = press(&mut model, &[Key::Down, Key::Char(' ')]);
    let second = Command::FinishFallbackStep { function: DOSES.to_owned(), step: 2 };
    assert_eq!(accepted(&model, &requests), second);
    scene.give_as(by("alice"), second);
    let mut model = at(&scene, "alice", Screen::Continuity);
    press(&mut model, &[Key::Enter]);
    assert_eq!(model.next_hand_step(), Some(1), "the first that is not done");
    assert!(press(&mut model, &[Key::Down, Key::Char(' ')]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("done"), "{:?}", model.toast);

    press(&mut model, &[Key::Char('x')]);
    type_in(&mut model, "40 doses, the pharmacy enters them");
    press(&mut model, &[Key::Enter]);
    assert!(picture(&mut model, 110, 32).contains("still interrupted"));
    let requests = press(&mut model, &[Key::Enter]);
    assert!(matches!(accepted(&model, &requests), Command::EndFallback { .. }));
}

#[test]
fn who_may_only_look_is_told_so() {
    let scene = interrupted();
    let mut model = at(&scene, "erin", Screen::Function(DOSES.to_owned()));
    assert!(press(&mut model, &[Key::Char('a')]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("may look but not act"), "{:?}", model.toast);
}
