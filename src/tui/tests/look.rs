//! Themes and keys of a person's own on the board: tried on, kept, shown everywhere, and never in the way.

use std::path::Path;

use chrono::TimeDelta;
use ratatui::{buffer::Buffer, layout::Rect, style::Color};

use super::{
    pages::{SIZES, pages},
    scene::{Scene, click, picture, press},
};
use crate::{
    engine::Home,
    tui::{
        action::{FROM_ELSEWHERE, Keymap, Where, all, named},
        message::Request,
        model::{Model, Overlay, Screen, Target},
        preferences::Preferences,
        settings::{self, Setup},
        term::input::Key,
        theme::{Colours, Role, Shelf, Theme},
        view,
    },
};

/// What a home with these settings says about the board.
fn setup(text: &str, colours: Colours) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    std::fs::write(home.settings_file(), text).unwrap();
    let mut setup = settings::load(Some(&home), colours);
    for problem in &mut setup.problems {
        problem.file = "settings.toml".to_owned();
    }
    setup
}

fn cells(model: &Model, theme: Theme, (width, height): (u16, u16)) -> Buffer {
    let mut buffer = Buffer::empty(Rect { x: 0, y: 0, width, height });
    drop(view::draw(model, theme, &mut buffer));
    buffer
}

fn text(buffer: &Buffer) -> String {
    buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn a_theme_is_tried_on_as_the_cursor_moves_kept_with_enter_and_left_with_esc() {
    let mut model = Scene::outage().seen_by("alice");
    model.look.shelf = Shelf::shipped(Colours::True);
    let before = model.theme();
    press(&mut model, &[Key::Ctrl('t')]);
    assert_eq!(model.theme(), before, "the menu opens at the one that is kept");
    press(&mut model, &[Key::Down, Key::Down]);
    let midnight = model.look.shelf.theme("midnight");
    assert_eq!(model.theme(), midnight);
    assert_eq!(press(&mut model, &[Key::Esc]), []);
    assert_eq!(model.theme(), before);
    let kept = press(&mut model, &[Key::Ctrl('t'), Key::Down, Key::Down, Key::Enter]);
    assert_eq!(kept, [Request::KeepTheme("midnight".to_owned())]);
    assert!(model.overlay.is_none());
    assert_eq!(model.theme(), midnight);
    // By mouse: one click tries on, another one keeps.
    press(&mut model, &[Key::Ctrl('t')]);
    picture(&mut model, 80, 24);
    assert_eq!(click(&mut model, &Target::Choice(7)), []);
    assert!(matches!(model.overlay, Some(Overlay::Themes { selected: 7 })));
    picture(&mut model, 80, 24);
    assert_eq!(click(&mut model, &Target::Choice(7)), [Request::KeepTheme("mono".to_owned())]);
}

#[test]
fn the_menu_of_themes_at_every_size() {
    for (width, height) in SIZES {
        let mut model = Scene::outage().seen_by("alice");
        model.look.shelf = Shelf::shipped(Colours::Sixteen);
        press(&mut model, &[Key::Ctrl('t'), Key::Down]);
        insta::assert_snapshot!(format!("themes-{width}x{height}"), picture(&mut model, width, height));
    }
}

#[test]
fn a_theme_changes_how_pages_look_and_nothing_that_they_say() {
    let shelf = Shelf::shipped(Colours::True);
    let mut model = Scene::outage().seen_by("alice");
    for (name, screen) in pages(&model) {
        model.screens = vec![Screen::Board, screen];
        let plain = cells(&model, Theme::mono(), (110, 32));
        assert!(
            plain.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset),
            "{name} has colours"
        );
        for choice in shelf.choices() {
            let drawn = cells(&model, choice.theme, (110, 32));
            assert_eq!(text(&drawn), text(&plain), "{name} in {}", choice.name);
            // A theme with a ground of its own covers every cell; a terminal shines through none of them.
            let ground = choice.theme.style(Role::Text).bg;
            let holes = drawn.content.iter().filter(|cell| ground.is_some() && cell.bg == Color::Reset).count();
            assert_eq!(holes, 0, "{name} in {}", choice.name);
        }
    }
    press(&mut model, &[Key::Char(':')]);
    let drawn = cells(&model, shelf.theme("midnight"), (110, 32));
    assert!(drawn.content.iter().all(|cell| cell.bg != Color::Reset), "the palette has holes");
}

#[test]
fn what_is_selected_is_seen_in_every_theme() {
    for colours in [Colours::None, Colours::Sixteen, Colours::Indexed, Colours::True] {
        for choice in Shelf::shipped(colours).choices() {
            let mut model = Scene::outage().seen_by("alice");
            let first = cells(&model, choice.theme, (110, 32));
            press(&mut model, &[Key::Down]);
            assert_ne!(first, cells(&model, choice.theme, (110, 32)), "{} on {}", choice.name, colours.words());
        }
    }
}

#[test]
fn ones_own_keys_do_what_they_should_and_stand_everywhere() {
    let mut model = Scene::outage().seen_by("alice");
    model.set_up(setup(
        "[keys.incident]\ndiagnose = [\";\"]\n[keys.anywhere]\njournal = [\"ctrl-x\"]\nmetrics = []\nfilter = [\"_\"]\n",
        Colours::Sixteen,
    ));
    assert_eq!(model.problems, [] as [&str; 0]);
    press(&mut model, &[Key::Char('l')]);
    assert_eq!(*model.screen(), Screen::Board, "the old key does nothing any more");
    press(&mut model, &[Key::Char('M')]);
    assert_eq!(*model.screen(), Screen::Board, "nor does one that was taken away");
    press(&mut model, &[Key::Ctrl('x')]);
    assert_eq!(*model.screen(), Screen::Journal);
    press(&mut model, &[Key::Esc, Key::Char('2')]);
    let board = picture(&mut model, 110, 32);
    assert!(board.lines().last().unwrap().contains("; Diagnose"), "{board}");
    press(&mut model, &[Key::Char(':')]);
    super::scene::type_in(&mut model, "metrics");
    assert!(picture(&mut model, 110, 32).contains("Metrics"), "without a key it is found by its name");
    press(&mut model, &[Key::Enter]);
    assert_eq!(*model.screen(), Screen::Metrics);
    press(&mut model, &[Key::Esc, Key::Char('_'), Key::Char('a'), Key::Enter]);
    assert!(picture(&mut model, 110, 32).contains("_ changes it"), "sentences name the key in force");
    press(&mut model, &[Key::Char('?')]);
    let help = picture(&mut model, 110, 400);
    let line =
        |words: &str| help.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{help}")).to_owned();
    assert!(line("Everything that happened").contains("*^x"), "{help}");
    assert!(!line("Leave the board").contains('*'), "{help}");
    assert!(help.contains("* keys of your settings"), "{help}");
}

#[test]
fn wrong_settings_are_told_and_never_keep_anybody_out() {
    let mut model = Scene::outage().seen_by("alice");
    model.set_up(setup(
        "[board]\ntheme = \"midnigth\"\n[keys.anywhere]\nhelp = [\"esc\"]\nqiut = []\n",
        Colours::Sixteen,
    ));
    let said = model.toast.clone().unwrap();
    assert!(
        said.bad
            && said.text.contains("settings.toml:2")
            && said.text.starts_with("3 problems in your settings, ? lists"),
        "{said:?}"
    );
    assert_eq!((model.keymap.clone(), model.look.kept.as_str()), (Keymap::default(), "default"));
    press(&mut model, &[Key::Char('?')]);
    insta::assert_snapshot!("help-problems-80x24", picture(&mut model, 80, 24));
}

#[test]
fn a_theme_that_cannot_be_shown_says_what_is_shown_instead() {
    let mut model = Scene::outage().seen_by("alice");
    model.set_up(setup("[board]\ntheme = \"midnight\"\n", Colours::Sixteen));
    let said = model.toast.clone().unwrap();
    assert_eq!(said.text, "this terminal has too few colours for midnight: default is shown");
    assert!(!said.bad);
    assert_eq!(model.theme(), model.look.shelf.theme("default"));
}

#[test]
fn how_the_board_was_left_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    let mut model = Scene::outage().seen_by("alice");
    press(&mut model, &[Key::Char('M'), Key::Char('t')]);
    let left = model.measured.reach;
    model.preferences().save(&home.board_memory()).unwrap();
    let mut next = Scene::outage().seen_by("alice");
    assert_ne!(next.measured.reach, left);
    next.set_up(settings::load(Some(&home), Colours::Sixteen));
    assert_eq!(next.measured.reach, left);
    assert_eq!(next.preferences(), Preferences::load(Path::new(&home.board_memory())));
}

#[test]
fn actions_of_pages_of_their_own_do_nothing_elsewhere_but_those_that_lead_there() {
    let own = [
        Where::Knowledge,
        Where::Template,
        Where::Runbook,
        Where::Run,
        Where::Calendar,
        Where::Continuity,
        Where::Drill,
    ];
    for scene in [Scene::outage(), Scene::healthy()] {
        let mut model = scene.seen_by("alice");
        for (page, screen) in pages(&Scene::outage().seen_by("alice")).into_iter().take(3) {
            model.screens = vec![Screen::Board, screen];
            let able = all().filter(|action| own.contains(&action.place) && (action.disabled)(&model).is_none());
            let elsewhere: Vec<&str> =
                able.map(|action| action.name).filter(|name| !FROM_ELSEWHERE.contains(name)).collect();
            assert!(elsewhere.is_empty(), "{elsewhere:?} on {page}");
        }
    }
    assert!(FROM_ELSEWHERE.iter().all(|name| named(name).is_some_and(|action| own.contains(&action.place))));
}

#[test]
fn a_locked_board_may_change_its_looks() {
    let mut model = Scene::outage().seen_by("alice");
    model.locked = true;
    model.touched_at = model.now + TimeDelta::hours(1);
    let kept = press(&mut model, &[Key::Ctrl('t'), Key::Down, Key::Enter]);
    assert_eq!(kept, [Request::KeepTheme("light".to_owned())]);
}
