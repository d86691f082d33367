//! What is true after an event. Total: any event that was recorded can be applied, whatever wrote it.

use super::{
    Deployment, DeploymentOrigin, Diagnosis, DiagnosisState, EngineInfo, Event, Incident, IncidentId, IncidentState,
    Level, PostMortem, Recorded, ServiceHealth, Severity, State, Status, TIMELINE_LIMIT, TimelineEntry, TimelineKind,
    Updates, Workflow, break_glass, breaker,
    change::{self, delegation, template},
    continuity, drill, evidence, fast_track,
    health::maintenance,
    incident::{error_event, escalation, impact, postmortem, update, workflow},
    knowledge, oncall, operator, recovery, run,
    snapshot::{self, adopt, replica},
    stream,
};

/// Makes the state what it is after an event.
pub fn apply(state: &mut State, recorded: &Recorded) {
    state.seq = recorded.seq;
    state.clock = recorded.at;
    state.began.get_or_insert(recorded.at);
    let at = recorded.at;
    drill::keep(state, recorded);
    match &recorded.event {
        Event::EngineStarted { version, host, origin } => {
            let (version, host, origin) = (version.clone(), host.clone(), origin.clone());
            state.engine = EngineInfo { version, host, origin, started_at: Some(at) };
        }
        Event::EngineStopped { .. } => state.engine.started_at = None,
        Event::UncleanEndFound { .. } | Event::ClockStepped { .. } | Event::BreakerChanged { .. } => {}
        Event::ExportChanged { .. }
        | Event::CheckpointsLost { .. }
        | Event::PayloadsPurged { .. }
        | Event::CheckpointWitnessed { .. }
        | Event::CheckpointRefused { .. } => {
            evidence::apply(state, recorded);
        }
        Event::PlatformLoaded { platform } => {
            if state.platform.name.is_empty() || state.platform.automation != platform.automation {
                state.mode = platform.automation.mode;
            }
            state.services.retain(|name, _| platform.service(name).is_some());
            for service in &platform.services {
                state.services.entry(service.name.clone()).or_default();
            }
            state.planned.retain(|work| platform.service(&work.service).is_some());
            state.platform = platform.clone();
        }
        Event::AutomationSet { mode } => state.mode = *mode,
        Event::AutomationHalted { reason } => state.halted = Some(reason.clone()),
        Event::AutomationReleased => state.halted = None,
        Event::OperatorAdded { .. }
        | Event::FirstOperatorMade { .. }
        | Event::OperatorLinked { .. }
        | Event::RolesChanged { .. }
        | Event::OperatorDisabled { .. }
        | Event::OperatorEnabled { .. }
        | Event::KeyAdded { .. }
        | Event::KeyRemoved { .. }
        | Event::SecondFactorEnrolled { .. }
        | Event::SecondFactorUsed { .. }
        | Event::SecondFactorRemoved { .. }
        | Event::SecondFactorReset { .. }
        | Event::WrongCodeGiven { .. }
        | Event::TokenCreated { .. }
        | Event::TokenRevoked { .. }
        | Event::CertificateIssued { .. }
        | Event::CertificateRevoked { .. }
        | Event::CommandRefused { .. }
        | Event::RefusalsNotListed { .. } => operator::apply(state, recorded),
        Event::ServiceStatusChanged { .. } => apply_health(state, recorded),
        Event::FunctionInterrupted { .. }
        | Event::FunctionRestored { .. }
        | Event::FunctionTimeUsed { .. }
        | Event::FallbackActivated { .. }
        | Event::FallbackStepDone { .. }
        | Event::FallbackEnded { .. } => continuity::apply(state, recorded),
        Event::DrillStarted { .. }
        | Event::DrillAnswered { .. }
        | Event::DrillAborted { .. }
        | Event::DrillEnded { .. }
        | Event::DrillScheduled { .. }
        | Event::DrillUnscheduled { .. }
        | Event::DrillDue { .. } => drill::apply(state, recorded),
        Event::MaintenancePlanned { .. }
        | Event::MaintenanceWithdrawn { .. }
        | Event::MaintenanceStarted { .. }
        | Event::MaintenanceEnded { .. } => maintenance::apply(state, recorded),
        Event::RunStarted { .. }
        | Event::RunRebased { .. }
        | Event::RunMoved { .. }
        | Event::RunStepBegun { .. }
        | Event::RunAttemptBegun { .. }
        | Event::RunAttemptEnded { .. }
        | Event::RunAttemptLost { .. }
        | Event::RunStepEnded { .. }
        | Event::RunStepAnswered { .. }
        | Event::RunStepCoSigned { .. }
        | Event::RunUnknownResolved { .. }
        | Event::RunStepCancelRequested { .. }
        | Event::RunUndoBegun { .. }
        | Event::RunEnded { .. }
        | Event::RunTimeUsed { .. } => run::apply(state, recorded),
        Event::DiagnosisRequested { .. }
        | Event::DiagnosisDrafted { .. }
        | Event::SecondOpinionCancelled { .. }
        | Event::DiagnosisConcluded { .. }
        | Event::DiagnosisFailed { .. } => apply_diagnosis(state, recorded),
        Event::DiagnosisJudged { .. } => knowledge::apply_verdict(state, recorded),
        Event::ArticleProposed { .. }
        | Event::ArticleEdited { .. }
        | Event::ArticleConfirmed { .. }
        | Event::ArticleRetired { .. } => knowledge::apply_written(state, recorded),
        Event::SnapshotRequested { .. }
        | Event::SnapshotTaken { .. }
        | Event::SnapshotFailed { .. }
        | Event::SnapshotVerified { .. }
        | Event::SnapshotProofRequested { .. }
        | Event::SnapshotProofFailed { .. }
        | Event::SnapshotTested { .. }
        | Event::SnapshotPinned { .. } => snapshot::apply(state, recorded),
        Event::StreamChanged { .. } => stream::apply(state, recorded),
        Event::SnapshotAdopted { .. } => adopt::apply(state, recorded),
        Event::SnapshotsForgotten { snapshots, vault_ids } => {
            let here = snapshots.iter().filter(|id| state.snapshots.remove(id).is_some()).count();
            state.older.forget((snapshots.len() - here) as u64);
            state.vault.forgotten.extend(vault_ids.iter().cloned());
            state.vault.retained_at = Some(at);
        }
        Event::VaultPruned { vault_ids, total_bytes } => {
            state.vault.forgotten.retain(|id| !vault_ids.contains(id));
            state.vault.total_bytes = Some(*total_bytes);
        }
        Event::DeploymentRecorded { deployment, component, version, previous, origin, note } => {
            state.deployments.insert(
                *deployment,
                Deployment {
                    id: *deployment,
                    seq: recorded.seq,
                    component: component.clone(),
                    version: version.clone(),
                    previous: previous.clone(),
                    at,
                    by: recorded.actor.clone(),
                    origin: *origin,
                    note: note.clone(),
                },
            );
            let service = state.platform.component(component).map(|component| component.service.clone());
            if let (Some(service), false) = (service, matches!(origin, DeploymentOrigin::Recovery(_)))
                && let Some(incident) = state.incident_of(&service).map(|incident| incident.id)
            {
                tell(state, incident, recorded, TimelineKind::Deployment, format!("deployed {component} {version}"));
            }
        }
        Event::ChangeSubmitted { .. }
        | Event::ChangeRevised { .. }
        | Event::ChangeApproved { .. }
        | Event::ChangeAuthorised { .. }
        | Event::ChangeRejected { .. }
        | Event::RejectionRevoked { .. }
        | Event::ApprovalRevoked { .. }
        | Event::ChangeExpired { .. }
        | Event::ChangeWithdrawn { .. }
        | Event::ChangeEnded { .. }
        | Event::ChangeChecked { .. }
        | Event::ChangeReviewed { .. }
        | Event::ChangeReviewOverdue { .. } => change::apply(state, recorded),
        Event::ApprovalDelegated { .. } | Event::DelegationEnded { .. } => delegation::apply(state, recorded),
        Event::OnCallOverridden { .. } | Event::OverrideEnded { .. } => oncall::apply(state, recorded),
        Event::TemplateMade { .. } | Event::TemplateSuspended { .. } => template::apply(state, recorded),
        Event::RecoveryStarted { .. }
        | Event::StepStarted { .. }
        | Event::StepDone { .. }
        | Event::StepFailed { .. }
        | Event::StepsSkipped { .. }
        | Event::RecoveryCancelRequested { .. }
        | Event::RecoveryEnded { .. }
        | Event::RecoveryValidated { .. }
        | Event::WatchEnded { .. } => {
            recovery::run::apply(state, recorded);
            change::apply(state, recorded);
        }
        Event::ErrorsRecorded { .. } => error_event::apply(state, recorded),
        Event::TaskSet { .. } | Event::WorkflowChanged { .. } => workflow::apply(state, recorded),
        Event::PeopleToCall { .. } | Event::LevelReached { .. } => escalation::apply(state, recorded),
        Event::StakeholdersUpdated { .. } | Event::UpdateOverdue { .. } => update::apply(state, recorded),
        Event::PostMortemWritten { .. }
        | Event::ActionItemAdded { .. }
        | Event::ActionItemChanged { .. }
        | Event::ActionItemOverdue { .. }
        | Event::ActionItemDone { .. }
        | Event::PostMortemCompleted { .. }
        | Event::PostMortemOverdue { .. } => postmortem::apply(state, recorded),
        _ => apply_incident(state, recorded),
    }
    break_glass::apply(state, recorded);
    breaker::apply(state, recorded);
    fast_track::apply(state, recorded);
    replica::apply(state, recorded);
    impact::apply(state, recorded);
    knowledge::apply_learned(state, recorded);
}

/// Adds a line to an incident's timeline.
pub(super) fn tell(state: &mut State, incident: IncidentId, recorded: &Recorded, kind: TimelineKind, text: String) {
    if let Some(found) = state.incidents.get_mut(&incident) {
        if found.timeline.len() >= TIMELINE_LIMIT {
            found.timeline.remove(1);
        }
        found.timeline.push(TimelineEntry {
            seq: recorded.seq,
            at: recorded.at,
            actor: recorded.actor.clone(),
            kind,
            text,
        });
    }
}

fn apply_health(state: &mut State, recorded: &Recorded) {
    let Event::ServiceStatusChanged { service, to, reason, failing_since, .. } = &recorded.event else { return };
    let health = ServiceHealth {
        status: *to,
        since: Some(recorded.at),
        failing_since: *failing_since,
        reason: reason.clone(),
        maintenance_until: None,
    };
    state.services.insert(service.clone(), health);
    if let Some(incident) = state.incident_of(service).map(|incident| incident.id) {
        let (kind, text) = match to {
            Status::Healthy => (TimelineKind::Good, format!("{service} is healthy again")),
            Status::Down => (TimelineKind::Bad, format!("{service} DOWN: {reason}")),
            _ => (TimelineKind::Bad, format!("{service} degraded: {reason}")),
        };
        tell(state, incident, recorded, kind, text);
    }
}

fn apply_incident(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    if let Event::IncidentOpened { incident, severity, title, services, detected_at, workflow, symptoms_at } =
        &recorded.event
    {
        let workflow = workflow.unwrap_or_else(|| kind_of(state, *severity, services));
        state.incidents.insert(
            *incident,
            Incident {
                id: *incident,
                severity: *severity,
                title: title.clone(),
                state: IncidentState::Detected,
                opened_by: recorded.actor.clone(),
                workflow,
                services: services.clone(),
                root: None,
                detected_at: *detected_at,
                opened_at: at,
                acknowledged_at: None,
                responded_at: None,
                resolved_at: None,
                closed_at: None,
                resolution: None,
                breached: Vec::new(),
                escalation: 0,
                level: Level::One,
                called: Vec::new(),
                on_call: None,
                roles: std::collections::BTreeMap::new(),
                diagnoses: Vec::new(),
                changes: Vec::new(),
                recoveries: Vec::new(),
                links: Vec::new(),
                merged_into: None,
                reopened: 0,
                impact: std::collections::BTreeMap::new(),
                quiet_since: None,
                reopened_at: None,
                symptoms_at: *symptoms_at,
                fast_track: None,
                updates: Updates::default(),
                post_mortem: PostMortem::default(),
                errors: Vec::new(),
                timeline: Vec::new(),
            },
        );
        // What went live in the hour before belongs to the story.
        let recent: Vec<Deployment> = state
            .deployments
            .values()
            .filter(|deployment| {
                deployment.at > *detected_at - chrono::TimeDelta::hours(1) && deployment.previous.is_some()
            })
            .filter(|deployment| {
                state.platform.component(&deployment.component).is_some_and(|component| {
                    services.contains(&component.service)
                        || services
                            .iter()
                            .any(|service| state.platform.dependencies_of(service).contains(&component.service))
                })
            })
            .cloned()
            .collect();
        for deployment in recent {
            if let Some(found) = state.incidents.get_mut(incident) {
                found.timeline.push(TimelineEntry {
                    seq: deployment.seq,
                    at: deployment.at,
                    actor: deployment.by.clone(),
                    kind: TimelineKind::Deployment,
                    text: format!("deployed {} {}", deployment.component, deployment.version),
                });
            }
        }
        let reasons: Vec<String> = services
            .iter()
            .filter_map(|service| state.services.get(service).map(|health| (service, health)))
            .filter(|(_, health)| matches!(health.status, Status::Down | Status::Degraded))
            .map(|(service, health)| format!("{service}: {}", health.reason))
            .collect();
        let text = if reasons.is_empty() {
            format!("{severity} opened: {title}")
        } else {
            format!("{severity} opened: {title} ({})", reasons.join("; "))
        };
        tell(state, *incident, recorded, TimelineKind::Bad, text);
        return;
    }
    let (id, kind, text) = match &recorded.event {
        Event::IncidentServiceAdded { incident, service, root } => {
            let text = if *root { format!("{service} is part of it, and below it") } else { format!("hits {service}") };
            (*incident, TimelineKind::Bad, text)
        }
        Event::IncidentAcknowledged { incident } => {
            (*incident, TimelineKind::State, format!("acknowledged by {}", recorded.actor))
        }
        Event::IncidentAdvanced { incident, state } => (*incident, TimelineKind::State, format!("{state}")),
        Event::IncidentSeveritySet { incident, severity, reason } => {
            (*incident, TimelineKind::State, format!("now {severity}: {reason}"))
        }
        Event::IncidentNoted { incident, text } => (*incident, TimelineKind::Note, text.replace('\n', " ")),
        Event::IncidentAssigned { incident, role, operator } => {
            (*incident, TimelineKind::State, format!("{operator} is {}", format!("{role:?}").to_lowercase()))
        }
        Event::IncidentEscalated { incident, level, reason } => {
            (*incident, TimelineKind::State, format!("escalated to level {level}: {reason}"))
        }
        Event::ClockBreached { incident, clock } => {
            (*incident, TimelineKind::Bad, format!("the time to {clock} has run out"))
        }
        Event::IncidentResolved { incident, resolution } => {
            (*incident, TimelineKind::Good, format!("resolved: {resolution}"))
        }
        Event::IncidentClosed { incident } => (*incident, TimelineKind::State, "closed".to_owned()),
        Event::IncidentReopened { incident, reason } => (*incident, TimelineKind::Bad, format!("reopened: {reason}")),
        Event::IncidentMerged { incident, into } => (*incident, TimelineKind::State, format!("merged into {into}")),
        Event::IncidentLinked { incident, other } => (*incident, TimelineKind::State, format!("linked with {other}")),
        _ => return,
    };
    if let Some(found) = state.incidents.get_mut(&id) {
        change_incident(found, recorded);
    }
    if let Event::IncidentMerged { incident, into } = &recorded.event {
        let merged = state.incidents.get_mut(incident);
        let (moved, changes) =
            merged.map(|found| (found.services.clone(), std::mem::take(&mut found.changes))).unwrap_or_default();
        for change in &changes {
            if let Some(change) = state.changes.get_mut(change) {
                change.incident = Some(*into);
            }
        }
        if let Some(target) = state.incidents.get_mut(into) {
            target.changes.extend(changes);
            target.changes.sort_unstable();
            for service in moved {
                if !target.services.contains(&service) {
                    target.services.push(service);
                }
            }
        }
        tell(state, *into, recorded, TimelineKind::State, format!("{incident} was merged into it"));
    }
    tell(state, id, recorded, kind, text);
}

/// Which response an incident gets by how its services are; where none was judged, by how bad a person calls it.
fn kind_of(state: &State, severity: Severity, services: &[String]) -> Workflow {
    let status = |name: &String| state.services.get(name).map(|health| health.status);
    if services.iter().any(|name| status(name) == Some(Status::Down)) {
        Workflow::Outage
    } else if services.iter().any(|name| status(name) == Some(Status::Degraded)) || severity > Severity::Sev2 {
        Workflow::Degradation
    } else {
        Workflow::Outage
    }
}

fn change_incident(incident: &mut Incident, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::IncidentServiceAdded { service, root, .. } => {
            if !incident.services.contains(service) {
                incident.services.push(service.clone());
            }
            if *root {
                incident.root = Some(service.clone());
                incident.title = format!("{service} down");
            }
        }
        Event::IncidentAcknowledged { .. } => {
            incident.acknowledged_at.get_or_insert(at);
            incident.updates.count_from.get_or_insert(at);
            incident.state = incident.state.max(IncidentState::Acknowledged);
        }
        Event::IncidentAdvanced { state, .. } => {
            incident.state = *state;
            if *state >= IncidentState::Investigating {
                incident.responded_at.get_or_insert(at);
            }
        }
        Event::IncidentSeveritySet { severity, .. } => incident.severity = *severity,
        Event::IncidentAssigned { role, operator, .. } => {
            incident.roles.insert(*role, operator.clone());
        }
        Event::IncidentEscalated { level, .. } => incident.escalation = *level,
        Event::ClockBreached { clock, .. } => incident.breached.push(*clock),
        Event::IncidentResolved { resolution, .. } => {
            incident.state = IncidentState::Resolved;
            incident.responded_at.get_or_insert(at);
            incident.resolved_at = Some(at);
            incident.resolution = Some(resolution.clone());
        }
        Event::IncidentClosed { .. } => {
            incident.state = IncidentState::Closed;
            incident.closed_at = Some(at);
        }
        Event::IncidentReopened { .. } => {
            incident.state = IncidentState::Investigating;
            incident.resolved_at = None;
            incident.closed_at = None;
            incident.resolution = None;
            incident.reopened += 1;
            incident.reopened_at = Some(at);
            incident.level = Level::One;
            incident.updates.restart(at);
            // It came back, so what was written is not the whole story.
            incident.post_mortem.completed = None;
            incident.post_mortem.overdue_at = None;
        }
        Event::IncidentMerged { into, .. } => {
            incident.state = IncidentState::Closed;
            incident.resolved_at.get_or_insert(at);
            incident.closed_at = Some(at);
            incident.merged_into = Some(*into);
        }
        Event::IncidentLinked { other, .. } => incident.links.push(*other),
        _ => {}
    }
}

fn apply_diagnosis(state: &mut State, recorded: &Recorded) {
    match &recorded.event {
        Event::DiagnosisRequested { diagnosis, incident } => {
            state.diagnoses.insert(
                *diagnosis,
                Diagnosis {
                    id: *diagnosis,
                    incident: *incident,
                    requested_at: recorded.at,
                    state: DiagnosisState::Running,
                    draft: None,
                    drafted_at: None,
                    not_awaited_by: None,
                    verdicts: Vec::new(),
                },
            );
            if let Some(found) = state.incidents.get_mut(incident) {
                found.diagnoses.push(*diagnosis);
            }
        }
        Event::DiagnosisDrafted { diagnosis, document } => {
            if let Some(found) = state.diagnoses.get_mut(diagnosis) {
                found.draft = Some(document.clone());
                found.drafted_at = Some(recorded.at);
            }
        }
        Event::SecondOpinionCancelled { diagnosis } => {
            let Some(found) = state.diagnoses.get_mut(diagnosis) else { return };
            found.not_awaited_by = Some(recorded.actor.clone());
            let incident = found.incident;
            let text = format!("{} does not wait for the language model any longer", recorded.actor);
            tell(state, incident, recorded, TimelineKind::Diagnosis, text);
        }
        Event::DiagnosisConcluded { diagnosis, document } => {
            let Some(found) = state.diagnoses.get_mut(diagnosis) else { return };
            found.draft = None;
            found.state = DiagnosisState::Concluded { document: document.clone(), at: recorded.at };
            let incident = found.incident;
            let mut worse = None;
            if let Some(incident) = state.incidents.get_mut(&incident) {
                incident.root = Some(document.root_cause.service.clone());
                worse = document.worse_than(incident.severity);
            }
            let text = format!("diagnosis {:.2}: {}", document.root_cause.confidence, document.root_cause.issue);
            tell(state, incident, recorded, TimelineKind::Diagnosis, text);
            if let Some(found) = worse {
                let text = format!("looks like {}: {}", found.severity, found.why());
                tell(state, incident, recorded, TimelineKind::Diagnosis, text.chars().take(400).collect());
            }
        }
        Event::DiagnosisFailed { diagnosis, error } => {
            let Some(found) = state.diagnoses.get_mut(diagnosis) else { return };
            found.draft = None;
            found.state = DiagnosisState::Failed { error: error.clone() };
            let incident = found.incident;
            tell(state, incident, recorded, TimelineKind::Bad, format!("diagnosis failed: {error}"));
        }
        _ => {}
    }
}
