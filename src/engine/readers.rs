//! Who follows which run of a runbook now: beside the journal, known for as long as somebody listens, and gone with the engine.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::EngineHandle;
use crate::domain::{Refusal, RunId};

/// Somebody who follows a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reader {
    /// Who.
    pub operator: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Everybody who follows a run, each at a seat with a number of its own, the earliest first.
#[derive(Clone)]
pub(super) struct Readers(watch::Sender<Arc<Vec<(u64, RunId, Reader)>>>);

impl Default for Readers {
    fn default() -> Self {
        Self(watch::Sender::new(Arc::default()))
    }
}

impl Readers {
    fn of(all: &[(u64, RunId, Reader)], run: RunId) -> Vec<Reader> {
        let mut found: Vec<Reader> = Vec::new();
        for (_, _, reader) in all.iter().filter(|(_, followed, _)| *followed == run) {
            // Who has two boards is one person.
            if found.iter().all(|known| known.operator != reader.operator) {
                found.push(reader.clone());
            }
        }
        found
    }
}

/// A place among those who follow a run; it is given up when this is dropped.
pub struct Seat {
    number: u64,
    run: RunId,
    readers: Readers,
    changes: watch::Receiver<Arc<Vec<(u64, RunId, Reader)>>>,
    told: Option<Vec<Reader>>,
}

impl Seat {
    /// Everybody who follows the run, as soon as that is not what was told before.
    pub async fn next(&mut self) -> Vec<Reader> {
        loop {
            let now = Readers::of(&self.changes.borrow_and_update(), self.run);
            if self.told.as_ref() != Some(&now) {
                self.told = Some(now.clone());
                return now;
            }
            if self.changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.readers.0.send_modify(|all| {
            let left = all.iter().filter(|(number, ..)| *number != self.number).cloned().collect();
            *all = Arc::new(left);
        });
    }
}

impl EngineHandle {
    /// Follows a run for an operator until the seat is dropped; everybody else who follows it sees that.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn read_along(&self, run: RunId, operator: &str) -> Result<Seat, Refusal> {
        self.state().run(run)?;
        let readers = self.walking.readers.clone();
        let reader = Reader { operator: operator.to_owned(), since: self.now() };
        let mut number = 0;
        readers.0.send_modify(|all| {
            number = all.iter().map(|(number, ..)| number + 1).max().unwrap_or_default();
            let mut now = all.to_vec();
            now.push((number, run, reader));
            *all = Arc::new(now);
        });
        let changes = readers.0.subscribe();
        Ok(Seat { number, run, readers, changes, told: None })
    }

    /// Everybody who follows a run now, the earliest first.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn readers(&self, run: RunId) -> Result<Vec<Reader>, Refusal> {
        self.state().run(run)?;
        Ok(Readers::of(&self.walking.readers.0.borrow(), run))
    }
}
