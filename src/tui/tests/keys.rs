//! Keys and clicks that end in what they ask for.

use chrono::TimeDelta;

use super::{
    pages::pages,
    scene::{Scene, click, is_approval, picture, press},
};
use crate::{
    client::Update,
    domain::{ChangeId, Event, IncidentId, IncidentState, State, Status, Vitals},
    tui::{
        Fault,
        action::{Danger, Keymap, LEFT_BEHIND, all},
        message::{Message, Request, Timed},
        model::{Link, List, Model, Overlay, Pane, Screen, Target},
        term::input::{Input, Key},
        update::update,
    },
};

#[test]
fn an_approval_by_key_looks_first_then_asks_then_binds_to_the_plan_shown() {
    let mut model = Scene::outage().seen_by("alice");
    let hash = model.state.changes[&ChangeId(1)].plan_hash.clone();
    let opened = press(&mut model, &[Key::Char('3'), Key::Char('a')]);
    assert_eq!(opened, [Request::ChangeDryRun(ChangeId(1))]);
    assert_eq!(*model.screen(), Screen::Change(ChangeId(1)));
    assert!(press(&mut model, &[Key::Char('a')]).is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Form(_))));
    assert!(press(&mut model, &[Key::Enter]).is_empty(), "first what it leads to");
    let foreseen = picture(&mut model, 110, 32);
    assert!(foreseen.contains(&format!("exactly plan {}, round 1", &hash[..12])), "{foreseen}");
    // Esc leaves it, twice: what it leads to, then the form.
    assert!(press(&mut model, &[Key::Esc, Key::Esc]).is_empty());
    assert!(model.overlay.is_none());
    let approved = press(&mut model, &[Key::Char('a'), Key::Enter, Key::Enter]);
    assert!(is_approval(&approved, &hash), "{approved:?}");
}

#[test]
fn an_approval_by_mouse_asks_too_and_a_double_click_does_not_pass() {
    let mut model = Scene::outage().seen_by("alice");
    let hash = model.state.changes[&ChangeId(1)].plan_hash.clone();
    click(&mut model, &Target::Action("approve"));
    assert_eq!(*model.screen(), Screen::Change(ChangeId(1)));
    assert!(click(&mut model, &Target::Action("approve")).is_empty());
    assert!(click(&mut model, &Target::Go).is_empty(), "first what it leads to");
    picture(&mut model, 110, 32);
    let (area, _) = model.hits.iter().find(|(_, target)| *target == Target::Go).unwrap().clone();
    let (x, y) = (area.x + 1, area.y);
    let at = model.now + TimeDelta::milliseconds(50);
    for input in [Input::Press { x, y }, Input::Release { x, y }] {
        let twice = update(&mut model, Timed { at, message: Message::Input(input) });
        assert!(twice.is_empty(), "the second click of a double click is not a yes");
    }
    let approved = click(&mut model, &Target::Go);
    assert!(is_approval(&approved, &hash), "{approved:?}");
}

#[test]
fn who_may_not_approve_is_told_why() {
    let mut model = Scene::outage().seen_by("erin");
    press(&mut model, &[Key::Char('3'), Key::Enter]);
    assert!(press(&mut model, &[Key::Char('a')]).is_empty());
    assert!(model.overlay.is_none());
    let said = model.toast.clone().unwrap().text;
    assert!(said.contains("technical lead"), "{said}");
}

#[test]
fn a_rollback_shows_what_would_change_and_wants_the_name() {
    let mut model = Scene::outage().seen_by("alice");
    let asked = press(&mut model, &[Key::Char('1'), Key::Char('r')]);
    let [Request::DryRun(_, command)] = asked.as_slice() else { panic!("{asked:?}") };
    let dry_run = crate::engine::DryRun {
        plan: (*model.state.changes[&ChangeId(1)].plan).clone(),
        plan_hash: model.state.changes[&ChangeId(1)].plan_hash.clone(),
        impact: model.state.changes[&ChangeId(1)].impact.clone(),
        risk: model.state.changes[&ChangeId(1)].risk.clone(),
        required: vec![crate::platform::Role::TechnicalLead],
        break_glass: None,
        estimate_seconds: 16,
        components: Vec::new(),
    };
    let at = model.now + TimeDelta::seconds(1);
    let waiting = picture(&mut model, 110, 32);
    assert!(waiting.contains("finding out what would change"), "{waiting}");
    update(&mut model, Timed { at, message: Message::DryRun(command.clone(), Ok(dry_run)) });
    assert!(picture(&mut model, 110, 32).contains("nothing is changed before they agree"));
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("Type patient-api-code to go on"), "{shown}");
    assert!(press(&mut model, &[Key::Enter]).is_empty(), "not without the name");
    let name: Vec<Key> = "patient-api-code".chars().map(Key::Char).collect();
    press(&mut model, &name);
    let done = press(&mut model, &[Key::Enter]);
    assert!(matches!(done.as_slice(), [Request::Submit(_)]), "{done:?}");
}

#[test]
fn keys_of_the_first_moment_do_not_answer_a_question() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('3'), Key::Enter, Key::Char('a'), Key::Enter]);
    let at = model.now + TimeDelta::milliseconds(50);
    let early = update(&mut model, Timed { at, message: Message::Input(Input::Key(Key::Enter)) });
    assert!(early.is_empty());
    assert!(matches!(model.overlay, Some(Overlay::Form(_))));
}

#[test]
fn events_move_the_copy_of_the_state_as_they_move_the_original() {
    let scene = Scene::outage();
    let mut model = Model::new(scene.now, Vec::new());
    let empty = Update::Live(Box::new((State::default(), Vitals::default())));
    update(&mut model, Timed { at: scene.now, message: Message::Update(empty) });
    for recorded in &scene.recent {
        let message = Message::Update(Update::Event(Box::new(recorded.clone())));
        update(&mut model, Timed { at: scene.now, message });
    }
    assert_eq!(model.state, scene.state);
    assert_eq!(model.link, Link::Live);
    assert!(scene.recent.iter().any(|recorded| matches!(recorded.event, Event::ChangeSubmitted { .. })));
}

#[test]
fn no_dangerous_action_is_on_a_key_that_a_torn_escape_leaves_behind() {
    for action in all().filter(|action| action.danger > Danger::View) {
        for key in Keymap::default().keys(action) {
            assert!(!matches!(key, Key::Char(c) if LEFT_BEHIND.contains(*c)), "{} on {key}", action.name);
        }
    }
}

#[test]
fn names_are_unique_and_no_key_could_do_two_dangerous_things_on_one_page() {
    let mut names: Vec<&str> = all().map(|action| action.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all().count());
    let keymap = Keymap::default();
    let mut model = Scene::outage().seen_by("alice");
    for (page, screen) in pages(&model) {
        model.screens = vec![Screen::Board, screen];
        for pane in Pane::ALL {
            model.focus = pane;
            for key in all().flat_map(|action| keymap.keys(action)) {
                let able = all().filter(|action| keymap.leads(*key, action) && (action.disabled)(&model).is_none());
                let dangerous: Vec<&str> =
                    able.filter(|action| action.danger > Danger::View).map(|action| action.name).collect();
                // Which of the two it is, the pane with the focus says, and an approval asks first.
                let known = dangerous == ["acknowledge", "approve"];
                assert!(dangerous.len() <= 1 || known, "{key} on {page}: {dangerous:?}");
            }
        }
    }
}

#[test]
fn rows_do_not_jump_while_the_cursor_is_among_them() {
    let scene = Scene::healthy();
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Down]);
    let before = model.rows(List::Pane(Pane::Services));
    model.state.services.get_mut("handouts-with-a-very-long-name-that-does-not-fit").unwrap().status = Status::Down;
    assert_eq!(model.rows(List::Pane(Pane::Services)), before);
    press(&mut model, &[Key::Tab]);
    assert_ne!(model.rows(List::Pane(Pane::Services)), before, "sorted in when the cursor has left");
    assert_eq!(model.state.incident(IncidentId(1)).map(|_| ()).unwrap_err().rule, "unknown-incident");
}

#[test]
fn who_turns_to_the_incidents_turns_to_what_is_open() {
    let mut model = Scene::outage().seen_by("alice");
    let mut second = model.state.incidents[&IncidentId(1)].clone();
    second.id = IncidentId(2);
    model.state.incidents.insert(second.id, second);
    let incidents = List::Pane(Pane::Incidents);
    press(&mut model, &[Key::Char('2')]);
    model.select(incidents, 0);
    assert_eq!(model.selected(incidents).as_deref(), Some("INC-2"));
    model.state.incidents.get_mut(&IncidentId(2)).unwrap().state = IncidentState::Closed;
    assert_eq!(model.selected(incidents).as_deref(), Some("INC-2"), "it does not jump");
    press(&mut model, &[Key::Char('2')]);
    assert_eq!(model.selected(incidents).as_deref(), Some("INC-1"));
}

#[test]
fn every_key_that_does_something_stands_on_the_page_for_users() {
    let page = include_str!("../../../docs/board.md");
    let keymap = Keymap::default();
    let missing: Vec<String> = all()
        .filter(|action| !keymap.keys(action).is_empty() && !page.contains(&format!("`{}`", keymap.key(action))))
        .map(|action| format!("{} {}", keymap.key(action), action.name))
        .collect();
    assert!(missing.is_empty(), "docs/board.md lacks {missing:?}");
}

#[test]
fn a_long_menu_of_faults_shows_what_is_chosen_on_a_small_screen() {
    let mut model = Scene::healthy().seen_by("alice");
    model.faults = (1..=40)
        .map(|number| Fault { name: format!("a-fault-with-a-long-name-{number}"), about: "auth: breaks it".to_owned() })
        .collect();
    press(&mut model, &[Key::Char('f'), Key::PageDown, Key::PageDown, Key::Down]);
    let shown = picture(&mut model, 80, 24);
    let line =
        shown.lines().find(|line| line.contains("a-fault-with-a-long-name-22 ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(line.contains("auth: breaks it"), "{line}");
    assert_eq!(press(&mut model, &[Key::Enter]), [Request::Inject("a-fault-with-a-long-name-22".to_owned())]);
    press(&mut model, &[Key::Char('f'), Key::End]);
    assert_eq!(press(&mut model, &[Key::Enter]), [Request::Heal]);
}
