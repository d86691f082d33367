//! What a run is: where it stands, and what became of each step.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, AttemptPart};
use crate::domain::{
    Actor, DrillId, IncidentId, RunId,
    runbook::{Runbook, Step, Undo},
};

/// One walk through a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// The book, as it was when the run began.
    pub book: Arc<Runbook>,
    /// What commands are filled with: inputs, answers, and what steps have printed. No secret is among them.
    pub values: BTreeMap<String, String>,
    /// The services that its steps may act on.
    pub services: BTreeSet<String>,
    /// The incident it is for.
    pub incident: Option<IncidentId>,
    /// In earnest or as a drill.
    pub mode: RunMode,
    /// The drill that was on when it began, and that it is part of.
    #[serde(default)]
    pub drill: Option<DrillId>,
    /// Who began it.
    pub started_by: Actor,
    /// When.
    pub started_at: DateTime<Utc>,
    /// Where it stands.
    pub stand: Stand,
    /// What became of each step that the run has come to, by its name.
    pub steps: BTreeMap<String, RunStep>,
    /// Steps that have changed something, or may have, and were not taken back; the last one last.
    pub changes: Vec<String>,
    /// How often somebody had a step run: tells one time from the next.
    pub turn: u32,
    /// When it last went on.
    pub moved_at: DateTime<Utc>,
    /// What people were reminded of.
    pub reminded: BTreeSet<RunMark>,
}

/// Whether it is in earnest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunMode {
    /// In an emergency.
    #[default]
    Emergency,
    /// To practise: steps say themselves what a drill does with them.
    Drill,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum Stand {
    /// At this step.
    At {
        /// Its name.
        step: String,
    },
    /// At a step that takes another one back.
    Undoing {
        /// The step that does so.
        step: String,
        /// The one that is taken back.
        undoes: String,
        /// What it is part of.
        cause: UndoCause,
    },
    /// At this step, and a person has to decide how it goes on.
    Halted {
        /// Its name.
        step: String,
        /// Why.
        halt: Halt,
    },
    /// It is over.
    Ended {
        /// How.
        outcome: RunOutcome,
        /// When.
        at: DateTime<Utc>,
    },
}

/// What an undo is part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum UndoCause {
    /// A person wants this one step back.
    Asked,
    /// All that was done goes back, the last first, because a step failed.
    Rollback {
        /// That step.
        failed: String,
    },
}

/// Why a person has to decide how a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Halt {
    /// The step did not pass, and the book says that the run stops there.
    Stopped,
    /// It did not pass, and the book leaves it to a person.
    Asked,
    /// It did not pass, and more people were called.
    Escalated,
    /// Nobody knows what it has done.
    Unknown,
    /// Somebody has ended it before its time.
    Cancelled,
    /// It was taken back.
    Undone,
    /// It was to be taken back, and was not.
    NotUndone,
    /// All that could be taken back was.
    RolledBack,
    /// The conditions of the book lead in a circle.
    Circle,
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stopped => "it did not pass, and the run stops here",
            Self::Asked => "it did not pass; a person decides",
            Self::Escalated => "it did not pass, and the next level was called",
            Self::Unknown => "nobody knows what it has done",
            Self::Cancelled => "it was ended before its time",
            Self::Undone => "it was taken back",
            Self::NotUndone => "it was NOT taken back",
            Self::RolledBack => "what could be taken back was",
            Self::Circle => "the conditions of the book lead in a circle",
        })
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum RunOutcome {
    /// The book was walked to its end.
    Completed,
    /// It goes on in another book.
    ContinuedIn {
        /// Its id.
        book: String,
    },
    /// A person ended it.
    Abandoned {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::ContinuedIn { book } => write!(f, "goes on in {book}"),
            Self::Abandoned { reason } => write!(f, "abandoned: {reason}"),
        }
    }
}

/// What became of one step in a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStep {
    /// Where it is.
    pub state: RunStepState,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// Who had it run, or decided on it.
    pub by: Option<Actor>,
    /// Each time a program was begun for it, the oldest first.
    pub attempts: Vec<Attempt>,
    /// What was ticked and answered, by task, counted from 1.
    pub answers: BTreeMap<usize, TaskAnswer>,
    /// The second person who agreed to the next attempt.
    pub co_signed: Option<Actor>,
    /// Why somebody wants what runs to be ended.
    pub cancel: Option<String>,
    /// Whoever had it run gave a code of the second factor for it.
    #[serde(default)]
    pub proved: bool,
}

/// Where a step is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum RunStepState {
    /// The run has not come to it, or nobody has had it run.
    #[default]
    Pending,
    /// Somebody wants it run, and no program was begun yet.
    Asked {
        /// What is run next.
        part: AttemptPart,
    },
    /// A program runs, or did when the engine was last heard of.
    Running {
        /// Which.
        part: AttemptPart,
    },
    /// It is over.
    Ended {
        /// How.
        end: StepEnd,
    },
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum StepEnd {
    /// It passed.
    Ok,
    /// It passed, and told of something to look at.
    OkWarn,
    /// A drill took it as done.
    Simulated,
    /// It did not pass.
    Failed {
        /// Why.
        why: String,
    },
    /// It took too long, and nobody knows what it has done.
    TimedOut,
    /// Its program was begun and no end of it is known.
    Unknown,
    /// It was not done.
    Skipped {
        /// Why.
        cause: SkipCause,
    },
    /// A person did it in another way.
    DoneByHand {
        /// Why.
        reason: String,
    },
    /// It was taken back.
    Undone {
        /// The step that did so.
        by: String,
    },
    /// Somebody ended it before its time.
    Cancelled,
}

/// Why a step was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum SkipCause {
    /// Its condition does not hold.
    Condition,
    /// It was done already, as a check says.
    AlreadySo {
        /// The check.
        check: String,
    },
    /// A drill leaves it out.
    Drill,
    /// A person left it out.
    Person {
        /// Why.
        reason: String,
    },
}

impl StepEnd {
    /// Whether what the step is for is so.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        match self {
            Self::Ok | Self::OkWarn | Self::Simulated | Self::DoneByHand { .. } => true,
            Self::Skipped { cause } => matches!(cause, SkipCause::AlreadySo { .. }),
            Self::Failed { .. } | Self::TimedOut | Self::Unknown | Self::Undone { .. } | Self::Cancelled => false,
        }
    }

    /// Whether a person has to say what it has done.
    #[must_use]
    pub fn is_unclear(&self) -> bool {
        matches!(self, Self::Unknown | Self::TimedOut | Self::Cancelled)
    }

    /// In one word or two.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::OkWarn => "ok, warned",
            Self::Simulated => "simulated",
            Self::Failed { .. } => "failed",
            Self::TimedOut => "timed out",
            Self::Unknown => "unknown",
            Self::Skipped { .. } => "skipped",
            Self::DoneByHand { .. } => "done by hand",
            Self::Undone { .. } => "undone",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for StepEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Failed { why } => write!(f, ": {why}"),
            Self::DoneByHand { reason } => write!(f, ": {reason}"),
            Self::Undone { by } => write!(f, " by {by}"),
            Self::Skipped { cause: SkipCause::Condition } => f.write_str(": its condition does not hold"),
            Self::Skipped { cause: SkipCause::AlreadySo { check } } => write!(f, ": it is so already, says {check}"),
            Self::Skipped { cause: SkipCause::Drill } => f.write_str(": a drill leaves it out"),
            Self::Skipped { cause: SkipCause::Person { reason } } => write!(f, ": {reason}"),
            _ => Ok(()),
        }
    }
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunInput {
    /// As the book names it.
    pub name: String,
    /// What it is.
    pub value: String,
}

/// What somebody says at a step; tasks and choices are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum StepAnswer {
    /// A task is done.
    Tick {
        /// Which.
        task: usize,
    },
    /// It is not, after all.
    Untick {
        /// Which.
        task: usize,
    },
    /// The answer that a task asks for.
    Text {
        /// Which.
        task: usize,
        /// The answer.
        value: String,
    },
    /// How a decision goes.
    Choice {
        /// Which of its choices.
        choice: usize,
    },
    /// What an earlier step should have told later ones, and has not.
    Value {
        /// As commands name it.
        name: String,
        /// What it is.
        value: String,
    },
}

/// What was answered to a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskAnswer {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Actor,
    /// The answer, where one was asked for.
    pub value: Option<String>,
}

/// What a person does about a step of which nobody knows what it has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownAnswer {
    /// Have its check decide.
    Verify,
    /// Run it again.
    RunAgain,
    /// It is done.
    Done,
}

/// A point at which people are reminded of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunMark {
    /// The time for the whole book is over.
    TimeUp,
    /// Nothing has gone on for as long as the book says that it may.
    Stalled,
}

impl Stand {
    /// The step at which it stands; none when it is over.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::At { step } | Self::Undoing { step, .. } | Self::Halted { step, .. } => Some(step),
            Self::Ended { .. } => None,
        }
    }
}

impl Run {
    /// Whether it is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.stand, Stand::Ended { .. })
    }

    /// The step at which it stands.
    #[must_use]
    pub fn current(&self) -> Option<&Step> {
        self.book.step(self.stand.step()?)
    }

    /// What became of a step.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&RunStep> {
        self.steps.get(name)
    }

    /// Where a step is.
    #[must_use]
    pub fn state_of(&self, name: &str) -> &RunStepState {
        self.steps.get(name).map_or(&RunStepState::Pending, |step| &step.state)
    }

    /// How a step ended, if it has.
    #[must_use]
    pub fn end_of(&self, name: &str) -> Option<&StepEnd> {
        match self.state_of(name) {
            RunStepState::Ended { end } => Some(end),
            _ => None,
        }
    }

    /// Whether a program runs for it, or is about to.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let busy =
            |step: &str| matches!(self.state_of(step), RunStepState::Asked { .. } | RunStepState::Running { .. });
        self.stand.step().is_some_and(busy)
    }

    /// Whether nothing goes on until a person does something, or ever. Between the events of one command it may be neither busy nor
    /// at rest.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        match &self.stand {
            Stand::At { step } | Stand::Undoing { step, .. } => *self.state_of(step) == RunStepState::Pending,
            Stand::Halted { step, .. } => matches!(self.state_of(step), RunStepState::Ended { .. }),
            Stand::Ended { .. } => true,
        }
    }

    /// The step that would be taken back next, and the step that does so.
    #[must_use]
    pub fn next_undo(&self) -> Option<(&Step, &str)> {
        self.changes.iter().rev().find_map(|name| {
            let step = self.book.step(name)?;
            match step.work.undo()? {
                Undo::Step(by) => Some((step, by.as_str())),
                Undo::None(_) => None,
            }
        })
    }

    /// Until when the book should have been walked through.
    #[must_use]
    pub fn until(&self) -> DateTime<Utc> {
        let budget = TimeDelta::from_std(self.book.front.time_budget).unwrap_or(TimeDelta::MAX);
        self.started_at.checked_add_signed(budget).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Each time a program was begun to do a step.
    pub(super) fn works(&self, name: &str) -> impl Iterator<Item = &Attempt> {
        let attempts = self.steps.get(name).map(|step| step.attempts.as_slice()).unwrap_or_default();
        attempts.iter().filter(|attempt| attempt.part == AttemptPart::Work)
    }
}
