//! What speaks for a node, in plain English with the figures.

use chrono::DateTime;

use super::{
    metric,
    scene::{Figure, Scene},
    score::{CLEARLY, Weight, blamers},
};

/// Other metrics that are told of.
const OTHERS: usize = 2;
/// How many spreads another metric must have moved to be told of.
const TELLING: f64 = 4.0;

/// The lines for a node, strongest first.
pub(super) fn lines(scene: &Scene, weights: &[Weight], node: usize) -> Vec<String> {
    let (weight, target) = (&weights[node], &scene.graph.names[scene.target]);
    let mut lines = Vec::new();
    if let Some(main) = &scene.main[node] {
        lines.push(shift(&main.figure, main.usual.median, main.level, weight.spreads));
        lines.push(own(scene, weights, node));
        if node != scene.target {
            lines.push(format!("its own loss accounts for {} of what {target} loses", share(weight.explains)));
        }
        lines.extend(onset(scene, node));
    }
    if !scene.is_measured(node) {
        lines.push(unseen(scene, weights, node));
    }
    lines.extend(above(scene, weights, node));
    lines.extend(others(scene, node));
    lines
}

fn shift(figure: &Figure, from: f64, to: f64, spreads: f64) -> String {
    let unit = metric::unit(figure.metric);
    let times = if spreads.abs() < 10.0 { format!("{:.1}", spreads.abs()) } else { format!("{:.0}", spreads.abs()) };
    let (metric, statistic) = (figure.metric, figure.statistic);
    format!("{metric} {statistic} {}{unit} → {}{unit}, {times} times its usual spread", number(from), number(to))
}

fn own(scene: &Scene, weights: &[Weight], node: usize) -> String {
    let worst = scene.graph.calls[node].iter().filter(|callee| weights[**callee].loses > 0.0);
    let worst = worst.max_by(|a, b| weights[**a].loses.total_cmp(&weights[**b].loses));
    match worst {
        None if scene.graph.calls[node].is_empty() => "it calls nothing that could be the reason".to_owned(),
        None => "nothing that it calls is worse than usual".to_owned(),
        Some(callee) => {
            let (own, name) = (share(weights[node].own), &scene.graph.names[*callee]);
            match own.as_str() {
                "all" => "all of what it loses is its own".to_owned(),
                _ => format!("{own} of what it loses is its own, the rest comes from what it calls, {name} first"),
            }
        }
    }
}

fn onset(scene: &Scene, node: usize) -> Option<String> {
    let at = |node: usize| scene.main[node].as_ref().and_then(|main| main.onset);
    let (own, target) = (at(node)?, at(scene.target));
    let since = format!("clearly worse since {}", time(scene.times[own]));
    let name = &scene.graph.names[scene.target];
    Some(match target {
        _ if node == scene.target => since,
        Some(target) if own < target => format!("{since}, before {name}"),
        Some(target) if own == target => format!("{since}, together with {name}"),
        Some(_) => format!("{since}, only after {name}"),
        None => since,
    })
}

fn time(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "what does not fit is no time")]
    let known = (seconds.abs() < 1e11).then(|| DateTime::from_timestamp(seconds as i64, 0)).flatten();
    known.map_or_else(|| seconds.to_string(), |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn unseen(scene: &Scene, weights: &[Weight], node: usize) -> String {
    let blamers: Vec<&str> = blamers(scene, weights, node).map(|caller| scene.graph.names[caller].as_str()).collect();
    format!(
        "nothing is measured of it; {} that call it got worse for no other reason that can be seen",
        blamers.join(", ")
    )
}

fn above(scene: &Scene, weights: &[Weight], node: usize) -> Option<String> {
    let callers = scene.graph.callers[node].iter().filter(|caller| scene.originals[**caller].is_none());
    let callers: Vec<usize> = callers.copied().collect();
    let suffer = callers.iter().filter(|caller| weights[**caller].spreads > CLEARLY).count();
    (!callers.is_empty()).then(|| format!("{suffer} of {} that call it got clearly worse", callers.len()))
}

/// Other metrics of the node that moved, one figure of each, the farthest first.
fn others(scene: &Scene, node: usize) -> Vec<String> {
    let main = scene.main[node].as_ref().map(|main| main.figure.metric);
    let mut moved: Vec<(f64, &Figure, f64, f64)> = scene.figures[node]
        .iter()
        .filter(|figure| Some(figure.metric) != main)
        .filter_map(|figure| {
            let (spreads, level, usual) = scene.moved(figure)?;
            (spreads.abs() >= TELLING).then_some((spreads, figure, usual.median, level))
        })
        .collect();
    moved.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let mut told: Vec<&str> = Vec::new();
    moved.retain(|(_, figure, ..)| {
        let new = !told.contains(&figure.metric);
        told.push(figure.metric);
        new
    });
    moved.into_iter().take(OTHERS).map(|(spreads, figure, from, to)| shift(figure, from, to, spreads)).collect()
}

fn share(part: f64) -> String {
    match part {
        ..0.005 => "nothing".to_owned(),
        0.995.. => "all".to_owned(),
        _ => format!("{:.0} %", part * 100.0),
    }
}

/// Three digits that matter.
fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        0.0 => "0".to_owned(),
        ..0.001 => format!("{value:.2e}"),
        ..1.0 => format!("{value:.3}"),
        ..100.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}
