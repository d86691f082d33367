//! What language models say while they say it, for whoever watches: beside the journal, and gone when the diagnosis has ended.

use std::sync::Arc;

use tokio::sync::watch;

use super::{EngineHandle, ModelWords};
use crate::domain::DiagnosisId;

impl EngineHandle {
    /// What language models are saying about the diagnoses that run, and whenever they go on.
    #[must_use]
    pub fn subscribe_words(&self) -> watch::Receiver<Arc<Vec<ModelWords>>> {
        self.words.subscribe()
    }

    /// Takes in how far a model has come.
    pub(super) fn hear(&self, words: ModelWords) {
        self.words.send_modify(|all| {
            let mut now: Vec<ModelWords> =
                all.iter().filter(|other| other.diagnosis != words.diagnosis).cloned().collect();
            now.push(words);
            *all = Arc::new(now);
        });
    }

    /// Nothing more is said about a diagnosis.
    pub(super) fn forget_words(&self, diagnosis: DiagnosisId) {
        self.words.send_if_modified(|all| {
            let before = all.len();
            *all = Arc::new(all.iter().filter(|words| words.diagnosis != diagnosis).cloned().collect());
            all.len() < before
        });
    }
}
