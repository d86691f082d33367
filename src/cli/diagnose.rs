//! `codeblue diagnose`

use std::{
    io::{self, Write},
    mem,
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    diagnose_logs::FromLogs,
    error::{CliError, Exit},
    session::Session,
    text,
    wait::{self, News},
    words,
};
use crate::{
    client::{Client, ClientError},
    diagnosis::record_of,
    domain::{
        Category, Command, DiagnosisDocument, DiagnosisId, DiagnosisState, Event, FoundSeverity, IncidentId, Judgement,
        Named, Refusal, SecondOpinion, State, TrueCause,
    },
    engine::ModelWords,
};

/// Find out what broke
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Diagnose {
    #[command(subcommand)]
    step: Option<Step>,
    /// The incident; without it the worst one that is open
    incident: Option<IncidentId>,
    /// Give the last answer instead of looking again
    #[arg(long)]
    last: bool,
    /// Show what was put before the language model, word for word
    #[arg(long)]
    prompt: bool,
    /// Tell how far it is on standard error, also what the language model says while it says it
    #[arg(long)]
    follow: bool,
    /// Wait no longer for the language model that is being asked: what the local analysis found stands
    #[arg(long, conflicts_with_all = ["last", "prompt"])]
    stop_asking: bool,
    #[command(flatten)]
    from_logs: FromLogs,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// How often answers of each confidence were right here, as people have judged, and whether that corrects what is shown
    Calibrate {
        /// Print the record
        #[arg(long, default_value_t = true, hide = true)]
        report: bool,
    },
    /// Say whether a diagnosis was right: what confidence is measured by, and what the knowledge base learns from
    Judge {
        diagnosis: DiagnosisId,
        #[arg(value_parser = words::judgement())]
        judgement: Judgement,
        /// What the cause was, in one line
        #[arg(long, value_name = "TEXT")]
        cause: Option<String>,
        /// Where it sat
        #[arg(long, value_name = "SERVICE")]
        service: Option<String>,
        /// Of what kind it was
        #[arg(long, value_parser = words::category)]
        category: Option<Category>,
        /// Anything else worth knowing
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
    },
}

impl Diagnose {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        if let Some(Step::Judge { diagnosis, judgement, cause, service, category, note }) = self.step {
            let cause = TrueCause { service, category, issue: cause.unwrap_or_default() };
            let cause = Some(cause).filter(|cause| *cause != TrueCause::default());
            return session.submit(Command::JudgeDiagnosis { diagnosis, judgement, cause, note }).await;
        }
        if let Some(Step::Calibrate { .. }) = self.step {
            let record = record_of(&session.client()?.state().await?, session.now());
            let quality = record.quality();
            let document = json!({"corrects": record.is_enough(), "n": quality.as_ref().map_or(0, |found| found.cases), "quality": quality});
            session.output.result(&document, || record.report())?;
            return Ok(Exit::Done);
        }
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
        let diagnosis = if self.stop_asking {
            let diagnosis = last(&state, incident)?;
            client.submit(&Command::CancelSecondOpinion { diagnosis }).await?;
            diagnosis
        } else if self.last {
            last(&state, incident)?
        } else {
            request(&client, incident).await?
        };
        let mut told = self.follow.then(|| Told::to(io::stderr()));
        let ended = wait::until_hearing(&client, |state, news| {
            if let Some(told) = &mut told {
                told.hear(state, diagnosis, news);
            }
            match state.diagnoses.get(&diagnosis).map(|found| &found.state) {
                Some(DiagnosisState::Concluded { document, .. }) => Some(Ok(document.clone())),
                Some(DiagnosisState::Failed { error }) => Some(Err(error.clone())),
                Some(DiagnosisState::Running) | None => None,
            }
        })
        .await?;
        if let Some(mut told) = told {
            told.end_words();
        }
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

/// Tells how far a diagnosis is, each thing once. It goes to standard error: the answer alone is the result.
struct Told<W> {
    out: W,
    began: bool,
    drafted: bool,
    stopped: bool,
    attempt: u32,
    saying: String,
}

impl<W: Write> Told<W> {
    fn to(out: W) -> Self {
        Self { out, began: false, drafted: false, stopped: false, attempt: 0, saying: String::new() }
    }

    fn hear(&mut self, state: &State, id: DiagnosisId, news: News) {
        if let News::Words(all) = news {
            return all.iter().filter(|words| words.diagnosis == id).for_each(|words| self.words(words));
        }
        let Some(found) = state.diagnoses.get(&id) else { return };
        if !mem::replace(&mut self.began, true) {
            self.line(&format!("{id}: the cause of {} is looked for", found.incident));
        }
        if let Some(draft) = found.draft.as_ref().filter(|_| !self.drafted) {
            self.drafted = true;
            let cause = &draft.root_cause;
            self.line(&format!(
                "{id}: so far, with confidence {:.2}, {}: {}",
                cause.confidence, cause.service, cause.issue
            ));
            if let Some(model) = &state.platform.language_model {
                let (name, within) = (&model.name, model.within.as_secs_f64());
                self.line(&format!("{id}: {name} is asked, for {within:.0} s at most; --stop-asking ends that"));
            }
        }
        if let Some(by) = found.not_awaited_by.as_ref().filter(|_| !self.stopped) {
            self.stopped = true;
            self.line(&format!("{id}: {by} does not wait for it any longer"));
        }
    }

    /// What is new of a model's words goes to the end of the line that they stand on.
    fn words(&mut self, words: &ModelWords) {
        let saying = text::line(&words.saying);
        let goes_on = words.attempt == self.attempt && !self.saying.is_empty();
        // A terminal that does not take it is no reason to end.
        let _ = match saying.strip_prefix(&self.saying).filter(|_| goes_on) {
            _ if saying.is_empty() || self.stopped => return,
            Some(more) => write!(self.out, "{more}"),
            None => {
                self.end_words();
                write!(self.out, "its words, which nobody has verified: {saying}")
            }
        };
        let _ = self.out.flush();
        self.attempt = words.attempt;
        self.saying = saying;
    }

    fn line(&mut self, words: &str) {
        self.end_words();
        let _ = writeln!(self.out, "{}", text::line(words));
    }

    /// Ends the line that words stand on.
    fn end_words(&mut self) {
        if !mem::take(&mut self.saying).is_empty() {
            let _ = writeln!(self.out);
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
        None => Err(Refusal::unknown(Named::Diagnosis, format!("of {incident}")).into()),
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
            .ok_or_else(|| {
                CliError::Failed(
                    "the engine began no diagnosis; see what it says of the incident: codeblue incident show"
                        .to_owned(),
                )
            }),
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
    page += &format!("cause       {}\n", document.root_cause_category.row().name);
    if let Some(found) = &document.found_severity {
        page += &severity(document, found);
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
            page += "\nwhat else it could be, by its share in what was weighed\n";
        }
        let percent = 100.0 * other.probability;
        page += &format!("  share {percent:.0} %  {}: {}\n", text::line(&other.service), text::line(&other.issue));
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
    if !document.knowledge_base_articles.is_empty() {
        page += &format!("\nknown       {}\n", text::line(&document.knowledge_base_articles.join(", ")));
        page += "            codeblue knowledge show NAME tells what to do\n";
    }
    page
}

/// How bad it looks by the rules, and what to do where that is worse than the incident's own severity.
fn severity(document: &DiagnosisDocument, found: &FoundSeverity) -> String {
    let worse = document.worse_than(document.severity).is_some();
    let than = if worse { format!(", worse than {}", document.severity) } else { String::new() };
    let mut page = format!("looks like  {} ({} points){than}\n", found.severity, found.points);
    for addend in &found.addends {
        page += &format!("            {}\n", text::line(&addend.words()));
    }
    if worse {
        let number = found.severity.number();
        page += &format!("            to raise it: codeblue incident severity INCIDENT {number} --reason TEXT\n");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_model_are_told_as_they_come_and_harmless() {
        let mut told = Told::to(Vec::new());
        let state = State::default();
        for (attempt, saying) in [
            (1, ""),
            (1, "The release"),
            (1, "The release \u{1b}[2Jbroke"),
            (1, "The release \u{1b}[2Jbroke"),
            (2, "A column"),
            (2, "A column is"),
        ] {
            let words = ModelWords { diagnosis: DiagnosisId(1), attempt, received: 9, saying: saying.to_owned() };
            let other = ModelWords { diagnosis: DiagnosisId(2), ..words.clone() };
            told.hear(&state, DiagnosisId(1), News::Words(&[other, words]));
        }
        told.end_words();
        let told = String::from_utf8(told.out).unwrap();
        let lead = "its words, which nobody has verified: ";
        assert_eq!(told.lines().collect::<Vec<_>>().len(), 2, "{told:?}");
        assert!(!told.contains('\u{1b}') && told.starts_with(&format!("{lead}The release")), "{told:?}");
        assert!(told.ends_with(&format!("broke\n{lead}A column is\n")), "{told:?}");
    }
}
