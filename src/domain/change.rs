//! Emergency changes: what it takes that production is changed, and who has agreed to exactly what.

use std::{fmt, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Actor, BreakGlassId, ChangeId, Event, IncidentId, Plan, RecoveryId, Refusal, State, Step, Strategy};
use crate::platform::{ActionRisk, ComponentKind, Criticality, Platform, Role};

/// How long people have to decide an emergency change.
pub const EMERGENCY_DECISION: TimeDelta = TimeDelta::minutes(10);
/// How long people have to decide any other change.
pub const NORMAL_DECISION: TimeDelta = TimeDelta::hours(8);

/// A wish to change production, with its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Its name.
    pub id: ChangeId,
    /// Which kind.
    pub kind: ChangeKind,
    /// In one line.
    pub title: String,
    /// Why.
    pub reason: String,
    /// Who wants it; may not approve it.
    pub requester: Actor,
    /// The incident it is for.
    pub incident: Option<IncidentId>,
    /// What will be done.
    pub plan: Arc<Plan>,
    /// What approvals are bound to.
    pub plan_hash: String,
    /// How risky it is.
    pub risk: Risk,
    /// Roles that must agree, each by another person.
    pub required: Vec<Role>,
    /// Who agreed.
    pub approvals: Vec<Approval>,
    /// When it was submitted.
    pub submitted_at: DateTime<Utc>,
    /// When it lapses if nobody decides.
    pub expires_at: DateTime<Utc>,
    /// Where it is in its life.
    pub state: ChangeState,
    /// Who ended the decision, and why, when it was not approved.
    pub decision: Option<(Actor, String)>,
    /// The recovery that carries it out.
    pub recovery: Option<RecoveryId>,
    /// Under which it was carried out although its approvals were missing.
    #[serde(default)]
    pub break_glass: Option<BreakGlassId>,
}

/// Which kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Pre-approved and harmless.
    Standard,
    /// Waits for its approvers without haste.
    Normal,
    /// For an incident, on the fast track.
    Emergency,
}

/// Where a change is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeState {
    /// Waits for its approvers.
    Pending,
    /// May be carried out.
    Approved,
    /// Is being carried out.
    Implementing,
    /// Was carried out, and it worked.
    Validated,
    /// Was carried out, and it did not work.
    Failed,
    /// Somebody said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Its requester does not want it any more.
    Withdrawn,
}

impl fmt::Display for ChangeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "Pending",
            Self::Approved => "Approved",
            Self::Implementing => "Implementing",
            Self::Validated => "Validated",
            Self::Failed => "Failed",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
            Self::Withdrawn => "Withdrawn",
        })
    }
}

/// How carrying out a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeOutcome {
    /// It worked.
    Validated,
    /// It did not.
    Failed,
}

/// A yes to exactly one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Who.
    pub operator: String,
    /// For which of the roles asked.
    pub role: Role,
    /// The plan agreed to.
    pub plan_hash: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why, if anything was said.
    pub reason: String,
}

/// How risky a change is, and every point of it explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Risk {
    /// 1 to 10.
    pub score: u8,
    /// What it is made of.
    pub points: Vec<RiskPoint>,
}

/// A part of a risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RiskPoint {
    /// How much it adds.
    pub points: u8,
    /// For what.
    pub why: String,
}

impl Risk {
    /// Adds up the most critical service, the services behind it, the kind of change, and whether it can be taken back.
    #[must_use]
    pub fn of(platform: &Platform, plan: &Plan) -> Self {
        let mut points = Vec::new();
        let worst = plan.services.iter().filter_map(|name| platform.service(name)).max_by_key(|s| s.criticality);
        if let Some(service) = worst {
            let value = match service.criticality {
                Criticality::Critical => 4,
                Criticality::High => 3,
                Criticality::Medium => 2,
                Criticality::Low => 1,
            };
            points.push(RiskPoint { points: value, why: format!("touches {}", service.name) });
        }
        let mut dependants: Vec<String> =
            plan.services.iter().flat_map(|service| platform.dependants_of(service)).collect();
        dependants.sort();
        dependants.dedup();
        dependants.retain(|name| !plan.services.contains(name));
        if !dependants.is_empty() {
            let value = if dependants.len() > 2 { 2 } else { 1 };
            points.push(RiskPoint { points: value, why: format!("{} depend on it", dependants.join(", ")) });
        }
        let kind = plan.steps.iter().map(|step| step_risk(platform, step)).max_by_key(|(points, _)| *points);
        if let Some((value, why)) = kind
            && value > 0
        {
            points.push(RiskPoint { points: value, why: why.to_owned() });
        }
        if plan.loses.is_some() {
            points.push(RiskPoint { points: 2, why: "what was written since is lost from the live system".to_owned() });
        }
        if plan.strategy == Strategy::FullRestore {
            points.push(RiskPoint { points: 2, why: "the whole platform at once".to_owned() });
        }
        let score = points.iter().map(|point| point.points).sum::<u8>().clamp(1, 10);
        Self { score, points }
    }
}

fn step_risk(platform: &Platform, step: &Step) -> (u8, &'static str) {
    match step {
        Step::SwitchRelease { .. } | Step::RollForward { .. } => (1, "code changes"),
        Step::RestoreSnapshot { component, .. } | Step::RestoreTime { component, .. } => {
            match platform.component(component).map(|c| c.kind) {
                Some(ComponentKind::Database) => (3, "a database is replaced"),
                Some(ComponentKind::Data) => (2, "data is replaced"),
                _ => (1, "configuration changes"),
            }
        }
        Step::RunAction { service, action } => {
            let declared = platform.service(service).and_then(|s| s.actions.iter().find(|a| a.name == *action));
            match declared.map(|action| action.risk) {
                Some(ActionRisk::Low) => (1, "an action of low risk runs"),
                Some(ActionRisk::Medium) => (2, "an action of medium risk runs"),
                Some(ActionRisk::High) | None => (3, "an action of high risk runs"),
            }
        }
        Step::SafetySnapshot { .. } | Step::Reload { .. } | Step::StopIfHealthy { .. } | Step::Validate { .. } => {
            (0, "")
        }
    }
}

/// Who has to agree (scope C5).
#[must_use]
pub fn required_roles(kind: ChangeKind, risk: &Risk) -> Vec<Role> {
    match (risk.score, kind) {
        (9.., _) => vec![Role::TechnicalLead, Role::Cto],
        (7..=8, _) | (_, ChangeKind::Emergency) => vec![Role::TechnicalLead],
        _ => vec![Role::Engineer],
    }
}

impl Change {
    /// Roles that nobody has agreed for yet.
    #[must_use]
    pub fn missing(&self) -> Vec<Role> {
        let mut missing = self.required.clone();
        for approval in self.approvals.iter().filter(|approval| approval.plan_hash == self.plan_hash) {
            if let Some(place) = missing.iter().position(|role| *role == approval.role) {
                missing.remove(place);
            }
        }
        missing
    }
}

/// The role for which an operator's yes would count, or why it would not.
///
/// # Errors
/// The rule that stands against it.
pub fn role_to_fill(state: &State, change: &Change, operator: &str) -> Result<Role, Refusal> {
    if change.state != ChangeState::Pending {
        return Err(Refusal::new("change-not-pending", format!("{} is {}", change.id, change.state)));
    }
    let person = state.operators.get(operator).ok_or_else(|| Refusal::unknown("operator", operator))?;
    if !person.may_act() {
        return Err(Refusal::new("operator-may-not", format!("{operator} may not approve")));
    }
    if change.requester == Actor::Operator(operator.to_owned()) {
        return Err(Refusal::new("own-change", format!("{operator} requested {} and may not approve it", change.id))
            .hint("somebody else has to"));
    }
    if change.approvals.iter().any(|approval| approval.operator == operator) {
        return Err(Refusal::new("approved-already", format!("{operator} has approved {} already", change.id)));
    }
    let missing = change.missing();
    missing.iter().copied().rev().find(|role| person.can_stand_for(*role)).ok_or_else(|| {
        let asked: Vec<String> = missing.iter().map(|role| role_name(*role).to_owned()).collect();
        Refusal::new("role-needed", format!("{} waits for the {}", change.id, asked.join(" and the ")))
            .hint(format!("{operator} does not hold that role"))
    })
}

/// A role as people say it.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Engineer => "engineer",
        Role::TechnicalLead => "technical lead",
        Role::Cto => "CTO",
        Role::ComplianceOfficer => "compliance officer",
    }
}

/// Decides that a change is opened for a plan.
pub(super) fn submit(
    state: &State,
    plan: Plan,
    reason: &str,
    incident: Option<IncidentId>,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let plan_hash = plan.hash();
    if let Some(same) = state.changes.values().find(|change| {
        change.plan_hash == plan_hash && matches!(change.state, ChangeState::Pending | ChangeState::Approved)
    }) {
        return Err(Refusal::new("same-change", format!("{} with the same plan is {} already", same.id, same.state)));
    }
    let kind = if incident.is_some() { ChangeKind::Emergency } else { ChangeKind::Normal };
    let risk = Risk::of(&state.platform, &plan);
    let wait = if kind == ChangeKind::Emergency { EMERGENCY_DECISION } else { NORMAL_DECISION };
    Ok(vec![Event::ChangeSubmitted {
        change: state.next_change(),
        kind,
        title: plan.title.clone(),
        reason: super::incident::line("reason", reason)?,
        incident,
        required: required_roles(kind, &risk),
        risk,
        plan_hash,
        plan: Arc::new(plan),
        expires_at: now + wait,
    }])
}

/// Decides that somebody agrees to exactly the plan with this hash.
pub(super) fn approve(
    state: &State,
    change: ChangeId,
    plan_hash: &str,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, Refusal> {
    let found = state.change(change)?;
    let Some(operator) = actor.operator() else {
        return Err(Refusal::new("person-needed", "only a person can approve a change"));
    };
    let role = role_to_fill(state, found, operator)?;
    if now >= found.expires_at {
        return Err(Refusal::new("change-expired", format!("{change} was to be decided by {}", found.expires_at)));
    }
    if plan_hash.len() < 8 || !found.plan_hash.starts_with(plan_hash) {
        return Err(Refusal::new("plan-changed", format!("{change} has another plan than the one you saw"))
            .hint("look at the plan again and approve what it is now"));
    }
    let mut events = vec![Event::ChangeApproved {
        change,
        role,
        plan_hash: found.plan_hash.clone(),
        reason: reason.trim().to_owned(),
    }];
    if found.missing() == [role] {
        events.push(Event::ChangeAuthorised { change });
    }
    Ok(events)
}

/// Decides that somebody says no. Any operator who could approve may, and so may its requester's colleagues.
pub(super) fn reject(state: &State, change: ChangeId, reason: &str, actor: &Actor) -> Result<Vec<Event>, Refusal> {
    let found = state.change(change)?;
    if found.state != ChangeState::Pending {
        return Err(Refusal::new("change-not-pending", format!("{change} is {}", found.state)));
    }
    if found.requester == *actor {
        return Err(Refusal::new("own-change", format!("{actor} requested {change}")).hint("withdraw it instead"));
    }
    Ok(vec![Event::ChangeRejected { change, reason: super::incident::line("reason", reason)? }])
}

/// Decides that somebody takes the own approval back, as long as nothing has been done.
pub(super) fn revoke(state: &State, change: ChangeId, reason: &str, actor: &Actor) -> Result<Vec<Event>, Refusal> {
    let found = state.change(change)?;
    if !matches!(found.state, ChangeState::Pending | ChangeState::Approved) {
        return Err(Refusal::new("too-late", format!("{change} is {}", found.state))
            .hint("cancel or undo the recovery instead"));
    }
    match actor.operator() {
        Some(operator) if found.approvals.iter().any(|approval| approval.operator == operator) => {
            Ok(vec![Event::ApprovalRevoked {
                change,
                operator: operator.to_owned(),
                reason: super::incident::line("reason", reason)?,
            }])
        }
        _ => Err(Refusal::new("no-approval", format!("{actor} has not approved {change}"))),
    }
}

/// Decides that the requester does not want the change any more.
pub(super) fn withdraw(state: &State, change: ChangeId, reason: &str, actor: &Actor) -> Result<Vec<Event>, Refusal> {
    let found = state.change(change)?;
    if found.state != ChangeState::Pending {
        return Err(Refusal::new("change-not-pending", format!("{change} is {}", found.state)));
    }
    if found.requester != *actor {
        return Err(Refusal::new("not-requester", format!("{change} was requested by {}", found.requester))
            .hint("reject it instead"));
    }
    Ok(vec![Event::ChangeWithdrawn { change, reason: super::incident::line("reason", reason)? }])
}
