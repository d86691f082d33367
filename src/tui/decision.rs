//! What a person can say now about changes and what else takes an approval, by the rules' own word, and what would come of it.

use std::convert::Infallible;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    action::{Action, named},
    article, break_glass, continuity, drill,
    form::{Form, Writing},
    model::Model,
    on_call,
    preview::{Follow, Foreseen, give, refusal},
    templates, text, verdict, walk,
};
use crate::{
    domain::{
        Change, ChangeId, ChangeState, Command, Operator, ReviewOutcome, ReviewVerdict, State, WayBack, missing_roles,
        role_name, role_to_fill, who_may_approve,
    },
    platform::Role,
};

/// Stands where words are still to be written, so that the rules can be asked beforehand.
const UNWRITTEN: &str = "-";

/// In whose name somebody could approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// In whose place; none for the own.
    pub of: Option<String>,
    /// As what.
    pub role: Role,
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

    /// What can be done now about the change whose page is open, the most useful first.
    #[must_use]
    pub fn ways(&self) -> Vec<&'static Action> {
        let names = [
            "approve",
            "validate",
            "review",
            "implement",
            "cancel",
            "reject",
            "revoke",
            "withdraw",
            "undo",
            "make-template",
        ];
        names.into_iter().filter_map(named).filter(|action| action.why_not(self).is_none()).collect()
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
pub(super) fn choices(model: &Model, purpose: &Writing, label: &str) -> Vec<(String, String)> {
    let same = |name: &str, about: &str| (name.to_owned(), about.to_owned());
    match (purpose, label) {
        (Writing::Approve(id), "As") => {
            let seats = model.state.changes.get(id).map(|change| model.seats(change)).unwrap_or_default();
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
        (Writing::ReviewBreakGlass(_), "Verdict") => vec![
            same("justified", "justified: it was needed, and no more was done than that"),
            same("unjustified", "NOT justified: a compliance finding, which it stays"),
        ],
        (Writing::Judge(..), label) => verdict::choices(model, label),
        (Writing::ProposeArticle(_) | Writing::EditArticle(_), _) => choices_of_article(),
        (Writing::StartRun(_) | Writing::Step(..), label) => walk::answers(model, purpose, label),
        (Writing::HoldDrill(_) | Writing::AnswerDrill(_), label) => drill::answers(model, purpose, label),
        (Writing::Override(_), _) => on_call::choices(model, purpose),
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

/// The kinds of failures that an article may be about.
pub(super) fn choices_of_article() -> Vec<(String, String)> {
    verdict::CATEGORIES.iter().map(|(_, word)| ((*word).to_owned(), (*word).to_owned())).collect()
}

/// What a form about what takes an approval asks for; the field that lacks something and what, else.
pub(super) fn command(model: &Model, form: &Form) -> Result<Command, (&'static str, String)> {
    let needed = |label: &'static str| match form.text(label) {
        text if text.is_empty() => Err((label, format!("{} is empty", label.to_lowercase()))),
        text => Ok(text),
    };
    if let Some(command) = in_words(&form.purpose, needed, |label| form.choice(label))? {
        return Ok(command);
    }
    if let Writing::Judge(diagnosis, judgement) = form.purpose {
        return Ok(verdict::command(form, diagnosis, judgement));
    }
    match &form.purpose {
        Writing::ProposeArticle(incident) => {
            return Ok(Command::ProposeArticle {
                article: needed("Name")?,
                body: article::body(form)?,
                incident: *incident,
            });
        }
        Writing::EditArticle(name) => {
            let version = form.seen.as_ref().map(|(_, version)| *version);
            return Ok(Command::EditArticle { article: name.clone(), body: article::body(form)?, version });
        }
        _ => {}
    }
    if let Writing::Approve(change) = form.purpose {
        // What was on the screen when the form was opened is what is agreed to.
        let (plan_hash, round) = form.seen.clone().unwrap_or_default();
        let on_behalf_of = Some(form.choice("As")).filter(|name| !name.is_empty());
        let (reason, signature) = (form.text("Reason"), None);
        return Ok(Command::ApproveChange { change, plan_hash, reason, round: Some(round), on_behalf_of, signature });
    }
    let to = form.choice("To");
    let (_, roles) = model.deputies();
    let role = roles.into_iter().find(|role| role_name(*role) == form.choice("As"));
    let role = role.ok_or_else(|| ("As", "you hold no role that could be handed on".to_owned()))?;
    let until = super::form::until(&needed("For")?, model.now).map_err(|why| ("For", why))?;
    let services = form.services().to_vec();
    Ok(Command::DelegateApproval { to, role, until, services, reason: needed("Reason")? })
}

/// The command of a form that asks for nothing but words and choices.
fn in_words<E>(
    purpose: &Writing,
    words: impl Fn(&'static str) -> Result<String, E>,
    choice: impl Fn(&str) -> String,
) -> Result<Option<Command>, E> {
    Ok(Some(match purpose.clone() {
        Writing::Reject(change) => Command::RejectChange { change, reason: words("Reason")? },
        Writing::Revoke(change) => Command::RevokeApproval { change, reason: words("Reason")? },
        Writing::Withdraw(change) => Command::WithdrawChange { change, reason: words("Reason")? },
        Writing::Validate(change) => {
            Command::ValidateChange { change, passed: choice("Found") == "passed", note: words("Note")? }
        }
        Writing::Review(change) => {
            let outcome = match choice("Outcome").as_str() {
                "successful" => ReviewOutcome::Successful,
                "with-issues" => ReviewOutcome::WithIssues,
                _ => ReviewOutcome::Unsuccessful,
            };
            Command::ReviewChange { change, outcome, findings: words("Findings")? }
        }
        Writing::ReviewBreakGlass(break_glass) => {
            let verdict = match choice("Verdict").as_str() {
                "justified" => ReviewVerdict::Justified,
                _ => ReviewVerdict::Unjustified,
            };
            Command::ReviewBreakGlass { break_glass, verdict, findings: words("Findings")? }
        }
        Writing::RevokeBreakGlass(break_glass) => Command::RevokeBreakGlass { break_glass, reason: words("Reason")? },
        Writing::MakeTemplate(proof) => Command::MakeTemplate { name: words("Name")?, proof },
        Writing::SuspendTemplate(template) => Command::SuspendTemplate { template, reason: words("Reason")? },
        Writing::WorkByHand(function) => Command::ActivateFallback { function, reason: words("Reason")? },
        Writing::EndByHand(function) => Command::EndFallback { function, note: words("Note")? },
        Writing::EndOverride(id) => Command::EndOverride { id, reason: words("Reason")? },
        Writing::RetireArticle(article) => Command::RetireArticle { article, reason: words("Reason")? },
        Writing::UseTemplate(template) => {
            Command::SubmitStandardChange { template, reason: words("Reason")?, incident: None, window: None }
        }
        _ => return Ok(None),
    }))
}

/// Why the rules would say no to a form that asks for nothing but words and choices, whatever is written in it.
pub(super) fn cannot_write(model: &Model, purpose: &Writing) -> Option<String> {
    let body = super::article::unwritten;
    match purpose {
        Writing::ProposeArticle(incident) => {
            let command = Command::ProposeArticle { article: free_name(model), body: body(), incident: *incident };
            return refusal(model, command);
        }
        Writing::EditArticle(name) => {
            return refusal(model, Command::EditArticle { article: name.clone(), body: body(), version: None });
        }
        _ => {}
    }
    let unwritten = |_: &'static str| Ok::<_, Infallible>(UNWRITTEN.to_owned());
    let command = in_words(purpose, unwritten, |_| String::new()).ok().flatten()?;
    refusal(model, command)
}

/// A name that no article has.
fn free_name(model: &Model) -> String {
    let taken = |name: &String| model.state.knowledge.articles.contains_key(name);
    (0..=model.state.knowledge.articles.len())
        .map(|number| format!("a{number}"))
        .find(|name| !taken(name))
        .unwrap_or_default()
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
            let until = found(change).map(|(before, _)| day_time(before.expires_at, model.now)).unwrap_or_default();
            foreseen.fact(format!("{change} is rejected: nothing of it is done"));
            foreseen.fact(format!("Until {until} you can take your no back ({})", model.key("revoke")));
        }
        Command::RevokeApproval { change, .. } => {
            if let Some((before, then)) = found(change) {
                revoked(model, &after, (before, then), &mut foreseen);
            }
        }
        Command::WithdrawChange { change, .. } => {
            foreseen.fact(format!("{change} ends: nothing of it is done. What you still want you ask for anew"));
        }
        Command::ValidateChange { change, passed, .. } => match (passed, found(change)) {
            (true, Some((_, then))) => {
                foreseen.fact(format!("It is on record that you, who had no part in {change}, saw that it worked"));
                if let Some(due) = then.review_due_at() {
                    foreseen.fact(format!("Its review is still owed, until {}", day_time(due, model.now)));
                }
            }
            _ => {
                foreseen.warn(format!("{change} counts as failed"));
                foreseen.warn(format!("Nothing is taken back by itself: {} on its page does that", model.key("undo")));
            }
        },
        Command::ReviewChange { change, .. } => {
            foreseen.fact(format!("The review of {change} is on record, and nobody can change it afterwards"));
        }
        Command::DelegateApproval { to, role, until, services, .. } => {
            let what = if services.is_empty() { "any change".to_owned() } else { services.join(", ") };
            foreseen.fact(format!("{to} may agree in your place as {}, to {what}", role_name(*role)));
            let left = text::span(*until - model.now);
            foreseen.fact(format!(
                "Until {} ({left}); {} ends it before",
                day_time(*until, model.now),
                model.key("end-delegation")
            ));
            foreseen.fact("Such a yes says whose place it was given in. Not to changes that one of you wrote");
        }
        Command::RevokeBreakGlass { break_glass, .. } => break_glass::revoked(model, *break_glass, &mut foreseen),
        Command::ReviewBreakGlass { break_glass, verdict, .. } => {
            break_glass::reviewed(model, &after, *break_glass, *verdict, &mut foreseen);
        }
        Command::MakeTemplate { name, proof } => templates::made(model, &after, (name, *proof), &mut foreseen),
        Command::SuspendTemplate { template, .. } => templates::suspended(model, template, &mut foreseen),
        Command::JudgeDiagnosis { diagnosis, judgement, .. } => {
            verdict::judged(&after, *diagnosis, *judgement, &mut foreseen);
        }
        Command::ProposeArticle { article, body, incident } => {
            article::proposed(model, article, body, *incident, &mut foreseen);
        }
        Command::EditArticle { article: name, .. } => {
            let found = |state: &State| state.knowledge.articles.get(name).cloned();
            if let Some((before, then)) = found(&model.state).zip(found(&after)) {
                article::edited(model, &before, &then, form.is_draft, &mut foreseen);
            }
        }
        Command::RetireArticle { article, .. } => {
            foreseen.fact(format!(
                "No diagnosis names {article} any more; what it says and what became of its fixes stays on record"
            ));
        }
        Command::OverrideOnCall { .. } => on_call::overridden(model, command, &mut foreseen),
        Command::EndOverride { id, .. } => on_call::taken_back(model, *id, &mut foreseen),
        Command::ActivateFallback { function, .. } => continuity::activated(model, function, &mut foreseen),
        Command::EndFallback { function, .. } => continuity::ended(model, function, &mut foreseen),
        Command::SubmitStandardChange { .. } => templates::used(&after, &follow, &mut foreseen),
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
        let until = day_time(before.expires_at, model.now);
        foreseen.fact(format!("Then it waits for {}, until {until}", missing(after, then)));
        return;
    }
    let start = |(command, _): &&Follow| matches!(command, Command::StartRecovery { change } if *change == id);
    match (follow.iter().find(start), then.window) {
        (Some((_, None)), _) => foreseen.warn("Yours is the last yes: it is carried out at once"),
        (Some((_, Some(why))), _) => foreseen.warn(format!("Yours is the last yes, but it does not begin yet: {why}")),
        (None, Some(window)) => {
            let (from, until) = (day_time(window.from, model.now), day_time(window.until, model.now));
            foreseen.fact(format!("Yours is the last yes: it is carried out between {from} and {until}"));
        }
        (None, None) => {
            let by = then.execute_by().map(|at| day_time(at, model.now)).unwrap_or_default();
            foreseen.fact(format!("Yours is the last yes: it is carried out once nothing is in its way, by {by}"));
        }
    }
    for other in clashes(&model.state, before) {
        foreseen.warn(format!("{} works on the same, and is {}: {}", other.id, other.state, other.title));
    }
}

fn revoked(model: &Model, after: &State, (before, then): (&Change, &Change), foreseen: &mut Foreseen) {
    let until = day_time(then.expires_at, model.now);
    match before.state {
        ChangeState::Implementing => {
            foreseen.warn("It is being carried out: it stops after the step under way, and no new step begins");
            foreseen.warn(format!("What was done so far stays until somebody takes it back ({})", model.key("undo")));
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

/// A point in time as it is said in a sentence: with its day, unless that is today.
#[must_use]
pub fn day_time(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let form = if at.date_naive() == now.date_naive() { "%H:%MZ" } else { "%m-%d %H:%MZ" };
    at.format(form).to_string()
}
