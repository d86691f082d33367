//! Following what was begun until it is over, also across a restart of the engine.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};

use super::error::CliError;
use crate::{
    client::{Client, Update},
    domain::{Recorded, State, apply},
    engine::ModelWords,
};

/// How long the engine may be away before the wait is given up.
const AWAY: Duration = Duration::from_secs(60);

/// What a wait learns of.
#[derive(Debug, Clone, Copy)]
pub(super) enum News<'a> {
    /// The state as it is now.
    Now,
    /// An event that has been applied to it.
    Event(&'a Recorded),
    /// What language models are saying.
    Words(&'a [ModelWords]),
}

/// The first thing `wanted` finds, in the state as it is now or as it becomes. It also sees each event that leads there.
pub(super) async fn until<T>(
    client: &Client,
    mut wanted: impl FnMut(&State, Option<&Recorded>) -> Option<T>,
) -> Result<T, CliError> {
    until_hearing(client, |state, news| match news {
        News::Now => wanted(state, None),
        News::Event(recorded) => wanted(state, Some(recorded)),
        News::Words(_) => None,
    })
    .await
}

/// The same for one who also hears what language models say meanwhile.
pub(super) async fn until_hearing<T>(
    client: &Client,
    mut wanted: impl FnMut(&State, News<'_>) -> Option<T>,
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
                if let Some(found) = wanted(&state, News::Now) {
                    return Ok(found);
                }
            }
            Some(Update::Event(recorded)) if recorded.seq > state.seq => {
                apply(&mut state, &recorded);
                if let Some(found) = wanted(&state, News::Event(&recorded)) {
                    return Ok(found);
                }
            }
            Some(Update::Words(words)) => {
                if let Some(found) = wanted(&state, News::Words(&words)) {
                    return Ok(found);
                }
            }
            Some(Update::Back) => live = true,
            Some(
                Update::First(_)
                | Update::Event(_)
                | Update::Samples(_)
                | Update::Vitals(_)
                | Update::Heard(_)
                | Update::StillThere,
            ) => {}
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
