//! The palette: what is found by what is typed, what the words after an action do, and what was chosen before.

use super::scene::{Scene, asked, picture, press, type_in};
use crate::{
    domain::{ChangeId, Command, IncidentId, RollbackTarget, Severity},
    tui::{
        message::Request,
        model::{Model, Overlay, Screen},
        palette::Entry,
        term::input::Key,
    },
};

fn names(model: &Model) -> Vec<String> {
    match &model.overlay {
        Some(Overlay::Palette(palette)) => palette.found.iter().map(|entry| entry.row(model).name).collect(),
        other => panic!("the palette is open: {other:?}"),
    }
}

fn look_for(model: &mut Model, typed: &str) -> Vec<String> {
    model.overlay = None;
    press(model, &[Key::Char(':')]);
    type_in(model, typed);
    names(model)
}

#[test]
fn a_few_letters_lead_to_actions_pages_and_things_and_an_id_to_its_own() {
    let mut model = Scene::outage().seen_by("alice");
    for (typed, first) in [
        ("metr", "Metrics"),
        ("go to metrics", "Metrics"),
        ("goto depmap", "Dependency map"),
        ("rcdb", "records-db"),
        ("INC-1", "INC-1"),
        ("inc 1", "INC-1"),
        ("chg-1", "CHG-1"),
        ("snp 1", "SNP-1"),
        ("open patient-api", "patient-api"),
        ("board", "board"),
    ] {
        assert_eq!(look_for(&mut model, typed)[0], first, "{typed}");
    }
    assert!(look_for(&mut model, "xyzzyq").is_empty());
    assert!(picture(&mut model, 80, 24).contains("nothing matches"));
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(model.overlay.is_some(), "what was typed stays to be put right");
    look_for(&mut model, "inc-1");
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Incident(IncidentId(1)));
}

#[test]
fn rows_say_what_they_are_which_key_does_the_same_and_why_they_can_do_nothing() {
    let mut model = Scene::outage().seen_by("alice");
    look_for(&mut model, "undo");
    let shown = picture(&mut model, 110, 32);
    let row = shown.lines().find(|line| line.contains("Undo")).unwrap_or_else(|| panic!("{shown}"));
    assert!(row.contains("u     action") && row.contains("there is no recovery to undo"), "{row}");
    press(&mut model, &[Key::Enter]);
    assert!(model.toast.clone().unwrap().text.contains("there is no recovery to undo"));
    insta::assert_snapshot!("palette-80x24", {
        look_for(&mut model, "pat");
        picture(&mut model, 80, 24)
    });
}

#[test]
fn words_after_an_action_say_what_it_is_about_and_tab_completes_them() {
    let mut model = Scene::outage().seen_by("alice");
    assert_eq!(look_for(&mut model, "snapshot pat"), ["Snapshot patient-api", "Snapshot patient-api-code"]);
    press(&mut model, &[Key::Tab]);
    assert_eq!(names(&model), ["Snapshot patient-api"]);
    let sent = press(&mut model, &[Key::Enter]);
    let commands = asked(&sent);
    let [Command::RequestSnapshot { components, .. }] = commands.as_slice() else { panic!("{sent:?}") };
    assert_eq!(*components, ["patient-api-code"]);
    // A wrong word is said, and stays to be put right.
    look_for(&mut model, "snapshot zzz");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("there is no component or service zzz"));
    assert!(matches!(model.overlay, Some(Overlay::Palette(_))));
}

#[test]
fn a_rollback_that_is_typed_shows_its_plan_and_still_wants_the_name() {
    let mut model = Scene::outage().seen_by("alice");
    look_for(&mut model, "roll-back patient-api-code 14:20:30");
    let sent = press(&mut model, &[Key::Enter]);
    let [Request::DryRun(_, command)] = sent.as_slice() else { panic!("{sent:?}") };
    let Command::RequestRollback(request) = &**command else { panic!("{command:?}") };
    assert_eq!(request.to, Some(RollbackTarget::Time("2026-01-15T14:20:30Z".parse().unwrap())));
    assert_eq!(*model.screen(), Screen::Plan);
    press(&mut model, &[Key::Enter]);
    assert!(picture(&mut model, 110, 32).contains("Type patient-api-code to go on"));
}

#[test]
fn what_is_written_after_an_action_stands_in_its_form_and_is_sent_by_enter_alone() {
    let mut model = Scene::outage().seen_by("alice");
    look_for(&mut model, "declare sev4 printers jam");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    let Some(Overlay::Form(form)) = &model.overlay else { panic!("the form is open") };
    assert_eq!((form.severity(), form.text("Title")), (Severity::Sev4, "printers jam".to_owned()));
    press(&mut model, &[Key::Esc]);
    look_for(&mut model, "resolve INC-1 rolled back by hand");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    let sent = press(&mut model, &[Key::Enter]);
    let resolved = asked(&sent);
    assert!(
        matches!(resolved.as_slice(), [Command::ResolveIncident { incident: IncidentId(1), resolution }]
            if resolution == "rolled back by hand"),
        "{sent:?}"
    );
    look_for(&mut model, "approve CHG-1");
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Change(ChangeId(1)));
    assert!(matches!(&model.overlay, Some(Overlay::Form(_))), "an approval asks as ever");
    // A word that would let policies go again is not taken for one that stops them.
    model.overlay = None;
    model.state.halted = Some("a drill".to_owned());
    look_for(&mut model, "halt we look first");
    assert!(press(&mut model, &[Key::Enter]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("halted already"));
}

#[test]
fn what_was_chosen_last_comes_first_when_nothing_is_typed() {
    let mut model = Scene::outage().seen_by("alice");
    for typed in ["metrics", "inc-1", "metrics"] {
        look_for(&mut model, typed);
        press(&mut model, &[Key::Enter]);
    }
    model.screens = vec![Screen::Board];
    let found = look_for(&mut model, "");
    assert_eq!(found[..2], ["Metrics", "INC-1"]);
    assert_eq!(found.iter().filter(|name| *name == "Metrics").count(), 1);
    assert_eq!(model.chosen.front(), Some(&Entry::Action("metrics")));
}

#[test]
fn ids_are_found_among_ten_thousand_incidents() {
    let mut model = Scene::outage().seen_by("alice");
    let incident = model.state.incidents[&IncidentId(1)].clone();
    for number in 2..=10_000 {
        let id = IncidentId(number);
        model
            .state
            .incidents
            .insert(id, crate::domain::Incident { id, title: format!("old {number}"), ..incident.clone() });
    }
    assert_eq!(look_for(&mut model, "inc-77")[0], "INC-77");
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Incident(IncidentId(77)));
}
