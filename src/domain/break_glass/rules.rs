//! Who may act without an approval, on what, and until when.

use chrono::{DateTime, TimeDelta, Utc};

use super::record::{BREAK_GLASS_LIMIT, BREAK_GLASS_RISK, BreakGlass, BreakGlassEnd, Ceiling};
use crate::domain::{
    Actor, BreakGlassId, Callee, ChangeId, Circumstances, Command, Event, IncidentId, Meta, Named, Notice, Operator,
    Plan, RecoveryId, Refusal, Risk, RiskPoint, Severity, State, next_step, text,
};
use crate::platform::{Role, count};

/// A shorter reason says too little.
const REASON: usize = 20;

/// Who hears of it.
pub(super) fn told() -> Vec<Callee> {
    vec![Callee::ComplianceOfficer, Callee::Cto, Callee::Approvers]
}

/// Decides that a person may act without an approval, and tells those who could have given one.
pub(in crate::domain) fn open(
    state: &State,
    id: IncidentId,
    reason: &str,
    services: Vec<String>,
    ceiling: Ceiling,
    minutes: u32,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let operator = person(state, &meta.actor)?;
    let found = state.incident(id)?;
    if !is_emergency(state, id) {
        return Err(Refusal::new(
            "break-glass-incident",
            format!("{id} is {} and {}; it takes an open SEV1 or SEV2", found.severity, found.state),
        )
        .hint("have the change approved: codeblue change list --pending shows whose approval it lacks"));
    }
    let reason = text::line("reason", reason)?.trim().to_owned();
    if reason.chars().count() < REASON {
        return Err(Refusal::new("break-glass-reason", format!("the reason has at least {REASON} characters"))
            .hint("say what cannot wait for an approval, and why"));
    }
    let limit = TimeDelta::minutes(i64::from(minutes));
    if limit < TimeDelta::minutes(1) || limit > BREAK_GLASS_LIMIT {
        return Err(Refusal::new(
            "break-glass-minutes",
            format!("it is open for 1 to {} minutes", BREAK_GLASS_LIMIT.num_minutes()),
        )
        .hint("give as many minutes as it takes: --for 45m"));
    }
    let services = scope(state, services)?;
    let mut own = state.break_glass.values().filter(|known| is_same_person(state, &known.operator, operator));
    if let Some(owed) = own.find(|known| known.is_review_owed()) {
        return Err(match owed.is_open() {
            true => Refusal::new("break-glass-open", format!("{} of {} is open", owed.id, owed.operator))
                .hint(format!("end it first: codeblue break-glass end {}", owed.id)),
            false => Refusal::new("break-glass-review-owed", format!("{} was not reviewed yet", owed.id))
                .hint(format!("two others review it first: codeblue break-glass review {} --verdict justified|unjustified --findings TEXT", owed.id)),
        });
    }
    let break_glass = state.next_break_glass();
    let until = meta.at + limit;
    let said = format!(
        "{break_glass}: {operator} acts without an approval on {}, as far as {}, until {}: {reason}",
        services.join(", "),
        ceiling.says(),
        until.format("%H:%M:%S")
    );
    let notice = Notice::new(id, told(), said.chars().take(400).collect());
    let operator = operator.to_owned();
    Ok(vec![
        Event::BreakGlassOpened { break_glass, incident: id, operator, reason, services, ceiling, until },
        Event::PeopleToCall { notice },
    ])
}

/// The name of a person who acts under it; an alias or a service account is nobody who could be asked afterwards.
fn person<'a>(state: &State, actor: &'a Actor) -> Result<&'a str, Refusal> {
    let Some(name) = actor.operator() else {
        return Err(Refusal::new("person-needed", "break-glass is for people alone").hint(next_step::A_PERSON));
    };
    match state.operators.get(name).and_then(|known| known.belongs_to.as_ref()) {
        Some(owner) => Err(Refusal::new("break-glass-person", format!("{name} belongs to {owner}"))
            .hint(format!("{owner} opens it under the own name"))),
        None => Ok(name),
    }
}

fn is_same_person(state: &State, one: &str, other: &str) -> bool {
    state.person(one) == state.person(other)
}

fn scope(state: &State, mut services: Vec<String>) -> Result<Vec<String>, Refusal> {
    services.sort();
    services.dedup();
    if let Some(unknown) = services.iter().find(|name| state.platform.service(name).is_none()) {
        return Err(Refusal::unknown(Named::Service, unknown));
    }
    if services.is_empty() {
        return Err(Refusal::new("break-glass-scope", "it names no service")
            .hint("name each service that is acted on: --service NAME"));
    }
    Ok(services)
}

/// Whether an incident is an open SEV1 or SEV2.
fn is_emergency(state: &State, id: IncidentId) -> bool {
    state.incidents.get(&id).is_some_and(|found| found.state.is_open() && found.severity <= Severity::Sev2)
}

/// Why acts may not begin under it any more; none while they may.
pub(in crate::domain) fn over(state: &State, glass: &BreakGlass, now: DateTime<Utc>) -> Option<BreakGlassEnd> {
    if let Some(ended) = &glass.ended {
        return Some(ended.how);
    }
    let acts = state.operators.get(&glass.operator).is_some_and(Operator::may_act);
    if now >= glass.until {
        Some(BreakGlassEnd::Expired)
    } else if !is_emergency(state, glass.incident) {
        Some(BreakGlassEnd::IncidentOver)
    } else if !acts {
        Some(BreakGlassEnd::PersonGone)
    } else {
        None
    }
}

/// What a person has open.
fn open_of<'a>(state: &'a State, operator: &str, now: DateTime<Utc>) -> Option<&'a BreakGlass> {
    let mut own = state.break_glass.values().rev().filter(|glass| glass.operator == operator);
    own.find(|glass| over(state, glass, now).is_none())
}

/// The use of break-glass under which a person may run a plan for an incident.
pub(in crate::domain) fn covering<'a>(
    state: &'a State,
    operator: &str,
    plan: &Plan,
    incident: Option<IncidentId>,
    now: DateTime<Utc>,
) -> Option<&'a BreakGlass> {
    let glass = open_of(state, operator, now).filter(|glass| incident == Some(glass.incident))?;
    glass.admits(state, plan).is_ok().then_some(glass)
}

/// The incident that a person's act is for where none was named: that of the own break-glass whose scope it lies in.
pub(in crate::domain) fn incident_of(state: &State, meta: &Meta, plan: &Plan) -> Option<IncidentId> {
    let glass = open_of(state, meta.actor.operator()?, meta.at)?;
    glass.admits(state, plan).is_ok().then_some(glass.incident)
}

/// The use of break-glass under which a plan would run at once if this actor asked for it now.
#[must_use]
pub fn break_glass_for(state: &State, actor: &Actor, plan: &Plan, now: DateTime<Utc>) -> Option<BreakGlassId> {
    let glass = open_of(state, actor.operator()?, now)?;
    glass.admits(state, plan).is_ok().then_some(glass.id)
}

/// The risk of what nobody has agreed to: 7 at least.
#[must_use]
pub fn without_approval(mut risk: Risk) -> Risk {
    let missing = BREAK_GLASS_RISK.saturating_sub(risk.score);
    if missing > 0 {
        risk.score += missing;
        risk.points
            .push(RiskPoint { points: missing.cast_signed(), why: "break-glass: nobody else has agreed".to_owned() });
    }
    risk
}

/// That a recovery is about to begin under it.
pub(in crate::domain) fn used(
    state: &State,
    break_glass: BreakGlassId,
    recovery: RecoveryId,
    change: Option<ChangeId>,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Event {
    let incident = state.break_glass.get(&break_glass).map(|glass| glass.incident);
    let risk = match change.and_then(|id| state.changes.get(&id)) {
        Some(change) => change.risk.clone(),
        None => Risk::of(state, plan, Circumstances { incident, change: None, now }),
    };
    Event::BreakGlassUsed { break_glass, recovery, change, risk: without_approval(risk) }
}

/// The person's own break-glass, or the rule that keeps this plan out of it.
pub(in crate::domain) fn under<'a>(state: &'a State, plan: &Plan, meta: &Meta) -> Result<&'a BreakGlass, Refusal> {
    let operator = person(state, &meta.actor)?;
    let glass = open_of(state, operator, meta.at).ok_or_else(|| {
        Refusal::new("break-glass-none", format!("{operator} has no break-glass open"))
            .hint("codeblue break-glass open, or have the change approved")
    })?;
    glass.admits(state, plan)?;
    Ok(glass)
}

/// Whether somebody may give a command. While a person acts without an approval, all that is left is the work on incidents:
/// what is not named here, be it people, tokens, keys, policies or the audit trail, waits until it is over.
pub(in crate::domain) fn within_reach(
    state: &State,
    command: &Command,
    operator: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let mut open = state.break_glass.values().filter(|glass| over(state, glass, now).is_none());
    let Some(glass) = open.find(|glass| is_same_person(state, &glass.operator, operator)) else { return Ok(()) };
    if is_incident_work(command) {
        return Ok(());
    }
    Err(Refusal::new("break-glass-reach", format!("{} of {} is open, and this is beyond it", glass.id, glass.operator))
        .hint(format!("end it first: codeblue break-glass end {}", glass.id)))
}

fn is_incident_work(command: &Command) -> bool {
    matches!(
        command,
        Command::DeclareIncident { .. }
            | Command::AcknowledgeIncident { .. }
            | Command::NoteIncident { .. }
            | Command::AssignIncident { .. }
            | Command::EscalateIncident { .. }
            | Command::SetIncidentSeverity { .. }
            | Command::ResolveIncident { .. }
            | Command::CloseIncident { .. }
            | Command::CloseIncidentOwing { .. }
            | Command::ReopenIncident { .. }
            | Command::MergeIncident { .. }
            | Command::LinkIncident { .. }
            | Command::UpdateStakeholders { .. }
            | Command::WritePostMortem { .. }
            | Command::CompletePostMortem { .. }
            | Command::AddActionItem { .. }
            | Command::ChangeActionItem { .. }
            | Command::FinishActionItem { .. }
            | Command::RequestDiagnosis { .. }
            | Command::CancelSecondOpinion { .. }
            | Command::JudgeDiagnosis { .. }
            | Command::RequestSnapshot { .. }
            | Command::PinSnapshot { .. }
            | Command::RequestProof { .. }
            | Command::Replicate
            | Command::RepairVault
            | Command::RequestRollback(_)
            | Command::RequestAction { .. }
            | Command::CancelRecovery { .. }
            | Command::UndoRecovery { .. }
            | Command::ApproveChange { .. }
            | Command::RejectChange { .. }
            | Command::RevokeApproval { .. }
            | Command::WithdrawChange { .. }
            | Command::SubmitChange { .. }
            | Command::SubmitStandardChange { .. }
            | Command::ReviseChange { .. }
            | Command::ImplementChange { .. }
            | Command::StopChange { .. }
            | Command::ValidateChange { .. }
            | Command::ReviewChange { .. }
            | Command::StartRun { .. }
            | Command::RebaseRun { .. }
            | Command::RunStep { .. }
            | Command::CoSignStep { .. }
            | Command::AnswerStep { .. }
            | Command::SkipStep { .. }
            | Command::MarkStepDone { .. }
            | Command::UndoStep { .. }
            | Command::ResolveUnknown { .. }
            | Command::CancelStep { .. }
            | Command::AbandonRun { .. }
            | Command::ActivateFallback { .. }
            | Command::FinishFallbackStep { .. }
            | Command::EndFallback { .. }
            | Command::AnswerDrill { .. }
            | Command::AbortDrill { .. }
            | Command::EndDrill { .. }
            // Whoever idles has to come back in.
            | Command::LockSession
            | Command::UnlockSession
            | Command::RecordDeployment { .. }
            // To stop policies is never beyond anybody; to let them go on is.
            | Command::HaltAutomation { .. }
            // Who is called for it is part of the work.
            | Command::OverrideOnCall { .. }
            | Command::EndOverride { .. }
            | Command::StartMaintenance { .. }
            | Command::EndMaintenance { .. }
            | Command::PlanMaintenance { .. }
            | Command::WithdrawMaintenance { .. }
            | Command::ForceBreaker { .. }
            | Command::ResetBreaker { .. }
            | Command::BreakGlass { .. }
            | Command::ExecuteUnderBreakGlass { .. }
            | Command::EndBreakGlass { .. }
            | Command::RevokeBreakGlass { .. }
            | Command::ReviewBreakGlass { .. }
    )
}

/// Decides that the person who opened it needs it no more.
pub(in crate::domain) fn end(state: &State, id: BreakGlassId, meta: &Meta) -> Result<Vec<Event>, Refusal> {
    let found = still_open(state, id)?;
    if !meta.actor.operator().is_some_and(|name| is_same_person(state, name, &found.operator)) {
        return Err(Refusal::new("not-your-break-glass", format!("{id} was opened by {}", found.operator))
            .hint(format!("revoke it: codeblue break-glass revoke {id} --reason TEXT")));
    }
    Ok(vec![ended(id, BreakGlassEnd::Ended, "it is not needed any more")])
}

/// Decides that somebody else takes it away.
pub(in crate::domain) fn revoke(
    state: &State,
    id: BreakGlassId,
    reason: &str,
    meta: &Meta,
) -> Result<Vec<Event>, Refusal> {
    let found = still_open(state, id)?;
    let operator = meta.actor.operator().unwrap_or_default();
    if is_same_person(state, operator, &found.operator) {
        return Err(Refusal::new("own-break-glass", format!("{id} is yours"))
            .hint(format!("end it: codeblue break-glass end {id}")));
    }
    let may = state
        .operators
        .get(operator)
        .is_some_and(|known| known.can_stand_for(Role::TechnicalLead) || known.can_stand_for(Role::ComplianceOfficer));
    if !may {
        return Err(Refusal::new("role-needed", "this takes a technical lead, the CTO or the compliance officer")
            .hint(next_step::WHO_HAS_IT));
    }
    Ok(vec![ended(id, BreakGlassEnd::Revoked, &text::line("reason", reason)?)])
}

fn still_open(state: &State, id: BreakGlassId) -> Result<&BreakGlass, Refusal> {
    let found = state.break_glass(id)?;
    match &found.ended {
        Some(ended) => Err(Refusal::new("break-glass-over", format!("{id} {}", ended.how.says())).hint(format!(
            "what is left takes an approval, or another break-glass after its review: codeblue break-glass show {id}"
        ))),
        None => Ok(found),
    }
}

/// Decides that it is over, if its time, its incident or the person's rights are.
pub(in crate::domain) fn lapse(state: &State, id: BreakGlassId, now: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
    let found = state.break_glass(id)?;
    let how = over(state, found, now).filter(|_| found.is_open());
    Ok(how.map(|how| vec![ended(id, how, how_come(found, how).as_str())]).unwrap_or_default())
}

fn how_come(glass: &BreakGlass, how: BreakGlassEnd) -> String {
    match how {
        BreakGlassEnd::Expired => {
            let minutes = usize::try_from((glass.until - glass.opened_at).num_minutes()).unwrap_or_default();
            format!("{} are over", count(minutes, "minute"))
        }
        BreakGlassEnd::IncidentOver => format!("{} is no open SEV1 or SEV2 any more", glass.incident),
        BreakGlassEnd::PersonGone => format!("{} may not act any more", glass.operator),
        BreakGlassEnd::Ended | BreakGlassEnd::Revoked => how.says().to_owned(),
    }
}

fn ended(break_glass: BreakGlassId, how: BreakGlassEnd, reason: &str) -> Event {
    Event::BreakGlassEnded { break_glass, how, reason: reason.to_owned() }
}

/// Those that are over although nobody has said so yet.
pub(in crate::domain) fn lapses(state: &State, now: DateTime<Utc>) -> impl Iterator<Item = BreakGlassId> {
    let lapsed = state.break_glass.values().filter(move |glass| glass.is_open() && over(state, glass, now).is_some());
    lapsed.map(|glass| glass.id)
}

/// When each that is open runs out.
pub(in crate::domain) fn deadlines(state: &State) -> impl Iterator<Item = (DateTime<Utc>, Command)> {
    let open = state.break_glass.values().filter(|glass| glass.is_open());
    open.map(|glass| (glass.until, Command::LapseBreakGlass { break_glass: glass.id }))
}

/// Refuses while the review of a use of break-glass for an incident is owed.
pub(in crate::domain) fn not_owed(state: &State, id: IncidentId) -> Result<(), Refusal> {
    match state.break_glass.values().find(|glass| glass.incident == id && glass.is_review_owed()) {
        Some(owed) => {
            Err(Refusal::new("break-glass-review-owed", format!("{} for {id} was not reviewed yet", owed.id))
                .hint(format!("two others review it first: codeblue break-glass review {} --verdict justified|unjustified --findings TEXT", owed.id)))
        }
        None => Ok(()),
    }
}
