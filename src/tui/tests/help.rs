//! Help for the page where it is asked for, and the tour of who is here for the first time.

use super::scene::{Scene, at, click, picture, press};
use crate::{
    domain::IncidentId,
    tui::{
        help::{CARDS, FirstTime},
        message::{Message, Request, Timed},
        model::{Model, Overlay, Pane, Screen, Target},
        term::input::Key,
        update::update,
    },
};

fn help(model: &mut Model) -> String {
    press(model, &[Key::Char('?')]);
    assert_eq!(*model.screen(), Screen::Help);
    picture(model, 110, 60)
}

#[test]
fn help_begins_with_what_can_be_done_here_and_says_why_the_rest_cannot() {
    let mut model = at(&Scene::outage(), "erin", Screen::Incident(IncidentId(1)));
    let shown = help(&mut model);
    let place = |words: &str| shown.find(words).unwrap_or_else(|| panic!("{words:?} is missing:\n{shown}"));
    let (now, not_now, elsewhere) = (place("Here, now"), place("Here, but not now"), place("│ Incidents "));
    assert!(now < not_now && not_now < elsewhere, "{shown}");
    let here = &shown[now..not_now];
    for wanted in ["Acknowledge", "Escalate", "Note"] {
        assert!(here.contains(wanted), "{wanted}: {here}");
    }
    let grey = &shown[not_now..elsewhere];
    let close = grey.lines().find(|line| line.contains("Close")).expect("it is not over");
    assert!(close.contains("— ") && close.contains("INC-1"), "it says why: {close}");
    press(&mut model, &[Key::Char('?'), Key::Esc]);
    assert_eq!(*model.screen(), Screen::Incident(IncidentId(1)), "asked twice, left once");
}

fn first_time(scene: &Scene) -> Model {
    let mut model = scene.seen_by("alice");
    model.first_time = FirstTime::Yes;
    tick(&mut model);
    model
}

fn tick(model: &mut Model) {
    let at = model.now;
    update(model, Timed { at, message: Message::Tick });
}

#[test]
fn the_tour_is_shown_once_by_keys_or_mouse_and_again_when_asked_for() {
    let mut model = first_time(&Scene::healthy());
    for (place, card) in CARDS.iter().enumerate() {
        let shown = picture(&mut model, 80, 24);
        assert!(shown.contains(card.title) && shown.contains(&format!("{} of {}", place + 1, CARDS.len())), "{shown}");
        assert!(shown.contains("1 Services"), "the board is seen beside it: {shown}");
        let requests = press(&mut model, &[Key::Enter]);
        assert_eq!(requests.contains(&Request::Toured), place + 1 == CARDS.len());
    }
    tick(&mut model);
    assert!(model.overlay.is_none(), "once");
    press(&mut model, &[Key::Char(':')]);
    super::scene::type_in(&mut model, "tour");
    press(&mut model, &[Key::Enter]);
    assert!(matches!(model.overlay, Some(Overlay::Tour(0))));
    click(&mut model, &Target::Go);
    assert!(matches!(model.overlay, Some(Overlay::Tour(1))));
    assert!(click(&mut model, &Target::Cancel).is_empty(), "that it was shown is known");
    assert!(model.overlay.is_none());
}

#[test]
fn who_knows_what_to_do_is_not_kept_from_it() {
    let mut model = first_time(&Scene::healthy());
    assert_eq!(press(&mut model, &[Key::Char('2')]), [Request::Toured]);
    assert_eq!((model.focus, model.overlay.is_none()), (Pane::Incidents, true));
    let mut model = first_time(&Scene::healthy());
    let requests = click(&mut model, &Target::Action("help"));
    assert_eq!(*model.screen(), Screen::Help);
    assert!(requests.contains(&Request::Toured));
}

#[test]
fn the_tour_never_lies_over_an_emergency() {
    let mut model = first_time(&Scene::outage());
    assert!(model.overlay.is_none());
    let calm = first_time(&Scene::healthy());
    model = Model { state: Scene::outage().state, ..calm };
    tick(&mut model);
    assert!(model.overlay.is_none(), "it goes when an emergency comes");
    model.state = Scene::healthy().state;
    tick(&mut model);
    assert!(matches!(model.overlay, Some(Overlay::Tour(0))), "and comes when that is over");
}
