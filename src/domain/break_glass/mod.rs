//! Break-glass: one named person acts without an approval, for an hour at most, within a scope that was named before, while
//! everybody who may approve is told; and two others review it afterwards.

mod record;
mod review;
mod rules;

pub(super) use record::apply;
pub use record::{
    BREAK_GLASS_LIMIT, BREAK_GLASS_REVIEW, BREAK_GLASS_REVIEWERS, BREAK_GLASS_RISK, BreakGlass, BreakGlassAct,
    BreakGlassEnd, BreakGlassEnded, BreakGlassReview, Ceiling, ReviewVerdict,
};
pub(super) use review::{deadlines as review_deadlines, lapse as lapse_review, remind as remind_of_review, review};
pub use review::{needs_senior_review, who_may_review};
pub use rules::{break_glass_for, without_approval};
pub(super) use rules::{
    covering, deadlines, end, incident_of, lapse, lapses, not_owed, open, over, revoke, under, used, within_reach,
};
