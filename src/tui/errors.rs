//! Errors: how often each service fails, and what programs have reported of themselves lately; asked for while it is looked at.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    message::Request,
    model::{Loaded, Model, Screen},
};
use crate::domain::ErrorGroup;

/// Age at which what is looked at is asked for again.
const RENEW: TimeDelta = TimeDelta::seconds(10);

/// What programs have reported, while that is looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Errors {
    /// When it was asked for last.
    pub asked: Option<DateTime<Utc>>,
    /// What came of it; the old answer while a new one is on its way.
    pub groups: Option<Loaded<Vec<ErrorGroup>>>,
}

impl Model {
    /// All errors that were told.
    #[must_use]
    pub fn all_errors(&self) -> &[ErrorGroup] {
        if let Some(Loaded::Here(all)) = &self.errors.groups { all } else { &[] }
    }

    /// The errors that the filter lets through: those seen last come first.
    #[must_use]
    pub fn wanted_errors(&self) -> Vec<&ErrorGroup> {
        let Some(Loaded::Here(all)) = &self.errors.groups else { return Vec::new() };
        let mut wanted: Vec<&ErrorGroup> = all.iter().filter(|group| self.wants_error(group)).collect();
        wanted.sort_by_key(|group| std::cmp::Reverse((group.last, group.count)));
        wanted
    }
}

/// What tells an error from all others.
#[must_use]
pub fn key(group: &ErrorGroup) -> String {
    format!("{} {}", group.service, group.fingerprint)
}

/// Asks for the errors on the screen when there are none yet, or when they are old.
pub fn look_at_errors(model: &mut Model) -> Vec<Request> {
    let is_fresh = model.errors.asked.is_some_and(|at| model.now - at < RENEW);
    if *model.screen() != Screen::Errors || is_fresh {
        return Vec::new();
    }
    model.errors.asked = Some(model.now);
    model.errors.groups.get_or_insert(Loaded::Waiting);
    vec![Request::Errors]
}
