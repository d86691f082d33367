//! A recovery, running or over.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    plan::objective,
};
use crate::{
    domain::{Recovery, RecoveryId, RecoveryOutcome, StepState, Validation, plan_undo, step_seconds},
    tui::{
        layout,
        model::{Model, Target},
        text,
        theme::Role,
    },
};

/// Seconds that a step may take over what is usual before that is worth saying.
const SLACK: u64 = 5;

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: RecoveryId) {
    let Some(recovery) = model.state.recoveries.get(&id) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    let inside = canvas.frame(area, &text::capitalised(&recovery.plan.title), &clock(model, recovery), true);
    if area.height < layout::LIST_ALONE {
        return in_one(model, canvas, inside, recovery);
    }
    let (role, word) = outcome(recovery);
    let who = format!("   started by {}", started_by(model, recovery));
    canvas.line(inside, 0, &[(role, format!(" {word}")), (Role::Text, who)]);
    // Where no time runs there is a second row for why.
    let rows = if recovery.is_running() { 1 } else { 2 };
    let why = text::wrap(&recovery.reason, usize::from(inside.width.saturating_sub(2)));
    for (row, line) in (1..=rows).zip(&why) {
        let is_cut = row == rows && why.len() > usize::from(rows);
        let line = if is_cut {
            text::fit(&format!("{line} …"), usize::from(inside.width.saturating_sub(2)))
        } else {
            line.clone()
        };
        canvas.line(inside, row, &[(Role::Muted, format!(" {line}"))]);
    }
    canvas.line(inside, 2, &gauge(model, recovery, inside.width));

    let foot = 4.min(inside.height.saturating_sub(4));
    let middle = Rect { y: inside.y + 4, height: inside.height.saturating_sub(4 + foot), ..inside };
    let (mut lines, current) = steps(model, recovery, usize::from(middle.width));
    lines.extend(proofs(recovery, usize::from(middle.width)));
    // While it runs, the step under way stays in sight unless somebody scrolls.
    let room = usize::from(middle.height);
    let follow = if recovery.is_running() { (current + 2).saturating_sub(room) } else { 0 };
    canvas.page(middle, &lines, model.scroll.max(follow));
    end(model, canvas, Rect { y: middle.bottom(), height: foot, ..inside }, recovery);
}

/// All of it one below the other, to be scrolled, where there is no room for the steps between what stands above and below them.
fn in_one(model: &Model, canvas: &mut Canvas, area: Rect, recovery: &Recovery) {
    let columns = usize::from(area.width);
    let (role, word) = outcome(recovery);
    let mut lines: Vec<Vec<Piece>> =
        vec![vec![(role, format!(" {word}")), (Role::Text, format!("   started by {}", started_by(model, recovery)))]];
    lines.extend(Some(gauge(model, recovery, area.width)).filter(|gauge| !gauge.is_empty()));
    let head = lines.len();
    let (steps, current) = steps(model, recovery, columns);
    lines.extend(steps);
    for (role, words) in came_of_it(model, recovery) {
        let wrapped = text::wrap(words.trim_start(), columns.saturating_sub(2)).into_iter();
        lines.extend(wrapped.map(|line| vec![(role, format!(" {line}"))]));
    }
    lines.extend(proofs(recovery, columns));
    let follow = if recovery.is_running() { (head + current + 1).saturating_sub(usize::from(area.height)) } else { 0 };
    canvas.page(area, &lines, model.scroll.max(follow));
}

fn took(model: &Model, recovery: &Recovery) -> TimeDelta {
    recovery.ended.map_or(model.now, |(at, _)| at) - recovery.started_at
}

fn clock(model: &Model, recovery: &Recovery) -> String {
    let took = took(model, recovery);
    match objective(model, &recovery.plan) {
        Some(objective) if took > objective => {
            format!("{} ✖ over the {} RTO", text::clock(took), text::clock(objective))
        }
        Some(objective) => format!("{} of {} RTO", text::clock(took), text::clock(objective)),
        None => text::clock(took),
    }
}

/// The time used, of what may be used.
fn gauge(model: &Model, recovery: &Recovery, width: u16) -> Vec<Piece> {
    let Some(objective) = objective(model, &recovery.plan).filter(|_| recovery.is_running()) else { return Vec::new() };
    let took = took(model, recovery);
    let columns = usize::from(width.saturating_sub(40)).min(50);
    let all = objective.num_milliseconds().max(1);
    let share = took.num_milliseconds().clamp(0, all);
    let full = usize::try_from(share * i64::try_from(columns).unwrap_or(0) / all).unwrap_or(0);
    let mut rest = 0;
    let mut slow = None;
    for (place, (step, run)) in recovery.plan.steps.iter().zip(&recovery.steps).enumerate() {
        let usual = step_seconds(&model.state, step);
        match (run.state, run.started_at) {
            (StepState::Waiting, _) => rest += usual,
            (StepState::Running, Some(at)) => {
                let spent = (model.now - at).num_seconds().max(0).unsigned_abs();
                rest += usual.saturating_sub(spent);
                slow = (spent > usual + SLACK).then_some(place + 1);
            }
            _ => {}
        }
    }
    let role = if took > objective { Role::Bad } else { Role::Text };
    vec![
        (role, format!(" {}{}", "▓".repeat(full), "░".repeat(columns - full))),
        match slow {
            Some(step) => (Role::Warn, format!("  ▲ step {step} takes longer than usual")),
            None => (Role::Muted, format!("  about {rest} s to go")),
        },
    ]
}

/// The steps with their clocks and what they said, and the line of the one under way.
pub(super) fn steps(model: &Model, recovery: &Recovery, width: usize) -> (Vec<Vec<Piece>>, usize) {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    let mut current = 0;
    for (place, (step, run)) in recovery.plan.steps.iter().zip(&recovery.steps).enumerate() {
        let (mark, role) = match run.state {
            StepState::Waiting => ("·", Role::Muted),
            StepState::Running => ("▸", Role::Focus),
            StepState::Done => ("✓", Role::Ok),
            StepState::Failed => ("✖", Role::Bad),
            StepState::Skipped => ("–", Role::Muted),
        };
        let time = match (run.started_at, run.ended_at) {
            (Some(from), Some(to)) => text::latency((to - from).to_std().unwrap_or_default()),
            (Some(from), None) => format!("{} …", text::clock(model.now - from)),
            (None, _) if run.state == StepState::Skipped => "skipped".to_owned(),
            (None, _) => format!("~{} s", step_seconds(&model.state, step)),
        };
        let waits = matches!(run.state, StepState::Waiting | StepState::Skipped);
        lines.push(vec![
            (role, format!("  {mark} {} ", place + 1)),
            (if waits { Role::Muted } else { Role::Text }, text::left(&step.to_string(), width.saturating_sub(6 + 11))),
            (if waits { Role::Muted } else { Role::Text }, text::right(&time, 10)),
        ]);
        let role = if run.state == StepState::Failed { Role::Bad } else { Role::Muted };
        if !run.output.is_empty() {
            let output = text::wrap(&run.output, width.saturating_sub(8));
            lines.extend(output.into_iter().map(|line| vec![(role, format!("      {line}"))]));
        }
        if run.state != StepState::Waiting {
            current = lines.len();
        }
    }
    (lines, current)
}

/// What each phase of validation looked at, the latest first, and what is still being looked at.
fn proofs(recovery: &Recovery, width: usize) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    if let Some(phase) = recovery.validating {
        lines.push(Vec::new());
        lines.push(vec![(Role::Focus, format!(" ▸ being validated {phase}"))]);
    }
    for Validation { phase, at, criteria } in recovery.validations.iter().rev() {
        let passed = criteria.iter().filter(|criterion| criterion.passed).count();
        let title = format!(" Validated {phase}  {}  {passed} of {}", at.format("%H:%M:%SZ"), criteria.len());
        lines.push(Vec::new());
        lines.push(vec![(Role::Title, title)]);
        let column = criteria.iter().map(|criterion| text::width(&criterion.what)).max().unwrap_or(0).min(width / 2);
        for criterion in criteria {
            let (mark, role) = match (criterion.passed, criterion.decides) {
                (true, _) => ("✓", Role::Ok),
                (false, true) => ("✖", Role::Bad),
                (false, false) => ("▲", Role::Warn),
            };
            let found = format!("{} · wanted {}", criterion.found, criterion.wanted);
            let mut what = text::left(&criterion.what, column);
            for (row, line) in text::wrap(&found, width.saturating_sub(column + 8)).into_iter().enumerate() {
                let mark = if row == 0 { mark } else { " " };
                let shade = if criterion.passed { Role::Muted } else { role };
                lines.push(vec![(role, format!("  {mark} ")), (Role::Text, what), (shade, format!("  {line}"))]);
                what = " ".repeat(column);
            }
        }
    }
    lines
}

/// What came of it, what still watches, and what can be done now.
fn end(model: &Model, canvas: &mut Canvas, area: Rect, recovery: &Recovery) {
    let mut row = 0;
    let room = usize::from(area.width.saturating_sub(2));
    let (summary, kept): (Vec<Piece>, Vec<Piece>) = (summary(recovery), kept(model, recovery));
    for (role, words) in summary {
        for line in text::wrap(&words, room).into_iter().take(2) {
            canvas.line(area, row, &[(role, format!(" {line}"))]);
            row += 1;
        }
    }
    canvas.line(area, row, &kept);
    let last = area.height.saturating_sub(1);
    let mut at = 1;
    if recovery.is_running() {
        at += canvas.button(
            area,
            last,
            at,
            &model.named_button("cancel", "Stop after step"),
            Target::Action("cancel"),
            false,
        );
    } else if plan_undo(&model.state, recovery).is_ok() {
        at += canvas.button(area, last, at, &model.named_button("undo", "Undo…"), Target::Action("undo"), false);
    }
    canvas.button(area, last, at, "Esc Back", Target::Action("back"), false);
}

/// What came of it, and what still watches.
fn came_of_it(model: &Model, recovery: &Recovery) -> Vec<Piece> {
    summary(recovery).into_iter().chain(kept(model, recovery)).collect()
}

/// What came of it in its own words, once it is over.
fn summary(recovery: &Recovery) -> Vec<Piece> {
    let role = |outcome| match outcome {
        RecoveryOutcome::Succeeded if recovery.lasted() => Role::Ok,
        RecoveryOutcome::Succeeded => Role::Text,
        RecoveryOutcome::Failed | RecoveryOutcome::Cancelled => Role::Bad,
    };
    recovery.ended.map(|(_, outcome)| (role(outcome), recovery.summary.clone())).into_iter().collect()
}

/// What still watches, and what of the state before is kept.
fn kept(model: &Model, recovery: &Recovery) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::new();
    if let Some(until) = recovery.watch_until {
        let left = until - model.now;
        kept.push(if left > TimeDelta::zero() {
            (Role::Focus, format!(" ◷ extended watch: {} left", text::clock(left)))
        } else {
            (Role::Muted, " extended watch is over".to_owned())
        });
    }
    if let Some(why) = &recovery.relapse {
        kept.push((Role::Bad, format!(" it did not last: {why}")));
    } else if let Some(safety) = recovery.safety_snapshot {
        kept.push((Role::Muted, format!("  what stood before is kept in {safety}")));
    }
    if !recovery.is_running()
        && let Err(refusal) = plan_undo(&model.state, recovery)
    {
        kept.push((Role::Muted, format!("  cannot be undone: {}", refusal.message)));
    }
    kept
}

/// Who is behind a recovery: those who agreed to its change, or who started it.
pub(super) fn started_by(model: &Model, recovery: &Recovery) -> String {
    let change = recovery.change.and_then(|id| model.state.changes.get(&id));
    let agreed: Vec<&str> =
        change.iter().flat_map(|change| &change.approvals).map(|approval| approval.operator.as_str()).collect();
    if agreed.is_empty() { recovery.started_by.to_string() } else { agreed.join(" and ") }
}

/// How a recovery goes or went.
pub(super) fn outcome(recovery: &Recovery) -> (Role, &'static str) {
    match recovery.ended {
        None if recovery.cancel_requested => (Role::Warn, "▸ stopping after this step"),
        None => (Role::Focus, "▸ running"),
        Some((_, RecoveryOutcome::Succeeded)) if recovery.lasted() => (Role::Ok, "✓ succeeded"),
        Some((_, RecoveryOutcome::Succeeded)) => (Role::Bad, "✖ did not last"),
        Some((_, RecoveryOutcome::Failed)) => (Role::Bad, "✖ failed"),
        Some((_, RecoveryOutcome::Cancelled)) => (Role::Warn, "▲ stopped"),
    }
}
