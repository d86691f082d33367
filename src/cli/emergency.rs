//! The first minute of an emergency in one command: declare it, keep the evidence, stop what could make it worse, look for the
//! cause, and begin the runbook for it where there is one. It restores nothing: what is to be brought back is a decision of its own, with its own plan.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

use super::{
    carry::{self, Care},
    error::{CliError, Exit},
    session::Session,
    text,
};
use crate::{
    client::Client,
    domain::{Command, Event, IncidentId, RollbackRequest, RunMode, Scope, Severity, SnapshotTrigger},
    engine::{Answer, DryRunRequest},
};

/// Declare an emergency, take an emergency snapshot, do what its kind asks for at once, and begin its runbook where it has to be told nothing more
#[derive(Debug, Args)]
pub struct Emergency {
    /// What kind of emergency
    kind: Kind,
    /// Services that are hit
    services: Vec<String>,
    /// What is known, in one line
    #[arg(long)]
    reason: Option<String>,
}

/// Kinds of emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Nothing works
    SystemFailure,
    /// Somebody may have read what they must not
    DataBreach,
    /// Somebody may be inside
    SecurityIncident,
    /// One application that people cannot do without has failed
    ApplicationFailure,
    /// Anything else
    General,
}

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Self::SystemFailure => "complete system failure",
            Self::DataBreach => "suspected data breach",
            Self::SecurityIncident => "security incident",
            Self::ApplicationFailure => "critical application failure",
            Self::General => "emergency",
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::General => Severity::Sev2,
            _ => Severity::Sev1,
        }
    }

    /// Nothing may be changed by itself while people look at what was done.
    fn is_attack(self) -> bool {
        matches!(self, Self::DataBreach | Self::SecurityIncident)
    }

    /// The book for it; which one it is has to be found out first, else.
    fn book(self) -> Option<&'static str> {
        match self {
            Self::SystemFailure => Some("RB-01"),
            Self::SecurityIncident => Some("RB-06"),
            Self::DataBreach => Some("RB-07"),
            Self::ApplicationFailure | Self::General => None,
        }
    }

    fn next(self, incident: IncidentId) -> Vec<String> {
        let mut next = vec![format!("codeblue incident show {incident}")];
        match self {
            Self::SystemFailure => next.push("codeblue disaster-recovery --dry-run --reason …".to_owned()),
            Self::DataBreach | Self::SecurityIncident => {
                next.push(format!("codeblue incident assign {incident} OPERATOR"));
                next.push("codeblue automation release, when nothing more is to be preserved".to_owned());
            }
            Self::ApplicationFailure | Self::General => {
                next.push("codeblue rollback --service SERVICE --until-healthy --dry-run --reason …".to_owned());
                next.push(format!("codeblue runbook list, then codeblue runbook run BOOK --incident {incident}"));
            }
        }
        next
    }
}

impl Emergency {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        let state = client.state().await?;
        let reason = self.reason.as_deref().unwrap_or(self.kind.title());
        let title = match self.reason.as_deref() {
            Some(reason) => format!("{}: {reason}", self.kind.title()),
            None => self.kind.title().to_owned(),
        };
        let declare =
            Command::DeclareIncident { severity: self.kind.severity(), title, services: self.services.clone() };
        let mut answer = client.submit(&declare).await?;
        let incident = answer.events.iter().find_map(|recorded| match recorded.event {
            Event::IncidentOpened { incident, .. } => Some(incident),
            _ => None,
        });
        let incident = incident.ok_or_else(|| CliError::Failed("no incident was opened".to_owned()))?;
        // What cannot be done is told, and keeps nothing else from being done.
        let mut failed = false;
        if self.kind.is_attack() {
            let halt = Command::HaltAutomation { reason: format!("{incident}: {reason}") };
            failed |= !also(session, &client, &mut answer, halt).await;
        }
        let is_kept = answer.events.iter().any(|recorded| matches!(recorded.event, Event::SnapshotRequested { .. }));
        if !is_kept && !state.platform.components.is_empty() {
            let components = state.platform.components.iter();
            let hit = |service: &String| self.services.is_empty() || self.services.contains(service);
            let components = components.filter(|one| hit(&one.service)).map(|one| one.name.clone()).collect();
            let trigger = SnapshotTrigger::Emergency;
            let snapshot = Command::RequestSnapshot { components, trigger, reason: format!("{incident}: {reason}") };
            failed |= !also(session, &client, &mut answer, snapshot).await;
        }
        let is_diagnosed =
            answer.events.iter().any(|recorded| matches!(recorded.event, Event::DiagnosisRequested { .. }));
        if !is_diagnosed && !self.services.is_empty() {
            failed |= !also(session, &client, &mut answer, Command::RequestDiagnosis { incident }).await;
        }
        let begun = match self.kind.book() {
            Some(book) => Some(begin(&client, &mut answer, book, incident).await),
            None => None,
        };
        session.report(&answer)?;
        for next in begun.into_iter().chain(self.kind.next(incident)) {
            session.output.progress(&format!("next: {next}"));
        }
        Ok(if failed { Exit::Failed } else { Exit::Done })
    }
}

/// Begins the runbook; says how to go on with it. One that lacks something is begun by hand: what is known of the platform may not
/// be what the book asks for.
async fn begin(client: &Client, answer: &mut Answer, book: &str, incident: IncidentId) -> String {
    let start = Command::StartRun {
        book: book.to_owned(),
        seen: None,
        inputs: BTreeMap::new(),
        incident: Some(incident),
        mode: RunMode::Emergency,
        found: None,
    };
    let begun = match client.submit(&start).await {
        Ok(begun) => begun,
        Err(error) => {
            let why = text::line(&error.to_string());
            return format!("codeblue runbook run {book} --incident {incident} --input NAME=VALUE (not begun: {why})");
        }
    };
    let run = begun.events.iter().find_map(|recorded| match recorded.event {
        Event::RunStarted { run, .. } => Some(run),
        _ => None,
    });
    answer.seq = answer.seq.max(begun.seq);
    answer.events.extend(begun.events);
    run.map_or_else(
        || format!("codeblue runbook runs ({book} was begun)"),
        |run| format!("codeblue runbook show-run {run}"),
    )
}

async fn also(session: &Session, client: &Client, answer: &mut Answer, command: Command) -> bool {
    match client.submit(&command).await {
        Ok(more) => {
            answer.seq = answer.seq.max(more.seq);
            answer.events.extend(more.events);
            true
        }
        Err(error) => {
            session.output.progress(&format!("not done: {}", text::line(&error.to_string())));
            false
        }
    }
}

/// Restore every component from its last good snapshot, in the order in which they are needed
#[derive(Debug, Args)]
pub struct DisasterRecovery {
    /// Why; part of the record
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    care: Care,
}

impl DisasterRecovery {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let name =
            if self.care.dry_run { String::new() } else { session.client()?.state().await?.platform.name.clone() };
        let request = RollbackRequest { scope: Scope::Everything, to: None, reason: self.reason, incident: None };
        let command = Command::RequestRollback(request.clone());
        carry::carry_out(session, &self.care, &name, DryRunRequest::Rollback(request), command).await
    }
}
