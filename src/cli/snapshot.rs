//! `codeblue snapshot`

use clap::{Args, Subcommand};

use super::{
    danger,
    error::{CliError, Exit},
    proof,
    session::Session,
    table::{Cell, Paint, Table},
    text, wait,
};
use crate::{
    client::Client,
    domain::{self, Command, Event, Proof, SnapshotId, SnapshotState, SnapshotTrigger},
};

/// Take, compare and prove snapshots
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Take one now and stay until it is in the vault
    Create(Create),
    /// Snapshots, newest first
    List {
        /// How many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// What one holds
    Show { snapshot: SnapshotId },
    /// What differs between two, or between one and the live system
    Diff { a: SnapshotId, b: Option<SnapshotId> },
    /// Read everything it holds back from the vault
    Verify { snapshot: SnapshotId },
    /// Restore everything it holds into a scratch place and have each adapter judge it
    TestRestore { snapshot: SnapshotId },
    /// Forget what retention does not keep, and give back its room
    Prune,
    /// Copy the vault to its replica now
    Replicate,
    /// Put back from the replica what is damaged in the vault or was lost
    Repair,
    /// Keep it whatever retention says
    Pin {
        snapshot: SnapshotId,
        /// Do not keep it any more
        #[arg(long)]
        off: bool,
    },
    /// The `export` lines with which the stock restic program opens the vault
    ResticEnv,
}

/// Take a snapshot now and stay until it is in the vault
#[derive(Debug, Args)]
pub struct Create {
    /// A component to capture; all of them when none is named
    #[arg(long = "component", short, value_name = "COMPONENT")]
    components: Vec<String>,
    #[arg(long, default_value = "asked for on the command line")]
    reason: String,
    /// Before a deployment
    #[arg(long)]
    pre_deployment: bool,
    /// Return when it has begun
    #[arg(long)]
    no_wait: bool,
}

impl Create {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let trigger = if self.pre_deployment { SnapshotTrigger::PreDeployment } else { SnapshotTrigger::OnDemand };
        let (components, reason) = (self.components, self.reason);
        create(session, Command::RequestSnapshot { components, trigger, reason }, !self.no_wait).await
    }
}

impl Snapshot {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List { limit } => list(session, limit).await,
            Self::Show { snapshot } => {
                let found = session.client()?.state().await?.snapshot(snapshot)?.clone();
                session.output.result(&found, || describe(session, &found))?;
                Ok(Exit::Done)
            }
            Self::Diff { a, b } => {
                let components = session.client()?.difference(a, b).await?;
                session.output.result(&components, || {
                    danger::differences(&components, &session.output).trim_start().to_owned()
                })?;
                Ok(Exit::Done)
            }
            Self::Verify { snapshot } => verify(session, snapshot).await,
            Self::TestRestore { snapshot } => proof::of_snapshot(session, snapshot, Proof::TestRestore).await,
            Self::Prune => session.submit(Command::ApplyRetention).await,
            Self::Replicate => replicate(session).await,
            Self::Repair => repair(session).await,
            Self::Pin { snapshot, off } => session.submit(Command::PinSnapshot { snapshot, pinned: !off }).await,
            Self::ResticEnv => {
                let variables = session.client()?.restic_env().await?;
                session.output.result(&variables, || {
                    variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect()
                })?;
                Ok(Exit::Done)
            }
        }
    }
}

async fn repair(session: &Session) -> Result<Exit, CliError> {
    let client = session.client()?;
    client.submit(&Command::RepairVault).await?;
    let repaired = wait::until(&client, |state, _| {
        let replica = &state.vault.replica;
        replica.repaired.clone().filter(|_| !replica.repairing)
    })
    .await?;
    session.output.result(&repaired, || text::line(&repaired.found))?;
    Ok(if repaired.whole { Exit::Done } else { Exit::Failed })
}

async fn replicate(session: &Session) -> Result<Exit, CliError> {
    let client = session.client()?;
    client.submit(&Command::Replicate).await?;
    let replica = wait::until(&client, |state, _| {
        let replica = &state.vault.replica;
        replica.copying_since.is_none().then(|| replica.clone())
    })
    .await?;
    session.output.result(&replica, || match &replica.problem {
        None => "the replica holds all that the vault holds".to_owned(),
        Some((_, problem)) => format!("the replica is behind: {}", text::line(problem)),
    })?;
    Ok(if replica.problem.is_none() { Exit::Done } else { Exit::Failed })
}

/// A value as a shell reads it back, whatever is in it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

pub(super) async fn create(session: &Session, command: Command, stay: bool) -> Result<Exit, CliError> {
    let client = session.client()?;
    let answer = client.submit(&command).await?;
    let begun = answer.events.iter().find_map(|recorded| match &recorded.event {
        Event::SnapshotRequested { snapshot, .. } => Some(*snapshot),
        _ => None,
    });
    match begun {
        Some(id) if stay => follow(session, &client, id).await,
        _ => {
            session.report(&answer)?;
            Ok(Exit::Done)
        }
    }
}

async fn follow(session: &Session, client: &Client, id: SnapshotId) -> Result<Exit, CliError> {
    let snapshot = wait::until(client, |state, _| {
        state.snapshots.get(&id).filter(|snapshot| snapshot.state != SnapshotState::Running).cloned()
    })
    .await?;
    session.output.result(&snapshot, || match &snapshot.state {
        SnapshotState::Failed(error) => format!("{id} failed: {}", text::line(error)),
        state => format!(
            "{id} {}: {}, the vault grew by {}",
            word(state),
            text::count(snapshot.captured.len(), "component"),
            text::bytes(snapshot.added_bytes())
        ),
    })?;
    Ok(if snapshot.state == SnapshotState::Complete { Exit::Done } else { Exit::Failed })
}

async fn list(session: &Session, limit: usize) -> Result<Exit, CliError> {
    let state = session.client()?.state().await?;
    let snapshots: Vec<_> = state.snapshots.values().rev().take(limit).collect();
    session.output.result(&snapshots, || {
        if snapshots.is_empty() {
            return "no snapshot yet".to_owned();
        }
        let mut table = Table::new(["AGE", "ID", "STATE", "TRIGGER", "PARTS", "ADDED", "PROOF", "WHY"]);
        for snapshot in &snapshots {
            table.row([
                Cell::from(text::age(Some(snapshot.requested_at), session.now())),
                Cell::from(format!("{}{}", snapshot.id, if snapshot.pinned { " pinned" } else { "" })),
                state_cell(&snapshot.state),
                Cell::from(text::word(&snapshot.trigger)),
                Cell::from(format!("{} of {}", snapshot.captured.len(), snapshot.components.len())),
                Cell::from(text::bytes(snapshot.added_bytes())),
                proven(snapshot),
                Cell::from(&snapshot.reason),
            ]);
        }
        table.render(&session.output)
    })?;
    Ok(Exit::Done)
}

fn word(state: &SnapshotState) -> &'static str {
    match state {
        SnapshotState::Running => "running",
        SnapshotState::Complete => "complete",
        SnapshotState::Partial => "PARTIAL",
        SnapshotState::Failed(_) => "FAILED",
    }
}

fn state_cell(state: &SnapshotState) -> Cell {
    let paint = match state {
        SnapshotState::Running => Paint::Dim,
        SnapshotState::Complete => Paint::Good,
        SnapshotState::Partial => Paint::Warn,
        SnapshotState::Failed(_) => Paint::Bad,
    };
    Cell::painted(word(state), paint)
}

fn proven(snapshot: &domain::Snapshot) -> Cell {
    let problems = snapshot.checked.as_ref().map(|(_, problems)| problems.len());
    let restores = snapshot.tested.as_ref().map(|tested| tested.results.iter().all(|result| result.passed));
    match (problems, restores) {
        (Some(problems), _) if problems > 0 => Cell::painted(format!("DAMAGED {problems}"), Paint::Bad),
        (_, Some(false)) => Cell::painted("DOES NOT RESTORE", Paint::Bad),
        (_, Some(true)) => Cell::painted("restores", Paint::Good),
        (Some(_), None) => Cell::painted("intact", Paint::Good),
        (None, None) => Cell::from("—"),
    }
}

fn describe(session: &Session, snapshot: &domain::Snapshot) -> String {
    let mut page = format!("{} {}", snapshot.id, word(&snapshot.state));
    if let SnapshotState::Failed(error) = &snapshot.state {
        page += &format!(": {}", text::line(error));
    }
    page += &format!(
        "\n{} by {} at {}: {}\n",
        text::word(&snapshot.trigger),
        snapshot.requested_by,
        text::moment(snapshot.requested_at),
        text::line(&snapshot.reason)
    );
    if let Some(recovery) = snapshot.recovery {
        page += &format!("protects {recovery}\n");
    }
    if snapshot.pinned {
        page += "pinned: retention keeps it\n";
    }
    match &snapshot.checked {
        None => page += "not read back yet; do so with: codeblue snapshot verify\n",
        Some((at, problems)) if problems.is_empty() => {
            page += &format!("read back and intact at {}\n", text::moment(*at));
        }
        Some((at, problems)) => {
            page += &format!("DAMAGED, found at {}\n", text::moment(*at));
            for problem in problems {
                page += &format!("  {}\n", text::line(problem));
            }
        }
    }
    if let Some(tested) = &snapshot.tested {
        page += &format!("restored into a scratch place at {}\n", text::moment(tested.at));
        for result in &tested.results {
            let word = if result.passed { "restores" } else { "DOES NOT RESTORE" };
            page += &format!("  {} {word}: {}\n", text::line(&result.component), text::line(&result.detail));
        }
    }
    let mut table = Table::new(["COMPONENT", "GOOD", "FILES", "SIZE", "ADDED", "VERSION", "IN THE VAULT"]);
    for captured in &snapshot.captured {
        table.row([
            Cell::from(&captured.component),
            if captured.good { Cell::painted("yes", Paint::Good) } else { Cell::painted("no", Paint::Warn) },
            Cell::from(captured.files.to_string()),
            Cell::from(text::bytes(captured.bytes)),
            Cell::from(text::bytes(captured.added_bytes)),
            Cell::from(captured.version.as_deref().unwrap_or("—")),
            Cell::from(&captured.vault_id),
        ]);
    }
    page += &format!("\n{}", table.render(&session.output));
    for captured in &snapshot.captured {
        for path in &captured.unreadable {
            page += &format!("not readable in {}: {}\n", text::line(&captured.component), text::line(path));
        }
    }
    page
}

async fn verify(session: &Session, id: SnapshotId) -> Result<Exit, CliError> {
    let document = session.client()?.verify(id).await?;
    let problems: Vec<&str> =
        document["problems"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    session.output.result(&document, || match problems.as_slice() {
        [] => format!("{id} was read back from the vault and is intact"),
        problems => {
            let mut page = format!("{id} is DAMAGED:\n");
            for problem in problems {
                page += &format!("  {}\n", text::line(problem));
            }
            page
        }
    })?;
    Ok(if document["ok"] == serde_json::Value::Bool(true) { Exit::Done } else { Exit::Failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_line_holds_whatever_the_value_holds() {
        assert_eq!(quoted("/a b/$HOME/it's"), r"'/a b/$HOME/it'\''s'");
    }
}
