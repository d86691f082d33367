//! `codeblue patterns` without files: what the engine has seen.

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::diagnosis::patterns::{Trend, bars};

/// Columns of the lines of the last hour.
const BARS: usize = 20;

/// Shows the kinds of lines that the engine has seen, what is out of the ordinary first.
pub(super) async fn show(session: &Session, service: Option<&str>, top: usize) -> Result<Exit, CliError> {
    let client = session.client()?;
    let seen = client.patterns(service, top).await?;
    let now = session.now();
    session.output.result(&seen, || {
        if seen.is_empty() {
            return "no lines were seen; name logs in the platform file: docs/logs.md\n".to_owned();
        }
        let mut table = Table::new(["STATE", "COUNT", "SERVICE", "FIRST", "LAST", "LAST HOUR", "ID", "TEMPLATE"]);
        for pattern in &seen {
            let state = text::word(&pattern.state);
            let state = match pattern.state {
                Trend::New | Trend::Bursting | Trend::Vanished => Cell::painted(state, Paint::Warn),
                Trend::Recurring | Trend::Rare => Cell::from(state),
            };
            let ago = |at| format!("{} ago", text::span(now - at));
            table.row([
                state,
                Cell::from(pattern.count.to_string()),
                Cell::from(&pattern.service),
                Cell::from(ago(pattern.first)),
                Cell::from(ago(pattern.last)),
                Cell::from(bars(&pattern.per_minute, BARS)),
                Cell::from(&pattern.id),
                Cell::from(&pattern.template),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
