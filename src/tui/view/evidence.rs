//! What speaks for a cause, piece by piece; and what a language model was told, word for word.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use crate::{
    domain::{Candidate, DiagnosisId, Evidence},
    platform::count,
    tui::{
        diagnosis::suspects,
        model::{Loaded, Model},
        text,
        theme::Role,
        verdict::category_name,
    },
};

/// A cause with all that speaks for it.
pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: DiagnosisId, cause: (&String, &String)) {
    let document = model.state.diagnoses.get(&id).and_then(|found| found.document());
    let all = document.map(|document| suspects(document)).unwrap_or_default();
    let Some(suspect) = all.iter().find(|found| (&found.service, &found.issue) == cause) else {
        let inside = canvas.frame(area, &id.to_string(), "", true);
        canvas.paragraph(inside, 0, Role::Muted, " this cause is no longer weighed: Esc leads back to the diagnosis");
        return;
    };
    let inside = canvas.frame(area, &format!("What speaks for it · {id}"), &summary(suspect), true);
    let columns = usize::from(inside.width);
    let mut lines: Vec<Vec<Piece>> = wrapped(Role::Title, &suspect.issue, 1, columns);
    lines.push(vec![(Role::Muted, format!(" {}", about(suspect)))]);
    lines.push(Vec::new());
    lines.extend(pieces(&suspect.evidence, columns));
    canvas.page(inside, &lines, model.scroll);
}

/// Its share beside the other causes, and on how much that rests.
pub(super) fn summary(suspect: &Candidate) -> String {
    format!("share {} · {}", percent(suspect.probability), count(suspect.evidence.len(), "piece"))
}

/// Where it would sit, and what kind of failure it would be.
pub(super) fn about(suspect: &Candidate) -> String {
    let deployment = suspect.deployment.map(|id| format!(" · {id}")).unwrap_or_default();
    format!("{} · {}{deployment}", suspect.service, category_name(suspect.category))
}

/// A share in percent; what is not nothing is never shown as nothing.
pub(super) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 { "<1 %".to_owned() } else { format!("{:.0} %", 100.0 * share) }
}

/// Pieces of evidence, the strongest first: when, where, how often, and what.
pub(super) fn pieces(evidence: &[Evidence], columns: usize) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for found in evidence {
        let at = found.at.map_or_else(|| "no time  ".to_owned(), |at| at.format("%H:%M:%SZ").to_string());
        // How often comes before the end of where it was seen.
        let often = if found.count > 1 { format!("  ×{}", found.count) } else { String::new() };
        let room = columns.saturating_sub(13 + text::width(&often));
        let first = vec![
            (Role::Muted, format!(" {at}  ")),
            (Role::Title, text::fit_middle(&found.source, room)),
            (Role::Warn, often),
        ];
        lines.push(first);
        lines.extend(wrapped(Role::Text, &found.text, 3, columns));
    }
    if evidence.is_empty() {
        lines.push(vec![(Role::Muted, " nothing was seen that speaks for it".to_owned())]);
    }
    lines
}

/// A text in lines that begin so many columns in.
fn wrapped(role: Role, content: &str, indent: usize, columns: usize) -> Vec<Vec<Piece>> {
    let wrapped = text::wrap(content, columns.saturating_sub(indent + 1));
    wrapped.into_iter().map(|line| vec![(role, format!("{}{line}", " ".repeat(indent)))]).collect()
}

/// What was sent to the language model, or would have been when it was held back.
pub(super) fn prompt(model: &Model, canvas: &mut Canvas, area: Rect, id: DiagnosisId) {
    let document = model.state.diagnoses.get(&id).and_then(|found| found.document());
    let opinion = document.and_then(|document| document.second_opinion.as_ref());
    let hash = opinion.map(|opinion| match &opinion.prompt_hash {
        Some(hash) => format!("SHA-256 {}", hash.get(..12).unwrap_or(hash)),
        None => "nothing was sent".to_owned(),
    });
    let title = format!("What the language model was told for {id}");
    let inside = canvas.frame(area, &title, &hash.unwrap_or_default(), true);
    let known = model.prompt.as_ref().filter(|(of, _)| *of == id).map(|(_, prompt)| prompt);
    let columns = usize::from(inside.width);
    let lines = match known {
        Some(Loaded::Here(told)) => told.lines().flat_map(|line| wrapped(Role::Text, line, 1, columns)).collect(),
        Some(Loaded::Failed(why)) => wrapped(Role::Bad, &format!("✖ {why}"), 1, columns),
        Some(Loaded::Waiting) | None => wrapped(Role::Muted, "it is fetched …", 1, columns),
    };
    canvas.page(inside, &lines, model.scroll);
}
