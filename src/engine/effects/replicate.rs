//! Copies the vault to its replica, and puts back from there what the vault lost.

use super::{Hands, blocking};
use crate::{
    domain::Command,
    vault::{Repaired, Replica, Replicated},
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

/// What a repair did, in one line.
fn told(repaired: &Repaired) -> String {
    let (replaced, put_back) = (repaired.replaced.len(), repaired.put_back.len());
    let lost: String = repaired.beyond_repair.iter().take(3).map(|file| format!("; beyond repair: {file}")).collect();
    format!("{replaced} damaged files replaced, {put_back} lost files put back{lost}")
}

/// Puts back what is damaged or was lost.
pub(super) async fn repair(hands: &Hands) {
    let Some(settings) = hands.engine.state().platform.vault.replica.clone() else {
        let found = "no replica is configured any more".to_owned();
        return hands.tell(Command::EndRepair { whole: false, found }).await;
    };
    let (vault, cancel) = (hands.vault.clone(), hands.cancel.clone());
    let repaired =
        blocking(move || vault.repair_from(&Replica::new(&settings), &cancel).map_err(|error| error.to_string())).await;
    if hands.stop.is_cancelled() {
        return;
    }
    let (whole, found) = match repaired {
        Ok(repaired) => (repaired.is_whole(), told(&repaired)),
        Err(error) => (false, error),
    };
    hands.tell(Command::EndRepair { whole, found }).await;
}
