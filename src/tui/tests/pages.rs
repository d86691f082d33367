//! Pictures of every page, at three sizes.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::scene::{Scene, picture, press};
use crate::{
    client::Update,
    domain::{Actor, Command, IncidentId, SnapshotId, Status},
    platform::Reading,
    tui::{
        message::{Message, Request, Timed},
        model::{Model, Screen},
        term::input::Key,
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
        ("diagnosis", Screen::Diagnosis(incident, None)),
        ("knowledge", Screen::Knowledge),
        ("reliability", Screen::Reliability),
        ("patterns", Screen::Patterns(None)),
        ("approvals", Screen::Approvals),
        ("change", Screen::Change(change)),
        ("templates", Screen::Templates),
        ("snapshots", Screen::Snapshots),
        ("recoveries", Screen::Recoveries),
        ("metrics", Screen::Metrics),
        ("map", Screen::Map),
        ("calendar", Screen::Calendar),
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
fn who_suffers_because_of_another_is_told_apart_from_who_is_to_blame() {
    let mut scene = Scene::outage();
    scene.judge("records-db", Status::Down, "tcp: refused");
    for (width, height) in [(80, 24), (160, 48)] {
        let mut model = scene.seen_by("alice");
        insta::assert_snapshot!(format!("board-affected-{width}x{height}"), picture(&mut model, width, height));
    }
    let mut model = scene.seen_by("alice");
    model.screens = vec![Screen::Board, Screen::Service("patient-api".to_owned())];
    let page = picture(&mut model, 80, 24);
    assert!(page.contains("↳ because of records-db, which it needs: ✖ DOWN"), "{page}");
}

#[test]
fn failures_that_do_not_count_yet_are_seen() {
    let mut scene = Scene::healthy();
    scene.sample("records-db", 70, Reading::Bad, 500);
    let mut model = scene.seen_by("alice");
    let board = picture(&mut model, 80, 24);
    assert!(board.contains("health 1 of 3: "), "{board}");
    model.screens = vec![Screen::Board, Screen::Service("records-db".to_owned())];
    let page = picture(&mut model, 80, 24);
    assert!(page.contains("1 of 3: "), "{page}");
}

/// The page in each of its hours: an update is awaited, it is overdue, the paper work is owed.
#[test]
fn an_incident_says_what_is_due_next() {
    let mut scene = Scene::outage();
    let incident = *scene.state.incidents.keys().next().unwrap();
    let shown = |scene: &Scene| {
        let mut model = scene.seen_by("alice");
        model.screens = vec![Screen::Board, Screen::Incident(incident)];
        picture(&mut model, 110, 32)
    };
    assert!(!shown(&scene).contains("those who wait"), "nobody has seen it");
    let alice = || Actor::Operator("alice".to_owned());
    scene.give_as(alice(), Command::AcknowledgeIncident { incident });
    scene.now += TimeDelta::minutes(5);
    assert!(shown(&scene).contains("to those who wait due in 10:00"), "{}", shown(&scene));
    scene.now += TimeDelta::minutes(12);
    assert!(shown(&scene).contains("OVERDUE by 2:00"), "{}", shown(&scene));
    let mut model = scene.seen_by("alice");
    model.screens = vec![Screen::Board, Screen::Incident(incident)];
    press(&mut model, &[Key::Char('w')]);
    let sent = press(&mut model, &[Key::Char('u'), Key::Char('p'), Key::Enter]);
    let told = sent.iter().any(|request| match request {
        Request::Submit(command) => {
            matches!(&**command, Command::UpdateStakeholders { message, .. } if message.text == "up")
        }
        _ => false,
    });
    assert!(told, "{sent:?}");
    let resolution = "rolled back".to_owned();
    scene.give_as(alice(), Command::ResolveIncident { incident, resolution });
    scene.now += TimeDelta::hours(2);
    assert!(shown(&scene).contains("post-mortem due in 22 h"), "{}", shown(&scene));
    scene.now += TimeDelta::hours(23);
    assert!(shown(&scene).contains("post-mortem OVERDUE by 1 h"), "{}", shown(&scene));
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

#[test]
fn names_of_a_busy_year_are_never_cut() {
    let mut scene = Scene::outage();
    let (old, mut incident) = scene.state.incidents.pop_last().unwrap();
    incident.id = IncidentId(10_000 + old.0);
    scene.state.incidents.insert(incident.id, incident);
    let (_, pattern) = scene.state.snapshots.pop_last().unwrap();
    for number in [99_001, 99_002] {
        let mut snapshot = pattern.clone();
        snapshot.id = SnapshotId(number);
        scene.state.snapshots.insert(snapshot.id, snapshot);
    }
    for (width, height) in SIZES {
        let mut model = scene.seen_by("alice");
        let board = picture(&mut model, width, height);
        assert!(board.contains("INC-10001 "), "{width}x{height}:\n{board}");
        model.learn_snapshots();
        model.show_component(pattern.components.first().cloned());
        model.screens.push(Screen::Snapshots);
        let page = picture(&mut model, width, height);
        assert!(page.contains("SNP-99001 ") && page.contains("SNP-99002 "), "{width}x{height}:\n{page}");
    }
}
