//! What stands in the terminal after the board was left: how things are, and what its operator did.

use super::{
    model::{Link, Model},
    text,
};
use crate::domain::{Recorded, missing_roles, role_name};

/// Lines for each kind of thing.
const MOST: usize = 5;

/// What this operator did that is kept for the end.
const ACTS: usize = 50;

/// Keeps in mind what this operator did.
pub(super) fn remember(model: &mut Model, recorded: &Recorded) {
    if recorded.actor.operator() == Some(model.my_name()) {
        let on = model.fleet.away.as_ref().map(|host| format!("on {host}: ")).unwrap_or_default();
        model.acts.push_back((recorded.at, format!("{on}{}", recorded.event.summary())));
        model.acts.drain(..model.acts.len().saturating_sub(ACTS));
    }
}

/// How everything stands, in plain lines; none when nothing was ever heard of the platform.
#[must_use]
pub fn farewell(model: &Model) -> Vec<String> {
    if model.link == Link::Connecting {
        return Vec::new();
    }
    let state = &model.state;
    let now = model.now;
    let heard = match &model.link {
        Link::Lost { since, .. } => format!(", as last heard at {}", since.format("%H:%M:%SZ")),
        _ => String::new(),
    };
    let mut lines = vec![format!("codeblue left {} at {}{heard}", state.platform.name, now.format("%H:%M:%SZ"))];
    let mut incidents: Vec<_> = state.open_incidents().collect();
    incidents.sort_by_key(|incident| (incident.severity, incident.id));
    let told = incidents.iter().map(|incident| {
        let since = text::age(now - incident.detected_at);
        format!("{} {} {} · {} for {since}", incident.id, incident.severity, incident.title, incident.state)
    });
    section(&mut lines, "open", "no incident is open", told.collect());
    let waits = state.pending_changes().into_iter().map(|change| {
        let roles: Vec<&str> = missing_roles(state, change).into_iter().map(role_name).collect();
        let until = change.expires_at.format("%H:%MZ");
        format!("{} {} · for the {} until {until}", change.id, change.title, roles.join(" and the "))
    });
    section(&mut lines, "waits", "", waits.collect());
    let runs = state.running_recoveries().map(|recovery| format!("{} {}", recovery.id, recovery.plan.title));
    section(&mut lines, "runs", "", runs.collect());
    let books = state.open_runs().map(|run| format!("{} {}", run.id, run.book.front.title));
    section(&mut lines, "walked", "", books.collect());
    let acts: Vec<String> =
        model.acts.iter().rev().map(|(at, act)| format!("{} {act}", at.format("%H:%M:%SZ"))).collect();
    section(&mut lines, "you did", "", acts);
    lines
}

fn section(lines: &mut Vec<String>, name: &str, none: &str, all: Vec<String>) {
    if all.is_empty() && !none.is_empty() {
        lines.push(format!("  {none}"));
    }
    let more = all.len().saturating_sub(MOST);
    for (place, line) in all.into_iter().take(MOST).enumerate() {
        let name = if place == 0 { name } else { "" };
        lines.push(format!("  {name:<8}{}", text::fit(&text::clean(&line), 110)));
    }
    if more > 0 {
        lines.push(format!("  {:<8}and {more} more", ""));
    }
}
