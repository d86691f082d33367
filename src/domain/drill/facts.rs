//! What the events of one drill say that its score needs. Read from them alone: the state before is known, as a drill begins
//! when everything is well.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{DrillClaim, DrillOutcome, DrillReveal, DrillTruth};
use crate::domain::{
    DiagnosisDocument, Event, IncidentId, Plan, Recorded, RecoveryId, RecoveryOutcome, Severity, Status, Step,
};

/// What of a change's services fails within this time after it began was broken by it.
const TO_BREAK: TimeDelta = TimeDelta::seconds(30);

/// Something that was done to the platform.
pub(super) struct Mutation {
    pub(super) at: DateTime<Utc>,
    pub(super) plan: Arc<Plan>,
    /// Nobody agreed to it, because nobody had to: a policy ran it.
    pub(super) autonomous: bool,
    pub(super) outcome: Option<RecoveryOutcome>,
    /// Whether its safety snapshot was taken before it changed anything.
    pub(super) captured: bool,
    /// Whether all that was looked at afterwards was found right; none when nothing was looked at.
    pub(super) validated: Option<bool>,
    /// Services that were well when it began and were not afterwards.
    pub(super) broke: BTreeSet<String>,
}

/// An incident that was opened meanwhile.
pub(super) struct Opened {
    pub(super) severity: Severity,
    pub(super) detected_at: DateTime<Utc>,
    pub(super) opened_at: DateTime<Utc>,
    pub(super) by_person: bool,
    pub(super) acknowledged_at: Option<DateTime<Utc>>,
    pub(super) told_at: Option<DateTime<Utc>>,
    pub(super) merged: bool,
}

/// What the events of one drill say.
pub(super) struct Facts<'a> {
    pub(super) reveal: &'a DrillReveal,
    pub(super) away: bool,
    /// When something was first seen to be wrong.
    pub(super) noticed_at: Option<DateTime<Utc>>,
    pub(super) incidents: BTreeMap<IncidentId, Opened>,
    pub(super) claims: Vec<DrillClaim>,
    pub(super) mutations: Vec<Mutation>,
    /// The first thing a policy proposed.
    pub(super) proposed: Option<Arc<Plan>>,
    /// The first diagnosis that names a cause.
    pub(super) diagnosed: Option<Arc<DiagnosisDocument>>,
    /// When everything was well again, if it was at the end.
    pub(super) well_at: Option<DateTime<Utc>>,
    pub(super) without_approval: usize,
    pub(super) own_approvals: usize,
}

/// Whether an event says something that is read here.
pub(super) fn is_read(event: &Event) -> bool {
    matches!(
        event,
        Event::DrillStarted { .. }
            | Event::DrillAnswered { .. }
            | Event::DrillEnded { .. }
            | Event::ServiceStatusChanged { .. }
            | Event::IncidentOpened { .. }
            | Event::IncidentAcknowledged { .. }
            | Event::IncidentMerged { .. }
            | Event::StakeholdersUpdated { .. }
            | Event::DiagnosisConcluded { .. }
            | Event::ChangeSubmitted { .. }
            | Event::BreakGlassUsed { .. }
            | Event::CommandRefused { .. }
            | Event::RecoveryStarted { .. }
            | Event::StepDone { .. }
            | Event::RecoveryEnded { .. }
            | Event::RecoveryValidated { .. }
    )
}

impl<'a> Facts<'a> {
    /// None when the drill was not held to its end.
    pub(super) fn of<R: Borrow<Recorded>>(records: &'a [R]) -> Option<Self> {
        let start = records.iter().position(|one| matches!(one.borrow().event, Event::DrillStarted { .. }))?;
        let Event::DrillStarted { drill, away, .. } = &records.get(start)?.borrow().event else { return None };
        let reveal = records.iter().find_map(|one| match &one.borrow().event {
            Event::DrillEnded { drill: ended, outcome: DrillOutcome::Completed, reveal, .. } if ended == drill => {
                reveal.as_deref()
            }
            _ => None,
        })?;
        let mut facts = Self {
            reveal,
            away: !away.is_empty(),
            noticed_at: None,
            incidents: BTreeMap::new(),
            claims: Vec::new(),
            mutations: Vec::new(),
            proposed: None,
            diagnosed: None,
            well_at: None,
            without_approval: 0,
            own_approvals: 0,
        };
        let mut watched = Watched::default();
        for one in records.iter().skip(start).map(Borrow::borrow).filter(|one| one.at <= reveal.stopped_at) {
            facts.read(one, &mut watched);
        }
        facts.well_at = reveal.cured_at.filter(|_| watched.unwell.is_empty()).map(|cured| match watched.well_at {
            Some(well) => cured.max(well),
            None => cured,
        });
        Some(facts)
    }

    pub(super) fn truth(&self) -> &'a DrillTruth {
        &self.reveal.truth
    }

    /// Whether a change of the platform was called for when it began.
    pub(super) fn was_needed(&self, mutation: &Mutation) -> bool {
        self.truth().asks_for(&mutation.plan) && self.reveal.cured_at.is_none_or(|cured| mutation.at <= cured)
    }

    /// What people did to the platform: what a policy runs by itself nobody answers for here.
    pub(super) fn acts(&self) -> impl Iterator<Item = &Mutation> {
        self.mutations.iter().filter(|mutation| !mutation.autonomous)
    }

    fn is_decoy(&self, service: &str) -> bool {
        self.truth().decoy_services.iter().any(|name| name == service)
    }

    fn notice(&mut self, at: DateTime<Utc>) {
        if self.reveal.injected_at.is_some_and(|injected| at >= injected) {
            self.noticed_at.get_or_insert(at);
        }
    }

    fn read(&mut self, one: &Recorded, watched: &mut Watched) {
        match &one.event {
            Event::ServiceStatusChanged { service, to, .. } if !self.is_decoy(service) => {
                if watched.saw(service, *to, one.at) {
                    self.notice(one.at);
                    for ((_, well), mutation) in watched.running.iter().zip(&mut self.mutations) {
                        if well.contains(service) && one.at - mutation.at <= TO_BREAK {
                            mutation.broke.insert(service.clone());
                        }
                    }
                }
            }
            Event::IncidentOpened { incident, severity, services, detected_at, .. } => {
                if services.is_empty() || services.iter().any(|name| !self.is_decoy(name)) {
                    self.notice(one.at);
                    let by_person = one.actor.operator().is_some();
                    let opened = Opened {
                        severity: *severity,
                        detected_at: *detected_at,
                        opened_at: one.at,
                        by_person,
                        acknowledged_at: by_person.then_some(one.at),
                        told_at: None,
                        merged: false,
                    };
                    self.incidents.insert(*incident, opened);
                }
            }
            Event::IncidentAcknowledged { incident } => {
                if let Some(opened) = self.incidents.get_mut(incident) {
                    opened.acknowledged_at.get_or_insert(one.at);
                }
            }
            Event::StakeholdersUpdated { incident, .. } => {
                if let Some(opened) = self.incidents.get_mut(incident) {
                    opened.told_at.get_or_insert(one.at);
                }
            }
            Event::IncidentMerged { incident, .. } => {
                if let Some(opened) = self.incidents.get_mut(incident) {
                    opened.merged = true;
                }
            }
            Event::DrillAnswered { claim, .. } => self.claims.push(claim.clone()),
            Event::DiagnosisConcluded { document, .. } if document.root_cause.confidence > 0.0 => {
                self.diagnosed.get_or_insert_with(|| document.clone());
            }
            Event::ChangeSubmitted { plan, .. } if one.actor.operator().is_none() => {
                self.proposed.get_or_insert_with(|| plan.clone());
            }
            Event::BreakGlassUsed { .. } => self.without_approval += 1,
            Event::CommandRefused { rule, .. }
                if matches!(rule.as_str(), "own-change" | "co-author" | "same-person") =>
            {
                self.own_approvals += 1;
            }
            _ => self.read_recovery(one, watched),
        }
    }

    fn read_recovery(&mut self, one: &Recorded, watched: &mut Watched) {
        match &one.event {
            Event::RecoveryStarted { recovery, plan, change, .. } => {
                let well = plan.services.iter().filter(|name| !watched.unwell.contains(*name)).cloned().collect();
                watched.running.push((*recovery, well));
                let autonomous = change.is_none() && one.actor.operator().is_none();
                self.mutations.push(Mutation {
                    at: one.at,
                    plan: plan.clone(),
                    autonomous,
                    outcome: None,
                    captured: false,
                    validated: None,
                    broke: BTreeSet::new(),
                });
            }
            Event::StepDone { recovery, step, .. } => {
                if let Some(mutation) = self.mutation(*recovery, watched)
                    && matches!(mutation.plan.steps.get(*step), Some(Step::SafetySnapshot { .. }))
                {
                    mutation.captured = true;
                }
            }
            Event::RecoveryEnded { recovery, outcome, .. } => {
                if let Some(mutation) = self.mutation(*recovery, watched) {
                    mutation.outcome = Some(*outcome);
                    // Its last step was the look at the services at once.
                    if mutation.plan.heals() {
                        mutation.validated = Some(*outcome == RecoveryOutcome::Succeeded);
                    }
                }
            }
            Event::RecoveryValidated { recovery, criteria, .. } => {
                let passed = crate::domain::failure(criteria).is_none();
                if let Some(mutation) = self.mutation(*recovery, watched) {
                    mutation.validated = Some(mutation.validated.unwrap_or(true) && passed);
                }
            }
            _ => {}
        }
    }

    fn mutation(&mut self, id: RecoveryId, watched: &Watched) -> Option<&mut Mutation> {
        let place = watched.running.iter().position(|(known, _)| *known == id)?;
        self.mutations.get_mut(place)
    }
}

/// How services are while the events are read.
#[derive(Default)]
struct Watched {
    unwell: BTreeSet<String>,
    well_at: Option<DateTime<Utc>>,
    /// Each recovery that began, with its services that were well then.
    running: Vec<(RecoveryId, BTreeSet<String>)>,
}

impl Watched {
    /// Whether a service got worse.
    fn saw(&mut self, service: &str, to: Status, at: DateTime<Utc>) -> bool {
        match to {
            Status::Down | Status::Degraded => self.unwell.insert(service.to_owned()),
            Status::Healthy => {
                if self.unwell.remove(service) && self.unwell.is_empty() {
                    self.well_at = Some(at);
                }
                false
            }
            Status::Unknown | Status::Maintenance => false,
        }
    }
}
