//! Following a run of a runbook together with others.

use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::{
    Client,
    sse::Parser,
    updates::{LONGEST, SILENCE},
};
use crate::{domain::RunId, engine::Reader};

impl Client {
    /// Follows a run until nobody listens any more, and sends who else does, each time that changes; nobody, while that is not known.
    pub async fn read_along(&self, run: RunId, listener: mpsc::Sender<Vec<Reader>>) {
        loop {
            self.read_along_once(run, &listener).await;
            if listener.send(Vec::new()).await.is_err() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(LONGEST) => {}
                () = listener.closed() => return,
            }
        }
    }

    async fn read_along_once(&self, run: RunId, listener: &mpsc::Sender<Vec<Reader>>) {
        let Ok(response) = self.stream(&format!("/api/v1/runs/{run}/readers")).await else { return };
        let mut chunks = response.bytes_stream();
        let mut parser = Parser::default();
        loop {
            let chunk = tokio::select! {
                () = listener.closed() => return,
                chunk = tokio::time::timeout(SILENCE, chunks.next()) => chunk,
            };
            let Ok(Some(Ok(chunk))) = chunk else { return };
            let Ok(messages) = parser.take(&chunk) else { return };
            for message in messages.iter().filter(|message| message.event == "readers") {
                let Ok(readers) = serde_json::from_str(&message.data) else { return };
                if listener.send(readers).await.is_err() {
                    return;
                }
            }
        }
    }
}
