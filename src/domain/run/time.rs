//! What clocks remind of while a run is open: its time is over, or nothing goes on. They grant nothing and end nothing.

use chrono::{DateTime, TimeDelta, Utc};

use super::record::{Run, RunMark};
use crate::domain::{Command, Event, Meta, RunId, State};

/// What people are still to be reminded of, and when.
fn pending(run: &Run) -> impl Iterator<Item = (RunMark, DateTime<Utc>)> {
    let stalled = run.book.front.escalate_after.and_then(|after| TimeDelta::from_std(after).ok());
    let stalled = stalled.and_then(|after| run.moved_at.checked_add_signed(after)).map(|at| (RunMark::Stalled, at));
    let marks = [(RunMark::TimeUp, run.until())].into_iter().chain(stalled);
    marks.filter(|(mark, _)| run.is_open() && !run.reminded.contains(mark))
}

/// When people are to be reminded.
pub(in crate::domain) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    let open = state.runs.values();
    open.flat_map(|run| pending(run).map(|(mark, at)| (at, Command::RemindOfRun { run: run.id, mark })))
}

/// Decides that people are reminded.
pub(in crate::domain) fn remind(state: &State, id: RunId, mark: RunMark, meta: &Meta) -> Vec<Event> {
    let run = state.runs.get(&id);
    let due = run.is_some_and(|run| pending(run).any(|(other, at)| other == mark && at <= meta.at));
    if due { vec![Event::RunTimeUsed { run: id, mark }] } else { Vec::new() }
}
