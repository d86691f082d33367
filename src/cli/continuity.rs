//! `codeblue continuity`

use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::json;

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    domain::{Command, Named, Refusal, State},
    platform::CriticalFunction,
};

/// What people cannot do without for long, and doing it by hand
#[derive(Debug, Subcommand)]
pub enum Continuity {
    /// Every critical function: how long it has been interrupted against what it may be, and whether it is done by hand
    List,
    /// One function: what it needs, its steps by hand and which are done, and whom to call
    Show { function: String },
    /// Have a function done by hand from here on
    Activate {
        function: String,
        #[arg(long)]
        reason: String,
    },
    /// Tick off a step of doing it by hand, counted from 1
    Done { function: String, step: usize },
    /// Stop doing it by hand: the platform carries it again, and what was written down is entered
    End {
        function: String,
        /// What is still to be entered, and by whom
        #[arg(long)]
        note: String,
    },
}

impl Continuity {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List => list(session).await,
            Self::Show { function } => show(session, &function).await,
            Self::Activate { function, reason } => session.submit(Command::ActivateFallback { function, reason }).await,
            Self::Done { function, step } => session.submit(Command::FinishFallbackStep { function, step }).await,
            Self::End { function, note } => session.submit(Command::EndFallback { function, note }).await,
        }
    }
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let document: Vec<_> = state.platform.functions.iter().map(|function| document(&state, function)).collect();
    session.output.result(&document, || {
        if state.platform.functions.is_empty() {
            return "the platform file names no critical function: [[function]]\n".to_owned();
        }
        let mut table = Table::new(["STATE", "FUNCTION", "DOWN", "AT MOST", "BY HAND", "OWNER"]);
        for function in &state.platform.functions {
            let interruption = state.continuity.interruptions.get(&function.name);
            let used = interruption.map(|found| found.used(function, session.now()));
            let down = interruption.map(|found| text::span(session.now() - found.since));
            let steps = function.fallback.len();
            let by_hand = state.continuity.fallbacks.get(&function.name);
            let by_hand = by_hand.map_or_else(
                || "—".to_owned(),
                |found| {
                    format!(
                        "{} of {steps} steps, for {}",
                        found.done.len(),
                        text::age(Some(found.since), session.now())
                    )
                },
            );
            table.row([
                standing(used),
                Cell::from(&function.name),
                Cell::from(down.unwrap_or_else(|| "—".to_owned())),
                Cell::from(longest(function)),
                Cell::from(by_hand),
                Cell::from(function.owner.as_deref().unwrap_or("—")),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

fn longest(function: &CriticalFunction) -> String {
    text::span(chrono::TimeDelta::from_std(function.max_downtime).unwrap_or(chrono::TimeDelta::MAX))
}

fn standing(used: Option<f64>) -> Cell {
    match used {
        None => Cell::painted("● CARRIED", Paint::Good),
        Some(used) if used >= 1.0 => Cell::painted(format!("✖ OVER {:.0} %", used * 100.0), Paint::Bad),
        Some(used) => Cell::painted(format!("▲ DOWN {:.0} %", used * 100.0), Paint::Warn),
    }
}

fn document(state: &State, function: &CriticalFunction) -> serde_json::Value {
    json!({
        "function": function,
        "needs": state.platform.services_of(function).collect::<Vec<_>>(),
        "lacks": state.lacks(function).collect::<Vec<_>>(),
        "interruption": state.continuity.interruptions.get(&function.name),
        "byHand": state.continuity.fallbacks.get(&function.name),
    })
}

async fn show(session: &Session, name: &str) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let function = state.platform.function(name).ok_or_else(|| Refusal::unknown(Named::Function, name))?;
    session.output.result(&document(&state, function), || page(&state, function, session.now()))?;
    Ok(Exit::Done)
}

/// A function as somebody reads it who is about to do it by hand.
fn page(state: &State, function: &CriticalFunction, now: DateTime<Utc>) -> String {
    let mut lines = vec![function.name.clone()];
    let needs: Vec<&str> = state.platform.services_of(function).collect();
    let lacks: Vec<&str> = state.lacks(function).collect();
    lines.push(format!("  needs    {}", needs.join(", ")));
    lines.push(match state.continuity.interruptions.get(&function.name) {
        None => format!("  now      carried by the platform; may be interrupted for {}", longest(function)),
        Some(found) => format!(
            "  now      INTERRUPTED for {} of {} ({:.0} %): {} down",
            text::span(now - found.since),
            longest(function),
            found.used(function, now) * 100.0,
            lacks.join(", ")
        ),
    });
    lines.extend(function.owner.iter().map(|owner| format!("  owner    {owner}")));
    lines.extend(function.contacts.iter().map(|contact| format!("  call     {contact}")));
    let by_hand = state.continuity.fallbacks.get(&function.name);
    lines.push(match by_hand {
        None => "\nBy hand".to_owned(),
        Some(found) => {
            let after = found.after.map(|after| format!(", {} after it began", text::span(after))).unwrap_or_default();
            format!("\nBy hand since {}{after}, by {}: {}", text::moment(found.since), found.by, found.reason)
        }
    });
    for (step, what) in (1..).zip(&function.fallback) {
        let done = by_hand.and_then(|found| found.done.get(&step));
        let mark = if done.is_some() { "[x]" } else { "[ ]" };
        let who = done.map(|(at, who)| format!("  ({who}, {})", at.format("%H:%M"))).unwrap_or_default();
        lines.push(format!("  {mark} {step}. {what}{who}"));
    }
    if by_hand.is_none() {
        lines.push(format!("\nBegin: codeblue continuity activate {:?} --reason …", function.name));
    }
    lines.iter().map(|line| line.split('\n').map(text::line).collect::<Vec<_>>().join("\n") + "\n").collect()
}
