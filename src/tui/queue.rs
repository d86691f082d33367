//! What waits for whom: changes and reviews of break-glass, by where they stand for the one who looks.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::{decision::cannot_write, form::Writing, model::Model};
use crate::domain::{BreakGlass, Change, ChangeState, Milestone, Progress};

/// Those that are over, at the end of the list.
const OVER: usize = 20;

/// Where something stands for the one who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// The one who looks could decide it.
    You,
    /// Somebody else has to decide it.
    Others,
    /// It was carried out, and the one who looks can see that it worked, or review it.
    Owed,
    /// It is about to be carried out, or is; or others still owe it something.
    UnderWay,
    /// Nothing more comes of it.
    Over,
}

impl Queue {
    /// All of them, in the order shown.
    pub const ALL: [Self; 5] = [Self::You, Self::Others, Self::Owed, Self::UnderWay, Self::Over];
}

/// What is still to be done about a change that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// Somebody who had no part in it has to see that it worked.
    Validation,
    /// What was learned has to be written down by then.
    Review(DateTime<Utc>),
}

/// Something that stands in the queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Queued<'a> {
    /// A change.
    Change(&'a Change),
    /// A use of break-glass: while it is open, and until two others have reviewed it.
    BreakGlass(&'a BreakGlass),
}

/// What is still owed to a change, the first of it first.
#[must_use]
pub fn owed(change: &Change) -> Option<Owed> {
    match change.state {
        ChangeState::Validating => Some(Owed::Validation),
        _ => change.review_due_at().map(Owed::Review),
    }
}

/// When the fast track wants a change approved, while it does: long before it lapses.
pub fn on_the_track(model: &Model, change: &Change) -> Option<DateTime<Utc>> {
    let incident = model.state.incidents.get(&change.incident?)?;
    let approved = |row: &Progress| row.milestone == Milestone::Approved && row.is_running && change.plan.heals();
    incident.milestones(model.now).into_iter().find(approved).map(|row| row.due_at)
}

impl Queued<'_> {
    /// Its name.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Change(change) => change.id.to_string(),
            Self::BreakGlass(glass) => glass.id.to_string(),
        }
    }

    /// Whether it is meant by what a list is narrowed to.
    #[must_use]
    pub fn is_meant(&self, wanted: impl Fn(&str) -> bool) -> bool {
        wanted(&self.key())
            || match self {
                Self::Change(change) => wanted(&change.title),
                Self::BreakGlass(glass) => wanted(&glass.operator) || wanted("break-glass"),
            }
    }

    /// What comes first within a group: what is late, then what is due soonest, then what is newest.
    fn urgency(&self, queue: Queue, model: &Model) -> impl Ord + use<> {
        let (review, due, since, number) = match self {
            Self::Change(change) => {
                let (review, due) = match (queue, owed(change)) {
                    (Queue::You | Queue::Others, _) => {
                        (None, Some(on_the_track(model, change).unwrap_or(change.expires_at)))
                    }
                    (_, Some(Owed::Review(due))) => (Some(due), Some(due)),
                    (_, Some(Owed::Validation)) => (None, change.ended_at),
                    (Queue::UnderWay, None) => (None, change.execute_by()),
                    (_, None) => (None, None),
                };
                (review, due, change.submitted_at, change.id.0)
            }
            Self::BreakGlass(glass) => {
                let review = glass.review_due_at();
                (review, review.or(glass.is_open().then_some(glass.until)), glass.opened_at, glass.id.0)
            }
        };
        let is_calm = review.is_none_or(|due| due > model.now);
        (is_calm, due, Reverse(since), Reverse(number))
    }
}

impl Model {
    /// Where a change stands for the one who looks.
    #[must_use]
    pub fn queue_of(&self, change: &Change) -> Queue {
        let mine = |owed| match owed {
            Owed::Validation => Writing::Validate(change.id),
            Owed::Review(_) => Writing::Review(change.id),
        };
        match (change.state, owed(change)) {
            (ChangeState::Pending, _) if self.seats(change).is_empty() => Queue::Others,
            (ChangeState::Pending, _) => Queue::You,
            (ChangeState::Approved | ChangeState::Implementing, _) => Queue::UnderWay,
            (_, Some(owed)) if cannot_write(self, &mine(owed)).is_none() => Queue::Owed,
            (_, Some(_)) => Queue::UnderWay,
            (_, None) => Queue::Over,
        }
    }

    /// Where a use of break-glass stands for the one who looks.
    #[must_use]
    pub fn queue_of_break_glass(&self, glass: &BreakGlass) -> Queue {
        match glass.ended {
            None => Queue::UnderWay,
            Some(_) if !glass.is_review_owed() => Queue::Over,
            Some(_) if cannot_write(self, &Writing::ReviewBreakGlass(glass.id)).is_none() => Queue::Owed,
            Some(_) => Queue::UnderWay,
        }
    }

    /// Everything that matters now, by where it stands for the one who looks, each group the most urgent first; then the newest
    /// of what is over.
    #[must_use]
    pub fn queue(&self) -> Vec<(Queue, Queued<'_>)> {
        let changes = self.state.changes.values().map(|change| (self.queue_of(change), Queued::Change(change)));
        let uses = self.state.break_glass.values();
        let uses = uses.map(|glass| (self.queue_of_break_glass(glass), Queued::BreakGlass(glass)));
        let mut queue: Vec<(Queue, Queued)> = changes.chain(uses).collect();
        queue.sort_by_cached_key(|(queue, queued)| (*queue, queued.urgency(*queue, self)));
        let over = queue.iter().position(|(queue, _)| *queue == Queue::Over).unwrap_or(queue.len());
        queue.truncate(over + OVER);
        queue
    }

    /// What stands in the queue under a name.
    #[must_use]
    pub fn queued(&self, key: &str) -> Option<Queued<'_>> {
        let change = key.parse().ok().and_then(|id| self.state.changes.get(&id)).map(Queued::Change);
        let glass = || key.parse().ok().and_then(|id| self.state.break_glass.get(&id)).map(Queued::BreakGlass);
        change.or_else(glass)
    }
}
