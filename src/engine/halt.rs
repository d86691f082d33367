//! The kill switch that needs nothing but a file: while it is there, policies are halted. It works when nobody can log in to the
//! board and no command gets through.

use std::{path::Path, path::PathBuf, time::Duration};

use tokio_util::sync::CancellationToken;

use super::EngineHandle;
use crate::domain::{Actor, Command};

/// How often the file is looked for; it is also looked for before each step that a policy takes.
const EVERY: Duration = Duration::from_secs(1);

/// Halts automation when the file is there.
pub(super) async fn obey(engine: &EngineHandle, file: &Path) {
    if engine.state().halted.is_none() && file.exists() {
        let reason = format!("the file {} is there; remove it before you release automation", file.display());
        let _ = engine.submit(Command::HaltAutomation { reason }, Actor::Engine).await;
    }
}

/// Looks for the file until the engine stops.
pub(super) async fn watch(engine: EngineHandle, file: PathBuf, stop: CancellationToken) {
    loop {
        obey(&engine, &file).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
