//! Who has which shift: of the overrides that count at a time the newest, else whoever the schedule names.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Duty, OnCallOverride, Shift};
use crate::{
    domain::{OverrideId, State},
    platform::OnCallSchedule,
};

/// Whoever asks what comes next is not told of anything further away.
const AHEAD: TimeDelta = TimeDelta::days(60);

/// Who is on call in a schedule at a time, and by which override.
#[must_use]
pub fn on_call<'a>(
    state: &'a State,
    schedule: &'a OnCallSchedule,
    at: DateTime<Utc>,
) -> Option<(&'a str, Option<OverrideId>)> {
    let newest = overrides(state, schedule).filter(|found| found.counts(at)).max_by_key(|found| found.id);
    match newest {
        Some(found) => Some((&found.person, Some(found.id))),
        None => schedule.holder(at).map(|person| (person, None)),
    }
}

fn overrides<'a>(state: &'a State, schedule: &'a OnCallSchedule) -> impl Iterator<Item = &'a OnCallOverride> {
    state.overrides.values().filter(move |found| found.schedule == schedule.name)
}

/// The next time after `at` at which it may be somebody else.
fn next_change(state: &State, schedule: &OnCallSchedule, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let edges = overrides(state, schedule).flat_map(|found| [found.from, found.counts_until()]);
    edges.chain(schedule.next_change(at)).filter(|change| *change > at).min()
}

/// All shifts between two times, one after the other without a hole; the first begins and the last ends there.
#[must_use]
pub fn shifts(state: &State, schedule: &OnCallSchedule, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Shift> {
    let mut shifts: Vec<Shift> = Vec::new();
    let mut at = from;
    while at < until {
        let end = next_change(state, schedule, at).map_or(until, |change| change.min(until));
        let found = on_call(state, schedule, at);
        let (person, overridden_by) = (found.map(|(person, _)| person.to_owned()), found.and_then(|(_, by)| by));
        match shifts.last_mut().filter(|last| last.person == person && last.overridden_by == overridden_by) {
            Some(last) => last.until = end,
            None => shifts.push(Shift { schedule: schedule.name.clone(), from: at, until: end, person, overridden_by }),
        }
        at = end;
    }
    shifts
}

/// Who is on call now, and who is next.
#[must_use]
pub fn duty(state: &State, schedule: &OnCallSchedule, now: DateTime<Utc>) -> Duty {
    let found = on_call(state, schedule, now);
    let until = changes(state, schedule, now).find(|at| on_call(state, schedule, *at) != found);
    let next = until.map(|from| {
        let then = on_call(state, schedule, from);
        let end = changes(state, schedule, from).find(|at| on_call(state, schedule, *at) != then);
        Shift {
            schedule: schedule.name.clone(),
            from,
            until: end.unwrap_or(from + AHEAD),
            person: then.map(|(person, _)| person.to_owned()),
            overridden_by: then.and_then(|(_, by)| by),
        }
    });
    Duty {
        schedule: schedule.name.clone(),
        person: found.map(|(person, _)| person.to_owned()),
        overridden_by: found.and_then(|(_, by)| by),
        until,
        next,
    }
}

/// When somebody is on call again in a schedule in which nobody is.
#[must_use]
pub fn on_call_again(state: &State, schedule: &OnCallSchedule, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    changes(state, schedule, now).find(|at| on_call(state, schedule, *at).is_some())
}

/// Times after `from` at which it may be somebody else, as far as anybody is told.
pub(super) fn changes<'a>(
    state: &'a State,
    schedule: &'a OnCallSchedule,
    from: DateTime<Utc>,
) -> impl Iterator<Item = DateTime<Utc>> + 'a {
    let next = move |at: &DateTime<Utc>| next_change(state, schedule, *at);
    std::iter::successors(next(&from), next).take_while(move |at| *at < from + AHEAD)
}
