//! What can happen to the board, and what it can ask of the world.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    copy::Copied,
    drill::{DrillOffer, DrillWish},
    model::{Mouse, Screen},
    term::{clipboard::Carried, input::Input},
};
use crate::{
    client::{Update, fleet::HostNews},
    diagnosis::patterns::{Seen, SeenPattern},
    domain::{
        ArticleBody, ChangeId, Command, DiagnosisId, ErrorGroup, History, Incident, IncidentId, Operator, Recorded,
        RunId, Snapshot, SnapshotId, Window,
    },
    engine::{Answer, Code, ComponentDifference, DryRun, DryRunRequest, LibraryBook, Reader},
};

/// Something that happened to the board.
#[derive(Debug, Clone)]
pub enum Message {
    /// A person did something.
    Input(Input),
    /// Time has passed.
    Tick,
    /// News from the engine.
    Update(Update),
    /// News of one of many hosts.
    Host(HostNews),
    /// Who we are.
    Me(Option<Operator>),
    /// The journal's last events.
    Journal(Vec<Recorded>),
    /// A command was accepted.
    Accepted(Answer),
    /// Something went wrong, or a rule said no.
    Failed(String),
    /// A command needs a code of the second factor, and why it has none that counts.
    CodeNeeded(Box<Command>, String),
    /// A dry run of a change is here.
    ChangeDryRun(ChangeId, Result<DryRun, String>),
    /// The dry run of what is about to be asked for is here.
    DryRun(Box<Command>, Result<DryRun, String>),
    /// What differs between a snapshot and the live system, or a later one, is here.
    Difference(SnapshotId, Option<SnapshotId>, Result<Vec<ComponentDifference>, String>),
    /// How a service was over a window is here.
    History(String, Window, Result<History, String>),
    /// What the logs of a service say, or of all, is here.
    Patterns(Option<String>, Result<Vec<Seen>, String>),
    /// One pattern is here.
    Pattern(String, Result<SeenPattern, String>),
    /// Snapshots of a component from before those that were here are here.
    OlderSnapshots(String, Result<Vec<Snapshot>, String>),
    /// A snapshot that was not here is here.
    Snapshot(SnapshotId, Result<Box<Snapshot>, String>),
    /// An incident with its whole timeline is here.
    Timeline(IncidentId, Result<Box<Incident>, String>),
    /// What programs have reported of themselves is here.
    Errors(Result<Vec<ErrorGroup>, String>),
    /// The engine has answered after so long, or not at all.
    Reached(Option<Duration>),
    /// What a language model was told is here.
    Prompt(DiagnosisId, Result<String, String>),
    /// Articles were read from files.
    Articles(Vec<(String, ArticleBody)>),
    /// The books of the engine are here.
    Books(Result<Vec<LibraryBook>, String>),
    /// The drills that can be held here are here.
    Drills(Result<Vec<DrillOffer>, String>),
    /// Whoever held a drill has ended, well or with why it was not held.
    DrillLeft(Result<(), String>),
    /// Who follows a run now.
    Readers(RunId, Vec<Reader>),
    /// Something worth a short message.
    Said(String),
    /// What became of a text that was copied.
    Carried(Carried),
    /// A program that had the terminal has ended.
    Returned(Returned),
}

/// What a program that had the terminal left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// A page was read.
    Read(Result<(), String>),
    /// A text was written.
    Written(Result<String, String>),
}

/// A message with the time it came in.
#[derive(Debug, Clone)]
pub struct Timed {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub message: Message,
}

/// Something the board asks of the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Give a command to the engine.
    Submit(Box<Command>),
    /// The same with a code of the second factor.
    SubmitWithCode(Box<Command>, Code),
    /// Find out what a change would do.
    ChangeDryRun(ChangeId),
    /// Find out what a command would change.
    DryRun(DryRunRequest, Box<Command>),
    /// Compare a snapshot with the live system, or with a later one.
    Difference(SnapshotId, Option<SnapshotId>),
    /// Find out how a service was over a window.
    History(String, Window),
    /// Find out what the logs of a service say, or of all.
    Patterns(Option<String>),
    /// Find out more of one pattern.
    Pattern(String),
    /// Get the snapshots of a component from before another one.
    OlderSnapshots(String, SnapshotId),
    /// Get a snapshot that is not here.
    Snapshot(SnapshotId),
    /// Get the whole timeline of an incident.
    Timeline(IncidentId),
    /// Find out what programs have reported of themselves.
    Errors,
    /// Find out how long the engine takes to answer.
    Reach,
    /// Find out what a language model was told for a diagnosis.
    Prompt(DiagnosisId),
    /// Read articles from a file, or from the files of a folder.
    ReadArticles(String),
    /// Write articles into a folder, each with its name.
    WriteArticles(String, Vec<(String, String)>),
    /// Find out which runbooks the engine has.
    Books,
    /// Find out which drills can be held here.
    Drills,
    /// Have a drill held, by a process of its own.
    Hold(Box<DrillWish>),
    /// Inject a fault into the sandbox.
    Inject(String),
    /// Take all faults back.
    Heal,
    /// Follow all hosts.
    FollowHosts,
    /// Become the board of another host's engine, and open a page there.
    Attach(String, Option<Screen>),
    /// Be somebody else of the same login.
    Become(String),
    /// Keep a theme in the settings.
    KeepTheme(String),
    /// Keep in mind that the tour was shown.
    Toured,
    /// Copy a text.
    Copy(Copied),
    /// Copy the page as text.
    CopyPage,
    /// Show the page as text in the pager.
    Page,
    /// Have a text written in the editor.
    Edit(String),
    /// Let the clicks come to the board, or leave them to the terminal.
    Mouse(Mouse),
    /// Ring the terminal's bell.
    Bell,
    /// Paint the whole screen anew.
    Repaint,
    /// Go to the background.
    Suspend,
    /// Leave.
    Quit,
}
