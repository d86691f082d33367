//! What is asked for with `codeblue change submit` and `revise`.

use chrono::TimeDelta;
use clap::{ArgGroup, Args};

use super::{error::CliError, rollback, session::Session, words};
use crate::domain::{ChangeId, ChangeRequest, ChangeWindow, Command, IncidentId, RollbackRequest, Scope, future, past};

/// How long a window is open when nobody says.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// Ask for a change, whether or not it could run at once
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["roll_back", "action", "deploy", "template"])))]
pub struct Submit {
    #[command(flatten)]
    wish: Wish,
    /// What is agreed to beforehand, by the name of its template
    #[arg(long, value_name = "NAME", conflicts_with = "after")]
    template: Option<String>,
    /// Why; part of the record
    #[arg(long)]
    reason: String,
    /// The incident it is for, which puts it on the fast track
    #[arg(long)]
    incident: Option<IncidentId>,
    /// A change to the same that comes first; may be repeated
    #[arg(long, value_name = "CHANGE")]
    after: Vec<ChangeId>,
    #[command(flatten)]
    when: When,
}

/// Give a change another plan or another time: everybody is asked anew
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").args(["roll_back", "action", "deploy"])))]
pub struct Revise {
    change: ChangeId,
    #[command(flatten)]
    wish: Wish,
    /// Why; part of the record
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    when: When,
}

#[derive(Debug, Args)]
struct Wish {
    /// Bring this component back to an earlier state
    #[arg(long, value_name = "COMPONENT")]
    roll_back: Option<String>,
    /// With --roll-back: a snapshot (SNP-310) or a release (v40); the last good state when absent
    #[arg(long, value_name = "ID", requires = "roll_back")]
    to: Option<String>,
    /// Run a declared action
    #[arg(long, value_name = "SERVICE/ACTION")]
    action: Option<String>,
    /// Switch a code component to a release
    #[arg(long, value_name = "COMPONENT=VERSION")]
    deploy: Option<String>,
}

/// When it may be carried out; as soon as it is approved when nobody says.
#[derive(Debug, Args)]
struct When {
    /// Not before: 2026-01-15T02:30:00Z, 02:30 (UTC) or 3h (from now)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How long from then it may begin
    #[arg(long = "for", value_name = "TIME", requires = "at", value_parser = words::duration)]
    length: Option<std::time::Duration>,
}

impl Submit {
    pub(super) fn command(self, session: &Session) -> Result<Command, CliError> {
        let window = self.when.window(session)?;
        let (reason, incident) = (self.reason, self.incident);
        Ok(match (self.template, self.wish.request(&reason, incident)?) {
            (Some(template), _) => Command::SubmitStandardChange { template, reason, incident, window },
            (None, Some(request)) => Command::SubmitChange { request, reason, incident, window, after: self.after },
            (None, None) => return Err(CliError::Usage("say what is to be changed, see --help".to_owned())),
        })
    }
}

impl Revise {
    pub(super) fn command(self, session: &Session) -> Result<Command, CliError> {
        let request = self.wish.request(&self.reason, None)?;
        let window = self.when.window(session)?;
        if request.is_none() && window.is_none() {
            return Err(CliError::Usage(
                "say what is to be different: another plan, or another time with --at".to_owned(),
            ));
        }
        Ok(Command::ReviseChange { change: self.change, request, window, reason: self.reason })
    }
}

impl Wish {
    fn request(&self, reason: &str, incident: Option<IncidentId>) -> Result<Option<ChangeRequest>, CliError> {
        let halves = |text: &str, sign: char, shape: &str| match text.split_once(sign) {
            Some((left, right)) if !left.is_empty() && !right.is_empty() => Ok((left.to_owned(), right.to_owned())),
            _ => Err(CliError::Usage(format!("{text:?} is not understood; write {shape}"))),
        };
        if let Some(component) = &self.roll_back {
            return Ok(Some(ChangeRequest::Rollback(RollbackRequest {
                scope: Scope::Components(vec![component.clone()]),
                to: self.to.as_deref().map(rollback::target),
                reason: reason.to_owned(),
                incident,
            })));
        }
        if let Some(action) = &self.action {
            let (service, action) = halves(action, '/', "SERVICE/ACTION")?;
            return Ok(Some(ChangeRequest::Action { service, action }));
        }
        let deploy = self.deploy.as_deref().map(|deploy| halves(deploy, '=', "COMPONENT=VERSION")).transpose()?;
        Ok(deploy.map(|(component, version)| ChangeRequest::Deploy { component, version }))
    }
}

impl When {
    fn window(&self, session: &Session) -> Result<Option<ChangeWindow>, CliError> {
        let Some(at) = &self.at else { return Ok(None) };
        let now = session.now();
        let from = future(at, now).or_else(|why| past(at, now).map_err(|_| why));
        let from = from.map_err(|why| CliError::Usage(format!("--at: {why}")))?;
        let length = self.length.map_or(Some(WINDOW), |length| TimeDelta::from_std(length).ok());
        let until = length.and_then(|length| from.checked_add_signed(length));
        let until = until.ok_or_else(|| CliError::Usage("--for: that is too long".to_owned()))?;
        Ok(Some(ChangeWindow { from, until }))
    }
}
