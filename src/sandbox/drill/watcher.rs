//! The engine as whoever holds a drill, or plays in one, sees it: a copy of its state that follows its events.

use crate::{
    client::{Client, ClientError},
    domain::{Event, State, apply},
};

/// Events that are asked for at once.
const PAGE: usize = 500;

pub(super) struct Watcher {
    pub(super) client: Client,
    pub(super) state: State,
}

impl Watcher {
    pub(super) async fn new(client: Client) -> Result<Self, ClientError> {
        let state = client.state().await?;
        Ok(Self { client, state })
    }

    /// Reads what has happened since.
    pub(super) async fn look(&mut self) -> Result<(), ClientError> {
        loop {
            let news = self.client.events(self.state.seq, PAGE).await?;
            let last = news.len() < PAGE;
            for recorded in news {
                // Texts are gone that this copy still has.
                if matches!(recorded.event, Event::PayloadsPurged { .. }) {
                    self.state = self.client.state().await?;
                    break;
                }
                apply(&mut self.state, &recorded);
            }
            if last {
                return Ok(());
            }
        }
    }
}
