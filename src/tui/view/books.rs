//! The runbooks and their runs, in the order in which they are wanted; one book to be read; a run's own text.

use ratatui::layout::Rect;

use super::{
    approvals::show,
    canvas::{Canvas, Piece},
    list::why_empty,
    markdown, page,
};
use crate::{
    domain::{BookProof, IncidentId, Run, RunId, RunMode, Stand, proof_of, runbook::Runbook},
    engine::LibraryBook,
    platform::count,
    report::RunReport,
    runbook::{Scenario, plain_in},
    tui::{
        action::named,
        layout,
        model::{List, Loaded, Model, Target},
        text,
        theme::Role,
        walk::{Fit, Listed},
    },
};

/// From so many columns on a book takes one line.
const WIDE: usize = 130;
/// Columns below which a book takes three lines.
const NARROW: usize = 60;
/// Columns of the paper.
const PAPER: u16 = 80;

/// A line of the list, and the row it belongs to.
type Line = (Vec<Piece>, Option<usize>);

pub(super) fn list(model: &Model, canvas: &mut Canvas, area: Rect, incident: Option<IncidentId>) {
    let foot = page::buttons(canvas, area, buttons(&["open", "begin-run", "back"], model));
    let area = Rect { height: area.height.saturating_sub(foot), ..area };
    let open = model.state.open_runs().count();
    let summary = format!("{} · {}", count(open, "open run"), count(model.library().len(), "book"));
    let title = incident.map_or_else(|| "Runbooks".to_owned(), |id| format!("Runbooks for {id}"));
    let inside = canvas.frame(area, &title, &model.summary_of(List::Books, &summary), true);
    let columns = usize::from(inside.width);
    let selected = model.selected_place(List::Books);
    let rows = model.listed();
    let mut lines: Vec<Line> = Vec::new();
    let mut under = "";
    for (place, row) in rows.iter().enumerate() {
        let heading = match row {
            Listed::Run(run) if run.is_open() => "Open runs",
            Listed::Run(_) => "Runs that are over",
            Listed::Book(_, Some(_)) => "Books that fit",
            Listed::Book(_, None) if incident.is_some() => "Other books",
            Listed::Book(_, None) => "Books",
        };
        if heading != under {
            if !lines.is_empty() {
                lines.push((Vec::new(), None));
            }
            lines.push((vec![(Role::Title, format!(" {heading}"))], None));
            under = heading;
        }
        let mark = (Role::Focus, if place == selected { "▶ " } else { "  " }.to_owned());
        let entry = match row {
            Listed::Run(run) => of_run(model, run, columns.saturating_sub(3)),
            Listed::Book(book, fit) => of_book(model, book, fit.as_ref(), columns.saturating_sub(2)),
        };
        for (row, pieces) in entry.into_iter().enumerate() {
            let start = if row == 0 { mark.clone() } else { (Role::Text, "  ".to_owned()) };
            lines.push((std::iter::once(start).chain(pieces).collect(), Some(place)));
        }
    }
    let note = match &model.books {
        Some(Loaded::Failed(why)) => Some((Role::Bad, format!("the books could not be had: {why}"))),
        Some(Loaded::Here(_)) if rows.is_empty() => Some((Role::Muted, why_empty(model, "there is no runbook"))),
        Some(Loaded::Here(_)) => None,
        _ => Some((Role::Muted, "the books are on their way …".to_owned())),
    };
    if let Some((role, words)) = note {
        lines.extend(
            text::wrap(&words, columns.saturating_sub(4))
                .into_iter()
                .map(|line| (vec![(role, format!("   {line}"))], None)),
        );
    }
    show(canvas, inside, &lines, List::Books, selected);
}

/// Actions that can do something now, to be pressed.
pub(super) fn buttons(names: &[&str], model: &Model) -> Vec<(String, Target)> {
    let able = names.iter().filter_map(|name| named(name)).filter(|action| action.why_not(model).is_none());
    able.map(|action| (model.keymap.button(action, action.label), Target::Action(action.name))).collect()
}

/// A run in one line: which, where it stands, whom it waits for, how long it has left.
fn of_run(model: &Model, run: &Run, columns: usize) -> Vec<Vec<Piece>> {
    let waits = model.waits(run);
    let (role, at) = match (&run.stand, run.current()) {
        (Stand::Ended { at, .. }, _) => (Role::Muted, format!("{} ago", text::short(model.now - *at))),
        (_, Some(step)) => (Role::Text, format!("step {} of {}", step.number, run.book.steps().count())),
        _ => (Role::Muted, String::new()),
    };
    // What belongs to a drill is never taken for what was done in earnest.
    let about = match (run.mode, run.incident) {
        (RunMode::Drill, _) => "DRILL".to_owned(),
        (RunMode::Emergency, incident) => incident.map(|id| id.to_string()).unwrap_or_default(),
    };
    let (left_role, left) = time_left(model, run);
    let name = 24.min(columns / 3);
    let rest = columns.saturating_sub(8 + name + 1 + 15 + 8 + 14);
    let (id, rest) = text::name_and(&run.id.to_string(), 8, rest);
    vec![vec![
        (Role::Title, id),
        (Role::Text, text::left(&run.book.front.id, name) + " "),
        (role, text::left(&at, 15)),
        (waits.role, text::left(&waits.words, rest)),
        (Role::Muted, format!(" {}", text::left(&about, 7))),
        (left_role, text::right(&left, 14)),
    ]]
}

/// How long a run has left of the time for its whole book.
pub(super) fn time_left(model: &Model, run: &Run) -> (Role, String) {
    if !run.is_open() {
        return (Role::Muted, String::new());
    }
    let left = model.time_left(run);
    if left < chrono::TimeDelta::zero() {
        (Role::Bad, format!("✖ {} over", text::clock(-left)))
    } else {
        (if left.num_minutes() < 5 { Role::Warn } else { Role::Text }, format!("{} left", text::clock(left)))
    }
}

/// A book: what it is for, whether it is proved, how it went last; and why it fits.
fn of_book(model: &Model, book: &LibraryBook, fit: Option<&Fit>, columns: usize) -> Vec<Vec<Piece>> {
    let Some(runbook) = &book.runbook else {
        let words = format!("✖ {}: codeblue runbook lint {}", count(book.errors, "mistake"), book.file);
        return vec![vec![
            (Role::Muted, text::left(&book.id, 34)),
            (Role::Bad, text::fit(&words, columns.saturating_sub(34))),
        ]];
    };
    let front = &runbook.front;
    let (proved_role, proved) = drilled(model, runbook);
    let last = match model.runs_of(&front.id).next() {
        None => "never walked".to_owned(),
        Some(run) => match &run.stand {
            Stand::Ended { at, outcome } => {
                let drill = if run.mode == RunMode::Drill { " (drill)" } else { "" };
                format!("{}{drill} {} ago: {}", run.id, text::short(model.now - *at), outcome)
            }
            _ => format!("{} is open", run.id),
        },
    };
    let own = if book.built_in { "" } else { " · yours" };
    let columns = columns.saturating_sub(1);
    if columns < NARROW {
        let severity = format!("SEV{}", front.severity.number());
        let room = columns.saturating_sub(text::width(&severity) + 1);
        return vec![
            vec![(Role::Title, text::left(&front.id, room) + " "), (Role::Text, severity)],
            vec![(Role::Text, text::fit(&format!("  {}", front.title), columns))],
            vec![(proved_role, text::fit(&format!("  {proved} · {last}{own}"), columns))],
        ]
        .into_iter()
        .chain(fit.map(|fit| vec![(Role::Focus, text::fit(&format!("  ◀ {}", fit.why), columns))]))
        .collect();
    }
    let mut first = vec![
        (Role::Title, text::left(&front.id, 33) + " "),
        (Role::Text, format!("SEV{} ", front.severity.number())),
        (Role::Muted, text::left(scenario(front.scenario), 15)),
        (proved_role, text::left(&proved, 16)),
    ];
    let fits = fit.map(|fit| format!("◀ {}", fit.why)).unwrap_or_default();
    if columns >= WIDE {
        let room = columns.saturating_sub(34 + 5 + 15 + 16);
        first.push((Role::Text, text::left(&front.title, room / 2) + " "));
        first.push((Role::Muted, text::fit(&format!("{last}{own}"), room - room / 2)));
        let mut rows = vec![first];
        if !fits.is_empty() {
            rows.push(vec![(Role::Focus, text::fit(&format!("  {fits}"), columns))]);
        }
        return rows;
    }
    let last = format!("{last}{own}");
    let room = columns.saturating_sub(text::width(&last) + 1);
    let second = vec![(Role::Text, text::left(&format!("  {}", front.title), room)), (Role::Muted, format!(" {last}"))];
    let mut rows = vec![first, second];
    if !fits.is_empty() {
        rows.push(vec![(Role::Focus, text::fit(&format!("  {fits}"), columns))]);
    }
    rows
}

/// What drills have shown of a book, in a word.
fn drilled(model: &Model, book: &Runbook) -> (Role, String) {
    let proof = proof_of(&model.state.drills, book);
    let (role, sign) = match (&proof, proof.holds()) {
        (_, Some(true)) => (Role::Ok, "✓"),
        (_, Some(false)) => (Role::Warn, "▲"),
        (BookProof::Drilled { .. }, None) => (Role::Warn, "◐"),
        (_, None) => (Role::Muted, "○"),
    };
    (role, format!("{sign} {}", proof.word()))
}

fn scenario(scenario: Scenario) -> &'static str {
    Scenario::CHOICES.iter().find(|(_, known)| *known == scenario).map_or("", |(name, _)| *name)
}

pub(super) fn book(model: &Model, canvas: &mut Canvas, area: Rect, id: &str) {
    let Some(book) = model.book(id) else {
        let words = match &model.books {
            Some(Loaded::Failed(why)) => (Role::Bad, format!("  {id} could not be had: {why}")),
            Some(Loaded::Here(_)) => {
                (Role::Bad, format!("  the engine has no book {id}; {} lists those it has", model.key("books")))
            }
            _ => (Role::Muted, format!("  {id} is on its way …")),
        };
        canvas.line(area, 0, &[words]);
        return;
    };
    let foot = page::buttons(canvas, area, buttons(&["begin-run", "back"], model));
    let area = Rect { height: area.height.saturating_sub(foot), ..area };
    let Some(runbook) = &book.runbook else {
        let words = format!(
            "{} has {} and cannot be walked through. What they are: codeblue runbook lint {}",
            book.id,
            count(book.errors, "mistake"),
            book.file
        );
        canvas.paragraph(Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }, 0, Role::Bad, &words);
        return;
    };
    let (role, word) = drilled(model, runbook);
    canvas.line(
        area,
        0,
        &[(Role::Title, format!(" {} ", book.id)), (role, word), (Role::Muted, format!("  {}", book.file))],
    );
    let area = margin(layout::rows(area, 1).1);
    let columns = usize::from(area.width);
    let book = plain_in(runbook, Some(&model.state.platform), &proof_of(&model.state.drills, runbook), columns);
    canvas.page(area, &paper(&book, columns), model.scroll);
}

/// What was done in a run so far, then its book as it was when it began.
pub(super) fn text(model: &Model, canvas: &mut Canvas, area: Rect, id: RunId) {
    let (Ok(report), Some(run)) = (RunReport::of(&model.state, id, model.now), model.state.runs.get(&id)) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    let area = margin(area);
    let columns = usize::from(area.width);
    let mut lines = markdown::lines(&report.markdown(), columns);
    lines.push(Vec::new());
    lines.extend(paper(&plain_in(&run.book, Some(&model.state.platform), &report.proof, columns), columns));
    canvas.page(area, &lines, model.scroll);
}

/// What of a page a text of eighty columns takes.
fn margin(area: Rect) -> Rect {
    let left = if area.width >= PAPER + 4 { 2 } else { 1 };
    layout::columns(area, left).1
}

/// Text of eighty columns as it is, broken where the screen is narrower.
fn paper(content: &str, columns: usize) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for line in content.lines() {
        let is_heading = line.starts_with('#') || (line.ends_with("---") && line.starts_with(char::is_uppercase));
        let role = if is_heading { Role::Title } else { Role::Text };
        if text::width(line) <= columns {
            lines.push(vec![(role, text::clean(line))]);
        } else {
            lines.extend(text::wrap(line, columns).into_iter().map(|line| vec![(role, line)]));
        }
    }
    lines
}
