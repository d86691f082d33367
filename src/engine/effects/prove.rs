//! Proves of a snapshot that its bytes are right, and that it can be restored.

use std::{sync::Arc, time::Instant};

use super::{Hands, blocking};
use crate::{
    domain::{Captured, Command, Proof, SnapshotId, TestResult},
    recovery,
    vault::{CancelFlag, Vault},
};

pub(super) async fn run(hands: &Hands, id: SnapshotId, proof: Proof) {
    let state = hands.engine.state();
    let Some(snapshot) = state.snapshots.get(&id) else { return };
    let captured = snapshot.captured.clone();
    let (vault, cancel) = (hands.vault.clone(), hands.cancel.clone());
    let outcome = match proof {
        Proof::Integrity => blocking(move || read_back(&vault, &captured, &cancel))
            .await
            .map(|problems| Command::RecordSnapshotCheck { snapshot: id, problems }),
        Proof::TestRestore => {
            test_restore(hands, id, captured).await.map(|results| Command::RecordTestRestore { snapshot: id, results })
        }
    };
    // Stopping is no verdict: the proof is resumed by the next engine.
    if hands.stop.is_cancelled() {
        return;
    }
    hands.tell(outcome.unwrap_or_else(|error| Command::FailProof { snapshot: id, proof, error })).await;
}

/// Reads everything a snapshot holds back from the vault; what is wrong with it, one line each. An error is none of its faults.
pub(in crate::engine) fn read_back(
    vault: &Vault,
    captured: &[Captured],
    cancel: &CancelFlag,
) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for one in captured {
        match vault.verify(&one.vault_id, cancel) {
            Ok(found) => problems.extend(
                found.iter().map(|problem| format!("{}: {}: {}", one.component, problem.path, problem.problem)),
            ),
            Err(error) if error.blames_snapshot() => problems.push(format!("{}: {error}", one.component)),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(problems)
}

async fn test_restore(hands: &Hands, id: SnapshotId, captured: Vec<Captured>) -> Result<Vec<TestResult>, String> {
    let platform = Arc::clone(&hands.engine.state().platform);
    let (vault, cancel) = (hands.vault.clone(), hands.cancel.clone());
    let scratch = hands.work.join(format!("test-{id}"));
    blocking(move || {
        let mut results = Vec::new();
        for one in captured.iter().filter(|one| one.unreadable.is_empty()) {
            let Some(component) = platform.component(&one.component) else { continue };
            let begun = Instant::now();
            let (passed, detail) = match recovery::test_restore(component, &one.vault_id, &scratch, &vault, &cancel) {
                Ok(proof) => (true, proof.detail),
                Err(error) if error.blames_snapshot() => (false, error.to_string()),
                Err(error) => return Err(error.to_string()),
            };
            let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            results.push(TestResult { component: one.component.clone(), passed, detail, milliseconds });
        }
        Ok(results)
    })
    .await
}
