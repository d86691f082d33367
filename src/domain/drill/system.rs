//! How well the engine itself did in a drill, kept apart from what people did: the share of what it should have done, weighted.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use crate::domain::{RecoveryOutcome, Severity};

/// How well the engine itself did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemScore {
    /// The weights of what it did, of all weights, in per cent.
    pub percent: u32,
    /// Each thing that it should have done.
    pub probes: Vec<SystemProbe>,
}

/// Something that the engine should have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemProbe {
    /// What.
    pub what: Cow<'static, str>,
    /// How much it counts.
    pub weight: u32,
    /// Whether it did.
    pub passed: bool,
}

pub(super) fn system(facts: &Facts<'_>) -> SystemScore {
    let truth = facts.truth();
    let probe = |what: &'static str, weight, passed| SystemProbe { what: what.into(), weight, passed };
    let writes = facts.reveal.writes;
    let kept = probe("no acknowledged write was lost or doubled", 1, writes.lost == 0 && writes.doubled == 0);
    let probes = match &truth.blame {
        None => {
            let grave = facts.incidents.values().any(|opened| opened.severity <= Severity::Sev2 && !opened.by_person);
            vec![
                probe("no grave incident was opened", 3, !grave),
                probe("nothing was proposed", 3, facts.proposed.is_none()),
                probe("nothing was changed by a policy", 3, facts.mutations.iter().all(|one| !one.autonomous)),
                kept,
            ]
        }
        Some(blame) => {
            let since = facts.reveal.injected_at;
            let noticed = facts.noticed_at.zip(since).is_some_and(|(noticed, since)| {
                let by_person = facts.incidents.values().any(|opened| opened.by_person && opened.opened_at == noticed);
                !by_person && (noticed - since).num_seconds() <= truth.detect_seconds.cast_signed()
            });
            let named = facts.diagnosed.as_ref().is_some_and(|found| {
                found.root_cause.service == blame.service && blame.causes.contains(&found.root_cause_category)
            });
            let proposed = facts.proposed.as_ref().is_some_and(|plan| truth.asks_for(plan));
            let first = facts.mutations.iter().find(|one| facts.was_needed(one));
            let worked = first.is_some_and(|one| one.outcome == Some(RecoveryOutcome::Succeeded));
            let one = facts.incidents.values().filter(|opened| !opened.merged).count() == 1;
            vec![
                probe("it was noticed in time by a check", 3, noticed),
                probe("the first diagnosis named the cause and its service", 3, named),
                probe("what was proposed first would cure it", 2, proposed),
                probe("the cure worked the first time", 2, worked),
                probe("one cause made one incident", 1, one),
                kept,
            ]
        }
    };
    let weigh = |probes: &mut dyn Iterator<Item = &SystemProbe>| probes.map(|probe| probe.weight).sum::<u32>();
    let passed = weigh(&mut probes.iter().filter(|probe| probe.passed));
    SystemScore { percent: passed * 100 / weigh(&mut probes.iter()).max(1), probes }
}
