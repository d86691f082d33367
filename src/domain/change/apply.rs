//! What is true of a change after an event.

use std::collections::BTreeSet;

use super::{Approval, Change, ChangeOutcome, ChangeReview, ChangeState, role_name};
use crate::domain::{Event, Recorded, RecoveryId, RecoveryOutcome, State, Strategy, TimelineKind, apply::tell};

pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    if let Event::ChangeSubmitted { .. } = &recorded.event {
        submitted(state, recorded);
        return;
    }
    if let Event::RecoveryEnded { recovery, outcome: RecoveryOutcome::Succeeded, .. } = &recorded.event {
        taken_back(state, *recovery);
        return;
    }
    let actor = &recorded.actor;
    let (id, text) = match &recorded.event {
        Event::ChangeRevised { change, round, title, reason, .. } => {
            (*change, format!("{change} is asked anew, round {round}: {title}: {reason}"))
        }
        Event::ChangeApproved { change, role, on_behalf_of, .. } => {
            let place = on_behalf_of.as_ref().map_or(String::new(), |name| format!(" in place of {name}"));
            (*change, format!("{change} approved by {actor} ({}){place}", role_name(*role)))
        }
        Event::ChangeAuthorised { change } => (*change, format!("{change} may be carried out")),
        Event::ChangeRejected { change, reason } => (*change, format!("{change} rejected by {actor}: {reason}")),
        Event::RejectionRevoked { change, reason } => {
            (*change, format!("{actor} took the no to {change} back: {reason}"))
        }
        Event::ApprovalRevoked { change, operator, reason } => {
            (*change, format!("{operator} took the approval of {change} back: {reason}"))
        }
        Event::ChangeExpired { change } => {
            let waits = state.changes.get(change).is_some_and(|found| found.state == ChangeState::Pending);
            (*change, format!("{change} lapsed: nobody {} in time", if waits { "decided" } else { "began" }))
        }
        Event::ChangeWithdrawn { change, reason } => (*change, format!("{change} withdrawn: {reason}")),
        Event::ChangeEnded { change, outcome } => {
            let word = match outcome {
                ChangeOutcome::Validated => "validated",
                ChangeOutcome::Failed => "failed",
            };
            (*change, format!("{change} {word}"))
        }
        Event::ChangeChecked { change, passed, note } => {
            let found = if *passed { "has seen that it worked" } else { "has seen that it did not work" };
            (*change, format!("{change}: {actor} {found}: {note}"))
        }
        Event::ChangeReviewed { change, review } => (*change, format!("{change} reviewed by {}", review.by)),
        Event::ChangeReviewOverdue { change } => (*change, format!("the review of {change} is overdue")),
        _ => return,
    };
    let Some(change) = state.changes.get_mut(&id) else { return };
    turn(change, recorded);
    if let Some(incident) = change.incident {
        tell(state, incident, recorded, TimelineKind::Change, text);
    }
}

fn submitted(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    let Event::ChangeSubmitted {
        change: id,
        kind,
        title,
        reason,
        incident,
        plan,
        plan_hash,
        risk,
        impact,
        terms,
        window,
        after,
        conflicts,
        template,
        expires_at,
    } = &recorded.event
    else {
        return;
    };
    let authors: BTreeSet<String> = recorded.actor.operator().map(str::to_owned).into_iter().collect();
    state.changes.insert(
        *id,
        Change {
            id: *id,
            kind: *kind,
            title: title.clone(),
            reason: reason.clone(),
            requester: recorded.actor.clone(),
            authors,
            incident: *incident,
            plan: plan.clone(),
            plan_hash: plan_hash.clone(),
            round: 1,
            asked_anew: None,
            impact: impact.clone(),
            risk: risk.clone(),
            terms: terms.clone(),
            window: *window,
            after: after.clone(),
            conflicts: conflicts.clone(),
            template: template.clone(),
            approvals: Vec::new(),
            submitted_at: at,
            expires_at: *expires_at,
            authorised_at: None,
            state: ChangeState::Pending,
            decision: None,
            recovery: None,
            break_glass: None,
            ended_at: None,
            validated_by: None,
            review: None,
            review_overdue_at: None,
        },
    );
    if let Some(incident) = incident {
        if let Some(found) = state.incidents.get_mut(incident) {
            found.changes.push(*id);
        }
        tell(state, *incident, recorded, TimelineKind::Change, format!("{id} asks to {title}, risk {}", risk.score));
    }
}

fn turn(change: &mut Change, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::ChangeRevised {
            round,
            kind,
            author,
            after,
            title,
            reason,
            plan,
            plan_hash,
            risk,
            impact,
            terms,
            window,
            conflicts,
            expires_at,
            ..
        } => {
            change.round = *round;
            change.asked_anew = Some(reason.clone());
            change.title.clone_from(title);
            change.plan = plan.clone();
            change.plan_hash.clone_from(plan_hash);
            change.risk = risk.clone();
            change.impact = impact.clone();
            change.terms = terms.clone();
            change.window = *window;
            change.conflicts.clone_from(conflicts);
            change.expires_at = *expires_at;
            change.authorised_at = None;
            change.decision = None;
            change.state = ChangeState::Pending;
            change.kind = *kind;
            change.after.clone_from(after);
            change.authors.extend(author.clone());
        }
        Event::ChangeApproved { role, plan_hash, reason, round, roles, on_behalf_of, attestation, .. } => {
            if let Some(operator) = recorded.actor.operator() {
                change.approvals.push(Approval {
                    operator: operator.to_owned(),
                    role: *role,
                    round: *round,
                    roles: roles.clone(),
                    on_behalf_of: on_behalf_of.clone(),
                    plan_hash: plan_hash.clone(),
                    at,
                    reason: reason.clone(),
                    attestation: attestation.clone(),
                    revoked: false,
                });
            }
        }
        Event::ChangeAuthorised { .. } => {
            change.state = ChangeState::Approved;
            change.authorised_at = Some(at);
        }
        Event::ChangeRejected { reason, .. } => {
            change.state = ChangeState::Rejected;
            change.authorised_at = None;
            change.decision = Some((recorded.actor.clone(), reason.clone()));
        }
        Event::RejectionRevoked { .. } => {
            change.state = ChangeState::Pending;
            change.decision = None;
        }
        Event::ApprovalRevoked { operator, .. } => {
            let round = change.round;
            let given = |approval: &&mut Approval| approval.operator == *operator && approval.round == round;
            change.approvals.iter_mut().filter(given).for_each(|approval| approval.revoked = true);
            if change.state == ChangeState::Approved {
                change.state = ChangeState::Pending;
                change.authorised_at = None;
            }
        }
        Event::ChangeExpired { .. } => {
            let late =
                if change.state == ChangeState::Pending { "nobody decided in time" } else { "nobody began in time" };
            change.state = ChangeState::Expired;
            change.decision = Some((recorded.actor.clone(), late.to_owned()));
        }
        Event::ChangeWithdrawn { reason, .. } => {
            change.state = ChangeState::Withdrawn;
            change.decision = Some((recorded.actor.clone(), reason.clone()));
        }
        Event::ChangeEnded { outcome, .. } => {
            change.ended_at = Some(at);
            change.state = match outcome {
                ChangeOutcome::Validated if change.terms.validated_by_another => ChangeState::Validating,
                ChangeOutcome::Validated => proved(change),
                ChangeOutcome::Failed => ChangeState::Failed,
            };
        }
        Event::ChangeChecked { passed, .. } => {
            change.validated_by = Some(recorded.actor.clone());
            change.state = if *passed { proved(change) } else { ChangeState::Failed };
        }
        Event::ChangeReviewed { review, .. } => {
            change.review = Some(ChangeReview::clone(review));
            if change.state == ChangeState::Validated {
                change.state = ChangeState::Closed;
            }
        }
        Event::ChangeReviewOverdue { .. } => change.review_overdue_at = Some(at),
        _ => {}
    }
}

/// Where a change is that did what it should.
fn proved(change: &Change) -> ChangeState {
    if change.terms.review_within_seconds.is_some() && change.review.is_none() {
        ChangeState::Validated
    } else {
        ChangeState::Closed
    }
}

/// A change whose recovery was taken back is rolled back.
fn taken_back(state: &mut State, undo: RecoveryId) {
    let undone = match state.recoveries.get(&undo).map(|recovery| recovery.plan.strategy) {
        Some(Strategy::Undo(undone)) => state.recoveries.get(&undone),
        _ => None,
    };
    let change = undone.and_then(|recovery| recovery.change).and_then(|id| state.changes.get_mut(&id));
    if let Some(change) = change.filter(|change| change.ended_at.is_some()) {
        change.state = ChangeState::RolledBack;
    }
}
