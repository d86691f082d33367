//! Removes the data of forgotten snapshots from the vault.

use tracing::{info, warn};

use super::{Hands, blocking};
use crate::domain::Command;

pub(super) async fn run(hands: &Hands) {
    let vault_ids = hands.engine.state().vault.forgotten.clone();
    if vault_ids.is_empty() {
        return;
    }
    let (vault, cancel, ids) = (hands.vault.clone(), hands.cancel.clone(), vault_ids.clone());
    let pruned = blocking(move || {
        vault.forget(&ids).map_err(|error| error.to_string())?;
        // Room that cannot be given back now is given back the next time; nothing is lost by waiting.
        if let Err(error) = vault.prune(&cancel) {
            warn!(%error, "the vault was not pruned");
        }
        vault.total_size().map_err(|error| error.to_string())
    })
    .await;
    match pruned {
        Ok(total_bytes) => hands.tell(Command::FinishPrune { vault_ids, total_bytes }).await,
        Err(error) => {
            info!(error, "forgotten snapshots are still in the vault; the next engine or pruning removes them");
        }
    }
}
