//! Yes, no, and taking either back.

use super::{Approval, Attestation, Change, ChangeState, delegation, payload, quorum};
use crate::domain::{
    Actor, Assurance, ChangeId, Event, Meta, Named, RecoveryId, Refusal, State, next_step, recovery::run, text,
};

/// A yes, as it was given.
pub(in crate::domain) struct Yes<'a> {
    pub(in crate::domain) change: ChangeId,
    /// The plan that was seen: its hash, or the first 8 or more digits of it.
    pub(in crate::domain) plan_hash: &'a str,
    /// The round that was seen, where the approver says so.
    pub(in crate::domain) round: Option<u32>,
    pub(in crate::domain) reason: &'a str,
    pub(in crate::domain) on_behalf_of: Option<String>,
    pub(in crate::domain) signature: Option<String>,
}

/// Decides that somebody agrees to exactly the plan with this hash.
pub(in crate::domain) fn approve(state: &State, yes: Yes<'_>, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let change = state.change(yes.change)?;
    let id = change.id;
    let Some(operator) = meta.actor.operator() else {
        return Err(Refusal::new("person-needed", "only a person can approve a change").hint(next_step::A_PERSON));
    };
    if yes.round.is_some_and(|round| round != change.round) {
        return Err(Refusal::new("other-round", format!("{id} is in round {} by now", change.round))
            .hint(format!("its plan has changed: codeblue change show {id}")));
    }
    if yes.plan_hash.len() < 8 || !change.plan_hash.starts_with(yes.plan_hash) {
        return Err(Refusal::new("plan-changed", format!("{id} has another plan than the one you saw"))
            .hint(format!("look at the plan again, then approve what it is now: codeblue change show {id}")));
    }
    let again = change.current_approvals().any(|approval| {
        approval.operator == operator
            && approval.on_behalf_of == yes.on_behalf_of
            && approval.plan_hash == change.plan_hash
    });
    if again && matches!(change.state, ChangeState::Pending | ChangeState::Approved) {
        // Somebody whose yes did not count for a while may count again: then saying it once more is what was missing.
        return authorised(state, change, meta).map(|event| event.into_iter().collect());
    }
    if let Some(window) = change.window.filter(|window| meta.at >= window.until) {
        let until = window.until.format("%Y-%m-%d %H:%M");
        return Err(Refusal::new("change-window-over", format!("{id} was to begin by {until} UTC"))
            .hint(format!("give it another time: codeblue change revise {id} --at TIME --reason WHY")));
    }
    let role = match &yes.on_behalf_of {
        None => quorum::role_to_fill(state, change, operator)?,
        Some(from) => delegation::role_with_one(state, change, (from, operator), meta.at)?,
    };
    if meta.at >= change.expires_at {
        return Err(Refusal::new("change-expired", format!("{id} was to be decided by {}", change.expires_at))
            .hint(format!("submit it again: codeblue change submit; what it was: codeblue change show {id}")));
    }
    let person = state.operators.get(operator).ok_or_else(|| Refusal::unknown(Named::Operator, operator))?;
    let attestation = match (yes.signature, meta.assurance) {
        (Some(signature), _) => {
            let text = payload::approval_payload(
                &state.engine.origin,
                change,
                (operator, &person.roles),
                yes.on_behalf_of.as_deref(),
            );
            let fingerprint = payload::verify(person, &text, &signature)?;
            let used = |given: &Approval| matches!(&given.attestation, Attestation::Signature { signature: known, .. } if *known == signature);
            if change.approvals.iter().any(used) {
                return Err(Refusal::new("signature-used", format!("this signature was used for {id} and taken back"))
                    .hint("sign anew: the approval needs another one"));
            }
            Attestation::Signature { fingerprint, signature }
        }
        (None, Assurance::SecondFactor { .. }) => Attestation::SecondFactor,
        (None, Assurance::Session | Assurance::Step { .. }) => Attestation::Session,
        (None, Assurance::Token { .. }) => {
            return Err(Refusal::new("token-may-not", "a token does not approve; a signature with it would")
                .hint(format!("a person does it on the board, or signs it: codeblue change approve {id} --sign KEY")));
        }
    };
    let approval = Approval {
        operator: operator.to_owned(),
        role,
        round: change.round,
        roles: person.roles.clone(),
        on_behalf_of: yes.on_behalf_of,
        plan_hash: change.plan_hash.clone(),
        at: meta.at,
        reason: text::remark("reason", yes.reason)?,
        attestation,
        revoked: false,
    };
    let mut after = change.clone();
    after.approvals.push(approval.clone());
    let authorised = authorised(state, &after, meta)?;
    let mut events = vec![Event::ChangeApproved {
        change: id,
        role,
        plan_hash: approval.plan_hash,
        reason: approval.reason,
        round: approval.round,
        roles: approval.roles,
        on_behalf_of: approval.on_behalf_of,
        attestation: approval.attestation,
    }];
    events.extend(authorised);
    Ok(events)
}

/// That a change may be carried out, once nobody's yes is missing.
fn authorised(state: &State, change: &Change, meta: &Meta) -> Result<Option<Event>, Refusal> {
    let in_time = change.window.is_none_or(|window| meta.at < window.until) && meta.at < change.expires_at;
    if change.state != ChangeState::Pending || !in_time || !quorum::missing_roles(state, change).is_empty() {
        return Ok(None);
    }
    // The last yes starts it, so it has to wait for whatever is in the way: nobody would start it afterwards.
    if change.window.is_none() {
        run::not_running(state, &change.plan)?;
    }
    Ok(Some(Event::ChangeAuthorised { change: change.id }))
}

/// Decides that somebody says no. Whoever could approve may, and so may its requester's colleagues.
pub(in crate::domain) fn reject(
    state: &State,
    change: ChangeId,
    reason: &str,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    let found = state.change(change)?;
    if !matches!(found.state, ChangeState::Pending | ChangeState::Approved) {
        return Err(Refusal::new("change-not-pending", format!("{change} is {}", found.state))
            .hint(format!("nothing is left to decide; what became of it: codeblue change show {change}")));
    }
    if found.requester == *actor || actor.operator().is_some_and(|name| quorum::is_author(state, found, name)) {
        return Err(Refusal::new("own-change", format!("{actor} wrote {change}"))
            .hint(format!("withdraw it: codeblue change withdraw {change} --reason WHY")));
    }
    Ok(vec![Event::ChangeRejected { change, reason: text::line("reason", reason)? }])
}

/// Decides that somebody takes the own yes or no back. While it is being carried out, it stops after the step under way.
pub(in crate::domain) fn revoke(
    state: &State,
    change: ChangeId,
    reason: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let found = state.change(change)?;
    let none = || {
        Refusal::new("no-approval", format!("{} has not approved {change}", meta.actor))
            .hint(format!("nothing is left to take back; who has approved: codeblue change show {change}"))
    };
    let operator = meta.actor.operator().ok_or_else(none)?;
    let reason = text::line("reason", reason)?;
    if found.state == ChangeState::Rejected {
        let mine = found
            .decision
            .as_ref()
            .is_some_and(|(by, _)| by.operator().map(|name| state.person(name)) == Some(state.person(operator)));
        if !mine {
            return Err(Refusal::new("not-yours", format!("{change} was not rejected by {operator}"))
                .hint(format!("who said no can take it back, or the plan changes: codeblue change revise {change}")));
        }
        if meta.at >= found.expires_at {
            return Err(Refusal::new("change-expired", format!("{change} was to be decided by {}", found.expires_at))
                .hint(format!("submit it again: codeblue change submit; what it was: codeblue change show {change}")));
        }
        let after = Change { state: ChangeState::Pending, ..found.clone() };
        let authorised = authorised(state, &after, meta)?;
        return Ok(std::iter::once(Event::RejectionRevoked { change, reason }).chain(authorised).collect());
    }
    let of_mine =
        |approval: &&Approval| approval.operator == operator || approval.on_behalf_of.as_deref() == Some(operator);
    let given = found.current_approvals().find(of_mine).ok_or_else(none)?;
    let revoked = Event::ApprovalRevoked { change, operator: given.operator.clone(), reason: reason.clone() };
    match (found.state, found.recovery) {
        (ChangeState::Pending | ChangeState::Approved, _) => Ok(vec![revoked]),
        (ChangeState::Implementing, Some(recovery)) => {
            let why = format!("{operator} took the approval of {change} back: {reason}");
            Ok(std::iter::once(revoked).chain(stop(state, recovery, &why)).collect())
        }
        (other, _) => Err(Refusal::new("too-late", format!("{change} is {other}"))
            .hint(format!("take back what was done: codeblue change roll-back {change} --reason WHY"))),
    }
}

/// No new step begins.
pub(super) fn stop(state: &State, recovery: RecoveryId, reason: &str) -> Option<Event> {
    let runs = state.recoveries.get(&recovery).is_some_and(|found| found.is_running() && !found.cancel_requested);
    let reason = reason.chars().take(400).collect();
    runs.then_some(Event::RecoveryCancelRequested { recovery, reason })
}

/// Decides that the requester does not want the change any more.
pub(in crate::domain) fn withdraw(
    state: &State,
    change: ChangeId,
    reason: &str,
    actor: &Actor,
) -> Result<Vec<Event>, Refusal> {
    let found = state.change(change)?;
    if !matches!(found.state, ChangeState::Pending | ChangeState::Approved | ChangeState::Rejected) {
        return Err(Refusal::new("change-not-pending", format!("{change} is {}", found.state))
            .hint(format!("nothing is left to take back; what became of it: codeblue change show {change}")));
    }
    let mine = actor.operator().is_some_and(|name| quorum::is_author(state, found, name));
    if found.requester != *actor && !mine {
        return Err(Refusal::new("not-requester", format!("{change} was requested by {}", found.requester))
            .hint(format!("reject it: codeblue change reject {change} --reason WHY")));
    }
    Ok(vec![Event::ChangeWithdrawn { change, reason: text::line("reason", reason)? }])
}
