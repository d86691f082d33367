//! All recoveries: how they went, how long they took beside what was allowed, who started them and why.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible},
    list,
    plan::objective,
    recovery::{outcome, started_by},
};
use crate::{
    domain::Recovery,
    tui::{
        layout,
        model::{List, Model, Target},
        text,
        theme::Role,
    },
};

/// Days that the success rate looks back.
const DAYS: i64 = 90;
/// Columns below which only what it came to has room.
const SHORT_LINE: usize = 60;
/// Rows for the selected one.
const DETAIL: u16 = 6;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let keys = model.rows(List::Recoveries);
    // Where its page stands beside the list, that is said there.
    let is_told_below = area.height >= layout::LIST_ALONE && model.page_looked_at() == *model.screen();
    let detail = if is_told_below && !keys.is_empty() { DETAIL } else { 0 };
    let (area, lower) = layout::rows(area, area.height.saturating_sub(detail));
    let inside = canvas.frame(
        area,
        "Recoveries",
        &model.summary_of(List::Recoveries, &format!("{} in all", model.state.recoveries.len())),
        true,
    );
    if keys.is_empty() {
        let nothing = format!(
            "no recovery has been run yet: {} on a service, a snapshot or an incident's proposal plans one and shows it first",
            model.key("roll-back")
        );
        return list::empty(model, canvas, inside, &nothing);
    }
    selected(model, canvas, lower);
    canvas.line(inside, 0, &rate(model));
    let wide = inside.width >= 100;
    let columns = usize::from(inside.width);
    let head = match columns {
        100.. => format!("{:<13}{:<14}{:>17}  WHO          WHAT AND WHY", "STARTED", "OUTCOME", "TOOK OF RTO"),
        SHORT_LINE.. => format!("{:<13}{:<14}{:>17}  WHAT", "STARTED", "OUTCOME", "TOOK OF RTO"),
        _ => format!("{:<15}{:>11}", "OUTCOME", "STARTED"),
    };
    canvas.line(inside, 1, &[(Role::Muted, format!("  {:<8}{head}", "NAME"))]);
    let rows = Rect { y: inside.y + 2, height: inside.height.saturating_sub(2), ..inside };
    let selected = model.selected_place(List::Recoveries);
    let first = first_visible(selected, keys.len(), usize::from(rows.height));
    for (row, (place, key)) in (0..rows.height).zip(keys.iter().enumerate().skip(first)) {
        let Some(recovery) = key.parse().ok().and_then(|id| model.state.recoveries.get(&id)) else { continue };
        let mut pieces = vec![(Role::Focus, if place == selected { "▶ " } else { "  " }.to_owned())];
        pieces.extend(line(recovery, model, columns, wide));
        canvas.line(rows, row, &pieces);
        if place == selected {
            canvas.select_row(rows, row);
        }
        canvas.hits.add(Rect { y: rows.y + row, height: 1, ..rows }, Target::Row(List::Recoveries, place));
    }
}

/// The selected one in full.
fn selected(model: &Model, canvas: &mut Canvas, area: Rect) {
    let found = model.selected(List::Recoveries).and_then(|key| model.state.recoveries.get(&key.parse().ok()?));
    let Some(recovery) = found else { return };
    let (role, word) = outcome(recovery);
    let inside = canvas.frame(area, &recovery.id.to_string(), &model.opens_it(), false);
    let from = recovery.started_at.format("%Y-%m-%d %H:%M:%SZ");
    canvas.line(inside, 0, &[(Role::Title, format!(" {}", text::capitalised(&recovery.plan.title)))]);
    canvas.line(inside, 1, &[(role, format!(" {word}")), (Role::Text, format!("  {}", recovery.summary))]);
    canvas.line(inside, 2, &[(Role::Muted, " Why  ".to_owned()), (Role::Text, recovery.reason.clone())]);
    let who = format!("{} · {from}", started_by(model, recovery));
    canvas.line(inside, 3, &[(Role::Muted, " Who  ".to_owned()), (Role::Text, who)]);
}

/// How many of the last 90 days succeeded, and how many within their objective.
fn rate(model: &Model) -> Vec<Piece> {
    let since = model.now - TimeDelta::days(DAYS);
    let recent = model.state.recoveries.values().filter(|recovery| recovery.started_at >= since);
    let ended: Vec<&Recovery> = recent.filter(|recovery| !recovery.is_running()).collect();
    let succeeded: Vec<&Recovery> = ended.iter().copied().filter(|recovery| recovery.lasted()).collect();
    if ended.is_empty() {
        return vec![(Role::Muted, format!(" none has ended in the last {DAYS} days"))];
    }
    let in_time = succeeded.iter().filter(|recovery| !is_late(model, recovery)).count();
    let percent = succeeded.len() * 100 / ended.len();
    let (role, mark) = match (succeeded.len() == ended.len(), percent) {
        (true, _) => (Role::Ok, "✓"),
        (false, 90..) => (Role::Warn, "▲"),
        (false, _) => (Role::Bad, "✖"),
    };
    vec![
        (role, format!(" {mark} {percent} % succeeded")),
        (Role::Text, format!(" in the last {DAYS} days: {} of {}", succeeded.len(), ended.len())),
        (Role::Muted, format!(" · {in_time} of them within their RTO")),
    ]
}

fn took(model: &Model, recovery: &Recovery) -> TimeDelta {
    recovery.ended.map_or(model.now, |(at, _)| at) - recovery.started_at
}

fn is_late(model: &Model, recovery: &Recovery) -> bool {
    objective(model, &recovery.plan).is_some_and(|objective| took(model, recovery) > objective)
}

fn line(recovery: &Recovery, model: &Model, columns: usize, wide: bool) -> Vec<Piece> {
    let (role, word) = outcome(recovery);
    let late = is_late(model, recovery);
    let took = text::clock(took(model, recovery));
    let time = match objective(model, &recovery.plan) {
        Some(objective) => format!("{}{took} of {}", if late { "✖ " } else { "" }, text::clock(objective)),
        None => took,
    };
    let (name, outcome) = text::name_and(&recovery.id.to_string(), 8, 14);
    let is_today = model.now - recovery.started_at < TimeDelta::hours(20);
    let started = recovery.started_at.format(if is_today { "%H:%M:%S" } else { "%m-%d %H:%M" }).to_string();
    if columns < SHORT_LINE {
        return vec![
            (Role::Text, name),
            (role, text::left(word, outcome + 1)),
            (Role::Muted, text::right(&started, 11)),
        ];
    }
    let mut pieces = vec![
        (Role::Text, name),
        (Role::Muted, text::left(&started, 13)),
        (role, text::left(word, outcome)),
        (if late { Role::Bad } else { Role::Text }, text::right(&time, 17)),
        (Role::Text, "  ".to_owned()),
    ];
    if wide {
        pieces.push((Role::Text, text::left(&started_by(model, recovery), 13)));
        let rest = columns.saturating_sub(2 + 8 + 13 + 14 + 17 + 2 + 13);
        pieces.push((Role::Text, text::fit(&recovery.plan.title, rest)));
        pieces.push((Role::Muted, format!(" · {}", recovery.reason)));
    } else {
        pieces.push((Role::Text, recovery.plan.title.clone()));
        pieces.push((Role::Muted, format!(" · {}", started_by(model, recovery))));
    }
    pieces
}
