//! The lines around every page: where am I, how bad is it, who am I, what time is it; what just happened; what can I do.

use ratatui::layout::Rect;

use super::canvas::{Canvas, KeyHint, Piece};
use crate::{
    domain::{Severity, Status, SystemState},
    tui::{
        action::hints,
        model::{Link, Model, Mouse, Overlay, Screen},
        text,
        theme::Role,
    },
};

/// The platform in one line, for a terminal that is too small for more.
pub(super) fn one_line(model: &Model) -> String {
    let down = model.state.platform.services.iter().filter(|s| model.status_of(&s.name) == Status::Down).count();
    let open = model.state.open_incidents().count();
    format!("{} down, {} incidents, {} wait", down, open, model.state.pending_changes().len())
}

pub(super) fn header(model: &Model, canvas: &mut Canvas, area: Rect) {
    let mut left: Vec<Piece> =
        vec![(Role::Title, " CODEBLUE ".to_owned()), (Role::Text, model.state.platform.name.clone())];
    if let Some(name) = place(model) {
        left.push((Role::Muted, " ▸ ".to_owned()));
        left.push((Role::Title, name));
    }
    match model.state.drills.running() {
        Some(drill) => left.push((Role::Planned, format!("  {} RUNS", drill.id))),
        None if model.is_drill() => left.push((Role::Planned, "  DRILL".to_owned())),
        None => {}
    }
    let columns: usize = left.iter().map(|(_, piece)| text::width(piece)).sum();
    let used = u16::try_from(columns).unwrap_or(u16::MAX).min(area.width);

    let mut right: Vec<Piece> = Vec::new();
    match &model.link {
        Link::Live => {}
        Link::Connecting => right.push((Role::Warn, "connecting…  ".to_owned())),
        Link::Lost { since, .. } => {
            right.push((Role::Emergency, format!(" LINK LOST {} ", text::clock(model.now - *since))));
            right.push((Role::Text, "  ".to_owned()));
        }
    }
    right.extend(state(model));
    if model.locked {
        right.push((Role::Emergency, " LOCKED ".to_owned()));
        right.push((Role::Text, "  ".to_owned()));
    }
    match &model.state.halted {
        Some(_) => right.push((Role::Emergency, " AUTOPILOT HALTED ".to_owned())),
        None => right.push((Role::Text, format!("{:?}", model.state.mode).to_uppercase())),
    }
    if let Some(me) = &model.me {
        let highest = me.roles.iter().next_back().map(|role| crate::domain::role_name(*role)).unwrap_or_default();
        right.push((Role::Text, format!("  {}", me.name)));
        right.push((Role::Muted, format!("·{highest}")));
    }
    let time = if model.is_counting() { "%H:%M:%SZ" } else { "%H:%MZ" };
    right.push((Role::Text, format!("  {} ", model.now.format(time))));
    // What does not fit goes from the left: the clock and the state stay.
    let room = usize::from(area.width.saturating_sub(used + 1));
    while right.len() > 2 && right.iter().map(|(_, piece)| text::width(piece)).sum::<usize>() > room {
        let place = right.len() - 2;
        right.remove(place);
    }
    let taken: usize = right.iter().map(|(_, piece)| text::width(piece)).sum();
    let taken = u16::try_from(taken).unwrap_or(u16::MAX).saturating_add(1).min(area.width);
    canvas.line(Rect { width: area.width - taken, ..area }, 0, &left);
    canvas.line_right(area, 0, &right);
}

/// How bad it is.
fn state(model: &Model) -> Vec<Piece> {
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .filter_map(|severity| {
            let count = model.state.open_incidents().filter(|incident| incident.severity == severity).count();
            (count > 0).then(|| format!("{severity} ×{count}"))
        })
        .collect();
    let (role, word) = match model.state.system_state() {
        _ if model.link == Link::Connecting => return Vec::new(),
        SystemState::Emergency => (Role::Emergency, " ■ EMERGENCY "),
        SystemState::Recovery => (Role::Warn, "↻ RECOVERY"),
        SystemState::Degraded => (Role::Warn, "▲ DEGRADED"),
        SystemState::Normal => (Role::Ok, "● NORMAL"),
    };
    vec![(role, word.to_owned()), (Role::Bad, format!(" {}", counts.join(" · "))), (Role::Text, "  ".to_owned())]
}

/// What is open, for the header.
fn place(model: &Model) -> Option<String> {
    match model.screen() {
        Screen::Board => None,
        Screen::Service(name) => Some(name.clone()),
        Screen::Incident(id) => {
            Some(format!("{id} {}", model.state.incidents.get(id).map(|i| i.title.clone()).unwrap_or_default()))
        }
        Screen::Diagnosis(id, _) => Some(format!("{id} diagnosis")),
        Screen::Evidence(id, service, _) => Some(format!("{id} {service}")),
        Screen::Reliability => Some("how sure, how right".to_owned()),
        Screen::Knowledge => Some("knowledge".to_owned()),
        Screen::Article(name) => Some(name.clone()),
        Screen::Prompt(id) => Some(format!("{id} what the model was told")),
        Screen::Change(id) => Some(id.to_string()),
        Screen::Approvals => Some("approvals".to_owned()),
        Screen::BreakGlass(id) => Some(id.to_string()),
        Screen::Templates => Some("standard changes".to_owned()),
        Screen::Plan => Some("plan".to_owned()),
        Screen::Snapshots => Some("snapshots".to_owned()),
        Screen::Difference(of, None) => Some(format!("{of} and now")),
        Screen::Difference(of, Some(against)) => Some(format!("{of} and {against}")),
        Screen::Recovery(id) => Some(id.to_string()),
        Screen::Recoveries => Some("recoveries".to_owned()),
        Screen::Books(None) => Some("runbooks".to_owned()),
        Screen::Books(Some(id)) => Some(format!("runbooks for {id}")),
        Screen::Book(id) => Some(id.clone()),
        Screen::Run(id) => Some(id.to_string()),
        Screen::StepWhy(id, step) => Some(format!("{id} {step}")),
        Screen::RunText(id) => Some(format!("{id} its book")),
        Screen::Drills => Some("drills".to_owned()),
        Screen::Drill(id) => Some(id.to_string()),
        Screen::HeatMap => Some("heat map".to_owned()),
        Screen::Calendar => Some("planned work".to_owned()),
        Screen::Continuity => Some("continuity".to_owned()),
        Screen::Function(name) => Some(name.clone()),
        Screen::Map => Some("dependency map".to_owned()),
        Screen::Metrics => Some("metrics".to_owned()),
        Screen::Patterns(None) => Some("patterns".to_owned()),
        Screen::Patterns(Some(service)) => Some(format!("patterns of {service}")),
        Screen::Pattern(id) => Some(format!("pattern {id}")),
        Screen::Journal => Some("journal".to_owned()),
        Screen::Help => Some("help".to_owned()),
    }
}

pub(super) fn footer(model: &Model, canvas: &mut Canvas, area: Rect) {
    news(model, canvas, area, area.height - 2);
    // A form takes every key and says itself what each does.
    if matches!(model.overlay, Some(Overlay::Form(_))) {
        return;
    }
    let row = area.height - 1;
    let keys: Vec<KeyHint> = hints(model).into_iter().map(|action| KeyHint::of(model, action)).collect();
    if model.mouse == Mouse::Captured {
        canvas.keys(area, row, &keys);
        return;
    }
    let badge = " MOUSE off: select freely ";
    canvas.line_right(area, row, &[(Role::Warn, badge.to_owned())]);
    let width = area.width.saturating_sub(u16::try_from(text::width(badge)).unwrap_or(0));
    canvas.keys(Rect { width, ..area }, row, &keys);
}

/// What a locked board still does, and how it is opened.
fn lock_words(model: &Model) -> String {
    let me = model.my_name();
    let proof = match model.state.second_factor(me) {
        Some(_) => format!("the code of {me}"),
        None => format!("the name {me}"),
    };
    format!(" ▲ LOCKED: acting asks for {proof}; looking goes on")
}

/// A short message when there is one, the last events else.
fn news(model: &Model, canvas: &mut Canvas, area: Rect, row: u16) {
    if let Some(toast) = &model.toast {
        let role = if toast.bad { Role::Bad } else { Role::Ok };
        let mark = if toast.bad { "✖" } else { "✓" };
        canvas.line(area, row, &[(role, format!(" {mark} {}", toast.text))]);
        return;
    }
    if model.locked {
        canvas.line(area, row, &[(Role::Warn, lock_words(model))]);
        return;
    }
    if let Link::Lost { reason, .. } = &model.link {
        canvas.line(area, row, &[(Role::Bad, format!(" ✖ {reason}; trying again. What is shown may be old."))]);
        return;
    }
    if !model.filter.is_empty() {
        canvas.line(
            area,
            row,
            &[(Role::Warn, format!(" showing only “{}” · / changes it · Esc shows all", model.filter))],
        );
        return;
    }
    let pieces: Vec<Piece> = model
        .recent
        .iter()
        .rev()
        .take(2)
        .flat_map(|recorded| {
            [
                (Role::Muted, format!(" {} ", recorded.at.format("%H:%M:%S"))),
                (Role::Text, format!("{}   ", recorded.event.summary())),
            ]
        })
        .collect();
    canvas.line(area, row, &pieces);
}
