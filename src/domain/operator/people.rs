//! Who may work here: letting people in, giving them roles, and letting them go. What a person may not do for oneself, another
//! has to.

use std::collections::BTreeSet;

use crate::{
    domain::{Actor, ChangeState, Event, Named, Operator, Refusal, State, role_name, text::line},
    platform::{Profile, Role},
};

use super::second_factor::may_lead;

/// Names that one person may have at most.
const ACCOUNTS: usize = 20;

/// Decides that somebody new may work here. Adding a known name changes roles and login instead; the login stays when none is
/// named, as who only meant the roles would otherwise shut that person out.
pub(in crate::domain) fn add(
    state: &State,
    name: &str,
    roles: BTreeSet<Role>,
    login: Option<String>,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    let login = login.or_else(|| state.operators.get(name)?.login.clone());
    let_in(state, name, roles, login, actor)
}

/// Decides the same of somebody as whom no login acts from now on.
pub(in crate::domain) fn add_without_login(
    state: &State,
    name: &str,
    roles: BTreeSet<Role>,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    let_in(state, name, roles, None, actor)
}

fn let_in(
    state: &State,
    name: &str,
    roles: BTreeSet<Role>,
    login: Option<String>,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    may_be_added(state, name, &roles, login.as_ref())?;
    owner_works_here(state, name)?;
    not_the_own_roles(state, actor, name, &roles)?;
    may_change_roles(state, actor, name, &roles)?;
    if state.operators.get(name).is_some_and(|known| known.login != login) {
        may_change(state, actor, name)?;
    }
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
        return Err(Refusal::new("too-many-accounts", format!("{} has {ACCOUNTS} names already", person.name))
            .hint("take one of them away first: codeblue operator disable NAME"));
    }
    may_be_added(state, name, &roles, login.as_ref())?;
    not_the_own_roles(state, actor, &person.name, &roles)?;
    may_change(state, actor, &person.name)?;
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
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown(Named::Operator, name))?;
    if operator.roles == roles {
        return Ok(Vec::new());
    }
    has_roles(name, &roles)?;
    somebody_stays(state, name, &[Operator { roles: roles.clone(), ..operator.clone() }])?;
    not_the_own_roles(state, actor, name, &roles)?;
    may_change_roles(state, actor, name, &roles)?;
    within_the_owners(state, name, &roles)?;
    Ok(vec![Event::RolesChanged { name: name.to_owned(), roles }])
}

/// Decides that somebody may do nothing any more, under no name.
pub(in crate::domain) fn disable(state: &State, name: &str, reason: &str) -> Result<Vec<Event>, Refusal> {
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown(Named::Operator, name))?;
    let reason = if reason.is_empty() { String::new() } else { line("reason", reason)? };
    let going: Vec<&Operator> = match operator.belongs_to {
        Some(_) => vec![operator],
        None => names_of(state, name).collect(),
    };
    let gone: Vec<Operator> = going.iter().map(|gone| Operator { disabled: true, ..Operator::clone(gone) }).collect();
    somebody_stays(state, name, &gone)?;
    let event = |gone: &Operator| Event::OperatorDisabled {
        name: gone.name.clone(),
        reason: reason.clone(),
        duties: duties(state, &gone.name),
    };
    Ok(going.into_iter().filter(|gone| !gone.disabled).map(event).collect())
}

/// Decides that somebody who was disabled may work here again.
pub(in crate::domain) fn enable(state: &State, name: &str, reason: &str) -> Result<Vec<Event>, Refusal> {
    let operator = state.operators.get(name).ok_or_else(|| Refusal::unknown(Named::Operator, name))?;
    if !operator.disabled {
        return Ok(Vec::new());
    }
    owner_works_here(state, name)?;
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
    let known = state.operators.get(name).cloned().unwrap_or_default();
    let (name, roles, login) = (name.to_owned(), roles.clone(), login.cloned());
    somebody_stays(state, &name, &[Operator { name: name.clone(), roles, login, disabled: false, ..known }])
}

/// No account outlives its person.
fn owner_works_here(state: &State, name: &str) -> Result<(), Refusal> {
    let person = state.operators.get(state.person(name)).filter(|person| person.name != name && person.disabled);
    person.map_or(Ok(()), |person| {
        Err(Refusal::new("owner-disabled", format!("{name} belongs to {}, who is disabled", person.name))
            .hint(format!("enable the person first: codeblue operator enable {} --reason WHY", person.name)))
    })
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

/// Somebody can act and a lead can come in also after these have changed: what they cannot do, nobody else could give back.
fn somebody_stays(state: &State, name: &str, changed: &[Operator]) -> Result<(), Refusal> {
    let goes = |counts: fn(&Operator) -> bool| {
        let after = |known: &&Operator| !changed.iter().any(|changed| changed.name == known.name);
        state.operators.values().any(counts) && !state.operators.values().filter(after).chain(changed).any(counts)
    };
    if goes(Operator::may_act) {
        return Err(Refusal::new("last-operator", format!("{name} is the last operator who may act"))
            .hint("add somebody else first: codeblue operator add NAME --role engineer"));
    }
    if goes(|operator| may_lead(operator) && operator.login.is_some()) {
        return Err(Refusal::new("last-operator", format!("{name} is the last technical lead whom a login lets in"))
            .hint("let another in first: codeblue operator add NAME --role technical-lead --login LOGIN"));
    }
    Ok(())
}

/// Nobody widens what he or she may do, under any name; who is alone has nobody to ask.
fn not_the_own_roles(state: &State, actor: &Actor, name: &str, roles: &BTreeSet<Role>) -> Result<(), Refusal> {
    let Some(me) = actor.operator().map(|me| state.person(me)).filter(|me| *me == state.person(name)) else {
        return Ok(());
    };
    let mine: BTreeSet<Role> = names_of(state, me).flat_map(|own| own.roles.iter().copied()).collect();
    // As for approvals: the CTO may stand in for a lead and a lead for an engineer, nobody for compliance.
    let is_more = |role: Role| match role {
        Role::Viewer => false,
        Role::ComplianceOfficer => !mine.contains(&role),
        Role::Engineer | Role::TechnicalLead | Role::Cto => !mine.iter().any(|own| *own >= role && *own <= Role::Cto),
    };
    match roles.iter().find(|role| is_more(**role)) {
        Some(more) if !is_alone(state, me) => {
            Err(Refusal::new("own-roles", format!("{me} may not make oneself {}", role_name(*more)))
                .hint("another technical lead or the CTO has to: codeblue operator list shows who is one"))
        }
        _ => Ok(()),
    }
}

/// Whether nobody else could act.
fn is_alone(state: &State, person: &str) -> bool {
    !state.operators.values().any(|other| other.may_act() && state.person(&other.name) != person)
}

/// Whether this actor may give and take the roles in which a person would differ.
fn may_change_roles(state: &State, actor: &Actor, name: &str, roles: &BTreeSet<Role>) -> Result<(), Refusal> {
    let known = state.operators.get(name).map(|known| known.roles.clone()).unwrap_or_default();
    may_decide(state, actor, name, known.symmetric_difference(roles).copied())
}

/// Whether this actor may change by what somebody is known to be there: login, second factor, keys, accounts.
pub(super) fn may_change(state: &State, actor: &Actor, name: &str) -> Result<(), Refusal> {
    may_decide(state, actor, name, names_of(state, state.person(name)).flat_map(|own| own.roles.iter().copied()))
}

/// Nobody decides who has a role that he or she cannot stand for: one lead could be both pairs of eyes. The first of a role has to
/// come from somewhere, and who is alone has nobody to ask. Who was disabled still counts as one, or a lead could make room.
fn may_decide(state: &State, actor: &Actor, name: &str, mut roles: impl Iterator<Item = Role>) -> Result<(), Refusal> {
    let Some(me) = actor.operator().filter(|me| state.person(me) != state.person(name)) else { return Ok(()) };
    let stands = |role: Role| state.operators.get(me).is_some_and(|me| me.can_stand_for(role));
    let is_held = |role: Role| state.operators.values().any(|known| known.roles.contains(&role));
    let Some(role) = roles.find(|role| *role > Role::Viewer && !stands(*role) && is_held(*role)) else { return Ok(()) };
    if is_alone(state, state.person(me)) {
        return Ok(());
    }
    let can = |other: &&Operator| other.may_act() && other.can_stand_for(role);
    let who: Vec<&str> = state.operators.values().filter(can).map(|other| other.name.as_str()).collect();
    let hint = match who.as_slice() {
        [] => "who owns the engine's home can, with an [[operator]] in the platform file".to_owned(),
        who => format!("{} can", who.join(" or ")),
    };
    let role = role_name(role);
    Err(Refusal::new("beyond-own-roles", format!("who is {role} is not for {me} to decide, who cannot stand for one"))
        .hint(hint))
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

    /// Carol is CTO, Alice a lead with a second name, Erin an engineer.
    fn clinic() -> State {
        let mut state = State::default();
        let people: [(&str, Role, Option<&str>); 4] = [
            ("carol", Role::Cto, None),
            ("alice", Role::TechnicalLead, None),
            ("alice-root", Role::TechnicalLead, Some("alice")),
            ("erin", Role::Engineer, None),
        ];
        for (name, role, owner) in people {
            let operator = Operator {
                name: name.to_owned(),
                roles: [role].into(),
                belongs_to: owner.map(str::to_owned),
                ..Operator::default()
            };
            state.operators.insert(name.to_owned(), operator);
        }
        state
    }

    fn outcome(decided: Result<Vec<Event>, Refusal>) -> Result<usize, String> {
        decided.map(|events| events.len()).map_err(|refusal| refusal.rule)
    }

    fn by(name: &str) -> Actor {
        Actor::Operator(name.to_owned())
    }

    #[test]
    fn nobody_widens_the_own_roles_under_any_name_unless_alone() {
        let mut state = clinic();
        let refused = Err("own-roles".to_owned());
        for (actor, name) in [("alice", "alice"), ("alice-root", "alice"), ("alice", "alice-root")] {
            let roles: BTreeSet<Role> = [Role::Cto].into();
            assert_eq!(outcome(set_roles(&state, name, roles.clone(), &by(actor))), refused, "{actor} {name}");
            assert_eq!(outcome(add(&state, name, roles, None, &by(actor))), refused, "{actor} {name}");
        }
        let account = add_account(&state, "alice-cto", [Role::Cto].into(), None, "alice-root", &by("alice"));
        assert_eq!(outcome(account), refused, "nor with a new name");
        assert_eq!(outcome(set_roles(&state, "alice", [Role::Cto].into(), &by("carol"))), Ok(1), "another may");
        assert_eq!(outcome(set_roles(&state, "alice", [Role::Viewer].into(), &by("alice"))), Ok(1), "less is no gain");
        for name in ["carol", "erin"] {
            state.operators.get_mut(name).expect("known").disabled = true;
        }
        assert_eq!(outcome(set_roles(&state, "alice", [Role::Cto].into(), &by("alice"))), Ok(1), "nobody else could");
    }

    #[test]
    fn nobody_decides_about_a_role_above_the_own_but_the_first_of_it() {
        let mut state = clinic();
        let (cto, lead): (BTreeSet<Role>, BTreeSet<Role>) = ([Role::Cto].into(), [Role::TechnicalLead].into());
        let beyond = Err("beyond-own-roles".to_owned());
        let alice = by("alice");
        assert_eq!(outcome(add(&state, "eve", cto.clone(), None, &alice)), beyond);
        assert_eq!(outcome(set_roles(&state, "erin", cto.clone(), &alice)), beyond);
        assert_eq!(outcome(set_roles(&state, "carol", lead.clone(), &alice)), beyond, "nor takes it away");
        assert_eq!(outcome(add(&state, "carol", cto.clone(), Some("mine".to_owned()), &alice)), beyond, "a login");
        assert_eq!(outcome(add_account(&state, "carol-2", lead.clone(), None, "carol", &alice)), beyond, "a name");
        assert_eq!(outcome(super::super::keys::add(&state, "carol", "ssh-ed25519 AAAA", &alice)), beyond, "a key");
        assert_eq!(outcome(super::super::keys::remove(&state, "carol", "SHA256:0", &alice)), beyond);
        let reset = super::super::second_factor::reset(&state, "carol", "lost", &alice);
        assert_eq!(reset.map_err(|refusal| refusal.next_step().to_owned()), Err("carol can".to_owned()));
        assert_eq!(outcome(set_roles(&state, "erin", lead, &alice)), Ok(1));
        assert_eq!(outcome(set_roles(&state, "erin", cto.clone(), &by("carol"))), Ok(1));
        let officer: BTreeSet<Role> = [Role::ComplianceOfficer].into();
        assert_eq!(outcome(add(&state, "dana", officer, None, &alice)), Ok(1), "the first one");
        state.operators.get_mut("carol").expect("known").disabled = true;
        assert_eq!(outcome(add(&state, "eve", cto.clone(), None, &alice)), beyond, "a lead makes no room");
        assert_eq!(outcome(add(&state, "eve", cto, None, &Actor::Engine)), Ok(1), "the platform file may");
    }

    #[test]
    fn an_account_does_no_more_than_its_person_and_nobody_becomes_one_afterwards() {
        let mut state = clinic();
        let add = |state: &State, name: &str, role, owner: &str| {
            outcome(add_account(state, name, [role].into(), None, owner, &by("carol")))
        };
        assert_eq!(add(&state, "erin-bot", Role::Engineer, "erin"), Ok(2));
        assert_eq!(add(&state, "erin-bot", Role::TechnicalLead, "erin"), Err("account-roles".to_owned()));
        assert_eq!(add(&state, "erin", Role::Engineer, "alice"), Err("operator-known".to_owned()));
        assert_eq!(add(&state, "ghost-bot", Role::Engineer, "ghost"), Err("unknown-owner".to_owned()));
        let more = set_roles(&state, "alice-root", [Role::Cto].into(), &by("carol"));
        assert_eq!(outcome(more), Err("account-roles".to_owned()), "nor later");
        state.operators.get_mut("erin").expect("known").disabled = true;
        assert_eq!(add(&state, "erin-bot", Role::Engineer, "erin"), Err("unknown-owner".to_owned()));
    }

    #[test]
    fn who_leaves_leaves_under_every_name_and_the_last_one_stays() {
        let mut state = clinic();
        assert_eq!(outcome(disable(&state, "alice", "left")), Ok(2));
        assert_eq!(outcome(disable(&state, "alice-root", "not needed")), Ok(1), "an account alone may go");
        for name in ["carol", "erin"] {
            state.operators.get_mut(name).expect("known").disabled = true;
        }
        assert_eq!(outcome(disable(&state, "alice", "left")), Err("last-operator".to_owned()));
        assert_eq!(outcome(disable(&state, "alice-root", "left")), Ok(1));
        state.operators.get_mut("alice").expect("known").disabled = true;
        state.operators.get_mut("alice-root").expect("known").disabled = true;
        assert_eq!(outcome(enable(&state, "alice-root", "back")), Err("owner-disabled".to_owned()));
        let again = add(&state, "alice-root", [Role::Engineer].into(), None, &by("carol"));
        assert_eq!(outcome(again), Err("owner-disabled".to_owned()), "nor by adding it anew");
        assert_eq!(outcome(enable(&state, "alice", "back")), Ok(1));
    }

    #[test]
    fn a_login_stays_until_it_is_taken_away_and_the_last_lead_keeps_it() {
        let mut state = clinic();
        for name in ["alice", "erin"] {
            state.operators.get_mut(name).expect("known").login = Some(name.to_owned());
        }
        let login = |decided: Result<Vec<Event>, Refusal>| match decided.map_err(|refusal| refusal.rule)?.pop() {
            Some(Event::OperatorAdded { login, .. }) => Ok(login),
            other => panic!("{other:?}"),
        };
        let (lead, engineer): (BTreeSet<Role>, BTreeSet<Role>) =
            ([Role::TechnicalLead].into(), [Role::Engineer].into());
        let last = Err("last-operator".to_owned());
        assert_eq!(login(add(&state, "alice", lead.clone(), None, &by("alice"))), Ok(Some("alice".to_owned())));
        assert_eq!(login(add_without_login(&state, "erin", engineer.clone(), &by("alice"))), Ok(None));
        assert_eq!(login(add_without_login(&state, "alice", lead, &by("alice"))), last);
        assert_eq!(login(add(&state, "alice", engineer.clone(), None, &by("alice"))), last, "nor is she demoted");
        assert_eq!(
            outcome(set_roles(&state, "alice", engineer.clone(), &by("alice"))),
            Err("last-operator".to_owned())
        );
        assert_eq!(outcome(disable(&state, "alice", "left")), Err("last-operator".to_owned()));
        state.operators.get_mut("carol").expect("known").login = Some("carol".to_owned());
        assert_eq!(outcome(set_roles(&state, "alice", engineer, &by("alice"))), Ok(1), "the CTO can come in");
    }

    #[test]
    fn a_journal_has_a_first_operator_only_where_nobody_has_that_login() {
        let mut state = State::default();
        assert_eq!(outcome(make_first(&state, "root")), Ok(1));
        let carol = Operator { name: "carol".to_owned(), login: Some("root".to_owned()), ..Operator::default() };
        state.operators.insert("carol".to_owned(), carol);
        assert_eq!(outcome(make_first(&state, "root")), Ok(0), "the platform file has given the login a name");
        assert_eq!(outcome(make_first(&state, "carol")), Err("operator-known".to_owned()), "a name is not taken over");
    }
}
