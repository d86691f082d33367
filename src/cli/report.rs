//! `codeblue report`

use std::time::Duration;

use chrono::TimeDelta;
use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::{
    drill_paper,
    error::{CliError, Exit},
    session::Session,
    text, words,
};
use crate::{
    domain::{self, DrillId, IncidentId, RecoveryId, RunId},
    report::{self, Handover, PostMortemReport, RecoveryReport, RunReport, SituationReport},
};

/// Documents from the record
#[derive(Debug, Subcommand)]
pub enum Report {
    /// One recovery: steps, times against targets, what the checks found, who and why
    Recovery {
        recovery: RecoveryId,
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
    /// One run of a runbook: what was done, by whom and when, with what is kept of what programs printed
    Run {
        run: RunId,
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
    /// One incident: impact, clocks, cause, what was tried, what people learned
    Postmortem {
        incident: IncidentId,
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
    /// What whoever takes over has to know: open incidents, what waits, what runs, what is owed, what happened lately
    Handover {
        /// How far back to look for what happened, such as 12h
        #[arg(long, default_value = "8h", value_parser = words::duration)]
        window: Duration,
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
    /// How one incident stands, to be pasted for those who wait: affected, conditions, actions, needs
    Situation {
        incident: IncidentId,
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
    /// How incidents went over a window: times, what was in time, how often services and changes fail
    Metrics {
        /// How far back, such as 90d
        #[arg(long, default_value = "90d", value_parser = words::duration)]
        window: Duration,
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
    /// One drill: what was broken, what people did, what that scored and why, and what to do better
    Drill {
        drill: DrillId,
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
    },
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text that reads as it is
    #[value(alias = "md")]
    Markdown,
    /// One page for a browser or a printer
    Html,
    /// One JSON document, as with --json
    Json,
}

impl Report {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Recovery { recovery, format } => {
                let document = RecoveryReport::of(&session.client()?.state().await?, recovery)?;
                let markdown = document.markdown();
                let title = format!("{recovery}: {}", document.title);
                write(session, &document, &title, &markdown, format)
            }
            Self::Run { run, format } => {
                let document = RunReport::of(&session.client()?.state().await?, run, session.now())?;
                let title = format!("{run}: {}", document.title);
                write(session, &document, &title, &document.markdown(), format)
            }
            Self::Postmortem { incident, format } => post_mortem(session, incident, format).await,
            Self::Drill { drill, format } => drill_paper::report(session, drill, format).await,
            Self::Handover { window, format } => {
                let document = Handover::of(&session.client()?.state().await?, span(window)?, session.now());
                let title = format!("Handover of {}", document.platform);
                write(session, &document, &title, &document.markdown(), format)
            }
            Self::Situation { incident, format } => {
                let document = SituationReport::of(&session.client()?.state().await?, incident, session.now())?;
                let title = format!("{incident}: {}", document.title);
                write(session, &document, &title, &document.markdown(), format)
            }
            Self::Metrics { window, format } => {
                let document = domain::metrics(&session.client()?.state().await?, span(window)?, session.now());
                let title = format!("Incidents of {}", document.platform);
                write(session, &document, &title, &report::metrics_markdown(&document), format)
            }
        }
    }
}

fn span(window: Duration) -> Result<TimeDelta, CliError> {
    TimeDelta::from_std(window).map_err(|_| CliError::Usage("--window: longer than a calendar".to_owned()))
}

/// The post-mortem of an incident, as far as it is written.
pub(super) async fn post_mortem(session: &Session, incident: IncidentId, format: Format) -> Result<Exit, CliError> {
    let document = PostMortemReport::of(&session.client()?.state().await?, incident, session.now())?;
    let title = format!("Post-mortem of {incident}: {}", document.title);
    write(session, &document, &title, &document.markdown(), format)
}

pub(super) fn write(
    session: &Session,
    document: &impl Serialize,
    title: &str,
    markdown: &str,
    format: Format,
) -> Result<Exit, CliError> {
    match format {
        Format::Html if !session.output.is_json() => session.output.script(report::html(title, markdown).as_bytes())?,
        Format::Json if !session.output.is_json() => {
            let mut json = serde_json::to_vec(document).map_err(|error| CliError::Failed(error.to_string()))?;
            json.push(b'\n');
            session.output.script(&json)?;
        }
        _ => session.output.result(document, || text::block(markdown))?,
    }
    Ok(Exit::Done)
}
