//! What has just come over a page is not answered by a key or a click that was meant for what was there before.

use std::mem::discriminant;

use chrono::TimeDelta;

use super::scene::{Scene, asked, picture, press};
use crate::{
    domain::Command,
    tui::{
        message::{Message, Request, Timed},
        model::{Model, Overlay, Screen, Target},
        term::input::{Input, Key},
        update::update,
    },
};

fn after(model: &mut Model, millis: i64, input: Input) -> Vec<Request> {
    let at = model.now + TimeDelta::milliseconds(millis);
    update(model, Timed { at, message: Message::Input(input) })
}

/// A question, a menu, a form, a field, the palette and the themes, each called by its key.
fn called() -> Vec<(&'static str, Model)> {
    let calls = [
        ("question", vec![Key::Char('2'), Key::Enter, Key::Char('z')]),
        ("menu", vec![Key::Char('m')]),
        ("form", vec![Key::Char('3'), Key::Enter, Key::Char('a')]),
        ("field", vec![Key::Char('e')]),
        ("palette", vec![Key::Char(':')]),
        ("themes", vec![Key::Ctrl('t')]),
    ];
    let called = calls.into_iter().map(|(name, keys)| {
        let mut model = Scene::outage().seen_by("alice");
        press(&mut model, &keys);
        (name, model)
    });
    called.filter(|(_, model)| model.overlay.is_some()).collect()
}

#[test]
fn a_key_of_the_first_moment_answers_nothing_and_a_later_one_does() {
    let all = called();
    let kinds: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    assert!(kinds.len() >= 5 && kinds.contains(&"menu") && kinds.contains(&"form"), "{kinds:?}");
    for (name, model) in all {
        let over = model.overlay.as_ref().map(discriminant);
        for key in [Key::Enter, Key::Char('1')] {
            let mut model = model.clone();
            if key != Key::Enter && name != "menu" {
                continue;
            }
            let requests = after(&mut model, 50, Input::Key(key));
            assert!(requests.is_empty(), "{key} at the {name}: {requests:?}");
            assert_eq!(model.overlay.as_ref().map(discriminant), over, "{key} at the {name} came too soon");
            assert!(model.toast.is_none(), "{key} at the {name}: {:?}", model.toast);
            let before = picture(&mut model, 110, 32);
            let requests = after(&mut model, 150, Input::Key(key));
            let is_heard = !requests.is_empty() || picture(&mut model, 110, 32) != before;
            assert!(is_heard, "{key} at the {name} is an answer by now");
        }
    }
}

#[test]
fn what_the_engine_asks_by_itself_is_not_answered_by_what_was_being_typed() {
    let mut model = Scene::outage().seen_by("alice");
    let command = Box::new(Command::ReleaseAutomation);
    let at = model.now;
    update(&mut model, Timed { at, message: Message::CodeNeeded(command, "a code".to_owned()) });
    assert!(matches!(model.overlay, Some(Overlay::Prompt { .. })));
    assert!(after(&mut model, 50, Input::Key(Key::Enter)).is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Prompt { .. })), "the question is still there");
}

#[test]
fn whoever_writes_in_a_field_has_seen_it_and_may_be_quick() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char(':')]);
    for letter in "journal".chars() {
        after(&mut model, 5, Input::Key(Key::Char(letter)));
    }
    after(&mut model, 5, Input::Key(Key::Enter));
    assert_eq!(*model.screen(), Screen::Journal);
}

#[test]
fn a_click_of_the_first_moment_chooses_nothing_either() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('m')]);
    let (place, _) = model.hits.iter().find(|(_, target)| *target == Target::Choice(0)).unwrap().clone();
    let (x, y) = (place.x + 1, place.y);
    assert!(after(&mut model, 40, Input::Press { x, y }).is_empty());
    assert!(after(&mut model, 40, Input::Release { x, y }).is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Menu { .. })));
    after(&mut model, 600, Input::Press { x, y });
    assert!(matches!(
        asked(&after(&mut model, 1, Input::Release { x, y })).as_slice(),
        [Command::SetAutomation { .. }]
    ));
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_from_answering() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('m')]);
    assert!(matches!(
        asked(&after(&mut model, -3_600_000, Input::Key(Key::Char('1')))).as_slice(),
        [Command::SetAutomation { .. }]
    ));
}
