//! All that could be the cause, side by side: every service that fails, every kind of cause for which something speaks, each
//! with its probability against the others and against none of these.

use super::{
    confidence::shares,
    hypotheses::{Hypothesis, UNPROVED},
};
use crate::domain::{Candidate, Evidence};

/// Candidates in a document at most.
const LISTED: usize = 10;
/// Pieces of evidence of each at most.
const EVIDENCE: usize = 4;
/// What counts of a cause at a service that something below it explains.
const EXPLAINED: f64 = 0.15;
/// What counts of one that nothing explains, at another service than the root.
const APART: f64 = 0.9;

/// How a failing service stands to the one that is blamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is the one.
    Root,
    /// It depends on something that fails.
    Explained,
    /// It fails for a reason of its own.
    Apart,
}

/// A cause at a service, with all that is said about it.
#[derive(Debug, Clone)]
pub(super) struct Weighed {
    pub(super) service: String,
    pub(super) standing: Standing,
    pub(super) hypothesis: Hypothesis,
    pub(super) issue: String,
    pub(super) evidence: Vec<Evidence>,
}

/// The candidates, the root cause first, then by probability.
pub(super) fn rank(weighed: Vec<Weighed>) -> Vec<Candidate> {
    let at_root = weighed.iter().filter(|found| found.standing == Standing::Root);
    // What is somewhere else is no likelier than what explains more.
    let most = at_root.map(|found| found.hypothesis.confidence).reduce(f64::max).unwrap_or(1.0);
    let counts = |found: &Weighed| match found.standing {
        Standing::Root => found.hypothesis.confidence,
        Standing::Explained => EXPLAINED * found.hypothesis.confidence.min(most),
        Standing::Apart => APART * found.hypothesis.confidence.min(most),
    };
    let log_odds: Vec<f64> = weighed.iter().map(counts).map(|part| (part / (1.0 - part)).ln()).collect();
    let probabilities = shares(&log_odds, 0.0).at_most(UNPROVED).candidates;
    let mut ranked: Vec<(f64, Weighed)> = probabilities.into_iter().zip(weighed).collect();
    // The sort is stable: of the same probability, what was weighed first stays first.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let candidate = |(probability, found): (f64, Weighed)| Candidate {
        service: found.service,
        category: found.hypothesis.kind.category(),
        issue: found.issue,
        probability,
        deployment: found.hypothesis.deployment,
        evidence: found.evidence.into_iter().take(EVIDENCE).collect(),
    };
    ranked.into_iter().take(LISTED).map(candidate).collect()
}
