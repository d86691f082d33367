//! How much speaks for each node.
//!
//! The score of a node is the product of four things: how far it is from usual (the logarithm, so that the tenth spread
//! counts more than the hundredth), which part of what it loses is its own rather than its callees', which part of what
//! the target loses that accounts for, and whether those that call it suffer as well.

use thiserror::Error;

use super::{
    chance::probabilities,
    evidence,
    graph::Graph,
    metric::{self, Worse},
    scene::{Scene, Window},
    table::Table,
};

/// What counts when a node accounts for nothing of the target's loss.
const BESIDE: f64 = 0.2;
/// What it counts when nobody who calls a node suffers.
const NOBODY_ABOVE: f64 = 0.7;
/// What it counts when a node is worse only after the target is.
const AFTER: f64 = 0.7;
/// So many spreads are clearly worse.
pub(super) const CLEARLY: f64 = 2.0;
/// What a node counts of which the target's metric is not measured, only others.
const OTHERS_ALONE: f64 = 0.35;
/// What a node counts of which nothing is measured, beside the one caller that suffers for no other reason; when several
/// do, it explains them all.
const UNSEEN: (f64, f64) = (0.3, 1.05);
/// Below this probability no node is named.
const NAMED_FROM: f64 = 0.4;
/// Candidates that are listed at most.
const LISTED: usize = 20;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who calls whom.
    pub graph: &'a Graph,
    /// Metrics of the time without trouble.
    pub before: &'a Table,
    /// Metrics of the trouble.
    pub during: &'a Table,
    /// The node at which it was noticed.
    pub target: &'a str,
    /// What got worse there; without it, the metric that got worse by most.
    pub metric: Option<&'a str>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unanswerable {
    /// The graph has no such node.
    #[error("the graph has no node {0:?}")]
    UnknownTarget(String),
    /// The tables have no such metric of the target.
    #[error("{target:?} has no metric {metric:?}; it has {}", listed(.known))]
    UnknownMetric {
        /// The node.
        target: String,
        /// What was asked for.
        metric: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Nothing can be called usual, or nothing was measured in the trouble.
    #[error("{1} of {0:?} needs at least 5 rows with a figure before, and one during")]
    TooFewRows(String, String),
    /// No metric of the target of which is known what is worse has figures before and during.
    #[error("no latency, availability or errors of {0:?} before and during; name another of its metrics with --metric")]
    NothingMeasured(String),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A node that may be the root cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its name in the graph.
    pub node: String,
    /// How much speaks for it, from 0; about 1.3 is as much as quiet times show now and then, 3 is a lot.
    pub score: f64,
    /// The probability that it is the root cause, 0 to 1.
    pub probability: f64,
    /// What speaks for it, in words.
    pub evidence: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The metric that was looked at.
    pub metric: String,
    /// Those for which anything speaks, best first; 20 at most.
    pub candidates: Vec<Candidate>,
    /// The probability that it is none of them.
    pub none: f64,
    /// Nothing stands out enough to name a node.
    pub abstained: bool,
}

/// What a node loses in a window, and how much speaks for it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    /// How many spreads it is worse than usual.
    pub(super) spreads: f64,
    /// What it loses: the shift times the calls.
    pub(super) loses: f64,
    /// The part that its callees do not lose, 0 to 1.
    pub(super) own: f64,
    /// The part of the target's loss that its own accounts for, 0 to 1.
    pub(super) explains: f64,
    pub(super) score: f64,
}

/// Ranks the nodes that the target depends on, itself included, by how likely each is the root cause.
///
/// # Errors
/// When the target or the metric is unknown, or nothing was measured of it.
pub fn rank(question: &Question) -> Result<Ranking, Unanswerable> {
    let scene = Scene::new(question)?;
    let below = scene.graph.below(scene.target);
    let best = |window: &Window| {
        let weights = weigh(&scene, window, &below);
        below.iter().map(|node| weights[*node].score).fold(0.0, f64::max)
    };
    let quiet: Vec<f64> = scene.quiet.iter().map(best).collect();
    let mut weights = weigh(&scene, &scene.trouble, &below);
    late(&scene, &mut weights);
    unmeasured(&scene, &mut weights, &below);
    let mut found: Vec<usize> = below.into_iter().filter(|node| weights[*node].score > 0.0).collect();
    found.sort_by(|a, b| weights[*b].score.total_cmp(&weights[*a].score).then(a.cmp(b)));
    let scores: Vec<f64> = found.iter().map(|node| weights[*node].score).collect();
    let shares = probabilities(&scores, &quiet);
    let candidates = found.iter().zip(&shares.candidates).take(LISTED).map(|(node, probability)| Candidate {
        node: scene.graph.names[*node].clone(),
        score: weights[*node].score,
        probability: *probability,
        evidence: evidence::lines(&scene, &weights, *node),
    });
    Ok(Ranking {
        metric: scene.metric.to_owned(),
        candidates: candidates.collect(),
        none: shares.none,
        abstained: shares.candidates.first().is_none_or(|best| *best < NAMED_FROM),
    })
}

/// Weighs the nodes in a window.
fn weigh(scene: &Scene, window: &Window, below: &[usize]) -> Vec<Weight> {
    let (graph, target) = (scene.graph, scene.target);
    let spreads = |node: usize| window.shifts[node] / scene.spreads[node];
    let losses: Vec<f64> = (0..graph.names.len()).map(|node| loss(scene, window, node, 1.0)).collect();
    let at_target = loss(scene, window, target, 0.0);
    // A target that is hardly worse than usual has hardly anything to account for.
    let noticed = 0.5 + 0.5 * (spreads(target) / CLEARLY).clamp(0.0, 1.0);
    let mut weights = vec![Weight::default(); graph.names.len()];
    for node in below.iter().copied() {
        if (scene.originals[node].is_some() && node != target) || losses[node] <= 0.0 {
            continue;
        }
        let callees = graph.calls[node].iter().filter(|callee| scene.originals[**callee].is_none());
        let own = (losses[node] - callees.map(|callee| losses[*callee]).sum::<f64>()).max(0.0);
        let explains = if at_target > 0.0 { (own / at_target).min(1.0) } else { 0.0 };
        let callers = || graph.callers[node].iter().filter(|caller| scene.originals[**caller].is_none());
        let suffers = |caller: &usize| *caller == target || spreads(*caller) > 1.0 || !spreads(*caller).is_finite();
        let above =
            if node == target || callers().next().is_none() || callers().any(suffers) { 1.0 } else { NOBODY_ABOVE };
        let weight =
            Weight { spreads: spreads(node), loses: losses[node], own: own / losses[node], explains, score: 0.0 };
        let score = weight.own * weight.spreads.ln_1p() * (BESIDE + explains * noticed) * above;
        weights[node] = Weight { score, ..weight };
    }
    weights
}

/// What a node loses beyond so many spreads: seconds or failed calls where the metric is of single calls and calls are
/// counted, else how far it is from usual.
fn loss(scene: &Scene, window: &Window, node: usize, beyond: f64) -> f64 {
    let worse = window.shifts[node] - beyond * scene.spreads[node];
    if worse.is_nan() || worse <= 0.0 {
        return 0.0;
    }
    if metric::worse(scene.metric) == Worse::Unknown {
        return worse / scene.spreads[node];
    }
    let calls = [window.calls[node], window.calls[scene.target]].into_iter().find(|calls| calls.is_finite());
    worse * calls.unwrap_or(1.0)
}

/// What is worse only after the target is, is rather a consequence.
fn late(scene: &Scene, weights: &mut [Weight]) {
    let onset = |node: usize| scene.main[node].as_ref().and_then(|main| main.onset);
    let Some(noticed) = onset(scene.target) else { return };
    for (node, weight) in weights.iter_mut().enumerate() {
        if onset(node).is_some_and(|onset| onset > noticed) {
            weight.score *= AFTER;
        }
    }
}

/// Gives a weight to nodes of which the target's metric is not known.
fn unmeasured(scene: &Scene, weights: &mut [Weight], below: &[usize]) {
    let unknown = below.iter().filter(|node| scene.main[**node].is_none() && scene.originals[**node].is_none());
    for node in unknown.copied() {
        weights[node].score = if scene.is_measured(node) {
            // More calls or fewer are what others did to it.
            let figures = scene.figures[node].iter().filter(|figure| !metric::counts_calls(figure.metric));
            let moved = figures.filter_map(|figure| scene.moved(figure));
            let most = moved.map(|(spreads, ..)| spreads.abs()).fold(0.0, f64::max);
            OTHERS_ALONE * (most - 1.0).max(0.0).ln_1p()
        } else {
            let callers: Vec<f64> = blamers(scene, weights, node).map(|caller| weights[caller].score).collect();
            let most = callers.iter().copied().fold(0.0, f64::max);
            most * if callers.len() > 1 { UNSEEN.1 } else { UNSEEN.0 }
        };
    }
}

/// Those that call a node and suffer for no other reason that can be seen.
pub(super) fn blamers<'a>(scene: &'a Scene, weights: &'a [Weight], node: usize) -> impl Iterator<Item = usize> + 'a {
    let callers = scene.graph.callers[node].iter().copied();
    callers.filter(|caller| weights[*caller].own > 0.5 && weights[*caller].spreads > CLEARLY)
}
