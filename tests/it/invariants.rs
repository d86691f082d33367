//! What must be true after every event, whatever was asked for and whatever broke.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use codeblue::{
    domain::{
        Actor, Agreed, AutomationMode, BreakGlassId, Callee, ChangeState, Criticality, ERRORS_LIMIT, Effect, Event,
        Incident, IncidentId, IncidentState, Plan, Recorded, Recovery, Role, State, StepState, TIMELINE_LIMIT, apply,
        due, intent_hash, missing_roles, next_due, react, unfinished,
    },
    platform::Profile,
};

use crate::desk::Desk;

/// Follows the events of a desk and checks each against the rules that people rely on.
pub struct Auditor {
    state: State,
    seen: usize,
    started: BTreeSet<String>,
}

impl Auditor {
    pub fn new() -> Self {
        Self { state: State::default(), seen: 0, started: BTreeSet::new() }
    }

    /// Checks what has happened since the last time, and that everybody sees the same.
    pub fn check(&mut self, desk: &Desk) {
        self.follow(desk);
        assert_eq!(self.state, desk.state, "a second reader of the events sees the same state");
    }

    /// Checks what has happened since the last time.
    pub fn follow(&mut self, desk: &Desk) {
        self.started.extend(desk.effects.iter().map(|effect| format!("{effect:?}")));
        let mut merged = None;
        for recorded in &desk.log[self.seen..] {
            assert_eq!(recorded.seq, self.state.seq + 1, "positions have no gaps");
            assert!(recorded.at >= self.state.clock, "time does not run backwards");
            assert!(recorded.cause.is_none_or(|cause| cause < recorded.seq), "a cause comes before what it causes");
            allowed(&self.state, recorded);
            let worse = match &recorded.event {
                Event::IncidentMerged { incident, into } => {
                    let severity = self.state.incidents[incident].severity;
                    (severity < self.state.incidents[into].severity).then_some((*into, severity))
                }
                _ => None,
            };
            let lives: Vec<_> = self.state.incidents.values().map(|incident| (incident.id, life(incident))).collect();
            apply(&mut self.state, recorded);
            if let Some((into, severity)) = std::mem::replace(&mut merged, worse) {
                assert!(self.state.incidents[&into].severity <= severity, "{into} took in a worse one and stayed mild");
            }
            if let Some(effect) = react(&self.state, recorded).effects.first() {
                self.started.insert(format!("{effect:?}"));
            }
            for (id, before) in lives {
                let reopened = matches!(&recorded.event, Event::IncidentReopened { incident, .. } if *incident == id);
                forward(id, before, life(&self.state.incidents[&id]), reopened);
            }
        }
        assert_eq!(merged, None, "an incident took in a worse one and stayed mild");
        if self.seen < desk.log.len() {
            standing(&self.state);
        }
        self.seen = desk.log.len();
        for effect in unfinished(&self.state) {
            assert!(self.started.contains(&format!("{effect:?}")), "{effect:?} waits, but nobody was told to begin it");
        }
        let now = desk.now;
        assert_eq!(
            next_due(&self.state).is_some_and(|at| at <= now),
            !due(&self.state, now).is_empty(),
            "an engine wakes when something is due, and only then: {:?} {:?}",
            next_due(&self.state),
            due(&self.state, now)
        );
    }
}

/// How far an incident is, and what its clocks count from and were stopped by.
type Life = (IncidentState, DateTime<Utc>, Option<DateTime<Utc>>);

fn life(incident: &Incident) -> Life {
    (incident.state, incident.detected_at, incident.acknowledged_at)
}

/// An incident only moves forward, except by reopening, and its clocks are never set back.
fn forward(id: IncidentId, before: Life, after: Life, reopened: bool) {
    assert!(after.0 >= before.0 || reopened, "{id} went back from {} to {}", before.0, after.0);
    assert_eq!(after.1, before.1, "{id}: the clocks were set back");
    assert!(before.2.is_none() || after.2 == before.2, "{id} was acknowledged twice");
}

/// What must be true of an event in the state in which it happens.
fn allowed(before: &State, recorded: &Recorded) {
    let Recorded { event, actor, .. } = recorded;
    match event {
        Event::ChangeSubmitted { change, kind, plan, plan_hash, risk, terms, window, .. } => {
            let agreed = Agreed { kind: *kind, plan, risk: risk.score, terms, window: *window };
            let hash = intent_hash(&before.platform, &agreed);
            assert_eq!(hash, *plan_hash, "{change}: the plan is not the one its hash names");
        }
        Event::RecoveryStarted { plan, change: Some(id), break_glass, .. } => {
            let change = &before.changes[id];
            if let Some(glass) = break_glass {
                assert_eq!(change.state, ChangeState::Pending, "{id} was carried out under {glass} while decided");
                under_break_glass(before, recorded, *glass, plan);
                return;
            }
            assert_eq!(change.state, ChangeState::Approved, "{id} was carried out while {}", change.state);
            assert_eq!(*plan, change.plan, "{id}: another plan runs than the one approved");
            let hash = intent_hash(&before.platform, &change.agreed());
            assert_eq!(hash, change.plan_hash, "{id}: something else was approved");
            let agreed: BTreeSet<&str> =
                change.current_approvals().map(|given| before.person(&given.operator)).collect();
            assert_eq!(agreed.len(), change.current_approvals().count(), "{id}: one person agreed twice");
            let missing = missing_roles(before, change);
            assert!(missing.is_empty(), "{id}: {missing:?} never agreed");
            assert!(
                change.authors.iter().all(|author| !agreed.contains(before.person(author))),
                "{id} was approved by its requester"
            );
        }
        Event::RecoveryStarted { plan, change: None, break_glass: Some(glass), .. } => {
            under_break_glass(before, recorded, *glass, plan);
        }
        Event::RecoveryStarted { plan, change: None, .. } => {
            let critical = plan.services.iter().any(|name| {
                before.platform.service(name).is_none_or(|service| service.criticality == Criticality::Critical)
            });
            match actor {
                Actor::Operator(name) => assert!(!critical, "{name} changed what is critical without an approval"),
                Actor::Policy(_) | Actor::Engine => autonomous(before, recorded, plan),
            }
        }
        Event::ChangeApproved { change, role, .. } => {
            let operator = &before.operators[actor.operator().expect("only people approve")];
            assert!(operator.can_stand_for(*role), "{} is no {role:?}", operator.name);
            assert!(missing_roles(before, &before.changes[change]).contains(role));
        }
        Event::StepStarted { recovery, step } => {
            let mut earlier = before.recoveries[recovery].steps[..*step].iter();
            let over = earlier.all(|step| matches!(step.state, StepState::Done | StepState::Skipped));
            assert!(over, "{recovery}: step {step} began before the ones before it were done");
        }
        Event::DiagnosisRequested { .. } if matches!(actor, Actor::Policy(_)) => {
            assert!(before.halted.is_none() && before.mode != AutomationMode::Observe, "{actor} started a diagnosis");
        }
        Event::SnapshotsForgotten { snapshots, .. } => {
            for component in &before.platform.components {
                let good = before.last_good_snapshot(&component.name, None).map(|snapshot| snapshot.id);
                assert!(
                    good.is_none_or(|good| !snapshots.contains(&good)),
                    "the last good {} was forgotten",
                    component.name
                );
            }
            assert!(!snapshots.iter().any(|id| before.snapshots[id].pinned), "a pinned snapshot was forgotten");
        }
        Event::UpdateOverdue { incident, .. } => {
            let period = before.incidents[incident].severity.update_every().expect("somebody waits");
            let missed = before.incidents[incident].updates.missed_at;
            assert!(missed.is_none_or(|missed| recorded.at - missed >= period), "{incident}: said twice in a period");
        }
        Event::PostMortemOverdue { incident } => {
            let found = &before.incidents[incident];
            assert!(found.post_mortem.overdue_at.is_none(), "{incident}: said twice");
            assert!(found.post_mortem_due_at().is_some_and(|due| due <= recorded.at), "{incident} is not late");
        }
        Event::PeopleToCall { notice } => {
            let owed = before
                .break_glass
                .values()
                .any(|glass| glass.incident == notice.incident && glass.ended.is_some() && glass.is_review_owed());
            let open = before.incidents[&notice.incident].state.is_open();
            let paper = before.incidents[&notice.incident].post_mortem_due_at().is_some();
            assert!(open || owed || paper, "{}: called for what is over", notice.incident);
            assert!(!notice.to.is_empty(), "{}: nobody is called", notice.incident);
        }
        Event::FastTrackReminded { incident, milestone, stage } => {
            let found = &before.incidents[incident];
            let track = found.fast_track.as_ref().expect("it is on the fast track");
            assert!(track.told.get(milestone) < Some(stage), "{incident}: {milestone} {stage:?} was said twice");
            let share = milestone.limit() * stage.percent() / 100;
            assert!(recorded.at - track.began >= share, "{incident}: {milestone} {stage:?} came too early");
            let late = track.reached.get(milestone).is_none_or(|at| *at > track.due_at(*milestone));
            assert!(late, "{incident} had reached {milestone} in time");
        }
        Event::LevelReached { incident, level } => {
            let found = &before.incidents[incident];
            assert_eq!(level.number(), found.level.number() + 1, "{incident}: a level was left out or came twice");
            assert!(recorded.at - found.detected_at >= level.from(), "{incident} is too young for {level:?}");
            assert!(Some(*level) <= found.severity.highest_level(), "{incident} is too mild for {level:?}");
        }
        Event::ActionItemOverdue { incident, item } => {
            let found = &before.incidents[incident].post_mortem.actions[item - 1];
            assert!(found.overdue_at.is_none(), "{incident}: item {item} was said to be late twice");
            assert!(found.late_at().is_some_and(|late| late <= recorded.at), "{incident}: item {item} is not late");
        }
        Event::WorkflowChanged { incident, workflow } => {
            assert!(*workflow > before.incidents[incident].workflow, "{incident} went over to a milder response");
        }
        Event::IncidentServiceAdded { service, .. } => {
            let holder = before.incident_of(service).map(|incident| incident.id);
            assert_eq!(holder, None, "{service} was added to a second open incident");
        }
        _ => {}
    }
}

/// What must be true of a recovery that nobody has agreed to.
fn under_break_glass(before: &State, recorded: &Recorded, id: BreakGlassId, plan: &Plan) {
    let glass = &before.break_glass[&id];
    assert_eq!(recorded.actor.operator(), Some(glass.operator.as_str()), "{id} belongs to somebody else");
    assert!(glass.is_open() && recorded.at < glass.until, "{id} is over");
    assert!(plan.services.iter().all(|name| glass.services.contains(name)), "{id} reached {:?}", plan.services);
    assert!(before.incidents[&glass.incident].state.is_open(), "{id}: {} is over", glass.incident);
    let loud = before.incidents[&glass.incident].called.contains(&Callee::ComplianceOfficer);
    assert!(loud, "{id} was used before anybody was told");
}

/// What must be true of a recovery that a policy runs with nobody's approval.
fn autonomous(before: &State, recorded: &Recorded, plan: &Plan) {
    let actor = &recorded.actor;
    assert!(
        before.mode == AutomationMode::Auto
            && before.halted.is_none()
            && before.platform.profile != Profile::Production,
        "{actor} changed something by itself"
    );
    assert!(plan.services.len() == 1 && plan.loses.is_none(), "{actor} reached too far: {plan:?}");
    let earlier: Vec<_> = before
        .recoveries
        .values()
        .filter(|recovery| recovery.change.is_none() && recovery.started_by.operator().is_none())
        .collect();
    let at = recorded.at;
    let within = |minutes| move |recovery: &&&Recovery| (at - recovery.started_at) < TimeDelta::minutes(minutes);
    let here = |recovery: &&&Recovery| recovery.plan.services == plan.services;
    assert!(earlier.iter().filter(within(15)).count() < 3, "{actor} ran more than three recoveries in 15 minutes");
    assert!(
        earlier.iter().filter(within(24 * 60)).filter(here).count() < 2,
        "{actor} goes on and on at {:?}",
        plan.services
    );
}

/// What must be true of every state.
fn standing(state: &State) {
    let mut busy = BTreeSet::new();
    for recovery in state.running_recoveries() {
        for service in &recovery.plan.services {
            assert!(busy.insert(service.clone()), "two recoveries work on {service}");
        }
    }
    for (id, recovery) in &state.recoveries {
        assert_eq!(recovery.steps.len(), recovery.plan.steps.len(), "{id}");
        if let Some(change) = recovery.change {
            assert_eq!(state.changes[&change].recovery, Some(*id), "{id} and {change} do not know each other");
        }
        assert!(recovery.incident.is_none_or(|incident| state.incidents[&incident].recoveries.contains(id)));
    }
    for (id, change) in &state.changes {
        let carried = matches!(
            change.state,
            ChangeState::Implementing
                | ChangeState::Validating
                | ChangeState::Validated
                | ChangeState::Closed
                | ChangeState::Failed
                | ChangeState::RolledBack
        );
        assert_eq!(carried, change.recovery.is_some(), "{id} is {} with {:?}", change.state, change.recovery);
        if change.state == ChangeState::Implementing {
            let running = change.recovery.is_some_and(|recovery| state.recoveries[&recovery].is_running());
            assert!(running, "{id} is being carried out by nobody");
        }
        let waits = change.state == ChangeState::Approved;
        assert!(
            !waits || state.running_recoveries().next().is_some(),
            "{id} is approved, nothing is in its way, and nobody starts it"
        );
    }
    let mut open = BTreeSet::new();
    for (id, glass) in &state.break_glass {
        assert!(!glass.is_open() || open.insert(state.person(&glass.operator)), "{id} is the second of one person");
        assert!(glass.until - glass.opened_at <= TimeDelta::minutes(60), "{id} is open too long");
        assert!(glass.acts.iter().all(|act| state.recoveries[&act.recovery].break_glass == Some(*id)));
        let reviewers: BTreeSet<&str> = glass.reviews.iter().map(|review| state.person(&review.operator)).collect();
        assert_eq!(reviewers.len(), glass.reviews.len(), "{id} was reviewed twice by one person");
        assert!(!reviewers.contains(state.person(&glass.operator)), "{id} was reviewed by who used it");
        assert!(glass.is_review_owed() || reviewers.len() >= 2, "{id}: {} reviewers", reviewers.len());
        let closed = state.incidents[&glass.incident].state == IncidentState::Closed;
        assert!(!closed || !glass.is_review_owed(), "{} was closed while {id} is to be reviewed", glass.incident);
    }
    for (id, incident) in &state.incidents {
        assert_eq!(
            incident.state >= IncidentState::Resolved,
            incident.resolved_at.is_some(),
            "{id} {}",
            incident.state
        );
        assert_eq!(incident.state == IncidentState::Closed, incident.closed_at.is_some(), "{id} {}", incident.state);
        assert!(incident.timeline.len() <= TIMELINE_LIMIT, "{id}: {} lines", incident.timeline.len());
        assert!(incident.escalation <= 3);
        let kinds: BTreeSet<_> = incident.errors.iter().map(|known| &known.group.fingerprint).collect();
        assert!(kinds.len() == incident.errors.len() && kinds.len() <= ERRORS_LIMIT, "{id}: errors told twice");
        let paper = &incident.post_mortem;
        assert!(
            paper.completed.is_none() || paper.missing().is_empty(),
            "{id} is complete without {:?}",
            paper.missing()
        );
        assert!(paper.completed.is_none() || !incident.state.is_open(), "{id} is open and its post-mortem complete");
        let quiet = incident.update_due_at().is_some() && !incident.state.is_open();
        assert!(!quiet, "{id} is over and still owes an update");
        let breached: BTreeSet<_> = incident.breached.iter().collect();
        assert_eq!(breached.len(), incident.breached.len(), "{id}: a clock ran out twice");
    }
    if state.operators.values().any(|operator| operator.roles.contains(&Role::TechnicalLead)) {
        assert!(state.operators.values().any(codeblue::domain::Operator::may_act), "nobody may act any more");
    }
    for effect in unfinished(state) {
        if let Effect::Diagnose(id) = effect {
            assert!(state.incidents.contains_key(&state.diagnoses[&id].incident));
        }
    }
}

/// A state that is kept for a quick start comes back as it was, and so do the events.
pub fn survives_storage(desk: &Desk) {
    let stored: State = serde_json::from_str(&serde_json::to_string(&desk.state).unwrap()).unwrap();
    assert_eq!(stored, desk.state, "a state that is stored comes back as it was");
    assert_eq!(desk.replayed(), desk.state, "the journal alone explains the state");
}
