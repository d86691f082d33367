//! The palette: the line that is typed, and what it may mean.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    dialog::{Choices, list},
};
use crate::tui::{model::Model, overlay::input_text, palette::Palette, text, theme::Role};

/// Columns of a name, and of a name where there is room.
const NAME: (usize, usize) = (20, 30);

/// Columns below which a name says more than of what kind it is.
const NARROW: u16 = 60;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, palette: &Palette) {
    let (width, name) = if area.width > 100 { (98, NAME.1) } else { (84, NAME.0) };
    let lines: Vec<Vec<Piece>> = palette
        .found
        .iter()
        .map(|entry| {
            let row = entry.row(model);
            let (role, about) = match row.disabled {
                Some(why) => (Role::Muted, format!("— {why}")),
                None => (Role::Text, row.about),
            };
            let kind = if area.width < NARROW { 0 } else { 10 };
            vec![
                (Role::Key, format!(" {}", text::left(&row.key, 6))),
                (Role::Muted, text::left(row.kind, kind)),
                (role, format!("{} ", text::left(&text::fit(&row.name, name), name))),
                (Role::Muted, text::clean(&about)),
            ]
        })
        .collect();
    let typed = input_text(&palette.input);
    let choices = Choices {
        title: "Find anything",
        keys: "↑↓ ↵ · Tab completes · Esc leaves it",
        width,
        lines: &lines,
        selected: palette.selected,
        typed: Some((&typed, palette.input.cursor().1)),
    };
    list(canvas, area, &choices);
}
