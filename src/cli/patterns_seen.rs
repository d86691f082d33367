//! `codeblue patterns` without files: what the engine has seen.

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text,
};
use crate::diagnosis::patterns::{Seen, Trend};

/// Shows the kinds of lines that the engine has seen, what is out of the ordinary first.
pub(super) async fn show(session: &Session, service: Option<&str>, top: usize) -> Result<Exit, CliError> {
    let client = session.client()?;
    let named = service.map(|service| format!("&service={service}")).unwrap_or_default();
    let seen: Vec<Seen> = client.get(&format!("/api/v1/patterns?limit={top}{named}")).await?;
    let now = session.now();
    session.output.result(&seen, || {
        if seen.is_empty() {
            return "no lines were seen; name logs in the platform file: docs/logs.md\n".to_owned();
        }
        let mut table = Table::new(["STATE", "COUNT", "SERVICE", "FIRST", "LAST", "ID", "TEMPLATE"]);
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
                Cell::from(&pattern.id),
                Cell::from(&pattern.template),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
