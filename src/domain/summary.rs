//! Every event in one line, for people.

use super::{ChangeOutcome, Event, Proof, Status};
use crate::platform::count;

impl Event {
    /// What happened, in one line without its time and actor.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::EngineStarted { version, host, .. } => format!("engine {version} took charge on {host}"),
            Self::EngineStopped { reason } => format!("engine stopped: {reason}"),
            Self::UncleanEndFound { since, last, at } => {
                let (since, at) = (since.format("%Y-%m-%d %H:%M:%S"), at.format("%Y-%m-%d %H:%M:%S"));
                format!("the engine of {since} ended without letting go; its last event is {last} of {at}")
            }
            Self::ClockStepped { expected, found } => {
                let (expected, found) = (expected.format("%Y-%m-%d %H:%M:%S"), found.format("%Y-%m-%d %H:%M:%S"));
                format!("the clock of the host went from {expected} to {found} at once")
            }
            Self::ExportChanged { place, problem: None } => format!("checkpoints reach {place} again"),
            Self::ExportChanged { place, problem: Some(problem) } => {
                format!("checkpoints do NOT reach {place}: {problem}")
            }
            Self::CheckpointWitnessed { seen, .. } => format!("saw {} at event {}", seen.origin, seen.size),
            Self::CheckpointRefused { seen, .. } => {
                format!(
                    "TWO VERSIONS of {}: what was shown at event {} is not what was seen before",
                    seen.origin, seen.size
                )
            }
            Self::PlatformLoaded { platform } => {
                format!(
                    "platform file of {}: {}, {}",
                    platform.name,
                    count(platform.services.len(), "service"),
                    count(platform.components.len(), "component")
                )
            }
            Self::AutomationSet { mode } => format!("automation is now {mode:?}").to_lowercase(),
            Self::AutomationHalted { reason } => format!("automation HALTED: {reason}"),
            Self::AutomationReleased => "automation released".to_owned(),
            Self::OperatorAdded { name, roles, .. } => {
                let roles: Vec<&str> = roles.iter().map(|role| super::role_name(*role)).collect();
                format!("operator {name}: {}", roles.join(", "))
            }
            Self::OperatorDisabled { name } => format!("operator {name} disabled"),
            Self::ServiceStatusChanged { service, to, reason, .. } => match to {
                Status::Healthy => format!("{service} is healthy"),
                Status::Down => format!("{service} DOWN: {reason}"),
                Status::Degraded => format!("{service} degraded: {reason}"),
                Status::Unknown | Status::Maintenance => format!("{service} unknown: {reason}"),
            },
            Self::MaintenancePlanned { work } => {
                let (from, until) = (work.from.format("%Y-%m-%d %H:%M"), work.until.format("%Y-%m-%d %H:%M"));
                format!("work on {} planned from {from} to {until}: {}", work.service, work.reason)
            }
            Self::MaintenanceWithdrawn { work } => {
                format!("work on {} planned for {} withdrawn", work.service, work.from.format("%Y-%m-%d %H:%M"))
            }
            Self::MaintenanceStarted { service, until, reason } => {
                format!("{service} in maintenance until {}: {reason}", until.format("%H:%M"))
            }
            Self::MaintenanceEnded { service } => format!("maintenance of {service} ended"),
            Self::IncidentOpened { incident, severity, title, .. } => format!("{incident} {severity} opened: {title}"),
            Self::WorkflowChanged { incident, workflow } => format!("{incident} is a case of {workflow}"),
            Self::ErrorsRecorded { incident, errors, burst } => match burst {
                Some(burst) => format!("{incident}: {}: {burst}", errors.line()),
                None => format!("{incident}: {}", errors.line()),
            },
            Self::TaskSet { incident, task } => format!("{incident} task for people: {task}"),
            Self::IncidentServiceAdded { incident, service, root } => {
                if *root {
                    format!("{incident}: {service} is below it")
                } else {
                    format!("{incident} also hits {service}")
                }
            }
            Self::IncidentAcknowledged { incident } => format!("{incident} acknowledged"),
            Self::IncidentAdvanced { incident, state } => format!("{incident} {state}"),
            Self::IncidentSeveritySet { incident, severity, reason } => {
                format!("{incident} is now {severity}: {reason}")
            }
            Self::IncidentNoted { incident, text } => format!("{incident} note: {}", text.replace('\n', " ")),
            Self::IncidentAssigned { incident, role, operator } => {
                format!("{incident}: {operator} is {}", format!("{role:?}").to_lowercase())
            }
            Self::IncidentEscalated { incident, level, reason } => {
                format!("{incident} escalated to level {level}: {reason}")
            }
            Self::PeopleToCall { notice } => {
                format!("{} to call, not sent: {} ({})", notice.incident, notice.names(), notice.reason)
            }
            Self::LevelReached { incident, level } => {
                format!("{incident} is on level {}: {}", level.number(), level.says())
            }
            Self::ClockBreached { incident, clock } => format!("{incident}: the time to {clock} has run out"),
            Self::IncidentResolved { incident, resolution } => format!("{incident} resolved: {resolution}"),
            Self::IncidentClosed { incident } => format!("{incident} closed"),
            Self::IncidentReopened { incident, reason } => format!("{incident} reopened: {reason}"),
            Self::IncidentMerged { incident, into } => format!("{incident} merged into {into}"),
            Self::IncidentLinked { incident, other } => format!("{incident} linked with {other}"),
            Self::StakeholdersUpdated { incident, message } => format!("{incident} update: {}", message.line()),
            Self::UpdateOverdue { incident, due_at } => {
                format!("{incident}: the stakeholder update due at {} is overdue", due_at.format("%H:%M:%S"))
            }
            Self::PostMortemWritten { incident, .. } => format!("{incident} post-mortem written"),
            Self::ActionItemAdded { incident, what, kind, .. } => {
                format!("{incident} action item to {}: {what}", kind.name())
            }
            Self::ActionItemChanged { incident, item, .. } => format!("{incident} action item {item} changed"),
            Self::ActionItemOverdue { incident, item } => format!("{incident} action item {item} is overdue"),
            Self::ActionItemDone { incident, item } => format!("{incident} action item {item} done"),
            Self::PostMortemCompleted { incident } => format!("{incident} post-mortem completed"),
            Self::PostMortemOverdue { incident } => format!("{incident}: the post-mortem is overdue"),
            Self::DiagnosisRequested { diagnosis, incident } => format!("{incident} diagnosis {diagnosis} begun"),
            Self::DiagnosisConcluded { document, .. } => {
                format!("diagnosis {:.2}: {}", document.root_cause.confidence, document.root_cause.issue)
            }
            Self::DiagnosisFailed { diagnosis, error } => format!("{diagnosis} failed: {error}"),
            Self::SnapshotRequested { snapshot, components, reason, .. } => {
                format!("{snapshot} begun: {} ({reason})", components.join(", "))
            }
            Self::SnapshotTaken { snapshot, captured, .. } => {
                let partial: usize = captured.iter().map(|captured| captured.unreadable.len()).sum();
                if partial == 0 {
                    format!("{snapshot} taken")
                } else {
                    format!("{snapshot} PARTIAL: {partial} problems")
                }
            }
            Self::SnapshotFailed { snapshot, error } => format!("{snapshot} FAILED: {error}"),
            Self::SnapshotVerified { snapshot, problems } => match problems.len() {
                0 => format!("{snapshot} read back and intact"),
                many => format!("{snapshot} DAMAGED: {many} problems"),
            },
            Self::SnapshotProofRequested { snapshot, proof } => match proof {
                Proof::Integrity => format!("{snapshot} is being read back"),
                Proof::TestRestore => format!("{snapshot} is being restored into a scratch place"),
            },
            Self::SnapshotTested { snapshot, results } => {
                let failed: Vec<&str> =
                    results.iter().filter(|result| !result.passed).map(|result| result.component.as_str()).collect();
                if failed.is_empty() {
                    format!("{snapshot} proved to restore")
                } else {
                    format!("{snapshot} does NOT RESTORE: {}", failed.join(", "))
                }
            }
            Self::SnapshotProofFailed { snapshot, error, .. } => format!("{snapshot} could not be proved: {error}"),
            Self::SnapshotsForgotten { snapshots, .. } => format!("{} old snapshots forgotten", snapshots.len()),
            Self::VaultPruned { .. } => "vault pruned".to_owned(),
            Self::SnapshotPinned { snapshot, pinned } => {
                format!("{snapshot} {}", if *pinned { "pinned" } else { "not pinned any more" })
            }
            Self::DeploymentRecorded { component, version, previous, .. } => match previous {
                Some(previous) => format!("{component}: {previous} → {version} is live"),
                None => format!("{component}: {version} is live"),
            },
            Self::ChangeSubmitted { change, title, risk, .. } => {
                format!("{change} asks to {title}, risk {}", risk.score)
            }
            Self::ChangeApproved { change, role, .. } => format!("{change} approved as {}", super::role_name(*role)),
            Self::ChangeAuthorised { change } => format!("{change} may be carried out"),
            Self::ChangeRejected { change, reason } => format!("{change} rejected: {reason}"),
            Self::ApprovalRevoked { change, operator, reason } => {
                format!("{change}: {operator} took the approval back: {reason}")
            }
            Self::ChangeExpired { change } => format!("{change} lapsed: nobody decided in time"),
            Self::ChangeWithdrawn { change, reason } => format!("{change} withdrawn: {reason}"),
            Self::ChangeEnded { change, outcome } => match outcome {
                ChangeOutcome::Validated => format!("{change} validated"),
                ChangeOutcome::Failed => format!("{change} FAILED"),
            },
            Self::SnapshotAdopted { snapshot, called, taken_at, .. } => {
                format!("{snapshot} found in the vault: {called} of {}", taken_at.format("%Y-%m-%d %H:%M:%S"))
            }
            Self::VaultRepairStarted => "repairing the vault from its replica".to_owned(),
            Self::VaultRepairEnded { whole: true, found } => format!("the vault is whole: {found}"),
            Self::VaultRepairEnded { whole: false, found } => format!("the vault is NOT whole: {found}"),
            Self::StreamChanged { component, problem: None } => format!("the log of {component} is received"),
            Self::StreamChanged { component, problem: Some(problem) } => {
                format!("the log of {component} is NOT received: {problem}")
            }
            Self::ReplicationStarted => "copying the vault to its replica".to_owned(),
            Self::ReplicationEnded { problem: None } => "the replica holds all that the vault holds".to_owned(),
            Self::ReplicationEnded { problem: Some(problem) } => format!("the replica is behind: {problem}"),
            Self::RecoveryStarted { recovery, plan, .. } => format!("{recovery} started: {}", plan.title),
            Self::StepStarted { recovery, step } => format!("{recovery} step {} begun", step + 1),
            Self::StepDone { recovery, step, output } => format!("{recovery} step {} done: {output}", step + 1),
            Self::StepFailed { recovery, step, error } => format!("{recovery} step {} FAILED: {error}", step + 1),
            Self::StepsSkipped { recovery, steps, reason } => {
                format!("{recovery}: {} steps skipped: {reason}", steps.len())
            }
            Self::RecoveryCancelRequested { recovery, reason } => format!("{recovery} is to stop: {reason}"),
            Self::RecoveryEnded { recovery, outcome, summary } => format!("{recovery} {outcome}: {summary}"),
            Self::RecoveryValidated { recovery, phase, criteria } => {
                let passed = criteria.iter().filter(|criterion| criterion.passed).count();
                format!("{recovery} validated {phase}: {passed} of {} criteria", criteria.len())
            }
            Self::WatchEnded { recovery, reason, .. } => format!("watch after {recovery} ended: {reason}"),
        }
    }
}
