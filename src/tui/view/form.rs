//! A form: its fields one below the other, the one with the cursor marked; and what sending it would lead to.

use ratatui::{layout::Rect, widgets::Widget};

use super::{
    canvas::{Canvas, Piece, first_visible},
    rows::badge_of,
};
use crate::{
    domain::{BreakGlassId, ChangeId, Clock, IncidentId, Judgement, Severity, UnknownAnswer},
    tui::{
        drill::ANY,
        form::{Chosen, Field, Form, Kind, Pick, Review, Writing},
        model::{Model, Target},
        preview::Weight,
        text,
        theme::Role,
        walk::Said,
        written::Written,
    },
};

/// Columns of a label, with the mark before it.
const LABEL: u16 = 13;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, form: &Form) {
    let place = place(area, form);
    canvas.clear(place);
    canvas.hits.add(place, Target::Nothing);
    let summary = match (&form.review, fullness(form), form.is_draft) {
        (Some(_), ..) => "nothing has been sent yet".to_owned(),
        (None, Some(full), _) => full,
        (None, None, true) => "as you left it".to_owned(),
        (None, None, false) => String::new(),
    };
    let inside = canvas.frame(place, &title(model, form), &summary, true);
    if inside.height < 3 {
        return;
    }
    // A hand on a mouse needs something to press.
    let pressed = form.purpose.is_decision() && form.review.is_none() && inside.height > 5;
    let below = match inside.height {
        _ if pressed => 3,
        0..=5 => 1,
        _ => 2,
    };
    let body = Rect { height: inside.height - below, ..inside };
    match &form.review {
        Some(review) => {
            foreseen(canvas, body, review);
            let mut at = 1;
            let row = inside.height - 1;
            if !review.foreseen.is_refused() {
                at += canvas.button(inside, row, at, &format!("↵ {}", verb(form)), Target::Go, true);
            }
            canvas.button(inside, row, at, "Esc Change it", Target::Cancel, false);
        }
        None => {
            fields(model, canvas, body, form);
            if pressed {
                let at = 1 + canvas.button(inside, inside.height - 2, 1, "↵ What it leads to", Target::Go, false);
                canvas.button(inside, inside.height - 2, at, "Esc Leave it", Target::Cancel, false);
            }
            canvas.hint_line(inside, inside.height - 1, &format!(" {}", hints(form, inside.width)));
        }
    }
}

/// A single text needs less room than several fields.
fn place(area: Rect, form: &Form) -> Rect {
    let rows = match form.purpose {
        Writing::Reject(_)
        | Writing::Revoke(_)
        | Writing::Withdraw(_)
        | Writing::MakeTemplate(_)
        | Writing::SuspendTemplate(_)
        | Writing::UseTemplate(_)
        | Writing::RetireArticle(_)
        | Writing::WorkByHand(_)
        | Writing::EndByHand(_)
        | Writing::EndOverride(_)
        | Writing::AbortDrill(_)
        | Writing::Judge(_, Judgement::Right) => 12,
        Writing::Note(_)
        | Writing::Step(..)
        | Writing::Approve(_)
        | Writing::Validate(_)
        | Writing::ReviewBreakGlass(_)
        | Writing::RevokeBreakGlass(_) => 16,
        Writing::Update(_) | Writing::Override(_) => 18,
        Writing::PostMortem(_)
        | Writing::AnswerDrill(_)
        | Writing::ProposeArticle(_)
        | Writing::EditArticle(_)
        | Writing::StartRun(_)
        | Writing::HoldDrill(_)
        | Writing::BreakGlass(_)
        | Writing::Declare
        | Writing::Maintain
        | Writing::Review(_)
        | Writing::Delegate
        | Writing::Judge(..) => 26,
    };
    let (width, height) = (100.min(area.width), rows.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

fn title(model: &Model, form: &Form) -> String {
    let about = |id: &IncidentId| {
        let title = model.state.incidents.get(id).map(|incident| incident.title.as_str()).unwrap_or_default();
        format!("{id} {}", text::fit(title, 60))
    };
    let of_change = |what: &str, id: &ChangeId| {
        let title = model.state.changes.get(id).map(|change| change.title.as_str()).unwrap_or_default();
        format!("{what} {id} {}", text::fit(title, 60))
    };
    let of_whom = |id: &BreakGlassId| {
        model.state.break_glass.get(id).map(|glass| format!("{id} of {}", glass.operator)).unwrap_or_default()
    };
    match &form.purpose {
        Writing::Note(id) => format!("Note on {}", about(id)),
        Writing::Update(id) => format!("Tell those who wait for {}", about(id)),
        Writing::PostMortem(id) => format!("Post-mortem of {}", about(id)),
        Writing::BreakGlass(id) => format!("BREAK-GLASS for {}", about(id)),
        Writing::Declare => "Declare an incident".to_owned(),
        Writing::Maintain => "Begin maintenance now".to_owned(),
        Writing::Approve(id) => of_change("Approve", id),
        Writing::Reject(id) => of_change("Reject", id),
        Writing::Revoke(id) => of_change("Take back your word on", id),
        Writing::Withdraw(id) => of_change("Withdraw", id),
        Writing::Validate(id) => of_change("Say whether it worked:", id),
        Writing::Review(id) => of_change("Review of", id),
        Writing::Delegate => "Who may agree in your place".to_owned(),
        Writing::ReviewBreakGlass(id) => format!("Review of break-glass {}", of_whom(id)),
        Writing::RevokeBreakGlass(id) => format!("Take break-glass {} away", of_whom(id)),
        Writing::MakeTemplate(id) => format!("Agree beforehand to what {id} did"),
        Writing::SuspendTemplate(name) => format!("Suspend {}", text::fit(name, 40)),
        Writing::ProposeArticle(None) => "Propose an article".to_owned(),
        Writing::ProposeArticle(Some(id)) => format!("Propose an article from {}", about(id)),
        Writing::EditArticle(name) => format!("Write {} anew", text::fit(name, 40)),
        Writing::RetireArticle(name) => format!("Retire {}", text::fit(name, 40)),
        Writing::WorkByHand(name) => format!("Do {} by hand", text::fit(name, 40)),
        Writing::EndByHand(name) => format!("Stop doing {} by hand", text::fit(name, 40)),
        Writing::Override(schedule) => format!("Who is on call for {}", text::fit(schedule, 40)),
        Writing::EndOverride(id) => format!("Take {id} back"),
        Writing::Judge(id, judgement) => format!("{id} was {judgement}"),
        Writing::UseTemplate(name) => format!("Have {} done", text::fit(name, 40)),
        Writing::StartRun(book) => format!("Walk through {}", text::fit(book, 40)),
        Writing::HoldDrill(name) if name == ANY => "Hold a drill that the seed picks".to_owned(),
        Writing::HoldDrill(name) => format!("Hold the drill {}", text::fit(name, 40)),
        Writing::AnswerDrill(id) => format!("{id}: declare what is broken"),
        Writing::AbortDrill(id) => format!("Stop {id}"),
        Writing::Step(run, step, said) => {
            let what = match said {
                Said::Skip => "leave out",
                Said::Done => "done by hand:",
                Said::Undo => "take back",
                Said::Cancel => "end what runs for",
                Said::Abandon => return format!("End {run}"),
                Said::Unclear(UnknownAnswer::Verify) => "have its check decide:",
                Said::Unclear(UnknownAnswer::RunAgain) => "run again",
                Said::Unclear(UnknownAnswer::Done) => "it is done:",
                Said::Task(task) => return format!("{run} {step}: task {task}"),
                Said::Value(name) => return format!("{run}: {name}"),
            };
            format!("{run}: {what} {}", text::fit(step, 40))
        }
    }
}

fn verb(form: &Form) -> &'static str {
    match form.purpose {
        Writing::Declare | Writing::BreakGlass(_) => "Open it",
        Writing::Approve(_) => "Approve",
        Writing::Reject(_) => "Reject",
        Writing::Revoke(_) => "Take it back",
        Writing::Withdraw(_) => "Withdraw",
        Writing::Validate(_) | Writing::Review(_) | Writing::ReviewBreakGlass(_) | Writing::Judge(..) => {
            "Put it on record"
        }
        Writing::ProposeArticle(_) => "Propose it",
        Writing::EditArticle(_) => "Write it",
        Writing::RetireArticle(_) => "Retire it",
        Writing::WorkByHand(_) => "Do it by hand",
        Writing::EndByHand(_) => "Stop",
        Writing::Override(_) => "Put on call",
        Writing::EndOverride(_) => "Take it back",
        Writing::Delegate => "Name the deputy",
        Writing::RevokeBreakGlass(_) => "Revoke it",
        Writing::MakeTemplate(_) => "Agree beforehand",
        Writing::SuspendTemplate(_) => "Suspend it",
        Writing::UseTemplate(_) => "Ask for it",
        Writing::Step(_, _, ref said) => match said {
            Said::Skip => "Leave it out",
            Said::Done | Said::Unclear(UnknownAnswer::Done) => "It is done",
            Said::Undo => "Take it back",
            Said::Cancel | Said::Abandon => "End it",
            Said::Unclear(UnknownAnswer::Verify) => "Let it decide",
            Said::Unclear(UnknownAnswer::RunAgain) => "Run it again",
            Said::Task(_) | Said::Value(_) => "Send it",
        },
        _ => "Begin",
    }
}

/// How full the field with the cursor is, once that is worth saying.
fn fullness(form: &Form) -> Option<String> {
    match &form.fields.get(form.at)?.kind {
        Kind::Text(written) => written.fullness(),
        Kind::Severity(_) | Kind::Services(_) | Kind::Choice(_) => None,
    }
}

/// What can be pressed, the most needed first, as far as it fits.
fn hints(form: &Form, columns: u16) -> String {
    let is_narrow = columns < 52;
    let sends = match &form.purpose {
        Writing::Declare | Writing::Maintain | Writing::BreakGlass(_) if is_narrow => "↵ what it leads to",
        purpose if purpose.is_decision() && is_narrow => "↵ what it leads to",
        Writing::Declare | Writing::Maintain | Writing::BreakGlass(_) => "↵ shows what will happen",
        purpose if purpose.is_decision() => "↵ shows what will happen",
        _ => "↵ sends it",
    };
    let mut hints = vec![sends, if is_narrow { "Esc keeps it" } else { "Esc keeps it for later" }];
    if form.fields.len() > 1 {
        hints.push("Tab next field");
    }
    match form.fields.get(form.at).map(|field| &field.kind) {
        Some(Kind::Text(written)) => {
            if written.has_lines() {
                hints.push("^J new line");
            }
            hints.push("^Z takes back");
        }
        Some(Kind::Severity(_)) => hints.push("1–4 or ↑↓ choose"),
        Some(Kind::Services(_)) => hints.push("space takes or drops"),
        Some(Kind::Choice(_)) => hints.push("1–9 or ↑↓ choose"),
        None => {}
    }
    while text::width(&hints.join(" · ")) + 2 > usize::from(columns) && hints.len() > 2 {
        hints.pop();
    }
    hints.join(" · ")
}

fn foreseen(canvas: &mut Canvas, area: Rect, review: &Review) {
    let room = usize::from(area.width.saturating_sub(4));
    let mut lines: Vec<Vec<Piece>> = vec![vec![(Role::Title, " What will happen".to_owned())], Vec::new()];
    for (weight, words) in &review.foreseen.lines {
        let (mark, role) = match weight {
            Weight::Fact => ("·", Role::Text),
            Weight::Warning => ("▲", Role::Warn),
            Weight::Refusal => ("✖", Role::Bad),
        };
        for (place, line) in text::wrap(words, room).into_iter().enumerate() {
            let mark = if place == 0 { mark } else { " " };
            lines.push(vec![(role, format!(" {mark} {line}"))]);
        }
    }
    canvas.page(area, &lines, 0);
}

/// The rows of each field: those of one line get what they need, the others share the rest. Of the many fields of an article the one
/// with the cursor gets all that the first lines of the others leave.
fn heights(form: &Form, rows: u16) -> Vec<u16> {
    if matches!(form.purpose, Writing::ProposeArticle(_) | Writing::EditArticle(_)) {
        let others = u16::try_from(form.fields.len()).unwrap_or(u16::MAX).saturating_sub(1);
        let is_line = |field: &Field| matches!(&field.kind, Kind::Text(written) if !written.has_lines());
        let of = |place: usize| match form.fields.get(place) {
            Some(field) if place == form.at && !is_line(field) => rows.saturating_sub(others),
            _ => 1,
        };
        return (0..form.fields.len()).map(of).collect();
    }
    let is_short = matches!(
        form.purpose,
        Writing::Declare
            | Writing::Maintain
            | Writing::BreakGlass(_)
            | Writing::Delegate
            | Writing::Override(_)
            | Writing::Judge(..)
            | Writing::StartRun(_)
            | Writing::HoldDrill(_)
    );
    let fixed = |field: &Field| match &field.kind {
        Kind::Severity(_) => Some(5),
        Kind::Choice(_) if matches!(form.purpose, Writing::AnswerDrill(_)) => None,
        Kind::Choice(pick) => Some(u16::try_from(pick.options.len()).unwrap_or(u16::MAX).clamp(1, 5) + 1),
        Kind::Text(written) if !written.has_lines() && is_short => Some(2),
        Kind::Text(_) | Kind::Services(_) => None,
    };
    let taken: u16 = form.fields.iter().filter_map(fixed).sum();
    let sharing = form.fields.iter().filter(|field| fixed(field).is_none()).count();
    let sharing = u16::try_from(sharing).unwrap_or(1).max(1);
    let rest = rows.saturating_sub(taken);
    let mut extra = rest % sharing;
    let heights = form.fields.iter().map(|field| {
        fixed(field).unwrap_or_else(|| {
            let more = u16::from(extra > 0);
            extra = extra.saturating_sub(1);
            rest / sharing + more
        })
    });
    let heights: Vec<u16> = heights.collect();
    let before: u16 = heights.iter().take(form.at).sum();
    let own = heights.get(form.at).copied().unwrap_or(0);
    if own > 0 && before + own.min(2) <= rows {
        return heights;
    }
    // Without room for what stands before it the one with the cursor stands alone, and Tab brings the next.
    (0..form.fields.len()).map(|place| if place == form.at { rows } else { 0 }).collect()
}

fn fields(model: &Model, canvas: &mut Canvas, area: Rect, form: &Form) {
    let widest = form.fields.iter().map(|field| text::width(&field.label) + 3).max().unwrap_or(0);
    let label = u16::try_from(widest).unwrap_or(LABEL).clamp(LABEL, 20);
    let mut y = area.y;
    for (place, (field, height)) in form.fields.iter().zip(heights(form, area.height)).enumerate() {
        let height = height.min(area.bottom().saturating_sub(y));
        if height == 0 {
            continue;
        }
        let whole = Rect { y, height, ..area };
        y += height;
        canvas.hits.add(whole, Target::Field(place));
        let focus = place == form.at;
        // The row below a field keeps it apart from the next.
        let gap = u16::from(height > 1 && form.fields.len() > 1 && height < area.height);
        let left = if form.fields.len() == 1 { 2 } else { label };
        let (mark, role) = if focus { ("▶", Role::Focus) } else { (" ", Role::Title) };
        // A form with one field is called what the field is.
        let label = if form.fields.len() == 1 { "" } else { field.label.as_ref() };
        canvas.line(Rect { width: left.min(whole.width), ..whole }, 0, &[(role, format!("{mark} {label}"))]);
        let inside = Rect {
            x: whole.x + left.min(whole.width),
            y: whole.y,
            width: whole.width.saturating_sub(left + 1),
            height: height.saturating_sub(gap),
        };
        match &field.kind {
            Kind::Text(written) => {
                writing(canvas, inside, field, written, focus);
                // What is filled in already says no more what belongs there.
                if gap > 0 && matches!(form.purpose, Writing::StartRun(_)) && !written.text().is_empty() {
                    canvas.line(
                        Rect { x: inside.x, ..whole },
                        height - 1,
                        &[(Role::Muted, format!("({})", field.about))],
                    );
                }
            }
            Kind::Severity(severity) => severities(canvas, inside, *severity, focus),
            Kind::Choice(pick) => few(canvas, inside, field, pick, (place, focus)),
            Kind::Services(chosen) => services(model, canvas, inside, (form, field, chosen), focus),
        }
    }
}

fn writing(canvas: &mut Canvas, area: Rect, field: &Field, written: &Written, focus: bool) {
    let text = written.text();
    if text.is_empty() {
        canvas.line(area, 0, &[(Role::Muted, format!("{}({})", if focus { " " } else { "" }, field.about))]);
    }
    if focus {
        if text.is_empty() {
            let cursor = Rect { width: 1.min(area.width), height: 1.min(area.height), ..area };
            canvas.buffer.set_style(cursor, canvas.theme.style(Role::Selected));
        } else {
            written.widget().render(area, canvas.buffer);
        }
        return;
    }
    let lines = text::wrap(&text, usize::from(area.width));
    let room = usize::from(area.height);
    for (row, line) in (0..area.height).zip(&lines) {
        canvas.line(area, row, &[(Role::Text, line.clone())]);
    }
    if lines.len() > room && room > 0 {
        canvas.more(area, lines.len() - room, &lines[room - 1]);
    }
}

fn severities(canvas: &mut Canvas, area: Rect, chosen: Severity, focus: bool) {
    for (row, severity) in (0..area.height).zip(Severity::ALL) {
        let meaning = match severity {
            Severity::Sev1 => "outage: people are at risk",
            Severity::Sev2 => "serious: work is hampered",
            Severity::Sev3 => "an inconvenience",
            Severity::Sev4 => "small: nobody notices for hours",
        };
        let target = |clock| {
            let minutes = severity.target(clock).as_secs() / 60;
            if minutes.is_multiple_of(60) { format!("{}h", minutes / 60) } else { format!("{minutes}m") }
        };
        let mark = if severity == chosen { "●" } else { "○" };
        // What a severity means comes before what it asks for.
        let targets = if area.width < 58 {
            String::new()
        } else {
            format!("respond {:>3}  resolve {:>3}", target(Clock::Respond), target(Clock::Resolve))
        };
        let room = usize::from(area.width).saturating_sub(9 + text::width(&targets));
        let role = if severity == chosen { Role::Title } else { Role::Text };
        canvas.line(
            area,
            row,
            &[
                (role, format!("{mark} {severity}  {}", text::left(meaning, room))),
                (Role::Muted, format!(" {targets}")),
            ],
        );
        if severity == chosen && focus {
            canvas.select_row(area, row);
        }
        canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, Target::Severity(severity));
    }
}

/// One of a few; each row can be clicked once its field has the cursor.
fn few(canvas: &mut Canvas, area: Rect, field: &Field, pick: &Pick, (place, focus): (usize, bool)) {
    if pick.options.is_empty() {
        canvas.line(area, 0, &[(Role::Warn, field.about.to_string())]);
    }
    let room = usize::from(area.height);
    let first = first_visible(pick.at, pick.options.len(), room);
    for (row, (option, (_, words))) in (0..area.height).zip(pick.options.iter().enumerate().skip(first)) {
        let chosen = option == pick.at;
        let (mark, role) = if chosen { ("●", Role::Title) } else { ("○", Role::Text) };
        canvas.line(area, row, &[(role, format!("{mark} {words}"))]);
        if chosen && focus {
            canvas.select_row(area, row);
        }
        let target = if focus { Target::Choice(option) } else { Target::Field(place) };
        canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, target);
    }
    let below = pick.options.len().saturating_sub(first + room);
    if below > 0 && room > 0 {
        let last = pick.options.get(first + room - 1).map_or("", |(_, words)| words.as_str());
        canvas.more(area, below, &format!("● {last}"));
    }
}

fn services(
    model: &Model,
    canvas: &mut Canvas,
    area: Rect,
    (form, field, chosen): (&Form, &Field, &Chosen),
    focus: bool,
) {
    // A deputy for no service in particular is one for all of them.
    let nothing = if form.purpose == Writing::Delegate { "every service" } else { "none yet" };
    let names = chosen.names.join(", ");
    let words = if names.is_empty() { (Role::Muted, nothing.to_owned()) } else { (Role::Title, names) };
    canvas.line(area, 0, &[words]);
    let list = Rect { y: area.y + 2.min(area.height), height: area.height.saturating_sub(2), ..area };
    let filter = chosen.filter.text();
    let line = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1).min(1), ..area };
    if focus {
        canvas.line(line, 0, &[(Role::Key, "/ ".to_owned())]);
        let input = Rect { x: line.x + 2.min(line.width), width: line.width.saturating_sub(2), ..line };
        if filter.is_empty() {
            canvas.line(input, 0, &[(Role::Muted, format!(" ({})", field.about))]);
            let cursor = Rect { width: 1.min(input.width), ..input };
            canvas.buffer.set_style(cursor, canvas.theme.style(Role::Selected));
        } else {
            chosen.filter.widget().render(input, canvas.buffer);
        }
    } else {
        canvas.line(line, 0, &[(Role::Muted, format!("({})", field.about))]);
    }
    let found = chosen.found(model);
    if found.is_empty() {
        canvas.line(list, 0, &[(Role::Muted, "no service of that name".to_owned())]);
    }
    let room = usize::from(list.height);
    let at = chosen.at.min(found.len().saturating_sub(1));
    let first = first_visible(at, found.len(), room);
    let mut last = String::new();
    for (row, (place, name)) in (0..list.height).zip(found.iter().enumerate().skip(first)) {
        let taken = chosen.names.iter().any(|chosen| chosen == name);
        let (glyph, word, role) = badge_of(model, name);
        // Who declares has to know what is declared already; to others it is noise.
        let held = match model.state.incident_of(name).filter(|_| form.purpose == Writing::Declare) {
            Some(incident) => format!("  in {} {} already: {}", incident.id, incident.severity, incident.title),
            None => String::new(),
        };
        last = format!("[ ] {glyph} {} {name}{held}", text::left(word, 5));
        canvas.line(
            list,
            row,
            &[
                (if taken { Role::Title } else { Role::Muted }, format!("[{}] ", if taken { "×" } else { " " })),
                (role, format!("{glyph} {} ", text::left(word, 5))),
                (Role::Text, (*name).to_owned()),
                (Role::Warn, held),
            ],
        );
        if focus && place == at {
            canvas.select_row(list, row);
        }
        canvas.hits.add(Rect { y: list.y + row, height: 1, ..list }, Target::Choice(place));
    }
    let below = found.len().saturating_sub(first + room);
    if below > 0 && room > 0 {
        canvas.more(list, below, &last);
    }
}
