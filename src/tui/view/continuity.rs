//! Continuity: what people cannot do without, how long it has been away against what it may be, and how it goes on by hand.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::{
    approvals::show,
    canvas::{Canvas, Piece},
    facts::{Fact, Facts},
    list::why_empty,
    page, rows,
};
use crate::{
    platform::{CriticalFunction, count},
    tui::{
        action::named,
        continuity::{Carried, longest},
        decision::day_time,
        model::{List, Model, Screen, Target},
        text,
        theme::Role,
    },
};

/// How much of a function's time is used before its clock is bad news.
const LATE: f64 = 0.8;
/// Columns around a step: its label and its mark.
const MARGIN: usize = 15;

/// All critical functions.
pub(super) fn list(model: &Model, canvas: &mut Canvas, area: Rect) {
    let functions = &model.state.platform.functions;
    let down = functions.iter().filter(|function| model.interruption(&function.name).is_some()).count();
    let by_hand = model.state.continuity.fallbacks.len();
    let summary = format!("{down} of {} interrupted · {by_hand} by hand", functions.len());
    let inside = canvas.frame(area, "Continuity", &model.summary_of(List::Functions, &summary), true);
    let columns = usize::from(inside.width);
    let keys = model.rows(List::Functions);
    let mut lines: Vec<(Vec<Piece>, Option<usize>)> = Vec::new();
    if keys.is_empty() {
        let why = why_empty(
            model,
            "the platform file names nothing that people cannot do without. [[function]] in it says what, for how long at most, \
             and how it is done by hand meanwhile",
        );
        let wrapped = text::wrap(&why, columns.saturating_sub(4));
        lines.extend(wrapped.into_iter().map(|line| (vec![(Role::Muted, format!("   {line}"))], None)));
    }
    let selected = model.selected_place(List::Functions);
    for (place, function) in keys.iter().filter_map(|name| model.state.platform.function(name)).enumerate() {
        let (role, word, time) = standing(model, function);
        let mark = if place == selected { "▶ " } else { "  " };
        // Where it is narrow the name has what its own clock does not need.
        let is_narrow = columns < rows::NARROW;
        let clock = if is_narrow { text::width(&time) } else { 18 };
        let state = if is_narrow { text::width(&word) + 1 } else { 15 };
        let room = columns.saturating_sub(2 + state + clock + 1);
        lines.push((
            vec![
                (Role::Focus, mark.to_owned()),
                (role, text::left(&word, state)),
                (Role::Title, text::left(&text::fit(&function.name, room.saturating_sub(1)), room)),
                (role, text::right(&time, clock)),
            ],
            Some(place),
        ));
        let (role, told) = carried_by_hand(model, function);
        let owner = function.owner.as_deref().map(|owner| format!(" · {owner}")).unwrap_or_default();
        let told = format!("{}{told}{owner}", " ".repeat(if is_narrow { 4 } else { 17 }));
        lines.push((vec![(role, text::fit(&told, columns.saturating_sub(1)))], Some(place)));
    }
    show(canvas, inside, &lines, List::Functions, selected);
}

/// How a function stands: in a word, and its clock.
fn standing(model: &Model, function: &CriticalFunction) -> (Role, String, String) {
    let longest = longest(function);
    match model.carried(function) {
        Carried::ByPlatform => (Role::Ok, "● carried".to_owned(), format!("{longest} at most")),
        Carried::No { down, used } => {
            let (role, word) = if used >= 1.0 { (Role::Bad, "✖ OVER") } else { severity(used) };
            (role, format!("{word} {:.0} %", (used * 100.0).floor()), format!("{} of {longest}", text::clock(down)))
        }
    }
}

fn severity(used: f64) -> (Role, &'static str) {
    if used >= LATE { (Role::Bad, "✖ DOWN") } else { (Role::Warn, "▲ DOWN") }
}

fn carried_by_hand(model: &Model, function: &CriticalFunction) -> (Role, String) {
    match (model.by_hand(&function.name), model.interruption(&function.name)) {
        (Some(found), _) => {
            let (done, steps) = (found.done.len(), function.fallback.len());
            (Role::Planned, format!("done by hand since {}, {done} of {steps} steps", day_time(found.since, model.now)))
        }
        (None, Some(_)) => (Role::Warn, format!("NOT done by hand yet: {} begins it", model.key("work-by-hand"))),
        (None, None) => (Role::Muted, format!("can be done by hand in {}", count(function.fallback.len(), "step"))),
    }
}

/// One critical function, as somebody reads it who is about to do it by hand.
pub(super) fn function(model: &Model, canvas: &mut Canvas, area: Rect, name: &str) {
    let Some(function) = model.state.platform.function(name) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {name} is not in the platform file any more"))]);
        return;
    };
    let names = ["work-by-hand", "tick-hand-step", "end-work-by-hand"];
    let able = names.into_iter().filter_map(named).filter(|action| action.why_not(model).is_none());
    let mut buttons: Vec<(String, Target)> = able.map(|action| page::asking(model, action)).collect();
    buttons.push(("Esc Back".to_owned(), Target::Action("back")));
    let foot = page::buttons(canvas, area, buttons);
    let area = Rect { height: area.height.saturating_sub(foot), ..area };
    let (role, word, time) = standing(model, function);
    let inside = canvas.frame(area, name, &format!("{word} · {time}"), true);
    let (steps, lines) = facts(model, function, role, usize::from(inside.width));
    let selected = model.selected_place(List::HandSteps);
    let lines: Vec<_> = lines.into_iter().map(|(line, _)| line).zip(steps).collect();
    show(canvas, inside, &lines, List::HandSteps, selected);
}

/// What is known of it, each line with the step that it is about.
fn facts(model: &Model, function: &CriticalFunction, role: Role, columns: usize) -> (Vec<Option<usize>>, Vec<Fact>) {
    let mut facts = Facts::new(columns);
    facts.about("Now");
    if let Some(found) = model.interruption(&function.name) {
        let left = found.until(function) - model.now;
        let lacks: Vec<&str> = model.state.lacks(function).collect();
        let until = day_time(found.until(function), model.now);
        let words = if left > TimeDelta::zero() {
            format!("{} left, until {until}: {} down", text::clock(left), lacks.join(", "))
        } else {
            format!("its longest downtime has been over for {}: {} down", text::clock(-left), lacks.join(", "))
        };
        facts.say(role, &words);
        if let Some(incident) = found.incident.and_then(|id| model.state.incidents.get(&id)) {
            facts.say(Role::Text, &format!("{} {}: {}", incident.id, incident.severity, incident.title));
        }
    } else {
        facts.say(role, "the platform carries it");
    }
    facts.about("Needs");
    facts.say(Role::Text, &model.state.platform.services_of(function).collect::<Vec<_>>().join(", "));
    facts.about("Call");
    if function.contacts.is_empty() {
        facts.say(Role::Muted, "the platform file names nobody");
    }
    for contact in &function.contacts {
        facts.say(Role::Text, contact);
    }
    if let Some(owner) = &function.owner {
        facts.about("Owner");
        facts.say(Role::Text, owner);
    }
    facts.about("By hand");
    let by_hand = model.by_hand(&function.name);
    let (role, told) = carried_by_hand(model, function);
    facts.say(role, &told);
    if let Some(found) = by_hand {
        facts.say(Role::Muted, &format!("{}: {}", found.by, found.reason));
    }
    let mut steps: Vec<Option<usize>> = vec![None; facts.lines.len()];
    let selected = model.selected_place(List::HandSteps);
    for (place, what) in function.fallback.iter().enumerate() {
        let done = by_hand.and_then(|found| found.done.get(&(place + 1)));
        let mark = if place == selected { "▶ " } else { "  " };
        let (role, glyph) = if done.is_some() { (Role::Ok, "✓") } else { (Role::Text, "☐") };
        let who = done.map(|(at, who)| format!(" ({who}, {})", at.format("%H:%MZ"))).unwrap_or_default();
        let told = text::wrap(&format!("{glyph} {}. {what}{who}", place + 1), columns.saturating_sub(MARGIN));
        for (line, words) in told.into_iter().enumerate() {
            let before = if line == 0 { mark } else { "    " };
            facts.put(vec![(Role::Focus, before.to_owned()), (role, words)], None);
        }
        steps.resize(facts.lines.len(), Some(place));
    }
    (steps, facts.lines)
}

/// The clock of the function with the least time left, on the board while one is interrupted. Gives the rows it takes.
pub(super) fn banner(model: &Model, canvas: &mut Canvas, area: Rect) -> u16 {
    let Some(function) = model.pressing_function() else { return 0 };
    let (role, word, time) = standing(model, function);
    let more = model.state.continuity.interruptions.len() - 1;
    let more = if more > 0 { format!(" · {more} more") } else { String::new() };
    let hand = if model.by_hand(&function.name).is_some() { "by hand" } else { "NOT by hand yet" };
    let key = model.key("continuity");
    // What it is about is told before how much of its time is used up, and before that it is not done by hand yet.
    let bare = word.trim_end_matches([' ', '%']).trim_end_matches(|c: char| c.is_ascii_digit()).trim_end().to_owned();
    let ways = [
        (word, format!("  {time} · {hand}{more} ({key}) ")),
        (bare.clone(), format!("  {time} · {hand} ({key}) ")),
        (bare.clone(), format!("  {time} ({key}) ")),
    ];
    let room = |(word, tail): &(String, String)| {
        usize::from(area.width).saturating_sub(text::width(word) + text::width(tail) + 2)
    };
    let fitting = ways.into_iter().find(|way| room(way) >= text::width(&function.name));
    let (word, tail) = fitting.unwrap_or_else(|| (bare, format!("  {time} ")));
    let name = text::fit(&function.name, room(&(word.clone(), tail.clone())));
    canvas.line(area, 0, &[(role, format!(" {word} ")), (Role::Title, name), (role, tail)]);
    canvas.hits.add(Rect { height: 1, ..area }, Target::Page(Screen::Function(function.name.clone())));
    1
}
