//! Planned work: which services are worked on now, and when they will be in the next two weeks.

use chrono::TimeDelta;

use super::model::{List, Model, Screen};
use crate::domain::{CalendarEntry, calendar};

/// How far the calendar looks ahead.
pub const AHEAD: TimeDelta = TimeDelta::days(14);
/// Age at which what is looked at is worked out anew.
const RENEW: TimeDelta = TimeDelta::seconds(10);
/// Times that are shown at most: more than anybody reads.
pub const MOST: usize = 2_000;

/// What a row of planned work is known by, whatever comes before it.
#[must_use]
pub fn key(work: &CalendarEntry) -> String {
    let when = if work.in_force() { "now".to_owned() } else { work.from.timestamp().to_string() };
    format!("{when} {}", work.service)
}

impl Model {
    /// Works out what is planned while that is looked at, when there is nothing yet or it is old.
    pub(super) fn plan_ahead(&mut self) {
        let is_fresh = self.work_at.is_some_and(|at| self.now - at < RENEW);
        if *self.screen() == Screen::Calendar && !is_fresh {
            self.work = calendar(&self.state, self.now, self.now + AHEAD);
            // What is left out is the furthest away.
            self.work.truncate(MOST);
            self.work_at = Some(self.now);
        }
    }

    /// The planned work that the filter lets through, in the order shown.
    pub fn wanted_work(&self) -> impl Iterator<Item = &CalendarEntry> {
        self.work.iter().filter(|work| self.wants_work(work))
    }

    /// The planned work with the cursor.
    #[must_use]
    pub fn selected_work(&self) -> Option<&CalendarEntry> {
        self.wanted_work().nth(self.selected_place(List::Work))
    }
}
