//! `codeblue operator certificate`

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::TimeDelta;
use clap::{Args, Subcommand};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::json;

use super::{
    code,
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text, words,
};
use crate::{
    domain::{Command, LONGEST_CERTIFICATE},
    engine::CertificateRequest,
};

/// Certificates by which people are known over TLS; a technical lead issues them
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  codeblue operator certificate bob --for 90d
  codeblue --host https://db1:8443 --certificate bob.pem status
  codeblue operator certificate list
  codeblue operator certificate revoke 4c1f…"
)]
pub struct Certificate {
    #[command(subcommand)]
    which: Option<Which>,
    /// Who is to be known by it
    #[arg(required = true)]
    name: Option<String>,
    /// How long it counts, at most 397 days
    #[arg(long = "for", value_parser = words::duration, default_value = "90d", value_name = "TIME")]
    time: Duration,
    /// Where the certificate and its key go; NAME.pem when not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is done with those that were issued.
#[derive(Debug, Subcommand)]
enum Which {
    /// Yours, as a technical lead everybody's
    List,
    /// End one now
    Revoke {
        /// Its number, as `list` tells it
        serial: String,
    },
}

impl Certificate {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match (self.which, self.name) {
            (Some(Which::List), _) => list(session).await,
            (Some(Which::Revoke { serial }), _) => session.submit(Command::RevokeCertificate { serial }).await,
            (None, Some(name)) => {
                let out = self.out.unwrap_or_else(|| format!("{name}.pem").into());
                issue(session, name, self.time, &out).await
            }
            (None, None) => Err(CliError::Usage("name the operator, or list, or revoke".to_owned())),
        }
    }
}

/// The key is made here and kept here; the engine gets its public half alone.
async fn issue(session: &Session, operator: String, time: Duration, out: &Path) -> Result<Exit, CliError> {
    let time = TimeDelta::from_std(time).ok().filter(|time| *time <= LONGEST_CERTIFICATE);
    let time =
        time.ok_or_else(|| CliError::Usage("a certificate counts for at most 397 days: --for 90d".to_owned()))?;
    let failed = |error: std::io::Error| CliError::Failed(format!("{}: {error}", out.display()));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let mut file = made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CliError::Usage(format!("{} is there already; name another file with --out", out.display()))
        }
        _ => failed(error),
    })?;
    let issued = sign(session, operator, time).await;
    let (issued, key) = match issued {
        Ok(issued) => issued,
        Err(error) => {
            let _ = std::fs::remove_file(out);
            return Err(error);
        }
    };
    file.write_all((issued.certificate.clone() + &key).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    let document = json!({
        "serial": issued.serial,
        "operator": issued.operator,
        "fingerprint": issued.fingerprint,
        "expiresAt": issued.expires_at,
        "file": out,
    });
    session.output.result(&document, || {
        format!(
            "{} is known by certificate {} until {}\n\nIt and its private key are in {}, and nowhere else. Give it to {} over a way \
             that nobody reads along, and keep no copy.\n",
            text::line(&issued.operator),
            issued.serial,
            text::moment(issued.expires_at),
            out.display(),
            text::line(&issued.operator),
        )
    })?;
    Ok(Exit::Done)
}

async fn sign(
    session: &Session,
    operator: String,
    time: TimeDelta,
) -> Result<(crate::engine::IssuedCertificate, String), CliError> {
    let key = KeyPair::generate().map_err(|error| CliError::Failed(format!("no key could be made: {error}")))?;
    // A host that is a little ahead of the engine's must not make the longest time too long.
    let expires_at = session.now() + time - TimeDelta::minutes(1).min(time / 10);
    let request = CertificateRequest { operator, public_key: hex::encode(key.der_bytes()), expires_at };
    let given = session.given_code();
    let issued = code::with_code(&session.client()?, given, async |client: &crate::client::Client| {
        client.issue_certificate(&request).await
    })
    .await?;
    Ok((issued, key.serialize_pem()))
}

async fn list(session: &Session) -> Result<Exit, CliError> {
    let certificates = session.client()?.certificates().await?;
    let now = session.now();
    session.output.result(&certificates, || {
        if certificates.is_empty() {
            return "no certificate".to_owned();
        }
        let mut table = Table::new(["SERIAL", "FOR", "BY", "COUNTS"]);
        for known in &certificates {
            let counts = match known.counts(now) {
                Ok(()) => Cell::from(format!("for {}", text::span(known.expires_at - now))),
                Err(_) if known.revoked_at.is_some() => Cell::painted("revoked", Paint::Dim),
                Err(_) => Cell::painted("expired", Paint::Dim),
            };
            table.row([
                Cell::from(&known.serial),
                Cell::from(&known.operator),
                Cell::from(known.issued_by.to_string()),
                counts,
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}
