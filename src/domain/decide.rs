//! May this command happen, and what does it make happen? The one door through which everything enters the journal.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    Actor, Assurance, AttemptBy, Clock, Command, DeploymentOrigin, Event, IncidentId, IncidentState, Plan, PlannedWork,
    Refusal, RollbackRequest, SnapshotTrigger, State, break_glass, breaker,
    change::{
        approve::{self, Yes},
        carry_out, delegation, review,
        submit::{self, Wish},
        template,
    },
    continuity, deployment, diagnosis, drill, evidence, fast_track,
    health::{self, maintenance},
    incident::{self, error_event, escalation, postmortem, update, workflow},
    knowledge, next_step, oncall,
    operator::{certificate, keys, people, refused, second_factor, session, token},
    payload,
    recovery::{plan, remedy, run as recovery_run},
    run,
    snapshot::{self, adopt, replica, retention},
    stream, text,
};

/// When a command is given, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The engine's clock.
    pub at: DateTime<Utc>,
    /// Who gives it.
    pub actor: Actor,
    /// How sure that is.
    pub assurance: Assurance,
}

impl Meta {
    /// A command of an authenticated session, or of the engine itself.
    #[must_use]
    pub fn new(at: DateTime<Utc>, actor: Actor) -> Self {
        Self { at, actor, assurance: Assurance::Session }
    }
}

/// What a command makes happen: no events when it is true already.
///
/// # Errors
/// The rule that forbids it. Nothing has happened then.
pub fn decide(state: &State, command: Command, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    authorise(state, &command, meta)?;
    let mut events = second_factor::prove(state, &command, meta)?;
    let touched = touched_incident(state, &command);
    let mut touches = match touched {
        Some(incident) => incident::touched_by(state, incident, &meta.actor),
        None => Vec::new(),
    };
    let decided = decide_authorised(state, command, meta)?;
    if decided.iter().any(|event| matches!(event, Event::IncidentAcknowledged { .. })) {
        touches.clear();
    }
    events.extend(touches);
    events.extend(decided);
    Ok(events)
}

/// People need a role that may act; the engine's own reports may come from the engine and its policies alone.
fn authorise(state: &State, command: &Command, meta: &Meta) -> Result<(), Refusal> {
    let Actor::Operator(name) = &meta.actor else { return Ok(()) };
    if command.is_internal() {
        return Err(Refusal::new("engine-only", "only the engine itself may report this")
            .hint("nothing is to be done: it reports this by itself"));
    }
    match state.operators.get(name) {
        Some(operator) if operator.may_act() => {}
        Some(_) => {
            return Err(Refusal::new("operator-may-not", format!("{name} may look but not act"))
                .hint("ask somebody who is engineer or higher: codeblue operator list"));
        }
        None => {
            return Err(Refusal::new("unknown-operator", format!("{name} is no operator here"))
                .hint(format!("ask a technical lead for a login: codeblue operator add {name} --role engineer")));
        }
    }
    if second_factor::needs_lead(state, command, name)
        && !state.operators.get(name).is_some_and(second_factor::may_lead)
    {
        return Err(Refusal::new("role-needed", "this takes a technical lead or the CTO").hint(next_step::WHO_HAS_IT));
    }
    drill::may_act(state, command, name)?;
    break_glass::within_reach(state, command, name, meta.at)
}

/// The incident a person acts on with this command.
fn touched_incident(state: &State, command: &Command) -> Option<IncidentId> {
    match command {
        Command::NoteIncident { incident, .. }
        | Command::AssignIncident { incident, .. }
        | Command::EscalateIncident { incident, .. }
        | Command::SetIncidentSeverity { incident, .. }
        | Command::UpdateStakeholders { incident, .. }
        | Command::BreakGlass { incident, .. }
        | Command::RequestDiagnosis { incident } => Some(*incident),
        Command::RequestRollback(RollbackRequest { incident, .. }) | Command::RequestAction { incident, .. } => {
            *incident
        }
        Command::JudgeDiagnosis { diagnosis, .. } => state.diagnoses.get(diagnosis).map(|found| found.incident),
        Command::ApproveChange { change, .. }
        | Command::RejectChange { change, .. }
        | Command::ReviseChange { change, .. }
        | Command::ExecuteUnderBreakGlass { change, .. } => {
            state.changes.get(change).and_then(|change| change.incident)
        }
        Command::CancelSecondOpinion { diagnosis } => state.diagnoses.get(diagnosis).map(|found| found.incident),
        _ => None,
    }
}

fn decide_authorised(state: &State, command: Command, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let (at, actor) = (meta.at, &meta.actor);
    match command {
        Command::DeclareIncident { severity, title, services } => {
            incident::declare(state, severity, &title, services, at)
        }
        Command::AcknowledgeIncident { incident } => incident::acknowledge(state, incident, actor),
        Command::NoteIncident { incident, text } => incident::note(state, incident, &text),
        Command::AssignIncident { incident, role, operator } => incident::assign(state, incident, role, &operator),
        Command::EscalateIncident { incident, reason } => incident::escalate(state, incident, &reason),
        Command::SetIncidentSeverity { incident, severity, reason } => {
            incident::set_severity(state, incident, severity, &reason)
        }
        Command::ResolveIncident { incident, resolution } => incident::resolve(state, incident, &resolution),
        Command::CloseIncident { incident } => incident::close(state, incident),
        Command::CloseIncidentOwing { incident, reason } => incident::close_owing(state, incident, &reason),
        Command::ReopenIncident { incident, reason } => incident::reopen(state, incident, &reason),
        Command::MergeIncident { incident, into } => incident::merge(state, incident, into),
        Command::LinkIncident { incident, other } => incident::link(state, incident, other),
        Command::UpdateStakeholders { incident, message } => update::tell_stakeholders(state, incident, message),
        Command::WritePostMortem { incident, findings } => postmortem::write(state, incident, findings),
        Command::CompletePostMortem { incident } => postmortem::complete(state, incident),
        Command::AddActionItem { incident, what, kind, owner, due } => {
            postmortem::add_action(state, incident, &what, kind, owner, due, at)
        }
        Command::ChangeActionItem { incident, item, owner, due } => {
            postmortem::change_action(state, incident, item, owner, due, at)
        }
        Command::FinishActionItem { incident, item } => postmortem::finish_action(state, incident, item),

        Command::RequestDiagnosis { incident } => {
            let mut events = diagnosis::request(state, incident)?;
            events.extend(incident::advance(state, incident, IncidentState::Investigating));
            Ok(events)
        }
        Command::JudgeDiagnosis { diagnosis, judgement, cause, note } => {
            knowledge::judge(state, diagnosis, judgement, cause, &note, meta)
        }
        Command::ProposeArticle { article, body, incident } => {
            knowledge::propose(state, &article, body, incident, meta)
        }
        Command::EditArticle { article, body, version } => knowledge::edit(state, &article, body, version, meta),
        Command::ImportArticle { article, body, replace } => knowledge::import(state, &article, body, replace, meta),
        Command::ConfirmArticle { article, version } => knowledge::confirm(state, &article, version, meta),
        Command::RetireArticle { article, reason } => knowledge::retire(state, &article, &reason),
        Command::RequestSnapshot { components, trigger, reason } => {
            snapshot::request(state, components, trigger, &reason, None)
        }
        Command::PinSnapshot { snapshot, pinned } => {
            let same = state.snapshot(snapshot)?.pinned == pinned;
            Ok(if same { Vec::new() } else { vec![Event::SnapshotPinned { snapshot, pinned }] })
        }
        Command::RequestProof { snapshot, proof } => snapshot::request_proof(state, snapshot, proof),
        Command::RepairVault => replica::request_repair(state),
        Command::Replicate => replica::request(state),
        Command::ApplyRetention => Ok(retention::forget(state, at)),
        Command::RequestRollback(request) => {
            let planned = plan::plan_rollback(state, &request)?;
            let incident = request.incident.or_else(|| incident_for(state, meta, &planned));
            recovery_run::start_or_ask(state, planned, &request.reason, incident, meta)
        }
        Command::RequestAction { service, action, incident, reason } => {
            let planned = plan::plan_action(state, &service, &action)?;
            let incident = incident.or_else(|| incident_for(state, meta, &planned));
            recovery_run::start_or_ask(state, planned, &reason, incident, meta)
        }
        Command::CancelRecovery { recovery, reason } => {
            let found = state.recovery(recovery)?;
            if !found.is_running() {
                return Err(Refusal::new("recovery-over", format!("{recovery} is over"))
                    .hint(format!("take it back: codeblue recovery undo {recovery} --reason WHY")));
            }
            if found.cancel_requested {
                return Ok(Vec::new());
            }
            Ok(vec![Event::RecoveryCancelRequested { recovery, reason: text::line("reason", &reason)? }])
        }
        Command::UndoRecovery { recovery, reason } => {
            let found = state.recovery(recovery)?;
            let planned = plan::plan_undo(state, found)?;
            let incident =
                found.incident.filter(|id| state.incidents.get(id).is_some_and(|found| found.state.is_open()));
            let incident = incident.or_else(|| break_glass::incident_of(state, meta, &planned));
            recovery_run::start_or_ask(state, planned, &reason, incident, meta)
        }

        Command::SubmitChange { request, reason, incident, window, after } => {
            let plan = submit::planned(state, &request)?;
            submit::submit(state, plan, Wish { reason, incident, window, after, template: None }, meta)
        }
        Command::SubmitStandardChange { template, reason, incident, window } => {
            let wish = Wish { reason, incident, window, ..Wish::default() };
            template::use_it(state, &template, wish, meta)
        }
        Command::ReviseChange { change, request, window, reason } => {
            submit::revise(state, change, request.as_ref(), window, &reason, meta)
        }
        Command::ApproveChange { change, plan_hash, reason, round, on_behalf_of, signature } => {
            let (plan_hash, reason) = (plan_hash.as_str(), reason.as_str());
            approve::approve(state, Yes { change, plan_hash, round, reason, on_behalf_of, signature }, meta)
        }
        Command::RejectChange { change, reason } => approve::reject(state, change, &reason, actor),
        Command::RevokeApproval { change, reason } => approve::revoke(state, change, &reason, meta),
        Command::WithdrawChange { change, reason } => approve::withdraw(state, change, &reason, actor),
        Command::ImplementChange { change } => carry_out::start(state, change, meta),
        Command::StopChange { change, reason } => carry_out::stop(state, change, &reason),
        Command::ValidateChange { change, passed, note } => review::validate(state, change, passed, &note, meta),
        Command::ReviewChange { change, outcome, findings } => review::review(state, change, outcome, &findings, meta),
        Command::DelegateApproval { to, role, until, services, reason } => {
            let wish = delegation::Wish { to: &to, role, services, until, reason: &reason };
            delegation::delegate(state, wish, meta)
        }
        Command::EndDelegation { to } => delegation::end(state, &to, meta),
        Command::OverrideOnCall { schedule, person, from, until, reason } => {
            oncall::override_shift(state, oncall::Wish { schedule, person, from, until, reason: &reason }, meta)
        }
        Command::EndOverride { id, reason } => oncall::end(state, id, &reason, meta),
        Command::MakeTemplate { name, proof } => template::make(state, &name, proof, meta),
        Command::SuspendTemplate { template, reason } => template::suspend(state, &template, &reason),

        Command::BreakGlass { incident, reason, services, ceiling, minutes } => {
            break_glass::open(state, incident, &reason, services, ceiling, minutes, meta)
        }
        Command::ExecuteUnderBreakGlass { change, plan_hash } => {
            carry_out::start_under(state, change, &plan_hash, meta)
        }
        Command::EndBreakGlass { break_glass } => break_glass::end(state, break_glass, meta),
        Command::RevokeBreakGlass { break_glass, reason } => break_glass::revoke(state, break_glass, &reason, meta),
        Command::ReviewBreakGlass { break_glass, verdict, findings } => {
            break_glass::review(state, break_glass, verdict, &findings, meta)
        }

        Command::StartRun { book: _, seen, inputs, incident, mode, found } => {
            run::start(state, found, seen.as_deref(), &inputs, incident, mode, meta)
        }
        Command::RebaseRun { run, seen, found } => run::rebase(state, run, found, seen.as_deref(), meta),
        Command::RunStep { run, step, confirmation } => run::run_step(state, run, &step, confirmation.as_deref(), meta),
        Command::CoSignStep { run, step } => run::co_sign(state, run, &step, meta),
        Command::AnswerStep { run, step, answer } => run::answer(state, run, &step, answer, meta),
        Command::SkipStep { run, step, reason } => run::skip(state, run, &step, &reason, meta),
        Command::MarkStepDone { run, step, reason } => run::mark_done(state, run, &step, &reason, meta),
        Command::UndoStep { run, step, reason } => run::undo(state, run, &step, &reason, meta),
        Command::ResolveUnknown { run, step, how, reason, confirmation } => {
            run::resolve_unknown(state, run, &step, how, &reason, confirmation.as_deref(), meta)
        }
        Command::CancelStep { run, step, reason } => run::cancel(state, run, &step, &reason, meta),
        Command::AbandonRun { run, reason } => run::abandon(state, run, &reason, meta),

        Command::RecordDeployment { component, version, note } => {
            deployment::record(state, &component, &version, DeploymentOrigin::Reported, &note)
        }
        Command::AddOperator { name, roles, login } => people::add(state, &name, roles, login, actor),
        Command::AddWithoutLogin { name, roles } => people::add_without_login(state, &name, roles, actor),
        Command::AddAccount { name, roles, login, belongs_to } => {
            people::add_account(state, &name, roles, login, &belongs_to, actor)
        }
        Command::SetRoles { name, roles } => people::set_roles(state, &name, roles, actor),
        Command::DisableOperator { name, reason } => people::disable(state, &name, &reason),
        Command::EnableOperator { name, reason } => people::enable(state, &name, &reason),
        Command::AddKey { operator, key } => keys::add(state, &operator, &key, actor),
        Command::RemoveKey { operator, fingerprint } => keys::remove(state, &operator, &fingerprint, actor),
        Command::RemoveSecondFactor => second_factor::remove(state, actor),
        Command::ResetSecondFactor { operator, reason } => second_factor::reset(state, &operator, &reason, actor),
        Command::CreateToken { name, scope, hash, expires_at } => {
            token::create(state, &name, scope, &hash, expires_at, actor, at)
        }
        Command::RevokeToken { token } => token::revoke(state, token),
        Command::IssueCertificate { operator, serial, fingerprint, expires_at } => {
            certificate::issue(state, &operator, &serial, &fingerprint, expires_at, actor, at)
        }
        Command::RevokeCertificate { serial } => certificate::revoke(state, &serial),
        Command::PurgePayloads { seqs, reason, found } => payload::purge(state, seqs, &reason, &found, meta),
        Command::LockSession => session::lock(actor),
        Command::UnlockSession => session::unlock(actor),
        Command::SetAutomation { mode } => {
            Ok(if state.mode == mode { Vec::new() } else { vec![Event::AutomationSet { mode }] })
        }
        Command::HaltAutomation { reason } => {
            let reason = text::line("reason", &reason)?;
            Ok(if state.halted.is_some() { Vec::new() } else { vec![Event::AutomationHalted { reason }] })
        }
        Command::ReleaseAutomation => {
            Ok(if state.halted.is_none() { Vec::new() } else { vec![Event::AutomationReleased] })
        }
        Command::StartMaintenance { service, until, reason } => {
            maintenance::start(state, service, until, &reason, meta)
        }
        Command::EndMaintenance { service } => maintenance::end(state, service, meta),
        Command::PlanMaintenance { service, from, until, reason } => {
            maintenance::plan(state, PlannedWork { from, until, service, reason }, at)
        }
        Command::WithdrawMaintenance { service, from } => maintenance::withdraw(state, &service, from),
        Command::ForceBreaker { service, to, until, reason } => {
            breaker::force(state, &service, to, until, &reason, meta)
        }
        Command::ResetBreaker { service, reason } => breaker::reset(state, &service, &reason),
        Command::ActivateFallback { function, reason } => continuity::activate(state, function, &reason),
        Command::FinishFallbackStep { function, step } => continuity::step(state, function, step),
        Command::EndFallback { function, note } => continuity::end(state, function, &note),
        Command::StartDrill { mode, told, limit_seconds, team, away, commitment, unattended } => {
            let wish = drill::Wish { mode, told, limit_seconds, team, away, commitment, unattended };
            drill::start(state, wish, meta)
        }
        Command::AnswerDrill { drill, claim } => drill::answer(state, drill, claim, meta),
        Command::AbortDrill { drill, reason } => drill::abort(state, drill, &reason),
        Command::EndDrill { drill, outcome, reason, reveal } => {
            drill::end(state, drill, outcome, &reason, reveal, meta)
        }
        Command::ScheduleDrill { file, every } => drill::schedule(state, file, every, meta),
        Command::UnscheduleDrill { file } => drill::unschedule(state, file),
        internal => decide_internal(state, internal, meta),
    }
}

/// Reports of the engine and commands of its policies.
fn decide_internal(state: &State, command: Command, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::StartEngine { version, host, origin } => Ok(evidence::start(state, version, host, origin)),
        Command::StopEngine { reason } => Ok(vec![Event::EngineStopped { reason }]),
        Command::ReportClockStep { expected, found } => Ok(vec![Event::ClockStepped { expected, found }]),
        Command::ReportExport { place, problem } => Ok(evidence::report(state, place, problem)),
        Command::ReportLostCheckpoints { before } => Ok(vec![Event::CheckpointsLost { before }]),
        Command::WitnessCheckpoint { seen, known, by } => evidence::witness(state, seen, known, by),
        Command::RefuseCheckpoint { seen, by } => Ok(evidence::refuse(state, seen, by)),
        Command::LoadPlatform { platform } => load_platform(state, platform),
        Command::MakeFirstOperator { login } => people::make_first(state, &login),
        Command::RecoverSecondFactor { operator, login, reason } => {
            second_factor::recover(state, &operator, &login, &reason)
        }
        Command::EnrolSecondFactor { operator, step } => second_factor::enrol(state, &operator, step),
        Command::RecordWrongCode { operator } => Ok(second_factor::wrong_code(state, &operator, meta.at)),
        Command::RecordRecoveryCode { operator, left } => Ok(second_factor::recovery_code(state, &operator, left)),
        Command::RecordRefusal { operator, what, object, rule } => {
            Ok(refused::record(state, &operator, &what, object, &rule, AttemptBy::Token, meta.at).into_iter().collect())
        }
        Command::RecordBreaker { service, check, to, reason } => {
            breaker::record(state, &service, check, to, reason, meta.at)
        }
        Command::AdvanceBreaker { service } => Ok(breaker::advance(state, &service, meta.at)),
        Command::RecordVerdict(verdict) => health::record(state, verdict),
        Command::OpenIncident { service } => incident::open_for_service(state, &service, meta.at),
        Command::RecordErrors { errors, burst } => error_event::record(state, errors, burst, meta.at),
        Command::JudgeFunctions => Ok(continuity::judge(state)),
        Command::RemindOfFunction { function, mark } => Ok(continuity::remind(state, function, mark, meta)),
        Command::RunFor { incident, service, purpose } => workflow::run_for(state, incident, &service, purpose, meta),
        Command::SetTask { incident, task } => workflow::ask(state, incident, &task),
        Command::CallPeople { notice } => escalation::call(state, notice, meta.at),
        Command::HandOverIncident { incident } => oncall::hand_over(state, incident, meta.at),
        Command::ReachLevel { incident, level } => escalation::reach(state, incident, level, meta.at),
        Command::DraftDiagnosis { diagnosis, document } => {
            diagnosis::running(state, diagnosis)?;
            Ok(vec![Event::DiagnosisDrafted { diagnosis, document }])
        }
        Command::CancelSecondOpinion { diagnosis } => diagnosis::cancel_second_opinion(state, diagnosis),
        Command::ConcludeDiagnosis { diagnosis, document } => {
            let incident = diagnosis::running(state, diagnosis)?.incident;
            let known = document.root_cause.confidence > 0.0;
            let mut events = vec![Event::DiagnosisConcluded { diagnosis, document }];
            if known {
                events.extend(incident::advance(state, incident, IncidentState::Identified));
            }
            Ok(events)
        }
        Command::FailDiagnosis { diagnosis, error } => {
            diagnosis::running(state, diagnosis)?;
            Ok(vec![Event::DiagnosisFailed { diagnosis, error }])
        }
        Command::LearnFromIncident { incident } => knowledge::learn(state, incident),
        Command::CountFix { recovery } => Ok(knowledge::count(state, recovery, meta.at)),
        Command::ProposeRemedy { incident } => remedy::propose(state, incident, meta),
        Command::FinishSnapshot { snapshot, captured, total_bytes } => {
            snapshot::running(state, snapshot)?;
            Ok(vec![Event::SnapshotTaken { snapshot, captured, total_bytes }])
        }
        Command::FailSnapshot { snapshot, error } => {
            snapshot::running(state, snapshot)?;
            Ok(vec![Event::SnapshotFailed { snapshot, error }])
        }
        Command::RecordSnapshotCheck { snapshot, problems } => {
            state.snapshot(snapshot)?;
            Ok(vec![Event::SnapshotVerified { snapshot, problems }])
        }
        Command::RecordTestRestore { snapshot, results } => {
            state.snapshot(snapshot)?;
            Ok(vec![Event::SnapshotTested { snapshot, results }])
        }
        Command::FailProof { snapshot, proof, error } => {
            state.snapshot(snapshot)?;
            Ok(vec![Event::SnapshotProofFailed { snapshot, proof, error }])
        }
        Command::FinishPrune { vault_ids, total_bytes } => Ok(vec![Event::VaultPruned { vault_ids, total_bytes }]),
        Command::AdoptSnapshots { found } => Ok(adopt::adopt(state, found)),
        Command::ReportStream { component, problem } => stream::report(state, &component, problem),
        Command::EndRepair { whole, found } => {
            let runs = state.vault.replica.repairing;
            Ok(if runs { vec![Event::VaultRepairEnded { whole, found }] } else { Vec::new() })
        }
        Command::EndReplication { problem } => {
            let runs = state.vault.replica.copying_since.is_some();
            Ok(if runs { vec![Event::ReplicationEnded { problem }] } else { Vec::new() })
        }
        Command::ObserveVersion { component, version } => {
            deployment::record(state, &component, &version, DeploymentOrigin::Observed, "found live")
        }
        Command::BeginSafetySnapshot { recovery, components } => {
            if let Some(existing) = state.recovery(recovery)?.safety_snapshot.and_then(|id| state.snapshots.get(&id))
                && existing.state == super::SnapshotState::Running
            {
                return Ok(Vec::new());
            }
            snapshot::request(state, components, SnapshotTrigger::Safety, &format!("before {recovery}"), Some(recovery))
        }
        Command::StartRecovery { change } => carry_out::start(state, change, meta),
        Command::BeginAttempt { run, step, part } => run::begin_attempt(state, run, &step, part, meta),
        Command::FinishAttempt { run, step, part, result } => {
            run::finish_attempt(state, run, &step, part, result, meta)
        }
        Command::LoseAttempt { run, step, part } => run::lose_attempt(state, run, &step, part, meta),
        Command::RemindOfRun { run, mark } => Ok(run::remind(state, run, mark, meta)),
        Command::StartStep { recovery, step } => recovery_run::start_step(state, recovery, step, meta),
        Command::FinishStep { recovery, step, output, finding } => {
            recovery_run::finish_step(state, recovery, step, output, finding)
        }
        Command::FailStep { recovery, step, error } => {
            recovery_run::running_step(state, recovery, step)?;
            Ok(vec![Event::StepFailed { recovery, step, error }])
        }
        Command::EndRecovery { recovery, outcome, summary } => {
            recovery_run::end_recovery(state, recovery, outcome, summary)
        }
        Command::RecordValidation { recovery, phase, criteria } => {
            state.recovery(recovery)?;
            Ok(vec![Event::RecoveryValidated { recovery, phase, criteria }])
        }
        Command::EndWatch { recovery, passed, reason } => {
            if state.recovery(recovery)?.watch_until.is_none() {
                return Ok(Vec::new());
            }
            Ok(vec![Event::WatchEnded { recovery, passed, reason }])
        }
        Command::BreachClock { incident, clock } => breach_clock(state, incident, clock, meta.at),
        Command::RemindOfMilestone { incident, milestone, stage } => {
            fast_track::remind(state, incident, milestone, stage, meta.at)
        }
        Command::ExpireChange { change } => carry_out::expire(state, change, meta),
        Command::CloseChangeWindow { change } => carry_out::close_window(state, change, meta),
        Command::LapseChangeReview { change } => review::lapse(state, change, meta.at),
        Command::LapseBreakGlass { break_glass } => break_glass::lapse(state, break_glass, meta.at),
        Command::RemindOfReview { break_glass } => break_glass::remind_of_review(state, break_glass, meta.at),
        Command::LapseReview { break_glass } => break_glass::lapse_review(state, break_glass, meta.at),
        Command::RemindOfUpdate { incident } => update::remind(state, incident, meta.at),
        Command::LapsePostMortem { incident } => postmortem::lapse(state, incident, meta.at),
        Command::LapseActionItem { incident, item } => postmortem::lapse_action(state, incident, item, meta.at),
        Command::LapseDrill { drill } => Ok(drill::lapse(state, drill, meta.at)),
        Command::RemindOfDrill { file } => Ok(drill::remind(state, file, meta.at)),
        person => Err(Refusal::new("person-needed", format!("{person:?} is for people")).hint(next_step::A_PERSON)),
    }
}

fn load_platform(state: &State, platform: Arc<crate::platform::Platform>) -> Result<Vec<Event>, Refusal> {
    let mut events = Vec::new();
    for entry in &platform.operators {
        let roles = entry.roles.iter().copied().collect();
        let known = state.operators.get(&entry.name);
        // Who was disabled stays so until a person adds them again, and who was given other roles keeps them: a file that is
        // read anew without a change to this entry is no such decision.
        let before = state.platform.operators.iter().find(|before| before.name == entry.name);
        let said_before = before == Some(entry);
        // An entry that never named a login takes none away.
        let kept = known.filter(|_| before.is_none_or(|before| before.login.is_none()));
        let login = entry.login.clone().or_else(|| kept?.login.clone());
        if known.is_none_or(|known| !known.disabled && !said_before && (known.roles != roles || known.login != login)) {
            events.push(Event::OperatorAdded { name: entry.name.clone(), roles, login });
        }
    }
    if *state.platform != *platform {
        events.insert(0, Event::PlatformLoaded { platform });
    }
    Ok(events)
}

/// What a plan is for where nobody said.
fn incident_for(state: &State, meta: &Meta, plan: &Plan) -> Option<IncidentId> {
    if let Some(own) = break_glass::incident_of(state, meta, plan) {
        return Some(own);
    }
    plan.services.iter().find_map(|service| state.incident_of(service)).map(|incident| incident.id)
}

fn breach_clock(state: &State, id: IncidentId, clock: Clock, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.incident(id)?;
    let runs = found.state.is_open() && found.stopped_at(clock).is_none() && !found.breached.contains(&clock);
    if !runs || found.deadline(clock) > now {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ClockBreached { incident: id, clock }])
}
