//! How a run looks on the command line.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    output::Output,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    domain::{
        Run, RunMode, RunStepState, Stand, StepEnd,
        runbook::{Step, Work},
    },
    report::{RunReport, RunStepReport},
};

pub(super) fn time_left(report: &RunReport, now: DateTime<Utc>) -> Cell {
    let left = report.until - now;
    if left < TimeDelta::zero() {
        Cell::painted(format!("OVER by {}", text::span(-left)), Paint::Bad)
    } else {
        Cell::from(text::span(left))
    }
}

pub(super) fn page(output: &Output, run: &Run, report: &RunReport) -> String {
    let incident = report.incident.as_ref().map_or_else(String::new, |incident| format!(" · for {incident}"));
    let drill = match (report.mode, report.drill) {
        (RunMode::Drill, Some(drill)) => format!(" · in {drill}"),
        (RunMode::Drill, None) => " · DRILL".to_owned(),
        (RunMode::Emergency, _) => String::new(),
    };
    let mut page = format!(
        "{}  {} · {}{incident}{drill} · text {}\n{}\n\n",
        output.paint(&report.run.to_string(), Some(Paint::Strong)),
        text::line(&report.book),
        text::line(&report.title),
        text::short(&report.hash),
        output.paint(&text::line(&report.stands), Some(stand_paint(&report.stand))),
    );
    let mut table = Table::new(["", "#", "STEP", "STATE", "BY", "TITLE"]);
    for step in &report.steps {
        let here = Some(step.name.as_str()) == report.stand.step();
        table.row([
            if here { "▶".into() } else { "".into() },
            step.number.to_string().into(),
            Cell::from(&step.name),
            state_cell(step),
            Cell::from(step.by.as_deref().unwrap_or("")),
            Cell::from(&step.title),
        ]);
    }
    page += &table.render(output);
    if let (Some(step), Some(found)) = (run.current(), report.current()) {
        page.push('\n');
        for line in details(run, step, found) {
            page += &text::line(&line);
            page.push('\n');
        }
    }
    page
}

fn stand_paint(stand: &Stand) -> Paint {
    match stand {
        Stand::Halted { .. } => Paint::Bad,
        Stand::Undoing { .. } => Paint::Warn,
        Stand::At { .. } | Stand::Ended { .. } => Paint::Strong,
    }
}

fn state_cell(step: &RunStepReport) -> Cell {
    let paint = match &step.state {
        RunStepState::Ended { end } if end.has_passed() => Paint::Good,
        RunStepState::Ended { end: StepEnd::Skipped { .. } | StepEnd::Undone { .. } } => Paint::Dim,
        RunStepState::Ended { .. } => Paint::Bad,
        RunStepState::Pending => Paint::Dim,
        _ => Paint::Warn,
    };
    Cell::painted(step.standing, paint)
}

/// What somebody has to know who is about to do a step, and how to go on.
pub(super) fn details(run: &Run, step: &Step, found: &RunStepReport) -> Vec<String> {
    let mut lines = vec![format!("{}. {}  ({}: {})", step.number, step.title, step.work.name(), found.how())];
    lines.extend(step.text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(|line| format!("  {line}")));
    lines.extend(step.cautions.iter().map(|caution| format!("  CAUTION {caution}")));
    lines.extend(found.command.iter().map(|command| format!("  $ {command}")));
    match &step.work {
        Work::Manual(manual) => lines.extend((1..).zip(&manual.tasks).map(|(number, task)| {
            let answer = found.answers.get(&number);
            let mark = if answer.is_some() { "[x]" } else { "[ ]" };
            let value =
                answer.and_then(|answer| answer.value.as_ref()).map_or_else(String::new, |said| format!(": {said}"));
            format!("  {mark} {number}. {}{value}", task.text)
        })),
        Work::Decision { choices } => {
            lines.extend((1..).zip(choices).map(|(number, choice)| format!("  {number}. {}", choice.text)));
        }
        _ => {}
    }
    lines.push(String::new());
    lines.extend(next(run, step).into_iter().map(|line| format!("  codeblue runbook {line}")));
    lines
}

/// Commands with which somebody goes on.
fn next(run: &Run, step: &Step) -> Vec<String> {
    let id = run.id;
    let unclear = run.end_of(&step.name).is_some_and(StepEnd::is_unclear);
    let mut next = Vec::new();
    if run.is_busy() {
        return vec![format!("cancel {id} --reason …")];
    }
    if unclear {
        next.push(format!("resolve {id} --verify|--again|--done --reason …"));
    }
    match &step.work {
        Work::Decision { .. } => next.push(format!("answer {id} --choose N")),
        Work::Manual(manual) if !manual.tasks.is_empty() => {
            next.push(format!("answer {id} --tick N   (or --text N=ANSWER), then: codeblue runbook step {id}"));
        }
        _ if run.end_of(&step.name) == Some(&StepEnd::Unknown) => {}
        _ => next.push(format!("step {id}")),
    }
    if !unclear {
        next.push(format!("skip {id} --reason …   or: mark-done {id} --reason …"));
    }
    if let (Some((step, _)), false) = (run.next_undo(), matches!(run.stand, Stand::Undoing { .. })) {
        next.push(format!("undo {id} {} --reason …", step.name));
    }
    next
}
