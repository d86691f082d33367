//! When a drill must stop: the host is short of something, or a service suffers that the fault cannot reach. Then it is nobody's
//! failure; the drill is aborted.

use std::{collections::BTreeSet, fs, path::Path, thread};

use super::draw::Drawn;
use crate::domain::{State, Status};

/// Processes that wait for each processor, over a minute, above which nothing is measured any more.
const LOAD: f64 = 16.0;
const LEAST_MEMORY_KIB: u64 = 192 << 10;
const LEAST_DISK: u64 = 96 << 20;

/// What is wrong with the host, if anything is.
pub(super) fn of_host(dir: &Path) -> Option<String> {
    Host::measured(dir).shortage(dir)
}

/// What the host has; none where it cannot be measured.
pub(super) struct Host {
    pub(super) processors: usize,
    /// Processes that run or wait for a processor, over a minute.
    pub(super) load: Option<f64>,
    pub(super) free_memory_kib: Option<u64>,
    /// Bytes that are left where the sandbox is.
    pub(super) free_disk: Option<u64>,
}

impl Host {
    pub(super) fn measured(dir: &Path) -> Self {
        let load = fs::read_to_string("/proc/loadavg").ok();
        Self {
            processors: thread::available_parallelism().map_or(1, std::num::NonZero::get),
            load: load.and_then(|text| text.split(' ').next()?.parse().ok()),
            free_memory_kib: free_memory_kib(),
            free_disk: rustix::fs::statvfs(dir).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        }
    }

    /// What it is short of. What cannot be measured is not taken for wrong.
    pub(super) fn shortage(&self, dir: &Path) -> Option<String> {
        let processors = self.processors;
        #[expect(clippy::cast_precision_loss, reason = "processors are few")]
        if let Some(load) = self.load.filter(|load| *load > LOAD * processors as f64) {
            return Some(format!("the load of this host is {load:.0} on {processors} processors"));
        }
        if let Some(free) = self.free_memory_kib.filter(|free| *free < LEAST_MEMORY_KIB) {
            return Some(format!("this host has {} MiB of memory left", free >> 10));
        }
        let free = self.free_disk.filter(|free| *free < LEAST_DISK)?;
        Some(format!("{} has {} MiB left", dir.display(), free >> 20))
    }
}

fn free_memory_kib() -> Option<u64> {
    let told = fs::read_to_string("/proc/meminfo").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The services that a drill may hurt: those hit, and all that stand on them.
pub(super) fn blast_radius(state: &State, drawn: &Drawn) -> BTreeSet<String> {
    let hit = drawn.faults.iter().map(|spec| spec.target.split(':').next().unwrap_or(&spec.target).to_owned());
    let hit: BTreeSet<String> = hit.chain(drawn.truth.decoy_services.iter().cloned()).collect();
    let beyond: Vec<String> = hit.iter().flat_map(|name| state.platform.dependants_of(name)).collect();
    hit.into_iter().chain(beyond).collect()
}

/// A service that fails although neither the fault reaches it nor anybody has worked on it.
pub(super) fn outside(
    state: &State,
    radius: &BTreeSet<String>,
    first_event_at: chrono::DateTime<chrono::Utc>,
) -> Option<String> {
    let touched: BTreeSet<&String> = state
        .recoveries
        .values()
        .filter(|recovery| recovery.started_at >= first_event_at)
        .flat_map(|recovery| &recovery.plan.services)
        .collect();
    let reached = |name: &str| {
        radius.contains(name)
            || touched
                .iter()
                .any(|one| *one == name || state.platform.dependants_of(one).iter().any(|next| next == name))
    };
    let failing = state.services.iter().find(|(name, health)| health.status == Status::Down && !reached(name));
    failing.map(|(name, health)| format!("{name} is down, which the fault cannot reach: {}", health.reason))
}
