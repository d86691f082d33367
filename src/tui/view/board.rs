//! The board: four live panes; the one with the focus alone where there is room for one only, or when it is zoomed in on.
//!
//! ```text
//! wide                              narrow
//! ┌1 Services ───┐┌2 Incidents ──┐  ┌1 Services ───┐
//! │              │├3 Approvals ──┤  ├2 Incidents ──┤
//! │              │├4 Snapshots ──┤  ├3 Approvals ──┤
//! └──────────────┘└──────────────┘  └4 Snapshots ──┘
//! ```

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible, out_of_view},
    continuity, list, rows, snapshot_rows,
};
use crate::{
    domain::{ChangeState, Status},
    tui::{
        layout::{self, Panes},
        model::{Link, List, Model, Pane, Target},
        queue::Queue,
        text,
        theme::{Role, status_badge},
    },
};

/// Rows of a pane from which its columns have headings though that costs one of its rows.
const HEAD: u16 = 6;

/// Rows for why a service is not well, at most.
const WHY: u16 = 4;
/// Columns before them: below its name.
const INDENT: u16 = 10;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let clock = continuity::banner(model, canvas, area);
    let area = Rect { y: area.y + clock, height: area.height - clock, ..area };
    let rows_of = [Pane::Incidents, Pane::Approvals, Pane::Snapshots]
        .map(|pane| u16::try_from(model.rows(List::Pane(pane)).len()).unwrap_or(u16::MAX));
    match layout::board(area, rows_of, model.page_zoom()) {
        Panes::All(places) => {
            for (pane, place) in Pane::ALL.into_iter().zip(places) {
                draw_pane(model, canvas, place, pane);
            }
        }
        Panes::One { names, pane } => {
            self::names(model, canvas, names);
            draw_pane(model, canvas, pane, model.focus);
        }
    }
}

/// The names of all panes, where there is room for one of them only; each with what matters most of it.
fn names(model: &Model, canvas: &mut Canvas, area: Rect) {
    let name = |pane: Pane| match pane {
        Pane::Services => "1 Services",
        Pane::Incidents => "2 Incidents",
        Pane::Approvals => "3 Approvals",
        Pane::Snapshots => "4 Snapshots",
    };
    let short = |pane: Pane| match pane {
        Pane::Services => "1 Srv",
        Pane::Incidents => "2 Inc",
        Pane::Approvals => "3 App",
        Pane::Snapshots => "4 Snp",
    };
    let long: usize = Pane::ALL.map(|pane| text::width(name(pane)) + 5).iter().sum();
    let is_short = long > usize::from(area.width);
    let mut at = 0;
    for pane in Pane::ALL {
        let (role, mark) = standing(model, pane);
        let focus = if model.focus == pane { Role::Pressed } else { Role::Muted };
        let label = format!(" {} ", if is_short { short(pane) } else { name(pane) });
        let place = Rect { x: area.x + at, width: area.width.saturating_sub(at), ..area };
        let used = canvas.line(place, 0, &[(focus, label), (role, mark), (Role::Text, " ".to_owned())]);
        canvas.hits.add(Rect { width: used.min(place.width), height: area.height.min(1), ..place }, Target::Pane(pane));
        at += used;
    }
}

/// How many there are in a pane of what matters most.
fn standing(model: &Model, pane: Pane) -> Piece {
    match pane {
        Pane::Services => {
            let is_bad = |status: Status| matches!(status, Status::Down | Status::Degraded | Status::Unknown);
            let statuses = model.state.platform.services.iter().map(|service| model.status_of(&service.name));
            let bad: Vec<Status> = statuses.filter(|status| is_bad(*status)).collect();
            match bad.iter().max_by_key(|status| (**status == Status::Down, **status == Status::Degraded)) {
                Some(worst) => {
                    let (glyph, _, role) = status_badge(*worst);
                    (role, format!("{glyph}{}", bad.len()))
                }
                None => (Role::Ok, "●".to_owned()),
            }
        }
        Pane::Incidents => match model.state.open_incidents().count() {
            0 => (Role::Ok, "●".to_owned()),
            open => (Role::Bad, open.to_string()),
        },
        Pane::Approvals => {
            match model.queue().iter().filter(|(queue, _)| matches!(queue, Queue::You | Queue::Owed)).count() {
                0 => (Role::Muted, "–".to_owned()),
                mine => (Role::Warn, mine.to_string()),
            }
        }
        Pane::Snapshots => match model.worst_point(model.state.platform.components.iter()) {
            Some((_, point)) if point.is_over() => (Role::Bad, "✖".to_owned()),
            Some(_) => (Role::Ok, "✓".to_owned()),
            None => (Role::Muted, "–".to_owned()),
        },
    }
}

fn draw_pane(model: &Model, canvas: &mut Canvas, area: Rect, pane: Pane) {
    canvas.hits.add(area, Target::Pane(pane));
    let (title, summary) = match pane {
        Pane::Services => ("1 Services", services_summary(model)),
        Pane::Incidents => ("2 Incidents", format!("{} open", model.state.open_incidents().count())),
        Pane::Approvals => ("3 Approvals", approvals_summary(model)),
        Pane::Snapshots => ("4 Snapshots", snapshots_summary(model)),
    };
    // Before anything was heard, a count of nothing would be good news that nobody has.
    let summary = if model.link == Link::Connecting { String::new() } else { summary };
    let focus = model.focus == pane;
    let list = List::Pane(pane);
    let inside = canvas.frame(area, title, &model.summary_of(list, &summary), focus);
    if pane == Pane::Approvals {
        canvas.hits.add(Rect { height: 1.min(area.height), ..area }, Target::Action("approvals"));
    }
    let rows_of = List::Pane(pane);
    let keys = model.rows(rows_of);
    if keys.is_empty() {
        let room = Rect { x: inside.x + 2.min(inside.width), width: inside.width.saturating_sub(3), ..inside };
        canvas.paragraph(room, 0, Role::Muted, &empty(model, pane));
        return;
    }
    let selected = model.selected_place(rows_of);
    // A mark to the left, and a column between the figures and the border.
    let columns = usize::from(inside.width.saturating_sub(3));
    let has_head = usize::from(inside.height) > keys.len() || inside.height >= HEAD;
    if has_head {
        canvas.line(inside, 0, &[(Role::Muted, format!("  {}", head(pane, columns)))]);
    }
    let inside = layout::rows(inside, u16::from(has_head)).1;
    let room = usize::from(inside.height);
    let first = first_visible(selected, keys.len(), room);
    let mut spare = inside.height.saturating_sub(u16::try_from(keys.len()).unwrap_or(u16::MAX));
    // Those that are not well share the rows to spare.
    let mut bad = u16::try_from(keys.iter().filter(|key| pane == Pane::Services && why(model, key).is_some()).count())
        .unwrap_or(u16::MAX);
    let mut row = 0;
    let mut shown = 0;
    for (place, key) in keys.iter().enumerate().skip(first) {
        if usize::from(row) >= room {
            break;
        }
        shown += 1;
        let cursor = if focus && place == selected { "▶" } else { " " };
        let is_marked = pane == Pane::Incidents && key.parse().is_ok_and(|id| model.marked.contains(&id));
        let mut pieces: Vec<Piece> =
            vec![(Role::Focus, cursor.to_owned()), (Role::Title, if is_marked { "◆" } else { " " }.to_owned())];
        pieces.extend(pieces_of(model, pane, key, columns));
        let has_words = rows::has_room_for_why(columns);
        let is_cut = !has_words || rows::columns_of(&pieces) > columns + 2;
        let below = if pane == Pane::Services && spare > 0 && is_cut { why(model, key) } else { None };
        if has_words && below.is_some() {
            pieces.pop();
        }
        canvas.line(inside, row, &pieces);
        if focus && place == selected {
            canvas.select_row(inside, row);
        }
        canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Row(rows_of, place));
        row += 1;
        if let Some(words) = below {
            let most = (spare / bad.max(1)).clamp(1, WHY);
            let place = Rect { x: inside.x + INDENT, width: inside.width.saturating_sub(INDENT + 1), ..inside };
            let lines = text::wrap(&words, usize::from(place.width));
            let told = u16::try_from(lines.len()).unwrap_or(most).min(most);
            for (line, words) in (0..told).zip(&lines) {
                let is_cut = line + 1 == told && usize::from(told) < lines.len();
                let words = if is_cut {
                    text::fit(&lines[usize::from(line)..].join(" "), usize::from(place.width))
                } else {
                    words.clone()
                };
                canvas.line(place, row + line, &[(Role::Muted, words)]);
            }
            row += told;
            spare -= told;
            bad = bad.saturating_sub(1);
        }
        if pane == Pane::Approvals && place == selected && usize::from(row) + 1 < room {
            row += buttons(model, canvas, inside, row, key);
        }
    }
    // On the border, so that it costs no row.
    let hidden = out_of_view(first, keys.len().saturating_sub(first + shown));
    if !hidden.is_empty() {
        let border =
            Rect { x: area.x + 1, y: area.bottom().saturating_sub(1), width: area.width.saturating_sub(2), height: 1 };
        canvas.line_right(border, 0, &[(Role::Muted, format!(" {hidden} "))]);
    }
}

fn head(pane: Pane, columns: usize) -> String {
    match pane {
        Pane::Services => rows::service_head(columns),
        Pane::Incidents => rows::incident_head(columns),
        Pane::Approvals => rows::queued_head(columns),
        Pane::Snapshots => snapshot_rows::head(columns),
    }
}

fn pieces_of(model: &Model, pane: Pane, key: &str, columns: usize) -> Vec<Piece> {
    let found = match pane {
        Pane::Services => Some(rows::service(model, key, columns)),
        Pane::Incidents => key
            .parse()
            .ok()
            .and_then(|id| model.state.incidents.get(&id))
            .map(|incident| rows::incident(incident, model.now, columns)),
        Pane::Approvals => model.queued(key).map(|queued| rows::queued(model, &queued, columns)),
        Pane::Snapshots => key
            .parse()
            .ok()
            .and_then(|id| model.state.snapshots.get(&id))
            .map(|snapshot| snapshot_rows::row(snapshot, model.now, columns)),
    };
    found.unwrap_or_default()
}

/// Of a service that is not well: why.
fn why(model: &Model, name: &str) -> Option<String> {
    let is_bad = matches!(model.status_of(name), Status::Down | Status::Degraded) && model.silence_of(name).is_none();
    let health = model.state.services.get(name).filter(|_| is_bad)?;
    let cause = model.affected_by(name).map(|root| format!("by {root}: ")).unwrap_or_default();
    Some(format!("{cause}{}", health.reason))
}

/// Below the selected change that waits: who has agreed, and what to press.
fn buttons(model: &Model, canvas: &mut Canvas, area: Rect, row: u16, key: &str) -> u16 {
    let Some(change) = key.parse().ok().and_then(|id| model.state.changes.get(&id)) else { return 0 };
    if change.state != ChangeState::Pending {
        return 0;
    }
    let mut pieces = vec![(Role::Text, "     ".to_owned())];
    pieces.extend(rows::approvers(model, change));
    canvas.line(area, row, &pieces);
    let mut at = 5;
    at += canvas.button(area, row + 1, at, &model.named_button("approve", "Approve"), Target::Action("approve"), false);
    at += canvas.button(area, row + 1, at, &model.named_button("reject", "Reject"), Target::Action("reject"), false);
    canvas.button(area, row + 1, at, &model.named_button("open", "Plan and diff"), Target::Action("open"), false);
    2
}

fn services_summary(model: &Model) -> String {
    let of = |service: &crate::platform::Service| {
        let status = model.status_of(&service.name);
        let fails = matches!(status, Status::Down | Status::Degraded);
        (status, fails && model.affected_by(&service.name).is_some())
    };
    let statuses: Vec<(Status, bool)> = model.state.platform.services.iter().map(of).collect();
    let count = |status: Status| statuses.iter().filter(|found| **found == (status, false)).count();
    let words = [
        (count(Status::Down), "down"),
        (count(Status::Degraded), "degraded"),
        (statuses.iter().filter(|(_, affected)| *affected).count(), "affected"),
        (count(Status::Unknown), "unknown"),
        (count(Status::Maintenance), "in maintenance"),
        (count(Status::Healthy), "up"),
    ];
    let told: Vec<String> =
        words.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    told.join(" · ")
}

fn approvals_summary(model: &Model) -> String {
    let queue = model.queue();
    let of = |wanted: Queue| queue.iter().filter(|(queue, _)| *queue == wanted).count();
    let waits = |number: usize| if number == 1 { "waits" } else { "wait" };
    let waiting = match (of(Queue::You), of(Queue::Others)) {
        (0, 0) => "nothing waits".to_owned(),
        (0, others) => format!("{others} {} for others", waits(others)),
        (mine, _) => format!("{mine} {} for you", waits(mine)),
    };
    match of(Queue::Owed) {
        0 => waiting,
        owed => format!("{waiting} · you owe {owed}"),
    }
}

/// The component whose recovery point is closest to its limit, or furthest past it.
fn snapshots_summary(model: &Model) -> String {
    let worst = model.worst_point(model.state.platform.components.iter());
    let size = model.state.snapshots.values().rev().map(|snapshot| snapshot.total_bytes).find(|bytes| *bytes > 0);
    let size = size.map(|bytes| format!(" · {}", text::bytes(bytes))).unwrap_or_default();
    match worst {
        None => format!("no components{size}"),
        Some((component, point)) => match point.words() {
            None => format!("✖ {} was never captured{size}", component.name),
            Some(words) if point.is_over() => format!("RPO {words} ✖ {}{size}", component.name),
            Some(words) => format!("RPO {words} ✓{size}"),
        },
    }
}

fn empty(model: &Model, pane: Pane) -> String {
    let nothing = match pane {
        Pane::Services => "no services yet: describe them in codeblue.toml, then codeblue check".to_owned(),
        Pane::Incidents => {
            format!("no incident: what breaks stands here by itself; {} declares one", model.key("declare"))
        }
        Pane::Approvals => format!("no change waits; {} shows what is owed, and by whom", model.key("approvals")),
        Pane::Snapshots => format!("no snapshot yet: {} takes one", model.key("snapshot")),
    };
    list::why_empty(model, &nothing)
}
