//! What a sandbox looks like at this moment.

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;

use super::{
    SandboxError, ask, catalogue,
    fault::{self, FaultRecord},
    heal,
    layout::Layout,
    process::{self, ProcessState},
    supervisor,
};

const TO_ANSWER: Duration = Duration::from_secs(2);

/// A sandbox, its services and its faults.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxStatus {
    /// Random, made with the directory.
    pub id: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Whether a supervisor answers.
    pub up: bool,
    /// In the order of the catalogue.
    pub services: Vec<ServiceStatus>,
    /// Oldest first.
    pub faults: Vec<FaultStatus>,
    /// What the clinicians experienced so far: requests, failures, the last failure, the 95th percentile of their waits.
    pub clinicians: Option<Value>,
}

/// One service.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Its name.
    pub name: &'static str,
    /// What its process does.
    pub process: ProcessState,
    /// Its process, when there is one.
    pub pid: Option<u32>,
    /// Where it listens, when it runs.
    pub port: Option<u16>,
    /// What it serves, when it runs.
    pub version: Option<String>,
    /// Whether it did its real work just now.
    pub healthy: bool,
    /// Why not.
    pub problem: Option<String>,
}

/// One fault.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultStatus {
    /// What was done, to whom, until when.
    #[serde(flatten)]
    pub record: FaultRecord,
    /// Whether it still has an effect.
    pub in_force: bool,
}

/// Looks at a sandbox; each service is asked to do its real work once. Blocks for two seconds when services do not answer.
///
/// # Errors
/// When the directory is no sandbox or cannot be read.
pub fn status(dir: &Path) -> Result<SandboxStatus, SandboxError> {
    let layout = Layout::open(dir)?;
    let services: Vec<ServiceStatus> = thread::scope(|scope| {
        let layout = &layout;
        let asked: Vec<_> =
            catalogue::SERVICES.iter().map(|service| scope.spawn(|| look_at(layout, service.name))).collect();
        asked.into_iter().filter_map(|asked| asked.join().ok()).collect::<Result<_, _>>()
    })?;
    let faults = faults(&layout)?;
    let clinicians = process::running(&layout, catalogue::CLINICIANS)?
        .and_then(|entry| ask::get(entry.port, "/ledger", TO_ANSWER).ok())
        .map(|answer| answer.body);
    Ok(SandboxStatus {
        id: layout.marker.id.clone(),
        dir: layout.dir().to_owned(),
        up: supervisor::is_up(&layout),
        services,
        faults,
        clinicians,
    })
}

/// The faults of a sandbox, oldest first.
pub(super) fn faults(layout: &Layout) -> Result<Vec<FaultStatus>, SandboxError> {
    let told = |record| Ok(FaultStatus { in_force: heal::in_force(layout, &record)?, record });
    fault::records(layout)?.into_iter().map(told).collect()
}

fn look_at(layout: &Layout, name: &'static str) -> Result<ServiceStatus, SandboxError> {
    let Some(entry) = process::running(layout, name)? else {
        return Ok(ServiceStatus {
            name,
            process: ProcessState::Gone,
            pid: None,
            port: None,
            version: None,
            healthy: false,
            problem: Some("it does not run".to_owned()),
        });
    };
    let problem = match ask::get(entry.port, "/deep", TO_ANSWER) {
        Ok(answer) if answer.status == 200 => None,
        Ok(answer) => Some(match answer.body["error"].as_str() {
            Some(error) => error.to_owned(),
            None => format!("it answers with status {}", answer.status),
        }),
        Err(error) => Some(format!("it does not answer: {error}")),
    };
    Ok(ServiceStatus {
        name,
        process: entry.process.state(),
        pid: Some(entry.process.pid),
        port: Some(entry.port),
        version: Some(entry.version),
        healthy: problem.is_none(),
        problem,
    })
}
