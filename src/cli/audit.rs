//! `codeblue audit`

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::{
    domain::{Recorded, Refusal},
    store::verify_file,
};

/// The most events one question may ask for.
const MOST: u64 = 10_000;

/// The journal as evidence
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Events, oldest first: the last ones, or those after one
    List {
        /// Only events after this one
        #[arg(long, value_name = "SEQ")]
        since: Option<u64>,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=MOST))]
        limit: u64,
    },
    /// One event with everything in it
    Show { seq: u64 },
    /// Prove that nothing was edited, removed or put in; needs no engine
    Verify {
        /// Another journal than the home's
        #[arg(long, value_name = "JOURNAL")]
        file: Option<PathBuf>,
    },
}

impl Audit {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List { since, limit } => list(session, since, limit).await,
            Self::Show { seq } => show(session, seq).await,
            Self::Verify { file } => {
                let path = match file {
                    Some(path) => path,
                    None => session.home()?.journal(),
                };
                verify(session, &path)
            }
        }
    }
}

async fn list(session: &Session, since: Option<u64>, limit: u64) -> Result<Exit, CliError> {
    let client = session.client()?;
    let since = match since {
        Some(since) => since,
        None => client.state().await?.seq.saturating_sub(limit),
    };
    let events = client.events(since, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    session.output.result(&events, || {
        let mut table = Table::new(["SEQ", "TIME", "WHO", "WHAT"]);
        for recorded in &events {
            table.row([
                Cell::from(recorded.seq.to_string()),
                Cell::from(text::moment(recorded.at)),
                Cell::from(recorded.actor.to_string()),
                Cell::from(recorded.event.summary()),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

async fn show(session: &Session, seq: u64) -> Result<Exit, CliError> {
    let unknown = || Refusal::unknown("event", seq);
    let before = seq.checked_sub(1).ok_or_else(unknown)?;
    let found: Option<Recorded> = session.client()?.events(before, 1).await?.into_iter().find(|found| found.seq == seq);
    let recorded = found.ok_or_else(unknown)?;
    session.output.result(&recorded, || {
        let mut page = format!("{} {} by {}\n", recorded.seq, text::moment(recorded.at), recorded.actor);
        page += &format!("{}\n", text::line(&recorded.event.summary()));
        if let Some(cause) = recorded.cause {
            page += &format!("because of {cause}\n");
        }
        page += &format!("hash {}\n", recorded.hash);
        page + &text::block(&serde_json::to_string_pretty(&recorded.event).unwrap_or_default())
    })?;
    Ok(Exit::Done)
}

fn verify(session: &Session, path: &Path) -> Result<Exit, CliError> {
    let verification = verify_file(path).map_err(|error| CliError::Failed(error.to_string()))?;
    session.output.result(&verification, || match &verification.problem {
        None => format!(
            "{} {}, head {}",
            session.output.paint("intact:", Some(Paint::Good)),
            text::count(verification.events, "event"),
            verification.head
        ),
        Some(problem) => format!(
            "{} at event {} ({}): {}\nright up to there: {}, head {}",
            session.output.paint("NOT INTACT", Some(Paint::Bad)),
            problem.seq,
            text::word(&problem.kind),
            text::line(&problem.detail),
            text::count(verification.events, "event"),
            verification.head
        ),
    })?;
    Ok(if verification.ok { Exit::Done } else { Exit::Failed })
}
