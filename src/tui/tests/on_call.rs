//! Who is on call on the board: now, in the next two weeks, overridden and taken back.

use chrono::TimeDelta;

use super::{
    pages::SIZES,
    scene::{Scene, by, picture, press, type_in},
};
use crate::{
    domain::{Command, OverrideId, Severity},
    tui::{
        message::Request,
        model::{Model, Screen},
        term::input::Key,
    },
};

/// A schedule with weekends of its own, one of a single person with a long name, one that is empty outside of office hours.
const PLATFORM: &str = r#"
[platform]
name = "HoloVitals"
profile = "drill"
[[service]]
name = "patient-api"
owner = "platform"
[[service.check]]
tcp = "127.0.0.1:1"
[[service]]
name = "handouts"
owner = "printing"
[[service.check]]
tcp = "127.0.0.1:2"
[[oncall]]
name = "platform"
zone = "Europe/Berlin"
people = ["alice", "bob", "carol"]
since = "2026-01-05 09:00"
[[oncall.layer]]
people = ["bob"]
only = "sat,sun"
[[oncall]]
name = "printing-and-everything-that-hangs-on-it"
owners = ["printing"]
people = ["somebody-with-a-very-long-name"]
only = "mon-fri 15:00-22:00"
gaps = "call-next"
[[operator]]
name = "alice"
roles = ["technical-lead"]
login = "ops"
[[operator]]
name = "bob"
roles = ["engineer"]
login = "ops"
[[operator]]
name = "carol"
roles = ["cto"]
login = "ops"
[[operator]]
name = "somebody-with-a-very-long-name"
roles = ["engineer"]
login = "ops"
"#;

fn opened(scene: &Scene, who: &str) -> Model {
    let mut model = scene.seen_by(who);
    press(&mut model, &[Key::Char('(')]);
    assert_eq!(*model.screen(), Screen::OnCall);
    model
}

fn swap(scene: &mut Scene) {
    let command = Command::OverrideOnCall {
        schedule: "platform".to_owned(),
        person: "carol".to_owned(),
        from: Some(scene.now + TimeDelta::days(1)),
        until: scene.now + TimeDelta::days(3),
        reason: "bob is on a train".to_owned(),
    };
    scene.give_as(by("alice"), command);
}

#[test]
fn whoever_is_on_call_stands_first_and_each_shift_of_two_weeks_follows() {
    let mut scene = Scene::of(PLATFORM);
    swap(&mut scene);
    for (width, height) in SIZES.into_iter().chain([(40, 12)]) {
        let mut model = opened(&scene, "alice");
        let shown = picture(&mut model, width, height);
        assert!(shown.contains("bob") && shown.contains("nobody"), "{shown}");
        insta::assert_snapshot!(format!("weeks-{width}x{height}"), shown);
    }
    let model = opened(&scene, "alice");
    let first: Vec<_> = model.shifts.iter().filter(|shift| shift.schedule == "platform").take(4).collect();
    let said = first.iter().map(|shift| (shift.person.as_deref().unwrap(), shift.overridden_by));
    let swapped = Some(OverrideId(1));
    assert_eq!(said.collect::<Vec<_>>(), [("bob", None), ("carol", swapped), ("bob", None), ("carol", None)]);
}

#[test]
fn a_shift_is_taken_after_what_that_means_was_shown() {
    let mut model = opened(&Scene::of(PLATFORM), "bob");
    assert_eq!(model.takers("platform"), ["bob"], "no lead, who could give it to others");
    assert_eq!(opened(&Scene::of(PLATFORM), "alice").takers("platform").len(), 4);
    press(&mut model, &[Key::Char('/')]);
    type_in(&mut model, "platform");
    press(&mut model, &[Key::Enter, Key::Char('n')]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("Who is on call for platform") && shown.contains("bob, on call now"), "{shown}");
    press(&mut model, &[Key::Tab]);
    type_in(&mut model, "yesterday");
    press(&mut model, &[Key::Tab, Key::Tab]);
    type_in(&mut model, "alice sleeps");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("\"yesterday\" is no time"), "{:?}", model.toast);
    press(&mut model, &[Key::Ctrl('u')]);
    type_in(&mut model, "2026-01-19 08:00");
    press(&mut model, &[Key::Tab, Key::Ctrl('u')]);
    type_in(&mut model, "2026-01-20 08:00");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("instead of carol from Mon 19 Jan 09:00 CET to Tue 20 Jan 09:00 CET"), "{shown}");
    insta::assert_snapshot!("override-80x24", picture(&mut model, 80, 24));
    let sent = press(&mut model, &[Key::Enter]);
    let [Request::Submit(command)] = sent.as_slice() else { panic!("{sent:?}") };
    let Command::OverrideOnCall { schedule, person, from, until, reason } = &**command else { panic!("{command:?}") };
    assert_eq!((schedule.as_str(), person.as_str(), reason.as_str()), ("platform", "bob", "alice sleeps"));
    assert_eq!((until.to_rfc3339().as_str(), from.is_some()), ("2026-01-20T08:00:00+00:00", true));
}

#[test]
fn what_was_overridden_is_taken_back_by_those_who_may() {
    let mut scene = Scene::of(PLATFORM);
    swap(&mut scene);
    let take_back = |who: &str| {
        let mut model = opened(&scene, who);
        press(&mut model, &[Key::Char('/')]);
        type_in(&mut model, "who:carol is:waiting");
        press(&mut model, &[Key::Enter, Key::Char('x')]);
        model
    };
    let refused = take_back("somebody-with-a-very-long-name");
    assert!(refused.toast.clone().unwrap().text.contains("OVR-1 puts carol on call"), "{:?}", refused.toast);
    let mut model = take_back("carol");
    type_in(&mut model, "the train was cancelled");
    press(&mut model, &[Key::Enter]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("bob is on call from"), "{shown}");
    let sent = press(&mut model, &[Key::Enter]);
    let [Request::Submit(command)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(**command, Command::EndOverride { id: OverrideId(1), reason: "the train was cancelled".to_owned() });
}

#[test]
fn the_team_and_the_incident_say_who_is_on_call() {
    let mut scene = Scene::of(PLATFORM);
    let (severity, title) = (Severity::Sev2, "handouts are blank".to_owned());
    scene.now += TimeDelta::hours(9);
    scene.give_as(by("bob"), Command::DeclareIncident { severity, title, services: vec!["handouts".to_owned()] });
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('2'), Key::Enter]);
    let shown = picture(&mut model, 160, 48);
    assert!(shown.contains("✖ NOBODY on call for printing"), "{shown}");
    press(&mut model, &[Key::Char('&')]);
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("● on call bob") && shown.contains("bob until Mon 19 Jan 09:00 CET, then carol"), "{shown}");
    assert!(shown.contains("✖ NOBODY until Fri 16 Jan 15:00 UTC"), "{shown}");
}

#[test]
fn without_a_schedule_the_page_says_how_to_write_one() {
    let mut model = opened(&Scene::outage(), "alice");
    let shown = picture(&mut model, 80, 24);
    assert!(shown.contains("[[oncall]]") && shown.contains("nobody is on call by name"), "{shown}");
    press(&mut model, &[Key::Char('n')]);
    assert!(model.toast.clone().unwrap().text.contains("no [[oncall]]"), "{:?}", model.toast);
}
