//! All that waits for an approval or a review, by where it stands for the one who looks: what to decide, what others decide, what is owed,
//! what is under way, what is over; and who agrees in whose place.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible, out_of_view},
    list::why_empty,
    rows,
};
use crate::{
    domain::{BreakGlass, Change, ChangeState, Delegation, role_name, unsatisfiable},
    tui::{
        break_glass::{reviewers_missing, reviewing_role},
        decision::{day_time, missing, missing_names},
        model::{List, Model, Target},
        queue::{Owed, Queue, Queued, owed},
        templates::TemplateStatus,
        text,
        theme::Role,
    },
};

/// From so many columns on a change takes one line.
const WIDE: usize = 100;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect) {
    let queue = model.queue();
    let of = |wanted: Queue| queue.iter().filter(|(queue, _)| *queue == wanted).count();
    let (mine, others, owed) = (of(Queue::You), of(Queue::Others), of(Queue::Owed));
    let parts = [
        (mine, format!("{mine} for you")),
        (others, format!("{others} for others")),
        (owed, format!("you owe {owed}")),
    ];
    let told: Vec<String> = parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, words)| words).collect();
    let summary = if told.is_empty() { "nothing waits".to_owned() } else { told.join(" · ") };
    let inside = canvas.frame(area, "Approvals", &model.summary_of(List::Approvals, &summary), true);
    let columns = usize::from(inside.width);
    let keys = model.rows(List::Approvals);
    let selected = model.selected_place(List::Approvals);
    let mut lines: Vec<(Vec<Piece>, Option<usize>)> = Vec::new();
    if !model.filter.is_empty() && keys.is_empty() {
        lines.extend(muted(&why_empty(model, ""), columns));
    }
    for group in Queue::ALL {
        let own: Vec<(usize, &Queued)> = queue
            .iter()
            .filter(|(queue, _)| *queue == group)
            .filter_map(|(_, queued)| Some((keys.iter().position(|key| *key == queued.key())?, queued)))
            .collect();
        let (title, about) = words(model, group);
        if own.is_empty() && (group == Queue::Over || !model.filter.is_empty()) {
            continue;
        }
        heading(&mut lines, title);
        if own.is_empty() {
            lines.extend(muted(&about, columns));
        }
        for (place, queued) in own {
            let mark = (Role::Focus, if place == selected { "▶ " } else { "  " }.to_owned());
            let entry = match queued {
                Queued::Change(change) => of_change(model, group, change, columns.saturating_sub(3)),
                Queued::BreakGlass(glass) => of_break_glass(model, group, glass, columns.saturating_sub(3)),
            };
            for (row, pieces) in entry.into_iter().enumerate() {
                let start = if row == 0 { mark.clone() } else { (Role::Text, "  ".to_owned()) };
                lines.push((std::iter::once(start).chain(pieces).collect(), Some(place)));
            }
        }
    }
    deputies(model, &mut lines, columns);
    standard(model, &mut lines);
    show(canvas, inside, &lines, List::Approvals, selected);
}

/// Shows lines of which some belong to a row of a list, so that all of the selected one is in sight where that is possible.
pub(super) fn show(
    canvas: &mut Canvas,
    area: Rect,
    lines: &[(Vec<Piece>, Option<usize>)],
    list: List,
    selected: usize,
) {
    let room = usize::from(area.height);
    let chosen = lines.iter().rposition(|(_, place)| *place == Some(selected)).unwrap_or(0);
    let first = first_visible(chosen, lines.len(), room);
    for (row, (pieces, place)) in (0..area.height).zip(lines.iter().skip(first)) {
        canvas.line(area, row, pieces);
        let Some(place) = place else { continue };
        if *place == selected {
            canvas.select_row(area, row);
        }
        canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, Target::Row(list, *place));
    }
    let hidden = out_of_view(first, lines.len().saturating_sub(first + room));
    if !hidden.is_empty() && area.height > 0 {
        let last = lines.get(first + room - 1).map_or(&[][..], |(pieces, _)| pieces);
        let last: String = last.iter().map(|(_, words)| words.as_str()).collect();
        canvas.over_last(area, &hidden, &last);
    }
}

/// What a group is called, and what would stand in it.
fn words(model: &Model, group: Queue) -> (&'static str, String) {
    let (title, nothing) = match group {
        Queue::You => {
            let nothing = "nothing. What you may approve or reject stands here, the nearest deadline first";
            return ("Waits for you", format!("{nothing}; {} shows what it would do", model.key("open")));
        }
        Queue::Others => ("Waits for others", "nothing. What others have to decide stands here, with who they are"),
        Queue::Owed => (
            "You owe",
            "nothing. What was carried out and wants your eye stands here: validations and reviews, also of break-glass, what \
             is late first",
        ),
        Queue::UnderWay => (
            "Under way, or owed by others",
            "nothing. What was agreed to stands here until it is carried out, validated and reviewed",
        ),
        Queue::Over => ("Over", ""),
    };
    (title, nothing.to_owned())
}

fn heading(lines: &mut Vec<(Vec<Piece>, Option<usize>)>, title: &str) {
    lines.push((vec![(Role::Title, format!(" {title}"))], None));
}

fn muted(words: &str, columns: usize) -> Vec<(Vec<Piece>, Option<usize>)> {
    let wrapped = text::wrap(words, columns.saturating_sub(4));
    wrapped.into_iter().map(|line| (vec![(Role::Muted, format!("   {line}"))], None)).collect()
}

/// A change: risk, name, what, for which incident, who is missing, and how much time there is.
fn of_change(model: &Model, group: Queue, change: &Change, columns: usize) -> Vec<Vec<Piece>> {
    let faded = if group == Queue::Over { Role::Muted } else { Role::Text };
    let entry = Entry {
        risk: (if change.risk.score >= 7 { Role::Bad } else { faded }, change.risk.score.to_string()),
        id: change.id.to_string(),
        title: change.title.clone(),
        incident: change.incident.map(|id| id.to_string()).unwrap_or_default(),
        waits: waits(model, group, change),
        end: rows::time_left(model, change),
    };
    entry.lines(group, faded, columns)
}

/// A use of break-glass: the greatest risk of what was done, name, who did how much, who reviews it, and how much time there is.
fn of_break_glass(model: &Model, group: Queue, glass: &BreakGlass, columns: usize) -> Vec<Vec<Piece>> {
    let waits = match (group, reviewers_missing(&model.state, glass)) {
        (Queue::Owed, _) => {
            (Role::Warn, format!("{}: you review it, as {}", model.key("review-break-glass"), reviewing_role(model)))
        }
        (_, Some(_)) if glass.is_open() => (Role::Bad, format!("open: {}", glass.reason)),
        (_, Some(who)) => (Role::Text, format!("to be reviewed by {who}")),
        (_, None) => (Role::Muted, glass.findings().join("; ")),
    };
    let faded = if group == Queue::Over { Role::Muted } else { Role::Text };
    let entry = Entry {
        risk: (Role::Bad, rows::break_glass_risk(glass)),
        id: glass.id.to_string(),
        title: rows::break_glass_title(glass),
        incident: glass.incident.to_string(),
        waits,
        end: rows::break_glass_time(model, glass),
    };
    entry.lines(group, faded, columns)
}

/// What the queue says of one thing.
struct Entry {
    risk: Piece,
    id: String,
    title: String,
    incident: String,
    waits: Piece,
    end: Piece,
}

impl Entry {
    /// One line where there is room; else the second says for which incident, and who or what it waits for.
    fn lines(self, group: Queue, faded: Role, columns: usize) -> Vec<Vec<Piece>> {
        let Self { risk, id, title: what, incident, waits: (role, waits), end } = self;
        let (risk, id) = ((risk.0, text::left(&risk.1, 3)), (faded, text::left(&id, 8)));
        let time = 19;
        if columns >= WIDE {
            let rest = columns.saturating_sub(3 + 8 + 8 + time);
            let title = rest * 58 / 100;
            return vec![vec![
                risk,
                id,
                (faded, text::left(&what, title.saturating_sub(1)) + " "),
                (Role::Muted, text::left(&incident, 8)),
                (role, text::left(&waits, rest - title)),
                (end.0, text::right(&format!(" {}", end.1), time)),
            ]];
        }
        // What it is comes before what its clock is for.
        let brief = end.1.rsplit_once(" in ").filter(|(_, left)| left.contains(':'));
        let brief = brief.filter(|_| text::width(&what) + 3 + 8 + text::width(&end.1) + 1 > columns);
        let end = (end.0, brief.map_or_else(|| end.1.clone(), |(_, left)| format!("{left} left")));
        let time = time.min(text::width(&end.1) + 1);
        let title = columns.saturating_sub(3 + 8 + time);
        let about = [incident, waits].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" · ");
        let first =
            vec![risk, id, (faded, text::left(&what, title)), (end.0, text::right(&format!(" {}", end.1), time))];
        let second = text::fit(&about, columns.saturating_sub(3));
        let second = vec![(role, format!("   {second}"))];
        if group == Queue::Over { vec![first] } else { vec![first, second] }
    }
}

/// Who or what a change waits for.
fn waits(model: &Model, group: Queue, change: &Change) -> Piece {
    let unfillable = if group <= Queue::Others { unsatisfiable(&model.state, change) } else { Vec::new() };
    if !unfillable.is_empty() {
        let roles: Vec<&str> = unfillable.into_iter().map(role_name).collect();
        return (Role::Bad, format!("✖ IN VAIN: no {} may agree", roles.join(" and no ")));
    }
    match (group, owed(change)) {
        (Queue::You, _) => {
            let seats = model.seats(change);
            let seat = seats.first().map(|seat| match &seat.of {
                Some(of) => format!("you, in place of {of}, as {}", role_name(seat.role)),
                None => format!("you, as {}", role_name(seat.role)),
            });
            let all = missing_names(&model.state, change);
            let more = if all.contains(" and ") { format!("; in all {all}") } else { String::new() };
            (Role::Ok, seat.unwrap_or_default() + &more)
        }
        (Queue::Others, _) => (Role::Text, missing(&model.state, change)),
        (Queue::Owed, Some(Owed::Validation)) => {
            (Role::Warn, format!("{}: you say whether it worked", model.key("validate")))
        }
        (Queue::Owed, _) => (Role::Warn, format!("{}: you write its review", model.key("review"))),
        (_, Some(Owed::Validation)) => (Role::Text, "somebody who had no part in it validates".to_owned()),
        (_, Some(Owed::Review(_))) => (Role::Text, "somebody who had no part in it reviews".to_owned()),
        (Queue::UnderWay, None) => match (change.state, change.recovery) {
            (ChangeState::Implementing, Some(recovery)) => (Role::Focus, recovery.to_string()),
            _ => (Role::Text, "agreed to".to_owned()),
        },
        (Queue::Over, None) => {
            let decision = change.decision.as_ref().map(|(actor, why)| format!("{actor}: {why}"));
            (Role::Muted, decision.unwrap_or_default())
        }
    }
}

/// What is agreed to beforehand stands on a page of its own.
fn standard(model: &Model, lines: &mut Vec<(Vec<Piece>, Option<usize>)>) {
    let templates = model.state.templates.values();
    let usable = templates.filter(|known| model.status_of_template(known) == TemplateStatus::Usable).count();
    let words = match model.state.templates.len() {
        0 => "none yet".to_owned(),
        all => format!("{usable} of {all} may be used"),
    };
    lines.push((
        vec![
            (Role::Title, " Standard changes".to_owned()),
            (Role::Muted, format!("  {words} ({})", model.key("templates"))),
        ],
        None,
    ));
}

/// Who agrees in whose place now.
fn deputies(model: &Model, lines: &mut Vec<(Vec<Piece>, Option<usize>)>, columns: usize) {
    heading(lines, "In another's place");
    let running: Vec<&Delegation> =
        model.state.delegations.iter().filter(|delegation| delegation.until > model.now).collect();
    if running.is_empty() {
        let names = format!("nobody. {} names who may agree in your place while you are away", model.key("delegate"));
        lines.extend(muted(&names, columns));
    }
    for delegation in running {
        let place =
            if delegation.services.is_empty() { "any change".to_owned() } else { delegation.services.join(", ") };
        let (to, from, role) = (&delegation.to, &delegation.from, role_name(delegation.role));
        let words = format!(
            "{to} for {from}, as {role}, until {}, {place}: {}",
            day_time(delegation.until, model.now),
            delegation.reason
        );
        let role = if model.my_name() == from || model.my_name() == to { Role::Text } else { Role::Muted };
        for (row, line) in text::wrap(&words, columns.saturating_sub(6)).into_iter().enumerate() {
            let start = if row == 0 { "   " } else { "     " };
            lines.push((vec![(role, format!("{start}{line}"))], None));
        }
    }
}
