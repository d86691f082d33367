//! One incident: its clocks, what we know, and its timeline.
//!
//! ```text
//! wide                             narrow
//! ┌Clocks ──────────────────────┐  ┌Clocks ──────┐
//! ┌What we know ─┐┌Timeline ────┐  ┌What we know ┐
//! │              ││             │  ┌Timeline ────┐
//! └──────────────┘└─────────────┘  └─────────────┘
//! ```

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    facts::facts,
    page, rows,
};
use crate::{
    domain::{Actor, Incident, IncidentId, TimelineKind},
    tui::{
        layout::{self, Zoom},
        model::{Model, Part, Target},
        text,
        theme::Role,
    },
};

/// Rows that the timeline keeps below the facts, borders included.
const TIMELINE: u16 = 6;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: IncidentId) {
    let Some(incident) = model.state.incidents.get(&id) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    let summary = format!("{} · {}", incident.severity, incident.state);
    let since = format!("Clocks since {}", incident.detected_at.format("%H:%M:%S"));
    let is_short = area.height < layout::SHORT - 3;
    let (top, rest) = layout::rows(area, if is_short { 1 } else { 3 });
    let inside = if is_short { top } else { canvas.frame(top, &since, &summary, false) };
    canvas.line(inside, 0, &clocks(model, incident, inside.width));

    if model.page_zoom() == Zoom::In || is_short {
        match model.part {
            Part::Facts => known(model, canvas, rest, incident),
            Part::Aside => timeline(model, canvas, rest, incident),
        }
    } else if let Some((left, right)) = layout::halves(rest, 52) {
        known(model, canvas, left, incident);
        timeline(model, canvas, right, incident);
    } else {
        // The facts get what they need, as far as the newest of the timeline stays in sight.
        let columns = usize::from(rest.width.saturating_sub(2));
        let needed = u16::try_from(facts(model, incident, columns).len()).unwrap_or(u16::MAX).saturating_add(2);
        let upper = needed.min(rest.height.saturating_sub(TIMELINE).max(rest.height * 55 / 100)).min(rest.height);
        let (above, below) = layout::rows(rest, upper);
        known(model, canvas, above, incident);
        timeline(model, canvas, below, incident);
    }
}

/// The clocks with their targets, as far as both fit; where not all do, what runs out comes first.
fn clocks(model: &Model, incident: &Incident, columns: u16) -> Vec<Piece> {
    let fits = |pieces: &[Piece]| {
        let all: String = pieces.iter().map(|(_, piece)| piece.as_str()).collect();
        text::width(all.trim_end()) <= usize::from(columns)
    };
    let mut pieces = vec![(Role::Text, " ".to_owned())];
    pieces.extend(rows::clocks(incident, model.now, true));
    if !fits(&pieces) {
        pieces.truncate(1);
        pieces.extend(rows::clocks(incident, model.now, false));
    }
    if !fits(&pieces) {
        pieces.truncate(1);
        pieces.extend(rows::clocks_that_fit(incident, model.now, usize::from(columns.saturating_sub(1))));
    }
    // A gap that does not fit is no text that was cut.
    if let Some((_, last)) = pieces.last_mut() {
        last.truncate(last.trim_end().len());
    }
    pieces
}

fn known(model: &Model, canvas: &mut Canvas, area: Rect, incident: &Incident) {
    let focus = model.part == Part::Facts;
    let inside = canvas.frame(area, "What we know", "", focus);
    canvas.hits.add(area, Target::Part(Part::Facts));
    let (lines, targets): (Vec<_>, Vec<_>) = facts(model, incident, usize::from(inside.width)).into_iter().unzip();
    let first = part(model, canvas, inside, &lines, Part::Facts);
    page::links(canvas, inside, targets, first);
}

/// Draws a part from where it stands; only the one with the focus can be scrolled. Gives its first visible line.
pub(super) fn part(model: &Model, canvas: &mut Canvas, area: Rect, lines: &[Vec<Piece>], part: Part) -> usize {
    let deepest = canvas.deepest;
    let scroll = model.scroll_of(part);
    canvas.page(area, lines, scroll);
    if model.part != part {
        canvas.deepest = deepest;
    }
    scroll.min(lines.len().saturating_sub(usize::from(area.height)))
}

fn timeline(model: &Model, canvas: &mut Canvas, area: Rect, incident: &Incident) {
    let focus = model.part == Part::Aside;
    let inside = canvas.frame(area, "Timeline", "newest first", focus);
    canvas.hits.add(area, Target::Part(Part::Aside));
    let room = usize::from(inside.width.saturating_sub(13));
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    if !incident.has_whole_timeline() {
        lines.push(vec![(Role::Muted, " what is older comes from the engine …".to_owned())]);
    }
    for entry in incident.timeline.iter().rev() {
        let (mark, role) = match entry.kind {
            TimelineKind::Bad => ("✖", Role::Bad),
            TimelineKind::Good => ("✓", Role::Ok),
            TimelineKind::Note => ("✎", Role::Text),
            TimelineKind::Update => ("»", Role::Focus),
            TimelineKind::Diagnosis => ("◆", Role::Focus),
            TimelineKind::Change => ("⚑", Role::Warn),
            TimelineKind::Recovery => ("▸", Role::Focus),
            TimelineKind::Deployment => ("↑", Role::Planned),
            TimelineKind::State => ("·", Role::Text),
        };
        let who = match (&entry.actor, entry.kind) {
            (Actor::Operator(name), TimelineKind::Note | TimelineKind::Update) => format!("{name}: "),
            _ => String::new(),
        };
        for (place, line) in text::wrap(&format!("{who}{}", entry.text), room).into_iter().enumerate() {
            let time = if place == 0 { entry.at.format("%H:%M:%S").to_string() } else { String::new() };
            let mark = if place == 0 { mark } else { " " };
            lines.push(vec![
                (Role::Muted, format!(" {} ", text::left(&time, 8))),
                (role, format!("{mark} ")),
                (Role::Text, line),
            ]);
        }
    }
    part(model, canvas, inside, &lines, Part::Aside);
}
