//! What others think of a use of break-glass, and until when they have to have looked.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{
    record::{BREAK_GLASS_REVIEW, BREAK_GLASS_REVIEWERS, BreakGlass, ReviewVerdict},
    rules::told,
};
use crate::domain::{BreakGlassId, Command, Event, Meta, Notice, Operator, Refusal, State, next_step, text};
use crate::platform::Role;

/// Decides what another person thinks of it.
pub(in crate::domain) fn review(
    state: &State,
    id: BreakGlassId,
    verdict: ReviewVerdict,
    findings: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let found = state.break_glass(id)?;
    let Some(operator) = meta.actor.operator().and_then(|name| state.operators.get(name)) else {
        return Err(Refusal::new("person-needed", "only people review a break-glass").hint(next_step::A_PERSON));
    };
    may_review(state, found, operator)?;
    let findings = text::line("findings", findings)?;
    let roles = operator.roles.clone();
    let mut events = vec![Event::BreakGlassReviewed { break_glass: id, roles, verdict, findings }];
    if is_enough(state, found, operator) {
        events.push(Event::BreakGlassReviewCompleted { break_glass: id });
    }
    Ok(events)
}

/// Whether somebody may review it now.
fn may_review(state: &State, found: &BreakGlass, operator: &Operator) -> Result<(), Refusal> {
    let id = found.id;
    if found.is_open() {
        return Err(Refusal::new("break-glass-open", format!("{id} is open until {}", found.until.format("%H:%M:%S")))
            .hint(format!("review it when it is over, or end it now: codeblue break-glass revoke {id} --reason WHY")));
    }
    let person = state.person(&operator.name);
    if person == state.person(&found.operator) {
        return Err(Refusal::new("own-break-glass", format!("{} opened {id} and may not review it", found.operator))
            .hint("two others have to: codeblue operator list shows who works here"));
    }
    if involved(state, found).contains(person) {
        let message = format!("{person} asked for a change that was carried out under {id} and may not review it");
        return Err(Refusal::new("break-glass-involved", message)
            .hint("two others have to: codeblue operator list shows who works here"));
    }
    if found.reviews.iter().any(|known| state.person(&known.operator) == person) {
        return Err(Refusal::new("reviewed-already", format!("{person} has reviewed {id} already"))
            .hint(format!("nothing is left for you to do; who is still to look: codeblue break-glass show {id}")));
    }
    if !found.is_review_owed() {
        return Err(Refusal::new("reviewed-already", format!("{id} was reviewed already"))
            .hint(format!("nothing is left to do: codeblue break-glass show {id}")));
    }
    Ok(())
}

/// The people who could review a use of break-glass now.
#[must_use]
pub fn who_may_review<'a>(state: &'a State, glass: &BreakGlass) -> Vec<&'a str> {
    let could = |known: &&Operator| {
        let is_own_name = state.person(&known.name) == known.name;
        is_own_name && known.may_act() && may_review(state, glass, known).is_ok()
    };
    state.operators.values().filter(could).map(|known| known.name.as_str()).collect()
}

/// Everybody who had a hand in it: who opened it, and who asked for what was carried out.
fn involved<'a>(state: &'a State, glass: &'a BreakGlass) -> BTreeSet<&'a str> {
    let changes = glass.acts.iter().filter_map(|act| state.changes.get(&act.change?));
    let authors = changes
        .flat_map(|change| change.requester.operator().into_iter().chain(change.authors.iter().map(String::as_str)));
    let implementers = glass.acts.iter().filter_map(|act| state.recoveries.get(&act.recovery)?.started_by.operator());
    let names = authors.chain(implementers).chain([glass.operator.as_str()]);
    names.map(|name| state.person(name)).collect()
}

fn is_senior(roles: &BTreeSet<Role>) -> bool {
    roles.contains(&Role::Cto) || roles.contains(&Role::ComplianceOfficer)
}

/// Whether one of those who have yet to review it has to be the CTO or the compliance officer: nobody such has, and there is one
/// who may.
#[must_use]
pub fn needs_senior_review(state: &State, glass: &BreakGlass) -> bool {
    let involved = involved(state, glass);
    let reviewed = |known: &Operator| {
        glass.reviews.iter().any(|review| state.person(&review.operator) == state.person(&known.name))
    };
    let mut others = state
        .operators
        .values()
        .filter(|known| !known.disabled && !involved.contains(state.person(&known.name)) && !reviewed(known));
    !glass.reviews.iter().any(|known| is_senior(&known.roles)) && others.any(|known| is_senior(&known.roles))
}

/// Whether one more review by this operator is all it takes.
fn is_enough(state: &State, glass: &BreakGlass, operator: &Operator) -> bool {
    let has_senior = is_senior(&operator.roles) || !needs_senior_review(state, glass);
    glass.reviews.len() + 1 >= BREAK_GLASS_REVIEWERS && has_senior
}

impl BreakGlass {
    fn half_time(&self) -> Option<DateTime<Utc>> {
        Some(self.review_due_at()? - BREAK_GLASS_REVIEW / 2)
    }
}

/// When each review that is owed is reminded of, and when it is overdue.
pub(in crate::domain) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    state.break_glass.values().flat_map(|glass| {
        let break_glass = glass.id;
        let half = glass.half_time().filter(|_| glass.reminded_at.is_none());
        let due = glass.review_due_at().filter(|_| glass.overdue_at.is_none());
        let half = half.map(|at| (at, Command::RemindOfReview { break_glass }));
        half.into_iter().chain(due.map(|at| (at, Command::LapseReview { break_glass })))
    })
}

/// Decides that half the time for a review is over.
pub(in crate::domain) fn remind(state: &State, id: BreakGlassId, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.break_glass(id)?;
    let half = found.half_time().is_some_and(|at| at <= now) && found.reminded_at.is_none();
    let said = format!("{id} of {} still has to be reviewed by {}", found.operator, missing(found));
    Ok(if half { vec![Event::BreakGlassReviewReminded { break_glass: id }, call(found, said)] } else { Vec::new() })
}

/// Decides that a review is overdue.
pub(in crate::domain) fn lapse(state: &State, id: BreakGlassId, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.break_glass(id)?;
    let late = found.review_due_at().is_some_and(|at| at <= now) && found.overdue_at.is_none();
    let said = format!("the review of {id} of {} is overdue: a compliance finding", found.operator);
    Ok(if late { vec![Event::BreakGlassReviewOverdue { break_glass: id }, call(found, said)] } else { Vec::new() })
}

fn missing(glass: &BreakGlass) -> String {
    match BREAK_GLASS_REVIEWERS.saturating_sub(glass.reviews.len()) {
        0 => "the CTO or the compliance officer".to_owned(),
        1 => "one other person".to_owned(),
        more => format!("{more} other people"),
    }
}

fn call(glass: &BreakGlass, reason: String) -> Event {
    Event::PeopleToCall { notice: Notice::new(glass.incident, told(), reason) }
}
