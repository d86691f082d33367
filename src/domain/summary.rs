//! Every event in one line, for people.

use std::collections::BTreeSet;

use super::{
    AttemptBy, AttemptEnd, AttemptPart, ChangeOutcome, Event, Proof, Role, RunMark, RunMode, Severity, Stand, Status,
    StepAnswer, UnknownAnswer, fast_track,
};
use crate::platform::count;

fn part_name(part: AttemptPart) -> &'static str {
    match part {
        AttemptPart::DoneIf => "the check before",
        AttemptPart::Work => "the step",
        AttemptPart::Verify => "the check after",
    }
}

impl Event {
    /// Whether an incident is SEV1 because of it, which calls people back from whatever they do.
    #[must_use]
    pub fn makes_sev1(&self) -> bool {
        matches!(
            self,
            Self::IncidentOpened { severity: Severity::Sev1, .. }
                | Self::IncidentSeveritySet { severity: Severity::Sev1, .. }
        )
    }

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
            Self::CheckpointsLost { before } => {
                format!("CHECKPOINTS LOST: no signed one was left for the first {before} events")
            }
            Self::PayloadsPurged { seqs, reason } => {
                let seqs: Vec<String> = seqs.iter().map(u64::to_string).collect();
                format!("texts PURGED of event {}: {reason}", seqs.join(", "))
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
            Self::OperatorAdded { name, roles, .. } => format!("operator {name}: {}", role_names(roles)),
            Self::FirstOperatorMade { name, reason, .. } => {
                format!("operator {name}: technical lead, the first one: {reason}")
            }
            Self::OperatorLinked { name, belongs_to } => format!("{name} is an account of {belongs_to}"),
            Self::RolesChanged { name, roles } => format!("operator {name} is now {}", role_names(roles)),
            Self::OperatorDisabled { name, reason, duties } => {
                let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                let open =
                    if duties.is_empty() { String::new() } else { format!("; still in hand: {}", duties.join(", ")) };
                format!("operator {name} disabled{why}{open}")
            }
            Self::OperatorEnabled { name, reason } => format!("operator {name} enabled again: {reason}"),
            Self::KeyAdded { operator, fingerprint, .. } => format!("{operator} signs with {fingerprint}"),
            Self::KeyRemoved { operator, fingerprint } => format!("{operator} signs with {fingerprint} no more"),
            Self::SecondFactorEnrolled { operator, .. } => format!("{operator} has enrolled a second factor"),
            Self::SecondFactorUsed { operator, .. } => format!("{operator} gave a code of the second factor"),
            Self::SecondFactorRemoved { operator } => format!("{operator} gave the second factor up"),
            Self::SecondFactorReset { operator, reason } => {
                format!("SECOND FACTOR of {operator} RESET: {reason}")
            }
            Self::RecoveryCodeUsed { operator, left } => format!("{operator} used a recovery code, {left} are left"),
            Self::WrongCodeGiven { operator, locked_until: None } => format!("a WRONG CODE was given for {operator}"),
            Self::WrongCodeGiven { operator, locked_until: Some(until) } => {
                format!("too many WRONG CODES for {operator}: none is taken until {}", until.format("%H:%M:%S"))
            }
            Self::TokenCreated { token, name, operator, scope, expires_at, .. } => {
                let scope = format!("{scope:?}").to_lowercase();
                format!("{token} {name}: may {scope} for {operator} until {}", expires_at.format("%Y-%m-%d %H:%M"))
            }
            Self::TokenRevoked { token } => format!("{token} revoked"),
            Self::CertificateIssued { operator, serial, expires_at, .. } => {
                format!("certificate {serial}: {operator} is known by it until {}", expires_at.format("%Y-%m-%d %H:%M"))
            }
            Self::CertificateRevoked { serial } => format!("certificate {serial} revoked"),
            Self::SessionLocked { operator } => format!("the board of {operator} locked: nobody was at it"),
            Self::SessionUnlocked { operator } => format!("{operator} is back at the board"),
            Self::CommandRefused { operator, what, object, rule, .. } => {
                let on = object.as_ref().map(|object| format!(" {object}")).unwrap_or_default();
                format!("{operator} was refused {what}{on} (rule {rule})")
            }
            Self::RefusalsNotListed { operator, by } => {
                let with = if *by == AttemptBy::Token { " with a token" } else { "" };
                format!("MORE was refused {operator}{with} within an hour than is listed")
            }
            Self::ServiceStatusChanged { service, to, reason, .. } => match to {
                Status::Healthy => format!("{service} is healthy"),
                Status::Down => format!("{service} DOWN: {reason}"),
                Status::Degraded => format!("{service} degraded: {reason}"),
                Status::Unknown | Status::Maintenance => format!("{service} unknown: {reason}"),
            },
            Self::FunctionInterrupted { function, services, .. } => {
                format!("{function} is INTERRUPTED: {} down", services.join(", "))
            }
            Self::FunctionRestored { function } => format!("{function} is carried by the platform again"),
            Self::FunctionTimeUsed { function, mark } => format!("{function}: {mark}"),
            Self::FallbackActivated { function, reason } => format!("{function} is done by hand: {reason}"),
            Self::FallbackStepDone { function, step } => format!("{function} by hand: step {step} is done"),
            Self::DrillStarted { drill, mode, away, unattended, .. } => {
                let away: Vec<&str> = away.iter().map(String::as_str).collect();
                let away = if away.is_empty() { String::new() } else { format!(": {}", away.join(", ")) };
                let played = if *unattended { ", people are played" } else { "" };
                format!("{drill} began, {mode}{away}{played}")
            }
            Self::DrillAnswered { drill, claim } => format!("{drill} answered: {claim}"),
            Self::DrillAborted { drill, reason } => format!("{drill} is to STOP: {reason}"),
            Self::DrillEnded { drill, outcome, reason, reveal } => {
                let file = reveal.as_ref().map(|reveal| format!(" ({})", reveal.truth.file)).unwrap_or_default();
                format!("{drill}{file} {outcome}: {reason}")
            }
            Self::DrillScheduled { file, every, due_at } => {
                format!("drill {file} {every}, next on {}", due_at.format("%Y-%m-%d"))
            }
            Self::DrillUnscheduled { file } => format!("drill {file} is not scheduled any more"),
            Self::DrillDue { file, due_at } => format!("drill {file} is DUE since {}", due_at.format("%Y-%m-%d")),
            Self::FallbackEnded { function, note } => format!("{function} is not done by hand any more: {note}"),
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
            Self::BreakerChanged { service, to, reason, .. } => format!("breaker of {service} {to}: {reason}"),
            Self::MaintenanceEnded { service } => format!("maintenance of {service} ended"),
            Self::RunStarted { run, book, mode, drill, .. } => {
                let drill = match drill {
                    Some(drill) => format!(" in {drill}"),
                    None if *mode == RunMode::Drill => " as a drill".to_owned(),
                    None => String::new(),
                };
                format!("{run} begun{drill}: {} {}", book.front.id, book.front.title)
            }
            Self::RunRebased { run, book, .. } => {
                let hash: String = book.hash.chars().take(12).collect();
                format!("{run} goes on by the new text of {}, {hash}", book.front.id)
            }
            Self::RunMoved { run, to } => match to {
                Stand::At { step } => format!("{run} is at {step}"),
                Stand::Undoing { step, undoes, .. } => format!("{run} takes {undoes} back: {step}"),
                Stand::Halted { step, halt } => format!("{run} HALTED at {step}: {halt}"),
                Stand::Ended { outcome, .. } => format!("{run} {outcome}"),
            },
            Self::RunStepBegun { run, step, part, .. } => match part {
                AttemptPart::Verify => format!("{run} {step}: somebody wants to know whether it has worked"),
                AttemptPart::DoneIf | AttemptPart::Work => format!("{run} {step}: to be run"),
            },
            Self::RunAttemptBegun { run, step, part, .. } => format!("{run} {step}: {} begun", part_name(*part)),
            Self::RunAttemptEnded { run, step, part, result } => {
                let how = match &result.end {
                    AttemptEnd::Passed => "passed".to_owned(),
                    AttemptEnd::Warned => "passed with a warning".to_owned(),
                    AttemptEnd::Failed { why } => format!("did not pass: {why}"),
                    AttemptEnd::TimedOut => "took too long and was ended".to_owned(),
                    AttemptEnd::Cancelled => "was ended".to_owned(),
                    AttemptEnd::NotStarted { why } => format!("was not begun: {why}"),
                };
                format!("{run} {step}: {} {how}", part_name(*part))
            }
            Self::RunAttemptLost { run, step, part } => {
                format!("{run} {step}: the engine died during {}", part_name(*part))
            }
            Self::RunStepEnded { run, step, end } => format!("{run} {step} {end}"),
            Self::RunStepAnswered { run, step, answer } => match answer {
                StepAnswer::Tick { task } => format!("{run} {step}: task {task} is done"),
                StepAnswer::Untick { task } => format!("{run} {step}: task {task} is NOT done"),
                StepAnswer::Text { task, value } => format!("{run} {step}: task {task}: {value}"),
                StepAnswer::Choice { choice } => format!("{run} {step}: choice {choice}"),
                StepAnswer::Value { name, value } => format!("{run} {step}: {name} is {value}"),
            },
            Self::RunStepCoSigned { run, step } => format!("{run} {step}: a second person agrees"),
            Self::RunUnknownResolved { run, step, how, reason } => {
                let how = match how {
                    UnknownAnswer::Verify => "its check decides",
                    UnknownAnswer::RunAgain => "it runs again",
                    UnknownAnswer::Done => "it is done",
                };
                format!("{run} {step} was unknown; {how}: {reason}")
            }
            Self::RunStepCancelRequested { run, step, reason } => format!("{run} {step} is to be ended: {reason}"),
            Self::RunUndoBegun { run, step, reason } => format!("{run} {step} is to be taken back: {reason}"),
            Self::RunEnded { run, outcome } => format!("{run} {outcome}"),
            Self::RunTimeUsed { run, mark } => match mark {
                RunMark::TimeUp => format!("{run}: the time for the book is OVER"),
                RunMark::Stalled => format!("{run}: nothing has gone on for too long"),
            },
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
            Self::FastTrackReminded { incident, milestone, stage } => {
                format!("{incident} {}", fast_track::line(*milestone, *stage))
            }
            Self::BreakGlassOffered { incident, change } => {
                format!("{incident}: nobody has decided {change}; break-glass is offered")
            }
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
            Self::DiagnosisDrafted { document, .. } => {
                let cause = &document.root_cause;
                format!("diagnosis so far {:.2}: {}; a language model is asked", cause.confidence, cause.issue)
            }
            Self::SecondOpinionCancelled { diagnosis } => {
                format!("{diagnosis}: the language model is not waited for any longer")
            }
            Self::DiagnosisConcluded { document, .. } => {
                format!("diagnosis {:.2}: {}", document.root_cause.confidence, document.root_cause.issue)
            }
            Self::DiagnosisFailed { diagnosis, error } => format!("{diagnosis} failed: {error}"),
            Self::DiagnosisJudged { diagnosis, judgement, cause, .. } => match cause.as_ref().map(|cause| &cause.issue)
            {
                Some(issue) if !issue.is_empty() => format!("{diagnosis} was {judgement}: {issue}"),
                _ => format!("{diagnosis} was {judgement}"),
            },
            Self::ArticleProposed { article, body, incident } => match incident {
                Some(incident) => format!("article {article} proposed from {incident}: {}", body.title),
                None => format!("article {article} proposed: {}", body.title),
            },
            Self::ArticleEdited { article, version, .. } => format!("article {article} is version {version} now"),
            Self::ArticleConfirmed { article, version } => format!("article {article} confirmed, version {version}"),
            Self::ArticleRetired { article, reason } => {
                format!("article {article} is not to be used any more: {reason}")
            }
            Self::ArticleSeen { article, incident } => format!("{incident} was a case of article {article}"),
            Self::FixCounted { article, fix, incident, worked, .. } => {
                let how = if *worked { "has worked" } else { "has NOT worked" };
                format!("fix {} of article {article} {how} for {incident}", fix + 1)
            }
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
            Self::ChangeRevised { change, round, reason, .. } => {
                format!("{change} asked anew, round {round}: {reason}")
            }
            Self::ChangeApproved { change, role, .. } => format!("{change} approved as {}", super::role_name(*role)),
            Self::ChangeAuthorised { change } => format!("{change} may be carried out"),
            Self::ChangeRejected { change, reason } => format!("{change} rejected: {reason}"),
            Self::ApprovalRevoked { change, operator, reason } => {
                format!("{change}: {operator} took the approval back: {reason}")
            }
            Self::RejectionRevoked { change, reason } => format!("{change}: the no was taken back: {reason}"),
            Self::ChangeExpired { change } => format!("{change} lapsed: its time is over"),
            Self::ChangeWithdrawn { change, reason } => format!("{change} withdrawn: {reason}"),
            Self::ChangeEnded { change, outcome } => match outcome {
                ChangeOutcome::Validated => format!("{change} validated"),
                ChangeOutcome::Failed => format!("{change} FAILED"),
            },
            Self::ChangeChecked { change, passed: true, note } => format!("{change} was seen to work: {note}"),
            Self::ChangeChecked { change, passed: false, note } => format!("{change} was seen NOT to work: {note}"),
            Self::ChangeReviewed { change, review } => format!("{change} reviewed by {}", review.by),
            Self::ChangeReviewOverdue { change } => format!("the review of {change} is OVERDUE"),
            Self::ApprovalDelegated { delegation } => format!(
                "{} may approve as {} in place of {} until {}",
                delegation.to,
                super::role_name(delegation.role),
                delegation.from,
                delegation.until.format("%Y-%m-%d %H:%MZ")
            ),
            Self::DelegationEnded { from, to } => format!("{to} may not approve in place of {from} any more"),
            Self::OnCallOverridden { id, schedule, person, from, until, reason } => format!(
                "{id}: {person} is on call for {schedule} from {} to {} UTC: {reason}",
                from.format("%Y-%m-%d %H:%M"),
                until.format("%Y-%m-%d %H:%M")
            ),
            Self::OverrideEnded { id, reason } => format!("{id} of the on-call schedule taken back: {reason}"),
            Self::TemplateMade { template } => format!("{} is a standard change from now on", template.name),
            Self::TemplateSuspended { template, reason } => {
                format!("{template} is no standard change any more: {reason}")
            }
            Self::BreakGlassOpened { break_glass, incident, operator, reason, services, ceiling, until } => format!(
                "{break_glass} BREAK-GLASS opened by {operator} for {incident} until {}: {}, {ceiling}: {reason}",
                until.format("%H:%M:%S"),
                services.join(", ")
            ),
            Self::BreakGlassUsed { break_glass, recovery, change, risk } => {
                let what = change.map_or_else(|| recovery.to_string(), |change| format!("{recovery} for {change}"));
                format!("{break_glass}: {what} runs without an approval, risk {}", risk.score)
            }
            Self::BreakGlassEnded { break_glass, how, reason } => format!("{break_glass} {}: {reason}", how.says()),
            Self::BreakGlassReviewed { break_glass, verdict, findings, .. } => {
                format!("{break_glass} reviewed, {verdict}: {findings}")
            }
            Self::BreakGlassReviewCompleted { break_glass } => format!("{break_glass} was reviewed by enough others"),
            Self::BreakGlassReviewReminded { break_glass } => format!("{break_glass} still has to be reviewed"),
            Self::BreakGlassReviewOverdue { break_glass } => format!("{break_glass}: the review is OVERDUE"),
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
            Self::RecoveryStarted { recovery, plan, break_glass, .. } => match break_glass {
                Some(glass) => format!("{recovery} started under {glass}: {}", plan.title),
                None => format!("{recovery} started: {}", plan.title),
            },
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

fn role_names(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|role| super::role_name(*role)).collect::<Vec<_>>().join(", ")
}
