//! Changes: what it takes that production is changed, and who has agreed to exactly what.
//!
//! `record` says what a change is, `intent` what approvals are bound to, `impact` and `risk` what it means, `terms` who has
//! to agree and how long that holds, `quorum` whose agreement counts now, `submit` and `approve` what people may do before it
//! is carried out, `carry_out` and `review` what comes then, `delegation` who agrees for whom, `template` which changes are
//! agreed to beforehand, `payload` what an approver signs.

mod apply;
pub(super) mod approve;
pub(super) mod carry_out;
pub(super) mod delegation;
mod impact;
mod intent;
mod payload;
pub(super) mod quorum;
mod record;
pub(super) mod review;
mod risk;
pub(super) mod submit;
pub(super) mod template;
mod terms;

pub(super) use apply::apply;
pub use delegation::Delegation;
pub use impact::{ImpactAnalysis, WayBack};
pub use intent::{Agreed, intent_hash, intent_text};
pub use payload::{SIGNATURE_NAMESPACE, approval_payload};
pub use quorum::{missing_roles, role_to_fill, unsatisfiable, who_may_approve};
pub use record::{
    Approval, Attestation, Change, ChangeKind, ChangeOutcome, ChangeRequest, ChangeReview, ChangeState, ChangeWindow,
    ReviewOutcome,
};
pub use risk::{Circumstances, Risk, RiskLevel, RiskPoint};
pub use submit::{Assessment, assess};
pub use template::{ChangeTemplate, template_standing};
pub use terms::{Terms, role_name};
