//! The help page, made from the table of actions, and the cards of the tour.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use crate::tui::{
    action::{Action, Danger, Where, all},
    help::{Advice, CARDS},
    model::{Model, Target},
    text,
    theme::Role,
};

/// Columns of the help page before what an action is about.
const ABOUT: usize = 31;

/// What can be done where help was asked for, then what can be done anywhere.
pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let inside = canvas.frame(area, "Help", "what can be done where", true);
    let room = usize::from(inside.width).saturating_sub(2).max(20);
    let moves = format!(
        "↑↓ or jk move · 1–4 or Tab choose a pane · {} opens · Esc goes back · click anything that looks clickable",
        model.key("open")
    );
    let mut lines: Vec<Vec<Piece>> = text::wrap(&moves, room)
        .into_iter()
        .map(|line| vec![(Role::Text, format!(" {line}"))])
        .chain(
            text::wrap("A grey key can do nothing here; press it and it says why.", room)
                .into_iter()
                .map(|line| vec![(Role::Muted, format!(" {line}"))]),
        )
        .collect();
    if all().any(|action| model.keymap.is_changed(action)) {
        lines.push(vec![(Role::Planned, " *".to_owned()), (Role::Muted, " keys of your settings".to_owned())]);
    }
    lines.extend(slips(model, usize::from(inside.width.saturating_sub(4))));
    let (able, unable): (Vec<&Advice>, Vec<&Advice>) = model.advice.iter().partition(|advice| advice.why_not.is_none());
    for (title, advice) in [("Here, now", able), ("Here, but not now", unable)] {
        let shown = advice.iter().filter_map(|advice| Some((advice.of()?, advice.why_not.as_deref())));
        let rows: Vec<Vec<Piece>> = shown.flat_map(|(action, why)| told(model, action, why, room)).collect();
        if !rows.is_empty() {
            lines.extend([Vec::new(), vec![(Role::Title, format!(" {title}"))]]);
            lines.extend(rows);
        }
    }
    for (place, _, title) in Where::ALL {
        lines.extend([Vec::new(), vec![(Role::Title, format!(" {title}"))]]);
        lines.extend(all().filter(|action| action.place == place).flat_map(|action| told(model, action, None, room)));
    }
    canvas.page(inside, &lines, model.scroll);
}

/// What does not hold of the settings.
fn slips(model: &Model, room: usize) -> Vec<Vec<Piece>> {
    if model.problems.is_empty() {
        return Vec::new();
    }
    let title = vec![(Role::Title, " Settings".to_owned()), (Role::Muted, "  the defaults stand for this".to_owned())];
    let told = model.problems.iter().flat_map(|problem| text::wrap(problem, room).into_iter().enumerate());
    let told = told.map(|(place, line)| {
        vec![(Role::Bad, (if place == 0 { " ✖ " } else { "   " }).to_owned()), (Role::Text, line)]
    });
    [Vec::new(), title].into_iter().chain(told).collect()
}

/// An action with what it does, or why it can do nothing now.
fn told(model: &Model, action: &Action, why_not: Option<&str>, room: usize) -> Vec<Vec<Piece>> {
    let keys: Vec<String> = model.keymap.keys(action).iter().map(ToString::to_string).collect();
    let keys = if keys.is_empty() { ":".to_owned() } else { keys.join(" ") };
    let asks = match action.danger {
        Danger::View | Danger::Reversible => "",
        Danger::Guarded => " (asks first)",
        Danger::Critical => " (shows the plan, wants the name typed)",
    };
    let (key, label, rest) = match why_not {
        None => (Role::Key, Role::Text, format!("{}{asks}", action.about)),
        Some(why) => (Role::Muted, Role::Muted, format!("— {why}")),
    };
    let own = if model.keymap.is_changed(action) { " *" } else { "  " };
    let mut about = text::wrap(&rest, room.saturating_sub(ABOUT).max(20)).into_iter();
    let first = vec![
        (Role::Planned, own.to_owned()),
        (key, text::left(&keys, 9)),
        (label, text::left(action.label, 20)),
        (Role::Muted, about.next().unwrap_or_default()),
    ];
    std::iter::once(first).chain(about.map(|rest| vec![(Role::Muted, format!("{:ABOUT$}{rest}", ""))])).collect()
}

/// A card of the tour, low on the board, so that what it speaks of is seen.
pub(super) fn card(model: &Model, canvas: &mut Canvas, area: Rect, at: usize) {
    let Some(card) = CARDS.get(at) else { return };
    let width = 72.min(area.width);
    let words = text::wrap(&(card.text)(model), usize::from(width.saturating_sub(4)));
    let height = u16::try_from(words.len()).unwrap_or(u16::MAX).saturating_add(4).min(area.height);
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.bottom().saturating_sub(height), width, height };
    canvas.clear(place);
    canvas.hits.add(place, Target::Nothing);
    let inside = canvas.frame(place, card.title, &format!("{} of {}", at + 1, CARDS.len()), true);
    let row = inside.height.saturating_sub(1);
    for (place, (at, line)) in (0..row).zip(words.iter().enumerate()) {
        let is_cut = place + 1 == row && at + 1 < words.len();
        let line = if is_cut {
            text::fit(&format!("{line} …"), usize::from(inside.width.saturating_sub(2)))
        } else {
            line.clone()
        };
        canvas.line(inside, place, &[(Role::Text, format!(" {line}"))]);
    }
    let goes_on = if at + 1 == CARDS.len() { "↵ Done" } else { "↵ Next" };
    let columns = 1 + canvas.button(inside, row, 1, goes_on, Target::Go, true);
    canvas.button(inside, row, columns, "Esc Enough", Target::Cancel, false);
}
