//! `codeblue token`

use std::time::Duration;

use chrono::TimeDelta;
use clap::Subcommand;
use serde_json::json;

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text, words,
};
use crate::domain::{Command, Event, LONGEST_TOKEN, TokenId, TokenScope, TokenSecret};

/// Programs that act for you
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and show it, once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// read: look; report: heartbeats, errors and deployments; act: what you may do without a second factor
        #[arg(long, value_parser = words::token_scope(), default_value = "read")]
        scope: TokenScope,
        /// How long it counts, at most 366 days
        #[arg(long = "for", value_parser = words::duration, default_value = "30d", value_name = "TIME")]
        time: Duration,
    },
    /// Your tokens, as a technical lead everybody's
    List,
    /// End one now
    Revoke { token: TokenId },
}

impl Token {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Create { name, scope, time } => create(session, name, scope, time).await,
            Self::List => list(session).await,
            Self::Revoke { token } => session.submit(Command::RevokeToken { token }).await,
        }
    }
}

/// The token is made here and shown here; the engine gets its hash alone.
async fn create(session: &Session, name: String, scope: TokenScope, time: Duration) -> Result<Exit, CliError> {
    let time = TimeDelta::from_std(time).ok().filter(|time| *time <= LONGEST_TOKEN);
    let time = time.ok_or_else(|| CliError::Usage("a token counts for at most 366 days: --for 366d".to_owned()))?;
    let secret = TokenSecret::of(rand::random());
    // A host that is a little ahead of the engine's must not make the longest time too long.
    let expires_at = session.now() + time - TimeDelta::minutes(1).min(time / 10);
    let command = Command::CreateToken { name, scope, hash: secret.hash(), expires_at };
    let answer = session.give(&session.client()?, &command).await?;
    let made = answer.events.iter().find_map(|recorded| match &recorded.event {
        Event::TokenCreated { token, .. } => Some((*token, text::line(&recorded.event.summary()))),
        _ => None,
    });
    let (id, told) = made.ok_or_else(|| CliError::Failed("the engine made no token".to_owned()))?;
    let document = json!({"id": id, "token": secret.expose(), "scope": scope, "expiresAt": expires_at});
    session.output.result(&document, || {
        format!(
            "{told}\n\n    {}\n\nIt is shown this once. Keep it in a file that nobody else can read, and name that file with \
             CODEBLUE_TOKEN_FILE.\n",
            secret.expose()
        )
    })?;
    Ok(Exit::Done)
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let tokens = session.client()?.tokens().await?;
    let now = session.now();
    session.output.result(&tokens, || {
        if tokens.is_empty() {
            return "no token".to_owned();
        }
        let mut table = Table::new(["ID", "NAME", "FOR", "MAY", "COUNTS", "LAST USED"]);
        for entry in &tokens {
            let token = &entry.token;
            let counts = match token.counts(now) {
                Ok(()) => Cell::from(format!("for {}", text::span(token.expires_at - now))),
                Err(_) if token.revoked_at.is_some() => Cell::painted("revoked", Paint::Dim),
                Err(_) => Cell::painted("expired", Paint::Dim),
            };
            table.row([
                Cell::from(token.id.to_string()),
                Cell::from(&token.name),
                Cell::from(&token.operator),
                Cell::from(text::word(&token.scope)),
                counts,
                Cell::from(text::age(entry.last_used_at, now)),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
