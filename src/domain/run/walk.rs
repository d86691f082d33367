//! Where a run goes on. Each turn is an event, so a replay goes the same way.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    apply::change,
    record::{Halt, Run, RunMode, RunOutcome, SkipCause, Stand, StepEnd, UndoCause},
};
use crate::domain::{
    Actor, Event, Meta, State,
    runbook::{Condition, Ended, InDrill, OnTrouble, SectionKind, ServiceRef, Step, Target, Undo},
};

/// A run on its way: each event is true for the next decision.
pub(super) struct Walk<'a> {
    state: &'a State,
    run: Run,
    at: DateTime<Utc>,
    actor: &'a Actor,
    events: Vec<Event>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(state: &'a State, run: &Run, meta: &'a Meta) -> Self {
        Self { state, run: run.clone(), at: meta.at, actor: &meta.actor, events: Vec::new() }
    }

    pub(super) fn events(self) -> Vec<Event> {
        self.events
    }

    pub(super) fn push(&mut self, event: Event) {
        change(&mut self.run, &event, self.at, self.actor);
        self.events.push(event);
    }

    /// Ends a step and goes on as the book says.
    pub(super) fn end(&mut self, step: &Step, end: &StepEnd) {
        self.set_end(&step.name, end.clone());
        match (&self.run.stand, end) {
            (Stand::Undoing { undoes, cause, .. }, end) => {
                let (undoes, cause) = (undoes.clone(), cause.clone());
                self.undo_ended(&step.name, &undoes, cause, end);
            }
            (_, StepEnd::Unknown) => self.halt(&step.name, Halt::Unknown),
            (_, StepEnd::Cancelled) => self.halt(&step.name, Halt::Cancelled),
            (_, StepEnd::TimedOut) => {
                let on = step.work.execution().map_or(OnTrouble::Ask, |execution| execution.on_timeout.clone());
                self.trouble(&step.name, &on);
            }
            (_, StepEnd::Failed { .. }) => {
                let on = step.work.execution().map_or(OnTrouble::Ask, |execution| execution.on_fail.clone());
                self.trouble(&step.name, &on);
            }
            (_, StepEnd::Skipped { cause: SkipCause::Person { .. } }) => match &step.on_skip {
                OnTrouble::Goto(name) => self.arrive(&name.clone()),
                _ => self.next(&step.name),
            },
            _ => self.go(&step.name, &step.then.clone()),
        }
    }

    /// Ends a decision and goes where it leads.
    pub(super) fn decided(&mut self, step: &Step, to: &Target) {
        self.set_end(&step.name, StepEnd::Ok);
        self.go(&step.name, to);
    }

    /// Takes back all that was done, the last first.
    pub(super) fn roll_back(&mut self, failed: &str) {
        let next = self.run.next_undo().map(|(step, by)| (step.name.clone(), by.to_owned()));
        match next {
            Some((undoes, step)) => {
                let cause = UndoCause::Rollback { failed: failed.to_owned() };
                self.go_to(Stand::Undoing { step, undoes, cause });
            }
            None => self.halt(failed, Halt::RolledBack),
        }
    }

    pub(super) fn go_to(&mut self, to: Stand) {
        let run = self.run.id;
        self.push(Event::RunMoved { run, to });
    }

    fn set_end(&mut self, step: &str, end: StepEnd) {
        let run = self.run.id;
        self.push(Event::RunStepEnded { run, step: step.to_owned(), end });
    }

    fn halt(&mut self, step: &str, halt: Halt) {
        self.go_to(Stand::Halted { step: step.to_owned(), halt });
    }

    fn undo_ended(&mut self, by: &str, undoes: &str, cause: UndoCause, end: &StepEnd) {
        if !end.has_passed() {
            return self.halt(undoes, Halt::NotUndone);
        }
        self.set_end(undoes, StepEnd::Undone { by: by.to_owned() });
        match cause {
            UndoCause::Asked => self.halt(undoes, Halt::Undone),
            UndoCause::Rollback { failed } => self.roll_back(&failed),
        }
    }

    fn trouble(&mut self, step: &str, on: &OnTrouble) {
        match on {
            OnTrouble::Stop => self.halt(step, Halt::Stopped),
            OnTrouble::Ask => self.halt(step, Halt::Asked),
            OnTrouble::Escalate => self.halt(step, Halt::Escalated),
            OnTrouble::Rollback => self.roll_back(step),
            OnTrouble::Continue => self.next(step),
            OnTrouble::Goto(name) => self.arrive(name),
        }
    }

    fn go(&mut self, from: &str, to: &Target) {
        match to {
            Target::Next => self.next(from),
            Target::Step(name) => self.arrive(name),
            Target::Book(book) => self.finish(RunOutcome::ContinuedIn { book: book.clone() }),
            Target::End => self.finish(RunOutcome::Completed),
        }
    }

    fn next(&mut self, from: &str) {
        match following(&self.run, from) {
            Some(name) => self.arrive(&name),
            None => self.finish(RunOutcome::Completed),
        }
    }

    fn finish(&mut self, outcome: RunOutcome) {
        let run = self.run.id;
        self.push(Event::RunEnded { run, outcome });
    }

    /// Comes to the first step.
    pub(super) fn begin(&mut self) {
        let first = main_steps(&self.run).next().map(|step| step.name.clone());
        match first {
            Some(first) => self.arrive(&first),
            None => self.finish(RunOutcome::Completed),
        }
    }

    /// Comes to a step, or past it where its condition does not hold.
    fn arrive(&mut self, name: &str) {
        let mut name = name.to_owned();
        for _ in 0..=self.run.book.steps().count() {
            let book = self.run.book.clone();
            let Some(step) = book.step(&name) else { return };
            let cause = if self.run.mode == RunMode::Drill && step.drill == InDrill::Skip {
                SkipCause::Drill
            } else if self.holds(step.when.as_ref()) {
                return self.go_to(Stand::At { step: name });
            } else {
                SkipCause::Condition
            };
            let on_skip = if cause == SkipCause::Drill { &OnTrouble::Continue } else { &step.on_skip };
            self.set_end(&name, StepEnd::Skipped { cause: cause.clone() });
            let onward = match on_skip {
                OnTrouble::Goto(name) => Some(name.clone()),
                OnTrouble::Continue => following(&self.run, &name),
                other => return self.trouble(&name, other),
            };
            match onward {
                Some(onward) => name = onward,
                None => return self.finish(RunOutcome::Completed),
            }
        }
        self.halt(&name, Halt::Circle);
    }

    fn holds(&self, when: Option<&Condition>) -> bool {
        match when {
            None => true,
            Some(Condition::Input { name, equal, value }) => (self.run.values.get(name) == Some(value)) == *equal,
            Some(Condition::Step { name, ended }) => self.run.end_of(name).is_some_and(|end| match ended {
                Ended::Ok => end.has_passed(),
                Ended::Failed => matches!(end, StepEnd::Failed { .. } | StepEnd::TimedOut),
                Ended::Skipped => matches!(end, StepEnd::Skipped { .. }),
            }),
            Some(Condition::Action { service, action }) => {
                let service = resolved(&self.run.values, service).and_then(|name| self.state.platform.service(&name));
                service.is_some_and(|service| service.actions.iter().any(|declared| declared.name == *action))
            }
        }
    }
}

/// The steps that a run comes to by itself: those of Rollback run only when they are named.
fn main_steps(run: &Run) -> impl Iterator<Item = &Step> {
    let sections = run.book.sections.iter().filter(|section| section.kind != SectionKind::Rollback);
    sections.flat_map(|section| &section.steps)
}

/// The step after one in the order of the book.
fn following(run: &Run, from: &str) -> Option<String> {
    let number = run.book.step(from)?.number;
    main_steps(run).find(|step| step.number > number).map(|step| step.name.clone())
}

/// A service by its name, where that is known.
pub(super) fn resolved(values: &BTreeMap<String, String>, service: &ServiceRef) -> Option<String> {
    match service {
        ServiceRef::Name(name) => Some(name.clone()),
        ServiceRef::Input(name) => values.get(name).cloned(),
    }
}

/// Why a step cannot be taken back, where it cannot.
pub(super) fn no_undo(step: &Step) -> Option<&str> {
    match step.work.undo() {
        Some(Undo::Step(_)) => None,
        Some(Undo::None(why)) => Some(why),
        None => Some("it changes nothing"),
    }
}
