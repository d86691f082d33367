//! Forms: what is written is sent once, survives a no, and leads to what was shown before.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{Scene, asked, by, click, picture, press, type_in},
};
use crate::{
    domain::{Command, IncidentId, Meta, Severity, decide},
    engine::Answer,
    tui::{
        form::Writing,
        message::{Message, Request, Timed},
        model::{Model, Overlay, Screen, Target},
        term::input::{Input, Key},
        update::update,
    },
};

const ID: IncidentId = IncidentId(1);

fn paste(model: &mut Model, text: &str) {
    hear(model, Message::Input(Input::Paste(text.to_owned())));
}

/// Something comes in from outside.
fn hear(model: &mut Model, message: Message) -> Vec<Request> {
    let at = model.now;
    update(model, Timed { at, message })
}

/// The engine carries out what was asked for and answers.
pub fn accept(scene: &mut Scene, model: &mut Model, command: Command) -> Vec<Request> {
    let before = scene.recent.len();
    scene.give_as(by("alice"), command);
    let events = scene.recent[before..].to_vec();
    let mut answer = Vec::new();
    for recorded in events {
        let news = crate::client::Update::Event(Box::new(recorded.clone()));
        hear(model, Message::Update(news));
        answer.push(recorded);
    }
    hear(model, Message::Accepted(Answer { seq: scene.state.seq, events: answer, removed: Default::default() }))
}

fn incident(scene: &Scene) -> Model {
    let mut model = scene.seen_by("alice");
    model.screens = vec![Screen::Board, Screen::Incident(ID)];
    model
}

#[test]
fn a_note_of_several_lines_is_sent_once_and_its_draft_goes_when_it_is_accepted() {
    let mut scene = Scene::outage();
    let mut model = incident(&scene);
    press(&mut model, &[Key::Char('n')]);
    type_in(&mut model, "clinics use paper forms\nsince 14:22, quiet");
    paste(&mut model, "\r\n10.0.0.7 answers\r\n10.0.0.8 does not\n");
    insta::assert_snapshot!("note-80x24", picture(&mut model, 80, 24));
    let text = "clinics use paper forms\nsince 14:22, quiet\n10.0.0.7 answers\n10.0.0.8 does not".to_owned();
    let sent = asked(&press(&mut model, &[Key::Enter]));
    assert_eq!(sent, [Command::NoteIncident { incident: ID, text }]);
    assert!(model.overlay.is_none() && model.drafts.contains_key(&Writing::Note(ID)), "kept until it is accepted");
    accept(&mut scene, &mut model, sent[0].clone());
    assert!(model.drafts.is_empty());
    assert!(picture(&mut model, 110, 32).contains("✎ alice: clinics use paper forms"));
}

#[test]
fn what_was_refused_or_left_is_there_again() {
    let mut model = incident(&Scene::outage());
    press(&mut model, &[Key::Char('n')]);
    type_in(&mut model, "the pump is off");
    press(&mut model, &[Key::Enter]);
    hear(&mut model, Message::Failed("the engine has closed the connection".into()));
    press(&mut model, &[Key::Char('n')]);
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("the pump is off") && shown.contains("as you left it"), "{shown}");
    type_in(&mut model, " again");
    press(&mut model, &[Key::Esc]);
    assert!(model.overlay.is_none() && model.toast.clone().unwrap().text.contains("nothing was sent"));
    press(&mut model, &[Key::Char('n'), Key::Ctrl('z')]);
    assert!(picture(&mut model, 80, 24).contains("the pump is off"), "what was typed before can still be taken back");
    press(&mut model, &[Key::Ctrl('u'), Key::Esc, Key::Char('n')]);
    assert!(picture(&mut model, 80, 24).contains("(what you see or do)"), "an empty form is no draft");
    let nothing = press(&mut model, &[Key::Enter]);
    assert!(nothing.is_empty() && matches!(model.overlay, Some(Overlay::Form(_))));
    assert!(model.toast.clone().unwrap().text.contains("note is empty"));
}

#[test]
fn nothing_is_sent_while_there_is_no_engine_to_take_it() {
    let mut model = incident(&Scene::outage());
    press(&mut model, &[Key::Char('n')]);
    type_in(&mut model, "written in the dark");
    let lost = crate::client::Update::Lost("gone".to_owned());
    hear(&mut model, Message::Update(lost));
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(picture(&mut model, 80, 24).contains("written in the dark"), "the form stays");
}

#[test]
fn near_its_limit_a_note_says_so_and_no_character_goes_beyond() {
    let mut model = incident(&Scene::outage());
    press(&mut model, &[Key::Char('n')]);
    paste(&mut model, &"word ".repeat(700));
    assert!(picture(&mut model, 80, 24).contains("3500 of 4000 characters"));
    paste(&mut model, &"x".repeat(600));
    assert!(model.toast.clone().unwrap().text.contains("100 characters of it did not fit"));
    press(&mut model, &[Key::Char('y')]);
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("4000 of 4000 characters"), "{shown}");
    press(&mut model, &[Key::Ctrl('z')]);
    assert!(picture(&mut model, 80, 24).contains("3500 of 4000 characters"), "a paste is taken back at once");
}

#[test]
fn those_who_wait_are_told_in_four_parts() {
    let mut model = incident(&Scene::outage());
    press(&mut model, &[Key::Char('w')]);
    type_in(&mut model, "charts cannot be opened");
    press(&mut model, &[Key::Tab, Key::Down]);
    type_in(&mut model, "rolling v41 back");
    insta::assert_snapshot!("update-80x24", picture(&mut model, 80, 24));
    let sent = asked(&press(&mut model, &[Key::Enter]));
    let message = crate::domain::Message {
        text: "charts cannot be opened".to_owned(),
        conditions: None,
        actions: Some("rolling v41 back".to_owned()),
        needs: None,
    };
    assert_eq!(sent, [Command::UpdateStakeholders { incident: ID, message }]);
}

#[test]
fn the_lessons_of_an_incident_are_lines() {
    let mut model = incident(&Scene::outage());
    press(&mut model, &[Key::Char('L')]);
    type_in(&mut model, "the rollback took 40 s\n\nwards were told early");
    press(&mut model, &[Key::BackTab]);
    type_in(&mut model, "test the migration");
    insta::assert_snapshot!("lessons-110x32", picture(&mut model, 110, 32));
    let sent = asked(&press(&mut model, &[Key::Enter]));
    let [Command::WritePostMortem { findings, .. }] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(findings.well, ["the rollback took 40 s", "wards were told early"]);
    assert_eq!(findings.lessons, ["test the migration"]);
    let written = sent[0].clone();
    press(&mut model, &[Key::Char('L')]);
    paste(&mut model, &"z".repeat(401));
    assert!(press(&mut model, &[Key::Enter]).is_empty(), "a line that would be refused is found before");
    assert!(model.toast.clone().unwrap().text.contains("at most 400"));
    // What is on record stands in the form, since what is sent replaces it.
    let mut scene = Scene::outage();
    scene.give_as(by("alice"), written);
    let mut model = incident(&scene);
    press(&mut model, &[Key::Char('L')]);
    assert!(picture(&mut model, 110, 32).contains("wards were told early"));
    press(&mut model, &[Key::Esc]);
    assert!(model.drafts.is_empty(), "nothing was written, so there is no draft that could grow old");
}

/// Declares a SEV1 of two services on a platform in an outage, up to what is shown before it is asked for.
fn declaring(scene: &Scene) -> Model {
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('4'), Key::Char('i'), Key::Char('1'), Key::Tab]);
    type_in(&mut model, "wards cannot print");
    press(&mut model, &[Key::Tab]);
    type_in(&mut model, "hand");
    press(&mut model, &[Key::Char(' ')]);
    type_in(&mut model, "api");
    press(&mut model, &[Key::Char(' '), Key::Tab]);
    type_in(&mut model, "ward 3 called at 14:20\nall printers");
    model
}

#[test]
fn an_incident_is_declared_in_a_form_that_knows_what_is_open_already() {
    let scene = Scene::outage();
    for (width, height) in SIZES {
        let mut model = declaring(&scene);
        press(&mut model, &[Key::BackTab]);
        let shown = picture(&mut model, width, height);
        assert!(shown.contains("in INC-1 SEV1 already") && shown.contains("respond  5m  resolve 30m"), "{shown}");
        insta::assert_snapshot!(format!("declare-{width}x{height}"), shown);
        press(&mut model, &[Key::Enter]);
        insta::assert_snapshot!(format!("declare-review-{width}x{height}"), picture(&mut model, width, height));
    }
}

#[test]
fn what_is_shown_before_is_what_then_happens() {
    let mut scene = Scene::outage();
    let mut model = declaring(&scene);
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    let shown = picture(&mut model, 110, 32);
    for words in [
        "patient-api is in INC-1 SEV1 already",
        "INC-2 SEV1 is opened: wards cannot print",
        "alice has acknowledged it; from now on the clocks run: respond in 5:00, resolve in 30:00",
        "▲ no emergency snapshot is taken: SNP-2 of the same components is being taken",
        "The cause is looked for at once",
        "Your note is the first in its timeline",
    ] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    // A second Enter of a nervous hand is not a yes.
    let at = model.now + TimeDelta::milliseconds(50);
    let early = update(&mut model, Timed { at, message: Message::Input(Input::Key(Key::Enter)) });
    assert!(early.is_empty());
    let sent = asked(&press(&mut model, &[Key::Enter]));
    let [Command::DeclareIncident { severity: Severity::Sev1, services, .. }] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(services, &["handouts-with-a-very-long-name-that-does-not-fit", "patient-api"]);
    let (snapshots, diagnoses) = (scene.state.snapshots.len(), scene.state.diagnoses.len());
    let then = accept(&mut scene, &mut model, sent[0].clone());
    let id = IncidentId(2);
    let note = Command::NoteIncident { incident: id, text: "ward 3 called at 14:20\nall printers".to_owned() };
    assert_eq!(asked(&then), std::slice::from_ref(&note), "the first note follows");
    assert_eq!(*model.screen(), Screen::Incident(id));
    assert_eq!((scene.state.snapshots.len(), scene.state.diagnoses.len()), (snapshots, diagnoses + 1));
    assert!(scene.state.incidents[&id].acknowledged_at.is_some());
    accept(&mut scene, &mut model, note);
    assert!(model.drafts.is_empty());
}

#[test]
fn a_sev1_on_a_quiet_platform_takes_its_snapshot_and_a_sev4_wakes_nobody() {
    let scene = Scene::healthy();
    let shown = |severity| {
        let mut model = scene.seen_by("alice");
        press(&mut model, &[Key::Char('1'), Key::Char('i'), Key::Char(severity), Key::Tab, Key::Char('x'), Key::Enter]);
        picture(&mut model, 110, 32)
    };
    let worst = shown('1');
    assert!(worst.contains("An emergency snapshot of 1 component is taken: patient-api-code"), "{worst}");
    assert!(worst.contains("every 15 m") && worst.contains("EMERGENCY"), "{worst}");
    let small = shown('4');
    assert!(small.contains("respond in 4:00:00, resolve in 24:00:00"), "{small}");
    assert!(!small.contains("snapshot") && !small.contains("post-mortem"), "{small}");
}

#[test]
fn the_form_is_filled_by_mouse_too_and_keeps_its_place_when_something_is_missing() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('4'), Key::Char('i')]);
    click(&mut model, &Target::Severity(Severity::Sev4));
    click(&mut model, &Target::Field(2));
    click(&mut model, &Target::Choice(0));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("● SEV4") && shown.contains("[×] ✖ DOWN  patient-api"), "{shown}");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("▶ Title") && shown.contains("title is empty"), "{shown}");
    type_in(&mut model, "odd noise");
    press(&mut model, &[Key::Enter]);
    click(&mut model, &Target::Cancel);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("odd noise") && !shown.contains("What will happen"), "{shown}");
    press(&mut model, &[Key::Enter]);
    let sent = asked(&click(&mut model, &Target::Go));
    assert!(matches!(sent.as_slice(), [Command::DeclareIncident { severity: Severity::Sev4, .. }]), "{sent:?}");
}

#[test]
fn a_service_in_question_is_chosen_and_a_rule_that_says_no_offers_no_button() {
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('1'), Key::Char('i'), Key::Tab]);
    type_in(&mut model, "x");
    let Some(Overlay::Form(form)) = &model.overlay else { panic!("no form") };
    assert_eq!(form.services(), ["patient-api"]);
    // The platform file changes meanwhile.
    let mut platform = (*model.state.platform).clone();
    platform.services.retain(|service| service.name != "patient-api");
    model.state.platform = platform.into();
    press(&mut model, &[Key::Enter]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("✖ ") && !shown.contains("↵ Open it"), "{shown}");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
}

#[test]
fn no_size_breaks_a_form() {
    let scene = Scene::outage();
    for key in ['n', 'w', 'L', 'i'] {
        let mut model = incident(&scene);
        press(&mut model, &[Key::Char(key)]);
        paste(&mut model, &"患者データ and more words\n".repeat(30));
        for width in (0..200).step_by(13) {
            for height in (0..60).step_by(7) {
                picture(&mut model, width, height);
            }
        }
    }
}

#[test]
fn a_note_is_kept_without_what_could_move_a_cursor() {
    let scene = Scene::outage();
    let text = "a\x1b[2Jb\nc ".to_owned() + &"é".repeat(3990);
    let meta = Meta::new(scene.now, by("alice"));
    let events = decide(&scene.state, Command::NoteIncident { incident: ID, text }, &meta).unwrap();
    let noted = events.iter().find_map(|event| match event {
        crate::domain::Event::IncidentNoted { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert!(noted.unwrap().starts_with("a[2Jb\nc é"), "its lines stay, and its length is counted in characters");
}

#[test]
fn break_glass_says_what_it_leads_to_wants_the_name_and_is_loud_on_every_page() {
    let mut scene = Scene::outage();
    let mut model = incident(&scene);
    press(&mut model, &[Key::Char('E')]);
    let list = picture(&mut model, 110, 32);
    assert!(
        list.contains("✖ DOWN  patient-api") && !list.contains("already"),
        "only who declares has to know:\n{list}"
    );
    press(&mut model, &[Key::Tab, Key::Tab, Key::Tab]);
    type_in(&mut model, "no lead answers, wards have no charts");
    assert!(asked(&press(&mut model, &[Key::Enter])).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("confirm is empty"));
    type_in(&mut model, "INC-2");
    press(&mut model, &[Key::Enter]);
    assert!(model.toast.clone().unwrap().text.contains("type INC-1 to go on"), "the name of another is no name");
    press(&mut model, &[Key::Backspace, Key::Char('1'), Key::Enter]);
    insta::assert_snapshot!("break-glass-80x24", picture(&mut model, 80, 24));
    model.now += TimeDelta::seconds(1);
    let sent = asked(&press(&mut model, &[Key::Enter]));
    let [Command::BreakGlass { services, minutes: 30, .. }] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(services, &["patient-api"]);
    accept(&mut scene, &mut model, sent[0].clone());
    model.now += TimeDelta::seconds(60);
    for (width, height) in SIZES {
        model.screens = vec![Screen::Board, Screen::Incident(ID)];
        let shown = picture(&mut model, width, height);
        let second = shown.lines().nth(1).unwrap_or_default();
        assert!(second.contains("BREAK-GLASS alice: 28:") && second.contains("0 acts"), "{shown}");
        model.screens = vec![Screen::Board];
        assert!(picture(&mut model, width, height).contains("BREAK-GLASS alice"), "on every page");
    }
}
