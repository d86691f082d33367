//! One diagnosis: what was found out, the selected row in sight, and beside it what speaks for the selected cause.
//!
//! ```text
//! wide                                  narrow
//! ┌Diagnosis ──────────┐┌Why ───────┐   ┌Diagnosis ────┐
//! │ Broke  Sure  First ││ evidence  │   │ Broke …      │
//! │ Causes …           ││           │   │ Causes …     │
//! └────────────────────┘└───────────┘   └──────────────┘
//! ```

use ratatui::layout::Rect;

use super::{
    answer,
    canvas::{Canvas, Piece, out_of_view},
    evidence,
    facts::Fact,
};
use crate::{
    domain::{DiagnosisDocument, DiagnosisId, DiagnosisState, Incident, IncidentId},
    tui::{
        diagnosis::{Looked, Row, suspects},
        model::{List, Model, Target},
        text,
        theme::Role,
    },
};

/// Columns from which the evidence of the selected cause stands beside the diagnosis.
const WIDE: u16 = 100;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, incident: IncidentId, chosen: Option<DiagnosisId>) {
    let Some(found) = model.state.incidents.get(&incident) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {incident} is on its way …"))]);
        return;
    };
    let Some(looked) = model.looked_at(incident, chosen) else {
        return none(model, canvas, area, found);
    };
    let found_out = looked.answer.filter(|_| area.width >= WIDE);
    let left = if found_out.is_some() { area.width * 58 / 100 } else { area.width };
    let inside = canvas.frame(Rect { width: left, ..area }, "Diagnosis", &version(model, &looked), true);
    let put = |airy| answer::lines(model, found, &looked, (usize::from(inside.width), airy));
    let airy = put(true);
    let lines = if airy.len() <= usize::from(inside.height) { airy } else { put(false) };
    page(model, canvas, inside, &lines);
    if let Some((_, document)) = found_out {
        beside(model, canvas, Rect { x: area.x + left, width: area.width - left, ..area }, document);
    }
}

/// Nobody has looked for the cause.
fn none(model: &Model, canvas: &mut Canvas, area: Rect, incident: &Incident) {
    let inside = canvas.frame(area, "Diagnosis", "none yet", true);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    if !incident.state.is_open() {
        let words = format!("Nobody looked for the cause of {}, and it is {}.", incident.id, incident.state);
        canvas.paragraph(inside, 0, Role::Muted, &words);
        return;
    }
    let words = format!(
        "Nobody has looked for the cause of {} yet. It is looked for in the results of checks, the ends of logs, reported errors, \
         what went live, and who needs whom; it takes a few seconds.",
        incident.id
    );
    let rows = canvas.paragraph(inside, 0, Role::Text, &words);
    canvas.button(inside, rows + 1, 0, &model.named_button("diagnose", "Diagnose"), Target::Action("diagnose"), true);
}

/// Which diagnosis it is, how old, and which of how many.
fn version(model: &Model, looked: &Looked) -> String {
    let of = if looked.all > 1 { format!(" · {} of {} ←→", looked.place, looked.all) } else { String::new() };
    let id = looked.diagnosis.id;
    match &looked.diagnosis.state {
        DiagnosisState::Running => format!("{id} runs{of}"),
        DiagnosisState::Failed { .. } => format!("{id} failed{of}"),
        DiagnosisState::Concluded { at, .. } => format!("{id} {} ago{of}", text::short(model.now - *at)),
    }
}

/// Draws the lines so that the selected row is in sight, the beginning as long as it can be, and the end with the last row.
fn page(model: &Model, canvas: &mut Canvas, area: Rect, lines: &[Fact]) {
    let (room, rows) = (usize::from(area.height), model.diagnosis_rows().len());
    let selected = model.selected_place(List::Diagnosis);
    let of = |place: usize| Some(Target::Row(List::Diagnosis, place));
    let is_selected = |line: &Fact| line.1 == of(selected);
    let most = lines.len().saturating_sub(room);
    let first = match lines.iter().rposition(is_selected) {
        // Where there is nothing to choose between, the keys scroll.
        _ if rows <= 1 => model.scroll.min(most),
        // What broke is read before what to do about it, also where there is no room for both.
        _ if selected == 0 => 0,
        _ if selected + 1 == rows => most,
        Some(line) => (line + 3).saturating_sub(room).min(most),
        None => 0,
    };
    if rows <= 1 {
        canvas.deepest = canvas.deepest.max(most);
    }
    let mut above = None;
    for (row, line) in (0..area.height).zip(lines.iter().skip(first)) {
        canvas.line(area, row, &line.0);
        if is_selected(line) {
            canvas.select_row(area, row);
            if line.1.as_ref() != above {
                canvas.line(area, row, &[(Role::Focus, "▶".to_owned())]);
            }
        }
        above = line.1.as_ref();
        if let Some(target) = &line.1 {
            canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, target.clone());
        }
    }
    let hidden = out_of_view(first, lines.len().saturating_sub(first + room));
    if !hidden.is_empty() && area.height > 0 {
        let last = lines.get(first + room - 1).map_or(&[][..], |(pieces, _)| pieces);
        let last: String = last.iter().map(|(_, words)| words.as_str()).collect();
        canvas.over_last(area, &hidden, &last);
    }
}

/// The evidence of the selected cause; of the first where something else is selected.
fn beside(model: &Model, canvas: &mut Canvas, area: Rect, document: &DiagnosisDocument) {
    let selected = model.diagnosis_rows().into_iter().nth(model.selected_place(List::Diagnosis));
    let place = match selected {
        Some(Row::Suspect(place)) => place,
        _ => 0,
    };
    let Some(suspect) = suspects(document).into_iter().nth(place) else {
        let inside = canvas.frame(area, "Why", "", false);
        canvas.paragraph(inside, 0, Role::Muted, " nothing was seen that points to a cause");
        return;
    };
    let title = format!("Why {}", suspect.service);
    let inside = canvas.frame(area, &title, &evidence::summary(&suspect), false);
    let columns = usize::from(inside.width);
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for line in text::wrap(&suspect.issue, columns.saturating_sub(2)) {
        lines.push(vec![(Role::Title, format!(" {line}"))]);
    }
    lines.push(Vec::new());
    lines.extend(evidence::pieces(&suspect.evidence, columns));
    let deepest = canvas.deepest;
    canvas.page(inside, &lines, 0);
    canvas.deepest = deepest;
}
