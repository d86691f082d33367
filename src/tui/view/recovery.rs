//! A recovery, running or over, and the list of all of them.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, first_visible};
use crate::{
    domain::{Recovery, RecoveryId, RecoveryOutcome, StepState},
    tui::{
        model::{List, Model, Target},
        text,
        theme::Role,
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: RecoveryId) {
    let Some(recovery) = model.state.recoveries.get(&id) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    let took = recovery.ended.map_or(model.now, |(at, _)| at) - recovery.started_at;
    let objective = recovery
        .plan
        .components()
        .filter_map(|name| model.state.platform.component(name))
        .map(|component| component.rto)
        .max()
        .and_then(|rto| chrono::TimeDelta::from_std(rto).ok());
    let clock = match objective {
        Some(objective) => format!("{} of {}", text::clock(took), text::clock(objective)),
        None => text::clock(took),
    };
    let inside = canvas.frame(area, &capital(&recovery.plan.title), &clock, true);
    let mut row = 0;
    let (role, word) = outcome(recovery);
    let why = format!("   {} · started by {}", recovery.reason, recovery.started_by);
    canvas.line(inside, row, &[(role, format!(" {word}")), (Role::Muted, why)]);
    row += 1;
    if let Some(objective) = objective.filter(|_| recovery.is_running()) {
        canvas.line(inside, row, &[(Role::Text, format!(" {}", gauge(took, objective, inside.width)))]);
    }
    row += 2;
    for (place, (step, run)) in recovery.plan.steps.iter().zip(&recovery.steps).enumerate() {
        let (mark, role) = match run.state {
            StepState::Waiting => ("·", Role::Muted),
            StepState::Running => ("▸", Role::Focus),
            StepState::Done => ("✓", Role::Ok),
            StepState::Failed => ("✖", Role::Bad),
            StepState::Skipped => ("–", Role::Muted),
        };
        let time = match (run.started_at, run.ended_at) {
            (Some(from), Some(to)) => format!("{:.1} s", (to - from).as_seconds_f64()),
            (Some(from), None) => format!("{} s …", (model.now - from).num_seconds().max(0)),
            (None, _) => String::new(),
        };
        let columns = usize::from(inside.width).saturating_sub(16);
        canvas.line(
            inside,
            row,
            &[
                (role, format!("  {mark} {} ", place + 1)),
                (
                    if run.state == StepState::Waiting { Role::Muted } else { Role::Text },
                    text::left(&step.to_string(), columns),
                ),
                (Role::Text, text::right(&time, 9)),
            ],
        );
        row += 1;
        if !run.output.is_empty() {
            let room = Rect { x: inside.x + 6, width: inside.width.saturating_sub(7), ..inside };
            let role = if run.state == StepState::Failed { Role::Bad } else { Role::Muted };
            row += canvas.paragraph(room, row, role, &run.output);
        }
    }
    row += 1;
    if let Some((_, outcome)) = recovery.ended {
        let role = if outcome == RecoveryOutcome::Succeeded { Role::Ok } else { Role::Bad };
        let room = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
        row += canvas.paragraph(room, row, role, &recovery.summary);
    }
    if let Some(until) = recovery.watch_until {
        let left = text::clock((until - model.now).max(chrono::TimeDelta::zero()));
        canvas.line(inside, row, &[(Role::Muted, format!(" extended watch: {left} left"))]);
        row += 1;
    }
    if let Some(safety) = recovery.safety_snapshot {
        canvas.line(inside, row, &[(Role::Muted, format!(" what stood before is kept in {safety}"))]);
        row += 1;
    }
    let mut at = 1;
    if recovery.is_running() {
        at += canvas.button(inside, row + 1, at, "c Stop after step", Target::Action("cancel"), false);
    } else {
        match crate::domain::plan_undo(&model.state, recovery) {
            Ok(_) => at += canvas.button(inside, row + 1, at, "u Undo", Target::Action("undo"), false),
            Err(refusal) => {
                canvas.line(inside, row, &[(Role::Muted, format!(" cannot be undone: {}", refusal.message))]);
            }
        }
    }
    canvas.button(inside, row + 1, at, "Esc Back", Target::Action("back"), false);
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

fn gauge(took: chrono::TimeDelta, objective: chrono::TimeDelta, width: u16) -> String {
    let columns = usize::from(width.saturating_sub(4)).min(50);
    let all = objective.num_milliseconds().max(1);
    let share = took.num_milliseconds().clamp(0, all);
    let full = usize::try_from(share * i64::try_from(columns).unwrap_or(0) / all).unwrap_or(0);
    format!("{}{}", "▓".repeat(full), "░".repeat(columns - full))
}

fn outcome(recovery: &Recovery) -> (Role, String) {
    match recovery.ended {
        None if recovery.cancel_requested => (Role::Warn, "▸ stopping after this step".to_owned()),
        None => (Role::Focus, "▸ running".to_owned()),
        Some((_, RecoveryOutcome::Succeeded)) => (Role::Ok, "✓ succeeded".to_owned()),
        Some((_, RecoveryOutcome::Failed)) => (Role::Bad, "✖ failed".to_owned()),
        Some((_, RecoveryOutcome::Cancelled)) => (Role::Warn, "▲ stopped".to_owned()),
    }
}

pub(super) fn draw_all(model: &Model, canvas: &mut Canvas, area: Rect) {
    let inside = canvas.frame(area, "Recoveries", &format!("{} in all", model.state.recoveries.len()), true);
    let keys = model.rows(List::Recoveries);
    if keys.is_empty() {
        canvas.line(inside, 0, &[(Role::Muted, "  no recovery has been run yet".to_owned())]);
        return;
    }
    let selected = model.selected_place(List::Recoveries);
    let first = first_visible(selected, keys.len(), usize::from(inside.height));
    for (row, (place, key)) in (0..inside.height).zip(keys.iter().enumerate().skip(first)) {
        let Some(recovery) = key.parse().ok().and_then(|id| model.state.recoveries.get(&id)) else { continue };
        canvas.line(inside, row, &line(recovery, model));
        if place == selected {
            canvas.select_row(inside, row);
        }
        canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, Target::Row(List::Recoveries, place));
    }
}

fn line(recovery: &Recovery, model: &Model) -> Vec<Piece> {
    let (role, word) = outcome(recovery);
    let took = recovery.ended.map_or(model.now, |(at, _)| at) - recovery.started_at;
    vec![
        (Role::Text, format!("  {} ", text::left(&recovery.id.to_string(), 8))),
        (Role::Muted, format!("{}  ", recovery.started_at.format("%m-%d %H:%M:%S"))),
        (role, text::left(&word, 28)),
        (Role::Text, format!("{}  ", text::right(&text::clock(took), 7))),
        (Role::Text, recovery.plan.title.clone()),
    ]
}
