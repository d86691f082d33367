//! `codeblue change approve` and `payload`: agreeing to exactly one plan, with a session or with a signature.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Command as Process, Stdio},
};

use clap::Args;

use super::{
    change, danger,
    error::{CliError, Exit},
    session::Session,
};
use crate::{
    domain::{self, ChangeId, ChangeState, Command, Refusal, SIGNATURE_NAMESPACE, State, approval_payload},
    engine::DryRunRequest,
};

/// A signature is a few hundred bytes; an RSA one of 8192 bits below 2 KiB.
const SIGNATURE: u64 = 16 * 1024;

/// Agree to exactly the plan it has now
#[derive(Debug, Args)]
pub struct Approve {
    change: ChangeId,
    #[arg(long, default_value = "")]
    reason: String,
    /// Agree only if the plan still has this hash, as `change show` gave it
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
    /// In the place of somebody who has delegated it to you
    #[arg(long, value_name = "OPERATOR")]
    on_behalf_of: Option<String>,
    /// Sign with this SSH key, or the agent that holds it (runs ssh-keygen)
    #[arg(long, value_name = "KEY", conflicts_with = "signature")]
    sign: Option<PathBuf>,
    /// A signature made elsewhere over what `change payload` prints; - reads it from standard input
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

/// Print what an approver signs, to sign it on another machine
#[derive(Debug, Args)]
pub struct Payload {
    change: ChangeId,
    /// In the place of somebody who has delegated it to you
    #[arg(long, value_name = "OPERATOR")]
    on_behalf_of: Option<String>,
}

impl Payload {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        let (state, me) = (client.state().await?, client.whoami().await?);
        let text = payload(&state, state.change(self.change)?, &me, self.on_behalf_of.as_deref());
        session
            .output
            .result(&serde_json::json!({"payload": text, "namespace": SIGNATURE_NAMESPACE}), || text.clone())?;
        Ok(Exit::Done)
    }
}

fn payload(state: &State, change: &domain::Change, me: &domain::Operator, on_behalf_of: Option<&str>) -> String {
    approval_payload(&state.engine.origin, change, (&me.name, &me.roles), on_behalf_of)
}

impl Approve {
    /// Binds the approval to one plan: the one named, or the one just shown, or the one in force.
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let id = self.change;
        let client = session.client()?;
        let (state, me) = (client.state().await?, client.whoami().await?);
        let found = state.change(id)?;
        match &self.plan {
            Some(hash) if hash.len() < 8 || !found.plan_hash.starts_with(hash.as_str()) => {
                return Err(Refusal::new("plan-changed", format!("{id} has the plan {} by now", found.plan_hash))
                    .hint(format!("look again with: codeblue change show {id}"))
                    .into());
            }
            Some(_) => {}
            None if danger::can_ask() && found.state == ChangeState::Pending => {
                let dry = client.dry_run(&DryRunRequest::Change { change: id }).await?;
                let shown = change::describe(&state, found) + &danger::differences(&dry.components, &session.output);
                danger::ask(&id.to_string(), &shown, session.host())?;
            }
            None if found.state == ChangeState::Pending => {
                return Err(CliError::Usage(format!(
                    "nobody is there to look at the plan: name the one you mean with --plan {}",
                    &found.plan_hash[..12.min(found.plan_hash.len())]
                )));
            }
            None => {}
        }
        let signature = match (&self.sign, &self.signature) {
            (Some(key), _) => Some(sign(key, &payload(&state, found, &me, self.on_behalf_of.as_deref()))?),
            (None, Some(file)) => Some(read(file)?),
            (None, None) => None,
        };
        let (plan_hash, round) = (found.plan_hash.clone(), Some(found.round));
        let (reason, on_behalf_of) = (self.reason, self.on_behalf_of);
        session.submit(Command::ApproveChange { change: id, plan_hash, reason, round, on_behalf_of, signature }).await
    }
}

fn read(file: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(SIGNATURE).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(SIGNATURE).read_to_string(&mut text))
    };
    read.map_err(|error| CliError::Usage(format!("--signature {}: {error}", file.display())))?;
    Ok(text)
}

/// Signs with OpenSSH, which asks for a passphrase or the agent by itself.
fn sign(key: &Path, payload: &str) -> Result<String, CliError> {
    let failed = |why: String| CliError::Failed(format!("ssh-keygen could not sign with {}: {why}", key.display()));
    let mut child = Process::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", SIGNATURE_NAMESPACE, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("{error}; it comes with OpenSSH")))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(payload.as_bytes()).map_err(|error| failed(error.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed("see above".to_owned()));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("it gave no signature".to_owned()))
}
