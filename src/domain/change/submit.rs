//! How a change begins and how its plan is changed: analysed and assessed at once, then it waits for people.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    Change, ChangeKind, ChangeRequest, ChangeState, ChangeWindow, Circumstances, ImpactAnalysis, Risk, Terms,
    intent::{Agreed, intent_hash},
    quorum,
};
use crate::domain::{
    Actor, BreakGlassId, ChangeId, Event, IncidentId, Meta, Plan, Refusal, State, break_glass_for,
    recovery::{
        guard::{self, Permission},
        plan_action, plan_deployment, plan_rollback,
    },
    text, without_approval,
};
use crate::platform::Role;

/// What is asked for, beside the plan.
#[derive(Debug, Clone, Default)]
pub(in crate::domain) struct Wish {
    pub(in crate::domain) reason: String,
    pub(in crate::domain) incident: Option<IncidentId>,
    pub(in crate::domain) window: Option<ChangeWindow>,
    pub(in crate::domain) after: Vec<ChangeId>,
    pub(in crate::domain) template: Option<String>,
}

/// What a plan takes, before anybody has asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// What it touches.
    pub impact: ImpactAnalysis,
    /// How risky it is.
    pub risk: Risk,
    /// Who would have to agree; nobody when it would run at once.
    pub required: Vec<Role>,
    /// What they would agree to.
    pub plan_hash: String,
    /// The use of break-glass under which it would run with nobody's approval.
    pub break_glass: Option<BreakGlassId>,
}

/// What it takes if this actor asks for this plan now.
#[must_use]
pub fn assess(state: &State, actor: &Actor, plan: &Plan, now: DateTime<Utc>) -> Assessment {
    let incident = plan.services.iter().find_map(|service| state.incident_of(service)).map(|incident| incident.id);
    let risk = Risk::of(state, plan, Circumstances { incident, change: None, now });
    let kind = kind_of(&Wish { incident, ..Wish::default() });
    let terms = Terms::of(&state.platform, kind, plan, &risk);
    let agreed = Agreed { kind, plan, risk: risk.score, terms: &terms, window: None };
    let plan_hash = intent_hash(&state.platform, &agreed);
    let break_glass = break_glass_for(state, actor, plan, now);
    let permission = guard::permission(state, actor, plan, &risk, incident, now);
    let at_once = break_glass.is_some() || matches!(permission, Permission::AtOnce { .. });
    Assessment {
        impact: ImpactAnalysis::of(state, plan),
        risk: if break_glass.is_some() { without_approval(risk) } else { risk },
        break_glass,
        required: if at_once { Vec::new() } else { terms.required },
        plan_hash,
    }
}

/// The plan for a request.
pub(in crate::domain) fn planned(state: &State, request: &ChangeRequest) -> Result<Plan, Refusal> {
    match request {
        ChangeRequest::Rollback(request) => plan_rollback(state, request),
        ChangeRequest::Action { service, action } => plan_action(state, service, action),
        ChangeRequest::Deploy { component, version } => plan_deployment(state, component, version),
    }
}

/// Decides that a change is opened for a plan.
pub(in crate::domain) fn submit(state: &State, plan: Plan, wish: Wish, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let asked = [ChangeState::Pending, ChangeState::Approved];
    if let Some(same) = state.changes.values().find(|change| *change.plan == plan && asked.contains(&change.state)) {
        return Err(Refusal::new("same-change", format!("{} with the same plan is {} already", same.id, same.state))
            .hint(format!("decide on that one: codeblue change show {}", same.id)));
    }
    if let Some(incident) = wish.incident {
        is_open(state, incident)?;
    }
    let kind = kind_of(&wish);
    if kind != ChangeKind::Emergency {
        no_review_overdue(state, meta)?;
    }
    check_window(state, kind, &plan, wish.window, meta)?;
    for id in &wish.after {
        state.change(*id)?;
    }
    let impact = ImpactAnalysis::of(state, &plan);
    let risk = Risk::of(state, &plan, Circumstances { incident: wish.incident, change: None, now: meta.at });
    let terms = Terms::of(&state.platform, kind, &plan, &risk);
    let agreed = Agreed { kind, plan: &plan, risk: risk.score, terms: &terms, window: wish.window };
    Ok(vec![Event::ChangeSubmitted {
        change: state.next_change(),
        kind,
        title: plan.title.clone(),
        reason: text::line("reason", &wish.reason)?,
        incident: wish.incident,
        plan_hash: intent_hash(&state.platform, &agreed),
        expires_at: meta.at + terms.decide_within(),
        conflicts: conflicts(state, &plan, None, &wish.after),
        impact,
        risk,
        terms,
        window: wish.window,
        after: wish.after,
        template: wish.template,
        plan: Arc::new(plan),
    }])
}

fn kind_of(wish: &Wish) -> ChangeKind {
    match (&wish.template, wish.incident, wish.window) {
        (Some(_), ..) => ChangeKind::Standard,
        (None, Some(_), None) => ChangeKind::Emergency,
        _ => ChangeKind::Normal,
    }
}

/// Only what still hurts somebody makes a change an emergency.
fn is_open(state: &State, incident: IncidentId) -> Result<(), Refusal> {
    let found = state.incident(incident)?;
    if found.state.is_open() {
        return Ok(());
    }
    Err(Refusal::new("incident-not-open", format!("{incident} is {}", found.state))
        .hint(format!("leave the incident out, or reopen it: codeblue incident reopen {incident} --reason WHY")))
}

/// Who owes a review that is late writes that first; in an emergency nothing is in the way.
fn no_review_overdue(state: &State, meta: &Meta) -> Result<(), Refusal> {
    let Some(me) = meta.actor.operator() else { return Ok(()) };
    let late = state.changes.values().find(|change| {
        change.review_overdue_at.is_some() && change.review.is_none() && quorum::is_author(state, change, me)
    });
    match late {
        Some(late) => Err(Refusal::new("review-overdue", format!("the review of {} is overdue", late.id))
            .hint(format!("somebody who had no part in it writes it first: codeblue change review {}", late.id))),
        None => Ok(()),
    }
}

fn check_window(
    state: &State,
    kind: ChangeKind,
    plan: &Plan,
    window: Option<ChangeWindow>,
    meta: &Meta,
) -> Result<(), Refusal> {
    if let Some(window) = window
        && (window.until <= window.from || window.until <= meta.at)
    {
        return Err(Refusal::new("change-window", "the window would be over before it begins")
            .hint("give it an end after its beginning, and after now"));
    }
    if kind == ChangeKind::Emergency {
        return Ok(());
    }
    not_frozen(state, plan, window.map_or((meta.at, meta.at), |window| (window.from, window.until)))
}

/// In a freeze only emergencies change something.
pub(in crate::domain) fn not_frozen(
    state: &State,
    plan: &Plan,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), Refusal> {
    match state.platform.freezes.iter().find(|freeze| freeze.holds(&plan.services, from, until)) {
        Some(freeze) => {
            let (end, why) = (freeze.until.format("%Y-%m-%d %H:%M"), &freeze.reason);
            Err(Refusal::new("change-freeze", format!("nothing is changed there until {end} UTC: {why}"))
                .hint("plan it for later with --at TIME, or open it for an incident with --incident ID"))
        }
        None => Ok(()),
    }
}

/// Open changes to the same services that this one does not say it follows.
fn conflicts(state: &State, plan: &Plan, own: Option<ChangeId>, after: &[ChangeId]) -> Vec<ChangeId> {
    let open = state.changes.values().filter(|change| change.state.is_open() && Some(change.id) != own);
    open.filter(|change| !after.contains(&change.id) && overlap(&change.plan, plan)).map(|change| change.id).collect()
}

pub(super) fn overlap(one: &Plan, other: &Plan) -> bool {
    one.services.iter().any(|service| other.services.contains(service))
}

/// Decides that a change gets another plan or window: what was agreed to is not agreed to any more.
pub(in crate::domain) fn revise(
    state: &State,
    id: ChangeId,
    request: Option<&ChangeRequest>,
    window: Option<ChangeWindow>,
    reason: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let found = state.change(id)?;
    if !matches!(found.state, ChangeState::Pending | ChangeState::Approved | ChangeState::Rejected) {
        return Err(Refusal::new("change-not-pending", format!("{id} is {}", found.state))
            .hint("submit a new one: codeblue change submit"));
    }
    if found.template.is_some() {
        return Err(Refusal::new("standard-change", format!("{id} is made from a template and stays as that is"))
            .hint("submit another: codeblue change submit"));
    }
    let plan = match request {
        Some(request) => planned(state, request)?,
        None => Plan::clone(&found.plan),
    };
    let window = window.or(found.window);
    let anew = Anew {
        plan: Arc::new(plan),
        window,
        after: found.after.clone(),
        reason,
        author: meta.actor.operator().map(str::to_owned),
    };
    let kind = kind_in(state, found, window);
    check_window(state, kind, &anew.plan, window, meta)?;
    let events = begin_round(state, found, anew, meta)?;
    match events.as_slice() {
        [Event::ChangeRevised { plan_hash, .. }]
            if *plan_hash == found.plan_hash && found.state != ChangeState::Rejected =>
        {
            Ok(Vec::new())
        }
        _ => Ok(events),
    }
}

/// The kind that a change has with this window, as its incident is now.
fn kind_in(state: &State, change: &Change, window: Option<ChangeWindow>) -> ChangeKind {
    let incident = change.incident.filter(|id| is_open(state, *id).is_ok());
    kind_of(&Wish { incident, window, template: change.template.clone(), ..Wish::default() })
}

/// What is asked for in another round.
pub(super) struct Anew<'a> {
    pub(super) plan: Arc<Plan>,
    pub(super) window: Option<ChangeWindow>,
    pub(super) after: Vec<ChangeId>,
    pub(super) reason: &'a str,
    pub(super) author: Option<String>,
}

/// Begins a round: analyses and assesses anew, and asks everybody anew.
pub(super) fn begin_round(state: &State, change: &Change, anew: Anew<'_>, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let Anew { plan, window, after, reason, author } = anew;
    let kind = kind_in(state, change, window);
    let impact = ImpactAnalysis::of(state, &plan);
    let circumstances = Circumstances { incident: change.incident, change: Some(change.id), now: meta.at };
    let risk = Risk::of(state, &plan, circumstances);
    let terms = Terms::of(&state.platform, kind, &plan, &risk);
    let agreed = Agreed { kind, plan: &plan, risk: risk.score, terms: &terms, window };
    Ok(vec![Event::ChangeRevised {
        change: change.id,
        kind,
        author,
        round: change.round + 1,
        title: plan.title.clone(),
        reason: text::line("reason", reason)?,
        plan_hash: intent_hash(&state.platform, &agreed),
        expires_at: meta.at + terms.decide_within(),
        conflicts: conflicts(state, &plan, Some(change.id), &after),
        after,
        impact,
        risk,
        terms,
        window,
        plan,
    }])
}
