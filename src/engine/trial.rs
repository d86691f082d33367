//! A test of the whole system: each check once beside its schedule, what each component holds, the vault, the journal.

use std::{sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use super::{
    EngineHandle, QueryError,
    queries::blocking,
    watch::{Probed, probe},
};
use crate::{
    checks::Prober,
    domain::Refusal,
    platform::{Reading, count},
    store::verify_file,
};

/// Checks that run at the same time at most.
const AT_ONCE: usize = 32;

/// What a test of the whole system has found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemTrial {
    /// Whether every part has passed.
    pub passed: bool,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What was tested: checks, components, the vault, the journal.
    pub parts: Vec<TrialPart>,
}

/// One part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrialPart {
    /// What kind of thing was tested.
    pub kind: TrialKind,
    /// Which of them; for a check, the service and its name.
    pub name: String,
    /// Whether it is right.
    pub passed: bool,
    /// How long that took, in seconds; none where several were looked at together.
    pub seconds: Option<f64>,
    /// What was found, in one line.
    pub detail: String,
}

/// What is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialKind {
    /// A check of a service.
    Check,
    /// What is live of a component.
    Component,
    /// The vault, and that it holds what the journal says.
    Vault,
    /// The chain and the checkpoints of the journal.
    Journal,
}

impl EngineHandle {
    /// Tests the whole system once. Nothing is judged or recorded by what it finds.
    ///
    /// # Errors
    /// `test-under-way` while another one runs; when a working directory cannot be used.
    pub async fn try_system(&self) -> Result<SystemTrial, QueryError> {
        let _turn = self.trial.try_lock().map_err(|_| {
            Refusal::new("test-under-way", "the system is being tested already")
                .hint("ask again when that is over, in a minute or two")
        })?;
        let (at, begun) = (self.now(), Instant::now());
        let mut parts = self.try_checks().await;
        parts.extend(self.verify_live().await?.into_iter().map(|proof| TrialPart {
            kind: TrialKind::Component,
            name: proof.component,
            passed: proof.problem.is_none(),
            seconds: None,
            detail: proof.problem.unwrap_or_else(|| "what is live is whole".to_owned()),
        }));
        parts.push(self.try_vault().await?);
        parts.push(self.try_journal().await?);
        let passed = parts.iter().all(|part| part.passed);
        Ok(SystemTrial { passed, at, seconds: begun.elapsed().as_secs_f64(), parts })
    }

    /// With a prober of its own: what checks remember from one run to the next is the schedule's.
    async fn try_checks(&self) -> Vec<TrialPart> {
        let prober = Prober::apart(self.heartbeats.clone(), self.alerts.clone());
        let state = self.state();
        let all = state.platform.services.iter().flat_map(|service| {
            service.checks.iter().map(|check| Probed { service: service.name.clone(), check: check.clone() })
        });
        let all: Vec<Probed> = all.filter(|probed| prober.can_tell(&probed.check, self.now())).collect();
        let prober = &prober;
        let run = |probed: Probed| async move {
            let sample = probe(prober, self.clock.as_ref(), &self.redactor, &probed).await;
            let detail = match sample.reading {
                Reading::Good => sample.detail,
                Reading::Slow => format!("slow: {}", sample.detail),
                Reading::Bad => format!("failed: {}", sample.detail),
            };
            TrialPart {
                kind: TrialKind::Check,
                name: format!("{} {}", probed.service, probed.check.name),
                passed: sample.reading != Reading::Bad,
                seconds: Some(sample.latency.as_secs_f64()),
                detail,
            }
        };
        stream::iter(all.into_iter().map(run)).buffered(AT_ONCE).collect().await
    }

    async fn try_vault(&self) -> Result<TrialPart, QueryError> {
        let (vault, state, begun) = (self.vault.clone(), self.state(), Instant::now());
        blocking(move || {
            let found = vault.list().map_err(|error| error.to_string()).and_then(|listing| {
                if let Some(unreadable) = listing.unreadable.first() {
                    return Err(format!(
                        "{} cannot be read: {unreadable}",
                        count(listing.unreadable.len(), "snapshot")
                    ));
                }
                let there = |id: &String| listing.snapshots.iter().any(|found| found.id == *id);
                let recorded = state.snapshots.values().flat_map(|snapshot| &snapshot.captured);
                match recorded.clone().filter(|captured| !there(&captured.vault_id)).count() {
                    0 => Ok(format!("opens and holds all {} on record", count(recorded.count(), "capture"))),
                    missing => Err(format!("{} on record not in it", count(missing, "capture"))),
                }
            });
            Ok(part(TrialKind::Vault, "vault", found, begun))
        })
        .await
    }

    async fn try_journal(&self) -> Result<TrialPart, QueryError> {
        let (journal, begun) = (self.journal.clone(), Instant::now());
        blocking(move || {
            let found = match verify_file(&journal) {
                Ok(found) => match found.problem {
                    None => Ok(format!(
                        "{} in an unbroken chain",
                        count(usize::try_from(found.events).unwrap_or(usize::MAX), "event")
                    )),
                    Some(problem) => Err(format!("event {}: {}", problem.seq, problem.detail)),
                },
                Err(error) => Err(error.to_string()),
            };
            Ok(part(TrialKind::Journal, "journal", found, begun))
        })
        .await
    }
}

fn part(kind: TrialKind, name: &str, found: Result<String, String>, begun: Instant) -> TrialPart {
    let passed = found.is_ok();
    let (Ok(detail) | Err(detail)) = found;
    TrialPart { kind, name: name.to_owned(), passed, seconds: Some(begun.elapsed().as_secs_f64()), detail }
}

/// One test at a time.
pub(super) type Turn = Arc<tokio::sync::Mutex<()>>;
