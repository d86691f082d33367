//! What stands in the values of attributes: retries, rates, conditions, and where a run goes on. Each gives what it read, or what
//! is wrong and what would be right.

use super::{Capture, Condition, Confirm, Ended, OnTrouble, RateLimit, Retry, Target};
use crate::domain::runbook::{duration, is_input_name, is_slug, service_ref};

/// What is wrong, and what would be right.
pub(super) type Wrong = (String, String);

/// Where a box leads: `pool-restart`, `step 4 (pool-restart)`, `next`, `end` or `book RB-05-…`.
pub(super) fn target_of(text: &str) -> Option<Target> {
    if let Some(book) = text.strip_prefix("book ") {
        return (!book.is_empty() && book.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
            .then(|| Target::Book(book.to_owned()));
    }
    let name = match text.strip_prefix("step ") {
        Some(rest) => rest.split_once('(')?.1.strip_suffix(')')?,
        None => text,
    };
    match name {
        "next" => Some(Target::Next),
        "end" => Some(Target::End),
        name => is_slug(name).then(|| Target::Step(name.to_owned())),
    }
}

/// What comes next when a step does not pass.
pub(super) fn on_trouble(text: &str) -> Result<OnTrouble, Wrong> {
    Ok(match text {
        "stop" => OnTrouble::Stop,
        "ask" => OnTrouble::Ask,
        "continue" => OnTrouble::Continue,
        "rollback" => OnTrouble::Rollback,
        "escalate" => OnTrouble::Escalate,
        _ => match text.strip_prefix("goto:").filter(|name| is_slug(name)) {
            Some(name) => OnTrouble::Goto(name.to_owned()),
            None => {
                let expected = "one of stop, ask, continue, rollback, escalate, goto:STEP";
                return Err((format!("{text:?} is none of them"), expected.to_owned()));
            }
        },
    })
}

/// Where a run goes on.
pub(super) fn then(text: &str) -> Result<Target, Wrong> {
    match (text, text.strip_prefix("goto:").filter(|name| is_slug(name))) {
        ("next", _) => Ok(Target::Next),
        ("end", _) => Ok(Target::End),
        (_, Some(name)) => Ok(Target::Step(name.to_owned())),
        _ => Err((format!("{text:?} leads nowhere"), "one of next, end, goto:STEP".to_owned())),
    }
}

/// What is asked before a step runs.
pub(super) fn confirm(text: &str) -> Result<Confirm, Wrong> {
    match text {
        "no" => Ok(Confirm::No),
        "yes" => Ok(Confirm::Yes),
        _ => match text.strip_prefix("typed:").filter(|text| !text.trim().is_empty()) {
            Some(text) => Ok(Confirm::Typed(text.trim().to_owned())),
            None => Err((format!("{text:?} is none of them"), "one of no, yes, typed:TEXT".to_owned())),
        },
    }
}

/// `3x5s`, or `3x2s..30s` where the pause doubles up to the second.
pub(super) fn retry(text: &str) -> Result<Retry, Wrong> {
    let read = || {
        let (attempts, pauses) = text.split_once('x')?;
        let (pause, longest) = pauses.split_once("..").unwrap_or((pauses, pauses));
        let (pause, longest) = (duration(pause)?, duration(longest)?);
        let attempts = attempts.trim().parse().ok().filter(|attempts| (1..=10_000).contains(attempts))?;
        (pause <= longest).then_some(Retry { attempts, pause, longest })
    };
    read().ok_or_else(|| (format!("{text:?} is no retry"), "3x5s, or 3x2s..30s".to_owned()))
}

/// `1/15m`.
pub(super) fn rate_limit(text: &str) -> Result<RateLimit, Wrong> {
    let read = || {
        let (times, within) = text.split_once('/')?;
        let times = times.trim().parse().ok().filter(|times| (1..=1000).contains(times))?;
        Some(RateLimit { times, within: duration(within.trim())? })
    };
    read().ok_or_else(|| (format!("{text:?} is no rate"), "1/15m, for once in fifteen minutes".to_owned()))
}

/// `NAME=stdout` or `NAME=json:/pointer`, joined by `;`.
pub(super) fn captures(text: &str) -> Result<Vec<Capture>, Wrong> {
    let one = |part: &str| {
        let (name, from) = part.trim().split_once('=')?;
        let pointer = match from.trim() {
            "stdout" => None,
            from => Some(from.strip_prefix("json:").filter(|pointer| pointer.starts_with('/'))?.to_owned()),
        };
        is_input_name(name).then(|| Capture { name: name.to_owned(), pointer })
    };
    text.split(';')
        .map(|part| {
            one(part).ok_or_else(|| (format!("{part:?} sets nothing"), "NAME=stdout or NAME=json:/pointer".to_owned()))
        })
        .collect()
}

/// `input.NAME==value`, `input.NAME!=value`, `step.NAME.ok`, `action.SERVICE/NAME`.
pub(super) fn condition(text: &str) -> Result<Condition, Wrong> {
    let read = || {
        if let Some(rest) = text.strip_prefix("input.") {
            let equal = !rest.contains("!=");
            let (name, value) = rest.split_once(if equal { "==" } else { "!=" })?;
            return is_input_name(name).then(|| Condition::Input {
                name: name.to_owned(),
                equal,
                value: value.to_owned(),
            });
        }
        if let Some(rest) = text.strip_prefix("step.") {
            let (name, ended) = rest.rsplit_once('.')?;
            let ended = match ended {
                "ok" => Ended::Ok,
                "failed" => Ended::Failed,
                "skipped" => Ended::Skipped,
                _ => return None,
            };
            return is_slug(name).then(|| Condition::Step { name: name.to_owned(), ended });
        }
        let (service, action) = text.strip_prefix("action.")?.split_once('/')?;
        is_slug(action).then_some(())?;
        Some(Condition::Action { service: service_ref(service)?, action: action.to_owned() })
    };
    read().ok_or_else(|| {
        let expected = "input.NAME==value, input.NAME!=value, step.NAME.ok, .failed or .skipped, action.SERVICE/NAME";
        (format!("{text:?} is no condition"), expected.to_owned())
    })
}
