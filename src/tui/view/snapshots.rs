//! The snapshots, what the selected one holds, and what differs from now.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible},
    change::differences,
    rows,
};
use crate::{
    domain::{Snapshot, SnapshotState},
    tui::{
        model::{List, Loaded, Model, Target},
        text,
        theme::Role,
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let (upper, lower) = if area.width >= 130 {
        let left = area.width / 2;
        (Rect { width: left, ..area }, Rect { x: area.x + left, width: area.width - left, ..area })
    } else {
        let top = (area.height * 45 / 100).max(5);
        (Rect { height: top, ..area }, Rect { y: area.y + top, height: area.height - top, ..area })
    };
    let keys = model.rows(List::Snapshots);
    let inside = canvas.frame(upper, "Snapshots", &format!("{} in all", model.state.snapshots.len()), true);
    if keys.is_empty() {
        canvas.line(inside, 0, &[(Role::Muted, "  no snapshot yet: s takes one".to_owned())]);
    }
    let selected = model.selected_place(List::Snapshots);
    let first = first_visible(selected, keys.len(), usize::from(inside.height));
    for (row, (place, key)) in (0..inside.height).zip(keys.iter().enumerate().skip(first)) {
        let Some(snapshot) = key.parse().ok().and_then(|id| model.state.snapshots.get(&id)) else { continue };
        let mut pieces: Vec<Piece> = vec![(Role::Text, " ".to_owned())];
        pieces.extend(rows::snapshot(snapshot, model.now, usize::from(inside.width.saturating_sub(1))));
        canvas.line(inside, row, &pieces);
        if place == selected {
            canvas.select_row(inside, row);
        }
        canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Row(List::Snapshots, place));
    }
    let chosen = model.snapshot().and_then(|id| model.state.snapshots.get(&id));
    let title = chosen.map_or_else(|| "Details".to_owned(), |snapshot| snapshot.id.to_string());
    let inside = canvas.frame(lower, &title, "", false);
    if let Some(snapshot) = chosen {
        canvas.page(inside, &details(model, snapshot, inside.width), model.scroll);
    }
}

fn details(model: &Model, snapshot: &Snapshot, columns: u16) -> Vec<Vec<Piece>> {
    let mut lines = vec![vec![
        (Role::Muted, format!(" {} ", snapshot.requested_at.format("%Y-%m-%d %H:%M:%S UTC"))),
        (Role::Text, format!("by {} · {}", snapshot.requested_by, snapshot.reason)),
    ]];
    if let SnapshotState::Failed(error) = &snapshot.state {
        lines.push(vec![(Role::Bad, format!(" ✖ {error}"))]);
    }
    for captured in &snapshot.captured {
        let (role, word) =
            if captured.good { (Role::Ok, "✓ good") } else { (Role::Warn, "▲ not good to go back to") };
        lines.push(vec![
            (Role::Text, format!(" {}", text::left(&captured.component, 22))),
            (Role::Text, text::right(&format!("{} files", captured.files), 12)),
            (Role::Text, text::right(&text::bytes(captured.bytes), 10)),
            (Role::Muted, text::right(&format!("+{}", text::bytes(captured.added_bytes)), 11)),
            (role, format!("  {word}")),
            (Role::Muted, captured.version.as_ref().map(|version| format!("  {version}")).unwrap_or_default()),
        ]);
        for path in captured.unreadable.iter().take(5) {
            lines.push(vec![(Role::Bad, format!("   ✖ {path}"))]);
        }
    }
    if let Some((at, problems)) = &snapshot.checked {
        let (role, word) = match problems.len() {
            0 => (Role::Ok, "✓ read back and intact".to_owned()),
            many => (Role::Bad, format!("✖ {many} problems when read back")),
        };
        lines.push(vec![(role, format!(" {word}")), (Role::Muted, format!(", {} ago", text::age(model.now - *at)))]);
        lines.extend(problems.iter().take(10).map(|problem| vec![(Role::Bad, format!("   ✖ {problem}"))]));
    }
    lines.push(Vec::new());
    match model.differences.get(&snapshot.id) {
        None if snapshot.captured.is_empty() => {}
        None => lines.push(vec![(Role::Muted, " w shows what a rollback to it would change now".to_owned())]),
        Some(Loaded::Waiting) => lines.push(vec![(Role::Muted, " comparing with the live system …".to_owned())]),
        Some(Loaded::Failed(why)) => lines.push(vec![(Role::Bad, format!(" {why}"))]),
        Some(Loaded::Here(components)) => {
            lines.push(vec![(Role::Title, " What a rollback to it would change now".to_owned())]);
            lines.extend(differences(components, columns));
        }
    }
    lines
}
