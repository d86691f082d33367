//! One change, as its approver sees it: its plan, and who has agreed.

use ratatui::layout::Rect;

use super::{
    canvas::Canvas,
    plan::{Shown, body, breath, thirds},
    rows,
};
use crate::{
    domain::{Actor, Change, ChangeId, ChangeState},
    tui::{
        model::{Loaded, Model, Target},
        text,
        theme::Role,
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: ChangeId) {
    let Some(change) = model.state.changes.get(&id) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    let summary = match change.state {
        ChangeState::Pending => {
            format!("approve in {}", text::clock((change.expires_at - model.now).max(chrono::TimeDelta::zero())))
        }
        state => state.to_string(),
    };
    let shown = Shown {
        plan: &change.plan,
        hash: &change.plan_hash,
        risk: &change.risk,
        dry_run: model.dry_runs.get(&id).unwrap_or(&Loaded::Waiting),
    };
    let title = format!("In one breath · {} change", format!("{:?}", change.kind).to_lowercase());
    let (top, middle, foot) = thirds(area, &change.plan);
    breath(model, canvas, top, &shown, &change.reason, &summary, &title);
    body(model, canvas, middle, &shown);
    who(model, canvas, foot, change);
}

fn who(model: &Model, canvas: &mut Canvas, area: Rect, change: &Change) {
    let inside = canvas.frame(area, "Who", "", false);
    let requester = match &change.requester {
        Actor::Policy(name) => format!("policy “{name}”"),
        other => other.to_string(),
    };
    let mut pieces = vec![(Role::Muted, " asked by ".to_owned()), (Role::Text, format!("{requester}   "))];
    pieces.extend(rows::approvers(model, change));
    canvas.line(inside, 0, &pieces);
    if let Some((actor, reason)) = &change.decision {
        canvas.line(
            inside,
            1,
            &[(Role::Muted, format!(" {} by {actor}: ", change.state)), (Role::Text, reason.clone())],
        );
    } else if change.state == ChangeState::Pending {
        let me = model.me.as_ref().map(|me| me.name.as_str()).unwrap_or_default();
        match crate::domain::role_to_fill(&model.state, change, me) {
            Ok(role) => {
                let line = format!(" you ({me}) may approve as {}", crate::domain::role_name(role));
                canvas.line(inside, 1, &[(Role::Ok, line)]);
            }
            Err(refusal) => {
                canvas.line(inside, 1, &[(Role::Warn, format!(" you ({me}) may not approve: {}", refusal.message))]);
            }
        }
        let mut at = 1;
        at += canvas.button(inside, 2, at, "a Approve", Target::Action("approve"), false);
        at += canvas.button(inside, 2, at, "x Reject…", Target::Action("reject"), false);
        canvas.button(inside, 2, at, "Esc Back", Target::Action("back"), false);
    } else if let Some(recovery) = change.recovery {
        canvas.line(inside, 1, &[(Role::Text, format!(" carried out by {recovery}: ↵ shows it"))]);
        canvas.button(inside, 2, 1, "↵ Recovery", Target::Action("open"), false);
    }
}
