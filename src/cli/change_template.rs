//! `codeblue change template`

use clap::Subcommand;

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
};
use crate::domain::{ChangeRequest, Command, RecoveryId, template_standing};

/// Standard changes: what is agreed to beforehand
#[derive(Debug, Subcommand)]
pub enum Template {
    /// Agree beforehand to exactly what a recovery did, because it worked and lasted
    Add {
        name: String,
        /// The recovery that proves it
        #[arg(long, value_name = "RECOVERY")]
        proof: RecoveryId,
    },
    /// All of them
    List,
    /// Agree to it no longer
    Suspend {
        name: String,
        #[arg(long)]
        reason: String,
    },
}

impl Template {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Add { name, proof } => session.submit(Command::MakeTemplate { name, proof }).await,
            Self::List => list(session).await,
            Self::Suspend { name, reason } => session.submit(Command::SuspendTemplate { template: name, reason }).await,
        }
    }
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let templates: Vec<_> = state.templates.values().collect();
    session.output.result(&templates, || {
        if templates.is_empty() {
            return "nothing is agreed to beforehand".to_owned();
        }
        let mut table = Table::new(["NAME", "DOES", "PROVED BY", "MADE BY", "MAY BE USED"]);
        for template in &templates {
            let does = match &template.request {
                ChangeRequest::Action { service, action } => format!("{action} {service}"),
                ChangeRequest::Deploy { component, version } => format!("deploy {component} {version}"),
                ChangeRequest::Rollback(_) => "a rollback".to_owned(),
            };
            let usable = match template_standing(&state, &template.name, session.now()) {
                Ok(()) => Cell::painted("yes", Paint::Good),
                Err(refusal) => Cell::painted(refusal.message, Paint::Bad),
            };
            table.row([
                Cell::from(&template.name),
                Cell::from(does),
                Cell::from(template.proved_by.to_string()),
                Cell::from(&template.made_by),
                usable,
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
