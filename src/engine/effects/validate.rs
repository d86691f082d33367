//! Looks whether a recovery has worked: at once as its last step, then in depth, then over the whole extended watch.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::warn;

use super::{Hands, blocking};
use crate::{
    domain::{Command, Criterion, ERRORS_ONE_IN, Phase, RESPONSE_MILLISECONDS, RecoveryId, State, failure},
    engine::watch::{Probed, probe},
    platform::{Check, CheckLevel, Reading, Sample, count},
    store::SampleStore,
};

/// Pause between two rounds.
const ROUND: Duration = Duration::from_millis(300);
/// Rounds in which everything has to succeed before services count as settled.
const SETTLED: u32 = 2;
/// Rounds in which criteria are measured after that.
const MEASURED: u32 = 5;
/// How long a phase may take.
const IN_DEPTH: Duration = Duration::from_secs(5 * 60);
/// Samples of one service that are read at the end of a watch at most.
const SAMPLES: usize = 50_000;

/// Carries out a phase after the recovery.
pub(super) async fn run(hands: &Hands, id: RecoveryId, phase: Phase) {
    let state = hands.engine.state();
    let Some(recovery) = state.recoveries.get(&id) else { return };
    let criteria = match phase {
        Phase::Immediate => return,
        Phase::Comprehensive => {
            let mut services = recovery.plan.services.clone();
            services.extend(recovery.plan.services.iter().flat_map(|name| state.platform.dependants_of(name)));
            services.sort();
            services.dedup();
            let checks = checks(&state, &services, true);
            match tokio::time::timeout(IN_DEPTH, round(hands, &checks)).await {
                Ok(samples) => criteria(&services, &samples),
                Err(_) => vec![late()],
            }
        }
        Phase::Watch => {
            let Some((ended, _)) = recovery.ended else { return };
            let (file, services) = (hands.engine.sample_file.clone(), recovery.plan.services.clone());
            let read = blocking(move || {
                let store = SampleStore::open(&file).map_err(|error| error.to_string())?;
                let of = |name: &String| store.recent(name, SAMPLES).map_err(|error| error.to_string());
                let samples = services.iter().map(of).collect::<Result<Vec<_>, _>>()?;
                Ok(samples.into_iter().flatten().filter(|sample| sample.at >= ended).collect::<Vec<_>>())
            });
            match read.await {
                Ok(samples) => over_time(&recovery.plan.services, &samples),
                Err(error) => return warn!(error, recovery = %id, "the watch could not be judged"),
            }
        }
    };
    if !hands.stop.is_cancelled() {
        hands.tell(Command::RecordValidation { recovery: id, phase, criteria }).await;
    }
}

/// Runs the quick checks until all have succeeded twice in a row.
pub(super) async fn settle(hands: &Hands, services: &[String], limit: Duration) -> Result<String, String> {
    let checks = checks(&hands.engine.state(), services, false);
    if checks.is_empty() {
        return Ok("no check is declared, so nothing could be validated".to_owned());
    }
    let begun = Instant::now();
    let mut passed = 0;
    loop {
        let samples = round(hands, &checks).await;
        match samples.iter().find(|sample| sample.reading == Reading::Bad) {
            None => {
                passed += 1;
                if passed == SETTLED {
                    let slowest = samples.iter().map(|sample| sample.latency.as_millis()).max().unwrap_or(0);
                    return Ok(format!("{} passed, the slowest in {slowest} ms", count(checks.len(), "check")));
                }
            }
            Some(bad) => {
                passed = 0;
                if begun.elapsed() >= limit {
                    let problem = format!("{} {}: {}", bad.service, bad.check, bad.detail);
                    return Err(format!("still failing after {} s: {problem}", limit.as_secs()));
                }
            }
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// The first phase: once the services have settled, the criteria are measured.
pub(super) async fn at_once(
    hands: &Hands,
    id: RecoveryId,
    services: &[String],
    limit: Duration,
) -> Result<String, String> {
    let settled = settle(hands, services, limit).await?;
    let checks = checks(&hands.engine.state(), services, false);
    let mut samples = Vec::new();
    for _ in 0..MEASURED {
        samples.extend(round(hands, &checks).await);
    }
    let criteria = criteria(services, &samples);
    let failed = failure(&criteria);
    hands.tell(Command::RecordValidation { recovery: id, phase: Phase::Immediate, criteria }).await;
    failed.map_or(Ok(settled), Err)
}

fn checks(state: &State, services: &[String], thorough: bool) -> Vec<Arc<Probed>> {
    let services = services.iter().filter_map(|name| state.platform.service(name));
    services
        .flat_map(|service| {
            let deep = move |check: &&Check| thorough || check.level != CheckLevel::Comprehensive;
            // A job beats at its next run, and an alert ends minutes later: neither says anything yet about what was just brought back.
            let asks = |check: &&Check| !check.probe.waits_to_be_told();
            let wanted = service.checks.iter().filter(deep).filter(asks);
            wanted.map(|check| Arc::new(Probed { service: service.name.clone(), check: check.clone() }))
        })
        .collect()
}

async fn round(hands: &Hands, checks: &[Arc<Probed>]) -> Vec<Sample> {
    let mut samples = Vec::with_capacity(checks.len());
    for probed in checks {
        samples.push(probe(&hands.prober, hands.clock.as_ref(), &hands.engine.redactor, probed).await);
    }
    samples
}

fn late() -> Criterion {
    Criterion {
        what: "all checks".to_owned(),
        wanted: format!("within {} min", IN_DEPTH.as_secs() / 60),
        found: "not over by then".to_owned(),
        passed: false,
        decides: true,
    }
}

/// Everything answers, and fast.
fn criteria(services: &[String], samples: &[Sample]) -> Vec<Criterion> {
    let of = |service: &String| samples.iter().filter(|sample| sample.service == *service).collect::<Vec<_>>();
    let mut criteria = Vec::new();
    for (service, samples) in services.iter().map(|name| (name, of(name))).filter(|(_, samples)| !samples.is_empty()) {
        let bad: Vec<&&Sample> = samples.iter().filter(|sample| sample.reading == Reading::Bad).collect();
        let found = match bad.first() {
            None => format!("{} of {}", samples.len(), samples.len()),
            Some(first) => format!("{} of {}: {}", samples.len() - bad.len(), samples.len(), first.detail),
        };
        let (what, wanted) = (format!("{service} passes its checks"), "all".to_owned());
        criteria.push(Criterion { what, wanted, found, passed: bad.is_empty(), decides: true });
        criteria.push(response(service, &samples));
    }
    criteria
}

/// Over a longer time a few failures are no outage; with few samples they cannot be told from one.
fn over_time(services: &[String], samples: &[Sample]) -> Vec<Criterion> {
    let mut criteria = Vec::new();
    for service in services {
        let own: Vec<&Sample> = samples.iter().filter(|sample| sample.service == *service).collect();
        if own.is_empty() {
            continue;
        }
        let bad = own.iter().filter(|sample| sample.reading == Reading::Bad).count() as u64;
        let all = own.len() as u64;
        criteria.push(Criterion {
            what: format!("{service} error rate"),
            wanted: format!("1 of {ERRORS_ONE_IN} checks at most"),
            found: format!("{bad} of {all}"),
            passed: bad * ERRORS_ONE_IN <= all,
            decides: all >= ERRORS_ONE_IN,
        });
        criteria.push(response(service, &own));
    }
    criteria
}

/// How long answers took; what is slow is told, and does not undo a recovery.
fn response(service: &str, samples: &[&Sample]) -> Criterion {
    let mut times: Vec<u64> =
        samples.iter().map(|sample| u64::try_from(sample.latency.as_millis()).unwrap_or(u64::MAX)).collect();
    times.sort_unstable();
    let place = (times.len() * 95).div_ceil(100).saturating_sub(1);
    let found = times.get(place).copied().unwrap_or(0);
    Criterion {
        what: format!("{service} responds"),
        wanted: format!("95 of 100 within {RESPONSE_MILLISECONDS} ms"),
        found: format!("{found} ms"),
        passed: found < RESPONSE_MILLISECONDS,
        decides: false,
    }
}
