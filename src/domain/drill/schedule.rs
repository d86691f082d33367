//! When drills are due: monthly, quarterly or yearly from the last that was held to its end. Being due reminds; people hold them.

use std::fmt;

use chrono::{DateTime, Months, Utc};
use serde::{Deserialize, Serialize};

use super::rules;
use crate::domain::{Command, DrillId, Event, Meta, Recorded, Refusal, State};

/// How often a drill is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cadence {
    /// Every month.
    Monthly,
    /// Every three months.
    Quarterly,
    /// Every year.
    Yearly,
}

impl Cadence {
    /// The same day so many months later, or the last of that month.
    fn after(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let months = match self {
            Self::Monthly => 1,
            Self::Quarterly => 3,
            Self::Yearly => 12,
        };
        at.checked_add_months(Months::new(months)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl fmt::Display for Cadence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        })
    }
}

/// When a drill is due next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillPlan {
    /// How often.
    pub every: Cadence,
    /// The next time.
    pub due_at: DateTime<Utc>,
    /// When people were reminded of it.
    pub reminded_at: Option<DateTime<Utc>>,
    /// The last that was held to its end.
    pub last: Option<DrillId>,
}

/// Decides how often a drill is held; the first is due at once.
pub(in crate::domain) fn schedule(
    state: &State,
    file: String,
    every: Cadence,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    rules::on_a_drill_engine(state)?;
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if file.is_empty() || file.len() > 64 || !file.chars().all(named) {
        return Err(
            Refusal::new("drill-file", format!("{file:?} is no id of a drill")).hint("choose one: codeblue drill list")
        );
    }
    if state.drills.planned.get(&file).is_some_and(|plan| plan.every == every) {
        return Ok(Vec::new());
    }
    let held = |drill: &&super::Drill| drill.is_completed_of(&file);
    let last = state.drills.held.values().rev().find(held).and_then(|drill| drill.ended.as_ref());
    let due_at = last.map_or(meta.at, |end| every.after(end.at));
    Ok(vec![Event::DrillScheduled { file, every, due_at }])
}

/// Decides that nobody is reminded of a drill any more.
pub(in crate::domain) fn unschedule(state: &State, file: String) -> Result<Vec<Event>, Refusal> {
    match state.drills.planned.contains_key(&file) {
        true => Ok(vec![Event::DrillUnscheduled { file }]),
        false => Err(Refusal::new("drill-not-scheduled", format!("{file} is not scheduled"))
            .hint("see which are: codeblue drill list")),
    }
}

/// Decides that people are reminded that a drill is due.
pub(in crate::domain) fn remind(state: &State, file: String, now: DateTime<Utc>) -> Vec<Event> {
    let due = state.drills.planned.get(&file).filter(|plan| plan.reminded_at.is_none() && plan.due_at <= now);
    due.map(|plan| Event::DrillDue { file, due_at: plan.due_at }).into_iter().collect()
}

pub(super) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    let ahead = state.drills.planned.iter().filter(|(_, plan)| plan.reminded_at.is_none());
    ahead.map(|(file, plan)| (plan.due_at, Command::RemindOfDrill { file: file.clone() }))
}

impl super::Drill {
    /// Whether it was held to its end, and of this file.
    #[must_use]
    pub fn is_completed_of(&self, file: &str) -> bool {
        self.completed().is_some_and(|reveal| reveal.truth.file == file)
    }

    /// What was told at its end, where it was held to it.
    #[must_use]
    pub fn completed(&self) -> Option<&super::DrillReveal> {
        let end = self.ended.as_ref().filter(|end| end.outcome == super::DrillOutcome::Completed)?;
        end.reveal.as_deref()
    }
}

/// A drill was held to its end: the next is counted from there.
pub(super) fn held(state: &mut State, id: DrillId, at: DateTime<Utc>) {
    let Some(file) = state.drills.held.get(&id).and_then(super::Drill::completed).map(|reveal| &reveal.truth.file)
    else {
        return;
    };
    if let Some(plan) = state.drills.planned.get_mut(file) {
        plan.due_at = plan.every.after(at);
        plan.reminded_at = None;
        plan.last = Some(id);
    }
}

pub(super) fn apply(state: &mut State, recorded: &Recorded) {
    match &recorded.event {
        Event::DrillScheduled { file, every, due_at } => {
            let held = state.drills.held.values().rev().find(|drill| drill.is_completed_of(file));
            let last = held.map(|drill| drill.id);
            let plan = DrillPlan { every: *every, due_at: *due_at, reminded_at: None, last };
            state.drills.planned.insert(file.clone(), plan);
        }
        Event::DrillUnscheduled { file } => {
            state.drills.planned.remove(file);
        }
        Event::DrillDue { file, .. } => {
            if let Some(plan) = state.drills.planned.get_mut(file) {
                plan.reminded_at = Some(recorded.at);
            }
        }
        _ => {}
    }
}
