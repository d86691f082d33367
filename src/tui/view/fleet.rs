//! All hosts on one page: a row for each, and what is open, what waits and what is not well on any of them. What is known of a host
//! that is not heard is shown as of when it was, and none of it as well.
//!
//! ```text
//! wide                              narrow
//! ┌1 Hosts ──────────────────────┐  ┌1 Hosts ──────┐
//! │                              │  ├2 Incidents ──┤
//! ├2 Incidents ──┬3 Changes ─────┤  ├3 Changes ────┤
//! │              ├4 Services ────┤  ├4 Services ───┤
//! └──────────────┴───────────────┘  └──────────────┘
//! ```

use std::time::Duration;

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible, out_of_view},
    list,
};
use crate::{
    client::fleet::{FleetHost, FleetTotals, HostLink, HostSight, HostSummary, Merged, OpenIncident, StatusCounts},
    domain::{Severity, Status},
    platform::count,
    tui::{
        fleet::UnwellRow,
        layout::{self, Panes},
        model::{FleetPane, List, Model, Target},
        text,
        theme::{Role, status_badge},
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let rows_of = FleetPane::ALL.map(|pane| u16::try_from(model.rows(List::Fleet(pane)).len()).unwrap_or(u16::MAX));
    match layout::fleet(area, rows_of, model.page_zoom()) {
        Panes::All(places) => {
            for (pane, place) in FleetPane::ALL.into_iter().zip(places) {
                draw_pane(model, canvas, place, pane);
            }
        }
        Panes::One { names, pane } => {
            self::names(model, canvas, names);
            draw_pane(model, canvas, pane, model.fleet.focus);
        }
    }
}

fn name(pane: FleetPane) -> &'static str {
    match pane {
        FleetPane::Hosts => "1 Hosts",
        FleetPane::Incidents => "2 Incidents",
        FleetPane::Changes => "3 Changes",
        FleetPane::Services => "4 Services",
    }
}

/// The names of all panes, where there is room for one of them only; each with how many it has.
fn names(model: &Model, canvas: &mut Canvas, area: Rect) {
    let totals = model.fleet.fleet.totals(model.now);
    let mut at = 0;
    for pane in FleetPane::ALL {
        let (role, mark) = match pane {
            FleetPane::Hosts if totals.unknown > 0 => (Role::Unknown, format!("◌{}", totals.unknown)),
            FleetPane::Hosts => (Role::Ok, "●".to_owned()),
            FleetPane::Incidents => (Role::Bad, totals.incidents.to_string()),
            FleetPane::Changes => (Role::Warn, totals.changes.to_string()),
            FleetPane::Services => (Role::Bad, (totals.services.down + totals.services.degraded).to_string()),
        };
        let mark = if mark == "0" { "–".to_owned() } else { mark };
        let label = name(pane);
        let label = if area.width < 60 { label.get(..5).unwrap_or(label) } else { label };
        let focus = if model.fleet.focus == pane { Role::Pressed } else { Role::Muted };
        let place = Rect { x: area.x + at, width: area.width.saturating_sub(at), ..area };
        let pieces = [(focus, format!(" {label} ")), (role, mark), (Role::Text, " ".to_owned())];
        let used = canvas.line(place, 0, &pieces);
        let target = Target::FleetPane(pane);
        canvas.hits.add(Rect { width: used.min(place.width), height: area.height.min(1), ..place }, target);
        at += used;
    }
}

fn summary(model: &Model, pane: FleetPane) -> String {
    let FleetTotals { heard, unknown, services, incidents, worst, changes } = model.fleet.fleet.totals(model.now);
    match pane {
        FleetPane::Hosts if unknown == 0 => format!("{heard} live"),
        FleetPane::Hosts => format!("{heard} live · {unknown} unknown"),
        FleetPane::Incidents => match worst {
            Some(worst) => format!("{incidents} open · worst {worst}"),
            None => "none open".to_owned(),
        },
        FleetPane::Changes => format!("{changes} waiting"),
        FleetPane::Services => {
            let StatusCounts { healthy, degraded, down, unknown, .. } = services;
            let parts = [(down, "down"), (degraded, "degraded"), (unknown, "unknown"), (healthy, "up")];
            let words: Vec<String> =
                parts.iter().filter(|(many, _)| *many > 0).map(|(many, word)| format!("{many} {word}")).collect();
            words.join(" · ")
        }
    }
}

fn draw_pane(model: &Model, canvas: &mut Canvas, area: Rect, pane: FleetPane) {
    canvas.hits.add(area, Target::FleetPane(pane));
    let focus = model.fleet.focus == pane;
    let list = List::Fleet(pane);
    let inside = canvas.frame(area, name(pane), &model.summary_of(list, &summary(model, pane)), focus);
    let rows = rows_of(model, pane, usize::from(inside.width.saturating_sub(2)));
    if rows.lines.is_empty() {
        let nothing = match pane {
            FleetPane::Hosts => "no host is named: codeblue host add NAME ADDRESS",
            FleetPane::Incidents => "no incident is open on any host that is heard",
            FleetPane::Changes => "no change waits for an approval",
            FleetPane::Services => "every service of every host is well",
        };
        return list::empty(model, canvas, inside, nothing);
    }
    // Where there is little room, a row is worth more than the headings.
    let has_head = usize::from(inside.height) > rows.lines.len() || inside.height >= 5;
    if has_head {
        canvas.line(inside, 0, &[(Role::Muted, format!("  {}", rows.head))]);
    }
    let inside = layout::rows(inside, u16::from(has_head)).1;
    let selected = model.selected_place(list);
    let (inside, note) = match rows.notes.get(selected).filter(|note| !note.is_empty() && inside.height > 2) {
        Some(note) => (Rect { height: inside.height - 1, ..inside }, Some((inside, note))),
        None => (inside, None),
    };
    let room = usize::from(inside.height);
    let is_over = rows.lines.len() > room;
    let visible = if is_over { room.saturating_sub(1) } else { room };
    let first = first_visible(selected, rows.lines.len(), visible);
    for (row, (place, line)) in (0..).zip(rows.lines.iter().enumerate().skip(first).take(visible)) {
        let is_selected = focus && place == selected;
        let mut pieces = vec![(Role::Focus, if is_selected { "▶ " } else { "  " }.to_owned())];
        pieces.extend(line.iter().cloned());
        canvas.line(inside, row, &pieces);
        if is_selected {
            canvas.select_row(inside, row);
        }
        canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Row(list, place));
    }
    if is_over {
        let hidden = out_of_view(first, rows.lines.len().saturating_sub(first + visible));
        canvas.line(inside, inside.height.saturating_sub(1), &[(Role::Muted, format!("  {hidden}"))]);
    }
    if let Some((area, note)) = note {
        canvas.line(area, area.height - 1, &[(Role::Unknown, format!("  {note}"))]);
    }
}

/// The rows of a pane, the headings above them, and what there is to say below of each.
struct Rows {
    head: String,
    lines: Vec<Vec<Piece>>,
    notes: Vec<String>,
}

fn rows_of(model: &Model, pane: FleetPane, columns: usize) -> Rows {
    match pane {
        FleetPane::Hosts => hosts(model, columns),
        FleetPane::Incidents => incidents(model, columns),
        FleetPane::Changes => changes(model, columns),
        FleetPane::Services => services(model, columns),
    }
}

/// A piece in so many columns, with one between it and the next.
fn cell(role: Role, words: &str, columns: usize) -> Piece {
    (role, text::left(&text::fit(words, columns.saturating_sub(1)), columns))
}

/// Columns of the name of a host in the lists of all.
fn host_columns(columns: usize) -> usize {
    if columns >= 70 { 16 } else { 11 }
}

fn hosts(model: &Model, columns: usize) -> Rows {
    let all = model.wanted_hosts();
    let [host, link, news, engine, services, worst, changes] = match columns {
        0..=57 => [12, 0, 0, 0, 12, 10, 0],
        58..=95 => [14, 13, 5, 0, SINCE + 1, 13, 5],
        _ => [18, 13, 7, 8, 26, 14, 8],
    };
    let why = columns.saturating_sub(2 + host + link + news + engine + services + worst + changes);
    let names = ["HOST", "LINK", "NEWS", "ENGINE", "SERVICES", "INCIDENTS", "CHANGES", "WHY"];
    let widths = [host, link, news, engine, services, worst, changes, if why >= 12 { why } else { 0 }];
    let head: String = names
        .into_iter()
        .zip(widths)
        .map(|(name, width)| text::left(&text::fit(name, width.saturating_sub(1)), width))
        .collect();
    let lines = all.iter().map(|one| {
        let sight = one.sight(model.now);
        let is_heard = matches!(sight, HostSight::Heard(_));
        let (glyph, role) = if is_heard { ("●", Role::Ok) } else { ("◌", Role::Unknown) };
        let (link_role, words) = link_of(model, one);
        let heard = one.heard_at.map_or_else(|| "—".to_owned(), |at| text::age(model.now - at));
        let (services_role, how) = services_of(model, sight, services);
        let (worst_role, open) = incidents_of(one.last(), is_heard);
        let waiting = one.last().map_or(0, |last| last.changes.len());
        let version = one.last().map_or("—", |last| last.version.as_str());
        let mut line = vec![
            (role, format!("{glyph} ")),
            cell(Role::Title, &one.name, host),
            cell(link_role, &words, link),
            cell(if is_heard { Role::Muted } else { Role::Unknown }, &heard, news),
            cell(Role::Muted, version, engine),
            cell(services_role, &how, services),
            cell(worst_role, &open, worst),
            cell(
                if waiting > 0 { Role::Warn } else { Role::Muted },
                &if waiting > 0 { unsure(&waiting.to_string(), is_heard) } else { "—".to_owned() },
                changes,
            ),
        ];
        if why >= 12 {
            line.push((Role::Muted, text::fit(&why_of(model, one), why)));
        }
        line
    });
    let lines = lines.collect();
    // What has no column stands below, of the selected one.
    let notes = if why >= 12 {
        Vec::new()
    } else {
        let note = |one: &&FleetHost| match &one.link {
            HostLink::Lost { .. } => why_of(model, one),
            _ => String::new(),
        };
        all.iter().map(note).collect()
    };
    Rows { head: format!("  {head}"), lines, notes }
}

/// A figure of a host that is not heard is one of then.
fn unsure(figure: &str, is_heard: bool) -> String {
    if is_heard { figure.to_owned() } else { format!("{figure} ?") }
}

fn link_of(model: &Model, host: &FleetHost) -> (Role, String) {
    match &host.link {
        HostLink::Connecting => (Role::Warn, "connecting …".to_owned()),
        HostLink::Live { .. } if matches!(host.sight(model.now), HostSight::Unknown { .. }) => {
            (Role::Unknown, "silent".to_owned())
        }
        HostLink::Live { .. } => match host.took_seconds {
            Some(took) => (Role::Ok, format!("live {}", text::latency(Duration::from_secs_f64(took.max(0.0))))),
            None => (Role::Ok, "live".to_owned()),
        },
        HostLink::Lost { since, .. } => (Role::Bad, format!("lost {}", text::short(model.now - *since))),
    }
}

/// Columns of since when a host is unknown.
const SINCE: usize = 22;

fn services_of(model: &Model, sight: HostSight<'_>, columns: usize) -> (Role, String) {
    let summary = match sight {
        HostSight::Unknown { since: Some(at), .. } if columns <= SINCE => {
            return (Role::Unknown, format!("unknown {}", text::short(model.now - at)));
        }
        HostSight::Unknown { since: None, .. } if columns <= SINCE => return (Role::Unknown, "unknown".to_owned()),
        HostSight::Unknown { since: Some(at), .. } => {
            return (Role::Unknown, format!("unknown since {}", at.format("%H:%M:%S")));
        }
        HostSight::Unknown { since: None, .. } => return (Role::Unknown, "unknown, never heard".to_owned()),
        HostSight::Heard(summary) => summary,
    };
    let StatusCounts { healthy, degraded, down, unknown, maintenance } = summary.services;
    let parts = [(down, "✖"), (degraded, "▲"), (unknown, "◌"), (maintenance, "⚒"), (healthy, "●")];
    let words: Vec<String> =
        parts.iter().filter(|(many, _)| *many > 0).map(|(many, glyph)| format!("{many} {glyph}")).collect();
    let role = match (down, degraded, unknown) {
        (0, 0, 0) => Role::Ok,
        (0, 0, _) => Role::Unknown,
        (0, ..) => Role::Warn,
        _ => Role::Bad,
    };
    (role, if words.is_empty() { "no services".to_owned() } else { words.join(" ") })
}

fn incidents_of(last: Option<&HostSummary>, is_heard: bool) -> (Role, String) {
    match last.map(|last| (last.incidents.len(), last.worst())) {
        None => (Role::Muted, "?".to_owned()),
        Some((0, _) | (_, None)) => (Role::Muted, unsure("—", is_heard)),
        Some((open, Some(worst))) => (severity_role(worst), unsure(&format!("{worst} of {open}"), is_heard)),
    }
}

fn severity_role(severity: Severity) -> Role {
    match severity {
        Severity::Sev1 => Role::Bad,
        Severity::Sev2 => Role::Warn,
        Severity::Sev3 | Severity::Sev4 => Role::Text,
    }
}

/// What more there is to say of a host: why it is not heard and when it is tried again, else what it cares for.
fn why_of(model: &Model, host: &FleetHost) -> String {
    match &host.link {
        HostLink::Lost { reason, next_try: Some(at), .. } => {
            format!("again in {}: {reason}", text::short(*at - model.now))
        }
        HostLink::Lost { reason, next_try: None, .. } => reason.clone(),
        HostLink::Connecting => host.address.clone(),
        HostLink::Live { .. } => match host.last() {
            Some(last) if last.halted => format!("autopilot halted · {}", last.platform),
            Some(last) => last.platform.clone(),
            None => String::new(),
        },
    }
}

fn incidents(model: &Model, columns: usize) -> Rows {
    let host = host_columns(columns);
    let state = if columns >= 70 { 15 } else { 0 };
    let title = columns.saturating_sub(2 + 8 + host + state + 13).max(8);
    let head = format!(
        "{}{}{}{}{:>12}",
        text::left("S ID", 10),
        text::left("HOST", host),
        text::left("WHAT", title),
        text::left("STATE", state),
        "FOR"
    );
    let all = model.wanted_incidents();
    let line = |row: &Merged<'_, OpenIncident>| {
        let one = row.one;
        let is_new = one.acknowledged_at.is_none();
        let (time_role, time) = match row.as_of {
            Some(at) => (Role::Unknown, format!("as of {}", at.format("%H:%M"))),
            None if is_new => (Role::Warn, format!("new {}", text::short(model.now - one.detected_at))),
            None => (Role::Muted, text::short(model.now - one.detected_at)),
        };
        let (name, title) = text::name_and(&one.id.to_string(), 8, title);
        vec![
            (severity_role(one.severity), format!("{} ", one.severity.number())),
            (Role::Text, name),
            cell(Role::Title, &row.host.name, host),
            cell(Role::Text, &one.title, title),
            cell(Role::Text, &one.state.to_string(), state),
            (time_role, text::right(&time, 12)),
        ]
    };
    Rows { head, lines: all.iter().map(line).collect(), notes: Vec::new() }
}

fn changes(model: &Model, columns: usize) -> Rows {
    let host = host_columns(columns);
    let title = columns.saturating_sub(3 + 8 + host + 13).max(8);
    let head =
        format!("{}{}{}{:>12}", text::left("R  ID", 11), text::left("HOST", host), text::left("WHAT", title), "LAPSES");
    let lines = model.wanted_changes().into_iter().map(|row| {
        let left = row.one.expires_at - model.now;
        let (role, time) = match row.as_of {
            Some(at) => (Role::Unknown, format!("as of {}", at.format("%H:%M"))),
            None => (Role::Warn, format!("in {}", text::clock(left))),
        };
        let (name, title) = text::name_and(&row.one.id.to_string(), 8, title);
        vec![
            (if row.one.risk >= 7 { Role::Bad } else { Role::Text }, format!("{:<3}", row.one.risk)),
            (Role::Text, name),
            cell(Role::Title, &row.host.name, host),
            cell(Role::Text, &row.one.title, title),
            (role, text::right(&time, 12)),
        ]
    });
    Rows { head, lines: lines.collect(), notes: Vec::new() }
}

fn services(model: &Model, columns: usize) -> Rows {
    let host = host_columns(columns);
    let service = if columns >= 70 { 20 } else { 14 };
    let why = columns.saturating_sub(8 + host + service + 5);
    let head = format!(
        "{}{}{}{:>4} {}",
        text::left("STATE", 8),
        text::left("HOST", host),
        text::left("SERVICE", service),
        "FOR",
        text::left("WHY", why)
    );
    let lines = model.wanted_unwell().into_iter().map(|row| match row {
        UnwellRow::Host(one) => {
            let (glyph, word, role) = status_badge(Status::Unknown);
            let all = one.last().map(|last| last.services.total());
            let since = one.heard_at.map(|at| text::short(model.now - at)).unwrap_or_default();
            let what = all.map_or_else(|| "all of it".to_owned(), |all| count(all, "service"));
            vec![
                (role, format!("{glyph} {}", text::left(word, 6))),
                cell(Role::Title, &one.name, host),
                cell(role, &what, service),
                (role, format!("{since:>4} ")),
                (Role::Muted, text::fit(&silence_of(one), why)),
            ]
        }
        UnwellRow::Service(row) => {
            let (glyph, word, role) = status_badge(row.one.status);
            let since = row.one.since.map(|at| text::short(model.now - at)).unwrap_or_default();
            let reason = match &row.one.root {
                Some(root) => format!("by {root}: {}", row.one.reason),
                None => row.one.reason.clone(),
            };
            vec![
                (role, format!("{glyph} {}", text::left(word, 6))),
                cell(Role::Title, &row.host.name, host),
                cell(Role::Text, &row.one.name, service),
                (Role::Muted, format!("{since:>4} ")),
                (Role::Text, text::fit(&reason, why)),
            ]
        }
    });
    Rows { head, lines: lines.collect(), notes: Vec::new() }
}

/// Why nothing is known of a host's services.
fn silence_of(host: &FleetHost) -> String {
    match &host.link {
        HostLink::Lost { reason, .. } => reason.clone(),
        HostLink::Connecting => "not heard yet".to_owned(),
        HostLink::Live { .. } => "its engine has gone silent".to_owned(),
    }
}
