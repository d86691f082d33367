//! Following what was begun until it is over, also across a restart of the engine.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};

use super::error::CliError;
use crate::{
    client::{Client, Update},
    domain::{Recorded, State, apply},
};

/// How long the engine may be away before the wait is given up.
const AWAY: Duration = Duration::from_secs(60);

/// The first thing `wanted` finds, in the state as it is now or as it becomes. It also sees each event that leads there.
pub(super) async fn until<T>(
    client: &Client,
    mut wanted: impl FnMut(&State, Option<&Recorded>) -> Option<T>,
) -> Result<T, CliError> {
    let (sender, mut updates) = mpsc::channel(256);
    let follower = client.clone();
    tokio::spawn(async move { follower.follow(sender).await });
    let mut state = State::default();
    let mut gives_up_at = Instant::now() + AWAY;
    let mut why = "no answer yet".to_owned();
    let mut live = false;
    loop {
        let update = if live {
            updates.recv().await
        } else {
            tokio::time::timeout_at(gives_up_at, updates.recv()).await.unwrap_or_default()
        };
        match update {
            None => {
                return Err(CliError::NoEngine(format!(
                    "the engine has gone: {why}; what was begun goes on when it is back"
                )));
            }
            Some(Update::Live(now)) => {
                state = now.0;
                live = true;
                if let Some(found) = wanted(&state, None) {
                    return Ok(found);
                }
            }
            Some(Update::Event(recorded)) if recorded.seq > state.seq => {
                apply(&mut state, &recorded);
                if let Some(found) = wanted(&state, Some(&recorded)) {
                    return Ok(found);
                }
            }
            Some(Update::Event(_) | Update::Samples(_)) => {}
            Some(Update::Lost(reason)) => {
                if live {
                    gives_up_at = Instant::now() + AWAY;
                }
                live = false;
                why = reason;
            }
        }
    }
}
