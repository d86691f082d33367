//! `codeblue breaker`

use std::time::Duration;

use chrono::TimeDelta;
use clap::{Subcommand, ValueEnum};
use serde_json::Value;

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text, words,
};
use crate::domain::{BreakerState, Command, ForcedTo, State};

/// Whether services should be called: see it, reset it, hold it for a time
#[derive(Debug, Subcommand)]
pub enum Breaker {
    /// Every service's breaker and why it is so
    ///
    /// Checks open it after 5 failures in a row of one check, in production after 3. After a minute, each time twice as long up
    /// to 15 minutes, the next checks are probes: 3 answers close it, a failure opens it again. `[service.breaker]` in the platform
    /// file says otherwise for a service. Nothing stands in front of
    /// services yet that would hold calls back: a breaker says what it would do, and who calls a service may ask.
    List {
        /// Only those that are open, closed or half-open
        #[arg(long)]
        state: Option<Which>,
    },
    /// Close it and count failures anew
    Reset {
        service: String,
        #[arg(long)]
        reason: String,
    },
    /// Hold it open or closed for a time, whatever checks say
    Force {
        service: String,
        to: Hold,
        /// For how long, at most 24h
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = words::duration)]
        time: Duration,
        #[arg(long)]
        reason: String,
    },
}

/// Which breakers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Also those that are held open.
    Open,
    /// Also those that are held closed.
    Closed,
    HalfOpen,
}

/// Where a breaker is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hold {
    /// Nobody is to call the service
    Open,
    /// Everybody may
    Closed,
}

impl Breaker {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List { state } => list(session, state).await,
            Self::Reset { service, reason } => session.submit(Command::ResetBreaker { service, reason }).await,
            Self::Force { service, to, time, reason } => {
                let to = match to {
                    Hold::Open => ForcedTo::Open,
                    Hold::Closed => ForcedTo::Closed,
                };
                let end = TimeDelta::from_std(time).ok().and_then(|time| session.now().checked_add_signed(time));
                let until = end.ok_or_else(|| CliError::Usage("--for: that is too long".to_owned()))?;
                session.submit(Command::ForceBreaker { service, to, until, reason }).await
            }
        }
    }
}

async fn list(session: &Session, which: Option<Which>) -> Result<Exit, CliError> {
    let client = session.client()?;
    if session.output.is_json() {
        let asked = match which {
            None => "",
            Some(Which::Open) => "?state=open",
            Some(Which::Closed) => "?state=closed",
            Some(Which::HalfOpen) => "?state=half-open",
        };
        let document: Value = client.get(&format!("/api/emergency/circuit-breakers{asked}")).await?;
        session.output.result(&document, String::new)?;
        return Ok(Exit::Done);
    }
    let state = client.state().await?;
    session.output.result(&state.breakers, || {
        let table = table(session, &state, which);
        let told = if table.is_empty() { "no breaker is so\n".to_owned() } else { table.render(&session.output) };
        told + "nothing in front of services acts on them yet\n"
    })?;
    Ok(Exit::Done)
}

fn table(session: &Session, state: &State, which: Option<Which>) -> Table {
    let now = session.now();
    let mut table = Table::new(["BREAKER", "SERVICE", "SINCE", "UNTIL", "THRESHOLDS", "WHY"]);
    for service in &state.platform.services {
        let breaker = state.breaker(&service.name);
        let (kind, cell) = match breaker.state {
            BreakerState::Closed => (Which::Closed, Cell::painted("● closed", Paint::Good)),
            BreakerState::ForcedClosed => (Which::Closed, Cell::painted("● FORCED closed", Paint::Warn)),
            BreakerState::HalfOpen => (Which::HalfOpen, Cell::painted("▲ half-open", Paint::Warn)),
            BreakerState::Open => (Which::Open, Cell::painted("✖ OPEN", Paint::Bad)),
            BreakerState::ForcedOpen => (Which::Open, Cell::painted("✖ FORCED open", Paint::Bad)),
        };
        if which.is_some_and(|which| which != kind) {
            continue;
        }
        table.row([
            cell,
            Cell::from(&service.name),
            Cell::from(text::age(breaker.since, now)),
            Cell::from(breaker.until.map(text::moment).unwrap_or_default()),
            Cell::from(state.breaker_thresholds(&service.name).words()),
            Cell::from(text::line(&breaker.reason)),
        ]);
    }
    table
}
