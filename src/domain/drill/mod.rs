//! Drills: a fault is injected on purpose, people work on it as if it were real, and the record says how well that went.
//!
//! `record` says what a drill is, `truth` what is really broken and how that is committed to before anybody knows it, `rules`
//! who may begin, answer and end one, `schedule` when the next is due. `score` is a pure function over the events of one
//! drill: `facts` reads them, `parts` gives the points, `system` says how well the engine itself did. `proof` says what drills
//! have shown of a runbook, `confidence` is the heat map over all drills, `stage` what has to be done now in the one that runs.

mod confidence;
mod facts;
mod parts;
mod proof;
mod record;
mod rules;
mod schedule;
mod score;
mod stage;
mod system;
#[cfg(test)]
mod tests;
mod truth;

pub use confidence::{CONFIDENCE_DAYS, Confidence, ConfidenceCell, confidence, covered, scenarios};
pub use parts::{Letter, Part, ScoredPart};
pub use proof::{BookProof, Shown, proof_of};
pub use record::{Drill, DrillAnswer, DrillClaim, DrillEnd, DrillMode, DrillOutcome, DrillTold, Drills, WritesFound};
pub use schedule::{Cadence, DrillPlan};
pub use score::{DrillScore, score};
pub use stage::DrillStage;
pub use system::{SystemProbe, SystemScore};
pub use truth::{Blame, DrillReveal, DrillTruth, Objective, Remedy, commitment};

pub(super) use record::{apply, keep};
pub(super) use rules::{Wish, abort, answer, deadlines, end, interrupted, is_there, lapse, may_act, start};
pub(super) use schedule::{remind, schedule, unschedule};
