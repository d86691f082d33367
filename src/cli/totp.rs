//! `codeblue operator totp`

use std::sync::Arc;

use clap::Subcommand;
use qrcode::{QrCode, render::unicode::Dense1x2};
use serde_json::json;

use super::{
    danger,
    error::{CliError, Exit},
    session::Session,
    text,
};
use crate::{
    client::Client,
    domain::Command,
    engine::{Enrolled, Enrolment, RecoverError, SystemClock, recover_second_factor},
};

/// The second factor: codes of a telephone, for what is dangerous
#[derive(Debug, Subcommand)]
pub enum Totp {
    /// Show a code for your telephone to read; on a terminal also ask for the first code
    Enrol,
    /// Make it count, with the first code
    Confirm,
    /// Give yours up, with a code of it
    Remove,
    /// Have a colleague's lost one not count any more; nobody does that for oneself
    Reset {
        name: String,
        #[arg(long)]
        reason: String,
    },
    /// Have a lost one not count any more where nobody else can: on the engine's host, while the engine is stopped, by the user who
    /// owns its home. It is recorded
    Recover {
        name: String,
        #[arg(long)]
        reason: String,
    },
}

impl Totp {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Enrol => enrol(session).await,
            Self::Confirm => {
                let enrolled = confirm(session, &session.client()?).await?;
                tell(session, &enrolled)
            }
            Self::Remove => session.submit(Command::RemoveSecondFactor).await,
            Self::Recover { name, reason } => recover(session, &name, &reason),
            Self::Reset { name, reason } => session.submit(Command::ResetSecondFactor { operator: name, reason }).await,
        }
    }
}

fn recover(session: &Session, name: &str, reason: &str) -> Result<Exit, CliError> {
    if session.is_elsewhere() {
        return Err(CliError::Usage(
            "recover works in the home of a stopped engine; --host does not go with it".to_owned(),
        ));
    }
    let done = recover_second_factor(&session.home()?, Arc::new(SystemClock), name, reason);
    session.report(&done.map_err(|error| match error {
        RecoverError::Refused(refusal) => CliError::Refused(refusal),
        other => CliError::Failed(other.to_string()),
    })?)?;
    session.output.progress("start the engine again; a new one begins with: codeblue operator totp enrol");
    Ok(Exit::Done)
}

async fn enrol(session: &Session) -> Result<Exit, CliError> {
    let client = session.client()?;
    let enrolment = client.begin_enrolment().await?;
    if session.output.is_json() || !danger::can_ask() {
        session.output.result(&enrolment, || {
            page(&enrolment) + "It counts once a code of it was given: codeblue operator totp confirm\n"
        })?;
        return Ok(Exit::Done);
    }
    session.output.script(page(&enrolment).as_bytes())?;
    let enrolled = confirm(session, &client).await?;
    tell(session, &enrolled)
}

async fn confirm(session: &Session, client: &Client) -> Result<Enrolled, CliError> {
    Ok(client.with_code(Some(session.code()?)).confirm_enrolment().await?)
}

/// What somebody scans, or types where nothing can be scanned.
fn page(enrolment: &Enrolment) -> String {
    let picture = QrCode::new(enrolment.uri.as_bytes()).map(|code| {
        // Terminals are dark more often than not: what is printed is the light.
        code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build()
    });
    let picture = picture.map(|picture| picture + "\n\n").unwrap_or_default();
    format!(
        "{picture}Scan it with an app for one-time codes, or type the secret there:\n\n    {}\n    {}\n\n",
        enrolment.secret,
        text::line(&enrolment.uri)
    )
}

fn tell(session: &Session, enrolled: &Enrolled) -> Result<Exit, CliError> {
    let document = json!({"operator": enrolled.operator, "recoveryCodes": enrolled.recovery_codes});
    session.output.result(&document, || {
        let mut page = format!("{} has a second factor now. ", text::line(&enrolled.operator));
        page += "For the day the telephone is gone, ten codes that count once each, and are shown this once:\n\n";
        for pair in enrolled.recovery_codes.chunks(2) {
            page += &format!("    {}\n", pair.join("    "));
        }
        page + "\nKeep them on paper, away from the telephone.\n"
    })?;
    Ok(Exit::Done)
}
