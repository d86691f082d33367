//! Captures components into the vault.

use super::{Hands, blocking};
use crate::{
    domain::{Captured, Command, SnapshotId, SnapshotTrigger},
    engine::adopt::HEALTHY,
    recovery,
};

pub(super) async fn run(hands: &Hands, id: SnapshotId) {
    let (captured, problems) = capture(hands, id).await;
    finish(hands, id, captured, &problems).await;
}

/// Captures every component of a requested snapshot. What is broken is captured as the bytes it is, as evidence, but is
/// not good to go back to.
pub(super) async fn capture(hands: &Hands, id: SnapshotId) -> (Vec<Captured>, Vec<String>) {
    let state = hands.engine.state();
    let Some(snapshot) = state.snapshots.get(&id) else { return (Vec::new(), Vec::new()) };
    let mut captured = Vec::new();
    let mut problems = Vec::new();
    for name in &snapshot.components {
        let Some(component) = state.platform.component(name).cloned() else { continue };
        let healthy_before = state.is_component_healthy(name);
        let is_target = healthy_before && snapshot.trigger != SnapshotTrigger::Safety;
        let work = hands.clone();
        let turn = hands.captures.take(name).await;
        let result = blocking(move || {
            let mut tags = vec![id.to_string()];
            if is_target {
                tags.push(HEALTHY.to_owned());
            }
            recovery::capture(&component, &work.vault, &work.work, &tags, work.clock.now(), &work.cancel)
                .map_err(|error| error.to_string())
        })
        .await;
        drop(turn);
        let healthy = healthy_before && hands.engine.state().is_component_healthy(name);
        match result {
            Ok(taken) => captured.push(Captured {
                component: name.clone(),
                vault_id: taken.captured.id,
                files: taken.captured.files,
                bytes: taken.captured.bytes,
                added_bytes: taken.captured.added_bytes,
                good: healthy && taken.captured.unreadable.is_empty(),
                unreadable: taken.captured.unreadable,
                version: taken.version,
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
