//! Copies the vault to its replica.

use super::{Hands, blocking};
use crate::{
    domain::Command,
    vault::{Replica, Replicated},
};

pub(super) async fn run(hands: &Hands) {
    let Some(settings) = hands.engine.state().platform.vault.replica.clone() else {
        return hands.tell(Command::EndReplication { problem: Some("it is not configured any more".to_owned()) }).await;
    };
    let (vault, cancel) = (hands.vault.clone(), hands.cancel.clone());
    let copied =
        blocking(move || vault.replicate(&Replica::new(&settings), &cancel).map_err(|error| error.to_string())).await;
    if hands.stop.is_cancelled() {
        return;
    }
    let problem = match copied {
        Ok(copied) if copied.is_clean() => None,
        Ok(copied) => Some(damage(&copied)),
        Err(error) => Some(error),
    };
    hands.tell(Command::EndReplication { problem }).await;
}

/// What a copy could not take over, in one line.
fn damage(copied: &Replicated) -> String {
    let found: Vec<&str> = copied.withheld.iter().chain(&copied.lost).map(String::as_str).collect();
    let shown = found.iter().take(3).copied().collect::<Vec<_>>().join("; ");
    format!("{} files of the vault are damaged or lost: {shown}", found.len())
}
