//! Errors: how often the checks of each service failed lately and over the day, and what programs have reported of themselves.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    list, rows,
};
use crate::{
    domain::ErrorSeverity,
    tui::{
        errors::key,
        layout,
        model::{List, Loaded, Model, Screen, Target},
        text,
        theme::Role,
    },
};

const NOTHING: &str = "no program has reported an error. What services report to /api/v1/errors stands here by kind, what came last \
                       first: how often, how bad, and since when";

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let mut failing: Vec<(&str, f64)> = model
        .state
        .platform
        .services
        .iter()
        .filter_map(|service| Some((service.name.as_str(), model.vitals.services.get(&service.name)?.error_rate()?)))
        .collect();
    failing.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(other.0)));
    let bad = failing.iter().filter(|(_, rate)| *rate > 0.0).count();
    let wanted = u16::try_from(failing.len()).unwrap_or(u16::MAX).saturating_add(3);
    let alone = area.height < layout::LIST_ALONE && model.wanted_errors().is_empty();
    let (upper, lower) = layout::rows(area, if alone { area.height } else { wanted.min(area.height / 2) });
    let summary = match (bad, failing.len()) {
        (_, 0) => String::new(),
        (0, all) => format!("none of {all} fails"),
        (bad, all) => format!("{bad} of {all} fail now and then"),
    };
    let inside = canvas.frame(upper, "Checks that fail", &summary, false);
    checks(model, canvas, inside, &failing);
    reported(model, canvas, lower);
}

/// The share of bad results of each service, the most first, and its last results.
fn checks(model: &Model, canvas: &mut Canvas, area: Rect, failing: &[(&str, f64)]) {
    let columns = usize::from(area.width).saturating_sub(3);
    let service = (columns * 35 / 100).clamp(12, 30);
    let room = columns.saturating_sub(service + 9 + 2);
    canvas.line(area, 0, &[(Role::Muted, format!("  {}{:>9}  LAST RESULTS", text::left("SERVICE", service), "FAIL"))]);
    if failing.is_empty() {
        let below = Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area };
        return list::empty(model, canvas, below, "no check has run yet");
    }
    let visible = usize::from(area.height.saturating_sub(1));
    for (row, (name, rate)) in (1..).zip(failing.iter().take(visible)) {
        let role = if *rate > 0.0 { Role::Bad } else { Role::Muted };
        let mut pieces = vec![
            (Role::Text, format!("  {}", text::left(&text::fit_middle(name, service - 1), service))),
            (role, format!("{:>9}  ", text::share(*rate))),
        ];
        if let Some(figures) = model.vitals.services.get(*name) {
            let skip = figures.points.len().saturating_sub(room);
            pieces.extend::<Vec<Piece>>(rows::sparkline(figures.points.iter().skip(skip)));
        }
        canvas.line(area, row, &pieces);
        let place = Rect { y: area.y + row, height: 1, ..area };
        canvas.hits.add(place, Target::Page(Screen::Service((*name).to_owned())));
    }
    let hidden = failing.len().saturating_sub(visible);
    if hidden > 0 {
        canvas.mark(area, area.height.saturating_sub(1), &format!(" ↓ {hidden} more "));
    }
}

fn reported(model: &Model, canvas: &mut Canvas, area: Rect) {
    let all = model.wanted_errors();
    let total: u64 = all.iter().map(|group| group.count).sum();
    let summary = match all.len() {
        0 => String::new(),
        kinds => format!("{total} of {}", crate::platform::count(kinds, "kind")),
    };
    let inside = canvas.frame(area, "What programs report", &summary, true);
    match &model.errors.groups {
        None | Some(Loaded::Waiting) => return list::empty(model, canvas, inside, "being read …"),
        Some(Loaded::Failed(why)) => {
            canvas.line(inside, 0, &[(Role::Bad, format!("  ✖ cannot be read: {why}"))]);
            return;
        }
        Some(Loaded::Here(_)) => {}
    }
    let columns = usize::from(inside.width).saturating_sub(2);
    let service = (columns * 22 / 100).clamp(10, 24);
    let head = format!(
        "{}{}{:>7}{:>7}{:>7}  MESSAGE",
        text::left("HOW BAD", 11),
        text::left("SERVICE", service),
        "TIMES",
        "FIRST",
        "LAST"
    );
    list::rows(model, canvas, inside, List::Errors, &head, NOTHING, |wanted| {
        let Some(group) = all.iter().find(|group| key(group) == wanted) else { return Vec::new() };
        let (role, glyph) = match group.severity {
            ErrorSeverity::Critical => (Role::Bad, "✖"),
            ErrorSeverity::High => (Role::Bad, "▲"),
            ErrorSeverity::Medium => (Role::Warn, "▲"),
            ErrorSeverity::Low => (Role::Text, "·"),
        };
        let age = |at| text::age(model.now - at);
        vec![
            (role, text::left(&format!("{glyph} {}", group.severity), 11)),
            (Role::Text, text::left(&text::fit(&group.service, service - 1), service)),
            (Role::Text, format!("{:>7}", format!("×{}", group.count))),
            (Role::Muted, format!("{:>7}{:>7}  ", age(group.first), age(group.last))),
            (Role::Text, group.message.clone()),
        ]
    });
}
