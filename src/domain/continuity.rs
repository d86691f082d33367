//! Continuity: functions that people cannot do without for long, how long each has been interrupted against what it may be, and
//! the procedures by hand that carry it meanwhile. A clock here reminds and calls; people decide to work by hand, and when to stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Actor, Callee, Command, Event, IncidentId, Meta, Named, Recorded, Refusal, State, Status, TimelineKind,
    apply::tell, text,
};
use crate::platform::CriticalFunction;

/// Working by hand should have begun so long after a function was interrupted.
pub const ACTIVATION: TimeDelta = TimeDelta::minutes(5);

/// Critical functions that are not as they should be, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Continuity {
    /// Those that the platform does not carry now.
    pub interruptions: BTreeMap<String, Interruption>,
    /// Those that are done by hand now.
    pub fallbacks: BTreeMap<String, Fallback>,
}

/// A function that the platform does not carry now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interruption {
    /// When users began to notice.
    pub since: DateTime<Utc>,
    /// The incident that was open about it.
    pub incident: Option<IncidentId>,
    /// What people were reminded of.
    pub reminded: BTreeSet<DowntimeMark>,
}

/// A function that is done by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fallback {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who decided so.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// How long after the interruption began; none where there was none yet.
    #[serde(default, with = "optional_seconds", skip_serializing_if = "Option::is_none")]
    pub after: Option<TimeDelta>,
    /// Steps that are done, counted from 1, each with when and by whom.
    pub done: BTreeMap<usize, (DateTime<Utc>, Actor)>,
}

mod optional_seconds {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<TimeDelta>, to: S) -> Result<S::Ok, S::Error> {
        value.map(|value| value.num_seconds()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TimeDelta>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.and_then(TimeDelta::try_seconds))
    }
}

/// A point in an interruption at which people are reminded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DowntimeMark {
    /// Working by hand should have begun.
    Activation,
    /// Half of the longest downtime is over.
    Half,
    /// Four fifths of it are.
    Most,
    /// It is over.
    Full,
}

impl DowntimeMark {
    /// All of them, in the order of their times.
    pub const ALL: [Self; 4] = [Self::Activation, Self::Half, Self::Most, Self::Full];

    /// How long after the beginning it is reached; none where it says nothing that another mark does not.
    #[must_use]
    pub fn after(self, function: &CriticalFunction) -> Option<TimeDelta> {
        let longest = TimeDelta::from_std(function.max_downtime).unwrap_or(TimeDelta::MAX);
        match self {
            Self::Activation => (ACTIVATION < longest / 2).then_some(ACTIVATION),
            Self::Half => Some(longest / 2),
            Self::Most => Some(longest / 5 * 4),
            Self::Full => Some(longest),
        }
    }

    /// Who is called.
    fn calls(self) -> Vec<Callee> {
        match self {
            Self::Activation | Self::Half => vec![Callee::OnCall, Callee::TeamLead],
            Self::Most => vec![Callee::TechnicalLead, Callee::Management],
            Self::Full => vec![Callee::Cto, Callee::ComplianceOfficer, Callee::Management],
        }
    }
}

impl fmt::Display for DowntimeMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Activation => "working by hand should have begun",
            Self::Half => "half of its longest downtime is over",
            Self::Most => "80 % of its longest downtime are over",
            Self::Full => "its longest downtime is OVER",
        })
    }
}

impl Interruption {
    /// How much of the longest downtime is used, 1 being all of it.
    #[must_use]
    pub fn used(&self, function: &CriticalFunction, now: DateTime<Utc>) -> f64 {
        (now - self.since).as_seconds_f64().max(0.0) / function.max_downtime.as_secs_f64().max(1.0)
    }

    /// When the longest downtime is over.
    #[must_use]
    pub fn until(&self, function: &CriticalFunction) -> DateTime<Utc> {
        TimeDelta::from_std(function.max_downtime)
            .ok()
            .and_then(|longest| self.since.checked_add_signed(longest))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl State {
    /// The services that a function lacks now.
    pub fn lacks<'a>(&'a self, function: &'a CriticalFunction) -> impl Iterator<Item = &'a str> {
        let is_down = |name: &&str| self.services.get(*name).is_some_and(|health| health.status == Status::Down);
        self.platform.services_of(function).filter(is_down)
    }
}

/// Whether functions were interrupted or carried again since they were last judged.
pub(super) fn has_changed(state: &State) -> bool {
    !judge(state).is_empty()
}

/// What has changed about the functions since they were last judged.
pub(super) fn judge(state: &State) -> Vec<Event> {
    let known = &state.continuity.interruptions;
    let begun = state.platform.functions.iter().filter(|function| !known.contains_key(&function.name));
    let begun = begun.filter_map(|function| {
        let lacking: Vec<&str> = state.lacks(function).collect();
        let since = lacking.iter().filter_map(|name| state.services.get(*name));
        let since = since.filter_map(|health| health.failing_since.or(health.since)).min()?;
        Some(Event::FunctionInterrupted {
            function: function.name.clone(),
            services: lacking.into_iter().map(str::to_owned).collect(),
            since,
        })
    });
    let over = known
        .keys()
        .filter(|name| state.platform.function(name).is_none_or(|function| state.lacks(function).next().is_none()));
    begun.chain(over.map(|name| Event::FunctionRestored { function: name.clone() })).collect()
}

/// Decides that a function is done by hand from here on.
pub(super) fn activate(state: &State, function: String, reason: &str) -> Result<Vec<Event>, Refusal> {
    known(state, &function)?;
    if state.continuity.fallbacks.contains_key(&function) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::FallbackActivated { function, reason: text::line("reason", reason)? }])
}

/// Decides that a step of working by hand is done.
pub(super) fn step(state: &State, function: String, step: usize) -> Result<Vec<Event>, Refusal> {
    let steps = known(state, &function)?.fallback.len();
    let fallback = active(state, &function)?;
    if step == 0 || step > steps {
        return Err(Refusal::new("no-such-step", format!("{function} has the steps 1 to {steps}"))
            .hint("give one of these numbers"));
    }
    let done = fallback.done.contains_key(&step);
    Ok(if done { Vec::new() } else { vec![Event::FallbackStepDone { function, step }] })
}

/// Decides that a function is not done by hand any more.
pub(super) fn end(state: &State, function: String, note: &str) -> Result<Vec<Event>, Refusal> {
    active(state, &function)?;
    Ok(vec![Event::FallbackEnded { function, note: text::line("note", note)? }])
}

/// Decides that people are reminded of an interruption.
pub(super) fn remind(state: &State, function: String, mark: DowntimeMark, meta: &Meta) -> Vec<Event> {
    let due = pending(state).any(|(name, other, at)| name == function && other == mark && at <= meta.at);
    if due { vec![Event::FunctionTimeUsed { function, mark }] } else { Vec::new() }
}

fn known<'a>(state: &'a State, function: &str) -> Result<&'a CriticalFunction, Refusal> {
    state.platform.function(function).ok_or_else(|| Refusal::unknown(Named::Function, function))
}

fn active<'a>(state: &'a State, function: &str) -> Result<&'a Fallback, Refusal> {
    state.continuity.fallbacks.get(function).ok_or_else(|| {
        Refusal::new("not-by-hand", format!("{function} is not done by hand"))
            .hint(format!("begin it first: codeblue continuity activate {function:?}"))
    })
}

/// What people are still to be reminded of, and when.
fn pending(state: &State) -> impl Iterator<Item = (&str, DowntimeMark, DateTime<Utc>)> {
    let continuity = &state.continuity;
    continuity.interruptions.iter().flat_map(move |(name, interruption)| {
        let function = state.platform.function(name);
        let ahead = DowntimeMark::ALL.into_iter().filter(|mark| !interruption.reminded.contains(mark));
        // Who works by hand already needs no reminder to begin.
        let ahead = ahead.filter(|mark| *mark != DowntimeMark::Activation || !continuity.fallbacks.contains_key(name));
        ahead.filter_map(move |mark| {
            Some((name.as_str(), mark, interruption.since.checked_add_signed(mark.after(function?)?)?))
        })
    })
}

/// When people are to be reminded.
pub(super) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    pending(state).map(|(name, mark, at)| (at, Command::RemindOfFunction { function: name.to_owned(), mark }))
}

/// The incident that is open about a function: the one it began with, or another about what the function needs.
fn open_about(state: &State, name: &str) -> Option<IncidentId> {
    let first = state.continuity.interruptions.get(name).and_then(|interruption| interruption.incident);
    let first = first.filter(|id| state.incidents.get(id).is_some_and(|incident| incident.state.is_open()));
    first.or_else(|| {
        let function = state.platform.function(name)?;
        state.platform.services_of(function).find_map(|service| state.incident_of(service)).map(|incident| incident.id)
    })
}

/// Whom a reminder calls, and why.
pub(super) fn call(state: &State, name: &str, mark: DowntimeMark) -> Option<(IncidentId, Vec<Callee>, String)> {
    let incident = open_about(state, name)?;
    let owner = state.platform.function(name).and_then(|function| function.owner.as_deref());
    let owner = owner.map(|owner| format!("; {owner} answers for it")).unwrap_or_default();
    let by_hand = if state.continuity.fallbacks.contains_key(name) { "done by hand" } else { "NOT done by hand yet" };
    Some((incident, mark.calls(), format!("{name}: {mark}, {by_hand}{owner}")))
}

/// What is true after an event.
pub(super) fn apply(state: &mut State, recorded: &Recorded) {
    let (name, kind) = match &recorded.event {
        Event::FunctionInterrupted { function, services, since } => {
            let incident = services.iter().find_map(|service| state.incident_of(service)).map(|incident| incident.id);
            let interruption = Interruption { since: *since, incident, reminded: BTreeSet::new() };
            state.continuity.interruptions.insert(function.clone(), interruption);
            (function, TimelineKind::Bad)
        }
        Event::FunctionRestored { function } => (function, TimelineKind::Good),
        Event::FunctionTimeUsed { function, mark } => {
            if let Some(interruption) = state.continuity.interruptions.get_mut(function) {
                interruption.reminded.insert(*mark);
            }
            (function, TimelineKind::Bad)
        }
        Event::FallbackActivated { function, reason } => {
            let after = state.continuity.interruptions.get(function).map(|found| recorded.at - found.since);
            let (by, reason) = (recorded.actor.clone(), reason.clone());
            let fallback = Fallback { since: recorded.at, by, reason, after, done: BTreeMap::new() };
            state.continuity.fallbacks.insert(function.clone(), fallback);
            (function, TimelineKind::State)
        }
        Event::FallbackStepDone { function, step } => {
            if let Some(fallback) = state.continuity.fallbacks.get_mut(function) {
                fallback.done.insert(*step, (recorded.at, recorded.actor.clone()));
            }
            (function, TimelineKind::State)
        }
        Event::FallbackEnded { function, .. } => {
            state.continuity.fallbacks.remove(function);
            (function, TimelineKind::State)
        }
        _ => return,
    };
    let began_with = state.continuity.interruptions.get(name).and_then(|interruption| interruption.incident);
    if let Some(incident) = open_about(state, name).or(began_with) {
        tell(state, incident, recorded, kind, recorded.event.summary());
    }
    if matches!(recorded.event, Event::FunctionRestored { .. }) {
        state.continuity.interruptions.remove(name);
    }
}
