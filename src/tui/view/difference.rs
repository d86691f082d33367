//! What differs between a snapshot and the live system, or a later snapshot.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    plan::differences,
    strip,
};
use crate::{
    domain::SnapshotId,
    tui::{
        model::{Loaded, Model},
        text,
        theme::Role,
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, of: SnapshotId, against: Option<SnapshotId>) {
    let title = match against {
        None => format!("What a rollback to {of} would change now"),
        Some(against) => format!("What changed from {of} to {against}"),
    };
    let taken = |id: SnapshotId| model.state.snapshots.get(&id).map(|snapshot| snapshot.requested_at);
    let times = [Some(of), against].into_iter().flatten().filter_map(taken);
    let times: Vec<String> = times.map(|at| strip::when(at, model.now)).collect();
    let inside = canvas.frame(area, &title, &times.join(" → "), true);
    let Some(comparison) = model.differences.get(&(of, against)) else {
        canvas.line(inside, 0, &[(Role::Muted, format!(" {} compares", model.key("renew")))]);
        return;
    };
    let ago = model.now - comparison.asked;
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    match &comparison.result {
        Loaded::Waiting => {
            lines.push(vec![(Role::Text, format!(" … comparing, {}", text::clock(ago)))]);
            lines.push(vec![(Role::Muted, " Esc leaves; it goes on meanwhile".to_owned())]);
        }
        Loaded::Failed(why) => {
            lines.push(vec![(Role::Bad, format!(" ✖ could not be compared; {} tries again", model.key("renew")))]);
            let room = usize::from(inside.width.saturating_sub(4));
            lines.extend(text::wrap(why, room).into_iter().map(|line| vec![(Role::Text, format!("   {line}"))]));
        }
        Loaded::Here(components) => {
            let here = model.component().map(|component| component.name.as_str()).unwrap_or_default();
            let mut components = components.clone();
            components.sort_by_key(|found| found.component != here);
            let total: u64 = components.iter().map(|found| found.total).sum();
            let age = if against.is_none() { format!(", as of {} ago", text::short(ago)) } else { String::new() };
            let fold = if model.unfolded { "space sums up" } else { "space shows each" };
            let words = format!(" {total} differences{age}   + appears  - goes  ~ changes   {fold}");
            lines.push(vec![(Role::Muted, words)]);
            lines.push(Vec::new());
            lines.extend(differences(&components, inside.width, model.unfolded));
        }
    }
    canvas.page(inside, &lines, model.scroll);
}
