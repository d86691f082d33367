//! What can be asked about the evidence: how well it is secured, proofs, and what a purge would delete.

use std::{collections::BTreeSet, sync::PoisonError};

use super::{PlaceFigures, seal::OWN_FILE};
use crate::{
    domain::{Named, PURGE_LIMIT, Refusal, may_purge},
    engine::{CheckpointFigures, EngineHandle, EvidenceFigures, PlaceState, PurgePreview, QueryError},
    store::{
        ConsistencyProof, ProofError, consistency_proof, events_with_text, first_signed, prove_event, read_purgeable,
    },
};

/// A shorter text stands in many events by chance.
const TELLING: usize = 8;

impl EngineHandle {
    /// How well the record is secured.
    ///
    /// # Errors
    /// When the file of checkpoints cannot be read.
    pub async fn evidence(&self) -> Result<EvidenceFigures, QueryError> {
        let journal = self.journal.clone();
        let since = blocking(move || first_signed(&journal).map_err(ProofError::from)).await?;
        let state = self.state();
        let reached = self.reached.read().unwrap_or_else(PoisonError::into_inner).clone();
        let place = |place: String| {
            let reached: Option<PlaceFigures> = reached.get(&place).cloned();
            let outage = state.evidence.outages.get(&place).cloned();
            PlaceState { place, reached, outage }
        };
        let care = &state.platform.evidence;
        let newest = self.checkpoints.borrow().clone();
        Ok(EvidenceFigures {
            origin: state.engine.origin.clone(),
            key: self.key.public().openssh(),
            since,
            checkpoint: newest.map(|line| CheckpointFigures { seq: line.seq, at: line.at }),
            outage: state.evidence.outages.get(OWN_FILE).cloned(),
            lost: state.evidence.lost.clone(),
            exports: care.export.iter().map(|export| place(export.to_string())).collect(),
            witnesses: care.witness.iter().map(|witness| place(witness.to_string())).collect(),
        })
    }

    /// The proof that an event is in the journal, as a text for somebody else.
    ///
    /// # Errors
    /// When there is no such event.
    pub async fn prove(&self, seq: u64) -> Result<String, QueryError> {
        if self.checkpoints.borrow().as_ref().is_none_or(|newest| newest.seq < seq) {
            self.checkpoint().await.map_err(|error| QueryError::Failed(error.to_string()))?;
        }
        let journal = self.journal.clone();
        blocking(move || prove_event(&journal, seq)).await
    }

    /// The proof that the journal of `new` events goes on from the one of `old`.
    ///
    /// # Errors
    /// When the journal never had so many events.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<ConsistencyProof, QueryError> {
        let journal = self.journal.clone();
        blocking(move || consistency_proof(&journal, old, new)).await
    }

    /// What purging the texts of these events would delete.
    ///
    /// # Errors
    /// When one of them is no event, or there are too many.
    pub async fn purge_preview(&self, seqs: Vec<u64>) -> Result<Vec<PurgePreview>, QueryError> {
        if seqs.len() > PURGE_LIMIT {
            let message = format!("1 to {PURGE_LIMIT} events are purged at once");
            return Err(Refusal::new("purge-length", message).hint("purge them in several turns").into());
        }
        let (journal, state) = (self.journal.clone(), self.state());
        blocking(move || {
            let found = read_purgeable(&journal, &seqs)?;
            let seqs: BTreeSet<u64> = seqs.into_iter().collect();
            if let Some(missing) = seqs.iter().find(|seq| found.iter().all(|found| found.recorded.seq != **seq)) {
                return Err(ProofError::NoEvent(*missing));
            }
            let mut previews = Vec::new();
            for found in found {
                let mut also_in = BTreeSet::new();
                for text in found.texts.values().filter(|text| text.chars().count() >= TELLING) {
                    also_in.extend(events_with_text(&journal, text)?);
                }
                previews.push(PurgePreview {
                    seq: found.recorded.seq,
                    at: found.recorded.at,
                    refused: may_purge(&state, &found).err(),
                    summary: found.recorded.event.summary(),
                    actor: found.recorded.actor,
                    texts: found.texts,
                    also_in: also_in.difference(&seqs).copied().collect(),
                });
            }
            Ok(previews)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProofError> + Send + 'static,
) -> Result<T, QueryError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(ProofError::NoEvent(seq))) => Err(Refusal::unknown(Named::Event, seq).into()),
        Ok(Err(other)) => Err(QueryError::Failed(other.to_string())),
        Err(panicked) => Err(QueryError::Failed(format!("internal error: {panicked}"))),
    }
}
