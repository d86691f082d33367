//! A book that has changed since a run of it began. A run goes on by the text that it began with; it may take the text of now where
//! nothing that was done by the old one says something else.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    act::{at, holds_role, person},
    record::{Run, RunStepState, StepEnd},
    start::problem,
    walk::resolved,
};
use crate::domain::{Event, Meta, Refusal, RunId, State, next_step, role_name, runbook::Runbook};

/// How a step of a book differs from that of the text to which a run is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepDifference {
    /// Its name.
    pub step: String,
    /// What is different.
    pub what: Difference,
    /// The run has done something at it.
    pub begun: bool,
}

/// What is different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// It is new.
    Added,
    /// It says something else.
    Changed,
    /// It is gone.
    Removed,
}

impl Difference {
    /// In one word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "new",
            Self::Changed => "changed",
            Self::Removed => "gone",
        }
    }
}

/// The steps of a book that are not those of the text to which a run is pinned: in the order of the book, and what is gone at the end.
#[must_use]
pub fn differences(run: &Run, book: &Runbook) -> Vec<StepDifference> {
    let told = |name: &str, what| StepDifference { step: name.to_owned(), what, begun: has_begun(run, name) };
    let now = book.steps().filter_map(|step| match run.book.step(&step.name) {
        None => Some(told(&step.name, Difference::Added)),
        Some(before) => (before.hash != step.hash).then(|| told(&step.name, Difference::Changed)),
    });
    let gone = run.book.steps().filter(|step| book.step(&step.name).is_none());
    now.chain(gone.map(|step| told(&step.name, Difference::Removed))).collect()
}

/// Whether something was run, answered or decided at a step. What was only passed by is still to be done.
fn has_begun(run: &Run, name: &str) -> bool {
    run.step(name).is_some_and(|step| {
        let is_over = match &step.state {
            RunStepState::Pending | RunStepState::Ended { end: StepEnd::Skipped { .. } } => false,
            RunStepState::Asked { .. } | RunStepState::Running { .. } | RunStepState::Ended { .. } => true,
        };
        is_over || !step.attempts.is_empty() || !step.answers.is_empty()
    })
}

/// Decides that a run goes on by the text that its book has now.
pub(in crate::domain) fn rebase(
    state: &State,
    id: RunId,
    found: Option<Arc<Runbook>>,
    seen: Option<&str>,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let current = state.run(id)?.stand.step().unwrap_or_default();
    let (run, _) = at(state, id, current)?;
    let name = person(meta)?;
    let book = found.filter(|book| book.front.id == run.book.front.id).ok_or_else(|| {
        Refusal::new("unknown-runbook", format!("the engine has no {} any more", run.book.front.id))
            .hint("the run goes on by the text that it began with")
    })?;
    if seen.is_some_and(|seen| seen != book.hash) {
        return Err(Refusal::new("runbook-changed", format!("{} has changed once more", book.front.id))
            .hint(format!("look again: codeblue runbook rebase {id} --dry-run")));
    }
    if book.hash == run.book.hash {
        return Ok(Vec::new());
    }
    let roles = [run.book.front.min_role, book.front.min_role];
    if let Some(role) = roles.into_iter().find(|role| !holds_role(state, name, *role)) {
        return Err(
            Refusal::new("role-needed", format!("this takes the {}", role_name(role))).hint(next_step::WHO_HAS_IT)
        );
    }
    let done: Vec<String> = differences(run, &book).into_iter().filter(|one| one.begun).map(|one| one.step).collect();
    if !done.is_empty() {
        return Err(Refusal::new("rebase-done", format!("done by the old text already: {}", done.join(", ")))
            .hint(format!("go on by the text that {id} began with; or end it, and begin a run of the new one")));
    }
    if book.step(current).is_none() {
        return Err(Refusal::new("rebase-place", format!("{id} stands at {current}, which the book has no more"))
            .hint(format!("go on to the next step first: codeblue runbook step {id}")));
    }
    let unfit = book.front.inputs.iter().find_map(|input| match run.values.get(&input.name) {
        None => Some(format!("the book asks for {} now", input.name)),
        Some(value) => problem(Some(&state.platform), input, value),
    });
    if let Some(unfit) = unfit {
        return Err(Refusal::new("run-inputs", unfit)
            .hint(format!("end this run, and begin one with that input: codeblue runbook abandon {id} --reason WHY")));
    }
    let services: BTreeSet<String> =
        book.front.services.iter().filter_map(|service| resolved(&run.values, service)).collect();
    Ok(vec![Event::RunRebased { run: id, book, services: services.into_iter().collect() }])
}
