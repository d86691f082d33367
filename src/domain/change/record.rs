//! What a change is.

use std::{collections::BTreeSet, fmt, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{ImpactAnalysis, Risk, Terms};
use crate::domain::{Actor, BreakGlassId, ChangeId, IncidentId, Plan, RecoveryId, RollbackRequest};
use crate::platform::Role;

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
    /// The people who wrote it, the requester among them; none of them may approve it.
    #[serde(default)]
    pub authors: BTreeSet<String>,
    /// The incident it is for.
    pub incident: Option<IncidentId>,
    /// What will be done.
    pub plan: Arc<Plan>,
    /// What approvals are bound to: the hash of all that is agreed to, in this round.
    pub plan_hash: String,
    /// Counted from 1: each time the plan changes, approvals begin anew.
    #[serde(default = "first")]
    pub round: u32,
    /// Why everybody was asked anew, last.
    #[serde(default)]
    pub asked_anew: Option<String>,
    /// What it touches.
    #[serde(default)]
    pub impact: ImpactAnalysis,
    /// How risky it is.
    pub risk: Risk,
    /// Under which terms it may be carried out, as they were when this round began.
    #[serde(flatten)]
    pub terms: Terms,
    /// When it may be carried out; as soon as it is approved when absent.
    #[serde(default)]
    pub window: Option<ChangeWindow>,
    /// Changes to the same that come first.
    #[serde(default)]
    pub after: Vec<ChangeId>,
    /// Changes to the same that were open when this round began.
    #[serde(default)]
    pub conflicts: Vec<ChangeId>,
    /// The template that it was made from.
    #[serde(default)]
    pub template: Option<String>,
    /// Who agreed, in this round and earlier ones.
    pub approvals: Vec<Approval>,
    /// When it was submitted.
    pub submitted_at: DateTime<Utc>,
    /// When it lapses if nobody decides.
    pub expires_at: DateTime<Utc>,
    /// When it was approved, and so until when it must have begun.
    #[serde(default)]
    pub authorised_at: Option<DateTime<Utc>>,
    /// Where it is in its life.
    pub state: ChangeState,
    /// Who ended the decision, and why, when it was not approved.
    pub decision: Option<(Actor, String)>,
    /// The recovery that carries it out.
    pub recovery: Option<RecoveryId>,
    /// Under which it was carried out although its approvals were missing.
    #[serde(default)]
    pub break_glass: Option<BreakGlassId>,
    /// When carrying it out was over.
    #[serde(default)]
    pub ended_at: Option<DateTime<Utc>>,
    /// Who saw that it worked, where somebody has to.
    #[serde(default)]
    pub validated_by: Option<Actor>,
    /// What was learned from it.
    #[serde(default)]
    pub review: Option<ChangeReview>,
    /// When it was found that the review is late.
    #[serde(default)]
    pub review_overdue_at: Option<DateTime<Utc>>,
}

const fn first() -> u32 {
    1
}

/// What somebody wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
#[expect(missing_docs, reason = "each field is the domain type of its name")]
pub enum ChangeRequest {
    /// Something goes back.
    Rollback(RollbackRequest),
    /// A declared action of a service runs.
    Action { service: String, action: String },
    /// A code component is switched to a version.
    Deploy { component: String, version: String },
}

/// Which kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Agreed to beforehand: from a template that was proven, of low risk.
    Standard,
    /// Waits for its approvers without haste.
    Normal,
    /// For an incident, on the fast track.
    Emergency,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Standard => "standard",
            Self::Normal => "normal",
            Self::Emergency => "emergency",
        })
    }
}

/// When a change may be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeWindow {
    /// Not before.
    pub from: DateTime<Utc>,
    /// Nothing of it begins later.
    pub until: DateTime<Utc>,
}

/// Where a change is in its life. Impact and risk are found at once, so it waits for people from its submission on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeState {
    /// Waits for its approvers.
    Pending,
    /// May be carried out.
    Approved,
    /// Is being carried out.
    Implementing,
    /// Was carried out; somebody else has to see that it worked.
    Validating,
    /// Was carried out, and it worked; its review is owed.
    Validated,
    /// Was carried out, it worked, and all is written down.
    Closed,
    /// Was carried out, and it did not work.
    Failed,
    /// Was carried out, and taken back.
    RolledBack,
    /// Somebody said no.
    Rejected,
    /// Nobody decided, or nobody began, in time.
    Expired,
    /// Its requester does not want it any more.
    Withdrawn,
}

impl ChangeState {
    /// Whether it waits for people or is being carried out.
    #[must_use]
    pub fn is_open(self) -> bool {
        self <= Self::Implementing
    }

    /// Whether it was carried out and did what it should.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Validating | Self::Validated | Self::Closed)
    }
}

impl fmt::Display for ChangeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "Pending",
            Self::Approved => "Approved",
            Self::Implementing => "Implementing",
            Self::Validating => "Validating",
            Self::Validated => "Validated",
            Self::Closed => "Closed",
            Self::Failed => "Failed",
            Self::RolledBack => "Rolled back",
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
    /// For which of the roles asked, when it was given.
    pub role: Role,
    /// In which round.
    #[serde(default = "first")]
    pub round: u32,
    /// The roles the operator held then.
    #[serde(default)]
    pub roles: BTreeSet<Role>,
    /// The operator who had delegated that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The plan agreed to.
    pub plan_hash: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why, if anything was said.
    pub reason: String,
    /// What shows that it was this operator.
    #[serde(default)]
    pub attestation: Attestation,
    /// It was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
}

/// What shows that an approval is its operator's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Attestation {
    /// The engine's word for a session that the operating system had authenticated.
    #[default]
    Session,
    /// The engine's word for such a session and a code of the second factor.
    SecondFactor,
    /// A signature with a key of the operator.
    Signature {
        /// The fingerprint of the key.
        fingerprint: String,
        /// In OpenSSH's armour, over [`super::approval_payload`].
        signature: String,
    },
}

/// What was learned from a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeReview {
    /// By whom.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// In one word.
    pub outcome: ReviewOutcome,
    /// In words.
    pub findings: String,
}

/// What a review says in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewOutcome {
    /// It did what it should, as it should.
    Successful,
    /// It did what it should, with trouble.
    WithIssues,
    /// It should not have been done so.
    Unsuccessful,
}

impl Change {
    /// Until when it must have begun, once it is approved: the end of its window, or its terms.
    #[must_use]
    pub fn execute_by(&self) -> Option<DateTime<Utc>> {
        let by_terms = self.authorised_at? + TimeDelta::seconds(self.terms.start_within_seconds.cast_signed());
        Some(self.window.map_or(by_terms, |window| window.until))
    }

    /// When its review has to be written: none when none is owed, or it is written.
    #[must_use]
    pub fn review_due_at(&self) -> Option<DateTime<Utc>> {
        let within = self.terms.review_within_seconds.filter(|_| self.review.is_none())?;
        Some(self.ended_at? + TimeDelta::seconds(within.cast_signed()))
    }

    /// The approvals of the round it is in that were not taken back.
    pub fn current_approvals(&self) -> impl Iterator<Item = &Approval> {
        self.approvals.iter().filter(|approval| approval.round == self.round && !approval.revoked)
    }
}
