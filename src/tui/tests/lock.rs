//! A board that nobody is at, and a command that wants a code.

use chrono::{TimeDelta, Utc};

use super::scene::{Scene, is_approval, picture, press};
use crate::{
    domain::{Actor, ChangeId, Command, Event, Recorded, SecondFactor},
    engine::Answer,
    platform::Platform,
    tui::{
        message::{Message, Request, Timed},
        model::{Model, Overlay, Screen},
        term::input::Key,
        update::update,
    },
};

/// A board over an outage that locks after a minute.
fn board(factor: bool) -> Model {
    let mut model = Scene::outage().seen_by("alice");
    let mut platform = Platform::clone(&model.state.platform);
    platform.access.lock_after = Some(std::time::Duration::from_secs(60));
    model.state.platform = platform.into();
    if factor && let Some(alice) = model.state.operators.get_mut("alice") {
        alice.second_factor = Some(SecondFactor { since: model.now, last_step: 0 });
    }
    model
}

fn wait(model: &mut Model, seconds: i64) -> Vec<Request> {
    let at = model.now + TimeDelta::seconds(seconds);
    update(model, Timed { at, message: Message::Tick })
}

fn typed(model: &mut Model, text: &str) -> Vec<Request> {
    let keys: Vec<Key> = text.chars().map(Key::Char).chain([Key::Enter]).collect();
    press(model, &keys)
}

fn accepted(model: &mut Model, event: Event) {
    let (at, actor) = (Utc::now(), Actor::Operator("alice".to_owned()));
    let recorded = Recorded { seq: 1, at, actor, cause: None, event, hash: String::new() };
    let message = Message::Accepted(Answer { seq: 1, events: vec![recorded], removed: Default::default() });
    update(model, Timed { at: model.now, message });
}

fn approve(model: &mut Model) -> Vec<Request> {
    press(model, &[Key::Char('3'), Key::Char('a'), Key::Char('a'), Key::Enter, Key::Enter])
}

#[test]
fn a_board_that_nobody_is_at_shows_and_looks_and_acts_only_for_who_has_come_back() {
    let mut model = board(true);
    assert!(wait(&mut model, 59).is_empty());
    press(&mut model, &[Key::Down]);
    assert!(wait(&mut model, 59).is_empty(), "somebody was there");
    assert_eq!(wait(&mut model, 2), [Request::Submit(Box::new(Command::LockSession))]);
    assert!(wait(&mut model, 60).is_empty(), "once");
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("LOCKED") && shown.contains("patient-api"), "{shown}");

    let hash = model.state.changes[&ChangeId(1)].plan_hash.clone();
    let held = approve(&mut model);
    assert!(!is_approval(&held, &hash), "{held:?}");
    assert_eq!(*model.screen(), Screen::Change(ChangeId(1)), "one may look");
    let unlock = typed(&mut model, "123 456");
    match unlock.as_slice() {
        [Request::SubmitWithCode(command, code)] => {
            assert_eq!((&**command, code.expose()), (&Command::UnlockSession, "123456"));
        }
        other => panic!("{other:?}"),
    }
    assert!(model.locked, "typing alone opens nothing");
    accepted(&mut model, Event::SessionUnlocked { operator: "erin".to_owned() });
    assert!(model.locked, "nor does another's return");
    accepted(&mut model, Event::SessionUnlocked { operator: "alice".to_owned() });
    assert!(!model.locked);
    let approved = press(&mut model, &[Key::Char('a'), Key::Enter, Key::Enter]);
    assert!(is_approval(&approved, &hash), "{approved:?}");
}

#[test]
fn without_a_second_factor_ones_name_is_typed() {
    let mut model = board(false);
    wait(&mut model, 61);
    approve(&mut model);
    assert!(typed(&mut model, "erin").is_empty());
    approve(&mut model);
    assert_eq!(typed(&mut model, "alice"), [Request::Submit(Box::new(Command::UnlockSession))]);
}

#[test]
fn a_command_that_needs_a_code_is_given_again_with_it() {
    let mut model = board(true);
    let command = Command::ReleaseAutomation;
    let needed = |model: &mut Model| {
        let message = Message::CodeNeeded(Box::new(Command::ReleaseAutomation), "this needs a code".to_owned());
        update(model, Timed { at: model.now, message });
        assert!(matches!(model.overlay, Some(Overlay::Prompt { .. })));
    };
    needed(&mut model);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("this needs a code"), "{shown}");
    let again = typed(&mut model, "654321");
    assert!(matches!(again.as_slice(), [Request::SubmitWithCode(same, code)]
        if **same == command && code.expose() == "654321"));
    needed(&mut model);
    assert!(typed(&mut model, "no!").is_empty());
    let later = typed(&mut model, "6");
    assert!(!later.iter().any(|request| matches!(request, Request::SubmitWithCode(..))), "it waits no more");
    needed(&mut model);
    assert!(press(&mut model, &[Key::Esc]).is_empty());
}
