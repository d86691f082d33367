//! `codeblue deploy`

use clap::Subcommand;

use super::{
    error::{CliError, Exit},
    session::Session,
    snapshot,
    table::{Cell, Table},
    text,
};
use crate::domain::{Command, DeploymentOrigin, SnapshotTrigger};

/// The ledger of what went live when
#[derive(Debug, Subcommand)]
pub enum Deploy {
    /// Take a snapshot of what is about to be deployed over; a pipeline calls this first
    Prepare {
        /// What is about to change
        #[arg(required = true)]
        components: Vec<String>,
    },
    /// Say that a version went live; a pipeline calls this
    Record {
        component: String,
        version: String,
        /// Anything worth saying
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Deployments, newest first
    List {
        /// Only of this component
        #[arg(long)]
        component: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
}

impl Deploy {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Prepare { components } => {
                let (trigger, reason) = (SnapshotTrigger::PreDeployment, "before a deployment".to_owned());
                snapshot::create(session, Command::RequestSnapshot { components, trigger, reason }, true).await
            }
            Self::Record { component, version, note } => {
                session.submit(Command::RecordDeployment { component, version, note }).await
            }
            Self::List { component, limit } => list(session, component.as_deref(), limit).await,
        }
    }
}

async fn list(session: &Session, component: Option<&str>, limit: usize) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let deployments: Vec<_> = state
        .deployments
        .values()
        .rev()
        .filter(|deployment| component.is_none_or(|name| deployment.component == name))
        .take(limit)
        .collect();
    session.output.result(&deployments, || {
        if deployments.is_empty() {
            return "no deployment is known".to_owned();
        }
        let mut table = Table::new(["AGE", "ID", "COMPONENT", "VERSION", "BEFORE", "HOW", "BY", "NOTE"]);
        for deployment in &deployments {
            let how = match deployment.origin {
                DeploymentOrigin::Reported => "reported".to_owned(),
                DeploymentOrigin::Observed => "observed".to_owned(),
                DeploymentOrigin::Recovery(id) => id.to_string(),
            };
            table.row([
                Cell::from(text::age(Some(deployment.at), session.now())),
                Cell::from(deployment.id.to_string()),
                Cell::from(&deployment.component),
                Cell::from(&deployment.version),
                Cell::from(deployment.previous.as_deref().unwrap_or("—")),
                Cell::from(how),
                Cell::from(deployment.by.to_string()),
                Cell::from(&deployment.note),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
