//! Planned work of the next two weeks: a line of days for each service, and below it each time in words.
//!
//! ```text
//!                 15  16  17  18  19  20  21  22  23  24  25  26  27  28
//!  records-db     █▌  ·   ·   ▪   ·   ·   ·   ·   ·   ·   ▪   ·   ·   ·
//!  ▶ in force   records-db    20m left, to 14:40Z                vacuum
//!    in 2d 7h   records-db    Sun 18 22:00–23:30Z (1h30m)        weekly vacuum
//! ```

use std::collections::HashSet;

use chrono::{DateTime, Days, TimeDelta, Utc};
use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible, out_of_view},
    list,
};
use crate::{
    domain::CalendarEntry,
    tui::{
        calendar::MOST,
        layout,
        model::{List, Model, Target},
        text,
        theme::Role,
    },
};

/// Days of the line.
const DAYS: usize = 14;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let running = model.work.iter().filter(|work| work.in_force()).count();
    let coming = model.work.len() - running;
    let more = if coming >= MOST { "+" } else { "" };
    let summary = format!("{running} in force · {coming}{more} in the next 14 days · UTC");
    let mut seen = HashSet::new();
    let services: Vec<&str> =
        model.work.iter().map(|work| work.service.as_str()).filter(|name| seen.insert(*name)).collect();
    if model.work.is_empty() {
        let inside = canvas.frame(area, "Planned work", &summary, true);
        let nothing = format!(
            "nothing is worked on, and nothing is planned for the next 14 days\n{} begins maintenance now; [[maintenance]] in the \
             platform file plans it, once or every week",
            model.key("begin-maintenance")
        );
        let room = Rect { x: inside.x + 2.min(inside.width), width: inside.width.saturating_sub(3), ..inside };
        canvas.paragraph(room, 0, Role::Muted, &nothing);
        return;
    }
    let wanted = u16::try_from(services.len()).unwrap_or(u16::MAX).saturating_add(3);
    let alone = area.height < layout::LIST_ALONE;
    let (upper, lower) = layout::rows(area, if alone { 0 } else { wanted.min(area.height / 2) });
    if !alone {
        let inside = canvas.frame(upper, "Planned work", &summary, false);
        days(model, canvas, inside, &services);
    }
    let summary = model.summary_of(List::Work, &format!("{} opens the service", model.key("open")));
    let inside = canvas.frame(lower, "Each time", &summary, true);
    times(model, canvas, inside);
}

/// Midnight of today: where the line begins.
fn midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
}

fn days(model: &Model, canvas: &mut Canvas, area: Rect, services: &[&str]) {
    let names = usize::from(area.width / 5).clamp(14, 30);
    let cell = (usize::from(area.width).saturating_sub(names + 2) / DAYS).max(1);
    let start = midnight(model.now);
    let title = (0..DAYS).map(|day| {
        let date = start.date_naive() + Days::new(day as u64);
        let name = if cell >= 7 { date.format("%a %d").to_string() } else { date.format("%d").to_string() };
        text::left(&name, cell)
    });
    canvas.line(area, 0, &[(Role::Muted, format!(" {}{}", text::left("", names), title.collect::<String>()))]);
    let room = usize::from(area.height.saturating_sub(1));
    let chosen = model.selected_work().map(|work| work.service.as_str());
    let place = services.iter().position(|name| Some(*name) == chosen).unwrap_or(0);
    let overflow = services.len() > room;
    let shown = if overflow { room.saturating_sub(1) } else { room };
    let first = first_visible(place, services.len(), shown);
    for (row, name) in (1..area.height).zip(services.iter().skip(first).take(shown)) {
        let role = if Some(*name) == chosen { Role::Title } else { Role::Text };
        let mut line: Vec<Piece> = vec![(role, format!(" {}", text::left(&text::fit_middle(name, names - 1), names)))];
        line.extend(strip(model, name, start, cell));
        canvas.line(area, row, &line);
    }
    if overflow {
        let hidden = out_of_view(first, services.len().saturating_sub(first + shown));
        canvas.line(area, area.height.saturating_sub(1), &[(Role::Muted, format!(" {hidden}"))]);
    }
}

/// The days of a service: in force, planned, or free; and where now is.
fn strip(model: &Model, service: &str, start: DateTime<Utc>, cell: usize) -> Vec<Piece> {
    let columns = cell * DAYS;
    let each = TimeDelta::days(1) / i32::try_from(cell).unwrap_or(1);
    let own: Vec<&CalendarEntry> = model.work.iter().filter(|work| work.service == service).collect();
    let column = |place: usize| {
        let from = start + each * i32::try_from(place).unwrap_or(0);
        let to = from + each;
        let held = own.iter().filter(|work| work.from < to && work.until > from).map(|work| work.in_force()).max();
        let is_now = from <= model.now && model.now < to;
        match held {
            Some(true) => (Role::Planned, "█"),
            Some(false) => (Role::Planned, "▪"),
            None if is_now => (Role::Focus, "│"),
            None if place.is_multiple_of(cell) => (Role::Muted, "·"),
            None => (Role::Muted, " "),
        }
    };
    (0..columns).map(column).map(|(role, sign)| (role, sign.to_owned())).collect()
}

fn times(model: &Model, canvas: &mut Canvas, area: Rect) {
    let selected = model.selected_place(List::Work);
    let all = model.wanted_work().count();
    let columns = usize::from(area.width);
    let name = (columns / 5).clamp(14, 30);
    let room = usize::from(area.height);
    let overflow = all > room;
    let shown = if overflow { room.saturating_sub(1) } else { room };
    let first = first_visible(selected, all, shown);
    if all == 0 {
        list::empty(model, canvas, area, "nothing is planned");
    }
    for (row, (place, work)) in (0..area.height).zip(model.wanted_work().enumerate().skip(first).take(shown)) {
        let mark = if place == selected { "▶ " } else { "  " };
        let (state, when) = if work.in_force() {
            let left = text::short((work.until - model.now).max(TimeDelta::zero()));
            let today = work.until.date_naive() == model.now.date_naive();
            let end = work.until.format(if today { "%H:%MZ" } else { "%a %d %H:%MZ" });
            ("in force".to_owned(), format!("{left} left, to {end}"))
        } else {
            let long = text::span(work.until - work.from).replace(' ', "");
            let same_day = work.from.date_naive() == work.until.date_naive();
            let (from, until) =
                (work.from.format("%a %d %H:%M"), work.until.format(if same_day { "%H:%MZ" } else { "%a %H:%MZ" }));
            (format!("in {}", ahead(work.from - model.now)), format!("{from}–{until} ({long})"))
        };
        let line = [
            (Role::Focus, mark.to_owned()),
            (if work.in_force() { Role::Planned } else { Role::Text }, text::left(&state, 11)),
            (Role::Text, format!("{} ", text::left(&text::fit_middle(&work.service, name), name))),
            (Role::Text, text::left(&when, 30)),
            (Role::Muted, format!(" {}", work.reason)),
        ];
        canvas.line(area, row, &line);
        if place == selected {
            canvas.select_row(area, row);
        }
        canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, Target::Row(List::Work, place));
    }
    if overflow {
        let hidden = out_of_view(first, all.saturating_sub(first + shown));
        canvas.line(area, area.height.saturating_sub(1), &[(Role::Muted, format!("  {hidden}"))]);
    }
}

/// `12m`, `5h`, `2d7h`.
fn ahead(time: TimeDelta) -> String {
    match time.num_days() {
        0 => text::short(time),
        _ => text::span(time).replace(' ', ""),
    }
}
