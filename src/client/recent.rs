//! The recent state, and what is older than that: asked for one by one.

use reqwest::Method;

use super::{Client, ClientError, connection::ANSWER};
use crate::domain::{Incident, IncidentId, Snapshot, SnapshotId, State};

impl Client {
    /// The state now without what is old, for somebody who looks at it.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn recent_state(&self) -> Result<State, ClientError> {
        let mut state: State = self.get_long("/api/v1/state?recent=true").await?;
        // An older engine has sent everything.
        state.let_go_of_old();
        Ok(state)
    }

    /// A snapshot, however old it is.
    ///
    /// # Errors
    /// As every question: see [`ClientError`]; also when there is none.
    pub async fn snapshot(&self, id: SnapshotId) -> Result<Snapshot, ClientError> {
        self.get(&format!("/api/emergency/backups/{id}")).await
    }

    /// The snapshots of a component from before another one, the newest first, at most `limit`.
    ///
    /// # Errors
    /// As every question: see [`ClientError`].
    pub async fn older_snapshots(
        &self,
        component: &str,
        before: SnapshotId,
        limit: usize,
    ) -> Result<Vec<Snapshot>, ClientError> {
        let asked = [("component", component.to_owned()), ("after", before.to_string()), ("limit", limit.to_string())];
        let request = self.request(Method::GET, "/api/emergency/backups").query(&asked).timeout(ANSWER);
        self.answer(request).await
    }

    /// An incident with its whole timeline, however old it is.
    ///
    /// # Errors
    /// As every question: see [`ClientError`]; also when there is none.
    pub async fn incident(&self, id: IncidentId) -> Result<Incident, ClientError> {
        self.get(&format!("/api/emergency/incidents/{id}")).await
    }
}
