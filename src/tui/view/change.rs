//! One change, as its approver sees it: in one breath, the risk, the plan, what it would do, and who has agreed.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    rows,
};
use crate::{
    domain::{Actor, Change, ChangeId, ChangeState},
    engine::{ComponentDifference, FileChange, FileChangeKind},
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
    let breath = Rect { height: 6, ..area };
    let summary = match change.state {
        ChangeState::Pending => {
            format!("approve in {}", text::clock((change.expires_at - model.now).max(chrono::TimeDelta::zero())))
        }
        state => state.to_string(),
    };
    let kind = format!("{:?}", change.kind).to_lowercase();
    let inside = canvas.frame(breath, &format!("In one breath · {kind} change"), &summary, false);
    canvas.line(inside, 0, &[(Role::Title, format!(" {}", capital(&change.title)))]);
    canvas.line(inside, 1, &[(Role::Muted, " Why   ".to_owned()), (Role::Text, String::new())]);
    let room = Rect { x: inside.x + 7, width: inside.width.saturating_sub(8), height: inside.height.min(3), ..inside };
    canvas.paragraph(room, 1, Role::Text, &change.reason);
    let loses = match &change.plan.loses {
        Some(loses) => (Role::Bad, format!("LOSES {loses}")),
        None if change.plan.components().next().is_some() => {
            (Role::Text, "loses nothing: a safety snapshot comes first, and u takes it back".to_owned())
        }
        None => (Role::Text, "changes no component; what the action does cannot be taken back by codeblue".to_owned()),
    };
    canvas.line(inside, 3, &[(Role::Muted, " Cost  ".to_owned()), loses]);

    let foot = 5;
    let middle = Rect { y: area.y + 6, height: area.height.saturating_sub(6 + foot), ..area };
    if area.width >= 100 {
        let left = middle.width * 36 / 100;
        risk(canvas, Rect { width: left, ..middle }, change);
        plan(model, canvas, Rect { x: middle.x + left, width: middle.width - left, ..middle }, change, false);
    } else {
        plan(model, canvas, middle, change, true);
    }
    who(
        model,
        canvas,
        Rect { y: middle.bottom(), height: foot.min(area.bottom().saturating_sub(middle.bottom())), ..area },
        change,
    );
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

fn risk_lines(change: &Change) -> Vec<Vec<Piece>> {
    change
        .risk
        .points
        .iter()
        .map(|point| vec![(Role::Key, format!(" +{} ", point.points)), (Role::Text, point.why.clone())])
        .collect()
}

fn risk(canvas: &mut Canvas, area: Rect, change: &Change) {
    let inside = canvas.frame(area, &format!("Risk {} of 10", change.risk.score), "", false);
    canvas.page(inside, &risk_lines(change), 0);
}

fn plan(model: &Model, canvas: &mut Canvas, area: Rect, change: &Change, with_risk: bool) {
    let hash = &change.plan_hash[..change.plan_hash.len().min(12)];
    let risk = if with_risk { format!("risk {} of 10", change.risk.score) } else { String::new() };
    let inside = canvas.frame(area, &format!("Plan {hash}"), &risk, false);
    let mut lines: Vec<Vec<Piece>> = change
        .plan
        .steps
        .iter()
        .enumerate()
        .map(|(place, step)| vec![(Role::Muted, format!(" {} ", place + 1)), (Role::Text, step.to_string())])
        .collect();
    lines.push(Vec::new());
    match model.dry_runs.get(&change.id) {
        None | Some(Loaded::Waiting) => {
            lines.push(vec![(Role::Muted, " dry run: looking at what would change …".to_owned())]);
        }
        Some(Loaded::Failed(why)) => lines.push(vec![(Role::Bad, format!(" dry run failed: {why}"))]),
        Some(Loaded::Here(dry_run)) => {
            lines.push(vec![
                (Role::Title, " Dry run".to_owned()),
                (Role::Muted, format!("  takes about {} s", dry_run.estimate_seconds)),
            ]);
            if dry_run.plan_hash != change.plan_hash {
                lines.push(vec![(Role::Bad, " the dry run is of another plan".to_owned())]);
            }
            lines.extend(differences(&dry_run.components, inside.width));
            if dry_run.components.is_empty() {
                lines.push(vec![(Role::Text, " no file changes".to_owned())]);
            }
        }
    }
    if with_risk {
        lines.push(Vec::new());
        lines.extend(risk_lines(change));
    }
    canvas.page(inside, &lines, model.scroll);
}

/// Differences, one file a line.
pub(super) fn differences(components: &[ComponentDifference], columns: u16) -> Vec<Vec<Piece>> {
    let mut lines = Vec::new();
    for component in components {
        lines.push(vec![(Role::Text, format!(" {}: {}", component.component, component.summary))]);
        lines.extend(component.files.iter().map(|change| file(change, usize::from(columns))));
        let hidden = component.total.saturating_sub(component.files.len() as u64);
        if hidden > 0 {
            lines.push(vec![(Role::Muted, format!("   and {hidden} more"))]);
        }
    }
    lines
}

fn file(file: &FileChange, columns: usize) -> Vec<Piece> {
    let is_table = file.path.starts_with("table ");
    let size = |size: Option<u64>| match size {
        None => "—".to_owned(),
        Some(rows) if is_table => format!("{rows} rows"),
        Some(size) => text::bytes(size),
    };
    let (mark, role) = match file.kind {
        FileChangeKind::Added => ("+", Role::Ok),
        FileChangeKind::Removed => ("-", Role::Bad),
        FileChangeKind::Changed => ("~", Role::Warn),
    };
    vec![
        (role, format!("   {mark} ")),
        (Role::Text, text::fit_end(&file.path, columns.saturating_sub(26))),
        (Role::Muted, format!("  {} → {}", size(file.before), size(file.after))),
    ]
}

fn who(model: &Model, canvas: &mut Canvas, area: Rect, change: &Change) {
    let inside = canvas.frame(area, "Who", "", false);
    let requester = match &change.requester {
        Actor::Policy(name) => format!("policy “{name}”"),
        other => other.to_string(),
    };
    let mut pieces = vec![(Role::Muted, " asked by ".to_owned()), (Role::Text, format!("{requester}   "))];
    pieces.extend(rows::approvers(change));
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
