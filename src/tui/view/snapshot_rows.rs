//! Rows of snapshots: as they stand among all of them, and as a component sees them.

use chrono::{DateTime, Utc};

use super::canvas::Piece;
use crate::{
    domain::{Proof, Snapshot, SnapshotState},
    tui::{text, theme::Role},
};

/// A snapshot: age, name, what for, growth, and how far it is trusted.
pub(super) fn row(snapshot: &Snapshot, now: DateTime<Utc>, columns: usize) -> Vec<Piece> {
    let (role, verdict) = match (&snapshot.state, &snapshot.checked) {
        (SnapshotState::Running, _) => (Role::Text, "… being taken".to_owned()),
        (SnapshotState::Failed(_), _) => (Role::Bad, "✖ failed".to_owned()),
        (_, Some((_, problems))) if !problems.is_empty() => (Role::Bad, "✖ damaged".to_owned()),
        (SnapshotState::Partial, _) => (Role::Warn, "▲ partial".to_owned()),
        (SnapshotState::Complete, Some(_)) => (Role::Ok, "✓ read back".to_owned()),
        (SnapshotState::Complete, None) => (Role::Ok, "✓ complete".to_owned()),
    };
    let about = contents_columns(columns);
    let (name, why) = text::name_and(&snapshot.id.to_string(), 8, 14);
    vec![
        (Role::Text, text::left(&text::age(now - snapshot.requested_at), 5)),
        (Role::Text, name),
        (Role::Text, text::left(snapshot.trigger.word(), why)),
        (Role::Muted, text::left(&contents(snapshot), about)),
        (Role::Text, text::right(&format!("+{}", text::bytes(snapshot.added_bytes())), 11)),
        (Role::Text, " ".to_owned()),
        (role, text::left(&verdict, 13)),
    ]
}

fn contents(snapshot: &Snapshot) -> String {
    match snapshot.components.as_slice() {
        [one] => one.clone(),
        many => format!("{} components", many.len()),
    }
}

/// Columns below which a snapshot's line has no room for all its figures.
const NARROW: usize = 56;

/// A snapshot as a component sees it, where it is narrow: name, when, how long ago, and how far it can be trusted.
fn in_short(snapshot: &Snapshot, component: &str, now: DateTime<Utc>) -> Vec<Piece> {
    let age = now - snapshot.requested_at;
    let date = snapshot.requested_at.format(if age >= chrono::TimeDelta::days(1) { "%m-%d" } else { "%H:%M:%S" });
    let (state, restored) = (integrity(snapshot, component), restored(snapshot, component));
    // What was restored is proved; what is bad is told before what was once proved.
    let trust = if state.0 == Role::Ok && !restored.1.is_empty() { restored } else { state };
    let (name, day) = text::name_and(&snapshot.id.to_string(), 8, 9);
    vec![
        (Role::Text, name),
        (Role::Text, text::left(&date.to_string(), day)),
        (Role::Muted, text::right(&text::short(age), 4)),
        (Role::Text, " ".to_owned()),
        (trust.0, text::left(trust.1, 13)),
    ]
}

/// A snapshot as a component sees it: name, what for, when, growth, whether its bytes are right, whether it was restored.
pub(super) fn of_component(snapshot: &Snapshot, component: &str, now: DateTime<Utc>, columns: usize) -> Vec<Piece> {
    if columns < NARROW {
        return in_short(snapshot, component, now);
    }
    let captured = snapshot.captured(component);
    let added = captured.map_or_else(String::new, |captured| format!("+{}", text::bytes(captured.added_bytes)));
    let is_old = now - snapshot.requested_at >= chrono::TimeDelta::days(1);
    let (day, date) = match columns {
        90.. if is_old => (15, "%m-%d %H:%M:%S"),
        90.. => (10, "%H:%M:%S"),
        70.. => (12, if is_old { "%m-%d %H:%M" } else { "%H:%M:%S" }),
        _ => (9, if is_old { "%m-%d" } else { "%H:%M:%S" }),
    };
    let date = snapshot.requested_at.format(date);
    let mut notes: Vec<String> = Vec::new();
    if snapshot.pinned {
        notes.push("pinned".to_owned());
    }
    notes.extend(captured.and_then(|captured| captured.version.clone()));
    notes.extend(snapshot.recovery.map(|recovery| format!("before {recovery}")));
    notes.extend(snapshot.incident.map(|incident| format!("in {incident}")));
    let rest = columns.saturating_sub(8 + 11 + day + 4 + 9 + 1 + 12 + 13);
    let (state, restored) = (integrity(snapshot, component), restored(snapshot, component));
    let (name, why) = text::name_and(&snapshot.id.to_string(), 8, 11);
    vec![
        (Role::Text, name),
        (Role::Text, text::left(snapshot.trigger.word(), why)),
        (Role::Text, text::left(&date.to_string(), day)),
        (Role::Muted, text::right(&text::short(now - snapshot.requested_at), 4)),
        (Role::Text, text::right(&added, 9)),
        (Role::Text, " ".to_owned()),
        (state.0, text::left(state.1, 12)),
        (restored.0, text::left(restored.1, 13)),
        (Role::Text, text::left(&notes.join(" · "), rest)),
    ]
}

/// How far what a snapshot holds of a component can be trusted.
fn integrity(snapshot: &Snapshot, component: &str) -> (Role, &'static str) {
    let captured = snapshot.captured(component);
    match (&snapshot.state, captured, &snapshot.checked) {
        (SnapshotState::Running, ..) => (Role::Text, "… taking"),
        (SnapshotState::Failed(_), ..) => (Role::Bad, "✖ failed"),
        (_, None, _) => (Role::Bad, "✖ not in it"),
        (.., Some((_, problems))) if !problems.is_empty() => (Role::Bad, "✖ damaged"),
        (_, Some(captured), _) if !captured.unreadable.is_empty() => (Role::Bad, "✖ partial"),
        (_, Some(captured), _) if !captured.good => (Role::Warn, "▲ unhealthy"),
        _ if snapshot.proving.contains(&Proof::Integrity) => (Role::Text, "… reading"),
        (.., Some(_)) => (Role::Ok, "✓ intact"),
        (.., None) => (Role::Text, "complete"),
    }
}

/// Whether a component was restored from a snapshot as proof.
fn restored(snapshot: &Snapshot, component: &str) -> (Role, &'static str) {
    match snapshot.test_of(component) {
        _ if snapshot.proving.contains(&Proof::TestRestore) => (Role::Text, "… restoring"),
        Some(test) if test.passed => (Role::Ok, "✓ restores"),
        Some(_) => (Role::Bad, "✖ no restore"),
        None => (Role::Muted, ""),
    }
}

/// The headings of snapshots.
pub(super) fn head(columns: usize) -> String {
    let about = contents_columns(columns);
    let holds = text::left(if about > 0 { "HOLDS" } else { "" }, about);
    format!("{}{}{}{holds}{:>11} STATE", text::left("AGE", 5), text::left("ID", 8), text::left("WHY", 14), "ADDED")
}

/// Columns for what a snapshot holds; none where it is narrow.
fn contents_columns(columns: usize) -> usize {
    let about = columns.saturating_sub(5 + 8 + 14 + 11 + 14);
    if about < 12 { 0 } else { about }
}
