//! `codeblue action`

use clap::Subcommand;

use super::{
    carry::{self, Care},
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Table},
    text,
};
use crate::{
    domain::{Command, IncidentId, Refusal},
    engine::DryRunRequest,
    platform::ActionRisk,
};

/// Run what the platform file declares
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Every declared action
    List,
    /// Run one, at once or through a change, as the rules say
    Run {
        service: String,
        action: String,
        #[arg(long, default_value = "asked for on the command line")]
        reason: String,
        /// The incident it is for
        #[arg(long)]
        incident: Option<IncidentId>,
        #[command(flatten)]
        care: Care,
    },
}

impl Action {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List => list(session).await,
            Self::Run { service, action, reason, incident, care } => {
                let client = session.client()?;
                let state = client.state().await?;
                let described = state
                    .platform
                    .service(&service)
                    .ok_or_else(|| Refusal::unknown_service(&state.platform, &service))?;
                let harmless =
                    described.actions.iter().any(|known| known.name == action && known.risk == ActionRisk::Low);
                let request = DryRunRequest::Action { service: service.clone(), action: action.clone() };
                let command = Command::RequestAction { service: service.clone(), action, incident, reason };
                if harmless && !care.dry_run && care.confirm.is_none() {
                    return carry::begin(session, &client, &command, care.wait).await;
                }
                carry::carry_out(session, &care, &service, request, command).await
            }
        }
    }
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let actions: Vec<_> = state
        .platform
        .services
        .iter()
        .flat_map(|service| service.actions.iter().map(move |action| (&service.name, action)))
        .collect();
    let documents: Vec<_> =
        actions.iter().map(|(service, action)| serde_json::json!({"service": service, "action": action})).collect();
    session.output.result(&documents, || {
        if actions.is_empty() {
            return "the platform file declares no action".to_owned();
        }
        let mut table = Table::new(["SERVICE", "ACTION", "RISK", "TAKES", "RUNS"]);
        for (service, action) in &actions {
            table.row([
                Cell::from(service),
                Cell::from(&action.name),
                Cell::from(text::word(&action.risk)),
                Cell::from(format!("{} s", action.takes.as_secs())),
                Cell::from(action.run.join(" ")),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
