//! The strip of time: snapshots, incidents and deployments of a component, and the point to go back to.
//!
//! ```text
//!  12:00          12:30          13:00       13:21:50▼    now
//!  ──●──────────────●──────────────●────────────┼─────────●──
//!                                          ↑v41 ██████████
//! ```

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use crate::{
    domain::{Snapshot, SnapshotState, Step},
    platform::{Component, ComponentKind},
    tui::{
        model::{Model, Target},
        text,
        theme::Role,
    },
};

/// Rows that the strip takes.
pub(super) const ROWS: u16 = 3;
/// What its signs mean.
pub(super) const LEGEND: &str = "● good ○ by hand ✖ bad █ incident ↑ deploy";
/// Minutes between two times written above it.
const STEPS: [i64; 14] = [1, 5, 10, 15, 30, 60, 120, 360, 720, 1_440, 2_880, 10_080, 43_200, 129_600];

/// A stretch of time over some columns.
struct Axis {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    columns: u16,
}

impl Axis {
    /// The column of a moment, if it is in sight.
    fn column(&self, at: DateTime<Utc>) -> Option<u16> {
        if at < self.from || at > self.to || self.columns == 0 {
            return None;
        }
        let all = (self.to - self.from).num_milliseconds().max(1);
        let part = (at - self.from).num_milliseconds() * i64::from(self.columns) / all;
        u16::try_from(part).ok().map(|column| column.min(self.columns - 1))
    }

    /// The moment in the middle of a column.
    fn moment(&self, column: u16) -> DateTime<Utc> {
        let all = (self.to - self.from).num_milliseconds();
        let columns = i64::from(self.columns.max(1));
        self.from + TimeDelta::milliseconds(all * (2 * i64::from(column) + 1) / (2 * columns))
    }
}

pub(super) fn draw(model: &Model, canvas: &mut Canvas, area: Rect, component: &Component) {
    if area.width < 20 || area.height < ROWS {
        return;
    }
    let (from, to) = model.window();
    let place = Rect { x: area.x + 1, width: area.width - 2, height: ROWS, ..area };
    let axis = Axis { from, to, columns: place.width };
    times(model, canvas, place, &axis);
    canvas.line(place, 1, &[(Role::Border, "─".repeat(usize::from(axis.columns)))]);
    for column in 0..axis.columns {
        let rect = Rect { x: place.x + column, width: 1, height: 2, ..place };
        canvas.hits.add(rect, Target::Moment(axis.moment(column).timestamp()));
    }
    events(model, canvas, place, &axis, component);
    snapshots(model, canvas, place, &axis, component);
    point(model, canvas, place, &axis);
}

/// One sign in one column of a row.
fn put(canvas: &mut Canvas, area: Rect, column: u16, row: u16, role: Role, sign: &str) {
    let rest = Rect { x: area.x + column, width: area.width.saturating_sub(column), ..area };
    canvas.line(rest, row, &[(role, sign.to_owned())]);
}

fn times(model: &Model, canvas: &mut Canvas, area: Rect, axis: &Axis) {
    let minutes = (axis.to - axis.from).num_minutes().max(1);
    let days = minutes > 1_440;
    let room = if days { 14 } else { 9 };
    let step = STEPS.into_iter().find(|step| step * i64::from(axis.columns) / minutes >= room).unwrap_or(129_600) * 60;
    // Nothing is written half: what the point or "now" would cover is left out.
    let covered = label(model, axis).map(|(at, text)| (at, at + columns_of(&text)));
    let is_free = |at: u16, columns: u16| covered.is_none_or(|(from, to)| at + columns <= from || at >= to);
    let end = if axis.to == model.now { axis.columns.saturating_sub(3) } else { axis.columns };
    let mut tick = axis.from.timestamp().div_euclid(step) * step + step;
    while tick <= axis.to.timestamp() {
        let Some(at) = DateTime::from_timestamp(tick, 0) else { break };
        let label = match (days, step >= 86_400) {
            (false, _) => at.format("%H:%M").to_string(),
            (true, true) => at.format("%Y-%m-%d").to_string(),
            (true, false) => at.format("%m-%d %H:%M").to_string(),
        };
        let columns = columns_of(&label);
        if let Some(column) = axis.column(at).filter(|column| column + columns < end && is_free(*column, columns)) {
            put(canvas, area, column, 0, Role::Muted, &label);
        }
        tick += step;
    }
    if axis.to == model.now && is_free(end, 3) {
        put(canvas, area, end, 0, Role::Muted, "now");
    }
}

fn snapshots(model: &Model, canvas: &mut Canvas, area: Rect, axis: &Axis, component: &Component) {
    let selected = model.snapshot();
    let mut chosen = None;
    // Oldest last, so that of several in a column the newest is clicked, and what is wrong is never hidden by what is not.
    let mut drawn: Vec<(u16, u8)> = Vec::new();
    for snapshot in model.snapshots_of(&component.name) {
        let Some(column) = axis.column(snapshot.requested_at) else { continue };
        let (sign, role, rank) = sign(snapshot, &component.name);
        if selected == Some(snapshot.id) {
            chosen = Some((column, sign));
        }
        let first = drawn.last().is_none_or(|(last, _)| *last != column);
        if first || drawn.last().is_some_and(|(_, last)| *last < rank) {
            put(canvas, area, column, 1, role, sign);
            drawn.retain(|(known, _)| *known != column);
            drawn.push((column, rank));
        }
        if first {
            let rect = Rect { x: area.x + column, width: 1, height: 2, ..area };
            // A second later, so that this snapshot is the newest before it.
            canvas.hits.add(rect, Target::Moment(snapshot.requested_at.timestamp() + 1));
        }
    }
    if let Some((column, sign)) = chosen {
        put(canvas, area, column, 1, Role::Pressed, sign);
    }
}

/// How a snapshot looks on the strip; the higher the rank, the more it must be seen.
fn sign(snapshot: &Snapshot, component: &str) -> (&'static str, Role, u8) {
    let damaged = snapshot.checked.as_ref().is_some_and(|(_, problems)| !problems.is_empty());
    let whole = snapshot.captured(component).is_some_and(|captured| captured.unreadable.is_empty());
    match &snapshot.state {
        SnapshotState::Running => ("◌", Role::Text, 1),
        SnapshotState::Failed(_) => ("✖", Role::Bad, 2),
        _ if damaged || !whole || snapshot.test_of(component).is_some_and(|test| !test.passed) => ("✖", Role::Bad, 2),
        _ if snapshot.is_good_for(component) => ("●", Role::Ok, 1),
        _ => ("○", Role::Text, 0),
    }
}

fn events(model: &Model, canvas: &mut Canvas, area: Rect, axis: &Axis, component: &Component) {
    for incident in model.state.incidents.values().rev() {
        if !incident.services.contains(&component.service) {
            continue;
        }
        let end = incident.resolved_at.unwrap_or(model.now).min(axis.to);
        let start = incident.detected_at.max(axis.from);
        if let (Some(first), Some(last)) = (axis.column(start), axis.column(end))
            && start <= end
        {
            put(canvas, area, first, 2, Role::Bad, &"█".repeat(usize::from(last - first) + 1));
        }
    }
    let mut free = axis.columns;
    for deployment in model.state.deployments.values().rev() {
        if deployment.at < axis.from {
            break;
        }
        let of_service = model.state.platform.component(&deployment.component);
        if of_service.is_none_or(|other| other.service != component.service) {
            continue;
        }
        let Some(column) = axis.column(deployment.at) else { continue };
        let label = format!("↑{} ", text::fit(&deployment.version, 10));
        let shown = if column.saturating_add(columns_of(&label)) <= free { label.as_str() } else { "↑" };
        put(canvas, area, column, 2, Role::Planned, shown);
        free = column;
    }
}

fn point(model: &Model, canvas: &mut Canvas, area: Rect, axis: &Axis) {
    let Some(column) = model.browse.point.and_then(|point| axis.column(point)) else { return };
    put(canvas, area, column, 1, Role::Focus, "┼");
    if let Some((at, label)) = label(model, axis) {
        put(canvas, area, at, 0, Role::Focus, &label);
    }
}

/// The time of the point, with its arrow over the point, and where it begins.
fn label(model: &Model, axis: &Axis) -> Option<(u16, String)> {
    let point = model.browse.point?;
    let column = axis.column(point)?;
    let time = point.format("%H:%M:%S");
    // " 14:19:50▼" to the left of the point, where there is room.
    Some(match column.checked_sub(9) {
        Some(at) => (at, format!(" {time}▼")),
        None => (column, format!("▼{time} ")),
    })
}

fn columns_of(label: &str) -> u16 {
    u16::try_from(text::width(label)).unwrap_or(u16::MAX)
}

/// Says plainly to what a point in time leads.
pub(super) fn consequence(model: &Model, component: &Component) -> Vec<Vec<Piece>> {
    let Some(point) = model.browse.point else {
        return vec![vec![
            (Role::Muted, " To go back: ".to_owned()),
            (Role::Key, format!("{} {}", model.key("earlier"), model.key("later"))),
            (Role::Muted, " a second, ".to_owned()),
            (Role::Key, format!("{} {}", model.key("minute-earlier"), model.key("minute-later"))),
            (Role::Muted, " a minute, ".to_owned()),
            (Role::Key, model.key("time")),
            (Role::Muted, " types a time; or click above".to_owned()),
        ]];
    };
    let ago = text::short(model.now - point);
    let head = (Role::Focus, format!(" ▼ {} ({ago} ago) ", when(point, model.now)));
    let plan = match model.plan_to(component, point) {
        Ok(plan) => plan,
        Err(_) if model.state.older.of(&component.name) > 0 => {
            return vec![vec![head, (Role::Muted, "… older snapshots come from the engine".to_owned())]];
        }
        Err(why) => {
            return vec![
                vec![head, (Role::Bad, "✖ cannot be gone back to".to_owned())],
                vec![(Role::Text, format!("   {why}"))],
            ];
        }
    };
    let keep = vec![
        (Role::Text, "   No data is touched.  ".to_owned()),
        (Role::Key, model.key("open")),
        (Role::Text, " shows the plan".to_owned()),
    ];
    let step = plan.steps.iter().find(|step| step.component().is_some());
    match step {
        Some(Step::RestoreSnapshot { snapshot, taken_at, .. }) => {
            let what = if component.kind == ComponentKind::Code { "changes" } else { "writes" };
            let short = text::span(point - *taken_at);
            let all = text::span(model.now - *taken_at);
            vec![
                vec![
                    head,
                    (Role::Title, format!("→ {snapshot} of {}: ", when(*taken_at, model.now))),
                    (Role::Warn, format!("{short} of {what} lost")),
                ],
                vec![
                    (Role::Bad, format!("   LOSES all {what} since then, {all}")),
                    (Role::Text, "; a safety snapshot keeps them  ".to_owned()),
                    (Role::Key, model.key("open")),
                    (Role::Text, " plan".to_owned()),
                ],
            ]
        }
        Some(Step::RestoreTime { at, .. }) => {
            let all = text::span(model.now - *at);
            vec![
                vec![head, (Role::Title, "→ exactly that second, from its snapshot and the received log".to_owned())],
                vec![
                    (Role::Bad, format!("   LOSES all writes since then, {all}")),
                    (Role::Text, "; a safety snapshot keeps them  ".to_owned()),
                    (Role::Key, model.key("open")),
                    (Role::Text, " plan".to_owned()),
                ],
            ]
        }
        Some(Step::SwitchRelease { to, from, .. }) if from.as_ref() == Some(to) => {
            vec![vec![head, (Role::Title, format!("→ {to}, which is live now: nothing would change"))], keep]
        }
        Some(Step::SwitchRelease { to, .. }) => {
            vec![vec![head, (Role::Title, format!("→ {to}, which was live then"))], keep]
        }
        Some(other) => vec![vec![head, (Role::Title, format!("→ {other}"))], keep],
        None => vec![vec![head, (Role::Title, "→ nothing would change".to_owned())], keep],
    }
}

/// A moment: its time alone when it is less than a day ago.
pub(super) fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let format = if now - at < TimeDelta::days(1) { "%H:%M:%SZ" } else { "%Y-%m-%d %H:%M:%SZ" };
    at.format(format).to_string()
}
