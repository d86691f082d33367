//! All that could be the cause, side by side: every service that fails, every kind of cause for which something speaks, each
//! with its probability against the others and against none of these.

use super::{
    confidence::{UNPROVED, shares},
    hypotheses::Hypothesis,
};
use crate::domain::{Candidate, Evidence};

/// Candidates in a document at most.
pub(super) const LISTED: usize = 10;
/// Pieces of evidence of each at most.
const EVIDENCE: usize = 4;

/// A cause at a service, with all that is said about it.
#[derive(Debug, Clone)]
pub(super) struct Weighed {
    pub(super) service: String,
    /// How much the place counts, 0 to 1: what another service explains counts little, and so does what explains little itself.
    pub(super) place: f64,
    pub(super) hypothesis: Hypothesis,
    pub(super) issue: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) told_by: Teller,
}

/// Who tells of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Teller {
    /// The service's own checks or log.
    Itself,
    /// Others alone.
    Others,
}

impl Weighed {
    /// How much speaks for it, the place and the cause together, 0 to below 1.
    pub(super) fn weight(&self) -> f64 {
        self.place * self.hypothesis.confidence
    }
}

/// Puts what is most likely first. The sort is stable: of the same weight, what was weighed first stays first.
pub(super) fn order(weighed: &mut [Weighed]) {
    weighed.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
}

/// The candidates of what was weighed and ordered, with their probabilities.
pub(super) fn rank(weighed: Vec<Weighed>) -> Vec<Candidate> {
    let log_odds: Vec<f64> = weighed.iter().map(Weighed::weight).map(|part| (part / (1.0 - part)).ln()).collect();
    let probabilities = shares(&log_odds, 0.0).at_most(UNPROVED).candidates;
    let candidate = |(probability, found): (f64, Weighed)| Candidate {
        service: found.service,
        category: found.hypothesis.cause.category(),
        cause: found.hypothesis.cause,
        issue: found.issue,
        probability,
        deployment: found.hypothesis.deployment,
        evidence: found.evidence.into_iter().take(EVIDENCE).collect(),
    };
    probabilities.into_iter().zip(weighed).take(LISTED).map(candidate).collect()
}
