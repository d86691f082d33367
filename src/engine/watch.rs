//! Watching the services: runs every check on its interval, keeps the samples, and reports changed judgements.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    sync::{Semaphore, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{EngineHandle, clock::Clock};
use crate::{
    checks::Prober,
    diagnosis::Redactor,
    domain::{Actor, BreakerCounter, Command, Judge, Status},
    platform::{Check, Measure, Platform, Probe, Sample},
    store::{Keep, SampleStore},
};

/// Checks that run at the same time at most. Where a network is cut, each holds its place until its deadline, and those
/// that could be answered must not wait behind them.
const CHECKS_AT_ONCE: usize = 1024;
/// How often collected samples are handed to screens and to the store.
const FLUSH: Duration = Duration::from_millis(250);
/// How often samples and rollups are removed that are too old or too many.
const PRUNE: TimeDelta = TimeDelta::minutes(10);

/// A check and the service it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Probed {
    pub(super) service: String,
    pub(super) check: Check,
}

/// Runs one check and gives its sample.
pub(super) async fn probe(prober: &Prober, clock: &dyn Clock, redactor: &Redactor, probed: &Probed) -> Sample {
    let at = clock.now();
    // Only the host's own clock is judged by what it says; everything else by a time that never goes back.
    let now = if matches!(probed.check.probe, Probe::Clock(_)) { clock.of_host() } else { at };
    let outcome = prober.probe_at(&probed.check, now).await;
    Sample {
        service: probed.service.clone(),
        check: probed.check.name.clone(),
        level: probed.check.level,
        at,
        reading: outcome.result,
        latency: outcome.latency,
        detail: redactor.line(&outcome.detail),
        measured: probed
            .check
            .probe
            .quantity()
            .zip(outcome.figure)
            .map(|(quantity, value)| Measure { quantity, value }),
    }
}

/// Starts every check when its time comes, spread over its interval so that they do not come in a burst.
pub(super) async fn schedule(
    engine: EngineHandle,
    platform: Arc<Platform>,
    prober: Arc<Prober>,
    samples: mpsc::Sender<(Arc<Probed>, Sample)>,
    stop: CancellationToken,
) {
    let all: Vec<Arc<Probed>> = platform
        .services
        .iter()
        .flat_map(|service| {
            service.checks.iter().map(|check| Arc::new(Probed { service: service.name.clone(), check: check.clone() }))
        })
        .collect();
    let slots = Arc::new(Semaphore::new(checks_at_once()));
    let start = Instant::now();
    let mut queue: BinaryHeap<Reverse<(Instant, usize)>> = all
        .iter()
        .enumerate()
        .map(|(index, probed)| {
            // The first round comes quickly, so that a fresh board soon knows everything.
            let spread = probed.check.every.min(Duration::from_secs(5));
            Reverse((start + spread.mul_f64(rand::rng().random::<f64>()), index))
        })
        .collect();
    while let Some(Reverse((at, index))) = queue.pop() {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(at) => {}
        }
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        engine.pace.take(at, Instant::now());
        let probed = all[index].clone();
        let jitter = 0.95 + 0.1 * rand::rng().random::<f64>();
        let next = (at + probed.check.every.mul_f64(jitter)).max(Instant::now());
        queue.push(Reverse((next, index)));
        if !prober.can_tell(&probed.check, engine.clock.now()) {
            continue;
        }
        let (prober, clock, samples, stop) = (prober.clone(), engine.clock.clone(), samples.clone(), stop.clone());
        let redactor = engine.redactor.clone();
        tokio::spawn(async move {
            let sample = tokio::select! {
                () = stop.cancelled() => return,
                sample = probe(&prober, clock.as_ref(), &redactor, &probed) => sample,
            };
            // Who takes results in too slowly holds up new checks, not memory.
            let _ = samples.send((probed, sample)).await;
            drop(slot);
        });
    }
}

/// How many checks may run at the same time: each holds a connection, so at most half of the files this process may open,
/// which is raised first as far as the system allows.
fn checks_at_once() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(4 * CHECKS_AT_ONCE as u64);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), ..limit };
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.current = Some(wanted),
            Err(cause) => warn!(%cause, "the number of files that may be open could not be raised"),
        }
    }
    let files = limit.current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    (files / 2).clamp(16, CHECKS_AT_ONCE)
}

/// Takes samples in: judges them, folds them into the vitals, and hands them on in small batches.
pub(super) async fn intake(
    engine: EngineHandle,
    store: mpsc::Sender<Arc<Vec<Sample>>>,
    mut samples: mpsc::Receiver<(Arc<Probed>, Sample)>,
    stop: CancellationToken,
) {
    let mut judges: HashMap<String, Judge> = HashMap::new();
    let mut counters: HashMap<String, BreakerCounter> = HashMap::new();
    let mut batch = Vec::new();
    let mut flush = tokio::time::interval(FLUSH);
    flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            received = samples.recv() => {
                let Some((probed, sample)) = received else { return };
                // A diagnosis that the judgement asks for looks at what it was judged by.
                engine.collected.checked(&sample);
                match engine.vitals.write() {
                    Ok(mut vitals) => vitals.take(sample.clone()),
                    Err(poisoned) => poisoned.into_inner().take(sample.clone()),
                }
                judge(&engine, &mut judges, &probed.check, &sample).await;
                count(&engine, &mut counters, &probed.check, &sample).await;
                batch.push(sample);
            }
            _ = flush.tick(), if !batch.is_empty() => {
                let batch = Arc::new(std::mem::take(&mut batch));
                let _ = engine.samples.send(batch.clone());
                if store.try_send(batch).is_err() {
                    warn!("the sample store does not keep up; some samples are not kept");
                }
            }
        }
    }
}

async fn judge(engine: &EngineHandle, judges: &mut HashMap<String, Judge>, check: &Check, sample: &Sample) {
    let state = engine.state();
    let Some(known) = state.services.get(&sample.service).map(|health| health.status) else { return };
    let judge = judges.entry(sample.service.clone()).or_insert_with(|| {
        let checks = state.platform.service(&sample.service).map(|service| service.checks.as_slice());
        // Who never gave a heartbeat, and who never sent an alert, has told nothing bad that could stand.
        let heard = |check: &&Check| match check.probe {
            Probe::Heartbeat { .. } => engine.heartbeats.has_heard(&sample.service),
            Probe::Alert(_) => engine.alerts.has_heard(),
            _ => true,
        };
        Judge::new(&sample.service, known).expecting(checks.unwrap_or_default().iter().filter(heard))
    });
    judge.assume(&state);
    if let Some(verdict) = judge.observe(check, sample)
        && known != Status::Maintenance
        && let Err(cause) = engine.submit(Command::RecordVerdict(verdict), Actor::Engine).await
    {
        error!(%cause, service = sample.service, "verdict");
    }
}

async fn count(engine: &EngineHandle, counters: &mut HashMap<String, BreakerCounter>, check: &Check, sample: &Sample) {
    let state = engine.state();
    let counter = counters.entry(sample.service.clone()).or_default();
    if let Some(change) = counter.observe(&state, check, sample)
        && let Err(cause) = engine.submit(change, Actor::Engine).await
    {
        error!(%cause, service = sample.service, "breaker");
    }
}

/// Keeps samples on disk with what is held true of their services, and rolls them up; on a thread of its own, as SQLite
/// blocks.
pub(super) fn keep_samples(
    engine: &EngineHandle,
    mut store: SampleStore,
    clock: &dyn Clock,
    mut batches: mpsc::Receiver<Arc<Vec<Sample>>>,
) {
    let mut last_pruned = DateTime::<Utc>::MIN_UTC;
    while let Some(batch) = batches.blocking_recv() {
        let state = engine.state();
        let judged = |service: &str| state.services.get(service).map_or(Status::Unknown, |health| health.status);
        let patience = |service: &str| state.platform.service(service)?.allowed_silence();
        let now = clock.now();
        let kept = store.append(&batch, judged).and_then(|()| store.roll_up(now, patience));
        if let Err(cause) = kept {
            warn!(%cause, "samples");
        }
        if now - last_pruned >= PRUNE {
            last_pruned = now;
            if let Err(cause) = store.prune(now, &Keep::default()) {
                warn!(%cause, "samples");
            }
        }
    }
}
