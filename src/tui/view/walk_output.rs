//! What came of a step: each program that was begun for it, what was expected beside what was found, and what it printed.

use super::facts::Facts;
use crate::{
    domain::{
        Attempt, AttemptEnd, AttemptFate, AttemptPart, KeptOutput, Run, RunStep,
        runbook::{Execution, Step},
    },
    tui::{
        model::Model,
        text,
        theme::Role,
        walk::{Difference, compare},
    },
};

/// Lines of what a program printed that are shown; the page with the whole text has all that is kept.
const SHOWN: usize = 80;

/// The attempts of a step, the newest first: all of the newest, and one line for each before it.
pub(super) fn tell(model: &Model, run: &Run, step: &Step, known: &RunStep, facts: &mut Facts) {
    facts.about("Result");
    for (place, attempt) in known.attempts.iter().rev().enumerate() {
        let (role, words) = outcome(model, attempt);
        facts.say(role, &words);
        if place == 0 {
            newest(model, run, step, attempt, facts);
        }
    }
}

/// What became of an attempt, in one line.
fn outcome(model: &Model, attempt: &Attempt) -> (Role, String) {
    let what = match attempt.part {
        AttemptPart::DoneIf => "check before",
        AttemptPart::Work => "run",
        AttemptPart::Verify => "check after",
    };
    let by = attempt.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let when = attempt.at.format("%H:%M:%S");
    match &attempt.fate {
        AttemptFate::Running => {
            (Role::Focus, format!("▸ {what} since {when}{by}: {}", text::clock(model.now - attempt.at)))
        }
        AttemptFate::Lost { at } => (
            Role::Unknown,
            format!("? {what} at {when}{by}: the engine died while it ran, found at {}", at.format("%H:%M:%S")),
        ),
        AttemptFate::Ended { result, .. } => {
            let (role, sign, words) = match &result.end {
                AttemptEnd::Passed => (Role::Ok, "✓", "passed".to_owned()),
                AttemptEnd::Warned => (Role::Warn, "▲", "passed, with a warning".to_owned()),
                AttemptEnd::Failed { why } => (Role::Bad, "✖", format!("did not pass: {why}")),
                AttemptEnd::TimedOut => (Role::Bad, "✖", "took too long and was ended".to_owned()),
                AttemptEnd::Cancelled => (Role::Warn, "✖", "was ended by a person".to_owned()),
                AttemptEnd::NotStarted { why } => (Role::Bad, "✖", format!("could not be begun: {why}")),
            };
            let took = text::latency(std::time::Duration::from_millis(result.took_ms));
            let exit = result.exit.map(|exit| format!(", exit {exit}")).unwrap_or_default();
            let tries = if result.tries > 1 { format!(", {} tries", result.tries) } else { String::new() };
            (role, format!("{sign} {what} at {when}{by} {words} ({took}{exit}{tries})"))
        }
    }
}

fn newest(model: &Model, run: &Run, step: &Step, attempt: &Attempt, facts: &mut Facts) {
    let AttemptFate::Ended { result, .. } = &attempt.fate else { return };
    let Some(execution) = execution_of(run, step, attempt.part) else { return };
    let why = match &result.end {
        AttemptEnd::Failed { why } => Some(why.as_str()),
        AttemptEnd::Passed | AttemptEnd::Warned => None,
        _ => return printed(model, execution, &result.output, facts),
    };
    facts.about("Expect");
    for expected in execution.expect.iter().map(ToString::to_string) {
        let not = why.is_some_and(|why| why.contains(&expected));
        match not {
            true => facts.say(Role::Bad, &format!("✖ {expected}")),
            false => facts.say(Role::Ok, &format!("✓ {expected}")),
        }
    }
    printed(model, execution, &result.output, facts);
}

/// The program of a part of a step.
fn execution_of<'a>(run: &'a Run, step: &'a Step, part: AttemptPart) -> Option<&'a Execution> {
    let check = match part {
        AttemptPart::Work => return step.work.execution(),
        AttemptPart::DoneIf => step.work.action()?.done_if.as_deref(),
        AttemptPart::Verify => step.decider(),
    };
    run.book.step(check?)?.work.execution()
}

fn printed(model: &Model, execution: &Execution, output: &KeptOutput, facts: &mut Facts) {
    facts.about("Printed");
    let (found, bytes) = match output {
        KeptOutput::Nothing => return,
        KeptOutput::Hash { hash, bytes } => {
            let hash = hash.get(..12).unwrap_or(hash);
            return facts.say(Role::Muted, &format!("{bytes} bytes, of which only a hash is kept: {hash}…"));
        }
        KeptOutput::Text { text, .. } if text.trim().is_empty() => return facts.say(Role::Muted, "nothing"),
        KeptOutput::Text { text, bytes } => (text, *bytes),
    };
    if found.len() as u64 * 2 < bytes {
        facts.say(Role::Muted, &format!("the end of {bytes} bytes"));
    }
    if let Some(sample) = &execution.sample {
        facts.say(Role::Muted, "- as it is when all is well   + as it was now");
        for line in compare(sample, found).into_iter().take(SHOWN) {
            match line {
                Difference::Same(line) => facts.verbatim(Role::Muted, &format!("  {line}")),
                Difference::Missing(line) => facts.verbatim(Role::Warn, &format!("- {line}")),
                Difference::Added(line) => facts.verbatim(Role::Focus, &format!("+ {line}")),
            }
        }
        return;
    }
    let laid_out = serde_json::from_str::<serde_json::Value>(found)
        .ok()
        .and_then(|document| serde_json::to_string_pretty(&document).ok());
    let found = laid_out.as_deref().unwrap_or(found).trim_end();
    let all = found.lines().count();
    for line in found.lines().take(SHOWN) {
        facts.verbatim(Role::Text, line);
    }
    if all > SHOWN {
        let words = format!("+ {} more lines: {} shows all that is kept", all - SHOWN, model.key("run-text"));
        facts.say(Role::Muted, &words);
    }
}
