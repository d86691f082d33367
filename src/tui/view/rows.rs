//! Rows of the lists, as they look wherever they stand.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::canvas::Piece;
use crate::{
    domain::{BreakGlass, Change, ChangeState, Clock, Incident, Point, Status, StepState, missing_roles, role_name},
    platform::Reading,
    tui::{
        model::Model,
        queue::{Owed, Queued, on_the_track, owed},
        text,
        theme::{Role, status_badge},
    },
};

/// A service: state, name, figures, the last results, and what there is to say.
pub(super) fn service(model: &Model, name: &str, columns: usize) -> Vec<Piece> {
    let status = model.status_of(name);
    let (glyph, word, role) = badge_of(model, name);
    let widths = ServiceColumns::of(columns);
    let name_columns = widths.name;
    if let Some(silence) = model.silence_of(name) {
        let seen = model.vitals.services.get(name).and_then(crate::domain::ServiceVitals::last_seen);
        let since = seen.map(|at| at.format("%H:%M:%S").to_string()).unwrap_or_default();
        return vec![
            (role, format!("{glyph} {} ", text::left(&text::age(silence), 5))),
            (Role::Text, text::left(name, name_columns)),
            (role, format!(" no news since {since}")),
        ];
    }
    let figures = model.vitals.services.get(name);
    let p95 = figures.and_then(crate::domain::ServiceVitals::p95).map_or_else(|| "—".to_owned(), text::latency);
    let errors = figures.and_then(crate::domain::ServiceVitals::error_rate);
    let errors = errors.map_or_else(|| "—".to_owned(), text::share);
    let point = recovery_point(model, name);
    let ServiceColumns { point: point_columns, spark, room, .. } = widths;
    let mut pieces = vec![
        (role, format!("{glyph} {} ", text::left(word, 5))),
        (Role::Text, text::left(name, name_columns)),
        (Role::Text, text::right(&p95, 7)),
        (if errors == "0 %" || errors == "—" { Role::Text } else { Role::Bad }, text::right(&errors, 7)),
        (Role::Text, " ".to_owned()),
    ];
    if point_columns > 0 {
        let (role, words) = point.clone().unwrap_or((Role::Muted, String::new()));
        pieces.push((role, text::left(&words, point_columns)));
    }
    if let Some(figures) = figures {
        let skip = figures.points.len().saturating_sub(spark);
        pieces.extend(sparkline(figures.points.iter().skip(skip)));
        let short = spark.saturating_sub(figures.points.len());
        pieces.push((Role::Text, " ".repeat(short + 1)));
    }
    let health = model.state.services.get(name);
    let affected = model.affected_by(name);
    let doubt = model.doubt(name).filter(|_| room > 30);
    let needs = model.state.platform.service(name).map(|service| service.depends_on.join(", ")).unwrap_or_default();
    // Where it has no column, it stands before what is less urgent, but after why something is wrong.
    let healthy = status == Status::Healthy;
    if let Some((role, words)) = point.filter(|_| healthy && doubt.is_none() && point_columns == 0 && room > 30) {
        pieces.push((role, format!("{words}  ")));
    }
    pieces.push(match (status, health) {
        (Status::Healthy, _) if let Some(doubt) = doubt => (Role::Warn, doubt),
        (Status::Healthy, _) if room > 30 && affected.is_some() => {
            (Role::Warn, format!("needs {}, which fails", affected.unwrap_or_default()))
        }
        (Status::Healthy, _) if needs.is_empty() || room <= 30 => (Role::Muted, String::new()),
        // The start of a name alone says nothing.
        (Status::Healthy, _) => match columns.saturating_sub(columns_of(&pieces) + 6) {
            room if text::width(&needs) <= room || room >= NAMES => (Role::Muted, format!("needs {needs}")),
            _ => (Role::Muted, String::new()),
        },
        (_, Some(health)) => match affected {
            Some(root) => (Role::Text, format!("by {root}: {}", health.reason)),
            None => (Role::Text, health.reason.clone()),
        },
        (_, None) => (Role::Muted, String::new()),
    });
    pieces
}

/// Columns that pieces take.
pub(super) fn columns_of(pieces: &[Piece]) -> usize {
    pieces.iter().map(|(_, piece)| text::width(piece)).sum()
}

/// Columns from which names may be cut.
const NAMES: usize = 20;

/// Columns of what a service's line says.
struct ServiceColumns {
    name: usize,
    point: usize,
    spark: usize,
    /// What the last results and the words have together.
    room: usize,
}

impl ServiceColumns {
    fn of(columns: usize) -> Self {
        let name = if columns >= 60 { 18 } else { 13 };
        let room = columns.saturating_sub(name + 8 + 7 + 7 + 1);
        // A column of its own, unless that would leave too little for why something is wrong, or for the last results.
        let point = if room > 30 + POINT || (POINT + 10..=30).contains(&room) { POINT } else { 0 };
        let room = room - point;
        // Where there is room for words, they get the better half of it.
        let spark = if room > 30 { (room / 3).clamp(12, 30) } else { room.max(6) };
        Self { name, point, spark, room }
    }
}

/// Whether the line of a service in so many columns can say why it is not well.
pub(super) fn has_room_for_why(columns: usize) -> bool {
    ServiceColumns::of(columns).room > 30
}

/// The headings of the services.
pub(super) fn service_head(columns: usize) -> String {
    let ServiceColumns { name, point, spark, room } = ServiceColumns::of(columns);
    let last = match room {
        0..=11 => String::new(),
        12..=30 => "LAST RESULTS".to_owned(),
        _ => format!("{} WHY", text::left("LAST RESULTS", spark)),
    };
    let point = if point > 0 { text::left("RECOVERY POINT", point) } else { String::new() };
    format!("{}{}{:>7}{:>7} {point}{last}", text::left("STATE", 8), text::left("SERVICE", name), "P95", "FAIL")
}

/// Glyph, word and role of a service: one that fails because of another looks like it, but is no outage of its own.
pub(super) fn badge_of(model: &Model, name: &str) -> (&'static str, &'static str, Role) {
    let status = model.status_of(name);
    let (glyph, word, role) = status_badge(status);
    match (status, model.affected_by(name)) {
        (Status::Down | Status::Degraded, Some(_)) => ("↳", word, role),
        _ => (glyph, word, role),
    }
}

/// Columns of a service's recovery point.
const POINT: usize = 17;

/// The recovery point of the worst component of a service, beside what is allowed.
fn recovery_point(model: &Model, service: &str) -> Option<Piece> {
    let (_, point) = model.worst_point(model.state.platform.components_of(service))?;
    Some(match point.words() {
        None => (Role::Warn, "▲ no snapshot".to_owned()),
        Some(words) if point.is_over() => (Role::Warn, format!("▲ RPO {words}")),
        Some(words) => (Role::Muted, format!("RPO {words}")),
    })
}

/// The last results as bars on a fixed scale, so that equal times look equal on every line; a failure is a cross.
pub(super) fn sparkline<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Piece> {
    points
        .map(|point| match point.reading {
            Reading::Bad => (Role::Bad, "✖".to_owned()),
            reading => (if reading == Reading::Slow { Role::Warn } else { Role::Text }, bar(point.latency).to_owned()),
        })
        .collect()
}

/// A latency as a bar on a fixed scale.
pub(super) fn bar(latency: Duration) -> &'static str {
    match latency.as_millis() {
        0..=9 => "▁",
        10..=24 => "▂",
        25..=49 => "▃",
        50..=99 => "▄",
        100..=249 => "▅",
        250..=499 => "▆",
        500..=999 => "▇",
        _ => "█",
    }
}

/// When those who wait for an incident should hear more.
pub(super) fn update(model: &Model, incident: &Incident) -> Option<Piece> {
    let left = incident.update_due_at()? - model.now;
    Some(if left < chrono::TimeDelta::zero() {
        let (late, key) = (text::clock(left.abs()), model.key("update"));
        (Role::Bad, format!("to those who wait OVERDUE by {late} · {key} writes it"))
    } else {
        (Role::Text, format!("to those who wait due in {}", text::clock(left)))
    })
}

/// An incident: severity, name, what, state, and the clock that matters.
pub(super) fn incident(incident: &Incident, now: DateTime<Utc>, columns: usize) -> Vec<Piece> {
    let open = incident.state.is_open();
    let clock = match incident.running_clock() {
        Some(clock) if open => {
            let left = incident.deadline(clock) - now;
            let role = if left < chrono::TimeDelta::zero() { Role::Bad } else { Role::Text };
            let name = match clock {
                Clock::Acknowledge => "ack",
                Clock::Respond => "respond",
                Clock::Resolve => "resolve",
            };
            let word = if left < chrono::TimeDelta::zero() { "late" } else { "in" };
            (role, format!("{name} {word} {}", text::clock(left.abs())))
        }
        _ => match incident.resolved_at {
            Some(at) => (Role::Muted, format!("took {}", text::clock(at - incident.detected_at))),
            None => (Role::Muted, String::new()),
        },
    };
    let (title, state) = incident_columns(columns);
    let (words, time) = clock_beside(clock.1, &incident.title, title, columns);
    let clock = (clock.0, words);
    let (name, title) = text::name_and(&incident.id.to_string(), 7, title + TIME - time);
    vec![
        (severity_role(incident), format!("{} ", incident.severity.number())),
        (Role::Text, name),
        (if open { Role::Text } else { Role::Muted }, text::left(&incident.title, title)),
        (if open { Role::Text } else { Role::Muted }, text::left(&format!(" {}", incident.state), state)),
        (clock.0, text::right(&clock.1, time)),
    ]
}

/// Columns of the clock at the end of a row, where there is room.
const TIME: usize = 17;
/// Columns of a row below which a title may have those that its own clock does not need.
pub(super) const NARROW: usize = 60;

/// Columns of a row's clock, with the one before it.
fn time_columns(columns: usize, clock: &str) -> usize {
    if columns < NARROW { (text::width(clock) + 1).min(TIME) } else { TIME }
}

/// A clock and its columns: without what it is for where the title beside it, which has `room` next to the longest clock, would be cut
/// for that. Which clock it is, the page says.
fn clock_beside(clock: String, title: &str, room: usize, columns: usize) -> (String, usize) {
    let time = time_columns(columns, &clock);
    let fits = |time: usize| text::width(title) + time <= room + TIME;
    let Some((_, left)) = clock.rsplit_once(" in ").filter(|(_, left)| left.contains(':') && !fits(time)) else {
        return (clock, time);
    };
    let own = |clock: &String| (text::width(clock) + 1).min(TIME);
    let brief = Some(format!("{left} left")).filter(|brief| fits(own(brief)));
    let brief = brief.unwrap_or_else(|| left.to_owned());
    let time = own(&brief);
    (brief, time)
}

/// Columns of the title of something that waits.
fn queued_title(columns: usize, time: usize) -> usize {
    columns.saturating_sub(3 + 7 + time)
}

/// Columns of an incident's title and of its state; where it is narrow, what it is comes before how far it is.
fn incident_columns(columns: usize) -> (usize, usize) {
    let room = columns.saturating_sub(2 + 7 + TIME);
    let state = if room >= 15 + 24 { 15 } else { 0 };
    (room - state, state)
}

/// The headings of incidents.
pub(super) fn incident_head(columns: usize) -> String {
    let (title, state) = incident_columns(columns);
    let state = if state > 0 { text::left(" STATE", state) } else { String::new() };
    format!("{}{}{state}{:>17}", text::left("S ID", 9), text::left("WHAT", title), "CLOCK")
}

/// The headings of what waits.
pub(super) fn queued_head(columns: usize) -> String {
    let title = queued_title(columns, TIME);
    format!("{}{}{:>17}", text::left("R  ID", 10), text::left("WHAT", title), "TIME")
}

pub(super) fn severity_role(incident: &Incident) -> Role {
    match incident.severity.number() {
        _ if !incident.state.is_open() => Role::Muted,
        1 => Role::Bad,
        2 => Role::Warn,
        _ => Role::Text,
    }
}

/// The clocks of an incident in one line.
pub(super) fn clocks(incident: &Incident, now: DateTime<Utc>, with_targets: bool) -> Vec<Piece> {
    Clock::ALL.into_iter().flat_map(|clock| self::clock(incident, clock, now, with_targets)).collect()
}

/// The clocks that run, then those that stopped, each whole, as far as there is room.
pub(super) fn clocks_that_fit(incident: &Incident, now: DateTime<Utc>, columns: usize) -> Vec<Piece> {
    let (stopped, running): (Vec<Clock>, Vec<Clock>) =
        Clock::ALL.into_iter().partition(|clock| incident.stopped_at(*clock).is_some());
    let mut pieces: Vec<Piece> = Vec::new();
    let mut left = columns;
    for clock in running.into_iter().chain(stopped) {
        let words = self::clock(incident, clock, now, false);
        let all: String = words.iter().map(|(_, piece)| piece.as_str()).collect();
        if text::width(all.trim_end()) > left {
            break;
        }
        left = left.saturating_sub(text::width(&all));
        pieces.extend(words);
    }
    pieces
}

/// One clock of an incident.
fn clock(incident: &Incident, clock: Clock, now: DateTime<Utc>, with_targets: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (name, running) = match clock {
        Clock::Acknowledge => ("acked", "ack"),
        Clock::Respond => ("responded", "respond"),
        Clock::Resolve => ("resolved", "resolve"),
    };
    let target = if with_targets {
        format!(" of {}  ", text::clock(incident.deadline(clock) - incident.detected_at))
    } else {
        "  ".to_owned()
    };
    match incident.stopped_at(clock) {
        Some(at) => {
            let late = at > incident.deadline(clock);
            pieces.push((Role::Text, format!("{name} {} ", text::clock(at - incident.detected_at))));
            let mark = if late { "✖" } else { "✓" };
            pieces.push((if late { Role::Bad } else { Role::Ok }, mark.to_owned()));
            pieces.push((Role::Muted, target));
        }
        None if incident.state.is_open() => {
            let left = incident.deadline(clock) - now;
            if left < chrono::TimeDelta::zero() {
                pieces.push((Role::Bad, format!("{running} ✖ {} late", text::clock(left.abs()))));
            } else {
                pieces.push((Role::Text, format!("{running} {} left", text::clock(left))));
            }
            pieces.push((Role::Muted, target));
        }
        None => pieces.push((Role::Muted, format!("{name} —  "))),
    }
    pieces
}

/// Something in the queue: risk, name, what, and how long there is for it.
pub(super) fn queued(model: &Model, queued: &Queued, columns: usize) -> Vec<Piece> {
    match queued {
        Queued::Change(change) => self::change(model, change, columns),
        Queued::BreakGlass(glass) => break_glass(model, glass, columns),
    }
}

/// A use of break-glass: the greatest risk of what was done, name, who and how much, and how long it lasts or the review has.
fn break_glass(model: &Model, glass: &BreakGlass, columns: usize) -> Vec<Piece> {
    let end = break_glass_time(model, glass);
    let time = time_columns(columns, &end.1);
    let (name, title) = text::name_and(&glass.id.to_string(), 7, queued_title(columns, time));
    let role = if glass.is_open() || glass.is_review_owed() { Role::Text } else { Role::Muted };
    vec![
        (Role::Bad, text::left(&break_glass_risk(glass), 3)),
        (role, name),
        (role, text::left(&break_glass_title(glass), title)),
        (end.0, text::right(&end.1, time)),
    ]
}

/// How risky the worst that was done was.
pub(super) fn break_glass_risk(glass: &BreakGlass) -> String {
    glass.acts.iter().map(|act| act.risk.score).max().map_or_else(|| "—".to_owned(), |score| score.to_string())
}

/// Who, and how much was done on what.
pub(super) fn break_glass_title(glass: &BreakGlass) -> String {
    let acts = crate::platform::count(glass.acts.len(), "act");
    format!("{}: break-glass, {acts} on {}", glass.operator, glass.services.join(", "))
}

/// How long a use of break-glass lasts still, how long there is to review it, or what came of that.
pub(super) fn break_glass_time(model: &Model, glass: &BreakGlass) -> Piece {
    match (&glass.ended, glass.review_due_at()) {
        (None, _) => {
            let left = (glass.until - model.now).max(chrono::TimeDelta::zero());
            (Role::Bad, format!("{} left", text::clock(left)))
        }
        (Some(_), due) => match due {
            Some(due) if due <= model.now => (Role::Bad, format!("✖ review {} late", text::short(model.now - due))),
            Some(due) => (Role::Warn, format!("review in {}", text::short(due - model.now))),
            None if glass.findings().is_empty() => (Role::Ok, "justified".to_owned()),
            None => (Role::Bad, "✖ with findings".to_owned()),
        },
    }
}

/// A change: risk, name, what, who, and how long there is to decide.
pub(super) fn change(model: &Model, change: &Change, columns: usize) -> Vec<Piece> {
    let waiting = change.state.is_open() || owed(change).is_some();
    let end = time_left(model, change);
    let (words, time) = clock_beside(end.1, &change.title, queued_title(columns, TIME), columns);
    let end = (end.0, words);
    let (name, title) = text::name_and(&change.id.to_string(), 7, queued_title(columns, time));
    vec![
        (if change.risk.score >= 7 { Role::Bad } else { Role::Text }, text::left(&change.risk.score.to_string(), 3)),
        (Role::Text, name),
        (if waiting { Role::Text } else { Role::Muted }, text::left(&change.title, title)),
        (end.0, text::right(&end.1, time)),
    ]
}

/// What comes next of a change, and how much time there is for it.
pub(super) fn time_left(model: &Model, change: &Change) -> Piece {
    let until = |at: DateTime<Utc>| text::clock((at - model.now).max(chrono::TimeDelta::zero()));
    match (change.state, owed(change)) {
        (ChangeState::Pending, _) => match on_the_track(model, change) {
            Some(due) if due > model.now => (Role::Warn, format!("approve in {}", until(due))),
            Some(_) => (Role::Bad, format!("late, {} left", until(change.expires_at))),
            None => (Role::Warn, format!("approve in {}", until(change.expires_at))),
        },
        (ChangeState::Approved, _) => match (change.window, change.execute_by()) {
            (Some(window), _) if window.from > model.now => {
                (Role::Text, format!("begins in {}", text::short(window.from - model.now)))
            }
            (_, Some(by)) => (Role::Warn, format!("{} to begin", until(by))),
            (_, None) => (Role::Text, change.state.to_string()),
        },
        (ChangeState::Implementing, _) => {
            let run = change.recovery.and_then(|id| model.state.recoveries.get(&id));
            let begun = run.map_or(0, |run| run.steps.iter().filter(|step| step.state != StepState::Waiting).count());
            (Role::Focus, format!("▸ step {begun} of {}", change.plan.steps.len()))
        }
        (_, Some(Owed::Validation)) => (Role::Warn, "to be validated".to_owned()),
        (_, Some(Owed::Review(due))) if due <= model.now => {
            (Role::Bad, format!("✖ review {} late", text::short(model.now - due)))
        }
        (_, Some(Owed::Review(due))) => (Role::Warn, format!("review in {}", text::short(due - model.now))),
        (state, None) => {
            let role = match state {
                state if state.is_success() => Role::Ok,
                ChangeState::Failed => Role::Bad,
                _ => Role::Muted,
            };
            (role, state.to_string())
        }
    }
}

/// Who has agreed to a change and who has yet to.
pub(super) fn approvers(model: &Model, change: &Change) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = change
        .current_approvals()
        .flat_map(|approval| {
            [(Role::Text, format!("{} ", role_name(approval.role))), (Role::Ok, format!("✓ {}   ", approval.operator))]
        })
        .collect();
    if change.state == ChangeState::Pending {
        for role in missing_roles(&model.state, change) {
            pieces.push((Role::Text, format!("{} ", role_name(role))));
            pieces.push((Role::Warn, "… waiting   ".to_owned()));
        }
    }
    pieces
}
