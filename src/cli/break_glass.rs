//! `codeblue break-glass`

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    carry::{self, Care},
    danger,
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text, words,
};
use crate::{
    domain::{
        self, BREAK_GLASS_REVIEW, BREAK_GLASS_REVIEWERS, BreakGlassId, Ceiling, ChangeId, Command, IncidentId,
        ReviewVerdict,
    },
    engine::DryRunRequest,
};

/// Act without an approval in an emergency: loud, for an hour at most, and reviewed by two others
#[derive(Debug, Subcommand)]
pub enum BreakGlass {
    /// Open it for yourself; everybody who may approve is told
    Open {
        /// An open SEV1 or SEV2
        incident: IncidentId,
        /// A service that you will act on; may be repeated
        #[arg(long = "service", value_name = "SERVICE", required = true)]
        services: Vec<String>,
        /// How far you will reach: declared actions, also code and configuration, also data
        #[arg(long, default_value = "code", value_parser = words::ceiling())]
        ceiling: Ceiling,
        /// For how long, at most 60m
        #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = words::duration)]
        length: Duration,
        /// What cannot wait for an approval, and why; at least 20 characters
        #[arg(long)]
        reason: String,
        /// The incident's name, in place of typing it
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Carry out a change under yours although its approvals are missing
    Execute {
        change: ChangeId,
        #[command(flatten)]
        care: Care,
    },
    /// You need it no more
    End { break_glass: BreakGlassId },
    /// Take it away from somebody
    Revoke {
        break_glass: BreakGlassId,
        #[arg(long)]
        reason: String,
    },
    /// Say what you think of a use by somebody else
    Review {
        break_glass: BreakGlassId,
        #[arg(long, value_parser = words::review_verdict())]
        verdict: ReviewVerdict,
        /// What you found, in one line
        #[arg(long)]
        findings: String,
    },
    /// Every use, newest first
    List,
    /// One use: its scope, what was done under it, and what others think of it
    Show { break_glass: BreakGlassId },
}

impl BreakGlass {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let command = match self {
            Self::Open { incident, services, ceiling, length, reason, confirm } => {
                let minutes = u32::try_from(length.as_secs().div_ceil(60)).unwrap_or(u32::MAX);
                let command = Command::BreakGlass { incident, reason, services: services.clone(), ceiling, minutes };
                let target = incident.to_string();
                match confirm {
                    Some(confirm) => danger::named(&target, &confirm)?,
                    None if danger::can_ask() => {
                        danger::ask(&target, &warning(&services, ceiling, minutes), session.host())?;
                    }
                    None => {
                        let why = "everybody who may approve is told, and there is no terminal to ask on";
                        return Err(CliError::Usage(format!("{why}: add --confirm {target}")));
                    }
                }
                command
            }
            Self::Execute { change, care } => {
                let plan_hash = session.client()?.state().await?.change(change)?.plan_hash.clone();
                let command = Command::ExecuteUnderBreakGlass { change, plan_hash };
                let request = DryRunRequest::Change { change };
                return carry::carry_out(session, &care, &change.to_string(), request, command).await;
            }
            Self::End { break_glass } => Command::EndBreakGlass { break_glass },
            Self::Revoke { break_glass, reason } => Command::RevokeBreakGlass { break_glass, reason },
            Self::Review { break_glass, verdict, findings } => {
                Command::ReviewBreakGlass { break_glass, verdict, findings }
            }
            Self::List => return list(session).await,
            Self::Show { break_glass } => return show(session, break_glass).await,
        };
        session.submit(command).await
    }
}

/// What opening it leads to.
fn warning(services: &[String], ceiling: Ceiling, minutes: u32) -> String {
    format!(
        "BREAK-GLASS: for {} you act without an approval on {}, as far as {}.\n\
         The compliance officer, the CTO and everybody who may approve are told now.\n\
         Every act carries its id, and none counts as approved. {BREAK_GLASS_REVIEWERS} others review it within {} h;\n\
         until then you open no other, and the incident is not closed.\n",
        text::count(usize::try_from(minutes).unwrap_or(usize::MAX), "minute"),
        text::line(&services.join(", ")),
        ceiling.says(),
        BREAK_GLASS_REVIEW.num_hours()
    )
}

/// A use with what follows from it, for other programs.
fn document(glass: &domain::BreakGlass) -> Value {
    let mut value = serde_json::to_value(glass).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("reviewDueAt".to_owned(), json!(glass.review_due_at()));
        fields.insert("findings".to_owned(), json!(glass.findings()));
    }
    value
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let uses: Vec<&domain::BreakGlass> = state.break_glass.values().rev().collect();
    let documents: Vec<Value> = uses.iter().map(|glass| document(glass)).collect();
    session.output.result(&documents, || {
        if uses.is_empty() {
            return "break-glass was used 0 times".to_owned();
        }
        let mut table = Table::new(["ID", "STATE", "BY", "INCIDENT", "OPENED", "ACTS", "REVIEW", "SCOPE"]);
        for glass in &uses {
            table.row([
                Cell::from(glass.id.to_string()),
                state_cell(glass, session.now()),
                Cell::from(&glass.operator),
                Cell::from(glass.incident.to_string()),
                Cell::from(text::moment(glass.opened_at)),
                Cell::from(glass.acts.len().to_string()),
                review_cell(glass, session.now()),
                Cell::from(glass.scope()),
            ]);
        }
        table.render(&session.output) + &format!("{} in all\n", text::count(uses.len(), "use"))
    })?;
    Ok(Exit::Done)
}

fn state_cell(glass: &domain::BreakGlass, now: DateTime<Utc>) -> Cell {
    match &glass.ended {
        None => Cell::painted(format!("OPEN, {} left", text::span(glass.until - now)), Paint::Bad),
        Some(ended) => Cell::from(text::word(&ended.how)),
    }
}

fn review_cell(glass: &domain::BreakGlass, now: DateTime<Utc>) -> Cell {
    match (glass.reviewed_at, glass.review_due_at()) {
        (Some(_), _) if glass.findings().is_empty() => Cell::painted("done", Paint::Good),
        (Some(_), _) => Cell::painted("done, with findings", Paint::Warn),
        (None, Some(due)) if due <= now => Cell::painted("OVERDUE", Paint::Bad),
        (None, Some(due)) => Cell::painted(format!("due in {}", text::span(due - now)), Paint::Warn),
        (None, None) => Cell::from("after its end"),
    }
}

async fn show(session: &Session, id: BreakGlassId) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let glass = state.break_glass(id)?;
    session.output.result(&document(glass), || describe(session, glass))?;
    Ok(Exit::Done)
}

fn describe(session: &Session, glass: &domain::BreakGlass) -> String {
    let mut page = format!("{}: {} for {}\n", glass.id, text::line(&glass.operator), glass.incident);
    page += &format!("reason      {}\n", text::line(&glass.reason));
    page += &format!("services    {}\n", text::line(&glass.services.join(", ")));
    page += &format!("ceiling     {}: {}\n", glass.ceiling, glass.ceiling.says());
    page += &format!("opened      {} until {}\n", text::moment(glass.opened_at), text::moment(glass.until));
    match &glass.ended {
        None => page += &format!("OPEN        {} left\n", text::span(glass.until - session.now())),
        Some(ended) => {
            let (how, why) = (text::word(&ended.how), text::line(&ended.reason));
            page += &format!("ended       {} by {}, {how}: {why}\n", text::moment(ended.at), ended.by);
        }
    }
    for act in &glass.acts {
        let change = act.change.map(|change| format!(" for {change}")).unwrap_or_default();
        let reasons = danger::reasons(&act.risk.points);
        page += &format!(
            "act         {} {}{change}, risk {}: {reasons}\n",
            text::moment(act.at),
            act.recovery,
            act.risk.score
        );
    }
    for review in &glass.reviews {
        let (who, findings) = (text::line(&review.operator), text::line(&review.findings));
        page += &format!("review      {} {who}, {}: {findings}\n", text::moment(review.at), review.verdict);
    }
    page += &match (glass.reviewed_at, glass.review_due_at()) {
        (Some(at), _) => format!("reviewed    {}\n", text::moment(at)),
        (None, Some(due)) => format!("review due  {} by {BREAK_GLASS_REVIEWERS} others\n", text::moment(due)),
        (None, None) => format!(
            "review      by {BREAK_GLASS_REVIEWERS} others, within {} h of its end\n",
            BREAK_GLASS_REVIEW.num_hours()
        ),
    };
    for finding in glass.findings() {
        page += &format!("FINDING     {}\n", text::line(&finding));
    }
    page
}
