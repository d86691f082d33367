//! Looking in the vault for snapshots that no record knows.

use std::{collections::BTreeSet, sync::Arc};

use tracing::warn;

use super::EngineHandle;
use crate::{
    domain::{Actor, Captured, Command, Found},
    vault::{SnapshotInfo, Vault},
};

/// Tag of a capture that a rollback may go to: its service was healthy, and it is no safety snapshot.
pub(super) const HEALTHY: &str = "healthy";

/// Looks once, before anything new is captured. What cannot be read now is looked for again at the next start.
pub(super) async fn look(engine: &EngineHandle, vault: &Arc<Vault>) {
    let state = engine.state();
    let recorded = state.snapshots.values().flat_map(|snapshot| &snapshot.captured).map(|captured| &captured.vault_id);
    let known: BTreeSet<String> = recorded.chain(&state.vault.forgotten).cloned().collect();
    let vault = vault.clone();
    let listed = tokio::task::spawn_blocking(move || vault.list_others(&known)).await;
    let found: Vec<Found> = match listed {
        Ok(Ok(others)) => others.into_iter().filter_map(found).collect(),
        Ok(Err(error)) => return warn!(%error, "snapshots without a record were not looked for"),
        Err(error) => return warn!(%error, "snapshots without a record were not looked for"),
    };
    if !found.is_empty()
        && let Err(error) = engine.submit(Command::AdoptSnapshots { found }, Actor::Engine).await
    {
        warn!(%error, "snapshots without a record were not adopted");
    }
}

/// What the tags of a capture tell; none for what somebody else keeps in the same repository.
fn found(info: SnapshotInfo) -> Option<Found> {
    let component = info.tags.iter().find_map(|tag| tag.strip_prefix("component="))?.to_owned();
    let called = info.tags.iter().find(|tag| tag.starts_with("SNP-"))?.clone();
    let unreadable = if info.partial { vec!["not everything could be read".to_owned()] } else { Vec::new() };
    let version = info.tags.iter().find_map(|tag| tag.strip_prefix("release=")).map(str::to_owned);
    let captured = Captured {
        component,
        vault_id: info.id,
        files: info.files,
        bytes: info.bytes,
        added_bytes: info.added_bytes,
        unreadable,
        version,
        good: false,
    };
    let healthy = info.tags.iter().any(|tag| tag == HEALTHY);
    Some(Found { called, taken_at: info.at, healthy, captured })
}
