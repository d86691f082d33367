//! Looking which version of each code component is live: a deployment that nobody reported is found all the same.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::EngineHandle;
use crate::{
    domain::{Actor, Command},
    platform::Points,
    recovery,
};

/// How often to look; one `readlink` per code component.
const EVERY: Duration = Duration::from_secs(1);

/// Looks again and again until stopped.
pub(super) async fn versions(engine: EngineHandle, stop: CancellationToken) {
    loop {
        look(&engine).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Looks once and records what went live since.
pub(super) async fn look(engine: &EngineHandle) {
    let state = engine.state();
    let code = state.platform.components.iter().filter(|component| {
        component.adapter.points() == Points::Versions
            // Its executor reports what it switches.
            && !state.running_recoveries().any(|recovery| recovery.plan.components().any(|name| name == component.name))
    });
    for component in code {
        let found = component.clone();
        let Ok(observed) = tokio::task::spawn_blocking(move || recovery::observe(&found)).await else { continue };
        match observed {
            Ok(recovery::Observed { version: Some(version) })
                if state.live_version(&component.name) != Some(version.as_str()) =>
            {
                let component = component.name.clone();
                if let Err(cause) = engine.submit(Command::ObserveVersion { component, version }, Actor::Engine).await {
                    debug!(%cause, "observed version");
                }
            }
            Ok(_) => {}
            Err(cause) => debug!(%cause, component = component.name, "version"),
        }
    }
}
