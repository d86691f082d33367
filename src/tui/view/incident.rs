//! One incident: its clocks, what we know, and its timeline.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, Piece},
    rows,
};
use crate::{
    domain::{DiagnosisState, Incident, IncidentId, IncidentRole, RecoveryOutcome, TimelineKind},
    tui::{
        action::latest_document,
        model::{Model, Target},
        text,
        theme::{Role, status_badge},
    },
};

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, id: IncidentId) {
    let Some(incident) = model.state.incidents.get(&id) else {
        canvas.line(area, 0, &[(Role::Muted, format!("  {id} is on its way …"))]);
        return;
    };
    let top = Rect { height: 3, ..area };
    let summary = format!("{} · {}", incident.severity, incident.state);
    let inside = canvas.frame(top, "Clocks", &summary, false);
    let mut pieces = vec![(Role::Muted, format!(" since {}  ", incident.detected_at.format("%H:%M:%S")))];
    pieces.extend(rows::clocks(incident, model.now, area.width >= 100));
    canvas.line(inside, 0, &pieces);

    let rest = Rect { y: area.y + 3, height: area.height.saturating_sub(3), ..area };
    if area.width >= 100 {
        let left = rest.width * 48 / 100;
        known(model, canvas, Rect { width: left, ..rest }, id);
        timeline(model, canvas, Rect { x: rest.x + left, width: rest.width - left, ..rest }, id);
    } else {
        let upper = (rest.height * 55 / 100).max(6);
        known(model, canvas, Rect { height: upper, ..rest }, id);
        timeline(model, canvas, Rect { y: rest.y + upper, height: rest.height - upper, ..rest }, id);
    }
}

fn known(model: &Model, canvas: &mut Canvas, area: Rect, id: IncidentId) {
    let inside = canvas.frame(area, "What we know", "", false);
    let Some(incident) = model.state.incidents.get(&id) else { return };
    let room = usize::from(inside.width.saturating_sub(9));
    let mut lines: Vec<(Vec<Piece>, Option<Target>)> = Vec::new();
    let mut add = |label: &str, role: Role, content: &str, target: Option<Target>| {
        for (place, line) in text::wrap(content, room).into_iter().enumerate() {
            let label = if place == 0 { label } else { "" };
            lines.push((vec![(Role::Muted, format!(" {} ", text::left(label, 7))), (role, line)], target.clone()));
        }
    };
    let looking = incident
        .diagnoses
        .iter()
        .any(|id| model.state.diagnoses.get(id).is_some_and(|diagnosis| diagnosis.state == DiagnosisState::Running));
    let document = latest_document(model, id);
    match &document {
        Some(document) => {
            let cause = &document.root_cause;
            add("Cause", Role::Title, &cause.issue, None);
            add(
                "",
                Role::Text,
                &format!("{} {:.2} · {}", dots(cause.confidence), cause.confidence, cause.service),
                None,
            );
            for evidence in cause.evidence.iter().take(4) {
                let times = if evidence.count > 1 { format!(" ×{}", evidence.count) } else { String::new() };
                add("", Role::Muted, &format!("{}: “{}”{times}", evidence.source, evidence.text), None);
            }
        }
        None if looking => add("Cause", Role::Text, "looking for it …", None),
        None => add("Cause", Role::Muted, "not looked for yet: d diagnoses", None),
    }
    for service in &incident.services {
        let (glyph, word, role) = status_badge(model.status_of(service));
        add("Hits", role, &format!("{glyph} {word} {service}"), None);
    }
    for change in incident.changes.iter().rev().filter_map(|id| model.state.changes.get(id)).take(2) {
        let role = if change.state == crate::domain::ChangeState::Pending { Role::Warn } else { Role::Text };
        add("Change", role, &format!("{} {}: {}", change.id, change.state, change.title), Some(Target::Action("open")));
    }
    for recovery in incident.recoveries.iter().rev().filter_map(|id| model.state.recoveries.get(id)).take(2) {
        let (role, outcome) = match (recovery.ended, &recovery.relapse) {
            (Some(_), Some(_)) => (Role::Bad, "did not last".to_owned()),
            (Some((_, RecoveryOutcome::Failed)), None) => (Role::Bad, RecoveryOutcome::Failed.to_string()),
            (Some((_, outcome)), None) => (Role::Text, outcome.to_string()),
            (None, _) => (Role::Warn, "running".to_owned()),
        };
        add(
            "Tried",
            role,
            &format!("{} {outcome}: {}", recovery.id, recovery.plan.title),
            Some(Target::Action("open")),
        );
    }
    if let Some(document) = document.as_ref().filter(|_| incident.state.is_open()) {
        for (place, fix) in document.suggested_fixes.iter().enumerate() {
            let line = format!("{} {}   ~{} s   {:?} risk", place + 1, fix.action, fix.estimated_time, fix.risk);
            add(if place == 0 { "Next" } else { "" }, Role::Key, &line.to_lowercase(), Some(Target::Choice(place)));
        }
    }
    if let Some(resolution) = &incident.resolution {
        add("Ended", Role::Ok, resolution, None);
    }
    let role = |role| incident.roles.get(&role).map_or("—", String::as_str);
    let people = format!(
        "commander {} · comms {} · scribe {}",
        role(IncidentRole::Commander),
        role(IncidentRole::Communications),
        role(IncidentRole::Scribe)
    );
    add("Roles", Role::Text, &people, None);
    if let Some((role, words)) = rows::update(incident, model.now) {
        add("Update", role, &words, None);
    }
    if let Some((role, words)) = paper(incident, model.now) {
        add("Paper", role, &words, None);
    }
    if incident.escalation > 0 {
        add("Level", Role::Warn, &format!("escalated to level {}", incident.escalation), None);
    }
    for (row, (pieces, target)) in (0..inside.height).zip(&lines) {
        canvas.line(inside, row, pieces);
        if let Some(target) = target {
            canvas.hits.add(Rect { y: inside.y + row, height: 1, ..inside }, target.clone());
        }
    }
}

/// What is left to write, once it is over.
fn paper(incident: &Incident, now: DateTime<Utc>) -> Option<Piece> {
    if let Some((at, by)) = &incident.post_mortem.completed {
        return Some((Role::Ok, format!("post-mortem completed {} by {by}", at.format("%H:%M:%S"))));
    }
    let due = incident.post_mortem_due_at()?;
    Some(match due - now {
        late if late <= TimeDelta::zero() => (Role::Bad, format!("post-mortem OVERDUE by {}", text::span(-late))),
        left => (Role::Text, format!("post-mortem due in {}", text::span(left))),
    })
}

/// Confidence as dots, for those who do not read figures at night.
fn dots(confidence: f64) -> &'static str {
    match confidence {
        0.9.. => "●●●●",
        0.7..0.9 => "●●●○",
        0.5..0.7 => "●●○○",
        0.2..0.5 => "●○○○",
        _ => "○○○○",
    }
}

fn timeline(model: &Model, canvas: &mut Canvas, area: Rect, id: IncidentId) {
    let inside = canvas.frame(area, "Timeline", "newest first", false);
    let Some(incident) = model.state.incidents.get(&id) else { return };
    let room = usize::from(inside.width.saturating_sub(13));
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for entry in incident.timeline.iter().rev() {
        let (mark, role) = match entry.kind {
            TimelineKind::Bad => ("✖", Role::Bad),
            TimelineKind::Good => ("✓", Role::Ok),
            TimelineKind::Note => ("✎", Role::Text),
            TimelineKind::Update => ("»", Role::Focus),
            TimelineKind::Diagnosis => ("◆", Role::Focus),
            TimelineKind::Change => ("⚑", Role::Warn),
            TimelineKind::Recovery => ("▸", Role::Focus),
            TimelineKind::Deployment => ("↑", Role::Planned),
            TimelineKind::State => ("·", Role::Text),
        };
        let who = match (&entry.actor, entry.kind) {
            (crate::domain::Actor::Operator(name), TimelineKind::Note | TimelineKind::Update) => format!("{name}: "),
            _ => String::new(),
        };
        for (place, line) in text::wrap(&format!("{who}{}", entry.text), room).into_iter().enumerate() {
            let time = if place == 0 { entry.at.format("%H:%M:%S").to_string() } else { String::new() };
            let mark = if place == 0 { mark } else { " " };
            lines.push(vec![
                (Role::Muted, format!(" {} ", text::left(&time, 8))),
                (role, format!("{mark} ")),
                (Role::Text, line),
            ]);
        }
    }
    canvas.page(inside, &lines, model.scroll);
}
