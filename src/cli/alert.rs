//! `codeblue alert`

use clap::Subcommand;

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::platform::Reading;

/// Alerts that monitoring systems send
#[derive(Debug, Subcommand)]
pub enum Alert {
    /// The alerts that fire, and the services whose checks wait for them
    List,
}

impl Alert {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List => list(session).await,
        }
    }
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let firing = session.client()?.alerts().await?;
    let now = session.now();
    session.output.result(&firing, || {
        if firing.is_empty() {
            return "no alert fires\n".to_owned();
        }
        let mut table = Table::new(["SEVERITY", "ALERT", "SINCE", "SERVICE", "WHAT"]);
        for entry in &firing {
            let alert = &entry.alert;
            let severity = Some(alert.label("severity")).filter(|text| !text.is_empty()).unwrap_or("none");
            let paint = if alert.reading() == Reading::Bad { Paint::Bad } else { Paint::Warn };
            let waiting = match entry.services.as_slice() {
                [] => Cell::painted("no check waits for it", Paint::Dim),
                services => Cell::from(services.join(", ")),
            };
            table.row([
                Cell::painted(severity, paint),
                Cell::from(alert.name()),
                Cell::from(text::age(Some(alert.starts_at), now)),
                waiting,
                Cell::from(alert.summary().unwrap_or_default()),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
