//! What a person can say about a change now, by the rules' own word, and what would come of it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    action::{Action, named},
    form::{Form, Writing},
    model::Model,
    preview::{Follow, Foreseen, give, refusal},
    text,
};
use crate::{
    domain::{
        Change, ChangeId, ChangeState, Command, Operator, ReviewOutcome, State, WayBack, missing_roles, role_name,
        role_to_fill, who_may_approve,
    },
    platform::Role,
};

/// Stands where words are still to be written, so that the rules can be asked beforehand.
pub(super) const UNWRITTEN: &str = "-";
/// Changes that are over, at the end of the list.
const OVER: usize = 20;

/// Where a change stands for the one who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// The one who looks could decide it.
    You,
    /// Somebody else has to decide it.
    Others,
    /// It was carried out, and the one who looks can see that it worked, or review it.
    Owed,
    /// It is about to be carried out, or is; or others still owe it something.
    UnderWay,
    /// Nothing more comes of it.
    Over,
}

impl Queue {
    /// All of them, in the order shown.
    pub const ALL: [Self; 5] = [Self::You, Self::Others, Self::Owed, Self::UnderWay, Self::Over];
}

/// What is still to be done about a change that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// Somebody who had no part in it has to see that it worked.
    Validation,
    /// What was learned has to be written down by then.
    Review(DateTime<Utc>),
}

/// In whose name somebody could approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// In whose place; none for the own.
    pub of: Option<String>,
    /// As what.
    pub role: Role,
}

/// What is still owed to a change, the first of it first.
#[must_use]
pub fn owed(change: &Change) -> Option<Owed> {
    match change.state {
        ChangeState::Validating => Some(Owed::Validation),
        _ => change.review_due_at().map(Owed::Review),
    }
}

impl Model {
    /// The name of the one who looks.
    #[must_use]
    pub fn my_name(&self) -> &str {
        self.me.as_ref().map(|me| me.name.as_str()).unwrap_or_default()
    }

    /// In whose name the one who looks could approve a change.
    #[must_use]
    pub fn seats(&self, change: &Change) -> Vec<Seat> {
        let me = self.my_name();
        let own = role_to_fill(&self.state, change, me).ok().map(|role| Seat { of: None, role });
        let mut seats: Vec<Seat> = own.into_iter().collect();
        for lent in self.state.delegations.iter().filter(|lent| lent.to == me && lent.until > self.now) {
            let of = Some(lent.from.clone());
            let known = seats.iter().any(|seat| seat.of == of);
            if !known && refusal(self, approval(change, of.clone(), String::new())).is_none() {
                seats.push(Seat { of, role: lent.role });
            }
        }
        seats
    }

    /// Where a change stands for the one who looks.
    #[must_use]
    pub fn queue_of(&self, change: &Change) -> Queue {
        let unwritten = || UNWRITTEN.to_owned();
        let mine = |owed| match owed {
            Owed::Validation => Command::ValidateChange { change: change.id, passed: true, note: unwritten() },
            Owed::Review(_) => {
                let outcome = ReviewOutcome::Successful;
                Command::ReviewChange { change: change.id, outcome, findings: unwritten() }
            }
        };
        match (change.state, owed(change)) {
            (ChangeState::Pending, _) if self.seats(change).is_empty() => Queue::Others,
            (ChangeState::Pending, _) => Queue::You,
            (ChangeState::Approved | ChangeState::Implementing, _) => Queue::UnderWay,
            (_, Some(owed)) if refusal(self, mine(owed)).is_none() => Queue::Owed,
            (_, Some(_)) => Queue::UnderWay,
            (_, None) => Queue::Over,
        }
    }

    /// Every change that matters now, by where it stands for the one who looks, each group the most urgent first; then the
    /// newest of those that are over.
    #[must_use]
    pub fn queue(&self) -> Vec<(Queue, &Change)> {
        let mut queue: Vec<(Queue, &Change)> =
            self.state.changes.values().map(|change| (self.queue_of(change), change)).collect();
        queue.sort_by_key(|(queue, change)| {
            let by = match (queue, owed(change)) {
                (Queue::You | Queue::Others, _) => Some(change.expires_at),
                (_, Some(Owed::Review(due))) => Some(due),
                (_, Some(Owed::Validation)) => change.ended_at,
                (Queue::UnderWay, None) => change.execute_by(),
                _ => None,
            };
            let calm = !matches!(owed(change), Some(Owed::Review(due)) if due <= self.now);
            (*queue, calm, by, std::cmp::Reverse(change.id))
        });
        let over = queue.iter().position(|(queue, _)| *queue == Queue::Over).unwrap_or(queue.len());
        queue.truncate(over + OVER);
        queue
    }

    /// What can be done now about the change whose page is open, the most useful first.
    #[must_use]
    pub fn ways(&self) -> Vec<&'static Action> {
        let names = ["approve", "validate", "review", "implement", "cancel", "reject", "revoke", "withdraw", "undo"];
        names.into_iter().filter_map(named).filter(|action| (action.disabled)(self).is_none()).collect()
    }

    /// People to whom one of the own roles can be handed, and those roles.
    pub(super) fn deputies(&self) -> (Vec<&str>, Vec<Role>) {
        let roles: Vec<Role> = [Role::ComplianceOfficer, Role::Cto, Role::TechnicalLead, Role::Engineer]
            .into_iter()
            .filter(|role| self.me.as_ref().is_some_and(|me| me.roles.contains(role)))
            .collect();
        let could = |person: &&Operator| {
            roles.iter().any(|role| refusal(self, delegation(person.name.clone(), *role, self.now)).is_none())
        };
        let people = self.state.operators.values().filter(could).map(|person| person.name.as_str()).collect();
        (people, roles)
    }
}

fn delegation(to: String, role: Role, now: DateTime<Utc>) -> Command {
    let until = now + TimeDelta::hours(1);
    Command::DelegateApproval { to, role, until, services: Vec::new(), reason: UNWRITTEN.to_owned() }
}

/// A yes to the plan that a change has now.
fn approval(change: &Change, on_behalf_of: Option<String>, reason: String) -> Command {
    Command::ApproveChange {
        change: change.id,
        plan_hash: change.plan_hash.clone(),
        reason,
        round: Some(change.round),
        on_behalf_of,
        signature: None,
    }
}

/// The names from which a field of a form has to be taken, with how each is said: the value first.
pub(super) fn choices(model: &Model, purpose: Writing, label: &str) -> Vec<(String, String)> {
    let same = |name: &str, about: &str| (name.to_owned(), about.to_owned());
    match (purpose, label) {
        (Writing::Approve(id), "As") => {
            let seats = model.state.changes.get(&id).map(|change| model.seats(change)).unwrap_or_default();
            let said = |seat: Seat| match seat.of {
                Some(of) => (of.clone(), format!("in place of {of}, as {}", role_name(seat.role))),
                None => (String::new(), format!("yourself, as {}", role_name(seat.role))),
            };
            seats.into_iter().map(said).collect()
        }
        (Writing::Validate(_), "Found") => vec![same("passed", "it worked"), same("failed", "it did NOT work")],
        (Writing::Review(_), "Outcome") => vec![
            same("successful", "successful: it did what it should, as it should"),
            same("with-issues", "with issues: it did what it should, with trouble"),
            same("unsuccessful", "unsuccessful: it should not have been done so"),
        ],
        (Writing::Delegate, "To") => {
            let (people, _) = model.deputies();
            let said = |name: &str| {
                let roles = model.state.operators.get(name).map(super::action::roles).unwrap_or_default();
                (name.to_owned(), format!("{name}, {roles}"))
            };
            people.into_iter().map(said).collect()
        }
        (Writing::Delegate, "As") => {
            let (_, roles) = model.deputies();
            roles.into_iter().map(|role| same(role_name(role), role_name(role))).collect()
        }
        _ => Vec::new(),
    }
}

/// What a form about a change asks for; the field that lacks something and what, else.
pub(super) fn command(model: &Model, form: &Form) -> Result<Command, (&'static str, String)> {
    let needed = |label: &'static str| match form.text(label) {
        text if text.is_empty() => Err((label, format!("{} is empty", label.to_lowercase()))),
        text => Ok(text),
    };
    Ok(match form.purpose {
        Writing::Approve(change) => {
            // What was on the screen when the form was opened is what is agreed to.
            let (plan_hash, round) = form.seen.clone().unwrap_or_default();
            let on_behalf_of = Some(form.choice("As")).filter(|name| !name.is_empty());
            let (reason, signature) = (form.text("Reason"), None);
            Command::ApproveChange { change, plan_hash, reason, round: Some(round), on_behalf_of, signature }
        }
        Writing::Reject(change) => Command::RejectChange { change, reason: needed("Reason")? },
        Writing::Revoke(change) => Command::RevokeApproval { change, reason: needed("Reason")? },
        Writing::Withdraw(change) => Command::WithdrawChange { change, reason: needed("Reason")? },
        Writing::Validate(change) => {
            let passed = form.choice("Found") == "passed";
            Command::ValidateChange { change, passed, note: needed("Note")? }
        }
        Writing::Review(change) => {
            let outcome = match form.choice("Outcome").as_str() {
                "successful" => ReviewOutcome::Successful,
                "with-issues" => ReviewOutcome::WithIssues,
                _ => ReviewOutcome::Unsuccessful,
            };
            Command::ReviewChange { change, outcome, findings: needed("Findings")? }
        }
        _ => {
            let to = form.choice("To");
            let (_, roles) = model.deputies();
            let role = roles.into_iter().find(|role| role_name(*role) == form.choice("As"));
            let role = role.ok_or_else(|| ("As", "you hold no role that could be handed on".to_owned()))?;
            let until = super::form::until(&needed("For")?, model.now).map_err(|why| ("For", why))?;
            let services = form.services().to_vec();
            Command::DelegateApproval { to, role, until, services, reason: needed("Reason")? }
        }
    })
}

/// What saying so would lead to.
pub(super) fn said(model: &Model, form: &Form, command: &Command) -> Foreseen {
    let mut foreseen = Foreseen::default();
    let (after, follow) = match give(model, command.clone()) {
        Ok(given) => given,
        Err(why) => {
            foreseen.refuse(why);
            return foreseen;
        }
    };
    let found = |id: &ChangeId| model.state.changes.get(id).zip(after.changes.get(id));
    match command {
        Command::ApproveChange { change, on_behalf_of, .. } => {
            if let Some((before, then)) = found(change) {
                approved(model, (before, then), on_behalf_of.as_deref(), (&after, &follow), &mut foreseen);
            }
        }
        Command::RejectChange { change, .. } => {
            let until = found(change).map(|(before, _)| day_time(before.expires_at)).unwrap_or_default();
            foreseen.fact(format!("{change} is rejected: nothing of it is done"));
            foreseen.fact(format!("Until {until} you can take your no back (U)"));
        }
        Command::RevokeApproval { change, .. } => {
            if let Some((before, then)) = found(change) {
                revoked(&after, before, then, &mut foreseen);
            }
        }
        Command::WithdrawChange { change, .. } => {
            foreseen.fact(format!("{change} ends: nothing of it is done. What you still want you ask for anew"));
        }
        Command::ValidateChange { change, passed, .. } => match (passed, found(change)) {
            (true, Some((_, then))) => {
                foreseen.fact(format!("It is on record that you, who had no part in {change}, saw that it worked"));
                if let Some(due) = then.review_due_at() {
                    foreseen.fact(format!("Its review is still owed, until {}", day_time(due)));
                }
            }
            _ => {
                foreseen.warn(format!("{change} counts as failed"));
                foreseen.warn("Nothing is taken back by itself: u on its page does that");
            }
        },
        Command::ReviewChange { change, .. } => {
            foreseen.fact(format!("The review of {change} is on record, and nobody can change it afterwards"));
        }
        Command::DelegateApproval { to, role, until, services, .. } => {
            let what = if services.is_empty() { "any change".to_owned() } else { services.join(", ") };
            foreseen.fact(format!("{to} may agree in your place as {}, to {what}", role_name(*role)));
            let left = text::span(*until - model.now);
            foreseen.fact(format!("Until {} ({left}); K ends it before", day_time(*until)));
            foreseen.fact("Such a yes says whose place it was given in. Not to changes that one of you wrote");
        }
        _ => {}
    }
    if form.is_draft && matches!(form.purpose, Writing::Approve(_)) {
        foreseen.warn("Your reason was written before: read it again");
    }
    foreseen
}

fn approved(
    model: &Model,
    (before, then): (&Change, &Change),
    of: Option<&str>,
    (after, follow): (&State, &[Follow]),
    foreseen: &mut Foreseen,
) {
    let id = before.id;
    let (hash, round) = (short_hash(&before.plan_hash), before.round);
    foreseen.fact(format!("You agree to exactly plan {hash}, round {round}: {}", before.title));
    let given = then.current_approvals().last();
    let role = given.map(|given| role_name(given.role)).unwrap_or_default();
    foreseen.fact(match of {
        Some(of) => format!("In place of {of}, as {role}"),
        None => format!("As {role}"),
    });
    let (score, level) = (before.risk.score, before.risk.level().name());
    let risk = format!("Risk {score} of 10, {level}");
    let weight: fn(&mut Foreseen, String) = if score >= 7 { Foreseen::warn } else { Foreseen::fact };
    weight(foreseen, risk);
    match before.impact.way_back {
        WayBack::None => foreseen.warn("There is no way back: by hand, if at all"),
        way => foreseen.fact(format!("Way back: {way}")),
    }
    if let Some(loses) = &before.plan.loses {
        foreseen.warn(format!("LOSES {loses}"));
    }
    if then.state == ChangeState::Pending {
        let until = day_time(before.expires_at);
        foreseen.fact(format!("Then it waits for {}, until {until}", missing(after, then)));
        return;
    }
    let start = |(command, _): &&Follow| matches!(command, Command::StartRecovery { change } if *change == id);
    match (follow.iter().find(start), then.window) {
        (Some((_, None)), _) => foreseen.warn("Yours is the last yes: it is carried out at once"),
        (Some((_, Some(why))), _) => foreseen.warn(format!("Yours is the last yes, but it does not begin yet: {why}")),
        (None, Some(window)) => {
            let (from, until) = (day_time(window.from), day_time(window.until));
            foreseen.fact(format!("Yours is the last yes: it is carried out between {from} and {until}"));
        }
        (None, None) => {
            let by = then.execute_by().map(day_time).unwrap_or_default();
            foreseen.fact(format!("Yours is the last yes: it is carried out once nothing is in its way, by {by}"));
        }
    }
    for other in clashes(&model.state, before) {
        foreseen.warn(format!("{} works on the same, and is {}: {}", other.id, other.state, other.title));
    }
}

fn revoked(after: &State, before: &Change, then: &Change, foreseen: &mut Foreseen) {
    let until = day_time(then.expires_at);
    match before.state {
        ChangeState::Implementing => {
            foreseen.warn("It is being carried out: it stops after the step under way, and no new step begins");
            foreseen.warn("What was done so far stays until somebody takes it back (u)");
        }
        ChangeState::Rejected => {
            foreseen.fact(format!("Your no is taken back: it waits for {} again, until {until}", missing(after, then)));
        }
        _ => {
            foreseen.fact("Your yes does not count any more");
            foreseen.fact(format!("It waits for {}, until {until}", missing(after, then)));
        }
    }
}

/// The roles that are missing, and who could fill each; or that nobody could.
#[must_use]
pub fn missing(state: &State, change: &Change) -> String {
    let roles = who_may_approve(state, change);
    let said: Vec<String> = roles
        .into_iter()
        .map(|(role, people)| match people.as_slice() {
            [] => format!("the {} (nobody could)", role_name(role)),
            people => format!("the {} ({})", role_name(role), people.join(" or ")),
        })
        .collect();
    said.join(" and ")
}

/// The missing roles alone.
#[must_use]
pub fn missing_names(state: &State, change: &Change) -> String {
    missing_roles(state, change).into_iter().map(role_name).collect::<Vec<_>>().join(" and ")
}

/// Changes that work on the same and are not over.
pub fn clashes<'a>(state: &'a State, change: &'a Change) -> impl Iterator<Item = &'a Change> {
    let known = change.conflicts.iter().filter(|id| !change.after.contains(id));
    known.filter_map(|id| state.changes.get(id)).filter(|other| other.state.is_open())
}

/// The digits of a hash that people compare.
#[must_use]
pub fn short_hash(hash: &str) -> &str {
    &hash[..hash.len().min(12)]
}

/// A point in time as it is said of a change.
#[must_use]
pub fn day_time(at: DateTime<Utc>) -> String {
    at.format("%m-%d %H:%MZ").to_string()
}
