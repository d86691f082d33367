//! Whose agreement counts now, and whose is missing.
//!
//! It is found anew from the approvals, the people and the delegations each time it is asked, never remembered: who was
//! disabled, lost a role or took a delegation back does not count any more, whatever was true when he agreed.

use std::collections::BTreeSet;

use super::{Approval, Change, ChangeState, Delegation, role_name};
use crate::domain::{Actor, Named, Operator, Refusal, State, drill, next_step};
use crate::platform::Role;

/// An approval that counts, with the persons it stands for and the roles it can fill.
struct Vote<'a> {
    persons: BTreeSet<&'a str>,
    roles: BTreeSet<Role>,
}

impl Vote<'_> {
    fn fills(&self, role: Role) -> bool {
        stands_for(&self.roles, role)
    }
}

/// Whether somebody with these roles may agree where `role` is asked for: a higher one stands in for a lower one, nobody
/// stands in for compliance.
fn stands_for(roles: &BTreeSet<Role>, role: Role) -> bool {
    match role {
        Role::ComplianceOfficer | Role::Viewer => roles.contains(&role),
        Role::Engineer | Role::TechnicalLead | Role::Cto => roles.iter().any(|own| *own >= role && *own <= Role::Cto),
    }
}

/// The person behind an actor's name.
pub(in crate::domain) fn person_of<'a>(state: &'a State, actor: &'a Actor) -> Option<&'a str> {
    actor.operator().map(|name| state.person(name))
}

/// Whether one of those who wrote the change is this person, under whatever name.
pub(in crate::domain) fn is_author(state: &State, change: &Change, operator: &str) -> bool {
    let person = state.person(operator);
    person_of(state, &change.requester) == Some(person)
        || change.authors.iter().any(|name| state.person(name) == person)
}

/// The votes of this round that count: of people who may act, did not write it, and still hold what they agreed with.
fn votes<'a>(state: &'a State, change: &'a Change) -> Vec<Vote<'a>> {
    let counts =
        |approval: &&Approval| approval.plan_hash == change.plan_hash && !is_author(state, change, &approval.operator);
    change.current_approvals().filter(counts).filter_map(|approval| vote(state, change, approval)).collect()
}

fn vote<'a>(state: &'a State, change: &'a Change, approval: &'a Approval) -> Option<Vote<'a>> {
    let voter = state.operators.get(&approval.operator).filter(|voter| voter.may_act())?;
    let mut persons = BTreeSet::from([state.person(&voter.name)]);
    let held = match &approval.on_behalf_of {
        None => held(voter, approval),
        Some(name) => {
            let delegator = state.operators.get(name).filter(|delegator| delegator.may_act())?;
            let delegated = state.delegations.iter().find(|delegation| delegation.covers(change, approval, name))?;
            if is_author(state, change, name) || !delegator.can_stand_for(delegated.role) {
                return None;
            }
            persons.insert(state.person(name));
            BTreeSet::from([delegated.role])
        }
    };
    Some(Vote { persons, roles: held })
}

/// The roles that were held when it was given, and still are. Old records do not say which those were.
fn held(voter: &Operator, approval: &Approval) -> BTreeSet<Role> {
    let then = if approval.roles.is_empty() { BTreeSet::from([approval.role]) } else { approval.roles.clone() };
    [Role::Engineer, Role::TechnicalLead, Role::Cto, Role::ComplianceOfficer]
        .into_iter()
        .filter(|role| stands_for(&then, *role) && voter.can_stand_for(*role))
        .collect()
}

/// The most of the roles asked that can be filled, each by another vote and no person twice; gives those left over.
fn unfilled(required: &[Role], votes: &[Vote<'_>]) -> Vec<Role> {
    let Some((role, rest)) = required.split_first() else { return Vec::new() };
    let mut best = unfilled(rest, votes);
    best.insert(0, *role);
    for (index, vote) in votes.iter().enumerate().filter(|(_, vote)| vote.fills(*role)) {
        let left: Vec<Vote<'_>> = votes
            .iter()
            .enumerate()
            .filter(|(other, found)| *other != index && found.persons.is_disjoint(&vote.persons))
            .map(|(_, found)| Vote { persons: found.persons.clone(), roles: found.roles.clone() })
            .collect();
        let without = unfilled(rest, &left);
        if without.len() < best.len() {
            best = without;
        }
    }
    best
}

/// The roles that nobody whose agreement counts now has agreed for.
#[must_use]
pub fn missing_roles(state: &State, change: &Change) -> Vec<Role> {
    unfilled(&required_now(state, change), &votes(state, change))
}

/// What was asked when the round began, and what the policy in force asks beyond that.
pub(super) fn required_now(state: &State, change: &Change) -> Vec<Role> {
    let mut required = change.terms.required.clone();
    let today = super::Terms::of(&state.platform, change.kind, &change.plan, &change.risk).required;
    let full: Vec<Vote<'_>> =
        required.iter().map(|role| Vote { persons: BTreeSet::new(), roles: BTreeSet::from([*role]) }).collect();
    required.extend(unfilled(&today, &full));
    required.sort();
    required
}

/// The operators whose agreement would bring the change further, whatever they did so far in this round.
#[must_use]
pub fn who_may_approve<'a>(state: &'a State, change: &Change) -> Vec<(Role, Vec<&'a str>)> {
    let able = |role: Role| {
        let able = state.operators.values().filter(|person| {
            person.may_act()
                && person.can_stand_for(role)
                && !is_author(state, change, &person.name)
                && person.belongs_to.is_none()
                && drill::is_there(state, &person.name).is_ok()
        });
        able.filter(|person| may_vote(state, change, &person.name).is_ok()).map(|person| person.name.as_str()).collect()
    };
    missing_roles(state, change).into_iter().map(|role| (role, able(role))).collect()
}

/// Roles still asked for that all the people there are could not fill together: then it waits in vain.
#[must_use]
pub fn unsatisfiable(state: &State, change: &Change) -> Vec<Role> {
    let mut all = votes(state, change);
    let able = |name: &str| may_vote(state, change, name).is_ok() && drill::is_there(state, name).is_ok();
    for person in state.operators.values().filter(|person| able(&person.name)) {
        all.push(Vote { persons: BTreeSet::from([state.person(&person.name)]), roles: person.roles.clone() });
    }
    unfilled(&required_now(state, change), &all)
}

/// Whether this operator may vote at all on it now.
pub(super) fn may_vote(state: &State, change: &Change, operator: &str) -> Result<(), Refusal> {
    let person = state.operators.get(operator).ok_or_else(|| Refusal::unknown(Named::Operator, operator))?;
    if !person.may_act() {
        return Err(Refusal::new("operator-may-not", format!("{operator} may not approve")).hint(next_step::WHO_MAY));
    }
    let id = change.id;
    if change.requester == Actor::Operator(operator.to_owned()) {
        return Err(Refusal::new("own-change", format!("{operator} requested {id} and may not approve it"))
            .hint(format!("somebody else has to: codeblue change show {id} says who may")));
    }
    if change.authors.contains(operator) {
        return Err(Refusal::new("co-author", format!("{operator} wrote part of {id} and may not approve it"))
            .hint(format!("somebody else has to: codeblue change show {id} says who may")));
    }
    if is_author(state, change, operator) {
        let message = format!("{operator} is another name of {}, who wrote {id}", state.person(operator));
        return Err(Refusal::new("own-change", message)
            .hint(format!("somebody else has to: codeblue change show {id} says who may")));
    }
    let me = state.person(operator);
    let same = change.current_approvals().find(|approval| {
        state.person(&approval.operator) == me
            || approval.on_behalf_of.as_deref().is_some_and(|name| state.person(name) == me)
    });
    if let Some(approval) = same {
        let rule = if approval.operator == operator { "approved-already" } else { "same-person" };
        return Err(Refusal::new(rule, format!("{operator} has approved {id} already, as {}", approval.operator))
            .hint("somebody else with that role has to: codeblue operator list shows who has it"));
    }
    Ok(())
}

/// The role for which an operator's yes would count, or why it would not.
///
/// # Errors
/// The rule that stands against it.
pub fn role_to_fill(state: &State, change: &Change, operator: &str) -> Result<Role, Refusal> {
    if change.state != ChangeState::Pending {
        return Err(Refusal::new("change-not-pending", format!("{} is {}", change.id, change.state))
            .hint(format!("nothing is left to decide; what became of it: codeblue change show {}", change.id)));
    }
    may_vote(state, change, operator)?;
    let person = state.operators.get(operator).ok_or_else(|| Refusal::unknown(Named::Operator, operator))?;
    fills(
        state,
        change,
        Vote { persons: BTreeSet::from([state.person(operator)]), roles: person.roles.clone() },
        operator,
    )
}

/// The role for which somebody's yes would count in another's place, or why it would not.
pub(super) fn role_to_fill_for(state: &State, change: &Change, delegation: &Delegation) -> Result<Role, Refusal> {
    if change.state != ChangeState::Pending {
        return Err(Refusal::new("change-not-pending", format!("{} is {}", change.id, change.state))
            .hint(format!("nothing is left to decide; what became of it: codeblue change show {}", change.id)));
    }
    let names = [delegation.to.as_str(), delegation.from.as_str()];
    for name in names {
        may_vote(state, change, name)?;
    }
    let (from, role) = (&delegation.from, delegation.role);
    if !state.operators.get(from).is_some_and(|delegator| delegator.can_stand_for(role)) {
        return Err(Refusal::new("role-needed", format!("{from} is no {} any more", role_name(role)))
            .hint("what somebody has delegated goes with the role"));
    }
    let vote = Vote {
        persons: names.into_iter().map(|name| state.person(name)).collect(),
        roles: BTreeSet::from([delegation.role]),
    };
    fills(state, change, vote, &delegation.from).map(|_| delegation.role)
}

/// A vote counts when fewer roles are missing with it: however the others are shared out among those who agreed.
fn fills(state: &State, change: &Change, vote: Vote<'_>, operator: &str) -> Result<Role, Refusal> {
    let required = required_now(state, change);
    let mut votes = votes(state, change);
    let missing = unfilled(&required, &votes);
    let able = |roles: &[Role]| roles.iter().rev().copied().find(|role| vote.fills(*role));
    let role = able(&missing).or_else(|| able(&required));
    votes.push(vote);
    match role {
        Some(role) if unfilled(&required, &votes).len() < missing.len() => Ok(role),
        _ => {
            let asked: Vec<&str> = missing.iter().map(|role| role_name(*role)).collect();
            let able: BTreeSet<&str> =
                who_may_approve(state, change).into_iter().flat_map(|(_, names)| names).collect();
            let able: Vec<&str> = able.into_iter().collect();
            let next = match (asked.as_slice(), able.as_slice()) {
                ([], _) => format!("nothing is left to do: codeblue change show {}", change.id),
                (_, []) => "nobody here can: codeblue operator list".to_owned(),
                (_, able) => format!("{operator} does not hold that role; {} can", able.join(" or ")),
            };
            let message = match asked.as_slice() {
                [] => format!("everybody who has to has agreed to {}", change.id),
                asked => format!("{} waits for the {}", change.id, asked.join(" and the ")),
            };
            Err(Refusal::new("role-needed", message).hint(next))
        }
    }
}
