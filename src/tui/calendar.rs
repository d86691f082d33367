//! Planned work: which services are worked on now, and when they will be in the next two weeks.

use chrono::{DateTime, TimeDelta, Utc};

use super::model::{List, Model, Screen};
use crate::domain::{Status, next_window};

/// How far the calendar looks ahead.
pub const AHEAD: TimeDelta = TimeDelta::days(14);
/// Age at which what is looked at is worked out anew.
const RENEW: TimeDelta = TimeDelta::seconds(10);
/// Times that are shown at most: more than anybody reads.
pub const MOST: usize = 2_000;

/// A time in which a service is worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What is worked on.
    pub service: String,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// What is done.
    pub reason: String,
    /// It has begun.
    pub in_force: bool,
}

impl Work {
    /// What a row of it is known by, whatever comes before it.
    #[must_use]
    pub fn key(&self) -> String {
        let when = if self.in_force { "now".to_owned() } else { self.from.timestamp().to_string() };
        format!("{when} {}", self.service)
    }
}

impl Model {
    /// Works out what is planned while that is looked at, when there is nothing yet or it is old.
    pub(super) fn plan_ahead(&mut self) {
        let is_fresh = self.work_at.is_some_and(|at| self.now - at < RENEW);
        if *self.screen() == Screen::Calendar && !is_fresh {
            self.work = work(self);
            self.work_at = Some(self.now);
        }
    }

    /// The planned work that the filter lets through, in the order shown.
    pub fn wanted_work(&self) -> impl Iterator<Item = &Work> {
        let filter = self.filter.to_lowercase();
        let has = move |text: &str| text.to_lowercase().contains(&filter);
        self.work.iter().filter(move |work| has(&work.service) || has(&work.reason))
    }

    /// The planned work with the cursor.
    #[must_use]
    pub fn selected_work(&self) -> Option<&Work> {
        self.wanted_work().nth(self.selected_place(List::Work))
    }
}

/// What is in force first, then what comes, the soonest first.
fn work(model: &Model) -> Vec<Work> {
    let state = &model.state;
    let mut running: Vec<Work> = Vec::new();
    let mut coming: Vec<Work> = Vec::new();
    for service in &state.platform.services {
        let name = &service.name;
        let held = state.services.get(name).filter(|health| health.status == Status::Maintenance);
        if let Some((health, until)) = held.and_then(|health| Some((health, health.maintenance_until?))) {
            running.push(Work {
                service: name.clone(),
                from: state.maintained.get(name).copied().or(health.since).unwrap_or(model.now),
                until,
                reason: health.reason.clone(),
                in_force: true,
            });
        }
        if next_window(state, name).is_none() {
            continue;
        }
        let windows = state.platform.maintenance.iter().filter(|window| window.services.contains(name));
        for window in windows {
            let mut next = window.next(state.maintained.get(name).copied(), model.now);
            while let Some((from, until)) = next.filter(|(from, _)| *from < model.now + AHEAD) {
                let (service, reason) = (name.clone(), window.reason.clone());
                coming.push(Work { service, from, until, reason, in_force: false });
                next = window.next(Some(from), from);
            }
        }
    }
    running.sort_by_key(|work| work.until);
    coming.sort_by(|a, b| (a.from, &a.service).cmp(&(b.from, &b.service)));
    // What is left out is the furthest away.
    coming.truncate(MOST);
    running.extend(coming);
    running
}
