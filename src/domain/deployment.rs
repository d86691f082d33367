//! The ledger: which version of which component went live when.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Actor, DeploymentId, Event, Named, RecoveryId, Refusal, State};

/// A record that a version went live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its name.
    pub id: DeploymentId,
    /// The event behind it.
    #[serde(default)]
    pub seq: u64,
    /// What was deployed.
    pub component: String,
    /// The version that went live.
    pub version: String,
    /// The version that was live before, as far as known.
    pub previous: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Who recorded it.
    pub by: Actor,
    /// How it became known.
    pub origin: DeploymentOrigin,
    /// Anything worth saying.
    pub note: String,
}

/// How a deployment became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "recovery")]
pub enum DeploymentOrigin {
    /// Somebody, or a pipeline, told us.
    Reported,
    /// The engine found another version live than it knew of.
    Observed,
    /// A recovery put it there.
    Recovery(RecoveryId),
}

/// Decides that a version went live as told.
pub(super) fn record(
    state: &State,
    component: &str,
    version: &str,
    origin: DeploymentOrigin,
    note: &str,
) -> Result<Vec<Event>, Refusal> {
    if state.platform.component(component).is_none() {
        return Err(Refusal::unknown(Named::Component, component));
    }
    if version.is_empty() || version.len() > 128 || version.chars().any(char::is_control) {
        return Err(Refusal::new("version", format!("{version:?} is no version")).hint("1 to 128 printable characters"));
    }
    let live = state.live_version(component).map(str::to_owned);
    if live.as_deref() == Some(version) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::DeploymentRecorded {
        deployment: state.next_deployment(),
        component: component.to_owned(),
        version: version.to_owned(),
        previous: live,
        origin,
        note: note.to_owned(),
    }])
}

/// Versions that a recovery left as bad and that nobody has brought back since: no policy goes to them again. Who brings a
/// version back, by an undo or a new deployment, releases it.
pub(super) fn quarantined<'a>(state: &'a State, component: &str) -> BTreeSet<&'a str> {
    let mut left = BTreeSet::new();
    for entry in state.deployments.values().filter(|entry| entry.component == component) {
        let released = left.remove(entry.version.as_str());
        if !released && matches!(entry.origin, DeploymentOrigin::Recovery(_)) {
            left.extend(entry.previous.as_deref());
        }
    }
    left
}
