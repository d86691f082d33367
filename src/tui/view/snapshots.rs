//! The snapshots of a component: how it stands, when it was captured, and what each snapshot is good for.
//!
//! ```text
//! wide                               narrow
//! vault ─────────────────────────    vault ───────────
//! ┌ Components ──┐┌ records-db ──┐   ┌ records-db ────┐  (components above it, where there is room)
//! │              ││ strip        │   │ strip          │
//! ├ Snapshots ───┤├ SNP-7 ───────┤   ├ Snapshots ─────┤
//! └──────────────┘└──────────────┘   └ SNP-7 ─────────┘
//! ```

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, KeyHint, Piece, first_visible},
    list as lists, snapshot_rows, strip, vault,
};
use crate::{
    domain::{Proof, Snapshot, SnapshotState},
    platform::{Component, count},
    tui::{
        action::named,
        effect::effect,
        layout,
        model::{Comparison, List, Loaded, Model, Target},
        text,
        theme::Role,
    },
};

/// Rows of the box with the strip.
const STANDING: u16 = 2 + 1 + strip::ROWS + 2;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    if area.height < layout::LIST_ALONE && model.browse.point.is_none() && model.component().is_some() {
        return list_alone(model, canvas, area);
    }
    canvas.line(area, 0, &vault::line(model));
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let Some(component) = model.component() else {
        canvas.line(
            area,
            1,
            &[(Role::Muted, "  nothing to capture: the platform file declares no [[component]]".to_owned())],
        );
        return;
    };
    let many = u16::try_from(model.state.platform.components.len()).unwrap_or(u16::MAX);
    if area.width >= 130 {
        let left = Rect { width: area.width * 48 / 100, ..area };
        let right = Rect { x: area.x + left.width, width: area.width - left.width, ..area };
        let upper = many.saturating_add(2).min(area.height * 40 / 100);
        components(model, canvas, Rect { height: upper, ..left }, component);
        list(model, canvas, Rect { y: left.y + upper, height: left.height - upper, ..left }, component);
        standing(model, canvas, Rect { height: STANDING.min(right.height), ..right }, component);
        let rest = right.height.saturating_sub(STANDING);
        details(model, canvas, Rect { y: right.y + STANDING, height: rest, ..right });
        return;
    }
    // Where there is no room for both, the snapshots come before the strip, until a time is chosen on it.
    if area.height < STANDING + 6 && model.browse.point.is_none() {
        let (above, below) = layout::rows(area, 3);
        standing(model, canvas, above, component);
        list(model, canvas, below, component);
        return;
    }
    let table = if area.height >= 26 { many.min(5) + 2 } else { 0 };
    components(model, canvas, Rect { height: table, ..area }, component);
    let area = Rect { y: area.y + table, height: area.height - table, ..area };
    standing(model, canvas, Rect { height: STANDING.min(area.height), ..area }, component);
    let rest = area.height.saturating_sub(STANDING);
    let upper = rest - rest / 2;
    list(model, canvas, Rect { y: area.y + STANDING, height: upper, ..area }, component);
    details(model, canvas, Rect { y: area.y + STANDING + upper, height: rest - upper, ..area });
}

/// The snapshots of the component below one line of how it stands, where there is no room for more.
fn list_alone(model: &Model, canvas: &mut Canvas, area: Rect) {
    let Some(component) = model.component() else { return };
    let (role, words) = point(model, component);
    let turn = format!("{} next", model.key("next-component"));
    let room = usize::from(area.width).saturating_sub(text::width(&words) + text::width(&turn) + 9);
    let name = text::fit_middle(&component.name, room);
    canvas.line(area, 0, &[(Role::Title, format!(" {name}")), (Role::Muted, " RPO ".to_owned()), (role, words)]);
    canvas.line_right(area, 0, &[(Role::Key, format!("{turn} "))]);
    canvas.hits.add(Rect { height: 1, ..area }, Target::Action("next-component"));
    list(model, canvas, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, component);
}

fn components(model: &Model, canvas: &mut Canvas, area: Rect, chosen: &Component) {
    if area.height < 3 {
        return;
    }
    let all = &model.state.platform.components;
    let over = all.iter().filter(|component| model.recovery_point(component).is_over()).count();
    let summary = if over == 0 { "all within their RPO ✓".to_owned() } else { format!("✖ {over} over their RPO") };
    let hidden = all.len().saturating_sub(usize::from(area.height.saturating_sub(2)));
    let more = if hidden > 0 { format!(" · {hidden} more") } else { String::new() };
    let inside = canvas.frame(area, "Components", &format!("{summary}{more}"), false);
    let selected = all.iter().position(|component| component.name == chosen.name).unwrap_or(0);
    let first = first_visible(selected, all.len(), usize::from(inside.height));
    let name = usize::from(inside.width.saturating_sub(2 + 9 + 18 + 20)).clamp(10, 30);
    for (row, (place, component)) in (0..inside.height).zip(all.iter().enumerate().skip(first)) {
        let mut pieces = vec![
            (Role::Focus, if place == selected { "▶ " } else { "  " }.to_owned()),
            // Not inverted: the arrow keys move among the snapshots, and only one row may look as if they moved it.
            (
                if place == selected { Role::Title } else { Role::Text },
                text::left(&text::fit_middle(&component.name, name), name + 1),
            ),
            (Role::Muted, text::left(component.adapter.name(), 9)),
        ];
        let (role, point) = point(model, component);
        pieces.push((role, text::left(&point, 18)));
        pieces.push(proof(model, component, true));
        canvas.line(inside, row, &pieces);
        canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Row(List::Components, place));
    }
}

/// The recovery point beside what is allowed.
fn point(model: &Model, component: &Component) -> (Role, String) {
    let point = model.recovery_point(component);
    match point.words() {
        None => (Role::Bad, "✖ never captured".to_owned()),
        Some(words) if point.is_over() => (Role::Bad, format!("✖ {words}")),
        Some(words) => (Role::Ok, format!("✓ {words}")),
    }
}

/// Whether a component has been proved to come back.
fn proof(model: &Model, component: &Component, short: bool) -> Piece {
    let of_component = |snapshot: &&Snapshot| snapshot.captured(&component.name).is_some();
    let proving = model.state.snapshots.values().rev().take(50).filter(of_component);
    if proving.into_iter().any(|snapshot| snapshot.proving.contains(&Proof::TestRestore)) {
        return (Role::Text, if short { "… proving" } else { "… being restored to scratch as proof" }.to_owned());
    }
    let tested = model.standing.get(&component.name).and_then(|standing| standing.tested.as_ref());
    let Some(tested) = tested else {
        let never = "▲ never proved";
        let how = format!("{never} to restore: {} proves one", model.key("test-restore"));
        return (Role::Warn, if short { never.to_owned() } else { how });
    };
    let ago = text::short(model.now - tested.at);
    let (id, detail) = (tested.snapshot, &tested.detail);
    let took = text::latency(std::time::Duration::from_millis(tested.milliseconds));
    match (tested.passed, short) {
        (true, true) => (Role::Ok, format!("✓ proved {ago} ago")),
        (true, false) => (Role::Ok, format!("✓ proved to restore {ago} ago ({id} in {took})")),
        (false, true) => (Role::Bad, format!("✖ proof failed {ago} ago")),
        (false, false) => (Role::Bad, format!("✖ last proof failed {ago} ago ({id}): {detail}")),
    }
}

/// How the component stands, the strip of time, and what the chosen point means.
fn standing(model: &Model, canvas: &mut Canvas, area: Rect, component: &Component) {
    let all = &model.state.platform.components;
    let place = all.iter().position(|other| other.name == component.name).unwrap_or(0) + 1;
    let turn = format!("{} {place} of {}", model.key("next-component"), all.len());
    let name = text::fit_middle(&component.name, usize::from(area.width / 2));
    let title = format!("{name} ({})", component.adapter.name());
    let room = usize::from(area.width).saturating_sub(text::width(&title) + text::width(&turn) + 10);
    let has_legend = room >= text::width(strip::LEGEND);
    let summary = if has_legend { format!("{}   {turn}", strip::LEGEND) } else { turn.clone() };
    let inside = canvas.frame(area, &title, &summary, true);
    if inside.height == 0 {
        return;
    }
    let columns = u16::try_from(text::width(&turn) + 1).unwrap_or(0).min(inside.width);
    let tab = Rect { x: inside.right() - columns, y: area.y, width: columns, height: 1 };
    canvas.hits.add(tab, Target::Action("next-component"));
    let (role, point) = point(model, component);
    canvas.line(
        inside,
        0,
        &[
            (Role::Muted, " RPO ".to_owned()),
            (role, point),
            (Role::Text, "   ".to_owned()),
            proof(model, component, false),
        ],
    );
    strip::draw(model, canvas, Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside }, component);
    for (row, pieces) in (1 + strip::ROWS..).zip(strip::consequence(model, component)) {
        canvas.line(inside, row, &pieces);
        if model.browse.point.is_some() && row < inside.height {
            canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Action("open"));
        }
    }
}

fn list(model: &Model, canvas: &mut Canvas, area: Rect, component: &Component) {
    let keys = model.rows(List::Snapshots);
    let selected = model.selected_place(List::Snapshots);
    let older = match model.state.older.of(&component.name) {
        0 => String::new(),
        older if model.gets_older(&component.name) => format!(" · {older} older are coming"),
        older => format!(" · {older} older"),
    };
    let summary = match keys.len() {
        0 => String::new(),
        many => format!("{} of {many}{older}", selected + 1),
    };
    let inside = canvas.frame(area, "Snapshots", &model.summary_of(List::Snapshots, &summary), false);
    if keys.is_empty() {
        let nothing = format!("no snapshot of {} yet: {} takes one", component.name, model.key("snapshot"));
        lists::empty(model, canvas, inside, &nothing);
    }
    let first = first_visible(selected, keys.len(), usize::from(inside.height));
    for (row, (place, key)) in (0..inside.height).zip(keys.iter().enumerate().skip(first)) {
        let Some(snapshot) = key.parse().ok().and_then(|id| model.state.snapshots.get(&id)) else { continue };
        let marked = model.browse.marked == Some(snapshot.id);
        let sign = match (place == selected, marked) {
            (_, true) => "»",
            (true, false) => "▶",
            (false, false) => " ",
        };
        let mut pieces: Vec<Piece> = vec![(Role::Focus, sign.to_owned())];
        let columns = usize::from(inside.width.saturating_sub(1));
        pieces.extend(snapshot_rows::of_component(snapshot, &component.name, model.now, columns));
        canvas.line(inside, row, &pieces);
        if place == selected {
            canvas.select_row(inside, row);
        }
        canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Row(List::Snapshots, place));
    }
}

pub(super) fn details(model: &Model, canvas: &mut Canvas, area: Rect) {
    let chosen = model.snapshot().and_then(|id| model.state.snapshots.get(&id));
    let title = chosen.map_or_else(|| "Details".to_owned(), |snapshot| snapshot.id.to_string());
    let kept = chosen.filter(|snapshot| snapshot.pinned).map_or("", |_| "pinned: kept whatever its age");
    let inside = canvas.frame(area, &title, kept, false);
    let Some(snapshot) = chosen else { return };
    let upper = Rect { height: inside.height.saturating_sub(1), ..inside };
    for (row, line) in (0..upper.height).zip(lines(model, snapshot)) {
        canvas.line(upper, row, &line);
    }
    let mut keys: Vec<KeyHint> = ["difference", "test-restore", "read-back", "pin", "roll-back-to"]
        .into_iter()
        .filter_map(named)
        .map(|action| KeyHint::of(model, action))
        .collect();
    for hint in &mut keys {
        match hint.action {
            "pin" if snapshot.pinned => "Unpin".clone_into(&mut hint.label),
            "difference" => {
                hint.label = match model.browse.marked.filter(|marked| *marked != snapshot.id) {
                    Some(marked) => format!("Differs from {marked}"),
                    None => "Differs from now".to_owned(),
                }
            }
            "roll-back-to" => "Roll back…".clone_into(&mut hint.label),
            _ => {}
        }
    }
    canvas.keys(inside, inside.height.saturating_sub(1), &keys);
}

fn lines(model: &Model, snapshot: &Snapshot) -> Vec<Vec<Piece>> {
    let component = model.component().map(|component| component.name.as_str()).unwrap_or_default();
    let mut belongs = String::new();
    if let Some(incident) = snapshot.incident {
        belongs.push_str(&format!(" · during {incident}"));
    }
    if let Some(recovery) = snapshot.recovery.filter(|id| !snapshot.reason.contains(&id.to_string())) {
        belongs.push_str(&format!(" · what stood before {recovery}"));
    }
    let mut lines = vec![vec![
        (Role::Muted, format!(" {} ", snapshot.requested_at.format("%Y-%m-%d %H:%M:%SZ"))),
        (Role::Text, format!("by {} · {}{belongs}", snapshot.requested_by, snapshot.reason)),
    ]];
    if let SnapshotState::Failed(error) = &snapshot.state {
        lines.push(vec![(Role::Bad, format!(" ✖ {error}"))]);
    }
    // What is in question comes first.
    let mut captured: Vec<_> = snapshot.captured.iter().collect();
    captured.sort_by_key(|captured| captured.component != component);
    if let Some(test) = snapshot.test_of(component).filter(|test| !test.passed) {
        lines.push(vec![(Role::Bad, format!(" ✖ test-restore failed: {}", test.detail))]);
    }
    if let Some((at, problems)) = snapshot.checked.as_ref().filter(|(_, problems)| !problems.is_empty()) {
        let ago = text::short(model.now - *at);
        lines.push(vec![(
            Role::Bad,
            format!(" ✖ {} when read back {ago} ago", count(problems.len() as u64, "problem")),
        )]);
        lines.extend(problems.iter().take(10).map(|problem| vec![(Role::Bad, format!("   ✖ {problem}"))]));
    }
    for captured in captured {
        let (role, word) = if captured.good {
            (Role::Muted, "its service was healthy")
        } else {
            (Role::Warn, "▲ its service was not healthy")
        };
        lines.push(vec![
            (Role::Text, format!(" {}", text::left(&text::fit_middle(&captured.component, 22), 22))),
            (Role::Text, text::right(&count(captured.files, "file"), 12)),
            (Role::Text, text::right(&text::bytes(captured.bytes), 9)),
            (Role::Muted, text::left(&format!("  {}", captured.version.as_deref().unwrap_or_default()), 9)),
            (role, word.to_owned()),
        ]);
        for path in captured.unreadable.iter().take(5) {
            lines.push(vec![(Role::Bad, format!("   ✖ not read: {path}"))]);
        }
    }
    if let Some(Comparison { result: Loaded::Here(components), .. }) = model.differences.get(&(snapshot.id, None)) {
        for found in components.iter().filter(|found| found.component == component) {
            lines.push(vec![(Role::Text, format!(" a rollback would change {}", effect(found)))]);
        }
    }
    lines
}
