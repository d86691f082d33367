//! How far away the engine is: how long it takes to answer, asked while that is looked at.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    message::Request,
    model::{Model, Screen},
};

/// Age at which it is asked for again.
const RENEW: TimeDelta = TimeDelta::seconds(5);

/// How long the engine took to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reached {
    /// When it was asked last.
    pub asked: Option<DateTime<Utc>>,
    /// How long the last answer took; none when it did not come.
    pub took: Option<Duration>,
}

/// Asks the engine for an answer while its page is looked at, when the last one is old.
pub fn reach(model: &mut Model) -> Vec<Request> {
    let is_fresh = model.reached.asked.is_some_and(|at| model.now - at < RENEW);
    if *model.screen() != Screen::Hosts || model.has_fleet() || is_fresh {
        return Vec::new();
    }
    model.reached.asked = Some(model.now);
    vec![Request::Reach]
}
