//! What lists share: a line of headings, rows with the cursor in sight, what is out of view, and what an empty one says.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, first_visible, out_of_view};
use crate::tui::{
    model::{Link, List, Model, Target},
    theme::Role,
};

/// Draws the rows of a list below their headings; `nothing` says what will stand there, and how it comes there.
pub(super) fn rows(
    model: &Model,
    canvas: &mut Canvas,
    area: Rect,
    list: List,
    head: &str,
    nothing: &str,
    row_of: impl Fn(&str) -> Vec<Piece>,
) {
    let keys = model.rows(list);
    if keys.is_empty() {
        return empty(model, canvas, area, nothing);
    }
    canvas.line(area, 0, &[(Role::Muted, format!("  {head}"))]);
    let area = Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area };
    let room = usize::from(area.height);
    let visible = if keys.len() > room { room.saturating_sub(1) } else { room };
    let selected = model.selected_place(list);
    let first = first_visible(selected, keys.len(), visible);
    for (row, (place, key)) in (0..).zip(keys.iter().enumerate().skip(first).take(visible)) {
        let mut pieces = vec![(Role::Focus, if place == selected { "▶ " } else { "  " }.to_owned())];
        pieces.extend(row_of(key));
        canvas.line(area, row, &pieces);
        if place == selected {
            canvas.select_row(area, row);
        }
        canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, Target::Row(list, place));
    }
    let hidden = out_of_view(first, keys.len().saturating_sub(first + visible));
    if !hidden.is_empty() {
        canvas.line(area, area.height.saturating_sub(1), &[(Role::Muted, format!("  {hidden}"))]);
    }
}

/// What a list without rows says: that the link or the filter is why, or what will stand there.
pub(super) fn empty(model: &Model, canvas: &mut Canvas, area: Rect, nothing: &str) {
    let room = Rect { x: area.x + 2.min(area.width), width: area.width.saturating_sub(4), ..area };
    canvas.paragraph(room, 0, Role::Muted, &why_empty(model, nothing));
}

/// The words for it.
pub(super) fn why_empty(model: &Model, nothing: &str) -> String {
    match (&model.link, model.filter.is_empty()) {
        (Link::Connecting, _) => "connecting to the engine …".to_owned(),
        (_, false) => model.nothing_matches(),
        (_, true) => nothing.to_owned(),
    }
}
