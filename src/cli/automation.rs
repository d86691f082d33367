//! `codeblue automation`

use clap::Subcommand;
use serde_json::json;

use super::{
    error::{CliError, Exit},
    session::Session,
    text, words,
};
use crate::domain::{AutomationMode, Command};

/// How far the engine may go by itself
#[derive(Debug, Subcommand)]
pub enum Automation {
    /// The mode in force, and whether it is halted
    Show,
    /// observe: only watch; assist: propose, a person approves; auto: also run approved recoveries
    Set {
        #[arg(value_parser = words::mode())]
        mode: AutomationMode,
    },
    /// Stop all of it at once; people can still act
    Halt {
        #[arg(long)]
        reason: String,
    },
    /// Let it go on after a halt
    Release,
}

impl Automation {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Show => {
                let state = session.client()?.state().await?;
                let document = json!({"mode": state.mode, "halted": state.halted});
                session.output.result(&document, || match &state.halted {
                    Some(reason) => format!("{}, HALTED: {}", text::word(&state.mode), text::line(reason)),
                    None => text::word(&state.mode),
                })?;
                Ok(Exit::Done)
            }
            Self::Set { mode } => session.submit(Command::SetAutomation { mode }).await,
            Self::Halt { reason } => session.submit(Command::HaltAutomation { reason }).await,
            Self::Release => session.submit(Command::ReleaseAutomation).await,
        }
    }
}
