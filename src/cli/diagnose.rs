//! `codeblue diagnose`

use clap::Args;
use serde_json::Value;

use super::{
    diagnose_logs::FromLogs,
    error::{CliError, Exit},
    session::Session,
    text, wait,
};
use crate::{
    client::{Client, ClientError},
    domain::{
        Command, DiagnosisDocument, DiagnosisId, DiagnosisState, Event, IncidentId, Refusal, SecondOpinion, State,
    },
};

/// Find out what broke
#[derive(Debug, Args)]
pub struct Diagnose {
    /// The incident; without it the worst one that is open
    incident: Option<IncidentId>,
    /// Give the last answer instead of looking again
    #[arg(long)]
    last: bool,
    /// Show what was put before the language model, word for word
    #[arg(long)]
    prompt: bool,
    #[command(flatten)]
    from_logs: FromLogs,
}

impl Diagnose {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        if let Some(document) = self.from_logs.document()? {
            session.output.result(&document, || describe(&document))?;
            return Ok(Exit::Done);
        }
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
        if self.prompt {
            let answer: Value = client.get(&format!("/api/v1/diagnoses/{diagnosis}/prompt")).await?;
            session.output.result(&answer, || {
                let lines = answer["prompt"].as_str().unwrap_or_default().lines();
                lines.map(|line| text::line(line) + "\n").collect()
            })?;
            return Ok(Exit::Done);
        }
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
    page += &format!("to do       {}\n", document.approach.words());
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
    if let Some(opinion) = &document.second_opinion {
        page += &second_opinion(opinion);
    }
    if !document.related_incidents.is_empty() {
        let ids: Vec<String> = document.related_incidents.iter().map(ToString::to_string).collect();
        page += &format!("\nearlier     {}\n", ids.join(", "));
    }
    page
}

/// What the language model says, in lines that say that it is the model who says it.
fn second_opinion(opinion: &SecondOpinion) -> String {
    let mut page = format!("\nsecond opinion\n  {} {}", text::line(&opinion.model), opinion.stance.words());
    if !opinion.note.is_empty() {
        page += &format!(": {}", text::line(&opinion.note));
    }
    page += "\n";
    if !opinion.explanation.is_empty() {
        page += &format!("  it says: {}\n", text::line(&opinion.explanation));
    }
    if let Some(elsewhere) = &opinion.elsewhere {
        page += &format!("  it suspects, beside what was found: {}\n", text::line(elsewhere));
    }
    if !opinion.not_known_here.is_empty() {
        page += &format!("  not known here: {}\n", text::line(&opinion.not_known_here.join(", ")));
    }
    let about = if opinion.estimated { "about " } else { "" };
    let cost = opinion.cost.map(|cost| format!(", cost {cost:.4}")).unwrap_or_default();
    page + &format!(
        "  {about}{} tokens in {:.1} s{cost}\n",
        opinion.prompt_tokens + opinion.answer_tokens,
        opinion.took
    )
}
