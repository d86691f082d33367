//! After it was carried out: somebody else sees that it worked, and what was learned is written down in time.

use chrono::{DateTime, Utc};

use super::{Change, ChangeReview, ChangeState, ReviewOutcome, quorum};
use crate::domain::{ChangeId, Event, Meta, Refusal, State, next_step, text};

/// Whether a person had no part in it: did not write it, and did not set it going.
fn is_outsider(state: &State, change: &Change, operator: &str) -> bool {
    let person = state.person(operator);
    let started = change.recovery.and_then(|id| state.recoveries.get(&id)).map(|recovery| &recovery.started_by);
    let carried_out = started.and_then(|actor| quorum::person_of(state, actor)) == Some(person);
    !carried_out && !quorum::is_author(state, change, operator)
}

fn outsider<'a>(state: &State, change: &Change, meta: &'a Meta, what: &str) -> Result<&'a str, Refusal> {
    let id = change.id;
    let operator = meta.actor.operator().ok_or_else(|| {
        Refusal::new("person-needed", format!("a person has to {what} {id}")).hint(next_step::A_PERSON)
    })?;
    if is_outsider(state, change, operator) {
        Ok(operator)
    } else {
        Err(Refusal::new("own-change", format!("{operator} had a part in {id} and may not {what} it"))
            .hint("somebody else has to: codeblue operator list shows who works here"))
    }
}

/// Decides that somebody who had no part in it has seen that it worked, or that it did not.
pub(in crate::domain) fn validate(
    state: &State,
    id: ChangeId,
    passed: bool,
    note: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    if found.state != ChangeState::Validating {
        return Err(Refusal::new("not-validating", format!("{id} is {}", found.state))
            .hint(format!("see what it waits for: codeblue change show {id}")));
    }
    outsider(state, found, meta, "validate")?;
    Ok(vec![Event::ChangeChecked { change: id, passed, note: text::line("note", note)? }])
}

/// Decides that its review is written.
pub(in crate::domain) fn review(
    state: &State,
    id: ChangeId,
    outcome: ReviewOutcome,
    findings: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    if found.ended_at.is_none() {
        return Err(Refusal::new("not-carried-out", format!("{id} is {}", found.state))
            .hint(format!("see what it waits for: codeblue change show {id}")));
    }
    if let Some(review) = &found.review {
        return Err(Refusal::new("reviewed-already", format!("{} has reviewed {id}", review.by))
            .hint(format!("nothing is left to do: codeblue change show {id}")));
    }
    if found.state == ChangeState::Validating {
        return Err(Refusal::new("not-validated", format!("nobody else has seen yet that {id} worked"))
            .hint(format!("first: codeblue change validate {id}")));
    }
    let by = outsider(state, found, meta, "review")?.to_owned();
    let review = ChangeReview { by, at: meta.at, outcome, findings: text::paragraph("findings", findings)? };
    Ok(vec![Event::ChangeReviewed { change: id, review }])
}

/// Decides that the review is late.
pub(in crate::domain) fn lapse(state: &State, id: ChangeId, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    let late = found.review_overdue_at.is_none() && found.review_due_at().is_some_and(|due| due <= now);
    Ok(if late { vec![Event::ChangeReviewOverdue { change: id }] } else { Vec::new() })
}

/// A change of an incident whose review is not written: until then the incident stays open.
pub(in crate::domain) fn owed<'a>(state: &'a State, changes: &[ChangeId]) -> Option<&'a Change> {
    changes.iter().filter_map(|id| state.changes.get(id)).find(|change| change.review_due_at().is_some())
}
