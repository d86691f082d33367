//! What pages of facts share: the lines that can be clicked, and the buttons below.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use crate::tui::{
    action::Action,
    layout,
    model::{Model, Target},
    text,
    theme::Role,
};

/// What on the visible lines can be clicked.
pub(super) fn links(canvas: &mut Canvas, area: Rect, targets: Vec<Option<Target>>, first: usize) {
    for (row, target) in (0..area.height).zip(targets.into_iter().skip(first)) {
        if let Some(target) = target {
            canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, target);
        }
    }
}

/// Two columns of lines as one, the left of so many columns with what is between.
pub(super) fn beside(left: Vec<Vec<Piece>>, right: Vec<Vec<Piece>>, columns: usize) -> Vec<Vec<Piece>> {
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    let mut line = || {
        let mut used = 0;
        let mut line: Vec<Piece> = Vec::new();
        for (role, words) in left.next().unwrap_or_default() {
            let words = text::fit(&words, columns.saturating_sub(used + 1));
            used += text::width(&words);
            line.push((role, words));
        }
        line.push((Role::Text, " ".repeat(columns.saturating_sub(used))));
        line.extend(right.next().unwrap_or_default());
        line
    };
    (0..rows).map(|_| line()).collect()
}

/// An action as a button that asks first.
pub(super) fn asking(model: &Model, action: &Action) -> (String, Target) {
    (model.keymap.button(action, &format!("{}…", action.label)), Target::Action(action.name))
}

/// What can be pressed, on the last rows, the most useful first. Gives the rows it takes.
pub(super) fn buttons(canvas: &mut Canvas, area: Rect, all: Vec<(String, Target)>) -> u16 {
    if canvas.is_aside {
        return 0;
    }
    let mut rows: Vec<Vec<(String, Target)>> = Vec::new();
    let mut used = u16::MAX;
    for (label, target) in all {
        let columns = u16::try_from(text::width(&label)).unwrap_or(u16::MAX).saturating_add(6);
        if used.saturating_add(columns) > area.width.saturating_add(2) {
            rows.push(Vec::new());
            used = 1;
        }
        used = used.saturating_add(columns);
        if let Some(row) = rows.last_mut() {
            row.push((label, target));
        }
    }
    // What has no button there has its key in the last line.
    let most = if area.height < layout::LIST_ALONE { 1 } else { area.height / 3 };
    let height = u16::try_from(rows.len()).unwrap_or(1).min(most);
    let place = Rect { y: area.bottom().saturating_sub(height), height, ..area };
    for (row, pressed) in (0..height).zip(rows) {
        let mut at = 1;
        for (label, target) in pressed {
            at += canvas.button(place, row, at, &label, target, false);
        }
    }
    height
}
