//! `codeblue diagnose`

use clap::Args;

use super::{
    error::{CliError, Exit},
    session::Session,
    text, wait,
};
use crate::{
    client::{Client, ClientError},
    domain::{Command, DiagnosisDocument, DiagnosisId, DiagnosisState, Event, IncidentId, Refusal, State},
};

/// Find out what broke
#[derive(Debug, Args)]
pub struct Diagnose {
    /// The incident; without it the worst one that is open
    incident: Option<IncidentId>,
    /// Give the last answer instead of looking again
    #[arg(long)]
    last: bool,
}

impl Diagnose {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        let state = client.state().await?;
        let incident = match self.incident {
            Some(id) => state.incident(id)?.id,
            None => worst(&state)?,
        };
        let diagnosis = if self.last { last(&state, incident)? } else { request(&client, incident).await? };
        let ended = wait::until(&client, |state, _| match state.diagnoses.get(&diagnosis).map(|found| &found.state) {
            Some(DiagnosisState::Concluded { document, .. }) => Some(Ok(document.clone())),
            Some(DiagnosisState::Failed { error }) => Some(Err(error.clone())),
            Some(DiagnosisState::Running) | None => None,
        })
        .await?;
        match ended {
            Ok(document) => {
                session.output.result(document.as_ref(), || describe(&document))?;
                Ok(Exit::Done)
            }
            Err(error) => Err(CliError::Failed(format!("{diagnosis} failed: {error}"))),
        }
    }
}

fn worst(state: &State) -> Result<IncidentId, CliError> {
    let found = state.open_incidents().min_by_key(|incident| (incident.severity, incident.detected_at));
    match found {
        Some(incident) => Ok(incident.id),
        None => Err(Refusal::new("no-open-incident", "no incident is open")
            .hint("name one: codeblue diagnose INC-42")
            .into()),
    }
}

fn last(state: &State, incident: IncidentId) -> Result<DiagnosisId, CliError> {
    let found = state.diagnoses.values().rev().find(|diagnosis| diagnosis.incident == incident);
    match found {
        Some(diagnosis) => Ok(diagnosis.id),
        None => Err(Refusal::unknown("diagnosis", format!("of {incident}")).into()),
    }
}

/// Asks for a diagnosis, or joins the one that is being made.
async fn request(client: &Client, incident: IncidentId) -> Result<DiagnosisId, CliError> {
    match client.submit(&Command::RequestDiagnosis { incident }).await {
        Ok(answer) => answer
            .events
            .iter()
            .find_map(|recorded| match &recorded.event {
                Event::DiagnosisRequested { diagnosis, .. } => Some(*diagnosis),
                _ => None,
            })
            .ok_or_else(|| CliError::Failed("the engine began no diagnosis".to_owned())),
        Err(ClientError::Refused(refusal)) if refusal.rule == "diagnosis-running" => {
            last(&client.state().await?, incident)
        }
        Err(error) => Err(error.into()),
    }
}

fn describe(document: &DiagnosisDocument) -> String {
    let cause = &document.root_cause;
    let mut page = format!(
        "{} {} {}: {}\n",
        document.error_id,
        document.severity,
        text::word(&document.category),
        text::line(&cause.issue)
    );
    page += &format!("root        {}, confidence {:.2}\n", text::line(&cause.service), cause.confidence);
    if let Some(deployment) = cause.deployment {
        page += &format!("blamed      {deployment}\n");
    }
    page += &format!("affected    {}\n", text::line(&document.affected_services.join(", ")));
    page += &format!("since       {}\n", text::moment(document.detected_at));
    page += "\nevidence\n";
    for evidence in &cause.evidence {
        let at = evidence.at.map(|at| format!("{} ", text::moment(at))).unwrap_or_default();
        let times = if evidence.count > 1 { format!(" (×{})", evidence.count) } else { String::new() };
        page += &format!("  {at}{}: {}{times}\n", text::line(&evidence.source), text::line(&evidence.text));
    }
    for (place, other) in document.candidates.iter().enumerate().skip(1).filter(|(_, other)| other.probability >= 0.01)
    {
        if place == 1 {
            page += "\nwhat else it could be\n";
        }
        let percent = 100.0 * other.probability;
        page += &format!("  {percent:.0} %  {}: {}\n", text::line(&other.service), text::line(&other.issue));
    }
    page += "\nwhat may help\n";
    for fix in &document.suggested_fixes {
        let risk = text::word(&fix.risk);
        page +=
            &format!("  {}. {} (risk {risk}, about {} s)\n", fix.priority, text::line(&fix.action), fix.estimated_time);
        for command in &fix.commands {
            page += &format!("       {}\n", text::line(command));
        }
    }
    if document.suggested_fixes.is_empty() {
        page += "  nothing that the platform file declares\n";
    }
    if !document.related_incidents.is_empty() {
        let ids: Vec<String> = document.related_incidents.iter().map(ToString::to_string).collect();
        page += &format!("\nearlier     {}\n", ids.join(", "));
    }
    page
}
