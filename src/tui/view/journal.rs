//! The journal: everything that happened, by whom and why.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible},
    list,
};
use crate::tui::{
    layout,
    model::{List, Model, Target},
    text,
    theme::Role,
};

/// Columns below which a row says when and what, and its page the rest.
const NARROW: u16 = 60;

/// Columns from which the names of all policies have room.
const WIDE: u16 = 90;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    // Where its page stands beside the list, that is said there.
    let is_beside = model.page_looked_at() != *model.screen();
    let detail = if is_beside || area.height < layout::LIST_ALONE { 0 } else { 6 };
    let upper = Rect { height: area.height.saturating_sub(detail), ..area };
    let keys = model.rows(List::Journal);
    let summary = format!("{} events in all", model.state.seq);
    let inside = canvas.frame(upper, "Journal", &model.summary_of(List::Journal, &summary), true);
    if keys.is_empty() {
        return list::empty(model, canvas, inside, "nothing has happened yet");
    }
    let selected = model.selected_place(List::Journal);
    let first = first_visible(selected, keys.len(), usize::from(inside.height));
    let find = |key: &str| {
        let seq: u64 = key.parse().ok()?;
        model.recent.iter().find(|recorded| recorded.seq == seq)
    };
    for (row, (place, key)) in (0..inside.height).zip(keys.iter().enumerate().skip(first)) {
        let Some(recorded) = find(key) else { continue };
        let pieces: Vec<Piece> = if inside.width < NARROW {
            vec![(Role::Muted, format!("{} ", recorded.at.format("%H:%M:%S"))), (Role::Text, recorded.event.summary())]
        } else {
            vec![
                (Role::Muted, format!("{}  ", text::right(&recorded.seq.to_string(), 7))),
                (Role::Muted, format!("{}  ", recorded.at.format("%H:%M:%S%.3f"))),
                (Role::Text, text::left(&recorded.actor.to_string(), if inside.width < WIDE { 20 } else { 29 })),
                (Role::Text, format!(" {}", recorded.event.summary())),
            ]
        };
        canvas.line(inside, row, &pieces);
        if place == selected {
            canvas.select_row(inside, row);
        }
        canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Row(List::Journal, place));
    }
    if detail == 0 {
        return;
    }
    let lower = Rect { y: upper.bottom(), height: area.bottom().saturating_sub(upper.bottom()), ..area };
    let Some(recorded) = model.selected(List::Journal).and_then(|key| find(&key)) else { return };
    let inside = canvas.frame(lower, &format!("Event {}", recorded.seq), "", false);
    let cause = recorded.cause.map(|cause| format!(", because of event {cause}")).unwrap_or_default();
    let when = recorded.at.format("%Y-%m-%d %H:%M:%S%.6fZ");
    canvas.line(inside, 0, &[(Role::Text, format!(" {when} by {}{cause}", recorded.actor))]);
    canvas.line(inside, 1, &[(Role::Muted, format!(" hash {}", recorded.hash))]);
    let room = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    canvas.paragraph(room, 2, Role::Text, &recorded.event.summary());
}
