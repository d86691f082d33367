//! Two minds in one answer. The rule: **the local order stands, except that a candidate which is at most [`CLOSE`] behind the
//! first goes before it, when the model chose it, is at least [`SURE`] of it and cites evidence that speaks for it and not for
//! the first.** No probability changes, no candidate comes or goes, and the local first is never below second place. Of a candidate's actions, the one
//! the model chose goes before those of the same tier, under the same condition; never before a better tier.
//!
//! So a model that is silent, broken, lying or hostile can at worst turn round what the local analyser itself could not tell
//! apart.

use super::{case::Case, opinion::Opinion};

/// How far behind the first a candidate may be.
const CLOSE: f64 = 0.1;
/// How sure the model has to be.
const SURE: f64 = 0.5;
/// Probabilities are told with two digits; what differs by less is equal.
const EQUAL: f64 = 1e-9;

/// The outcome of both minds.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// Places in [`Case::candidates`], the most likely first.
    pub order: Vec<usize>,
    /// Places in [`Case::actions`] for each of the candidates in their old places, the best first.
    pub actions: Vec<Vec<usize>>,
    /// What the model's choice came to.
    pub stance: Stance,
    /// Whether it moved an action forward.
    pub chose_action: bool,
}

/// What a model's choice came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It chose none.
    Undecided,
    /// It chose the local first.
    Agrees,
    /// It chose one that was as good as the first, and that is the first now.
    Reordered,
    /// It chose one without evidence that speaks for it, which counts for nothing.
    Unfounded,
    /// It chose one that is too far behind, or is not sure of it.
    Outweighed,
}

/// Weighs an opinion beside the local order.
#[must_use]
pub fn merge(case: &Case, opinion: &Opinion) -> Merged {
    let mut merged = Merged {
        order: (0..case.candidates.len()).collect(),
        actions: case.candidates.iter().map(|candidate| candidate.actions.clone()).collect(),
        stance: Stance::Undecided,
        chose_action: false,
    };
    let Some((place, chosen)) = opinion.candidate.and_then(|place| Some((place, case.candidates.get(place)?))) else {
        return merged;
    };
    let first = &case.candidates[0];
    let tells = |cited: &usize| chosen.evidence.contains(cited) && (place == 0 || !first.evidence.contains(cited));
    let founded = opinion.evidence.iter().any(tells);
    let sure = opinion.confidence.is_some_and(|confidence| confidence >= SURE);
    let behind = first.probability - chosen.probability;
    merged.stance = match place {
        _ if !founded => Stance::Unfounded,
        0 => Stance::Agrees,
        _ if sure && behind <= CLOSE + EQUAL => Stance::Reordered,
        _ => Stance::Outweighed,
    };
    if merged.stance == Stance::Reordered {
        merged.order.retain(|other| *other != place);
        merged.order.insert(0, place);
    }
    if founded && sure {
        merged.chose_action = opinion.action.is_some_and(|action| forward(case, &mut merged.actions[place], action));
    }
    merged
}

/// Moves an action before those of its tier that stand right before it; whether that changed anything.
fn forward(case: &Case, actions: &mut [usize], chosen: usize) -> bool {
    let Some(at) = actions.iter().position(|action| *action == chosen) else { return false };
    let tier = |action: usize| case.actions.get(action).map(|action| action.tier);
    let same = actions[..at].iter().rev().take_while(|before| tier(**before) == tier(chosen)).count();
    actions[at - same..=at].rotate_right(1);
    same > 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnosis::model::{Action, Candidate};

    fn candidate(probability: f64, evidence: &[usize], actions: &[usize]) -> Candidate {
        Candidate { probability, evidence: evidence.to_vec(), actions: actions.to_vec(), ..Candidate::default() }
    }

    /// Two that are as good as each other, and one far behind.
    fn case() -> Case {
        let tiers = [0, 1, 1, 2, 0];
        Case {
            candidates: vec![
                candidate(0.45, &[0, 1], &[0, 1, 2, 3]),
                candidate(0.40, &[0, 2], &[1, 2]),
                candidate(0.10, &[3], &[4]),
            ],
            actions: tiers.iter().map(|tier| Action { tier: *tier, ..Action::default() }).collect(),
            ..Case::default()
        }
    }

    fn chose(candidate: usize, evidence: &[usize], confidence: f64, action: Option<usize>) -> Merged {
        let (candidate, confidence) = (Some(candidate), Some(confidence));
        merge(&case(), &Opinion { candidate, confidence, evidence: evidence.to_vec(), action, ..Opinion::default() })
    }

    #[test]
    fn only_what_is_close_and_founded_is_turned_round() {
        for (candidate, evidence, confidence, stance, order) in [
            (0, &[0][..], 0.9, Stance::Agrees, [0, 1, 2]),
            (1, &[2], 0.9, Stance::Reordered, [1, 0, 2]),
            (1, &[2], 0.4, Stance::Outweighed, [0, 1, 2]),
            (1, &[0, 1, 3], 1.0, Stance::Unfounded, [0, 1, 2]),
            (1, &[0], 1.0, Stance::Unfounded, [0, 1, 2]),
            (1, &[], 1.0, Stance::Unfounded, [0, 1, 2]),
            (2, &[3], 1.0, Stance::Outweighed, [0, 1, 2]),
            (7, &[3], 1.0, Stance::Undecided, [0, 1, 2]),
        ] {
            let merged = chose(candidate, evidence, confidence, None);
            assert_eq!(
                (merged.stance, merged.order.as_slice()),
                (stance, order.as_slice()),
                "{candidate} {evidence:?}"
            );
        }
        assert_eq!(merge(&case(), &Opinion::default()).stance, Stance::Undecided);
        assert_eq!(merge(&Case::default(), &Opinion { candidate: Some(0), ..Opinion::default() }).order, [0; 0]);
    }

    #[test]
    fn an_action_goes_before_those_that_are_as_good_and_no_further() {
        assert_eq!(chose(0, &[0], 0.9, Some(2)).actions[0], [0, 2, 1, 3]);
        assert_eq!(chose(0, &[0], 0.9, Some(3)).actions[0], [0, 1, 2, 3], "a riskier one stays where it is");
        assert_eq!(chose(0, &[0], 0.9, Some(4)).actions[0], [0, 1, 2, 3], "it is of another candidate");
        assert_eq!(chose(0, &[3], 0.9, Some(2)).actions[0], [0, 1, 2, 3], "without evidence nothing moves");
        assert!(chose(1, &[2], 0.9, Some(2)).chose_action && !chose(1, &[2], 0.9, Some(1)).chose_action);
    }

    proptest! {
        /// Whatever a model says, it is never worse than the local analyser alone by more than what that cannot tell apart.
        #[test]
        fn no_opinion_does_harm(
            probabilities in proptest::collection::vec(0.0..1.0_f64, 1..6),
            tiers in proptest::collection::vec(0..3_u8, 6),
            chosen in proptest::option::of(0..8_usize),
            cited in proptest::collection::vec(0..12_usize, 0..6),
            action in proptest::option::of(0..8_usize),
            confidence in proptest::option::of(0.0..=1.0_f64),
        ) {
            let mut sorted = probabilities;
            sorted.sort_by(|a, b| b.total_cmp(a));
            let candidates: Vec<_> = sorted
                .iter()
                .enumerate()
                .map(|(place, probability)| candidate(*probability, &[2 * place, 2 * place + 1, 1], &[place, 0, 5]))
                .collect();
            let actions = tiers.iter().map(|tier| Action { tier: *tier, ..Action::default() }).collect();
            let case = Case { candidates, actions, ..Case::default() };
            let evidence = cited.clone();
            let merged = merge(&case, &Opinion { candidate: chosen, confidence, evidence, action, ..Opinion::default() });
            let mut all = merged.order.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..case.candidates.len()).collect::<Vec<_>>(), "none comes or goes");
            prop_assert!(merged.order[..merged.order.len().min(2)].contains(&0), "the local first is not hidden");
            let first = merged.order[0];
            if first != 0 {
                prop_assert!(case.candidates[0].probability - case.candidates[first].probability <= CLOSE + 1e-6);
                let tells = |cited: &usize| case.candidates[first].evidence.contains(cited) && !case.candidates[0].evidence.contains(cited);
                prop_assert!(cited.iter().any(tells));
                prop_assert!(merged.order[1..].is_sorted(), "the others keep their places");
            }
            for (place, actions) in merged.actions.iter().enumerate() {
                let tier = |action: &usize| case.actions[*action].tier;
                let before: Vec<_> = case.candidates[place].actions.iter().map(tier).collect();
                prop_assert_eq!(actions.iter().map(tier).collect::<Vec<_>>(), before, "no tier is overtaken");
            }
        }
    }
}
