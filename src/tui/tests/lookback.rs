//! The page of a service, looked at over a window.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    pages::SIZES,
    scene::{Scene, picture, press},
};
use crate::{
    domain::{Forecast, Grain, History, Outlook, Rollup, Status, Subject, Window, Witness, fold},
    platform::Reading,
    tui::{
        message::{Message, Request, Timed},
        model::{Model, Screen},
        term::input::Key,
        update::update,
        view::STRIP,
    },
};

const API: &str = "patient-api";

/// Up since `hours` ago, with an outage and an hour of silence.
fn slots(now: DateTime<Utc>, hours: i64) -> Vec<Rollup> {
    let start = Grain::Fine.floor(now - TimeDelta::hours(hours));
    let (broken, silent) = (start + TimeDelta::hours(hours / 2), start + TimeDelta::hours(hours / 4));
    let minutes = (now - start).num_minutes();
    let samples: Vec<Witness> = (0..minutes)
        .map(|minute| start + TimeDelta::minutes(minute))
        .filter(|at| *at < silent || *at > silent + TimeDelta::hours(1))
        .map(|at| {
            let down = at >= broken && at < broken + TimeDelta::minutes(12);
            let slow = at > broken - TimeDelta::hours(1) && at < broken;
            let (reading, judged) = match (down, slow) {
                (true, _) => (Reading::Bad, Status::Down),
                (_, true) => (Reading::Slow, Status::Degraded),
                _ => (Reading::Good, Status::Healthy),
            };
            let latency = Duration::from_millis(if slow { 400 } else { 5 + at.timestamp().unsigned_abs() / 60 % 31 });
            Witness { at, check: "health".to_owned(), reading, latency, judged, measured: None }
        })
        .collect();
    fold(None, &samples, Duration::from_secs(120), start, now)
}

fn answer(model: &mut Model, result: Result<History, String>) {
    let message = Message::History(API.to_owned(), model.looked_back.window, result);
    update(model, Timed { at: model.now, message });
}

fn opened() -> (Model, Vec<Request>) {
    let mut model = Scene::outage().seen_by("alice");
    let asked = press(&mut model, &[Key::Char('1'), Key::Enter]);
    (model, asked)
}

#[test]
fn a_service_is_looked_back_on_at_three_sizes() {
    let (mut model, asked) = opened();
    assert_eq!(asked, [Request::History(API.to_owned(), Window::Day)]);
    assert!(picture(&mut model, 110, 32).contains("being read …"));
    let now = model.now;
    answer(&mut model, Ok(History::of(API, Window::Day, now, &slots(now, 24), (3, 1_440), STRIP)));
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("lookback-{width}x{height}"), picture(&mut model, width, height));
    }
}

#[test]
fn the_window_changes_by_a_key_and_an_answer_for_another_one_is_dropped() {
    let (mut model, _) = opened();
    let now = model.now;
    assert_eq!(press(&mut model, &[Key::Char('t')]), [Request::History(API.to_owned(), Window::Week)]);
    let late = History::of(API, Window::Day, now, &slots(now, 24), (0, 0), STRIP);
    update(&mut model, Timed { at: now, message: Message::History(API.to_owned(), Window::Day, Ok(late)) });
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("[7d]") && shown.contains("being read …"), "{shown}");
    answer(&mut model, Err("the disk is full".to_owned()));
    assert!(picture(&mut model, 110, 32).contains("✖ cannot be read: the disk is full"));
    press(&mut model, &[Key::Char('t'), Key::Char('t'), Key::Char('t')]);
    assert!(picture(&mut model, 110, 32).contains("[24h]"));
    press(&mut model, &[Key::Esc]);
    assert!(press(&mut model, &[Key::Char('t')]).is_empty());
    assert!(model.toast.clone().unwrap().text.contains("open a service"));
}

#[test]
fn what_is_not_known_is_never_shown_as_up() {
    let (mut model, _) = opened();
    let now = model.now;
    answer(&mut model, Ok(History::of(API, Window::Day, now, &[], (0, 0), STRIP)));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("◌ not watched in the last 24h") && !shown.contains('▪'), "{shown}");
    answer(&mut model, Ok(History::of(API, Window::Day, now, &slots(now, 6), (0, 0), STRIP)));
    let shown = picture(&mut model, 110, 32);
    assert!(shown.contains("◌ uptime unknown: only 5 h 1 m of 24h were watched · down 12 m"), "{shown}");
    assert!(shown.contains("····") && shown.contains(", before unknown"), "{shown}");
}

#[test]
fn figures_on_the_screen_are_asked_for_again_when_they_are_old() {
    let (mut model, _) = opened();
    let tick = |model: &mut Model, seconds| {
        let at = model.now + TimeDelta::seconds(seconds);
        update(model, Timed { at, message: Message::Tick })
    };
    assert!(tick(&mut model, 20).is_empty());
    assert_eq!(tick(&mut model, 20), [Request::History(API.to_owned(), Window::Day)]);
    model.screens = vec![Screen::Board];
    assert!(tick(&mut model, 100).is_empty());
}

#[test]
fn what_is_to_come_stands_on_the_page_the_near_first() {
    let (mut model, _) = opened();
    let now = model.now;
    let forecast = |check: &str, subject, outlook, near| Forecast {
        check: check.to_owned(),
        subject,
        outlook,
        near,
        points: 28,
        from: Some(now - TimeDelta::days(28)),
    };
    let full = Outlook::RunsOut {
        value: 91.25,
        per_day: 3.5,
        at: now + TimeDelta::hours(60),
        earliest: now + TimeDelta::hours(50),
        latest: Some(now + TimeDelta::hours(75)),
    };
    let ahead = vec![
        forecast("data", Subject::Disk, full, true),
        forecast("health", Subject::Certificate, Outlook::Ends { at: now + TimeDelta::days(61) }, false),
        forecast("health", Subject::Latency, Outlook::NotEnough { needed: 12 }, false),
        forecast("host", Subject::Memory, Outlook::Steady, false),
    ];
    answer(&mut model, Ok(History { ahead, ..History::of(API, Window::Day, now, &slots(now, 24), (0, 0), STRIP) }));
    insta::assert_snapshot!("ahead-160x48", picture(&mut model, 160, 48));
    assert!(picture(&mut model, 80, 24).contains("▲ disk"));
}
