//! How many bytes a terminal gets: what a slow link pays for a key, for news, and for nothing.

use chrono::TimeDelta;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    every::{boards, every_screen, name_of},
    scene::{Scene, press},
};
use crate::{
    client::Update,
    domain::Status,
    platform::{CheckLevel, Reading, Sample},
    tui::{
        message::{Message, Timed},
        model::{List, Model, Overlay, Pane, Screen},
        term::{
            frame::Frames,
            input::{Input, Key},
        },
        update::update,
        view,
    },
};

const SERVICES: usize = 40;

/// A board of forty services that were heard from each second of the last minute.
fn board() -> Model {
    let mut text = "[platform]\nname = \"HoloVitals\"\nprofile = \"production\"\n".to_owned();
    for number in 0..SERVICES {
        text += &format!(
            "[[service]]\nname = \"service-{number}\"\n[[service.check]]\nname = \"health\"\nhttp = \"http://127.0.0.1:81/{number}\"\nevery = \"1s\"\n"
        );
    }
    text += "[[operator]]\nname = \"alice\"\nroles = [\"technical-lead\"]\nlogin = \"ops\"\n";
    let mut scene = Scene::of(&text);
    for number in 0..SERVICES {
        scene.judge(&format!("service-{number}"), Status::Healthy, "health ok");
        for second in 0..60 {
            scene.sample(&format!("service-{number}"), second - 30, Reading::Good, 12 + second.unsigned_abs() % 5);
        }
    }
    scene.seen_by("alice")
}

/// The frame that a terminal of 120 columns and 40 rows gets now.
fn frame(frames: &mut Frames, model: &mut Model) -> Vec<u8> {
    frame_of(frames, model, (120, 40))
}

/// The same of another size.
fn frame_of(frames: &mut Frames, model: &mut Model, (width, height): (u16, u16)) -> Vec<u8> {
    let mut picture = Buffer::empty(Rect { x: 0, y: 0, width, height });
    let theme = model.theme();
    let drawn = view::draw(model, theme, &mut picture);
    model.hits = drawn.hits;
    model.page = drawn.page;
    model.columns = drawn.columns;
    frames.next(picture).unwrap_or_default()
}

fn news(model: &Model, service: usize, millis: u64) -> Sample {
    Sample {
        service: format!("service-{service}"),
        check: "health".to_owned(),
        level: CheckLevel::Shallow,
        at: model.now,
        reading: Reading::Good,
        latency: std::time::Duration::from_millis(millis),
        detail: "HTTP 200".to_owned(),
        measured: None,
    }
}

fn hear(model: &mut Model, samples: Vec<Sample>) {
    let at = model.now;
    update(model, Timed { at, message: Message::Update(Update::Samples(samples)) });
}

#[test]
fn a_key_news_and_the_whole_screen_stay_within_their_bytes() {
    let (mut model, mut frames) = (board(), Frames::new());
    let full = frame(&mut frames, &mut model).len();
    assert!(full <= 12 * 1024, "the whole screen takes {full} bytes");
    let again = frame(&mut frames, &mut model).len();
    assert_eq!(again, 0, "what is the same is not written again");

    let mut worst = 0;
    for key in [Key::Down, Key::Down, Key::Up] {
        press(&mut model, &[key]);
        worst = worst.max(frame(&mut frames, &mut model).len());
    }
    assert!(worst > 0 && worst <= 300, "moving the cursor takes {worst} bytes");

    model.now += TimeDelta::seconds(1);
    let sample = news(&model, 3, 250);
    hear(&mut model, vec![sample]);
    let refreshed = frame(&mut frames, &mut model).len();
    assert!(refreshed > 0 && refreshed <= 400, "news of a service take {refreshed} bytes");

    press(&mut model, &[Key::PageDown]);
    let paged = frame(&mut frames, &mut model).len();
    assert!(paged <= 4 * 1024, "a page of the list takes {paged} bytes");

    let all = (0..SERVICES).map(|service| news(&model, service, 13)).collect();
    hear(&mut model, all);
    let round = frame(&mut frames, &mut model).len();
    assert!(round <= 6 * 1024, "news of all {SERVICES} services take {round} bytes");

    press(&mut model, &[Key::Char(':')]);
    let opened = frame(&mut frames, &mut model).len();
    assert!(opened <= 8 * 1024, "the palette takes {opened} bytes");
    assert!(matches!(model.overlay, Some(Overlay::Palette { .. })));
    println!(
        "full {full} B, cursor {worst} B, page {paged} B, one service {refreshed} B, all services {round} B, palette {opened} B"
    );
}

/// On every page with a list, in every hour of a platform, a move of the cursor is cheap.
#[test]
fn a_move_of_the_cursor_stays_within_its_bytes_on_every_list() {
    let mut costly = Vec::new();
    for (hour, model) in boards() {
        for screen in every_screen(&model) {
            let mut model = model.clone();
            model.screens =
                if screen == Screen::Board { vec![Screen::Board] } else { vec![Screen::Board, screen.clone()] };
            model.zoomed = None;
            let panes = if screen == Screen::Board { Pane::ALL.to_vec() } else { vec![model.focus] };
            for pane in panes {
                model.focus = pane;
                let Some(list) = model.list().filter(|list| model.rows(*list).len() > 1) else { continue };
                let mut frames = Frames::new();
                let full = frame(&mut frames, &mut model).len();
                let mut worst = 0;
                for key in [Key::Down, Key::Down, Key::Up, Key::Up] {
                    press(&mut model, &[key]);
                    worst = worst.max(frame(&mut frames, &mut model).len());
                }
                println!("{worst:>5} B of {full:>5} B: {} of {hour}, {list:?}", name_of(&screen));
                // Where what is selected is told at length beside or below the list, that is another one after a move.
                let is_told = matches!(list, List::Snapshots | List::Steps | List::Books | List::Journal);
                let most = if is_told { 1024 } else { 400 };
                if worst > most || full > 12 * 1024 {
                    costly.push((worst, full, name_of(&screen), hour));
                }
            }
        }
    }
    assert!(costly.is_empty(), "{costly:?}");
}

/// Where the page of what is selected stands beside the list, a move of the cursor brings another page.
#[test]
fn a_move_of_the_cursor_with_a_page_beside_the_list_writes_what_differs_between_two_pages() {
    let (mut model, mut frames) = (board(), Frames::new());
    let size = (180, 48);
    let full = frame_of(&mut frames, &mut model, size).len();
    let mut worst = 0;
    for key in [Key::Down, Key::Down, Key::Up] {
        press(&mut model, &[key]);
        worst = worst.max(frame_of(&mut frames, &mut model, size).len());
    }
    println!("at 180x48: full {full} B, cursor {worst} B");
    assert!(worst > 0 && worst <= 2048, "moving the cursor takes {worst} bytes of {full}");
}

/// A key that is held moves the cursor, and the page beside the list follows when it rests.
#[test]
fn a_held_key_costs_the_list_alone_until_the_cursor_rests() {
    let (mut model, mut frames) = (board(), Frames::new());
    let size = (180, 48);
    frame_of(&mut frames, &mut model, size);
    press(&mut model, &[Key::Down]);
    frame_of(&mut frames, &mut model, size);
    let beside = model.page_beside();
    let mut worst = 0;
    for _ in 0..10 {
        let at = model.now + TimeDelta::milliseconds(33);
        update(&mut model, Timed { at, message: Message::Input(Input::Key(Key::Down)) });
        worst = worst.max(frame_of(&mut frames, &mut model, size).len());
    }
    assert_eq!(model.page_beside(), beside);
    assert_ne!(model.page_beside(), model.selected_page());
    assert!(worst > 0 && worst <= 300, "moving the cursor takes {worst} bytes");
    let at = model.now + TimeDelta::milliseconds(120);
    update(&mut model, Timed { at, message: Message::Tick });
    assert_eq!(model.page_beside(), model.selected_page());
    assert!(!frame_of(&mut frames, &mut model, size).is_empty());
}

#[test]
fn a_board_on_which_nothing_happens_writes_nothing() {
    let (mut model, mut frames) = (board(), Frames::new());
    frame(&mut frames, &mut model);
    for _ in 0..5 {
        let at = model.now + TimeDelta::seconds(2);
        update(&mut model, Timed { at, message: Message::Tick });
        let written = frame(&mut frames, &mut model);
        assert!(written.is_empty(), "{}", String::from_utf8_lossy(&written));
    }
}
