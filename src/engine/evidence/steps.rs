//! A clock that was set is an event: times before and after cannot be compared without it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    domain::{Actor, Command},
    engine::{EngineHandle, clock::Steady},
};

/// Records every step of the host's clock that the engine's own has seen.
pub(in crate::engine) async fn report_steps(engine: EngineHandle, clock: Arc<Steady>, stop: CancellationToken) {
    loop {
        let (expected, found) = tokio::select! {
            () = stop.cancelled() => return,
            step = clock.next_step() => step,
        };
        let report = Command::ReportClockStep { expected, found };
        if let Err(cause) = engine.submit(report, Actor::Engine).await {
            warn!(%cause, "a step of the clock could not be recorded");
        }
    }
}
