//! The score of a drill: a pure function over its events. The same events give the same score, on any machine and at any time.

use std::borrow::Borrow;

use serde::{Deserialize, Serialize};

use super::{
    Drill,
    facts::Facts,
    parts::{Letter, Part, ScoredPart, scored},
    system::{SystemScore, system},
};
use crate::domain::{DrillId, Event, Recorded};

/// What a gate leaves at most.
const GATED: u32 = 49;

/// What a drill came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrillScore {
    /// Which drill.
    pub drill: DrillId,
    /// What it was drawn from: it can be held again just so.
    pub seed: u64,
    /// 0 to 100: what people achieved.
    pub total: u32,
    /// What that says.
    pub letter: Letter,
    /// What must never happen and did; each leaves 49 points at most.
    pub gates: Vec<String>,
    /// Where the points come from.
    pub parts: Vec<ScoredPart>,
    /// How well the engine itself did. People can save a bad system, and be let down by nothing in a good one.
    pub system: SystemScore,
}

/// Points from which a drill has proved its runbook.
const PROVES: u32 = 90;

impl DrillScore {
    /// Whether it was so good that the runbook of a drill in which people took part counts as proved.
    #[must_use]
    pub fn proves(&self, drill: &Drill) -> bool {
        self.total >= PROVES && drill.is_earnest()
    }
}

/// The score of the first drill among these events; none when it was not held to its end.
#[must_use]
pub fn score<R: Borrow<Recorded>>(records: &[R]) -> Option<DrillScore> {
    let drill = records.iter().find_map(|one| match &one.borrow().event {
        Event::DrillStarted { drill, .. } => Some(*drill),
        _ => None,
    })?;
    let facts = Facts::of(records)?;
    let parts: Vec<ScoredPart> = Part::ALL.into_iter().map(|part| scored(part, &facts)).collect();
    let gates = gates(&facts);
    let sum: u32 = parts.iter().map(|part| part.points).sum();
    let total = if gates.is_empty() { sum } else { sum.min(GATED) };
    let letter = Letter::of(total, 100);
    Some(DrillScore { drill, seed: facts.truth().seed, total, letter, gates, parts, system: system(&facts) })
}

fn gates(facts: &Facts<'_>) -> Vec<String> {
    let (truth, reveal) = (facts.truth(), facts.reveal);
    let mut gates = Vec::new();
    if reveal.writes.lost > 0 && reveal.writes.lost_span_seconds > truth.rpo_seconds {
        gates.push(format!(
            "acknowledged writes of {} s were lost, and {} s may be",
            reveal.writes.lost_span_seconds, truth.rpo_seconds
        ));
    }
    if truth.leaks && reveal.injected_at.is_some() && reveal.cured_at.is_none() {
        gates.push("health information still got out at the end".to_owned());
    }
    if !reveal.residue.is_empty() {
        gates.push(format!("it left behind: {}", reveal.residue.join("; ")));
    }
    gates
}
