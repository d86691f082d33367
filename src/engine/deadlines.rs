//! Waking up for the deadlines in the state.

use std::{sync::Arc, time::Duration};

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{EngineHandle, clock::Clock};
use crate::domain::{Actor, due, next_due};

/// Longest sleep: a wall clock may be stepped meanwhile.
const LONGEST: Duration = Duration::from_secs(30);
/// Shortest sleep, so that a deadline that cannot be met now does not spin.
const SHORTEST: Duration = Duration::from_millis(200);

/// Gives the commands of every deadline that passes, until stopped.
pub(super) async fn keep(engine: EngineHandle, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut events = engine.subscribe();
    loop {
        let state = engine.state();
        let mut refused = false;
        for command in due(&state, clock.now()) {
            if let Err(cause) = engine.submit(command, Actor::Policy("deadline".to_owned())).await {
                debug!(%cause, "deadline");
                refused = true;
            }
        }
        let state = engine.state();
        let wait = match next_due(&state) {
            _ if refused => Duration::from_secs(5),
            Some(at) => (at - clock.now()).to_std().unwrap_or(SHORTEST).clamp(SHORTEST, LONGEST),
            None => LONGEST,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            event = events.recv() => {
                if matches!(event, Err(RecvError::Closed)) {
                    return;
                }
                events = events.resubscribe();
            }
        }
    }
}
