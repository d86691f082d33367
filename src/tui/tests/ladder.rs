//! How far a key goes: every action of the table against the danger it is declared with, a read-only board, news that is too old,
//! and the hand on the mouse.

use chrono::TimeDelta;

use super::{
    pages::pages,
    scene::{Scene, asked, click, picture, press},
};
use crate::{
    domain::{Command, State},
    platform::Reading,
    tui::{
        action::{Danger, Keymap, all, named, perform},
        guard::{Access, is_act},
        message::{Message, Request, Timed},
        model::{Confirm, Model, Overlay, Pane, Screen, Target},
        term::input::{Input, Key},
        update::update,
    },
};

/// A board in an outage, on every page and with every pane in the focus, as two people see it.
fn everywhere() -> Vec<(String, Model)> {
    let mut found = Vec::new();
    for who in ["alice", "erin"] {
        let model = Scene::outage().seen_by(who);
        for pane in Pane::ALL {
            found.push((format!("{who} on {pane:?}"), Model { focus: pane, ..model.clone() }));
        }
        for (name, screen) in pages(&model) {
            found.push((format!("{who} on {name}"), Model { screens: vec![Screen::Board, screen], ..model.clone() }));
        }
        let mut planned = model.clone();
        press(&mut planned, &[Key::Char('r')]);
        assert_eq!(*planned.screen(), Screen::Plan);
        found.push((format!("{who} on the plan"), planned));
        let halted = Model { state: State { halted: Some("a storm".to_owned()), ..model.state.clone() }, ..model };
        found.push((format!("{who} with policies halted"), halted));
    }
    found
}

fn acts(requests: &[Request]) -> bool {
    requests.iter().any(is_act)
}

fn key_after(model: &mut Model, key: Key, millis: i64) -> Vec<Request> {
    let at = model.now + TimeDelta::milliseconds(millis);
    update(model, Timed { at, message: Message::Input(Input::Key(key)) })
}

#[test]
fn every_action_is_as_dangerous_as_it_says() {
    let mut tried = std::collections::BTreeSet::new();
    for (place, model) in everywhere() {
        for action in all().filter(|action| action.why_not(&model).is_none()) {
            let mut model = model.clone();
            let name = action.name;
            tried.insert(name);
            let requests = perform(&mut model, action);
            match action.danger {
                Danger::View => {
                    assert!(!acts(&requests), "{name} of {place} only shows: {requests:?}");
                    // Enter opens what is selected; on a plan that is the question whether to go on.
                    let asks = matches!(model.overlay, Some(Overlay::Confirm(_)));
                    assert!(!asks || name == "open", "{name} of {place} has nothing to ask");
                }
                Danger::Reversible => {
                    let dangerous = asked(&requests).into_iter().find(Command::is_dangerous);
                    assert_eq!(dangerous, None, "{name} of {place} is more than reversible");
                }
                Danger::Guarded | Danger::Critical => {
                    assert!(!acts(&requests), "{name} of {place} asks first: {requests:?}");
                    if let Some(Overlay::Confirm(confirm)) = &model.overlay {
                        assert!(!confirm.go, "{name} of {place}: Enter leaves it");
                        assert!(!confirm.lines.is_empty(), "{name} of {place} says what it means");
                        for key in [Key::Enter, Key::Char('y')] {
                            let requests = key_after(&mut model.clone(), key, 20);
                            assert!(!acts(&requests), "{name} of {place}: {key} came too soon to be meant");
                        }
                    }
                }
            }
            if action.danger == Danger::Critical {
                let requests = press(&mut model, &[Key::Enter, Key::Enter, Key::Char('y'), Key::Enter, Key::Enter]);
                assert!(!acts(&requests), "{name} of {place} wants something typed: {requests:?}");
            }
        }
    }
    for name in
        ["roll-back", "go-on", "approve", "acknowledge", "diagnose", "resolve", "declare", "halt", "mode", "inject"]
    {
        assert!(tried.contains(name), "{name} was never tried, so nothing is proved");
    }
}

#[test]
fn a_read_only_board_shows_everything_and_sends_nothing() {
    let keymap = Keymap::default();
    let keys: Vec<Key> = all().flat_map(|action| keymap.keys(action)).copied().collect();
    for (place, mut model) in everywhere() {
        model.access = Access::ReadOnly;
        let header = picture(&mut model, 80, 24).lines().next().unwrap().to_owned();
        assert!(header.contains(" RO"), "{place}: {header}");
        for key in keys.iter().copied().chain(('1'..='9').map(Key::Char)) {
            let mut model = model.clone();
            let keys = [key, Key::Enter, Key::Char('y'), Key::Enter];
            let requests: Vec<Request> = keys.into_iter().flat_map(|key| key_after(&mut model, key, 200)).collect();
            assert!(!acts(&requests), "{key} of {place}: {requests:?}");
            assert!(asked(&requests).is_empty(), "{key} of {place}: {requests:?}");
        }
        // What dialogs ask for is held back too, however it came about.
        model.overlay = Some(Overlay::Menu {
            title: "Act as".to_owned(),
            choices: vec![("fault".to_owned(), vec![Request::Inject("kill".to_owned())])],
            selected: 0,
        });
        assert!(press(&mut model, &[Key::Enter]).is_empty(), "{place}");
        let told = model.toast.as_ref().map(|toast| toast.text.clone()).unwrap_or_default();
        assert!(told.contains("read-only") && told.contains("without --read-only"), "{place}: {told}");
    }
}

#[test]
fn what_rests_on_old_news_says_how_old_and_what_to_do() {
    let mut model = Scene::outage().seen_by("alice");
    let roll_back = named("roll-back").unwrap();
    assert_eq!(roll_back.why_not(&model), None);
    model.now += TimeDelta::seconds(94);
    let why = roll_back.why_not(&model).expect("what is known is 94 s old");
    assert!(why.starts_with("health of patient-api is ") && why.contains("codeblue doctor"), "{why}");
    assert!(press(&mut model, &[Key::Char('r')]).is_empty());
    assert_eq!(*model.screen(), Screen::Board);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("Roll back: health of patient-api"), "{shown}");
    for name in ["acknowledge", "note", "escalate"] {
        assert_eq!(named(name).unwrap().why_not(&model), None, "{name} rests on nothing old");
    }
    let mut scene = Scene::outage();
    scene.now += TimeDelta::seconds(94);
    scene.sample("patient-api", 180, Reading::Bad, 3);
    assert_eq!(roll_back.why_not(&scene.seen_by("alice")), None, "it was heard from again");
}

#[test]
fn drill_and_read_only_are_said_on_every_page() {
    for (place, mut model) in everywhere() {
        for incident in model.state.incidents.values_mut() {
            incident.title = "a very long title of an incident that nobody could ever write in one line".to_owned();
        }
        model.access = Access::ReadOnly;
        for (width, height) in [(80, 24), (110, 32), (160, 48), (38, 9)] {
            let shown = picture(&mut model, width, height);
            let first = shown.lines().next().unwrap();
            assert!(first.contains("DRILL") && first.contains("RO"), "{place} at {width}: {first}");
        }
    }
}

fn mouse(model: &mut Model, input: Input, after: i64) -> Vec<Request> {
    let at = model.now + TimeDelta::milliseconds(after);
    update(model, Timed { at, message: Message::Input(input) })
}

/// A board that asks something, after a hand was on the mouse there.
fn asking(mut model: Model, hand: Option<(u16, u16)>) -> Model {
    if let Some((x, y)) = hand {
        mouse(&mut model, Input::Press { x, y }, 1);
    }
    let requests = vec![Request::Heal];
    model.overlay = Some(Overlay::Confirm(Confirm {
        title: "Really?".to_owned(),
        lines: (0..6).map(|line| format!("what it means, {line}")).collect(),
        verb: "Go on".to_owned(),
        name: None,
        typed: String::new(),
        go: false,
        requests,
    }));
    model
}

#[test]
fn a_question_opens_where_the_hand_is_not() {
    let calm = Scene::healthy().seen_by("alice");
    for y in 0..24 {
        for x in (0..80).step_by(3) {
            let mut model = asking(calm.clone(), Some((x, y)));
            picture(&mut model, 80, 24);
            assert_ne!(model.hits.at(x, y), Some(&Target::Go), "a second click at {x} {y} would go on");
            assert!(model.hits.iter().any(|(_, target)| *target == Target::Go), "it can be answered: {x} {y}");
        }
    }
}

#[test]
fn only_what_is_pressed_and_let_go_in_one_place_is_a_click() {
    let mut model = asking(Scene::healthy().seen_by("alice"), None);
    picture(&mut model, 110, 32);
    let place = |model: &Model, wanted: Target| {
        model.hits.iter().find(|(_, target)| *target == wanted).map(|(area, _)| (area.x + 1, area.y)).unwrap()
    };
    let (go, cancel) = (place(&model, Target::Go), place(&model, Target::Cancel));
    assert!(mouse(&mut model, Input::Press { x: go.0, y: go.1 }, 300).is_empty(), "a press alone is nothing");
    assert!(mouse(&mut model, Input::Release { x: cancel.0, y: cancel.1 }, 300).is_empty());
    assert!(model.overlay.is_some(), "nor is it to let go of something else");
    mouse(&mut model, Input::Press { x: 0, y: 0 }, 300);
    assert!(mouse(&mut model, Input::Release { x: go.0, y: go.1 }, 300).is_empty(), "nor to slip onto it");
    assert_eq!(click(&mut model, &Target::Go), [Request::Heal]);
}
