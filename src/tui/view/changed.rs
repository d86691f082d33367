//! What changed, newest first; what came in the day before the first sign of an incident says how long before.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::{canvas::Canvas, list};
use crate::tui::{
    changed::{Changed, before, is_answer_to},
    model::{List, Model},
    text,
    theme::Role,
};

const NOTHING: &str = "nothing has changed yet. What goes live, recoveries, maintenance and breakers stand here, newest first. The \
                       engine sees releases of [[component]] by itself; codeblue deploy record tells it of others";

/// Columns of what kind of change it is.
const KIND: usize = 15;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let all = model.changed();
    let incident = model.incident_that_matters();
    let suspects = incident.map_or(0, |incident| all.iter().filter(|one| is_suspect(one, incident)).count());
    let summary = match incident {
        Some(incident) => format!("{suspects} in the 24 h before {}", incident.id),
        None => format!("{} known", all.len()),
    };
    let inside = canvas.frame(area, "What changed", &summary, true);
    let columns = usize::from(inside.width).saturating_sub(2);
    let wide = columns >= 90;
    let service = if wide { 18 } else { 0 };
    let before_columns = if columns >= 56 { 17 } else { 0 };
    let rest = columns.saturating_sub(16 + before_columns + KIND + service);
    // Where that would leave too little of both, what was done comes before by whom.
    let by = if wide && rest * 2 / 5 >= 22 { rest * 2 / 5 } else { 0 };
    let what = columns.saturating_sub(16 + before_columns + if wide { KIND } else { 2 } + service + by);
    let head = [
        (text::left("WHEN", 16), true),
        (text::left("BEFORE", before_columns), before_columns > 0),
        (text::left("KIND", if wide { KIND } else { 2 }), wide),
        (text::left("SERVICE", service), wide),
        (text::left("WHAT", what), true),
        ("BY".to_owned(), by > 0),
    ];
    let head: String = head.into_iter().filter(|(_, is_there)| *is_there).map(|(words, _)| words).collect();
    let head = if wide { head } else { head.replacen("WHAT", "  WHAT", 1) };
    list::rows(model, canvas, inside, List::Changed, &head, NOTHING, |key| {
        let Some(one) = all.iter().find(|one| one.key == key) else { return Vec::new() };
        let suspect = incident.filter(|incident| is_suspect(one, incident));
        let (glyph, word) = one.kind.badge();
        let role = if suspect.is_some() { Role::Warn } else { Role::Text };
        let mut pieces = vec![(Role::Muted, text::left(&when(model, one), 16))];
        if before_columns > 0 {
            let words =
                suspect.and_then(|incident| Some(format!("{:>4} before it", text::short(before(one.at, incident)?))));
            pieces.push((Role::Warn, text::left(&words.unwrap_or_default(), before_columns)));
        }
        let kind = if wide { text::left(&format!("{glyph} {word}"), KIND) } else { format!("{glyph} ") };
        pieces.push((role, kind));
        if wide {
            pieces.push((Role::Text, text::left(&text::fit(&one.service, service.saturating_sub(1)), service)));
        }
        // Where the service has no column, it is told where nothing else names it.
        let words = if wide || one.what.contains(&one.service) {
            one.what.clone()
        } else {
            format!("{}: {}", one.service, one.what)
        };
        pieces.push((Role::Text, text::left(&text::fit(&words, what.saturating_sub(1)), what)));
        if by > 0 {
            pieces.push((Role::Muted, text::fit(&one.by, by)));
        }
        pieces
    });
}

fn is_suspect(one: &Changed, incident: &crate::domain::Incident) -> bool {
    before(one.at, incident).is_some() && !is_answer_to(&one.key, incident)
}

/// The time, with the day when it is not today, and how long ago.
fn when(model: &Model, one: &Changed) -> String {
    let ago = model.now - one.at;
    let form = if ago < TimeDelta::hours(20) { "%H:%M:%S" } else { "%m-%d %H:%M" };
    format!("{} {:>4}", one.at.format(form), text::short(ago))
}
