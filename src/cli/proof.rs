//! Proofs that what is kept can be brought back: `codeblue test-recovery`, `codeblue validate-integrity`, and those of one snapshot.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;

use super::{
    error::{CliError, Exit},
    session::Session,
    table::{Cell, Paint, Table},
    text, wait,
};
use crate::{
    client::Client,
    domain::{Command, Proof, SnapshotId, SnapshotState, State},
    store::verify_file,
};

/// Restore the newest good snapshot of each component into a scratch place and have its adapter judge it
#[derive(Debug, Args)]
pub struct TestRecovery {
    /// Only this component; may be repeated
    #[arg(long = "component", short, value_name = "COMPONENT")]
    components: Vec<String>,
}

/// Prove the journal, the newest good snapshots and what is live
#[derive(Debug, Args)]
pub struct ValidateIntegrity {}

/// What came of one proof.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Proved {
    what: String,
    ok: bool,
    detail: String,
}

impl TestRecovery {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        let state = client.state().await?;
        for name in &self.components {
            if state.platform.component(name).is_none() {
                return Err(crate::domain::Refusal::unknown(crate::domain::Named::Component, name).into());
            }
        }
        let wanted =
            |name: &str| self.components.is_empty() || self.components.iter().any(|component| component == name);
        let mut found = Vec::new();
        let mut newest = BTreeSet::new();
        for component in state.platform.components.iter().filter(|component| wanted(&component.name)) {
            match state.last_good_snapshot(&component.name, None) {
                Some(snapshot) => {
                    newest.insert(snapshot.id);
                }
                None => found.push(missing(&component.name)),
            }
        }
        for id in newest {
            found.extend(
                prove(&client, id, Proof::TestRestore).await?.into_iter().filter(|proved| wanted(&proved.what)),
            );
        }
        tell(session, &found)
    }
}

impl ValidateIntegrity {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let client = session.client()?;
        let state = client.state().await?;
        let mut found = Vec::new();
        if session.is_elsewhere() {
            session.output.progress("the journal is proved on its own host, with: codeblue audit verify");
        } else {
            let journal =
                verify_file(&session.home()?.journal()).map_err(|error| CliError::Failed(error.to_string()))?;
            let detail = match &journal.problem {
                None => format!("{}, head {}", text::count(journal.events, "event"), text::short(&journal.head)),
                Some(problem) => format!("event {}: {}", problem.seq, problem.detail),
            };
            found.push(Proved { what: "journal".to_owned(), ok: journal.ok, detail });
        }
        for live in client.verify_live().await? {
            let what = format!("{} live", live.component);
            let ok = live.problem.is_none();
            found.push(Proved { what, ok, detail: live.problem.unwrap_or_else(|| "whole".to_owned()) });
        }
        let mut newest = BTreeSet::new();
        for component in &state.platform.components {
            match state.last_good_snapshot(&component.name, None) {
                Some(snapshot) => {
                    newest.insert(snapshot.id);
                }
                None => found.push(missing(&component.name)),
            }
        }
        for id in newest {
            found.extend(prove(&client, id, Proof::Integrity).await?);
        }
        if let Some((_, problem)) = &state.vault.replica.problem {
            found.push(Proved { what: "replica".to_owned(), ok: false, detail: problem.clone() });
        }
        tell(session, &found)
    }
}

/// One proof of one snapshot, told for its components.
pub(super) async fn of_snapshot(session: &Session, id: SnapshotId, proof: Proof) -> Result<Exit, CliError> {
    let found = prove(&session.client()?, id, proof).await?;
    tell(session, &found)
}

fn missing(component: &str) -> Proved {
    Proved { what: component.to_owned(), ok: false, detail: "it has no good snapshot".to_owned() }
}

async fn prove(client: &Client, id: SnapshotId, proof: Proof) -> Result<Vec<Proved>, CliError> {
    let begun = client.submit(&Command::RequestProof { snapshot: id, proof }).await?;
    let since = begun.events.first().map(|recorded| recorded.at);
    wait::until(client, |state, _| {
        let Some(snapshot) = state.snapshots.get(&id) else { return Some(Vec::new()) };
        if snapshot.state == SnapshotState::Running || snapshot.proving.contains(&proof) {
            return None;
        }
        Some(outcome(state, id, proof, since))
    })
    .await
}

fn outcome(state: &State, id: SnapshotId, proof: Proof, since: Option<chrono::DateTime<chrono::Utc>>) -> Vec<Proved> {
    if let Some((at, why)) = &state.vault.unproved
        && since.is_none_or(|since| *at >= since)
    {
        return vec![Proved { what: id.to_string(), ok: false, detail: format!("could not be tried: {why}") }];
    }
    let Some(snapshot) = state.snapshots.get(&id) else { return Vec::new() };
    match proof {
        Proof::TestRestore => {
            let results = snapshot.tested.iter().flat_map(|tested| &tested.results);
            let told = |result: &crate::domain::TestResult| Proved {
                what: result.component.clone(),
                ok: result.passed,
                detail: format!("{id}: {}", result.detail),
            };
            results.map(told).collect()
        }
        Proof::Integrity => {
            let problems = snapshot.checked.as_ref().map_or(&[][..], |(_, problems)| problems);
            let detail = match problems {
                [] => format!("{} read back", text::count(snapshot.captured.len(), "component")),
                [first, ..] => format!("{}, such as {first}", text::count(problems.len(), "problem")),
            };
            vec![Proved { what: id.to_string(), ok: problems.is_empty(), detail }]
        }
    }
}

fn tell(session: &Session, found: &[Proved]) -> Result<Exit, CliError> {
    session.output.result(&found, || {
        let mut table = Table::new(["", "WHAT", "FOUND"]);
        for proved in found {
            let mark =
                if proved.ok { Cell::painted("✓", Paint::Good) } else { Cell::painted("✖ FAILED", Paint::Bad) };
            table.row([mark, Cell::from(&proved.what), Cell::from(&proved.detail)]);
        }
        table.render(&session.output)
    })?;
    let all = !found.is_empty() && found.iter().all(|proved| proved.ok);
    Ok(if all { Exit::Done } else { Exit::Failed })
}
