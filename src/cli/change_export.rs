//! `codeblue change export`: what was agreed to and by whom, for somebody who has no codeblue and need not trust it.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use serde_json::json;

use super::{
    error::{CliError, Exit},
    session::Session,
    text,
};
use crate::{
    client::Client,
    domain::{
        self, Attestation, ChangeId, Event, SIGNATURE_NAMESPACE, State, approval_payload, intent_hash, intent_text,
    },
    platform::Platform,
};

/// Events that are asked for at a time.
const PAGE: usize = 1000;

/// Write what was agreed to, each signature and how to check them, into a new folder
#[derive(Debug, Args)]
pub struct Export {
    change: ChangeId,
    /// The folder; it must not exist yet
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

impl Export {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        let state = client.state().await?;
        let change = state.change(self.change)?;
        let files = bundle(&state, &*platform_of(&client, &state, change).await?, change)?;
        write(&self.to, &files)
            .map_err(|error| CliError::Failed(format!("{}: {error}; nothing else was changed", self.to.display())))?;
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        session.output.result(&json!({"folder": self.to, "files": names}), || {
            format!(
                "wrote {} into {}; README.txt says how to check them",
                text::count(names.len() as u64, "file"),
                self.to.display()
            )
        })?;
        Ok(Exit::Done)
    }
}

/// The platform file under which a change was agreed to: the one in force, or an earlier one, which the journal keeps.
async fn platform_of(client: &Client, state: &State, change: &domain::Change) -> Result<Arc<Platform>, CliError> {
    let is_it = |platform: &Platform| intent_hash(platform, &change.agreed()) == change.plan_hash;
    if is_it(&state.platform) {
        return Ok(state.platform.clone());
    }
    let mut since = 0;
    loop {
        let events = client.events(since, PAGE).await?;
        let Some(last) = events.last() else {
            return Err(CliError::Failed(format!(
                "{}: no platform file in the journal gives the hash that was agreed to; look at it with: codeblue audit verify",
                change.id
            )));
        };
        since = last.seq;
        for recorded in events {
            match recorded.event {
                Event::PlatformLoaded { platform } if is_it(&platform) => return Ok(platform),
                _ => {}
            }
        }
    }
}

/// The files of the bundle, by name.
fn bundle(state: &State, platform: &Platform, change: &domain::Change) -> Result<Vec<(String, String)>, CliError> {
    let id = change.id;
    let whole = serde_json::to_string_pretty(change).map_err(|error| CliError::Failed(error.to_string()))?;
    let mut files = vec![
        ("intent.json".to_owned(), intent_text(platform, &change.agreed())),
        ("change.json".to_owned(), whole + "\n"),
    ];
    let (mut signers, mut checks) = (String::new(), String::new());
    for approval in change.current_approvals() {
        let name = &approval.operator;
        let signer = (name.as_str(), &approval.roles);
        let payload = approval_payload(&state.engine.origin, change, signer, approval.on_behalf_of.as_deref());
        files.push((format!("{name}.txt"), payload));
        match &approval.attestation {
            Attestation::Signature { fingerprint, signature } => {
                let key = state.operators.get(name).and_then(|operator| operator.keys.get(fingerprint));
                let line = match key {
                    Some(key) => format!("{name} namespaces=\"{SIGNATURE_NAMESPACE}\" {}\n", key.openssh),
                    None => format!("# the key {fingerprint} of {name} is not registered any more\n"),
                };
                signers += &line;
                files.push((format!("{name}.sig"), signature.clone()));
                let _ = writeln!(
                    checks,
                    "  ssh-keygen -Y verify -f allowed_signers -I {name} -n {SIGNATURE_NAMESPACE} -s {name}.sig < {name}.txt"
                );
            }
            Attestation::SecondFactor => {
                let _ =
                    writeln!(checks, "  {name}: the engine's word for a session with a second factor, see the journal");
            }
            Attestation::Session => {
                let _ = writeln!(checks, "  {name}: the engine's word for a session, see the journal");
            }
        }
    }
    if !signers.is_empty() {
        files.push(("allowed_signers".to_owned(), signers));
    }
    let readme = format!(
        "{id}, round {}: what was agreed to, and by whom\n\n\
         intent.json is all that was agreed to, as canonical JSON (RFC 8785). Its hash is\n\n  {}\n\n\
         and this prints it:\n\n  (printf 'codeblue change v2\\0'; cat intent.json) | sha256sum\n\n\
         Each NAME.txt names that hash and is what NAME signed or stands behind:\n\n{checks}\n\
         Compare the keys in allowed_signers with those that the people themselves show you. What the engine gives its\n\
         word for is in its journal: codeblue audit verify.\n",
        change.round, change.plan_hash
    );
    files.insert(0, ("README.txt".to_owned(), readme));
    Ok(files)
}

fn write(folder: &Path, files: &[(String, String)]) -> io::Result<()> {
    fs::create_dir(folder)?;
    for (name, content) in files {
        let mut file = File::create_new(folder.join(name))?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
    }
    Ok(())
}
