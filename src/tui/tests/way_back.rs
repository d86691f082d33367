//! What was just done is said with the key that takes it back, for as long as that key does so here.

use chrono::TimeDelta;

use super::{
    forms::accept,
    scene::{Scene, at, picture, press},
};
use crate::{
    domain::{ChangeId, Command},
    tui::{
        message::{Message, Timed},
        model::{Model, Screen},
        term::input::Key,
        update::update,
    },
};

const CHANGE: ChangeId = ChangeId(1);

/// What the line of news says.
fn news(model: &mut Model) -> String {
    picture(model, 110, 32).lines().rev().nth(1).unwrap().to_owned()
}

#[test]
fn a_no_to_a_change_can_be_taken_back_on_its_page_and_not_on_others() {
    let mut scene = Scene::outage();
    let mut model = at(&scene, "alice", Screen::Change(CHANGE));
    let reason = "not at this hour".to_owned();
    accept(&mut scene, &mut model, Command::RejectChange { change: CHANGE, reason });
    let said = news(&mut model);
    assert!(said.contains("CHG-1") && said.ends_with("· U takes it back"), "{said}");
    model.screens.push(Screen::Journal);
    assert!(!news(&mut model).contains("takes it back"), "U does nothing of the kind on the journal's page");
    model.screens.pop();
    let soon = model.now + TimeDelta::seconds(9);
    update(&mut model, Timed { at: soon, message: Message::Tick });
    assert!(news(&mut model).contains("takes it back"), "there is time to think better of it");
    let reason = "at this hour after all".to_owned();
    accept(&mut scene, &mut model, Command::RevokeApproval { change: CHANGE, reason });
    assert!(!news(&mut model).contains("takes it back"), "it was taken back");
}

#[test]
fn a_stop_of_policies_and_a_pin_are_taken_back_with_their_own_keys_and_a_note_with_none() {
    let mut scene = Scene::outage();
    let mut model = scene.seen_by("alice");
    accept(&mut scene, &mut model, Command::HaltAutomation { reason: "a storm".to_owned() });
    assert!(news(&mut model).ends_with("· h takes it back"), "{}", news(&mut model));
    model.screens.push(Screen::Snapshots);
    // The newest is still being taken.
    press(&mut model, &[Key::Down]);
    let snapshot = model.snapshot().unwrap();
    accept(&mut scene, &mut model, Command::PinSnapshot { snapshot, pinned: true });
    assert_eq!(model.snapshot(), Some(snapshot));
    assert!(news(&mut model).ends_with("· p takes it back"), "{}", news(&mut model));
    let incident = *scene.state.incidents.keys().next().unwrap();
    accept(&mut scene, &mut model, Command::NoteIncident { incident, text: "paper forms".to_owned() });
    assert!(!news(&mut model).contains("takes it back"), "what is on record stays there");
}

#[test]
fn a_long_message_gives_up_words_before_the_key() {
    let mut scene = Scene::outage();
    let mut model = at(&scene, "alice", Screen::Change(CHANGE));
    let reason = "words ".repeat(60);
    accept(&mut scene, &mut model, Command::RejectChange { change: CHANGE, reason });
    let shown = picture(&mut model, 60, 20);
    let line = shown.lines().rev().nth(1).unwrap();
    assert!(line.contains('…') && line.ends_with("· U takes it back"), "{shown}");
}
