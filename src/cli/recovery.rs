//! `codeblue recovery`

use chrono::{DateTime, Utc};
use clap::Subcommand;

use super::{
    carry::{self, Care, UnderWay},
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    domain::{self, Command, RecoveryId, RecoveryOutcome, StepState},
    engine::DryRunRequest,
};

/// Runs of recovery: follow, stop, take back
#[derive(Debug, Subcommand)]
pub enum Recovery {
    /// Recoveries, newest first
    List {
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// One recovery, step by step
    Show {
        recovery: RecoveryId,
        /// Stay until it is over
        #[arg(long)]
        wait: bool,
    },
    /// Stop it after the step under way
    Cancel {
        recovery: RecoveryId,
        #[arg(long)]
        reason: String,
    },
    /// Bring back what stood before it
    Undo {
        recovery: RecoveryId,
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        care: Care,
    },
}

impl Recovery {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List { limit } => {
                let state = session.client()?.state().await?;
                let recoveries: Vec<_> = state.recoveries.values().rev().take(limit).collect();
                session.output.result(&recoveries, || match recoveries.as_slice() {
                    [] => "no recovery yet".to_owned(),
                    some => table(some.iter().copied(), session.now()).render(&session.output),
                })?;
                Ok(Exit::Done)
            }
            Self::Show { recovery, wait } => {
                let client = session.client()?;
                let found = client.state().await?.recovery(recovery)?.clone();
                if wait {
                    return carry::follow(session, &client, UnderWay { recovery: Some(recovery), change: None }).await;
                }
                session.output.result(&found, || describe(session, &found))?;
                Ok(Exit::Done)
            }
            Self::Cancel { recovery, reason } => session.submit(Command::CancelRecovery { recovery, reason }).await,
            Self::Undo { recovery, reason, care } => {
                let command = Command::UndoRecovery { recovery, reason };
                let request = DryRunRequest::Undo { recovery };
                carry::carry_out(session, &care, &recovery.to_string(), request, command).await
            }
        }
    }
}

pub(super) fn table<'a>(recoveries: impl Iterator<Item = &'a domain::Recovery>, now: DateTime<Utc>) -> Table {
    let mut table = Table::new(["AGE", "ID", "STATE", "STEP", "TOOK", "BY", "WHAT"]);
    for recovery in recoveries {
        let done = recovery.steps.iter().filter(|step| step.state == StepState::Done).count();
        let until = recovery.ended.map_or(now, |(at, _)| at);
        table.row([
            Cell::from(text::age(Some(recovery.started_at), now)),
            Cell::from(recovery.id.to_string()),
            outcome(recovery),
            Cell::from(format!("{done} of {}", recovery.steps.len())),
            Cell::from(text::span(until - recovery.started_at)),
            Cell::from(recovery.started_by.to_string()),
            Cell::from(&recovery.plan.title),
        ]);
    }
    table
}

fn outcome(recovery: &domain::Recovery) -> Cell {
    match recovery.ended {
        None if recovery.cancel_requested => Cell::painted("stopping", Paint::Warn),
        None => Cell::painted("running", Paint::Strong),
        Some((_, RecoveryOutcome::Succeeded)) if !recovery.lasted() => Cell::painted("did not last", Paint::Bad),
        Some((_, RecoveryOutcome::Succeeded)) => Cell::painted("succeeded", Paint::Good),
        Some((_, RecoveryOutcome::Failed)) => Cell::painted("FAILED", Paint::Bad),
        Some((_, RecoveryOutcome::Cancelled)) => Cell::painted("cancelled", Paint::Warn),
    }
}

fn describe(session: &Session, recovery: &domain::Recovery) -> String {
    let mut page = format!("{}: {}\n", recovery.id, text::line(&recovery.plan.title));
    page += &format!(
        "started     {} by {}: {}\n",
        text::moment(recovery.started_at),
        recovery.started_by,
        text::line(&recovery.reason)
    );
    let mut linked = |what: &str, id: Option<String>| {
        if let Some(id) = id {
            page += &format!("{what:<11} {id}\n");
        }
    };
    linked("incident", recovery.incident.map(|id| id.to_string()));
    linked("change", recovery.change.map(|id| id.to_string()));
    linked("under", recovery.break_glass.map(|id| format!("{id}: nobody had agreed")));
    linked("safety", recovery.safety_snapshot.map(|id| id.to_string()));
    page += &match recovery.ended {
        None => "running\n".to_owned(),
        Some((at, outcome)) => {
            let took = text::span(at - recovery.started_at);
            format!("{outcome} after {took}: {}\n", text::line(&recovery.summary))
        }
    };
    if let Some(why) = &recovery.relapse {
        page += &format!("did not last: {}\n", text::line(why));
    }
    if let Some(until) = recovery.watch_until {
        page += &format!("watched until {}\n", text::moment(until));
    }
    let mut table = Table::new(["", "STEP", "TOOK", "WHAT IT SAID"]);
    for (step, run) in recovery.plan.steps.iter().zip(&recovery.steps) {
        let mark = match run.state {
            StepState::Waiting => Cell::from("·"),
            StepState::Running => Cell::painted("▶", Paint::Strong),
            StepState::Done => Cell::painted("✓", Paint::Good),
            StepState::Failed => Cell::painted("✖", Paint::Bad),
            StepState::Skipped => Cell::from("–"),
        };
        let took = match (run.started_at, run.ended_at) {
            (Some(from), Some(to)) => format!("{:.1} s", (to - from).as_seconds_f64()),
            _ => "—".to_owned(),
        };
        table.row([mark, Cell::from(step.to_string()), Cell::from(took), Cell::from(&run.output)]);
    }
    page + "\n" + &table.render(&session.output)
}
