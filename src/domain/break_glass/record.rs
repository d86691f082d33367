//! What is known of one use of break-glass, from its opening to the end of its review.

use std::{collections::BTreeSet, fmt};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Actor, BreakGlassId, ChangeId, Event, IncidentId, Plan, Recorded, RecoveryId, Refusal, Risk, State, Step,
    TimelineKind, apply::tell,
};
use crate::platform::{ComponentKind, Role};

/// How long it may stay open.
pub const BREAK_GLASS_LIMIT: TimeDelta = TimeDelta::minutes(60);
/// How long after its end it has to be reviewed.
pub const BREAK_GLASS_REVIEW: TimeDelta = TimeDelta::hours(24);
/// How many others review it.
pub const BREAK_GLASS_REVIEWERS: usize = 2;
/// How risky an act at least is that nobody has agreed to.
pub const BREAK_GLASS_RISK: u8 = 7;

/// How far acts may reach. Ordered: what reaches further includes the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ceiling {
    /// Declared actions.
    Action,
    /// Also components of kind code and config.
    Code,
    /// Also databases and data.
    Data,
}

impl Ceiling {
    /// All of them, the lowest first.
    pub const ALL: [Self; 3] = [Self::Action, Self::Code, Self::Data];

    /// As people say it.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::Action => "declared actions",
            Self::Code => "actions, code and configuration",
            Self::Data => "actions, code, configuration and data",
        }
    }

    /// How far a step reaches; what no component is known for may reach anything.
    fn of(state: &State, step: &Step) -> Self {
        match step {
            // A safety snapshot only reads; what is changed after it decides.
            Step::SafetySnapshot { .. }
            | Step::RunAction { .. }
            | Step::StopIfHealthy { .. }
            | Step::Validate { .. } => Self::Action,
            Step::SwitchRelease { component, .. }
            | Step::RestoreSnapshot { component, .. }
            | Step::RestoreTime { component, .. }
            | Step::Reload { component }
            | Step::RollForward { component, .. } => {
                match state.platform.component(component).map(|known| known.kind) {
                    Some(ComponentKind::Code | ComponentKind::Config) => Self::Code,
                    Some(ComponentKind::Database | ComponentKind::Data) | None => Self::Data,
                }
            }
        }
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Action => "action",
            Self::Code => "code",
            Self::Data => "data",
        })
    }
}

/// One use of break-glass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakGlass {
    /// Its name.
    pub id: BreakGlassId,
    /// The incident it is for.
    pub incident: IncidentId,
    /// Who acts without an approval.
    pub operator: String,
    /// Why.
    pub reason: String,
    /// Services whose components and actions are in its scope.
    pub services: Vec<String>,
    /// How far acts may reach.
    pub ceiling: Ceiling,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub until: DateTime<Utc>,
    /// What was done under it, oldest first.
    pub acts: Vec<BreakGlassAct>,
    /// How it ended.
    pub ended: Option<BreakGlassEnded>,
    /// What others thought of it, oldest first.
    pub reviews: Vec<BreakGlassReview>,
    /// When enough others had reviewed it.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// When its review was reminded of.
    pub reminded_at: Option<DateTime<Utc>>,
    /// When its review was recorded as overdue.
    pub overdue_at: Option<DateTime<Utc>>,
}

/// Something done under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakGlassAct {
    /// The recovery.
    pub recovery: RecoveryId,
    /// The change that was carried out without its approvals, if there was one.
    pub change: Option<ChangeId>,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How risky it was.
    pub risk: Risk,
}

/// How a use of break-glass ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakGlassEnded {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Actor,
    /// Which way.
    pub how: BreakGlassEnd,
    /// Why.
    pub reason: String,
}

/// Which way it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakGlassEnd {
    /// The person who opened it ended it.
    Ended,
    /// Its time was over.
    Expired,
    /// Somebody else took it away.
    Revoked,
    /// There is no open SEV1 or SEV2 any more.
    IncidentOver,
    /// The person may not act any more.
    PersonGone,
}

/// What one person thinks of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakGlassReview {
    /// Who.
    pub operator: String,
    /// The roles held then.
    pub roles: BTreeSet<Role>,
    /// The judgement.
    pub verdict: ReviewVerdict,
    /// What was found, in one line.
    pub findings: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Whether a use of break-glass was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewVerdict {
    /// It was needed, and no more was done than that.
    Justified,
    /// It was not.
    Unjustified,
}

impl fmt::Display for ReviewVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Justified => "justified",
            Self::Unjustified => "NOT justified",
        })
    }
}

impl BreakGlass {
    /// Whether acts may still begin under it, as far as the record goes.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether others still have to review it, from its opening on.
    #[must_use]
    pub fn is_review_owed(&self) -> bool {
        self.reviewed_at.is_none()
    }

    /// When the review is due, once it is over and as long as that is owed.
    #[must_use]
    pub fn review_due_at(&self) -> Option<DateTime<Utc>> {
        let owed = self.ended.as_ref().filter(|_| self.is_review_owed())?;
        Some(owed.at + BREAK_GLASS_REVIEW)
    }

    /// What a compliance report has to name of it.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let overdue = self
            .overdue_at
            .map(|_| format!("{} was not reviewed within {} h of its end", self.id, BREAK_GLASS_REVIEW.num_hours()));
        let unjustified = self.reviews.iter().filter(|review| review.verdict == ReviewVerdict::Unjustified);
        let unjustified = unjustified
            .map(|review| format!("{} finds {} not justified: {}", review.operator, self.id, review.findings));
        overdue.into_iter().chain(unjustified).collect()
    }

    /// Whether a plan lies within it.
    pub(super) fn admits(&self, state: &State, plan: &Plan) -> Result<(), Refusal> {
        let of_component = |step: &Step| {
            let name = step.component()?;
            let known = state.platform.component(name);
            Some(known.map_or_else(|| name.to_owned(), |component| component.service.clone()))
        };
        let reached = plan.services.iter().cloned().chain(plan.steps.iter().filter_map(of_component));
        let outside: BTreeSet<String> = reached.filter(|name| !self.services.contains(name)).collect();
        if !outside.is_empty() {
            let outside: Vec<String> = outside.into_iter().collect();
            return Err(Refusal::new(
                "break-glass-scope",
                format!("{} is for {}, not for {}", self.id, self.services.join(", "), outside.join(", ")),
            )
            .hint("have the change approved: codeblue change list --pending shows whose approval it lacks"));
        }
        match plan.steps.iter().find(|step| Ceiling::of(state, step) > self.ceiling) {
            Some(step) => Err(Refusal::new(
                "break-glass-ceiling",
                format!("{} goes as far as {}, and not: {step}", self.id, self.ceiling.says()),
            )
            .hint("have the change approved: codeblue change list --pending shows whose approval it lacks")),
            None => Ok(()),
        }
    }

    /// What it is for, in a few words.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("{}, {}", self.services.join(", "), self.ceiling)
    }
}

impl BreakGlassEnd {
    /// As people say it.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Expired => "has run out",
            Self::Revoked => "was revoked",
            Self::IncidentOver => "ended with its incident",
            Self::PersonGone => "ended with the person's rights",
        }
    }
}

/// What is true after an event.
pub(in crate::domain) fn apply(state: &mut State, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::BreakGlassOpened { break_glass, incident, operator, reason, services, ceiling, until } => {
            let opened = BreakGlass {
                id: *break_glass,
                incident: *incident,
                operator: operator.clone(),
                reason: reason.clone(),
                services: services.clone(),
                ceiling: *ceiling,
                opened_at: at,
                until: *until,
                acts: Vec::new(),
                ended: None,
                reviews: Vec::new(),
                reviewed_at: None,
                reminded_at: None,
                overdue_at: None,
            };
            state.break_glass.insert(*break_glass, opened);
        }
        Event::IncidentMerged { incident, into } => {
            for found in state.break_glass.values_mut().filter(|found| found.incident == *incident) {
                found.incident = *into;
            }
            return;
        }
        _ => {}
    }
    let Some(id) = named(&recorded.event) else { return };
    let Some(found) = state.break_glass.get_mut(&id) else { return };
    change(found, recorded);
    let incident = found.incident;
    let kind = match &recorded.event {
        Event::BreakGlassReviewed { verdict: ReviewVerdict::Justified, .. }
        | Event::BreakGlassReviewCompleted { .. } => TimelineKind::Good,
        Event::BreakGlassEnded { .. } | Event::BreakGlassReviewReminded { .. } => TimelineKind::State,
        _ => TimelineKind::Bad,
    };
    tell(state, incident, recorded, kind, recorded.event.summary());
}

/// The use of break-glass that an event is about.
fn named(event: &Event) -> Option<BreakGlassId> {
    match event {
        Event::BreakGlassOpened { break_glass, .. }
        | Event::BreakGlassUsed { break_glass, .. }
        | Event::BreakGlassEnded { break_glass, .. }
        | Event::BreakGlassReviewed { break_glass, .. }
        | Event::BreakGlassReviewCompleted { break_glass }
        | Event::BreakGlassReviewReminded { break_glass }
        | Event::BreakGlassReviewOverdue { break_glass } => Some(*break_glass),
        _ => None,
    }
}

fn change(found: &mut BreakGlass, recorded: &Recorded) {
    let at = recorded.at;
    match &recorded.event {
        Event::BreakGlassUsed { recovery, change, risk, .. } => {
            found.acts.push(BreakGlassAct { recovery: *recovery, change: *change, at, risk: risk.clone() });
        }
        Event::BreakGlassEnded { how, reason, .. } => {
            let (by, how, reason) = (recorded.actor.clone(), *how, reason.clone());
            found.ended = Some(BreakGlassEnded { at, by, how, reason });
        }
        Event::BreakGlassReviewed { roles, verdict, findings, .. } => {
            if let Actor::Operator(operator) = &recorded.actor {
                found.reviews.push(BreakGlassReview {
                    operator: operator.clone(),
                    roles: roles.clone(),
                    verdict: *verdict,
                    findings: findings.clone(),
                    at,
                });
            }
        }
        Event::BreakGlassReviewCompleted { .. } => found.reviewed_at = Some(at),
        Event::BreakGlassReviewReminded { .. } => found.reminded_at = Some(at),
        Event::BreakGlassReviewOverdue { .. } => found.overdue_at = Some(at),
        _ => {}
    }
}
