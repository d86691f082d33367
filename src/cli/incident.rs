//! `codeblue incident`

use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::Value;

use super::{
    error::{CliError, Exit},
    postmortem::{Action, PostMortem},
    session::Session,
    table::{Cell, Paint, Table},
    text, words,
};
use crate::{
    domain::{
        self, Clock, Command, ErrorEvent, ErrorGroup, ErrorKind, ErrorSeverity, IncidentId, IncidentRole, Level,
        Message, Severity,
    },
    engine::ErrorBatch,
};

/// Work on incidents
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// Incidents, newest first
    List {
        /// Only those in which users may still suffer
        #[arg(long)]
        open: bool,
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// One incident with its timeline
    Show {
        incident: IncidentId,
    },
    /// Open one that no check has noticed
    Declare {
        /// What is wrong, in one line
        title: String,
        /// 1 (the worst) to 4
        #[arg(long, short, value_parser = words::severity)]
        severity: Severity,
        /// A service that is hit; may be repeated
        #[arg(long = "service", value_name = "SERVICE")]
        services: Vec<String>,
    },
    /// Say that you have seen it
    Ack {
        incident: IncidentId,
    },
    /// Report what went wrong in a program, from a script; what it is and whether it matters is decided by rules
    Error {
        service: String,
        message: String,
        #[arg(long = "type", value_parser = words::error_kind())]
        kind: Option<ErrorKind>,
        /// Makes it worse than the rules say, never milder
        #[arg(long, value_parser = words::error_severity())]
        severity: Option<ErrorSeverity>,
        /// HTTP status, SQLSTATE, errno by its name
        #[arg(long)]
        code: Option<String>,
        /// Innermost call first
        #[arg(long)]
        stack: Option<String>,
        /// When it happened, such as 2026-01-31T14:22:05Z; now if not given
        #[arg(long)]
        at: Option<DateTime<Utc>>,
        /// How often
        #[arg(long, default_value_t = 1)]
        count: u64,
        /// Requests of the service since it last said so: more than 5 % of 100 and more that fail are a burst
        #[arg(long)]
        requests: Option<u64>,
    },
    /// Errors that were reported lately
    Errors,
    /// Write something down
    Note {
        incident: IncidentId,
        text: String,
    },
    /// Give somebody a role in it
    Assign {
        incident: IncidentId,
        operator: String,
        #[arg(long, default_value = "commander", value_parser = words::incident_role())]
        role: IncidentRole,
    },
    /// Call for more people
    Escalate {
        incident: IncidentId,
        #[arg(long)]
        reason: String,
    },
    /// Judge its severity anew
    Severity {
        incident: IncidentId,
        /// 1 (the worst) to 4
        #[arg(value_parser = words::severity)]
        severity: Severity,
        #[arg(long)]
        reason: String,
    },
    /// Users are served again
    Resolve {
        incident: IncidentId,
        /// What ended it
        #[arg(long, alias = "resolution")]
        reason: String,
    },
    /// All is done, also the post-mortem of a SEV1 or SEV2
    Close {
        incident: IncidentId,
        /// Close it although the post-mortem is owed, which it stays: why
        #[arg(long, value_name = "REASON")]
        owing: Option<String>,
    },
    /// It came back
    Reopen {
        incident: IncidentId,
        #[arg(long)]
        reason: String,
    },
    /// It is the same as another one, which goes on
    Merge {
        incident: IncidentId,
        into: IncidentId,
    },
    /// It has to do with another one
    Link {
        incident: IncidentId,
        other: IncidentId,
    },
    /// Tell those who wait how it goes
    Update {
        incident: IncidentId,
        /// In one line
        text: String,
        /// How things stand
        #[arg(long, value_name = "TEXT")]
        conditions: Option<String>,
        /// What is being done
        #[arg(long, value_name = "TEXT")]
        actions: Option<String>,
        /// What is needed, and from whom
        #[arg(long, value_name = "TEXT")]
        needs: Option<String>,
    },
    Postmortem(PostMortem),
    /// What is to be done after incidents
    #[command(subcommand)]
    Action(Action),
}

impl Incident {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let command = match self {
            Self::List { open, limit } => return list(session, open, limit).await,
            Self::Show { incident } => return show(session, incident).await,
            Self::Errors => return errors(session).await,
            Self::Error { service, message, kind, severity, code, stack, at, count, requests } => {
                let requests = requests.map(|requests| (service.clone(), requests)).into_iter().collect();
                let error = ErrorEvent { service, message, kind, severity, code, stack, at, count };
                return report(session, ErrorBatch { errors: vec![error], requests }).await;
            }
            Self::Declare { title, severity, services } => Command::DeclareIncident { severity, title, services },
            Self::Ack { incident } => Command::AcknowledgeIncident { incident },
            Self::Note { incident, text } => Command::NoteIncident { incident, text },
            Self::Assign { incident, operator, role } => Command::AssignIncident { incident, role, operator },
            Self::Escalate { incident, reason } => Command::EscalateIncident { incident, reason },
            Self::Severity { incident, severity, reason } => {
                Command::SetIncidentSeverity { incident, severity, reason }
            }
            Self::Resolve { incident, reason } => Command::ResolveIncident { incident, resolution: reason },
            Self::Close { incident, owing: None } => Command::CloseIncident { incident },
            Self::Close { incident, owing: Some(reason) } => Command::CloseIncidentOwing { incident, reason },
            Self::Reopen { incident, reason } => Command::ReopenIncident { incident, reason },
            Self::Merge { incident, into } => Command::MergeIncident { incident, into },
            Self::Link { incident, other } => Command::LinkIncident { incident, other },
            Self::Update { incident, text, conditions, actions, needs } => {
                Command::UpdateStakeholders { incident, message: Message { text, conditions, actions, needs } }
            }
            Self::Postmortem(verb) => return verb.run(session).await,
            Self::Action(verb) => return verb.run(session).await,
        };
        session.submit(command).await
    }
}

async fn report(session: &Session, batch: ErrorBatch) -> Result<Exit, CliError> {
    let answer = session.client()?.report_errors(&batch).await?;
    session.output.result(&answer, || {
        let line = |taken: &crate::engine::TakenError| {
            let errors = &taken.errors;
            let part = taken.incident.map_or("no incident".to_owned(), |incident| format!("part of {incident}"));
            format!(
                "{} {} (rule: {}), seen {}, {part}\n",
                errors.severity,
                errors.kind.name(),
                errors.rule,
                text::count(usize::try_from(errors.count).unwrap_or(usize::MAX), "time")
            )
        };
        answer.taken.iter().map(line).collect()
    })?;
    Ok(Exit::Done)
}

async fn errors(session: &Session) -> Result<Exit, CliError> {
    let errors: Vec<ErrorGroup> = session.client()?.get("/api/v1/errors").await?;
    session.output.result(&errors, || {
        if errors.is_empty() {
            return "no error was reported since the engine started".to_owned();
        }
        let mut table = Table::new(["SEVERITY", "TYPE", "SERVICE", "TIMES", "LAST", "MESSAGE"]);
        for group in &errors {
            let paint = if group.severity >= ErrorSeverity::High { Paint::Bad } else { Paint::Strong };
            table.row([
                Cell::painted(group.severity.to_string(), paint),
                Cell::from(group.kind.name()),
                Cell::from(&group.service),
                Cell::from(group.count.to_string()),
                Cell::from(text::moment(group.last)),
                Cell::from(&group.message),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

/// Incidents asked for at once.
const PAGE: usize = 1000;

/// The incidents as the API gives them, newest first.
async fn documents(session: &Session) -> Result<Vec<Value>, CliError> {
    let client = session.client()?;
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page: Vec<Value> = client.get(&format!("/api/emergency/incidents?limit={PAGE}{after}")).await?;
        let is_last = page.len() < PAGE;
        if let Some(id) = page.last().and_then(|last| last["id"].as_str()) {
            after = format!("&after={id}");
        }
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// The incident in a document of the API, whose additional fields are for other programs.
fn read(document: &Value) -> Result<domain::Incident, CliError> {
    serde_json::from_value(document.clone()).map_err(|error| {
        CliError::Failed(format!(
            "the engine speaks another version: {error}; update the older of the two, which codeblue doctor names"
        ))
    })
}

async fn list(session: &Session, open: bool, limit: usize) -> Result<Exit, CliError> {
    let mut chosen = Vec::new();
    for document in documents(session).await? {
        let incident = read(&document)?;
        if (!open || incident.state.is_open()) && chosen.len() < limit {
            chosen.push((document, incident));
        }
    }
    let (documents, incidents): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
    session.output.result(&documents, || match incidents.as_slice() {
        [] => "no incident".to_owned(),
        incidents => table(incidents.iter(), session.now()).render(&session.output),
    })?;
    Ok(Exit::Done)
}

pub(super) fn table<'a>(incidents: impl Iterator<Item = &'a domain::Incident>, now: DateTime<Utc>) -> Table {
    let mut table = Table::new(["SEV", "ID", "STATE", "AGE", "CLOCK", "WHAT"]);
    for incident in incidents {
        table.row([
            Cell::painted(incident.severity.to_string(), severity_paint(incident.severity)),
            Cell::from(incident.id.to_string()),
            Cell::from(incident.state.to_string()),
            Cell::from(text::span(incident.resolved_at.unwrap_or(now) - incident.detected_at)),
            running(incident, now),
            Cell::from(&incident.title),
        ]);
    }
    table
}

fn severity_paint(severity: Severity) -> Paint {
    match severity {
        Severity::Sev1 => Paint::Bad,
        Severity::Sev2 => Paint::Warn,
        Severity::Sev3 | Severity::Sev4 => Paint::Strong,
    }
}

fn running(incident: &domain::Incident, now: DateTime<Utc>) -> Cell {
    match incident.running_clock() {
        None => Cell::from("—"),
        Some(clock) => {
            let left = incident.deadline(clock) - now;
            if left < chrono::TimeDelta::zero() {
                Cell::painted(format!("{clock} over by {}", text::span(-left)), Paint::Bad)
            } else {
                Cell::from(format!("{clock} in {}", text::span(left)))
            }
        }
    }
}

async fn show(session: &Session, id: IncidentId) -> Result<Exit, CliError> {
    for document in documents(session).await? {
        let incident = read(&document)?;
        if incident.id == id {
            session.output.result(&document, || describe(session, &incident))?;
            return Ok(Exit::Done);
        }
    }
    Err(domain::Refusal::unknown(domain::Named::Incident, id).into())
}

/// How far the post-mortem is, where one is owed or was begun.
fn paper(incident: &domain::Incident, now: DateTime<Utc>) -> Option<String> {
    let paper = &incident.post_mortem;
    let open = paper.actions.iter().filter(|item| item.done_at.is_none()).count();
    let actions = match open {
        0 => String::new(),
        open => format!(", {} not done", text::count(open, "action item")),
    };
    if let Some((at, by)) = &paper.completed {
        return Some(format!("completed {} by {by}{actions}", text::moment(*at)));
    }
    let due = match incident.post_mortem_due_at() {
        Some(due) if due <= now => format!("OVERDUE by {}", text::span(now - due)),
        Some(due) => format!("due {}", text::moment(due)),
        None if *paper == domain::PostMortem::default() => return None,
        None => "draft".to_owned(),
    };
    Some(format!("{due}{actions}"))
}

/// How far the response goes by the age of an incident, and when it goes further; empty where age changes nothing.
fn level(incident: &domain::Incident) -> String {
    if incident.severity.highest_level().is_none() && incident.level == Level::One {
        return String::new();
    }
    let next = incident.levels_ahead().next();
    let next = next.map(|(level, at)| format!("; level {} at {}", level.number(), text::moment(at)));
    format!("level       {}: {}{}\n", incident.level.number(), incident.level.says(), next.unwrap_or_default())
}

/// Each milestone of the fast track, with when it was reached or what is left of its time.
fn fast_track(incident: &domain::Incident, now: DateTime<Utc>) -> String {
    let Some(track) = incident.fast_track.as_ref().filter(|_| !incident.fast_track_criteria().is_empty()) else {
        return String::new();
    };
    let criteria: Vec<String> = incident.fast_track_criteria().iter().map(ToString::to_string).collect();
    let mut page = format!("fast track  {}, since {}\n", criteria.join(", "), text::moment(track.began));
    for row in incident.milestones(now) {
        let limit = text::span(row.milestone.limit());
        let how = match row.reached_at {
            Some(at) if row.is_late => format!("after {} of {limit}, LATE", text::span(at - track.began)),
            Some(at) => format!("after {} of {limit}", text::span(at - track.began)),
            None if row.is_late => format!("OVERDUE by {} of {limit}", text::span(now - row.due_at)),
            None if row.is_running => format!("{} of {limit} left", text::span(row.due_at - now)),
            None => "—".to_owned(),
        };
        page += &format!("  {:<14} {how}\n", row.milestone);
    }
    if let Some(glass) = track.break_glass {
        page += &format!("  carried out under {glass}, not approved\n");
    } else if let (Some(at), true) = (track.offered_at, incident.state.is_open()) {
        let id = incident.id;
        page += &format!("  break-glass was offered {}: codeblue break-glass open {id}\n", text::moment(at));
    }
    page
}

fn describe(session: &Session, incident: &domain::Incident) -> String {
    let mut page =
        format!("{} {} {}: {}\n", incident.id, incident.severity, incident.state, text::line(&incident.title));
    page += &format!("detected    {}, opened by {}\n", text::moment(incident.detected_at), incident.opened_by);
    page += &format!("services    {}\n", text::line(&incident.services.join(", ")));
    if let Some(root) = &incident.root {
        page += &format!("root        {}\n", text::line(root));
    }
    for clock in Clock::ALL {
        let how = match incident.stopped_at(clock) {
            Some(at) => format!("after {}", text::span(at - incident.detected_at)),
            None => format!("due {}", text::moment(incident.deadline(clock))),
        };
        let late = if incident.breached.contains(&clock) { ", LATE" } else { "" };
        page += &format!("{clock:<11} {how}{late}\n");
    }
    page += &format!("workflow    {}\n", incident.workflow);
    page += &fast_track(incident, session.now());
    page += &level(incident);
    if !incident.called.is_empty() {
        page += &format!("to call     {} (not sent)\n", incident.called_names());
    }
    if let Some(due) = incident.update_due_at() {
        let how = match due - session.now() {
            left if left < chrono::TimeDelta::zero() => format!("OVERDUE by {}", text::span(-left)),
            left => format!("due in {}", text::span(left)),
        };
        page += &format!("update      {how}\n");
    }
    if let Some(paper) = paper(incident, session.now()) {
        page += &format!("post-mortem {paper}\n");
    }
    for (role, operator) in &incident.roles {
        page += &format!("{:<11} {}\n", text::word(role), text::line(operator));
    }
    let names = |ids: Vec<String>| ids.join(", ");
    let linked: [(&str, Vec<String>); 4] = [
        ("diagnoses", incident.diagnoses.iter().map(ToString::to_string).collect()),
        ("changes", incident.changes.iter().map(ToString::to_string).collect()),
        ("recoveries", incident.recoveries.iter().map(ToString::to_string).collect()),
        ("linked", incident.links.iter().map(ToString::to_string).collect()),
    ];
    for (what, ids) in linked.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        page += &format!("{what:<11} {}\n", names(ids));
    }
    if let Some(into) = incident.merged_into {
        page += &format!("merged into {into}\n");
    }
    if let Some(resolution) = &incident.resolution {
        page += &format!("resolution  {}\n", text::line(resolution));
    }
    let mut timeline = Table::new(["TIME", "WHO", "WHAT"]);
    for entry in &incident.timeline {
        timeline.row([
            Cell::from(text::moment(entry.at)),
            Cell::from(entry.actor.to_string()),
            Cell::from(&entry.text),
        ]);
    }
    page + "\n" + &timeline.render(&session.output)
}
