//! Nodes that are only another's picture: a tracer draws a box for what a caller saw of a call ("remote", "client"), beside
//! the box of the one that was called. Such a view rises when its original does, and is never the cause.
//!
//! Two things must agree: the convention of the name, and the place in the graph. A view of which no original is in the
//! graph stands for something outside that tells nothing of itself, and stays a candidate.

use super::graph::Graph;

/// What tracers and meshes append to, or put before, the name of what a caller sees: OpenTelemetry's kinds of spans,
/// X-Ray's segments, Envoy's and Istio's directions.
const CALLER_SIDE: [&str; 6] = ["client", "remote", "outbound", "egress", "upstream", "peer"];
/// A part of a name says something from so many letters on.
const TELLING: usize = 5;

/// For each node, the one that it is a view of.
pub(super) fn originals(graph: &Graph) -> Vec<Option<usize>> {
    let views: Vec<bool> = graph.names.iter().map(|name| is_view(name)).collect();
    let bare: Vec<String> = graph.names.iter().map(|name| letters(name)).collect();
    (0..graph.names.len()).map(|node| views[node].then(|| original(graph, &views, &bare, node)).flatten()).collect()
}

/// Whether a name says that it is what a caller sees.
fn is_view(name: &str) -> bool {
    let mut words = parts(name);
    let first = words.next().unwrap_or_default();
    let last = words.last().unwrap_or(first);
    CALLER_SIDE.iter().any(|word| first.eq_ignore_ascii_case(word) || last.eq_ignore_ascii_case(word))
}

fn original(graph: &Graph, views: &[bool], bare: &[String], node: usize) -> Option<usize> {
    let (callees, callers) = (&graph.calls[node], &graph.callers[node]);
    // The side of a caller that nobody calls itself: all it does is to call the original.
    if let ([callee], []) = (callees.as_slice(), callers.as_slice()) {
        return Some(*callee);
    }
    if !callees.is_empty() {
        return None;
    }
    // What stands beside it below one of its callers, or that caller itself, with a part of the name in common.
    let beside = callers.iter().flat_map(|caller| graph.calls[*caller].iter().chain([caller]));
    let shared = |place: usize| {
        let name = parts(&graph.names[node]).filter(|part| !CALLER_SIDE.contains(&part.to_ascii_lowercase().as_str()));
        let common = name.map(str::to_ascii_lowercase).filter(|part| part.len() >= TELLING);
        // The fewer names have it, the more it tells.
        common
            .filter(|part| bare[place].contains(part))
            .map(|part| bare.iter().filter(|name| name.contains(&part)).count())
            .min()
    };
    beside
        .filter(|place| **place != node && !views[**place])
        .filter_map(|place| Some((shared(*place)?, *place)))
        .min()
        .map(|(_, place)| place)
}

fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty())
}

fn letters(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
