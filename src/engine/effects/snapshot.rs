//! Captures components into the vault.

use std::path::PathBuf;

use super::{Hands, blocking};
use crate::{
    domain::{Captured, Command, SnapshotId},
    platform::{Adapter, Component},
    recovery,
    vault::Source,
};

pub(super) async fn run(hands: &Hands, id: SnapshotId) {
    let (captured, problems) = capture(hands, id, false).await;
    finish(hands, id, captured, &problems).await;
}

/// Captures every component of a requested snapshot. With `damaged_too`, a database that does not pass its own
/// verification is captured as the bytes it is, so that a recovery of it can still be undone.
pub(super) async fn capture(hands: &Hands, id: SnapshotId, damaged_too: bool) -> (Vec<Captured>, Vec<String>) {
    let state = hands.engine.state();
    let Some(snapshot) = state.snapshots.get(&id) else { return (Vec::new(), Vec::new()) };
    let mut captured = Vec::new();
    let mut problems = Vec::new();
    for name in &snapshot.components {
        let Some(component) = state.platform.component(name).cloned() else { continue };
        let healthy_before = state.is_component_healthy(name);
        let work = hands.clone();
        let result = blocking(move || capture_one(&work, id, &component, damaged_too)).await;
        let healthy = healthy_before && hands.engine.state().is_component_healthy(name);
        match result {
            Ok((taken, verified)) => captured.push(Captured {
                component: name.clone(),
                vault_id: taken.id,
                files: taken.files,
                bytes: taken.bytes,
                added_bytes: taken.added_bytes,
                unreadable: taken.unreadable,
                version: taken.version,
                good: healthy && verified,
            }),
            Err(problem) => problems.push(format!("{name}: {problem}")),
        }
    }
    (captured, problems)
}

/// Reports what became of a snapshot.
pub(super) async fn finish(hands: &Hands, id: SnapshotId, captured: Vec<Captured>, problems: &[String]) {
    let vault = hands.vault.clone();
    let total_bytes = blocking(move || vault.total_size().map_err(|e| e.to_string())).await.unwrap_or(0);
    let command = if captured.is_empty() {
        Command::FailSnapshot { snapshot: id, error: problems.join("; ") }
    } else {
        Command::FinishSnapshot { snapshot: id, captured, total_bytes }
    };
    hands.tell(command).await;
    for problem in problems {
        tracing::warn!(snapshot = %id, problem, "not captured");
    }
}

struct Taken {
    id: String,
    files: u64,
    bytes: u64,
    added_bytes: u64,
    unreadable: Vec<String>,
    version: Option<String>,
}

fn capture_one(
    hands: &Hands,
    id: SnapshotId,
    component: &Component,
    damaged_too: bool,
) -> Result<(Taken, bool), String> {
    let tags = [id.to_string(), component.name.clone()];
    let now = hands.clock.now();
    match recovery::capture(component, &hands.vault, &hands.work, &tags, now, &hands.cancel) {
        Ok(taken) => Ok((
            Taken {
                id: taken.captured.id,
                files: taken.captured.files,
                bytes: taken.captured.bytes,
                added_bytes: taken.captured.added_bytes,
                unreadable: taken.captured.unreadable,
                version: taken.version,
            },
            true,
        )),
        Err(error) => match &component.adapter {
            Adapter::Sqlite { path } if damaged_too => {
                let wal = PathBuf::from(format!("{}-wal", path.display()));
                let paths = [path.clone(), wal].into_iter().filter(|path| path.exists());
                let source = Source::new(paths).map_err(|raw| format!("{error}; {raw}"))?;
                let raw =
                    hands.vault.capture(source, &tags, now, &hands.cancel).map_err(|raw| format!("{error}; {raw}"))?;
                Ok((
                    Taken {
                        id: raw.id,
                        files: raw.files,
                        bytes: raw.bytes,
                        added_bytes: raw.added_bytes,
                        unreadable: raw.unreadable,
                        version: None,
                    },
                    false,
                ))
            }
            _ => Err(error.to_string()),
        },
    }
}
