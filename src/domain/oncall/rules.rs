//! Overrides: somebody takes shifts for a time, or is given them by a lead. One is never forgotten by being replaced or taken
//! back: the newest that counts wins, and what was is on record.

use chrono::{DateTime, TimeDelta, Utc};

use super::OnCallOverride;
use crate::{
    domain::{Event, Meta, Named, Operator, OverrideId, Recorded, Refusal, State, next_step, text},
    platform::Role,
};

/// Whoever is on call for longer belongs into the schedule.
const LONGEST: TimeDelta = TimeDelta::days(31);
/// Nobody plans further ahead.
const FURTHEST: TimeDelta = TimeDelta::days(366);
/// Overrides that may lie ahead at the same time: a bound for the state.
const LIMIT: usize = 500;
/// So long after its end an override is still shown; the journal holds all.
const KEPT: TimeDelta = TimeDelta::days(90);

/// What somebody overrides.
pub(in crate::domain) struct Wish<'a> {
    pub(in crate::domain) schedule: String,
    pub(in crate::domain) person: String,
    /// None: at once.
    pub(in crate::domain) from: Option<DateTime<Utc>>,
    pub(in crate::domain) until: DateTime<Utc>,
    pub(in crate::domain) reason: &'a str,
}

/// Decides that somebody is on call instead of whoever the schedule names. People take shifts themselves; to give them to
/// somebody else takes a lead.
pub(in crate::domain) fn override_shift(state: &State, wish: Wish<'_>, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let Wish { schedule, person, from, until, reason } = wish;
    known(state, &schedule)?;
    match state.operators.get(&person) {
        Some(operator) if operator.may_act() => {}
        Some(_) => {
            return Err(Refusal::new("operator-may-not", format!("{person} may not act")).hint(next_step::WHO_MAY));
        }
        None => return Err(Refusal::unknown(Named::Operator, person)),
    }
    let by = meta.actor.operator().ok_or_else(|| {
        Refusal::new("person-needed", "only people are put on call by people").hint(next_step::A_PERSON)
    })?;
    if !is_same(state, by, &person) && !leads(state, by) {
        let said = format!("{by} may take a shift, and only a technical lead or the CTO may give one to {person}");
        return Err(Refusal::new("not-your-shift", said).hint(format!("ask {person} to take it, or a lead to give it")));
    }
    let from = from.unwrap_or(meta.at);
    if from < meta.at {
        return Err(Refusal::new("shift-in-the-past", "the shift would have begun already")
            .hint("leave out the beginning to begin at once"));
    }
    if until <= from {
        return Err(Refusal::new("shift-too-short", "the shift would end before it begins")
            .hint("give an end after its beginning"));
    }
    if until - from > LONGEST {
        let said = format!("an override ends after {} days", LONGEST.num_days());
        return Err(Refusal::new("shift-too-long", said).hint("change the schedule in the platform file instead"));
    }
    if from - meta.at > FURTHEST {
        return Err(Refusal::new("shift-too-far", "the shift would begin in more than a year")
            .hint("give a time within a year"));
    }
    if state.overrides.values().filter(|found| found.counts_until() > meta.at).count() >= LIMIT {
        return Err(Refusal::new("too-many-overrides", format!("{LIMIT} overrides lie ahead already"))
            .hint("change the schedule in the platform file instead"));
    }
    let reason = text::line("reason", reason)?;
    Ok(vec![Event::OnCallOverridden { id: state.next_override(), schedule, person, from, until, reason }])
}

/// Decides that an override counts no more: the one on call by it, whoever gave it and leads may say so.
pub(in crate::domain) fn end(state: &State, id: OverrideId, reason: &str, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let found = state.overrides.get(&id).ok_or_else(|| Refusal::unknown(Named::Override, id))?;
    if found.counts_until() <= meta.at {
        return Err(Refusal::new("override-over", format!("{id} is over"))
            .hint("nothing is left to do: codeblue oncall who says who is on call"));
    }
    let by = meta.actor.operator().ok_or_else(|| {
        Refusal::new("person-needed", "only people take back what people said").hint(next_step::A_PERSON)
    })?;
    if !is_same(state, by, &found.person) && !is_same(state, by, &found.by) && !leads(state, by) {
        let said = format!("{id} puts {} on call, and {} said so", found.person, found.by);
        return Err(Refusal::new("not-your-shift", said).hint("one of them can take it back, or a lead"));
    }
    Ok(vec![Event::OverrideEnded { id, reason: text::line("reason", reason)? }])
}

fn known(state: &State, schedule: &str) -> Result<(), Refusal> {
    if state.platform.schedule(schedule).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = state.platform.on_call.iter().map(|schedule| schedule.name.as_str()).collect();
    Err(Refusal::unknown(Named::Schedule, schedule).hint(match names.as_slice() {
        [] => "the platform file has no [[oncall]]: `codeblue check` says how to write one".to_owned(),
        names => format!("there is {}", names.join(", ")),
    }))
}

fn is_same(state: &State, one: &str, other: &str) -> bool {
    state.person(one) == state.person(other)
}

fn leads(state: &State, name: &str) -> bool {
    state.operators.get(name).is_some_and(|operator: &Operator| operator.can_stand_for(Role::TechnicalLead))
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    match &recorded.event {
        Event::OnCallOverridden { id, schedule, person, from, until, reason } => {
            state.overrides.retain(|_, old| old.counts_until() + KEPT > recorded.at);
            let found = OnCallOverride {
                id: *id,
                schedule: schedule.clone(),
                person: person.clone(),
                from: *from,
                until: *until,
                reason: reason.clone(),
                by: recorded.actor.to_string(),
                at: recorded.at,
                ended_at: None,
            };
            state.overrides.insert(*id, found);
            state.newest_override = *id;
        }
        Event::OverrideEnded { id, .. } => {
            if let Some(found) = state.overrides.get_mut(id) {
                found.ended_at = Some(recorded.at);
            }
        }
        _ => {}
    }
}
