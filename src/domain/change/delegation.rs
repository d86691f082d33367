//! Who agrees for whom while somebody is away: for one role, for a time, to somebody just one rung below.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Approval, Change, quorum, role_name};
use crate::domain::{Event, Meta, Named, Operator, Recorded, Refusal, State, next_step, text};
use crate::platform::Role;

/// Nobody is away for longer without somebody taking the role.
const LONGEST: TimeDelta = TimeDelta::days(31);

/// Somebody may agree in another's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delegation {
    /// Whose place.
    pub from: String,
    /// Who.
    pub to: String,
    /// For which role.
    pub role: Role,
    /// For changes to these services only; to any when empty.
    #[serde(default)]
    pub services: Vec<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

impl Delegation {
    fn holds(&self, change: &Change, at: DateTime<Utc>) -> bool {
        let within = self.services.is_empty() || change.plan.services.iter().all(|name| self.services.contains(name));
        within && self.since <= at && at < self.until
    }

    /// Whether an approval was given with it.
    pub(super) fn covers(&self, change: &Change, approval: &Approval, from: &str) -> bool {
        self.from == from
            && self.to == approval.operator
            && self.role == approval.role
            && self.holds(change, approval.at)
    }
}

/// The role that somebody may fill in another's place now: with whichever delegation fills one.
pub(super) fn role_with_one(
    state: &State,
    change: &Change,
    (from, to): (&str, &str),
    at: DateTime<Utc>,
) -> Result<Role, Refusal> {
    let mut refused =
        Refusal::new("no-delegation", format!("{from} has delegated nothing to {to} that covers {} now", change.id))
            .hint(format!("{from} can: codeblue change delegate --to {to} --for 8h --reason WHY"));
    let between = state.delegations.iter().filter(|delegation| delegation.from == from && delegation.to == to);
    for delegation in between.filter(|delegation| delegation.holds(change, at)) {
        match quorum::role_to_fill_for(state, change, delegation) {
            Ok(role) => return Ok(role),
            Err(refusal) => refused = refusal,
        }
    }
    Err(refused)
}

/// What somebody delegates.
pub(in crate::domain) struct Wish<'a> {
    pub(in crate::domain) to: &'a str,
    pub(in crate::domain) role: Role,
    pub(in crate::domain) services: Vec<String>,
    pub(in crate::domain) until: DateTime<Utc>,
    pub(in crate::domain) reason: &'a str,
}

/// Decides that somebody may agree in the actor's place.
pub(in crate::domain) fn delegate(state: &State, wish: Wish<'_>, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let Wish { to, role, services, until, reason } = wish;
    let from = meta
        .actor
        .operator()
        .ok_or_else(|| Refusal::new("person-needed", "only a person can delegate").hint(next_step::A_PERSON))?;
    let delegator = state.operators.get(from).ok_or_else(|| Refusal::unknown(Named::Operator, from))?;
    let deputy = state.operators.get(to).ok_or_else(|| Refusal::unknown(Named::Operator, to))?;
    // What was delegated to the delegator is not the delegator's own.
    if !delegator.can_stand_for(role) {
        return Err(Refusal::new(
            "role-needed",
            format!("{from} is no {} and has nothing to delegate", role_name(role)),
        )
        .hint("who holds the role delegates it: codeblue operator list"));
    }
    if state.person(from) == state.person(to) {
        return Err(Refusal::new("same-person", format!("{to} is the same person as {from}"))
            .hint("name somebody else: codeblue operator list"));
    }
    if !may_deputise(deputy, role) {
        return Err(Refusal::new("delegate-not-eligible", format!("{to} may not stand in for a {}", role_name(role)))
            .hint("a deputy holds the role itself or the one just below; compliance is delegated to compliance only"));
    }
    for service in &services {
        state.platform.service(service).ok_or_else(|| Refusal::unknown(Named::Service, service))?;
    }
    if until <= meta.at {
        return Err(Refusal::new("delegation-over", "the delegation would be over already")
            .hint("give a time to come: --for 8h"));
    }
    if until - meta.at > LONGEST {
        let days = LONGEST.num_days();
        return Err(Refusal::new("delegation-too-long", format!("a delegation ends after {days} days"))
            .hint("give it a shorter time with --for, or the role to somebody else: codeblue operator role"));
    }
    let delegation = Delegation {
        from: from.to_owned(),
        to: to.to_owned(),
        role,
        services,
        since: meta.at,
        until,
        reason: text::line("reason", reason)?,
    };
    Ok(vec![Event::ApprovalDelegated { delegation }])
}

/// Decides that the actor's delegations to somebody end now.
pub(in crate::domain) fn end(state: &State, to: &str, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let from = meta
        .actor
        .operator()
        .ok_or_else(|| Refusal::new("person-needed", "only a person can delegate").hint(next_step::A_PERSON))?;
    let runs = |delegation: &&Delegation| delegation.from == from && delegation.to == to && delegation.until > meta.at;
    if !state.delegations.iter().any(|delegation| runs(&delegation)) {
        return Err(Refusal::new("no-delegation", format!("{from} has delegated nothing to {to}"))
            .hint("nothing is left to end; what is delegated: codeblue change delegate"));
    }
    Ok(vec![Event::DelegationEnded { from: from.to_owned(), to: to.to_owned() }])
}

/// Who holds the role itself or the one just below may stand in for it.
fn may_deputise(deputy: &Operator, role: Role) -> bool {
    let below = match role {
        Role::Cto => Role::TechnicalLead,
        Role::TechnicalLead | Role::Engineer => Role::Engineer,
        Role::ComplianceOfficer | Role::Viewer => role,
    };
    deputy.may_act() && deputy.can_stand_for(below)
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    match &recorded.event {
        Event::ApprovalDelegated { delegation } => {
            // What ended before anything open was submitted decides nothing any more.
            let oldest =
                state.changes.values().filter(|change| change.state.is_open()).map(|change| change.submitted_at);
            let needed = oldest.min().unwrap_or(recorded.at).min(recorded.at);
            state.delegations.retain(|known| known.until > needed);
            state.delegations.push(delegation.clone());
        }
        Event::DelegationEnded { from, to } => {
            // An approval that was given with it does not count any more either: it is gone, not only over.
            state.delegations.retain(|known| known.from != *from || known.to != *to);
        }
        _ => {}
    }
}
