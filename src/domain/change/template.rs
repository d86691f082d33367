//! Standard changes: agreed to beforehand, because exactly this was done before and lasted.
//!
//! A template is bound to the hash of what was done. When the platform file comes to say something else about it, or carrying
//! it out fails once, it has to be proved anew.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    ChangeKind, ChangeRequest, Circumstances, Risk, RiskLevel, Terms,
    intent::{Agreed, intent_hash},
    submit::{Wish, planned, submit},
};
use crate::domain::{Event, Meta, Named, Plan, Recorded, Recovery, RecoveryId, Refusal, State, Step, next_step, text};

/// A change that is agreed to beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeTemplate {
    /// Unique.
    pub name: String,
    /// What is done.
    pub request: ChangeRequest,
    /// The hash of exactly what was proved.
    pub hash: String,
    /// The recovery that proved it.
    pub proved_by: RecoveryId,
    /// Who made it a template.
    pub made_by: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// Since when and why it may not be used.
    #[serde(default)]
    pub suspended: Option<(DateTime<Utc>, String)>,
}

/// The hash of a plan as a standard change: of what is done, whatever it is for.
pub(in crate::domain) fn definition(state: &State, plan: &Plan) -> String {
    let terms = Terms { required: Vec::new(), ..Terms::default() };
    intent_hash(&state.platform, &Agreed { kind: ChangeKind::Standard, plan, risk: 0, terms: &terms, window: None })
}

/// Decides that what a recovery did is a standard change from now on.
pub(in crate::domain) fn make(
    state: &State,
    name: &str,
    proof: RecoveryId,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    if name.is_empty() || name.len() > 60 || name.chars().any(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(c))) {
        return Err(Refusal::new("template-name", format!("{name:?} is no name for a template"))
            .hint("use letters, digits, - _ and ."));
    }
    let recovery = state.recovery(proof)?;
    let not_proved = |why: &str| {
        Err(Refusal::new("not-proved", format!("{proof} proves nothing: {why}"))
            .hint("name a recovery that ran one action, was validated and lasted: codeblue recovery list"))
    };
    let [Step::RunAction { service, action }, Step::Validate { .. }] = recovery.plan.steps.as_slice() else {
        return not_proved("only an action that is validated is the same each time");
    };
    if !recovery.lasted() {
        return not_proved("it did not succeed, or what it did has not lasted");
    }
    let request = ChangeRequest::Action { service: service.clone(), action: action.clone() };
    let plan = planned(state, &request)?;
    if recovery.watch_until.is_some() || recovery.validating.is_some() {
        return not_proved("it is still watched");
    }
    if plan != *recovery.plan || definition(state, &plan) != recovery.definition {
        return not_proved("the platform file says something else by now");
    }
    let risk = Risk::of(state, &plan, Circumstances { incident: None, change: None, now: meta.at });
    if risk.level() > RiskLevel::Low {
        return Err(Refusal::new(
            "risk-too-high",
            format!("its risk is {}, and a standard change has 3 at most", risk.score),
        )
        .hint("ask for it as a normal change each time"));
    }
    if let Some(known) = state.templates.get(name)
        && known.suspended.is_none()
        && known.request != request
    {
        return Err(Refusal::new("template-known", format!("{name} is a template for something else"))
            .hint("choose another name, or suspend that one first"));
    }
    let made_by = meta
        .actor
        .operator()
        .ok_or_else(|| Refusal::new("person-needed", "a person makes a template").hint(next_step::A_PERSON))?;
    Ok(vec![Event::TemplateMade {
        template: ChangeTemplate {
            name: name.to_owned(),
            request,
            hash: definition(state, &plan),
            proved_by: proof,
            made_by: made_by.to_owned(),
            made_at: meta.at,
            suspended: None,
        },
    }])
}

/// Decides that a template may not be used any more.
pub(in crate::domain) fn suspend(state: &State, name: &str, reason: &str) -> Result<Vec<Event>, Refusal> {
    let found = state.templates.get(name).ok_or_else(|| Refusal::unknown(Named::Template, name))?;
    if found.suspended.is_some() {
        return Ok(Vec::new());
    }
    Ok(vec![Event::TemplateSuspended { template: name.to_owned(), reason: text::line("reason", reason)? }])
}

/// Whether a template may be used now.
///
/// # Errors
/// When it may not, with the reason: it was suspended, or it is not proved any more.
pub fn template_standing(state: &State, name: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
    standing(state, name, now).map(drop)
}

/// The plan of a template, if it may be used now.
pub(super) fn standing(state: &State, name: &str, now: DateTime<Utc>) -> Result<Plan, Refusal> {
    let found = state.templates.get(name).ok_or_else(|| Refusal::unknown(Named::Template, name))?;
    let anew = format!("do it once as a normal change, then: codeblue change template add {name} --proof REC-…");
    if let Some((_, reason)) = &found.suspended {
        return Err(Refusal::new("template-suspended", format!("{name} may not be used: {reason}")).hint(anew));
    }
    let unproved = |why: String| {
        Err(Refusal::new("template-unproved", format!("{name} may not be used: {why}")).hint(anew.clone()))
    };
    let uses = state.changes.values().filter(|change| change.template.as_deref() == Some(name));
    let mut runs = uses.filter_map(|change| change.recovery).chain([found.proved_by]);
    let relapsed = |id: &RecoveryId| {
        let after = |run: &&Recovery| run.id == found.proved_by || run.started_at >= found.made_at;
        state.recoveries.get(id).filter(after).is_some_and(|run| run.relapse.is_some())
    };
    if let Some(run) = runs.find(relapsed) {
        return unproved(format!("what {run} did has not lasted"));
    }
    let plan = planned(state, &found.request)?;
    if definition(state, &plan) != found.hash {
        return unproved("the platform file says something else about it by now".to_owned());
    }
    let risk = Risk::of(state, &plan, Circumstances { incident: None, change: None, now });
    if risk.level() > RiskLevel::Low {
        return unproved(format!("its risk is {}, and a standard change has 3 at most", risk.score));
    }
    Ok(plan)
}

/// Decides that a standard change is made from a template; it is agreed to already.
pub(in crate::domain) fn use_it(state: &State, name: &str, mut wish: Wish, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let plan = standing(state, name, meta.at)?;
    wish.template = Some(name.to_owned());
    let mut events = submit(state, plan, wish, meta)?;
    events.push(Event::ChangeAuthorised { change: state.next_change() });
    Ok(events)
}

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    match &recorded.event {
        Event::TemplateMade { template } => {
            state.templates.insert(template.name.clone(), template.clone());
        }
        Event::TemplateSuspended { template, reason } => {
            if let Some(found) = state.templates.get_mut(template) {
                found.suspended = Some((recorded.at, reason.clone()));
            }
        }
        _ => {}
    }
}
