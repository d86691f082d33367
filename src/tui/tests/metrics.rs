//! The metrics: what they say with enough cases, and that they say so with too few.

use chrono::{DateTime, TimeDelta};

use super::{
    pages::SIZES,
    scene::{Scene, picture, press},
};
use crate::{
    domain::{IncidentId, IncidentState, Severity},
    tui::{
        message::{Message, Timed},
        model::{Model, Screen},
        term::input::Key,
        update::update,
    },
};

/// A year with an incident every nine days: more of them than one took longer than twice its target.
fn year() -> Scene {
    let mut scene = Scene::outage();
    let first = scene.state.incidents[&IncidentId(1)].clone();
    scene.state.began = Some(DateTime::UNIX_EPOCH);
    for number in 0..40_u32 {
        let mut other = first.clone();
        other.id = IncidentId(u64::from(number) + 2);
        other.severity = Severity::ALL[(number % 7 / 2) as usize];
        other.state = IncidentState::Closed;
        let detected = scene.now - TimeDelta::days(i64::from(number) * 9 + 1);
        other.detected_at = detected;
        other.opened_at = detected + TimeDelta::milliseconds(2_400);
        other.acknowledged_at = Some(detected + TimeDelta::seconds(40 + i64::from(number % 5) * 20));
        other.responded_at = Some(detected + TimeDelta::minutes(3));
        let minutes = if number == 7 { 400 } else { 12 + i64::from(number % 4) * 9 };
        other.resolved_at = Some(detected + TimeDelta::minutes(minutes));
        other.services = vec![if number % 3 == 0 { "records-db" } else { "patient-api" }.to_owned()];
        scene.state.incidents.insert(other.id, other);
    }
    scene
}

fn opened(scene: &Scene) -> Model {
    let mut model = scene.seen_by("alice");
    press(&mut model, &[Key::Char('M')]);
    assert_eq!(*model.screen(), Screen::Metrics);
    model
}

#[test]
fn a_year_of_incidents_at_three_sizes() {
    let scene = year();
    for (width, height) in SIZES {
        let mut model = opened(&scene);
        insta::assert_snapshot!(format!("quarter-{width}x{height}"), picture(&mut model, width, height));
        press(&mut model, &[Key::Char('t')]);
        insta::assert_snapshot!(format!("year-{width}x{height}"), picture(&mut model, width, height));
    }
}

#[test]
fn every_incident_of_the_window_is_in_the_plots() {
    let mut model = opened(&year());
    let shown = picture(&mut model, 110, 90);
    let row =
        |name: &str| shown.lines().filter(|line| line.contains(&format!("│ {name}  "))).nth(1).unwrap().to_owned();
    // The severities of the last 90 days: numbers 0 to 9, and the outage that is open.
    let counted = |name: &str| -> u32 { row(name).chars().filter_map(|c| c.to_digit(10)).skip(1).sum() };
    assert_eq!(["SEV1", "SEV2", "SEV3", "SEV4"].map(counted), [5, 3, 2, 1], "{shown}");
    assert!(shown.contains("11 incidents · 1 open"), "{shown}");
    assert!(shown.contains("»1    target 30m"), "the one of 400 minutes is beyond the strip:\n{shown}");
}

#[test]
fn too_few_cases_and_none_at_all_say_so() {
    let shown = picture(&mut opened(&Scene::outage()), 110, 32);
    assert!(shown.contains("the journal begins there"), "{shown}");
    let wide = picture(&mut opened(&Scene::outage()), 160, 48);
    // What is known is told, what is not with when it will be, and what is asked of each severity.
    for wanted in ["SEV1    1 ", "— of 4h", "medians", "after 6 incidents", "MTBF", "after 6 failures of it", "window"]
    {
        assert!(wide.contains(wanted), "{wanted}:\n{wide}");
    }
    assert!(!wide.contains("not enough data") && wide.contains("Incidents by hour"), "{wide}");
    let mut model = opened(&Scene::healthy());
    insta::assert_snapshot!("none-80x24", picture(&mut model, 80, 24));
    insta::assert_snapshot!("none-160x48", picture(&mut model, 160, 48));
    assert!(picture(&mut model, 80, 24).contains("● no incident in this time"));
}

#[test]
fn the_figures_are_worked_out_anew_while_they_are_looked_at() {
    let mut scene = Scene::outage();
    let mut model = opened(&scene);
    let later = scene.now + TimeDelta::seconds(31);
    scene.state.incidents.clear();
    model.state = scene.state.clone();
    assert!(picture(&mut model, 110, 32).contains("1 incident"), "what was worked out stays for a while");
    update(&mut model, Timed { at: later + TimeDelta::seconds(1), message: Message::Tick });
    assert!(picture(&mut model, 110, 32).contains("no incident in this time"));
    press(&mut model, &[Key::Esc]);
    press(&mut model, &[Key::Char('t')]);
    assert!(model.toast.clone().unwrap().text.contains("open"), "the key says why it does nothing elsewhere");
}
