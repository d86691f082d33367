//! `codeblue change`

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;

use super::{
    approve::{Approve, Payload},
    carry,
    change_export::Export,
    change_request::{Revise, Submit},
    change_template::Template,
    danger,
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text, words,
};
use crate::{
    domain::{
        self, Attestation, ChangeId, ChangeState, Command, ReviewOutcome, Role, State, missing_roles, role_name,
        role_to_fill, unsatisfiable, who_may_approve,
    },
    engine::DryRunRequest,
};

/// Changes and their approvals
#[derive(Debug, Subcommand)]
pub enum Change {
    /// Ask for a change, whether or not it could run at once
    Submit(Submit),
    /// Changes, newest first; with --mine those that wait for you, the most urgent first
    List {
        /// Only those that wait for somebody
        #[arg(long)]
        pending: bool,
        /// Only those that wait for you
        #[arg(long, conflicts_with = "pending")]
        mine: bool,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// One change: its plan, its risk, what it touches and who agreed
    Show {
        change: ChangeId,
        /// Also what its plan would change now, file by file
        #[arg(long)]
        dry_run: bool,
    },
    /// Give a change another plan or another time: everybody is asked anew
    Revise(Revise),
    /// Agree to exactly the plan it has now
    Approve(Approve),
    /// Print what an approver signs, to sign it on another machine
    Payload(Payload),
    /// Say no
    Reject {
        change: ChangeId,
        #[arg(long)]
        reason: String,
    },
    /// Take your yes or no back; what is being carried out stops after the step under way
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
    /// Let somebody agree in your place while you are away, or not any more; without options: who may for whom
    Delegate {
        /// Who
        #[arg(long, value_name = "OPERATOR")]
        to: Option<String>,
        /// For which of your roles; the highest when absent
        #[arg(long, value_parser = words::role(), requires = "to")]
        role: Option<Role>,
        /// For how long
        #[arg(long = "for", value_name = "TIME", value_parser = words::duration, requires_all = ["to", "reason"])]
        length: Option<Duration>,
        /// For changes to this service only; may be repeated
        #[arg(long = "service", value_name = "SERVICE", requires = "to")]
        services: Vec<String>,
        /// Why; part of the record
        #[arg(long, requires = "to")]
        reason: Option<String>,
        /// Not any more
        #[arg(long, requires = "to", conflicts_with_all = ["length", "role", "services", "reason"])]
        end: bool,
    },
    /// Carry out now what is approved and waits
    Implement { change: ChangeId },
    /// Begin no new step of it
    Stop {
        change: ChangeId,
        #[arg(long)]
        reason: String,
    },
    /// Take back what it did, from whatever step it has come to
    RollBack {
        change: ChangeId,
        #[arg(long)]
        reason: String,
    },
    /// You had no part in it and have seen whether it worked
    Validate {
        change: ChangeId,
        /// What you looked at
        #[arg(long)]
        note: String,
        /// It did not work
        #[arg(long)]
        failed: bool,
    },
    /// Write down what was learned from it
    Review {
        change: ChangeId,
        #[arg(long, value_parser = words::review_outcome())]
        outcome: ReviewOutcome,
        #[arg(long)]
        findings: String,
    },
    /// Write what was agreed to and each signature into a folder, to be checked without codeblue
    Export(Export),
    /// Standard changes: what is agreed to beforehand
    #[command(subcommand)]
    Template(Template),
}

impl Change {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let command = match self {
            Self::List { pending, mine, limit } => return list(session, pending, mine, limit).await,
            Self::Show { change, dry_run } => return show(session, change, dry_run).await,
            Self::Approve(approve) => return approve.run(session).await,
            Self::Payload(payload) => return payload.run(session).await,
            Self::Delegate { to: None, .. } => return delegations(session).await,
            Self::RollBack { change, reason } => return carry::take_back(session, change, &reason).await,
            Self::Export(export) => return export.run(session).await,
            Self::Template(template) => return template.run(session).await,
            Self::Submit(submit) => {
                let command = submit.command(session)?;
                return carry::begin(session, &session.client()?, &command, false).await;
            }
            Self::Revise(revise) => revise.command(session)?,
            Self::Reject { change, reason } => Command::RejectChange { change, reason },
            Self::Revoke { change, reason } => Command::RevokeApproval { change, reason },
            Self::Withdraw { change, reason } => Command::WithdrawChange { change, reason },
            Self::Delegate { to: Some(to), end: true, .. } => Command::EndDelegation { to },
            Self::Delegate { to: Some(to), role, length: Some(length), services, reason, .. } => {
                let role = match role {
                    Some(role) => role,
                    None => own_role(session).await?,
                };
                let until =
                    TimeDelta::from_std(length).ok().and_then(|length| session.now().checked_add_signed(length));
                let until = until.ok_or_else(|| CliError::Usage("--for: that is too long".to_owned()))?;
                Command::DelegateApproval { to, role, until, services, reason: reason.unwrap_or_default() }
            }
            Self::Delegate { .. } => return Err(CliError::Usage("say for how long with --for, or --end".to_owned())),
            Self::Implement { change } => Command::ImplementChange { change },
            Self::Stop { change, reason } => Command::StopChange { change, reason },
            Self::Validate { change, note, failed } => Command::ValidateChange { change, passed: !failed, note },
            Self::Review { change, outcome, findings } => Command::ReviewChange { change, outcome, findings },
        };
        session.submit(command).await
    }
}

/// The highest role of the caller that others ask for.
async fn own_role(session: &Session) -> Result<Role, CliError> {
    let me = session.client()?.whoami().await?;
    let highest = me.roles.iter().copied().filter(|role| *role != Role::Viewer).max();
    highest.ok_or_else(|| {
        CliError::Usage("you hold no role that could be delegated; who holds which: codeblue operator list".to_owned())
    })
}

async fn delegations(session: &Session) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let now = session.now();
    let running: Vec<_> = state.delegations.iter().filter(|delegation| delegation.until > now).collect();
    session.output.result(&running, || {
        if running.is_empty() {
            return "nobody agrees in another's place".to_owned();
        }
        let mut table = Table::new(["WHO", "FOR", "AS", "UNTIL", "WHERE", "WHY"]);
        for delegation in &running {
            let place =
                if delegation.services.is_empty() { "everywhere".to_owned() } else { delegation.services.join(", ") };
            table.row([
                Cell::from(&delegation.to),
                Cell::from(&delegation.from),
                Cell::from(role_name(delegation.role)),
                Cell::from(text::moment(delegation.until)),
                Cell::from(place),
                Cell::from(&delegation.reason),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

async fn list(session: &Session, pending: bool, mine: bool, limit: usize) -> Result<Exit, CliError> {
    let client = session.client()?;
    let state = client.state().await?;
    let changes: Vec<&domain::Change> = if mine {
        let me = client.whoami().await?.name;
        let waiting = state.pending_changes().into_iter();
        waiting.filter(|change| role_to_fill(&state, change, &me).is_ok()).take(limit).collect()
    } else {
        let all = state.changes.values().rev();
        all.filter(|change| !pending || change.state == ChangeState::Pending).take(limit).collect()
    };
    session.output.result(&changes, || match changes.as_slice() {
        [] if mine => "nothing waits for you".to_owned(),
        [] => "no change".to_owned(),
        some => table(&state, some.iter().copied(), session.now()).render(&session.output),
    })?;
    Ok(Exit::Done)
}

pub(super) fn table<'a>(state: &State, changes: impl Iterator<Item = &'a domain::Change>, now: DateTime<Utc>) -> Table {
    let mut table = Table::new(["RISK", "ID", "STATE", "BY", "WAITS FOR", "LAPSES", "WHAT"]);
    for change in changes {
        let pending = change.state == ChangeState::Pending;
        let (missing, lapses) = if pending {
            (missing(state, change), text::span(change.expires_at - now))
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

fn missing(state: &State, change: &domain::Change) -> String {
    missing_roles(state, change).into_iter().map(role_name).collect::<Vec<_>>().join(", ")
}

fn state_cell(state: ChangeState) -> Cell {
    let paint = match state {
        ChangeState::Pending => Paint::Warn,
        ChangeState::Approved | ChangeState::Implementing => Paint::Strong,
        ChangeState::Validating | ChangeState::Validated | ChangeState::Closed => Paint::Good,
        ChangeState::Failed | ChangeState::Rejected | ChangeState::RolledBack => Paint::Bad,
        ChangeState::Expired | ChangeState::Withdrawn => Paint::Dim,
    };
    Cell::painted(state.to_string(), paint)
}

async fn show(session: &Session, id: ChangeId, dry_run: bool) -> Result<Exit, CliError> {
    let client = session.client()?;
    let state = client.state().await?;
    let change = state.change(id)?;
    if dry_run {
        let dry = client.dry_run(&DryRunRequest::Change { change: id }).await?;
        let page = || describe(&state, change) + &danger::differences(&dry.components, &session.output);
        session.output.result(&dry, page)?;
    } else {
        session.output.result(change, || describe(&state, change))?;
    }
    Ok(Exit::Done)
}

pub(super) fn describe(state: &State, change: &domain::Change) -> String {
    let mut page = format!("{} {}: {}\n", change.id, change.state, text::line(&change.title));
    page += &format!(
        "{} change by {} at {}: {}\n",
        change.kind,
        change.requester,
        text::moment(change.submitted_at),
        text::line(&change.reason)
    );
    if let Some(incident) = change.incident {
        page += &format!("for {incident}\n");
    }
    if let Some(template) = &change.template {
        page += &format!("agreed to beforehand as {}\n", text::line(template));
    }
    page += &format!("risk {} of 10, {}\n", change.risk.score, change.risk.level().name());
    for point in &change.risk.points {
        page += &format!("  {:+} {}\n", point.points, text::line(&point.why));
    }
    page += &impact(change);
    page += &format!("plan {}, round {}\n", change.plan_hash, change.round);
    let runs = change.recovery.and_then(|id| state.recoveries.get(&id)).map(|recovery| &recovery.steps);
    for (index, step) in change.plan.steps.iter().enumerate() {
        let how = runs.and_then(|runs| runs.get(index)).map(|run| format!("   {}", text::word(&run.state)));
        page += &format!("  {}. {}{}\n", index + 1, text::line(&step.to_string()), how.unwrap_or_default());
    }
    if let Some(loses) = &change.plan.loses {
        page += &format!("LOSES {}\n", text::line(loses));
    }
    page + &agreement(state, change) + &aftermath(change)
}

/// What it touches, whom that reaches, and the way back.
fn impact(change: &domain::Change) -> String {
    let impact = &change.impact;
    let mut page = format!("touches {}", text::line(&impact.services.join(", ")));
    if !impact.reaches.is_empty() {
        page += &format!("; reaches {}", text::line(&impact.reaches.join(", ")));
    }
    page += "\n";
    if !impact.functions.is_empty() {
        page += &format!("people use it for {}\n", text::line(&impact.functions.join(", ")));
    }
    if let Some(users) = impact.users {
        page += &format!("about {users} users\n");
    }
    match impact.downtime_seconds {
        0 => page += "interrupts nothing that works now\n",
        seconds => page += &format!("interrupts for about {seconds} s\n"),
    }
    page + &format!("way back: {}\n", impact.way_back)
}

/// Who agreed, who is missing, and how long there is.
fn agreement(state: &State, change: &domain::Change) -> String {
    let mut page = String::new();
    for approval in change.current_approvals() {
        let said =
            if approval.reason.is_empty() { String::new() } else { format!(": {}", text::line(&approval.reason)) };
        let place = approval.on_behalf_of.as_ref().map(|name| format!(" in place of {}", text::line(name)));
        let how = match &approval.attestation {
            Attestation::Session => "session".to_owned(),
            Attestation::SecondFactor => "session and second factor".to_owned(),
            Attestation::Signature { fingerprint, .. } => format!("signed {}", text::line(fingerprint)),
        };
        page += &format!(
            "✓ {} as {}{} at {} ({how}){said}\n",
            text::line(&approval.operator),
            role_name(approval.role),
            place.unwrap_or_default(),
            text::moment(approval.at)
        );
    }
    if change.state == ChangeState::Pending {
        page += &format!("waits for the {} until {}\n", missing(state, change), text::moment(change.expires_at));
        for (role, people) in who_may_approve(state, change) {
            let who = if people.is_empty() { "nobody".to_owned() } else { people.join(", ") };
            page += &format!("  {} could be: {}\n", role_name(role), text::line(&who));
        }
        for role in unsatisfiable(state, change) {
            page += &format!("WAITS IN VAIN: nobody is left who may agree as {}\n", role_name(role));
        }
    }
    let conflicts: Vec<String> = change.conflicts.iter().map(ToString::to_string).collect();
    if change.state.is_open() && !conflicts.is_empty() {
        page += &format!("works on the same as {}\n", conflicts.join(", "));
    }
    if let Some(window) = change.window {
        page += &format!("may begin from {} to {}\n", text::moment(window.from), text::moment(window.until));
    }
    if let (ChangeState::Approved, Some(by)) = (change.state, change.execute_by()) {
        page += &format!("has to begin by {}\n", text::moment(by));
    }
    if let Some((actor, reason)) = &change.decision {
        page += &format!("{} by {actor}: {}\n", text::word(&change.state), text::line(reason));
    }
    page
}

/// What came of it, and what is still owed.
fn aftermath(change: &domain::Change) -> String {
    let mut page = String::new();
    if let Some(recovery) = change.recovery {
        let glass = change.break_glass.map(|glass| format!(" under {glass}, without the approvals that are missing"));
        page += &format!("carried out by {recovery}{}\n", glass.unwrap_or_default());
    }
    if change.state == ChangeState::Validating {
        page += &format!(
            "somebody who had no part in it has to see that it worked: codeblue change validate {}\n",
            change.id
        );
    }
    if let Some(by) = &change.validated_by {
        page += &format!("seen by {by}\n");
    }
    if let Some(review) = &change.review {
        let (by, outcome) = (text::line(&review.by), text::word(&review.outcome));
        page +=
            &format!("reviewed by {by} at {}, {outcome}: {}\n", text::moment(review.at), text::line(&review.findings));
    } else if let Some(due) = change.review_due_at() {
        let late = if change.review_overdue_at.is_some() { "OVERDUE: " } else { "" };
        page += &format!("{late}review owed by {}: codeblue change review {}\n", text::moment(due), change.id);
    }
    page
}
