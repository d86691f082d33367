//! `codeblue policy`

use clap::Subcommand;

use super::{
    error::{CliError, Exit},
    session::Session,
};
use crate::report::Policies;

/// What happens by itself
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// The response to each kind of incident, who is called, and how errors are classified
    Show,
}

impl Policy {
    pub(super) fn run(self, session: &Session) -> Result<Exit, CliError> {
        let Self::Show = self;
        let policies = Policies::of_the_house();
        session.output.result(&policies, || policies.markdown())?;
        Ok(Exit::Done)
    }
}
