//! Who needs whom: layers side by side, or a tree where there is no room; below it the service with the cursor and its edges.
//!
//! ```text
//! ┌Dependency map ──────────────────────────────────────────────┐
//! │  1 what users see       2                    3               │
//! │ ✖ patient-api   hit    →▲ records-db  ROOT    ● storage      │
//! └──────────────────────────────────────────────────────────────┘
//! ```

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible, out_of_view},
    rows::badge_of,
};
use crate::{
    domain::{IncidentId, Severity},
    platform::count,
    tui::{
        layout,
        map::{Concern, Node, WIDE, Way},
        model::{Model, Target},
        text,
        theme::Role,
    },
};

/// Columns of a layer, at least and at most.
const LAYER: (u16, u16) = (26, 44);
/// Rows for the service with the cursor, borders included.
const DETAIL: u16 = 6;

type Concerns = BTreeMap<String, (Concern, IncidentId, Severity)>;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let detail = if area.height < layout::LIST_ALONE { 0 } else { DETAIL.min(area.height.saturating_sub(4)) };
    let upper = Rect { height: area.height - detail, ..area };
    let lower = Rect { y: upper.bottom(), height: detail, ..area };
    let many = count(model.state.platform.services.len(), "service");
    let summary = format!("{many} in {}", count(model.map.layers.len(), "layer"));
    let inside = canvas.frame(upper, "Dependency map", &summary, true);
    let Some(at) = model.on_map() else {
        canvas.line(inside, 0, &[(Role::Muted, "  no services yet: describe them in codeblue.toml".to_owned())]);
        return;
    };
    let concerns = model.concerns();
    if area.width >= WIDE {
        layers(model, canvas, inside, &at, &concerns);
    } else {
        tree(model, canvas, inside, &at, &concerns);
    }
    selected(model, canvas, lower, &at, &concerns);
}

fn layers(model: &Model, canvas: &mut Canvas, area: Rect, at: &str, concerns: &Concerns) {
    let all = u16::try_from(model.map.layers.len()).unwrap_or(u16::MAX).max(1);
    let width = (area.width / all).clamp(LAYER.0, LAYER.1);
    let room = usize::from((area.width / width).max(1));
    let (layer, _) = model.map.place(at).unwrap_or((0, 0));
    let first = first_visible(layer, model.map.layers.len(), room);
    let needs = model.along(at, Way::Needs);
    let needed_by = model.along(at, Way::NeededBy);
    let mut x = area.x;
    for (place, names) in model.map.layers.iter().enumerate().skip(first).take(room) {
        let column = Rect { x, width, ..area };
        x += width;
        let title = if place == 0 { "1 what users see".to_owned() } else { (place + 1).to_string() };
        canvas.line(column, 0, &[(Role::Muted, format!("  {title}"))]);
        let list = Rect { y: column.y + 1, height: column.height.saturating_sub(2), ..column };
        let shown = usize::from(list.height);
        // In sight are the cursor, or what its edges lead to.
        let wanted = names
            .iter()
            .position(|name| name == at)
            .or_else(|| names.iter().position(|name| needs.contains(name) || needed_by.contains(name)))
            .unwrap_or(0);
        let top = first_visible(wanted, names.len(), shown);
        for (row, name) in (0..list.height).zip(names.iter().skip(top)) {
            let edge = match () {
                () if needs.contains(name) => "→",
                () if needed_by.contains(name) => "←",
                () => " ",
            };
            let (glyph, _, role) = badge_of(model, name);
            let tag = concerns.get(name).map(|(concern, ..)| concern_word(*concern)).unwrap_or_default();
            let tag_columns = if tag.is_empty() { 0 } else { text::width(tag) + 1 };
            let name_columns = usize::from(width).saturating_sub(5 + tag_columns);
            let cell = Rect { width: width - 1, ..list };
            canvas.line(
                cell,
                row,
                &[
                    (Role::Focus, format!(" {edge}")),
                    (role, format!("{glyph} ")),
                    (Role::Text, text::fit_middle(name, name_columns)),
                    (Role::Warn, if tag.is_empty() { String::new() } else { format!(" {tag}") }),
                ],
            );
            if name == at {
                canvas.select_row(cell, row);
            }
            let place = Rect { y: cell.y + row, height: 1, ..cell };
            canvas.hits.add(place, Target::Node(name.clone()));
        }
        let hidden = out_of_view(top, names.len().saturating_sub(top + shown));
        canvas.line(column, column.height.saturating_sub(1), &[(Role::Muted, format!("  {hidden}"))]);
    }
    let right = model.map.layers.len().saturating_sub(first + room);
    let beyond = match (first, right) {
        (0, 0) => return,
        (left, 0) => format!("← {} ", count(left, "layer")),
        (0, right) => format!("{} → ", count(right, "layer")),
        (left, right) => format!("← {} · {} → ", count(left, "layer"), count(right, "layer")),
    };
    canvas.line_right(area, 0, &[(Role::Warn, beyond)]);
}

fn concern_word(concern: Concern) -> &'static str {
    match concern {
        Concern::Root => "ROOT",
        Concern::Hit => "hit",
        Concern::AtRisk => "at risk",
    }
}

fn tree(model: &Model, canvas: &mut Canvas, area: Rect, at: &str, concerns: &Concerns) {
    let lines = &model.map.tree;
    let place = lines.iter().position(|branch| matches!(&branch.node, Node::Service(name) if name == at)).unwrap_or(0);
    let room = usize::from(area.height);
    let overflow = lines.len() > room;
    let shown = if overflow { room.saturating_sub(1) } else { room };
    let first = first_visible(place, lines.len(), shown);
    for (row, branch) in (0..area.height).zip(lines.iter().skip(first).take(shown)) {
        // What is very deep says how deep instead of leaving the screen.
        let most = usize::from(area.width) / 4;
        let indent = match branch.depth * 2 {
            columns if columns <= most => " ".repeat(columns),
            columns => text::left(&format!("{} deep ", columns / 2), most),
        };
        let mut pieces: Vec<Piece> = vec![(Role::Muted, format!(" {indent}"))];
        match &branch.node {
            Node::AnyOf => pieces.push((Role::Muted, "any of".to_owned())),
            Node::Again(name) => {
                let (glyph, _, role) = badge_of(model, name);
                pieces.push((role, format!("{glyph} ")));
                pieces.push((Role::Muted, format!("{name}  as above")));
            }
            Node::Service(name) => {
                let (glyph, word, role) = badge_of(model, name);
                pieces.push((role, format!("{glyph} {word} ")));
                pieces.push((Role::Text, name.clone()));
                if let Some(tag) = tag(concerns, name) {
                    pieces.push((Role::Warn, format!("  {tag}")));
                }
                let line = Rect { y: area.y + row, height: 1, ..area };
                canvas.hits.add(line, Target::Node(name.clone()));
            }
        }
        canvas.line(area, row, &pieces);
        if first + usize::from(row) == place {
            canvas.select_row(area, row);
        }
    }
    if overflow {
        let hidden = out_of_view(first, lines.len().saturating_sub(first + shown));
        canvas.line(area, area.height.saturating_sub(1), &[(Role::Muted, format!(" {hidden}"))]);
    }
}

/// `root of INC-1 SEV1`.
fn tag(concerns: &Concerns, name: &str) -> Option<String> {
    let (concern, id, severity) = concerns.get(name)?;
    Some(match concern {
        Concern::Root => format!("ROOT of {id} {severity}"),
        Concern::Hit => format!("hit, {id} {severity}"),
        Concern::AtRisk => format!("at risk: needs the root of {id}"),
    })
}

fn selected(model: &Model, canvas: &mut Canvas, area: Rect, at: &str, concerns: &Concerns) {
    let inside = canvas.frame(area, at, &model.opens_it(), false);
    let (glyph, word, role) = badge_of(model, at);
    let health = model.state.services.get(at);
    let since = health.and_then(|health| health.since).map(|at| text::short(model.now - at)).unwrap_or_default();
    let mut line = vec![(role, format!(" {glyph} {word}")), (Role::Muted, format!(" for {since}"))];
    if let Some(tag) = tag(concerns, at) {
        line.push((Role::Warn, format!("  {tag}")));
    }
    let columns = usize::from(inside.width.saturating_sub(1));
    let reason = health.map(|health| health.reason.clone()).unwrap_or_default();
    let used: usize = line.iter().map(|(_, piece)| text::width(piece)).sum();
    let is_beside = used + 2 + text::width(&reason) <= columns;
    if is_beside {
        line.push((Role::Text, format!("  {reason}")));
    }
    canvas.line(inside, 0, &line);
    let service = model.state.platform.service(at);
    let groups = service.map(|service| service.any_of.clone()).unwrap_or_default();
    let grouped = |name: &String| groups.iter().flatten().any(|member| member == name);
    let (together, alone): (Vec<String>, Vec<String>) = model.along(at, Way::Needs).into_iter().partition(grouped);
    let mut words = states(model, &alone);
    for group in &groups {
        let members: Vec<String> = together.iter().filter(|name| group.contains(name)).cloned().collect();
        words.push((Role::Muted, "any of ".to_owned()));
        words.extend(states(model, &members));
    }
    edges(canvas, inside, 1, " → needs      ", words, columns);
    let needing = model.along(at, Way::NeededBy);
    edges(canvas, inside, 2, " ← needed by  ", states(model, &needing), columns);
    let beside = match model.map.beside.len() {
        0 | 1 => String::new(),
        many => format!(" · {} the next of {many} here", model.key("next-beside")),
    };
    // Why it is not well comes before what the last line says too.
    if !is_beside {
        canvas.line(inside, 3, &[(Role::Text, format!(" {reason}"))]);
        return;
    }
    canvas.line(
        inside,
        3,
        &[(
            Role::Muted,
            format!(" {} what it needs · {} what needs it{beside}", model.key("needs"), model.key("needed-by")),
        )],
    );
}

/// Names with their states.
fn states(model: &Model, names: &[String]) -> Vec<Piece> {
    let of = |name: &String| {
        let (glyph, _, role) = badge_of(model, name);
        (role, format!("{glyph} {name}  "))
    };
    names.iter().map(of).collect()
}

/// A line of names, as many as fit; how many do not is said.
fn edges(canvas: &mut Canvas, area: Rect, row: u16, label: &str, names: Vec<Piece>, columns: usize) {
    let mut line = vec![(Role::Muted, label.to_owned())];
    if names.is_empty() {
        line.push((Role::Muted, "nothing".to_owned()));
    }
    let mut used = text::width(label);
    let all = names.len();
    for (place, (role, name)) in names.into_iter().enumerate() {
        let last = place + 1 == all;
        let wanted = text::width(name.trim_end());
        if used + wanted + if last { 0 } else { 9 } > columns {
            line.push((Role::Warn, format!("+ {} more", all - place)));
            break;
        }
        used += text::width(&name);
        line.push((role, name));
    }
    canvas.line(area, row, &line);
}
