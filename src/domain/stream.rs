//! Logs that are received while a component runs, so that any second can be reached: whether each is, or since when not.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Event, Named, Recorded, Refusal, State};
use crate::platform::Points;

/// What can be lost while a log is received: it is looked at this often.
pub const RECEIVED: TimeDelta = TimeDelta::seconds(5);

/// The received log of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// Since when it is received, or is not.
    pub since: DateTime<Utc>,
    /// Why it is not.
    pub problem: Option<String>,
}

/// Decides that a log is received, or is not; news only when that changes.
pub(super) fn report(state: &State, component: &str, problem: Option<String>) -> Result<Vec<Event>, Refusal> {
    let found = state.platform.component(component).ok_or_else(|| Refusal::unknown(Named::Component, component))?;
    if found.adapter.points() != Points::Continuous {
        return Err(Refusal::new("no-log", format!("no log of {component} is received")).hint(
            "go back to a snapshot: codeblue snapshot list; or name in the platform file where its log is kept",
        ));
    }
    let same = state.streams.get(component).is_some_and(|stream| stream.problem.is_some() == problem.is_some());
    Ok(if same { Vec::new() } else { vec![Event::StreamChanged { component: component.to_owned(), problem }] })
}

/// What is true after an event.
pub(super) fn apply(state: &mut State, recorded: &Recorded) {
    if let Event::StreamChanged { component, problem } = &recorded.event {
        let stream = Stream { since: recorded.at, problem: problem.clone() };
        state.streams.insert(component.clone(), stream);
    }
}

/// What could be lost of a component whose log is received: what was written since it last was.
pub(super) fn age(state: &State, component: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let stream = state.streams.get(component)?;
    Some(match stream.problem {
        None => RECEIVED,
        Some(_) => now - stream.since,
    })
}
