//! `codeblue report`

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::{
    error::{CliError, Exit},
    session::Session,
    text,
};
use crate::{
    domain::RecoveryId,
    report::{self, RecoveryReport},
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
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text that reads as it is
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
        }
    }
}

fn write(
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
