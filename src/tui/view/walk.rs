//! A run of a runbook: where it stands, its steps, and the one that is looked at.
//!
//! ```text
//! wide                                  narrow
//!  RB-02 … · 41:12 of 45:00 left        RB-02 …
//!  ◇ step 9 of 22 waits for you         ◇ step 9 of 22 waits for you
//! ┌Steps ─────────┐┌9 Thaw it ───────┐  Imm ✓✓–✓ Dia ✓✓✓◇ Res ·······
//! │ ✓ 1 see       ││ what to do      │  ┌9 Thaw it ─────────┐
//! └───────────────┘└─────────────────┘  └───────────────────┘
//! ```

use ratatui::layout::Rect;

use super::{
    books::{buttons, time_left},
    canvas::{Canvas, Piece, first_visible, out_of_view},
    page, walk_step,
};
use crate::{
    domain::{Run, RunId, RunMode, Stand, runbook::SectionKind, standing},
    tui::{
        layout::{self, Zoom},
        model::{List, Model, Part, Screen, Target},
        text,
        theme::Role,
        walk::{mark, run_of},
    },
};

/// People who are named at the head.
const PEOPLE: usize = 3;
/// Rows of the strip of steps at most, where it stands above.
const STRIP: u16 = 3;

/// The line that tells on other pages of a run that is open. Gives the rows it takes.
pub(super) fn banner(model: &Model, canvas: &mut Canvas, area: Rect, above: u16) -> u16 {
    let Some(run) = model.run_at_hand() else { return 0 };
    if matches!(model.screen(), Screen::Books(_)) || run_of(model.screen()) == Some(run.id) || area.height < 14 {
        return 0;
    }
    let waits = model.waits(run);
    let more = model.state.open_runs().count() - 1;
    let more = if more > 0 { format!(" · {more} more ({})", model.key("books")) } else { String::new() };
    let (left_role, left) = time_left(model, run);
    let right = format!("{left}{more} ");
    let label = model.named_button("run-at-hand", "To the run");
    let room = usize::from(area.width).saturating_sub(text::width(&right) + text::width(&label) + 7);
    let step = run.current().map(|step| (step.number, step.title.as_str()));
    let words = match step {
        Some((number, title)) => format!(" ▶ {} step {number} {}: {title}", run.id, waits.words),
        None => format!(" ▶ {} {}", run.id, waits.words),
    };
    let row = Rect { y: area.y + 1 + above, height: 1, ..area };
    canvas.line(
        row,
        0,
        &[
            (if waits.mine { Role::Focus } else { waits.role }, text::left(&words, room)),
            (left_role, format!(" {right}")),
        ],
    );
    canvas.hits.add(row, Target::Page(Screen::Run(run.id)));
    let at = area.width.saturating_sub(u16::try_from(text::width(&label)).unwrap_or(0) + 5);
    canvas.button(row, 0, at, &label, Target::Page(Screen::Run(run.id)), false);
    1
}

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: RunId) {
    let Some(run) = model.state.runs.get(&id) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    head(model, canvas, area, run);
    let rest = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let foot = page::buttons(canvas, rest, ways(model, run));
    let rest = Rect { height: rest.height.saturating_sub(foot), ..rest };
    if model.page_zoom() == Zoom::In {
        match model.part {
            Part::Facts => steps(model, canvas, rest, run),
            Part::Aside => looked_at(model, canvas, rest, run),
        }
    } else if area.width >= layout::WIDE {
        let (left, right) = layout::columns(rest, (rest.width * 34 / 100).clamp(36, 56));
        steps(model, canvas, left, run);
        looked_at(model, canvas, right, run);
    } else {
        let rows = strip(model, canvas, rest, run);
        looked_at(model, canvas, Rect { y: rest.y + rows, height: rest.height.saturating_sub(rows), ..rest }, run);
    }
}

/// The book and its clock; where the run stands, for which incident, and who takes part.
fn head(model: &Model, canvas: &mut Canvas, area: Rect, run: &Run) {
    let (left_role, left) = time_left(model, run);
    let budget = chrono::TimeDelta::from_std(run.book.front.time_budget).unwrap_or(chrono::TimeDelta::MAX);
    let clock = match &run.stand {
        Stand::Ended { at, .. } => format!("took {} of {} ", text::clock(*at - run.started_at), text::clock(budget)),
        _ => format!("◷ {left} of {} ", text::clock(budget)),
    };
    let drill = match (run.mode, run.drill) {
        (RunMode::Drill, Some(drill)) => format!("{drill} · "),
        (RunMode::Drill, None) => "DRILL · ".to_owned(),
        (RunMode::Emergency, _) => String::new(),
    };
    let room = usize::from(area.width).saturating_sub(text::width(&clock) + 1);
    let short: String = run.book.front.id.splitn(3, '-').take(2).collect::<Vec<_>>().join("-");
    let title = format!(" {drill}{} · {short} {}", run.id, run.book.front.title);
    canvas.line(area, 0, &[(Role::Title, text::left(&title, room))]);
    canvas.line_right(area, 0, &[(left_role, clock)]);

    let waits = model.waits(run);
    let at = match run.current() {
        Some(step) => format!("step {} of {}: ", step.number, run.book.steps().count()),
        None => String::new(),
    };
    let mut about: Vec<String> = run.incident.iter().map(|id| format!("for {id}")).collect();
    about.push(people(model, run));
    let about = format!("{} ", about.join(" · "));
    let row = Rect { y: area.y + 1, height: 1.min(area.height.saturating_sub(1)), ..area };
    let room = usize::from(area.width).saturating_sub(text::width(&about) + 1);
    canvas.line(row, 0, &[(waits.role, text::left(&format!(" ▶ {at}{}", waits.words), room))]);
    canvas.line_right(row, 0, &[(Role::Muted, about)]);
    if let Some(incident) = run.incident {
        canvas.hits.add(row, Target::Page(Screen::Incident(incident)));
    }
}

/// Who began it, who has done something in it, and who reads along now.
fn people(model: &Model, run: &Run) -> String {
    let mut people: Vec<String> = vec![run.started_by.to_string()];
    let acted = run.steps.values().flat_map(|step| step.by.iter().chain(&step.co_signed));
    for name in acted.filter_map(|actor| actor.operator()) {
        if !people.iter().any(|known| known == name) {
            people.push(name.to_owned());
        }
    }
    let only_read = |name: &&str| people.iter().all(|known| known != name);
    let readers: Vec<&str> = model.readers.iter().map(|reader| reader.operator.as_str()).filter(only_read).collect();
    let mut told = people.iter().take(PEOPLE).cloned().collect::<Vec<_>>().join(", ");
    if let Some(more) = people.len().checked_sub(PEOPLE).filter(|more| *more > 0) {
        told += &format!(" +{more}");
    }
    match readers.as_slice() {
        [] => told,
        [one] => format!("{told}, {one} (reads along)"),
        [one, others @ ..] => format!("{told}, {one} +{} (read along)", others.len()),
    }
}

/// What can be done now, to be pressed.
fn ways(model: &Model, run: &Run) -> Vec<(String, Target)> {
    let mut all: Vec<(String, Target)> = Vec::new();
    if let Some(step) = run.current()
        && let crate::domain::StepStanding::WaitingApproval(change) = standing(&model.state, run, step, model.now)
    {
        all.push((model.named_button("walk-on", &change.to_string()), Target::Page(Screen::Change(change))));
    }
    let names = ["run-step", "co-sign", "step-value", "skip-step", "step-done", "undo-step", "cancel-step", "step-why"];
    all.extend(buttons(&names, model));
    all
}

/// The steps by section, the one at which the run stands marked, the one that is looked at selected.
fn steps(model: &Model, canvas: &mut Canvas, area: Rect, run: &Run) {
    let focus = model.part == Part::Facts;
    let over = run.book.steps().filter(|step| run.end_of(&step.name).is_some()).count();
    let summary = format!("{over} of {}", run.book.steps().count());
    let inside = canvas.frame(area, "Steps", &summary, focus);
    canvas.hits.add(area, Target::Part(Part::Facts));
    let columns = usize::from(inside.width);
    let looked = model.step_looked_at(run).map(|step| step.name.as_str());
    let mut lines: Vec<(Vec<Piece>, Option<usize>, bool)> = Vec::new();
    let mut place = 0;
    for section in run.book.sections.iter().filter(|section| !section.steps.is_empty()) {
        let about = if section.kind == SectionKind::Rollback { "  only by name" } else { "" };
        lines.push((vec![(Role::Muted, format!(" {}{about}", section.kind.title()))], None, false));
        for step in &section.steps {
            let mark = mark(&standing(&model.state, run, step, model.now));
            let here = run.stand.step() == Some(step.name.as_str());
            // Where room is short, the sign says what is as it should be.
            let is_plain = matches!(mark.word, "ok" | "to do" | "to choose");
            let word = if is_plain && columns < 48 { "" } else { mark.word };
            let room = columns.saturating_sub(7 + text::width(word));
            let shade = if here {
                Role::Title
            } else if mark.word.is_empty() {
                Role::Muted
            } else {
                Role::Text
            };
            let pieces = vec![
                (Role::Focus, if here { "▶" } else { " " }.to_owned()),
                (mark.role, format!("{} ", mark.sign)),
                (shade, format!("{:>2} {} ", step.number, text::left(&step.title, room))),
                (mark.role, word.to_owned()),
            ];
            lines.push((pieces, Some(place), looked == Some(step.name.as_str())));
            place += 1;
        }
    }
    let room = usize::from(inside.height);
    let chosen = lines.iter().position(|(.., is_looked_at)| *is_looked_at).unwrap_or(0);
    let first = first_visible(chosen, lines.len(), room);
    for (row, (pieces, place, is_looked_at)) in (0..inside.height).zip(lines.iter().skip(first)) {
        canvas.line(inside, row, pieces);
        if *is_looked_at {
            canvas.select_row(inside, row);
        }
        if let Some(place) = place {
            canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Row(List::Steps, *place));
        }
    }
    let hidden = out_of_view(first, lines.len().saturating_sub(first + room));
    if !hidden.is_empty() && inside.height > 0 {
        canvas.mark(inside, inside.height - 1, &format!(" {hidden} "));
    }
}

/// The same as a strip of signs, a letter or two for each section. Gives the rows it takes.
fn strip(model: &Model, canvas: &mut Canvas, area: Rect, run: &Run) -> u16 {
    if area.height < 8 {
        return 0;
    }
    let looked = model.step_looked_at(run).map(|step| step.name.as_str());
    let (mut row, mut at, mut place) = (0_u16, 1_u16, 0);
    let sections = || run.book.sections.iter().filter(|section| !section.steps.is_empty());
    // As much of each name as leaves all of them on one row.
    let signs: usize = sections().map(|section| section.steps.len() + 3).sum();
    let letters = (usize::from(area.width).saturating_sub(signs) / sections().count().max(1)).clamp(3, 5);
    for section in sections() {
        let name: String = section.kind.title().chars().take(letters).collect();
        let name = name.trim_end_matches('-').to_owned();
        let columns = u16::try_from(text::width(&name) + 1 + section.steps.len() + 2).unwrap_or(u16::MAX);
        if at > 1 && at.saturating_add(columns) > area.width && row + 1 < STRIP {
            (row, at) = (row + 1, 1);
        }
        let rest = |at: u16| Rect { x: area.x + at.min(area.width), width: area.width.saturating_sub(at), ..area };
        at += canvas.line(rest(at), row, &[(Role::Muted, format!("{name} "))]);
        for step in &section.steps {
            let mark = mark(&standing(&model.state, run, step, model.now));
            let role = if looked == Some(step.name.as_str()) { Role::Pressed } else { mark.role };
            canvas.line(rest(at), row, &[(role, mark.sign.to_owned())]);
            if at < area.width {
                let sign = Rect { x: area.x + at, y: area.y + row, width: 1, height: 1 };
                canvas.hits.add(sign, Target::Row(List::Steps, place));
            }
            (at, place) = (at.saturating_add(1), place + 1);
        }
        at = at.saturating_add(2);
    }
    row + 1
}

/// The step that is looked at: what to do, what runs, what came of it, what comes next.
fn looked_at(model: &Model, canvas: &mut Canvas, area: Rect, run: &Run) {
    let Some(step) = model.step_looked_at(run) else {
        canvas.frame(area, "Step", "the book has none", false);
        return;
    };
    let mark = mark(&standing(&model.state, run, step, model.now));
    let word = if mark.word.is_empty() { "not yet" } else { mark.word };
    let summary = format!("{} {word}", mark.sign);
    let room = usize::from(area.width).saturating_sub(text::width(&summary) + 6);
    let title = text::fit(&format!("Step {} {}", step.number, step.title), room);
    let inside = canvas.frame(area, &title, &summary, model.part == Part::Aside);
    canvas.hits.add(area, Target::Part(Part::Aside));
    let (lines, targets): (Vec<_>, Vec<_>) =
        walk_step::lines(model, run, step, usize::from(inside.width)).into_iter().unzip();
    let deepest = canvas.deepest;
    let scroll = model.scroll_of(Part::Aside);
    canvas.page(inside, &lines, scroll);
    canvas.deepest = deepest.max(lines.len().saturating_sub(usize::from(inside.height)));
    let first = scroll.min(lines.len().saturating_sub(usize::from(inside.height)));
    page::links(canvas, inside, targets, first);
}
