//! `codeblue change`

use chrono::{DateTime, Utc};
use clap::Subcommand;

use super::{
    danger,
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    domain::{self, ChangeId, ChangeState, Command, Refusal, role_name},
    engine::DryRunRequest,
};

/// Changes and their approvals
#[derive(Debug, Subcommand)]
pub enum Change {
    /// Changes, newest first
    List {
        /// Only those that wait for somebody
        #[arg(long)]
        pending: bool,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// One change: its plan, its risk and who agreed
    Show {
        change: ChangeId,
        /// Also what its plan would change now, file by file
        #[arg(long)]
        dry_run: bool,
    },
    /// Agree to exactly the plan it has now
    Approve {
        change: ChangeId,
        #[arg(long, default_value = "")]
        reason: String,
        /// Agree only if the plan still has this hash, as `change show` gave it
        #[arg(long, value_name = "HASH")]
        plan: Option<String>,
    },
    /// Say no
    Reject {
        change: ChangeId,
        #[arg(long)]
        reason: String,
    },
    /// Take your approval back
    Revoke {
        change: ChangeId,
        #[arg(long)]
        reason: String,
    },
    /// You do not want your own change any more
    Withdraw {
        change: ChangeId,
        #[arg(long)]
        reason: String,
    },
}

impl Change {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let command = match self {
            Self::List { pending, limit } => return list(session, pending, limit).await,
            Self::Show { change, dry_run } => return show(session, change, dry_run).await,
            Self::Approve { change, reason, plan } => return approve(session, change, reason, plan).await,
            Self::Reject { change, reason } => Command::RejectChange { change, reason },
            Self::Revoke { change, reason } => Command::RevokeApproval { change, reason },
            Self::Withdraw { change, reason } => Command::WithdrawChange { change, reason },
        };
        session.submit(command).await
    }
}

async fn list(session: &Session, pending: bool, limit: usize) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let changes: Vec<_> = state
        .changes
        .values()
        .rev()
        .filter(|change| !pending || change.state == ChangeState::Pending)
        .take(limit)
        .collect();
    session.output.result(&changes, || match changes.as_slice() {
        [] => "no change".to_owned(),
        some => table(some.iter().copied(), session.now()).render(&session.output),
    })?;
    Ok(Exit::Done)
}

pub(super) fn table<'a>(changes: impl Iterator<Item = &'a domain::Change>, now: DateTime<Utc>) -> Table {
    let mut table = Table::new(["RISK", "ID", "STATE", "BY", "WAITS FOR", "LAPSES", "WHAT"]);
    for change in changes {
        let pending = change.state == ChangeState::Pending;
        let (missing, lapses) = if pending {
            (missing(change), text::span(change.expires_at - now))
        } else {
            ("—".to_owned(), "—".to_owned())
        };
        table.row([
            Cell::from(change.risk.score.to_string()),
            Cell::from(change.id.to_string()),
            state_cell(change.state),
            Cell::from(change.requester.to_string()),
            Cell::from(missing),
            Cell::from(lapses),
            Cell::from(&change.title),
        ]);
    }
    table
}

fn missing(change: &domain::Change) -> String {
    change.missing().into_iter().map(role_name).collect::<Vec<_>>().join(", ")
}

fn state_cell(state: ChangeState) -> Cell {
    let paint = match state {
        ChangeState::Pending => Paint::Warn,
        ChangeState::Approved | ChangeState::Implementing => Paint::Strong,
        ChangeState::Validated => Paint::Good,
        ChangeState::Failed | ChangeState::Rejected => Paint::Bad,
        ChangeState::Expired | ChangeState::Withdrawn => Paint::Dim,
    };
    Cell::painted(state.to_string(), paint)
}

async fn show(session: &Session, id: ChangeId, dry_run: bool) -> Result<Exit, CliError> {
    let client = session.client()?;
    let change = client.state().await?.change(id)?.clone();
    if dry_run {
        let dry = client.dry_run(&DryRunRequest::Change { change: id }).await?;
        session.output.result(&dry, || describe(&change) + &danger::differences(&dry.components, &session.output))?;
    } else {
        session.output.result(&change, || describe(&change))?;
    }
    Ok(Exit::Done)
}

fn describe(change: &domain::Change) -> String {
    let mut page = format!("{} {}: {}\n", change.id, change.state, text::line(&change.title));
    page += &format!(
        "{} change by {} at {}: {}\n",
        text::word(&change.kind),
        change.requester,
        text::moment(change.submitted_at),
        text::line(&change.reason)
    );
    if let Some(incident) = change.incident {
        page += &format!("for {incident}\n");
    }
    page += &format!("risk {} of 10: {}\n", change.risk.score, danger::reasons(&change.risk.points));
    page += &format!("plan {}\n", change.plan_hash);
    for (index, step) in change.plan.steps.iter().enumerate() {
        page += &format!("  {}. {}\n", index + 1, text::line(&step.to_string()));
    }
    if let Some(loses) = &change.plan.loses {
        page += &format!("LOSES {}\n", text::line(loses));
    }
    for approval in &change.approvals {
        let said =
            if approval.reason.is_empty() { String::new() } else { format!(": {}", text::line(&approval.reason)) };
        let (operator, role) = (text::line(&approval.operator), role_name(approval.role));
        page += &format!("✓ {operator} as {role} at {}{said}\n", text::moment(approval.at));
    }
    if change.state == ChangeState::Pending {
        page += &format!("waits for the {} until {}\n", missing(change), text::moment(change.expires_at));
    }
    if let Some((actor, reason)) = &change.decision {
        page += &format!("{} by {actor}: {}\n", text::word(&change.state), text::line(reason));
    }
    if let Some(recovery) = change.recovery {
        let glass = change.break_glass.map(|glass| format!(" under {glass}, without the approvals that are missing"));
        page += &format!("carried out by {recovery}{}\n", glass.unwrap_or_default());
    }
    page
}

/// Binds the approval to one plan: the one named, or the one just shown, or the one in force.
async fn approve(session: &Session, id: ChangeId, reason: String, plan: Option<String>) -> Result<Exit, CliError> {
    let client = session.client()?;
    let change = client.state().await?.change(id)?.clone();
    let plan_hash = match plan {
        Some(hash) if hash != change.plan_hash => {
            return Err(Refusal::new("plan-changed", format!("{id} has the plan {} by now", change.plan_hash))
                .hint(format!("look again with: codeblue change show {id}"))
                .into());
        }
        Some(hash) => hash,
        None => {
            if danger::can_ask() && change.state == ChangeState::Pending {
                let dry = client.dry_run(&DryRunRequest::Change { change: id }).await?;
                let shown = describe(&change) + &danger::differences(&dry.components, &session.output);
                danger::ask(&id.to_string(), &shown)?;
            }
            change.plan_hash
        }
    };
    session.submit(Command::ApproveChange { change: id, plan_hash, reason }).await
}
