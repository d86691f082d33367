//! Who may work here: letting people in, giving them roles, and letting them go. What a person may not do for oneself, another
//! has to.

use std::collections::BTreeSet;

use crate::{
    domain::{Actor, ChangeState, Event, Operator, Refusal, State, incident::line, role_name},
    platform::{Profile, Role},
};

/// Names that one person may have at most.
const ACCOUNTS: usize = 20;

/// Decides that somebody new may work here. Adding a known name changes roles and login instead.
pub(in crate::domain) fn add(
    state: &State,
    name: &str,
    roles: BTreeSet<Role>,
    login: Option<String>,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    may_be_added(state, name, &roles, login.as_ref())?;
    not_the_own_roles(state, actor, name, &roles)?;
    within_the_owners(state, name, &roles)?;
    Ok(vec![Event::OperatorAdded { name: name.to_owned(), roles, login }])
}

/// Decides that somebody known gets another name, or a service account: both are one person.
pub(in crate::domain) fn add_account(
    state: &State,
    name: &str,
    roles: BTreeSet<Role>,
    login: Option<String>,
    owner: &str,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    let person = state.operators.get(state.person(owner)).filter(|person| !person.disabled);
    let person = person.ok_or_else(|| {
        Refusal::new("unknown-owner", format!("{owner} is nobody who works here"))
            .hint("name the operator whose account it is; see: codeblue operator list")
    })?;
    if let Some(known) = state.operators.get(name) {
        let whose = if known.belongs_to.is_some() { state.person(name) } else { "a person of its own" };
        return Err(Refusal::new("operator-known", format!("{name} is known already, as {whose}"))
            .hint("give the account another name: two people in the record do not become one afterwards"));
    }
    if names_of(state, &person.name).count() >= ACCOUNTS {
        return Err(Refusal::new("too-many-accounts", format!("{} has {ACCOUNTS} names already", person.name)));
    }
    may_be_added(state, name, &roles, login.as_ref())?;
    not_the_own_roles(state, actor, &person.name, &roles)?;
    no_more_than(person, name, &roles)?;
    let name = name.to_owned();
    Ok(vec![
        Event::OperatorAdded { name: name.clone(), roles, login },
        Event::OperatorLinked { name, belongs_to: person.name.clone() },
    ])
}

/// Decides who may do what from now on.
pub(in crate::domain) fn set_roles(
    state: &State,
    name: &str,
    roles: BTreeSet<Role>,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown("operator", name))?;
    if operator.roles == roles {
        return Ok(Vec::new());
    }
    has_roles(name, &roles)?;
    not_the_last(state, name, &roles)?;
    not_the_own_roles(state, actor, name, &roles)?;
    within_the_owners(state, name, &roles)?;
    Ok(vec![Event::RolesChanged { name: name.to_owned(), roles }])
}

/// Decides that somebody may do nothing any more, under no name.
pub(in crate::domain) fn disable(state: &State, name: &str, reason: &str) -> Result<Vec<Event>, Refusal> {
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown("operator", name))?;
    let reason = if reason.is_empty() { String::new() } else { line("reason", reason)? };
    let going: Vec<&Operator> = match operator.belongs_to {
        Some(_) => vec![operator],
        None => names_of(state, name).collect(),
    };
    let stays = |other: &Operator| other.may_act() && going.iter().all(|gone| gone.name != other.name);
    if going.iter().any(|gone| gone.may_act()) && !state.operators.values().any(stays) {
        return Err(last(name));
    }
    let event = |gone: &Operator| Event::OperatorDisabled {
        name: gone.name.clone(),
        reason: reason.clone(),
        duties: duties(state, &gone.name),
    };
    Ok(going.into_iter().filter(|gone| !gone.disabled).map(event).collect())
}

/// Decides that somebody who was disabled may work here again.
pub(in crate::domain) fn enable(state: &State, name: &str, reason: &str) -> Result<Vec<Event>, Refusal> {
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown("operator", name))?;
    if !operator.disabled {
        return Ok(Vec::new());
    }
    if state.operators.get(state.person(name)).is_some_and(|person| person.name != name && person.disabled) {
        return Err(Refusal::new(
            "owner-disabled",
            format!("{name} belongs to {}, who is disabled", state.person(name)),
        )
        .hint("enable the person first"));
    }
    login_is_free(state, name, operator.login.as_ref())?;
    Ok(vec![Event::OperatorEnabled { name: name.to_owned(), reason: line("reason", reason)? }])
}

/// Decides that the login which starts the first engine of a journal may act: somebody has to, to let others in.
pub(in crate::domain) fn make_first(state: &State, login: &str) -> Result<Vec<Event>, Refusal> {
    if state.operators.values().any(|known| known.login.as_deref() == Some(login)) {
        return Ok(Vec::new());
    }
    if state.operators.contains_key(login) {
        return Err(Refusal::new("operator-known", format!("{login} is another operator's name already"))
            .hint("give that operator this login in the platform file"));
    }
    Ok(vec![Event::FirstOperatorMade {
        name: login.to_owned(),
        login: login.to_owned(),
        reason: "this login started the first engine of a journal in which nobody could act yet".to_owned(),
    }])
}

/// What is open and in somebody's hands.
#[must_use]
fn duties(state: &State, name: &str) -> Vec<String> {
    let mut duties = Vec::new();
    for incident in state.incidents.values() {
        if incident.state.is_open() {
            for (role, _) in incident.roles.iter().filter(|(_, operator)| *operator == name) {
                duties.push(format!("{} of {}", format!("{role:?}").to_lowercase(), incident.id));
            }
        }
        for (item, number) in incident.post_mortem.actions.iter().zip(1..) {
            if item.owner.as_deref() == Some(name) && item.done_at.is_none() {
                duties.push(format!("action item {number} of {}", incident.id));
            }
        }
    }
    for change in state.changes.values() {
        let open = matches!(change.state, ChangeState::Pending | ChangeState::Approved | ChangeState::Implementing);
        if open && change.requester.operator() == Some(name) {
            duties.push(format!("requester of {}", change.id));
        }
    }
    duties
}

/// Every name of a person.
fn names_of<'a>(state: &'a State, person: &'a str) -> impl Iterator<Item = &'a Operator> {
    state.operators.values().filter(move |operator| state.person(&operator.name) == person)
}

fn may_be_added(state: &State, name: &str, roles: &BTreeSet<Role>, login: Option<&String>) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > 64 || name.chars().any(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(c))) {
        return Err(Refusal::new("operator-name", format!("{name:?} is no operator name"))
            .hint("use up to 64 letters, digits, - _ and ."));
    }
    has_roles(name, roles)?;
    login_is_free(state, name, login)?;
    not_the_last(state, name, roles)
}

fn has_roles(name: &str, roles: &BTreeSet<Role>) -> Result<(), Refusal> {
    if !roles.is_empty() {
        return Ok(());
    }
    Err(Refusal::new("operator-roles", format!("{name} would have no role"))
        .hint("give at least one of viewer, engineer, technical-lead, cto, compliance-officer"))
}

/// Two names for one login would be two pairs of eyes for one person.
fn login_is_free(state: &State, name: &str, login: Option<&String>) -> Result<(), Refusal> {
    let taken = state
        .operators
        .values()
        .find(|other| other.name != name && !other.disabled && login.is_some() && other.login.as_ref() == login);
    match taken {
        Some(other) if state.platform.profile != Profile::Drill => {
            Err(Refusal::new("login-taken", format!("this login is operator {} already", other.name))
                .hint("outside drills a login is one operator; give the new one a login of its own"))
        }
        _ => Ok(()),
    }
}

fn not_the_last(state: &State, name: &str, roles: &BTreeSet<Role>) -> Result<(), Refusal> {
    if !roles.iter().any(|role| *role >= Role::Engineer) && is_last(state, name) {
        return Err(last(name));
    }
    Ok(())
}

/// Nobody widens what he or she may do, under any name; who is alone has nobody to ask.
fn not_the_own_roles(state: &State, actor: &Actor, name: &str, roles: &BTreeSet<Role>) -> Result<(), Refusal> {
    let Some(me) = actor.operator().map(|me| state.person(me)).filter(|me| *me == state.person(name)) else {
        return Ok(());
    };
    let mine: BTreeSet<Role> = names_of(state, me).flat_map(|own| own.roles.iter().copied()).collect();
    let alone = !state.operators.values().any(|other| other.may_act() && state.person(&other.name) != me);
    match roles.difference(&mine).next() {
        Some(more) if !alone => {
            Err(Refusal::new("own-roles", format!("{me} may not make oneself {}", role_name(*more)))
                .hint("another technical lead or the CTO has to"))
        }
        _ => Ok(()),
    }
}

/// An account may do no more than the person whose it is.
fn within_the_owners(state: &State, name: &str, roles: &BTreeSet<Role>) -> Result<(), Refusal> {
    let person = state.operators.get(state.person(name)).filter(|person| person.name != name);
    person.map_or(Ok(()), |person| no_more_than(person, name, roles))
}

fn no_more_than(person: &Operator, name: &str, roles: &BTreeSet<Role>) -> Result<(), Refusal> {
    match roles.iter().find(|role| !person.roles.contains(role) && !person.can_stand_for(**role)) {
        Some(more) if *more > Role::Viewer => Err(Refusal::new(
            "account-roles",
            format!("{name} would be {}, which {} is not", role_name(*more), person.name),
        )
        .hint("an account may do no more than the person whose it is")),
        _ => Ok(()),
    }
}

/// Whether nobody could act any more without this operator.
fn is_last(state: &State, name: &str) -> bool {
    state.operators.get(name).is_some_and(Operator::may_act)
        && !state.operators.values().any(|other| other.may_act() && other.name != name)
}

fn last(name: &str) -> Refusal {
    Refusal::new("last-operator", format!("{name} is the last operator who may act")).hint("add somebody else first")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Platform;

    #[test]
    fn outside_drills_a_login_is_one_operator() {
        let mut state = State::default();
        let person = |name: &str, disabled| Operator {
            name: name.to_owned(),
            roles: [Role::TechnicalLead].into(),
            login: Some("ops".to_owned()),
            disabled,
            ..Operator::default()
        };
        state.operators.insert("alice".to_owned(), person("alice", false));
        let profile = |state: &mut State, profile| {
            state.platform = Platform { profile, ..Platform::clone(&state.platform) }.into();
        };
        let again = |state: &State, name: &str, login: &str| {
            add(state, name, [Role::Cto].into(), Some(login.to_owned()), &Actor::Engine).map_err(|refusal| refusal.rule)
        };
        profile(&mut state, Profile::Production);
        assert_eq!(again(&state, "aaron", "ops"), Err("login-taken".to_owned()));
        assert!(again(&state, "aaron", "aaron").is_ok());
        assert!(again(&state, "alice", "ops").is_ok(), "roles of a known operator may change");
        profile(&mut state, Profile::Drill);
        assert!(again(&state, "aaron", "ops").is_ok());
        profile(&mut state, Profile::Production);
        state.operators.insert("alice".to_owned(), person("alice", true));
        assert!(again(&state, "aaron", "ops").is_ok(), "who is disabled holds no login");
    }
}
