//! The visible line of a step: what its attributes say, for readers who do not see them, on a code host and on paper.

use std::{ops::Range, time::Duration};

use super::{Action, Approval, Change, Condition, Ended, Step, Target, Undo, Work, outline::RawStep};
use crate::domain::role_name;

const KINDS: [&str; 7] = ["Check", "Wait", "Action", "Notify", "Manual", "Decision", "Gate"];

/// The line as it should be.
#[must_use]
pub fn line(step: &Step) -> String {
    let mut parts = vec![step.work.name().to_owned()];
    if !step.work.effect().is_empty() {
        parts.push(step.work.effect().to_owned());
    }
    parts.push(role_name(step.role).to_owned());
    if let Some(run) = step.work.execution() {
        parts.push(format!("≤{}", span(run.timeout)));
    }
    match step.work.undo() {
        Some(Undo::Step(name)) => parts.push(format!("undo: {name}")),
        Some(Undo::None(_)) => parts.push("undo: none".to_owned()),
        None => {}
    }
    match step.work.approval() {
        Approval::None => {}
        Approval::Change => parts.push("approval: change".to_owned()),
        Approval::SecondPerson => parts.push("approval: second person".to_owned()),
    }
    if let Work::Action(action) = &step.work {
        parts.extend(limits(action));
    }
    if let Target::Step(name) = &step.then {
        parts.push(format!("then: {name}"));
    }
    match &step.when {
        Some(Condition::Input { name, equal, value }) => {
            parts.push(format!("when {name} is{} {value}", if *equal { "" } else { " not" }));
        }
        Some(Condition::Step { name, ended }) => {
            let ended = match ended {
                Ended::Ok => "passed",
                Ended::Failed => "failed",
                Ended::Skipped => "was skipped",
            };
            parts.push(format!("when {name} {ended}"));
        }
        Some(Condition::Action { service, action }) => parts.push(format!("when {service} declares {action}")),
        None => {}
    }
    format!("_{}_", parts.join(" · "))
}

fn limits(action: &Action) -> Vec<String> {
    let mut parts = Vec::new();
    if action.once {
        parts.push("once".to_owned());
    }
    if let Some(budget) = action.budget {
        parts.push(format!("at most {} in {}", budget.times, span(budget.within)));
    }
    if action.effect == Change::Destructive && action.verify.is_none() {
        parts.push("not verified".to_owned());
    }
    parts
}

/// A duration as people write it on paper.
#[must_use]
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        _ if duration.subsec_nanos() != 0 => humantime::format_duration(duration).to_string(),
        _ if seconds >= 86_400 && seconds.is_multiple_of(86_400) => format!("{} d", seconds / 86_400),
        _ if seconds >= 3600 && seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds >= 60 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// Where the visible line of a step stands, without its line break; none when it has none.
pub(super) fn written(text: &str, raw: &RawStep) -> Option<Range<usize>> {
    let mut at = raw.heading_end.min(raw.end);
    for line in text.get(at..raw.end)?.split_inclusive('\n') {
        let written = line.trim();
        if !written.is_empty() {
            let inside = written.strip_prefix('_')?.strip_suffix('_')?;
            let kind = inside.split(" · ").next()?;
            let start = at + line.len() - line.trim_start().len();
            return KINDS.contains(&kind).then_some(start..start + written.len());
        }
        at += line.len();
    }
    None
}
