//! What the name of a metric tells: which way is worse, whether it adds up along calls, and how it is written.

/// Which way is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worse {
    Up,
    Down,
    /// The name does not tell.
    Unknown,
}

const DOWN: [&str; 6] = ["availab", "success", "uptime", "health", "apdex", "hit"];
const UP: [&str; 10] = ["latency", "duration", "time", "delay", "error", "fault", "fail", "5xx", "4xx", "lag"];
const CALLS: [&str; 6] = ["request", "call", "invocation", "throughput", "rps", "count"];

fn has(name: &str, words: &[&str]) -> bool {
    let name = name.to_ascii_lowercase();
    words.iter().any(|word| name.contains(word))
}

/// Which way is worse for a metric of this name.
pub(super) fn worse(name: &str) -> Worse {
    match () {
        () if has(name, &DOWN) => Worse::Down,
        () if has(name, &UP) => Worse::Up,
        () => Worse::Unknown,
    }
}

/// Whether it counts the calls that a node got.
pub(super) fn counts_calls(name: &str) -> bool {
    worse(name) == Worse::Unknown && has(name, &CALLS)
}

/// Whether it is a share of calls in percent.
pub(super) fn is_percentage(name: &str) -> bool {
    has(name, &["availab", "success"])
}

/// What is written behind a figure.
pub(super) fn unit(name: &str) -> &'static str {
    match () {
        () if is_percentage(name) => " %",
        () if has(name, &["latency", "duration"]) => " s",
        () => "",
    }
}

/// How well a statistic adds up over calls: the mean does, the middle nearly, the extremes do not. Less is better.
pub(super) fn rank(statistic: &str) -> usize {
    let order = ["average", "mean", "avg", "sum", "p50", "median"];
    order.iter().position(|known| statistic.eq_ignore_ascii_case(known)).unwrap_or(order.len())
}
