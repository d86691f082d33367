//! `codeblue incident postmortem` and `codeblue incident action`: what is written when an incident is over.

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    error::{CliError, Exit},
    report,
    session::Session,
    table::{Cell, Paint, Table},
    words,
};
use crate::domain::{ActionItem, ActionKind, Command, Findings, IncidentId};

/// Write what people found; without any of it, show the draft
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct PostMortem {
    #[command(subcommand)]
    step: Option<Step>,
    #[arg(required = true)]
    incident: Option<IncidentId>,
    /// What went well; may be repeated, and replaces what the section said
    #[arg(long, value_name = "TEXT")]
    well: Vec<String>,
    /// What went badly
    #[arg(long, value_name = "TEXT")]
    badly: Vec<String>,
    /// Where we were lucky
    #[arg(long, value_name = "TEXT")]
    lucky: Vec<String>,
    /// What is to be remembered
    #[arg(long = "lesson", value_name = "TEXT")]
    lessons: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Say that nothing is left to write; refused while a section is empty or an action item has no owner
    Complete { incident: IncidentId },
}

impl PostMortem {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        if let Some(Step::Complete { incident }) = self.step {
            return session.submit(Command::CompletePostMortem { incident }).await;
        }
        let Some(incident) = self.incident else {
            return Err(CliError::Usage("which incident? write it like INC-42".to_owned()));
        };
        let Self { well, badly, lucky, lessons, .. } = self;
        let findings = Findings { well, badly, lucky, lessons };
        if findings == Findings::default() {
            return report::post_mortem(session, incident, report::Format::Markdown).await;
        }
        session.submit(Command::WritePostMortem { incident, findings }).await
    }
}

/// What is to be done after incidents
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Action items of all incidents that are not done, or of one incident
    List {
        incident: Option<IncidentId>,
        /// Those that are done as well
        #[arg(long)]
        all: bool,
    },
    /// Something is to be done
    Add {
        incident: IncidentId,
        /// What, in one line
        what: String,
        /// What it is good for
        #[arg(long, value_parser = words::action_kind())]
        kind: ActionKind,
        /// The operator who sees to it
        #[arg(long)]
        owner: Option<String>,
        /// Until when, such as 2026-02-01
        #[arg(long)]
        due: Option<NaiveDate>,
    },
    /// Give an action item an owner or a due date
    Set {
        incident: IncidentId,
        /// Its number
        item: usize,
        #[arg(long, required_unless_present = "due")]
        owner: Option<String>,
        #[arg(long)]
        due: Option<NaiveDate>,
    },
    /// It is done
    Done {
        incident: IncidentId,
        /// Its number
        item: usize,
    },
}

impl Action {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let command = match self {
            Self::List { incident, all } => return list(session, incident, all).await,
            Self::Add { incident, what, kind, owner, due } => {
                Command::AddActionItem { incident, what, kind, owner, due }
            }
            Self::Set { incident, item, owner, due } => Command::ChangeActionItem { incident, item, owner, due },
            Self::Done { incident, item } => Command::FinishActionItem { incident, item },
        };
        session.submit(command).await
    }
}

async fn list(session: &Session, only: Option<IncidentId>, all: bool) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    if let Some(id) = only {
        state.incident(id)?;
    }
    let mut chosen: Vec<(IncidentId, usize, &ActionItem)> = Vec::new();
    for incident in state.incidents.values().filter(|incident| only.is_none_or(|id| id == incident.id)) {
        let items = incident.post_mortem.actions.iter().zip(1..);
        let wanted = items.filter(|(item, _)| all || item.done_at.is_none());
        chosen.extend(wanted.map(|(item, number)| (incident.id, number, item)));
    }
    let documents: Vec<Value> =
        chosen.iter().map(|(incident, number, item)| document(*incident, *number, item)).collect();
    session.output.result(&documents, || {
        if chosen.is_empty() {
            return "nothing is to be done".to_owned();
        }
        let today = session.now().date_naive();
        let mut table = Table::new(["INCIDENT", "NO", "TO", "OWNER", "DUE", "STATE", "WHAT"]);
        for (incident, number, item) in &chosen {
            let late = item.done_at.is_none() && item.due.is_some_and(|due| due < today);
            let state = match (item.done_at, late) {
                (Some(_), _) => Cell::painted("done", Paint::Good),
                (None, true) => Cell::painted("OVERDUE", Paint::Bad),
                (None, false) => Cell::from("not done"),
            };
            table.row([
                Cell::from(incident.to_string()),
                Cell::from(number.to_string()),
                Cell::from(item.kind.name()),
                Cell::from(item.owner.as_deref().unwrap_or("nobody")),
                Cell::from(item.due.map_or_else(|| "—".to_owned(), |due| due.to_string())),
                state,
                Cell::from(&item.what),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

/// An action item with the incident and the number by which it is called.
fn document(incident: IncidentId, number: usize, item: &ActionItem) -> Value {
    let mut value = json!(item);
    if let Value::Object(fields) = &mut value {
        fields.insert("incident".to_owned(), json!(incident));
        fields.insert("item".to_owned(), json!(number));
    }
    value
}
