//! Holds a drill: commits to what will be broken, leads astray, breaks it, watches until it is well again or the time is over,
//! takes everything back, and tells what it was about.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    future::Future,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use super::{
    draw::Drawn,
    file::{Decoy, FaultSpec},
    guard,
    responder::{self, Play},
    watcher::Watcher,
};
use crate::{
    client::{Client, ClientError},
    domain::{
        ChangeState, Command, DrillClaim, DrillId, DrillMode, DrillOutcome, DrillReveal, DrillTold, Event, Refusal,
        State, Status, WritesFound, commitment,
    },
    sandbox::{
        SandboxError, WriteLedger,
        heal::heal,
        inject::inject,
        layout::Layout,
        ledger::ledger,
        status::{faults, status},
    },
};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(400);
/// How much longer than the drill a fault may last, when nobody is left to take it back.
const GRACE: Duration = Duration::from_secs(120);
const LONGEST_LEASE: Duration = Duration::from_secs(30 * 60);
/// How long services have to be well again after everything was taken back.
const TO_SETTLE: Duration = Duration::from_secs(45);
/// Lines that a decoy writes.
const NOISE_LINES: u32 = 20;

/// What is needed to hold a drill.
pub struct Holding {
    /// The engine, as whoever holds it.
    pub client: Client,
    /// The sandbox that the engine watches.
    pub sandbox: PathBuf,
    /// What is done.
    pub drawn: Drawn,
    /// How much people are told.
    pub mode: DrillMode,
    /// Who is asked to take part; empty: whoever is there.
    pub team: BTreeSet<String>,
    /// Who plays to be away.
    pub away: BTreeSet<String>,
    /// The safety lever: as long as this file is there no drill begins, and one that runs stops.
    pub lever: PathBuf,
    /// Who plays the people, where there are none.
    pub play: Option<Play>,
}

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub drill: DrillId,
    /// How.
    pub outcome: DrillOutcome,
    /// Why.
    pub reason: String,
}

/// What came of the time in which people worked.
struct Course {
    outcome: DrillOutcome,
    reason: String,
    injected_at: Option<DateTime<Utc>>,
    cured_at: Option<DateTime<Utc>>,
}

/// Holds a drill to its end. It is aborted when `stop` is over, and whenever a guard says so; faults are taken back always.
///
/// # Errors
/// When a rule refuses it, the sandbox is not as it should be before, or the engine is lost meanwhile.
pub async fn hold(
    holding: Holding,
    now: impl Fn() -> DateTime<Utc> + Send + Sync,
    tell: impl Fn(&str),
    stop: impl Future<Output = ()>,
) -> Result<Held, ClientError> {
    released(&holding.lever)?;
    let mut watcher = Watcher::new(holding.client.clone()).await?;
    let dir = holding.sandbox.clone();
    let before = blocking(move || {
        if let Some(fault) = faults(&Layout::open(&dir)?)?.first() {
            let reason = format!("{} is there already; heal first", fault.record.fault.name());
            return Err(SandboxError::Limit { reason });
        }
        match guard::of_host(&dir) {
            Some(reason) => Err(SandboxError::Limit { reason }),
            None => ledger(&dir),
        }
    })
    .await?;
    let nonce = hex::encode(rand::random::<[u8; 32]>());
    let start = Command::StartDrill {
        mode: holding.mode,
        told: Box::new(DrillTold::of(holding.mode, &holding.drawn.truth)),
        limit_seconds: holding.drawn.limit.as_secs(),
        team: holding.team.clone(),
        away: holding.away.clone(),
        commitment: commitment(&nonce, &holding.drawn.truth),
        unattended: holding.play.is_some(),
    };
    let answer = holding.client.submit(&start).await?;
    let drill = answer.events.iter().find_map(|one| match &one.event {
        Event::DrillStarted { drill, .. } => Some(*drill),
        _ => None,
    });
    let drill = drill.ok_or_else(|| ClientError::Failed("the engine did not begin the drill".to_owned()))?;
    tell(&format!("{drill} runs; stop it with: codeblue drill abort {drill} --reason WHY"));
    let (injected, is_injected) = watch::channel(false);
    let playing = holding.play.map(|play| {
        tokio::spawn(responder::play(play, holding.client.clone(), holding.drawn.truth.clone(), drill, is_injected))
    });
    let course = {
        let course = run(&holding, &mut watcher, drill, &injected, &now);
        tokio::pin!(course, stop);
        tokio::select! {
            course = &mut course => course,
            () = &mut stop => {
                let reason = "whoever holds it stopped it".to_owned();
                Ok(Course { outcome: DrillOutcome::Aborted, reason, injected_at: None, cured_at: None })
            }
        }
    };
    if let Some(playing) = playing {
        playing.abort();
    }
    // Whatever went wrong, what was broken is taken back.
    let stopped_at = now();
    let cured = course.as_ref().is_ok_and(|course| course.cured_at.is_some() || holding.drawn.faults.is_empty());
    let dir = holding.sandbox.clone();
    let (writes, residue) = blocking(move || {
        // Before anything is taken back, as that puts back what was lost, and loses what was written since.
        let after = cured.then(|| ledger(&dir)).transpose();
        heal(&dir)?;
        let writes = after?.map(|after| writes(&before, &after)).unwrap_or_default();
        Ok((writes, residue(&dir)?))
    })
    .await?;
    let course = course?;
    watcher.look().await?;
    end(holding, &mut watcher, drill, Ending { course, nonce, stopped_at, writes, residue }).await
}

struct Ending {
    course: Course,
    nonce: String,
    stopped_at: DateTime<Utc>,
    writes: WritesFound,
    residue: Vec<String>,
}

/// Tells the engine how it ended, unless it knows already, and clears away what the drill proposed.
async fn end(holding: Holding, watcher: &mut Watcher, drill: DrillId, ending: Ending) -> Result<Held, ClientError> {
    let held = watcher.state.drill(drill)?.clone();
    if let Some(ended) = held.ended {
        return Ok(Held { drill, outcome: ended.outcome, reason: ended.reason });
    }
    let Ending { course, nonce, stopped_at, writes, residue } = ending;
    let (injected_at, cured_at) = (course.injected_at, course.cured_at);
    let truth = holding.drawn.truth;
    let reveal = DrillReveal { nonce, truth, injected_at, cured_at, stopped_at, writes, residue };
    let command = Command::EndDrill {
        drill,
        outcome: course.outcome,
        reason: course.reason.chars().take(400).collect(),
        reveal: Some(Arc::new(reveal)),
    };
    let answer = holding.client.submit(&command).await?;
    let told = answer.events.iter().find_map(|one| match &one.event {
        Event::DrillEnded { outcome, reason, .. } => Some((*outcome, reason.clone())),
        _ => None,
    });
    let open = |state: ChangeState| matches!(state, ChangeState::Pending | ChangeState::Approved);
    let left = watcher.state.changes.values().filter(|change| open(change.state));
    for change in left.filter(|change| change.submitted_at >= held.started_at).map(|change| change.id) {
        let reason = format!("{drill} is over");
        // Who wrote it withdraws it; one of the two is refused.
        let reject = Command::RejectChange { change, reason: reason.clone() };
        if holding.client.submit(&reject).await.is_err() {
            let _ = holding.client.submit(&Command::WithdrawChange { change, reason }).await;
        }
    }
    let (outcome, reason) = told.unwrap_or((course.outcome, course.reason));
    Ok(Held { drill, outcome, reason })
}

fn released(lever: &Path) -> Result<(), ClientError> {
    match lever.exists() {
        true => Err(Refusal::new("drill-lever", format!("the safety lever {} is engaged", lever.display()))
            .hint("no drill begins until its owner removes that file")
            .into()),
        false => Ok(()),
    }
}

async fn run(
    holding: &Holding,
    watcher: &mut Watcher,
    drill: DrillId,
    injected: &watch::Sender<bool>,
    now: &(impl Fn() -> DateTime<Utc> + Send + Sync),
) -> Result<Course, ClientError> {
    let (drawn, started_at) = (&holding.drawn, now());
    let not_started =
        |reason: String| Course { outcome: DrillOutcome::NotStarted, reason, injected_at: None, cured_at: None };
    for decoy in &drawn.decoys {
        if let Err(error) = lead_astray(holding, watcher, decoy, now()).await {
            return Ok(not_started(format!("the decoy {decoy} failed: {error}")));
        }
    }
    tokio::time::sleep(drawn.quiet).await;
    let injected_at = (!drawn.faults.is_empty()).then(now);
    let mut ids = BTreeSet::new();
    for spec in &drawn.faults {
        match break_it(holding, spec, now()).await {
            Ok(id) => drop(ids.insert(id)),
            Err(error) => return Ok(not_started(format!("{spec} could not be injected: {error}"))),
        }
    }
    let _ = injected.send(true);
    let mut course = Course { outcome: DrillOutcome::Completed, reason: String::new(), injected_at, cured_at: None };
    let radius = guard::blast_radius(&watcher.state, drawn);
    let limit = TimeDelta::from_std(drawn.limit).unwrap_or(TimeDelta::MAX);
    let bake = TimeDelta::seconds(drawn.truth.bake_seconds.cast_signed() + 1);
    let mut well_since = None;
    loop {
        tokio::time::sleep(EVERY).await;
        watcher.look().await?;
        let state = &watcher.state;
        let held = state.drill(drill)?;
        if let Some(ended) = &held.ended {
            return Ok(Course { outcome: ended.outcome, reason: ended.reason.clone(), ..course });
        }
        if let Some((_, actor, reason)) = &held.aborted {
            return Ok(Course { outcome: DrillOutcome::Aborted, reason: format!("{actor}: {reason}"), ..course });
        }
        let guard = holding.lever.exists().then(|| "the safety lever was engaged".to_owned());
        let guard = guard.or_else(|| guard::of_host(&holding.sandbox));
        if let Some(reason) = guard.or_else(|| guard::outside(state, &radius, started_at)) {
            return Ok(Course { outcome: DrillOutcome::Aborted, reason, ..course });
        }
        let (dir, own) = (holding.sandbox.clone(), ids.clone());
        let in_force = blocking(move || {
            let all = faults(&Layout::open(&dir)?)?;
            Ok(all.iter().any(|fault| fault.in_force && own.contains(&fault.record.id)))
        })
        .await?;
        match (in_force, injected_at) {
            (true, _) => course.cured_at = None,
            (false, Some(_)) => drop(course.cured_at.get_or_insert_with(now)),
            (false, None) => {}
        }
        let claimed = held.answers.iter().any(|answer| answer.claim == DrillClaim::NothingBroken);
        let is_over = is_well(state, drawn) && (course.cured_at.is_some() || (drawn.faults.is_empty() && claimed));
        well_since = is_over.then(|| well_since.unwrap_or_else(now));
        if well_since.is_some_and(|since| now() - since >= bake) {
            let reason =
                if drawn.faults.is_empty() { "people saw that nothing was broken" } else { "it is well again" };
            return Ok(Course { reason: reason.to_owned(), ..course });
        }
        if now() - started_at >= limit {
            return Ok(Course { reason: "its time was over".to_owned(), ..course });
        }
    }
}

/// Whether the drill has left nothing to do: what decoys did aside.
fn is_well(state: &State, drawn: &Drawn) -> bool {
    let decoy = |name: &String| drawn.truth.decoy_services.contains(name);
    let well = state
        .services
        .iter()
        .all(|(name, health)| decoy(name) || !matches!(health.status, Status::Down | Status::Degraded));
    let open = state.open_incidents().any(|incident| !incident.services.iter().all(decoy));
    well && !open && state.running_recoveries().next().is_none()
}

async fn lead_astray(
    holding: &Holding,
    watcher: &Watcher,
    decoy: &Decoy,
    now: DateTime<Utc>,
) -> Result<(), ClientError> {
    match decoy {
        Decoy::Fault(spec) => break_it(holding, spec, now).await.map(drop),
        Decoy::Deployment(component) => {
            let version = format!("d{}", now.timestamp());
            let command = Command::RecordDeployment { component: component.clone(), version, note: String::new() };
            holding.client.submit(&command).await.map(drop)
        }
        Decoy::Noise(service) => {
            let log = watcher.state.platform.service(service).and_then(|service| service.logs.first()).cloned();
            let Some(log) = log else { return Ok(()) };
            let failed = |error: std::io::Error| ClientError::Failed(format!("{}: {error}", log.display()));
            let mut file = OpenOptions::new().append(true).open(&log).map_err(failed)?;
            for number in 0..NOISE_LINES {
                let at = now.to_rfc3339();
                writeln!(file, "{at} ERROR export {number} to the archive failed, will be tried again")
                    .map_err(failed)?;
            }
            Ok(())
        }
    }
}

async fn break_it(holding: &Holding, spec: &FaultSpec, now: DateTime<Utc>) -> Result<String, ClientError> {
    let (dir, spec) = (holding.sandbox.clone(), spec.clone());
    let lease = (holding.drawn.limit + GRACE).min(LONGEST_LEASE);
    blocking(move || inject(&dir, spec.fault, Some(&spec.target), lease, now).map(|record| record.id)).await
}

/// What was lost since: what was lost before belongs to somebody else.
fn writes(before: &WriteLedger, after: &WriteLedger) -> WritesFound {
    let known =
        |list: &[crate::sandbox::AcknowledgedWrite], request: &str| list.iter().any(|one| one.request == request);
    let lost: Vec<_> = after.lost.iter().filter(|one| !known(&before.lost, &one.request)).collect();
    let doubled = after.doubled.iter().filter(|one| !known(&before.doubled, &one.request)).count();
    let span = match (lost.first(), lost.last()) {
        (Some(first), Some(last)) => (last.at - first.at).num_seconds().max(0),
        _ => 0,
    };
    WritesFound {
        lost: lost.len() as u64,
        doubled: doubled as u64,
        lost_span_seconds: u64::try_from(span).unwrap_or_default(),
    }
}

/// What a drill left behind although everything was taken back.
fn residue(dir: &Path) -> Result<Vec<String>, SandboxError> {
    let until = std::time::Instant::now() + TO_SETTLE;
    loop {
        let found = status(dir)?;
        let left =
            found.faults.iter().map(|fault| format!("{} on {}", fault.record.fault.name(), fault.record.service));
        let ill = found.services.iter().filter(|service| !service.healthy);
        let ill = ill.map(|service| format!("{}: {}", service.name, service.problem.as_deref().unwrap_or("not well")));
        let residue: Vec<String> = left.chain(ill).collect();
        if residue.is_empty() || std::time::Instant::now() > until {
            return Ok(residue);
        }
        std::thread::sleep(EVERY);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, ClientError> {
    let failed = |error: String| ClientError::Failed(error);
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| failed(error.to_string()))?;
    done.map_err(|error| failed(error.to_string()))
}
