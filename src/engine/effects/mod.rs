//! Effects: work in the outside world that follows from events. One file per effect; each reports its outcome as a
//! command, and each can be started again after a crash at any point.

mod child;
mod diagnose;
pub(super) mod prove;
mod prune;
mod recover;
mod replicate;
mod run_step;
mod snapshot;
mod validate;

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info};

use super::{EngineHandle, SubmitError, clock::Clock};
use crate::{
    checks::Prober,
    diagnosis::model::Mind,
    domain::{Actor, Command, Effect, Refusal},
    vault::{CancelFlag, Vault},
};

/// What effects work with.
#[derive(Clone)]
pub(super) struct Hands {
    pub(super) engine: EngineHandle,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) prober: Arc<Prober>,
    pub(super) vault: Arc<Vault>,
    pub(super) work: PathBuf,
    pub(super) stop: CancellationToken,
    pub(super) cancel: CancelFlag,
    pub(super) captures: Turns,
    pub(super) halt: PathBuf,
    /// The language model that is asked for a second opinion.
    pub(super) mind: Option<Arc<Mind>>,
}

/// Captures of one component share a place for their working copy, so they take turns; others do not wait for them.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    async fn take(&self, component: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = lock(&self.0).entry(component.to_owned()).or_default().clone();
        turn.lock_owned().await
    }
}

impl Hands {
    /// Reports an outcome. A journal that cannot be written is tried again until it can, or the engine stops: what was
    /// done in the world is not forgotten because a disk was full for a while.
    async fn report(&self, command: Command) -> Result<(), Refusal> {
        loop {
            match self.engine.submit(command.clone(), Actor::Engine).await {
                Ok(_) => return Ok(()),
                Err(SubmitError::Refused(refusal)) => return Err(refusal),
                Err(SubmitError::Stopping) => std::future::pending().await,
                Err(SubmitError::Journal(cause)) => {
                    error!(cause, "an outcome waits for the journal");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }

    /// Reports an outcome that a rule may have overtaken.
    async fn tell(&self, command: Command) {
        if let Err(refusal) = self.report(command).await {
            info!(%refusal, "outcome not needed any more");
        }
    }
}

/// Runs `work` on a thread where it may block; a panic there is an error like any other.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => Err(format!("internal error: {panicked}")),
    }
}

/// Starts effects as they come, each once at a time.
pub(super) async fn run(hands: Hands, mut effects: mpsc::UnboundedReceiver<Effect>, tasks: TaskTracker) {
    let running: Arc<Mutex<HashSet<Effect>>> = Arc::default();
    loop {
        let effect = tokio::select! {
            () = hands.stop.cancelled() => return,
            effect = effects.recv() => match effect {
                Some(effect) => effect,
                None => return,
            },
        };
        if !lock(&running).insert(effect) {
            continue;
        }
        let (hands, running) = (hands.clone(), running.clone());
        tasks.spawn(async move {
            match effect {
                Effect::Diagnose(id) => diagnose::run(&hands, id).await,
                Effect::TakeSnapshot(id) => snapshot::run(&hands, id).await,
                Effect::Prove(id, proof) => prove::run(&hands, id, proof).await,
                Effect::PruneVault => prune::run(&hands).await,
                Effect::Validate(id, phase) => validate::run(&hands, id, phase).await,
                Effect::RepairVault => replicate::repair(&hands).await,
                Effect::Replicate => replicate::run(&hands).await,
                Effect::RunRecovery(id) => recover::run(&hands, id).await,
                Effect::RunStep(id, turn) => run_step::run(&hands, id, turn).await,
            }
            lock(&running).remove(&effect);
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
}
