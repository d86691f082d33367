//! Where a run stands, as the one who looks sees it: which step is looked at, what is awaited of whom, where a step leads.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::{
    domain::{
        AttemptPart, Awaited, Run, RunId, RunStepState, SkipCause, Stand, StepEnd, StepStanding, UnknownAnswer,
        role_name,
        runbook::{OnTrouble, SectionKind, Step, Target, Work},
        standing,
    },
    platform::Role as PersonRole,
    tui::{
        decision::missing,
        model::{Cursor, List, Model, Screen},
        text,
        theme::Role,
    },
};

/// What a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// It is for the one who looks to do something.
    pub mine: bool,
    /// How it looks.
    pub role: Role,
    /// In words.
    pub words: String,
}

/// How a state looks: a sign, a word, a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The sign.
    pub sign: &'static str,
    /// The word.
    pub word: &'static str,
    /// How it looks.
    pub role: Role,
}

impl Model {
    /// The run whose page is open.
    #[must_use]
    pub fn run_here(&self) -> Option<&Run> {
        match self.screen() {
            Screen::Run(id) | Screen::StepWhy(id, _) | Screen::RunText(id) => self.state.runs.get(id).map(Arc::as_ref),
            _ => None,
        }
    }

    /// The step of a run that is looked at: the one at which it stands, unless somebody has turned to another.
    #[must_use]
    pub fn step_looked_at<'a>(&self, run: &'a Run) -> Option<&'a Step> {
        let chosen = self.cursors.get(&List::Steps).and_then(|cursor| run.book.step(&cursor.key));
        let last = || {
            let touched = run.steps.iter().max_by_key(|(_, step)| step.since)?;
            run.book.step(touched.0)
        };
        chosen.or_else(|| run.current()).or_else(last).or_else(|| run.book.steps().next())
    }

    /// Whether the one who looks may do what asks for a role.
    #[must_use]
    pub fn holds(&self, role: PersonRole) -> bool {
        self.me.as_ref().is_some_and(|me| match role {
            PersonRole::Viewer => me.may_act(),
            role => me.can_stand_for(role),
        })
    }

    /// What a run waits for.
    #[must_use]
    pub fn waits(&self, run: &Run) -> Waits {
        let says = |mine, role, words: String| Waits { mine, role, words };
        let Some(step) = run.current() else {
            return match &run.stand {
                Stand::Ended { outcome, .. } => says(false, Role::Text, outcome.to_string()),
                _ => says(false, Role::Unknown, "it stands nowhere".to_owned()),
            };
        };
        let mine = self.holds(step.role);
        let whose = if mine { "you".to_owned() } else { format!("the {}", role_name(step.role)) };
        match standing(&self.state, run, step, self.now) {
            StepStanding::Running(part) => {
                let since = run.step(&step.name).and_then(|known| known.since).unwrap_or(run.moved_at);
                let words = format!("{} runs {}", part_name(part, &step.work), text::clock(self.now - since));
                says(false, Role::Focus, words)
            }
            StepStanding::WaitingApproval(id) => {
                let change = self.state.changes.get(&id);
                let may = change.is_some_and(|change| !self.seats(change).is_empty());
                let who = match change {
                    Some(_) if may => "you".to_owned(),
                    Some(change) => missing(&self.state, change),
                    None => "people".to_owned(),
                };
                let who = if who.is_empty() { "its turn".to_owned() } else { who };
                says(may, Role::Warn, format!("{id} waits for {who}"))
            }
            StepStanding::Blocked(why) => says(mine, Role::Bad, format!("cannot run: {why}")),
            StepStanding::WaitingPerson(Awaited::SecondPerson) => {
                says(mine, Role::Warn, "waits for a second person, who agrees".to_owned())
            }
            StepStanding::WaitingPerson(_) => says(mine, Role::Focus, format!("waits for {whose}")),
            StepStanding::Pending | StepStanding::Ended(_) => match &run.stand {
                Stand::Halted { .. } => says(mine, Role::Bad, format!("HALTED, waits for {whose}")),
                _ => says(mine, Role::Focus, format!("waits for {whose}")),
            },
        }
    }

    /// The open run that every page tells of: one that waits for the one who looks, else the newest.
    #[must_use]
    pub fn run_at_hand(&self) -> Option<&Run> {
        self.state.open_runs().max_by_key(|run| (self.waits(run).mine, run.id))
    }

    /// How long a run has left; negative once its time is over.
    #[must_use]
    pub fn time_left(&self, run: &Run) -> TimeDelta {
        run.until() - self.now
    }

    /// Turns to a step of the run whose page is open; to the one at which it stands, and the page follows it again.
    pub fn turn_to_step(&mut self, place: usize) {
        let Some(run) = self.run_here() else { return };
        let Some(step) = run.book.steps().nth(place) else { return };
        let (key, follows) = (step.name.clone(), run.stand.step() == Some(step.name.as_str()));
        if follows {
            self.cursors.remove(&List::Steps);
        } else {
            self.cursors.insert(List::Steps, Cursor { key, place });
        }
        self.unroll_step();
    }

    /// From a page about the run goes back to the run, where what is done can be seen.
    pub fn back_to_run(&mut self) {
        if matches!(self.screen(), Screen::StepWhy(..) | Screen::RunText(_)) {
            self.screens.pop();
            self.unroll();
        }
    }

    /// Shows the step that is looked at from its first line.
    pub fn unroll_step(&mut self) {
        (self.scroll, self.aside) = (0, 0);
    }
}

/// How a step looks where it is.
#[must_use]
pub fn mark(standing: &StepStanding) -> Mark {
    let (sign, word, role) = match standing {
        StepStanding::Pending => ("·", "", Role::Muted),
        StepStanding::Blocked(_) => ("■", "blocked", Role::Bad),
        StepStanding::WaitingApproval(_) => ("⚑", "approval", Role::Warn),
        StepStanding::WaitingPerson(Awaited::SecondPerson) => ("◇", "2nd person", Role::Warn),
        StepStanding::WaitingPerson(Awaited::Choice) => ("◇", "to choose", Role::Focus),
        StepStanding::WaitingPerson(_) => ("◇", "to do", Role::Focus),
        StepStanding::Running(_) => ("▸", "runs", Role::Focus),
        StepStanding::Ended(end) => match end {
            StepEnd::Ok => ("✓", "ok", Role::Ok),
            StepEnd::OkWarn => ("▲", "ok, warned", Role::Warn),
            StepEnd::Simulated => ("≈", "simulated", Role::Planned),
            StepEnd::Failed { .. } => ("✖", "failed", Role::Bad),
            StepEnd::TimedOut => ("✖", "timed out", Role::Bad),
            StepEnd::Unknown => ("?", "UNKNOWN", Role::Unknown),
            StepEnd::Skipped { cause: SkipCause::AlreadySo { .. } } => ("✓", "already so", Role::Ok),
            StepEnd::Skipped { .. } => ("–", "skipped", Role::Muted),
            StepEnd::DoneByHand { .. } => ("✎", "by hand", Role::Ok),
            StepEnd::Undone { .. } => ("↶", "undone", Role::Warn),
            StepEnd::Cancelled => ("✖", "cancelled", Role::Warn),
        },
    };
    Mark { sign, word, role }
}

/// What of a step runs.
fn part_name(part: AttemptPart, work: &Work) -> &'static str {
    match part {
        AttemptPart::DoneIf => "the check of whether it is done already",
        AttemptPart::Work if work.only_looks() => "the check",
        AttemptPart::Work => "the command",
        AttemptPart::Verify => "the check of whether it has worked",
    }
}

/// Where a step leads that has passed, or a choice.
#[must_use]
pub fn leads(run: &Run, from: &Step, to: &Target) -> String {
    match to {
        Target::Next => following(run, from).map_or_else(|| "the end of the book".to_owned(), said),
        Target::Step(name) => run.book.step(name).map_or_else(|| name.clone(), said),
        Target::Book(id) => format!("book {id}"),
        Target::End => "the end: the run is over".to_owned(),
    }
}

/// Where a step leads that has not passed, or was left out.
#[must_use]
pub fn trouble(run: &Run, from: &Step, on: &OnTrouble) -> String {
    match on {
        OnTrouble::Stop => "the run stops there".to_owned(),
        OnTrouble::Ask => "a person decides".to_owned(),
        OnTrouble::Continue => leads(run, from, &Target::Next),
        OnTrouble::Goto(name) => run.book.step(name).map_or_else(|| name.clone(), said),
        OnTrouble::Rollback => "what was done is taken back, the last first".to_owned(),
        OnTrouble::Escalate => "the next level is called, and the run stops".to_owned(),
    }
}

fn said(step: &Step) -> String {
    format!("{} {}", step.number, step.title)
}

/// The step after one in the order of the book; those of Rollback are only come to by their names.
fn following<'a>(run: &'a Run, from: &Step) -> Option<&'a Step> {
    let sections = run.book.sections.iter().filter(|section| section.kind != SectionKind::Rollback);
    sections.flat_map(|section| &section.steps).find(|step| step.number > from.number)
}

/// What a person may do about a step of which nobody knows what it has done; nothing where that is known.
#[must_use]
pub fn resolutions(run: &Run, step: &Step) -> Vec<(UnknownAnswer, String)> {
    let is_unclear = matches!(run.state_of(&step.name), RunStepState::Ended { end } if end.is_unclear());
    if !is_unclear || run.stand.step() != Some(&step.name) {
        return Vec::new();
    }
    let verify = match step.decider() {
        Some(check) => format!("have its check decide: {check}"),
        None => "have its check decide: it names none, look yourself".to_owned(),
    };
    vec![
        (UnknownAnswer::Verify, verify),
        (UnknownAnswer::RunAgain, "run it again: you have looked, and it was not done".to_owned()),
        (UnknownAnswer::Done, "it is done: you have looked".to_owned()),
    ]
}

/// The place of a step among all of its book.
pub(super) fn place_of(run: &Run, step: &str) -> Option<usize> {
    run.book.steps().position(|known| known.name == step)
}

/// The run of a page, if that is one of a run.
#[must_use]
pub fn run_of(screen: &Screen) -> Option<RunId> {
    match screen {
        Screen::Run(id) | Screen::StepWhy(id, _) | Screen::RunText(id) => Some(*id),
        _ => None,
    }
}
