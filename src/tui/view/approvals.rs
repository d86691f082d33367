//! All changes that matter now, by where they stand for the one who looks: what to decide, what others decide, what is owed,
//! what is under way, what is over; and who agrees in whose place.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece, first_visible, out_of_view},
    rows,
};
use crate::{
    domain::{Change, ChangeState, Delegation, role_name, unsatisfiable},
    tui::{
        decision::{Owed, Queue, day_time, missing, missing_names, owed},
        model::{List, Model, Target},
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
    let summary = if area.width < 60 {
        format!("{mine} for you · you owe {owed}")
    } else {
        format!("{mine} for you · {others} for others · you owe {owed}")
    };
    let inside = canvas.frame(area, "Approvals", &summary, true);
    let columns = usize::from(inside.width);
    let keys = model.rows(List::Approvals);
    let selected = model.selected_place(List::Approvals);
    let mut lines: Vec<(Vec<Piece>, Option<usize>)> = Vec::new();
    if !model.filter.is_empty() && keys.is_empty() {
        lines.push((vec![(Role::Muted, "  nothing matches the filter: / changes it".to_owned())], None));
    }
    for group in Queue::ALL {
        let own: Vec<(usize, &Change)> = queue
            .iter()
            .filter(|(queue, _)| *queue == group)
            .filter_map(|(_, change)| Some((keys.iter().position(|key| *key == change.id.to_string())?, *change)))
            .collect();
        let (title, about) = words(group);
        if own.is_empty() && (group == Queue::Over || !model.filter.is_empty()) {
            continue;
        }
        heading(&mut lines, title);
        if own.is_empty() {
            lines.extend(muted(about, columns));
        }
        for (place, change) in own {
            let mark = (Role::Focus, if place == selected { "▶ " } else { "  " }.to_owned());
            let entry = entry(model, group, change, columns.saturating_sub(2));
            for (row, pieces) in entry.into_iter().enumerate() {
                let start = if row == 0 { mark.clone() } else { (Role::Text, "  ".to_owned()) };
                lines.push((std::iter::once(start).chain(pieces).collect(), Some(place)));
            }
        }
    }
    deputies(model, &mut lines, columns);
    show(canvas, inside, &lines, selected);
}

fn show(canvas: &mut Canvas, area: Rect, lines: &[(Vec<Piece>, Option<usize>)], selected: usize) {
    let room = usize::from(area.height);
    let chosen = lines.iter().rposition(|(_, place)| *place == Some(selected)).unwrap_or(0);
    let first = first_visible(chosen, lines.len(), room);
    for (row, (pieces, place)) in (0..area.height).zip(lines.iter().skip(first)) {
        canvas.line(area, row, pieces);
        let Some(place) = place else { continue };
        if *place == selected {
            canvas.select_row(area, row);
        }
        canvas.hits.add(Rect { y: area.y + row, height: 1, ..area }, Target::Row(List::Approvals, *place));
    }
    let hidden = out_of_view(first, lines.len().saturating_sub(first + room));
    if !hidden.is_empty() && area.height > 0 {
        canvas.mark(area, area.height - 1, &format!("… {hidden} "));
    }
}

/// What a group is called, and what would stand in it.
fn words(group: Queue) -> (&'static str, &'static str) {
    match group {
        Queue::You => (
            "Waits for you",
            "nothing. What you may approve or reject stands here, the nearest deadline first; ↵ shows what it would do",
        ),
        Queue::Others => ("Waits for others", "nothing. What others have to decide stands here, with who they are"),
        Queue::Owed => (
            "You owe",
            "nothing. What was carried out and wants your eye stands here: validations and reviews, what is late first",
        ),
        Queue::UnderWay => (
            "Under way, or owed by others",
            "nothing. What was agreed to stands here until it is carried out, validated and reviewed",
        ),
        Queue::Over => ("Over", ""),
    }
}

fn heading(lines: &mut Vec<(Vec<Piece>, Option<usize>)>, title: &str) {
    lines.push((vec![(Role::Title, format!(" {title}"))], None));
}

fn muted(words: &str, columns: usize) -> Vec<(Vec<Piece>, Option<usize>)> {
    let wrapped = text::wrap(words, columns.saturating_sub(4));
    wrapped.into_iter().map(|line| (vec![(Role::Muted, format!("   {line}"))], None)).collect()
}

/// A change: risk, name, what, for which incident, who is missing, and how much time there is.
fn entry(model: &Model, group: Queue, change: &Change, columns: usize) -> Vec<Vec<Piece>> {
    let end = rows::time_left(model, change);
    let faded = if group == Queue::Over { Role::Muted } else { Role::Text };
    let risk = (if change.risk.score >= 7 { Role::Bad } else { faded }, text::left(&change.risk.score.to_string(), 3));
    let id = (faded, text::left(&change.id.to_string(), 8));
    let incident = change.incident.map(|id| id.to_string()).unwrap_or_default();
    let (role, waits) = waits(model, group, change);
    let time = 19;
    if columns >= WIDE {
        let rest = columns.saturating_sub(3 + 8 + 8 + time);
        let title = rest * 58 / 100;
        return vec![vec![
            risk,
            id,
            (faded, text::left(&change.title, title.saturating_sub(1)) + " "),
            (Role::Muted, text::left(&incident, 8)),
            (role, text::left(&waits, rest - title)),
            (end.0, text::right(&format!(" {}", end.1), time)),
        ]];
    }
    let title = columns.saturating_sub(3 + 8 + time);
    let about = [incident, waits].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" · ");
    let first =
        vec![risk, id, (faded, text::left(&change.title, title)), (end.0, text::right(&format!(" {}", end.1), time))];
    let second = text::fit(&about, columns.saturating_sub(3));
    let second = vec![(role, format!("   {second}"))];
    if group == Queue::Over { vec![first] } else { vec![first, second] }
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
        (Queue::Owed, Some(Owed::Validation)) => (Role::Warn, "Y: you say whether it worked".to_owned()),
        (Queue::Owed, _) => (Role::Warn, "J: you write its review".to_owned()),
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

/// Who agrees in whose place now.
fn deputies(model: &Model, lines: &mut Vec<(Vec<Piece>, Option<usize>)>, columns: usize) {
    heading(lines, "In another's place");
    let running: Vec<&Delegation> =
        model.state.delegations.iter().filter(|delegation| delegation.until > model.now).collect();
    if running.is_empty() {
        lines.extend(muted("nobody. N names who may agree in your place while you are away", columns));
    }
    for delegation in running {
        let place =
            if delegation.services.is_empty() { "any change".to_owned() } else { delegation.services.join(", ") };
        let (to, from, role) = (&delegation.to, &delegation.from, role_name(delegation.role));
        let words =
            format!("{to} for {from}, as {role}, until {}, {place}: {}", day_time(delegation.until), delegation.reason);
        let role = if model.my_name() == from || model.my_name() == to { Role::Text } else { Role::Muted };
        for (row, line) in text::wrap(&words, columns.saturating_sub(6)).into_iter().enumerate() {
            let start = if row == 0 { "   " } else { "     " };
            lines.push((vec![(role, format!("{start}{line}"))], None));
        }
    }
}
