//! What people decide about a run beside having its steps run: each with a name, and a reason where the book is overridden.

use super::{
    act::{at, begin, begun, holds_role, may, person},
    attempt::AttemptPart,
    record::{RunOutcome, RunStepState, SkipCause, Stand, StepAnswer, StepEnd, UndoCause, UnknownAnswer},
    start::problem,
    walk::{Walk, no_undo},
};
use crate::domain::{
    Event, Meta, Named, Refusal, RunId, State, next_step, role_name,
    runbook::{Approval, InputKind, Manual, Step, Work},
    text,
};

/// Decides that somebody else agrees to the next attempt of a step.
pub(in crate::domain) fn co_sign(state: &State, id: RunId, step: &str, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let (run, step) = at(state, id, step)?;
    let name = person(meta)?;
    if step.work.approval() != Approval::SecondPerson {
        return Err(Refusal::new("no-second-person", format!("{} takes no second person", step.name))
            .hint(format!("have the step run: codeblue runbook step {}", run.id)));
    }
    if !holds_role(state, name, step.role) {
        return Err(Refusal::new("role-needed", format!("the second person is {} too", role_name(step.role)))
            .hint(next_step::WHO_HAS_IT));
    }
    if run.step(&step.name).is_some_and(|known| known.co_signed.as_ref() == Some(&meta.actor)) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::RunStepCoSigned { run: id, step: step.name.clone() }])
}

/// Decides what somebody says at a step.
pub(in crate::domain) fn answer(
    state: &State,
    id: RunId,
    step: &str,
    answer: StepAnswer,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let (run, step) = at(state, id, step)?;
    may(state, run, step, meta)?;
    let answer = right(state, run, step, answer)?;
    let mut walk = Walk::new(state, run, meta);
    let choice = if let StepAnswer::Choice { choice } = answer { Some(choice) } else { None };
    walk.push(Event::RunStepAnswered { run: id, step: step.name.clone(), answer });
    if let (Some(choice), Work::Decision { choices }) = (choice, &step.work)
        && let Some(chosen) = choices.get(choice - 1)
    {
        walk.decided(step, &chosen.to);
    }
    Ok(walk.events())
}

/// An answer as it is kept, once it is one.
fn right(state: &State, run: &super::Run, step: &Step, answer: StepAnswer) -> Result<StepAnswer, Refusal> {
    match (answer, &step.work) {
        (StepAnswer::Choice { choice }, Work::Decision { choices }) => {
            if (1..=choices.len()).contains(&choice) {
                return Ok(StepAnswer::Choice { choice });
            }
            Err(Refusal::new("no-such-choice", format!("{} has the choices 1 to {}", step.name, choices.len()))
                .hint("give one of these numbers"))
        }
        (StepAnswer::Text { task, value }, Work::Manual(manual)) => {
            let asked = task_of(step, manual, task)?.answer.as_ref();
            let asked = asked.ok_or_else(|| {
                Refusal::new("no-answer", format!("task {task} of {} asks for no answer", step.name))
                    .hint(format!("tick it: codeblue runbook answer {} --tick {task}", run.id))
            })?;
            let value = text::line("answer", &value)?;
            match problem(Some(&state.platform), asked, &value) {
                Some(wrong) => {
                    Err(Refusal::new("wrong-answer", wrong).hint("give it once more, as the task asks for it"))
                }
                None => Ok(StepAnswer::Text { task, value }),
            }
        }
        (answer @ (StepAnswer::Tick { task } | StepAnswer::Untick { task }), Work::Manual(manual)) => {
            match &task_of(step, manual, task)?.answer {
                Some(asked) => Err(Refusal::new("answer-needed", format!("task {task} asks for {}", asked.name))
                    .hint(format!("codeblue runbook answer {} --text {task}=…", run.id))),
                None => Ok(answer),
            }
        }
        (StepAnswer::Value { name, value }, _) => {
            let mut sets = run.book.steps().filter_map(|step| step.work.execution()).flat_map(|found| &found.sets);
            let is_set = sets.any(|capture| capture.name == name);
            if !is_set || run.values.contains_key(&name) {
                return Err(Refusal::new("no-such-value", format!("{name} is nothing that a step has still to set"))
                    .hint(format!("see what it still lacks: codeblue runbook show-run {}", run.id)));
            }
            let value = text::line("value", &value)?;
            match InputKind::String.problem(&value) {
                Some(expected) => {
                    Err(Refusal::new("wrong-answer", format!("{name} is {value:?}, expected {expected}"))
                        .hint("give it once more: --value NAME=VALUE"))
                }
                None => Ok(StepAnswer::Value { name, value }),
            }
        }
        _ => Err(Refusal::new("no-answer", format!("{} asks for no such answer", step.name))
            .hint(format!("see what it asks for: codeblue runbook show-run {}", run.id))),
    }
}

fn task_of<'a>(step: &Step, manual: &'a Manual, task: usize) -> Result<&'a crate::domain::runbook::Task, Refusal> {
    task.checked_sub(1).and_then(|index| manual.tasks.get(index)).ok_or_else(|| {
        Refusal::new("no-such-task", format!("{} has the tasks 1 to {}", step.name, manual.tasks.len()))
            .hint("give one of these numbers")
    })
}

/// Decides that a step is left out.
pub(in crate::domain) fn skip(
    state: &State,
    id: RunId,
    step: &str,
    reason: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let (run, step) = overridable(state, id, step, meta)?;
    let reason = text::line("reason", reason)?;
    let mut walk = Walk::new(state, run, meta);
    walk.end(step, &StepEnd::Skipped { cause: SkipCause::Person { reason } });
    Ok(walk.events())
}

/// Decides that a step was done in another way.
pub(in crate::domain) fn mark_done(
    state: &State,
    id: RunId,
    step: &str,
    reason: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let (run, step) = overridable(state, id, step, meta)?;
    if matches!(step.work, Work::Decision { .. }) {
        return Err(Refusal::new("choice-needed", format!("{} is a decision", step.name))
            .hint(format!("choose: codeblue runbook answer {id} --choose N")));
    }
    let reason = text::line("reason", reason)?;
    let mut walk = Walk::new(state, run, meta);
    walk.end(step, &StepEnd::DoneByHand { reason });
    Ok(walk.events())
}

/// The step at which a run stands, where a person may go past it.
fn overridable<'a>(
    state: &'a State,
    id: RunId,
    step: &str,
    meta: &Meta,
) -> Result<(&'a super::Run, &'a Step), Refusal> {
    let (run, step) = at(state, id, step)?;
    may(state, run, step, meta)?;
    if matches!(step.work, Work::Gate { .. }) {
        return Err(Refusal::new("gate", format!("nothing goes past {} until somebody has agreed", step.name))
            .hint(format!("have somebody else agree: codeblue runbook show-run {id} says who may")));
    }
    if run.end_of(&step.name) == Some(&StepEnd::Unknown) {
        return Err(Refusal::new("step-unknown", format!("nobody knows what {} has done", step.name))
            .hint(format!("say so first: codeblue runbook resolve {id} --verify, --again or --done")));
    }
    Ok((run, step))
}

/// Decides that the last change is taken back.
pub(in crate::domain) fn undo(
    state: &State,
    id: RunId,
    step: &str,
    reason: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let run = state.run(id)?;
    let wanted = run.book.step(step).ok_or_else(|| Refusal::unknown(Named::Step, step))?;
    let current = run.stand.step().unwrap_or_default();
    let (run, _) = at(state, id, current)?;
    may(state, run, wanted, meta)?;
    let reason = text::line("reason", reason)?;
    if matches!(run.stand, Stand::Undoing { .. }) {
        return Err(Refusal::new("undoing", format!("{id} takes something back already"))
            .hint(format!("finish that, or leave it out: codeblue runbook skip {id} --reason WHY")));
    }
    if !run.changes.iter().any(|name| name == step) {
        return Err(Refusal::new("not-changed", format!("{step} has changed nothing that still stands"))
            .hint(format!("nothing is left to take back: codeblue runbook show-run {id}")));
    }
    if let Some(why) = no_undo(wanted) {
        return Err(Refusal::new("no-undo", format!("{step} cannot be taken back: {why}"))
            .hint("what it says has to be taken back by hand"));
    }
    let Some((last, by)) = run.next_undo() else { return Ok(Vec::new()) };
    if last.name != step {
        return Err(Refusal::new("undo-order", format!("{} was done after it, and goes back first", last.name))
            .hint(format!("codeblue runbook undo {id} {}", last.name)));
    }
    let to = Stand::Undoing { step: by.to_owned(), undoes: step.to_owned(), cause: UndoCause::Asked };
    let mut walk = Walk::new(state, run, meta);
    walk.push(Event::RunUndoBegun { run: id, step: step.to_owned(), reason });
    walk.go_to(to);
    Ok(walk.events())
}

/// Decides what is made of a step of which nobody knows what it has done.
pub(in crate::domain) fn resolve_unknown(
    state: &State,
    id: RunId,
    step: &str,
    how: UnknownAnswer,
    reason: &str,
    confirmation: Option<&str>,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let (run, step) = at(state, id, step)?;
    may(state, run, step, meta)?;
    if !run.end_of(&step.name).is_some_and(StepEnd::is_unclear) {
        return Err(Refusal::new("step-known", format!("it is known what became of {}", step.name))
            .hint(format!("it has gone on meanwhile: codeblue runbook show-run {id}")));
    }
    let reason = text::line("reason", reason)?;
    let resolved = Event::RunUnknownResolved { run: id, step: step.name.clone(), how, reason: reason.clone() };
    match how {
        UnknownAnswer::RunAgain => begin(state, run, step, confirmation, meta, vec![resolved]),
        UnknownAnswer::Verify => {
            if step.decider().is_none() {
                return Err(Refusal::new("no-verify", format!("{} names no check that would say so", step.name))
                    .hint(format!("look yourself, then say it: codeblue runbook resolve {id} --done or --again")));
            }
            Ok(vec![resolved, begun(run, step, AttemptPart::Verify, false)])
        }
        UnknownAnswer::Done => {
            let mut walk = Walk::new(state, run, meta);
            walk.push(resolved);
            walk.end(step, &StepEnd::DoneByHand { reason });
            Ok(walk.events())
        }
    }
}

/// Decides that what runs is ended.
pub(in crate::domain) fn cancel(
    state: &State,
    id: RunId,
    step: &str,
    reason: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let run = state.run(id)?;
    let found = run.book.step(step).ok_or_else(|| Refusal::unknown(Named::Step, step))?;
    may(state, run, found, meta)?;
    let known =
        run.step(step).filter(|known| matches!(known.state, RunStepState::Asked { .. } | RunStepState::Running { .. }));
    match known {
        None => Err(Refusal::new("step-not-running", format!("{step} does not run"))
            .hint(format!("it has gone on meanwhile: codeblue runbook show-run {id}"))),
        Some(known) if known.cancel.is_some() => Ok(Vec::new()),
        Some(_) => {
            let reason = text::line("reason", reason)?;
            Ok(vec![Event::RunStepCancelRequested { run: id, step: step.to_owned(), reason }])
        }
    }
}

/// Decides that a run is over before its end.
pub(in crate::domain) fn abandon(state: &State, id: RunId, reason: &str, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let run = state.run(id)?;
    let (run, _) = at(state, id, run.stand.step().unwrap_or_default())?;
    let name = person(meta)?;
    if !holds_role(state, name, run.book.front.min_role) {
        let role = role_name(run.book.front.min_role);
        return Err(Refusal::new("role-needed", format!("{id} is ended by the {role}")).hint(next_step::WHO_HAS_IT));
    }
    let reason = text::line("reason", reason)?;
    Ok(vec![Event::RunEnded { run: id, outcome: RunOutcome::Abandoned { reason } }])
}
