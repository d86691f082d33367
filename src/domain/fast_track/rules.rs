//! What the clocks of the fast track say, and which events stop them.

use chrono::{DateTime, TimeDelta, Utc};

use super::milestone::{FastTrack, Milestone, Stage};
use crate::domain::{
    ChangeId, ChangeState, Command, Event, Incident, IncidentId, Notice, Phase, Plan, Recorded, Recovery, RecoveryId,
    RecoveryOutcome, Refusal, Severity, State, Status, StepState, TimelineKind, apply::tell, failure,
};

/// What has failed for longer is another story.
const EVIDENCE: TimeDelta = TimeDelta::hours(1);

/// The first symptom of an incident, as far as evidence goes back: the first failed check of what it hits.
pub(in crate::domain) fn symptoms(
    state: &State,
    services: &[String],
    detected_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let ill = services.iter().filter_map(|name| state.services.get(name));
    let ill = ill.filter(|health| matches!(health.status, Status::Down | Status::Degraded));
    let since = ill.filter_map(|health| health.failing_since.or(health.since)).filter(|at| *at > now - EVIDENCE);
    since.chain([detected_at]).min().unwrap_or(detected_at)
}

/// When each clock has something to say.
pub(in crate::domain) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    // Of years of incidents few still have a clock.
    state.incidents.values().filter(|incident| incident.has_milestones_ahead()).flat_map(|found| {
        let incident = found.id;
        found
            .stages_ahead()
            .map(move |(at, milestone, stage)| (at, Command::RemindOfMilestone { incident, milestone, stage }))
    })
}

/// Decides what a clock says, if its time has come and the milestone has not.
pub(in crate::domain) fn remind(
    state: &State,
    id: IncidentId,
    milestone: Milestone,
    stage: Stage,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(id)?;
    if !found.stages_ahead().any(|(at, next, part)| at <= now && next == milestone && part == stage) {
        return Ok(Vec::new());
    }
    let mut events = vec![Event::FastTrackReminded { incident: id, milestone, stage }];
    let undecided = undecided(state, found);
    // Where nothing waits for them, approvers have nothing to come for.
    let asked = milestone != Milestone::Approved || undecided.is_some();
    let to = milestone.calls(stage);
    if asked && !to.is_empty() {
        let what = undecided.filter(|_| milestone == Milestone::Approved);
        let what = what.map(|change| format!("{change} waits: ")).unwrap_or_default();
        let reason = format!("{what}not {milestone} after {} of {}", spent(milestone, stage), said(milestone.limit()));
        let notice = Notice::new(id, to.to_vec(), reason).by_name(state, now);
        events.push(Event::PeopleToCall { notice });
    }
    events.extend(task(found, milestone, stage).map(|task| Event::TaskSet { incident: id, task }));
    if (milestone, stage) == (Milestone::Approved, Stage::Missed)
        && let Some(change) = undecided
    {
        events.push(Event::BreakGlassOffered { incident: id, change });
    }
    Ok(events)
}

/// The newest change for an incident that people have not decided.
fn undecided(state: &State, incident: &Incident) -> Option<ChangeId> {
    let changes = incident.changes.iter().rev().filter_map(|id| state.changes.get(id));
    let mut waiting = changes.filter(|change| change.state == ChangeState::Pending && change.plan.heals());
    waiting.next().map(|change| change.id)
}

/// What people are asked to do, where a clock cannot do it.
fn task(incident: &Incident, milestone: Milestone, stage: Stage) -> Option<String> {
    let id = incident.id;
    let services: String = incident.services.iter().map(|name| format!(" --service {name}")).collect();
    let rollback = format!("codeblue rollback{services} --until-healthy --incident {id} --reason TEXT");
    let task = match (milestone, stage) {
        (Milestone::ChangeCreated, Stage::Missed) => format!("no change was asked for yet: {rollback}"),
        (Milestone::Implemented | Milestone::Validated, Stage::Escalation) => {
            format!("propose to roll back: {rollback}")
        }
        (Milestone::Implemented | Milestone::Validated, Stage::Missed) => {
            format!("the commander decides whether to go on, and records it: codeblue incident note {id} TEXT")
        }
        _ => return None,
    };
    Some(task.chars().take(400).collect())
}

fn spent(milestone: Milestone, stage: Stage) -> String {
    said(milestone.limit() * stage.percent() / 100)
}

fn said(time: TimeDelta) -> String {
    match (time.num_hours(), time.num_minutes() % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// What is true of the fast track after an event has been applied to all else.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::IncidentOpened { incident, symptoms_at: Some(began), .. } => begin(state, *incident, *began, at),
        Event::IncidentReopened { incident, .. } => {
            let known = state.incidents.get(incident).filter(|found| found.symptoms_at.is_some());
            let Some(floor) = known.map(|found| found.quiet_since.unwrap_or(found.opened_at)) else { return };
            let services = known.map(|found| found.services.clone()).unwrap_or_default();
            let began = symptoms(state, &services, at, at).max(floor);
            if let Some(found) = state.incidents.get_mut(incident) {
                found.fast_track = None;
            }
            begin(state, *incident, began, at);
        }
        // It counts from when it was found to be grave: before that nobody had cause to hurry.
        Event::IncidentSeveritySet { incident, .. } => begin(state, *incident, at, at),
        Event::ServiceStatusChanged {
            service,
            to: Status::Down | Status::Degraded,
            failing_since: Some(since),
            ..
        } => {
            let hit = |found: &&mut Incident| found.state.is_open() && found.services.contains(service);
            for found in state.incidents.values_mut().filter(hit) {
                if let Some(track) = found.fast_track.as_mut().filter(|_| *since > at - EVIDENCE) {
                    track.began = track.began.min(*since);
                }
            }
        }
        Event::ChangeSubmitted { incident: Some(incident), plan, .. } => {
            reach(state, *incident, plan, &[Milestone::ChangeCreated, Milestone::Analysed], at);
        }
        Event::ChangeAuthorised { change } => {
            let known = state.changes.get(change).and_then(|found| Some((found.incident?, found.plan.clone())));
            if let Some((incident, plan)) = known {
                reach(state, incident, &plan, &[Milestone::Approved], at);
            }
        }
        Event::ChangeRevised { change, .. } | Event::ApprovalRevoked { change, .. } => {
            let waits = state.changes.get(change).filter(|found| found.state == ChangeState::Pending);
            let incident = waits.and_then(|found| found.incident).and_then(|id| state.incidents.get_mut(&id));
            if let Some(track) = incident.and_then(|found| found.fast_track.as_mut()) {
                track.ask_anew();
            }
        }
        Event::RecoveryStarted { incident: Some(incident), plan, break_glass, .. } => {
            reach(state, *incident, plan, &[Milestone::ChangeCreated, Milestone::Analysed], at);
            match break_glass {
                // What nobody agreed to was not approved.
                Some(glass) => {
                    let track = state.incidents.get_mut(incident).and_then(|found| found.fast_track.as_mut());
                    if let Some(track) = track.filter(|_| plan.heals()) {
                        track.break_glass.get_or_insert(*glass);
                    }
                }
                None => reach(state, *incident, plan, &[Milestone::Approved], at),
            }
        }
        Event::StepDone { recovery, .. } => follow(state, *recovery, Milestone::Implemented, at, is_implemented),
        Event::RecoveryEnded { recovery, outcome: RecoveryOutcome::Succeeded, .. } => {
            follow(state, *recovery, Milestone::Implemented, at, |_| true);
        }
        Event::RecoveryValidated { recovery, phase: Phase::Comprehensive, criteria } if failure(criteria).is_none() => {
            follow(state, *recovery, Milestone::Validated, at, |_| true);
        }
        Event::PostMortemCompleted { incident } => {
            if let Some(track) = state.incidents.get_mut(incident).and_then(|found| found.fast_track.as_mut()) {
                track.reach(Milestone::Reviewed, at);
            }
        }
        Event::FastTrackReminded { incident, milestone, stage } => {
            if let Some(track) = state.incidents.get_mut(incident).and_then(|found| found.fast_track.as_mut()) {
                track.told.insert(*milestone, *stage);
            }
            let kind = if *stage == Stage::Missed { TimelineKind::Bad } else { TimelineKind::State };
            tell(state, *incident, recorded, kind, line(*milestone, *stage));
        }
        Event::BreakGlassOffered { incident, change } => {
            if let Some(track) = state.incidents.get_mut(incident).and_then(|found| found.fast_track.as_mut()) {
                track.offered_at = Some(at);
            }
            let text = format!("{change} is not decided; break-glass is offered: codeblue break-glass open {incident}");
            tell(state, *incident, recorded, TimelineKind::Bad, text);
        }
        _ => {}
    }
}

/// What a clock says, in one line.
pub(in crate::domain) fn line(milestone: Milestone, stage: Stage) -> String {
    let answer = milestone.answer(stage).unwrap_or_default();
    format!("fast track: not {milestone} within {}: {answer}", spent(milestone, stage))
}

/// Puts an incident on the fast track if it is grave enough and not on it yet; what was reached already, was.
fn begin(state: &mut State, id: IncidentId, began: DateTime<Utc>, now: DateTime<Utc>) {
    let Some(found) = state.incidents.get(&id) else { return };
    let grave = found.severity <= Severity::Sev2 && found.state.is_open() && found.symptoms_at.is_some();
    if !grave || found.fast_track.is_some() {
        return;
    }
    let judged = found.services.iter().filter_map(|name| state.services.get(name));
    let judged = judged.filter(|health| matches!(health.status, Status::Down | Status::Degraded));
    let detected = judged.filter_map(|health| health.since).filter(|at| *at >= began).min().unwrap_or(now);
    let mut track = FastTrack::new(began);
    track.reach(Milestone::Detected, detected);
    track.reach(Milestone::Declared, now);
    let waits = undecided(state, found).is_some();
    let runs = state.running_recoveries().any(|run| run.incident == Some(id) && run.plan.heals());
    if waits || runs {
        track.reach(Milestone::ChangeCreated, now);
        track.reach(Milestone::Analysed, now);
    }
    if runs {
        track.reach(Milestone::Approved, now);
    }
    if let Some(found) = state.incidents.get_mut(&id) {
        found.fast_track = Some(track);
    }
}

/// Only what is to make things well again is a step on the way.
fn reach(state: &mut State, id: IncidentId, plan: &Plan, milestones: &[Milestone], at: DateTime<Utc>) {
    let track = state.incidents.get_mut(&id).and_then(|found| found.fast_track.as_mut());
    if let Some(track) = track.filter(|_| plan.heals()) {
        milestones.iter().for_each(|milestone| track.reach(*milestone, at));
    }
}

fn follow(state: &mut State, id: RecoveryId, milestone: Milestone, at: DateTime<Utc>, has: impl Fn(&Recovery) -> bool) {
    let known = state.recoveries.get(&id).filter(|recovery| has(recovery));
    if let Some((incident, plan)) = known.and_then(|recovery| Some((recovery.incident?, recovery.plan.clone()))) {
        reach(state, incident, &plan, &[milestone], at);
    }
}

/// Whether every step that changes something is over, and one was done.
fn is_implemented(recovery: &Recovery) -> bool {
    let runs = recovery.plan.steps.iter().zip(&recovery.steps);
    let writes: Vec<StepState> = runs.filter(|(step, _)| step.writes()).map(|(_, run)| run.state).collect();
    writes.contains(&StepState::Done) && writes.iter().all(|run| matches!(run, StepState::Done | StepState::Skipped))
}
