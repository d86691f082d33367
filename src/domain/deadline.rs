//! Deadlines: they live in the state, so a restart forgets none of them.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    ChangeState, Clock, Command, SnapshotState, SnapshotTrigger, State, Status, break_glass, breaker,
    change::carry_out,
    continuity, diagnosis, drill, fast_track,
    health::maintenance,
    knowledge, oncall, run,
    snapshot::{self, replica},
};

/// Commands for every deadline that has passed, in the order in which they have.
#[must_use]
pub fn due(state: &State, now: DateTime<Utc>) -> Vec<Command> {
    let mut passed: Vec<_> = deadlines(state).filter(|(at, _)| *at <= now).collect();
    passed.sort_by_key(|(at, _)| *at);
    passed
        .into_iter()
        .map(|(_, command)| command)
        .chain(scheduled_snapshot(state, now))
        .chain(proof(state).filter(|(at, _)| *at <= now).map(|(_, command)| command))
        .collect()
}

/// When the next deadline passes, if there is one.
#[must_use]
pub fn next_due(state: &State) -> Option<DateTime<Utc>> {
    let snapshots = state
        .platform
        .components
        .iter()
        .filter(|_| !scheduler_is_busy(state))
        .map(|component| state.snapshot_due_at(component).max(settled_at(state)));
    deadlines(state).map(|(at, _)| at).chain(snapshots).chain(proof(state).map(|(at, _)| at)).min()
}

/// Snapshots are proved while nothing more urgent is done with the vault.
fn proof(state: &State) -> Option<(DateTime<Utc>, Command)> {
    if scheduler_is_busy(state) { None } else { snapshot::next_proof(state) }
}

fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    let clocks = state.open_incidents().flat_map(|incident| {
        Clock::ALL
            .into_iter()
            .filter(|clock| incident.stopped_at(*clock).is_none() && !incident.breached.contains(clock))
            .map(|clock| (incident.deadline(clock), Command::BreachClock { incident: incident.id, clock }))
    });
    let lapses = state.changes.values().filter_map(|change| {
        let by = match change.state {
            ChangeState::Pending => Some(change.expires_at),
            ChangeState::Approved => change.execute_by(),
            _ => None,
        };
        Some((by?, Command::ExpireChange { change: change.id }))
    });
    let begins = state.changes.values().filter_map(|change| {
        Some((carry_out::begins_unhindered_at(state, change)?, Command::StartRecovery { change: change.id }))
    });
    let windows = state.changes.values().filter_map(|change| {
        let closes = carry_out::window_closes_at(state, change)?;
        Some((closes, Command::CloseChangeWindow { change: change.id }))
    });
    let reviews = state
        .changes
        .values()
        .filter(|change| change.review_overdue_at.is_none())
        .filter_map(|change| Some((change.review_due_at()?, Command::LapseChangeReview { change: change.id })));
    let watches = state.recoveries.values().filter_map(|recovery| {
        let command = Command::EndWatch { recovery: recovery.id, passed: true, reason: "nothing came back".to_owned() };
        Some((recovery.watch_until?, command))
    });
    let updates = state.open_incidents().filter_map(|incident| {
        Some((incident.update_reminder_at()?, Command::RemindOfUpdate { incident: incident.id }))
    });
    let papers = state.incidents.values().filter(|incident| incident.post_mortem.overdue_at.is_none());
    let papers = papers.filter_map(|incident| {
        Some((incident.post_mortem_due_at()?, Command::LapsePostMortem { incident: incident.id }))
    });
    let looks = state.open_incidents().filter_map(|incident| {
        Some((diagnosis::second_look_at(state, incident)?, Command::RequestDiagnosis { incident: incident.id }))
    });
    let items = state.incidents.values().flat_map(|incident| {
        incident.post_mortem.actions.iter().zip(1..).filter(|(item, _)| item.overdue_at.is_none()).filter_map(
            |(known, item)| Some((known.late_at()?, Command::LapseActionItem { incident: incident.id, item })),
        )
    });
    let levels = state.open_incidents().flat_map(|incident| {
        incident.levels_ahead().map(|(level, at)| (at, Command::ReachLevel { incident: incident.id, level }))
    });
    let copy = replica::next(state);
    clocks
        .chain(levels)
        .chain(oncall::deadlines(state))
        .chain(updates)
        .chain(papers)
        .chain(items)
        .chain(looks)
        .chain(copy)
        .chain(begins)
        .chain(lapses)
        .chain(windows)
        .chain(reviews)
        .chain(fast_track::deadlines(state))
        .chain(break_glass::deadlines(state))
        .chain(break_glass::review_deadlines(state))
        .chain(knowledge::deadlines(state))
        .chain(watches)
        .chain(maintenance::deadlines(state))
        .chain(breaker::deadlines(state))
        .chain(continuity::deadlines(state))
        .chain(run::deadlines(state))
        .chain(drill::deadlines(state))
}

/// All components whose time has come, in one snapshot, so that they belong together.
fn scheduled_snapshot(state: &State, now: DateTime<Utc>) -> Option<Command> {
    if scheduler_is_busy(state) || settled_at(state) > now {
        return None;
    }
    let components: Vec<String> = state
        .platform
        .components
        .iter()
        .filter(|component| state.snapshot_due_at(component) <= now)
        .map(|component| component.name.clone())
        .collect();
    (!components.is_empty()).then(|| Command::RequestSnapshot {
        components,
        trigger: SnapshotTrigger::Scheduled,
        reason: "schedule".to_owned(),
    })
}

/// When scheduled snapshots may begin: once every service that is watched has been judged, as a snapshot of something
/// nobody has looked at yet would not be known to be good; a minute after the start at the latest.
fn settled_at(state: &State) -> DateTime<Utc> {
    let unjudged = state.platform.services.iter().any(|service| {
        let judged = state.services.get(&service.name).is_some_and(|health| health.status != Status::Unknown);
        !service.checks.is_empty() && !judged
    });
    match state.engine.started_at {
        Some(started) if unjudged => started + TimeDelta::minutes(1),
        _ => DateTime::<Utc>::MIN_UTC,
    }
}

/// Scheduled snapshots wait while another snapshot is taken or a recovery changes what they would capture.
fn scheduler_is_busy(state: &State) -> bool {
    state.snapshots.values().rev().take(8).any(|snapshot| snapshot.state == SnapshotState::Running)
        || state.running_recoveries().next().is_some()
}
