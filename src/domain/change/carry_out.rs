//! Carrying out what was agreed to, and nothing else.

use chrono::{DateTime, Utc};

use super::{
    Change, ChangeKind, ChangeOutcome, ChangeState, Circumstances, Risk, approve,
    intent::intent_hash,
    quorum,
    submit::{Anew, begin_round, overlap},
    template,
};
use crate::domain::{
    ChangeId, Event, IncidentState, Meta, RecoveryId, Refusal, State, break_glass, incident, recovery::run, text,
};

/// Decides that an approved change is carried out, or, where more is asked now than was agreed to, that people are asked anew.
pub(in crate::domain) fn start(state: &State, id: ChangeId, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    if found.state != ChangeState::Approved {
        return Err(Refusal::new("change-not-approved", format!("{id} is {}", found.state))
            .hint(format!("see whose approval it lacks: codeblue change show {id}")));
    }
    if let Some(reason) = asks_anew(state, found, meta) {
        // What was agreed to beforehand has nobody who could be asked anew.
        if found.template.is_some() {
            return Ok(vec![Event::ChangeRejected { change: id, reason }]);
        }
        let after = found.after.iter().copied().filter(|id| is_ahead(state, *id)).collect();
        let (plan, window) = (found.plan.clone(), found.window);
        return begin_round(state, found, Anew { plan, window, after, reason: &reason, author: None }, meta);
    }
    may_begin(state, found, meta)?;
    let mut events = vec![Event::RecoveryStarted {
        recovery: state.next_recovery(),
        plan: found.plan.clone(),
        reason: found.reason.clone(),
        incident: found.incident,
        change: Some(id),
        break_glass: None,
    }];
    events.extend(found.incident.iter().flat_map(|id| incident::advance(state, *id, IncidentState::Resolving)));
    Ok(events)
}

/// Decides that a change is carried out although its approvals are missing. It is no approval: the change keeps what it
/// lacks, and says under what it was carried out.
pub(in crate::domain) fn start_under(
    state: &State,
    id: ChangeId,
    plan_hash: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    if found.state != ChangeState::Pending || found.expires_at <= meta.at {
        return Err(Refusal::new("change-not-pending", format!("{id} is {}", found.state)).hint(
            "only what still waits for people can be carried out under break-glass: codeblue change list --pending",
        ));
    }
    let is_same = intent_hash(&state.platform, &found.agreed()) == found.plan_hash;
    if plan_hash.len() < 8 || !found.plan_hash.starts_with(plan_hash) || !is_same {
        return Err(Refusal::new("plan-changed", format!("{id} has another plan than the one you saw"))
            .hint(format!("look at the plan again, then carry out what it is now: codeblue change show {id}")));
    }
    let glass = break_glass::under(state, &found.plan, meta)?;
    if found.incident.is_some_and(|incident| incident != glass.incident) {
        return Err(Refusal::new("break-glass-incident", format!("{} is for {}", glass.id, glass.incident))
            .hint(format!("have it approved: codeblue change show {id} says whose approval it lacks")));
    }
    run::not_running(state, &found.plan)?;
    let (recovery, incident) = (state.next_recovery(), Some(glass.incident));
    let mut events = vec![
        break_glass::used(state, glass.id, recovery, Some(id), &found.plan, meta.at),
        Event::RecoveryStarted {
            recovery,
            plan: found.plan.clone(),
            reason: found.reason.clone(),
            incident,
            change: Some(id),
            break_glass: Some(glass.id),
        },
    ];
    events.extend(incident::advance(state, glass.incident, IncidentState::Resolving));
    Ok(events)
}

/// What of the agreement does not hold any more. What runs is what was approved: the hash is taken anew from the plan that is
/// about to run, the votes are counted anew, and the risk is assessed anew.
fn asks_anew(state: &State, change: &Change, meta: &Meta) -> Option<String> {
    if intent_hash(&state.platform, &change.agreed()) != change.plan_hash {
        return Some("what the platform file says about its parts has changed since it was approved".to_owned());
    }
    let mut before = change.after.iter().filter_map(|id| state.changes.get(id));
    if let Some(other) = before.find(|other| !other.state.is_open() && !other.state.is_success()) {
        return Some(format!("{}, which it follows, is {}", other.id, other.state));
    }
    if let Some(name) = &change.template {
        return template::standing(state, name, meta.at).err().map(|refusal| refusal.message);
    }
    let circumstances = Circumstances { incident: change.incident, change: Some(change.id), now: meta.at };
    let risk = Risk::of(state, &change.plan, circumstances);
    if risk.level() > change.risk.level() {
        return Some(format!("its risk rose from {} to {} since it was approved", change.risk.score, risk.score));
    }
    let missing = quorum::missing_roles(state, change);
    (!missing.is_empty()).then(|| {
        let names: Vec<&str> = missing.iter().map(|role| super::role_name(*role)).collect();
        format!("the agreement of the {} does not count any more", names.join(" and the "))
    })
}

/// Whether it may begin now: its window is open, nothing else is done to the same, what it follows is over.
fn may_begin(state: &State, change: &Change, meta: &Meta) -> Result<(), Refusal> {
    let id = change.id;
    if let Some(begins) = begins_at(state, change).filter(|begins| meta.at < *begins) {
        let from = begins.format("%Y-%m-%d %H:%M");
        return Err(Refusal::new("change-window", format!("{id} may begin at {from} UTC")).hint(format!(
            "wait for it, or give it another time: codeblue change revise {id} --at TIME --reason WHY"
        )));
    }
    if change.execute_by().is_some_and(|until| meta.at >= until) {
        return Err(Refusal::new("change-expired", format!("{id} was not begun in time"))
            .hint(format!("submit it again: codeblue change submit; what it was: codeblue change show {id}")));
    }
    if let Some(other) = in_the_way(state, change) {
        return Err(Refusal::new("change-conflict", format!("{} works on the same, and is {}", other.id, other.state))
            .hint(format!("{id} begins when that is over; say so beforehand with --after {}", other.id)));
    }
    run::not_running(state, &change.plan)
}

/// A change to the same that is being carried out, or one it follows that is not over.
fn in_the_way<'a>(state: &'a State, change: &Change) -> Option<&'a Change> {
    let first = change.after.iter().copied().filter(|id| is_ahead(state, *id)).find_map(|id| state.changes.get(&id));
    first.or_else(|| {
        state.changes.values().find(|other| {
            other.id != change.id && other.state == ChangeState::Implementing && overlap(&other.plan, &change.plan)
        })
    })
}

/// Whether a change that comes first is not over, or nobody has seen yet that it worked.
fn is_ahead(state: &State, id: ChangeId) -> bool {
    state.changes.get(&id).is_some_and(|other| other.state <= ChangeState::Validating)
}

/// When an approved change is to begin: when its window opens and no freeze holds. None while something is in its way, or when
/// its time is over by then.
pub(in crate::domain) fn begins_unhindered_at(state: &State, change: &Change) -> Option<DateTime<Utc>> {
    let free = change.state == ChangeState::Approved
        && in_the_way(state, change).is_none()
        && run::not_running(state, &change.plan).is_ok();
    begins_at(state, change).filter(|begins| free && change.execute_by().is_some_and(|by| *begins < by))
}

fn begins_at(state: &State, change: &Change) -> Option<DateTime<Utc>> {
    let mut begins = change.window.map_or(change.authorised_at, |window| Some(window.from))?;
    if change.kind != ChangeKind::Emergency {
        let holds = |at| state.platform.freezes.iter().find(|freeze| freeze.holds(&change.plan.services, at, at));
        while let Some(freeze) = holds(begins) {
            begins = freeze.until;
        }
    }
    Some(begins)
}

/// Whether a step of a change's recovery that writes may begin: not after the time it was agreed for.
pub(in crate::domain) fn may_write(state: &State, change: Option<ChangeId>, meta: &Meta) -> Result<(), Refusal> {
    let Some(found) = change.and_then(|id| state.changes.get(&id)) else { return Ok(()) };
    match found.window.filter(|window| meta.at >= window.until) {
        Some(_) => {
            Err(Refusal::new("change-window-over", format!("the window of {} is over", found.id)).hint(format!(
                "take back what was done: codeblue change roll-back {} --reason WHY; or submit the rest anew",
                found.id
            )))
        }
        None => Ok(()),
    }
}

/// When no further step of a change that is being carried out may begin; none when that is settled already.
pub(in crate::domain) fn window_closes_at(state: &State, change: &Change) -> Option<DateTime<Utc>> {
    let runs = change.recovery.filter(|_| change.state == ChangeState::Implementing)?;
    let recovery =
        state.recoveries.get(&runs).filter(|recovery| recovery.is_running() && !recovery.cancel_requested)?;
    // What only looks may go on.
    recovery.has_writes_ahead().then_some(())?;
    change.window.map(|window| window.until)
}

/// Decides that what carries a change out stops after the step under way, because its window is over.
pub(in crate::domain) fn close_window(state: &State, id: ChangeId, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    let over = window_closes_at(state, found).is_some_and(|closes| closes <= meta.at);
    let recovery = found.recovery.filter(|_| over);
    Ok(recovery.and_then(|recovery| approve::stop(state, recovery, "its window is over")).into_iter().collect())
}

/// Decides that nobody decided, or nobody began, in time.
pub(in crate::domain) fn expire(state: &State, id: ChangeId, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    let by = match found.state {
        ChangeState::Pending => Some(found.expires_at),
        ChangeState::Approved => found.execute_by(),
        _ => None,
    };
    Ok(if by.is_some_and(|by| by <= meta.at) { vec![Event::ChangeExpired { change: id }] } else { Vec::new() })
}

/// What the end of a recovery means for its change.
pub(in crate::domain) fn ended(state: &State, id: ChangeId, outcome: ChangeOutcome) -> Vec<Event> {
    let mut events = vec![Event::ChangeEnded { change: id, outcome }];
    let template = state.changes.get(&id).and_then(|change| change.template.clone());
    if let (ChangeOutcome::Failed, Some(template)) = (outcome, template) {
        events.push(Event::TemplateSuspended { template, reason: format!("{id} failed") });
    }
    events
}

/// Decides that what carries a change out stops after the step under way.
pub(in crate::domain) fn stop(state: &State, id: ChangeId, reason: &str) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    let recovery: Option<RecoveryId> = found.recovery.filter(|_| found.state == ChangeState::Implementing);
    let recovery = recovery.ok_or_else(|| {
        Refusal::new("not-implementing", format!("{id} is {}", found.state))
            .hint(format!("nothing is left to stop; its page says where it stands: codeblue change show {id}"))
    })?;
    Ok(approve::stop(state, recovery, &text::line("reason", reason)?).into_iter().collect())
}
