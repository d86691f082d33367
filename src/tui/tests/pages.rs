//! Pictures of every page, at three sizes.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::scene::{Scene, picture};
use crate::{
    client::Update,
    tui::{
        message::{Message, Timed},
        model::{Model, Screen},
        update::update,
    },
};

pub const SIZES: [(u16, u16); 3] = [(80, 24), (110, 32), (160, 48)];

pub fn pages(model: &Model) -> Vec<(&'static str, Screen)> {
    let incident = *model.state.incidents.keys().next().unwrap();
    let change = *model.state.changes.keys().next().unwrap();
    vec![
        ("board", Screen::Board),
        ("service", Screen::Service("patient-api".to_owned())),
        ("incident", Screen::Incident(incident)),
        ("change", Screen::Change(change)),
        ("snapshots", Screen::Snapshots),
        ("recoveries", Screen::Recoveries),
        ("journal", Screen::Journal),
        ("help", Screen::Help),
    ]
}

#[test]
fn every_page_in_an_outage() {
    let scene = Scene::outage();
    for (width, height) in SIZES {
        let mut model = scene.seen_by("alice");
        for (name, screen) in pages(&model) {
            model.screens = vec![Screen::Board, screen];
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), picture(&mut model, width, height));
        }
    }
}

#[test]
fn the_board_when_all_is_well_and_when_the_engine_is_gone() {
    let mut model = Scene::healthy().seen_by("alice");
    insta::assert_snapshot!("board-healthy-80x24", picture(&mut model, 80, 24));
    let lost = Update::Lost("the engine has closed the connection".to_owned());
    let at = model.now;
    update(&mut model, Timed { at, message: Message::Update(lost) });
    update(&mut model, Timed { at: at + TimeDelta::seconds(90), message: Message::Tick });
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("LINK LOST"), "{shown}");
    assert!(!shown.contains("● OK"), "what is not heard from is never shown healthy:\n{shown}");
    insta::assert_snapshot!("board-lost-80x24", shown);
}

#[test]
fn no_size_and_no_page_breaks_the_drawing() {
    let scene = Scene::outage();
    let mut model = scene.seen_by("alice");
    for (_, screen) in pages(&model) {
        model.screens = vec![Screen::Board, screen];
        for width in (0..200).step_by(13) {
            for height in (0..60).step_by(7) {
                picture(&mut model, width, height);
                let all = Rect { x: 0, y: 0, width, height };
                assert!(model.hits.iter().all(|(area, _)| all.intersection(*area) == *area), "{width}x{height}");
            }
        }
    }
}
