//! Planned work: what is in force and what comes, begun and ended from the board.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{Scene, picture, press},
};
use crate::{
    client::Update,
    domain::{Actor, Command, Status},
    tui::{
        message::{Message, Request, Timed},
        model::{Model, Screen},
        term::input::Key,
        update::update,
    },
};

/// One window every Sunday and Wednesday, one once, one every night for a service with a long name.
const PLATFORM: &str = r#"
[platform]
name = "HoloVitals"
profile = "drill"
[[service]]
name = "patient-api"
depends_on = ["records-db"]
[[service.check]]
tcp = "127.0.0.1:1"
[[service]]
name = "records-db"
[[service.check]]
tcp = "127.0.0.1:2"
[[service]]
name = "handouts-with-a-very-long-name-that-does-not-fit"
[[service.check]]
tcp = "127.0.0.1:3"
[[maintenance]]
reason = "vacuum"
services = ["records-db"]
at = "wed,sun 22:00"
takes = "90m"
[[maintenance]]
reason = "move to the new rack"
services = ["patient-api"]
at = "2026-01-24 06:00"
takes = "23h"
[[maintenance]]
reason = "print queue is emptied"
services = ["handouts-with-a-very-long-name-that-does-not-fit"]
at = "daily 03:00"
takes = "30m"
[[operator]]
name = "alice"
roles = ["engineer"]
login = "ops"
"#;

fn scene() -> Scene {
    let mut scene = Scene::of(PLATFORM);
    for service in ["patient-api", "records-db"] {
        scene.judge(service, Status::Healthy, "ok");
    }
    scene
}

fn alice() -> Actor {
    Actor::Operator("alice".to_owned())
}

fn opened(scene: &Scene) -> Model {
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('W')]);
    assert_eq!(*model.screen(), Screen::Calendar);
    model
}

fn type_in(model: &mut Model, text: &str) {
    let keys: Vec<Key> = text.chars().map(Key::Char).collect();
    press(model, &keys);
}

#[test]
fn what_is_in_force_comes_first_and_each_time_of_two_weeks_follows() {
    let mut scene = scene();
    let until = scene.now + TimeDelta::minutes(40);
    let reason = "new certificate".to_owned();
    scene.give_as(alice(), Command::StartMaintenance { service: "patient-api".to_owned(), until, reason });
    scene.now += TimeDelta::minutes(10);
    for (width, height) in SIZES {
        let mut model = opened(&scene);
        let shown = picture(&mut model, width, height);
        assert!(shown.contains("▶ in force   patient-api") && shown.contains("m left, to 15:00Z"), "{shown}");
        assert!(shown.contains("1 in force · 19 in the next 14 days"), "{shown}");
        insta::assert_snapshot!(format!("weeks-{width}x{height}"), shown);
    }
    let starts: Vec<String> = opened(&scene)
        .work
        .iter()
        .filter(|work| work.service == "records-db")
        .map(|work| work.from.format("%a %d %H:%M").to_string())
        .collect();
    assert_eq!(starts, ["Sun 18 22:00", "Wed 21 22:00", "Sun 25 22:00", "Wed 28 22:00"]);
}

#[test]
fn maintenance_is_begun_after_what_it_means_was_shown() {
    let scene = scene();
    let mut model = opened(&scene);
    model.cursors.clear();
    press(&mut model, &[Key::Char('/')]);
    type_in(&mut model, "vacuum");
    press(&mut model, &[Key::Enter, Key::Char('n'), Key::Tab]);
    type_in(&mut model, "soon");
    press(&mut model, &[Key::Tab]);
    type_in(&mut model, "swap a disk");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("“soon” is no time"));
    press(&mut model, &[Key::Ctrl('u')]);
    type_in(&mut model, "1h30m");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("· records-db: until 01-15 15:5") && shown.contains("▲ what needs records-db"), "{shown}");
    insta::assert_snapshot!("begin-80x24", picture(&mut model, 80, 24));
    let sent = press(&mut model, &[Key::Enter]);
    let [Request::Submit(command)] = sent.as_slice() else { panic!("{sent:?}") };
    let Command::StartMaintenance { service, until, reason } = &**command else { panic!("{command:?}") };
    assert_eq!((service.as_str(), reason.as_str()), ("records-db", "swap a disk"));
    assert!((*until - scene.now - TimeDelta::minutes(90)).num_seconds() < 60);
}

#[test]
fn what_is_in_force_is_ended_after_a_question_and_what_the_file_plans_is_not() {
    let mut scene = scene();
    let until = scene.now + TimeDelta::minutes(40);
    let reason = "new certificate".to_owned();
    scene.give_as(alice(), Command::StartMaintenance { service: "patient-api".to_owned(), until, reason });
    let mut model = opened(&scene);
    press(&mut model, &[Key::Char('x')]);
    assert!(picture(&mut model, 80, 24).contains("End the maintenance of patient-api"));
    let sent = press(&mut model, &[Key::Char('y')]);
    let ended = Command::EndMaintenance { service: "patient-api".to_owned() };
    assert_eq!(sent, [Request::Submit(Box::new(ended.clone()))]);
    // The news of it reaches the page.
    let before = scene.recent.len();
    scene.give_as(alice(), ended);
    for recorded in scene.recent[before..].iter().cloned() {
        let at = model.now;
        update(&mut model, Timed { at, message: Message::Update(Update::Event(Box::new(recorded))) });
    }
    assert!(!picture(&mut model, 80, 24).contains("in force  "));
    press(&mut model, &[Key::Char('x')]);
    assert!(model.overlay.is_none() && model.toast.clone().unwrap().text.contains("the platform file plans it"));
    press(&mut model, &[Key::Enter]);
    assert!(matches!(model.screen(), Screen::Service(_)));
}

#[test]
fn what_somebody_planned_is_withdrawn_after_a_question() {
    let mut scene = scene();
    let from = scene.now + TimeDelta::minutes(20);
    let plan = Command::PlanMaintenance {
        service: "patient-api".to_owned(),
        from,
        until: from + TimeDelta::hours(1),
        reason: "new disks".to_owned(),
    };
    scene.give_as(alice(), plan);
    let mut model = opened(&scene);
    press(&mut model, &[Key::Char('x')]);
    assert!(picture(&mut model, 80, 24).contains("Withdraw the planned work on patient-api"));
    let sent = press(&mut model, &[Key::Char('y')]);
    let withdrawn = Command::WithdrawMaintenance { service: "patient-api".to_owned(), from };
    assert!(matches!(sent.as_slice(), [Request::Submit(command)] if **command == withdrawn), "{sent:?}");
}

#[test]
fn without_any_plan_the_page_says_how_to_make_one() {
    let mut model = opened(&Scene::healthy());
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("nothing is planned") && shown.contains("n begins maintenance now"), "{shown}");
    press(&mut model, &[Key::Char('x'), Key::Enter]);
    assert_eq!(*model.screen(), Screen::Calendar);
}

#[test]
fn a_year_of_nightly_windows_of_many_services_is_drawn_and_counted_honestly() {
    let mut text = "[platform]\nname = \"x\"\nprofile = \"drill\"\n".to_owned();
    let names: Vec<String> = (0..300).map(|number| format!("ward-{number:03}")).collect();
    for name in &names {
        text += &format!("[[service]]\nname = \"{name}\"\n[[service.check]]\ntcp = \"127.0.0.1:1\"\n");
    }
    let all: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    text += &format!(
        "[[maintenance]]\nreason = \"backup\"\nservices = [{}]\nat = \"daily 03:00\"\ntakes = \"30m\"\n",
        all.join(", ")
    );
    let mut model = Scene::of(&text).seen_by("alice");
    press(&mut model, &[Key::Char('W')]);
    let shown = picture(&mut model, 80, 24);
    assert!(
        shown.contains("↓ 294 more")
            && shown.contains("0 in force · 2000+ in the next 14 days")
            && shown.contains("↓ 1992 more"),
        "{shown}"
    );
    press(&mut model, &[Key::End]);
    let end = picture(&mut model, 80, 24);
    assert!(end.contains("▶ in ") && end.contains("↑ 1992 more"), "{end}");
}
