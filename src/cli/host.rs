//! `codeblue host`

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    error::{CliError, Exit},
    fleet, reach,
    session::Session,
    table::{Cell, Table},
    text,
};
use crate::{
    client::{
        HostAddress,
        hosts::{self, HostEntry},
    },
    engine::TlsFigures,
};

/// Engines on other hosts
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  codeblue host add db1 ssh://ops@db1.example
  codeblue host add db2 https://db2.example:8443 --fingerprint sha256:… --token-file ~/.config/codeblue/db2.token
  codeblue --host db1 status
  codeblue host status              how all of them are
  codeblue --host db2               the board, on the engine of db2")]
pub enum Host {
    /// Those that are named
    List,
    Add(Add),
    /// Name it no more
    Remove {
        name: String,
    },
    /// How one is reached, and whether it answers
    Show {
        name: String,
    },
    /// How all of them are now, with what is open and what waits on any; exit code 4 when one does not answer
    #[command(after_help = "Examples:
  codeblue host status
  codeblue host status --within 3s --json | jq '.[] | select(.answers | not) | .host'")]
    Status {
        /// How long each may take
        #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
        within: Duration,
    },
    /// What the engine shows over TLS: what others compare before they trust it
    Certificate {
        /// Have it show a new one; who trusts its authority notices nothing
        #[arg(long)]
        renew: bool,
        /// Print the certificate of its authority, for curl --cacert
        #[arg(long, conflicts_with = "renew")]
        pem: bool,
    },
    /// The path of the socket of this home; ssh:// addresses without one ask for it
    Socket,
}

/// Name one, to be meant with --host NAME; what --token-file or --certificate names is shown to it from then on
#[derive(Debug, Args)]
pub struct Add {
    /// What it is to be called here
    name: String,
    /// unix:PATH, https://HOST:PORT or ssh://[USER@]HOST[:PORT][/PATH/TO/engine.sock]
    #[arg(value_parser = address)]
    address: HostAddress,
    /// What `codeblue host certificate` tells there; without, it is asked on a terminal
    #[arg(long, value_name = "sha256:…", value_parser = fingerprint)]
    fingerprint: Option<String>,
}

fn address(text: &str) -> Result<HostAddress, String> {
    text.parse().map_err(|bad: crate::client::BadAddress| bad.to_string())
}

fn fingerprint(text: &str) -> Result<String, String> {
    match hosts::is_fingerprint(text) {
        true => Ok(text.to_owned()),
        false => Err("expected sha256: and 64 hexadecimal digits".to_owned()),
    }
}

impl Host {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List => list(session),
            Self::Add(add) => add.run(session),
            Self::Remove { name } => remove(session, &name),
            Self::Show { name } => show(session, &name).await,
            Self::Status { within } => fleet::status(session, within).await,
            Self::Certificate { renew, pem } => certificate(session, renew, pem).await,
            Self::Socket => {
                let socket = session.home()?.socket();
                session.output.result(&json!({"socket": socket}), || format!("{}\n", socket.display()))?;
                Ok(Exit::Done)
            }
        }
    }
}

fn settings(session: &Session) -> Result<PathBuf, CliError> {
    Ok(session.home()?.settings_file())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn usage(error: hosts::HostsError) -> CliError {
    CliError::Usage(error.to_string())
}

fn list(session: &Session) -> Result<Exit, CliError> {
    let known = hosts::hosts(&settings(session)?).map_err(usage)?;
    session.output.result(&known, || {
        if known.is_empty() {
            return "no host is named; codeblue host add NAME ADDRESS names one".to_owned();
        }
        let mut table = Table::new(["HOST", "ADDRESS", "SHOWN TO IT", "FINGERPRINT"]);
        for host in &known {
            let fingerprint = host.fingerprint.as_deref().map_or("—", |text| text.get(..19).unwrap_or(text));
            table.row([
                Cell::from(&host.name),
                Cell::from(&host.address),
                Cell::from(shown(host)),
                Cell::from(fingerprint),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

/// By what one is known there.
fn shown(host: &HostEntry) -> &'static str {
    match (&host.token_file, &host.certificate, host.address.starts_with("https:")) {
        (Some(_), _, _) => "a token",
        (None, Some(_), _) => "a certificate",
        (None, None, true) => "NOTHING",
        (None, None, false) => "the login",
    }
}

impl Add {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let file = settings(session)?;
        session.home()?.prepare()?;
        let mut entry = HostEntry {
            name: self.name,
            address: self.address.to_string(),
            fingerprint: self.fingerprint,
            token_file: session.token_file().map(reach::absolute),
            certificate: session.certificate_file().map(reach::absolute),
        };
        match &self.address {
            HostAddress::Tls(address) if entry.fingerprint.is_none() => {
                let known = hosts::hosts(&file).map_err(usage)?;
                if known.iter().any(|host| host.name == entry.name) {
                    return Err(CliError::Usage(format!(
                        "there is a host {0} already; choose another name, or remove it first: codeblue host remove {0}",
                        entry.name
                    )));
                }
                entry.fingerprint = Some(reach::trusted_on_first_use(&file, &entry, address)?);
            }
            HostAddress::Unix(_) | HostAddress::Ssh(_) if entry.fingerprint.is_some() => {
                return Err(CliError::Usage(
                    "--fingerprint is for https:// alone; OpenSSH has its own known_hosts".into(),
                ));
            }
            _ => hosts::add(&file, &entry).map_err(usage)?,
        }
        session.output.result(&entry, || {
            format!("{} is {}; try: codeblue --host {} status\n", entry.name, entry.address, entry.name)
        })?;
        Ok(Exit::Done)
    }
}

fn remove(session: &Session, name: &str) -> Result<Exit, CliError> {
    hosts::remove(&settings(session)?, name).map_err(usage)?;
    session.output.result(&json!({"removed": name}), || format!("{name} is named no more\n"))?;
    Ok(Exit::Done)
}

async fn show(session: &Session, name: &str) -> Result<Exit, CliError> {
    let entry = reach::entry(&settings(session)?, name)?;
    let client = session.client_of(Some(name))?;
    let begun = session.now();
    let answer = client.whoami().await;
    let took = (session.now() - begun).as_seconds_f64();
    let (who, problem) = match answer {
        Ok(me) => (Some(me.name), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let document =
        json!({"host": entry, "answers": who.is_some(), "operator": who, "tookSeconds": took, "problem": problem});
    session.output.result(&document, || {
        let mut page = format!("{}  {}\n", entry.name, entry.address);
        page += &entry.fingerprint.as_ref().map(|text| format!("trusted {text}\n")).unwrap_or_default();
        page += &format!("shown to it: {}\n", shown(&entry));
        match (&who, &problem) {
            (Some(who), _) => page += &format!("it answers {} in {:.0} ms\n", text::line(who), took * 1000.0),
            (None, problem) => page += &format!("NO ANSWER: {}\n", text::line(problem.as_deref().unwrap_or_default())),
        }
        page
    })?;
    Ok(if who.is_some() { Exit::Done } else { Exit::NoEngine })
}

async fn certificate(session: &Session, renew: bool, pem: bool) -> Result<Exit, CliError> {
    let client = session.client()?;
    let figures = if renew { client.renew_certificate().await? } else { client.tls_figures().await? };
    session.output.result(&figures, || if pem { figures.authority.clone() } else { page(&figures) })?;
    Ok(Exit::Done)
}

fn page(figures: &TlsFigures) -> String {
    let mut page = format!("listens on {}\n\n    {}\n\n", figures.address, figures.fingerprint);
    page += "That is what others compare before they trust this engine:\n";
    page += &format!(
        "codeblue host add NAME https://HOST:{} --fingerprint {}\n\n",
        figures.address.port(),
        figures.fingerprint
    );
    let by = if figures.own {
        "the engine renews it by itself"
    } else {
        "it is one's own, and read anew when its file changes"
    };
    page += &format!("certificate {}\n  until {}; {by}\n", figures.certificate, text::moment(figures.ends_at));
    if let Some(ends_at) = figures.authority_ends_at {
        page += &format!("its authority counts until {}\n", text::moment(ends_at));
    }
    page
}
