//! What is said below a page: a no is shown to its end, where what to do next stands, and goes with the page on which somebody asked.

use super::scene::{Scene, picture, press};
use crate::tui::term::input::Key;

#[test]
fn a_no_is_shown_to_its_end_in_the_keys_of_this_board_and_goes_with_its_page() {
    let mut model = Scene::outage().seen_by("alice");
    let why = "INC-1 is resolved, and the post-mortem of it is owed until tomorrow morning at nine";
    model.say(format!("{why}; write it: codeblue incident postmortem INC-1"), true);
    let way = format!("{} on INC-1", model.key("post-mortem"));
    for (columns, rows) in [(60, 24), (80, 24), (160, 48)] {
        let shown = picture(&mut model, columns, rows);
        let said: Vec<&str> = shown.split_whitespace().collect();
        assert!(said.join(" ").contains(&format!("write it: {way}")), "{columns}: {shown}");
    }
    press(&mut model, &[Key::Char('2')]);
    assert!(model.toast.is_some(), "it is the same page");
    press(&mut model, &[Key::Enter]);
    assert!(model.toast.is_none(), "{:?}", model.toast);
}

#[test]
fn what_leads_to_all_else_is_named_in_every_pane_however_many_keys_there_are() {
    let mut model = Scene::outage().seen_by("alice");
    for pane in ['1', '2', '3', '4'] {
        press(&mut model, &[Key::Char(pane)]);
        let shown = picture(&mut model, 80, 24);
        let keys = shown.lines().last().unwrap_or_default();
        assert!(keys.contains(": Commands") && keys.contains("? Help"), "{pane}: {keys}");
    }
}
