//! One service: how it is, its checks, what it needs, what can be restored, what went live.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    lookback, rows,
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
    lines.push(vec![
        (role, format!(" {glyph} {word}")),
        (Role::Muted, format!("  for {since}  ")),
        (Role::Text, reason),
    ]);
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
        lines.push(vec![
            (role, format!("  {mark} ")),
            (Role::Text, text::left(&check.name, names)),
            (Role::Muted, if is_narrow { String::new() } else { text::left(&often, 13) }),
            (Role::Muted, if is_narrow { format!("{when:<4} ") } else { text::left(&when, 12) }),
            (Role::Warn, soft.map(|(streak, of)| format!("{streak} of {of}: ")).unwrap_or_default()),
            (Role::Text, last.map(|sample| sample.detail.clone()).unwrap_or_default()),
        ]);
    }
    lines.extend(lookback::ahead(model, name));
    lines.push(Vec::new());
    lines.extend(lookback::lines(model, name, usize::from(inside.width)));
    heading(&mut lines, "Depends on · is needed by");
    let needs = if service.depends_on.is_empty() { "nothing".to_owned() } else { service.depends_on.join(", ") };
    let needed = model.state.platform.dependants_of(name);
    let needed = if needed.is_empty() { "nothing".to_owned() } else { needed.join(", ") };
    lines.push(vec![(Role::Text, format!("  {needs}")), (Role::Muted, "  ·  ".to_owned()), (Role::Text, needed)]);
    heading(&mut lines, "Can be rolled back");
    for component in model.state.platform.components_of(name) {
        let point = model.recovery_point(component);
        let (role, point) = match point.words() {
            None => (Role::Bad, "✖ never captured".to_owned()),
            Some(words) if point.is_over() => (Role::Bad, format!("✖ RPO {words}")),
            Some(words) => (Role::Ok, format!("✓ RPO {words}")),
        };
        let version =
            model.state.live_version(&component.name).map(|version| format!("{version} is live")).unwrap_or_default();
        lines.push(vec![
            (Role::Text, format!("  {}", text::left(&component.name, 22))),
            (Role::Muted, text::left(component.adapter.name(), 9)),
            (role, text::left(&point, 20)),
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
            (Role::Muted, format!("  {}  ", deployment.at.format("%m-%d %H:%M:%S"))),
            (Role::Text, text::left(&format!("{} {}", deployment.component, deployment.version), 34)),
            (Role::Muted, deployment.note.clone()),
        ]);
    }
    canvas.page(inside, &lines, model.scroll);
}
