//! What is narrowed, copied, read and written elsewhere; what is left when the board is; and that keys and clicks reach the same.

use chrono::TimeDelta;

use super::{
    pages::pages,
    scene::{Scene, asked, at, by, picture, press, type_in},
};
use crate::{
    client::Update,
    domain::{ChangeId, Command, Event, IncidentId, Recorded, Severity, Status},
    tui::{
        action::{all, hints, named},
        attention::title,
        copy::{copies, twin},
        farewell::farewell,
        filter::Filter,
        message::{Message, Request, Returned, Timed},
        model::{List, Model, Mouse, Overlay, Pane, Screen, Target},
        term::input::Key,
        update::update,
        view::plain,
    },
};

fn told(model: &mut Model, message: Message) -> Vec<Request> {
    let at = model.now;
    update(model, Timed { at, message })
}

#[test]
fn a_filter_narrows_the_lists_that_have_its_fields_and_each_says_so() {
    let mut scene = Scene::outage();
    let services = vec!["records-db".to_owned()];
    scene.give_as(
        by("alice"),
        Command::DeclareIncident { severity: Severity::Sev3, title: "slow charts".to_owned(), services },
    );
    let mut model = scene.seen_by("alice");
    let incidents = List::Pane(Pane::Incidents);
    for (typed, expected) in [
        ("sev:3", &["INC-2"][..]),
        ("-sev:3", &["INC-1"]),
        ("sev:1,3", &["INC-1", "INC-2"]),
        ("service:records", &["INC-2"]),
        ("is:mine", &["INC-2"]),
        ("is:new -service:records", &["INC-1"]),
        ("charts slow", &["INC-2"]),
        ("\"charts slow\"", &[]),
        ("is:over", &[]),
    ] {
        model.filter = Filter::parse(typed);
        assert_eq!(*model.rows(incidents), *expected, "{typed}");
    }
    model.filter = Filter::default();
    let snapshots = model.rows(List::Pane(Pane::Snapshots));
    press(&mut model, &[Key::Char('/')]);
    type_in(&mut model, "sev:3");
    press(&mut model, &[Key::Enter]);
    let board = picture(&mut model, 110, 32);
    assert!(board.contains("1 of 2 · /sev:3"), "{board}");
    assert_eq!(model.rows(List::Pane(Pane::Snapshots)), snapshots, "snapshots have no severity");
    assert_eq!(model.narrowed(List::Pane(Pane::Snapshots)), None);
    press(&mut model, &[Key::Esc]);
    assert!(model.filter.is_empty() && model.rows(incidents).len() == 2);
}

#[test]
fn esc_shows_everything_before_it_leaves_a_list_and_leaves_a_page_that_nothing_hides() {
    let scene = Scene::outage();
    let mut model = at(&scene, "alice", Screen::Journal);
    model.filter = Filter::parse("diagnosis");
    press(&mut model, &[Key::Esc]);
    assert_eq!((*model.screen() == Screen::Journal, model.filter.is_empty()), (true, true));
    press(&mut model, &[Key::Esc]);
    assert_eq!(*model.screen(), Screen::Board);
}

#[test]
fn a_field_that_is_not_known_is_told_while_it_is_typed() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('/')]);
    type_in(&mut model, "svc:api");
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("there is no field “svc”: sev service state is kind who"), "{shown}");
    insta::assert_snapshot!("filter-80x24", shown);
}

#[test]
fn what_can_be_copied_is_the_name_the_command_and_the_evidence_of_what_is_looked_at() {
    let scene = Scene::outage();
    let mut model = at(&scene, "alice", Screen::Incident(IncidentId(1)));
    let all: Vec<(&str, String)> = copies(&model).into_iter().map(|copied| (copied.what, copied.text)).collect();
    assert_eq!(all[0], ("name", "INC-1".to_owned()));
    assert_eq!(all[1], ("command", "codeblue incident show INC-1".to_owned()));
    let evidence = all.iter().find(|(what, _)| *what == "evidence").map(|(_, text)| text.as_str());
    assert_eq!(evidence, Some("log of patient-api ×214: missing column dose_unit"));
    press(&mut model, &[Key::Char('y')]);
    assert!(picture(&mut model, 80, 24).contains("codeblue incident show INC-1"));
    let asked = press(&mut model, &[Key::Char('1')]);
    assert!(matches!(asked.as_slice(), [Request::Copy(copied)] if copied.text == "INC-1"), "{asked:?}");
    press(&mut model, &[Key::Char('y')]);
    assert_eq!(press(&mut model, &[Key::End, Key::Enter]), [Request::CopyPage]);
}

/// The commands that the board offers are commands.
#[test]
fn every_command_that_can_be_copied_is_one_that_the_command_line_takes() {
    use clap::Parser;
    let scene = Scene::outage();
    let mut model = scene.seen_by("alice");
    let mut seen = 0;
    for (page, screen) in pages(&scene.seen_by("alice")) {
        model.screens = vec![Screen::Board, screen];
        for pane in Pane::ALL {
            model.focus = pane;
            let Some(command) = twin(&model) else { continue };
            let words = shell_words::split(&command).unwrap();
            let taken = crate::cli::Arguments::try_parse_from(&words);
            assert!(
                taken.is_ok(),
                "{page}: {command}: {}",
                taken.err().map(|error| error.to_string()).unwrap_or_default()
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_page_as_text_holds_all_of_it_without_its_frames() {
    let scene = Scene::outage();
    let mut model = at(&scene, "alice", Screen::Help);
    model.scroll = 12;
    let text = plain(&model);
    for action in all() {
        let first: String = action.about.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
        assert!(text.contains(action.label) && text.contains(&first), "{} is missing", action.name);
    }
    assert!(!text.contains('…'), "something is cut: {text}");
    assert!(!text.contains(['│', '┌', '└', '─']), "{text}");
    assert!(text.lines().all(|line| line == line.trim_end()));
}

#[test]
fn a_text_that_was_written_in_an_editor_stands_in_its_field_and_a_failure_loses_nothing() {
    let scene = Scene::outage();
    let mut model = at(&scene, "alice", Screen::Incident(IncidentId(1)));
    press(&mut model, &[Key::Char('n')]);
    type_in(&mut model, "seen");
    assert_eq!(press(&mut model, &[Key::Ctrl('o')]), [Request::Edit("seen".to_owned())]);
    told(&mut model, Message::Returned(Returned::Written(Err("vi ended with 1".to_owned()))));
    let note = |model: &Model| match &model.overlay {
        Some(Overlay::Form(form)) => form.text("Note"),
        other => panic!("{other:?}"),
    };
    assert_eq!(note(&model), "seen");
    told(&mut model, Message::Returned(Returned::Written(Ok("seen at noon\nby ward\u{1b}[31m 3\n".to_owned()))));
    assert_eq!(note(&model), "seen at noon\nby ward[31m 3", "no control character is left");
    told(&mut model, Message::Returned(Returned::Written(Ok("x".repeat(5000)))));
    assert!(model.toast.clone().unwrap().text.contains("did not fit"));
}

#[test]
fn the_mouse_is_left_to_the_terminal_and_every_page_says_so() {
    let mut model = Scene::outage().seen_by("alice");
    assert_eq!(press(&mut model, &[Key::Char('*')]), [Request::Mouse(Mouse::Free)]);
    assert!(picture(&mut model, 80, 24).contains("MOUSE off: select freely"));
    assert_eq!(press(&mut model, &[Key::Char('*')]), [Request::Mouse(Mouse::Captured)]);
    assert!(!picture(&mut model, 80, 24).contains("MOUSE off"));
}

#[test]
fn a_new_sev1_rings_once_and_stands_in_the_title_until_it_is_over() {
    let scene = Scene::outage();
    let mut model = Model::new(scene.now, Vec::new());
    assert_eq!(title(&model), "codeblue");
    let empty = Update::Live(Box::default());
    told(&mut model, Message::Update(empty));
    let mut bells = 0;
    for recorded in &scene.recent {
        let asked = told(&mut model, Message::Update(Update::Event(Box::new(recorded.clone()))));
        bells += asked.iter().filter(|request| **request == Request::Bell).count();
    }
    assert_eq!(bells, 1);
    assert_eq!(title(&model), "SEV1 ×1 · HoloVitals · codeblue");
    assert_eq!(title(&Scene::healthy().seen_by("alice")), "HoloVitals · codeblue");
}

#[test]
fn what_is_left_in_the_terminal_tells_what_is_open_and_what_was_done() {
    let scene = Scene::outage();
    let mut model = scene.seen_by("alice");
    let acknowledged = Recorded {
        seq: model.state.seq + 1,
        at: model.now,
        actor: by("alice"),
        cause: None,
        event: Event::IncidentAcknowledged { incident: IncidentId(1) },
        hash: "0".repeat(64),
    };
    told(&mut model, Message::Update(Update::Event(Box::new(acknowledged))));
    model.now += TimeDelta::seconds(90);
    let lines = farewell(&model);
    let text = lines.join("\n");
    assert!(lines[0].starts_with("codeblue left HoloVitals at 14:2"), "{text}");
    assert!(text.contains("open    INC-1 SEV1 patient-api"), "{text}");
    assert!(text.contains("waits   CHG-1 "), "{text}");
    assert!(text.contains("you did 14:2") && text.contains("INC-1"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(farewell(&Model::new(scene.now, Vec::new())).is_empty(), "nothing was heard, nothing is told");
    let well = farewell(&Scene::healthy().seen_by("alice")).join("\n");
    assert!(well.contains("no incident is open"), "{well}");
}

#[test]
fn several_incidents_are_acknowledged_together_and_only_those_that_are_marked() {
    let mut scene = Scene::outage();
    scene.judge("handouts-with-a-very-long-name-that-does-not-fit", Status::Down, "tcp: refused");
    let mut model = scene.seen_by("alice");
    let acknowledged = |requests: &[Request]| -> Vec<IncidentId> {
        let of = |command| match command {
            Command::AcknowledgeIncident { incident } => Some(incident),
            _ => None,
        };
        asked(requests).into_iter().filter_map(of).collect()
    };
    press(&mut model, &[Key::Char('2'), Key::Char(' '), Key::Down]);
    assert_eq!(picture(&mut model, 110, 32).matches('◆').count(), 1);
    let marked_elsewhere = press(&mut model, &[Key::Char('a')]);
    assert_eq!(acknowledged(&marked_elsewhere), [IncidentId(1)], "what is marked, not what is selected");
    assert!(model.marked.is_empty());
    let both = press(&mut model, &[Key::Char(' '), Key::Up, Key::Char(' '), Key::Char('a')]);
    assert_eq!(acknowledged(&both), [IncidentId(1), IncidentId(2)]);
    let selected = press(&mut model, &[Key::Char('a')]);
    assert_eq!(acknowledged(&selected), [IncidentId(1)], "with nothing marked, the selected one");
}

/// Who has no mouse reaches everything, and so does who has nothing else.
#[test]
fn every_hint_can_be_clicked_and_everything_that_can_be_clicked_has_a_key() {
    let scene = Scene::outage();
    let mut model = scene.seen_by("alice");
    for (page, screen) in pages(&scene.seen_by("alice")) {
        model.screens = vec![Screen::Board, screen];
        for pane in Pane::ALL {
            model.focus = pane;
            picture(&mut model, 500, 48);
            let shown: Vec<&'static str> = hints(&model).into_iter().map(|action| action.name).collect();
            let clicked: Vec<Target> = model.hits.iter().map(|(_, target)| target.clone()).collect();
            for name in shown {
                assert!(clicked.contains(&Target::Action(name)), "{page}: {name} cannot be clicked");
            }
            for target in clicked {
                match target {
                    Target::Action(name) => {
                        let action = named(name).unwrap_or_else(|| panic!("{page}: {name} is no action"));
                        assert!(!model.keymap.keys(action).is_empty(), "{page}: {name} has no key");
                    }
                    Target::Row(List::Components, _) => {}
                    Target::Row(list, place) => {
                        let reached = matches!(list, List::Pane(_)) || model.list() == Some(list);
                        assert!(reached, "{page}: row {place} of {list:?} is in no list of the arrow keys");
                    }
                    _ => {}
                }
            }
        }
    }
    // The tour is shown once, and after that found by its name.
    for action in all().filter(|action| action.name != "tour") {
        assert!(!model.keymap.keys(action).is_empty(), "{} has no key", action.name);
    }
    // What has no key of its own is found by its name.
    press(&mut model, &[Key::Char(':')]);
    type_in(&mut model, "CHG-1");
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Change(ChangeId(1)));
}
