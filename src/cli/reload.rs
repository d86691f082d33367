//! `codeblue reload`

use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::{
    error::{CliError, Exit},
    session::Session,
    text,
};
use crate::{client::Client, domain::State, engine::PlatformDifference};

/// How long an engine may take to be back.
const BACK: Duration = Duration::from_secs(60);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Have the engine read its platform file anew: shows what changes, refuses a broken one
///
/// The engine stops in good order and starts again within a second or two; what was under way is resumed, screens come back by
/// themselves. While a recovery runs it is refused.
#[derive(Debug, Args)]
pub struct Reload {
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

impl Reload {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        let before = client.state().await?.engine.started_at;
        let found: PlatformDifference = match self.dry_run {
            true => client.get("/api/v1/platform/reload").await?,
            false => client.reload().await?,
        };
        if found.changed && !self.dry_run {
            session.output.progress(&format!("{} is read anew", found.file.display()));
            back(&client, |state| state.engine.started_at != before).await?;
            if client.get::<PlatformDifference>("/api/v1/platform/reload").await.is_ok_and(|left| left.changed) {
                let told = "the engine does not start with it, and goes on with what was in force; its log says why";
                return Err(CliError::Failed(told.to_owned()));
            }
        }
        session.output.result(&found, || match (found.changed, self.dry_run) {
            (false, _) => format!("{} says what is in force already", found.file.display()),
            (true, true) => format!("{}would change; nothing was changed", text::block(&found.difference)),
            (true, false) => format!("{}is in force", text::block(&found.difference)),
        })?;
        Ok(Exit::Done)
    }
}

/// Waits until the engine answers again and is another one than before.
async fn back(client: &Client, is_new: impl Fn(&State) -> bool) -> Result<(), CliError> {
    let begun = Instant::now();
    while begun.elapsed() < BACK {
        if client.state().await.is_ok_and(|state| is_new(&state)) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(CliError::Failed(format!(
        "the engine is not back after {} s; what it says is in its log: codeblue doctor",
        BACK.as_secs()
    )))
}
