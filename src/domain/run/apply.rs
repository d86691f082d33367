//! What is true of a run after an event.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use super::{
    attempt::{Attempt, AttemptEnd, AttemptFate, AttemptPart, AttemptResult},
    rebase::differences,
    record::{
        Run, RunInput, RunMark, RunOutcome, RunStep, RunStepState, SkipCause, Stand, StepAnswer, StepEnd, TaskAnswer,
    },
};
use crate::domain::{Actor, Event, Recorded, RunId, State, TimelineKind, apply::tell, runbook::Work};

/// Runs that are known at the same time; the oldest of those that are over are forgotten first.
const RUNS_LIMIT: usize = 30;

/// What is true after an event.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let Some(id) = run_of(&recorded.event) else { return };
    if let Some(begun) = begun(&recorded.event, recorded.at, &recorded.actor) {
        state.runs.insert(id, Arc::new(begun));
        forget(state);
    } else if let Some(run) = state.runs.get_mut(&id) {
        change(Arc::make_mut(run), &recorded.event, recorded.at, &recorded.actor);
    }
    let incident = state.runs.get(&id).and_then(|run| run.incident);
    if let (Some(incident), Some(kind)) = (incident, worth_telling(&recorded.event)) {
        tell(state, incident, recorded, kind, recorded.event.summary());
    }
}

/// Keeps the state small: each run holds its book. What is forgotten here is in the journal.
fn forget(state: &mut State) {
    let over: Vec<RunId> = state.runs.values().filter(|run| !run.is_open()).map(|run| run.id).collect();
    for id in over.into_iter().take(state.runs.len().saturating_sub(RUNS_LIMIT)) {
        state.runs.remove(&id);
    }
}

/// The run that an event begins.
pub(super) fn begun(event: &Event, at: DateTime<Utc>, actor: &Actor) -> Option<Run> {
    let Event::RunStarted { run, book, inputs, services, incident, mode, drill } = event else { return None };
    Some(Run {
        id: *run,
        book: book.clone(),
        values: inputs.iter().map(|input| (input.name.clone(), input.value.clone())).collect(),
        services: services.iter().cloned().collect(),
        incident: *incident,
        mode: *mode,
        drill: *drill,
        started_by: actor.clone(),
        started_at: at,
        stand: Stand::At { step: String::new() },
        steps: BTreeMap::new(),
        changes: Vec::new(),
        turn: 0,
        moved_at: at,
        reminded: BTreeSet::new(),
    })
}

/// The run that an event is about.
pub(in crate::domain) fn run_of(event: &Event) -> Option<RunId> {
    match event {
        Event::RunStarted { run, .. }
        | Event::RunRebased { run, .. }
        | Event::RunMoved { run, .. }
        | Event::RunStepBegun { run, .. }
        | Event::RunAttemptBegun { run, .. }
        | Event::RunAttemptEnded { run, .. }
        | Event::RunAttemptLost { run, .. }
        | Event::RunStepEnded { run, .. }
        | Event::RunStepAnswered { run, .. }
        | Event::RunStepCoSigned { run, .. }
        | Event::RunUnknownResolved { run, .. }
        | Event::RunStepCancelRequested { run, .. }
        | Event::RunUndoBegun { run, .. }
        | Event::RunEnded { run, .. }
        | Event::RunTimeUsed { run, .. } => Some(*run),
        _ => None,
    }
}

fn worth_telling(event: &Event) -> Option<TimelineKind> {
    match event {
        Event::RunStarted { .. }
        | Event::RunRebased { .. }
        | Event::RunStepCoSigned { .. }
        | Event::RunUndoBegun { .. } => Some(TimelineKind::State),
        Event::RunStepEnded { end: StepEnd::Skipped { cause: SkipCause::Condition | SkipCause::Drill }, .. } => None,
        Event::RunStepEnded { end, .. } if end.has_passed() => Some(TimelineKind::Good),
        Event::RunStepEnded { end: StepEnd::Skipped { .. } | StepEnd::Undone { .. }, .. } => Some(TimelineKind::State),
        Event::RunStepEnded { .. } | Event::RunTimeUsed { .. } => Some(TimelineKind::Bad),
        Event::RunEnded { outcome: RunOutcome::Completed, .. } => Some(TimelineKind::Good),
        Event::RunEnded { .. } => Some(TimelineKind::State),
        _ => None,
    }
}

/// Makes a run what it is after an event about it.
pub(super) fn change(run: &mut Run, event: &Event, at: DateTime<Utc>, actor: &Actor) {
    if let Event::RunTimeUsed { mark, .. } = event {
        run.reminded.insert(*mark);
        return;
    }
    run.moved_at = at;
    run.reminded.remove(&RunMark::Stalled);
    match event {
        Event::RunRebased { book, services, .. } => {
            for difference in differences(run, book) {
                // Whoever agreed has agreed to what it said.
                if let Some(known) = run.steps.get_mut(&difference.step) {
                    known.co_signed = None;
                }
            }
            run.book = book.clone();
            run.services = services.iter().cloned().collect();
        }
        Event::RunMoved { to, .. } => {
            if let (Stand::At { step } | Stand::Undoing { step, .. }, false) = (to, run.stand == *to) {
                // Who comes back to a step begins it anew; its attempts stay.
                let known = run.steps.entry(step.clone()).or_default();
                let attempts = std::mem::take(&mut known.attempts);
                *known = RunStep { attempts, since: Some(at), ..RunStep::default() };
            }
            run.stand = to.clone();
        }
        Event::RunStepBegun { step, turn, part, proved, .. } => {
            run.turn = *turn;
            let known = set(run, step, RunStepState::Asked { part: *part }, at);
            known.by = Some(actor.clone());
            (known.co_signed, known.cancel, known.proved) = (None, None, *proved);
            if matches!(run.stand, Stand::Halted { .. }) {
                run.stand = Stand::At { step: step.clone() };
            }
        }
        Event::RunAttemptBegun { step, part, target, .. } => {
            let known = set(run, step, RunStepState::Running { part: *part }, at);
            let (by, target) = (known.by.clone(), target.clone());
            known.attempts.push(Attempt { part: *part, at, by, target, fate: AttemptFate::Running });
            if *part == AttemptPart::Work {
                changed(run, step);
            }
        }
        Event::RunAttemptEnded { step, part, result, .. } => {
            let passed = matches!(result.end, AttemptEnd::Passed | AttemptEnd::Warned);
            keep(&mut run.values, &result.captured, passed);
            if let Some(next) = next_part(run, step, *part, result) {
                set(run, step, RunStepState::Asked { part: next }, at);
            }
            fate(run, step, AttemptFate::Ended { at, result: result.clone() });
        }
        Event::RunAttemptLost { step, part, .. } => {
            fate(run, step, AttemptFate::Lost { at });
            if let Some(part) = after_loss(run, step, *part) {
                set(run, step, RunStepState::Asked { part }, at);
            }
        }
        Event::RunStepEnded { step, end, .. } => {
            let known = set(run, step, RunStepState::Ended { end: end.clone() }, at);
            if actor.operator().is_some() {
                known.by = Some(actor.clone());
            }
            match end {
                StepEnd::Undone { .. } => run.changes.retain(|name| name != step),
                StepEnd::Ok | StepEnd::DoneByHand { .. } => changed(run, step),
                _ => {}
            }
        }
        Event::RunStepAnswered { step, answer, .. } => answered(run, step, answer, at, actor),
        Event::RunStepCoSigned { step, .. } => {
            run.steps.entry(step.clone()).or_default().co_signed = Some(actor.clone());
        }
        Event::RunStepCancelRequested { step, reason, .. } => {
            run.steps.entry(step.clone()).or_default().cancel = Some(reason.clone());
        }
        Event::RunEnded { outcome, .. } => run.stand = Stand::Ended { outcome: outcome.clone(), at },
        _ => {}
    }
}

fn set<'a>(run: &'a mut Run, step: &str, state: RunStepState, at: DateTime<Utc>) -> &'a mut RunStep {
    let known = run.steps.entry(step.to_owned()).or_default();
    (known.state, known.since) = (state, Some(at));
    known
}

fn fate(run: &mut Run, step: &str, fate: AttemptFate) {
    let known = run.steps.get_mut(step).and_then(|known| known.attempts.last_mut());
    if let Some(attempt) = known {
        attempt.fate = fate;
    }
}

fn keep(values: &mut BTreeMap<String, String>, captured: &[RunInput], passed: bool) {
    if passed {
        values.extend(captured.iter().map(|found| (found.name.clone(), found.value.clone())));
    }
}

/// What runs after a part of a step has ended, if something does.
pub(super) fn next_part(run: &Run, step: &str, part: AttemptPart, result: &AttemptResult) -> Option<AttemptPart> {
    let Work::Action(action) = &run.book.step(step)?.work else { return None };
    match (part, &result.end) {
        // Only a check that says no lets the step run: one that says nothing does not.
        (AttemptPart::DoneIf, AttemptEnd::Failed { .. }) => Some(AttemptPart::Work),
        (AttemptPart::Work, AttemptEnd::Passed | AttemptEnd::Warned) => {
            action.verify.as_ref().map(|_| AttemptPart::Verify)
        }
        _ => None,
    }
}

/// What runs after the engine died while a part of a step ran; nothing where a person has to say what it has done.
pub(super) fn after_loss(run: &Run, step: &str, part: AttemptPart) -> Option<AttemptPart> {
    let step = run.book.step(step)?;
    match part {
        AttemptPart::DoneIf | AttemptPart::Verify => Some(part),
        AttemptPart::Work if step.work.only_looks() => Some(part),
        AttemptPart::Work => step.decider().map(|_| AttemptPart::Verify),
    }
}

/// Remembers that a step has changed something, or may have, in the order in which that is taken back.
fn changed(run: &mut Run, step: &str) {
    let changes = run.book.step(step).is_some_and(|step| step.work.change().is_some());
    // What takes something back is itself not taken back.
    if changes && !matches!(run.stand, Stand::Undoing { .. }) {
        run.changes.retain(|name| name != step);
        run.changes.push(step.to_owned());
    }
}

fn answered(run: &mut Run, step: &str, answer: &StepAnswer, at: DateTime<Utc>, by: &Actor) {
    let said = |value: Option<&String>| TaskAnswer { at, by: by.clone(), value: value.cloned() };
    let asked = |task: usize| match &run.book.step(step)?.work {
        Work::Manual(manual) => manual.tasks.get(task.checked_sub(1)?)?.answer.as_ref().map(|asked| asked.name.clone()),
        _ => None,
    };
    match answer {
        StepAnswer::Tick { task } => {
            run.steps.entry(step.to_owned()).or_default().answers.insert(*task, said(None));
        }
        StepAnswer::Untick { task } => {
            run.steps.entry(step.to_owned()).or_default().answers.remove(task);
        }
        StepAnswer::Text { task, value } => {
            let name = asked(*task);
            run.steps.entry(step.to_owned()).or_default().answers.insert(*task, said(Some(value)));
            run.values.extend(name.map(|name| (name, value.clone())));
        }
        StepAnswer::Choice { choice } => {
            run.steps.entry(step.to_owned()).or_default().answers.insert(*choice, said(None));
        }
        StepAnswer::Value { name, value } => {
            run.values.insert(name.clone(), value.clone());
        }
    }
}
