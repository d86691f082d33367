//! What people see of a step: where it is, and what it waits for. It follows from the state alone.

use chrono::{DateTime, Utc};

use super::{
    act::blocked,
    attempt::AttemptPart,
    record::{Run, RunMode, RunStepState, StepEnd},
};
use crate::domain::{
    ChangeId, ChangeState, State, Step as PlanStep,
    runbook::{Approval, Confirm, InDrill, Step, Work},
};

/// What people see of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepStanding {
    /// The run has not come to it.
    Pending,
    /// The run stands at it, and something keeps it from running.
    Blocked(String),
    /// It waits for people to approve this change.
    WaitingApproval(ChangeId),
    /// It waits for a person.
    WaitingPerson(Awaited),
    /// A program runs, for this part.
    Running(AttemptPart),
    /// It is over.
    Ended(StepEnd),
}

/// What a person is awaited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// To have it run: nothing is asked.
    Run,
    /// To have it run, and to type this before.
    Confirmation(String),
    /// Somebody else, to agree.
    SecondPerson,
    /// To do it, and say so.
    Tasks,
    /// To choose.
    Choice,
    /// To agree, or have a change agreed to.
    Gate,
}

impl Run {
    /// Whether what a step runs asks whoever has a second factor for a code of it. It does not where a drill runs nothing.
    #[must_use]
    pub fn asks_for_code(&self, step: &Step) -> bool {
        let runs = self.mode != RunMode::Drill || step.drill == InDrill::Run;
        runs && step.work.execution().is_some_and(|execution| execution.command.asks_for_code(&self.values))
    }
}

impl StepStanding {
    /// In one word or two.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Blocked(_) => "blocked",
            Self::WaitingApproval(_) => "waiting for approval",
            Self::WaitingPerson(_) => "waiting for a person",
            Self::Running(_) => "running",
            Self::Ended(end) => end.word(),
        }
    }
}

/// The program and its arguments of a step, as they would run now; none where something is not known or nothing runs.
#[must_use]
pub fn command_of(run: &Run, step: &Step) -> Option<Vec<String>> {
    step.work.execution()?.command.filled(&run.values).ok()
}

/// What people see of a step now.
#[must_use]
pub fn standing(state: &State, run: &Run, step: &Step, now: DateTime<Utc>) -> StepStanding {
    match run.state_of(&step.name) {
        RunStepState::Ended { end } => StepStanding::Ended(end.clone()),
        RunStepState::Asked { part } => StepStanding::Running(*part),
        RunStepState::Running { part } => match waits_for_change(state, run, step) {
            Some(change) if *part == AttemptPart::Work => StepStanding::WaitingApproval(change),
            _ => StepStanding::Running(*part),
        },
        RunStepState::Pending if run.stand.step() != Some(&step.name) => StepStanding::Pending,
        RunStepState::Pending => match blocked(state, run, step, now) {
            Err(refusal) => StepStanding::Blocked(refusal.message),
            Ok(()) => StepStanding::WaitingPerson(awaited(run, step)),
        },
    }
}

fn awaited(run: &Run, step: &Step) -> Awaited {
    let alone = run.step(&step.name).is_none_or(|known| known.co_signed.is_none());
    match &step.work {
        Work::Manual(_) => Awaited::Tasks,
        Work::Decision { .. } => Awaited::Choice,
        Work::Gate { approval } if *approval != Approval::SecondPerson || !alone => Awaited::Gate,
        work if work.approval() == Approval::SecondPerson && alone => Awaited::SecondPerson,
        Work::Action(action) => match &action.confirm {
            Confirm::No => Awaited::Run,
            Confirm::Yes => Awaited::Confirmation("yes".to_owned()),
            Confirm::Typed(text) => Awaited::Confirmation(text.clone()),
        },
        _ => Awaited::Run,
    }
}

/// The change that what a step runs waits for: one that its command asks for, or that whoever runs it has asked for meanwhile.
#[must_use]
pub fn waits_for_change(state: &State, run: &Run, step: &Step) -> Option<ChangeId> {
    if step.work.approval() != Approval::Change {
        return None;
    }
    let attempt = run.step(&step.name)?.attempts.last()?;
    let action = step.work.execution().and_then(|execution| execution.command.declared_action());
    let action = action.and_then(|(service, action)| Some((super::walk::resolved(&run.values, &service)?, action)));
    let waiting = state.changes.values().rev().filter(|change| {
        matches!(change.state, ChangeState::Pending | ChangeState::Approved) && change.incident == run.incident
    });
    let asked_for = |plan: &crate::domain::Plan| {
        let Some((service, action)) = &action else { return false };
        let does = |step: &PlanStep| matches!(step, PlanStep::RunAction { service: on, action: named } if on == service && named == action);
        plan.steps.iter().any(does)
    };
    let mut found = waiting.filter(|change| {
        let own = Some(&change.requester) == attempt.by.as_ref() && change.submitted_at >= attempt.at;
        if action.is_some() { asked_for(&change.plan) } else { own }
    });
    found.next().map(|change| change.id)
}
