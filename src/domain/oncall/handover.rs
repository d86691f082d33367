//! Whom an incident calls when it calls the one on call, and to whom it passes at a hand-over while nobody has seen it.

use chrono::{DateTime, Utc};

use super::{OnCall, on_call, shifts::changes};
use crate::{
    domain::{Callee, Command, Event, Incident, IncidentId, Notice, Operator, Refusal, State},
    platform::OnCallSchedule,
};

/// The schedule that an incident calls: that of the team of its root where it is known, else of the service where it was noticed.
#[must_use]
pub fn schedule_of<'a>(state: &'a State, incident: &Incident) -> Option<&'a OnCallSchedule> {
    let service = incident.root.as_ref().or(incident.services.first());
    let owner = service.and_then(|name| state.platform.service(name)?.owner.as_deref());
    state.platform.on_call_for(owner)
}

/// Whom an incident reaches by calling the one on call; none where no schedule is for it.
pub(in crate::domain) fn whom(state: &State, incident: &Incident, at: DateTime<Utc>) -> Option<OnCall> {
    let found = schedule_of(state, incident)?;
    let schedule = found.name.clone();
    Some(match on_call(state, found, at) {
        None => OnCall::Nobody { schedule },
        Some((person, _)) if state.operators.get(person).is_some_and(Operator::may_act) => {
            OnCall::Person { schedule, person: person.to_owned() }
        }
        Some((person, _)) => OnCall::Unable { schedule, person: person.to_owned() },
    })
}

/// Open incidents that nobody has seen and that this schedule is for.
fn waiting<'a>(state: &'a State, schedule: &'a OnCallSchedule) -> impl Iterator<Item = &'a Incident> {
    let unseen = state.open_incidents().filter(|found| found.acknowledged_at.is_none() && found.on_call.is_some());
    unseen.filter(move |found| schedule_of(state, found).is_some_and(|own| own.name == schedule.name))
}

/// When it is next the turn of somebody else.
fn next_hand_over(state: &State, schedule: &OnCallSchedule) -> Option<DateTime<Utc>> {
    let person = |at| on_call(state, schedule, at).map(|(person, _)| person);
    let now = person(state.clock);
    changes(state, schedule, state.clock).find(|at| person(*at) != now)
}

/// When open incidents that nobody has seen pass to the next on call.
pub(in crate::domain) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    state.platform.on_call.iter().flat_map(move |schedule| {
        let mut waiting = waiting(state, schedule).peekable();
        // What all of them wait for is worked out once.
        let next = waiting.peek().and_then(|_| next_hand_over(state, schedule));
        waiting.filter_map(move |incident| {
            let is_overtaken = whom(state, incident, state.clock) != incident.on_call;
            let at = if is_overtaken { Some(state.clock) } else { next };
            Some((at?, Command::HandOverIncident { incident: incident.id }))
        })
    })
}

/// Decides that an incident passes to whoever is on call now, if its time has come.
pub(in crate::domain) fn hand_over(state: &State, id: IncidentId, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(id)?;
    let own = Command::HandOverIncident { incident: id };
    if !deadlines(state).any(|(at, command)| at <= now && command == own) {
        return Ok(Vec::new());
    }
    let reason = match found.on_call.as_ref().and_then(OnCall::person) {
        Some(before) => format!("hand-over: {before} has not acknowledged it"),
        None => "somebody is on call again".to_owned(),
    };
    let mut notice = Notice::new(id, vec![Callee::OnCall], reason);
    notice.on_call = whom(state, found, now);
    Ok(vec![Event::PeopleToCall { notice }])
}

/// What follows where the one on call was to be called and nobody is: whoever comes next is called.
pub(in crate::domain) fn nobody_there(state: &State, notice: &Notice, give: &mut impl FnMut(&'static str, Command)) {
    let Some(missing) = notice.on_call.as_ref().filter(|found| !found.is_there()) else { return };
    let Some(found) = state.incidents.get(&notice.incident).filter(|found| found.state.is_open()) else { return };
    let reason = match missing {
        OnCall::Unable { schedule, person } => format!("{person}, whose turn it is in {schedule}, may not act"),
        _ => format!("nobody is on call for {}", missing.schedule()),
    };
    if found.escalation == 0 && found.severity.ladder().len() > 1 {
        give("nobody is on call", Command::EscalateIncident { incident: found.id, reason });
    } else if !found.called.contains(&Callee::TechnicalLead) {
        let notice = Notice::new(found.id, vec![Callee::TechnicalLead], reason);
        give("nobody is on call", Command::CallPeople { notice });
    }
}
