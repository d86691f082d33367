//! What has no room: the way to help, what runs out, what broke and what is typed are never what is left out.

use super::{
    every::{boards, every_screen, name_of},
    scene::{Scene, at, picture, press},
};
use crate::{
    domain::{IncidentId, RecoveryId, Status},
    tui::{
        model::{Model, Overlay, Screen},
        term::input::Key,
    },
};

const PHONE: (u16, u16) = (40, 12);
const OUTAGE: IncidentId = IncidentId(1);

fn on_a_phone(model: &mut Model) -> String {
    picture(model, PHONE.0, PHONE.1)
}

#[test]
fn the_last_line_leads_to_help_on_every_page() {
    for (hour, mut model) in boards() {
        for screen in every_screen(&model) {
            // A run has its own question mark, which says why.
            if matches!(screen, Screen::Run(_) | Screen::StepWhy(..) | Screen::RunText(_)) {
                continue;
            }
            let name = name_of(&screen);
            model.screens = if screen == Screen::Board { vec![screen] } else { vec![Screen::Board, screen] };
            for (width, height) in [PHONE, (80, 24), (110, 32), (160, 48)] {
                let shown = picture(&mut model, width, height);
                let last = shown.lines().last().unwrap_or_default();
                assert!(last.contains("? Help"), "{name}, {hour}, {width}x{height}: {last}");
                assert!(width < 60 || last.contains(": Commands"), "{name}, {hour}, {width}x{height}: {last}");
            }
        }
    }
}

#[test]
fn a_message_that_is_too_long_for_a_row_is_read_to_its_end() {
    let mut model = Scene::outage().seen_by("alice");
    let long = "Hold: not started, the system is not steady: INC-1 is open; a drill begins when everything is well";
    model.say(long.to_owned(), true);
    let shown = picture(&mut model, 80, 24);
    let rows: Vec<&str> = shown.lines().skip(21).collect();
    assert!(rows[0].contains("✖ Hold: not started"), "{shown}");
    assert!(rows[1].trim_end().ends_with("everything is well"), "{shown}");
    assert!(rows[2].contains("? Help"), "{shown}");
    model.say("short".to_owned(), true);
    assert!(picture(&mut model, 80, 24).lines().nth(22).unwrap().contains("✖ short"), "a short one takes one row");
}

#[test]
fn on_a_phone_the_clock_that_runs_is_told_before_those_that_stopped() {
    let scene = Scene::outage();
    let shown = on_a_phone(&mut at(&scene, "alice", Screen::Incident(OUTAGE)));
    let incident = &scene.state.incidents[&OUTAGE];
    let running = incident.running_clock().expect("it is open").to_string();
    let clocks = shown.lines().nth(1).unwrap_or_default();
    let word = running.chars().take(3).collect::<String>().to_lowercase();
    assert!(clocks.trim_start().starts_with(&word) && clocks.contains("left") && !clocks.contains('…'), "{shown}");
}

#[test]
fn on_a_phone_a_diagnosis_begins_with_what_broke() {
    let shown = on_a_phone(&mut at(&Scene::outage(), "alice", Screen::Diagnosis(OUTAGE, None)));
    assert!(shown.contains(" Broke "), "{shown}");
}

#[test]
fn on_a_phone_lists_stand_alone_and_show_their_rows() {
    let scene = Scene::outage();
    for (screen, wanted) in [(Screen::Map, 5), (Screen::Breakers, 4)] {
        let shown = on_a_phone(&mut at(&scene, "alice", screen.clone()));
        let names = scene.state.platform.services.iter();
        let named = names.filter(|service| shown.contains(service.name.get(..8).unwrap_or(&service.name))).count();
        assert!(named >= wanted.min(scene.state.platform.services.len()), "{screen:?}: {named}\n{shown}");
    }
    let shown = on_a_phone(&mut at(&scene, "alice", Screen::Snapshots));
    assert!(shown.contains("RPO") && (shown.contains("intact") || shown.contains("reading")), "{shown}");
}

#[test]
fn on_a_phone_nothing_is_written_over_buttons() {
    let mut model = Scene::healthy().seen_by("alice");
    for card in 0..4 {
        model.overlay = Some(Overlay::Tour(card));
        let shown = on_a_phone(&mut model);
        let row = shown.lines().find(|line| line.contains("[ ↵")).expect("a card can be answered");
        let rest = row.replace("[ ↵ Next ]", "").replace("[ ↵ Done ]", "").replace("[ Esc Enough ]", "");
        assert!(rest.chars().all(|c| !c.is_alphanumeric()), "{shown}");
    }
}

#[test]
fn on_a_phone_what_has_to_be_typed_is_seen_while_it_is() {
    let scene = Scene::outage();
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('r')]);
    assert_eq!(*model.screen(), Screen::Plan);
    let plan = on_a_phone(&mut model);
    assert!(plan.contains("Risk"), "{plan}");
    model.scroll = 100;
    assert!(on_a_phone(&mut model).contains("+"), "the risk is reached by scrolling");
    press(&mut model, &[Key::Enter]);
    assert!(matches!(model.overlay, Some(Overlay::Confirm(_))), "it is asked about");
    model.now += chrono::TimeDelta::seconds(2);
    super::scene::type_in(&mut model, "patient-ap");
    let shown = on_a_phone(&mut model);
    assert!(shown.contains("patient-ap▏"), "{shown}");
}

#[test]
fn on_a_phone_a_recovery_shows_its_steps() {
    let scene = super::recoveries::running();
    let mut model = at(&scene, "alice", Screen::Recovery(RecoveryId(1)));
    let shown = on_a_phone(&mut model);
    assert!(shown.contains(" 1 ") && shown.contains("safety snapshot"), "{shown}");
}

#[test]
fn why_a_service_is_not_well_has_the_rows_that_stand_empty() {
    let mut scene = Scene::outage();
    let reason = "deep-http: HTTP 500 in 10 ms, expected 200: \"missing column dose_unit in chart.sql of release v41\"";
    scene.judge("patient-api", Status::Degraded, "slow");
    scene.judge("patient-api", Status::Down, reason);
    for (width, height) in [(110, 32), (160, 48)] {
        let shown = picture(&mut scene.seen_by("alice"), width, height);
        let pane = if width < 160 { 48 } else { 99 };
        let panes: String = shown.lines().map(|line| line.chars().take(pane).collect::<String>()).collect();
        let words: String = panes.split(['│', '┐', '┌']).map(str::trim).collect::<Vec<_>>().join(" ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("of release v41"), "{width}x{height}:\n{shown}");
    }
}

#[test]
fn a_list_without_rows_has_the_whole_width_for_what_it_says() {
    let scene = Scene::healthy();
    let shown = picture(&mut at(&scene, "alice", Screen::Recoveries), 160, 48);
    assert!(!shown.contains(" Beside "), "{shown}");
    assert!(shown.lines().nth(1).unwrap().chars().filter(|c| *c == '┌').count() == 1, "{shown}");
}
