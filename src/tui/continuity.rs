//! Critical functions on the board: the most urgent first, what each needs next, and what doing one by hand leads to.

use std::cmp::Reverse;

use chrono::TimeDelta;

use super::{
    model::{List, Model, Screen},
    preview::Foreseen,
    text,
};
use crate::{
    domain::{Fallback, Interruption},
    platform::{CriticalFunction, count},
};

/// How a critical function stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Carried {
    /// The platform carries it.
    ByPlatform,
    /// It is interrupted.
    No {
        /// For how long so far.
        down: TimeDelta,
        /// How much of its longest downtime is used, 1 being all of it.
        used: f64,
    },
}

impl Model {
    /// How a critical function stands now.
    #[must_use]
    pub fn carried(&self, function: &CriticalFunction) -> Carried {
        self.interruption(&function.name).map_or(Carried::ByPlatform, |found| Carried::No {
            down: (self.now - found.since).max(TimeDelta::zero()),
            used: found.used(function, self.now),
        })
    }

    /// The interruption of a function, while there is one.
    #[must_use]
    pub fn interruption(&self, name: &str) -> Option<&Interruption> {
        self.state.continuity.interruptions.get(name)
    }

    /// How a function is done by hand, while it is.
    #[must_use]
    pub fn by_hand(&self, name: &str) -> Option<&Fallback> {
        self.state.continuity.fallbacks.get(name)
    }

    /// All critical functions, the one with the least time left first; those that are carried as the platform file has them.
    #[must_use]
    pub fn functions_by_urgency(&self) -> Vec<&CriticalFunction> {
        let mut all: Vec<&CriticalFunction> = self.state.platform.functions.iter().collect();
        all.sort_by_key(|function| {
            let left = self.interruption(&function.name).map(|found| found.until(function));
            (left.is_none(), left, Reverse(self.by_hand(&function.name).is_some()))
        });
        all
    }

    /// The critical function in question here.
    #[must_use]
    pub fn function(&self) -> Option<&CriticalFunction> {
        let name = match self.screen() {
            Screen::Function(name) => Some(name.clone()),
            Screen::Continuity => self.selected(List::Functions),
            _ => None,
        };
        self.state.platform.function(&name?)
    }

    /// The step of doing the function in question by hand that a tick is about, counted from 1: the selected one, else the first
    /// that is not done.
    #[must_use]
    pub fn next_hand_step(&self) -> Option<usize> {
        let function = self.function()?;
        let by_hand = self.by_hand(&function.name)?;
        if matches!(self.screen(), Screen::Function(_)) {
            return Some(self.selected_place(List::HandSteps) + 1);
        }
        (1..=function.fallback.len()).find(|step| !by_hand.done.contains_key(step))
    }

    /// Puts the cursor on the first step that is not done, on the page of a function.
    pub(super) fn turn_to_next_hand_step(&mut self) {
        let Some(function) = self.function().filter(|_| matches!(self.screen(), Screen::Function(_))) else { return };
        let done = self.by_hand(&function.name).map(|found| &found.done);
        let steps = 1..=function.fallback.len();
        let next = steps.into_iter().find(|step| done.is_none_or(|done| !done.contains_key(step)));
        self.select(List::HandSteps, next.map_or(0, |step| step - 1));
    }

    /// The function whose clock everybody has to see: interrupted, with the least time left.
    #[must_use]
    pub fn pressing_function(&self) -> Option<&CriticalFunction> {
        self.functions_by_urgency().into_iter().next().filter(|function| self.interruption(&function.name).is_some())
    }
}

/// How long a function may be interrupted at most.
#[must_use]
pub fn longest(function: &CriticalFunction) -> String {
    text::span(TimeDelta::from_std(function.max_downtime).unwrap_or(TimeDelta::MAX))
}

/// What doing a function by hand leads to.
pub(super) fn activated(model: &Model, name: &str, foreseen: &mut Foreseen) {
    let Some(function) = model.state.platform.function(name) else { return };
    foreseen.fact(format!("It is on record that {name} are done by hand from now on, and who said so"));
    foreseen.fact(format!("{} to tick off, on its page", count(function.fallback.len(), "step")));
    for contact in &function.contacts {
        foreseen.fact(format!("Call {contact}: nobody is called by this"));
    }
    match model.carried(function) {
        Carried::No { .. } => foreseen.fact("Its clock goes on: it is how long the platform was away"),
        Carried::ByPlatform => foreseen.warn("The platform carries it now: nothing that it needs is down"),
    }
}

/// What not doing a function by hand any more leads to.
pub(super) fn ended(model: &Model, name: &str, foreseen: &mut Foreseen) {
    foreseen.fact("What was written down by hand has to be entered: your note says what and by whom");
    if model.interruption(name).is_some() {
        foreseen.warn(format!("{name} are still interrupted: something that they need is down"));
    }
}
