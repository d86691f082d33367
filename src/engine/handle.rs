//! How the rest of the program speaks to the engine.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::{
    Answer, Asking, Clock, ModelWords, SubmitError,
    authority::Authority,
    collect::Collected,
    core::{Envelope, Outlets, Request},
    errors::Counted,
    evidence::{PlaceFigures, Reaching},
    factors::Factors,
    follow::Followed,
    library::Shelf,
    pace::{Pace, PaceFigures},
    people::TokenUses,
    runbooks::Walking,
    trial::Turn,
};
use crate::{
    checks::{Alerts, Heartbeats},
    diagnosis::Redactor,
    domain::{Actor, ChangeId, Command, Recorded, RecoveryId, Refusal, RollbackRequest, State, Vitals},
    platform::Sample,
    recovery::Following,
    store::{CheckMemory, CheckpointKey, CheckpointLine, journal::read_events},
    vault::Vault,
};

/// Speaks to a running engine; cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    pub(super) commands: mpsc::Sender<Request>,
    pub(super) outlets: Outlets,
    pub(super) vitals: Arc<RwLock<Vitals>>,
    pub(super) pace: Arc<Pace>,
    pub(super) followed: Followed,
    pub(super) counted: Counted,
    pub(super) collected: Arc<Collected>,
    pub(super) samples: broadcast::Sender<Arc<Vec<Sample>>>,
    pub(super) journal: PathBuf,
    pub(super) sample_file: PathBuf,
    pub(super) memory: Arc<CheckMemory>,
    pub(super) heartbeats: Arc<Heartbeats>,
    pub(super) alerts: Arc<Alerts>,
    pub(super) vault: Arc<Vault>,
    pub(super) work: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) factors: Arc<Factors>,
    pub(super) authority: Arc<Authority>,
    pub(super) token_uses: TokenUses,
    pub(super) key: Arc<CheckpointKey>,
    pub(super) checkpoints: watch::Sender<Option<Arc<CheckpointLine>>>,
    pub(super) reached: Arc<RwLock<BTreeMap<String, PlaceFigures>>>,
    pub(super) reaching: Reaching,
    pub(super) redactor: Arc<Redactor>,
    pub(super) words: watch::Sender<Arc<Vec<ModelWords>>>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) trial: Turn,
    pub(super) platform_file: PathBuf,
    pub(super) begun_requests: PathBuf,
    pub(super) reloads: watch::Sender<u64>,
    pub(super) walking: Arc<Walking>,
}

/// Why a question was not answered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// A rule said no, or the thing asked about does not exist.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

/// A plan to look at without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
#[expect(missing_docs, reason = "each field is the domain type of its name")]
pub enum DryRunRequest {
    /// Of a rollback that might be asked for.
    Rollback(RollbackRequest),
    /// Of an action that might be asked for.
    Action { service: String, action: String },
    /// Of a change that waits.
    Change { change: ChangeId },
    /// Of taking a recovery back.
    Undo { recovery: RecoveryId },
}

impl EngineHandle {
    /// Gives a command; the answer comes when its events are durable.
    ///
    /// # Errors
    /// When a rule refuses it or the journal cannot be written. Nothing has happened then.
    pub async fn submit(&self, command: Command, actor: Actor) -> Result<Answer, SubmitError> {
        self.submit_as(command, actor.into()).await
    }

    /// Gives a command with what was shown for it: a code of the second factor, or a token in place of a session.
    ///
    /// # Errors
    /// As [`EngineHandle::submit`]; also when the code is wrong, which is recorded.
    pub async fn submit_as(&self, command: Command, asking: Asking) -> Result<Answer, SubmitError> {
        let mut command = self.with_book(command).await?;
        // Nothing is decided by, and so nothing is kept of, what the redactor has not read.
        let removed = self.redactor.clean_all(command.texts_mut());
        let (reply, answer) = oneshot::channel();
        let request = Request::Command(Box::new(Envelope { command, asking, reply }));
        self.commands.send(request).await.map_err(|_| SubmitError::Stopping)?;
        let answer = answer.await.map_err(|_| SubmitError::Stopping)??;
        Ok(Answer { removed, ..answer })
    }

    /// Whether the loop takes commands; waits for its answer.
    pub async fn answers(&self) -> bool {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Request::Ping(reply)).await.is_ok() && answer.await.is_ok()
    }

    /// Signs the head of the journal now, where anything has happened since it last was, and gives the newest checkpoint.
    ///
    /// # Errors
    /// When the file of checkpoints cannot be written, or the engine is stopping.
    pub async fn checkpoint(&self) -> Result<Option<Arc<CheckpointLine>>, SubmitError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Request::Checkpoint(reply)).await.map_err(|_| SubmitError::Stopping)?;
        answer.await.map_err(|_| SubmitError::Stopping)?.map_err(SubmitError::Journal)?;
        Ok(self.checkpoints.borrow().clone())
    }

    /// Notes how far a place outside is.
    pub(super) fn told(&self, place: &str, figures: PlaceFigures) {
        self.reached.write().unwrap_or_else(PoisonError::into_inner).insert(place.to_owned(), figures);
    }

    /// The state now.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        match self.outlets.state.read() {
            Ok(state) => state.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// Where keys of requests that were begun are noted.
    #[must_use]
    pub fn begun_requests(&self) -> &Path {
        &self.begun_requests
    }

    /// The engine's clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Events from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Recorded>> {
        self.outlets.events.subscribe()
    }

    /// Results of checks from now on.
    #[must_use]
    pub fn subscribe_samples(&self) -> broadcast::Receiver<Arc<Vec<Sample>>> {
        self.samples.subscribe()
    }

    /// The latest figures of every service.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        match self.vitals.read() {
            Ok(vitals) => vitals.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// How well the watch keeps up; none before the first check.
    #[must_use]
    pub fn pace(&self) -> Option<PaceFigures> {
        self.pace.figures(tokio::time::Instant::now())
    }

    /// How far behind the received log of each component is that can be brought back to any time, by its name.
    #[must_use]
    pub fn followed(&self) -> BTreeMap<String, Following> {
        self.followed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Events after `since`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn events(&self, since: u64, limit: usize) -> Result<Vec<Recorded>, QueryError> {
        let path = self.journal.clone();
        tokio::task::spawn_blocking(move || read_events(&path, since, limit))
            .await
            .map_err(|error| QueryError::Failed(error.to_string()))?
            .map_err(|error| QueryError::Failed(error.to_string()))
    }
}
