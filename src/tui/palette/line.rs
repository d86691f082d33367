//! The line that is typed, what it may mean, and what keys do there.

use tui_textarea::TextArea;

use super::{Entry, find::found};
use crate::tui::{
    message::Request,
    model::{Loaded, Model, Overlay},
    overlay::{input_text, type_into},
    term::input::Key,
};

/// Choices that are remembered.
const REMEMBERED: usize = 20;

/// Rows that one key passes.
const PAGE: usize = 10;

/// What lies over the screen while something is looked for.
#[derive(Debug, Clone)]
pub struct Palette {
    /// What was typed.
    pub input: Box<TextArea<'static>>,
    /// What that may mean, the best first.
    pub found: Vec<Entry>,
    /// The selected one.
    pub selected: usize,
}

/// Opens the palette. Runbooks can be found in it once the engine has named them.
pub(in crate::tui) fn open_palette(model: &mut Model) -> Vec<Request> {
    let palette = Palette { input: Box::default(), found: found(model, ""), selected: 0 };
    model.overlay = Some(Overlay::Palette(palette));
    if model.books.is_some() {
        return Vec::new();
    }
    model.books = Some(Loaded::Waiting);
    vec![Request::Books]
}

/// Takes a key for the palette.
pub(in crate::tui) fn on_palette_key(model: &mut Model, mut palette: Palette, key: Key) -> Vec<Request> {
    let last = palette.found.len().saturating_sub(1);
    match key {
        Key::Down => palette.selected = (palette.selected + 1).min(last),
        Key::Up => palette.selected = palette.selected.saturating_sub(1),
        Key::PageDown => palette.selected = (palette.selected + PAGE).min(last),
        Key::PageUp => palette.selected = palette.selected.saturating_sub(PAGE),
        Key::Enter => {
            let place = palette.selected;
            return choose_entry(model, palette, place);
        }
        Key::Tab => {
            if let Some(whole) = palette.found.get(palette.selected).and_then(Entry::typed) {
                retype(model, &mut palette, &whole);
            }
        }
        key => {
            type_into(&mut palette.input, key);
            look_again(model, &mut palette);
        }
    }
    model.overlay = Some(Overlay::Palette(palette));
    Vec::new()
}

/// Takes pasted text into the palette.
pub(in crate::tui) fn paste(model: &Model, palette: &mut Palette, pasted: &str) {
    palette.input.insert_str(pasted);
    look_again(model, palette);
}

/// Does what was chosen. What cannot be done with what was typed is said, and stays to be put right.
pub(in crate::tui) fn choose_entry(model: &mut Model, palette: Palette, place: usize) -> Vec<Request> {
    let Some(entry) = palette.found.get(place).cloned() else {
        model.overlay = Some(Overlay::Palette(palette));
        return Vec::new();
    };
    match entry.run(model) {
        Ok(requests) => {
            model.chosen.retain(|known| *known != entry);
            model.chosen.push_front(entry);
            model.chosen.truncate(REMEMBERED);
            requests
        }
        Err(why) => {
            model.say(why, true);
            model.overlay = Some(Overlay::Palette(palette));
            Vec::new()
        }
    }
}

fn look_again(model: &Model, palette: &mut Palette) {
    palette.found = found(model, &input_text(&palette.input));
    palette.selected = 0;
}

fn retype(model: &Model, palette: &mut Palette, whole: &str) {
    *palette.input = TextArea::new(vec![whole.to_owned()]);
    palette.input.move_cursor(tui_textarea::CursorMove::End);
    look_again(model, palette);
}
