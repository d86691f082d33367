//! Who is on call: a strip of two weeks for each schedule, and below it each shift in words.
//!
//! ```text
//!  UTC      15  16  17  18  19  20  21  22  23  24  25  26  27  28
//!  ward     │bob    │↔carol             │alice
//!  ▶ on call ● bob    ward  until Sat 17 Jan 09:00 CET (2d4h left)
//!    in 2d   ↔ carol  ward  Sat 17 Jan 09:00 – Sat 24 Jan 09:00 CET  OVR-1 bob is on a train
//! ```

use chrono::{DateTime, Days, TimeDelta, Utc};
use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible, out_of_view},
    list,
};
use crate::{
    domain::{Operator, Shift, on_call},
    platform::OnCallSchedule,
    tui::{
        layout,
        model::{List, Model, Target},
        text,
        theme::Role,
    },
};

/// With fewer columns than this a name is cut without a sign that it is: the list below has it whole.
const LEGIBLE: usize = 6;
/// With fewer columns than this a shift tells one of its ends alone.
const NARROW: usize = 60;
/// Days of the strip.
const DAYS: usize = 14;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let schedules = &model.state.platform.on_call;
    let empty = schedules.iter().filter(|schedule| on_call(&model.state, schedule, model.now).is_none()).count();
    let summary = match (schedules.len(), empty) {
        (0, _) => "no schedule".to_owned(),
        (_, 0) => "somebody is on call in each schedule".to_owned(),
        (all, empty) => format!("✖ NOBODY in {empty} of {all}"),
    };
    if schedules.is_empty() {
        let inside = canvas.frame(area, "On call", &summary, true);
        let words = text::wrap(HOW, usize::from(inside.width).saturating_sub(3));
        let lines = words.iter().map(String::as_str).chain([""]).chain(EXAMPLE);
        for (row, line) in (0..inside.height).zip(lines) {
            canvas.line(inside, row, &[(Role::Muted, format!("  {line}"))]);
        }
        return;
    }
    let wanted = u16::try_from(schedules.len()).unwrap_or(u16::MAX).saturating_add(3);
    let alone = area.height < layout::LIST_ALONE;
    let (upper, lower) = layout::rows(area, if alone { 0 } else { wanted.min(area.height / 2) });
    if !alone {
        let inside = canvas.frame(upper, "On call", &summary, false);
        weeks(model, canvas, inside, schedules);
    }
    let (title, about) = if alone { ("On call", summary) } else { ("Shifts", "of the next 14 days".to_owned()) };
    let inside = canvas.frame(lower, title, &model.summary_of(List::Shifts, &about), true);
    each(model, canvas, inside);
}

const HOW: &str = "nobody is on call by name, and incidents call by role; the platform file says whose turn it is:";
const EXAMPLE: [&str; 5] = [
    "[[oncall]]",
    "name = \"ward\"",
    "people = [\"alice\", \"bob\"]",
    "since = \"2026-01-05 09:00\"",
    "zone = \"Europe/Berlin\"",
];

fn weeks(model: &Model, canvas: &mut Canvas, area: Rect, schedules: &[OnCallSchedule]) {
    let names = usize::from(area.width / 5).clamp(10, 24);
    let cell = (usize::from(area.width).saturating_sub(names + 2) / DAYS).max(1);
    let start = model.now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let title = (0..DAYS).map(|day| {
        let date = start.date_naive() + Days::new(day as u64);
        let form = if cell >= 7 { "%a %d" } else { "%d" };
        text::left(&date.format(form).to_string(), cell)
    });
    canvas.line(area, 0, &[(Role::Muted, format!(" {}{}", text::left("UTC", names), title.collect::<String>()))]);
    let room = usize::from(area.height.saturating_sub(1));
    let chosen = model.selected_shift().map(|shift| shift.schedule.as_str());
    let place = schedules.iter().position(|schedule| Some(schedule.name.as_str()) == chosen).unwrap_or(0);
    let overflow = schedules.len() > room;
    let shown = if overflow { room.saturating_sub(1) } else { room };
    let first = first_visible(place, schedules.len(), shown);
    for (row, schedule) in (1..area.height).zip(schedules.iter().skip(first).take(shown)) {
        let role = if Some(schedule.name.as_str()) == chosen { Role::Title } else { Role::Text };
        let name = text::left(&text::fit_middle(&schedule.name, names - 1), names);
        let mut line: Vec<Piece> = vec![(role, format!(" {name}"))];
        line.extend(strip(model, schedule, start, cell));
        canvas.line(area, row, &line);
    }
    if overflow {
        let hidden = out_of_view(first, schedules.len().saturating_sub(first + shown));
        canvas.line(area, area.height.saturating_sub(1), &[(Role::Muted, format!(" {hidden}"))]);
    }
}

/// The days of a schedule: each shift begins with a line and says whose it is, with `↔` where somebody has overridden it.
fn strip(model: &Model, schedule: &OnCallSchedule, start: DateTime<Utc>, cell: usize) -> Vec<Piece> {
    let columns = cell * DAYS;
    let each = TimeDelta::days(1) / i32::try_from(cell).unwrap_or(1);
    let holder = |column: usize| on_call(&model.state, schedule, start + each * i32::try_from(column).unwrap_or(0));
    let holders: Vec<_> = (0..columns).map(holder).collect();
    let mut pieces = Vec::new();
    for run in holders.chunk_by(PartialEq::eq) {
        let (role, name) = match run.first().copied().flatten() {
            Some((name, Some(_))) => (Role::Planned, format!("↔{name}")),
            Some((name, None)) if name == model.my_name() => (Role::Focus, name.to_owned()),
            Some((name, None)) => (Role::Text, name.to_owned()),
            None => (Role::Bad, "✖ nobody".to_owned()),
        };
        pieces.push((Role::Muted, "│".to_owned()));
        let room = run.len() - 1;
        let shown = if room < LEGIBLE { name.chars().take(room).collect() } else { text::fit(&name, room) };
        pieces.push((role, text::left(&shown, room)));
    }
    pieces
}

fn each(model: &Model, canvas: &mut Canvas, area: Rect) {
    let selected = model.selected_place(List::Shifts);
    let all = model.wanted_shifts().count();
    let room = usize::from(area.height);
    let overflow = all > room;
    let shown = if overflow { room.saturating_sub(1) } else { room };
    let first = first_visible(selected, all, shown);
    if all == 0 {
        list::empty(model, canvas, area, "there is no shift");
    }
    for (row, (place, shift)) in (0..area.height).zip(model.wanted_shifts().enumerate().skip(first).take(shown)) {
        canvas.line(area, row, &line(model, shift, place == selected, usize::from(area.width)));
        if place == selected {
            canvas.select_row(area, row);
        }
        canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, Target::Row(List::Shifts, place));
    }
    if overflow {
        let hidden = out_of_view(first, all.saturating_sub(first + shown));
        canvas.line(area, area.height.saturating_sub(1), &[(Role::Muted, format!("  {hidden}"))]);
    }
}

fn line(model: &Model, shift: &Shift, is_selected: bool, columns: usize) -> Vec<Piece> {
    let Some(schedule) = model.state.platform.schedule(&shift.schedule) else { return Vec::new() };
    let is_only = model.state.platform.on_call.len() == 1;
    let name = (columns / 7).clamp(8, 20);
    let is_now = shift.from <= model.now;
    let is_overridden = shift.overridden_by.is_some();
    let (role, sign, person) = match &shift.person {
        None => (Role::Bad, "✖", "nobody"),
        Some(person) if !model.state.operators.get(person).is_some_and(Operator::may_act) => {
            (Role::Bad, "✖", &**person)
        }
        Some(person) if is_overridden => (Role::Planned, "↔", &**person),
        Some(person) if is_now => (Role::Ok, "●", &**person),
        Some(person) => (Role::Text, " ", &**person),
    };
    let why = shift.overridden_by.and_then(|id| model.state.overrides.get(&id));
    let why = why.map(|found| format!("  {} {}", found.id, found.reason)).unwrap_or_default();
    let ahead = match (is_now, shift.from - model.now) {
        (true, _) => "on call".to_owned(),
        (false, time) if time.num_days() == 0 => format!("in {}", text::short(time)),
        (false, time) => format!("in {}d", time.num_days()),
    };
    let mut pieces = vec![
        (Role::Focus, if is_selected { "▶ " } else { "  " }.to_owned()),
        (if is_now { Role::Ok } else { Role::Muted }, text::left(&ahead, 8)),
        (role, format!("{sign} {} ", text::left(&text::fit_middle(person, name), name))),
    ];
    if !is_only {
        pieces.push((Role::Muted, format!("{} ", text::left(&text::fit_middle(&shift.schedule, name), name))));
    }
    pieces.push((Role::Text, times(model, schedule, shift, columns < NARROW)));
    pieces.push((Role::Planned, why));
    pieces
}

/// From when to when, by the clock of the schedule; where there is little room its end while it lasts, else its beginning.
fn times(model: &Model, schedule: &OnCallSchedule, shift: &Shift, is_narrow: bool) -> String {
    let has_end = shift.until < DateTime::<Utc>::MAX_UTC;
    match (shift.from <= model.now, has_end) {
        (true, true) if is_narrow => format!("to {}", schedule.told_short(shift.until)),
        (false, _) if is_narrow => schedule.told_short(shift.from),
        (true, true) => {
            let left = text::span((shift.until - model.now).max(TimeDelta::zero())).replace(' ', "");
            format!("until {} ({left} left)", schedule.told(shift.until))
        }
        (true, false) => "no end in sight".to_owned(),
        (false, true) => schedule.told_span(shift.from, shift.until),
        (false, false) => format!("from {}", schedule.told(shift.from)),
    }
}
