//! What a step of a runbook says, after it has been read and found right: plain data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Command, Expectation, Input, ServiceRef};
use crate::platform::{Role, seconds};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Unique in the book; how other steps name it.
    pub name: String,
    /// Counted from 1 through the book.
    pub number: usize,
    /// Its heading.
    pub title: String,
    /// Where its heading stands in the file, counted from 1.
    pub line: usize,
    /// Lowest role that may do it.
    pub role: Role,
    /// What is done.
    pub work: Work,
    /// What stands under its heading beside that, as Markdown.
    pub text: String,
    /// What is shown before somebody confirms.
    pub cautions: Vec<String>,
    /// Why it is done, for who asks.
    pub explain: Option<String>,
    /// It is skipped where this does not hold.
    pub when: Option<Condition>,
    /// What comes next when it is skipped.
    pub on_skip: OnTrouble,
    /// Where the run goes on when it has passed.
    pub then: Target,
    /// Steps that must have passed before, beside the order of the book.
    pub needs: Vec<String>,
    /// What a drill does with it.
    pub drill: InDrill,
    /// SHA-256 of the step as it is meant; its number is not in it.
    pub hash: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Work {
    /// Looks, and changes nothing.
    Check(Execution),
    /// Looks again and again until it is as expected.
    Wait(Execution),
    /// Changes something.
    Action(Box<Action>),
    /// Tells people; there is nothing to take back.
    Notify(Execution),
    /// A person does it.
    Manual(Manual),
    /// A person chooses how to go on.
    Decision {
        /// What there is to choose from; at least two.
        choices: Vec<Choice>,
    },
    /// Nothing goes on until somebody has agreed.
    Gate {
        /// Who.
        approval: Approval,
    },
}

/// A command and what is expected of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Program and arguments; no shell.
    pub command: Command,
    /// After so long it is ended.
    #[serde(with = "seconds", rename = "timeoutSeconds")]
    pub timeout: Duration,
    /// All of it has to hold.
    pub expect: Vec<Expectation>,
    /// What it printed when all was well, to compare with.
    pub sample: Option<String>,
    /// How often it is tried again.
    pub retry: Option<Retry>,
    /// What comes next when it fails.
    pub on_fail: OnTrouble,
    /// What comes next when it takes too long; nobody knows then what it has done.
    pub on_timeout: OnTrouble,
    /// What later steps take from what it prints.
    pub sets: Vec<Capture>,
    /// What is kept of what it prints.
    pub evidence: Evidence,
}

/// A command that changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// The command.
    #[serde(flatten)]
    pub execution: Execution,
    /// How deep it cuts.
    pub effect: Change,
    /// How it is taken back.
    pub undo: Undo,
    /// The check that decides whether it worked.
    pub verify: Option<String>,
    /// The check that tells that it is done already.
    pub done_if: Option<String>,
    /// Whose agreement it takes.
    pub approval: Approval,
    /// What is asked before it runs.
    pub confirm: Confirm,
    /// One attempt in a run at most, whatever happens.
    pub once: bool,
    /// It may run again without harm.
    pub idempotent: bool,
    /// How often it may run on one target, over all runs and people.
    pub budget: Option<RateLimit>,
}

/// How deep a change cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It can be taken back, or does no lasting harm.
    Write,
    /// It may destroy something.
    Destructive,
}

/// How a change is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "is")]
pub enum Undo {
    /// By this step.
    Step(String),
    /// Not at all, for this reason.
    None(String),
}

/// Work of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manual {
    /// What is to be done or answered, one after the other; may be empty where the text says it all.
    pub tasks: Vec<Task>,
    /// What it changes and how that is taken back; none when it changes nothing.
    pub changes: Option<(Change, Undo)>,
}

/// One box to tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// What.
    pub text: String,
    /// What has to be answered, for later steps.
    pub answer: Option<Input>,
}

/// One way to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// When it is the right one.
    pub text: String,
    /// Where it leads.
    pub to: Target,
}

/// Where a run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "is")]
pub enum Target {
    /// At the next step.
    Next,
    /// At this step.
    Step(String),
    /// In another book.
    Book(String),
    /// Nowhere: the run is over.
    End,
}

/// What comes next when a step does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "is")]
pub enum OnTrouble {
    /// The run stops.
    Stop,
    /// A person decides.
    Ask,
    /// The next step.
    Continue,
    /// This step.
    Goto(String),
    /// What was done is taken back, last first.
    Rollback,
    /// More people are called, and the run stops.
    Escalate,
}

/// Whose agreement a step takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// Nobody's.
    None,
    /// The change that it goes through has to be approved.
    Change,
    /// A second person who is there.
    SecondPerson,
}

/// What is asked before a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "is")]
pub enum Confirm {
    /// Nothing.
    No,
    /// A yes.
    Yes,
    /// This text, to be typed.
    Typed(String),
}

/// How often and at which pauses something is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How often at most, the first attempt included.
    pub attempts: u32,
    /// The pause after the first.
    #[serde(with = "seconds", rename = "pauseSeconds")]
    pub pause: Duration,
    /// To which it grows, doubling; the same where it does not grow.
    #[serde(with = "seconds", rename = "longestSeconds")]
    pub longest: Duration,
}

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// So often,
    pub times: u32,
    /// within this.
    #[serde(with = "seconds", rename = "withinSeconds")]
    pub within: Duration,
}

/// What a later step takes from what a command printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capture {
    /// The name under which it is known then.
    pub name: String,
    /// The value of the printed JSON document at this pointer; all of what was printed without one.
    pub pointer: Option<String>,
}

/// What is kept of what a command printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// All of it, redacted and bounded.
    Keep,
    /// Its keyed hash.
    Hash,
    /// Nothing.
    None,
}

/// What a drill does with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InDrill {
    /// The same as in an emergency.
    Run,
    /// It takes it as done.
    Simulate,
    /// It leaves it out.
    Skip,
}

/// When a step is not skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Condition {
    /// An input has this value, or any other.
    Input {
        /// Which.
        name: String,
        /// Whether it has to be this value.
        equal: bool,
        /// The value.
        value: String,
    },
    /// A step ended so.
    Step {
        /// Which.
        name: String,
        /// How.
        ended: Ended,
    },
    /// The platform file declares an action of a service.
    Action {
        /// Whose.
        service: ServiceRef,
        /// Its name.
        action: String,
    },
}

/// How a step ended, for conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// It passed, with or without a warning, or was done by hand.
    Ok,
    /// It failed or took too long.
    Failed,
    /// It was not done.
    Skipped,
}

impl Step {
    /// The check that says whether it has worked, where it was cut off.
    #[must_use]
    pub fn decider(&self) -> Option<&str> {
        match &self.work {
            Work::Action(action) => action.verify.as_deref().or(action.done_if.as_deref()),
            _ => None,
        }
    }
}

impl Work {
    /// The command, where one runs.
    #[must_use]
    pub fn execution(&self) -> Option<&Execution> {
        match self {
            Self::Check(execution) | Self::Wait(execution) | Self::Notify(execution) => Some(execution),
            Self::Action(action) => Some(&action.execution),
            Self::Manual(_) | Self::Decision { .. } | Self::Gate { .. } => None,
        }
    }

    /// The action, where it is one.
    #[must_use]
    pub fn action(&self) -> Option<&Action> {
        match self {
            Self::Action(action) => Some(action),
            _ => None,
        }
    }

    /// How deep it cuts; none when it only looks, tells or asks.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        match self {
            Self::Action(action) => Some(action.effect),
            Self::Manual(manual) => manual.changes.as_ref().map(|(change, _)| *change),
            _ => None,
        }
    }

    /// How it is taken back, where it changes something.
    #[must_use]
    pub fn undo(&self) -> Option<&Undo> {
        match self {
            Self::Action(action) => Some(&action.undo),
            Self::Manual(manual) => manual.changes.as_ref().map(|(_, undo)| undo),
            _ => None,
        }
    }

    /// Whose agreement it takes.
    #[must_use]
    pub fn approval(&self) -> Approval {
        match self {
            Self::Action(action) => action.approval,
            Self::Gate { approval } => *approval,
            _ => Approval::None,
        }
    }

    /// Its kind as people say it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Check(_) => "Check",
            Self::Wait(_) => "Wait",
            Self::Action(_) => "Action",
            Self::Notify(_) => "Notify",
            Self::Manual(_) => "Manual",
            Self::Decision { .. } => "Decision",
            Self::Gate { .. } => "Gate",
        }
    }

    /// What it does to the world as people say it; empty where nobody asks.
    #[must_use]
    pub fn effect(&self) -> &'static str {
        match (self, self.change()) {
            (Self::Check(_) | Self::Wait(_), _) => "reads only",
            (_, Some(Change::Write)) => "writes",
            (_, Some(Change::Destructive)) => "destructive",
            _ => "",
        }
    }

    /// Whether it looks at the world and leaves it as it is.
    #[must_use]
    pub fn only_looks(&self) -> bool {
        matches!(self, Self::Check(_) | Self::Wait(_))
    }

    /// Whether a person has to be there for it, whatever the mode.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        matches!(self, Self::Manual(_) | Self::Decision { .. } | Self::Gate { .. })
    }
}
