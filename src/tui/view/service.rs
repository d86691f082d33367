//! One service: how it is, its checks, what it needs, what can be restored, what went live.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    lookback, page, rows,
};
use crate::{
    platform::Reading,
    tui::{
        model::Model,
        text,
        theme::{Role, status_badge},
    },
};

/// Columns below which the page leaves out what can be spared.
const NARROW: u16 = 70;

/// Columns from which how it went stands beside how it is.
const TWO: usize = 140;
/// Lines of what a check found that is not well, at most.
const DETAIL: usize = 3;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, name: &str) {
    let Some(service) = model.state.platform.service(name) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {name} is not in the platform file any more"))]);
        return;
    };
    let (glyph, word, role) = rows::badge_of(model, name);
    let criticality = format!("{:?}", service.criticality).to_lowercase();
    let inside = canvas.frame(area, name, &criticality, true);
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let health = model.state.services.get(name);
    let since = health.and_then(|health| health.since).map(|at| text::short(model.now - at)).unwrap_or_default();
    let reason = health.map(|health| health.reason.clone()).unwrap_or_default();
    let columns = usize::from(inside.width);
    let before = format!(" {glyph} {word}  for {since}  ");
    let indent = text::width(&before);
    // Where it is narrow, why has rows of its own.
    let is_below = columns < 70 && indent + text::width(&reason) + 1 > columns;
    if is_below {
        lines.push(vec![(role, format!(" {glyph} {word}")), (Role::Muted, format!("  for {since}"))]);
        let below = text::wrap(&reason, columns.saturating_sub(4)).into_iter();
        lines.extend(below.map(|line| vec![(Role::Text, format!("   {line}"))]));
    }
    let beside = if is_below { String::new() } else { reason.clone() };
    for (place, line) in text::wrap(&beside, columns.saturating_sub(indent + 1)).into_iter().enumerate() {
        lines.push(match place {
            0 => {
                let since = format!("  for {since}  ");
                vec![(role, format!(" {glyph} {word}")), (Role::Muted, since), (Role::Text, line)]
            }
            _ => vec![(Role::Text, format!("{}{line}", " ".repeat(indent)))],
        });
    }
    if reason.is_empty() {
        lines.push(vec![(role, format!(" {glyph} {word}")), (Role::Muted, format!("  for {since}"))]);
    }
    if let Some(root) = model.affected_by(name) {
        let (glyph, word, role) = status_badge(model.status_of(root));
        lines.push(vec![
            (Role::Text, format!(" ↳ because of {root}, which it needs: ")),
            (role, format!("{glyph} {word}")),
        ]);
    }
    if let Some(incident) = model.state.incident_of(name) {
        let line = format!(" {} {} {}: {}", incident.id, incident.severity, incident.state, model.opens_it());
        lines.push(vec![(Role::Warn, line)]);
    }
    let figures = model.vitals.services.get(name);
    if let Some(figures) = figures {
        let columns = usize::from(inside.width.saturating_sub(2));
        let skip = figures.points.len().saturating_sub(columns);
        let mut line = vec![(Role::Text, " ".to_owned())];
        line.extend(rows::sparkline(figures.points.iter().skip(skip)));
        lines.push(line);
    }
    let heading = |lines: &mut Vec<Vec<Piece>>, title: &str| {
        lines.push(Vec::new());
        lines.push(vec![(Role::Title, format!(" {title}"))]);
    };
    let two = columns >= TWO;
    let room = if two { columns / 2 } else { columns };
    let top = std::mem::take(&mut lines);
    heading(&mut lines, "Checks");
    // Beside a list there is little room, and what a check says is worth more of it than how often it asks.
    let is_narrow = inside.width < NARROW;
    let longest = service.checks.iter().map(|check| text::width(&check.name)).max().unwrap_or(0);
    let names = if is_narrow { longest.min(22) + 1 } else { 22 };
    for check in &service.checks {
        let last = figures.and_then(|figures| figures.checks.get(&check.name));
        let soft = figures.and_then(|figures| figures.soft(check));
        let (mark, role) = match last.map(|sample| sample.reading) {
            None => ("◌", Role::Unknown),
            Some(Reading::Good) => ("●", Role::Ok),
            Some(Reading::Slow) => ("▲", Role::Warn),
            Some(Reading::Bad) => ("✖", Role::Bad),
        };
        let when = last.map_or_else(|| "not run yet".to_owned(), |sample| text::age(model.now - sample.at));
        let often = format!("every {} s", check.every.as_secs_f64());
        let mut line = vec![
            (role, format!("  {mark} ")),
            (Role::Text, text::left(&check.name, names)),
            (Role::Muted, if is_narrow { String::new() } else { text::left(&often, 12) }),
            (Role::Muted, if is_narrow { format!("{when:<4} ") } else { text::left(&when, 12) }),
            (Role::Warn, soft.map(|(streak, of)| format!("{streak} of {of}: ")).unwrap_or_default()),
        ];
        let indent = rows::columns_of(&line);
        let detail = last.map(|sample| sample.detail.clone()).unwrap_or_default();
        // What a check found that is not well is read to its end.
        let is_well = matches!(last.map(|sample| sample.reading), None | Some(Reading::Good));
        let most = if is_well { 1 } else { DETAIL };
        let mut told = text::wrap(&detail, room.saturating_sub(indent + 1)).into_iter();
        if is_well {
            line.push((Role::Text, text::fit(&detail, room.saturating_sub(indent + 1))));
        } else {
            line.push((Role::Text, told.next().unwrap_or_default()));
        }
        lines.push(line);
        lines.extend(told.take(most - 1).map(|rest| vec![(Role::Text, format!("{}{rest}", " ".repeat(indent)))]));
    }
    lines.extend(lookback::ahead(model, name, room));
    let over_time = lookback::lines(model, name, if two { columns - room } else { columns });
    if !two {
        lines.push(Vec::new());
        lines.extend(over_time.clone());
    }
    heading(&mut lines, "Depends on · is needed by");
    let needs = if service.depends_on.is_empty() { "nothing".to_owned() } else { service.depends_on.join(", ") };
    let needed = model.state.platform.dependants_of(name);
    let needed = if needed.is_empty() { "nothing".to_owned() } else { needed.join(", ") };
    lines.push(vec![(Role::Text, format!("  {needs}")), (Role::Muted, "  ·  ".to_owned()), (Role::Text, needed)]);
    heading(&mut lines, "Can be rolled back");
    let longest =
        model.state.platform.components_of(name).map(|component| text::width(&component.name)).max().unwrap_or(0);
    for component in model.state.platform.components_of(name) {
        let point = model.recovery_point(component);
        let (role, point) = match point.words() {
            None => (Role::Bad, "✖ never captured".to_owned()),
            Some(words) if point.is_over() => (Role::Bad, format!("✖ RPO {words}")),
            Some(words) => (Role::Ok, format!("✓ RPO {words}")),
        };
        let version =
            model.state.live_version(&component.name).map(|version| format!("{version} is live")).unwrap_or_default();
        let name = if is_narrow { text::width(&component.name).max(longest).min(22) + 1 } else { 22 };
        lines.push(vec![
            (Role::Text, format!("  {}", text::left(&component.name, name))),
            (Role::Muted, text::left(component.adapter.name(), 9)),
            (role, text::left(&point, if is_narrow { 17 } else { 20 })),
            (Role::Text, version),
        ]);
    }
    if model.state.platform.components_of(name).next().is_none() {
        lines.push(vec![(Role::Muted, "  nothing: the platform file declares no [[component]] for it".to_owned())]);
    }
    let components: Vec<&str> =
        model.state.platform.components_of(name).map(|component| component.name.as_str()).collect();
    let mut deployments = model
        .state
        .deployments
        .values()
        .rev()
        .filter(|deployment| components.contains(&deployment.component.as_str()))
        .take(6)
        .peekable();
    if deployments.peek().is_some() {
        heading(&mut lines, "Went live");
    }
    for deployment in deployments {
        lines.push(vec![
            (Role::Muted, format!("  {}  ", moment(deployment.at, model.now))),
            (Role::Text, format!("{} {}  ", deployment.component, deployment.version)),
            (Role::Muted, deployment.note.clone()),
        ]);
    }
    let mut all = top;
    if two {
        all.extend(page::beside(lines, std::iter::once(Vec::new()).chain(over_time).collect(), room));
    } else {
        all.extend(lines);
    }
    canvas.page(inside, &all, model.scroll);
}

/// When something went live: its time alone today.
fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    at.format(if now - at < TimeDelta::hours(20) { "%H:%M:%S" } else { "%m-%d %H:%M" }).to_string()
}
