//! `codeblue heartbeat`

use clap::Args;

use super::{
    error::{CliError, Exit},
    session::Session,
    text,
};

/// Tell that a job has run; a job calls this at its end, and silence is its failure
#[derive(Debug, Args)]
pub struct Heartbeat {
    /// The service that is the job
    service: String,
    /// The run has failed
    #[arg(long)]
    failed: bool,
    /// Anything worth saying, in one line
    #[arg(long, default_value = "")]
    message: String,
}

impl Heartbeat {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let answer = session.client()?.beat(&self.service, !self.failed, &self.message).await?;
        session.output.result(&answer, || {
            let told = if self.failed { "a failed run" } else { "a heartbeat" };
            format!("{told} of {} is noted\n", text::line(&self.service))
        })?;
        Ok(Exit::Done)
    }
}
